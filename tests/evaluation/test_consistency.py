"""Checks of printed figures: planted cases, values from elsewhere, and what the five reports are known to hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from types import MappingProxyType

import pytest
from scipy.stats import binomtest, fisher_exact
from sklearn.metrics import f1_score, precision_score, recall_score

from dermaviz.errors import LedgerError
from dermaviz.evaluation.intervals import Estimate, exact_interval
from dermaviz.evaluation.reported.averages import is_one_class_size
from dermaviz.evaluation.reported.calculator import solve
from dermaviz.evaluation.reported.chance import fisher, mean_of_two, paired
from dermaviz.evaluation.reported.check import FAILS, HOLDS, OPEN, Check, Outcome
from dermaviz.evaluation.reported.consistency import (
    auc_check,
    constant_check,
    f1_check,
    interval_of,
    macro_check,
    matrix_check,
    whole_number_check,
)
from dermaviz.evaluation.reported.counts import MEASURES, Counts, possible_counts, whole_counts
from dermaviz.evaluation.reported.ledger import Claim, Report, Sample, Statement
from dermaviz.evaluation.reported.printed import Span, parse_printed
from dermaviz.evaluation.reported.reading import ledger_path, read_ledger
from dermaviz.evaluation.reported.statements import KINDS, report_checks, statement_check


def sample(positives: int, negatives: int, n: int | None = None) -> Sample:
    counts = MappingProxyType({"ill": positives, "well": negatives})
    return Sample("test", "test photos", n or positives + negatives, counts, "ill", "made up")


def claim(metric: str, text: str, of: Sample | None = None, row: str = "row", label: str = "") -> Claim:
    place = "/".join(filter(None, ("study", "table", row, metric, label)))
    return Claim(place, "study", "Table", f"study/table/{row}", row, "", metric, label, parse_printed(text), of)


def figures(of: Sample, **printed: str) -> dict[str, Claim]:
    return {metric: claim(metric, text, of) for metric, text in printed.items()}


def study(*claims: Claim, samples: Mapping[str, Sample] | None = None) -> Report:
    return Report("study", "A study", "A title", "Somebody", (), samples or {}, claims, ())


def stated(kind: str, **facts: str) -> Statement:
    return Statement("study/it", "study", "Text", "So it is said.", kind, MappingProxyType(facts))


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[Check, ...]]:
    """What the checks find in the shipped ledger."""
    return {name: report_checks(report) for name, report in read_ledger(ledger_path()).items()}


# Counting


@pytest.mark.parametrize("printed", [{"recall": "0.6", "precision": "0.5"}, {"accuracy": "0.7", "f1": "0.6"}])
def test_no_matrix_is_left_out_and_none_is_wrong(printed: dict[str, str]) -> None:
    positives, negatives = 7, 9
    spans = {name: parse_printed(text).share for name, text in printed.items()}
    possible = possible_counts(positives, negatives, spans)
    listed = {(true, false) for true, least, most in possible.rows for false in range(least, most + 1)}
    tried = {
        (true, false)
        for true, false in product(range(positives + 1), range(negatives + 1))
        if all(MEASURES[n](Counts(true, positives - true, false, negatives - false)) in s for n, s in spans.items())
    }
    assert listed == tried
    assert len(possible) == len(tried) > 1


@pytest.mark.parametrize(("true", "false"), [(3, 0), (5, 4), (0, 2), (7, 9)])
def test_measures_agree_with_scikit_learn(true: int, false: int) -> None:
    counts = Counts(true, 7 - true, false, 9 - false)
    labels = [1] * 7 + [0] * 9
    called = [1] * true + [0] * (7 - true) + [1] * false + [0] * (9 - false)
    for name, oracle in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert float(MEASURES[name](counts)) == pytest.approx(oracle(labels, called, zero_division=0))
    assert MEASURES["specificity"](counts) == Fraction(9 - false, 9)
    assert MEASURES["accuracy"](counts) == Fraction(true + 9 - false, 16)


def test_whole_counts_are_those_within_the_span() -> None:
    assert list(whole_counts(Span(Fraction(1, 4), Fraction(1, 2)), 8)) == [2, 3, 4]
    assert list(whole_counts(parse_printed("0.884").span, 600)) == []


# Chance


@pytest.mark.parametrize(("k", "n", "other", "of"), [(592, 660, 585, 660), (8, 9, 1, 9), (0, 5, 5, 5), (3, 10, 7, 40)])
def test_fisher_is_that_of_scipy(k: int, n: int, other: int, of: int) -> None:
    assert fisher(k, n, other, of) == pytest.approx(fisher_exact([[k, n - k], [other, of - other]]).pvalue)


def test_the_paired_bounds_are_the_extreme_sign_tests() -> None:
    bounds = paired(592, 585, 660)
    assert bounds.least == pytest.approx(binomtest(7, 7).pvalue)
    assert bounds.most == pytest.approx(binomtest(75, 143).pvalue)  # 68 that it misses, and so 75 the other way
    every = [binomtest(7 + back, 7 + 2 * back).pvalue for back in range(69)]
    assert bounds.tolerated == sum(p < 0.05 for p in every) - 1 == 1
    assert paired(5, 5, 10).tolerated == -1


def test_the_mean_of_two_shares_has_the_narrower_interval_of_both_together() -> None:
    both = mean_of_two(Estimate(0.8, 0.7, 0.86), Estimate(0.6, 0.5, 0.72))
    assert both.value == pytest.approx(0.7)
    assert (both.low, both.high) == (pytest.approx(0.7 - 0.02**0.5 / 2), pytest.approx(0.7 + 0.018**0.5 / 2))


# Figures of one run


@pytest.mark.parametrize(
    ("precision", "recall", "f1", "outcome"),
    [
        ("0.94", "0.77", "0.85", HOLDS),
        ("0.21", "0.59", "0.30", HOLDS),  # .3097 from the digits alone, but they were rounded
        ("0.50", "0.50", "0.53", FAILS),
        ("0.00", "0.00", "0.00", HOLDS),
        ("1.00", "0.09", "0.17", HOLDS),
    ],
)
def test_f1_is_the_harmonic_mean_within_the_digits(precision: str, recall: str, f1: str, outcome: Outcome) -> None:
    check = f1_check(claim("precision", precision), claim("recall", recall), claim("f1", f1))
    assert check.outcome == outcome
    assert check.claims == ("study/table/row/precision", "study/table/row/recall", "study/table/row/f1")


def test_an_accuracy_that_the_others_speak_against_is_named_and_replaced() -> None:
    of = sample(300, 300)
    check = matrix_check(figures(of, accuracy="0.935", precision="0.94", recall="0.77"), of)
    assert (check.outcome, check.suspects) == (FAILS, ("study/table/row/accuracy", "study/table/row/recall"))
    check = matrix_check(figures(of, accuracy="0.935", precision="0.94", recall="0.77", f1="0.85"), of)
    assert check.suspects == ("study/table/row/accuracy",)
    assert check.expected == "accuracy 0.860 to 0.867"


def test_the_only_matrix_is_told_in_words() -> None:
    of = sample(117, 483)
    check = matrix_check(figures(of, precision="0.2283", recall="0.4957"), of)
    assert check.outcome == HOLDS
    assert "(58 found, 59 missed, 196 false alarms, 287 left alone)" in check.sentence


def test_figures_of_which_two_are_wrong_leave_nothing() -> None:
    of = sample(10, 10)
    check = matrix_check(figures(of, accuracy="0.99", precision="0.123", recall="0.777"), of)
    assert (check.outcome, check.suspects) == (FAILS, ())
    assert "nor all of these but one" in check.sentence


@pytest.mark.parametrize(
    ("auc", "areas", "outcome", "said"),
    [
        ("0.5450", 8, FAILS, "taken from hard labels"),
        ("0.60", 8, HOLDS, "is another figure"),
        ("0.9", 8, FAILS, r"must be 0\.295 to 0\.795"),
        ("0.5", 8, OPEN, "too few to say"),
    ],
)
def test_an_auc_is_held_against_balanced_accuracy(auc: str, areas: int, outcome: Outcome, said: str) -> None:
    of = sample(117, 483)
    check = auc_check(figures(of, precision="0.2283", recall="0.4957"), of, claim("auc", auc, of), areas)
    assert check.outcome == outcome
    assert re.search(said, check.sentence)


@pytest.mark.parametrize(
    ("text", "n", "outcome", "expected"),
    [
        ("92.0%", 264, HOLDS, "243 of 264"),
        ("91.6%", 264, HOLDS, "242 of 264"),  # 91.667
        ("0.884", 600, FAILS, "0.8833 or 0.8850"),
        ("0.50", 3, FAILS, "0.3333 or 0.6667"),
    ],
)
def test_a_share_is_of_a_whole_number_of_photos(text: str, n: int, outcome: Outcome, expected: str) -> None:
    check = whole_number_check(claim("accuracy", text), n)
    assert (check.outcome, check.expected) == (outcome, expected)


def test_digits_that_were_cut_off_are_told() -> None:
    assert "cut off and not rounded" in whole_number_check(claim("accuracy", "91.6%"), 264).sentence


@pytest.mark.parametrize(("text", "outcome"), [("0.40", HOLDS), ("0.41", HOLDS), ("0.42", FAILS), ("0.38", FAILS)])
def test_a_macro_average_is_the_mean_over_the_classes(text: str, outcome: Outcome) -> None:
    classes = [claim("f1", value, label=name) for name, value in (("a", "0.10"), ("b", "0.30"), ("c", "0.80"))]
    assert macro_check(claim("macro_f1", text), classes).outcome == outcome


@pytest.mark.parametrize(
    ("metric", "text", "of", "outcome"),
    [
        ("accuracy", "0.70", sample(30, 70), OPEN),  # just what the constant gets
        ("accuracy", "0.72", sample(30, 70), OPEN),  # more, but within the interval
        ("accuracy", "0.90", sample(30, 70), HOLDS),
        ("accuracy", "0.65", sample(30, 70), FAILS),
        ("accuracy", "8/9", sample(9, 0), FAILS),
        ("auc", "0.47", sample(30, 70), FAILS),
        ("macro_f1", "0.42", sample(30, 70), HOLDS),  # .7 / 1.7 = .412
        ("macro_f1", "0.40", sample(30, 70), FAILS),
    ],
)
def test_a_figure_is_held_against_the_constant_answer(metric: str, text: str, of: Sample, outcome: Outcome) -> None:
    assert constant_check(claim(metric, text, of), of).outcome == outcome


def test_only_shares_of_photos_carry_an_interval() -> None:
    of = sample(9, 1)
    exact = exact_interval(8, 9)
    assert (
        interval_of(claim("accuracy", "8/9", of)) == (exact.low, exact.high) == pytest.approx((0.518, 0.997), abs=5e-4)
    )
    assert interval_of(claim("recall", "0.89", of)) == (exact.low, exact.high)
    for metric in ("f1", "auc", "precision"):
        assert interval_of(claim(metric, "0.89", of)) is None
    assert interval_of(claim("accuracy", "0.89")) is None


# Statements

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


# The reports: what their README says is to be noticed


@pytest.mark.parametrize(
    ("report", "outcome", "said"),
    [
        ("gupta", FAILS, "ResNet-18 has the highest validation accuracy"),
        ("gupta", FAILS, "ResNet-18 has 50 layers. It is 18"),
        ("gupta", FAILS, "8/9 (95% interval 0.52 to 1.00) is no more"),
        ("gupta", OPEN, "592 against 585 of 660 photos. As two samples, p is 0.6."),
        ("chaudhary", FAILS, "The others imply accuracy 0.575 (58 found"),
        ("chaudhary", FAILS, "Always answering “other” has accuracy 0.805; 0.7867"),
        ("sagar", FAILS, "The others imply accuracy 0.860 to 0.867"),
        ("sagar", OPEN, "balanced accuracy of the hard labels is 0.860 to 0.867. The AUC, 0.861, may be just that"),
        ("sagar", FAILS, "ResNet-152 is the best backbone"),
        ("ham10000", FAILS, "An activation takes 508 pixels to 252"),
        ("ham10000", FAILS, "The network has 5 outputs. It is 7"),
        *(("ham10000", FAILS, f"Always answering “nv” has accuracy 0.669, by the classes' shares; {text}")
          for text in ("65.9%", "65.15%", "65.86%")),
        ("bezzon", FAILS, "4% of the photos are dermatofibromas. 115 of 10,015 are 1.1%"),
        ("bezzon", OPEN, "67% (95% interval 0.64 to 0.71) is as much"),
        # and further ones
        ("gupta", FAILS, "10% of the photos are for validation. 264 of 3,297 are 8.0%"),
        ("gupta", FAILS, "That is 244 against 243 of 264 photos"),
        ("sagar", FAILS, "No number of 600 photos gives 0.884"),
        ("sagar", FAILS, "is just the mean over both classes"),
        ("sagar", FAILS, "50% are stated"),
        ("ham10000", FAILS, "The weighted recall is the mean over photos of a stratified split. With 67% nv"),
        ("bezzon", FAILS, "can all be shares of no fewer than 27 photos"),
        ("bezzon", FAILS, "4,868 of 6,705 are 72.6%"),
    ],
)  # fmt: skip
def test_the_known_cases_are_found(
    found: dict[str, tuple[Check, ...]], report: str, outcome: Outcome, said: str
) -> None:
    assert [check.outcome for check in found[report] if said in check.sentence][:1] == [outcome]


def test_all_eight_areas_of_one_report_are_balanced_accuracies(found: dict[str, tuple[Check, ...]]) -> None:
    areas = [check for check in found["chaudhary"] if check.kind == "the AUC is no balanced accuracy"]
    assert [check.outcome for check in areas] == [FAILS] * 8


def test_seven_of_its_eight_rows_are_whole_numbers_and_all_macro_averages_elsewhere_hold(
    found: dict[str, tuple[Check, ...]],
) -> None:
    rows = [check.outcome for check in found["chaudhary"] if check.kind == "a confusion matrix exists"]
    assert rows.count(HOLDS) == 7
    macros = [check.outcome for check in found["bezzon"] if check.kind == "macro average of the classes"]
    assert macros == [HOLDS] * 8


# The calculator


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
