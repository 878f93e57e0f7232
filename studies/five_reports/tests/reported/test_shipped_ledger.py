"""What the checks find in the shipped ledger: what the reports' README says is to be noticed, and more."""

from __future__ import annotations

import pytest

from studies.five_reports.reported.consistency import FAILS, HOLDS, OPEN, Check, Outcome
from studies.five_reports.reported.ledger import ledger_path, read_ledger
from studies.five_reports.reported.statements import report_checks


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[Check, ...]]:
    """What the checks find in the shipped ledger."""
    return {name: report_checks(report) for name, report in read_ledger(ledger_path()).items()}


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
