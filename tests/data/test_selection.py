"""Tests of selections: drawn by their own seed, with the shares they promise, and the same from recipe and card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermaviz.data.records import Dataset, Record
from dermaviz.data.selection import (
    Selection,
    balanced,
    leak_sentence,
    read_selection,
    select,
    selection_on_card,
    take_images,
)
from dermaviz.data.split import write_manifest
from dermaviz.errors import DatasetError
from dermaviz.schema import build
from dermaviz.training.recipe import DataRecipe


def data_set(lesions_shown: str = "", **counts: int) -> Dataset:
    """So many images of each class; each shows a lesion of its own, with ``lesions_shown`` in front of its name."""
    records = (
        Record(f"{lesions_shown}{name}{i}", Path("none.jpg"), name, f"{lesions_shown}{name}{i}")
        for name, n in counts.items()
        for i in range(n)
    )
    return Dataset("drawn", tuple(counts), tuple(records))


def ids(data: Dataset) -> list[str]:
    return [record.image_id for record in data.records]


def test_balanced_has_as_many_of_each_as_of_the_smallest_in_order() -> None:
    data = data_set(nv=50, mel=9, df=14)
    drawn = balanced(data, 0)
    assert drawn.counts() == {"nv": 9, "mel": 9, "df": 9}
    assert ids(drawn) == [name for name in ids(data) if name in set(ids(drawn))]
    assert ids(drawn) == ids(balanced(data, 0)) != ids(balanced(data, 1))


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (100, {"nv": 67, "mel": 31, "df": 2}),
        (50, {"nv": 34, "mel": 15, "df": 1}),  # 33.5 and 15.5: the first of two equal remainders is rounded up
        (10, {"nv": 6, "mel": 3, "df": 1}),  # .2 of an image is one, and nv, with .3 over 6.7 rounded up, gives it
        (3, {"nv": 1, "mel": 1, "df": 1}),
    ],
)
def test_images_are_taken_with_the_shares_of_their_classes(n: int, expected: dict[str, int]) -> None:
    assert take_images(data_set(nv=67, mel=31, df=2), n, 0).counts() == expected


@given(st.tuples(*[st.integers(0, 30)] * 3).filter(any), st.data())
def test_as_many_as_asked_none_twice_and_no_class_lost(counts: tuple[int, int, int], data: st.DataObject) -> None:
    whole = data_set(**dict(zip(("nv", "mel", "df"), counts, strict=True)))
    n = data.draw(st.integers(sum(count > 0 for count in counts), len(whole)))
    taken = take_images(whole, n, data.draw(st.integers(0, 5)))
    assert len(taken) == len(set(ids(taken))) == n
    assert set(ids(taken)) <= set(ids(whole))
    for name, count in whole.counts().items():
        assert min(count, 1) <= taken.counts()[name] <= count
        assert abs(taken.counts()[name] - count * n / len(whole)) < 2


def test_fewer_images_are_some_of_the_more() -> None:
    whole = data_set(nv=200, mel=100)
    small, large = (set(ids(take_images(whole, n, 3))) for n in (30, 90))
    assert small < large


def test_each_split_is_selected_for_its_purpose() -> None:
    splits = {
        "train": data_set("a", nv=60, mel=20, bcc=7),
        "validation": data_set("b", nv=12, mel=5, bcc=1),
        "test": data_set("c", nv=20, mel=8, bcc=2),
    }
    chosen = select(splits, Selection(task="melanoma", balance=True, images=10, validation_images=6))
    assert {name: part.counts() for name, part in chosen.items()} == {
        "train": {"other": 5, "mel": 5},
        "validation": {"other": 3, "mel": 3},
        "test": {"other": 8, "mel": 8},
    }
    assert all(
        name.startswith(letter) for letter, part in zip("abc", chosen.values(), strict=True) for name in ids(part)
    )
    whole = select(splits, Selection())
    assert all(whole[name] is part for name, part in splits.items())


def test_a_split_without_images_is_balanced_already() -> None:
    assert len(select({"test": data_set(nv=2, mel=1).take([])}, Selection(balance=True))["test"]) == 0


@pytest.mark.parametrize("n", [1, 4])
def test_more_images_than_there_are_or_fewer_than_classes_are_refused(n: int) -> None:
    with pytest.raises(
        DatasetError, match=rf"from 2 \(one of each class\) to 3, found {n}\. Ask for fewer, or for all"
    ):
        take_images(data_set(nv=2, mel=1, df=0), n, 0)


def test_a_class_without_images_cannot_be_balanced() -> None:
    with pytest.raises(DatasetError, match=r"expected images of every class to balance, found none of df, bcc"):
        balanced(data_set(nv=2, df=0, bcc=0), 0)


def test_a_card_says_what_is_not_as_usual_and_gives_the_same_selection_back() -> None:
    assert Selection().on_card() == {"dataset": "ham10000", "manifest": "ham10000"}
    recipe = DataRecipe(manifest="ham10000-by-image", leaky=True, task="malignant", images=300, pack=(75, 100))
    said = recipe.on_card()
    assert said == {
        "dataset": "ham10000",
        "manifest": "ham10000-by-image",
        "task": "malignant",
        "leaky": True,
        "images": 300,
    }
    found = selection_on_card(said | {"citation": "T.", "leak": "…"})
    assert {f.name: getattr(found, f.name) for f in fields(found)} == {
        f.name: getattr(recipe, f.name) for f in fields(found)
    }


def test_a_selection_is_read_and_a_leak_is_refused_unless_it_is_said(
    write_ham10000: Callable[..., Path], tmp_path: Path
) -> None:
    root = write_ham10000(tmp_path / "data", {"L1": ("mel", 2), "L2": ("nv", 3), "L3": ("df", 1)})
    dealt = {"L1-0": "train", "L1-1": "test", "L2-0": "train", "L2-1": "test", "L2-2": "validation", "L3-0": "test"}
    manifest = write_manifest(dealt, tmp_path / "split.csv")
    leaky = Selection(manifest=str(tmp_path / "split.csv"), task="malignant", leaky=True)
    with pytest.raises(DatasetError, match=r"found lesion L1 in both train and test.*set `leaky: true`"):
        read_selection(Selection(manifest=leaky.manifest, task="malignant"), root)
    splits, found = read_selection(leaky, root)
    assert found == manifest
    assert [(r.image_id, r.label) for r in splits["test"].records] == [
        ("L1-1", "malignant"),
        ("L2-1", "benign"),
        ("L3-0", "benign"),
    ]
    assert leak_sentence(splits).startswith("Split by image: lesions leak. 2 of 3 test images show a lesion")


def test_columns_and_given_splits_are_keys_of_a_recipe_and_stand_on_the_card(
    tmp_path: Path, draw_photo: Callable[..., object]
) -> None:
    rows = ["photo,truth,person,split"]
    for i in range(6):
        draw_photo(tmp_path / f"{i}.png", seed=i)
        rows.append(f"{i}.png,{('mel', 'nv')[i % 2]},P{i // 2},{('train', 'val', 'test')[i // 2]}")
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    asked = build(
        Selection,
        {
            "dataset": "",
            "manifest": "given",
            "columns": {"image": "photo", "label": "truth", "patient": "person"},
        },
    )
    splits, manifest = read_selection(asked, tmp_path)
    assert {name: [r.image_id for r in data.records] for name, data in splits.items()} == {
        "train": ["0", "1"],
        "validation": ["2", "3"],
        "test": ["4", "5"],
    }
    assert splits["test"].notes[-1] == "Split by patient: nobody is in two splits."
    on_card = asked.on_card()
    assert on_card["columns"] == {"image": "photo", "label": "truth", "patient": "person"}
    again = selection_on_card(on_card)
    assert again == asked
    assert read_selection(again, tmp_path)[1].sha256 == manifest.sha256
    with pytest.raises(DatasetError, match="columns"):
        build(Selection, {"columns": {"picture": "photo"}})
