"""Explain: is an attention map faithful — does the class's probability follow the pixels that the map calls important?

Pixels are ranked by the map as the method gave it, negative parts included, enlarged as it is shown; equal ones in an order
drawn by the seed. The probability is the calibrated one of the explained class. None of this asks for a lesion's mask:
faithfulness is about the model, not about medicine. A map's scores mean little alone; they stand beside those of a random
map and a centre-Gaussian one (:mod:`dermaviz.explain.localisation`) on the same image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as V

from dermaviz.errors import AttentionError
from dermaviz.explain.imputation import impute, seeded_noise
from dermaviz.explain.overlay import enlarge
from dermaviz.models.classifier import Classifier
from dermaviz.models.inputs import require_images

STEPS = 10
"""Deletion and insertion change a tenth of the pixels a step."""
ROAD_SHARES = (0.25, 0.5, 0.75)
"""Shares of the pixels that ROAD removes."""
BLUR = 5 / 224
"""σ of the blur from which insertion starts, in shares of the side: 5 pixels at 224, as by Petsiuk et al."""
BATCH = 32
"""Pictures in a forward."""


@dataclass(frozen=True)
class Faithfulness:
    """How the probability of the explained class follows one map of one image; all NaN where the map shows nothing.

    ``deletion``: area under the probability while pixels, the most important first, are replaced by the image's median
    colour, which is mostly skin; in [0, 1], lower is better. ``insertion``: area while they are put into the blurred
    image; in [0, 1], higher is better (both Petsiuk, Das and Saenko 2018; there deletion goes to grey).
    ``road``: how much more of the probability remains without the least important pixels than without the most
    important ones, the removed ones imputed, mean over ``ROAD_SHARES``; in [−1, 1], higher is better and 0 is chance
    (Rong et al. 2022; twice the score of pytorch-grad-cam's ``ROADCombined``).
    """

    deletion: float
    insertion: float
    road: float


NOTHING = Faithfulness(float("nan"), float("nan"), float("nan"))


def faithfulness(
    classifier: Classifier, image: Tensor, maps: Sequence[NDArray[np.float32]], class_index: int, seed: int = 0
) -> list[Faithfulness]:
    """The three scores of each of several maps of one image and one class.

    Costs ``2 · (STEPS − 1) + 2 · len(ROAD_SHARES)`` forwards a map and four an image, in batches of ``BATCH``.

    Args:
        classifier: is not changed in any way.
        image: float32 ``[1, 3, S, S]`` in [0, 1].
        maps: raw maps float32 ``[h, w]``, of any resolution each.
        class_index: of the explained class.
        seed: decides ROAD's noise, the same for every map, and the order of equally important pixels.

    Raises:
        AttentionError: image or class do not fit the classifier.
    """
    require_images(image, classifier.input_size, AttentionError)
    if len(image) != 1 or not 0 <= class_index < len(classifier.classes):
        raise AttentionError(
            f"expected one image and a class index from 0 to {len(classifier.classes) - 1}, found {len(image)} images "
            f"and class {class_index}. Measure images one after another."
        )
    shown = [i for i, raw in enumerate(maps) if np.isfinite(raw).all() and np.ptp(raw) > 0]
    if not shown:
        return [NOTHING] * len(maps)
    ranks = torch.stack([pixel_ranks(maps[i], classifier.input_size, seed) for i in shown]).to(image.device)
    scores = zip(
        _areas(classifier, class_index, image, _median_colour(image), ranks),
        _areas(classifier, class_index, _blurred(image), image, ranks),
        _road(classifier, class_index, image, ranks, seed),
        strict=True,
    )
    found = dict(zip(shown, (Faithfulness(*(float(one) for one in row)) for row in scores), strict=True))
    return [found.get(i, NOTHING) for i in range(len(maps))]


def pixel_ranks(raw: NDArray[np.float32], side: int, seed: int = 0) -> Tensor:
    """Each pixel's place in the order of importance, float32 ``[side, side]``: 0 for the first, below 1 for the last.

    So the share q of the pixels that matter most is where the rank is below q.
    """
    values = enlarge(np.ascontiguousarray(raw, dtype=np.float32), side, side).ravel()
    order = np.lexsort((np.random.default_rng(seed).permutation(values.size), -values))
    ranks = np.empty(values.size, dtype=np.float32)
    ranks[order] = np.arange(values.size, dtype=np.float32) / values.size
    return torch.from_numpy(ranks.reshape(side, side))


def _areas(
    classifier: Classifier, class_index: int, before: Tensor, after: Tensor, ranks: Tensor
) -> NDArray[np.float64]:
    """Area under the probability of each map, ``[M]``, while ``before`` becomes ``after``, most important pixels first."""
    shares = torch.arange(1, STEPS) / STEPS
    between = (torch.where(rank < share, after[0], before[0]) for rank in ranks for share in shares)
    ends = _probability(classifier, class_index, [before[0], after[0]])
    curves = _probability(classifier, class_index, between).reshape(len(ranks), -1)
    return (curves.sum(axis=1) + ends.mean()) / STEPS


def _road(classifier: Classifier, class_index: int, image: Tensor, ranks: Tensor, seed: int) -> NDArray[np.float64]:
    """What remains without the least important pixels minus without the most important: means over shares, ``[M]``."""
    noise = seeded_noise(tuple(image.shape[1:]), seed).to(image.device)

    def filled() -> Iterator[Tensor]:
        for rank in ranks:
            known = [kept for share in ROAD_SHARES for kept in (rank < 1 - share, rank >= share)]
            yield from impute(image.expand(len(known), -1, -1, -1), torch.stack(known), noise)

    remaining = _probability(classifier, class_index, filled()).reshape(len(ranks), len(ROAD_SHARES), 2)
    return (remaining[..., 0] - remaining[..., 1]).mean(axis=1)


def _probability(classifier: Classifier, class_index: int, pictures: Iterable[Tensor]) -> NDArray[np.float64]:
    """The class's calibrated probability for each picture ``[3, S, S]``, of which no more than a batch is held."""
    stream, found = iter(pictures), []
    while batch := list(islice(stream, BATCH)):
        found.append(classifier.probabilities(torch.stack(batch))[:, class_index].astype(np.float64))
    return np.concatenate(found)


def _median_colour(image: Tensor) -> Tensor:
    """A picture all of the image's median colour, channel by channel."""
    return image.flatten(2).median(dim=2).values[..., None, None].expand_as(image)


def _blurred(image: Tensor) -> Tensor:
    sigma = BLUR * image.shape[-1]
    return V.gaussian_blur(image, [2 * round(2 * sigma) + 1] * 2, [sigma, sigma])
