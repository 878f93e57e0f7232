"""A model beside always giving one class: where it does no better, or nearly always gives one, that is the finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dermaviz.metrics.bootstrap import DRAWS, FEWEST, ClusterIds, Estimate, estimate
from dermaviz.metrics.classification import Labels, Probabilities, accuracy, balanced_accuracy

NEARLY_ALWAYS = 0.95
"""The share of all answers from which on one class is nearly always given."""


@dataclass(frozen=True)
class BesideConstant:
    """What a model's answers to ``n`` images are worth beside the commonest true class, always.

    Classes are indices: ``commonest`` (``n_commonest`` images are of it, and ``n_classes`` classes have any) and ``given``, the
    model's most frequent answer (``n_given`` times, also to the share ``taken`` of the images of other classes).
    """

    n: int
    right: Estimate
    commonest: int
    n_commonest: int
    n_classes: int
    given: int
    n_given: int
    taken: float
    balanced: Estimate

    @property
    def chance(self) -> float:
        """The balanced accuracy of every constant answer."""
        return 1 / max(self.n_classes, 1)

    @property
    def n_right(self) -> int:
        """How many images are classified correctly."""
        return round(self.right.value * self.n)

    @property
    def one_answer(self) -> bool:
        """Whether it nearly always gives one class, also to most images of other classes."""
        return self.n_given >= NEARLY_ALWAYS * self.n and self.taken > 0.5

    @property
    def tells_apart(self) -> bool:
        """Whether its balanced accuracy is above chance, with all of its interval; False where there is none."""
        return self.balanced.low > self.chance + 1e-9

    def finding(self, names: Sequence[str]) -> str:
        """That it is no better, or nearly always gives one class, in a sentence; "" where neither is so or can be judged.

        Args:
            names: of the classes, in words.
        """
        if self.n < FEWEST or self.n_classes < 2:
            return ""
        constant, images = names[self.commonest], f"{self.n:,} images"
        if self.one_answer:
            said = f"It answers {names[self.given]} for "
            if self.n_given == self.n and self.given == self.commonest:
                return f"{said}every one of {images}: as often right as always saying so ({self.n_right:,} of them)."
            always = "saying so" if self.given == self.commonest else f"answering {constant}"
            of = "every one" if self.n_given == self.n else f"{self.n_given:,}"
            right = f"{self.n_right:,} of the {self.n:,} are right"
            return f"{said}{of} of {images}: {right}; always {always} gets {self.n_commonest:,}."
        if self.n_right <= self.n_commonest:
            of = f"It is right on {self.n_right:,} of {images}"
            if self.n_right == self.n_commonest:
                return f"{of}, as often as always answering {constant} would be."
            return f"{of}, less often than always answering {constant} would be ({self.n_commonest:,})."
        if not np.isnan(self.balanced.low) and not self.tells_apart:
            return (
                f"Whether it beats always answering {constant} cannot be told: balanced accuracy {self.balanced.value:.2f} "
                f"({self.balanced.low:.2f} to {self.balanced.high:.2f}), chance {self.chance:.2f}."
            )
        return ""


def beside_constant(
    labels: Labels, probabilities: Probabilities, cluster_ids: ClusterIds, draws: int = DRAWS
) -> BesideConstant:
    """The answers to N ≥ 1 images beside the constant answer.

    Args:
        labels: true class ``[N]``, indices into the classes.
        probabilities: ``[N, C]``.
        cluster_ids: what each image is drawn together with in intervals, ``[N]``.
    """
    n_classes = probabilities.shape[1]
    true, called = np.bincount(labels, minlength=n_classes), probabilities.argmax(1)
    given = np.bincount(called, minlength=n_classes)
    most, others = int(given.argmax()), labels != given.argmax()
    found = estimate({"right": accuracy, "balanced": balanced_accuracy}, labels, probabilities, cluster_ids, draws)
    return BesideConstant(
        len(labels), found["right"], int(true.argmax()), int(true.max()), int((true > 0).sum()), most, int(given[most]),
        float((called[others] == most).mean()) if others.any() else 0.0, found["balanced"],
    )  # fmt: skip
