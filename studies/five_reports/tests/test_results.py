"""Results on disk: read back as they were written, refused when they are not what they claim to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermaviz.errors import ResultError
from studies.five_reports.plan import Run
from studies.five_reports.result import (
    CURVE,
    PREDICTIONS,
    RESULT,
    Result,
    has_result,
    read_curve,
    read_predictions,
    read_result,
    results_root,
    write_result,
)
from studies.five_reports.rows import Row


@pytest.fixture
def kept(make_row: Callable[..., Row], keep: Callable[..., Result], tmp_path: Path) -> tuple[Result, Path]:
    """A result and its folder."""
    run = Run(make_row(claims=("gupta/x",)), "laptop", 0)
    return keep(run, tmp_path), run.folder(tmp_path)


def test_where_a_result_lies(make_row: Callable[..., Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Run(make_row(), "full", 3).folder(tmp_path) == tmp_path / "some-report" / "tiny" / "full-seed3"
    monkeypatch.setenv("DERMAVIZ_RESULTS", str(tmp_path))
    assert results_root() == tmp_path / "reports"


def test_a_result_is_read_back_as_it_was_written(kept: tuple[Result, Path]) -> None:
    result, folder = kept
    again = read_result(folder)
    assert (again.claims, again.classes, again.seed) == (("gupta/x",), ("benign", "malignant"), 0)
    assert again.figure("accuracy")["value"] == 0.5  # two of four
    assert again.figure("sensitivity", "malignant")["value"] == 0.5
    assert again.figure("accuracy")["n_lesions"] == 3
    assert again.figure("accuracy")["n_positives"] is None  # all classes count alike
    assert again.predictions_sha256 == result.predictions_sha256
    with pytest.raises(
        ResultError, match=r"some-report/tiny: expected a figure beauty of all, found balanced_accuracy, "
    ):
        again.figure("beauty")


def test_predictions_are_small_and_calibrated(kept: tuple[Result, Path]) -> None:
    table = read_predictions(kept[1])
    assert list(table) == ["image_id", "lesion_id", "dx", "p_benign", "p_malignant"]
    assert table["dx"].tolist() == ["benign", "benign", "malignant", "malignant"]
    assert table["p_benign"].dtype == np.float32
    np.testing.assert_allclose(table["p_malignant"], [0.1, 0.8, 0.7, 0.4], rtol=1e-6)


def test_a_curve_has_a_row_for_each_epoch_and_is_vouched_for(kept: tuple[Result, Path]) -> None:
    assert read_curve(kept[1]).to_dict("list") == {"epoch": [1], "loss": [0.5]}
    (kept[1] / CURVE).write_text("epoch,loss\n1,0.1\n", encoding="utf-8")
    with pytest.raises(ResultError, match=r"expected the curve that result\.json vouches for, found 17 other bytes"):
        read_curve(kept[1])


def test_a_learner_without_epochs_has_an_empty_curve(kept: tuple[Result, Path], tmp_path: Path) -> None:
    result, folder = kept
    write_result(folder, result, pd.DataFrame(()), read_predictions(folder))
    assert read_curve(folder).empty


def test_a_new_result_replaces_the_old_one(
    make_row: Callable[..., Row], keep: Callable[..., Result], tmp_path: Path
) -> None:
    run = Run(make_row(), "laptop", 0)
    keep(run, tmp_path, seconds=1.0)
    (run.folder(tmp_path) / "left behind").touch()
    keep(run, tmp_path, seconds=2.0)
    assert read_result(run.folder(tmp_path)).seconds == 2
    assert sorted(path.name for path in run.folder(tmp_path).iterdir()) == [CURVE, PREDICTIONS, RESULT]


def test_what_is_undefined_is_null(make_row: Callable[..., Row], keep: Callable[..., Result], tmp_path: Path) -> None:
    run = Run(make_row(), "laptop", 0)
    keep(run, tmp_path, figures=({"metric": "accuracy", "class": "", "value": float("nan")},))
    text = (run.folder(tmp_path) / RESULT).read_text(encoding="utf-8")
    assert json.loads(text)["figures"] == [{"metric": "accuracy", "class": "", "value": None}]


@pytest.mark.parametrize("damage", ["{", "[]", '{"report": 1}'])
def test_a_damaged_result_is_refused(kept: tuple[Result, Path], damage: str) -> None:
    (kept[1] / RESULT).write_text(damage, encoding="utf-8")
    assert has_result(kept[1])
    with pytest.raises(
        ResultError, match=r"expected a run's result \(report, row, .* Delete the folder and make it again"
    ):
        read_result(kept[1])


def test_predictions_cut_short_are_refused(kept: tuple[Result, Path]) -> None:
    path = kept[1] / PREDICTIONS
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        ResultError, match=r"expected the predictions that result\.json vouches for, found [\d,]+ other"
    ):
        read_predictions(kept[1])
    path.unlink()
    with pytest.raises(ResultError, match=r"found 0 other bytes"):
        read_predictions(kept[1])
