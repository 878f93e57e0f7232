"""The bars of one image's probabilities: order, marks and sums."""

from __future__ import annotations

import pytest

from dermaviz.plots.intervals import probability_bars
from dermaviz.plots.theme import MALIGNANT_PATTERN, percent

NAMES = ["nevus", "melanoma", "basal cell carcinoma"]
PROBABILITIES = [0.25, 0.6, 0.15]


def test_the_most_probable_class_is_on_top() -> None:
    figure = probability_bars(NAMES, PROBABILITIES, [False, True, True])
    assert figure.layout.yaxis.categoryarray == ("basal cell carcinoma", "nevus", "melanoma")  # Plotly draws upwards


def test_malignant_classes_are_marked_by_pattern_and_words_with_their_sum() -> None:
    figure = probability_bars(NAMES, PROBABILITIES, [False, True, True])
    benign, malignant = figure.data
    assert set(malignant.y) == {"melanoma", "basal cell carcinoma"}
    assert malignant.marker.pattern.shape == MALIGNANT_PATTERN
    assert benign.marker.pattern.shape == ""
    assert "malignant, hatched: together 75%" in figure.layout.title.text
    assert "benign, plain: together 25%" in figure.layout.title.text


def test_without_malignant_classes_there_is_no_key() -> None:
    figure = probability_bars(NAMES, PROBABILITIES, [False] * 3)
    assert list(figure.data[0].x) == sorted(PROBABILITIES)
    assert figure.layout.title.text is None


def test_long_names_are_broken() -> None:
    bars = probability_bars(["actinic keratosis / intraepithelial carcinoma"], [1.0], [False]).data[0]
    assert bars.y[0].split("<br>") == ["actinic keratosis /", "intraepithelial carcinoma"]


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        probability_bars(NAMES, PROBABILITIES, [True])


@pytest.mark.parametrize(
    ("probability", "said"),
    [(0.0, "0%"), (0.004, "<1%"), (0.0149, "1%"), (0.375, "38%"), (0.9949, ">99%"), (0.9999, ">99%"), (1.0, "100%")],
)
def test_percentages_never_round_to_a_false_certainty(probability: float, said: str) -> None:
    assert percent(probability) == said
