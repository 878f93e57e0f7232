"""Verdicts, their counts, the images behind a count, and the orders of a matrix, all counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dermaviz.metrics.confusion import (
    ORDERS,
    Mistake,
    Verdicts,
    by_class,
    by_threshold,
    most_frequent_mistakes,
    most_missed,
)

CLASSES = ("bkl", "mel", "nv")
LABELS = np.array([0, 1, 1, 1, 2, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.0, 0.4, 0.6], [0.05, 0.05, 0.9], [0.1, 0.5, 0.4], [0.0, 0.2, 0.8]]
)


@pytest.fixture
def verdicts() -> Verdicts:
    return by_class(LABELS, PROBABILITIES, CLASSES)


def test_each_image_is_called_its_most_probable_class(verdicts: Verdicts) -> None:
    assert verdicts.called.tolist() == [0, 1, 2, 2, 1, 2]
    assert verdicts.confidence.tolist() == [0.8, 0.7, 0.6, 0.9, 0.5, 0.8]
    assert verdicts.counts.tolist() == [[1, 0, 0], [0, 1, 2], [0, 1, 1]]


@pytest.mark.parametrize(
    ("true", "called", "images"),
    [
        ("mel", "nv", [3, 2]),
        ("mel", None, [3, 2, 1]),
        (None, "nv", [3, 2, 5]),
        (None, None, [3, 2, 4, 0, 5, 1]),
        ("bkl", "nv", []),
    ],
    ids=["cell", "row", "column", "all", "empty cell"],
)
def test_a_count_leads_to_its_images_the_most_confident_mistakes_first(
    verdicts: Verdicts, true: str | None, called: str | None, images: list[int]
) -> None:
    assert verdicts.cell(true, called).tolist() == images


def test_a_score_at_the_threshold_is_a_yes() -> None:
    positive, score = np.array([True, True, False, False]), np.array([0.9, 0.3, 0.5, 0.2])
    at = by_threshold(positive, score, 0.5, ("mel", "others"))
    assert at.counts.tolist() == [[1, 1], [1, 1]]
    assert at.called.tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(at.confidence, [0.9, 0.7, 0.5, 0.8])


@pytest.mark.parametrize(
    ("order", "expected"),
    [("name", [2, 0, 1]), ("frequency", [1, 2, 0]), ("confusion", [1, 2, 0])],
)
def test_the_orders_of_a_matrix(order: str, expected: list[int]) -> None:
    counts = np.array([[3, 0, 0], [4, 2, 0], [0, 2, 3]])
    assert ORDERS[order](counts, ["benign keratosis", "melanoma", "Angioma"]).tolist() == expected


def test_a_class_without_images_is_not_the_most_confused() -> None:
    assert ORDERS["confusion"](np.array([[0, 0], [1, 1]]), ["a", "b"]).tolist() == [1, 0]


def test_the_most_frequent_mistake(verdicts: Verdicts) -> None:
    assert most_frequent_mistakes(verdicts) == (Mistake("mel", "nv", 2, 3),)
    assert most_frequent_mistakes(verdicts.take(np.array([0, 1, 5]))) == ()


@pytest.mark.parametrize(
    ("dangerous", "first"), [((), ["akiec", "bcc", "mel"]), (("mel", "bcc"), ["mel", "akiec", "bcc"])]
)
def test_of_mistakes_as_frequent_the_dangerous_come_first(dangerous: tuple[str, ...], first: list[str]) -> None:
    """Akiec and mel are called nv, bcc is called mel: missed where mel is dangerous, and bcc is not missed."""
    groups = ("akiec", "bcc", "mel", "nv")
    true, called = np.array([0, 1, 2, 3]), np.array([3, 2, 3, 3])
    found = most_frequent_mistakes(Verdicts(groups, true, called, np.ones(4)), dangerous)
    assert [one.true for one in found] == first


def test_the_most_missed_is_a_dangerous_one_that_is_called_harmless() -> None:
    true, called = np.array([0, 0, 0, 1, 1, 2, 2, 2]), np.array([1, 1, 2, 2, 2, 0, 0, 0])
    verdicts = Verdicts(("mel", "bcc", "nv"), true, called, np.ones(8))
    assert most_missed(verdicts, ("mel", "bcc")) == Mistake("bcc", "nv", 2, 2)
    assert most_missed(verdicts, ()) is None
