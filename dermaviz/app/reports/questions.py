"""TODO docstring dermaviz.app.reports.questions"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import pandas as pd
import streamlit as st

from dermaviz.app.reports.verdicts import COLOURS
from dermaviz.app.widgets.chart import ink, show_chart, show_table
from dermaviz.plots.reports import differences_figure, rows_figure
from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    NO_VERDICT,
    OTHER_WAY,
    PAIR_NOT_RUN,
    VERDICTS,
    Answers,
    DifferenceAnswer,
    QuestionAnswer,
    RowAnswer,
    Verdict,
)
from studies.five_reports.claims.sentences import metric_words, signed, trainings

UNANSWERED = "the report claims nothing"
"""In place of a verdict, where the report says nothing that a run could bear out."""
_INTERVALS = "Intervals: 95%, from resampling whole lesions. They hold the chance of the photos, not that of training"
_CLAIMED = {AS_CLAIMED: "as claimed", OTHER_WAY: "the other way", CANNOT_BE_TOLD: "cannot be told"}
_UNCLAIMED = {AS_CLAIMED: "above 0", OTHER_WAY: "below 0", CANNOT_BE_TOLD: "not to be told from 0"}
"""What findings are called where the report claims an order, and where it claims none."""


def verdict_words(verdict: Verdict) -> str:
    """A question's verdict as lists show it."""
    return verdict or UNANSWERED


def tally_sentence(asked: Iterable[QuestionAnswer]) -> str:
    """How many questions there are, and how many of each verdict, as Markdown."""
    counts = Counter(question.verdict for question in asked)
    total = counts.total()
    named = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    named += [f"{counts[NO_VERDICT]} on which {UNANSWERED}"] if counts[NO_VERDICT] else []
    return (
        f"**{total} question{'s' if total != 1 else ''}**, put to models that we trained ourselves: {', '.join(named)}."
    )


def run_rows(question: QuestionAnswer) -> tuple[RowAnswer, ...]:
    """The rows that have been rerun."""
    return tuple(row for row in question.rows if row.seeds)


def missing_rows(question: QuestionAnswer) -> tuple[str, ...]:
    """The rows that have not."""
    return tuple(row.label for row in question.rows if not row.seeds)


def row_table(question: QuestionAnswer) -> pd.DataFrame:
    """A row for each rerun row, as ``figures.reruns.rows_figure`` draws them."""
    return pd.DataFrame(
        [
            {
                "label": row.label, "value": row.value, "low": row.low, "high": row.high, "constant": row.constant,
                "n": row.n, "lesions": row.lesions, "seeds": len(row.seeds), "by_seed": row.by_seed, "row": row.row,
            }
            for row in run_rows(question)
        ]
    )  # fmt: skip


def run_differences(question: QuestionAnswer) -> tuple[DifferenceAnswer, ...]:
    """The differences of rows that have both been rerun."""
    return tuple(found for found in question.differences if found.finding != PAIR_NOT_RUN)


def charted(question: QuestionAnswer) -> tuple[DifferenceAnswer, ...]:
    """The differences that are drawn: of one pair those in all metrics, of several pairs those in the first metric."""
    known = run_differences(question)
    if one_pair(question):
        return known
    return tuple(found for found in known if (found.metric, found.label) == (question.metric, question.label))


def one_pair(question: QuestionAnswer) -> bool:
    """Whether a question sets a single pair of rows against each other."""
    return len({(found.better, found.worse) for found in question.differences}) == 1


def difference_table(differences: Iterable[DifferenceAnswer]) -> pd.DataFrame:
    """A row for each difference, as ``figures.reruns.differences_figure`` draws them."""
    return pd.DataFrame(
        [
            {
                "label": f"{found.better_label} minus {found.worse_label}",
                "metric": metric_words(found.metric, found.label),
                "value": found.value, "low": found.low, "high": found.high, "finding": found.finding,
                "trainings": trainings(found), "by_seed": found.by_seed,
                "paired": found.paired, "seeds alone": found.spread,
            }
            for found in differences
        ]
    )  # fmt: skip


def rows_sentence(question: QuestionAnswer) -> str:
    """What the chart of the rows shows, as Markdown."""
    rows = [row for row in run_rows(question) if not math.isnan(row.value)]
    absent = ", ".join(missing_rows(question))
    trained_again = any(len(row.seeds) > 1 for row in rows)
    ending = f" Not yet run: {absent}." if absent else ""
    ending += f" {_INTERVALS}{': for it, look at how far the seeds lie apart' if trained_again else ''}."
    if not rows:
        return f"The photos are too few for this figure.{ending}"
    best, worst = max(rows, key=lambda row: row.value), min(rows, key=lambda row: row.value)
    said = f"{titled(metric_words(question.metric, question.label))}: **{best.value:.3f}** for {best.label}"
    said += f", **{worst.value:.3f}** for {worst.label}" if best is not worst else ""
    counts = " and ".join(f"{n:,}" for n in sorted({row.n for row in rows}))
    above = sum(row.low > row.constant for row in rows)
    return (
        f"{said}, on {counts} test photos. {above} of {len(rows)} lie above the constant answer with all of their "
        f"interval.{ending}"
    )


def differences_sentence(question: QuestionAnswer) -> str:
    """What the chart of the differences shows, as Markdown."""
    differences = charted(question)
    words = _CLAIMED if question.says else _UNCLAIMED
    counts = Counter(found.finding for found in differences)
    named = ", ".join(f"**{counts[finding]} {word}**" for finding, word in words.items() if counts[finding])
    widest = max(differences, key=lambda found: abs(found.value))
    return (
        f"{len(differences)} difference{'s' if len(differences) != 1 else ''}: {named}. "
        f"The largest: {metric_words(widest.metric, widest.label)} {signed(widest.value)}, {widest.better_label} minus "
        f"{widest.worse_label}; {trainings(widest)}."
    )


def titled(words: str) -> str:
    """As a sentence begins."""
    return words[0].upper() + words[1:]


def command(folder: str) -> str:
    """What reruns the rows of a report, by its folder's name."""
    return f"dermaviz reproduce {folder} --data FOLDER"


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
