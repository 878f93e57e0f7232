"""By how much one row is above another, with the interval that their images allow, and whether a row learnt enough to compare."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dermaviz.metrics.bootstrap import DRAWS, Estimate, interval, off_zero
from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    OTHER_WAY,
    PAIR_NOT_RUN,
    DifferenceAnswer,
    Finding,
)
from studies.five_reports.claims.matching import Matching
from studies.five_reports.claims.question import CONSTANT, Pair, Question
from studies.five_reports.claims.row_results import ConstantResults, RowResults, SeedFigure
from studies.five_reports.claims.sentences import metric_words
from studies.five_reports.result import Result

LEARNT = "balanced_accuracy"
"""The metric that tells whether a row has learnt anything."""


class Bench:
    """A report's finished runs at one budget, by row: measured when asked for, and kept.

    ``results`` are those of each row at the budget.
    """

    def __init__(self, root: Path, results: Mapping[str, Sequence[Result]], draws: int = DRAWS) -> None:
        self._root, self._results, self._n_draws = root, {row: found for row, found in results.items() if found}, draws
        self._row_results: dict[str, RowResults] = {}
        self._learnt: dict[str, bool] = {}
        self._differences: dict[tuple[Pair, str], DifferenceAnswer] = {}

    def row_results(self, row: str) -> RowResults | None:
        """A row's answers, ``resnet-18/fgsm`` for those of ``resnet-18`` under the attack; None where it has not run."""
        name, _, under = row.partition("/")
        results = [result for result in self._results.get(name, ()) if not under or under in result.under]
        if not results:
            return None
        if row not in self._row_results:
            self._row_results[row] = RowResults(self._root, results, under, self._n_draws)
        return self._row_results[row]

    def difference(self, pair: Pair, metric: str) -> DifferenceAnswer:
        """By how much the first row of a pair is above the second, and what that says; not yet run, unless both have.

        Raises:
            ResultError: the rows have no such metric.
        """
        if (pair, metric) not in self._differences:
            self._differences[pair, metric] = self._difference(pair, metric)
        return self._differences[pair, metric]

    def learnt(self, row: str) -> bool:
        """Whether a row that has run has a balanced accuracy above the constant answer's, with the whole interval."""
        name = row.partition("/")[0]
        if name not in self._learnt:
            first, second = self._pair((name, CONSTANT))
            if first is None or second is None:
                return False
            self._learnt[name] = _between(first.figure(LEARNT), second.figure(LEARNT), True).low > 0
        return self._learnt[name]

    def _difference(self, pair: Pair, metric: str) -> DifferenceAnswer:
        slug, _, label = metric.partition("/")
        first, second = self._pair(pair)
        seeds = tuple(seed for seed in first.seeds if seed in second.seeds) if first and second else ()
        if first is None or second is None or not seeds:
            return DifferenceAnswer(*pair, slug, label)
        ours, theirs = (_of_seeds(one.figure(metric), one.seeds, seeds) for one in (first, second))
        paired = first.paired_with(second)
        found = _between(ours, theirs, paired)
        by_seed = tuple(a - b for a, b in zip(ours.by_seed, theirs.by_seed, strict=True))
        spread = 0.0 if _same_weights(pair) else self.spread(metric, first.results[0].classes)
        finding = finding_of(found, by_seed, spread)
        return DifferenceAnswer(
            *pair, slug, label, seeds, found.value, found.low, found.high, by_seed, paired, spread, finding
        )

    def spread(self, metric: str, classes: tuple[str, ...]) -> float:
        """The widest range that seeds alone make of a metric in a row of these classes that learnt; NaN if none has several."""
        found = [math.nan]
        for row, results in self._results.items():
            row_results = self.row_results(row)
            if row_results is not None and len(results) > 1 and results[0].classes == classes and self.learnt(row):
                found.append(float(np.ptp(row_results.figure(metric).by_seed)))
        return float(np.fmax.reduce(found))

    def _pair(self, pair: Pair) -> tuple[RowResults | None, RowResults | None]:
        """Both rows; the constant answer is that to the other row's photos."""
        first, second = (None if row == CONSTANT else self.row_results(row) for row in pair)
        if pair[0] == CONSTANT and second is not None:
            first = self._always(second)
        if pair[1] == CONSTANT and first is not None:
            second = self._always(first)
        return first, second

    def _always(self, row: RowResults) -> RowResults:
        """The constant answer to a row's photos."""
        name = f"{row.results[0].row} {CONSTANT}"
        if name not in self._row_results:
            self._row_results[name] = ConstantResults(self._root, row.results, draws=self._n_draws)
        return self._row_results[name]


