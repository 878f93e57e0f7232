"""A crop: part of the photo is read under a name and key of its own, kept in the link, and proposed round the lesion."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dermaviz.app import case, link
from dermaviz.app.case import WHOLE, cropped, uploaded_photo
from dermaviz.data.masks import lesion_box
from dermaviz.errors import ImageError
from dermaviz.synthetic import SAMPLES, draw
from tests.picture_files import encode

PIXELS = np.random.default_rng(1).integers(0, 256, (100, 200, 3), dtype=np.uint8)


def test_part_of_a_photo_is_read_under_its_own_name_and_key() -> None:
    whole = uploaded_photo("mole.png", encode(PIXELS, "PNG"))
    part = cropped(whole, (25, 10, 75, 90))
    image = part.read()
    np.testing.assert_array_equal(image.pixels, PIXELS[10:90, 50:150])
    assert (part.name, image.size) == ("mole cropped 25-10-75-90.png", (100, 80))
    assert image.notes == ("Cropped to 25–75% across, 10–90% down.",)
    assert part.key not in (whole.key, cropped(whole, (25, 10, 75, 91)).key)
    with pytest.raises(ImageError, match="at least 64 pixels on the short side, found 20 × 100"):
        cropped(whole, (0, 0, 10, 100)).read()


@pytest.mark.parametrize(
    ("said", "box"),
    [
        ("10-20-80-90", (10, 20, 80, 90)),
        *((other, WHOLE) for other in ("", "1-2-3", "80-0-10-9", "0-0-101-9", "a-b-c-d", "0-0-1e4-9")),
    ],
)
def test_the_crop_in_the_link(said: str, box: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case, "asked", lambda _: said)
    assert case.crop_in_link() == box


def test_a_crop_goes_along_with_its_image_and_not_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"image": ["a"], "crop": ["1-2-3-4"]}
    monkeypatch.setattr(link, "all_asked", lambda name: there.get(name, []))
    monkeypatch.setattr(link, "asked", lambda name: "".join(there.get(name, [])))
    assert link.kept()["crop"] == link.kept(image="a")["crop"] == ["1-2-3-4"]
    assert "crop" not in link.kept(image="b")


def test_the_proposed_box_holds_the_lesion_with_a_margin() -> None:
    lesion = draw(SAMPLES[0].parameters)
    far = np.asarray(Image.fromarray(lesion.image).resize((100, 100)))
    skin = np.broadcast_to(np.median(far[:8].reshape(-1, 3), axis=0).astype(np.uint8), (300, 400, 3)).copy()
    skin[120:220, 60:160] = far
    left, top, right, bottom = lesion_box(skin)
    rows, columns = (np.flatnonzero(lesion.mask.any(axis=axis)) * 100 / len(lesion.mask) for axis in (1, 0))
    assert left * 4 < 60 + columns[0]
    assert right * 4 > 60 + columns[-1]
    assert top * 3 < 120 + rows[0]
    assert bottom * 3 > 120 + rows[-1]
    assert (right - left) * 4 < 260  # not the whole photo
    assert lesion_box(np.full((90, 120, 3), 180, np.uint8)) == (0, 0, 100, 100)
