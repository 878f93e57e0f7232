"""What a report asks, on the page as Streamlit runs it: answers are made here, so that every figure on it is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    DIRECTION,
    NO_VERDICT,
    NOT_YET_RUN,
    Answers,
    DifferenceAnswer,
    Finding,
    QuestionAnswer,
    RowAnswer,
    result_hashes,
)
from studies.five_reports.page import write_page
from studies.five_reports.reported.ledger import ledger_path, read_ledger
from studies.five_reports.result import Result

ROOT = Path(__file__).parents[4]
SECONDS = 240
SEEDS = (0, 1, 2)


def row(name: str, label: str, value: float, n: int = 782) -> RowAnswer:
    by_seed = (value - 0.01, value, value + 0.01)
    return RowAnswer(name, label, SEEDS, value, value - 0.03, value + 0.03, n, 640, 0.5, by_seed)


def difference(pair: tuple[str, str], metric: str, value: float, finding: Finding) -> DifferenceAnswer:
    by_seed = (value - 0.01, value, value + 0.01)
    ends = (value - 0.02, value + 0.02)
    return DifferenceAnswer(*pair, metric, "", SEEDS, value, *ends, by_seed, True, 0.02, finding, *map(str.title, pair))


QUESTIONS = (
    QuestionAnswer(
        *("gupta-et-al", "deeper", "Is deeper worse?", "Shallower is better.", "accuracy", "", "laptop"),
        (row("lite0", "Lite0", 0.8), row("lite1", "Lite1", 0.79), row("lite2", "Lite2", 0.72)),
        (
            difference(("lite0", "lite2"), "accuracy", 0.08, AS_CLAIMED),
            difference(("lite0", "lite1"), "accuracy", 0.01, CANNOT_BE_TOLD),
            difference(("lite0", "lite2"), "malignant_auc", 0.05, AS_CLAIMED),
        ),
        "One of two pairs goes that way.", DIRECTION, "Because it does.", "Lite2 is wider as well.",
    ),
    QuestionAnswer(
        *("gupta-et-al", "weights", "Do weights help?", "", "accuracy", "", "laptop"),
        (row("image", "By image", 0.84), row("lesion", "By lesion", 0.79, n=791)),
        (
            difference(("image", "lesion"), "accuracy", 0.05, AS_CLAIMED),
            difference(("image", "lesion"), "macro_f1", 0.09, AS_CLAIMED),
        ),
        "They do.", NO_VERDICT,
    ),
    QuestionAnswer(
        *("gupta-et-al", "fgsm", "What does FGSM cost?", "A lot.", "accuracy", "", "laptop"),
        (RowAnswer("resnet-18", "ResNet-18"),), (DifferenceAnswer("resnet-18", "resnet-18/fgsm", "accuracy"),),
        "Its pairs have not run yet.", NOT_YET_RUN,
    ),
)  # fmt: skip


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_rerun: Callable[..., Result]) -> Path:
    """A finished run of one report, and answers made by hand to its questions."""
    claims = Path(shutil.copy(ledger_path(), tmp_path))
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    reports = tmp_path / "reports"
    write_rerun(reports, "gupta-et-al", "lite0")
    answers = Answers(questions=QUESTIONS, rests_on=result_hashes(reports))
    write_page(reports, answers, read_ledger(claims), claims)
    return reports


def run(report: str = "Gupta et al.", asked: str = "Is deeper worse?") -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
    app.switch_page("pages/5_Reports.py")
    app.query_params.update({"report": report, "look": "What it asks", "asked_gupta-et-al": asked})
    app.run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(e.value for kind in ("subheader", "markdown", "caption", "code") for e in app.get(kind))


def charts(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_the_questions_are_listed_with_their_verdicts() -> None:
    app = run()
    (asked,) = app.radio
    assert asked.options == ["Is deeper worse?", "Do weights help?", "What does FGSM cost?"]
    assert "**3 questions**" in text(app)
    assert "1 direction reproduced, 1 not yet run, 1 on which the report claims nothing" in text(app)


def test_what_was_learnt_leads_to_the_question_that_taught_it() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
    app.switch_page("pages/5_Reports.py")
    app.run()
    said = text(app)
    assert "Accuracy: 0.800 with Lite0, 0.790 with Lite1. Difference: **+0.010** (95% interval −0.010 to +0.030" in said
    assert ":green-badge[Held]" in said
    assert ":gray-badge[No claim] Gupta et al. says nothing of it." in said
    app.button(key="to gupta-et-al weights").click().run()
    assert not app.exception
    assert app.radio[0].value == "weights"
    assert "They do." in text(app)


def test_a_question_is_answered_with_its_rows_and_its_differences() -> None:
    app = run()
    said = text(app)
    for words in (
        "Shallower is better.",
        "One of two pairs goes that way.",
        ":blue-badge[direction reproduced] The whole",
        "Lite2 is wider",
    ):
        assert words in said
    rows, differences = charts(app)
    assert [trace["name"] for trace in rows["data"]] == [
        "mean over seeds, with 95% interval, n = 782 each", "always the same answer", "each seed",
    ]  # fmt: skip
    assert differences["data"][0]["hovertext"] == [
        "Lite0 minus Lite2: +0.080<br>95% interval +0.060 to +0.100",
        "Lite0 minus Lite1: +0.010<br>95% interval −0.010 to +0.030",
    ]
    assert "2 differences: **1 as claimed**, **1 cannot be told**." in said
    assert [list(table.value["value"]) for table in app.dataframe[-2:]] == [[0.8, 0.79, 0.72], [0.08, 0.01, 0.05]]


def test_a_single_pair_is_told_in_large_figures_in_all_its_metrics() -> None:
    app = run(asked="Do weights help?")
    assert [(one.label, one.value, one.delta) for one in app.metric] == [
        ("Accuracy", "+0.050", "95%: +0.030 to +0.070"), ("Macro F1", "+0.090", "95%: +0.070 to +0.110"),
    ]  # fmt: skip
    assert ":gray-badge[the report claims nothing]" in text(app)
    assert charts(app)[1]["layout"]["xaxis"]["title"]["text"] == "Image minus Lesion"


def test_what_has_not_been_run_says_so_and_names_the_command() -> None:
    app = run(asked="What does FGSM cost?")
    assert not app.get("plotly_chart")
    assert "dermaviz reproduce gupta-et-al --data FOLDER" in text(app)


def test_a_report_that_was_not_rerun_names_the_command() -> None:
    app = run("Sagar and Jacob")
    assert not app.error
    assert "`dermaviz reproduce sagar-jacob --data FOLDER`" in app.info[-1].value


def test_answers_to_other_results_are_not_shown(results: Path, write_rerun: Callable[..., Result]) -> None:
    write_rerun(results, "gupta-et-al", "lite1")
    app = run()
    assert not app.error
    assert not app.radio
    assert any("`dermaviz reproduce all --answers`" in info.value for info in app.info)
