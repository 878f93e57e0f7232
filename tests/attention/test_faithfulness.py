"""Deletion, insertion and ROAD: areas by hand on a network that looks at one quarter, and ROAD as the library has it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.road import ROADCombined
from torch import nn

from dermaviz.attention import faithfulness as imputation
from dermaviz.attention import faithfulness as room
from dermaviz.attention.faithfulness import NOTHING, ROAD_SHARES, faithfulness, pixel_ranks
from dermaviz.errors import AttentionError
from dermaviz.models.classifier import Classifier

SIDE = 20
TEMPERATURE = 1.7  # of the card that wrap_network gives
QUARTER = np.zeros((SIDE, SIDE), dtype=np.float32)
QUARTER[:10, :10] = 1


class LooksAtQuarter(nn.Module):
    """The logit of class 0 is ten times the mean of the upper left quarter's pixels; the other four are 0."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = x * 0.25 + 0.5  # undoes the card's normalisation
        score = 10 * pixels[:, :, :10, :10].mean((1, 2, 3))
        return torch.nn.functional.pad(score[:, None], (0, 4))


def p(brightness: float) -> float:
    """The calibrated probability of class 0 at this mean brightness of the quarter."""
    return 1 / (1 + 4 * math.exp(-10 * brightness / TEMPERATURE))


@pytest.fixture
def looks_at_quarter(wrap_network: Callable[..., Classifier]) -> Classifier:
    return wrap_network(LooksAtQuarter(), "", SIDE)


@pytest.fixture
def white_quarter() -> torch.Tensor:
    """White where the network looks, black elsewhere: the median colour is black."""
    return torch.from_numpy(QUARTER).expand(1, 3, SIDE, SIDE).contiguous()


def test_areas_of_the_right_and_the_wrong_map_by_hand(looks_at_quarter, white_quarter, monkeypatch):
    monkeypatch.setattr(room, "_blurred", torch.zeros_like)  # black, so that insertion can be worked out as well
    monkeypatch.setattr(imputation, "NOISE", 0.0)
    right, wrong = faithfulness(looks_at_quarter, white_quarter, [QUARTER, 1 - QUARTER], 0)
    falling = [1, 0.6, 0.2] + 8 * [0]  # of the quarter's 100 pixels, 40 go with each tenth of all 400
    assert right.deletion == pytest.approx(np.trapezoid([p(b) for b in falling], dx=0.1), rel=1e-5)
    assert right.insertion == pytest.approx(np.trapezoid([p(1 - b) for b in falling], dx=0.1), rel=1e-5)
    assert wrong.deletion == pytest.approx(np.trapezoid([p(1 - b) for b in reversed(falling)], dx=0.1), rel=1e-5)
    # Without its least important three quarters the white quarter is whole; without the most important quarter all is black.
    assert right.road == pytest.approx(p(1) - p(0), rel=1e-5)
    assert wrong.road == pytest.approx(-right.road, rel=1e-5)


def test_the_right_map_beats_random_ones_and_the_centre(looks_at_quarter, white_quarter):
    rng = np.random.default_rng(0)
    others = [rng.random((5, 5), dtype=np.float32) for _ in range(4)]
    right, *found = faithfulness(looks_at_quarter, white_quarter, [QUARTER, *others], 0, seed=3)
    assert right.deletion < min(one.deletion for one in found) - 0.05
    assert right.insertion >= max(one.insertion for one in found)
    assert right.road > max(one.road for one in found) + 0.05


