"""Robustness: the attacks by name, each a row of ``ATTACKS`` and called in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from torch import Tensor

from dermaviz.errors import AttackError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacked import Attacked
from dermaviz.robustness.fgsm import fgsm, fgsm_random_start
from dermaviz.robustness.goals import Goal
from dermaviz.robustness.noise import noise
from dermaviz.robustness.pgd import DEFAULT_CLIMB, Climb, pgd

Run = Callable[[Classifier, Tensor, Goal, float, Sequence[int]], Attacked]


@dataclass(frozen=True)
class Attack:
    """An attack or a noise: ``run`` takes classifier, images ``[N, 3, S, S]``, goal, ε, and a seed per image.

    ``about`` is a sentence for the page. ``aims`` says whether it looks at the goal at all, ``random`` whether the seed
    plays a part.
    """

    name: str
    about: str
    run: Run
    aims: bool
    random: bool


def _fgsm(classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int]) -> Attacked:
    return fgsm(classifier, images, goal, epsilon)


def _random_start(classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int]) -> Attacked:
    return fgsm_random_start(classifier, images, goal, epsilon, seeds=seeds)


def _pgd(
    classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int], loss: str, climb: Climb
) -> Attacked:
    return pgd(classifier, images, goal, epsilon, climb, loss=loss, seeds=seeds)


def _noise(
    classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int], kind: str
) -> Attacked:
    return noise(classifier, images, goal, epsilon, seeds=seeds, kind=kind)


_ROWS = (
    Attack("fgsm", "One step along the gradient's sign, the whole way to ε.", _fgsm, True, False),
    Attack("fgsm random start", "One step from a random point of the ball.", _random_start, True, True),
    Attack(
        "pgd",
        "20 small steps along the gradient's sign, each kept within ε.",
        partial(_pgd, loss="cross-entropy", climb=DEFAULT_CLIMB),
        True,
        False,
    ),
    Attack(
        "pgd margin",
        "20 small steps that raise the best other class above the answer, then one more run from a random point.",
        partial(_pgd, loss="margin", climb=Climb(restarts=1)),
        True,
        True,
    ),
    Attack(
        "uniform noise",
        "No attack: each value moved at random by up to ε.",
        partial(_noise, kind="uniform noise"),
        False,
        True,
    ),
    Attack(
        "random signs",
        "No attack: each value moved by ε, up or down at random; as large as FGSM in every norm.",
        partial(_noise, kind="random signs"),
        False,
        True,
    ),
)
ATTACKS: Mapping[str, Attack] = MappingProxyType({row.name: row for row in _ROWS})


def find_attack(name: str) -> Attack:
    """The attack of this name.

    Raises:
        AttackError: there is none.
    """
    if name not in ATTACKS:
        raise AttackError(f"expected an attack among {', '.join(ATTACKS)}; found {name!r}.")
    return ATTACKS[name]
