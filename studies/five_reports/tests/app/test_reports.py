"""The Reports page as Streamlit runs it, without a browser, on pages that the study writes: one report, its runs, all claims."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from studies.five_reports.claims.answers import (
    DIRECTION,
    NOT_COMPARABLE,
    Answers,
    FigureAnswer,
    StatementAnswer,
    result_hashes,
)
from studies.five_reports.page import write_page
from studies.five_reports.reported.ledger import ledger_path, read_ledger
from studies.five_reports.result import Result

ROOT = Path(__file__).parents[4]
SECONDS = 240


def run(**query: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
    app.switch_page("pages/5_Reports.py")
    app.query_params.update({"part": "One report", **query})
    app.run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(e.value for kind in ("title", "header", "subheader", "markdown", "caption") for e in app.get(kind))


def keep_page(results: Path, figures: tuple[FigureAnswer, ...] = (), said: tuple[StatementAnswer, ...] = ()) -> None:
    """Write the page of the runs that are there."""
    claims = results.parent / "claims.yaml"
    answers = Answers(figures, said, rests_on=result_hashes(results))
    write_page(results, answers, read_ledger(claims), claims)


@pytest.fixture
def nothing_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ledger that ships, in a folder of results without a run; gives the folder of the runs."""
    shutil.copy(ledger_path(), tmp_path)
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    keep_page(tmp_path / "reports")
    return tmp_path / "reports"


@pytest.fixture
def some_run(nothing_run: Path, write_rerun: Callable[..., Result]) -> Path:
    """Two runs of Gupta et al.'s ResNet-18, and answers made by hand."""
    for seed in (0, 1):
        write_rerun(nothing_run, "gupta-et-al", "resnet-18", seed)
    ours = FigureAnswer(
        "gupta/resnet-18/test/accuracy",
        *("gupta-et-al", "resnet-18", "laptop: 64 px instead of 224", (0, 1), "accuracy", ""),
        *(0.8, 0.77, 0.83, 0.5, 782, 700, "HAM10000", NOT_COMPARABLE, "Other photos stand in."),
    )
    said = StatementAnswer("gupta/beats-baseline", "baseline", DIRECTION, "+0.040 (0.010 to 0.070).")
    keep_page(nothing_run, (ours,), (said,))
    return nothing_run


def test_a_report_says_what_it_did_and_how_many_checks_hold(nothing_run: Path) -> None:
    app = run()
    said = text(app)
    assert not app.error
    assert "Skin Cancer Classifier using Dermatoscopic Images" in said
    assert "checks** that need no training" in said
    assert "Educational tool, not a medical device." in said


def test_it_opens_with_what_was_learnt(some_run: Path) -> None:
    app = run(part="What was learnt")
    assert not app.error
    assert "Of 1 statements in 5 reports, 0 did not hold. 1 held, and 0 could not be told." in text(app)
    kinds = [expander.label for expander in app.expander]
    assert "The AUC is no balanced accuracy: 8 fail" in kinds
    assert any("0.5731 is printed as AUC" in one.value for one in app.markdown)


def test_a_report_that_was_not_rerun_says_so_and_names_the_command(nothing_run: Path) -> None:
    app = run(report="Sagar and Jacob")
    assert "None of its experiments has been rerun here" in app.info[0].value
    assert "`dermaviz reproduce sagar-jacob --data FOLDER`" in app.info[0].value
    assert "reproduce sagar-jacob" in run(report="Sagar and Jacob", look="One run").info[-1].value


def test_what_is_printed_stands_beside_ours_with_a_verdict_and_why(some_run: Path) -> None:
    app = run(**{"charted_gupta": "accuracy on test photos"})
    said = text(app)
    assert not app.error
    assert not app.info
    assert "Ours, on our own test photos: highest is **0.800**" in said
    assert "Printed results, 1 in all: **1** not comparable." in said
    assert ":blue-badge[direction reproduced] **ResNet-18 clearly outperforms the baseline" in said
    assert "+0.040 (0.010 to 0.070)." in said
    verdicts = app.table[0].value.set_index("verdict")
    assert verdicts[["figures", "statements"]].to_numpy().tolist() == [[0, 1], [1, 0]]
    row = app.dataframe[-1].value.query("ours > 0").iloc[0]
    assert (row["printed"], row["ours"], row["our_interval"]) == ("89.7%", 0.8, "0.770 to 0.830")
    assert (row["verdict"], row["why"], row["seeds"]) == ("not comparable", "Other photos stand in.", 2)
    assert row["budget"] == "laptop: 64 px instead of 224"
    names = [trace["name"] for trace in json.loads(app.get("plotly_chart")[0].proto.spec)["data"]]
    assert names[:2] == ["as printed", "our runs"]


def test_answers_that_no_longer_fit_the_runs_are_refused_in_one_sentence(
    some_run: Path, write_rerun: Callable[..., Result]
) -> None:
    write_rerun(some_run, "gupta-et-al", "resnet-50")
    app = run()
    assert not app.error
    assert [info.value for info in app.info] == [app.info[0].value] * 2  # for the verdicts, and in place of the charts
    assert "`dermaviz reproduce all --answers`" in app.info[0].value
    assert not app.table
    assert not app.get("plotly_chart")
    assert "checks** that need no training" in text(app)


