"""Two checkpoints on the same images, with paired intervals, McNemar's test and who fixed what; one checkpoint on two sets of
images; and a model beside always giving one class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Bootstrap, ClusterIds, Estimate, Sampled, estimate, interval_table
from dermaviz.metrics.classification import Labels, Metric, Probabilities, accuracy, balanced_accuracy


@dataclass(frozen=True)
class McNemar:
    """Images that only the first, and only the second, gets right, and how surprising the split is if both are alike."""

    only_first: int
    only_second: int
    p_value: float


def paired_differences(
    metrics: Mapping[str, Metric],
    labels: Labels,
    first: Probabilities,
    second: Probabilities,
    cluster_ids: ClusterIds,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Each metric (of one value) of two predictions ``[N, C]`` of the same images, and by how much the second is higher.

    Both are measured on the same resamplings of clusters, so what an image's difficulty does to both cancels out.

    Returns:
        A row per metric: ``metric``; ``first``, ``second`` and ``difference`` (second − first), each with its 95% interval
        in ``…_low`` and ``…_high``.
    """
    one, other = ((labels, said, cluster_ids) for said in (first, second))
    return differences_of_sets(metrics, one, other, draws, paired=True)


Sample = tuple[Labels, Probabilities, ClusterIds]
"""Labels ``[N]``, probabilities ``[N, C]`` and the cluster of N images."""


def differences_of_sets(
    metrics: Mapping[str, Metric], first: Sample, second: Sample, draws: int = DRAWS, *, paired: bool = False
) -> pd.DataFrame:
    """Each metric (of one value) on two sets of images, and by how much it is higher on the second.

    Unpaired, the clusters of each set are resampled by themselves (seeds 0 and 1): the images have nothing in common, so the
    widths of both intervals are in that of the difference. ``paired``, for sets that share images: all clusters are resampled
    together, so what both sets hold cancels out.

    Returns:
        A row per metric, as :func:`paired_differences`.
    """
    if paired:
        both = Bootstrap.over(np.concatenate([first[2], second[2]]), draws)
        at = np.arange(len(first[0]) + len(second[0]))
        drawn = [both.take(at[: len(first[0])]), both.take(at[len(first[0]) :])]
    else:
        drawn = [Bootstrap.over(clusters, draws, seed) for seed, (_, _, clusters) in enumerate((first, second))]
    of_first, of_second = (
        Sampled.join(images.metrics(metrics.values(), labels, said))
        for images, (labels, said, _) in zip(drawn, (first, second), strict=True)
    )
    return interval_table({"metric": list(metrics)}, first=of_first, second=of_second, difference=of_second - of_first)


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    """McNemar's exact two-sided test on whether two predictions of the same images ``[N]`` are right equally often.

    It counts images as independent, which those of one lesion or patient are not: read it beside the paired interval of accuracy,
    which does not. The p-value is 1 where the two are never right on different images. Source: McNemar 1947.
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    n = only_first + only_second
    return McNemar(only_first, only_second, float(binomtest(only_first, n).pvalue) if n else 1.0)


def who_fixed_what(labels: Labels, first: Probabilities, second: Probabilities, classes: Sequence[str]) -> pd.DataFrame:
    """Images by true class and by who calls them rightly; a row per class, then one of all with ``class`` "".

    Columns: ``class, both_right, only_first_right, only_second_right, both_wrong, n_images``.
    """
    right = [said.argmax(1) == labels for said in (first, second)]
    outcome = 3 - 2 * right[0] - right[1]  # 0 both, 1 only the first, 2 only the second, 3 neither
    counts = np.bincount(labels * 4 + outcome, minlength=4 * len(classes)).reshape(-1, 4)
    table = pd.DataFrame(
        np.vstack([counts, counts.sum(0)]),
        columns=["both_right", "only_first_right", "only_second_right", "both_wrong"],
    )
    table.insert(0, "class", [*classes, ""])
    return table.assign(n_images=table.iloc[:, 1:].sum(axis=1))


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
        """That it is no better, or nearly always gives one class, in a sentence; "" where neither is so or can be judged;
        ``names`` are the classes in words."""
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
    """The answers to N ≥ 1 images beside the constant answer."""
    n_classes = probabilities.shape[1]
    true, called = np.bincount(labels, minlength=n_classes), probabilities.argmax(1)
    given = np.bincount(called, minlength=n_classes)
    most, others = int(given.argmax()), labels != given.argmax()
    found = estimate({"right": accuracy, "balanced": balanced_accuracy}, labels, probabilities, cluster_ids, draws)
    return BesideConstant(
        len(labels), found["right"], int(true.argmax()), int(true.max()), int((true > 0).sum()), most, int(given[most]),
        float((called[others] == most).mean()) if others.any() else 0.0, found["balanced"],
    )  # fmt: skip
