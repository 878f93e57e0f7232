"""A row measured over its seeds: metrics by name against hand counts, intervals against the evaluation's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermaviz.errors import ResultError
from dermaviz.metrics.bootstrap import estimate
from dermaviz.metrics.classification import accuracy
from studies.five_reports.claims.row_results import ConstantResults, RowResults, metric_named
from studies.five_reports.result import Result

Leave = Callable[..., Result]
THREE = ("df", "mel", "nv")
LABELS = [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
SAID = [0, 2, 1, 1, 2, 2, 2, 2, 2, 1]  # 1 of 2 df, 2 of 3 mel, 4 of 5 nv; called: 1 df, 3 mel, 6 nv


def test_the_classes_are_three_and_their_answers_add_up() -> None:
    assert [SAID.count(i) for i in range(3)] == [1, 3, 6]


@pytest.mark.parametrize(
    ("name", "value", "constant", "n"),
    [
        ("accuracy", 0.7, 0.5, 10),
        ("balanced_accuracy", (1 / 2 + 2 / 3 + 4 / 5) / 3, 1 / 3, 10),
        ("sensitivity/mel", 2 / 3, 0.0, 3),
        ("precision/nv", 4 / 6, 0.5, 5),
        ("f1/df", 2 / 3, 0.0, 2),  # precision 1, recall 1/2
        ("called/df as nv", 1 / 2, 1.0, 2),
        ("called/mel as df", 0.0, 0.0, 3),
        ("weighted_precision", (2 * 1 + 3 * (2 / 3) + 5 * (4 / 6)) / 10, np.nan, 10),
        (
            "roc_auc/nv",
            (4 * 3 + 4 * 2 / 2 + 1 * 3 / 2) / 25,
            0.5,
            10,
        ),  # 4 of 5 nv and 2 of 5 others score .9, all else .05
    ],
)
def test_metrics_by_name_are_what_hands_count(
    leave: Leave, tmp_path: Path, name: str, value: float, constant: float, n: int
) -> None:
    row = RowResults(tmp_path / "results", [leave("four", LABELS, SAID, classes=THREE)])
    found = row.figure(name)
    assert found.by_seed == pytest.approx((value,))
    assert found.constant == pytest.approx(constant, nan_ok=True)
    assert found.n == n


@pytest.mark.parametrize(
    "name", ["beauty", "f1", "accuracy/mel", "f1/bcc", "called/mel as bcc", "weighted_precision/mel"]
)
def test_a_metric_that_the_classes_do_not_have_is_refused(name: str) -> None:
    with pytest.raises(ResultError, match=r"expected a metric '.*' of the run's classes, found balanced_accuracy, "):
        metric_named(name, THREE, frozenset())


def test_the_interval_of_one_seed_is_the_evaluations_own(leave: Leave, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(3, size=60).tolist()
    said = [label if rng.random() < 0.7 else int(rng.integers(3)) for label in labels]
    row = RowResults(tmp_path / "results", [leave("four", labels, said, classes=THREE)])
    lesions = [f"lesion im{i:03}" for i in range(60)]
    own = estimate({"accuracy": accuracy}, np.array(labels), np.eye(3)[said], lesions)["accuracy"]
    assert row.figure("accuracy").estimate == own
    assert row.figure("accuracy").draws.shape == (1, 1000)
    assert row.n_lesions == 60


def test_a_row_is_the_mean_over_its_seeds(leave: Leave, tmp_path: Path) -> None:
    labels = [0, 1] * 10
    right, wrong = labels, [1 - label for label in labels]
    runs = [leave("four", labels, said, seed=seed) for seed, said in enumerate((right, right, wrong))]
    found = RowResults(tmp_path / "results", runs).figure("accuracy")
    assert found.by_seed == (1, 1, 0)
    assert found.estimate.value == pytest.approx(2 / 3)
    assert (found.estimate.low, found.estimate.high) == pytest.approx(
        (2 / 3, 2 / 3)
    )  # so it is whatever photos are drawn


def test_runs_of_a_row_on_other_photos_are_refused(leave: Leave, tmp_path: Path) -> None:
    runs = [leave("four", [0, 1], [0, 1]), leave("four", [0, 1], [0, 1], seed=1, photos=("x", "y"))]
    with pytest.raises(
        ResultError, match=r"bezzon-carraro/four: expected the same test photos .* others with seed 1\."
    ):
        _ = RowResults(tmp_path / "results", runs).image_ids


def test_after_an_attack_only_the_kept_figures_are_there(leave: Leave, tmp_path: Path) -> None:
    labels = [0, 1] * 20
    attacked = [1 - label if i < 10 else label for i, label in enumerate(labels)]
    run = leave("resnet-18", labels, labels, under={"fgsm": attacked})
    row = RowResults(tmp_path / "results", [run], "fgsm")
    found = row.figure("accuracy")
    assert found.by_seed == (0.75,)
    assert found.draws is None
    assert found.estimate.low < 0.75 < found.estimate.high
    assert (found.constant, found.n, row.n_lesions) == (0.5, 40, 40)
    assert row.figure("sensitivity/malignant").n == 20
    with pytest.raises(ResultError, match=r"expected a metric 'f1/mel'"):
        row.figure("f1/mel")
    assert not row.paired_with(RowResults(tmp_path / "results", [run]))


def test_the_constant_answer_is_the_commonest_class(leave: Leave, tmp_path: Path) -> None:
    row = ConstantResults(tmp_path / "results", [leave("four", LABELS, SAID, classes=THREE)])
    assert row.figure("accuracy").by_seed == (0.5,)
    assert row.figure("sensitivity/nv").by_seed == (1.0,)


@pytest.mark.parametrize(
    ("by_epoch", "kept", "later"),
    [([0.5, 0.53], 1, True), ([0.5, 0.51], 1, False), ([0.5, 0.53], 2, False), ([], 0, False)],
)
def test_an_epoch_that_was_not_kept_may_have_learnt(
    leave: Leave, tmp_path: Path, by_epoch: list[float], kept: int, later: bool
) -> None:
    curve = pd.DataFrame([{"epoch": i + 1, "balanced_accuracy": value} for i, value in enumerate(by_epoch)])
    row = RowResults(tmp_path / "results", [leave("sgd", [0, 1], [0, 0], curve=curve, kept_epoch=kept)])
    assert row.learnt_later is later
