"""Evidence as pages read it: whole or refused with its name, remembered until it changes, and never mixed up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dermaviz.app.checkpoints import Checkpoint, audited
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import TONE_GROUP, same_images, tone_note
from dermaviz.evidence.store import DataSplit


def test_labels_and_probabilities_stand_in_the_order_of_the_card(audit: Callable[..., Checkpoint]) -> None:
    found = audited(audit())
    assert found.table["image_id"].tolist() == ["ISIC_1", "ISIC_2", "ISIC_3", "ISIC_4"]
    assert found.labels.tolist() == [4, 4, 5, 5]
    assert found.probabilities[0].tolist() == [0, 0, 0, 0, 0.75, 0.25, 0]
    assert (len(found), found.counted) == (4, "4 images of 3 lesions")


def test_without_evidence_the_command_is_named(audit: Callable[..., Checkpoint]) -> None:
    with pytest.raises(EvidenceError, match=r"validation.predictions\.parquet.*`dermaviz audit first --data FOLDER"):
        audited(audit(), DataSplit("ham10000", "validation"))


def test_a_file_cut_short_is_refused_even_after_it_was_read_whole(audit: Callable[..., Checkpoint]) -> None:
    checkpoint = audit()
    audited(checkpoint)
    path = checkpoint.folder / "evidence" / "ham10000" / "test" / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EvidenceError, match=r"predictions\.parquet: expected sha256"):
        audited(checkpoint)


def test_evidence_of_another_model_is_stale(audit: Callable[..., Checkpoint]) -> None:
    with pytest.raises(EvidenceError, match="stale"):
        audited(audit(model="another"))


def test_other_rows_have_another_key(audit: Callable[..., Checkpoint]) -> None:
    whole = audited(audit())
    some, same = whole.take(np.array([True, True, False, False])), whole.take(np.array([0, 1]))
    assert whole.take(np.ones(4, dtype=bool)).key == whole.key
    assert len({whole.key, some.key, same.key}) == 3
    assert some.table["image_id"].tolist() == same.table["image_id"].tolist() == ["ISIC_1", "ISIC_2"]
    assert some.labels.tolist() == [4, 4]


def test_tone_groups_join_where_they_were_measured(audit: Callable[..., Checkpoint]) -> None:
    tones = {"ISIC_2": "light", "ISIC_4": "very light"}
    assert audited(audit(tones=tones)).table[TONE_GROUP].tolist() == ["", "light", "", "very light"]


def test_damaged_tone_evidence_costs_a_note_and_nothing_else(audit: Callable[..., Checkpoint]) -> None:
    checkpoint = audit(tones={"ISIC_2": "light"})
    assert tone_note(checkpoint) is None
    path = checkpoint.folder / "evidence" / "ham10000" / "test" / "tone.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    assert "tone.parquet: expected sha256" in str(tone_note(checkpoint))
    assert TONE_GROUP not in audited(checkpoint).table


def test_two_checkpoints_are_compared_on_the_images_of_both(audit: Callable[..., Checkpoint]) -> None:
    first, second = audited(audit()), audited(audit("second", rows=[3, 1]))
    one, other = same_images(first, second)
    assert one.table["image_id"].tolist() == other.table["image_id"].tolist() == ["ISIC_2", "ISIC_4"]


def test_checkpoints_without_shared_images_are_not_compared(audit: Callable[..., Checkpoint]) -> None:
    first, second = audited(audit()), audited(audit("second"))
    with pytest.raises(EvidenceError, match="found 0 shared ones"):
        same_images(first.take(np.array([0])), second.take(np.array([1])))
