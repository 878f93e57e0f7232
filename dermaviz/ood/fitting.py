"""Fit a checkpoint's out-of-distribution detector on training images, set its limit on validation, measure it by kind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dermaviz.data.masks import lesion_mask
from dermaviz.data.readers import read_folders
from dermaviz.data.records import HAM10000, Dataset
from dermaviz.evidence.evaluate import image_facts, prepared_batches
from dermaviz.evidence.images import split_of_checkpoint
from dermaviz.images import RGB, read_image
from dermaviz.metrics.bootstrap import Bootstrap, ClusterIds, Sampled, cluster_weights, clusters
from dermaviz.metrics.ranking import roc_auc
from dermaviz.models.answer import Features
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.ood import (
    Detector,
    DetectorFacts,
    Share,
    detector_bytes,
    fit_detector,
    limit_for,
    write_detector,
)
from dermaviz.synthetic import SAMPLES, Parameters, draw, draw_skin

COMPONENTS, REFUSED, REFUSED_ELSEWHERE = 128, 0.015, 0.04
METHOD = "Mahalanobis distance by probabilistic principal components of the square roots of the features before the classifier"
_BATCH = 64
_TONES = (60.0, 45.0, 30.0, 10.0, -20.0)
_SEEDS = (1, 2)

Distances = NDArray[np.float64]


def fit_checkpoint_detector(
    folder: Path,
    root: Path | None,
    outside: Path | None = None,
    *,
    external: Mapping[str, Dataset] | None = None,
    components: int = COMPONENTS,
    refused: float = REFUSED,
    refused_elsewhere: float = REFUSED_ELSEWHERE,
    draws: int = 1000,
    device: str = "cpu",
) -> DetectorFacts:
    """Fit, measure and write the detector of a checkpoint; returns what ``gate.json`` says.

    Args:
        folder: the checkpoint's.
        root: the data set named on its card (None: ``$DERMAVIZ_DATA``).
        outside: a folder with a sub-folder for each kind of picture that is no dermatoscopic image. Views of one picture
            are named ``NAME~VIEW.jpg``; they are drawn together in the bootstrap. None: only lesions are measured.
        external: dermatoscopic photographs of other cameras by split: the limit is wide enough for ``validation``, and the
            share refused of ``test`` is measured.
        components: main directions of the features, see :func:`~dermaviz.ood.fit_detector`.
        refused: the share of validation photos that the limit refuses at most, in [0, 1).
        refused_elsewhere: the same of the external validation photographs.

    Raises:
        CheckpointError, DatasetError: as :func:`~dermaviz.evidence.evaluate.split_of_checkpoint`.
        EvidenceError: there are too few training photos for so many components.
    """
    classifier = load_checkpoint(folder, device)
    card = classifier.card
    train, validation, test = (split_of_checkpoint(card, root, name) for name in ("train", "validation", "test"))
    others = read_folders(outside) if outside else None
    detector = fit_detector(_features(classifier, train), components, roots=True)
    checked = detector.distance(_features(classifier, validation))
    elsewhere = detector.distance(_features(classifier, external["validation"])) if external else np.zeros(1)
    detector = replace(detector, limit=max(limit_for(checked, refused), limit_for(elsewhere, refused_elsewhere)))
    facts = DetectorFacts(
        card.weights_sha256,
        card.split_sha256,
        hashlib.sha256(detector_bytes(detector)).hexdigest(),
        METHOD,
        components,
        len(train),
        float((checked > detector.limit).mean()),
        detector.limit,
        tuple(_measured(classifier, detector, test, external["test"] if external else None, others, draws)),
        detector.roots,
        float((elsewhere > detector.limit).mean()) if external else None,
    )
    write_detector(folder, detector, facts)
    return facts


def _measured(
    classifier: Classifier,
    detector: Detector,
    test: Dataset,
    external: Dataset | None,
    others: Dataset | None,
    draws: int,
) -> list[Share]:
    """What the detector refuses: of test images, of other cameras', of bare skin, of other pictures, and of drawn lesions."""
    lesions, cluster_ids = detector.distance(_features(classifier, test)), clusters(image_facts(test))
    shares = lesion_shares(test, lesions, detector, draws)
    if external:
        distances, ids = detector.distance(_features(classifier, external)), clusters(image_facts(external))
        shares.append(_refused(f"photos of other cameras ({external.name})", distances, ids, detector, draws))
    if skin := bare_skin(test):
        distances = detector.distance(_observed(classifier, [classifier.prepare(patch) for patch in skin.values()]))
        shares += _kind(
            "photographed skin without a lesion", distances, list(skin), lesions, cluster_ids, detector.limit, draws
        )
    if others:
        distances = detector.distance(_features(classifier, others))
        shares += outside_shares(others, distances, lesions, cluster_ids, detector.limit, draws)
    return [*shares, *_drawn_shares(classifier, detector, draws)]


