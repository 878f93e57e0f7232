"""Lesion masks: resized by hand-counted halves, seen as the model sees the picture, refused where they do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.masks import find_lesion, lesion_mask, mask_as_seen, read_mask
from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import Record
from dermaviz.errors import DatasetError
from dermaviz.images import read_image
from dermaviz.synthetic import Parameters, draw


def picture(text: str) -> np.ndarray:
    """A mask written as rows of ``#`` (lesion) and ``.``."""
    return np.array([[sign == "#" for sign in row] for row in text.split()])


@pytest.fixture
def write_mask(tmp_path: Path):
    """``write_mask(bool [H, W])``: a record with this mask."""

    def write(mask: np.ndarray) -> Record:
        path = tmp_path / "one_segmentation.png"
        Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(path)
        return Record("one", tmp_path / "one.png", "mel", "L", mask=path)

    return write


def test_the_reader_gives_each_image_its_mask_where_there_is_one(write_ham10000, tmp_path):
    root = write_ham10000(tmp_path, {"L1": ("mel", 2)})
    (root / "masks").mkdir()
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(root / "masks" / "L1-1_segmentation.png")
    assert [r.mask for r in read_ham10000(root).records] == [None, root / "masks" / "L1-1_segmentation.png"]


def test_a_drawn_data_set_has_the_masks_it_was_drawn_with(drawn_dataset):
    for record in read_ham10000(drawn_dataset).records[:4]:
        pixels = read_image(record.path).pixels
        found = lesion_mask(record, pixels)
        assert found.source == "true"
        np.testing.assert_array_equal(found.pixels, np.asarray(Image.open(record.mask)) == 255)


def test_a_larger_mask_is_the_lesion_where_half_of_a_pixel_is(write_mask):
    drawn = """
        ##.#..
        #.....
        ###...
        #.#..."""
    expected = """
        #..
        ##."""  # 3, 1, 0 and 3, 2, 0 of 4
    found = lesion_mask(write_mask(picture(drawn)), np.zeros((2, 3, 3), np.uint8))
    np.testing.assert_array_equal(found.pixels, picture(expected))


def test_without_a_mask_it_is_predicted_and_says_so(tmp_path):
    lesion = draw(Parameters(size=96))
    found = lesion_mask(Record("one", tmp_path / "one.png", "mel", "L"), lesion.image)
    assert found.source == "predicted"
    np.testing.assert_array_equal(found.pixels, find_lesion(lesion.image))


@pytest.mark.parametrize(
    ("shape", "seen"), [((450, 600), (150, 200)), ((451, 600), (150, 200)), ((60, 60), (60, 60)), ((5, 7), (50, 70))]
)
def test_a_mask_of_the_same_shape_fits_at_any_size(write_mask, shape, seen):
    assert lesion_mask(write_mask(np.ones(shape, bool)), np.zeros((*seen, 3), np.uint8)).pixels.shape == seen


@pytest.mark.parametrize(("shape", "seen"), [((600, 450), (150, 200)), ((60, 60), (60, 80)), ((100, 100), (100, 98))])
def test_a_mask_of_another_shape_is_refused(write_mask, shape, seen):
    with pytest.raises(
        DatasetError, match=rf"expected .* {seen[1]} × {seen[0]} .* found {shape[1]} × {shape[0]}\. Put"
    ):
        lesion_mask(write_mask(np.ones(shape, bool)), np.zeros((*seen, 3), np.uint8))


def test_a_missing_or_damaged_mask_is_named(write_mask):
    record = write_mask(np.ones((30, 40), bool))
    whole = record.mask.read_bytes()
    record.mask.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DatasetError, match=r"mask of one: .*cut short or damaged.* Its place is .*one_segmentation\.png"
    ):
        read_mask(record)
    record.mask.unlink()
    with pytest.raises(DatasetError, match=r"mask of one: .*expected a picture file, found none"):
        lesion_mask(record, np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(DatasetError, match="one: expected a lesion mask, found none in the data set"):
        read_mask(replace(record, mask=None))


def test_the_model_sees_the_central_square():
    whole = picture("""
        #..#.#
        #.##.#
        #..#.#
        #.##.#""")
    np.testing.assert_array_equal(mask_as_seen(whole, 4), whole[:, 1:5])
    np.testing.assert_array_equal(mask_as_seen(whole, 2), picture(".# .#"))  # 1 and 3 of 4 pixels in each row
    np.testing.assert_array_equal(mask_as_seen(whole.T, 4), whole[:, 1:5].T)


@pytest.mark.parametrize(("height", "width"), [(150, 200), (200, 150), (151, 200), (64, 64), (20, 31)])
def test_picture_and_mask_are_cut_alike(tiny_classifier, height, width):
    """A white square on black, prepared as the model sees it, is the mask of that square but for its soft border."""
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height // 3 * 2, width // 3 : width // 3 * 2] = True
    prepared = tiny_classifier.prepare(np.repeat(mask[..., None], 3, axis=2).astype(np.uint8) * np.uint8(255))[..., 0]
    seen = mask_as_seen(mask, tiny_classifier.input_size)
    assert seen[prepared > 160].all()
    assert not seen[prepared < 95].any()