def finding_of(difference: Estimate, by_seed: Sequence[float], spread: float) -> Finding:
    """What a difference says of the claimed order.

    It says something if its 95% interval over lesions is off zero, and if training again would not turn it round, as far as
    can be told: with several seeds, each seed's difference has its sign; with one, it is larger than the widest range that
    seeds alone make of the metric in any row of the report (``spread``; 0 where both are answers of the same weights).
    """
    if not by_seed:
        return PAIR_NOT_RUN
    one_training = len(by_seed) == 1
    stable = abs(difference.value) > spread if one_training else all(one * difference.value > 0 for one in by_seed)
    if not (off_zero(difference.low, difference.high) and stable):
        return CANNOT_BE_TOLD
    return AS_CLAIMED if difference.value > 0 else OTHER_WAY


def _between(first: SeedFigure, second: SeedFigure, paired: bool) -> Estimate:
    """The difference with its interval: on the same photos that of the same resamplings of lesions, so that what a photo's
    difficulty does to both cancels out, as in evaluation.comparison."""
    if paired and first.draws is not None and second.draws is not None:
        value = first.estimate.value - second.estimate.value
        return Estimate(value, *interval((first.draws - second.draws).mean(0)))
    return _apart(first.estimate, second.estimate)


def _apart(first: Estimate, second: Estimate) -> Estimate:
    """The difference of two figures as if of independent photos, with the interval that theirs carry together.

    Of the same photos it is the wider for that. Source: Zou and Donner 2008 (the method of variance estimates recovery).
    """
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, value - below, value + above)


def _of_seeds(measured: SeedFigure, seeds: Sequence[int], wanted: Sequence[int]) -> SeedFigure:
    at = [seeds.index(seed) for seed in wanted]
    return SeedFigure(
        tuple(measured.by_seed[i] for i in at),
        None if measured.draws is None else measured.draws[at],
        measured.constant,
        measured.n,
        tuple(measured.kept[i] for i in at) if measured.kept else (),
    )


def _same_weights(pair: Pair) -> bool:
    """Whether both rows are answers of one network, with and without an attack or noise."""
    return pair[0].partition("/")[0] == pair[1].partition("/")[0]


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
        row_results, name = bench.row_results(row), question.label(row)
        if row_results is None:
            continue
        if bench.learnt(row):
            found += _short(bench, matching, row, name, metrics if row in better else ())
        elif row_results.learnt_later:
            found.append(
                f"With {name}, the weights of the best validation accuracy were kept, of an epoch before it learnt."
            )
        elif row in better or not question.lesser_may_fail:
            found.append(f"With {name}, nothing was learnt: its balanced accuracy is not above the constant answer's.")
    return tuple(found)


def _short(bench: Bench, matching: Matching, row: str, name: str, metrics: Sequence[str]) -> Iterator[str]:
    """The first metric in which a row stayed far below what is printed of it."""
    row_results = bench.row_results(row)
    for metric in metrics:
        printed = matching.printed_figure(row, metric)
        if row_results is None or printed is None:
            continue
        ours = row_results.figure(metric)
        value, constant = ours.estimate.value, ours.constant
        if printed > constant and value - constant < ENOUGH * (printed - constant):
            slug, _, label = metric.partition("/")
            yield (
                f"With {name}, {metric_words(slug, label)} is {value:.3f}, less than half of the way from the constant "
                f"answer's {constant:.3f} to the printed {printed:.3g}."
            )
            return
