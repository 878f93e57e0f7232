"""What a report asks, and what our runs answer: the verdict, the rows with their seeds, and the differences between them."""

from __future__ import annotations

import streamlit as st

from dermaviz.app.reports.claims import COLOURS
from dermaviz.app.reports.results import Page, Question, Report, table_of
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.plots.reports import differences_figure, rows_figure


def show_questions(page: Page, report: Report) -> None:
    """Choose one of the questions of a report, and see what the finished runs answer."""
    command = f"dermaviz reproduce {report.folder} --data FOLDER"
    offered = {question.name: question for question in report.questions}
    if page.stale or report.note or not offered:
        st.info(page.stale or f"No run has answered anything yet: `{command}`.", icon=":material/info:")
        return
    st.markdown(report.questions_told)
    asking, saying = st.columns([5, 8], gap="large")
    with asking:
        name = st.radio(
            "Question", tuple(offered), format_func=lambda key: offered[key].asks, key=f"asked_{report.folder}",
            captions=[question.verdict for question in offered.values()], bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        question = offered[name]
        if question.says:
            st.markdown(f"**The report**: {question.says}")
        st.markdown(f"**Our runs**: {question.sentence}")
        st.markdown(f":{COLOURS.get(question.verdict, 'gray')}-badge[{question.verdict}] {question.why}")
        if question.note:
            st.caption(question.note)
    with saying:
        st.subheader(question.asks, anchor=False)
        if question.rows:
            _show_charts(question, f"{report.folder}-{question.name}")
        else:
            st.markdown("None of its rows has been rerun yet. Do it with")
            st.code(command, language="sh")


def _show_charts(question: Question, name: str) -> None:
    """A single pair's differences in large, the rows with their seeds, the differences beside 0, and the tables of both."""
    assert question.rows is not None
    if question.numbers:
        for column, number in zip(st.columns(len(question.numbers)), question.numbers, strict=True):
            column.metric(
                number["label"], number["value"], number["ends"], delta_color="off", delta_arrow="off", border=True
            )
    rows = table_of(question.rows.rows)
    figure = rows_figure(rows, question.rows.title, constant_name="always the same answer", ink=ink())
    show_chart(figure, f"rows {name}", question.rows.told)
    if drawn := question.differences:
        figure = differences_figure(table_of(drawn.rows), drawn.title, ink=ink())
        show_chart(figure, f"differences {name}", drawn.told)
    seeds = rows["by_seed"].map(lambda values: ", ".join(f"{value:.3f}" for value in values))
    table = rows.assign(by_seed=seeds).rename(columns={"by_seed": "each seed"})
    show_table(table, f"{name}-rows", f"rows {name}", "The table of the rows")
    if question.every_difference:
        table = table_of(question.every_difference)
        show_table(table, f"{name}-differences", f"differences {name}", "The table of all differences")
