"""A model beside always giving one class: when that is the finding, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.metrics.constant import beside_constant

NAMES = ("bcc", "mel", "nevus", "sk")


def finding(true: list[int], called: list[int], draws: int = 200) -> str:
    """The finding about images of these classes that are called those."""
    probabilities = np.eye(4)[np.repeat(np.arange(4), called)]
    labels = np.repeat(np.arange(4), true)
    order = np.random.default_rng(0).permutation(len(labels))
    images = labels, probabilities[order], np.arange(len(labels)).astype(str)
    return beside_constant(*images, draws).finding(NAMES)


@pytest.mark.parametrize(
    ("true", "called", "said"),
    [
        ([28, 28, 33, 22], [0, 0, 111, 0],
         "It answers nevus for every one of 111 images: as often right as always saying so (33 of them)."),
        ([28, 28, 33, 22], [0, 111, 0, 0],
         "It answers mel for every one of 111 images: 28 of the 111 are right; always answering nevus gets 33."),
        ([30, 30, 30, 30], [4, 0, 116, 0], "It answers nevus for 116 of 120 images: "),
        ([0, 0, 111, 0], [0, 0, 111, 0], ""),
        ([0, 0, 5, 4], [0, 0, 9, 0], ""),
    ],
    ids=["every one", "another class", "nearly all", "one true class: nothing to tell apart", "too few"],
)  # fmt: skip
def test_one_answer_for_nearly_all_is_the_finding(true: list[int], called: list[int], said: str) -> None:
    found = finding(true, called)
    assert found.startswith(said)
    assert bool(found) == bool(said)
    assert len(found.split()) <= 20


def answers(right: list[int], true: list[int], wrong: int) -> str:
    """The finding where ``right`` of ``true`` images are, and the others are called ``wrong``, or 0 if they are of it."""
    labels = np.repeat(np.arange(4), true)
    called = np.concatenate(
        [[i] * ok + [wrong if i != wrong else 0] * (n - ok) for i, (ok, n) in enumerate(zip(right, true, strict=True))]
    ).astype(int)
    return beside_constant(labels, np.eye(4)[called], np.arange(len(labels)).astype(str), 200).finding(NAMES)


def test_fewer_right_than_the_constant_answer_is_the_finding() -> None:
    assert answers([5, 5, 90, 0], [10, 10, 120, 0], 1) == (
        "It is right on 100 of 140 images, less often than always answering nevus would be (120)."
    )
    assert answers([5, 5, 10, 0], [15, 15, 20, 0], 1) == (
        "It is right on 20 of 50 images, as often as always answering nevus would be."
    )


def test_a_balanced_accuracy_that_may_be_chance_is_the_finding() -> None:
    said = answers([6, 5, 5, 5], [15, 15, 15, 15], 3)
    assert said.startswith("Whether it beats always answering bcc cannot be told: balanced accuracy 0.35 (0.2")
    assert said.endswith("chance 0.25.")


def test_a_screening_set_that_is_nearly_all_benign_is_no_fault_of_the_model() -> None:
    """97% of the answers are one class, and so are 96% of the images; most of the others are found."""
    assert answers([6, 0, 240, 0], [10, 0, 240, 0], 2) == ""
