"""Robustness: the registry of attacks and of the noise they are compared with. A row and a function add one, everywhere.

Free of torch, so that a page can list attacks at once: a row's function imports what it needs when it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dermaviz.errors import AttackError

if TYPE_CHECKING:
    from torch import Tensor

    from dermaviz.models.classifier import Classifier
    from dermaviz.robustness.gradients import Attacked, Goal

Function = Callable[..., "Attacked"]
"""Classifier, images ``[N, 3, S, S]``, goal, ε, a seed per image, and the row's parameters by name → the outcome."""


@dataclass(frozen=True)
class Attack:
    """A row of the registry.

    Args:
        name: in commands, links and evidence.
        label: in lists. ``short``: in the middle of a sentence.
        about: what it does, for people.
        function: does it; see :data:`Function`.
        parameters: passed to the function by name.
        control: noise, which no gradient steers: an attack is compared with it.
        random: whether seeds make a difference.
        targeted: whether it can aim at a class, rather than only away from one.
        evidence: its label in charts of the evidence table ``attacks``; "" if it is not part of that table.
        passes: about how often it goes through the network, and ``wait`` how long that takes; 0 and "" if it is quick.
        requires: an optional package that it needs, and ``extra`` the extra of dermaviz that installs it.
    """

    name: str
    label: str
    short: str
    about: str
    function: Function
    parameters: Mapping[str, Any] = field(default_factory=dict)
    control: bool = False
    random: bool = False
    targeted: bool = True
    evidence: str = ""
    passes: int = 0
    wait: str = ""
    requires: str = ""
    extra: str = ""

    def run(self, classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int]) -> Attacked:
        """Attack images float32 ``[N, 3, S, S]`` in [0, 1] within L∞ radius ``epsilon``; image i draws from ``seeds[i]``.

        Raises:
            AttackError: images, goal, ε or seeds are none that can be attacked with.
            DependencyError: the attack needs a package that is not installed; the message says how to install it.
        """
        outcome = self.function(classifier, images, goal, epsilon, seeds, **self.parameters)
        return replace(outcome, epsilon=float(epsilon))  # that was asked for, whatever its steps were

    @property
    def available(self) -> bool:
        """Whether the package that it requires is installed."""
        return not self.requires or find_spec(self.requires) is not None


@dataclass(frozen=True)
class PGDSettings:
    """How PGD climbs.

    Args:
        steps: gradients per run.
        total_step_length: length of all steps of a run together, in ε; Madry et al. 2018 take 2.5. One step has the size
            ``total_step_length`` · ε / ``steps``.
        restarts: further runs from random points of the ball, for images that withstood the runs before.
        early_stop: stop with an image once it has reached the goal; otherwise its loss is driven further up.

    Raises:
        AttackError: a value is out of range.
    """

    steps: int = 20
    total_step_length: float = 2.5
    restarts: int = 0
    early_stop: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 0 or not self.total_step_length > 0:
            raise AttackError(
                f"expected steps ≥ 1, restarts ≥ 0 and a total step length > 0, found {self.steps}, {self.restarts} and "
                f"{self.total_step_length}. The defaults (20, 0, 2.5) are the usual choice."
            )


DEFAULT_PGD = PGDSettings()


def image_seeds(image_ids: Sequence[str], seed: int = 0) -> list[int]:
    """A seed for each image that depends on its id and ``seed`` only, not on its place in a batch or a data set."""
    digests = (hashlib.sha256(f"{seed} {image_id}".encode()).digest() for image_id in image_ids)
    return [int.from_bytes(digest[:7], "big") for digest in digests]


def _linf(name: str) -> Function:
    """A function of ``linf.py``, which is imported, and torch with it, when it runs."""

    def run(
        classifier: Classifier, images: Tensor, goal: Goal, epsilon: float, seeds: Sequence[int], **parameters: Any
    ) -> Attacked:
        from dermaviz.robustness import linf

        attack: Function = getattr(linf, name)
        return attack(classifier, images, goal, epsilon, seeds=seeds, **parameters)

    return run


_ROWS = (
    Attack(
        "fgsm",
        "FGSM, one step",
        "FGSM",
        "The gradient says for each value of each pixel whether raising or lowering it hurts the answer. FGSM takes the "
        "sign alone and moves every value by the full ε. To a linear model no change of at most ε does more damage.",
        _linf("fgsm"),
        evidence="FGSM",
    ),
    Attack(
        "fgsm random start",
        "FGSM from a random start",
        "FGSM from a random start",
        "One step from a random point near the image; defences are often trained with it.",
        _linf("fgsm_random_start"),
        random=True,
    ),
    Attack(
        "pgd",
        "PGD, 20 steps",
        "PGD",
        "After a small step the gradient of a network points elsewhere. PGD takes 20 small steps, measures the gradient "
        "again after each, and stays within ε. A defence that stops FGSM but not PGD has only hidden its gradient.",
        _linf("pgd"),
        {"loss": "cross-entropy", "settings": DEFAULT_PGD},
        evidence="PGD, 20 steps",
        passes=22,
        wait="PGD takes up to 20 steps, each a pass through the model and back: about a second on two free cores.",
    ),
    Attack(
        "pgd margin",
        "PGD on the margin",
        "PGD on the margin",
        "PGD that raises the best other class above the answer, and tries once more from a random point. It finds what "
        "plain PGD misses where the model is too sure of itself to have a gradient.",
        _linf("pgd"),
        {"loss": "margin", "settings": PGDSettings(restarts=1)},
        random=True,
        passes=43,
        wait="Up to 40 steps, each a pass through the model and back: about two seconds on two free cores.",
    ),
    Attack(
        "autoattack",
        "AutoAttack",
        "AutoAttack",
        "Four strong attacks in a row, the usual benchmark of a defence (Croce and Hein 2020). It stops at the first one "
        "that succeeds, and cannot aim at a class.",
        _linf("autoattack"),
        {"queries": 5000},
        random=True,
        targeted=False,
        passes=8000,
        wait="AutoAttack takes seconds where the model gives way, and minutes where it withstands.",
        requires="pyautoattack",
        extra="attacks",
    ),
    Attack(
        "uniform noise",
        "Uniform noise",
        "uniform noise",
        "No attack: each value moved at random by up to ε.",
        _linf("noise"),
        {"kind": "uniform noise"},
        control=True,
        random=True,
        evidence="noise of the same size",
    ),
    Attack(
        "random signs",
        "Random signs",
        "noise",
        "Noise moves every value by the very same ε as FGSM does, up or down by the toss of a coin. If the attack fools "
        "the model and this does not, it was the direction, not the size.",
        _linf("noise"),
        {"kind": "random signs"},
        control=True,
        random=True,
    ),
)
ATTACKS: Mapping[str, Attack] = MappingProxyType({row.name: row for row in _ROWS})


def find_attack(name: str) -> Attack:
    """The attack of this name; an AttackError where there is none."""
    if name not in ATTACKS:
        raise AttackError(f"expected an attack among {', '.join(ATTACKS)}; found {name!r}.")
    return ATTACKS[name]
