"""Tests of a checkpoint's card: what it holds, and what it refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from dermaviz.errors import CheckpointError
from dermaviz.models.card import (
    CARD,
    Card,
    Sharpness,
    find_checkpoint,
    list_checkpoints,
    new_checkpoint_folder,
    read_card,
)

CONTRACT = [
    *("name", "architecture", "classes", "input_size", "mean", "std", "attention_layer", "temperature"),
    *("split_sha256", "weights_sha256", "recipe", "metrics", "data", "licence", "intended_use", "not_for"),
]

ANSWERS = {
    "ham10000-efficientnet-lite0": "1637d86e784e9ec684d0fd0cf8ab6f60d55e5100056a59ca8eedd39a9c47ea7c",
    "ham10000-efficientnet-lite0-robust": "70f2a88208f47eee2841e9f839069bce5009795d5947657102b668350a42d558",
}


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_card_has_the_keys_that_other_programs_rely_on(make_card: Callable[..., Card], tmp_path: Path) -> None:
    make_card().write(tmp_path / CARD)
    assert set(CONTRACT) <= set(json.loads((tmp_path / CARD).read_text(encoding="utf-8")))


def test_a_card_comes_back_as_it_was_written(make_card: Callable[..., Card], tmp_path: Path) -> None:
    card = make_card(metrics={"test": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}}, not_for="Diagnose, früh")
    card.write(tmp_path / CARD)
    assert read_card(tmp_path / CARD) == card
    assert [path.name for path in tmp_path.iterdir()] == [CARD]


@pytest.mark.parametrize("key", CONTRACT)
def test_a_missing_key_is_named(make_card: Callable[..., Card], tmp_path: Path, key: str) -> None:
    content = asdict(make_card())
    del content[key]
    with pytest.raises(CheckpointError, match=f"card: expected the key {key}, found only"):
        read_card(write(tmp_path / CARD, content))


def test_keys_beyond_the_contract_have_defaults_and_strangers_are_named(
    make_card: Callable[..., Card], tmp_path: Path
) -> None:
    content = {key: value for key, value in asdict(make_card()).items() if key in CONTRACT}
    card = read_card(write(tmp_path / CARD, content))
    assert (card.malignant, card.training, card.equalise) == ((), {}, "")
    assert {field.name for field in fields(Card)} == {
        *CONTRACT,
        "malignant",
        "training",
        "equalise",
        "names",
        "synonyms",
        "sharpness",
    }
    assert card.sharpness == Sharpness(150, "hamming")
    hashes = [make_card(sharpness=one).answers_sha256 for one in (Sharpness(150, "hamming"), Sharpness(96), None)]
    assert (
        hashes[0] == make_card().answers_sha256 == "b30e90f8b916d33a4d5f44cf73f42bb383e244da42e6f94719fc8d24a401ba83"
    )  # as before cards had the key
    assert len(set(hashes)) == 3
    with pytest.raises(CheckpointError, match=r"sharpness\.short: no such key; did you mean sharpness\.short_side"):
        read_card(write(tmp_path / CARD, content | {"sharpness": {"short": 150}}))
    with pytest.raises(CheckpointError, match="colour: no such key; "):
        read_card(write(tmp_path / CARD, content | {"colour": "red"}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["mel"]}, r"classes: expected 2 or more values, found \['mel'\]"),
        ({"classes": ["mel", "mel", "nv"]}, "classes: expected different names"),
        ({"classes": ["mel", 3]}, r"classes\[1\]: expected text, found 3"),
        ({"classes": "mel"}, "classes: expected a list, found 'mel'"),
        ({"input_size": 0}, "input_size: expected 4 to 4,096, found 0"),
        ({"input_size": 1}, "input_size: expected 4 to 4,096, found 1"),
        ({"input_size": 10**9}, "input_size: expected 4 to 4,096, found 1000000000"),
        ({"input_size": True}, "input_size: expected a whole number, found True"),
        ({"input_size": 224.0}, "input_size: expected a whole number, found 224.0"),
        ({"input_size": "224"}, "input_size: expected a whole number, found '224'"),
        ({"temperature": 0.0}, r"temperature: expected 0\.001 to 1,000\.0, found 0\.0"),
        ({"temperature": 1e-320}, r"temperature: expected 0\.001 to 1,000\.0, found 1e-320"),
        ({"temperature": float("nan")}, r"temperature: expected 0\.001 to 1,000\.0, found nan"),
        ({"temperature": "warm"}, "temperature: expected a number, found 'warm'"),
        ({"temperature": "0.5"}, "temperature: expected a number, found '0.5'"),
        ({"temperature": None}, "temperature: expected a number, found None"),
        ({"mean": [0.5, 0.5]}, r"mean: expected 3 values, found \[0\.5, 0\.5\]"),
        ({"mean": 0.5}, "mean: expected a list, found 0.5"),
        ({"mean": ["a", 0, 0]}, r"mean\[0\]: expected a number, found 'a'"),
        ({"mean": [float("nan"), 0, 0]}, r"mean\[0\]: expected 0 to 1, found nan"),
        ({"mean": [0, 1e308, 0]}, r"mean\[1\]: expected 0 to 1, found 1e\+308"),
        ({"mean": [0, 10**400, 0]}, r"mean\[1\]: expected a number, found 1000"),
        ({"std": [0.5, 0.0, 0.5]}, r"std\[1\]: expected 0\.0001 to 10,000\.0, found 0\.0"),
        ({"std": [0.5, 1e-320, 0.5]}, r"std\[1\]: expected 0\.0001 to 10,000\.0, found 1e-320"),
        ({"std": [0.5, float("inf"), 0.5]}, r"std\[1\]: expected 0\.0001 to 10,000\.0, found inf"),
        ({"malignant": ["scc"]}, "malignant: expected names among .*found .*scc"),
        ({"malignant": [["mel"]]}, r"malignant\[0\]: expected text, found \['mel'\]"),
        ({"names": {"scc": "squamous"}}, r"names: expected classes among .*found \['scc'\]"),
        ({"synonyms": {"MEL": "scc"}}, r"synonyms: expected classes among .*found \['scc'\]"),
        ({"equalise": "gamma"}, 'equalise: expected one of "", histogram, clahe, found .gamma'),
        ({"recipe": []}, r"recipe: expected keys and values, found \[\]"),
    ],
)
def test_values_that_mean_nothing_are_refused(
    make_card: Callable[..., Card], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_card(write(tmp_path / CARD, asdict(make_card()) | changes))


JUNK: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 10**9, 10**400, 0.5, 1e308, 1e-320, float("nan"), float("-inf"), "", "x", "0.5", "\ud800"),
    *(
        [],
        {},
        [[]],
        [["mel"]],
        [{}],
        ["mel", "nv"],
        [1, 2, 3],
        [0.5, 0.5, 0.5],
        {"mel": 1},
        [None] * 3,
        [float("nan")] * 3,
    ),
)


@pytest.mark.parametrize("key", [field.name for field in fields(Card)])
def test_whatever_a_key_holds_a_card_is_read_or_refused(
    make_card: Callable[..., Card], tmp_path: Path, key: str
) -> None:
    read, refusals = 0, []
    for value in JUNK:
        write(tmp_path / CARD, asdict(make_card()) | {key: value})
        try:
            card = read_card(tmp_path / CARD)
        except CheckpointError as refusal:
            refusals.append(str(refusal))
        else:
            read += 1
            assert len(card.answers_sha256) == 64
    assert read < len(JUNK) / 2
    assert all(refusal.startswith(f"{tmp_path / CARD}: {key}") for refusal in refusals)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected JSON, found text that is not"),
        ("[1, 2]", "card: expected keys and values, found .1, 2."),
        ("\ud800", "found bytes that are no UTF-8 from byte 0 on"),
    ],
)
def test_other_text_than_a_card_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / CARD).write_bytes(content.encode("utf-8", errors="surrogatepass"))
    with pytest.raises(CheckpointError, match=message):
        read_card(tmp_path / CARD)


def test_an_absent_card_says_what_a_checkpoint_is(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"expected a checkpoint's card at .*card\.json, found none.*copy the whole folder"
    ):
        read_card(tmp_path / CARD)


@pytest.mark.parametrize(("name", "sha256"), ANSWERS.items())
def test_shipped_checkpoints_answer_under_the_hash_that_their_evidence_names(name: str, sha256: str) -> None:
    """A later key of the card must not make their evidence stale."""
    assert read_card(Path(__file__).parents[2] / "checkpoints" / name / CARD).answers_sha256 == sha256


def test_the_hash_of_answers_follows_what_the_model_sees_and_not_its_figures(make_card: Callable[..., Card]) -> None:
    plain = make_card().answers_sha256
    assert make_card(metrics={"test": {}}, licence="none").answers_sha256 == plain
    changed = ({"equalise": "histogram"}, {"equalise": "clahe"}, {"temperature": 2.0}, {"input_size": 33})
    assert len({plain, *(make_card(**change).answers_sha256 for change in changed)}) == 5


@pytest.fixture
def roots(make_card: Callable[..., Card], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder that stands for the shipped checkpoints, and one that DERMAVIZ_CHECKPOINTS names: shared, own, broken ones."""
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for folder, names in ((shipped, ("zebra", "shared", "ham10000-efficientnet-lite0")), (own, ("shared", "mine"))):
        for name in names:
            make_card(name=folder.name).write(folder / name / CARD)
    (own / "folder" / CARD).mkdir(parents=True)
    (own / "deep").mkdir()
    (own / "deep" / CARD).write_text("[" * 200_000, encoding="utf-8")
    write(own / "list-in-list.json", {})
    (own / "nested").mkdir()
    write(own / "nested" / CARD, asdict(make_card()) | {"malignant": [["mel"]]})
    (own / "empty").mkdir()
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: shipped)
    monkeypatch.setenv("DERMAVIZ_CHECKPOINTS", f"{tmp_path / 'absent'}{os.pathsep}{own}")
    return shipped, own


