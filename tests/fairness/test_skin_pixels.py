"""What is taken for plain skin on drawn pictures, where every mask is known."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.fairness.skin_pixels import BORDER, dark_corners, find_skin, hair, outside
from dermaviz.synthetic import Parameters, draw

SIZE = 128


@pytest.mark.parametrize("artefact", ["ink", "colour_patch", "dark_corners", "hair", "light_hair", "ruler"])
@pytest.mark.parametrize("ita", [45.0, -20.0])
def test_artefacts_are_left_out(artefact: str, ita: float) -> None:
    """Few of an artefact's pixels stay, or where it hardly shows on this skin, few that differ from the skin by much."""
    clean = draw(Parameters(ita=ita, seed=3, size=SIZE))
    marked = draw(Parameters(ita=ita, seed=3, size=SIZE, artefacts=(artefact,)))
    changed = np.abs(marked.image.astype(int) - clean.image).max(axis=-1) > 40
    skin = find_skin(marked.image, marked.mask)
    assert changed.any()
    assert (skin & changed).sum() <= 0.1 * (changed & outside(marked.mask)).sum()
    assert skin.mean() > 0.15


@pytest.mark.parametrize("ita", [-60.0, -20.0, 20.0, 70.0])
def test_most_of_clean_skin_is_kept(ita: float) -> None:
    lesion = draw(Parameters(dx="df", ita=ita, seed=1, size=SIZE, vignette=0.0))
    assert find_skin(lesion.image, lesion.mask).sum() > 0.8 * outside(lesion.mask).sum()


def test_border_and_lesion_by_hand() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[50, 50] = True
    skin = outside(mask)
    assert (~skin[:3]).all()
    assert skin[round(BORDER * 100), 50]
    assert not skin[50, 55]  # the point, widened by a disc of radius 5
    assert skin[50, 56]


def test_only_dark_parts_at_a_corner_are_corners() -> None:
    lightness = np.full((60, 60), 70, dtype=np.float32)
    lightness[:6, :6] = lightness[30:36, 30:36] = 5
    corners = dark_corners(lightness)
    assert corners[:6, :6].all()
    assert not corners[30:36, 30:36].any()


def test_thin_lines_are_hair_and_broad_ones_not() -> None:
    lightness = np.full((100, 100), 70, dtype=np.float32)
    lightness[:, 20:22] = 40
    lightness[:, 60:80] = 40
    assert hair(lightness)[10:90, 20:22].all()
    assert not hair(lightness)[10:90, 65:75].any()


def test_nowhere_skin() -> None:
    assert not find_skin(np.zeros((20, 20, 3), dtype=np.uint8), np.ones((20, 20), dtype=bool)).any()
