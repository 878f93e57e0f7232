"""What our runs found, as Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.five_reports.claims.answers import (
    ANSWERS,
    AS_CLAIMED,
    DIRECTION,
    NO_VERDICT,
    NOT_COMPARABLE,
    REPRODUCED,
    Answers,
    DifferenceAnswer,
    FigureAnswer,
    QuestionAnswer,
    StatementAnswer,
    read_answers,
)
from studies.five_reports.claims.findings import FINDINGS, findings, write_findings
from studies.five_reports.reported.ledger import Report, Statement, read_ledger

SAID = (
    Statement("gupta/deeper-is-worse", "gupta", "Results", "Deeper networks do worse.", "ladder", {}),
    Statement("gupta/in-words", "gupta", "Results", "The task is hard.", "text", {}),
)
LEDGER = {"gupta": Report("gupta", "Gupta et al.", "A classifier", "Gupta", (), {}, (), SAID)}
DEEPER = DifferenceAnswer(
    "lite0",
    "lite2",
    "accuracy",
    "",
    (0, 1, 2),
    0.02,
    0.01,
    0.03,
    (0.01, 0.02, 0.03),
    True,
    0.01,
    AS_CLAIMED,
    "Lite0",
    "Lite2",
)
FOUND = Answers(
    (
        FigureAnswer("gupta/table-1/resnet-18/accuracy", verdict=REPRODUCED),
        FigureAnswer("gupta/table-1/resnet-50/accuracy", verdict=NOT_COMPARABLE),
        FigureAnswer("gupta/data/all/photos", verdict=NO_VERDICT),
        FigureAnswer("sagar/table-5/resnet-50/accuracy", verdict=REPRODUCED),
    ),
    (
        StatementAnswer("gupta/deeper-is-worse", "deeper", DIRECTION, "1 of 1 goes its way."),
        StatementAnswer("gupta/in-words"),
    ),
    (
        QuestionAnswer(
            *("gupta-et-al", "deeper", "Is deeper worse?", "It is.", "accuracy", "", "laptop"), (),
            (DEEPER, DifferenceAnswer("lite0", "lite1", "accuracy")), "It is by +0.020.", DIRECTION,
        ),
        QuestionAnswer("gupta-et-al", "weights", "Do weights help?", "", "accuracy", "", "laptop", (), (), "They do."),
    ),
    {"gupta-et-al/lite0/laptop-seed0": "1f"},
)  # fmt: skip


def test_claims_are_counted_by_verdict_and_those_of_absent_reports_are_not() -> None:
    said = findings(FOUND, LEDGER)
    assert "from the 1 result in this folder" in said
    assert "| Gupta et al. | 1 | 1 | 0 | 0 | 1 | 0 |" in said
    assert "Sagar" not in said


def test_statements_have_their_verdict_and_those_without_one_are_left_out() -> None:
    said = findings(FOUND, LEDGER)
    assert "| Deeper networks do worse. | **direction reproduced** | 1 of 1 goes its way. |" in said
    assert "The task is hard." not in said


def test_questions_are_answered_and_pairs_that_have_not_run_left_out() -> None:
    said = findings(FOUND, LEDGER)
    assert "| Is deeper worse? | It is by +0.020. | **direction reproduced** |" in said
    assert "| Do weights help? | They do. | **the report claims nothing** |" in said
    assert "| Lite0 minus Lite2 | accuracy | +0.020 (+0.010 to +0.030) | 3 of 3 trainings agree | as claimed |" in said
    assert said.count(" minus ") == 1


def test_the_page_lies_beside_the_results(tmp_path: Path) -> None:
    path = write_findings(tmp_path, FOUND, LEDGER)
    assert path == tmp_path / FINDINGS
    assert path.read_text(encoding="utf-8") == findings(FOUND, LEDGER)


def test_the_page_that_ships_is_that_of_the_answers_that_ship() -> None:
    results = Path(__file__).parents[2] / "results"
    if not (results / "reports" / ANSWERS).is_file():
        pytest.skip("no answers of finished runs ship yet: dermaviz reproduce all --data FOLDER")
    told = findings(read_answers(results / "reports"), read_ledger(results / "claims.yaml"))
    assert (results / "reports" / FINDINGS).read_text(encoding="utf-8") == told
