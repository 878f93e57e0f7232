"""Attention: whether a map shows what the network uses: deletion, insertion, ROAD, and the test with random weights."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as V

from dermaviz.attention.localisation import enlarge, rank_correlation
from dermaviz.attention.maps import explain
from dermaviz.errors import AttentionError
from dermaviz.models.classifier import Classifier, require_images

NOISE = 0.01
"""Standard deviation of the noise, in [0, 1] pixels."""
CYCLES = 2
"""V-cycles after the first solution: they leave less than a tenth of NOISE on average, and at worst about one NOISE."""
_SWEEPS = 2
_SMALLEST = 3


def impute(images: Tensor, known: Tensor, noise: Tensor | None = None) -> Tensor:
    """The images, float32 ``[N, C, H, W]`` in [0, 1], with every pixel that is not ``known`` (bool ``[N, H, W]``) filled in.

    ``noise``, ``[C, H, W]`` or of the images' own shape, is added to what was filled in.

    Raises:
        AttentionError: an image has no known pixel, or the shapes do not fit.
    """
    expected = [len(images), *images.shape[2:]]
    if known.dtype != torch.bool or list(known.shape) != expected:
        raise AttentionError(
            f"expected known pixels bool {expected}, found {known.dtype} {list(known.shape)}. Compare with a level first."
        )
    if not known.flatten(1).any(dim=1).all():
        raise AttentionError("expected a known pixel in every image, found an image without. Remove fewer pixels.")
    # Not pytorch-grad-cam's sparse solver: that one is exact, but takes 5.6 times as long (7.9 s a map against 1.4 s at 192 px
    # on one core) and moves ROAD by up to 3e-4, so evidence made with this one could not be made again.
    with torch.no_grad():
        hole = (~known)[:, None].to(images.dtype)
        filled = _first_solution(images * (1 - hole), hole)
        for _ in range(CYCLES):
            filled = filled + _cycle(_residual(filled, None, hole), hole)
        if noise is not None:
            filled = filled + noise
        return torch.where(known[:, None], images, filled.clamp(0, 1))


def seeded_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Normal noise of standard deviation ``NOISE``, float32 of ``shape``: the same for the same seed."""
    return NOISE * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _first_solution(values: Tensor, hole: Tensor) -> Tensor:
    """From coarse to fine: the hole filled with what fills it at half the resolution, then one cycle."""
    known = 1 - hole
    if min(hole.shape[2:]) <= _SMALLEST or not hole.any():
        mean = values.sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True)
        return values + mean * hole
    share = _halved(known)
    coarse = _first_solution(_halved(values) / share.clamp(min=torch.finfo(share.dtype).tiny), (share == 0).to(share))
    filled = values + hole * _doubled(coarse, hole)
    return filled + _cycle(_residual(filled, None, hole), hole)


def _cycle(residual: Tensor, hole: Tensor) -> Tensor:
    """An approximate correction e, 0 outside the hole, with e − (mean of its neighbours) = ``residual`` in it."""
    correction = _smooth(hole * residual, residual, hole, _SWEEPS - 1)
    if min(hole.shape[2:]) > _SMALLEST:
        left = _residual(correction, residual, hole)
        coarse_hole = (_halved(hole) == 1).to(hole)
        # Twice the distance between pixels makes a second difference four times as large.
        correction = correction + hole * _doubled(_cycle(4 * coarse_hole * _halved(left), coarse_hole), hole)
    return _smooth(correction, residual, hole, _SWEEPS)


def _smooth(values: Tensor, source: Tensor, hole: Tensor, sweeps: int) -> Tensor:
    for _ in range(sweeps):
        values = values + _residual(values, source, hole)
    return values


def _residual(values: Tensor, source: Tensor | None, hole: Tensor) -> Tensor:
    difference = _neighbours(values).div_(_weight(*values.shape[2:]).to(values)).sub_(values)
    return (difference if source is None else difference.add_(source)).mul_(hole)


@cache
def _weight(height: int, width: int) -> Tensor:
    """The sum of the weights of the neighbours that each pixel has: 12, and less at the border."""
    return _neighbours(torch.ones(1, 1, height, width))


def _neighbours(values: Tensor) -> Tensor:
    """The sum of each pixel's neighbours, direct ones counted twice (Rong et al., section 4.2); outside is 0."""
    padded = F.pad(values, (1, 1, 1, 1))
    rows = padded[..., :-2, :] + padded[..., 2:, :] + 2 * padded[..., 1:-1, :]
    return rows[..., :-2] + rows[..., 2:] + 2 * rows[..., 1:-1] - 4 * values


