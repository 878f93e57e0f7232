"""How long a run takes: against speeds that were measured, and by hand."""

from __future__ import annotations

import math
import os
from dataclasses import replace

import pytest

from dermaviz.training.recipe import DataRecipe, ModelRecipe, Recipe, Stage
from studies.five_reports.plan import (
    COSTS,
    RUN_SECONDS,
    SAVE_SECONDS,
    STEP_SECONDS,
    VIEW_SECONDS,
    estimated_seconds,
    expected_photos,
)
from studies.five_reports.train_network import selected


def recipe(architecture: str = "resnet18", size: int = 224, epochs: int = 1, **data: object) -> Recipe:
    return Recipe("x", ModelRecipe(architecture, "none"), (Stage(size, epochs),), DataRecipe(**data))


@pytest.mark.parametrize(
    ("architecture", "size", "images_a_second"), [("tf_efficientnet_lite0", 128, 62), ("resnet18", 224, 15)]
)
def test_measured_speeds_come_out_again(architecture: str, size: int, images_a_second: float) -> None:
    few, more = (estimated_seconds(recipe(architecture, size, images=n, validation_images=7)) for n in (1000, 3000))
    assert 2000 / (more - few) == pytest.approx(images_a_second, rel=0.25)


def test_by_hand() -> None:
    cost = COSTS["resnet18"]
    forward = cost.work / cost.rate
    trained, validated, tested = 640, 70, 2003  # a fifth of each of the published counts, rounded, makes 2,003
    epoch = trained * (3 * forward + VIEW_SECONDS) + 20 * cost.parameters * STEP_SECONDS
    epoch += validated * (forward + VIEW_SECONDS) + cost.parameters * SAVE_SECONDS
    expected = RUN_SECONDS + 2 * epoch + tested * (forward + VIEW_SECONDS)
    found = estimated_seconds(recipe(epochs=2, images=640, validation_images=70))
    assert found == pytest.approx(expected, rel=0.01)


def test_what_makes_a_run_shorter_or_longer() -> None:
    plain = recipe(images=700, validation_images=70)
    seconds = estimated_seconds(plain)
    frozen = replace(plain, model=replace(plain.model, trained=("fc",)))
    assert estimated_seconds(frozen) < seconds < estimated_seconds(replace(plain, sampler="oversample"))
    balanced = replace(plain, data=replace(plain.data, task="malignant", balance=True, images=0))
    assert estimated_seconds(balanced) > seconds  # 2,736 images


def test_an_unknown_network_has_no_estimate() -> None:
    assert math.isnan(estimated_seconds(recipe("test_resnet")))


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("DERMAVIZ_DATA"), reason="DERMAVIZ_DATA is not set")
@pytest.mark.parametrize(
    "data",
    [
        DataRecipe(),
        DataRecipe(images=3000, validation_images=300),
        DataRecipe(task="malignant", balance=True, validation_images=200),
        DataRecipe(task="keratosis", images=1200),
        DataRecipe(manifest="ham10000-by-image", leaky=True),
    ],
    ids=["all", "some", "balanced", "three diagnoses", "by image"],
)
def test_expected_photos_are_about_those_that_are_selected(data: DataRecipe) -> None:
    for split, dataset in selected(data, None).items():
        for name, n in expected_photos(data, split).items():
            assert n == pytest.approx(dataset.counts()[name], rel=0.03, abs=3), (split, name)
