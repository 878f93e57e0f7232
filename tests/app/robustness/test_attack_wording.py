"""The live attack in words: sizes in grey levels, what turned into what, what a file keeps, and differences on grey."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dermaviz.app.robustness.live import (
    Attempt,
    Changed,
    Filed,
    Flip,
    Outcome,
    epsilon_label,
    file_sentence,
    flip_sentence,
    goal_sentence,
    levels_words,
    magnified,
    outcome_sentence,
    rounded,
)
from dermaviz.app.robustness.live_panels import EPSILONS
from dermaviz.app.widgets.panels import drift_sentence
from dermaviz.attention.localisation import Drift
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.robustness.attacks import ATTACKS

GREY = 1 / 255


def prediction(card: Card, name: str, p: float) -> Prediction:
    probabilities = np.full(len(card.classes), (1 - p) / (len(card.classes) - 1), dtype=np.float32)
    probabilities[card.classes.index(name)] = p
    return Prediction(card.classes, probabilities, frozenset(card.malignant))


def outcome(
    card: Card, attacked: str = "nv", noised: str = "mel", filed: str = "nv", grey_levels: int = 2, blind: bool = False
) -> Outcome:
    nothing = np.zeros((2, 2, 3), dtype=np.float16)
    of_file = Filed(nothing.astype(np.uint8), prediction(card, filed, 0.5), grey_levels, filed != "mel")
    return Outcome(
        Changed(prediction(card, "mel", 0.75), {}, nothing),
        Changed(prediction(card, attacked, 0.625), {}, nothing),
        Changed(prediction(card, noised, 0.7), {}, nothing),
        of_file,
        attacked != "mel",
        blind,
    )


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (0.375, "0.38 grey levels"),
        (0.765, "0.77 grey levels"),
        (0.4, "0.4 grey levels"),
        (1, "1 grey level"),
        (0.9999, "1 grey level"),
        (2.5, "2.5 grey levels"),
        (16, "16 grey levels"),
    ],
)
def test_sizes_are_said_in_grey_levels(levels: float, words: str) -> None:
    assert levels_words(levels / 255) == words


def test_every_step_of_the_slider_has_a_label_of_its_own() -> None:
    labels = [epsilon_label(epsilon) for epsilon in EPSILONS]
    assert len(set(labels)) == len(labels)
    assert {"0/255", "0.125/255", "1/255", "16/255", "0.77/255 (as in Gupta et al.)"} <= set(labels)
    assert list(EPSILONS) == sorted(EPSILONS)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            {},
            "A change of 2 grey levels (FGSM) turns **melanoma (75%)** into **melanocytic nevus (62%)**. Noise of that size "
            "does not.",
        ),
        (
            {"attacked": "mel"},
            "does not change the answer: **melanoma (75%)**, now **melanoma (62%)**. Noise of that size does not either.",
        ),
        ({"attacked": "mel", "noised": "bkl"}, "**melanoma (62%)**. Noise of that size does: benign keratosis (70%)."),
        ({"noised": "bkl"}, "Noise of that size turns it too: benign keratosis (70%)."),
        ({"blind": True}, "**no gradient** here, so FGSM cannot start"),
    ],
)
def test_the_verdict_holds_the_attack_against_noise(card: Card, found: dict[str, object], sentence: str) -> None:
    assert sentence in outcome_sentence(card, outcome(card, **found), Attempt("fgsm", 2 * GREY, None, 0))


@pytest.mark.parametrize("attack", ATTACKS)
def test_without_room_nothing_is_claimed(card: Card, attack: str) -> None:
    said = outcome_sentence(card, outcome(card, attacked="mel"), Attempt(attack, 0.0, None, 0))
    assert said.startswith("At ε = 0 nothing is changed: **melanoma (75%)** in all three.")


@pytest.mark.parametrize(
    ("epsilon", "found", "sentence"),
    [
        (0.0, {}, "holds the photo as the model sees it"),
        (GREY / 2, {"grey_levels": 0, "filed": "mel"}, "does not fit into a file"),
        (2 * GREY, {}, "at most 2 grey levels. The model says **melanocytic nevus (50%)** of it"),
        (2 * GREY, {"filed": "mel"}, "Rounding undoes the attack: **melanoma (50%)**, not melanocytic nevus (62%)."),
    ],
)
def test_a_file_keeps_whole_grey_levels_only(
    card: Card, epsilon: float, found: dict[str, object], sentence: str
) -> None:
    assert sentence in file_sentence(card, outcome(card, **found), Attempt("fgsm", epsilon, None, 0))


@pytest.mark.parametrize(
    ("flip", "target", "sentence"),
    [
        (Flip(0.375 * GREY, "nv", False, 16 * GREY), None, "changes the answer: **0.38 grey levels**, to"),
        (Flip(GREY, "bkl", False, 16 * GREY), "bkl", "reaches benign keratosis: **1 grey level**"),
        (Flip(math.inf, "mel", False, 16 * GREY), None, "up to 16 grey levels changes the answer"),
        (Flip(math.inf, "mel", True, 16 * GREY), None, "the model has no gradient here"),
        (Flip(0.0, "mel", False, 16 * GREY), "mel", "Nothing needs to be changed"),
    ],
)  # fmt: skip
def test_the_smallest_change_in_words(card: Card, flip: Flip, target: str | None, sentence: str) -> None:
    assert sentence in flip_sentence(card, flip, target)


def test_a_target_is_told_apart_from_the_clean_answer(card: Card) -> None:
    assert goal_sentence(card, outcome(card), None) is None
    assert "The clean answer is melanoma already" in str(goal_sentence(card, outcome(card), "mel"))
    assert goal_sentence(card, outcome(card), "nv") == "Target reached: melanocytic nevus."


@pytest.mark.parametrize(
    ("correlation", "energies", "sentence"),
    [
        (0.5, (0.7, 0.25), "**0.50** (1 is no drift). On the lesion: 70% before, **25%** after."),
        (-0.25, (math.nan, math.nan), "melanoma: **−0.25** (1 is no drift)."),
        (math.nan, (math.nan, math.nan), "shows nothing, so its drift is not known"),
    ],
)
def test_how_far_a_map_moved(card: Card, correlation: float, energies: tuple[float, float], sentence: str) -> None:
    assert sentence in drift_sentence(card, prediction(card, "mel", 0.75), Drift(correlation, *energies))


def test_a_difference_is_centred_on_grey_with_its_true_signs(card: Card) -> None:
    difference = np.array([[[1, -1, 0]]], dtype=np.float64) / 255
    changed = Changed(prediction(card, "nv", 0.5), {}, difference.astype(np.float16))
    shown, cut = magnified(changed, 50)
    assert (shown.tolist(), cut) == ([[[178, 78, 128]]], False)
    shown, cut = magnified(changed, 200)
    assert (shown.tolist(), cut) == ([[[255, 0, 128]]], True)
    assert rounded(np.array([[[10, 0, 255]]], dtype=np.uint8), changed).tolist() == [[[11, 0, 255]]]
