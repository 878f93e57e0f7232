"""TODO docstring dermaviz.training.recipe"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from dermaviz.data.augment import Augmentation
from dermaviz.data.selection import Selection, find_task
from dermaviz.errors import DatasetError, RecipeError
from dermaviz.models.card import Equalisation


def parse(kind: Any, value: Any, where: str = "", *, top: Any = None) -> Any:
    """Convert a YAML value to ``kind``.

    Args:
        kind: a dataclass, a type, a ``Literal`` or a tuple of these.
        value: what YAML gave.
        where: its dotted name in messages.
        top: the dataclass of the whole file, whose keys are offered where one stands at the wrong level.

    Raises:
        RecipeError: a key is unknown or absent, or a value has the wrong type or range.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        return _parse_fields(kind, value, where, top or kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value in arguments:
            return value
        choices = ", ".join(str(choice) or '""' for choice in arguments)
        raise RecipeError(f"{where}: expected one of {choices}, found {value!r}.")
    if origin is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where}: expected a list, found {value!r}.")
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise RecipeError(f"{where}: expected {len(arguments)} values, found {value!r}.")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        parts = enumerate(zip(kinds, value, strict=True))
        return tuple(parse(k, v, f"{where}[{i}]", top=top) for i, (k, v) in parts)
    return _parse_plain(kind, value, where)


def _parse_plain(kind: type, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)  # YAML 1.1 reads 1e-3 as text
        except ValueError:
            pass
    elif type(value) is kind:
        return value
    raise RecipeError(f"{where}: expected {kind.__name__}, found {value!r}.")


def _parse_fields(kind: Any, value: Any, where: str, top: Any) -> Any:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where or 'recipe'}: expected keys and values, found {value!r}.")
    hints = get_type_hints(kind)
    prefix = f"{where}." if where else ""
    for key in value:
        if key not in hints:
            raise RecipeError(f"{prefix}{key}: no such key; {_nearest(str(key), kind, prefix, top)}")
    absent = [f.name for f in fields(kind) if f.default is f.default_factory is MISSING and f.name not in value]
    if absent:
        raise RecipeError(
            f"{where or 'recipe'}: expected the key {absent[0]}, found only {', '.join(value) or 'none'}."
        )
    return kind(**{key: parse(hints[key], item, f"{prefix}{key}", top=top) for key, item in value.items()})


def _nearest(key: str, kind: Any, prefix: str, top: Any) -> str:
    """A hint: the key of this level that looks most alike, else one of another level, else all of this level."""
    names = [f.name for f in fields(kind)]
    near = difflib.get_close_matches(key, names, n=1)
    if near:
        return f"did you mean {prefix}{near[0]}?"
    elsewhere = {dotted.rpartition(".")[2]: dotted for dotted in _dotted_names(top)}
    near = difflib.get_close_matches(key, elsewhere, n=1, cutoff=0.75)
    if near:
        return f"did you mean {elsewhere[near[0]]}?"
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.4)
    return f"did you mean {prefix}{near[0]}?" if near else f"valid keys: {', '.join(names)}."


def _dotted_names(kind: Any, prefix: str = "") -> list[str]:
    """Names of all keys at and below ``kind``."""
    found = []
    for name, hint in get_type_hints(kind).items():
        found.append(f"{prefix}{name}")
        for part in (hint, *get_args(hint)):
            if is_dataclass(part):
                found += _dotted_names(part, f"{prefix}{name}.")
    return found


@dataclass(frozen=True)
class DataRecipe(Selection):
    """Which images and what is asked of them, packed at which height and width in pixels, and whether their lightness is
    evened out."""

    pack: tuple[int, int] = (150, 200)
    equalise: Equalisation = ""

    def __post_init__(self) -> None:
        _between(1, math.inf, **{"data.pack": min(self.pack)})
        for name in ("images", "validation_images", "seed"):
            _between(0, math.inf, **{f"data.{name}": getattr(self, name)})
        try:
            find_task(self.task)
        except DatasetError as error:
            raise RecipeError(f"data.{error}") from error


@dataclass(frozen=True)
class ModelRecipe:
    """Which network, from which weights; ``frozen`` names modules that keep their weights and batch statistics, or
    ``trained`` those that do not, and all others keep theirs."""

    architecture: str
    weights: str = "imagenet"
    dropout: float = 0.0
    drop_path: float = 0.0
    frozen: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    freeze_batch_norm: bool = False

    def __post_init__(self) -> None:
        _between(0, 1, **{"model.dropout": self.dropout, "model.drop_path": self.drop_path})
        if self.frozen and self.trained:
            raise RecipeError(
                f"model.trained: expected either frozen or trained modules, found {list(self.frozen)} frozen and "
                f"{list(self.trained)} trained. Name the shorter list; the other follows."
            )


@dataclass(frozen=True)
class Stage:
    """Epochs at one input size in pixels; several stages make progressive resizing."""

    size: int
    epochs: int

    def __post_init__(self) -> None:
        _between(1, math.inf, **{"stages.size": self.size, "stages.epochs": self.epochs})


