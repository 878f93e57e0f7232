"""Widget: a metric of each class with its interval and its number of images, beside the constant answer."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from dermaviz.figures.estimates import estimates_figure
from dermaviz.ui.confusion.cards_wording import class_sentence
from dermaviz.ui.widgets.chart import ink, show_chart


def show_by_class(rows: pd.DataFrame, label: str, names: Mapping[str, str], commonest: str) -> None:
    """A dot for each class.

    Args:
        rows: the rows of one metric, one for each class, as ``evaluation.summary.measure`` makes them.
        label: the metric in words.
        names: each class in words.
        commonest: the class of the constant answer.
    """
    chart = pd.DataFrame(
        {
            "label": rows["class"].map(dict(names)),
            "n": rows["n_positives"].astype(int),
            **{name: rows[name].astype(float) for name in ("value", "low", "high", "constant")},
        }
    ).reset_index(drop=True)
    figure = estimates_figure(chart, title=f"{label}, 0 to 1", constant_name=f"always “{commonest}”", ink=ink())
    show_chart(figure, "metrics by class", class_sentence(names, label, rows))
