"""The shipped photographs: public domain, small, told what they are, and none of the half that is reported."""

from __future__ import annotations

from collections import Counter

from PIL import Image

from dermaviz.data.samples import FOLDER, sample_photos
from dermaviz.data.split import named_manifest


def test_they_are_of_the_half_that_may_be_chosen_on() -> None:
    split = named_manifest("isic-uda1").assignment
    assert {split[photo.image_id] for photo in sample_photos()} == {"validation"}


def test_each_is_there_small_and_says_what_it_is_and_whose() -> None:
    photos = sample_photos()
    assert Counter(photo.dx for photo in photos) == {"mel": 13, "nv": 11}
    assert {(photo.label, photo.dx) for photo in photos} == {("melanoma", "mel"), ("nevus", "nv")}
    assert {photo.licence for photo in photos} == {"CC0 1.0"}
    assert all("UDA-1" in photo.source for photo in photos)
    assert {path.stem for path in FOLDER.glob("*.jpg")} == {photo.image_id for photo in photos}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 2_000_000
    for photo in photos:
        with Image.open(photo.path) as picture:
            assert min(picture.size) <= 600
            assert not picture.getexif()
