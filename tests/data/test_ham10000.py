"""Tests of the HAM10000 reader, on a folder of the same form and, where it is there, on the real one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dermaviz.data.readers import find_ham10000, find_photo, read_ham10000
from dermaviz.data.records import HAM10000
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
