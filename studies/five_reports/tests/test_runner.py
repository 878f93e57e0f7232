"""Rows run on drawn lesions: every family of networks, classical learners, interruptions, failures, and what is skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermaviz.evidence.evaluate import prediction_rows
from dermaviz.models.card import read_card
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.training.loop import Trainer
from studies.five_reports.plan import Run, planned
from studies.five_reports.result import CURVE, Result, read_predictions
from studies.five_reports.rows import NETWORK, Row, read_rows, report_names
from studies.five_reports.runner import Failure, run_all
from studies.five_reports.train_network import read_photos

Sitting = Callable[..., tuple[tuple[Failure, ...], list[str]]]


@pytest.fixture
def sit(drawn_dataset: Path, tmp_path: Path) -> Sitting:
    """``sit(row, …)``: run rows at the laptop's budget; the failures, and the lines on the screen."""

    def run(*rows: Row) -> tuple[tuple[Failure, ...], list[str]]:
        said: list[str] = []
        runs = planned(rows, "laptop")
        failures = run_all(runs, drawn_dataset, tmp_path / "states", tmp_path / "results", said.append, draws=20)
        return failures, said

    return run


@pytest.fixture
def result_of(tmp_path: Path) -> Callable[[Row], Result]:
    """The finished result of a row's first seed."""

    def read(row: Row) -> Result:
        found = Run(row, "laptop", row.seeds[0]).done(tmp_path / "results")
        assert found is not None
        return found

    return read


def test_a_row_leaves_its_result_and_no_weights(
    drawn_row: Callable[..., Row], sit: Sitting, result_of: Callable[[Row], Result], drawn_dataset: Path, tmp_path: Path
) -> None:
    row = drawn_row(claims=("gupta/x",))
    failures, said = sit(row)
    assert failures == ()
    assert said[0].startswith("[1/1] some-report/tiny laptop, seed 0: about an unknown time")
    assert "always answering the commonest class 0.500" in said[1]

    result = result_of(row)
    photos = read_photos(row.recipe("laptop", 0).data, drawn_dataset)
    assert result.data["images"] == photos.counts()
    assert result.data["images"]["train"] == {"benign": 8, "malignant": 8}
    assert (result.classes, result.malignant, result.kept_epoch) == (("benign", "malignant"), ("malignant",), 1)

    folder = Run(row, "laptop", 0).folder(tmp_path / "results")
    table = read_predictions(folder)
    assert table["image_id"].tolist() == [record.image_id for record in photos.splits["test"].records]
    right = (table["p_malignant"] > table["p_benign"]) == (table["dx"] == "malignant")
    assert result.figure("accuracy")["value"] == pytest.approx(right.mean())
    assert pd.read_csv(folder / CURVE)["epoch"].tolist() == [1]
    assert not list((tmp_path / "states").rglob("*.safetensors"))
    assert not (tmp_path / "checkpoints").exists()


def test_what_is_done_is_skipped_until_settings_or_photos_change(
    drawn_row: Callable[..., Row], sit: Sitting, result_of: Callable[[Row], Result]
) -> None:
    row = drawn_row()
    sit(row)
    assert sit(row)[1] == ["[1/1] some-report/tiny laptop, seed 0: done before"]
    first = result_of(row)
    changed = drawn_row({"batch_size": 4})
    assert "accuracy" in sit(changed)[1][1]
    assert result_of(changed).settings_sha256 != first.settings_sha256


