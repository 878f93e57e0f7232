"""One report: its claims beside ours, what it asks and our runs answer, one run, and the checks of its own figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from dermaviz.app.frame import show_open_tab
from dermaviz.app.reports.claims import badge, show_claims, show_statements
from dermaviz.app.reports.results import Page, Question, Report, read_page, table_of
from dermaviz.app.reports.runs import show_run
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.plots.reports import beside_figure, rows_figure

_OUTCOMES = {"does not hold": "Does not hold", "cannot be said": "Cannot be said", "holds": "Holds"}


def show_report() -> None:
    """Choose a report and see it."""
    page = read_page()
    reports = {report.name: report for report in page.reports}
    asking, saying = st.columns([6, 7], gap="large")
    with asking:
        name = st.selectbox(
            "Report", reports, format_func=lambda key: reports[key].label, key="report", bind="query-params"
        )
        report = reports[name]
        st.markdown(f"**{report.title}** · {report.authors}")
        st.markdown("\n".join(f"- {line}" for line in report.did))
    with saying:
        st.header("What became of its claims?", anchor=False)
        if note := report.note or page.stale:
            st.info(note, icon=":material/info:")
        if report.verdicts and not page.stale:
            table = table_of(report.verdicts).rename(columns={"means": "which means"})
            st.table(table, border="horizontal", hide_index=True)
        st.markdown(report.checks)
    show_open_tab(_LOOKS, "look", page, report)


def _show_beside(page: Page, report: Report) -> None:
    """The chart of a figure, then figure by figure and statement by statement."""
    if page.stale:
        st.info(page.stale, icon=":material/info:")
        return
    charts = {chart.label: chart for chart in report.charts}
    chart = charts[st.selectbox("Figure", charts, key=f"charted_{report.name}", bind="query-params")]
    table = table_of(chart.rows)
    show_chart(beside_figure(table, title=chart.title, ink=ink()), "runs", chart.told)
    show_table(table, chart.file, "runs")
    st.subheader("Figure by figure", anchor=False)
    st.markdown(report.figures_told)
    table = table_of(report.figures)
    results = table[table.pop("of_a_run")]
    show_claims(results.drop(columns="report"), f"{report.name}-beside", page)
    st.subheader("Statement by statement", anchor=False)
    st.markdown(report.statements_told)
    show_statements(report.statements)


def _show_questions(page: Page, report: Report) -> None:
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
        st.markdown(f"**We measured**: {question.measured}")
        st.markdown(f"{badge(question.verdict)} {question.judged}")
        if question.note:
            st.caption(question.note)
        with st.expander("In full"):
            st.markdown(f"{question.sentence} {question.why}")
    with saying:
        st.subheader(question.asks, anchor=False)
        if question.rows:
            _show_answer(question, f"{report.folder}-{question.name}")
        else:
            st.markdown("None of its rows has been rerun yet. Do it with")
            st.code(command, language="sh")


def _show_answer(question: Question, name: str) -> None:
    """A single pair's differences in large, the rows with their seeds, the differences beside 0, and the tables of both."""
    assert question.rows is not None
    if question.numbers:
        for column, number in zip(st.columns(len(question.numbers)), question.numbers, strict=True):
            column.metric(
                number["label"], number["value"], number["ends"], delta_color="off", delta_arrow="off", border=True
            )
    rows = table_of(question.rows.rows)
    show_chart(rows_figure(rows, question.rows.title, ink=ink()), f"rows {name}", question.rows.told)
    if drawn := question.differences:
        figure = rows_figure(table_of(drawn.rows), drawn.title, change=True, ink=ink())
        show_chart(figure, f"differences {name}", drawn.told)
    seeds = rows.pop("by_seed").map(lambda values: ", ".join(f"{value:.3f}" for value in values))
    show_table(rows.assign(**{"each seed": seeds}), f"{name}-rows", f"rows {name}", "The table of the rows")
    if question.every_difference:
        table = table_of(question.every_difference)
        show_table(table, f"{name}-differences", f"differences {name}", "The table of all differences")


def _show_findings(_page: Page, report: Report) -> None:
    """The checks with one outcome, by kind, each in its sentence."""
    st.markdown(report.checks)
    outcome = st.segmented_control(
        "Checks", tuple(_OUTCOMES), default="does not hold", required=True, key="outcome", bind="query-params",
        format_func=_OUTCOMES.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    found = report.findings[outcome]
    for place, (kind, lines) in enumerate(found.items()):
        with st.expander(f"{kind[0].upper()}{kind[1:]}: {len(lines)}", expanded=place == 0):
            st.markdown("\n".join(f"- {line}" for line in lines))
    if not found:
        st.markdown("None.")


_LOOKS: Mapping[str, Callable[[Page, Report], None]] = MappingProxyType(
    {
        "Beside ours": _show_beside,
        "What it asks": _show_questions,
        "One run": lambda _, report: show_run(report.folder),
        "Its own figures": _show_findings,
    }
)