def _halved(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, 2, ceil_mode=True)


def _doubled(values: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(values, like.shape[2:], mode="bilinear", align_corners=False)


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
    median = image.flatten(2).median(dim=2).values[..., None, None].expand_as(image)
    ranks = torch.stack([pixel_ranks(maps[i], classifier.input_size, seed) for i in shown]).to(image.device)
    scores = zip(
        _areas(classifier, class_index, image, median, ranks),
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


def _blurred(image: Tensor) -> Tensor:
    sigma = BLUR * image.shape[-1]
    return V.gaussian_blur(image, [2 * round(2 * sigma) + 1] * 2, [sigma, sigma])


STAGES = 6
"""At most so many: the head, and the layers below it in runs of nearly equal length."""


@dataclass(frozen=True, eq=False)
class Cascade:
    """How much of each map was left as stage after stage was made random.

    ``rank_correlation``: float64 ``[stages, methods, images]``, Spearman's ρ of the map with that of the intact network, in
    [−1, 1]; NaN where one of the two shows nothing. ``classes``: the explained class of each image, as an index.
    ``stages`` are named after the lowest layer that is random: all layers above it are so, too.
    """

    stages: tuple[str, ...]
    methods: tuple[str, ...]
    classes: tuple[int, ...]
    rank_correlation: NDArray[np.float64]


def cascade(classifier: Classifier, images: Tensor, methods: Sequence[str], seed: int = 0) -> Cascade:
    """Maps of the predicted classes by several ``METHODS``, while a copy of the network is made random from head to first layer;
    ``images`` are float32 ``[N, 3, S, S]`` in [0, 1].

    Raises:
        AttentionError: a method or the images are none that give a map, or the network has no weights.
    """
    require_images(images, classifier.input_size, AttentionError)
    with torch.no_grad():
        classes = classifier.logits(images).argmax(dim=1).tolist()
    intact = {method: explain(classifier, images, classes, method) for method in methods}
    names, correlations = [], []
    for name, private in randomised(classifier, seed):
        names.append(name)
        found = {method: explain(private, images, classes, method) for method in methods}
        pairs = [zip(intact[method], found[method], strict=True) for method in methods]
        correlations.append([[rank_correlation(one.raw, other.raw) for one, other in pair] for pair in pairs])
    return Cascade(tuple(names), tuple(methods), tuple(classes), np.array(correlations))


def randomised(classifier: Classifier, seed: int = 0) -> Iterator[tuple[str, Classifier]]:
    """The lowest random layer and the classifier, head first, until all weights are random.

    One private copy is changed from step to step, so use each classifier before asking for the next. Weights are drawn by
    He et al.'s rule (2015), which keeps activations from fading whatever the depth; norms and biases go back to where
    training starts.

    Raises:
        AttentionError: the network has no weights.
    """
    network = copy.deepcopy(classifier.network)
    private = replace(classifier, network=network)
    generator = Generator().manual_seed(seed)
    for run in stages(network):
        for name in run:
            _forget(network.get_submodule(name), generator)
        yield run[-1], private


def stages(network: nn.Module) -> list[list[str]]:
    """The network's layers with weights, head first, in at most ``STAGES`` runs; the first is the head alone.

    Layers are the network's children, and instead of a child that is a plain sequence, that one's children. An AttentionError
    where none has weights.
    """
    layers: list[str] = []
    for top, child in network.named_children():
        opened = isinstance(child, nn.Sequential | nn.ModuleList)
        inside = [(f"{top}.{key}", layer) for key, layer in child.named_children()] if opened else [(top, child)]
        layers += [name for name, layer in inside if any(True for _ in layer.parameters())]
    if not layers:
        raise AttentionError(
            f"expected layers with weights in {type(network).__name__}, found none. There is nothing to make random."
        )
    head, *below = reversed(layers)
    runs = np.array_split(below, min(STAGES - 1, len(below))) if below else []
    return [[head], *([str(name) for name in run] for run in runs)]


def _forget(layer: nn.Module, generator: Generator) -> None:
    for module in layer.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
        for name, weights in module.named_parameters(recurse=False):
            with torch.no_grad():
                if weights.ndim > 1:
                    drawn = torch.empty(weights.shape)
                    weights.copy_(nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator))
                else:
                    weights.fill_(0 if name == "bias" else 1)
