"""Classical learners on features of images: a forest, a support vector machine, boosted trees; and a row learnt by one."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from dermaviz.errors import DatasetError, DependencyError, RecipeError
from dermaviz.models.classifier import central_square, equalise
from dermaviz.schema import Number, Whole, build, validated
from dermaviz.training.optimisation import class_weights
from studies.five_reports.features import image_features
from studies.five_reports.plan import Run
from studies.five_reports.result import Learned, answers
from studies.five_reports.train_network import Photos

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Weights = NDArray[np.float64]
Answers = tuple[NDArray[np.int64], NDArray[np.floating]]
"""The classes that a learner knows ``[P]``, and its probabilities of them ``[N, P]``."""

_MAY_BE_0 = frozenset({"class_weight_power", "depth"})


@validated(RecipeError, "settings")
class Settings:
    """``class_weight_power`` weighs classes by their inverse frequencies to this power, as a recipe's loss does (0: not)."""

    class_weight_power: Number = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not math.isfinite(value) or value < 0 or (value == 0 and name not in _MAY_BE_0):
                expected = "0 or more" if name in _MAY_BE_0 else "more than 0"
                raise RecipeError(f"settings.{name}: expected {expected}, found {value}. Leave it out for the default.")


@validated(RecipeError, "settings")
class ForestSettings(Settings):
    """Breiman, Machine Learning 45:5 (2001), with scikit-learn's defaults; ``depth`` is that of a tree at most, 0 for any."""

    trees: Whole = 100
    depth: Whole = 0
    smallest_leaf: Whole = 1


@validated(RecipeError, "settings")
class SvmSettings(Settings):
    """Cortes and Vapnik, Machine Learning 20:273 (1995), with scikit-learn's defaults; ``penalty`` is C. The kernel is
    Gaussian, its width that of columns with standard deviation 1."""

    penalty: Number = 1.0


@validated(RecipeError, "settings")
class XgboostSettings(Settings):
    """Chen and Guestrin, KDD 2016, with XGBoost's defaults; ``rounds`` of one tree for each class, ``rate`` is η, ``depth``
    that of a tree at most, 0 for any."""

    rounds: Whole = 100
    rate: Number = 0.3
    depth: Whole = 6


@dataclass(frozen=True)
class Kind:
    """A kind of learner. ``fit`` takes its settings, features ``[N, D]``, labels ``[N]``, a weight for each class ``[C]``
    and a seed, and gives what it learnt; ``ask`` what that answers to features."""

    settings: type[Settings]
    fit: Callable[[Any, Features, Labels, Weights, int], Any]
    ask: Callable[[Any, Features], Answers]


def _fit_forest(
    settings: ForestSettings, features: Features, labels: Labels, weights: Weights, seed: int
) -> RandomForestClassifier:
    forest = RandomForestClassifier(
        settings.trees,
        max_depth=settings.depth or None,
        min_samples_leaf=settings.smallest_leaf,
        class_weight=_of_present(weights, labels),
        random_state=seed,
        n_jobs=-1,
    )
    return forest.fit(features, labels).set_params(
        n_jobs=1
    )  # asked, threads add up the trees in whatever order they end


def _fit_svm(settings: SvmSettings, features: Features, labels: Labels, weights: Weights, seed: int) -> Pipeline:
    """The machine after standardised columns; nothing in it is drawn."""
    machine = SVC(C=settings.penalty, class_weight=_of_present(weights, labels))
    return make_pipeline(StandardScaler(), machine).fit(features, labels)


def _fit_xgboost(settings: XgboostSettings, features: Features, labels: Labels, weights: Weights, seed: int) -> Any:
    library = _library("xgboost")
    parameters = {
        "objective": "multi:softprob",
        "num_class": len(weights),
        "eta": settings.rate,
        "max_depth": settings.depth,
        "seed": seed,
        "verbosity": 0,
    }
    return library.train(parameters, library.DMatrix(features, labels, weight=weights[labels]), settings.rounds)


def _of_present(weights: Weights, labels: Labels) -> dict[int, float]:
    """Weight of each class that occurs."""
    return {int(c): float(weights[c]) for c in np.unique(labels)}


def _ask_forest(forest: RandomForestClassifier, features: Features) -> Answers:
    return forest.classes_, forest.predict_proba(features)


def _ask_svm(pipeline: Pipeline, features: Features) -> Answers:
    values = pipeline.decision_function(features)
    if values.ndim == 1:  # of two classes scikit-learn gives only the second's
        values = np.stack([-values, values], axis=1)
    return pipeline.classes_, softmax(values, axis=1)


def _ask_xgboost(booster: Any, features: Features) -> Answers:
    given = booster.predict(_library("xgboost").DMatrix(features)).astype(np.float64)
    return np.arange(given.shape[1]), given / given.sum(1, keepdims=True)


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DependencyError(
            f"expected the package {name.partition('.')[0]} for classical learners, found none. Install it with "
            "`pip install 'dermaviz[reports]'`."
        ) from error


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "forest": Kind(ForestSettings, _fit_forest, _ask_forest),
        "svm": Kind(SvmSettings, _fit_svm, _ask_svm),
        "xgboost": Kind(XgboostSettings, _fit_xgboost, _ask_xgboost),
    }
)


