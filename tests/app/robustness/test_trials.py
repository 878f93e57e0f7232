"""Evidence of attacks as the robustness page reads it: cohorts, σ of noise, smallest changes, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermaviz.app.checkpoints import Checkpoint, audited, one_each
from dermaviz.app.robustness.attacks import median_flips
from dermaviz.app.robustness.corruptions import noise_curve
from dermaviz.app.robustness.question import (
    BY_CLASS,
    TOGETHER,
    Ask,
    decline,
    first_size,
    group_masks,
    groupings,
    measures,
    trial,
    zero_gradients,
)
from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import read_evidence, write_evidence
from dermaviz.robustness.corruptions import CORRUPTIONS
from tests.app.conftest import OWN

IDS = ["ISIC_1", "ISIC_2", "ISIC_3", "ISIC_4"]


@pytest.fixture
def attacked(audit: Callable[..., Checkpoint]) -> Checkpoint:
    """The audited checkpoint, of which FGSM at 0.01 flips the first image and the last one has no gradient."""
    checkpoint = audit()
    sha = checkpoint.card.answers_sha256
    source = read_evidence(checkpoint.folder, "predictions", OWN, checkpoint_sha256=sha).manifest.source
    attacks = pd.DataFrame(
        {
            "image_id": IDS,
            "method": "fgsm",
            "epsilon": 0.01,
            "predicted": ["nv", "nv", "mel", "nv"],
            "p_true": 0.5,
            "p_malignant": 0.5,
            "zero_gradient": [False, False, False, True],
        }
    )
    flips = pd.DataFrame(
        {
            "image_id": IDS,
            "flip_epsilon": [0.01, 0.0, 0.0, np.inf],
            "flipped_to": "nv",
            "zero_gradient": False,
            "cap": 0.05,
        }
    )
    write_evidence(checkpoint.folder, attacks, replace(source, table="attacks"), {})
    write_evidence(checkpoint.folder, flips, replace(source, table="flips"), {})
    return checkpoint


def test_accuracy_under_attack_is_counted_by_hand(attacked: Checkpoint) -> None:
    images = trial(audited(attacked), "attacks")
    assert images.answers.clean.tolist() == [True, False, False, True]
    table = measures(attacked.card)["accuracy"].rows(decline(images))
    assert table["n_images"].tolist() == [4, 4]
    assert table["value"].isna().all(), "four images are too few for a figure"
    assert zero_gradients(images) == 1


def test_what_is_chosen_from_the_images_has_figures_of_its_own(attacked: Checkpoint) -> None:
    whole = audited(attacked)
    some = whole.take(np.array([True, False, False, False]))
    assert trial(some, "attacks").key != trial(whole, "attacks").key
    assert zero_gradients(trial(some, "attacks")) == 0


def test_the_smallest_changes_stand_in_the_order_of_the_images(attacked: Checkpoint) -> None:
    whole = audited(attacked)
    some = whole.take(np.array([3, 0]))
    assert one_each(some, "flips")["flip_epsilon"].tolist() == [np.inf, 0.01]
    table = median_flips(whole, {"all": np.ones(4, dtype=bool), "first": np.array([True, False, False, False])})
    assert table[["label", "n", "n_images"]].to_numpy().tolist() == [["all", 2, 4], ["first", 1, 1]]
    assert table["value"].tolist() == [np.inf, 0.01]


def test_a_missing_table_names_its_command(attacked: Checkpoint) -> None:
    with pytest.raises(EvidenceError, match="--as ham10000 --split test --table corruptions`"):
        trial(audited(attacked), "corruptions")


def test_sigma_joins_faint_and_strong_noise_into_one_axis() -> None:
    rows = [
        {"corruption": name, "severity": float(severity), "value": 0.5}
        for name in ("gaussian_noise", "faint_noise", "jpeg")
        for severity in range(6)
    ]
    found = noise_curve(pd.DataFrame(rows))
    sizes = [0.0, *CORRUPTIONS["faint_noise"].values, *CORRUPTIONS["gaussian_noise"].values]
    assert found["sigma"].tolist() == sorted(sizes)


def test_what_photos_are_told_apart_by_is_what_their_metadata_has(attacked: Checkpoint) -> None:
    whole = audited(attacked)
    assert list(groupings(whole)) == [TOGETHER, BY_CLASS, "age", "sex", "localization", "dx_type"]
    masks = group_masks(whole, "sex")
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"female": 2, "male": 1}
    assert int(group_masks(whole, BY_CLASS)["melanoma"].sum()) == 2


def test_the_constant_answer_is_that_of_the_images(attacked: Checkpoint) -> None:
    whole = audited(attacked).take(np.array([0, 2, 3]))
    offered = measures(attacked.card)
    ask = Ask(whole, offered["accuracy"], TOGETHER, None)
    assert ask.constant == (pytest.approx(2 / 3), "always “nv”")
    assert replace(ask, measure=offered["balanced accuracy"]).constant == (0.5, "always “nv”")
    assert replace(ask, measure=offered["melanoma sensitivity"]).constant is None
    assert list(offered)[:3] == ["balanced accuracy", "accuracy", "melanoma sensitivity"]


def test_a_method_that_begins_later_than_others_is_told() -> None:
    conditions = pd.DataFrame({"method": ["fgsm", "fgsm", "pgd"], "epsilon": [0.001, 0.01, 0.01]})
    assert first_size(conditions, "pgd") == 0.01
    assert first_size(conditions, "fgsm") is None
