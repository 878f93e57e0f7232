"""Tests of evidence on disk: what is read is what was written, and nothing else passes for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dermaviz.errors import EvidenceError, MissingEvidenceError
from dermaviz.evidence.store import DataSplit, Source, has_evidence, read_evidence, table_path, write_evidence

SOURCE = Source("predictions", "ham10000", "test", "c" * 64, "d" * 64, {"epsilons": [0, 1]})
TEST = DataSplit("ham10000", "test")
TABLE = pd.DataFrame(
    {
        "image_id": ["ISIC_1", "ISIC_2"],
        "lesion_id": ["L1", "L1"],
        "dx": ["mel", "nv"],
        "age": ["", "50.0"],
        "p_mel": [0.1, 1e-300],
        "p_nv": [0.9, 1.0],
    }
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_evidence(tmp_path / "tiny", TABLE, SOURCE, {"seconds": 1})
    return tmp_path / "tiny"


def test_a_table_comes_back_as_it_was(checkpoint: Path) -> None:
    evidence = read_evidence(checkpoint, "predictions", TEST, checkpoint_sha256="c" * 64)
    pd.testing.assert_frame_equal(evidence.table, TABLE)
    assert evidence.manifest.source == SOURCE
    assert evidence.manifest.rows == 2
    path = checkpoint / "evidence" / "ham10000" / "test" / "predictions.parquet"
    assert evidence.manifest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    pd.testing.assert_frame_equal(pd.read_parquet(path), TABLE)  # any other program can read it


@pytest.mark.parametrize("kept", [0, 10, -1])
def test_a_file_cut_short_is_refused_with_its_name(checkpoint: Path, kept: int) -> None:
    path = table_path(checkpoint, "predictions", TEST)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        EvidenceError, match=r"evidence/ham10000/test/predictions\.parquet: expected sha256 .* cut short"
    ):
        read_evidence(checkpoint, "predictions", TEST, checkpoint_sha256="c" * 64)


def test_evidence_of_another_model_is_stale(checkpoint: Path) -> None:
    with pytest.raises(
        EvidenceError, match=r"predictions\.parquet: .*as it is now \(eeee.*It is stale.*dermaviz audit tiny"
    ):
        read_evidence(checkpoint, "predictions", TEST, checkpoint_sha256="e" * 64)


def test_other_malignant_classes_leave_what_does_not_depend_on_them(checkpoint: Path) -> None:
    """By what its manifest says was malignant, none where it says nothing; tables with sums and of groups are stale."""

    def read(made: dict[str, object], when: tuple[str, ...], table: str, parameters: dict[str, object]) -> int:
        """The rows that are read, if the model had the hash of the table while the classes ``when`` were malignant."""
        write_evidence(checkpoint, TABLE, replace(SOURCE, table=table, parameters=parameters), made)
        then = {when: "c" * 64}
        found = read_evidence(
            checkpoint, table, TEST, checkpoint_sha256="e" * 64, answers_when=lambda names: then.get(tuple(names), "")
        )
        return len(found.table)

    assert read({}, (), "predictions", {}) == read({"malignant": ["mel"]}, ("mel",), "predictions", {}) == 2
    with pytest.raises(EvidenceError, match="It is stale: other classes count as malignant now"):
        read({}, (), "attacks", {})
    cases: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"malignant": ["mel"]}, {}), ({"malignant": 3}, {}), ({}, {"labels": {"malignant": ["mel"]}}),
    ]  # fmt: skip
    for made, parameters in cases:
        with pytest.raises(EvidenceError, match="It is stale: weights, classes, those that count as malignant"):
            read(made, (), "predictions", parameters)


@pytest.mark.parametrize(("table", "split"), [("attacks", "test"), ("predictions", "validation")])
def test_absent_evidence_says_how_to_make_it(checkpoint: Path, table: str, split: str) -> None:
    of = DataSplit("ham10000", split)
    assert not has_evidence(checkpoint, table, of)
    with pytest.raises(EvidenceError, match=rf"audit tiny --data FOLDER --as ham10000 --split {split} --table {table}"):
        read_evidence(checkpoint, table, of, checkpoint_sha256="c" * 64)


def test_a_table_without_manifest_is_unfinished(checkpoint: Path) -> None:
    table_path(checkpoint, "predictions", TEST).with_suffix(".json").unlink()
    assert not has_evidence(checkpoint, "predictions", TEST)
    with pytest.raises(MissingEvidenceError, match="found none that is finished"):
        read_evidence(checkpoint, "predictions", TEST, checkpoint_sha256="c" * 64)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"source": {"table": "predictions"}, "rows": 1, "sha256": "0"}'])
def test_a_damaged_manifest_is_named(checkpoint: Path, content: str) -> None:
    path = table_path(checkpoint, "predictions", TEST).with_suffix(".json")
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"predictions\.json: expected (a manifest|JSON).*, found .*Delete"):
        read_evidence(checkpoint, "predictions", TEST, checkpoint_sha256="c" * 64)


@pytest.mark.parametrize(
    "changes",
    [{"checkpoint_sha256": "0"}, {"data_sha256": "0"}, {"parameters": {"epsilons": [0, 2]}}, {"split": "validation"}],
)
def test_every_part_of_the_source_is_in_its_address(changes: dict[str, object]) -> None:
    facts = {name: getattr(SOURCE, name) for name in SOURCE.__dataclass_fields__}
    assert Source(**facts).key == SOURCE.key
    assert Source(**{**facts, **changes}).key != SOURCE.key


def test_the_address_survives_the_way_through_the_manifest(checkpoint: Path) -> None:
    path = table_path(checkpoint, "predictions", TEST).with_suffix(".json")
    assert Source(**json.loads(path.read_text(encoding="utf-8"))["source"]).key == SOURCE.key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"p_mel": [-0.5, 1e-300], "p_nv": [1.5, 1.0]},
            r"probabilities in \[0, 1\].* 1 rows with others, first that of 'ISIC_1'",
        ),
        ({"p_mel": ["0.1", "0"]}, r"probabilities in \[0, 1\]"),
        ({"p_mel": [float("nan"), 0.0]}, r"probabilities in \[0, 1\]"),
        ({"p_mel": [float("inf"), 0.0]}, r"probabilities in \[0, 1\]"),
        ({"p_mel": [0.5, 0.5]}, r"sum to 1 in every row, found 2 rows"),
        ({"image_id": ["ISIC_1", "ISIC_1"]}, "no two the same image_id; found 0 without and 1 repeated"),
        ({"image_id": ["ISIC_1", None]}, "found 1 without"),
        ({"lesion_id": [None, "L1"]}, "found 1 without"),
        ({"dx": [1, 2]}, "expected text, found other values in dx"),
        ({"image_id": [1, 2]}, "found other values in image_id"),
        ({"p_mel": [True, False]}, r"probabilities in \[0, 1\]"),
    ],
)
def test_a_hash_that_matches_proves_nothing(tmp_path: Path, change: dict[str, list[object]], message: str) -> None:
    write_evidence(tmp_path, TABLE.assign(**change), SOURCE, {})
    with pytest.raises(EvidenceError, match=rf"predictions\.parquet: .*{message}"):
        read_evidence(tmp_path, "predictions", TEST, checkpoint_sha256="c" * 64)


def test_a_file_that_is_no_table_is_refused_though_its_hash_matches(checkpoint: Path) -> None:
    path = table_path(checkpoint, "predictions", TEST)
    path.write_bytes(b"PAR1 no table PAR1")
    manifest = path.with_suffix(".json")
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(EvidenceError, match="expected a Parquet table, found another file"):
        read_evidence(checkpoint, "predictions", TEST, checkpoint_sha256="c" * 64)
