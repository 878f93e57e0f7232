"""Shortcuts: each picture differs where it should and nowhere else; effects by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.errors import EvidenceError, FairnessError
from dermaviz.fairness.effects import (
    BACKGROUND_ONLY,
    CLEAN,
    CONTROLS,
    IN_SKIN_COLOUR,
    LESION_ONLY,
    SHORTCUTS,
    VARIANTS,
    shortcut_effects,
    shortcut_variants,
)
from dermaviz.fairness.skin_tone import skin_colour
from dermaviz.synthetic import Parameters, draw, draw_layer

LESION = draw(Parameters(dx="nv", seed=3, size=96))
MADE = shortcut_variants(LESION.image, LESION.mask, 7)


def test_every_variant_is_there_in_order_and_the_photo_is_not_changed() -> None:
    before = LESION.image.copy()
    again = shortcut_variants(LESION.image, LESION.mask, 7)
    assert tuple(again) == VARIANTS
    assert all(np.array_equal(again[name], MADE[name]) for name in VARIANTS)
    assert all(one.dtype == np.uint8 and one.shape == LESION.image.shape for one in MADE.values())
    assert np.array_equal(LESION.image, before)
    other = shortcut_variants(LESION.image, LESION.mask, 8)
    assert not np.array_equal(other["hair"], MADE["hair"])


@pytest.mark.parametrize("name", SHORTCUTS)
def test_a_shortcut_and_its_control_touch_the_same_places(name: str) -> None:
    touched = draw_layer(SHORTCUTS[name], 96, 96, seed=7).mask
    for variant in (name, name + IN_SKIN_COLOUR):
        changed = (MADE[variant] != LESION.image).any(axis=-1)
        assert changed.any()
        assert not changed[~touched].any()
    skin = skin_colour(LESION.image, LESION.mask).astype(float)
    opaque = draw_layer(SHORTCUTS[name], 96, 96, seed=7).opacity > 0.85
    if opaque.any():
        left = np.abs(MADE[name + IN_SKIN_COLOUR][opaque] - skin).mean()
        assert left < 0.25 * np.abs(MADE[name][opaque] - skin).mean()


def test_lesion_only_and_background_only_part_the_picture() -> None:
    skin = skin_colour(LESION.image, LESION.mask)
    assert np.array_equal(MADE[LESION_ONLY][LESION.mask], LESION.image[LESION.mask])
    assert (MADE[LESION_ONLY][~LESION.mask] == skin).all()
    changed = (MADE[BACKGROUND_ONLY] != LESION.image).any(axis=-1)
    assert changed[LESION.mask].mean() > 0.95
    assert changed[~LESION.mask].mean() < 0.4  # the margin
    filled, was = (
        np.abs(one[LESION.mask].astype(float) - skin).mean() for one in (MADE[BACKGROUND_ONLY], LESION.image)
    )
    assert filled < 0.3 * was


def test_a_lesion_that_fills_the_picture_leaves_one_colour() -> None:
    made = shortcut_variants(LESION.image, np.ones((96, 96), dtype=bool), 7)
    median = np.median(LESION.image.reshape(-1, 3), axis=0).astype(np.uint8)
    assert (made[BACKGROUND_ONLY] == median).all()
    assert np.array_equal(made[LESION_ONLY], LESION.image)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(FairnessError, match=r"found uint8 \[96, 96, 3\] and bool \[90, 96\]"):
        shortcut_variants(LESION.image, np.zeros((90, 96), dtype=bool), 0)


CLASSES = ("mel", "nv")
PREDICTIONS = pd.DataFrame({"image_id": list("abcd"), "lesion_id": list("1223"), "dx": ["mel", "nv", "nv", "nv"]})
P_MELANOMA = {
    CLEAN: (0.9, 0.2, 0.4, 0.1),
    "ruler": (0.9, 0.6, 0.8, 0.1),
    "ruler" + IN_SKIN_COLOUR: (0.9, 0.3, 0.4, 0.1),
    LESION_ONLY: (0.3, 0.2, 0.4, 0.1),
}


def table() -> pd.DataFrame:
    rows = [
        {"image_id": image, "variant": variant, "p_mel": p, "p_nv": 1 - p}
        for variant, ps in P_MELANOMA.items()
        for image, p in zip("abcd", ps, strict=True)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def figure(found: pd.DataFrame, variant: str, metric: str) -> pd.Series:
    return found[(found["variant"] == variant) & (found["metric"] == metric)].iloc[0]


@pytest.mark.parametrize(
    ("variant", "metric", "value", "beyond"),
    [
        ("ruler", "p_positive_change", 0.2, 0.175),  # (0 + .4 + .4 + 0) / 4, and the control's .1 / 4
        ("ruler", "p_malignant_change", 0.2, 0.175),
        ("ruler", "flips", 0.5, 0.5),
        ("ruler", "flips_to_malignant", 0.5, 0.5),
        ("ruler", "flips_to_benign", 0.0, 0.0),
        ("ruler", "accuracy", 0.5, -0.5),
        ("ruler", "accuracy_change", -0.5, -0.5),
        ("ruler", "balanced_accuracy", (1 + 1 / 3) / 2, -1 / 3),
        ("ruler", "balanced_accuracy_change", -1 / 3, -1 / 3),
        (LESION_ONLY, "p_positive_change", -0.15, np.nan),
        (LESION_ONLY, "flips_to_benign", 0.25, np.nan),
        (LESION_ONLY, "balanced_accuracy", 0.5, np.nan),
    ],
)
def test_effects_by_hand(variant: str, metric: str, value: float, beyond: float) -> None:
    found = figure(shortcut_effects(table(), PREDICTIONS, CLASSES, {"mel"}), variant, metric)
    assert found["value"] == pytest.approx(value)
    assert found["beyond"] == pytest.approx(beyond, nan_ok=True)
    assert (found["n_images"], found["n_clusters"]) == (4, 3)


def test_intervals_hold_the_images_of_a_lesion_together() -> None:
    """Of lesions 1, 2, 2, 3 only lesion 2 flips: a draw has 0 to 3 of it, so its shares run from 0 to 1."""
    found = figure(shortcut_effects(table(), PREDICTIONS, CLASSES, {"mel"}), "ruler", "flips")
    assert (found["low"], found["high"]) == (0, 1)  # (2/3)³ of the draws have none of it, 1/27 nothing else


def test_a_cohort_of_predictions_is_that_cohort_and_no_malignant_class_no_figure_of_it() -> None:
    found = shortcut_effects(table(), PREDICTIONS.iloc[1:3], CLASSES, frozenset())
    assert figure(found, "ruler", "flips")["value"] == 1
    assert set(found["metric"]) == {
        "p_positive_change",
        "flips",
        "accuracy",
        "accuracy_change",
        "balanced_accuracy",
        "balanced_accuracy_change",
    }


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.iloc[1:], "once as it is and once under each of 3 conditions, found 15 rows"),
        (lambda rows: pd.concat([rows, rows.iloc[:1]]), "found 17 rows"),
        (lambda rows: rows.drop(columns="p_nv"), "found p_nv missing"),
    ],
)
def test_evidence_that_is_not_whole_is_refused(spoil, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        shortcut_effects(spoil(table()), PREDICTIONS, CLASSES, {"mel"})


def test_controls_are_named_after_what_they_control() -> None:
    assert tuple(f"{name} in skin colour" for name in SHORTCUTS) == CONTROLS
