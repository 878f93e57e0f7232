"""Training: a recipe — everything a run depends on — as validated dataclasses read from YAML."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from dermaviz.datasets.augment import Augmentation
from dermaviz.errors import RecipeError


@dataclass(frozen=True)
class DataRecipe:
    """Which data set, split by which committed manifest, packed at which height and width in pixels."""

    dataset: str = "ham10000"
    manifest: str = "ham10000"
    pack: tuple[int, int] = (150, 200)


@dataclass(frozen=True)
class ModelRecipe:
    """Which network, from which weights; ``frozen`` names modules that keep their weights and batch statistics."""

    architecture: str
    weights: str = "imagenet"
    dropout: float = 0.0
    drop_path: float = 0.0
    frozen: tuple[str, ...] = ()
    freeze_batch_norm: bool = False


@dataclass(frozen=True)
class Stage:
    """Epochs at one input size in pixels; several stages make progressive resizing."""

    size: int
    epochs: int

    def __post_init__(self) -> None:
        _at_least(1, size=self.size, epochs=self.epochs)


@dataclass(frozen=True)
class OptimiserRecipe:
    """Optimiser, its highest learning rate, and how the rate moves over the whole run.

    ``head_factor`` multiplies the rate of the classifier's last layer. ``warm_up`` is the share of all steps in which the
    rate rises linearly; after it the rate follows a cosine to ``final_factor`` of the highest, stays ``constant``, or is
    divided by 10 at each of ``steps`` (epochs).
    """

    name: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    head_factor: float = 1.0
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    warm_up: float = 0.0
    final_factor: float = 0.0
    steps: tuple[int, ...] = ()
    clip: float = 0.0

    def __post_init__(self) -> None:
        _at_least(0, learning_rate=self.learning_rate, weight_decay=self.weight_decay, clip=self.clip)
        _at_least(0, warm_up=self.warm_up, final_factor=self.final_factor)


@dataclass(frozen=True)
class LossRecipe:
    """Cross-entropy or focal loss. Class weights are inverse frequencies to the power ``class_weight_power`` (0 = none)."""

    name: Literal["cross-entropy", "focal"] = "cross-entropy"
    class_weight_power: float = 0.0
    label_smoothing: float = 0.0
    gamma: float = 2.0

    def __post_init__(self) -> None:
        _at_least(0, class_weight_power=self.class_weight_power, label_smoothing=self.label_smoothing, gamma=self.gamma)


@dataclass(frozen=True)
class Recipe:
    """A training run. ``batch_size`` is over all processes; ``ema`` is the decay of the averaged weights (0 = none);
    ``select_by`` is the validation figure by which the kept epoch is chosen; ``patience`` stops after so many epochs
    without gain (0 = never); ``save_minutes`` is the time between saved states."""

    name: str
    model: ModelRecipe
    stages: tuple[Stage, ...]
    data: DataRecipe = field(default_factory=DataRecipe)
    optimiser: OptimiserRecipe = field(default_factory=OptimiserRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    augmentation: Augmentation = field(default_factory=Augmentation)
    sampler: Literal["shuffle", "balanced", "oversample"] = "shuffle"
    batch_size: int = 32
    ema: float = 0.0
    select_by: Literal["balanced_accuracy", "macro_f1", "loss"] = "balanced_accuracy"
    patience: int = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    save_minutes: float = 5.0
    seed: int = 0
    about: str = ""

    def __post_init__(self) -> None:
        if not self.stages:
            raise RecipeError("stages: expected at least one {size, epochs}, found none.")
        _at_least(1, batch_size=self.batch_size)
        _at_least(0, patience=self.patience, save_minutes=self.save_minutes)
        if not 0 <= self.ema < 1:
            raise RecipeError(f"ema: expected a decay in [0, 1), found {self.ema}.")

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


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from YAML.

    Raises:
        RecipeError: the file is absent or no YAML mapping, a key is unknown (named with the nearest valid one), a required
            key is absent, or a value has the wrong type or range.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(f"expected a recipe at {path}, found no file. The committed ones are in recipes/.") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: expected YAML, found text that is not: {error}") from error
    try:
        return _parse(Recipe, content, "")
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def _parse(kind: Any, value: Any, where: str) -> Any:
    """Convert a YAML value to ``kind``; ``where`` is its dotted name in messages."""
    if is_dataclass(kind) and isinstance(kind, type):
        return _parse_fields(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value in arguments:
            return value
        raise RecipeError(f"{where}: expected one of {', '.join(map(str, arguments))}, found {value!r}.")
    if origin is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where}: expected a list, found {value!r}.")
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise RecipeError(f"{where}: expected {len(arguments)} values, found {value!r}.")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_parse(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
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


def _parse_fields(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where or 'recipe'}: expected keys and values, found {value!r}.")
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    prefix = f"{where}." if where else ""
    for key in value:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.4)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"valid keys: {', '.join(names)}."
            raise RecipeError(f"{prefix}{key}: no such key; {hint}")
    try:
        return kind(**{key: _parse(hints[key], item, f"{prefix}{key}") for key, item in value.items()})
    except TypeError as error:
        raise RecipeError(
            f"{where or 'recipe'}: {error}".replace("__init__() ", "").replace(f"{kind.__name__}.", "")
        ) from error


def _at_least(low: float, **values: float) -> None:
    for name, value in values.items():
        if value < low:
            raise RecipeError(f"{name}: expected {low} or more, found {value}.")
