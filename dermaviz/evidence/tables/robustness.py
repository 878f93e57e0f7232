"""The tables ``attacks``, ``flips``, ``corruptions`` and ``cameras``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.data.records import Dataset, Record
from dermaviz.evidence.evaluate import prepared, table_rows
from dermaviz.images import RGB, read_image
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import ATTACKS, DEFAULT_PGD, PGDSettings, image_seeds
from dermaviz.robustness.cameras import CHANGES, KEPT, variants
from dermaviz.robustness.corruptions import CLEAN, CORRUPTIONS, SEVERITIES, corrupt
from dermaviz.robustness.flips import CAP, RESOLUTION, flip_distance
from dermaviz.robustness.gradients import Attacked, Goal, Probe
from dermaviz.robustness.linf import NOISES, fgsm_outcomes, noise_outcomes, pgd_path, unit_noise

BATCH = 32
"""Images held under attack at a time: a gradient's graph of so many takes about a gigabyte at 192 px."""
EPSILONS = (0.0, 1 / 8 / 255, 1 / 4 / 255, 1 / 2 / 255, 3e-3, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
SLOW_EPSILONS = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
"""Fewer, for attacks of many passes: PGD costs 20 gradients at each for an image that withstands."""

Labels = Sequence[int] | NDArray[np.int64]
Measure = Callable[[Classifier, Tensor, NDArray[np.int64], list[str]], pd.DataFrame]


def attack_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``attacks`` (:func:`attack_table`), lazily and in order."""
    return _rows(classifier, dataset, slices, attack_table)


def flip_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``flips`` (:func:`flip_table`), lazily and in order."""
    return _rows(classifier, dataset, slices, flip_table)


def corruption_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``corruptions`` (:func:`corruption_table`), lazily and in order."""
    return _rows(classifier, dataset, slices, corruption_table)


def _rows(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice], measure: Measure
) -> Iterator[pd.DataFrame]:
    labels = _label_of(dataset)

    def rows(records: Sequence[Record], images: Sequence[RGB]) -> pd.DataFrame:
        tables = []
        for first in range(0, len(images), BATCH):
            image_ids = [record.image_id for record in records[first : first + BATCH]]
            true = np.array([labels[image_id] for image_id in image_ids], dtype=np.int64)
            tables.append(measure(classifier, classifier.to_tensor(images[first : first + BATCH]), true, image_ids))
        return pd.concat(tables, ignore_index=True)

    return table_rows(dataset, slices, partial(prepared, classifier), rows)


def _label_of(dataset: Dataset) -> dict[str, int]:
    return dict(zip((record.image_id for record in dataset.records), dataset.label_indices, strict=True))


def _answers(classifier: Classifier, probabilities: NDArray[np.floating], labels: Labels) -> dict[str, Any]:
    """The columns ``predicted, p_true, p_malignant`` of probabilities ``[N, C]``; NaN where no class counts as malignant."""
    malignant = np.isin(classifier.classes, list(classifier.malignant))
    p_malignant = probabilities[:, malignant].sum(axis=1) if malignant.any() else np.full(len(labels), np.nan)
    return {
        "predicted": np.array(classifier.classes)[probabilities.argmax(axis=1)],
        "p_true": probabilities[np.arange(len(labels)), labels],
        "p_malignant": p_malignant.astype(probabilities.dtype),
    }


def attack_parameters() -> dict[str, Any]:
    """The settings of the table ``attacks``, for its address."""
    return {
        "methods": evidence_methods(),
        "epsilons": EPSILONS,
        "pgd_epsilons": SLOW_EPSILONS,
        "pgd": {"way" if name == "total_step_length" else name: value for name, value in asdict(DEFAULT_PGD).items()},
        "seed": 0,
    }


def evidence_methods() -> tuple[str, ...]:
    """Names of the attacks and noises that the table ``attacks`` is made of."""
    return tuple(name for name, row in ATTACKS.items() if row.evidence)


def attack_table(
    classifier: Classifier,
    images: Tensor,
    labels: Labels,
    image_ids: Sequence[str],
    *,
    epsilons: Sequence[float] = EPSILONS,
    slow_epsilons: Sequence[float] = SLOW_EPSILONS,
    methods: Sequence[str] | None = None,
    settings: PGDSettings = DEFAULT_PGD,
) -> pd.DataFrame:
    """One batch under every method and ε, away from its labels.

    A batch is what fits into memory: about eight copies of the images and one graph of the network are held at a time.
    Rows do not depend on how images are batched, but for the last bits of a convolution. Noise is drawn by an image's id.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1], as :meth:`Classifier.to_tensor` gives them.
        labels: true class of each image, as an index into the classifier's classes.
        epsilons: any number, in [0, 1] pixels; with 0, the clean rows come along.
        slow_epsilons: those of ``epsilons`` at which attacks of many passes are run.
        methods: names of rows of ``ATTACKS``; by default those that are part of the evidence.
        settings: PGD's steps; its restarts are not made.

    Returns:
        Rows by image, then method, then growing ε: ``image_id, method, epsilon, predicted`` (name of the class), ``p_true`` and
        ``p_malignant`` (calibrated as in the table ``predictions``), ``zero_gradient`` (nothing to follow; never true of noise).
        For ``pgd``, an image once fooled is climbed no further: at larger ε its probabilities are those of the point that
        fooled it, or of an FGSM point that does so by more.

    Raises:
        AttackError: images or labels are none that can be attacked.
    """
    methods, radii = methods or evidence_methods(), sorted(epsilons)
    goal = Goal.away_from(list(labels))
    probe, parts = Probe(classifier, images, goal), []
    gradient = probe.gradient(images)

    def kept(method: str, outcomes: Iterable[Attacked]) -> Iterator[Attacked]:
        for outcome in outcomes:
            calibrated = (outcome.logits.double() / classifier.card.temperature).softmax(dim=1).cpu().numpy()
            names = {"image_id": list(image_ids), "method": method, "epsilon": outcome.epsilon}
            zero = {"zero_gradient": outcome.zero_gradient.cpu().numpy()}
            parts.append(pd.DataFrame({**names, **_answers(classifier, calibrated, labels), **zero}))
            yield outcome

    # FGSM and PGD share the gradient and the points of FGSM; outcomes pass by, so that their images need not be kept.
    path = fgsm_outcomes(probe, images, gradient, radii)
    if "fgsm" in methods:
        path = kept("fgsm", path)
    if "pgd" in methods:
        points = (outcome for outcome in path if outcome.epsilon in slow_epsilons)
        path = kept("pgd", pgd_path(probe, images, gradient, points, settings))
    if {"fgsm", "pgd"} & set(methods):
        deque(path, maxlen=0)
    seeds = image_seeds(image_ids)
    for method in (method for method in methods if method not in ("fgsm", "pgd")):
        if method in NOISES:
            outcomes = noise_outcomes(probe, images, unit_noise(images, seeds, method), radii, clean=gradient)
        else:
            row = ATTACKS[method]
            sizes = [epsilon for epsilon in radii if not row.passes or epsilon in slow_epsilons]
            outcomes = (row.run(classifier, images, goal, size, seeds) for size in sizes)
        deque(kept(method, outcomes), maxlen=0)
    parts.sort(key=lambda part: (methods.index(part["method"][0]), part["epsilon"][0]))
    return pd.concat(parts).sort_index(kind="stable", ignore_index=True)


def flip_parameters() -> dict[str, Any]:
    """The settings of the table ``flips``, for its address."""
    return {"cap": CAP, "resolution": RESOLUTION}


def flip_table(
    classifier: Classifier, images: Tensor, labels: Labels, image_ids: Sequence[str], *, cap: float = CAP
) -> pd.DataFrame:
    """The flip distance of each image of a batch, away from its label (:func:`~dermaviz.robustness.flips.flip_distance`).

    Arguments and errors are those of :func:`attack_table`; ``cap`` is the largest ε tried, in [0, 1] pixels.

    Returns:
        ``image_id, flip_epsilon`` (0: wrong already; inf: not up to ``cap``), ``flipped_to`` (name of the class there, the
        clean answer where it did not flip), ``zero_gradient, cap``.
    """
    flips = flip_distance(classifier, images, Goal.away_from(list(labels)), cap=cap)
    return pd.DataFrame(
        {
            "image_id": list(image_ids),
            "flip_epsilon": flips.epsilon,
            "flipped_to": [classifier.classes[i] for i in flips.predicted],
            "zero_gradient": flips.zero_gradient,
            "cap": cap,
        }
    )


def corruption_parameters() -> dict[str, Any]:
    """The settings of the table ``corruptions``, for its address."""
    return {name: corruption.values for name, corruption in CORRUPTIONS.items()}


def corruption_table(
    classifier: Classifier,
    images: Tensor,
    labels: Labels,
    image_ids: Sequence[str],
    corruptions: Sequence[str] | None = None,
) -> pd.DataFrame:
    """What the classifier says of a batch, clean and under every severity of ``corruptions`` (all by default).

    One corrupted copy of the batch is held at a time, and all chance is drawn from the ids. The other arguments are those of
    :func:`attack_table`.

    Returns:
        ``image_id, corruption, severity`` (int8; 0 with corruption ``clean``), ``predicted`` (name of the most probable
        class), ``p_true`` and ``p_malignant`` (float32, calibrated; NaN where the classes name none malignant): N rows for
        the clean images and N for each corruption and severity.
    """
    parts = []
    names = CORRUPTIONS if corruptions is None else corruptions
    for name, severity in ((CLEAN, 0), *product(names, SEVERITIES)):
        shown = corrupt(images, name, severity, image_ids) if severity else images
        said = _answers(classifier, classifier.probabilities(shown), labels)
        condition = {"image_id": list(image_ids), "corruption": name, "severity": np.int8(severity)}
        parts.append(pd.DataFrame({**condition, **said}))
    return pd.concat(parts, ignore_index=True)


FORWARD = 64
"""Pictures in a forward where no gradient is asked for."""


def cameras_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``cameras`` for each slice of a data set, lazily and in order: a row per image, change and level.

    Columns: ``image_id, change, level``, ``predicted``, ``p_true`` and ``p_malignant``; the first row of an image has the change
    ``none``. A level that is sharper than the photograph has no row.
    """

    def read(record: Record) -> list[tuple[str, float, RGB]]:
        made = variants(read_image(record.path).pixels)
        return [(change, level, classifier.prepare(pixels)) for change, level, pixels in made]

    labels = _label_of(dataset)

    def rows(records: Sequence[Record], images: Sequence[Sequence[tuple[str, float, RGB]]]) -> pd.DataFrame:
        told = [(record.image_id, *one) for record, made in zip(records, images, strict=True) for one in made]
        prepared = [one[3] for one in told]
        batches = (prepared[first : first + FORWARD] for first in range(0, len(prepared), FORWARD))
        said = np.concatenate([classifier.probabilities(classifier.to_tensor(batch)) for batch in batches])
        frame = pd.DataFrame([one[:3] for one in told], columns=["image_id", "change", "level"])
        return frame.assign(**_answers(classifier, said, [labels[image_id] for image_id in frame["image_id"]]))

    return table_rows(dataset, slices, read, rows)


def cameras_parameters() -> dict[str, Any]:
    """The settings of the table ``cameras``, for its address."""
    return {**{name: change.levels for name, change in CHANGES.items()}, "kept": KEPT}
