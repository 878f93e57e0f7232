"""What a run is, how long it takes on a laptop, and whether it is done."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dermaviz.data.selection import find_task
from dermaviz.data.split import SHARES
from dermaviz.training.recipe import DataRecipe, Recipe
from studies.five_reports.names import take_apart
from studies.five_reports.result import Result, has_result, read_result, run_folder
from studies.five_reports.rows import Budget, Row

PHOTOS = MappingProxyType({"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142})
"""Photos of each diagnosis in HAM10000, as published (Tschandl et al. 2018, table 3)."""


@dataclass(frozen=True)
class Cost:
    """What a network costs: ``work`` is its multiplications for one image of 224 × 224 pixels in billions, ``rate`` how many
    billions of them two idle cores do in a second of training, ``parameters`` are millions."""

    work: float
    rate: float
    parameters: float


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "tf_efficientnet_lite0": Cost(0.40, 24, 4.7),
        "tf_efficientnet_lite1": Cost(0.54, 24, 5.4),
        "tf_efficientnet_lite2": Cost(0.65, 24, 6.1),
        "resnet18": Cost(1.82, 65, 11.7),
        "resnet34": Cost(3.67, 65, 21.8),
        "resnet50": Cost(4.11, 45, 25.6),
        "resnet101": Cost(7.83, 50, 44.5),
        "resnet152": Cost(11.6, 50, 60.2),
        "resnext50_32x4d": Cost(4.26, 45, 25.0),
        "densenet121": Cost(2.87, 45, 8.0),
        "densenet161": Cost(7.79, 45, 28.7),
        "densenet169": Cost(3.40, 42, 14.1),
        "vgg16": Cost(15.4, 60, 15.1),
        "torchvision:alexnet": Cost(0.71, 35, 61.1),
        "inception_v3": Cost(2.85, 60, 23.9),
        "inception_resnet_v2": Cost(6.5, 55, 54.4),
        "mobilenetv1_100": Cost(0.58, 35, 4.2),
        "mobilenetv2_100": Cost(0.31, 20, 3.5),
        "dermaviz:lenet": Cost(0.037, 25, 3.5),
        "dermaviz:blocks1": Cost(0.54, 50, 4.0),
        "dermaviz:blocks2": Cost(1.23, 50, 4.0),
        "dermaviz:blocks3": Cost(1.92, 55, 4.3),
        "dermaviz:blocks4": Cost(2.61, 60, 4.4),
        "dermaviz:blocks5": Cost(3.31, 54, 9.5),
        "dermaviz:cnn512": Cost(2.0, 60, 4.0),
    }
)
"""``rate`` follows from measured speeds, as method.md says."""
FIT_SECONDS = MappingProxyType({"forest": 8.0, "svm": 4.0, "xgboost": 4.0})
"""To fit a classical learner to 7,000 images: with the features and all else, runs took 31, 27 and 27 s."""
FEATURE_SECONDS = 0.0015
"""To compute an image's features."""
VIEW_SECONDS = 0.0006
"""To read an image from its pack and draw its view."""
STEP_SECONDS = 0.002
"""To move a million parameters one step."""
SAVE_SECONDS = 0.05
"""To save a million parameters with what Adam keeps of them, once an epoch."""
RUN_SECONDS = 8.0
"""To build the network, to draw 1,000 samples of lesions for the intervals, to write the results."""


