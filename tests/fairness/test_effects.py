"""Paired effects: by hand, and with intervals of paired differences beside a bootstrap written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermaviz.fairness.counterfactual import tone_effects
from dermaviz.fairness.effects import IN_SKIN_COLOUR, shortcut_effects

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


def test_no_flip_of_two_lesions_is_no_certainty(table: pd.DataFrame) -> None:
    found = tone_effects(table, PREDICTIONS, CLASSES, {"mel"})
    row = found[(found["axis"] == "control") & (found["metric"] == "flips")].iloc[0]
    assert row[["value", "low", "high"]].tolist() == pytest.approx([0, 0, 1 - 0.025 ** (1 / 2)])
    change = found[(found["axis"] == "control") & (found["metric"] == "accuracy_change")].iloc[0]
    assert change[["value", "low", "high"]].tolist() == pytest.approx([0, -row["high"], row["high"]])


N, DRAWS = 240, 1000
KINDS = ("clean", "ruler", "ruler" + IN_SKIN_COLOUR)


@pytest.fixture(scope="module")
def ruled() -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """240 images of some 130 lesions that differ much from one another and little from themselves under a ruler.

    Returns:
        The evidence; labels ``[N]`` (0 is melanoma); lesions ``[N]``; p(melanoma) ``[N, 3]`` by ``KINDS``.
    """
    rng = np.random.default_rng(3)
    labels, lesions = rng.integers(0, 2, N), rng.integers(0, 130, N)
    clean = rng.uniform(0.05, 0.85, N)
    moved = rng.normal(0.05, 0.05, N)  # under the ruler and under its control alike
    p = np.column_stack([clean, clean + moved, clean + moved - rng.normal(0.03, 0.01, N)])
    rows = [(f"i{i}", kind, p[i, k], 1 - p[i, k]) for k, kind in enumerate(KINDS) for i in range(N)]
    return pd.DataFrame(rows, columns=["image_id", "variant", "p_mel", "p_nv"]), labels, lesions, p


def oracle(labels: np.ndarray, p: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of some rows under the ruler and under its control, as they are and as changes: ``[2]`` each."""
    right = (p >= 0.5) == (labels[:, None] == 0)
    balanced = (right[labels == 0].mean(0) + right[labels == 1].mean(0)) / 2
    return {
        "p_positive_change": p[:, 1:].mean(0) - p[:, 0].mean(),
        "accuracy": right[:, 1:].mean(0),
        "accuracy_change": right[:, 1:].mean(0) - right[:, 0].mean(),
        "balanced_accuracy_change": balanced[1:] - balanced[0],
    }


@pytest.fixture(scope="module")
def resampled(ruled) -> list[tuple[dict, dict]]:
    """Figures in draws of whole lesions, written out: two unrelated streams of draws side by side."""
    _, labels, lesions, p = ruled
    images = {lesion: np.flatnonzero(lesions == lesion) for lesion in np.unique(lesions)}
    rng = np.random.default_rng(1)

    def draw() -> dict[str, np.ndarray]:
        rows = np.concatenate([images[lesion] for lesion in rng.choice(list(images), len(images))])
        return oracle(labels[rows], p[rows])

    return [(draw(), draw()) for _ in range(DRAWS)]


@pytest.mark.parametrize("metric", ["p_positive_change", "accuracy_change", "balanced_accuracy_change"])
def test_an_interval_is_that_of_the_paired_difference(ruled, resampled, metric: str) -> None:
    """As wide as a paired bootstrap written out; a bootstrap that draws image and control apart is wider."""
    evidence, labels, lesions, _ = ruled
    images = pd.DataFrame({"image_id": evidence["image_id"][:N], "lesion_id": lesions, "dx": np.array(CLASSES)[labels]})
    found = shortcut_effects(evidence, images, CLASSES, {"mel"})
    row = found[(found["variant"] == "ruler") & (found["metric"] == metric)].iloc[0]

    def width(values: list[float]) -> float:
        return float(np.ptp(np.percentile(values, [2.5, 97.5])))

    own = width([one[metric][0] for one, _ in resampled])
    paired = width([one[metric][0] - one[metric][1] for one, _ in resampled])
    apart = width([one[metric][0] - other[metric][1] for one, other in resampled])
    assert row.high - row.low == pytest.approx(own, rel=0.1)
    assert row.beyond_high - row.beyond_low == pytest.approx(paired, rel=0.1)
    assert apart > 1.3 * paired


def test_a_change_is_of_the_same_draws_as_what_it_is_a_change_of(ruled) -> None:
    """The unpaired fault: accuracy under the ruler and on clean images from draws of their own would be wider than either."""
    evidence, labels, lesions, _ = ruled
    images = pd.DataFrame({"image_id": evidence["image_id"][:N], "lesion_id": lesions, "dx": np.array(CLASSES)[labels]})
    found = shortcut_effects(evidence, images, CLASSES, {"mel"}).set_index(["variant", "metric"])
    change, itself = (found.loc[("ruler", name)] for name in ("accuracy_change", "accuracy"))
    assert change.high - change.low < 0.8 * (itself.high - itself.low)
