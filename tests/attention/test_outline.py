"""The outline of a mask: where it lies, and that it can be seen on every colour of every map."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.attention.overlay import COLOUR_MAPS, colourise, outlined
from dermaviz.errors import AttentionError

SQUARE = np.zeros((40, 40), dtype=bool)
SQUARE[10:30, 12:32] = True
GREY = np.full((40, 40, 3), 128, dtype=np.uint8)


def contrast(a: np.ndarray, b: np.ndarray) -> float:
    """The contrast of two sRGB colours by WCAG 2.2: (L₁ + .05) / (L₂ + .05), from 1 to 21."""

    def luminance(colour: np.ndarray) -> float:
        share = np.asarray(colour, dtype=float) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    brighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_the_line_follows_the_border_and_nothing_else_is_touched():
    found = outlined(GREY, SQUARE)
    changed = (found != GREY).any(axis=-1)
    assert changed[10, 20]  # the outermost row of the mask
    assert changed[9, 20]  # the row beside it
    assert (found[10, 20] == 255).all()
    assert (found[9, 20] == 255).all()
    assert found[8, 20].max() < 30  # dark on the outside …
    assert found[11, 20].max() < 30  # … and on the inside
    assert not changed[14:26, 16:28].any()
    assert not changed[:6].any()
    assert not changed[:, 36:].any()


@pytest.mark.parametrize("value", [False, True])
def test_a_mask_without_a_border_draws_none(value):
    found = outlined(GREY, np.full((40, 40), value))
    assert np.array_equal(found, GREY)
    assert not np.shares_memory(found, GREY)


def test_the_picture_itself_is_kept():
    before = GREY.copy()
    outlined(GREY, SQUARE)
    assert np.array_equal(GREY, before)


@pytest.mark.parametrize("colour_map", list(COLOUR_MAPS))
def test_light_or_dark_stands_out_on_every_colour_of_a_map(colour_map):
    for value in np.linspace(0, 1, 11):
        flat = colourise(np.full((40, 40), value, dtype=np.float32), colour_map)
        found = outlined(flat, SQUARE)
        line = (found[10, 20], found[8, 20])
        assert max(contrast(colour, flat[20, 20]) for colour in line) > 4.5
        assert contrast(*line) > 15  # the two beside each other


def test_the_line_is_as_wide_in_proportion_on_a_larger_picture():
    def share(side: int) -> float:
        mask = np.zeros((side, side), dtype=bool)
        mask[side // 4 : -side // 4, side // 4 : -side // 4] = True
        return float((outlined(np.full((side, side, 3), 128, np.uint8), mask) != 128).any(axis=-1).mean())

    assert share(576) == pytest.approx(share(192), rel=0.25)


def test_refuses_a_mask_of_another_size():
    with pytest.raises(AttentionError, match=r"expected a mask of the picture's 40 × 40 pixels, found \[20, 20\]"):
        outlined(GREY, SQUARE[:20, :20])
