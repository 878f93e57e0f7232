"""What the live attack says in words: sizes in grey levels, what turned into what, and what a file keeps of it."""

from __future__ import annotations

import math

import numpy as np

from dermaviz.app.robustness.live import Attempt, Changed, Flip, Outcome
from dermaviz.app.text import class_names, class_with_probability, escaped
from dermaviz.images import RGB
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.plots.robustness import DEFAULT_SIZE
from dermaviz.plots.theme import percent
from dermaviz.robustness.attacks import ATTACKS

GREY = 1 / 255


def levels_words(epsilon: float) -> str:
    """An ε in grey levels, as sentences say it: ``0.38 grey levels``, ``1 grey level``."""
    levels = epsilon / GREY
    number = f"{levels:.2g}" if levels < 10 else f"{levels:.3g}"
    return f"{number} grey level{'' if float(number) == 1 else 's'}"


def epsilon_label(epsilon: float) -> str:
    """An ε as the slider and the link write it: ``0.25/255``; that of Gupta et al. by its name."""
    if math.isclose(epsilon, DEFAULT_SIZE):
        return f"{DEFAULT_SIZE / GREY:.2g}/255 (as in Gupta et al.)"
    return f"{epsilon / GREY:g}/255"


def outcome_sentence(card: Card, outcome: Outcome, asked: Attempt) -> str:
    """What the attack did to the answer, and what noise of the same size did, as Markdown."""
    clean, attacked, noisy = (
        class_with_probability(card, changed.prediction)
        for changed in (outcome.clean, outcome.attacked, outcome.noised)
    )
    name, first = ATTACKS[asked.attack].short, outcome.clean.prediction.index
    if not asked.epsilon:
        return f"At ε = 0 nothing is changed: **{clean}** in all three. Move ε up to begin."
    if outcome.zero_gradient:
        return f"The model has **no gradient** here, so {name} cannot start. That shows no robustness."
    turned, by_noise = (one.prediction.index != first for one in (outcome.attacked, outcome.noised))
    said = (
        f"turns **{clean}** into **{attacked}**"
        if turned
        else f"does not change the answer: **{clean}**, now **{attacked}**"
    )
    noise = (
        f"{'turns it too' if turned else 'does'}: {noisy}" if by_noise else "does not" if turned else "does not either"
    )
    return f"A change of {levels_words(asked.epsilon)} ({name}) {said}. Noise of that size {noise}."


def goal_sentence(card: Card, outcome: Outcome, target: str | None) -> str | None:
    """Whether a target was reached; None without a target."""
    if target is None:
        return None
    words = escaped(class_names(card)[target])
    if outcome.clean.prediction.diagnosis == target:
        return f"The clean answer is {words} already. Choose another target."
    given = percent(float(outcome.attacked.prediction.probabilities[card.classes.index(target)]))
    return (
        f"Target reached: {words}."
        if outcome.reached
        else f"Target not reached: {words} gets {given}. Try more ε, or PGD."
    )


def flip_sentence(card: Card, flip: Flip, target: str | None) -> str:
    """The smallest change that flips the answer, as Markdown."""
    words = {name: escaped(said) for name, said in class_names(card).items()}
    wanted = f"reaches {words[target]}" if target else "changes the answer"
    if flip.zero_gradient:
        return f"No change found: the model has no gradient here, so no direction {wanted}."
    if math.isinf(flip.epsilon):
        return f"No step along the gradient's sign of up to {levels_words(flip.cap)} {wanted}."
    if not flip.epsilon:
        return f"Nothing needs to be changed: the answer is {words[flip.diagnosis]} already."
    return f"The smallest change that {wanted}: **{levels_words(flip.epsilon)}**, to {words[flip.diagnosis]}."


def file_sentence(card: Card, outcome: Outcome, asked: Attempt) -> str:
    """What is left of the attack in a file, as Markdown."""
    filed, answer = outcome.filed, class_with_probability(card, outcome.filed.prediction)
    if not asked.epsilon:
        return "The file holds the photo as the model sees it."
    if not filed.grey_levels:
        return (
            f"**This attack does not fit into a file.** An 8-bit file stores whole grey levels only; "
            f"{levels_words(asked.epsilon)} rounds to none. Attack at 1/255 or more."
        )
    moved = f"In the file, values change by at most {levels_words(filed.grey_levels * GREY)}."
    if filed.prediction.index == outcome.attacked.prediction.index:
        return f"{moved} The model says **{answer}** of it; upload it to Classify to check."
    exact = class_with_probability(card, outcome.attacked.prediction)
    return f"{moved} Rounding undoes the attack: **{answer}**, not {exact}. A little more ε brings it back."


def drift_sentence(
    card: Card, clean: Prediction, correlation: float, energies: tuple[float, float], first: str = "clean"
) -> str:
    """How far the map of the ``first`` answer moved, and how much of it stayed on the lesion, where that is known."""
    words = escaped(class_names(card)[clean.diagnosis])
    if math.isnan(correlation):
        return f"One of the two maps for {words} shows nothing, so its drift is not known."
    moved = f"Rank correlation with the {first} map for {words}: **{correlation:.2f}**".replace("-", "−")
    before, after = energies
    if math.isnan(before) or math.isnan(after):
        return f"{moved} (1 is no drift)."
    return f"{moved} (1 is no drift). On the lesion: {percent(before)} before, **{percent(after)}** after."


def magnified(changed: Changed, times: int) -> tuple[RGB, bool]:
    """The difference × ``times`` round middle grey, with its true signs, uint8 ``[S, S, 3]``; whether some of it was cut."""
    values = np.rint(128 + 255 * times * changed.difference.astype(np.float32))
    return np.clip(values, 0, 255).astype(np.uint8), bool(values.min() < 0 or values.max() > 255)


def rounded(prepared: RGB, changed: Changed) -> RGB:
    """The picture with its difference, in the nearest whole grey levels, as screens show it: uint8 ``[S, S, 3]``."""
    return np.clip(np.rint(prepared + 255 * changed.difference.astype(np.float32)), 0, 255).astype(np.uint8)
