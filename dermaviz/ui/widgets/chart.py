"""Widget: a chart with one sentence under it, which is also what a screen reader says of it; figures with intervals."""

from __future__ import annotations

import math

import plotly.graph_objects as go
import streamlit as st

from dermaviz.figures.confusion import signed
from dermaviz.figures.palette import INK


def ink() -> str | None:
    """Colour of words on the theme in use."""
    return INK.get(st.context.theme.type or "")


def show_chart(figure: go.Figure, key: str, sentence: str) -> None:
    """A chart that is looked at, not used: no tool bar, no zooming, its sentence as caption and for screen readers."""
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=sentence.replace("*", ""))
    st.caption(sentence)


def with_interval(value: float, low: float, high: float, *, change: bool = False) -> str:
    """Three decimals, a ``change`` with its sign: ``0.041 (0.033 to 0.062)``; a dash where it is undefined."""
    if math.isnan(value):
        return "–"
    said, first, last = (signed(number, 3) if change else f"{number:.3f}" for number in (value, low, high))
    return said if math.isnan(low) else f"{said} ({first} to {last})"
