"""The loop, for real on tiny networks: every option runs and does what its recipe says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from dermaviz.data.augment import Augmentation
from dermaviz.errors import DatasetError, RecipeError
from dermaviz.models.classifier import equalise
from dermaviz.models.zoo import build
from dermaviz.training.loop import BEST, Trainer, TrainingData, precision
from dermaviz.training.progress import read_metrics
from dermaviz.training.recipe import DataRecipe, LossRecipe, OptimiserRecipe, Recipe, Stage

Fit = Callable[..., Trainer]
MakeRecipe = Callable[..., Recipe]


def initial(recipe: Recipe) -> dict[str, Tensor]:
    """The weights that a run of this recipe starts from."""
    torch.manual_seed(recipe.seed)
    return build(recipe.model.architecture, 3, "none").state_dict()


def test_it_learns(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    trainer = fit(tiny_recipe(stages=(Stage(32, 6),)))
    history = read_metrics(trainer.run)
    assert [line["epoch"] for line in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["train_loss"] < 0.5 * history[0]["train_loss"]
    assert max(line["balanced_accuracy"] for line in history) > 0.8


def test_the_same_recipe_gives_the_same_run(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    recipe = tiny_recipe(
        "test_convnext", {"dropout": 0.3, "drop_path": 0.2}, augmentation=Augmentation(rotate=90, flip=True)
    )
    first, second = fit(recipe, "a"), fit(recipe, "b")
    assert (first.run / BEST).read_bytes() == (second.run / BEST).read_bytes()
    other = fit(replace(recipe, seed=1), "c")
    assert (first.run / BEST).read_bytes() != (other.run / BEST).read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": LossRecipe("focal", class_weight_power=1.0, label_smoothing=0.1, gamma=1.5)},
        {"sampler": "balanced"},
        {"sampler": "oversample"},
        {"optimiser": OptimiserRecipe("sgd", learning_rate=0.01, clip=0.1, schedule="step", steps=(1,))},
        {"optimiser": OptimiserRecipe("rmsprop", learning_rate=1e-3, warm_up=0.5, weight_decay=1e-3, head_factor=10)},
        {"stages": (Stage(24, 1), Stage(32, 1), Stage(40, 1)), "ema": 0.9, "select_by": "macro_f1"},
        {"precision": "bf16", "ema": 0.9, "optimiser": OptimiserRecipe("adam", clip=1.0)},
        {"model": {"freeze_batch_norm": True, "dropout": 0.2}, "select_by": "loss"},
        {"data": DataRecipe(equalise="clahe"), "augmentation": Augmentation(hue=0.1), "select_by": "accuracy"},
        {
            "optimiser": OptimiserRecipe("adam", schedule="plateau", plateau_epochs=1),
            "model": {"trained": ("layer4", "fc")},
        },
    ],
    ids=lambda changes: " ".join(changes),
)
def test_every_option_trains(fit: Fit, tiny_recipe: MakeRecipe, changes: dict[str, object]) -> None:
    recipe = tiny_recipe(**changes)
    trainer = fit(recipe)
    history = read_metrics(trainer.run)
    assert [line["size"] for line in history] == [stage.size for stage in recipe.stages for _ in range(stage.epochs)]
    assert all(np.isfinite(line["train_loss"]) for line in history)
    weights = load_file(trainer.run / BEST)
    assert not torch.equal(weights["fc.weight"], initial(recipe)["fc.weight"])


def test_the_kept_epoch_is_the_best_by_the_chosen_figure(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    trainer = fit(tiny_recipe(stages=(Stage(32, 5),), select_by="loss", optimiser=OptimiserRecipe(learning_rate=0.03)))
    history = read_metrics(trainer.run)
    losses = [line["loss"] for line in history]
    assert [line["kept"] for line in history] == [loss == min(losses[: i + 1]) for i, loss in enumerate(losses)]
    assert trainer.progress.best_epoch == int(np.argmin(losses))


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_frozen_modules_stay_bit_for_bit(fit: Fit, tiny_recipe: MakeRecipe, ema: float) -> None:
    """Their weights and, in train mode too, their batch norm's statistics; the rest moves."""
    recipe = tiny_recipe("test_efficientnet", {"frozen": ("conv_stem", "bn1", "blocks.0")}, ema=ema)
    trainer = fit(recipe)
    before, after = initial(recipe), load_file(trainer.run / BEST)
    same = {key for key in before if torch.equal(before[key], after[key])}
    frozen = {key for key in before if key.startswith(("conv_stem.", "bn1.", "blocks.0."))}
    assert any("running_mean" in key for key in frozen)
    assert frozen <= same
    assert {"blocks.1.0.conv_exp.weight", "bn2.running_mean", "classifier.weight"}.isdisjoint(same)


