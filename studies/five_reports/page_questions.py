"""The questions of a report as the page shows them: their charts as rows, and what those show in a sentence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    NO_VERDICT,
    OTHER_WAY,
    PAIR_NOT_RUN,
    VERDICTS,
    DifferenceAnswer,
    QuestionAnswer,
    RowAnswer,
)
from studies.five_reports.claims.sentences import metric_words, signed, trainings

Row = dict[str, Any]

UNANSWERED = "the report claims nothing"
"""In place of a verdict on a question, where the report says nothing that a run could bear out."""
_INTERVALS = "Intervals: 95%, from resampling whole lesions. They hold the chance of the photos, not that of training"
_CLAIMED = {AS_CLAIMED: "as claimed", OTHER_WAY: "the other way", CANNOT_BE_TOLD: "cannot be told"}
_UNCLAIMED = {AS_CLAIMED: "above 0", OTHER_WAY: "below 0", CANNOT_BE_TOLD: "not to be told from 0"}
"""What findings are called where the report claims an order, and where it claims none."""
_MOST_NUMBERS = 3
"""Of a single pair, so many differences are shown in large figures."""


def questions_sentence(asked: Sequence[QuestionAnswer]) -> str:
    """How many questions there are, and how many of each verdict, as Markdown."""
    counts = Counter(question.verdict for question in asked)
    total = counts.total()
    told = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    told += [f"{counts[NO_VERDICT]} on which {UNANSWERED}"] if counts[NO_VERDICT] else []
    return (
        f"**{total} question{'s' if total != 1 else ''}**, put to models that we trained ourselves: {', '.join(told)}."
    )


def question_page(question: QuestionAnswer) -> Row:
    """A question with its answer, its charts, and the numbers of a single pair."""
    charted, rows = charted_differences(question), row_rows(question)
    metric = metric_words(question.metric, question.label)
    shown = charted[:_MOST_NUMBERS] if is_of_one_pair(question) else ()
    return {
        **{name: getattr(question, name) for name in ("name", "asks", "says", "sentence", "why", "note")},
        "verdict": question.verdict or UNANSWERED,
        "numbers": [_number(found) for found in shown] if rows else [],
        "rows": {"title": f"{titled(metric)}, 0 to 1", "rows": rows, "told": rows_sentence(question)} if rows else None,
        "differences": _chart_of_differences(question, charted, metric) if rows and charted else None,
        "every_difference": _told(difference_rows(run_differences(question))) if rows else [],
    }


def _told(rows: Sequence[Row]) -> list[Row]:
    """Rows in which the values of the seeds are words."""
    words = [", ".join(map(signed, row["by_seed"])) for row in rows]
    return [
        {"each seed" if key == "by_seed" else key: told if key == "by_seed" else value for key, value in row.items()}
        for row, told in zip(rows, words, strict=True)
    ]


def _number(found: DifferenceAnswer) -> Row:
    ends = "no interval" if math.isnan(found.low) else f"95%: {signed(found.low)} to {signed(found.high)}"
    return {"label": titled(metric_words(found.metric, found.label)), "value": signed(found.value), "ends": ends}


def _chart_of_differences(question: QuestionAnswer, charted: Sequence[DifferenceAnswer], metric: str) -> Row:
    """Of one pair a row for each metric, of several pairs a row for each of them."""
    rows, title = difference_rows(charted), f"difference in {metric}"
    if is_of_one_pair(question):
        title = rows[0]["label"]
        rows = [{**row, "label": titled(row["metric"])} for row in rows]
    return {"title": title, "rows": rows, "told": differences_sentence(question)}


def row_rows(question: QuestionAnswer) -> list[Row]:
    """A row for each rerun row, as ``plots.reports.rows_figure`` draws them."""
    return [
        {
            "label": row.label, "value": row.value, "low": row.low, "high": row.high, "constant": row.constant,
            "n": row.n, "lesions": row.lesions, "seeds": len(row.seeds), "by_seed": row.by_seed, "row": row.row,
        }
        for row in _run(question)
    ]  # fmt: skip


def _run(question: QuestionAnswer) -> list[RowAnswer]:
    """The rows that have been rerun."""
    return [row for row in question.rows if row.seeds]


def run_differences(question: QuestionAnswer) -> tuple[DifferenceAnswer, ...]:
    """The differences of rows that have both been rerun."""
    return tuple(found for found in question.differences if found.finding != PAIR_NOT_RUN)


def charted_differences(question: QuestionAnswer) -> tuple[DifferenceAnswer, ...]:
    """The differences that are drawn: of one pair those in all metrics, of several pairs those in the first metric."""
    known = run_differences(question)
    if is_of_one_pair(question):
        return known
    return tuple(found for found in known if (found.metric, found.label) == (question.metric, question.label))


def is_of_one_pair(question: QuestionAnswer) -> bool:
    """Whether a question sets a single pair of rows against each other."""
    return len({(found.better, found.worse) for found in question.differences}) == 1


def difference_rows(differences: Iterable[DifferenceAnswer]) -> list[Row]:
    """A row for each difference, as ``plots.reports.rows_figure`` draws them."""
    return [
        {
            "label": f"{found.better_label} minus {found.worse_label}",
            "metric": metric_words(found.metric, found.label),
            "value": found.value, "low": found.low, "high": found.high, "finding": found.finding,
            "trainings": trainings(found), "by_seed": found.by_seed,
            "paired": found.paired, "seeds alone": found.spread,
        }
        for found in differences
    ]  # fmt: skip


def rows_sentence(question: QuestionAnswer) -> str:
    """What the chart of the rows shows, as Markdown."""
    rows = [row for row in _run(question) if not math.isnan(row.value)]
    absent = ", ".join(row.label for row in question.rows if not row.seeds)
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
    differences = charted_differences(question)
    words = _CLAIMED if question.says else _UNCLAIMED
    counts = Counter(found.finding for found in differences)
    told = ", ".join(f"**{counts[finding]} {word}**" for finding, word in words.items() if counts[finding])
    widest = max(differences, key=lambda found: abs(found.value))
    return (
        f"{len(differences)} difference{'s' if len(differences) != 1 else ''}: {told}. "
        f"The largest: {metric_words(widest.metric, widest.label)} {signed(widest.value)}, {widest.better_label} minus "
        f"{widest.worse_label}; {trainings(widest)}."
    )


def titled(words: str) -> str:
    """As a sentence begins."""
    return words[0].upper() + words[1:]
