"""The table of headline figures on the home page."""

from __future__ import annotations

from dermaviz.ui.widgets.model_card import headline_rows

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
