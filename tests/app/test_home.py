"""The table of headline figures on the home page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.app.home import data_in_words, headline_rows
from dermaviz.models.card import Card

FIGURES = {
    "n_images": 2001,
    "balanced_accuracy": {"value": 0.7612, "low": 0.731, "high": 0.789},
    "melanoma_auc": {"value": 0.9304, "low": 0.91, "high": 0.95},
    "accuracy": 0.85,
    "constant_answer": {"class": "nv", "balanced_accuracy": 1 / 7, "accuracy": 0.67},
}


def test_each_figure_stands_with_its_interval_beside_the_constant_answer() -> None:
    rows = headline_rows(FIGURES)
    assert [list(row.values()) for row in rows] == [
        ["Balanced accuracy", "0.761", "0.731 to 0.789", "0.143"],
        ["Melanoma AUC", "0.930", "0.910 to 0.950", "0.500"],
        ["Accuracy", "0.850", "", "0.670"],
    ]
    assert list(rows[0]) == ["figure", "model", "95% interval", "always “nv”"]


def test_a_card_without_figures_gives_no_rows() -> None:
    assert headline_rows({}) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"dataset": "ham10000", "citation": "P. T."}, "P. T."),
        ({"dataset": "ham10000"}, "ham10000"),
        ({}, "not named"),
        (
            {"citation": "P. T.", "task": "melanoma"},
            "P. T. Asked of it: melanoma against benign keratosis and nevus.",
        ),
        (
            {"citation": "P. T.", "task": "malignant", "balance": True},
            "P. T. Asked of it: benign or malignant, as many images of each.",
        ),
    ],
)
def test_the_data_are_named_with_what_was_asked_of_them(
    make_card: Callable[..., Card], data: dict[str, Any], words: str
) -> None:
    assert data_in_words(make_card(data=data)) == words


def _page(card: dict) -> None:
    from dermaviz.app.home import show_model
    from dermaviz.models.card import Card

    show_model("tiny", Card(**card))


@pytest.mark.parametrize(
    "leak", ["", "Split by image: lesions leak. 2 of 3 test images show a lesion that was trained on."]
)
def test_a_leak_is_said_before_the_figures(make_card: Callable[..., Card], leak: str) -> None:
    figures = {"n_images": 3, "n_lesions": 3, "accuracy": {"value": 1.0, "low": 0.3, "high": 1.0}}
    card = make_card(metrics={"test": figures}, data={"dataset": "ham10000"} | ({"leak": leak} if leak else {}))
    page = AppTest.from_function(_page, kwargs={"card": asdict(card)}).run(timeout=60)
    assert not page.exception
    assert [warning.value for warning in page.warning] == ([leak] if leak else [])
    (caption,) = [text.value for text in page.caption if text.value.startswith("n = 3")]
    assert ("none of which the model was trained on" in caption) is not bool(leak)
