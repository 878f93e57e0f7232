"""Tests of records, of the table of data sets, and of the catalogue of readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dermaviz.data.readers import READERS, read_dataset, read_splits
from dermaviz.data.records import HAM10000, SPECS, Dataset, Record
from dermaviz.data.split import write_manifest
from dermaviz.errors import DatasetError


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
