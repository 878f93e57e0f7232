"""The charts that `dermaviz.plots` offers: each row is a documented function, and a chart is added by a function and a row."""

from __future__ import annotations

import sys
from inspect import signature
from types import MappingProxyType, ModuleType

import pandas as pd
import plotly.graph_objects as go
import pytest

from dermaviz import plots


@pytest.mark.parametrize("name", plots.CHARTS)
def test_every_chart_is_a_documented_function_and_no_module_hides_it(name: str) -> None:
    chart = getattr(plots, name)
    assert callable(chart)
    assert chart.__doc__
    assert not isinstance(chart, ModuleType)
    assert hasattr(chart, "__wrapped__"), "not marked theme.chart: names would be read as markup"
    assert "ink" in signature(chart).parameters


def test_a_chart_is_drawn_from_a_plain_table() -> None:
    table = pd.DataFrame(
        {"group": ["a", "b"], "value": [0.5, 0.7], "low": [0.4, 0.6], "high": [0.6, 0.8], "n_images": [9, 8]}
    )
    figure = plots.groups(table, "accuracy, 0 to 1")
    assert isinstance(figure, go.Figure)
    assert list(figure.data[0].x) == [0.5, 0.7]
    assert "n = 9" in figure.layout.yaxis.ticktext[0]


def test_a_metric_with_a_sign_has_an_axis_even_about_zero() -> None:
    table = pd.DataFrame({"group": ["a"], "value": [-0.1], "low": [-0.2], "high": [0.1], "n_images": [9]})
    low, high = plots.groups(table, "bias", around_zero=True).layout.xaxis.range
    assert low == -high < -0.2


def test_adding_a_chart_is_a_function_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def bars(values: list[float]) -> go.Figure:
        return go.Figure(go.Bar(y=values))

    module = ModuleType("dermaviz.plots.mine")
    module.bars = bars  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dermaviz.plots.mine", module)
    monkeypatch.setattr(plots, "CHARTS", MappingProxyType({**plots.CHARTS, "bars": "mine:bars"}))
    assert list(plots.bars([1.0, 2.0]).data[0].y) == [1, 2]


def test_an_unknown_chart_names_those_there_are() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'pie'; its charts are confusion, .*roc"):
        plots.pie  # noqa: B018
