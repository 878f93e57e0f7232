"""Readers: HAM10000 in its published form, folders, CSVs, and what every data set is checked for."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.readers import (
    READERS,
    find_ham10000,
    find_photo,
    read_dataset,
    read_folders,
    read_ham10000,
    read_splits,
    read_table,
)
from dermaviz.data.records import HAM10000, SPECS, Dataset, Record
from dermaviz.data.split import split_by_lesion, write_manifest
from dermaviz.errors import DatasetError

DATA = os.environ.get("DERMAVIZ_DATA", "")
HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"


@pytest.fixture
def root(write_ham10000: Callable[..., Path], tmp_path: Path) -> Path:
    return write_ham10000(tmp_path / "ham10000", {"L2": ("nv", 1), "L1": ("mel", 2)})


def test_records_come_in_order_of_image_id_with_their_metadata(root: Path) -> None:
    data = read_ham10000(root)
    assert [(r.image_id, r.lesion_id, r.label) for r in data.records] == [
        ("L1-0", "L1", "mel"),
        ("L1-1", "L1", "mel"),
        ("L2-0", "L2", "nv"),
    ]
    assert data.classes == tuple(HAM10000.classes)
    assert data.records[0].path == root / "images" / "L1-0.png"
    assert data.records[0].metadata == {"dx_type": "histo", "age": "50.0", "sex": "female", "localization": "back"}


def test_further_columns_are_kept_and_unknown_values_stay_empty(root: Path) -> None:
    (root / "HAM10000_metadata.csv").write_text(f"{HEADER},dataset\nL1,L1-0,mel,histo,,unknown,,rosendahl\n")
    (record,) = read_ham10000(root).records
    assert record.metadata["age"] == record.metadata["localization"] == ""
    assert record.metadata["dataset"] == "rosendahl"


def test_files_that_are_no_photos_do_not_stand_in_for_one(root: Path) -> None:
    (root / "images" / "L1-0.txt").write_text("a note")
    (root / "images" / ".DS_Store").write_bytes(b"")
    assert {r.path.suffix for r in read_ham10000(root).records} == {".png"}


def test_the_folder_is_found_at_the_root_below_it_or_by_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_ham10000(root) == find_ham10000(root.parent) == root
    monkeypatch.setenv("DERMAVIZ_DATA", str(root.parent))
    assert find_ham10000() == root


def test_without_a_root_it_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    with pytest.raises(DatasetError, match="Give --data PATH or set DERMAVIZ_DATA"):
        find_ham10000()


def test_an_empty_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected HAM10000_metadata\.csv in .*found neither"):
        find_ham10000(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,dx\n1,nv\n", "found no lesion_id, image_id, dx_type"),
        (b"", "expected a CSV in UTF-8, found one that cannot be read"),
        (b"\xff\xfe\x00\x81,\x9d\n", "expected a CSV in UTF-8, found one that cannot be read"),
        (f"{HEADER}\nL1,L1-0,mole,histo,50,male,back\n".encode(), "expected labels among .*found .*mole"),
        (f"{HEADER}\nL1,L1-7,mel,histo,50,male,back\n".encode(), r"found no file for 1 of them \(L1-7\)"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(root: Path, content: bytes, message: str) -> None:
    (root / "HAM10000_metadata.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_ham10000(root)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="DERMAVIZ_DATA is not set")
def test_the_real_data_have_the_published_counts() -> None:
    data = read_ham10000()
    assert len(data) == HAM10000.images
    assert len({record.lesion_id for record in data.records}) == HAM10000.lesions
    assert data.counts() == {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}


def test_a_photo_is_found_by_its_id(write_ham10000: Callable[..., Path], tmp_path: Path) -> None:
    root = write_ham10000(tmp_path, {"L1": ("mel", 1)})
    assert find_photo(root, "L1-0") == root / "images" / "L1-0.png"
    with pytest.raises(DatasetError, match=r"expected a photo at .*L1-1\.jpg, found none"):
        find_photo(root, "L1-1")


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


def record(image_id: str, label: str) -> Record:
    return Record(image_id, Path(f"{image_id}.jpg"), label, f"lesion of {image_id}")


def test_labels_count_in_the_order_of_the_classes() -> None:
    data = Dataset("moles", ("nv", "df", "mel"), (record("a", "mel"), record("b", "nv"), record("c", "mel")))
    assert len(data) == 3
    assert data.label_indices == [2, 0, 2]
    assert data.counts() == {"nv": 1, "df": 0, "mel": 2}
    assert list(data.counts()) == ["nv", "df", "mel"]


def test_taking_records_keeps_name_and_classes() -> None:
    data = Dataset("moles", ("nv", "mel"), (record("a", "mel"), record("b", "nv")))
    assert data.take(data.records[1:]) == Dataset("moles", ("nv", "mel"), (record("b", "nv"),))


@pytest.mark.parametrize(
    ("classes", "records", "message"),
    [
        (("nv",), [("a", "nv")], "expected at least 2 classes, found .*nv"),
        (("nv", "mel"), [("a", "nv"), ("a", "mel")], r"each image id once, found 1 more than once \(a\)"),
        (("nv", "mel"), [("a", "nv"), ("b", "melanoma")], "expected labels among .*nv.*, found .*melanoma"),
    ],
)
def test_contradictions_are_refused(classes: tuple[str, ...], records: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Dataset("moles", classes, tuple(record(*row) for row in records))


def test_ham10000_is_described_as_published() -> None:
    assert tuple(HAM10000.classes) == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    assert HAM10000.malignant == {"akiec", "bcc", "mel"}
    assert (HAM10000.images, HAM10000.lesions, HAM10000.collection) == (10_015, 7_470, 212)
    assert "10.7910/DVN/DBW86T" in HAM10000.citation
    assert set(SPECS) <= set(READERS)


def test_an_unknown_data_set_is_named_with_the_known_ones() -> None:
    with pytest.raises(DatasetError, match=r"among ham10000.*found 'isic'"):
        read_dataset("isic", None)


def test_splits_are_read_by_name_and_manifest(write_ham10000: Callable[..., Path], tmp_path: Path) -> None:
    root = write_ham10000(tmp_path, {"L1": ("mel", 2), "L2": ("nv", 1)})
    own = write_manifest({"L1-0": "test", "L1-1": "test", "L2-0": "train"}, tmp_path / "mine.csv")
    splits, manifest = read_splits("ham10000", str(tmp_path / "mine.csv"), root)
    assert manifest == own
    assert {name: [r.image_id for r in data.records] for name, data in splits.items()} == {
        "train": ["L2-0"],
        "validation": [],
        "test": ["L1-0", "L1-1"],
    }
