"""Tests of a checkpoint's card: what it holds, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from dermaviz.errors import CheckpointError
from dermaviz.models.card import CARD, Card, checkpoints_root, list_checkpoints, read_card

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
    with pytest.raises(CheckpointError, match=f"found {key} missing and none unknown"):
        read_card(write(tmp_path / CARD, content))


def test_keys_beyond_the_contract_have_defaults_and_strangers_are_named(
    make_card: Callable[..., Card], tmp_path: Path
) -> None:
    content = {key: value for key, value in asdict(make_card()).items() if key in CONTRACT}
    card = read_card(write(tmp_path / CARD, content))
    assert (card.malignant, card.training, card.equalise) == ((), {}, "")
    assert {field.name for field in fields(Card)} == {*CONTRACT, "malignant", "training", "equalise"}
    with pytest.raises(CheckpointError, match="found none missing and colour unknown"):
        read_card(write(tmp_path / CARD, content | {"colour": "red"}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["mel"]}, "expected classes to be 2 or more different names"),
        ({"classes": ["mel", "mel", "nv"]}, "expected classes to be 2 or more different names"),
        ({"classes": ["mel", 3]}, "expected classes to be 2 or more different names"),
        ({"classes": "mel"}, "expected classes to be a list, found 'mel'"),
        ({"input_size": 0}, "expected input_size to be 1 or more whole pixels, found 0"),
        ({"input_size": "224"}, "expected input_size to be 1 or more whole pixels, found '224'"),
        ({"temperature": 0.0}, "expected temperature to be a number above 0, found 0.0"),
        ({"temperature": float("nan")}, "expected temperature to be a number above 0, found nan"),
        ({"temperature": "warm"}, "expected temperature to be a number above 0, found 'warm'"),
        ({"temperature": None}, "expected temperature to be a number above 0, found None"),
        ({"mean": [0.5, 0.5]}, "expected mean and std to be 3 numbers each"),
        ({"mean": 0.5}, "expected mean to be a list, found 0.5"),
        ({"mean": ["a", 0, 0]}, "expected mean to be 3 numbers"),
        ({"std": [0.5, 0.0, 0.5]}, "expected std to be 3 numbers above 0"),
        ({"malignant": ["scc"]}, "expected malignant to be names among .*found .*scc"),
        ({"equalise": "gamma"}, 'expected equalise to be "", "histogram" or "clahe", found .gamma'),
    ],
)
def test_values_that_mean_nothing_are_refused(
    make_card: Callable[..., Card], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=f"card of 'tiny': {message}"):
        read_card(write(tmp_path / CARD, asdict(make_card()) | changes))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected JSON, found text that is not"),
        ("[1, 2]", "expected the keys of a card, found architecture, .* missing"),
        ("\ud800", "expected JSON, found text that is not"),
    ],
)
def test_other_text_than_a_card_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / CARD).write_bytes(content.encode("utf-8", errors="surrogatepass"))
    with pytest.raises(CheckpointError, match=message):
        read_card(tmp_path / CARD)


def test_an_absent_card_says_what_a_checkpoint_is(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"card at .*card\.json, found none.*copy the whole folder"):
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


def test_checkpoints_are_listed_by_name(make_card: Callable[..., Card], tmp_path: Path) -> None:
    for name in ("b", "a", "deep/inside"):
        (tmp_path / name).mkdir(parents=True)
        make_card().write(tmp_path / name / CARD)
    (tmp_path / "empty").mkdir()
    assert [path.name for path in list_checkpoints(tmp_path)] == ["a", "b"]
    assert list_checkpoints(tmp_path / "none") == []


def test_checkpoints_lie_beside_the_package_or_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DERMAVIZ_CHECKPOINTS", raising=False)
    assert checkpoints_root() == Path(__file__).parents[2] / "checkpoints"
    monkeypatch.setenv("DERMAVIZ_CHECKPOINTS", str(tmp_path))
    assert checkpoints_root() == tmp_path
