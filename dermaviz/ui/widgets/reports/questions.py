"""Widget: what a report asks — each question with our runs' answer, its rows as a chart, their differences, the verdict."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from dermaviz.figures.reruns import differences_figure, rows_figure
from dermaviz.reproduction.claims.answers import Answers, DifferenceAnswer, QuestionAnswer
from dermaviz.reproduction.claims.sentences import metric_words, signed
from dermaviz.ui.reports.questions import (
    charted,
    command,
    difference_table,
    differences_sentence,
    one_pair,
    row_table,
    rows_sentence,
    run_differences,
    run_rows,
    tally_sentence,
    titled,
    verdict_words,
)
from dermaviz.ui.reports.verdicts import COLOURS
from dermaviz.ui.widgets.chart import ink, show_chart
from dermaviz.ui.widgets.table import show_table

_MOST_NUMBERS = 3


def show_questions(folder: str, answered: Answers) -> None:
    """Choose one of the questions of a report, by its folder's name, and see what the finished runs answer."""
    offered = {question.name: question for question in answered.questions_of(folder)}
    if not offered:
        st.info(f"No run has answered anything yet: `{command(folder)}`.", icon=":material/info:")
        return
    st.markdown(tally_sentence(offered.values()))
    asking, saying = st.columns([5, 8], gap="large")
    with asking:
        name = st.radio(
            "Question", tuple(offered), format_func=lambda key: offered[key].asks, key=f"asked_{folder}",
            captions=[verdict_words(question.verdict) for question in offered.values()], bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        question = offered[name]
        _show_answer(question)
    with saying:
        st.subheader(question.asks, anchor=False)
        if run_rows(question):
            _show_charts(question)
        else:
            st.markdown("None of its rows has been rerun yet. Do it with")
            st.code(command(folder), language="sh")


def _show_answer(question: QuestionAnswer) -> None:
    """What the report says, what our runs say, the verdict and why."""
    if question.says:
        st.markdown(f"**The report**: {question.says}")
    st.markdown(f"**Our runs**: {question.sentence}")
    colour = COLOURS.get(question.verdict, "gray")
    st.markdown(f":{colour}-badge[{verdict_words(question.verdict)}] {question.why}")
    if question.note:
        st.caption(question.note)


def _show_numbers(differences: tuple[DifferenceAnswer, ...]) -> None:
    """The first figures of the only pair, large."""
    shown = differences[:_MOST_NUMBERS]
    for column, found in zip(st.columns(max(len(shown), 1)), shown, strict=False):
        ends = "no interval" if math.isnan(found.low) else f"95%: {signed(found.low)} to {signed(found.high)}"
        column.metric(
            titled(metric_words(found.metric, found.label)), signed(found.value), ends, delta_color="off",
            delta_arrow="off", border=True,
        )  # fmt: skip


def _show_charts(question: QuestionAnswer) -> None:
    """A single pair's differences in large, the rows with their seeds, the differences beside 0, and the tables of both."""
    if one_pair(question):
        _show_numbers(charted(question))
    name = f"{question.report}-{question.name}"
    metric, rows = metric_words(question.metric, question.label), row_table(question)
    figure = rows_figure(rows, f"{titled(metric)}, 0 to 1", constant_name="always the same answer", ink=ink())
    show_chart(figure, f"rows {name}", rows_sentence(question))
    if differences := charted(question):
        table = difference_table(differences)
        if one_pair(question):
            title, table["label"] = table["label"].iloc[0], table["metric"].map(titled)
        else:
            title = f"difference in {metric}"
        figure = differences_figure(table, title, ink=ink())
        show_chart(figure, f"differences {name}", differences_sentence(question))
    show_table(_told(rows), f"{name}-rows", f"rows {name}", "The table of the rows")
    if run_differences(question):
        show_table(
            _told(difference_table(run_differences(question))), f"{name}-differences", f"differences {name}",
            "The table of all differences",
        )  # fmt: skip


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """The seeds' values in words, as tables show them."""
    word = signed if "trainings" in table else "{:.3f}".format
    words = [", ".join(map(word, values)) for values in table["by_seed"]]
    return table.assign(by_seed=words).rename(columns={"by_seed": "each seed"})
