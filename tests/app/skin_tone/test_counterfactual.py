"""One photo on other skin: nothing changes without a shift, the truth is drawn where it can be, and what is said of it."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermaviz.app.case import Photo, ask, drawn_photo, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint, classifier
from dermaviz.app.skin_tone.other_skin import (
    REDRAWN,
    STEP,
    OtherSkin,
    Picture,
    Shift,
    beside_sentence,
    curve,
    curve_sentence,
    measured_sentence,
    other_skin,
    outcome_sentence,
    score,
)
from dermaviz.app.skin_tone.own_images import lesion_of
from dermaviz.errors import FairnessError
from dermaviz.fairness.skin_tone import Tone
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.synthetic import Parameters, draw

SHIFT = Shift(45.0, -20.0, "fixed")


@pytest.fixture
def photo(checkpoint: Checkpoint) -> Photo:
    return drawn_photo("drawn", Parameters(ita=45.0, size=checkpoint.card.input_size))


def made(photo: Photo, checkpoint: Checkpoint, shift: Shift) -> OtherSkin:
    return other_skin(ask(photo, checkpoint), shift)


@pytest.mark.parametrize("lesion", ["fixed", "re-pigmented"])
def test_without_a_shift_every_picture_is_the_original(photo: Photo, checkpoint: Checkpoint, lesion: str) -> None:
    found = made(photo, checkpoint, Shift(45.0, 45.0, lesion))  # type: ignore[arg-type]
    assert set(found.shifted) == {"melanin", "control", REDRAWN}
    for seen in found.shifted.values():
        assert np.array_equal(seen.pixels, found.original.pixels)
        np.testing.assert_allclose(seen.prediction.probabilities, found.original.prediction.probabilities, rtol=1e-5)


def test_other_skin_is_darker_and_keeps_the_lesion_where_it_is_kept(photo: Photo, checkpoint: Checkpoint) -> None:
    mask = lesion_of(ask(photo, checkpoint)).mask
    found = made(photo, checkpoint, SHIFT)
    before, after = (seen.pixels.astype(float) for seen in (found.original, found.shifted["melanin"]))
    assert after[~mask].mean() < before[~mask].mean() - 20
    rows, columns = np.nonzero(mask)
    middle = int(np.median(rows)), int(np.median(columns))
    assert np.array_equal(after[middle], before[middle])
    again = made(photo, checkpoint, replace(SHIFT, lesion="re-pigmented"))
    assert (again.shifted["melanin"].pixels[middle].astype(float) < before[middle]).any()
    assert made(photo, checkpoint, SHIFT) is found


def test_the_truth_is_the_same_lesion_drawn_at_that_tone(photo: Photo, checkpoint: Checkpoint) -> None:
    truth = made(photo, checkpoint, SHIFT).shifted[REDRAWN]
    side = checkpoint.card.input_size
    assert np.array_equal(truth.pixels, draw(Parameters(ita=-20.0, size=side)).image)
    said = classifier(checkpoint).predict(truth.pixels)
    np.testing.assert_allclose(truth.prediction.probabilities, said.probabilities, rtol=1e-5)


def test_every_picture_has_the_maps_of_the_originals_answer_and_of_its_own(
    photo: Photo, checkpoint: Checkpoint
) -> None:
    found = made(photo, checkpoint, SHIFT)
    for seen in (found.original, *found.shifted.values()):
        assert set(seen.maps) == {found.original.prediction.index, seen.prediction.index}


def test_the_curve_runs_over_all_tones_through_the_photo_as_it_is(photo: Photo, checkpoint: Checkpoint) -> None:
    case = ask(photo, checkpoint)
    table = curve(case, 43.5, "fixed")
    tones = sorted({*range(-60, 71, STEP), 43.5})
    for axis in ("melanin", "control", REDRAWN):
        assert table.loc[table["axis"] == axis, "ita"].tolist() == tones
    here = table[(table["ita"] == 43.5) & (table["axis"] != REDRAWN)]
    np.testing.assert_allclose(here["p_malignant"], case.answer.p_malignant, rtol=1e-4)
    np.testing.assert_allclose(here["p_answer"], case.answer.confidence, rtol=1e-4)
    assert curve(case, 43.5, "fixed") is table


def test_of_a_photo_nobody_knows_the_truth(checkpoint: Checkpoint) -> None:
    file = io.BytesIO()
    Image.fromarray(draw(Parameters(size=96)).image).save(file, "PNG")
    photo = uploaded_photo("photo.png", file.getvalue())
    assert set(made(photo, checkpoint, SHIFT).shifted) == {"melanin", "control"}


def test_a_shift_that_starts_nowhere_is_refused(photo: Photo, checkpoint: Checkpoint) -> None:
    with pytest.raises(FairnessError, match="a known one to start from"):
        made(photo, checkpoint, Shift(math.nan, 0.0, "fixed"))


def prediction(card: Card, dx: str, p_malignant: float) -> Prediction:
    values = dict.fromkeys(card.classes, 0.0) | {
        "mel": p_malignant,
        dx: 1 - p_malignant if dx != "mel" else p_malignant,
    }
    return Prediction(card.classes, np.array(list(values.values()), dtype=np.float32), frozenset(card.malignant))


def outcome(card: Card, tone: Prediction, truth: Prediction | None = None) -> OtherSkin:
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    shifted = {"melanin": tone, "control": prediction(card, "nv", 0.2)} | ({REDRAWN: truth} if truth else {})
    first = Picture(pixels, prediction(card, "nv", 0.125), {})
    return OtherSkin(first, {axis: Picture(pixels, said, {}) for axis, said in shifted.items()})


def test_the_sentences_say_what_changed_and_what_the_control_did(card: Card) -> None:
    said = outcome_sentence(card, outcome(card, prediction(card, "mel", 0.75)), SHIFT)
    assert said == (
        "On ITA −20° (brown), the answer **melanocytic nevus (88%)** turns into **melanoma (75%)**; the probability of "
        "malignancy goes from 12% to **75%**."
    )
    stayed = outcome(card, prediction(card, "nv", 0.25), prediction(card, "nv", 0.25))
    assert "the answer **melanocytic nevus (88%)** stays;" in outcome_sentence(card, stayed, SHIFT)
    assert beside_sentence(card, stayed) == (
        "Control of the same size: melanocytic nevus (80%); the probability of malignancy changes by +8 points. Drawn at that "
        "tone: melanocytic nevus (75%), probability of malignancy 25%."
    )
    none = outcome_sentence(card, outcome(card, prediction(card, "nv", 0.125)), replace(SHIFT, to_ita=45.0))
    assert none.startswith("Without a shift nothing is changed: **melanocytic nevus (88%)**")


def test_where_no_class_is_malignant_the_answers_own_probability_counts(card: Card) -> None:
    first = replace(prediction(card, "nv", 0.25), malignant=frozenset())
    assert score(first, first) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("control", "said"),
    [((0.2, 0.25), "with the control, between 20% and 25%."), ((0.1, 0.9), "sensitivity to colour, not to tone")],
)
def test_the_curve_is_held_against_its_control(control: tuple[float, float], said: str) -> None:
    rows = pd.DataFrame(
        {"axis": ["melanin"] * 2 + ["control"] * 2, "ita": [-60, 70] * 2, "value": [0.6, 0.2, *control]}
    )
    words, more = curve_sentence(rows.assign(diagnosis=["mel", "nv", "nv", "nv"]), "probability of malignancy")
    assert words.startswith("Over all tones the probability of malignancy moves between 20% and 60%;")
    assert more.startswith("From −60° to 70°: 2 answers.")
    assert said in words
    assert ("not to tone" in words) == (control == (0.1, 0.9))


def test_the_measured_tone_comes_with_its_doubts() -> None:
    tone = Tone(77.0, 74.0, 41.0, 9.0, -2.0, 0.5, ("b* ≤ 0",))
    said = measured_sentence(tone, "predicted")
    assert said.startswith("Round the predicted lesion: **ITA 77° (very light)**; by dominant colour 74°")
    assert "Doubtful: b* ≤ 0: the skin looks bluer than grey" in said
    assert said.endswith("so the shift starts from 70°.")
    nothing = Tone(*(math.nan,) * 5, 0.0, (), "too little skin: 0.1% of the picture")
    assert measured_sentence(nothing, "true").startswith("The skin's tone could not be measured: too little skin")
