"""Two processes on gloo: the loss curve of one with the same global batch, one set of statistics, exact resuming."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator
from safetensors.torch import load_file

from dermaviz.data.augment import Augmentation
from dermaviz.models.zoo import build, load_weights
from dermaviz.training.loop import BEST, Trainer, TrainingData
from dermaviz.training.progress import read_metrics
from dermaviz.training.recipe import LossRecipe, OptimiserRecipe, Recipe, Stage
from tests.training.processes import one_of_two, start_two

VIEWS = Augmentation(scale=(0.7, 1.0), rotate=180, flip=True, brightness=0.1)


@pytest.fixture(scope="module")
def plain(tiny_recipe: Callable[..., Recipe]) -> Recipe:
    """Nothing that depends on which images share a process: no batch norm, no dropout. Frozen stem, class weights, EMA."""
    return tiny_recipe(
        "test_convnext",
        {"frozen": ("stem",)},
        stages=(Stage(32, 2),),
        loss=LossRecipe(class_weight_power=0.6, label_smoothing=0.05),
        optimiser=OptimiserRecipe("sgd", learning_rate=0.05, clip=1.0, warm_up=0.1),
        augmentation=VIEWS,
        ema=0.9,
    )


@pytest.fixture(scope="module")
def varied(tiny_recipe: Callable[..., Recipe]) -> Recipe:
    """Batch norm, dropout and EMA, saved after every batch."""
    return tiny_recipe("test_efficientnet", {"dropout": 0.2}, augmentation=VIEWS, ema=0.8, save_minutes=0.0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, coloured: TrainingData, plain: Recipe, varied: Recipe) -> Path:
    """What two processes leave behind."""
    folder = tmp_path_factory.mktemp("two")
    two = start_two(one_of_two, plain, varied, coloured, folder)
    for process in two:
        process.join(300)
    assert [process.exitcode for process in two] == [0, 0]
    return folder


def curve(run: Path, *names: str) -> list[dict[str, Any]]:
    return [{name: line[name] for name in names} for line in read_metrics(run)]


def test_two_processes_give_the_loss_curve_of_one(runs: Path, plain: Recipe, fit: Callable[..., Trainer]) -> None:
    alone = fit(plain)
    figures = ("train_loss", "loss", "balanced_accuracy", "macro_f1")
    for two, one in zip(curve(runs / "plain", *figures), curve(alone.run, *figures), strict=True):
        assert two == pytest.approx(one, rel=1e-4)
    together, single = load_file(runs / "plain" / BEST), load_file(alone.run / BEST)
    assert all(together[key].numpy() == pytest.approx(single[key].numpy(), abs=1e-4) for key in single)


def test_the_figures_are_those_of_the_kept_weights(
    runs: Path, varied: Recipe, coloured: TrainingData, tmp_path: Path
) -> None:
    """Batch statistics differ between processes; both must judge with those that are kept."""
    (*_, kept) = [line for line in read_metrics(runs / "unbroken") if line["kept"]]
    network = build(varied.model.architecture, 3, "none")
    load_weights(network, load_file(runs / "unbroken" / BEST), source=BEST)
    trainer = Trainer(varied, coloured, tmp_path)
    figures = trainer.validation.figures(Accelerator(cpu=True), network, 32, 3)
    assert {name: kept[name] for name in figures} == pytest.approx(figures, rel=1e-5)


def test_two_interrupted_processes_end_like_two_unbroken_ones(runs: Path) -> None:
    names = ("epoch", "train_loss", "loss", "balanced_accuracy", "macro_f1", "kept")
    assert curve(runs / "interrupted", *names) == curve(runs / "unbroken", *names)
    assert (runs / "interrupted" / BEST).read_bytes() == (runs / "unbroken" / BEST).read_bytes()
