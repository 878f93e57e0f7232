"""Which images an audit is of: names that folders may bear, the order of data sets, and groups of classes in tables."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from dermaviz.errors import EvidenceError
from dermaviz.evidence.images import images_to_audit
from dermaviz.evidence.predictions import data_sets, in_groups
from dermaviz.evidence.store import DataSplit, Source, as_name, write_evidence
from dermaviz.models.card import DEFAULT_CHECKPOINT, Checkpoint, read_card

SHIPPED = Path(__file__).parents[2] / "checkpoints" / "ham10000-lenet"


@pytest.mark.parametrize("name", ["..", "../../../x", "a/b", "", ".hidden", "a\\b", "/etc", "x" * 101, "a b", "a\n"])
def test_a_name_that_could_lie_outside_is_refused(name: str) -> None:
    for of in ((name, "test"), ("mine", name)):
        with pytest.raises(EvidenceError, match=r"expected a name for the .* of letters, digits"):
            DataSplit(*of)


@pytest.mark.parametrize("text", ["My photos (2)", "../..", "  ", "café", "a/b\\c", "x" * 300, "...hidden"])
def test_any_folders_name_gives_one_that_may_be(text: str) -> None:
    assert DataSplit(as_name(text), "all")


def test_data_sets_stand_in_order_and_only_with_finished_predictions(tmp_path: Path) -> None:
    card = read_card(SHIPPED / "card.json")
    rows = pd.DataFrame(
        {"image_id": ["a"], "lesion_id": ["a"], "dx": ["benign"], "p_benign": [1.0], "p_malignant": [0.0]}
    )
    many = pd.concat([rows, rows.assign(image_id="b")])
    for name, split, table in (
        ("z", "validation", rows),
        ("z", "test", many),
        ("y", "val", many),
        ("ham10000", "validation", rows),
        ("b", "all", rows),
        ("a", "all", pd.concat([many] * 3).assign(dx_type="drawn")),
        ("ham10000", "test", rows),
    ):
        write_evidence(tmp_path, table, Source("predictions", name, split, card.answers_sha256, ""), {})
    write_evidence(tmp_path, rows.assign(tone_group=""), Source("other", "c", "all", card.answers_sha256, ""), {})
    (tmp_path / "evidence" / "z" / "validation" / "predictions.json").unlink()
    (tmp_path / "evidence" / "b c" / "x y").mkdir(parents=True)
    (tmp_path / "evidence" / "b c" / "x y" / "predictions.json").write_text("{}")
    found = [str(of) for of in data_sets(Checkpoint(tmp_path, card))]
    assert found == ["ham10000/test", "z/test", "b/all", "y/val", "a/all", "ham10000/validation"]
    (tmp_path / "evidence" / "z" / "test" / "predictions.parquet").write_bytes(b"no table")
    found = [str(of) for of in data_sets(Checkpoint(tmp_path, card))]
    assert found[:3] == ["ham10000/test", "b/all", "z/test"], "a damaged table is last of its kind, and listed"


def test_tables_of_classes_are_summed_into_groups() -> None:
    table = pd.DataFrame(
        {"predicted": ["a", "c"], "p_a": [0.5, 0.0], "p_b": [0.25, 0.0], "p_c": [0.25, 1.0], "p_true": 1.0}
    )
    groups = {"low": ["a", "c"], "b": ["b"]}
    found = in_groups(table, groups)
    assert found["predicted"].tolist() == ["low", "low"]
    assert found[["p_low", "p_b"]].to_numpy().tolist() == [[0.75, 0.25], [1.0, 0.0]]
    assert set(found) == {"predicted", "p_low", "p_b", "p_true"}
    pd.testing.assert_frame_equal(in_groups(found, groups), found)


def test_uda1_is_read_by_its_shipped_column_labels_and_halves() -> None:
    """Two of its photographs have no diagnosis: the shipped map names the column that all have."""
    root = os.environ.get("DERMAVIZ_DATA", "")
    if not (Path(root) / "isic-uda1" / "metadata.csv").is_file():
        pytest.skip("needs isic-uda1 under DERMAVIZ_DATA")
    card = read_card(SHIPPED.parent / DEFAULT_CHECKPOINT / "card.json")
    half, other = (images_to_audit(card, Path(root) / "isic-uda1", split) for split in ("", "validation"))
    assert [str(one.of) for one in (half, other)] == ["isic-uda1/test", "isic-uda1/validation"]
    assert (len(half.dataset), len(other.dataset), half.groups) == (278, 279, {})
    assert half.dataset.counts()["mel"] + other.dataset.counts()["mel"] == 159
    assert half.dataset.counts()["nv"] + other.dataset.counts()["nv"] == 398
    own = images_to_audit(card, Path(root))
    assert (str(own.of), len(own.dataset)) == ("ham10000/test", 2001)