def test_ones_own_checkpoints_are_added_to_the_shipped_and_a_broken_one_hides_no_other(
    roots: tuple[Path, Path],
) -> None:
    found, reasons = list_checkpoints()
    assert {name: checkpoint.card.name for name, checkpoint in found.items()} == {
        "ham10000-efficientnet-lite0": "shipped", "mine": "own", "shared": "own", "zebra": "shipped",
    }  # fmt: skip
    assert next(iter(found)) == "ham10000-efficientnet-lite0"
    assert set(reasons) == {"folder", "deep", "nested"}
    assert "found a folder" in reasons["folder"]
    assert "nested too deeply" in reasons["deep"]


def test_a_checkpoint_is_found_by_name_or_place(roots: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, own = roots
    assert find_checkpoint("shared") == own / "shared"
    assert find_checkpoint("zebra") == shipped / "zebra"
    assert find_checkpoint(own / "shared") == own / "shared"
    monkeypatch.chdir(own.parent)
    assert find_checkpoint("own/mine") == Path("own/mine")
    with pytest.raises(
        CheckpointError, match=r"found 'zebr'\. There are ham10000-efficientnet-lite0, mine, shared, zebra;"
    ):
        find_checkpoint("zebr")
    with pytest.raises(CheckpointError, match=r"malignant\[0\]: expected text"):
        find_checkpoint("nested")
    assert new_checkpoint_folder("new") == own.parent / "absent" / "new"


def test_without_the_environment_checkpoints_lie_beside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMAVIZ_CHECKPOINTS", raising=False)
    root = Path(__file__).parents[2] / "checkpoints"
    assert {checkpoint.folder.parent for checkpoint in list_checkpoints()[0].values()} == {root}
    assert new_checkpoint_folder("new") == root / "new"