@dataclass(frozen=True)
class OptimiserRecipe:
    """Optimiser, its highest learning rate, and how the rate moves over the whole run.

    ``head_factor`` multiplies the rate of the classifier's last layer. ``warm_up`` is the share of all steps in which the
    rate rises linearly; after it the rate follows a ``cosine`` to ``final_factor`` of the highest, stays ``constant``, is
    multiplied by ``factor`` at each of ``steps`` (epochs), or, with ``plateau``, whenever ``plateau_epochs`` went by without
    gain in the figure of ``select_by``, down to ``final_factor`` of the highest.
    """

    name: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    head_factor: float = 1.0
    schedule: Literal["cosine", "constant", "step", "plateau"] = "cosine"
    warm_up: float = 0.0
    final_factor: float = 0.0
    steps: tuple[int, ...] = ()
    factor: float = 0.1
    plateau_epochs: int = 0
    clip: float = 0.0

    def __post_init__(self) -> None:
        for name in ("learning_rate", "weight_decay", "head_factor", "clip"):
            _between(0, math.inf, **{f"optimiser.{name}": getattr(self, name)})
        for name in ("momentum", "warm_up", "final_factor", "factor"):
            _between(0, 1, **{f"optimiser.{name}": getattr(self, name)})
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


@dataclass(frozen=True)
class LossRecipe:
    """Cross-entropy or focal loss. Class weights are inverse frequencies to the power ``class_weight_power`` (0 = none)."""

    name: Literal["cross-entropy", "focal"] = "cross-entropy"
    class_weight_power: float = 0.0
    label_smoothing: float = 0.0
    gamma: float = 2.0

    def __post_init__(self) -> None:
        _between(0, math.inf, **{"loss.class_weight_power": self.class_weight_power, "loss.gamma": self.gamma})
        _between(0, 1, **{"loss.label_smoothing": self.label_smoothing})


@dataclass(frozen=True)
class DefenceRecipe:
    """Training on harder images: ``epsilon`` is the L∞ radius in [0, 1] pixels (0 = no attack), ``step`` the single step
    in units of it; ``noise`` is the largest standard deviation, each image's own is drawn below it."""

    epsilon: float = 0.0
    step: float = 1.25
    noise: float = 0.0

    def __post_init__(self) -> None:
        _between(0, 1, **{"defence.epsilon": self.epsilon, "defence.noise": self.noise})
        _between(0, 2, **{"defence.step": self.step})


@dataclass(frozen=True)
class Recipe:
    """A training run. ``batch_size`` is over all processes; ``ema`` is the decay of the averaged weights (0 = none);
    ``select_by`` is the validation figure by which the kept epoch is chosen, or ``last``: where what is sought is not seen
    on clean images, the schedule decides; ``patience`` stops after so many epochs without gain (0 = never);
    ``save_minutes`` is the time between saved states."""

    name: str
    model: ModelRecipe
    stages: tuple[Stage, ...]
    data: DataRecipe = field(default_factory=DataRecipe)
    optimiser: OptimiserRecipe = field(default_factory=OptimiserRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    augmentation: Augmentation = field(default_factory=Augmentation)
    defence: DefenceRecipe = field(default_factory=DefenceRecipe)
    sampler: Literal["shuffle", "balanced", "oversample"] = "shuffle"
    batch_size: int = 32
    ema: float = 0.0
    select_by: Literal["balanced_accuracy", "macro_f1", "accuracy", "loss", "last"] = "balanced_accuracy"
    patience: int = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    save_minutes: float = 5.0
    seed: int = 0
    about: str = ""

    def __post_init__(self) -> None:
        if not self.stages:
            raise RecipeError("stages: expected at least one {size, epochs}, found none.")
        if not re.fullmatch(r"[\w.+-]*\w", self.name):
            raise RecipeError(
                f"name: expected letters, digits and - _ . + (it names folders), found {self.name!r}. Choose another."
            )
        _between(1, math.inf, batch_size=self.batch_size)
        _between(0, math.inf, patience=self.patience, save_minutes=self.save_minutes, seed=self.seed)
        if not 0 <= self.ema < 1:
            raise RecipeError(f"ema: expected a decay in [0, 1), found {self.ema}.")
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
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def recipe_of(content: object) -> Recipe:
    """A recipe from what YAML holds.

    Raises:
        RecipeError: it is no mapping, a key is unknown (named with the nearest valid one), a required key is absent, or a
            value has the wrong type or range.
    """
    recipe: Recipe = parse(Recipe, content)
    return recipe


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from YAML.

    Raises:
        RecipeError: the file is absent or no YAML, or as :func:`recipe_of`.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(f"expected a recipe at {path}, found no file. The committed ones are in recipes/.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{path}: expected a text file that can be read, found {error}. Give a recipe's file."
        ) from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: expected YAML, found text that is not: {error}") from error
    try:
        return recipe_of(content)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def _between(low: float, high: float, **values: float) -> None:
    for name, value in values.items():
        if not (low <= value <= high and math.isfinite(value)):
            expected = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
            raise RecipeError(f"{name}: expected {expected}, found {value}.")