def test_an_interrupted_row_goes_on_where_it_was(
    drawn_row: Callable[..., Row], sit: Sitting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = drawn_row({"stages": [{"size": 32, "epochs": 3}]})
    trained = []
    whole = Trainer.train_epoch

    def stop_before_the_last(trainer: Trainer) -> None:
        if trainer.progress.epoch == 2 and len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(trainer.progress.epoch)
        whole(trainer)

    monkeypatch.setattr(Trainer, "train_epoch", stop_before_the_last)
    with pytest.raises(KeyboardInterrupt):
        sit(row)
    monkeypatch.setattr(
        Trainer, "train_epoch", lambda trainer: (trained.append(trainer.progress.epoch), whole(trainer))
    )
    assert sit(row)[0] == ()
    assert trained == [0, 1, 2]
    curve = pd.read_csv(Run(row, "laptop", 0).folder(tmp_path / "results") / CURVE)
    assert curve["epoch"].tolist() == [1, 2, 3]


def test_a_failure_is_told_and_the_next_row_goes_on(drawn_row: Callable[..., Row], sit: Sitting) -> None:
    wrong = drawn_row({"model": {"architecture": "resnet_of_nobody"}}, row="wrong")
    failures, said = sit(wrong, drawn_row())
    assert [failure.run.row.row for failure in failures] == ["wrong"]
    assert "expected an architecture that timm or torchvision knows, found 'resnet_of_nobody'" in failures[0].reason
    assert said[1].startswith("  failed: expected an architecture")
    assert "accuracy" in said[3]


def test_a_row_that_ships_leaves_a_checkpoint_that_says_the_same(
    drawn_row: Callable[..., Row], sit: Sitting, drawn_dataset: Path, tmp_path: Path
) -> None:
    row = drawn_row({"model": {"architecture": "dermaviz:lenet@32"}, "data": {"pack": [64, 64]}}, ships="shipped")
    assert sit(row)[0] == ()
    folder = tmp_path / "checkpoints" / "shipped"
    assert read_card(folder / "card.json").name == "shipped"
    test = read_photos(row.recipe("laptop", 0).data, drawn_dataset).splits["test"]
    (said,) = prediction_rows(load_checkpoint(folder), test, [slice(0, len(test))])
    table = read_predictions(Run(row, "laptop", 0).folder(tmp_path / "results"))
    np.testing.assert_allclose(said["p_malignant"], table["p_malignant"], atol=1e-3)  # fp16, packed at the photos' size


def test_a_row_may_be_measured_again_under_attack_and_noise(
    drawn_row: Callable[..., Row], sit: Sitting, result_of: Callable[[Row], Result], tmp_path: Path
) -> None:
    row = drawn_row(fgsm=0.5, noise=1e-6)
    assert sit(row)[0] == ()
    result = result_of(row)
    assert set(result.under) == {"fgsm", "noise"}
    accuracy = {name: figures[3]["value"] for name, figures in result.under.items()}
    assert result.under["fgsm"][3]["metric"] == "accuracy"
    assert accuracy["fgsm"] <= result.figure("accuracy")["value"] == pytest.approx(accuracy["noise"])
    assert not list((tmp_path / "states").rglob("*.safetensors"))


@pytest.mark.parametrize("learner", ["forest", "svm", "xgboost"])
def test_classical_learners_leave_the_same_kind_of_result(
    learner: str, drawn_row: Callable[..., Row], sit: Sitting, result_of: Callable[[Row], Result]
) -> None:
    if learner == "xgboost":
        pytest.importorskip("xgboost")
    row = drawn_row(learner=learner, reported={"data": {"task": "malignant", "pack": [32, 32]}, "stages": []})
    assert sit(row)[0] == ()
    result = result_of(row)
    assert 0 <= result.figure("accuracy")["value"] <= 1
    assert result.kept_epoch == 0


SMALLEST: dict[str, int] = {
    "dermaviz:lenet@32": 32,
    "dermaviz:blocks2@32": 32,
    "dermaviz:cnn512@90": 90,
    "tf_efficientnet_lite0+dense64": 32,
    "resnet18+pool-dense512-256": 32,
    "resnext50_32x4d": 32,
    "densenet121": 32,
    "vgg16+pool-dense512-256": 32,
    "torchvision:alexnet": 64,
    "mobilenetv1_100": 32,
    "mobilenetv2_100": 32,
    "inception_v3+dense64": 80,
    "inception_resnet_v2+dense64": 80,
}
"""The smallest network of each family, with the least input that it takes."""


@pytest.mark.parametrize("architecture", SMALLEST)
def test_every_family_learns_two_steps_of_drawn_lesions(
    architecture: str, drawn_row: Callable[..., Row], sit: Sitting, result_of: Callable[[Row], Result]
) -> None:
    stages = [{"size": SMALLEST[architecture], "epochs": 1}]
    row = drawn_row({"model": {"architecture": architecture}, "stages": stages})
    assert sit(row)[0] == ()
    assert np.isfinite(result_of(row).figure("negative_log_likelihood")["value"])


def test_no_family_of_the_recipes_is_left_out() -> None:
    used = {
        row.recipe(budget, 0).model.architecture.partition("@")[0].partition("+")[0].rstrip("0123456789")
        for report in report_names()
        for row in read_rows(report)
        if row.learner == NETWORK
        for budget in ("laptop", "full")
    }
    tried = {name.partition("@")[0].partition("+")[0].rstrip("0123456789") for name in SMALLEST}
    assert used <= tried
