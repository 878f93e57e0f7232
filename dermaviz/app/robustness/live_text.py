"""What the live attack says in words: sizes in grey levels, what turned into what, and what a file keeps of it."""

from __future__ import annotations

import math

import numpy as np

from dermaviz.app.robustness.live import Attempt, Changed, Filed, Flip, Outcome
from dermaviz.app.text import class_names, class_with_probability
from dermaviz.images import RGB
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.plots.robustness import DEFAULT_SIZE
from dermaviz.plots.theme import percent
from dermaviz.robustness.attacks import ATTACKS

GREY = 1 / 255


def levels_words(epsilon: float) -> str:
    """An ε in grey levels, as sentences say it: ``0.38 of one grey level``, ``1 grey level``, ``2.5 grey levels``."""
    levels = epsilon / GREY
    number = f"{levels:.2g}" if levels < 10 else f"{levels:.3g}"
    if float(number) < 1:
        return f"{number} of one grey level"
    return f"{number} grey level{'' if float(number) == 1 else 's'}"


def epsilon_label(epsilon: float) -> str:
    """An ε as the slider and the link write it: ``0.25/255``; the reported one by its own name."""
    if math.isclose(epsilon, DEFAULT_SIZE):
        return f"3e-3 = {DEFAULT_SIZE / GREY:.3g}/255 (as reported)"
    return f"{epsilon / GREY:g}/255"


def outcome_sentence(card: Card, outcome: Outcome, asked: Attempt) -> str:
    """What the attack did to the answer, and what noise of the same size did, as Markdown."""
    clean = class_with_probability(card, outcome.clean.prediction)
    if not asked.epsilon:
        return f"At ε = 0 nothing is changed: the answer is **{clean}** in all three. Move ε up to begin."
    name, size = ATTACKS[asked.attack].short, levels_words(asked.epsilon)
    after, noisy = outcome.attacked.prediction, outcome.noised.prediction
    attacked = class_with_probability(card, after)
    if outcome.zero_gradient:
        return (
            f"Here the model has **no gradient** to follow, so {name} could not start: that it still says **{clean}** shows "
            "no robustness."
        )
    turned = (
        f"{name} moves no value by more than **{size}**, and the answer turns from **{clean}** to **{attacked}**."
        if after.index != outcome.clean.prediction.index
        else f"{name} moves values by up to **{size}**, and the answer stays: **{clean}** before, **{attacked}** after."
    )
    if noisy.index == outcome.clean.prediction.index:
        return f"{turned} Noise of the same size leaves it at {class_with_probability(card, noisy)}."
    return (
        f"{turned} Noise of the same size turns it as well, to {class_with_probability(card, noisy)}: here size alone is "
        "enough."
    )


def goal_sentence(card: Card, outcome: Outcome, target: str | None) -> str | None:
    """Whether a target was arrived at; None without a target."""
    if target is None:
        return None
    words = class_names(card)[target]
    if outcome.clean.prediction.diagnosis == target:
        return f"The model says {words} of the clean photo already. Choose another class to arrive at."
    given = percent(float(outcome.attacked.prediction.probabilities[card.classes.index(target)]))
    if outcome.reached:
        return f"It has arrived at {words}."
    return f"It has not arrived at {words}, which now gets {given}. Allow more, or take PGD."


def flip_sentence(card: Card, flip: Flip, target: str | None) -> str:
    """The smallest change that flips the answer, as Markdown."""
    words = class_names(card)
    wanted = f"arrives at {words[target]}" if target else "changes the answer"
    if flip.zero_gradient:
        return f"No change found: the model has no gradient here, so there is no direction in which FGSM {wanted}."
    if math.isinf(flip.epsilon):
        return f"No step along the gradient's sign of up to {levels_words(flip.cap)} {wanted}."
    if not flip.epsilon:
        return f"Nothing needs to be changed: the model says {words[flip.diagnosis]} already."
    return (
        f"The smallest change that {wanted}: **{levels_words(flip.epsilon)}** for each value, and it says "
        f"{words[flip.diagnosis]} (found to 1/8 of a level, along FGSM's direction). One grey level is 1/255 of the way from "
        "black to white, the smallest step that a picture file knows."
    )


def file_sentence(card: Card, filed: Filed, outcome: Outcome, asked: Attempt) -> str:
    """What is left of the attack in a file, as Markdown."""
    exact, answer = outcome.attacked.prediction, class_with_probability(card, filed.prediction)
    if not asked.epsilon:
        return "The file holds the photo as the model sees it."
    if not filed.grey_levels:
        return (
            f"**This attack does not fit into a file.** A file knows whole grey levels only, and a change of at most "
            f"{levels_words(asked.epsilon)} rounds to none: the file would hold the photo as it is, and the model would say "
            f"{answer}. Make the attack at 1/255 or more to take it home."
        )
    moved = f"In the file, values are moved by at most {levels_words(filed.grey_levels * GREY)}."
    if filed.prediction.index == exact.index:
        return f"{moved} The model says **{answer}** of it; upload it to Classify to see for yourself."
    return (
        f"{moved} Rounding undoes what the attack did: of the file the model says **{answer}**, not "
        f"{class_with_probability(card, exact)}. A little more ε brings it back."
    )


def drift_sentence(
    card: Card, clean: Prediction, correlation: float, energies: tuple[float, float], first: str = "clean"
) -> str:
    """How far the map of the ``first`` answer moved, and how much of it stayed on the lesion, where that is known."""
    words = class_names(card)[clean.diagnosis]
    if math.isnan(correlation):
        return f"One of the two maps for {words} shows nothing, so how far it moved cannot be said."
    moved = f"Rank correlation with the {first} map for {words}: **{correlation:.2f}**".replace("-", "−")
    before, after = energies
    if math.isnan(before) or math.isnan(after):
        return f"{moved} (1 is the same)."
    return f"{moved} (1 is the same). On the lesion: {percent(before)} of it before, **{percent(after)}** after."


def magnified(changed: Changed, times: int) -> tuple[RGB, bool]:
    """The difference × ``times`` round middle grey, with its true signs, uint8 ``[S, S, 3]``; whether some of it was cut."""
    values = np.rint(128 + 255 * times * changed.difference.astype(np.float32))
    return np.clip(values, 0, 255).astype(np.uint8), bool(values.min() < 0 or values.max() > 255)


def rounded(prepared: RGB, changed: Changed) -> RGB:
    """The picture with its difference, in the nearest whole grey levels, as screens show it: uint8 ``[S, S, 3]``."""
    return np.clip(np.rint(prepared + 255 * changed.difference.astype(np.float32)), 0, 255).astype(np.uint8)
