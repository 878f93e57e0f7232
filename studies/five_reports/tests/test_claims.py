"""The ledger of claims: figures as printed, the file that ships, and what the reader refuses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from dermaviz.errors import LedgerError
from dermaviz.metrics.printed import Printed, Span, corners, parse_printed
from studies.five_reports.reported.ledger import Ledger, ledger_path, read_ledger

SMALL = """
study:
  label: A study
  title: A title
  authors: Somebody
  did: [One thing]
  samples:
    test: {what: test photos, n: 10, counts: {ill: 4, well: 6}, positive: ill, source: made up}
  tables:
    table-1:
      where: Table 1
      sample: test
      model: a network
      rows:
        first: {accuracy: 0.50, f1: {ill: 0.5, well: 60%}}
        second: {model: another, accuracy: 3/4}
  statements:
    better: {where: Text, says: The second is better., kind: rank, row: table-1/second, among: 'table-1/*', metrics: accuracy}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "claims.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shipped() -> Ledger:
    return read_ledger(ledger_path())


@pytest.mark.parametrize(
    ("text", "value", "unit", "n"),
    [
        ("0.4483", Fraction(4483, 10_000), Fraction(1, 10_000), None),
        ("0.50", Fraction(1, 2), Fraction(1, 100), None),
        ("92.0%", Fraction(92, 100), Fraction(1, 1000), None),
        ("78%", Fraction(78, 100), Fraction(1, 100), None),
        ("8/9", Fraction(8, 9), Fraction(0), 9),
        ("2,373", Fraction(2373), Fraction(0), None),
        ("11.7 M", Fraction(11_700_000), Fraction(100_000), None),
        ("1.0", Fraction(1), Fraction(1, 10), None),
    ],
)
def test_a_figure_is_read_with_the_size_of_its_last_digit(
    text: str, value: Fraction, unit: Fraction, n: int | None
) -> None:
    assert parse_printed(text) == Printed(text, value, unit, n)


@pytest.mark.parametrize("text", ["", "about 3", "9/8", "1/0", "-0.5", "1e-3", ".5", "nan", "0.5.1"])
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(LedgerError, match=r"expected a figure such as 0\.4483"):
        parse_printed(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("0.66", ["0.655", "0.66", "0.6649", "0.6666", "0.66999"], ["0.6549", "0.67"]),
        ("0.6666", ["0.66655", "0.666666"], ["0.6667", "0.66654"]),
        ("92%", ["0.915", "0.9299"], ["0.93", "0.9149"]),
        ("8/9", [], ["0.8889", "0.888"]),
    ],
)
def test_digits_may_have_been_rounded_or_cut_off(text: str, inside: list[str], outside: list[str]) -> None:
    span = parse_printed(text).span
    assert all(Fraction(value) in span for value in inside)
    assert not any(Fraction(value) in span for value in outside)
    assert parse_printed(text).value in span


def test_a_share_ends_at_one() -> None:
    assert parse_printed("1.00").share == Span(Fraction(199, 200), Fraction(1))
    assert parse_printed("0.00").share.low == 0


def test_a_box_has_its_extremes_in_its_corners() -> None:
    box = Span(Fraction(1), Fraction(2)), Span(Fraction(-1), Fraction(3))
    assert corners(lambda x, y: x * y, *box) == Span(Fraction(-2), Fraction(6))


def test_a_small_ledger_is_read_with_its_settings_and_every_digit(tmp_path: Path) -> None:
    report = read_ledger(written(tmp_path, SMALL))["study"]
    first, second = report.claim("table-1/first/accuracy"), report.claim("table-1/second/accuracy")
    assert (first.printed.text, first.n, first.model, first.where) == ("0.50", 10, "a network", "Table 1")
    assert (second.printed.n, second.n, second.model) == (4, 4, "another")
    assert [claim.n for claim in report.matching("table-1/*/f1/*")] == [4, 6]
    sample = report.samples["test"]
    assert sample.exact
    assert (sample.commonest, sample.prevalence) == ("well", Fraction(2, 5))
    assert report.statements[0].facts["row"] == "table-1/second"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("label: A study", "lable: A study", r"study: expected the key label, found only lable"),
        (
            "what: test photos, n",
            "what: test photos, m: 3, n",
            r"study\.samples\.test\.m: no such key; there are what, source",
        ),
        ("accuracy: 0.50", "acuracy: 0.50", r"table-1\.first\.acuracy: no such metric; did you mean accuracy\?"),
        ("accuracy: 0.50", "accuracy: half", r"study/table-1/first/accuracy: expected a figure .+ found 'half'"),
        ("sample: test\n", "sample: rest\n", r"table-1\.first: expected a sample of test, found 'rest'"),
        ("positive: ill", "positive: sick", r"positive: expected one of ill, well, found 'sick'"),
        ("n: 10", "n: ten", r"samples\.test\.n: expected a whole number of photos, found 'ten'"),
        ("        second:", "        first:", r"expected each key once, found 'first' twice"),
        ("kind: rank, ", "", r"statements\.better: expected the key kind"),
        ("study:", "study: [", r"expected YAML"),
        (SMALL, "- a\n- b\n", r"the ledger: expected keys and values"),
    ],
)
def test_a_mistake_in_the_ledger_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    with pytest.raises(LedgerError, match=said):
        read_ledger(written(tmp_path, SMALL.replace(old, new, 1)))


def test_a_missing_ledger_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    with pytest.raises(LedgerError, match="Clone the whole repository, or set DERMAVIZ_RESULTS"):
        read_ledger(ledger_path())


def test_a_reference_to_nothing_names_the_nearest_claim(tmp_path: Path) -> None:
    report = read_ledger(written(tmp_path, SMALL))["study"]
    with pytest.raises(LedgerError, match=r"did you mean study/table-1/first/accuracy\?"):
        report.claim("table-1/fist/accuracy")


def test_the_shipped_ledger_holds_the_five_reports(shipped: Ledger) -> None:
    assert list(shipped) == ["gupta", "chaudhary", "sagar", "ham10000", "bezzon"]
    for report in shipped.values():
        assert len(report.did) == 5
        ids = [claim.id for claim in report.claims]
        assert len(set(ids)) == len(ids)
        assert len(report.statements) >= 12


@pytest.mark.parametrize(
    ("report", "reference", "text", "n"),
    [
        ("gupta", "table-1/densenet-121/accuracy", "92.4%", 264),
        ("gupta", "resnet-18/darker/accuracy", "8/9", 9),
        ("gupta", "resnet-18/fgsm/accuracy", "74.1%", 660),
        ("chaudhary", "melanoma/resnet-101/accuracy", "0.476", 600),
        ("chaudhary", "keratosis/conv5/auc", "0.695", 600),
        ("sagar", "table-5/mobilenet/accuracy", "0.884", 600),
        ("ham10000", "table-3/cnn/precision/bkl", "1.00", None),
        ("ham10000", "table-5/xgboost/accuracy", "65.15%", None),
        ("bezzon", "table-1/two/f1/df", "0.00", None),
        ("bezzon", "oversampling/all/photos", "34076", None),
    ],
)
def test_figures_of_the_reports_are_there_as_printed(
    shipped: Ledger, report: str, reference: str, text: str, n: int | None
) -> None:
    claim = shipped[report].claim(reference)
    assert (claim.printed.text, claim.n) == (text, n)
