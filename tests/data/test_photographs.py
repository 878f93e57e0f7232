"""Tests of the photographs that are shown: those that come with the package, and where those of a data set lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dermaviz.data.photographs import REMEMBERED, SAMPLES, find_photographs, remember_place, sample_photos
from dermaviz.data.readers import read_dataset
from dermaviz.data.records import Dataset
from dermaviz.data.split import named_manifest
from dermaviz.data.tables import Columns


@pytest.fixture
def clinic(tmp_path: Path, draw_photo: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    root = tmp_path / "data" / "clinic"
    for i, name in enumerate("ab"):
        draw_photo(root / "deep" / f"{name}.png", seed=i)
    (root / "list.csv").write_text("photo,dx\na,mel\nb,nv\n")
    return root


def test_an_audited_data_set_is_found_where_it_was_read(clinic: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence" / "clinic"
    dataset = read_dataset("csv", clinic, Columns(image="photo"))
    remember_place(evidence, dataset)
    assert (evidence / REMEMBERED).is_file()
    assert find_photographs(evidence, "clinic", ["b", "gone"], ["a", "b"]) == {"b": clinic / "deep" / "b.png"}
    remember_place(tmp_path / "none", Dataset("drawn", ("nv",), ()))
    assert not (tmp_path / "none").exists()


def test_below_the_place_of_all_data_only_where_all_of_its_images_are(
    clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clinic / "list.csv").write_text("image,dx\na,mel\nb,nv\n")
    nowhere = tmp_path / "evidence"
    assert find_photographs(nowhere, "clinic", ["a"], ["a", "b"]) == {}
    for place in (clinic, clinic.parent):
        monkeypatch.setenv("DERMAVIZ_DATA", str(place))
        assert find_photographs(nowhere, "clinic", ["a"], ["a", "b"]) == {"a": clinic / "deep" / "a.png"}
        assert find_photographs(nowhere, "clinic", ["a"], ["a", "b", "c"]) == {}


def test_an_image_without_a_label_does_not_hide_the_photographs_of_the_others(
    tmp_path: Path, draw_photo: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader leaves it out, while an audit that read another column has it."""
    names = [f"photo{i}" for i in range(12)]
    for i, name in enumerate(names):
        draw_photo(tmp_path / "clinic" / f"{name}.png", seed=i)
    rows = [f"{name},{'' if name == 'photo3' else 'nv'}" for name in names]
    (tmp_path / "clinic" / "list.csv").write_text("\n".join(["image,dx", *rows]))
    monkeypatch.setenv("DERMAVIZ_DATA", str(tmp_path))
    found = find_photographs(tmp_path / "evidence", "clinic", ["photo2", "photo3"], names)
    assert found == {"photo2": tmp_path / "clinic" / "photo2.png"}


def test_they_are_of_the_half_that_may_be_chosen_on() -> None:
    split = named_manifest("isic-uda1").assignment
    assert {split[photo.image_id] for photo in sample_photos()} == {"validation"}


def test_each_is_there_small_and_says_what_it_is_and_whose() -> None:
    photos = sample_photos()
    assert Counter(photo.dx for photo in photos) == {"mel": 13, "nv": 11}
    assert {(photo.label, photo.dx) for photo in photos} == {("melanoma", "mel"), ("nevus", "nv")}
    assert {photo.licence for photo in photos} == {"CC0 1.0"}
    assert all("UDA-1" in photo.source for photo in photos)
    assert {path.stem for path in SAMPLES.glob("*.jpg")} == {photo.image_id for photo in photos}
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) <= 2_000_000
    for photo in photos:
        with Image.open(photo.path) as picture:
            assert min(picture.size) <= 600
            assert not picture.getexif()
