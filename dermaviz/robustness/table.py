"""Robustness: a batch of images under every attack and ε, as the evidence tables ``attacks`` and ``flips``.

FGSM at all ε shares one gradient per image, and PGD begins with it. PGD over growing ε goes on only with images that are
not fooled yet (:func:`dermaviz.robustness.pgd.pgd_path`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Attacked, Cost
from dermaviz.robustness.bounds import require_epsilon
from dermaviz.robustness.fgsm import sweep_along
from dermaviz.robustness.flip import CAP, flip_distance
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.noise import NOISES, image_seeds, noise_along, unit_noise
from dermaviz.robustness.pgd import DEFAULT_CLIMB, Climb, pgd_path
from dermaviz.robustness.probe import Probe

EPSILONS = (0.0, 1 / 8 / 255, 1 / 4 / 255, 1 / 2 / 255, 3e-3, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
PGD_EPSILONS = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
"""Fewer than for FGSM: an image that withstands costs 20 gradients at each."""
METHODS = ("fgsm", "pgd", "uniform noise")
_KNOWN = ("fgsm", "pgd", *NOISES)


@dataclass(frozen=True, eq=False)
class AttackTable:
    """What came of a batch: ``rows`` by image, method and growing ε, and what they cost.

    Columns: ``image_id, method, epsilon`` (in [0, 1] pixels), ``predicted`` (name of the class), ``p_true`` and
    ``p_malignant`` (calibrated as in the table ``predictions``; NaN where no class counts as malignant),
    ``zero_gradient`` (nothing to follow; never true of noise). For ``pgd``, an image once fooled is climbed no further:
    at larger ε its probabilities are those of the point that fooled it, or of an FGSM point that does so by more.
    """

    rows: pd.DataFrame
    cost: Cost


def attack_table(
    classifier: Classifier,
    images: Tensor,
    labels: Sequence[int],
    image_ids: Sequence[str],
    *,
    epsilons: Sequence[float] = EPSILONS,
    pgd_epsilons: Sequence[float] = PGD_EPSILONS,
    methods: Sequence[str] = METHODS,
    climb: Climb = DEFAULT_CLIMB,
    seed: int = 0,
) -> AttackTable:
    """One batch under every method and ε, away from its labels.

    A batch is what fits into memory: about eight copies of the images and one graph of the network are held at a time.
    Rows do not depend on how images are batched, but for the last bits of a convolution. Noise is drawn per image from
    ``seed`` and its id.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1], as :meth:`Classifier.to_tensor` gives them.
        labels: true class of each image, as an index into the classifier's classes.
        image_ids: one per image.
        epsilons: any number, in [0, 1] pixels, in any order; with 0, the clean rows come along.
        pgd_epsilons: those of ``epsilons`` at which PGD is run; others are passed over.
        methods: of ``fgsm``, ``pgd``, ``uniform noise``, ``random signs``.
        climb: PGD's steps; its restarts are not made.

    Raises:
        AttackError: the images, labels, ids, ε or methods do not fit together or are none that can be used.
    """
    _check_ids(images, image_ids)
    _check_methods(methods)
    radii = sorted({require_epsilon(epsilon) for epsilon in epsilons})
    if not radii:
        raise AttackError(f"expected at least one ε, found none. The usual ones are {EPSILONS}.")
    goal = Goal.away_from(labels)
    probe = Probe(classifier, images, goal)
    slope = probe.slope(images)
    notes = _Notes(classifier, probe.goal.classes, image_ids)
    sweep = sweep_along(probe, images, slope, radii)
    if "fgsm" in methods:
        sweep = notes.passing("fgsm", sweep)
    if "pgd" in methods:
        chosen = {float(epsilon) for epsilon in pgd_epsilons}
        points = (outcome for outcome in sweep if outcome.epsilon in chosen)
        sweep = notes.passing("pgd", pgd_path(probe, images, slope, points, climb))
    if "fgsm" in methods or "pgd" in methods:
        for _ in sweep:
            pass
    for kind in (method for method in methods if method in NOISES):
        drawn = unit_noise(images, image_seeds(image_ids, seed), kind)
        for outcome in noise_along(probe, images, drawn, radii, clean=slope):
            notes.add(kind, outcome)
    return AttackTable(notes.table(methods), probe.cost)


def flip_table(
    classifier: Classifier, images: Tensor, labels: Sequence[int], image_ids: Sequence[str], *, cap: float = CAP
) -> pd.DataFrame:
    """The flip distance of each image of a batch, away from its label (:func:`dermaviz.robustness.flip.flip_distance`).

    Args:
        images, labels, image_ids: as for :func:`attack_table`.
        cap: the largest ε tried, in [0, 1] pixels.

    Returns:
        ``image_id, flip_epsilon`` (0: wrong already; inf: not up to ``cap``), ``flipped_to`` (name of the class there, the
        clean answer where it did not flip), ``zero_gradient, cap``.

    Raises:
        AttackError: as for :func:`attack_table`.
    """
    _check_ids(images, image_ids)
    flips = flip_distance(classifier, images, Goal.away_from(labels), cap=cap)
    return pd.DataFrame(
        {
            "image_id": list(image_ids),
            "flip_epsilon": flips.epsilon,
            "flipped_to": [classifier.classes[i] for i in flips.predicted],
            "zero_gradient": flips.zero_gradient,
            "cap": flips.cap,
        }
    )


class _Notes:
    """The rows of the table, taken down while outcomes pass by, so that no outcome's images need to be kept."""

    def __init__(self, classifier: Classifier, labels: Tensor, image_ids: Sequence[str]) -> None:
        self._classes, self._temperature = classifier.classes, classifier.card.temperature
        self._malignant = [i for i, name in enumerate(self._classes) if name in classifier.malignant]
        self._labels, self._image_ids = labels, list(image_ids)
        self._parts: list[pd.DataFrame] = []

    def passing(self, method: str, outcomes: Iterable[Attacked]) -> Iterator[Attacked]:
        for outcome in outcomes:
            self.add(method, outcome)
            yield outcome

    def add(self, method: str, outcome: Attacked) -> None:
        probabilities = (outcome.logits.double() / self._temperature).softmax(dim=1)
        malignant = probabilities[:, self._malignant].sum(dim=1) if self._malignant else torch.nan
        columns = {
            "image_id": self._image_ids,
            "method": method,
            "epsilon": outcome.epsilon,
            "predicted": [self._classes[i] for i in outcome.predicted.tolist()],
            "p_true": probabilities.gather(1, self._labels[:, None]).squeeze(1).cpu().numpy(),
            "p_malignant": malignant.cpu().numpy() if isinstance(malignant, Tensor) else malignant,
            "zero_gradient": outcome.zero_gradient.cpu().numpy(),
        }
        self._parts.append(pd.DataFrame(columns))

    def table(self, methods: Sequence[str]) -> pd.DataFrame:
        """All rows: images in the order given, then methods in the order given, then growing ε."""
        rows = pd.concat(self._parts, ignore_index=True)
        places = {"image_id": self._image_ids, "method": list(methods)}
        order = rows.assign(**{name: rows[name].map({v: i for i, v in enumerate(p)}) for name, p in places.items()})
        index = order.sort_values(["image_id", "method", "epsilon"], kind="stable").index
        return rows.loc[index].reset_index(drop=True)


def _check_ids(images: Tensor, image_ids: Sequence[str]) -> None:
    if len(image_ids) != len(images) or len(set(image_ids)) != len(image_ids):
        raise AttackError(
            f"expected {len(images)} image ids, one per image and each once, found {len(image_ids)}, of which "
            f"{len(set(image_ids))} differ. Rows of the table are found by them."
        )


def _check_methods(methods: Sequence[str]) -> None:
    unknown = [method for method in methods if method not in _KNOWN]
    if unknown or not methods:
        raise AttackError(f"expected methods among {', '.join(_KNOWN)}; found {', '.join(unknown) or 'none'}.")
