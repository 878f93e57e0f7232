"""The calculator: from some figures the others."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dermaviz.errors import LedgerError
from dermaviz.metrics.bootstrap import exact_interval
from studies.five_reports.reported.calculator import solve
from studies.five_reports.reported.printed import Counts, parse_printed


def test_precision_recall_and_prevalence_make_the_others() -> None:
    solution = solve(600, 300, {"recall": parse_printed("0.77"), "precision": parse_printed("0.94")})
    rows = {row.measure: row for row in solution.implied}
    assert Fraction("0.860") in rows["accuracy"].span
    assert rows["accuracy"].span == rows["balanced_accuracy"].span
    low, high = (round(600 * end) for end in (rows["accuracy"].span.low, rows["accuracy"].span.high))
    assert (low, high) == (515, 520)  # 230 to 233 of 300 found, 13 to 16 false alarms
    assert rows["accuracy"].interval == (exact_interval(low, 600).low, exact_interval(high, 600).high)
    assert rows["f1"].interval is None


def test_accuracy_recall_and_prevalence_make_the_precision() -> None:
    solution = solve(600, 117, {"accuracy": parse_printed("0.7333"), "recall": parse_printed("0.4615")})
    assert solution.possible.only == Counts(54, 63, 97, 386)
    assert next(row.span.words(4) for row in solution.implied if row.measure == "precision") == "0.3576"


def test_what_cannot_be_is_told_with_what_it_must_be() -> None:
    typed = {"recall": "0.77", "precision": "0.94", "accuracy": "0.935", "f1": "0.85"}
    solution = solve(600, 300, {name: parse_printed(text) for name, text in typed.items()})
    assert {name: span.words() for name, span in solution.odd.items()} == {"accuracy": "0.860 to 0.867"}


@pytest.mark.parametrize(
    ("n", "positives", "figures", "said"),
    [
        (600, 0, {}, "photos of both classes"),
        (600, 600, {}, "photos of both classes"),
        (20_000, 10, {}, "10,000 at most"),
        (600, 300, {"recall": "77"}, "recall: expected a share"),
        (600, 300, {"auc": "0.5"}, "auc: expected a share"),
    ],
)
def test_what_the_calculator_refuses(n: int, positives: int, figures: dict[str, str], said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        solve(n, positives, {name: parse_printed(text) for name, text in figures.items()})