def lesion_shares(test: Dataset, distances: Distances, detector: Detector, draws: int) -> list[Share]:
    """The share of real lesions that the detector refuses, in all and by diagnosis."""
    cluster_ids = clusters(image_facts(test))
    labels = np.array([record.label for record in test.records])
    by_class = [
        _refused(f"test photos of {label}", distances[labels == label], cluster_ids[labels == label], detector, draws)
        for label in test.classes
        if (labels == label).any()
    ]
    return [_refused("test photos of lesions", distances, cluster_ids, detector, draws), *by_class]


def outside_shares(
    others: Dataset, distances: Distances, lesions: Distances, cluster_ids: ClusterIds, limit: float, draws: int
) -> list[Share]:
    """AUROC of outside pictures against lesions, and the share of them that the detector lets through, in all and by kind."""
    sources = np.array([record.image_id.split("~")[0] for record in others.records])
    kinds = np.array([record.label for record in others.records])
    shares = _kind("all outside pictures", distances, sources, lesions, cluster_ids, limit, draws)
    for kind in others.classes:
        of = kinds == kind
        shares += _kind(kind, distances[of], sources[of], lesions, cluster_ids, limit, draws)
    return shares


def _kind(
    of: str,
    distances: Distances,
    sources: ClusterIds,
    lesions: Distances,
    cluster_ids: ClusterIds,
    limit: float,
    draws: int,
) -> list[Share]:
    """AUROC of one kind of picture against lesions, and the share of it that the limit lets through.

    Where no picture lies nearer than any lesion no draw varies: the AUROC is then a share of as many pairs as can be made
    without taking a lesion or picture twice.
    """
    through = _share(of, "let through", distances <= limit, sources, draws)
    outside, scores = np.repeat([False, True], [len(lesions), len(distances)]), np.concatenate([lesions, distances])
    weights = np.concatenate([cluster_weights(cluster_ids, draws), cluster_weights(sources, draws, seed=1)], axis=1)
    samples = Sampled(np.asarray(roc_auc(outside, scores)), np.asarray(roc_auc(outside, scores, weights)))
    found = samples.among(min(len(set(cluster_ids)), through.sources))
    area = replace(through, meaning="AUROC against test lesions", **asdict(found.estimate()))
    return [area, through]


def bare_skin(dataset: Dataset, least: int = 64) -> dict[str, RGB]:
    """The largest square of each photo that holds nothing of the lesion, by image id, where it has ``least`` pixels a side."""
    found = {}
    for record in dataset.records:
        pixels = read_image(record.path).pixels
        free = np.pad(~lesion_mask(record, pixels).pixels, 1).astype(np.uint8)
        reach = np.asarray(cv2.distanceTransform(free, cv2.DIST_C, 3))[1:-1, 1:-1]
        half = int(reach.max()) - 1
        if 2 * half + 1 >= least:
            row, column = np.unravel_index(reach.argmax(), reach.shape)
            found[record.image_id] = pixels[row - half : row + half + 1, column - half : column + half + 1]
    return found


def _share(of: str, meaning: str, hit: NDArray[np.bool_], sources: ClusterIds, draws: int) -> Share:
    found = Bootstrap.over(sources, draws).mean(hit).estimate()
    return Share(of, meaning, len(hit), len(set(sources)), **asdict(found))


def _refused(of: str, distances: Distances, sources: ClusterIds, detector: Detector, draws: int) -> Share:
    return _share(of, "refused", distances > detector.limit, sources, draws)


def _drawn_shares(classifier: Classifier, detector: Detector, draws: int) -> list[Share]:
    """What the detector refuses of drawings: the gallery's samples, lesions of all forms and tones, and skin without a lesion."""
    forms = product(HAM10000.classes, _TONES, _SEEDS)
    lesions = [Parameters(dx=dx, ita=ita, seed=seed) for dx, ita, seed in forms]
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