def kind_of(name: str) -> Kind:
    """The kind of learner of that name.

    Raises:
        RecipeError: there is none.
    """
    if name not in KINDS:
        raise RecipeError(f"learner: expected one of {', '.join(KINDS)}, found {name!r}.")
    return KINDS[name]


@dataclass(frozen=True)
class ClassicalLearner:
    """A fitted learner. ``fitted`` is a RandomForestClassifier, a Pipeline that ends in an SVC, or a Booster."""

    name: str
    n_classes: int
    n_features: int
    seed: int
    settings: Settings
    fitted: Any

    def probabilities(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Uncalibrated probabilities of the classes ``[N, C]``, in the order of the labels' numbers, of features ``[N, D]``.

        A forest gives the mean share of each class in its leaves, a support vector machine the softmax of its decision
        values (votes of its pairs of classes, those of equal votes told apart by their margins), XGBoost its own softmax. A
        class of which no image was shown has 0, with XGBoost little.

        Raises:
            DatasetError: the features have another number of columns, or hold NaN or infinity.
            DependencyError: XGBoost is asked and not installed.
        """
        classes, given = kind_of(self.name).ask(self.fitted, _as_features(features, self.n_features))
        among_all = np.zeros((len(given), self.n_classes))
        among_all[:, classes] = given
        return among_all


def fit_learner(
    name: str,
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    n_classes: int,
    seed: int,
    settings: Mapping[str, Any],
) -> ClassicalLearner:
    """Fit a learner; the same features, labels, seed and settings give the same one.

    Args:
        name: ``forest``, ``svm`` or ``xgboost``.
        features: ``[N, D]``, as :func:`~studies.five_reports.features.image_features` gives them.
        labels: ``[N]``, numbers of classes from 0 to ``n_classes`` − 1; at least two of them occur.
        seed: of all that is drawn.
        settings: values for the fields of :class:`~studies.five_reports.classical.Settings` and those of the kind; {} for
            the libraries' own.

    Raises:
        RecipeError: there is no such learner or setting, or a value means nothing.
        DatasetError: features or labels are none that can be learnt from.
        DependencyError: XGBoost is asked for and not installed.
    """
    kind = kind_of(name)
    chosen = build(kind.settings, settings)
    rows, numbers = _as_features(features), _as_labels(labels, len(features), n_classes)
    weights = class_weights(torch.from_numpy(numbers), n_classes, chosen.class_weight_power).double().numpy()
    return ClassicalLearner(
        name, n_classes, rows.shape[1], seed, chosen, kind.fit(chosen, rows, numbers, weights, seed)
    )


def _as_features(features: NDArray[np.floating], columns: int | None = None) -> NDArray[np.float32]:
    shape = list(np.shape(features))
    if len(shape) != 2 or columns not in (None, shape[1]):
        expected = "D" if columns is None else columns
        raise DatasetError(
            f"expected features [N, {expected}], found {shape}. Use studies.five_reports.features.image_features."
        )
    if not np.isfinite(features).all():
        raise DatasetError(
            "expected finite features, found NaN or infinity. Use studies.five_reports.features.image_features."
        )
    return np.asarray(features, dtype=np.float32)


def _as_labels(labels: NDArray[np.integer], n: int, n_classes: int) -> NDArray[np.int64]:
    given = np.asarray(labels)
    if given.shape != (n,) or not np.issubdtype(given.dtype, np.integer):
        raise DatasetError(
            f"expected the number of a class for each of {n} images, found {given.dtype} {list(given.shape)}. "
            "Use the data set's label_indices."
        )
    present = np.unique(given)
    if len(present) < 2 or present[0] < 0 or present[-1] >= n_classes:
        raise DatasetError(
            f"expected images of at least two classes, numbered from 0 to {n_classes - 1}, found {present.tolist()}. "
            "Choose images of several classes."
        )
    return given.astype(np.int64)


_BATCH = 64


def learn_by_features(run: Run, photos: Photos, folder: Path, root: Path | None) -> Learned:
    """Fit the row's learner to features of the central squares, as large as the recipe's input.

    It takes a minute or two, so nothing is saved on the way: ``folder`` and ``root`` are not used.

    Raises:
        DependencyError: the learner's package is not installed.
    """
    started = time.monotonic()
    train = photos.splits["train"]
    labels = np.array(train.label_indices, dtype=np.int64)
    settings = {"class_weight_power": run.recipe.loss.class_weight_power}
    learner = fit_learner(
        run.row.learner, _features(run, photos, "train"), labels, len(photos.classes), run.seed, settings
    )
    validation, test = (
        answers(photos.splits[split], learner.probabilities(_features(run, photos, split)))
        for split in ("validation", "test")
    )
    return Learned(validation, test, round(time.monotonic() - started, 1))


def _features(run: Run, photos: Photos, split: str) -> NDArray[np.float32]:
    rows, size, found = photos.pack.rows(photos.splits[split]), run.recipe.size_at(0), []
    for first in tqdm(range(0, len(rows), _BATCH), desc=f"features of {split}", unit=" batches"):
        images = equalise(photos.pack.images[rows[first : first + _BATCH]], run.recipe.data.equalise)
        found.append(image_features(central_square(torch.from_numpy(images), size).numpy()))
    return np.concatenate(found)
