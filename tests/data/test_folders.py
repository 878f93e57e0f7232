"""Tests of the readers for one's own pictures: a folder per class, and a CSV with image path and label."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.readers import find_ham10000, read_folders, read_ham10000, read_table
from dermaviz.data.split import split_by_lesion
from dermaviz.errors import DatasetError


@pytest.fixture(autouse=True)
def no_data_root(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "data" not in request.keywords:
        monkeypatch.delenv("DERMAVIZ_DATA", raising=False)


def draw(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)


@pytest.fixture
def sorted_pictures(tmp_path: Path) -> Path:
    root = tmp_path / "moles"
    draw(root / "nv" / "1.jpg", root / "nv" / "deep" / "2.PNG", root / "mel" / "1.webp", root / "mel" / ".hidden.jpg")
    (root / "nv" / "notes.txt").write_text("not a picture")
    (root / "documents").mkdir()
    return root


def write_table(root: Path, *lines: str) -> Path:
    draw(root / "a.jpg", root / "b.png", root / "images" / "c.jpg")
    (root / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "list.csv"


# A folder per class


def test_a_folder_per_class(sorted_pictures: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        data = read_folders(sorted_pictures)
    assert (data.name, data.classes) == ("moles", ("mel", "nv"))
    assert [(r.image_id, r.label, r.lesion_id) for r in data.records] == [
        ("mel/1", "mel", "mel/1"),
        ("nv/1", "nv", "nv/1"),
        ("nv/deep/2", "nv", "nv/deep/2"),
    ]
    assert data.records[2].path == sorted_pictures / "nv" / "deep" / "2.PNG"
    assert "each image counts as its own lesion" in caplog.text


def test_the_order_of_classes_can_be_given(sorted_pictures: Path) -> None:
    data = read_folders(sorted_pictures, classes=("nv", "mel", "df"))
    assert data.label_indices == [1, 0, 0]
    assert data.counts() == {"nv": 2, "mel": 1, "df": 0}
    with pytest.raises(DatasetError, match=r"expected labels among \['nv', 'df'\], found \['mel'\]"):
        read_folders(sorted_pictures, classes=("nv", "df"))


def test_a_folder_data_set_can_be_split(sorted_pictures: Path) -> None:
    assert set(split_by_lesion(read_folders(sorted_pictures))) == {"mel/1", "nv/1", "nv/deep/2"}


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "no picture in any. Sort the pictures into one folder per class"),
        (["1.jpg", "2.jpg"], "found 0 sub-folders and no picture in any"),
        (["mel/1.jpg"], r"expected at least 2 classes, found \['mel'\]"),
        (["mel/1.jpg", "mel/1.png", "nv/1.jpg"], r"expected each image id once, found 1 more than once \(mel/1\)"),
        (["train/mel/1.jpg", "test/mel/1.jpg"], r"found the names of splits \(test, train\). Point at one of them"),
    ],
)
def test_folders_that_cannot_be_read(tmp_path: Path, files: list[str], complaint: str) -> None:
    draw(*(tmp_path / file for file in files))
    with pytest.raises(DatasetError, match=complaint):
        read_folders(tmp_path)


def test_a_place_is_needed_and_may_come_from_the_environment(
    sorted_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    with pytest.raises(DatasetError, match=r"Give --data PATH or set DERMAVIZ_DATA"):
        read_folders()
    with pytest.raises(DatasetError, match="expected a folder with one sub-folder per class, found none at"):
        read_folders(sorted_pictures / "gone")
    monkeypatch.setenv("DERMAVIZ_DATA", str(sorted_pictures))
    assert len(read_folders()) == 3


# A CSV


def test_a_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = ("image,label,lesion_id,age", "a.jpg,nv,L1,40", "b.png,mel,L2,", "c,nv,L1,41")
    data = read_table(write_table(tmp_path, *rows))
    assert (data.name, data.classes) == ("list", ("mel", "nv"))
    assert [(r.image_id, r.label, r.lesion_id) for r in data.records] == [
        ("a", "nv", "L1"),
        ("b", "mel", "L2"),
        ("c", "nv", "L1"),
    ]
    assert [r.path for r in data.records] == [tmp_path / "a.jpg", tmp_path / "b.png", tmp_path / "images" / "c.jpg"]
    assert [dict(r.metadata) for r in data.records] == [{"age": "40"}, {"age": ""}, {"age": "41"}]
    assert caplog.text == ""


def test_columns_can_be_named_and_classes_ordered(tmp_path: Path) -> None:
    table = write_table(tmp_path, "photo,label,truth,mole", "a.jpg,x,nv,1", "b.png,x,mel,1")
    data = read_table(table, image="photo", label="truth", lesion="mole", classes=("nv", "mel"))
    assert data.label_indices == [0, 1]
    assert {r.lesion_id for r in data.records} == {"1"}
    assert data.records[0].metadata == {"label": "x"}


def test_without_lesions_each_image_is_its_own_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = read_table(write_table(tmp_path, "path,dx", "a.jpg,nv", "b.png,mel"))
    assert [r.lesion_id for r in data.records] == ["a", "b"]
    assert "each image counts as its own lesion" in caplog.text


def test_absolute_paths_a_byte_order_mark_and_a_folder_with_one_table(tmp_path: Path) -> None:
    write_table(tmp_path, "\ufeffimage,label", f"{tmp_path / 'a.jpg'},nv", "b.png,mel")
    data = read_table(tmp_path)
    assert data.records[0].path == tmp_path / "a.jpg"


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["file_id,label", "a.jpg,nv"], r"column of image paths named image or .*, found the columns file_id, label"),
        (["image,truth", "a.jpg,nv"], r"column of labels named label or dx or .*, found the columns image, truth"),
        (["image,label", "a.jpg,nv", "z.jpg,mel", ",nv"], r"found no file for 2 \(z\.jpg, an empty path\)"),
        (["image,label", "a.jpg,nv", "b.png,"], r"expected a label in every row, found none in 1 \(lines 3\)"),
        (["image,label", "a.jpg,nv", "b.png,nv"], r"expected at least 2 classes, found \['nv'\]"),
        (["image,label", "a.jpg,nv", "a.jpg,mel"], r"found 1 more than once \(a\)"),
        (["image,label"], "expected a row per image, found none"),
        ([""], "expected a CSV in UTF-8, found one that cannot be read"),
        (["image,label", 'a.jpg,"nv'], "expected a CSV in UTF-8, found one that cannot be read"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, rows: list[str], complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        read_table(write_table(tmp_path, *rows))


def test_a_named_column_must_be_there(tmp_path: Path) -> None:
    table = write_table(tmp_path, "image,label", "a.jpg,nv", "b.png,mel")
    with pytest.raises(
        DatasetError, match="expected a column of lesions named patient, found the columns image, label"
    ):
        read_table(table, lesion="patient")


def test_the_table_must_be_clear(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected a CSV file, or a folder with a single one.*; found none"):
        read_table(tmp_path)
    (tmp_path / "one.csv").touch()
    (tmp_path / "two.csv").touch()
    with pytest.raises(DatasetError, match=r"found one\.csv, two\.csv\. Name the file"):
        read_table(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"image,label\n\xff\xfe\xfa,nv\n")
    with pytest.raises(DatasetError, match="expected a CSV in UTF-8"):
        read_table(tmp_path / "list.csv")


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("DERMAVIZ_DATA"), reason="DERMAVIZ_DATA is not set")
def test_the_published_table_reads_as_the_ham10000_reader_reads_it() -> None:
    own, general = read_ham10000(), read_table(find_ham10000())
    assert general.counts() == own.counts()
    assert {r.image_id: (r.path, r.label, r.lesion_id) for r in general.records} == {
        r.image_id: (r.path, r.label, r.lesion_id) for r in own.records
    }
