"""Classical learners on features: fitted, asked for probabilities, written and read again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from dermaviz.errors import CheckpointError, DatasetError, RecipeError
from dermaviz.io import atomic_write
from dermaviz.models.classifier import central_square, equalise
from dermaviz.schema import build
from dermaviz.training.optimisation import class_weights
from studies.five_reports.features import image_features
from studies.five_reports.learners import Settings, kind_of
from studies.five_reports.plan import Run
from studies.five_reports.result import Learned, answers
from studies.five_reports.train_network import Photos

LEARNER = "learner.json"


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

    def save(self, folder: Path) -> None:
        """Write what was learnt and then ``learner.json``, which holds its sha256, into ``folder``.

        Raises:
            DependencyError: the package that writes the format is not installed.
        """
        kind = kind_of(self.name)
        content = kind.dump(self.fitted)
        atomic_write(folder / kind.file, content, error=CheckpointError)
        facts = {
            "name": self.name,
            "n_classes": self.n_classes,
            "n_features": self.n_features,
            "seed": self.seed,
            "settings": asdict(self.settings),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        atomic_write(folder / LEARNER, json.dumps(facts, indent=2) + "\n", error=CheckpointError)


def load_learner(folder: Path) -> ClassicalLearner:
    """Read a learner that :meth:`ClassicalLearner.save` wrote.

    The hash finds damage, and no code of the file's is ever run; but trees forged to crash a library would crash it, so
    read the learners of people you trust.

    Raises:
        CheckpointError: a file is absent, damaged, or no such learner.
        DependencyError: the package that reads the format is not installed.
    """
    try:
        facts = json.loads((folder / LEARNER).read_text(encoding="utf-8"))
        kind = kind_of(facts["name"])
        settings = build(kind.settings, facts["settings"])
        sizes = {key: int(facts[key]) for key in ("n_classes", "n_features", "seed")}
        content, expected = (folder / kind.file).read_bytes(), facts["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecipeError) as error:
        raise CheckpointError(
            f"{folder}: expected a learner ({LEARNER} and what was learnt), found it absent or damaged "
            f"({type(error).__name__}: {error}). Copy the whole folder again, or fit the learner again."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise CheckpointError(
            f"{folder / kind.file}: expected sha256 {expected[:12]}…, found {found[:12]}…. "
            "The learner was changed or damaged: copy the whole folder again, or fit the learner again."
        )
    return ClassicalLearner(facts["name"], settings=settings, fitted=kind.load(folder / kind.file, content), **sizes)


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
        settings: values for the fields of :class:`~studies.five_reports.learners.Settings` and those of the kind; {} for
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
