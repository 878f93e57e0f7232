"""Tests of splits by lesion and by image: properties for any data set, the manifest's form, and the committed manifest itself."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import Dataset, Record
from dermaviz.data.split import (
    MANIFESTS,
    SHARES,
    Manifest,
    apply_split,
    given_split,
    group_ids,
    named_manifest,
    read_manifest,
    split_by_group,
    split_by_image,
    unknown_sentence,
    write_manifest,
)
from dermaviz.errors import DatasetError

DATA = os.environ.get("DERMAVIZ_DATA", "")
CLASSES = ("mel", "nv", "df")
COMMITTED_SHA256 = "88bed541635b7c908784b245a78d9bed9a0c13e7b92e218fb701ce8462cf8cc3"
LEAKY_SHA256 = "3ada058f30d8483ee65a6995e73ca5304436dd2a1dfc6f8f36dc6830d88ce507"


def data_set(lesions: list[tuple[str, int]]) -> Dataset:
    """One lesion per entry: its class and how many images show it."""
    return Dataset(
        "drawn",
        CLASSES,
        tuple(
            Record(f"im{number}-{i}", Path("none.jpg"), label, f"lesion{number}")
            for number, (label, images) in enumerate(lesions)
            for i in range(images)
        ),
    )


data_sets = st.lists(st.tuples(st.sampled_from(CLASSES), st.integers(1, 6)), min_size=1, max_size=60).map(data_set)


# Properties


@given(data_sets, st.integers(0, 5))
def test_every_image_is_assigned_and_no_lesion_crosses(data: Dataset, seed: int) -> None:
    assignment = split_by_group(data, seed)
    assert list(assignment) == sorted(r.image_id for r in data.records)
    splits_of = {(r.lesion_id, assignment[r.image_id]) for r in data.records}
    assert len(splits_of) == len({r.lesion_id for r in data.records})
    splits = apply_split(data, Manifest(MappingProxyType(assignment), ""))
    assert sum(map(len, splits.values())) == len(data)


@given(data_sets, st.integers(0, 5))
def test_each_class_has_its_shares_to_within_its_largest_lesion(data: Dataset, seed: int) -> None:
    assignment = split_by_group(data, seed)
    largest = Counter(r.lesion_id for r in data.records)
    for label in CLASSES:
        mine = [r for r in data.records if r.label == label]
        dealt = Counter(assignment[r.image_id] for r in mine)
        slack = max((largest[r.lesion_id] for r in mine), default=0)
        for split, share in SHARES.items():
            assert dealt[split] - share * len(mine) < slack + 1e-9
            assert share * len(mine) - dealt[split] <= 2 * slack + 1e-9


@given(data_sets, st.randoms())
def test_the_split_depends_on_seed_and_lesions_not_on_their_order(data: Dataset, random: object) -> None:
    shuffled = list(data.records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert split_by_group(data, 3) == split_by_group(data, 3) == split_by_group(data.take(shuffled), 3)


def test_another_seed_gives_another_split() -> None:
    data = data_set([("nv", 1)] * 40)
    assert split_by_group(data, 0) != split_by_group(data, 1)


def test_single_images_are_dealt_exactly() -> None:
    dealt = Counter(split_by_group(data_set([("mel", 1)] * 100)).values())
    assert dealt == {"train": 70, "validation": 10, "test": 20}


def test_a_lesion_with_two_labels_stays_whole() -> None:
    data = Dataset(
        "drawn",
        CLASSES,
        tuple(Record(f"im{i}", Path("none.jpg"), ("mel", "nv")[i % 2], f"lesion{i // 2}") for i in range(40)),
    )
    assignment = split_by_group(data)
    assert all(assignment[f"im{i}"] == assignment[f"im{i + 1}"] for i in range(0, 40, 2))


@given(data_sets, st.integers(0, 5))
def test_a_split_by_image_deals_each_image_for_itself_with_the_same_shares(data: Dataset, seed: int) -> None:
    assignment = split_by_image(data, seed)
    assert list(assignment) == sorted(r.image_id for r in data.records)
    for label in CLASSES:
        mine = [r for r in data.records if r.label == label]
        dealt = Counter(assignment[r.image_id] for r in mine)
        assert all(abs(dealt[split] - share * len(mine)) < 1 for split, share in SHARES.items())


def test_a_split_by_image_leaks_and_is_taken_only_where_that_is_said() -> None:
    data = data_set([("nv", 10)] * 2)
    leaky = Manifest(MappingProxyType(split_by_image(data)), "")
    with pytest.raises(DatasetError, match=r"found lesion lesion\d in both .*set `leaky: true` in the recipe's `data`"):
        apply_split(data, leaky)
    splits = apply_split(data, leaky, leaky=True)
    assert {split: len(part) for split, part in splits.items()} == {"train": 14, "validation": 2, "test": 4}


# Patients, the same file twice, and splits that the data set brings along


def patients(n: int, **changes: object) -> Dataset:
    """So many patients with three lesions of several classes each, two images a lesion."""
    records = [
        Record(f"im{p}-{i}-{j}", Path("none.jpg"), CLASSES[(p * p + i) % 3], f"lesion{p}-{i}", patient_id=f"patient{p}")
        for p in range(n)
        for i in range(3)
        for j in range(2)
    ]
    return Dataset("clinic", CLASSES, tuple(replace(record, **changes) for record in records))  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [2, 12, 60])
def test_no_patient_is_in_two_splits_and_classes_keep_their_shares(n: int) -> None:
    data = patients(n)
    assignment = split_by_group(data, 1)
    assert assignment == split_by_group(data.take(reversed(data.records)), 1)
    assert len({(r.patient_id, assignment[r.image_id]) for r in data.records}) == n
    splits = apply_split(data, Manifest(MappingProxyType(assignment), ""))
    if n == 60:
        for split, share in SHARES.items():
            assert splits[split].counts() == pytest.approx(dict.fromkeys(CLASSES, 120 * share), abs=6), split
    assert splits["test"].notes == ("Split by patient: nobody is in two splits.",)


def test_the_coarsest_group_is_kept_together_and_joins_what_shares_it() -> None:
    shared = (("a", "L1", "P1"), ("b", "L1", ""), ("c", "L2", "P1"), ("d", "L3", ""), ("e", "L4", "P2"))
    data = Dataset(
        "clinic", ("nv",), tuple(Record(i, Path("none.jpg"), "nv", lesion, patient_id=p) for i, lesion, p in shared)
    )
    groups = dict(zip("abcde", group_ids(data), strict=True))
    assert groups["a"] == groups["b"] == groups["c"]
    assert len(set(groups.values())) == 3
    assert "of 2 of 5 images the patient is not known" in unknown_sentence(data.records)


def test_the_same_file_under_two_names_is_one_group(tmp_path: Path) -> None:
    for name, content in {"a": b"one", "b": b"two", "c": b"one", "d": b"four"}.items():
        (tmp_path / name).write_bytes(content)
    data = Dataset("folder", ("nv",), tuple(Record(name, tmp_path / name, "nv", name) for name in "abcd"))
    groups = group_ids(data)
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3
    crossing = Manifest(MappingProxyType({"a": "train", "b": "train", "c": "test", "d": "train"}), "")
    with pytest.raises(DatasetError, match="all images of a file in one split, found file a in both train and test"):
        apply_split(data, crossing)


def test_a_given_split_that_crosses_patients_is_loaded_with_a_note_on_every_part() -> None:
    data = patients(6)
    given = data.take(replace(r, split="test" if r.lesion_id.endswith("-0") else "train") for r in data.records)
    manifest = given_split(given)
    assert manifest.given
    for part in apply_split(given, manifest).values():
        assert part.notes[-1].startswith("The given split is leaky: 6 patients are in more")
    with pytest.raises(DatasetError, match="found patient patient0 in both test and train"):
        apply_split(given, replace(manifest, given=False))
    with pytest.raises(DatasetError, match=r"expected a split of every image .*, found none for 36 of 36"):
        given_split(data)


def test_nothing_is_written_where_there_is_nothing_to_split(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected images to assign to splits, found none"):
        write_manifest({}, tmp_path / "m.csv")
    with pytest.raises(DatasetError, match="line 2: expected image_id and one of"):
        write_manifest({"a": "dev"}, tmp_path / "m.csv")
    assert list(tmp_path.iterdir()) == []


# The manifest's form


def test_a_manifest_is_sorted_text_and_its_hash_that_of_the_file(tmp_path: Path) -> None:
    written = write_manifest({"b": "test", "a": "train"}, tmp_path / "deep" / "m.csv")
    content = (tmp_path / "deep" / "m.csv").read_bytes()
    assert content == b"image_id,split\na,train\nb,test\n"
    assert written.sha256 == hashlib.sha256(content).hexdigest()
    assert dict(written.assignment) == {"a": "train", "b": "test"}


@pytest.mark.parametrize(
    "image_id", ["nv/a, b", 'the "odd" one', "two\nlines", "é\u2028ü", " spaced ", "a\x85b", "mole;1"]
)
def test_any_image_id_survives_the_manifest(tmp_path: Path, image_id: str) -> None:
    assignment = {image_id: "test", "m": "train"}
    assert dict(write_manifest(assignment, tmp_path / "m.csv").assignment) == assignment


def test_a_spreadsheets_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbfimage_id,split\r\na,train\r\n")
    assert dict(read_manifest(tmp_path / "m.csv").assignment) == {"a": "train"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image_id,split\na,train\na,test\n", "line 3: expected each image once, found a again"),
        (b"image_id,split\na,dev\n", "line 2: expected image_id and one of train, validation, test"),
        (b"image_id,split\n,test\n", "line 2: expected image_id"),
        (b"image,part\na,train\n", "line 2: expected image_id"),
        (b"image_id,split\n\xe4,tr\xfcin\n", "line 2: expected image_id"),
    ],
)
def test_a_malformed_manifest_is_refused_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_manifest(tmp_path / "m.csv")


def test_an_absent_manifest_names_the_committed_ones(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"found none\. Committed manifests: .*ham10000"):
        named_manifest(str(tmp_path / "none.csv"))


def test_a_lesion_that_crosses_is_refused() -> None:
    data = data_set([("mel", 2), ("nv", 1)])
    crossing = Manifest(MappingProxyType({"im0-0": "train", "im0-1": "test", "im1-0": "train"}), "")
    with pytest.raises(DatasetError, match="found lesion lesion0 in both train and test"):
        apply_split(data, crossing)


def test_an_image_without_a_split_is_refused() -> None:
    data = data_set([("mel", 2), ("nv", 1)])
    with pytest.raises(DatasetError, match=r"found 2 without a split \(im0-1, im1-0\)"):
        apply_split(data, Manifest(MappingProxyType({"im0-0": "train"}), ""))


# The committed manifest: cards carry this hash, so the file must never change


def test_the_committed_manifest_is_the_one_that_cards_name() -> None:
    manifest = named_manifest("ham10000")
    assert manifest.sha256 == COMMITTED_SHA256 == hashlib.sha256((MANIFESTS / "ham10000.csv").read_bytes()).hexdigest()
    assert Counter(manifest.assignment.values()) == {"train": 7010, "validation": 1004, "test": 2001}


def test_the_committed_leaky_manifest_is_the_one_that_results_name() -> None:
    manifest = named_manifest("ham10000-by-image")
    assert manifest.sha256 == LEAKY_SHA256
    assert Counter(manifest.assignment.values()) == {"train": 7011, "validation": 1000, "test": 2004}
    assert set(manifest.assignment) == set(named_manifest("ham10000").assignment)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="DERMAVIZ_DATA is not set")
def test_the_committed_leaky_manifest_is_the_split_by_image_and_leaks() -> None:
    data, manifest = read_ham10000(), named_manifest("ham10000-by-image")
    assert split_by_image(data, 0) == dict(manifest.assignment)
    with pytest.raises(DatasetError, match="expected all images of a lesion in one split"):
        apply_split(data, manifest)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="DERMAVIZ_DATA is not set")
def test_the_committed_manifest_fits_the_real_data() -> None:
    data, manifest = read_ham10000(), named_manifest("ham10000")
    assert split_by_group(data, 0) == dict(manifest.assignment)
    splits = apply_split(data, manifest)  # refuses a lesion that crosses
    for label, n in data.counts().items():
        for split, share in SHARES.items():
            assert splits[split].counts()[label] == pytest.approx(share * n, abs=4), (label, split)