def test_one_run_shows_how_it_learned_what_it_mistakes_and_what_differs(some_run: Path) -> None:
    app = run(look="One run", **{"seed_resnet-18": "seed 1"})
    said = text(app)
    assert not app.error
    assert "## **4 of 6 images** are classified correctly" in said
    assert "- It is tiny." in said
    assert "Under FGSM at ε = 0.003, its accuracy is 0.667" in said
    assert "Made at the laptop budget in 90 s on 2 cores" in said
    assert (
        "the weights of epoch 2 are kept: accuracy 0.750 on 2 images of the validation split, the highest of all."
        in said
    )
    assert "Area under the ROC curve of malignant lesions: 0.778" in said
    assert "F1 is the same for all classes here: 0.667" in said
    assert len(app.get("plotly_chart")) == 4
    assert app.dataframe[0].value["label"].iloc[0] == "Balanced accuracy"


def test_the_run_that_most_claims_rest_on_is_shown_first(nothing_run: Path, write_rerun: Callable[..., Result]) -> None:
    write_rerun(nothing_run, "gupta-et-al", "alexnet")
    write_rerun(nothing_run, "gupta-et-al", "resnet-18", about="The best of all.", claims=("gupta/table-1/resnet-18",))
    assert "The best of all." in text(run(look="One run"))


def test_the_chart_stands_beside_the_constant_answer_and_says_so(nothing_run: Path) -> None:
    app = run(report="Chaudhary and Byun")
    assert "**0 of 4** lie above the constant answer with all of their interval." in text(app)
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    dots, constant = spec["data"]
    assert len(dots["hovertext"]) == 4
    assert dots["hovertext"][0].startswith("0.448 (0.40")
    assert (dots["name"], constant["name"]) == ("as printed", "always the same answer")


@pytest.mark.parametrize(
    ("report", "outcome", "said"),
    [
        ("Gupta et al.", "Cannot be said", "592 against 585 of 660 photos"),
        (
            "Gupta et al.",
            "Does not hold",
            "ResNet-18 has the highest validation accuracy of all seven. The table says otherwise",
        ),
        ("Gupta et al.", "Does not hold", "8/9 (95% interval 0.52 to 1.00) is no more"),
        ("Sagar and Jacob", "Does not hold", "The others imply accuracy 0.860 to 0.867"),
        ("CNN and transfer learning", "Does not hold", "An activation takes 508 pixels to 252"),
        ("Bezzon and Carraro", "Holds", "7 × 4868 = 34076"),
    ],
)
def test_a_link_leads_to_a_report_and_to_what_its_checks_found(
    nothing_run: Path, report: str, outcome: str, said: str
) -> None:
    assert said in text(run(report=report, look="Its own figures", outcome=outcome))


def test_a_finding_that_is_printed_in_several_places_is_told_once_with_its_runs(nothing_run: Path) -> None:
    said = text(run(report="Sagar and Jacob", look="Its own figures"))
    assert said.count("accuracy 0.935, precision 0.94, recall 0.77, F1 0.85. The others imply") == 1
    assert "and 4 more of these figures" in said


def test_the_table_of_claims_names_the_checks_that_fail(nothing_run: Path) -> None:
    table = run(report="Chaudhary and Byun").dataframe[-1].value.set_index(["what", "figure"])
    row = table.loc[("ResNet-101, from scratch", "accuracy")].iloc[0]
    assert (row["printed"], row["n"], row["checks"]) == ("0.476", 600, "does not hold")
    assert row["fails"] == "a confusion matrix exists; better than the constant answer"
    assert row["interval"] == "0.436 to 0.517"
    assert row["constant"] == pytest.approx(483 / 600)


def test_the_ledger_is_filtered_by_report_figure_and_outcome(nothing_run: Path) -> None:
    whole = run(part="All claims")
    assert f"**{len(whole.dataframe[0].value)} figures** of 5 reports" in text(whole)
    app = run(part="All claims", of_report=["Sagar and Jacob"], of_figure=["accuracy"], of_checks=["does not hold"])
    table = app.dataframe[0].value
    assert set(table["report"]) == {"Sagar and Jacob"}
    assert set(table["figure"]) == {"accuracy"}
    assert set(table["checks"]) == {"does not hold"}
    assert 0 < len(table) < len(whole.dataframe[0].value)
    nothing = run(part="All claims", of_report=["Bezzon and Carraro"], of_figure=["ROC AUC"])
    assert "No figure is left" in nothing.info[0].value


def test_the_ledger_is_filtered_by_verdict_in_figures_and_in_words(some_run: Path) -> None:
    table = run(part="All claims", of_verdict=["not comparable"]).dataframe[0].value
    assert table["printed"].tolist() == ["89.7%"]
    table = run(part="All claims", claims="Statements", of_verdict=["direction reproduced"]).dataframe[0].value
    assert table["says"].tolist() == ["ResNet-18 clearly outperforms the baseline on the test photos."]
