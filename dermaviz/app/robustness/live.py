"""One photo attacked live, beside noise of the same size, and what is said of it.

It is computed once for all sessions and remembered small. Keys are hashes of the photo and of all that decides the model's
answers. What is kept of a step is the attacked picture as a file holds it, three differences in half precision, and maps of a
few hundred numbers: some 1.1 MB at 224 × 224 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dermaviz.app.case import Case
from dermaviz.app.checkpoints import classifier
from dermaviz.app.sessions import TURN, Memory, give_way, remembered
from dermaviz.app.text import class_with_probability, escaped
from dermaviz.attention.methods import DEFAULT_METHOD, AttentionMap
from dermaviz.images import RGB
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.plots.robustness import DEFAULT_SIZE
from dermaviz.plots.theme import percent
from dermaviz.robustness.attacks import ATTACKS, find_attack

if TYPE_CHECKING:
    from torch import Tensor

    from dermaviz.robustness.gradients import Attacked, Goal


NOISE = "random signs"
"""As large as FGSM in every norm: each value moved by ε, up or down at random."""


@dataclass(frozen=True)
class Attempt:
    """What is done to a photo.

    ``attack`` is a name in ``robustness.attacks.ATTACKS``, ``epsilon`` its L∞ radius in [0, 1] pixels, ``target`` the class
    to arrive at, or None to get away from the model's answer. ``seed`` is that of the noise and of random starts.
    """

    attack: str
    epsilon: float
    target: str | None
    seed: int


@dataclass(frozen=True, eq=False)
class Changed:
    """What the model says of a picture and where it looked: maps by class index, of the clean answer and of its own.

    ``difference`` is that from the original, float16 ``[S, S, 3]`` in [−1, 1] pixels; all 0 for the original.
    """

    prediction: Prediction
    maps: Mapping[int, AttentionMap]
    difference: NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Filed:
    """The attacked picture as a PNG holds it, in whole grey levels: uint8 ``[S, S, 3]``, and what the model says of that.

    ``grey_levels`` is the largest change of a value; 0 where rounding gives the original back. ``reached`` says whether the
    attack still gets there.
    """

    pixels: RGB
    prediction: Prediction
    grey_levels: int
    reached: bool


@dataclass(frozen=True, eq=False)
class Outcome:
    """The photo as it is, attacked, and with noise of the same size; whether the attack ``reached`` its goal.

    Where there was ``zero_gradient``, the attack had nothing to follow.
    """

    clean: Changed
    attacked: Changed
    noised: Changed
    filed: Filed
    reached: bool
    zero_gradient: bool


_OUTCOMES: Memory[Outcome] = Memory(32)


@dataclass(frozen=True)
class Flip:
    """The smallest ε in [0, 1] pixels at which FGSM reaches its goal, and the answer there; infinite if beyond ``cap``."""

    epsilon: float
    diagnosis: str
    zero_gradient: bool
    cap: float


def attempt(case: Case, asked: Attempt, tell: Callable[[int], None]) -> Outcome:
    """The photo attacked as asked, and with noise of the same size; remembered.

    Args:
        tell: is called with the number of passes so far before each pass of the attack through the network, in the
            session's thread: it may show progress, and the user's stop arrives there. Not called for what is remembered.

    Raises:
        AttackError: the attack means nothing for this model.
        CheckpointError: the checkpoint cannot be loaded.
    """
    from dermaviz.attention.maps import attention_maps
    from dermaviz.robustness.flips import eight_bit
    from dermaviz.robustness.gradients import counting_passes

    if (found := _OUTCOMES.find(key := (case.key, asked))) is not None:
        return found
    model, goal, first = classifier(case.checkpoint), _goal(case, asked.target), case.answer.index
    attack, noise, seeds = find_attack(asked.attack), find_attack(NOISE), [asked.seed]

    def make() -> Outcome:
        image = model.to_tensor([case.answer.prepared])

        def answer(logits: Tensor) -> Prediction:
            return Prediction(model.classes, model.calibrated(logits)[0], model.malignant)

        def changed(result: Attacked) -> Changed:
            give_way()
            prediction = answer(result.logits)
            classes = list(dict.fromkeys((first, prediction.index)))
            maps = attention_maps(model, result.images, classes, DEFAULT_METHOD)
            difference = (result.images - image)[0].permute(1, 2, 0).cpu().numpy().astype(np.float16)
            return Changed(prediction, dict(zip(classes, maps, strict=True)), difference)

        attacked = attack.run(counting_passes(model, tell), image, goal, asked.epsilon, seeds)
        filed = eight_bit(model, image, attacked, goal)
        return Outcome(
            changed(noise.run(model, image, goal, 0.0, seeds)),
            changed(attacked),
            changed(noise.run(model, image, goal, asked.epsilon, seeds)),
            Filed(filed.pixels[0], answer(filed.logits), int(filed.grey_levels[0]), bool(filed.reached[0])),
            bool(attacked.reached[0]),
            bool(attacked.zero_gradient[0]),
        )

    with TURN:  # who waited behind somebody who asked the same, as when a class opens one page, finds it made
        return _OUTCOMES.recall(key, make)


@remembered(max_entries=256, show_spinner=False)
def smallest_flip(case: Case, target: str | None) -> Flip:
    """The smallest step along the gradient's sign that reaches the goal, to 1/8 of a grey level."""
    from dermaviz.robustness.flips import flip_distance

    model = classifier(case.checkpoint)
    with TURN:
        image = model.to_tensor([case.answer.prepared])
        found = flip_distance(model, image, _goal(case, target))
    diagnosis = model.classes[int(found.predicted[0])]
    return Flip(float(found.epsilon[0]), diagnosis, bool(found.zero_gradient[0]), found.cap)


def _goal(case: Case, target: str | None) -> Goal:
    """Away from what the model says of the photo as it is, since nobody knows what it shows; or towards the target."""
    from dermaviz.robustness.gradients import Goal

    if target is None:
        return Goal.away_from([case.answer.index])
    return Goal.towards([case.card.classes.index(target)])


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
    words = escaped(card.words[target])
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
    words = {name: escaped(said) for name, said in card.words.items()}
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


def magnified(changed: Changed, times: int) -> tuple[RGB, bool]:
    """The difference × ``times`` round middle grey, with its true signs, uint8 ``[S, S, 3]``; whether some of it was cut."""
    values = np.rint(128 + 255 * times * changed.difference.astype(np.float32))
    return np.clip(values, 0, 255).astype(np.uint8), bool(values.min() < 0 or values.max() > 255)


def rounded(prepared: RGB, changed: Changed) -> RGB:
    """The picture with its difference, in the nearest whole grey levels, as screens show it: uint8 ``[S, S, 3]``."""
    return np.clip(np.rint(prepared + 255 * changed.difference.astype(np.float32)), 0, 255).astype(np.uint8)
