"""Reproduction: has a row learnt enough for a comparison to mean anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from studies.five_reports.claims.differences import Bench
from studies.five_reports.claims.matching import Matching
from studies.five_reports.claims.question import CONSTANT, Pair, Question
from studies.five_reports.claims.sentences import metric_words

ENOUGH = 0.5
"""The share of the way from the constant answer to the printed figure that a row must have come."""


def too_little(
    bench: Bench, matching: Matching, question: Question, pairs: Sequence[Pair], metrics: Sequence[str]
) -> tuple[str, ...]:
    """Of each row of some pairs that has run and learnt too little for them, a sentence that says so.

    That is a row whose balanced accuracy is not above the constant answer's. Of the lesser row of a pair it is no matter
    where the question says so, unless it learnt in an epoch that was not kept. And it is a better row that came less than
    half of the way from the constant answer to what is printed of it, in one of the metrics.
    """
    better = {pair[0] for pair in pairs}
    found: list[str] = []
    for row in dict.fromkeys(row for pair in pairs for row in pair if row != CONSTANT):
        replies, name = bench.replies(row), question.label(row)
        if replies is None:
            continue
        if bench.learnt(row):
            found += _short(bench, matching, row, name, metrics if row in better else ())
        elif replies.learnt_later:
            found.append(
                f"With {name}, the weights of the best validation accuracy were kept, of an epoch before it learnt."
            )
        elif row in better or not question.lesser_may_fail:
            found.append(f"With {name}, nothing was learnt: its balanced accuracy is not above the constant answer's.")
    return tuple(found)


def _short(bench: Bench, matching: Matching, row: str, name: str, metrics: Sequence[str]) -> Iterator[str]:
    """The first metric in which a row stayed far below what is printed of it."""
    replies = bench.replies(row)
    for metric in metrics:
        printed = matching.printed_figure(row, metric)
        if replies is None or printed is None:
            continue
        ours = replies.measured(metric)
        value, constant = ours.estimate.value, ours.constant
        if printed > constant and value - constant < ENOUGH * (printed - constant):
            slug, _, label = metric.partition("/")
            yield (
                f"With {name}, {metric_words(slug, label)} is {value:.3f}, less than half of the way from the constant "
                f"answer's {constant:.3f} to the printed {printed:.3g}."
            )
            return
