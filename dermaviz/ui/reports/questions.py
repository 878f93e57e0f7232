"""What each report asks, as the page tells it: the tables behind a question's two charts, and a sentence for each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from dermaviz.reproduction.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    NO_VERDICT,
    OTHER_WAY,
    PAIR_NOT_RUN,
    VERDICTS,
    DifferenceAnswer,
    QuestionAnswer,
    RowAnswer,
    Verdict,
)
from dermaviz.reproduction.claims.sentences import metric_words, signed, trainings

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
