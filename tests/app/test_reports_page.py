"""The Reports page as Streamlit runs it, without the study: the calculator, and results that are not there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.app import opened
from tests.app.opened import open_page

ROOT = Path(__file__).parents[2]
run = partial(open_page, "pages/5_Reports.py")
text = partial(opened.text, kinds=("title", "header", "subheader", "markdown", "caption"))


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


def test_no_model_is_chosen_here_and_links_keep_the_one_that_is() -> None:
    app = run(part="Calculator", checkpoint="ham10000-lenet")
    assert not {"Model", "Data set"} & {box.label for box in app.selectbox}
    links = [link.proto.query_string for link in app.sidebar.get("page_link")]
    assert len(links) == 8
    assert all("checkpoint=ham10000-lenet" in link for link in links)


def test_missing_results_cost_one_sentence_and_the_calculator_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    for part in ("What was learnt", "One report", "All claims"):
        app = run(part=part)
        assert len(app.error) == 1
        assert "Clone it and set DERMAVIZ_RESULTS to its studies/five_reports/results" in app.error[0].value
    assert not run(part="Calculator").error


def test_results_that_cannot_be_read_cost_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "page.json").write_text('{"reports": []}')
    app = run()
    assert "found what cannot be read. Make it again from the finished runs" in app.error[0].value
