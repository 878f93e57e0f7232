"""What an audit of a few photos says: counts with exact intervals, who is left out, and what so few cannot say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dermaviz.app.skin_tone.own_images import (
    Found,
    cannot_say,
    degrees,
    difference_sentence,
    left_out_sentences,
    summary_sentence,
    tone_sentence,
)
from dermaviz.app.text import escaped
from dermaviz.fairness.looking import Difference, counts, judged
from dermaviz.models.card import Card

MALIGNANT = frozenset({"mel"})


def audit(right: int, looking: int, unknown: int = 0) -> pd.DataFrame:
    """Nine photos of nevi, so many right; of the right ones the first look at the lesion, the last cannot be said."""
    energy = np.where(np.arange(9) < looking, 0.5, 0.1)
    energy[right - unknown : right] = math.nan
    called = ["nv" if i < right else "mel" for i in range(9)]
    return judged(
        pd.DataFrame({"label": "nv", "predicted": called, "energy": energy, "lesion_area": 0.25, "lesion_id": ""}),
        MALIGNANT,
    )


@pytest.mark.parametrize(
    ("photos", "said"),
    [
        (audit(8, 8), "8 of 9** photos: 0.89, exact 95% interval **0.52 to 1.00**. Every right answer looked at the lesion."),
        (audit(8, 5), "**0.52 to 1.00**. **3 of the 8 right answers did not look at the lesion.**"),
        (audit(8, 0), "**Not one of the right answers looked at the lesion.**"),
        (audit(8, 5, 1), "**2 of the 8 right answers did not look at the lesion.** For 1 of them it cannot be said."),
        (audit(8, 8, 1), "No right answer is known to look elsewhere. For 1 of them it cannot be said."),
        (audit(0, 0), "Right on **0 of 9** photos: 0.00, exact 95% interval **0.00 to 0.34**."),
    ],
)  # fmt: skip
def test_the_summary_counts_and_says_where_the_right_answers_looked(photos: pd.DataFrame, said: str) -> None:
    assert summary_sentence(photos, counts(photos)).endswith(said)


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Difference(("light", "dark"), (4, 4), (5, 5), 1.0), "light: 4 of 5 right; dark: 4 of 5. No difference here, but"),
        (Difference(("light", "dark"), (5, 3), (5, 5), 0.44), "at least this far apart in 44% of all cases"),
        (Difference(("light", "dark"), (20, 2), (20, 20), 1e-9), "in <1% of all cases (Fisher's exact test): worth a larger"),
    ],
)  # fmt: skip
def test_a_difference_is_held_against_chance(difference: Difference, said: str) -> None:
    assert said in difference_sentence(difference)


def test_what_so_few_photos_cannot_say_has_its_numbers(card: Card) -> None:
    photos = audit(8, 8).assign(lesion_id=["L1", "L1", *[""] * 7])
    said = "\n".join(cannot_say(card, photos, counts(photos), Difference(("light", "dark"), (5, 3), (5, 5), 0.44)))
    assert "8 of 9 fits a model that is right on 52% of such photos as well as one that is right on >99%." in said
    assert "Always answering melanocytic nevus would be right on 9 of 9." in said
    assert "To tell 90% right from 80% right, each group needs some 199 photos" in said
    assert "1 lesion has several photos here. They are not independent" in said
    assert "light: 5 of 5 right; dark: 3 of 5." in said


def test_whoever_is_left_out_is_named() -> None:
    found = Found((), (), {"x.jpg": "x.jpg: expected a whole picture, found a torn one."})
    assert left_out_sentences(found, ["a", "b"], [f"r{i}" for i in range(1000)], ["c"], ["d (a)"]) == [
        "2 photos do not look like a dermatoscopic image to the model, and are left out: a, b.",
        "1 photo without a row in the table is left out: c.",
        "1,000 rows of the table name no photo that is here: r0, r1, r2, r3 and 996 more.",
        "1 file under a second name is counted once: d (a).",
        "x.jpg: expected a whole picture, found a torn one.",
    ]
    assert left_out_sentences(Found((), (), {}), [], [], [], []) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"ita": -20.4, "tone_group": "brown", "tone_flags": "", "tone": ""}, "ITA −20°, brown"),
        ({"ita": 77, "tone_group": "light", "tone_flags": "b* ≤ 0", "tone": "V"}, "ITA 77°, light (b* ≤ 0); given: V"),
        ({"ita": math.nan, "tone_excluded": "too little skin", "tone": ""}, "Skin tone not measured: too little skin"),
    ],
)  # fmt: skip
def test_a_tone_comes_with_its_doubts(row: dict[str, object], said: str) -> None:
    assert tone_sentence(pd.Series(row)) == said


def test_names_of_strangers_are_no_markdown() -> None:
    assert escaped("a_b*[c]$d.jpg") == r"a_b\*\[c\]\$d.jpg"
    assert degrees(-0.4) == "0°"
