"""Effects of counterfactual tones, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.fairness.counterfactual import tone_effects

CLASSES = ("mel", "nv")
PREDICTIONS = pd.DataFrame({"image_id": list("abc"), "lesion_id": list("123"), "dx": ["mel", "nv", "nv"]})
CONDITIONS = {  # p(melanoma), rank correlation and energy of images a and b
    ("clean", ""): ((0.9, 0.2), (1.0, 1.0), (0.6, 0.4)),
    ("melanin", "fixed"): ((0.7, 0.6), (0.8, 0.4), (0.5, np.nan)),
    ("control", "fixed"): ((0.8, 0.2), (0.9, 0.7), (0.6, 0.4)),
}
STARTS = {"a": 50.0, "b": 30.0}


@pytest.fixture
def table() -> pd.DataFrame:
    """Two images with a tone, and ``c`` without one."""
    rows = [
        {
            "image_id": image, "axis": axis, "lesion": lesion, "ita_from": start,
            "ita_to": 10.0 if lesion else start, "shift": 10.0 - start if lesion else 0.0,
            "p_mel": p[i], "p_nv": 1 - p[i], "rank_correlation": rank[i], "energy": energy[i],
        }
        for (axis, lesion), (p, rank, energy) in CONDITIONS.items()
        for i, (image, start) in enumerate(STARTS.items())
    ]  # fmt: skip
    unknown = {**rows[0], "image_id": "c", "ita_from": np.nan, "ita_to": np.nan, "shift": np.nan}
    return pd.DataFrame([unknown, *rows])


@pytest.mark.parametrize(
    ("metric", "value", "beyond"),
    [
        ("p_malignant_change", 0.1, 0.15),  # (−.2 + .4) / 2, and the control's −.1 / 2
        ("flips", 0.5, 0.5),
        ("rank_correlation", 0.6, -0.2),
        ("energy", 0.5, 0.0),  # image b's map shows nothing
        ("energy_change", -0.1, -0.1),
        ("balanced_accuracy", 0.5, -0.5),
    ],
)
def test_effects_by_hand(table: pd.DataFrame, metric: str, value: float, beyond: float) -> None:
    found = tone_effects(table, PREDICTIONS, CLASSES, {"mel"})
    row = found[(found["axis"] == "melanin") & (found["metric"] == metric)].iloc[0]
    assert row["value"] == pytest.approx(value)
    assert row["beyond"] == pytest.approx(beyond)
    assert (row["ita_to"], row["shift"], row["n_images"], row["lesion"]) == (10, -30, 2, "fixed")
    control = found[(found["axis"] == "control") & (found["metric"] == metric)].iloc[0]
    assert np.isnan(control["beyond"])
