"""The charts of decline and the matrix of corruptions: what is drawn where, and what is said under the pointer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dermaviz.plots.robustness import SIZES, corruption_figure, decline_figure, epsilon_in_words

EPSILONS = (0.0, 1 / 8 / 255, 3e-3, 1 / 255, 8 / 255)


def decline(values: list[float], size: str = "epsilon", sizes: tuple[float, ...] = EPSILONS) -> pd.DataFrame:
    value = np.array(values)
    columns = {size: sizes, "value": value, "low": value - 0.05, "high": value + 0.05, "drop": value[0] - value}
    return pd.DataFrame(columns).assign(n_images=2001)


def lines_of(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data if trace.name}


@pytest.mark.parametrize(
    ("epsilon", "said"),
    [
        (0.0, "0"), (1 / 8 / 255, "0.125/255"), (0.5 / 255, "0.5/255"), (3e-3, "0.77/255"), (1 / 255, "1/255"),
        (8 / 255, "8/255"),
        (1.5 / 255, "1.5/255"), (0.01, "2.55/255"),
    ],
)  # fmt: skip
def test_epsilon_in_words(epsilon: float, said: str) -> None:
    assert epsilon_in_words(epsilon) == said


@pytest.mark.parametrize("size", SIZES)
def test_sizes_keep_their_order_and_begin_at_0(size: str) -> None:
    places = [SIZES[size].place(at) for at in np.linspace(0, 5, 50)]
    assert places[0] == 0
    assert (np.diff(places) > 0).all()


def test_a_line_has_its_band_its_words_and_the_reports_mark() -> None:
    figure = decline_figure({"FGSM": decline([0.8, 0.7, 0.5, 0.4, 0.1])}, "epsilon", "accuracy", ink="#1A2B30")
    line = lines_of(figure)["FGSM"]
    assert list(line.y) == [0.8, 0.7, 0.5, 0.4, 0.1]
    assert list(line.x) == pytest.approx([math.log2(1 + 8 * 255 * epsilon) for epsilon in EPSILONS])
    assert line.hovertext[3] == "ε 1/255: accuracy 40% (35% to 45%)<br>−40.0 points against clean<br>n = 2,001 images"
    band = figure.data[0]
    assert list(band.x) == [*line.x, *line.x[::-1]]
    assert list(band.y) == pytest.approx([0.85, 0.75, 0.55, 0.45, 0.15, 0.05, 0.35, 0.45, 0.65, 0.75])
    assert figure.layout.shapes[0].x0 == pytest.approx(math.log2(1 + 8 * 255 * 3e-3))
    assert figure.layout.annotations[0].text == "0.77/255, as in Gupta et al."
    assert list(figure.layout.xaxis.ticktext) == ["0", "0.125", "1", "8"]  # in grey levels, as the title says


def test_an_axis_that_ends_before_the_mark_has_none() -> None:
    table = decline([0.8, 0.7], sizes=(0.0, 1 / 8 / 255))
    figure = decline_figure({"FGSM": table}, "epsilon", "accuracy")
    assert not figure.layout.shapes
    severity = decline([0.8, 0.7, 0.6], "severity", (0, 1, 5))
    assert not decline_figure({"hair": severity}, "severity", "accuracy").layout.shapes


def test_eight_lines_are_told_apart() -> None:
    tables = {f"class {i}": decline([0.8, 0.7, 0.5, 0.4, 0.1]) for i in range(8)}
    lines = lines_of(decline_figure(tables, "epsilon", "sensitivity")).values()
    assert len({(line.line.color, line.line.dash) for line in lines}) == 8


def test_groups_with_too_few_images_say_so_and_keep_their_colour() -> None:
    few = decline([np.nan] * 5)
    figure = decline_figure({"df": few, "mel": decline([0.8, 0.7, 0.5, 0.4, 0.1])}, "epsilon", "sensitivity")
    lines = lines_of(figure)
    assert len(lines["df: too few to say"].x) == 0
    alone = decline_figure({"x": few, "mel": decline([0.5] * 5)}, "epsilon", "sensitivity")
    assert lines["mel"].line.color == lines_of(alone)["mel"].line.color
    no_interval = decline([0.5] * 5).assign(low=np.nan, high=np.nan)
    figure = decline_figure({"df": no_interval}, "epsilon", "sensitivity")
    assert len(figure.data[0].x) == 0
    assert "50% (no interval)" in lines_of(figure)["df"].hovertext[0]


def test_nothing_to_draw_is_an_empty_chart() -> None:
    figure = decline_figure({"df": decline([np.nan] * 5)}, "epsilon", "sensitivity", baseline=(0.1, "chance"))
    assert all(len(trace.x) == 0 for trace in figure.data)


def test_the_baseline_is_drawn_across_and_named() -> None:
    figure = decline_figure(
        {"FGSM": decline([0.8, 0.7, 0.5, 0.4, 0.1])}, "epsilon", "accuracy", baseline=(0.67, "always nevus")
    )
    line = lines_of(figure)["always nevus: 67%"]
    assert list(line.y) == [0.67, 0.67]
    assert line.x[0] == 0


@pytest.fixture
def corrupted() -> pd.DataFrame:
    hair, jpeg = (decline(values, "severity", (0, 1, 2)) for values in ([0.7, 0.6, 0.3], [0.7, 0.71, np.nan]))
    return pd.concat([hair.assign(corruption="hair"), jpeg.assign(corruption="jpeg")])


def test_the_matrix_colours_what_is_lost_and_says_what_is_left(corrupted: pd.DataFrame) -> None:
    labels = {"jpeg": "JPEG compression", "hair": "Hair"}
    meanings = {"jpeg": ("quality = 30", "quality = 20"), "hair": ("layers = 1", "layers = 2")}
    figure = corruption_figure(corrupted, labels, meanings, "balanced accuracy", ink="#1A2B30")
    heat = figure.data[0]
    np.testing.assert_allclose(np.array(heat.z, dtype=float), [[0, np.nan], [10, 40]], atol=1e-9)  # a gain is no loss
    assert (heat.zmin, heat.zmax) == pytest.approx((0, 40))
    assert heat.colorbar.title.text == "percentage points of balanced accuracy lost; clean: 70%"
    words = {annotation.text for annotation in figure.layout.annotations}
    assert {"71%", "–", "60%", "30%"} <= words
    clicks = figure.data[-1]
    said = {tuple(at): text.replace("<br>", " ") for at, text in zip(clicks.customdata, clicks.hovertext, strict=True)}
    assert said[1, 1] == (
        "Hair, severity 2 (layers = 2): balanced accuracy 30% (25% to 35%), −40.0 points against 70% on the clean "
        "images; n = 2,001 images."
    )
    assert "+1.0 points against" in said[0, 0]
    assert said[0, 1] == "JPEG compression, severity 2 (quality = 20): too few images to say."
    assert "Hair: mean −25.0 points" in said[1, -1]
