"""What the skin-tone page asks of evidence: groups, outcomes, maps and means, on images whose answers are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermaviz.app.attention.looking import looking
from dermaviz.app.checkpoints import Checkpoint, audited, one_each
from dermaviz.app.skin_tone import question as measured
from dermaviz.app.skin_tone.along_tone import ALARMED, FOUND, RIGHT, outcome_of, trend_steps
from dermaviz.app.skin_tone.question import (
    ToneAsk,
    enough,
    groupings,
    groups_of,
    mean_by_group,
    names_of,
    positives,
    wanted,
)
from dermaviz.app.text import in_order
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import TONE_GROUP
from dermaviz.evidence.store import read_evidence, write_evidence
from tests.app.conftest import OWN

IDS = ["ISIC_1", "ISIC_2", "ISIC_3", "ISIC_4"]


@pytest.fixture
def toned(audit: Callable[..., Checkpoint]) -> Checkpoint:
    """The audited checkpoint with the ITA of its images and their maps: the second looks elsewhere, the fourth has no map."""
    checkpoint = audit()
    sha = checkpoint.card.answers_sha256
    source = read_evidence(checkpoint.folder, "predictions", OWN, checkpoint_sha256=sha).manifest.source
    ita = [60.0, 45.0, np.nan, 20.0]
    tone = pd.DataFrame({"image_id": IDS, "ita": ita, "ita_clusters": ita, "ita_constancy": ita, "tone_group": ""})
    tone = tone.assign(mask="true", b=1.0, excluded="")
    maps = {"energy": [0.5, 0.125, 0.25, np.nan], "energy_centre": 0.375, "lesion_area": 0.25, "status": "ok"}
    maps |= {"predicted": "mel", "method": "gradcam++", "mask": "true", "energy_random": 0.25}
    write_evidence(checkpoint.folder, tone, replace(source, table="tone"), {})
    write_evidence(checkpoint.folder, pd.DataFrame({"image_id": IDS, **maps}), replace(source, table="attention"), {})
    return checkpoint


def test_photos_are_told_apart_by_what_was_measured(audit: Callable[..., Checkpoint], toned: Checkpoint) -> None:
    assert list(groupings(audited(toned))) == [TONE_GROUP, "age", "sex", "localization"]
    assert list(groupings(audited(audit("second")))) == ["age", "sex", "localization"]


def test_groups_follow_the_cuts(toned: Checkpoint) -> None:
    ask = ToneAsk(audited(toned), TONE_GROUP)
    assert groups_of(ask) == ["very light", "light", "", "tan"]
    moved = replace(ask, cuts=(62.0, 50.0, 40.0, 15.0, -30.0))
    assert groups_of(moved) == ["light", "intermediate", "", "tan"]
    assert len({ask.key, moved.key, replace(ask, estimator="ita_clusters").key, replace(ask, threshold=0.1).key}) == 4
    assert names_of(ask, groups_of(ask)) == ["very light", "light", "tan"]


def test_tables_follow_the_images_and_count_those_without(toned: Checkpoint) -> None:
    whole = audited(toned)
    assert one_each(whole.take(np.array([3, 0])), "tone")["ita"].tolist() == [20.0, 60.0]
    other = replace(whole, key="of others", table=whole.table.assign(image_id=[*IDS[:3], "ISIC_9"]))
    with pytest.raises(EvidenceError, match="found 1 images without"):
        one_each(other, "tone")


def test_what_is_looked_for_is_a_class_or_all_malignant_ones(toned: Checkpoint) -> None:
    assert list(positives(toned.card))[:2] == ["mel", "malignant"]
    ask = ToneAsk(audited(toned), "sex")
    assert wanted(ask).tolist() == [True, True, False, False]
    assert wanted(replace(ask, positive="nv")).tolist() == [False, False, True, True]
    assert wanted(replace(ask, positive="malignant")).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("outcome", "ids", "happened"),
    [
        (RIGHT, IDS, [True, False, False, True]),
        (FOUND, IDS[:2], [True, False]),
        (ALARMED, IDS[2:], [True, False]),
    ],
)
def test_an_outcome_can_happen_only_to_its_images(
    toned: Checkpoint, outcome: str, ids: list[str], happened: list[bool]
) -> None:
    images, found = outcome_of(ToneAsk(audited(toned), TONE_GROUP), outcome)
    assert images.table["image_id"].tolist() == ids
    assert found.tolist() == happened


def test_steps_of_a_trend_hold_every_image_with_an_estimate_once(
    toned: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "FEWEST", 1)
    steps = trend_steps(ToneAsk(audited(toned), TONE_GROUP), RIGHT)
    assert steps["ita"].tolist() == [20.0, 45.0, 60.0]
    assert steps["value"].tolist() == [1.0, 0.0, 1.0]
    assert steps["n_images"].tolist() == [1, 1, 1]


def test_looking_is_energy_over_the_lesions_area(toned: Checkpoint) -> None:
    seen = looking(audited(toned))
    np.testing.assert_allclose(seen["ratio"], [2, 0.5, 1, np.nan])
    np.testing.assert_allclose(seen["ratio_centre"], 1.5)
    assert seen["right"].tolist() == [True, False, False, True]


def test_a_mean_by_group_leaves_out_what_is_unknown(toned: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = {"all": np.ones(4, dtype=bool), "last": np.array([False, False, False, True])}
    table = mean_by_group(audited(toned), np.array([1.0, 2.0, 6.0, np.nan]), masks).set_index("label")
    assert table.loc["all", ["n_images", "n_clusters"]].tolist() == [3, 3]
    assert np.isnan(table.loc["all", ["value", "low", "high"]].tolist()).all()  # three lesions are too few for a figure
    assert table.loc["last", "n_images"] == 0
    assert np.isnan(table.loc["last", "value"])
    monkeypatch.setattr(measured, "FEWEST", 3)
    bounded = mean_by_group(audited(toned), np.array([1.0, 2.0, 6.0, np.nan]), masks).set_index("label").loc["all"]
    assert bounded["value"] == 3
    assert 1 <= bounded["low"] < 3 < bounded["high"] <= 6


def test_a_group_of_few_lesions_is_named_and_left_out(toned: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, everything = ToneAsk(audited(toned), "localization"), np.ones(4, dtype=bool)
    monkeypatch.setattr(measured, "FEWEST", 2)
    assert enough(ask, groups_of(ask), everything) == (["back"], {"face": 2})  # two images of one lesion
    assert enough(ask, groups_of(ask), np.array([True, False, False, True])) == ([], {"back": 1, "face": 1})


@pytest.mark.parametrize(
    ("column", "names", "order"),
    [
        (TONE_GROUP, ["dark", "tan", "", "very light", "tan"], ["very light", "tan", "dark", ""]),
        ("age", ["60 and over", "under 40", "60 and over"], ["under 40", "60 and over"]),
        ("sex", ["male", "female", "", "male", ""], ["male", "female", ""]),
        ("sex", {"male": 1, "female": 2}, ["female", "male"]),
    ],
)
def test_groups_stand_in_their_own_order_or_by_size(column: str, names: list[str], order: list[str]) -> None:
    assert in_order(names, column) == order
