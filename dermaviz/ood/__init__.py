"""Is this a dermatoscopic picture at all: an out-of-distribution detector on features, and its two files."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dermaviz.errors import EvidenceError
from dermaviz.io import atomic_write, read_json, to_json
from dermaviz.models.answer import Features
from dermaviz.models.card import Card
from dermaviz.schema import build, validated

_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class Detector:
    """A Gaussian over features and a limit on the distance from it.

    ``mean`` is float32 ``[K]``; ``directions`` float32 ``[K, k]`` are orthonormal columns, ``spread`` float32 ``[k]`` the
    standard deviations along them, and ``rest`` that in each of the other K − k directions. A picture is refused where
    its distance is above ``limit``. With ``roots`` the Gaussian is over the features' signed square roots: averaged
    activations spread with their size, and their roots do not.
    """

    mean: Features
    directions: Features
    spread: Features
    rest: float
    limit: float
    roots: bool = False

    def distance(self, features: Features) -> NDArray[np.float64]:
        """The root mean square of the K standardised deviations, ``[N]``: 1 for a typical training photo.

        This is the Mahalanobis distance divided by √K.
        """
        deviation = _spread_alike(features, self.roots) - self.mean
        along = deviation @ self.directions.astype(np.float64)
        aside = np.maximum((deviation**2).sum(1) - (along**2).sum(1), 0)
        squares = ((along / self.spread) ** 2).sum(1) + aside / self.rest**2
        return np.sqrt(squares / len(self.mean))


def _spread_alike(features: Features, roots: bool) -> NDArray[np.float64]:
    wide = features.astype(np.float64)
    return np.sign(wide) * np.sqrt(np.abs(wide)) if roots else wide


def fit_detector(features: Features, components: int, *, roots: bool = False) -> Detector:
    """The detector of training features ``[N, K]`` with the ``components`` directions of largest variance, still without a limit.

    The variance of the other directions is their mean variance: the most likely one (Tipping and Bishop, equation 8).

    Raises:
        EvidenceError: ``components`` is not from 1 to K − 1, or not below N.
    """
    n, width = features.shape
    wide = _spread_alike(features, roots)
    most = min(n, width) - 1
    if not 1 <= components <= most:
        raise EvidenceError(
            f"components: expected 1 to {most} for {n} images of {width} features, found {components}. Choose fewer."
        )
    mean = wide.mean(0)
    deviation = wide - mean
    variances, vectors = np.linalg.eigh(deviation.T @ deviation / n)
    kept = slice(width - components, width)
    rest = max(float(variances[: width - components].mean()), _LEAST_VARIANCE)
    return Detector(
        mean.astype(np.float32),
        vectors[:, kept].astype(np.float32),
        np.sqrt(np.maximum(variances[kept], rest)).astype(np.float32),
        math.sqrt(rest),
        math.inf,
        roots,
    )


def limit_for(distances: NDArray[np.float64], refused: float) -> float:
    """The smallest of ``distances`` such that at most the share ``refused`` in [0, 1) of them is above it."""
    ordered = np.sort(distances)
    return float(ordered[len(ordered) - 1 - math.floor(refused * len(ordered))])


WEIGHTS, FACTS = "gate.safetensors", "gate.json"
"""Files in a checkpoint's folder, under the names that they were first given."""
_AGAIN = "Fit it again with `dermaviz gate`, or delete gate.json to go without."


@validated(EvidenceError, "shares")
class Share:
    """A measured share in [0, 1] with its 95% interval (``exact`` where no resampling varies); ``sources`` counts lesions, or
    pictures that were not cut up.

    ``meaning`` says of what it is the share; AUROC is one as well: of pairs in which the outside picture is farther away.
    """

    of: str
    meaning: str
    pictures: int
    sources: int
    value: float
    low: float
    high: float
    exact: bool = False


@validated(EvidenceError, "gate.json")
class DetectorFacts:
    """What ``gate.json`` says: of which checkpoint and split the detector is, how it was made, and what was measured of it.

    ``gate_sha256`` is the hash of ``gate.safetensors``; ``roots`` as in :class:`Detector`; ``refused_elsewhere`` is the
    share refused of the external photographs that the limit was set on, None where there were none.
    """

    weights_sha256: str
    split_sha256: str
    gate_sha256: str
    method: str
    components: int
    trained_on: int
    refused_on_validation: float
    limit: float
    shares: tuple[Share, ...]
    roots: bool = False
    refused_elsewhere: float | None = None


def write_detector(folder: Path, detector: Detector, facts: DetectorFacts) -> None:
    """Write a detector into a checkpoint's folder, its facts last; ``facts.gate_sha256`` must be that of the file."""
    for name, content in ((WEIGHTS, detector_bytes(detector)), (FACTS, to_json(asdict(facts)))):
        atomic_write(folder / name, content, error=EvidenceError)


def detector_bytes(detector: Detector) -> bytes:
    """A detector as the content of ``gate.safetensors``; the same one gives the same bytes."""
    directions, rest = np.ascontiguousarray(detector.directions), np.array([detector.rest])
    return save({"mean": detector.mean, "directions": directions, "spread": detector.spread, "rest": rest})


def read_detector(folder: Path, card: Card) -> tuple[Detector, DetectorFacts] | None:
    """The out-of-distribution detector of a checkpoint and its facts; None where it has none.

    Raises:
        EvidenceError: it is damaged, or was fitted on other weights than the card's.
    """
    if not (folder / FACTS).is_file():
        return None
    facts = _read_facts(folder / FACTS)
    if facts.weights_sha256 != card.weights_sha256:
        raise EvidenceError(
            f"{folder / FACTS}: expected a detector of the weights {card.weights_sha256[:12]}… on the card, found one of "
            f"{facts.weights_sha256[:12]}…. Its limit means nothing for these weights. {_AGAIN}"
        )
    content = (folder / WEIGHTS).read_bytes() if (folder / WEIGHTS).is_file() else b""
    found = hashlib.sha256(content).hexdigest()
    if found != facts.gate_sha256:
        raise EvidenceError(
            f"{folder / WEIGHTS}: expected sha256 {facts.gate_sha256[:12]}… as in {FACTS}, found "
            f"{found[:12] + '…' if content else 'no file'}. {_AGAIN}"
        )
    try:
        tensors = load(content)
        rest = float(tensors["rest"][0])
        gaussian = (tensors["mean"], tensors["directions"], tensors["spread"], rest)
        return Detector(*gaussian, facts.limit, facts.roots), facts
    except (SafetensorError, KeyError) as error:
        raise EvidenceError(
            f"{folder / WEIGHTS}: expected the tensors of a detector, found others ({error}). {_AGAIN}"
        ) from error


def _read_facts(path: Path) -> DetectorFacts:
    content = read_json(path, "the facts of a detector", error=EvidenceError, remedy=_AGAIN)
    try:
        return build(DetectorFacts, content)
    except EvidenceError as error:
        raise EvidenceError(f"{path}: expected the facts of a detector, found others ({error}) {_AGAIN}") from error