def estimated_seconds(recipe: Recipe) -> float:
    """Seconds of a run on two idle cores, from HAM10000's published counts and the table of costs.

    A pass backwards costs two forwards, half as much where modules are frozen. NaN for a network that the table lacks.
    """
    name = take_apart(recipe.model.architecture).base
    trained, validated, tested = (expected_photos(recipe.data, split) for split in SHARES)
    if name in FIT_SECONDS:
        everything = sum(sum(counts.values()) for counts in (trained, validated, tested))
        return RUN_SECONDS + FIT_SECONDS[name] + everything * FEATURE_SECONDS
    if name not in COSTS:
        return math.nan
    cost = COSTS[name]
    shown = len(trained) * max(trained.values()) if recipe.sampler == "oversample" else sum(trained.values())
    passes = 2 if recipe.model.frozen or recipe.model.trained else 3
    seconds = RUN_SECONDS
    for stage in recipe.stages:
        forward = cost.work * (stage.size / 224) ** 2 / cost.rate
        steps = shown // recipe.batch_size
        epoch = shown * (passes * forward + VIEW_SECONDS) + steps * cost.parameters * STEP_SECONDS
        epoch += sum(validated.values()) * (forward + VIEW_SECONDS) + cost.parameters * SAVE_SECONDS
        seconds += stage.epochs * epoch
    return seconds + sum(tested.values()) * (forward + VIEW_SECONDS)


def expected_photos(data: DataRecipe, split: str) -> dict[str, int]:
    """About how many photos of each class a selection of HAM10000 has in a split, reckoned without the data."""
    task = find_task(data.task)
    counts: dict[str, int] = {}
    for dx, n in PHOTOS.items():
        name = task.class_of.get(dx, "") if task.classes else dx
        if name:
            counts[name] = counts.get(name, 0) + round(SHARES[split] * n)
    if data.balance:
        counts = dict.fromkeys(counts, min(counts.values()))
    wanted = {"train": data.images, "validation": data.validation_images}.get(split, 0)
    whole = sum(counts.values())
    return {name: max(1, round(n * wanted / whole)) for name, n in counts.items()} if wanted else counts


_SAID = ("name", "about", "save_minutes", "seed")
"""Of a recipe's keys, those that do not decide what comes out, and the seed, which the address holds itself."""


@dataclass(frozen=True)
class Run:
    """One row at one budget with one seed."""

    row: Row
    budget: Budget
    seed: int

    @property
    def name(self) -> str:
        """The run in words."""
        return f"{self.row.name} {self.budget}, seed {self.seed}"

    @cached_property
    def recipe(self) -> Recipe:
        """The effective recipe."""
        return self.row.recipe(self.budget, self.seed)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything of the row that decides what comes out."""
        recipe = {key: value for key, value in asdict(self.recipe).items() if key not in _SAID}
        under = {"fgsm": self.row.fgsm, "noise": self.row.noise}
        return {"learner": self.row.learner, "seed": self.seed, "recipe": recipe, **under}

    @property
    def sha256(self) -> str:
        """The hash of the settings: with that of the data it is the result's address."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()

    @property
    def seconds(self) -> float:
        """About how long it takes on two idle cores."""
        return estimated_seconds(self.recipe)

    def folder(self, results: Path) -> Path:
        """Where its result is kept below ``results``."""
        return run_folder(results, self.row.report, self.row.row, self.budget, self.seed)

    def done(self, results: Path, data_sha256: str = "") -> Result | None:
        """Its result, if it is there and of these settings (and, where they are given, of these data).

        Raises:
            ResultError: there is a result that cannot be read.
        """
        folder = self.folder(results)
        result = read_result(folder) if has_result(folder) else None
        if result is None or result.settings_sha256 != self.sha256:
            return None
        return result if data_sha256 in ("", result.data_sha256) else None


def planned(rows: Iterable[Row], budget: Budget) -> tuple[Run, ...]:
    """The runs of some rows: every row with its first seed, then the rest, so that an early end leaves whole tables."""
    runs = [Run(row, budget, seed) for row in rows for seed in row.seeds]
    return tuple(sorted(runs, key=lambda run: run.row.seeds.index(run.seed)))


def pace(runs: Sequence[Run], results: Path) -> float:
    """How many times as long as estimated the finished runs took; 1 where none is finished."""
    finished = [(run, run.done(results)) for run in runs]
    took = [(result.seconds, run.seconds) for run, result in finished if result]
    return sum(actual for actual, _ in took) / sum(estimate for _, estimate in took) if took else 1.0
