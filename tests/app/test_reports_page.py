"""The Reports page as Streamlit runs it, without a browser: one report, the ledger, the calculator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
SECONDS = 240


def run(**query: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
    app.switch_page("pages/5_Reports.py")
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(e.value for kind in ("title", "header", "subheader", "markdown", "caption") for e in app.get(kind))


def test_it_opens_with_a_report_what_it_did_and_what_does_not_hold() -> None:
    app = run()
    said = text(app)
    assert not app.error
    assert "Skin Cancer Classifier using Dermatoscopic Images" in said
    assert "Our own runs of their experiments are not in yet" in said
    assert "ResNet-18 has the highest validation accuracy of all seven. The table says otherwise" in said
    assert "8/9 (95% interval 0.52 to 1.00) is no more" in said
    assert "Educational tool, not a medical device." in said


def test_the_chart_stands_beside_the_constant_answer_and_says_so() -> None:
    app = run(report="Chaudhary and Byun")
    assert "**0 of 4** lie above the constant answer with all of their interval." in text(app)
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    dots, constant = spec["data"]
    assert len(dots["hovertext"]) == 4
    assert dots["hovertext"][0].startswith("ResNet-50, from scratch: 0.448")
    assert dots["name"] == "as printed, with 95% interval"
    assert constant["name"] == "an answer that is always the same"


@pytest.mark.parametrize(
    ("report", "outcome", "said"),
    [
        ("Gupta et al.", "Cannot be said", "592 against 585 of 660 photos"),
        ("Sagar and Jacob", "Does not hold", "The others imply accuracy 0.860 to 0.867"),
        ("CNN and transfer learning", "Does not hold", "An activation takes 508 pixels to 252"),
        ("Bezzon and Carraro", "Holds", "7 × 4868 = 34076"),
    ],
)
def test_a_link_leads_to_a_report_and_to_what_its_checks_found(report: str, outcome: str, said: str) -> None:
    assert said in text(run(report=report, outcome=outcome))


def test_a_finding_that_is_printed_in_several_places_is_told_once_with_its_runs() -> None:
    said = text(run(report="Sagar and Jacob"))
    assert said.count("accuracy 0.935, precision 0.94, recall 0.77, F1 0.85. The others imply") == 1
    assert "and 4 more of these figures" in said


def test_the_table_of_claims_names_the_checks_that_fail() -> None:
    table = run(report="Chaudhary and Byun").dataframe[-1].value.set_index(["what", "figure"])
    row = table.loc[("ResNet-101, from scratch", "accuracy")].iloc[0]
    assert (row["printed"], row["n"], row["checks"]) == ("0.476", 600, "does not hold")
    assert row["fails"] == "a confusion matrix exists; better than the constant answer"
    assert row["from"] < 0.476 < row["to"] < row["constant"]


def test_the_ledger_is_filtered_by_report_figure_and_outcome() -> None:
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


def test_the_calculator_tells_what_accuracy_must_be() -> None:
    app = run(part="Calculator")
    table = app.table[0].value.set_index("figure")
    assert table.loc["Accuracy", "must be"] == "0.858 to 0.867"
    assert table.loc["Balanced accuracy", "must be"] == "0.858 to 0.867"
    assert table.loc["F1", "95% interval"] == "–"
    app.text_input(key="calc_accuracy").set_value("0.935").run()
    app.text_input(key="calc_f1").set_value("0.85").run()
    assert "The others imply accuracy 0.860 to 0.867 (typed: 0.935)." in app.warning[0].value


def test_the_calculator_goes_from_accuracy_and_recall_to_precision() -> None:
    app = run(part="Calculator", calc_recall="0.4615", calc_accuracy="0.7333", calc_prevalence="19.5%")
    app.text_input(key="calc_precision").set_value("").run()
    assert "leave exactly one confusion matrix" in text(app)
    assert "It finds 54, misses 63, gives 97 false alarms and leaves 386 alone." in text(app)
    assert app.table[0].value.set_index("figure").loc["Precision", "must be"] == "0.358"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"calc_recall": "a lot"}, "expected a figure such as 0.4483"),
        ({"calc_recall": "77"}, "recall: expected a share in 0 to 1"),
        ({"calc_prevalence": "0%"}, "expected photos of both classes"),
        ({"calc_prevalence": "?"}, "Type the prevalence first"),
    ],
)
def test_nonsense_costs_one_sentence(query: dict[str, str], said: str) -> None:
    app = run(part="Calculator", **query)
    assert said in text(app) + "".join(e.value for e in (*app.error, *app.info))


def test_a_missing_ledger_costs_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    app = run()
    assert len(app.error) == 1
    assert "set DERMAVIZ_RESULTS to a folder that holds claims.yaml" in app.error[0].value


def test_the_page_opens_without_torch() -> None:
    code = "import sys; import dermaviz.ui.widgets.reports_parts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
