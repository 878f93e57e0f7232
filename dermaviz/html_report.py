"""The report of an audit: one self-contained HTML file that opens without a network and prints to clean pages.

Everything in it is computed from the audited images; nothing is written by hand for one model. Names from cards and data
sets are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermaviz import __version__
from dermaviz.io import atomic_write
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.calibration import reliability
from dermaviz.metrics.classification import confusion_matrix
from dermaviz.metrics.ranking import binary_view, roc_points

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from dermaviz.evidence.predictions import Audited

FEWEST_POSITIVES = 10
"""A figure of a class with fewer images, or of fewer others, is not shown (see ``fairness.groups``)."""
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1A2B30; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #C9D5D8; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } caption { text-align: left; padding: .4rem 0; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #C9D5D8; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.note { background: #F1F5F6; border-left: 4px solid #0B6E75; padding: .6rem 1rem; }
figure { margin: 1rem 0; overflow-x: auto; } figcaption { font-size: .9rem; color: #40545A; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } table, figure { break-inside: avoid; } }
"""


def write_report(audited: Audited, path: Path) -> Path:
    """Write the report of some audited images to ``path``, whole or not at all; returns the path."""
    atomic_write(path, report_html(audited).encode("utf-8"))
    return path


def report_html(audited: Audited) -> str:
    """The report as one HTML document, Plotly's script included; about 4.8 MB."""
    from plotly.offline import get_plotlyjs

    card = audited.checkpoint.card
    figures = audited.summary()
    right = int((audited.probabilities.argmax(1) == audited.labels).sum())
    parts = [
        f"<h1>Audit of {escape(audited.checkpoint.name)}</h1>",
        f"<p>{len(audited):,} images of {audited.n_lesions:,} lesions: <strong>{right:,} are classified correctly "
        f"({right / len(audited):.0%})</strong>.</p>",
        '<p class="note"><strong>An educational tool, not a medical device.</strong> Nothing here is a diagnosis.</p>',
        "<h2>How good is it?</h2>",
        _table(
            "Each figure with its 95% interval, from a bootstrap over lesions, beside always giving the commonest class.",
            ["figure", "images", "value", "95% interval", "constant answer"],
            (_figure_row(row) for row in figures[figures["class"] == ""].itertuples()),
        ),
        "<h2>Which class is taken for which?</h2>",
        _chart(
            _confusion(audited), "Rows are true classes, as shares of each; the small figure is the number of images."
        ),
        "<h2>Class by class</h2>",
        _table(
            f"Classes with fewer than {FEWEST_POSITIVES} images, or fewer than {FEWEST_POSITIVES} others, are not judged.",
            ["class", "images", "figure", "value", "95% interval"],
            _class_rows(figures, len(audited)),
        ),
        *_malignant_part(audited),
        "<h2>Is its confidence worth anything?</h2>",
        _chart(
            _calibration(audited), "How often answers of a confidence are right. On the line they are as sure as right."
        ),
        "<h2>What this report cannot say</h2>",
        f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in limits(audited))}</ul>",
        "<h2>The model</h2>",
        _table(
            "From the model's card.",
            ["", ""],
            [
                ("Architecture", f"{card.architecture}, {card.input_size} × {card.input_size} pixels"),
                ("Classes", ", ".join(card.classes)),
                ("Counted as malignant", ", ".join(card.malignant) or "none named"),
                ("For", card.intended_use),
                ("Not for", card.not_for),
                ("Trained on", str(card.data.get("citation") or card.data.get("dataset") or "not named")),
                ("Licence", card.licence),
                ("Weights (SHA-256)", card.weights_sha256),
            ],
        ),
        f"<p>Made by DermaViz {__version__} on {date.today():%Y-%m-%d}.</p>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Audit of {escape(audited.checkpoint.name)}</title><style>{_STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head><body>{''.join(parts)}</body></html>"
    )


def limits(audited: Audited) -> list[str]:
    """What these images cannot show, each a sentence with its counts."""
    counts = np.bincount(audited.labels, minlength=len(audited.classes))
    few = [f"{name} ({n})" for name, n in zip(audited.classes, counts, strict=True) if n < FEWEST_POSITIVES]
    said = [
        "How the model does on images from other cameras, clinics or skin: only these images were judged.",
        "Whether patients are kept apart: the intervals resample lesions, and are too narrow where a patient has several.",
    ]
    if few:
        said.insert(0, f"How it does on classes with too few images: {', '.join(few)}.")
    if audited.n_lesions == len(audited):
        said.append("Whether several images show one lesion: each counts as a lesion of its own.")
    return said


def _malignant_part(audited: Audited) -> list[str]:
    """The ROC curve of the malignant classes together, where the card names some and both sides are there."""
    malignant = [i for i, name in enumerate(audited.classes) if name in audited.checkpoint.card.malignant]
    n = int(np.isin(audited.labels, malignant).sum())
    if not malignant or min(n, len(audited) - n) < FEWEST_POSITIVES:
        return []
    from dermaviz.plots.curves import roc_figure

    points = roc_points(*binary_view(audited.labels, audited.probabilities, malignant))
    return [
        "<h2>Does it find what is malignant?</h2>",
        _chart(roc_figure({"malignant classes together": points}), f"{n:,} malignant images of {len(audited):,}."),
    ]


def _confusion(audited: Audited) -> go.Figure:
    from dermaviz.plots.confusion_matrix import confusion_figure

    matrix = confusion_matrix(audited.labels, audited.probabilities).astype(np.int64)
    return confusion_figure(matrix, audited.classes, audited.classes, malignant=audited.checkpoint.card.malignant)


def _calibration(audited: Audited) -> go.Figure:
    from dermaviz.plots.curves import reliability_figure

    return reliability_figure({"the model": reliability(audited.labels, audited.probabilities)})


def _figure_row(row: object) -> tuple[object, ...]:
    found = Estimate(row.value, row.low, row.high)  # type: ignore[attr-defined]
    return row.label, row.n_images, found.value, _interval(found), row.constant  # type: ignore[attr-defined]


def _class_rows(figures: pd.DataFrame, n: int) -> Iterable[tuple[object, ...]]:
    for row in figures[figures["class"] != ""].sort_values(["class", "label"], kind="stable").itertuples():
        judged = FEWEST_POSITIVES <= row.n_positives <= n - FEWEST_POSITIVES
        value = (row.value, _interval(Estimate(row.value, row.low, row.high))) if judged else ("too few images", "")
        yield row[3], int(row.n_positives), row.label, *value


def _interval(found: Estimate) -> str:
    return "" if np.isnan(found.low) else f"{found.low:.3f} to {found.high:.3f}"


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{"undefined" if np.isnan(value) else f"{value:.3f}"}</td>'
    if isinstance(value, int | np.integer):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"


def _chart(figure: go.Figure, caption: str) -> str:
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False})
    return f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>"
