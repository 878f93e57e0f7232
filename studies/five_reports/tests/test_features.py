"""What classical learners are given of a picture: hand-counted colours and textures, and what leaves them as they are."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.errors import ImageError
from studies.five_reports.features import (
    FEATURES,
    co_occurrence,
    colour_moments,
    image_features,
    pattern_shares,
    texture_figures,
)


def plain(*rgb: int, height: int = 16, width: int = 20) -> np.ndarray:
    return np.full((height, width, 3), rgb, np.uint8)


def named(picture: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, image_features([picture])[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # CIE L*a*b* under D65 of sRGB's corners, as published (Lindbloom)
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.20, -107.86)),
    ],
)
def test_a_plain_picture_has_its_colour_and_no_texture(rgb, lab):
    found = named(plain(*rgb))
    for zone in ("centre", "rim"):
        assert [found[f"{c}_mean_{zone}"] for c in "Lab"] == pytest.approx(lab, abs=0.1)
        assert [found[f"{c}_{m}_{zone}"] for c in "Lab" for m in ("std", "skew")] == pytest.approx([0] * 6, abs=1e-3)
    assert found["lbp_full_8"] == found["lbp_half_8"] == 1
    for distance in (1, 2, 4):
        figures = [found[f"{n}_{distance}"] for n in ("contrast", "correlation", "energy", "homogeneity", "entropy")]
        assert figures == [0, 1, 1, 1, 0]


def test_histograms_count_each_pixel_once_in_each_channel():
    picture = plain(255, 0, 0)
    picture[:4] = 0
    found = named(picture)
    shares = {name: value for name, value in found.items() if "_share_" in name and value}
    # L* 53.24 of 100 is bin 8 of 16; a* 80 and b* 67 lie beyond 64, in the last bin; 0 is the first of L*, the ninth of a*, b*
    assert shares == {
        "L_share_00": 0.25,
        "L_share_08": 0.75,
        "a_share_08": 0.25,
        "a_share_15": 0.75,
        "b_share_08": 0.25,
        "b_share_15": 0.75,
    }


def test_moments_are_those_of_a_quarter_at_100():
    lab = np.zeros((8, 12, 3), np.float32)
    lab[:4, :6, 0] = 100  # every zone is symmetric, so each has a quarter of its pixels here
    mean, std, skew = 25, np.sqrt(0.25 * 75**2 + 0.75 * 25**2), np.cbrt(0.25 * 75**3 - 0.75 * 25**3)
    zone = [mean, 0, 0, std, 0, 0, skew, 0, 0]
    np.testing.assert_allclose(colour_moments(lab), zone + zone, rtol=1e-6)


def test_centre_and_rim_are_apart():
    picture = plain(0, 0, 0, height=40, width=40)
    picture[10:30, 10:30] = 255  # holds the centre's circle, and lies within the one that touches the sides
    found = named(picture)
    assert (found["L_mean_centre"], found["L_mean_rim"]) == (pytest.approx(100, abs=0.01), 0)


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ([[0, 0, 0], [0, 1, 0], [0, 0, 0]], {0: 1}),  # a peak
        ([[1, 1, 1], [1, 0, 1], [1, 1, 1]], {8: 1}),  # a pit
        ([[0, 0, 1, 1]] * 4, {5: 0.5, 8: 0.5}),  # an edge, from its bright and its dark side
        ([[0, 1, 0, 1], [1, 0, 1, 0]] * 2, {9: 0.5, 8: 0.5}),  # a board: white squares touch others at their corners
        ([[0, 0, 1], [0, 1, 0], [0, 0, 0]], {1: 1}),  # the end of a line
        ([[0, 0, 1], [0, 1, 0], [1, 0, 0]], {9: 1}),  # a line
    ],
)
def test_kinds_of_neighbourhood(values, shares):
    expected = np.zeros(10)
    expected[list(shares)] = list(shares.values())
    np.testing.assert_array_equal(pattern_shares(np.array(values, np.float32)), expected)


def test_co_occurrence_is_haralicks_own_example():
    levels = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]])
    matrices = [  # 0°, 45°, 90° and 135°, Haralick et al. 1973, figure 3
        [[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]],
        [[4, 1, 0, 0], [1, 2, 2, 0], [0, 2, 4, 1], [0, 0, 1, 0]],
        [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]],
        [[2, 1, 3, 0], [1, 2, 1, 0], [3, 1, 0, 2], [0, 0, 2, 0]],
    ]
    counts = np.sum(matrices, axis=0)
    np.testing.assert_allclose(co_occurrence(levels, 1, 4), counts / counts.sum())


def test_co_occurrence_reaches_as_far_as_it_says():
    stripes = np.tile([0, 1], (8, 4))
    # along columns nothing changes, along rows and diagonals all does: 56 + 2 · 49 of 154 pairs
    assert co_occurrence(stripes, 1, 2)[0, 1] * 2 == pytest.approx((56 + 2 * 49) / (56 + 56 + 2 * 49))
    assert co_occurrence(stripes, 2, 2)[0, 1] == 0


@pytest.mark.parametrize(
    ("matrix", "figures"),
    [  # contrast, correlation, energy, homogeneity, entropy
        ([[0.5, 0], [0, 0.5]], [0, 1, 0.5, 1, np.log(2)]),
        ([[0, 0.5], [0.5, 0]], [1, -1, 0.5, 0.5, np.log(2)]),
        ([[0.25, 0.25], [0.25, 0.25]], [0.5, 0, 0.25, 0.75, np.log(4)]),
        ([[0, 0, 0.5], [0, 0, 0], [0.5, 0, 0]], [4, -1, 0.5, 0.2, np.log(2)]),
    ],
)
def test_texture_figures(matrix, figures):
    np.testing.assert_allclose(texture_figures(np.array(matrix)), figures, atol=1e-12)


@pytest.mark.parametrize("turn", [np.rot90, np.flipud, np.fliplr, lambda p: p.swapaxes(0, 1)])
def test_how_the_camera_was_held_does_not_matter(draw_photo, turn):
    photo = draw_photo(height=48, width=48)
    turned = np.ascontiguousarray(turn(photo))
    np.testing.assert_allclose(*image_features([photo, turned]), rtol=1e-3, atol=1e-3)


def test_each_picture_is_measured_by_itself(draw_photo):
    photos = np.stack([draw_photo(seed=seed) for seed in range(3)])
    together = image_features(photos)
    assert (together.shape, together.dtype) == ((3, len(FEATURES)), np.float32)
    assert np.isfinite(together).all()
    np.testing.assert_array_equal(together[1:2], image_features(photo for photo in photos[1:2]))


def test_columns_have_names_of_their_own():
    assert len(set(FEATURES)) == len(FEATURES) == 101
    assert image_features([]).shape == (0, 101)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((9, 9, 3), np.float32), r"uint8 \[H, W, 3\], found float32 \[9, 9, 3\]"),
        (np.zeros((9, 9), np.uint8), r"found uint8 \[9, 9\].*read_image or a pack"),
        (np.zeros((9, 7, 3), np.uint8), r"at least 8 × 8 pixels, found 9 × 7.*larger picture"),
    ],
)
def test_what_is_no_picture_is_refused(picture, message):
    with pytest.raises(ImageError, match=message):
        image_features([picture])