def test_insertion_starts_from_the_blurred_image(looks_at_quarter, white_quarter):
    """σ is 5/224 of 20 pixels, over three taps: along each side the quarter loses one neighbour's weight at its edge."""
    tap = math.exp(-0.5 / (SIDE * 5 / 224) ** 2)
    lost = tap / (1 + 2 * tap) / 10
    (found,) = faithfulness(looks_at_quarter, white_quarter, [1 - QUARTER], 0)
    blurred = p((1 - lost) ** 2)  # until the quarter's turn comes, after .75: then it is brighter, up to 1
    assert 0.8 * blurred + 0.2 * p(1) > found.insertion > blurred


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # the library hands tensors to NumPy
def test_road_is_the_librarys(looks_at_quarter):
    rng = torch.Generator().manual_seed(5)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4, generator=rng), (SIDE, SIDE), mode="bilinear")
    image[..., :6, :6] *= 0.3
    maps = [
        pixel_ranks(np.random.default_rng(seed).random((4, 4), dtype=np.float32), SIDE).numpy() for seed in range(4)
    ]
    library = ROADCombined(percentiles=[100 * (1 - share) for share in ROAD_SHARES])
    torch.manual_seed(0)  # of which the library draws its noise

    def target(logits: torch.Tensor) -> torch.Tensor:
        return (logits / TEMPERATURE).softmax(dim=-1)[0]

    normalised = looks_at_quarter.normalise(image).contiguous()
    expected = [2 * float(library(normalised, one[None], [target], looks_at_quarter.network)[0]) for one in maps]
    found = [one.road for one in faithfulness(looks_at_quarter, image, maps, 0)]
    assert max(expected) - min(expected) > 0.05
    assert found == pytest.approx(expected, abs=0.01)


def test_many_maps_at_once_are_the_maps_one_by_one(looks_at_quarter, white_quarter, monkeypatch):
    maps = [np.random.default_rng(seed).normal(size=(4, 4)).astype(np.float32) for seed in range(3)]
    together = faithfulness(looks_at_quarter, white_quarter, maps, 0, seed=2)
    monkeypatch.setattr(room, "BATCH", 5)
    alone = [faithfulness(looks_at_quarter, white_quarter, [one], 0, seed=2)[0] for one in maps]
    for one, other in zip(together, alone, strict=True):
        assert (one.deletion, one.insertion, one.road) == pytest.approx((other.deletion, other.insertion, other.road))


def test_only_the_order_of_places_counts(looks_at_quarter, white_quarter):
    ranks = pixel_ranks(np.random.default_rng(1).random((4, 4), dtype=np.float32), SIDE).numpy()
    first, second = faithfulness(looks_at_quarter, white_quarter, [-ranks, np.exp(-3 * ranks)], 0)
    assert first == second


@pytest.mark.parametrize("raw", [np.ones((4, 4)), np.zeros((4, 4)), np.full((4, 4), np.nan), np.full((4, 4), np.inf)])
def test_a_map_that_shows_nothing_has_no_score(looks_at_quarter, white_quarter, raw):
    one, other = faithfulness(looks_at_quarter, white_quarter, [raw.astype(np.float32), QUARTER], 0)
    assert one is NOTHING
    assert math.isfinite(other.deletion + other.insertion + other.road)
    assert faithfulness(looks_at_quarter, white_quarter, [raw.astype(np.float32)], 0) == [NOTHING]


def test_ranks_by_hand():
    ranks = pixel_ranks(np.array([[0.5, -1.0], [3.0, 0.0]], dtype=np.float32), 2)
    assert ranks.tolist() == [[0.25, 0.75], [0, 0.5]]
    tied = pixel_ranks(np.array([[0, 0], [1, 1]], dtype=np.float32), 8, seed=1)
    assert torch.equal(tied, pixel_ranks(np.array([[0, 0], [1, 1]], dtype=np.float32), 8, seed=1))
    assert float(tied[6:].max()) < 0.5 <= float(tied[:2].min())
    assert sorted(tied.flatten().tolist()) == [i / 64 for i in range(64)]


@pytest.mark.parametrize(
    ("count", "class_index", "message"),
    [
        (2, 0, "expected one image .* found 2 images"),
        (1, 5, "class index from 0 to 4, .* class 5"),
        (1, -1, "class -1"),
        (0, 0, r"found \[0, 3, 20, 20\]"),
    ],
)
def test_refuses_what_it_cannot_measure(looks_at_quarter, count, class_index, message):
    with pytest.raises(AttentionError, match=message):
        faithfulness(looks_at_quarter, torch.zeros(count, 3, SIDE, SIDE), [QUARTER], class_index)
