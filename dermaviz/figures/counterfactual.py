"""Figures: one photo's probability against the tone of its skin, beside changes of the same size that are no tone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from dermaviz.figures.axes import dress, pen, shares
from dermaviz.figures.palette import MUTED
from dermaviz.figures.probabilities import percent

_HEIGHT = 380
_SIGNS = ("circle", "square", "diamond")


def counterfactual_figure(
    table: pd.DataFrame,
    names: Mapping[str, str],
    measure: str,
    *,
    cuts: Sequence[float] = (),
    marks: Mapping[str, float] | None = None,
    ink: str | None = None,
) -> go.Figure:
    """A line against ITA for each axis along which a photo was shifted.

    Args:
        table: rows ``axis, ita`` (degrees), ``value`` (a probability in [0, 1]) and ``said`` (what the model says there).
        names: axis to its name in words; their order is that of the lines.
        measure: what is on the vertical axis, in words.
        cuts: ITAs at which tone groups meet, as dotted lines.
        marks: name to ITA of lines to find oneself by, such as the photo's own tone.
        ink: colour of the words, of the page's theme; by default Plotly's.
    """
    figure = go.Figure()
    for index, (axis, name) in enumerate(names.items()):
        rows = table[table["axis"] == axis].sort_values("ita")
        said = [
            f"ITA {_degrees(ita)}: {measure} {percent(value)}<br>{words}"
            for ita, value, words in zip(rows["ita"], rows["value"], rows["said"], strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=rows["ita"],
                y=rows["value"],
                name=name,
                mode="lines+markers",
                line=pen(index),
                marker={"size": 7, "symbol": _SIGNS[index % len(_SIGNS)]},
                hovertext=said,
                hovertemplate=f"%{{hovertext}}<extra>{name}</extra>",
            )
        )
    for cut in cuts:
        figure.add_vline(x=cut, line={"color": MUTED, "width": 1, "dash": "dot"})
    for place, (name, at) in enumerate((marks or {}).items()):
        figure.add_vline(x=at, line={"color": ink or MUTED, "width": 1.5})
        figure.add_annotation(
            x=at, y=1 - 0.08 * place, yref="y domain", yanchor="top", xshift=2, text=name, showarrow=False,
            xanchor="right" if at > 20 else "left", font={"color": ink, "size": 12},
        )  # fmt: skip
    first, last = float(table["ita"].min()), float(table["ita"].max())
    figure.update_xaxes(
        title={"text": "ITA in degrees: dark on the left, very light on the right", "standoff": 6},
        range=[first - 2, last + 2], dtick=20, tick0=0,
    )  # fmt: skip
    figure.update_yaxes(**shares(f"{measure}, 0 to 1"), tickformat=".0%")
    return dress(figure, _HEIGHT, ink)


def _degrees(ita: float) -> str:
    return f"{ita:.0f}°".replace("-", "−")
