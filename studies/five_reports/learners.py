"""The kinds of classical learners — how each is fitted, asked for probabilities, written and read.

None is kept as a pickle: scikit-learn's are written by skops, which builds only types that it knows or that are listed here,
boosted trees in XGBoost's own binary JSON. Both packages are optional (``dermaviz[reports]``)."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from dermaviz.errors import CheckpointError, DependencyError, RecipeError
from dermaviz.schema import Number, Whole, validated

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Weights = NDArray[np.float64]
Answers = tuple[NDArray[np.int64], NDArray[np.floating]]
"""The classes that a learner knows ``[P]``, and its probabilities of them ``[N, P]``."""

TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)
"""What skops may build beside the estimators that it knows itself: the trees of a forest."""
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
    and a seed, and gives what it learnt; ``file`` is where that is kept in a learner's folder."""

    settings: type[Settings]
    file: str
    fit: Callable[[Any, Features, Labels, Weights, int], Any]
    ask: Callable[[Any, Features], Answers]
    dump: Callable[[Any], bytes]
    load: Callable[[Path, bytes], Any]


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


def _dump_skops(fitted: Any) -> bytes:
    return bytes(_library("skops.io").dumps(fitted))


def _load_skops(path: Path, content: bytes) -> Any:
    library = _library("skops.io")
    try:
        return library.loads(content, trusted=list(TRUSTED_TYPES))
    except Exception as error:  # of a file that is none of ours it raises whatever the parts of it do
        raise CheckpointError(
            f"{path}: expected a learner of scikit-learn as skops writes it, found {type(error).__name__}: {error}. "
            "Fit it again with the scikit-learn that is installed."
        ) from error


def _dump_xgboost(booster: Any) -> bytes:
    return bytes(booster.save_raw("ubj"))


def _load_xgboost(path: Path, content: bytes) -> Any:
    library = _library("xgboost")
    try:
        return library.Booster(model_file=bytearray(content))
    except library.core.XGBoostError as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{path}: expected boosted trees as XGBoost writes them, found what it cannot read ({reason}). Fit them again."
        ) from error


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
        "forest": Kind(ForestSettings, "forest.skops", _fit_forest, _ask_forest, _dump_skops, _load_skops),
        "svm": Kind(SvmSettings, "svm.skops", _fit_svm, _ask_svm, _dump_skops, _load_skops),
        "xgboost": Kind(XgboostSettings, "xgboost.ubj", _fit_xgboost, _ask_xgboost, _dump_xgboost, _load_xgboost),
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
