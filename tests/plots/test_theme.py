"""The theme: words are readable on every colour, intervals are drawn as they are, numbers are written without false certainty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from plotly.colors import hex_to_rgb

from dermaviz.plots.theme import (
    BENIGN,
    INK,
    MALIGNANT,
    ON_DARK,
    SERIES,
    as_given,
    band,
    chart,
    colour_at,
    diverging_scale,
    interval_bars,
    percent,
    plain,
    sequential_scale,
    signed,
    styled,
    words_on,
)
from dermaviz.plots.tone import DOTS

THEMES = ["light", "dark"]
MARKUP = [
    "<b>",
    "</a>",
    "<a href='http://x'>",
    "<span style='cursor:url(http://x)'>",
    "<BR/>",
    "&lt;b&gt;",
    "&#60;",
    "%{x}",
]


@pytest.mark.parametrize("words", MARKUP)
def test_markup_from_outside_is_parted_and_can_be_had_back(words: str) -> None:
    assert words not in plain(words)
    assert plain(words).replace("\u2060", "") == as_given(plain(words)) == words


@pytest.mark.parametrize("words", ["<1%", "a < b", "R&D", "5% {n}", "melanoma", ""])
def test_plain_words_stay_as_they_are(words: str) -> None:
    assert plain(words) == words


def test_no_text_given_to_a_chart_is_markup_and_its_own_is() -> None:
    @chart
    def inner(words: str) -> go.Figure:
        return go.Figure(layout={"title": words})

    @chart
    def outer(table: pd.DataFrame, *given: Any, **named: Any) -> go.Figure:
        assert "<b>" not in repr([table.to_numpy().tolist(), given, [*named.values()]])
        assert table.columns.tolist() == ["<b>", "n"]  # names of columns are our own
        assert table["n"].dtype == "int64"
        return inner(f"<b>{given[1][0]}</b>")

    hostile = "<b>x</b>"
    made = outer(
        pd.DataFrame({"<b>": pd.Categorical([hostile]), "n": [1]}), {hostile: [hostile]}, (hostile, 1.0), frozenset([hostile]),
        lines={hostile: pd.Series([hostile, None])}, names=np.array([hostile]), ink=None,
    )  # fmt: skip
    assert json.loads(made.to_json())["layout"]["title"]["text"].count("<b>") == 1


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance by the W3C's definition, in NumPy."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first: float, second: float) -> float:
    """Contrast ratio of two luminances."""
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scale_of", [sequential_scale, diverging_scale])
def test_words_are_readable_on_every_colour(theme: str, scale_of: object) -> None:
    scale = scale_of(INK[theme])  # type: ignore[operator]
    for share in np.linspace(0, 1, 101):
        colour = colour_at(scale, share)
        assert contrast(luminance(colour), {"#FFFFFF": 1.0, "#000000": 0.0}[words_on(colour)]) >= 4.5


def test_on_the_dark_ground_every_colour_of_a_chart_stands_out() -> None:
    ground = np.array(hex_to_rgb(ON_DARK["white"]))
    assert ON_DARK["white"] in (Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text()

    @chart
    def draw(*, ink: str | None) -> go.Figure:
        bands = [band([0, 1], [0, 0], [1, 1], n) for n in range(len(SERIES))]
        bars = go.Bar(marker={"color": BENIGN, "pattern": {"fgcolor": "white"}})
        dots = go.Scatter(error_x={"array": [1], "color": MALIGNANT}, marker={"color": ["#0072B2"]})
        return go.Figure([*bands, bars, dots], {"title": f"<span style='color:{BENIGN}'>n</span>"})

    light, dark = draw(ink=INK["light"]), draw(ink=INK["dark"])
    assert [one.line.color for one in light.data[: len(SERIES)]] == [*SERIES]
    assert dark.data[-1].error_x.color == ON_DARK[MALIGNANT]
    assert dark.data[-1].marker.color == ("#0072B2",)
    assert dark.data[-2].marker.pattern.fgcolor == ON_DARK["white"]
    assert ON_DARK[BENIGN] in dark.layout.title.text
    for n, (line, shade) in enumerate((one.line.color, one.fillcolor) for one in dark.data[: len(SERIES)]):
        assert contrast(luminance(hex_to_rgb(line)), luminance(ground)) >= 4.5
        assert shade.startswith(f"rgba{hex_to_rgb(ON_DARK.get(SERIES[n], SERIES[n]))}"[:-1])
    for colour in (ON_DARK[BENIGN], ON_DARK[MALIGNANT]):  # dots through which others are seen
        mixed = DOTS * np.array(hex_to_rgb(colour)) + (1 - DOTS) * ground
        assert contrast(luminance(mixed), luminance(ground)) >= 4.5


@pytest.mark.parametrize(
    ("colour", "words"), [((255, 255, 255), "#000000"), ((0, 0, 0), "#FFFFFF"), ((0, 0, 255), "#FFFFFF")]
)
def test_words_are_black_or_white(colour: tuple[int, int, int], words: str) -> None:
    assert words_on(colour) == words


@pytest.mark.parametrize(("theme", "sign"), [("light", -1), ("dark", 1)])
def test_more_is_ever_further_from_the_page(theme: str, sign: int) -> None:
    lightness = [luminance(colour_at(sequential_scale(INK[theme]), share)) for share in np.linspace(0, 1, 101)]
    assert (sign * np.diff(lightness) > 0).all()


@pytest.mark.parametrize(("theme", "sign"), [("light", -1), ("dark", 1)])
def test_differences_leave_the_page_on_both_sides(theme: str, sign: int) -> None:
    lightness = np.array([luminance(colour_at(diverging_scale(INK[theme]), share)) for share in np.linspace(0, 1, 101)])
    assert (sign * np.diff(lightness[50:]) > 0).all()
    assert (sign * np.diff(lightness[50::-1]) > 0).all()


def test_without_a_theme_the_scale_is_that_of_the_light_one() -> None:
    assert sequential_scale(None) == sequential_scale(INK["light"])


def test_a_scale_is_mixed_between_its_stops_and_ends_where_it_ends() -> None:
    scale = ((0.0, "#000000"), (1.0, "#C86432"))
    assert colour_at(scale, 0.5) == pytest.approx((100, 50, 25))
    assert colour_at(scale, 1.5) == pytest.approx((200, 100, 50))


def test_series_have_colours_of_their_own() -> None:
    assert len(set(SERIES)) == len(SERIES)


def test_the_bars_reach_from_the_lower_to_the_upper_bound() -> None:
    value, low, high = pd.Series([0.5, 0.75]), pd.Series([0.25, 0.5]), pd.Series([1.0, 0.875])

    bars = interval_bars(value, low, high, "#123456", thickness=1, width=3)

    assert (value + bars["array"]).tolist() == [1.0, 0.875]
    assert (value - bars["arrayminus"]).tolist() == [0.25, 0.5]
    assert (bars["color"], bars["thickness"], bars["width"]) == ("#123456", 1, 3)


@pytest.mark.parametrize(
    ("probability", "said"),
    [(0.0, "0%"), (0.004, "<1%"), (0.0149, "1%"), (0.375, "38%"), (0.9949, ">99%"), (0.9999, ">99%"), (1.0, "100%")],
)
def test_percentages_never_round_to_a_false_certainty(probability: float, said: str) -> None:
    assert percent(probability) == said


@pytest.mark.parametrize(
    ("number", "digits", "said"), [(3, 0, "+3"), (-1234, 0, "−1,234"), (0, 0, "0"), (-0.04, 1, "0"), (-0.06, 1, "−0.1")]
)
def test_signed_numbers(number: float, digits: int, said: str) -> None:
    assert signed(number, digits) == said


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("accuracy, 0 to 1", ["accuracy, 0 to 1"]),
        ("share of malignant lesions found, 0 to 1", ["share of malignant", "lesions found, 0 to 1"]),
        ("false positive rate (1 − specificity), 0 to 1", ["false positive rate", "(1 − specificity), 0 to 1"]),
        ("energy in lesion ÷ lesion area (log scale)", ["energy in lesion ÷", "lesion area (log scale)"]),
        (
            "Melanoma: sensitivity at p ≥ 0.5, 0 to 1; n: melanoma",
            ["Melanoma: sensitivity at", "p ≥ 0.5, 0 to 1; n: melanoma"],
        ),
    ],
)
def test_a_long_title_is_broken_into_lines_of_much_the_same_length(title: str, lines: list[str]) -> None:
    figure = styled(go.Figure().update_xaxes(title={"text": title}), 300, None)
    assert figure.layout.xaxis.title.text.replace("\N{NO-BREAK SPACE}", " ") == "<br>".join(lines)
