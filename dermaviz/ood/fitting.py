"""Fit a checkpoint's out-of-distribution detector on training images, set its limit on validation, and measure it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dermaviz.data.readers import read_folders
from dermaviz.data.records import HAM10000, Dataset
from dermaviz.evidence.evaluate import prepared_batches, split_of_checkpoint
from dermaviz.images import RGB
from dermaviz.metrics.bootstrap import Bootstrap, LesionIds, interval, lesion_weights
from dermaviz.models.answer import Features
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.ood.detector import (
    Detector,
    DetectorFacts,
    Share,
    detector_bytes,
    fit_detector,
    limit_for,
    write_detector,
)
from dermaviz.synthetic import SAMPLES, Parameters, draw, draw_skin
from dermaviz.synthetic.parameters import MIN_SIZE

COMPONENTS, REFUSED = 128, 0.015
METHOD = "Mahalanobis distance by probabilistic principal components of the features before the classifier"
_BATCH = 64
_TONES = (60.0, 45.0, 30.0, 10.0, -20.0)
_SEEDS = (1, 2)

Distances = NDArray[np.float64]


def fit_checkpoint_detector(
    folder: Path,
    root: Path | None,
    outside: Path | None = None,
    *,
    components: int = COMPONENTS,
    refused: float = REFUSED,
    draws: int = 1000,
    device: str = "cpu",
) -> DetectorFacts:
    """Fit, measure and write the detector of a checkpoint; returns what ``gate.json`` says.

    Args:
        folder: the checkpoint's.
        root: the data set named on its card (None: ``$DERMAVIZ_DATA``).
        outside: a folder with a sub-folder for each kind of picture that is no dermatoscopic image. Views of one picture
            are named ``NAME~VIEW.jpg``; they are drawn together in the bootstrap. None: only lesions are measured.
        components: main directions of the features, see :func:`~dermaviz.ood.detector.fit_detector`.
        refused: the share of validation photos that the limit refuses at most, in [0, 1).

    Raises:
        CheckpointError, DatasetError: as :func:`~dermaviz.evidence.evaluate.split_of_checkpoint`.
        EvidenceError: there are too few training photos for so many components.
    """
    classifier = load_checkpoint(folder, device)
    card = classifier.card
    train, validation, test = (split_of_checkpoint(card, root, name) for name in ("train", "validation", "test"))
    others = read_folders(outside) if outside else None
    detector = fit_detector(_features(classifier, train), components)
    checked = detector.distance(_features(classifier, validation))
    detector = replace(detector, limit=limit_for(checked, refused))
    lesions = detector.distance(_features(classifier, test))
    lesion_ids = [record.lesion_id for record in test.records]
    shares = lesion_shares(test, lesions, detector, draws)
    if others:
        distances = detector.distance(_features(classifier, others))
        shares += outside_shares(others, distances, lesions, lesion_ids, detector.limit, draws)
    shares += _drawn_shares(classifier, detector, draws)
    facts = DetectorFacts(
        card.weights_sha256,
        card.split_sha256,
        hashlib.sha256(detector_bytes(detector)).hexdigest(),
        METHOD,
        components,
        len(train),
        float((checked > detector.limit).mean()),
        detector.limit,
        tuple(shares),
    )
    write_detector(folder, detector, facts)
    return facts


def lesion_shares(test: Dataset, distances: Distances, detector: Detector, draws: int) -> list[Share]:
    """The share of real lesions that the detector refuses, in all and by diagnosis."""
    lesion_ids = np.array([record.lesion_id for record in test.records])
    labels = np.array([record.label for record in test.records])
    by_class = [
        _refused(f"test photos of {label}", distances[labels == label], lesion_ids[labels == label], detector, draws)
        for label in test.classes
        if (labels == label).any()
    ]
    return [_refused("test photos of lesions", distances, lesion_ids, detector, draws), *by_class]


def outside_shares(
    others: Dataset, distances: Distances, lesions: Distances, lesion_ids: Sequence[str], limit: float, draws: int
) -> list[Share]:
    """AUROC of outside pictures against lesions, and the share of them that the detector lets through, in all and by kind."""
    sources = np.array([record.image_id.split("~")[0] for record in others.records])
    kinds = np.array([record.label for record in others.records])
    every = _share("all outside pictures", "let through", distances <= limit, sources, draws)
    drawn = zip(lesion_weights(lesion_ids, draws), lesion_weights(sources, draws, seed=1), strict=True)
    low, high = interval(np.array([auroc(lesions, distances, here, there) for here, there in drawn]))
    area = replace(every, meaning="AUROC against test lesions", value=auroc(lesions, distances), low=low, high=high)
    by_kind = [
        _share(kind, "let through", distances[kinds == kind] <= limit, sources[kinds == kind], draws)
        for kind in others.classes
    ]
    return [area, every, *by_kind]


def auroc(
    lesions: Distances,
    outside: Distances,
    lesion_weights: NDArray[np.float64] | None = None,
    outside_weights: NDArray[np.float64] | None = None,
) -> float:
    """The share of pairs in which the outside picture is farther away than the lesion, ties counting half.

    Weights say how often each picture counts.
    """
    ordered = np.sort(np.unique(np.concatenate([lesions, outside])))
    here = np.bincount(np.searchsorted(ordered, lesions), lesion_weights, len(ordered))
    there = np.bincount(np.searchsorted(ordered, outside), outside_weights, len(ordered))
    nearer = np.cumsum(here) - here / 2
    return float((nearer * there).sum() / (here.sum() * there.sum()))


def _share(of: str, meaning: str, hit: NDArray[np.bool_], sources: LesionIds, draws: int) -> Share:
    found = Bootstrap.over(sources, draws).mean(hit).estimate()
    return Share(of, meaning, len(hit), len(set(sources)), found.value, found.low, found.high)


def _refused(of: str, distances: Distances, sources: LesionIds, detector: Detector, draws: int) -> Share:
    return _share(of, "refused", distances > detector.limit, sources, draws)


def _drawn_shares(classifier: Classifier, detector: Detector, draws: int) -> list[Share]:
    """What the detector refuses of drawings: the gallery's samples, lesions of all forms and tones, and skin without a lesion."""
    size = max(MIN_SIZE, classifier.input_size)
    forms = product(HAM10000.classes, _TONES, _SEEDS)
    lesions = [Parameters(dx=dx, ita=ita, seed=seed, size=size) for dx, ita, seed in forms]
    pictures: dict[str, Iterable[RGB]] = {
        "drawn samples of the gallery": (draw(sample.parameters).image for sample in SAMPLES),
        "drawn lesions": (draw(parameters).image for parameters in lesions),
        "drawn skin without a lesion": (draw_skin(parameters) for parameters in lesions),
    }
    shares = []
    for of, drawings in pictures.items():
        distances = detector.distance(_observed(classifier, [classifier.prepare(drawing) for drawing in drawings]))
        shares.append(_refused(of, distances, [str(i) for i in range(len(distances))], detector, draws))
    return shares


def _features(classifier: Classifier, dataset: Dataset) -> Features:
    slices = [slice(first, min(first + _BATCH, len(dataset))) for first in range(0, len(dataset), _BATCH)]
    return np.concatenate([_observed(classifier, batch) for _, batch in prepared_batches(classifier, dataset, slices)])


def _observed(classifier: Classifier, prepared: Sequence[RGB]) -> Features:
    return classifier.observe(classifier.to_tensor(prepared))[1]
