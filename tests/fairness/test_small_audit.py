"""A handful of photos: counts with exact intervals held against closed forms, and right answers that looked elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from dermaviz.explain.attention import explain
from dermaviz.explain.localisation import localise
from dermaviz.fairness.small_audit import (
    ALL,
    DIAGNOSIS,
    ELSEWHERE,
    LOOKED,
    LOOKING,
    NOT_KNOWN,
    OF_BENIGN,
    OF_MALIGNANT,
    ONLY_RIGHT,
    UNKNOWN,
    commonest,
    counts,
    counts_by,
    is_right,
    judged,
    kind,
    largest_difference,
    photos_needed,
    where_looked,
)
from dermaviz.models.card import Card
from dermaviz.models.classifier import Classifier
from dermaviz.synthetic import Parameters, draw

MALIGNANT = frozenset({"mel"})
NINE = pd.DataFrame(
    {
        "label": ["mel"] * 4 + ["nv"] * 5,
        "predicted": ["mel"] * 3 + ["nv"] * 6,
        "energy": [0.5, 0.5, 0.1, 0.1, 0.5, 0.1, math.nan, 0.1, 0.1],
        "lesion_area": [0.25] * 9,
        "tone": ["dark"] * 4 + ["light"] * 4 + [""],
    }
)


@pytest.fixture
def nine() -> pd.DataFrame:
    """Right on 8 of 9: 3 of 4 melanomas, 5 of 5 nevi; of the right ones 3 looked at the lesion, 4 elsewhere, 1 has no map."""
    return judged(NINE, MALIGNANT)


@pytest.mark.parametrize(
    ("label", "predicted", "right"),
    [("mel", "mel", True), ("mel", "nv", False), ("malignant", "mel", True), ("malignant", "nv", False), ("benign", "bkl", True)],
)  # fmt: skip
def test_an_answer_is_right_at_the_grain_of_its_label(label: str, predicted: str, right: bool) -> None:
    assert is_right(label, predicted, MALIGNANT) is right


def test_without_malignant_classes_nothing_is_of_a_kind() -> None:
    assert kind("nv", ()) == ""
    table = counts(judged(NINE, ()))
    assert set(table["label"]) == {ALL, LOOKED, ONLY_RIGHT}


@pytest.mark.parametrize(
    ("energy", "area", "where"),
    [
        (0.3, 0.25, LOOKING), (0.25, 0.25, ELSEWHERE), (0.0, 0.25, ELSEWHERE), (math.nan, 0.25, UNKNOWN),
        (math.nan, 0.0, UNKNOWN), (1.0, 1.0, UNKNOWN),
    ],
)  # fmt: skip
def test_where_it_looked_is_held_against_the_lesions_area(energy: float, area: float, where: str) -> None:
    assert where_looked(energy, area) == where


def test_eight_of_nine_has_the_exact_interval(nine: pd.DataFrame) -> None:
    table = counts(nine).set_index("label")
    assert table.loc[ALL, ["k", "n"]].tolist() == [8, 9]
    low, high = table.loc[ALL, ["low", "high"]]
    assert (round(low, 2), round(high, 2)) == (0.52, 1.0)
    assert sum(math.comb(9, i) * low**i * (1 - low) ** (9 - i) for i in (8, 9)) == pytest.approx(0.025)
    assert high**9 == pytest.approx(1 - 0.025)


def test_counts_by_hand(nine: pd.DataFrame) -> None:
    found = {label: (k, n) for label, k, n in counts(nine)[["label", "k", "n"]].itertuples(index=False)}
    assert found == {ALL: (8, 9), OF_MALIGNANT: (3, 4), OF_BENIGN: (5, 5), LOOKED: (3, 7), ONLY_RIGHT: (4, 7)}
    all_right = counts(nine).set_index("label").loc[OF_BENIGN]
    assert (all_right["low"], all_right["high"]) == pytest.approx((0.025 ** (1 / 5), 1))
    assert nine["flagged"].sum() == 4


def test_labels_of_two_grains_are_counted_apart_as_well() -> None:
    mixed = judged(NINE.assign(label=["mel", "malignant", "mel", "malignant", *["nv"] * 5]), MALIGNANT)
    found = {label: (k, n) for label, k, n in counts(mixed)[["label", "k", "n"]].itertuples(index=False)}
    assert (found[ALL], found[DIAGNOSIS], found[OF_MALIGNANT]) == ((8, 9), (7, 7), (3, 4))


def test_groups_keep_their_order_and_the_unknown_come_last(nine: pd.DataFrame) -> None:
    table = counts_by(nine, "tone", ("light", "tan", "dark"))
    assert table[["label", "k", "n"]].to_numpy().tolist() == [["light", 4, 4], ["dark", 3, 4], [NOT_KNOWN, 1, 1]]


def test_the_two_largest_groups_are_held_against_chance(nine: pd.DataFrame) -> None:
    found = largest_difference(counts_by(nine, "tone"))
    assert found is not None
    assert (found.names, found.right, found.n) == (("light", "dark"), (4, 3), (4, 4))
    assert found.p == pytest.approx(1)  # the one wrong answer of eight falls into either group alike
    assert largest_difference(counts_by(nine.assign(tone="dark"), "tone")) is None


def test_the_commonest_label_is_what_a_constant_answer_gets(nine: pd.DataFrame) -> None:
    assert commonest(nine) == ("nv", 5)


def test_photos_needed_to_tell_two_shares_apart() -> None:
    assert photos_needed(0.9, 0.8) == 199  # Fleiss's tables without continuity correction
    assert photos_needed(0.6, 0.5) == 388


class Cornered(nn.Module):
    """Tells two classes by the brightness of the picture's upper left corner, and by nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(8)
        self.evidence = nn.Conv2d(3, 2, 1)
        self.relu = nn.ReLU()
        with torch.no_grad():
            self.evidence.weight[:] = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
            self.evidence.bias.zero_()
        corner = torch.zeros(1, 1, 4, 4)
        corner[..., 0, 0] = 1
        self.register_buffer("corner", corner)

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(self.evidence(self.pool(images) * self.corner)).sum(dim=(2, 3))


def test_a_model_that_looks_at_a_corner_is_right_and_caught(make_card: Callable[..., Card]) -> None:
    card = make_card(classes=("mel", "nv"), attention_layer="relu", mean=(0.5,) * 3, std=(0.25,) * 3)
    model = Classifier(card, Cornered().eval().requires_grad_(False), torch.device("cpu"))
    rows = []
    for i in range(9):
        label = "mel" if i < 4 else "nv"
        drawn = draw(Parameters(dx=label, ita=(45, 10, -35)[i % 3], seed=i, size=64))
        pixels = drawn.image.copy()
        pixels[:16, :16] = 250 if label == "mel" else 5  # a corner that tells the class
        prepared = model.prepare(pixels)
        attended = explain(model, model.to_tensor([prepared]))[0]
        place = localise(attended, drawn.mask)
        rows.append((label, model.predict(prepared).diagnosis, place.energy, place.lesion_area))
    table = judged(pd.DataFrame(rows, columns=["label", "predicted", "energy", "lesion_area"]), MALIGNANT)
    assert table["right"].all()
    assert (table["looked"] == ELSEWHERE).all()
    assert table["flagged"].all()
    assert np.nanmax(table["energy"]) < 0.05
