"""Fit a checkpoint's out-of-distribution detector on training images, set its limit on validation, measure it by kind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Measuring:
    """Shares with intervals from ``draws`` resamplings: the detector's ``limit``, and the test ``lesions`` to compare with, their
    distances ``[N]`` and clusters ``[N]``."""

    limit: float
    lesions: Distances
    cluster_ids: NDArray[Any]
    draws: int

    def share(self, of: str, meaning: str, hit: NDArray[np.bool_], sources: ClusterIds) -> Share:
        """The share of pictures that are hit."""
        found = Bootstrap.over(sources, self.draws).mean(hit).estimate()
        return Share(of, meaning, len(hit), len(set(sources)), **asdict(found))

    def refused(self, of: str, distances: Distances, sources: ClusterIds) -> Share:
        """The share of pictures that the detector refuses."""
        return self.share(of, "refused", distances > self.limit, sources)

    def lesion_shares(self, test: Dataset) -> list[Share]:
        """The share of real lesions that the detector refuses, in all and by diagnosis."""
        labels = np.array([record.label for record in test.records])
        by_class = [
            self.refused(f"test photos of {label}", self.lesions[labels == label], self.cluster_ids[labels == label])
            for label in test.classes
            if (labels == label).any()
        ]
        return [self.refused("test photos of lesions", self.lesions, self.cluster_ids), *by_class]

    def outside_shares(self, others: Dataset, distances: Distances) -> list[Share]:
        """AUROC of outside pictures against lesions, and the share of them that the detector lets through, in all and by kind."""
        sources = np.array([record.image_id.split("~")[0] for record in others.records])
        kinds = np.array([record.label for record in others.records])
        shares = self.of_kind("all outside pictures", distances, sources)
        for kind in others.classes:
            shares += self.of_kind(kind, distances[kinds == kind], sources[kinds == kind])
        return shares

    def of_kind(self, of: str, distances: Distances, sources: ClusterIds) -> list[Share]:
        """AUROC of one kind of picture against lesions, and the share of it that the limit lets through.

        Where no picture lies nearer than any lesion no draw varies: the AUROC is then a share of as many pairs as can be made
        without taking a lesion or picture twice.
        """
        through = self.share(of, "let through", distances <= self.limit, sources)
        outside = np.repeat([False, True], [len(self.lesions), len(distances)])
        scores = np.concatenate([self.lesions, distances])
        drawn = cluster_weights(self.cluster_ids, self.draws), cluster_weights(sources, self.draws, seed=1)
        samples = np.asarray(roc_auc(outside, scores, np.concatenate(drawn, axis=1)))
        found = Sampled(np.asarray(roc_auc(outside, scores)), samples)
        found = found.among(min(len(set(self.cluster_ids)), through.sources))
        return [replace(through, meaning="AUROC against test lesions", **asdict(found.estimate())), through]


def _measured(
    classifier: Classifier,
    detector: Detector,
    test: Dataset,
    external: Dataset | None,
    others: Dataset | None,
    draws: int,
) -> list[Share]:
    """What the detector refuses: of test images, of other cameras', of bare skin, of other pictures, and of drawn lesions."""
    lesions = detector.distance(_features(classifier, test))
    measuring = Measuring(detector.limit, lesions, clusters(image_facts(test)), draws)
    shares = measuring.lesion_shares(test)
    if external:
        distances, ids = detector.distance(_features(classifier, external)), clusters(image_facts(external))
        shares.append(measuring.refused(f"photos of other cameras ({external.name})", distances, ids))
    if skin := bare_skin(test):
        distances = detector.distance(_observed(classifier, [classifier.prepare(patch) for patch in skin.values()]))
        shares += measuring.of_kind("photographed skin without a lesion", distances, list(skin))
    if others:
        shares += measuring.outside_shares(others, detector.distance(_features(classifier, others)))
    return [*shares, *_drawn_shares(classifier, detector, measuring)]


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


def _drawn_shares(classifier: Classifier, detector: Detector, measuring: Measuring) -> list[Share]:
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
        shares.append(measuring.refused(of, distances, [str(i) for i in range(len(distances))]))
    return shares


def _features(classifier: Classifier, dataset: Dataset) -> Features:
    slices = [slice(first, min(first + _BATCH, len(dataset))) for first in range(0, len(dataset), _BATCH)]
    return np.concatenate([_observed(classifier, batch) for _, batch in prepared_batches(classifier, dataset, slices)])


def _observed(classifier: Classifier, prepared: Sequence[RGB]) -> Features:
    return classifier.observe(classifier.to_tensor(prepared))[1]
