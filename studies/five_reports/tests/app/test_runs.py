"""The reports' reruns as the page reads them, and one run in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from dermaviz.app.reports.one_report import (
    Rerun,
    data_sentence,
    figure_table,
    making_sentence,
    opened,
    right_sentence,
    under_attack_sentences,
)
from dermaviz.app.reports.results import Result as Read
from dermaviz.app.reports.results import finished
from dermaviz.errors import ResultError
from studies.five_reports.result import PREDICTIONS, Result, read_predictions, write_result

Write = Callable[..., Result]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results are kept."""
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    return tmp_path / "reports"


def test_the_finished_runs_of_a_report_are_found_as_soon_as_they_are_there(results: Path, write_rerun: Write) -> None:
    assert finished("gupta-et-al") == {}
    write_rerun(results, "gupta-et-al", "resnet-18", seed=1)
    write_rerun(results, "gupta-et-al", "resnet-18", seed=0)
    write_rerun(results, "sagar-jacob", "sgd")
    found = finished("gupta-et-al")
    assert {row: [result.seed for result in runs] for row, runs in found.items()} == {"resnet-18": [0, 1]}


def read(result: Result) -> Read:
    """A result as the page reads it."""
    return next(
        one for one in finished(result.report)[result.row] if (one.budget, one.seed) == (result.budget, result.seed)
    )


@pytest.fixture
def run(results: Path, write_rerun: Write) -> Rerun:
    """A run between benign and malignant."""
    return opened(read(write_rerun(results, "gupta-et-al", "resnet-18")))


def test_a_run_holds_its_curve_and_answers(run: Rerun) -> None:
    assert run.curve["epoch"].tolist() == [1, 2]
    assert run.verdicts.counts.tolist() == [[2, 1], [1, 2]]
    assert run.commonest == "benign"  # of as many, the first
    assert run.names == {"benign": "benign lesions", "malignant": "malignant lesions"}


def test_of_two_classes_the_second_has_a_roc_curve(run: Rerun) -> None:
    assert run.sought == {"malignant": ("malignant",)}
    assert run.area("malignant").value == pytest.approx(7 / 9, abs=1e-6)  # .9 beats all three, .6 and .4 two each
    points = run.roc("malignant")
    assert points.iloc[-1][["false_positive_rate", "sensitivity"]].tolist() == [1.0, 1.0]


def test_of_several_classes_each_has_a_curve_and_malignancy_as_well(results: Path, write_rerun: Write) -> None:
    made = write_rerun(results, "bezzon-carraro", "one")
    folder = results / "bezzon-carraro" / "one" / "laptop-seed0"
    table = read_predictions(folder).rename(columns={"p_benign": "p_nv", "p_malignant": "p_mel"})
    table = table.assign(dx=table["dx"].map({"benign": "nv", "malignant": "mel"}), p_df=0.0)
    figures = [{"metric": "malignant_auc", "class": "", "value": 0.75, "low": None, "high": None}]
    changed = Result(**{**vars(made), "classes": ("nv", "mel", "df"), "malignant": ("mel",), "figures": tuple(figures)})
    seven = opened(read(write_result(folder, changed, pd.DataFrame(), table)))
    assert list(seven.sought) == ["malignant", "nv", "mel", "df"]
    assert seven.names["df"] == "dermatofibroma"
    assert seven.area("malignant").value == 0.75
    assert seven.roc("malignant")["sensitivity"].iloc[-1] == 1.0


def test_what_a_result_does_not_vouch_for_is_not_shown(results: Path, write_rerun: Write) -> None:
    result = write_rerun(results, "gupta-et-al", "alexnet")
    (results / "gupta-et-al" / "alexnet" / "laptop-seed0" / PREDICTIONS).unlink()
    with pytest.raises(ResultError, match="expected the predictions"):
        opened(read(result))


def test_all_figures_have_their_metric_in_words(run: Rerun) -> None:
    table = figure_table(run.result).set_index(["label", "class"])
    assert table.loc[("Accuracy", ""), "value"] == pytest.approx(4 / 6, abs=1e-6)
    assert table.loc[("F1", "malignant"), "n_positives"] == 3


def test_a_run_in_words(run: Rerun) -> None:
    assert data_sentence(run.result) == (
        "HAM10000: 9 photos to train on, 2 photos for validation, 6 photos for the test, 32 × 32 pixels."
    )
    assert making_sentence(run.result) == "Made at the laptop budget in 90 s on 2 cores (dermaviz 0.1.0)."
    said = right_sentence(run)
    assert said.startswith("**4 of 6 images** are classified correctly: 0.667 (95% interval ")
    assert "always answering “benign” gets 0.500. Most frequent mistake: **1 of 3** images of benign lesions" in said
    (said,) = under_attack_sentences(run.result)
    assert said.startswith("Under FGSM at ε = 0.003, its accuracy is 0.667 (95% interval ")
    assert said.endswith("on clean photos 0.667.")


def test_words_for_what_is_different(results: Path, write_rerun: Write) -> None:
    leaky = {"recipe": {"data": {"leaky": True}}}
    made = write_rerun(
        results, "ham10000-cnn-transfer", "leak", budget="full", seconds=600, machine="", made={}, settings=leaky
    )
    result = read(made)
    assert data_sentence(result).endswith(
        "for the test. The split is by image, so photos of one lesion lie on both sides."
    )
    assert making_sentence(result) == "Made at the full budget in 10.0 min."
