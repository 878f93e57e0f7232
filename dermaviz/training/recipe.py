"""Training: recipes, the YAML files that say all of a run: data, network, stages, optimiser, loss, augmentation, defence."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dermaviz.data.augment import Augmentation
from dermaviz.data.selection import Selection, find_task
from dermaviz.errors import DatasetError, RecipeError
from dermaviz.io import read_yaml
from dermaviz.models.card import Equalisation
from dermaviz.schema import Flag, Number, Whole, build, validated, within

_Share = Annotated[Number, within(0, 1)]
_AtLeast0 = Annotated[Number, within(0)]
_Count = Annotated[Whole, within(0)]
_Pixels = Annotated[Whole, within(4, 4096)]


@validated(RecipeError, "recipe")
class DataRecipe(Selection):
    """Which images and what is asked of them, packed at which height and width in pixels, and whether their lightness is
    evened out."""

    pack: tuple[Annotated[Whole, within(1, 4096)], Annotated[Whole, within(1, 4096)]] = (150, 200)
    equalise: Equalisation = ""

    def __post_init__(self) -> None:
        try:
            find_task(self.task)
        except DatasetError as error:
            raise RecipeError(f"data.{error}") from error


@validated(RecipeError, "recipe")
class ModelRecipe:
    """Which network, from which weights; ``frozen`` names modules that keep their weights and batch statistics, or
    ``trained`` those that do not, and all others keep theirs."""

    architecture: str
    weights: str = "imagenet"
    dropout: _Share = 0.0
    drop_path: _Share = 0.0
    frozen: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    freeze_batch_norm: Flag = False

    def __post_init__(self) -> None:
        if self.frozen and self.trained:
            raise RecipeError(
                f"model.trained: expected either frozen or trained modules, found {list(self.frozen)} frozen and "
                f"{list(self.trained)} trained. Name the shorter list; the other follows."
            )


@validated(RecipeError, "recipe")
class Stage:
    """Epochs at one input size in pixels; several stages make progressive resizing."""

    size: _Pixels
    epochs: Annotated[Whole, within(1, 100_000)]


@validated(RecipeError, "recipe")
class OptimiserRecipe:
    """Optimiser, its highest learning rate, and how the rate moves over the whole run.

    ``head_factor`` multiplies the rate of the classifier's last layer. ``warm_up`` is the share of all steps in which the
    rate rises linearly; after it the rate follows a ``cosine`` to ``final_factor`` of the highest, stays ``constant``, is
    multiplied by ``factor`` at each of ``steps`` (epochs), or, with ``plateau``, whenever ``plateau_epochs`` went by without
    gain in the figure of ``select_by``, down to ``final_factor`` of the highest.
    """

    name: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    learning_rate: _AtLeast0 = 1e-3
    weight_decay: _AtLeast0 = 0.0
    momentum: _Share = 0.9
    head_factor: _AtLeast0 = 1.0
    schedule: Literal["cosine", "constant", "step", "plateau"] = "cosine"
    warm_up: _Share = 0.0
    final_factor: _Share = 0.0
    steps: tuple[Whole, ...] = ()
    factor: _Share = 0.1
    plateau_epochs: Whole = 0
    clip: _AtLeast0 = 0.0

    def __post_init__(self) -> None:
        if (self.schedule == "step") != bool(self.steps):
            raise RecipeError(
                "optimiser.steps: expected epochs where the schedule is step and none elsewhere, found "
                f"schedule {self.schedule} with steps {list(self.steps)}."
            )
        if (self.schedule == "plateau") != (self.plateau_epochs > 0):
            raise RecipeError(
                "optimiser.plateau_epochs: expected 1 or more where the schedule is plateau and 0 elsewhere, found "
                f"schedule {self.schedule} with {self.plateau_epochs}."
            )


@validated(RecipeError, "recipe")
class LossRecipe:
    """Cross-entropy or focal loss. Class weights are inverse frequencies to the power ``class_weight_power`` (0 = none)."""

    name: Literal["cross-entropy", "focal"] = "cross-entropy"
    class_weight_power: _AtLeast0 = 0.0
    label_smoothing: _Share = 0.0
    gamma: _AtLeast0 = 2.0


@validated(RecipeError, "recipe")
class DefenceRecipe:
    """Training on harder images: ``epsilon`` is the L∞ radius in [0, 1] pixels (0 = no attack), ``step`` the single step
    in units of it; ``noise`` is the largest standard deviation, each image's own is drawn below it."""

    epsilon: _Share = 0.0
    step: Annotated[Number, within(0, 2)] = 1.25
    noise: _Share = 0.0


@validated(RecipeError, "recipe")
class Recipe:
    """A training run. ``batch_size`` is over all processes; ``ema`` is the decay of the averaged weights (0 = none);
    ``select_by`` is the validation figure by which the kept epoch is chosen, or ``last``: where what is sought is not seen
    on clean images, the schedule decides; ``patience`` stops after so many epochs without gain (0 = never);
    ``save_minutes`` is the time between saved states."""

    name: str
    model: ModelRecipe
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    data: DataRecipe = field(default_factory=DataRecipe)
    optimiser: OptimiserRecipe = field(default_factory=OptimiserRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    augmentation: Augmentation = field(default_factory=Augmentation)
    defence: DefenceRecipe = field(default_factory=DefenceRecipe)
    sampler: Literal["shuffle", "balanced", "oversample"] = "shuffle"
    batch_size: Annotated[Whole, within(1, 1_000_000)] = 32
    ema: _Share = 0.0
    select_by: Literal["balanced_accuracy", "macro_f1", "accuracy", "loss", "last"] = "balanced_accuracy"
    patience: _Count = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    save_minutes: _AtLeast0 = 5.0
    seed: Annotated[Whole, within(0, 2**63 - 1)] = 0
    about: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.+-]*\w", self.name):
            raise RecipeError(
                f"name: expected letters, digits and - _ . + (it names folders), found {self.name!r}. Choose another."
            )
        if self.ema == 1:
            raise RecipeError("ema: expected a decay in [0, 1), found 1, which never moves. Write 0.999, say.")
        if self.optimiser.schedule == "plateau" and self.select_by == "last":
            raise RecipeError(
                "select_by: expected a validation figure where the schedule is plateau, found last, which always gains. "
                "Name the figure that is to stop rising, for instance accuracy."
            )

    @property
    def epochs(self) -> int:
        """Number of epochs over all stages."""
        return sum(stage.epochs for stage in self.stages)

    def size_at(self, epoch: int) -> int:
        """Input size in pixels at ``epoch`` (counted from 0)."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage.size
            epoch -= stage.epochs
        return self.stages[-1].size

    @property
    def sha256(self) -> str:
        """Hash of all values, so that a saved state is only continued by the recipe that made it."""
        content = asdict(self)
        if not (named := self.data.columns.named):
            del content["data"]["columns"]  # came later, as did some roles: states that were saved before go on
        else:
            for role in {"sex", "age"} - named.keys():
                del content["data"]["columns"][role]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def recipe_of(content: object) -> Recipe:
    """A recipe from what YAML holds.

    Raises:
        RecipeError: it is no mapping, a key is unknown (named with the nearest valid one), a required key is absent, or a
            value has the wrong type or range.
    """
    return build(Recipe, content)


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from YAML.

    Raises:
        RecipeError: the file is absent or no YAML, or as :func:`recipe_of`.
    """
    content = read_yaml(path, "a recipe", error=RecipeError, remedy="The committed ones are in recipes/.")
    try:
        return recipe_of(content)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
