"""Robustness: a batch under every attack, ε and corruption as evidence tables; the smallest ε that flips an answer; 8 bits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier, require_images
from dermaviz.robustness.attacks import ATTACKS, DEFAULT_PGD, PGDSettings, image_seeds
from dermaviz.robustness.corruptions import CLEAN, CORRUPTIONS, SEVERITIES, corrupt
from dermaviz.robustness.gradients import (
    DEFAULT_LOSS,
    NO_COST,
    Attacked,
    Box,
    Cost,
    Goal,
    GradientSign,
    Probe,
    require_epsilon,
)
from dermaviz.robustness.linf import NOISES, fgsm_outcomes, fgsm_points, noise_outcomes, pgd_path, unit_noise

RESOLUTION = 1 / 8 / 255
CAP = 16 / 255
_EVERY = 8
"""The scan tries every step up to this many, and from there on strides of a quarter of the way gone."""


@dataclass(frozen=True, eq=False)
class Flips:
    """Where each image's answer flips along its FGSM direction.

    ``epsilon`` is float64 ``[N]``: 0 where the goal was reached before any attack, ``inf`` where it is not up to
    ``cap``. ``predicted`` (int64 ``[N]``) is the answer there, the clean one for images that did not flip.
    ``zero_gradient`` (bool ``[N]``) marks images without a direction; they cannot flip.
    """

    epsilon: NDArray[np.float64]
    predicted: NDArray[np.int64]
    zero_gradient: NDArray[np.bool_]
    cap: float
    resolution: float
    cost: Cost


def flip_distance(
    classifier: Classifier,
    images: Tensor,
    goal: Goal,
    *,
    cap: float = CAP,
    resolution: float = RESOLUTION,
    loss: str = DEFAULT_LOSS,
) -> Flips:
    """The smallest ε in steps of ``resolution`` at which FGSM reaches the goal, for each image by itself.

    First a scan outwards, up to the first point at which the image is flipped: every step up to one grey level, then
    strides that grow by a quarter of the way gone; then bisection within that stride. The answer at the ε found is
    flipped and one step below it is not. Answers may flip to and fro: a gradient holds near the image only, and a step
    too long overshoots. Up to the eighth step the smallest ε is found whatever they do. Beyond it, a flip that comes and
    goes within one stride can be missed, and of several crossings in a stride one is found: there the true smallest ε may
    be smaller, never larger.

    Args:
        images: float32 ``[N, 3, S, S]`` in [0, 1].
        goal: the class of each image to leave, or to arrive at.
        cap: the largest ε tried, rounded to a whole number of steps.
        resolution: in [0, 1] pixels.

    Raises:
        AttackError: images, goal or loss are none that can be attacked with, or ``resolution`` exceeds ``cap``.
    """
    probe = Probe(classifier, images, goal, loss)
    if not 0 < resolution <= require_epsilon(cap):
        raise AttackError(
            f"expected a resolution above 0 and up to the cap of {cap:g}, found {resolution:g}. "
            f"1/8 of a grey level is {RESOLUTION:g}."
        )
    gradient = probe.gradient(images)
    search = _Search(probe, images, gradient, resolution)
    step, last = 0, round(cap / resolution)
    while step < last and (rows := (search.high < 0) & ~gradient.zero_gradient).any():
        step = min(last, step + (1 if step < _EVERY else step // 4))
        search.evaluate(rows, torch.full_like(search.high, step))
    while (rows := search.high - search.low > 1).any():
        search.evaluate(rows, (search.low + search.high) // 2)
    high = search.high.cpu().numpy()
    return Flips(
        np.where(high < 0, np.inf, high * resolution),
        search.predicted.cpu().numpy(),
        gradient.zero_gradient.cpu().numpy(),
        cap,
        resolution,
        probe.cost,
    )


class _Search:
    """For each image, in steps: the largest known not to be flipped (``low``), the smallest known to be (``high``, or −1)."""

    def __init__(self, probe: Probe, images: Tensor, gradient: GradientSign, resolution: float) -> None:
        self._probe, self._images, self._gradient, self._resolution = probe, images, gradient, resolution
        self.low = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        self.high = torch.where(gradient.reached, 0, -1)
        self.predicted = gradient.logits.argmax(dim=1)

    def evaluate(self, chosen: Tensor, steps: Tensor) -> None:
        """Try the ``chosen`` images (bool ``[N]``) at so many ``steps`` each (int64 ``[N]``)."""
        rows = chosen.nonzero().squeeze(1)
        points = fgsm_points(self._images[rows], self._gradient.take(rows), steps[rows] * self._resolution)
        here = self._probe.evaluate(points, rows)
        self.low[rows] = torch.where(here.reached, self.low[rows], steps[rows])
        self.high[rows] = torch.where(here.reached, steps[rows], self.high[rows])
        self.predicted[rows] = torch.where(here.reached, here.logits.argmax(dim=1), self.predicted[rows])


_SLACK = 1e-4
"""In grey levels: 255 · (k / 255) is not k in fp32."""


@dataclass(frozen=True, eq=False)
class EightBit:
    """What is left of an attack in 8 bits, beside what it was.

    ``pixels`` is uint8 ``[N, S, S, 3]``: shown, saved as PNG and uploaded again, it gives these very ``logits`` (``[N, C]``;
    preparing a square picture of the input's size changes nothing). ``reached`` says where the goal is still reached.
    ``grey_levels`` (int64 ``[N]``) is the largest change of a pixel; 0 where the picture is the original. ``exact`` is the
    attack before rounding.
    """

    pixels: NDArray[np.uint8]
    logits: Tensor
    reached: Tensor
    grey_levels: NDArray[np.int64]
    exact: Attacked

    @property
    def predicted(self) -> Tensor:
        """Index of the most probable class of each picture, int64 ``[N]``."""
        return self.logits.argmax(dim=1)


def whole_levels(epsilon: float) -> int:
    """The grey levels that fit into ε: 0 below 1/255."""
    return math.floor(255 * epsilon + _SLACK)


def eight_bit(classifier: Classifier, images: Tensor, attacked: Attacked, goal: Goal) -> EightBit:
    """The attack in whole grey levels within its ε of ``images``, reaching the goal still where a rounding does.

    Two roundings are tried: each pixel to the nearest level and, for images that this loses, each changed pixel as far in
    its direction as ε allows (for FGSM the same thing). The second is kept only where it reaches the goal.

    Args:
        images: the originals, float32 ``[N, 3, S, S]``; of 8-bit pictures, as :meth:`Classifier.to_tensor` gives them.
        attacked: the outcome of an attack on them.
        goal: that of the attack.
    """
    goal = goal.fitted(images, len(classifier.classes))
    ball, nearest = Box.around(images, attacked.epsilon), (images * 255).round()
    low, high = (ball.low * 255 - _SLACK).ceil(), (ball.high * 255 + _SLACK).floor()
    # Where no level lies within ε, as between two levels, the nearest is allowed.
    box = Box(torch.minimum(low, nearest), torch.maximum(high, nearest))
    levels = box.clamp((attacked.images * 255).round())
    logits = _logits(classifier, levels)
    lost = (attacked.reached & ~goal.reached(logits)).nonzero().squeeze(1)
    if len(lost) and whole_levels(attacked.epsilon):
        direction = (attacked.images - images)[lost].sign()
        furthest = box.take(lost).clamp(nearest[lost] + direction * whole_levels(attacked.epsilon))
        there = _logits(classifier, furthest)
        regained = goal.take(lost).reached(there)
        levels[lost[regained]], logits[lost[regained]] = furthest[regained], there[regained]
    change = (levels - nearest).abs().flatten(1).amax(dim=1)
    return EightBit(_pixels(levels), logits, goal.reached(logits), change.to(torch.int64).cpu().numpy(), attacked)


def _pixels(levels: Tensor) -> NDArray[np.uint8]:
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _logits(classifier: Classifier, levels: Tensor) -> Tensor:
    """Logits of pictures, on exactly the way that an uploaded picture takes."""
    with torch.no_grad():
        return classifier.logits(classifier.to_tensor(list(_pixels(levels))))


EPSILONS = (0.0, 1 / 8 / 255, 1 / 4 / 255, 1 / 2 / 255, 3e-3, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
SLOW_EPSILONS = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
"""Fewer, for attacks of many passes: PGD costs 20 gradients at each for an image that withstands."""


def evidence_methods() -> tuple[str, ...]:
    """Names of the attacks and noises that the evidence table ``attacks`` is made of."""
    return tuple(name for name, row in ATTACKS.items() if row.evidence)


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
    slow_epsilons: Sequence[float] = SLOW_EPSILONS,
    methods: Sequence[str] | None = None,
    settings: PGDSettings = DEFAULT_PGD,
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
        slow_epsilons: those of ``epsilons`` at which attacks of many passes are run; others are left out.
        methods: names of rows of ``ATTACKS``; by default those that are part of the evidence.
        settings: PGD's steps; its restarts are not made.

    Raises:
        AttackError: the images, labels, ids, ε or methods do not fit together or are none that can be used.
    """
    _check_ids(images, image_ids)
    methods = evidence_methods() if methods is None else methods
    unknown = [method for method in methods if method not in ATTACKS]
    if unknown or not methods:
        raise AttackError(f"expected methods among {', '.join(ATTACKS)}; found {', '.join(unknown) or 'none'}.")
    radii = sorted({require_epsilon(epsilon) for epsilon in epsilons})
    if not radii:
        raise AttackError(f"expected at least one ε, found none. The usual ones are {EPSILONS}.")
    slow = [epsilon for epsilon in radii if epsilon in {float(one) for one in slow_epsilons}]
    goal = Goal.away_from(labels)
    probe = Probe(classifier, images, goal)
    gradient = probe.gradient(images)
    rows = _Rows(classifier, probe.goal.classes, image_ids)
    # FGSM and PGD share the gradient and the points of FGSM; outcomes pass by, so that their images need not be kept.
    path = fgsm_outcomes(probe, images, gradient, radii)
    if "fgsm" in methods:
        path = rows.passing("fgsm", path)
    if "pgd" in methods:
        points = (outcome for outcome in path if outcome.epsilon in slow)
        path = rows.passing("pgd", pgd_path(probe, images, gradient, points, settings))
    if "fgsm" in methods or "pgd" in methods:
        for _ in path:
            pass
    seeds, extra = image_seeds(image_ids, seed), NO_COST
    for method in (method for method in methods if method not in ("fgsm", "pgd")):
        if method in NOISES:
            outcomes = noise_outcomes(probe, images, unit_noise(images, seeds, method), radii, clean=gradient)
        else:
            row = ATTACKS[method]
            outcomes = (row.run(classifier, images, goal, at, seeds) for at in (slow if row.passes else radii))
        for outcome in rows.passing(method, outcomes):
            extra += NO_COST if method in NOISES else outcome.cost
    return AttackTable(rows.table(methods), probe.cost + extra)


def flip_table(
    classifier: Classifier, images: Tensor, labels: Sequence[int], image_ids: Sequence[str], *, cap: float = CAP
) -> pd.DataFrame:
    """The flip distance of each image of a batch, away from its label (:func:`dermaviz.robustness.sweep.flip_distance`).

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


class _Rows:
    """The rows of the table, collected while outcomes pass by."""

    def __init__(self, classifier: Classifier, labels: Tensor, image_ids: Sequence[str]) -> None:
        self._classes, self._temperature = classifier.classes, classifier.card.temperature
        self._malignant = [i for i, name in enumerate(self._classes) if name in classifier.malignant]
        self._labels, self._image_ids = labels, list(image_ids)
        self._parts: list[pd.DataFrame] = []

    def passing(self, method: str, outcomes: Iterable[Attacked]) -> Iterator[Attacked]:
        for outcome in outcomes:
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
            yield outcome

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


def corruption_table(
    classifier: Classifier,
    images: Tensor,
    labels: NDArray[np.int64],
    image_ids: Sequence[str],
    corruptions: Sequence[str] | None = None,
) -> pd.DataFrame:
    """What the classifier says of a batch, clean and under every severity of ``corruptions``.

    One corrupted copy of the batch is held at a time.

    Args:
        classifier: is not changed in any way.
        images: float32 ``[N, 3, S, S]`` in [0, 1], as :meth:`Classifier.to_tensor` gives them.
        labels: index of each image's true class, ``[N]``.
        image_ids: N ids, from which all chance is drawn.
        corruptions: names in ``CORRUPTIONS``; all of them by default.

    Returns:
        ``image_id, corruption, severity`` (int8; 0 with corruption ``clean``), ``predicted`` (name of the most probable
        class), ``p_true`` and ``p_malignant`` (float32, calibrated; NaN where the classes name none malignant): N rows for
        the clean images and N for each corruption and severity.

    Raises:
        AttackError: images, labels, ids or corruptions do not fit each other or the classifier.
    """
    require_images(images, classifier.input_size, AttackError)
    if not len(labels) == len(image_ids) == len(images):
        raise AttackError(
            f"expected one label and one id per image, {len(images)} of each; found {len(labels)} labels and "
            f"{len(image_ids)} ids. Pass those of the batch."
        )
    parts = [_answers_table(classifier, images, labels, image_ids, CLEAN, 0)]
    for name in CORRUPTIONS if corruptions is None else corruptions:
        for severity in SEVERITIES:
            corrupted = corrupt(images, name, severity, image_ids)
            parts.append(_answers_table(classifier, corrupted, labels, image_ids, name, severity))
    return pd.concat(parts, ignore_index=True)


def _answers_table(
    classifier: Classifier,
    images: Tensor,
    labels: NDArray[np.int64],
    image_ids: Sequence[str],
    name: str,
    severity: int,
) -> pd.DataFrame:
    probabilities = classifier.probabilities(images)
    malignant = [i for i, one in enumerate(classifier.classes) if one in classifier.malignant]
    p_malignant = probabilities[:, malignant].sum(axis=1) if malignant else np.full(len(images), np.nan)
    return pd.DataFrame(
        {
            "image_id": list(image_ids),
            "corruption": name,
            "severity": np.int8(severity),
            "predicted": np.array(classifier.classes)[probabilities.argmax(axis=1)],
            "p_true": probabilities[np.arange(len(labels)), labels].astype(np.float32),
            "p_malignant": p_malignant.astype(np.float32),
        }
    )