def test_freeze_batch_norm_keeps_all_statistics_and_trains_the_rest(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    recipe = tiny_recipe(model={"freeze_batch_norm": True})
    trainer = fit(recipe)
    before, after = initial(recipe), load_file(trainer.run / BEST)
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert not any("running_" in key or "num_batches" in key for key in moved)
    assert "bn1.weight" in moved


def test_a_frozen_module_that_is_not_there_is_named(
    coloured: TrainingData, tiny_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = tiny_recipe(model={"frozen": ("layer1", "blocks.7")})
    with pytest.raises(
        RecipeError, match=r"model\.frozen: expected names of modules, found \['blocks\.7'\].*outermost: conv1, bn1"
    ):
        Trainer(recipe, coloured, tmp_path)


def test_a_transformer_is_trained_at_its_only_size(
    coloured: TrainingData, tiny_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = tiny_recipe("test_vit")
    with pytest.raises(
        RecipeError, match=r"stages: expected 160 pixels in every stage, the only size that test_vit takes, found"
    ):
        Trainer(recipe, coloured, tmp_path)


def test_ema_is_the_average_of_the_weights_after_each_step(
    coloured: TrainingData, tiny_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the recursion written out: decay 1 − (1 + t)^−3/4 up to the recipe's, with t counted from the second step."""
    trainer = Trainer(tiny_recipe(ema=0.6, stages=(Stage(32, 1),)), coloured, tmp_path)
    assert trainer.ema
    snapshots: list[Tensor] = []
    step_once = trainer.optimiser.step

    def step() -> None:
        step_once()
        snapshots.append(trainer.network.fc.weight.detach().clone())

    monkeypatch.setattr(trainer.optimiser, "step", step)
    trainer.train_epoch()
    average = snapshots[0]
    for t, weight in enumerate(snapshots[1:]):
        decay = min(1 - (1 + t) ** -0.75, 0.6)
        average = decay * average + (1 - decay) * weight
    assert len(snapshots) == 4
    torch.testing.assert_close(trainer.judged.fc.weight, average)
    assert not torch.allclose(trainer.judged.fc.weight, snapshots[-1])


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_clipping_bounds_the_norm_of_the_gradient(
    coloured: TrainingData, tiny_recipe: MakeRecipe, tmp_path: Path, clip: float
) -> None:
    """One SGD step moves the weights by rate × gradient, so the clipped norm can be read off the step."""
    optimiser = OptimiserRecipe("sgd", learning_rate=1.0, momentum=0.0, schedule="constant", clip=clip)
    trainer = Trainer(tiny_recipe(optimiser=optimiser), coloured, tmp_path)
    before = [p.detach().clone() for p in trainer.network.parameters()]
    batch = next(iter(trainer.source.epoch(0)))
    trainer.train_step(batch.images, batch.views, batch.labels, 32)
    moved = torch.cat([(b - p.detach()).flatten() for b, p in zip(before, trainer.network.parameters(), strict=True)])
    if clip:
        assert moved.norm().item() == pytest.approx(clip, rel=1e-3)
    else:
        assert moved.norm().item() > 0.5


def test_the_learning_rate_of_each_step_is_the_schedule_s(
    coloured: TrainingData, tiny_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimiser = OptimiserRecipe("sgd", learning_rate=0.1, head_factor=2, schedule="step", steps=(1,))
    trainer = Trainer(tiny_recipe(optimiser=optimiser), coloured, tmp_path)
    seen: list[tuple[float, ...]] = []
    step_once = trainer.optimiser.step

    def step() -> None:
        seen.append(tuple(sorted({group["lr"] for group in trainer.optimiser.param_groups})))
        step_once()

    monkeypatch.setattr(trainer.optimiser, "step", step)
    trainer.fit()
    assert np.array(seen) == pytest.approx(np.array([(0.1, 0.2)] * 4 + [(0.01, 0.02)] * 4))


def test_patience_stops_and_a_restart_stays_stopped(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    """With a rate of 0 and still batch norm nothing ever gains on the first epoch."""
    recipe = tiny_recipe(
        model={"freeze_batch_norm": True},
        optimiser=OptimiserRecipe(learning_rate=0.0),
        stages=(Stage(32, 9),),
        patience=2,
    )
    assert len(read_metrics(fit(recipe).run)) == 3
    again = fit(recipe)
    assert len(read_metrics(again.run)) == 3
    assert again.progress.sittings == 2


def test_a_plateau_lowers_the_rate_and_a_gain_does_not(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    """Only the head can move, and at a rate this small no accuracy ever gains on the first epoch's."""
    optimiser = OptimiserRecipe("sgd", 1e-9, schedule="plateau", plateau_epochs=2, factor=0.5, final_factor=0.2)
    model = {"trained": ("fc",), "freeze_batch_norm": True}
    trainer = fit(tiny_recipe(model=model, optimiser=optimiser, stages=(Stage(24, 8),), select_by="accuracy"))
    rates = [line["learning_rate"] / 1e-9 for line in read_metrics(trainer.run)]
    assert rates == pytest.approx([1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2])


def test_all_but_the_trained_modules_stay_bit_for_bit(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    recipe = tiny_recipe(model={"trained": ("layer4", "fc")})
    before, after = initial(recipe), load_file(fit(recipe).run / BEST)
    moved = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert moved == {"layer4", "fc"}


def test_training_and_validation_see_what_the_classifier_will(
    coloured: TrainingData, tiny_recipe: MakeRecipe, tmp_path: Path
) -> None:
    trainer = Trainer(tiny_recipe(data=DataRecipe(equalise="histogram")), coloured, tmp_path)
    plain = Trainer(tiny_recipe(), coloured, tmp_path)
    shown, raw = next(iter(trainer.source.epoch(0))), next(iter(plain.source.epoch(0)))
    np.testing.assert_array_equal(shown.images, equalise(raw.images.numpy(), "histogram"))
    assert not torch.equal(shown.images, raw.images)
    evened = replace(coloured, pack=replace(coloured.pack, images=equalise(coloured.pack.images, "histogram")))
    expected = Trainer(tiny_recipe(), evened, tmp_path).validation
    network, accelerator = plain.network, plain.accelerator
    assert trainer.validation.figures(accelerator, network, 32, 3) == expected.figures(accelerator, network, 32, 3)


def test_a_loss_that_is_not_finite_is_said(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    recipe = tiny_recipe(optimiser=OptimiserRecipe("sgd", learning_rate=1e30, schedule="constant"))
    with pytest.raises(
        RecipeError, match=r"expected a finite training loss, found nan in epoch 1\. Lower optimiser\.learning"
    ):
        fit(recipe)


def test_a_batch_larger_than_the_data_is_refused(fit: Fit, tiny_recipe: MakeRecipe) -> None:
    with pytest.raises(
        RecipeError, match=r"batch_size: expected between 1 .* and 32 \(the training images\), found 33"
    ):
        fit(tiny_recipe(batch_size=33))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_without_images_is_refused(coloured: TrainingData, split: str) -> None:
    with pytest.raises(DatasetError, match=f"expected {split} images, found none"):
        replace(coloured, **{split: coloured.train.take([])})


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_half_precision_needs_a_gpu(tiny_recipe: MakeRecipe) -> None:
    assert precision(tiny_recipe()) == "no"
    assert precision(tiny_recipe(precision="bf16")) == "bf16"
    with pytest.raises(RecipeError, match=r"precision: expected bf16, fp32 or auto where there is no GPU, found fp16"):
        precision(tiny_recipe(precision="fp16"))
