"""Checks of statements: planted cases of each kind."""

from __future__ import annotations

import pytest

from dermaviz.errors import LedgerError
from studies.five_reports.reported.consistency import FAILS, HOLDS, OPEN, Outcome
from studies.five_reports.reported.ledger import Claim, Sample
from studies.five_reports.reported.statements import KINDS, is_one_class_size, statement_check
from studies.five_reports.tests.reported.planted import claim, sample, stated, study

OF = sample(500, 500)
RUNS = study(
    claim("accuracy", "90.0%", OF, "a"),
    claim("accuracy", "90.5%", OF, "b"),
    claim("accuracy", "80.0%", OF, "c"),
    claim("accuracy", "89.2%", OF, "d"),
    claim("recall", "90.0%", OF, "a"),
    claim("recall", "90.0%", OF, "b"),
    claim("recall", "80.0%", OF, "c"),
    claim("photos", "30", None, "all"),
    claim("photos", "10", None, "some"),
    claim("photos", "20", None, "rest"),
    claim("share", "33%", None, "some"),
    claim("side", "9", None, "before"),
    claim("side", "7", None, "after"),
)


@pytest.mark.parametrize(
    ("kind", "facts", "outcome"),
    [
        ("rank", {"row": "table/b", "among": "table/*", "metrics": "accuracy"}, HOLDS),
        ("rank", {"row": "table/a", "among": "table/*", "metrics": "accuracy"}, FAILS),
        ("rank", {"row": "table/a", "among": "table/*", "metrics": "accuracy", "place": "2"}, HOLDS),
        ("rank", {"row": "table/c", "among": "table/*", "metrics": "accuracy recall", "order": "smallest"}, HOLDS),
        ("rank", {"row": "table/a", "among": "table/*", "metrics": "recall"}, OPEN),
        ("most", {"row": "table/c", "than": "table/a", "metrics": "*"}, HOLDS),
        ("most", {"row": "table/b", "than": "table/a", "metrics": "*"}, FAILS),
        ("differ", {"first": "table/a/accuracy", "second": "table/c/accuracy"}, HOLDS),
        ("differ", {"first": "table/b/accuracy", "second": "table/a/accuracy"}, FAILS),
        ("differ", {"first": "table/a/accuracy", "second": "table/d/accuracy"}, OPEN),
        ("ladder", {"claims": "table/b/accuracy table/a/accuracy table/c/accuracy"}, HOLDS),
        ("ladder", {"claims": "table/a/accuracy table/b/accuracy"}, FAILS),
        ("sum", {"whole": "table/all/photos", "parts": "table/some/photos table/rest/photos"}, HOLDS),
        ("sum", {"whole": "table/all/photos", "parts": "table/some/photos"}, FAILS),
        ("times", {"claim": "table/rest/photos", "factor": "2", "of": "table/some/photos"}, HOLDS),
        ("times", {"claim": "table/all/photos", "factor": "2", "of": "table/some/photos"}, FAILS),
        ("share", {"claim": "table/some/share", "part": "table/some/photos", "whole": "table/all/photos"}, HOLDS),
        ("share", {"claim": "table/some/share", "part": "2", "whole": "30", "source": "a book"}, FAILS),
        ("same", {"claims": "table/a/accuracy table/a/recall"}, HOLDS),
        ("same", {"claims": "table/a/accuracy table/b/accuracy"}, FAILS),
        ("known", {"claim": "table/all/photos", "fact": "30", "source": "counting"}, HOLDS),
        ("known", {"claim": "table/all/photos", "fact": "31", "source": "counting"}, FAILS),
        ("named", {"model": "a", "among": "table/*"}, HOLDS),
        ("named", {"model": "z", "among": "table/*"}, FAILS),
        ("sides", {"sides": "table/before/side table/after/side", "layers": "3"}, HOLDS),
        ("sides", {"sides": "table/before/side table/after/side", "layers": "5p1"}, HOLDS),
        ("sides", {"sides": "table/before/side table/after/side", "layers": "3p1 pool"}, FAILS),
        ("unsupported", {"because": "nothing is there"}, OPEN),
    ],
)
def test_statements_of_each_kind(kind: str, facts: dict[str, str], outcome: Outcome) -> None:
    check = statement_check(RUNS, stated(kind, **facts))
    assert check.outcome == outcome
    assert check.sentence.startswith("So it is said. ")


def test_percentages_of_one_class_need_enough_photos() -> None:
    report = study(claim("recall", "33%", label="df"), claim("called", "20%", label="df"))
    facts = {"claims": "table/row/recall/df table/row/called/df"}
    check = is_one_class_size(report, stated("percentages", low="11", high="12", **facts))
    assert (check.outcome, check.found) == (FAILS, "15 or more")
    assert is_one_class_size(report, stated("percentages", low="15", high="15", **facts)).outcome == HOLDS


def test_one_set_of_photos_has_one_share_of_positives() -> None:
    def row(name: str, accuracy: str, of: Sample | None) -> list[Claim]:
        printed = (("accuracy", accuracy), ("precision", "0.90"), ("recall", "0.80"))
        return [claim(metric, text, of, name) for metric, text in printed]

    # a fifth positive: .2 × .2 missed and .2 × .8 / 9 falsely alarmed make an accuracy of .942
    agreeing = study(*row("a", "0.942", None), *row("b", "0.942", None))
    assert statement_check(agreeing, stated("prevalence", rows="table/*")).outcome == HOLDS
    apart = study(*row("a", "0.942", None), *row("b", "0.80", None))
    assert statement_check(apart, stated("prevalence", rows="table/*")).outcome == FAILS
    balanced = study(*row("a", "0.942", OF))
    assert "50% are stated" in statement_check(balanced, stated("prevalence", rows="table/*")).sentence


def test_a_weighted_mean_goes_by_the_classes_of_the_photos() -> None:
    samples = {"even": sample(5, 5), "odd": sample(1, 9)}
    classes = (claim("recall", "0.20", label="ill"), claim("recall", "0.80", label="well"))
    report = study(claim("weighted_recall", "0.74"), *classes, samples=samples)
    facts = {"claim": "table/row/weighted_recall", "classes": "table/row/recall/*"}
    assert statement_check(report, stated("weighted", samples="odd", **facts)).outcome == HOLDS
    check = statement_check(report, stated("weighted", samples="even odd", **facts))
    assert (check.outcome, check.expected) == (FAILS, "0.495 to 0.510")


@pytest.mark.parametrize(
    ("kind", "facts", "said"),
    [
        ("guess", {}, "study/it: expected a kind of by-class, differ"),
        (
            "rank",
            {"row": "table/a"},
            "of kind rank to go by row, among, metrics, perhaps place, perhaps order, found row",
        ),
        ("same", {"claims": "table/a/accuracy", "which": ""}, "A text with a comma in it needs quotes"),
        ("same", {"claims": "table/z/accuracy"}, "study/it: expected a figure 'study/table/z/accuracy'"),
        ("rank", {"row": "table/z", "among": "*", "metrics": "accuracy"}, "expected a row of study/table/a"),
        ("rank", {"row": "table/a", "among": "*", "metrics": "auc"}, "expected figures auc of study/table/a"),
        (
            "differ",
            {"first": "table/a/accuracy", "second": "table/all/photos"},
            "equally many photos, found 1000 and None",
        ),
    ],
)
def test_a_statement_that_cannot_be_checked_is_named(kind: str, facts: dict[str, str], said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        statement_check(RUNS, stated(kind, **facts))


def test_every_kind_says_in_its_docstring_what_it_asks() -> None:
    assert all(kind.check.__doc__ for kind in KINDS.values())
