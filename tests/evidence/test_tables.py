"""The registry of evidence tables: complete, addressed as the shipped evidence is, and open to one more row."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pytest

from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import Dataset
from dermaviz.errors import EvidenceError
from dermaviz.evidence import evaluate, rebuild, store, tables
from dermaviz.evidence.evaluate import make_table
from dermaviz.evidence.images import ToAudit
from dermaviz.evidence.store import DataSplit, read_evidence, read_manifest
from dermaviz.evidence.tables import TABLES, Table, robustness
from dermaviz.evidence.tables.tone import drawn_lesions
from dermaviz.models.card import Checkpoint, read_card
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.classifier import Classifier

OWN = DataSplit("ham10000", "test")
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
SHIPPED = sorted(CHECKPOINTS.glob("*/evidence/*/*/*.parquet"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: "-".join((path.parents[3].name, *path.parts[-3:])))
def test_shipped_evidence_is_valid_and_has_the_address_that_it_would_get_today(path: Path) -> None:
    folder, name = path.parents[3], path.stem
    of = DataSplit(path.parents[1].name, path.parent.name)
    card = read_card(folder / "card.json")
    source = read_evidence(folder, name, of, checkpoint_sha256=card.answers_sha256).manifest.source
    written = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["source"]
    assert source.key == replace(source, parameters=written["parameters"]).key
    assert json.loads(json.dumps(TABLES[name].settings())) == written["parameters"]


def same_today(steps: Sequence[rebuild.Step], root: Path | None) -> None:
    """One image of every table, made again: a number may differ by what the number of threads does to a chain of attacks."""
    classifier = load_checkpoint(steps[0].checkpoint.folder)
    images = cache(lambda of: rebuild.images_of(next(step for step in steps if step.of == of), root))
    for step in steps:
        rebuild.build(step, classifier, lambda one: images(one.of), {}, limit=1)
        change = rebuild.change_of(step, part=True)
        assert change, step
        assert (change.alone, change.words) == (0, 0), f"{step}: {change}"
        assert change.largest < 0.02, f"{step}: {change}"


def default_model() -> Checkpoint:
    folder = CHECKPOINTS / "ham10000-efficientnet-lite0"
    return Checkpoint(folder, read_card(folder / "card.json"))


def test_the_shipped_table_of_drawn_lesions_is_what_the_default_model_says_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once was that of another kernel, under the name of this one."""
    whole = drawn_lesions
    monkeypatch.setattr("dermaviz.evidence.tables.tone.drawn_lesions", lambda classes: whole(classes)[:2])
    same_today(rebuild.steps_of(default_model(), {"drawn_tone"}, tmp_path), None)


@pytest.mark.parametrize("data_set", ["ham10000", "isic-uda1"])
def test_shipped_tables_are_what_the_default_model_says_today(data_set: str, tmp_path: Path) -> None:
    root = Path(os.environ.get("DERMAVIZ_DATA") or "nowhere")
    if not (root / data_set).is_dir():
        pytest.skip(f"needs {data_set} under DERMAVIZ_DATA")
    steps = rebuild.steps_of(default_model(), set(TABLES) - {"faithfulness", "randomisation", "drawn_tone"}, tmp_path)
    same_today([step for step in steps if step.of.data_set == data_set and step.of.split == "test"], root)


def test_every_row_names_functions_that_are_there() -> None:
    for table in TABLES.values():
        assert callable(table.make_rows())
        assert json.loads(json.dumps(table.settings())) is not None


def test_every_setting_of_pgd_is_part_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    before = TABLES["attacks"].settings()
    settings = robustness.DEFAULT_PGD
    for field in fields(settings):
        changed = replace(settings, **{field.name: getattr(settings, field.name) * 2 or 1})
        monkeypatch.setattr(robustness, "DEFAULT_PGD", changed)
        assert TABLES["attacks"].settings() != before, field.name


def brightness_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The mean grey level of each prepared image."""
    for part, images in evaluate.prepared_batches(classifier, dataset, slices):
        ids = [record.image_id for record in dataset.records[part]]
        yield pd.DataFrame({"image_id": ids, "grey": [float(image.mean()) for image in images]})


def test_one_row_and_one_function_make_a_table(
    drawn_classifier: Classifier, drawn_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Table("how bright each image is", rows=f"{__name__}:brightness_rows", columns=("grey",), sample=3)
    for module in (tables, evaluate, store):
        monkeypatch.setattr(module, "TABLES", MappingProxyType({**TABLES, "brightness": row}))
    manifest = make_table(tmp_path, "brightness", drawn_classifier, lambda: ToAudit(read_ham10000(drawn_dataset), OWN))
    assert (manifest.rows, manifest.source.parameters) == (3, {"sample": 3})
    sha = drawn_classifier.card.answers_sha256
    assert (
        read_evidence(tmp_path, "brightness", manifest.source.images, checkpoint_sha256=sha)
        .table["grey"]
        .between(1, 254)
        .all()
    )


def test_a_table_of_drawn_lesions_needs_no_data_and_has_an_address_of_its_own(
    drawn_classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermaviz.evidence.tables.tone.PER_DIAGNOSIS", 1)
    monkeypatch.setattr("dermaviz.evidence.tables.tone.DRAWN_TONES", (41.0, 0.0))
    found = make_table(tmp_path, "drawn_tone", drawn_classifier, pytest.fail)
    assert (found.source.dataset, found.source.split) == ("drawn", "drawn")
    assert found.rows == 2 * len(drawn_lesions(drawn_classifier.classes))
    shipped = read_manifest(
        CHECKPOINTS / "ham10000-efficientnet-lite0" / "evidence" / "drawn" / "drawn" / "drawn_tone.json"
    )
    assert found.source.data_sha256 != shipped.source.data_sha256


VALID = pd.DataFrame(
    {"image_id": ["a", "b"], "lesion_id": ["x", "y"], "dx": ["nv", "mel"], "p_mel": [0.25, 1], "p_nv": [0.75, 0.0]}
)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(columns="dx"), "expected the columns image_id, lesion_id, dx, found dx missing"),
        (lambda t: t.assign(image_id=["a", "a"]), "found 0 without and 1 repeated"),
        (lambda t: t.assign(image_id=[None, "a"]), "found 1 without and 0 repeated"),
        (lambda t: t.assign(p_mel=[0.25, float("nan")]), "found 1 rows with others, first that of 'b'"),
        (lambda t: t.assign(p_mel=[0.25, 0.9]), "found 1 rows with others"),
        (lambda t: t.assign(p_mel=[1.25, 1], p_nv=[-0.25, 0]), "found 1 rows with others, first that of 'a'"),
    ],
)
def test_a_table_that_cannot_be_is_refused(spoil: Callable[[pd.DataFrame], Any], message: str) -> None:
    TABLES["predictions"].check(VALID, "here")
    with pytest.raises(EvidenceError, match=f"here: .*{message}"):
        TABLES["predictions"].check(spoil(VALID.astype({"p_mel": float})), "here")


def test_metadata_that_looks_like_a_probability_is_no_class() -> None:
    TABLES["predictions"].check(VALID.assign(p_stage=["II", "III"]), "here")
