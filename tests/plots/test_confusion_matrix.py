"""The confusion matrix as a figure: what its cells show and say, and what a click on it carries."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from dermaviz.plots.confusion_matrix import cell_sentence, confusion_figure, difference_figure, header_sentence, shares
from dermaviz.plots.theme import INK

CLASSES = ["mel", "nv", "df"]
NAMES = {"mel": "melanoma", "nv": "nevus", "df": "dermatofibroma"}
MATRIX = np.array([[6, 3, 1], [4, 95, 1], [0, 0, 0]])


def words(figure: go.Figure) -> dict[tuple[float, float], str]:
    """The words in the cells by row and column, their two lines joined by a bar."""
    found = {}
    for note in figure.layout.annotations:
        if note.x >= 0 and note.y >= 0:
            found[(int(note.y), int(note.x))] = note.text.replace('<br><span style="font-size:10px">', "|").replace(
                "</span>", ""
            )
    return found


@pytest.mark.parametrize(
    ("shown", "cell", "value"),
    [
        ("counts", (0, 1), 3),
        ("true", (0, 1), 0.3),
        ("predicted", (0, 1), 3 / 98),
        ("all", (0, 1), 3 / 110),
        ("true", (2, 0), math.nan),
        ("predicted", (2, 2), 0),
    ],
)
def test_shares_by_hand(shown: str, cell: tuple[int, int], value: float) -> None:
    assert shares(MATRIX, shown)[cell] == pytest.approx(value, nan_ok=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [("counts", "3"), ("true", "30%|3"), ("predicted", "3%|3"), ("all", "3%|3")],
)
def test_cells_say_the_share_and_the_number(shown: str, wanted: str) -> None:
    assert words(confusion_figure(MATRIX, CLASSES, CLASSES, shown))[(0, 1)] == wanted  # type: ignore[arg-type]


def test_a_class_without_images_has_no_share() -> None:
    figure = confusion_figure(MATRIX, CLASSES, CLASSES, "true")
    assert words(figure)[(2, 0)] == "–"
    assert np.isnan(np.array(figure.data[0].z, dtype=float)[2]).all()


def test_a_hidden_diagonal_is_blank_and_the_others_share_the_whole_scale() -> None:
    figure = confusion_figure(MATRIX, CLASSES, CLASSES, "counts", hide_diagonal=True)
    assert np.isnan(np.diag(np.array(figure.data[0].z, dtype=float))).all()
    assert not {(k, k) for k in range(3)} & words(figure).keys()
    assert figure.data[0].zmax == 4


def test_log_colour_leaves_zeros_without_colour_and_names_powers_of_ten() -> None:
    figure = confusion_figure(MATRIX, CLASSES, CLASSES, "counts", log_colour=True)
    colours = np.array(figure.data[0].z, dtype=float)
    assert np.isnan(colours[2]).all()
    assert colours[0, 2] == 0
    assert colours[1, 1] == pytest.approx(math.log10(95))
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 2)
    assert list(figure.data[0].colorbar.ticktext) == ["1", "10", "100"]
    assert words(figure)[(2, 0)] == "0"


def test_log_colour_of_shares_is_named_in_percent() -> None:
    figure = confusion_figure(MATRIX, CLASSES, CLASSES, "true", log_colour=True)
    assert list(figure.data[0].colorbar.ticktext) == ["1%", "10%", "100%"]


@pytest.mark.parametrize("log_colour", [False, True])
@pytest.mark.parametrize("shown", ["counts", "true", "predicted", "all"])
def test_an_empty_cohort_is_a_matrix_too(shown: str, log_colour: bool) -> None:
    figure = confusion_figure(np.zeros((2, 2), int), ["a", "b"], ["a", "b"], shown, log_colour=log_colour)  # type: ignore[arg-type]
    assert len(words(figure)) == 4


def test_every_cell_row_and_column_can_be_clicked() -> None:
    clicks = confusion_figure(MATRIX[:2], CLASSES[:2], CLASSES).data[-1]
    wanted = {(i, j) for i in range(2) for j in range(3)} | {(i, -1) for i in range(2)} | {(-1, j) for j in range(3)}
    assert {tuple(data) for data in clicks.customdata} == wanted
    assert clicks.hovertemplate
    assert 0 < clicks.marker.opacity < 0.05
    assert clicks.selected.marker.opacity == clicks.unselected.marker.opacity == clicks.marker.opacity


@pytest.mark.parametrize("name", ["a", "squamous cell carcinoma"])
def test_the_nearest_marker_to_any_place_is_that_of_its_cell(name: str) -> None:
    figure = confusion_figure(np.ones((2, 3), int), [name, "b"], [name, "b", "c"])
    clicks, left, top = figure.data[-1], figure.layout.xaxis.range[0], figure.layout.yaxis.range[1]
    at, data = np.column_stack([clicks.x, clicks.y]).astype(float), np.array(clicks.customdata)
    for x in np.arange(left + 0.01, 2.5, 0.09):
        for y in np.arange(top + 0.01, 1.5, 0.09):
            if x < -0.5 and y < -0.5:
                continue  # the empty corner
            wanted = [-1 if y < -0.5 else math.floor(y + 0.5), -1 if x < -0.5 else math.floor(x + 0.5)]
            assert data[np.square(at - (x, y)).sum(1).argmin()].tolist() == wanted


@pytest.mark.parametrize(
    ("selected", "box"),
    [((0, 2), (1.5, 2.5, -0.5, 0.5)), ((1, -1), (None, 2.5, 0.5, 1.5)), ((-1, 0), (-0.5, 0.5, None, 2.5))],
)
def test_the_selected_cell_row_or_column_is_outlined(selected: tuple[int, int], box: tuple[float | None, ...]) -> None:
    figure = confusion_figure(MATRIX, CLASSES, CLASSES, selected=selected)
    left, top = figure.layout.xaxis.range[0], figure.layout.yaxis.range[1]
    x0, x1, y0, y1 = box
    for shape in figure.layout.shapes:
        assert (shape.x0, shape.x1) == (left if x0 is None else x0, x1)
        assert (shape.y0, shape.y1) == (top if y0 is None else y0, y1)
    assert {shape.line.color for shape in figure.layout.shapes} == {"#FFFFFF", "#000000"}


def test_nothing_is_outlined_unless_selected() -> None:
    assert not confusion_figure(MATRIX, CLASSES, CLASSES).layout.shapes


def test_malignant_classes_are_marked_on_both_axes_and_the_sign_is_explained() -> None:
    figure = confusion_figure(MATRIX, CLASSES, CLASSES, malignant={"mel"})
    marked = [note.text for note in figure.layout.annotations if "▨" in note.text]
    assert len(marked) == 3
    assert any(text.endswith("malignant") for text in marked)
    assert sum("mel<br>" in text for text in marked) == 2


@pytest.mark.parametrize(("n", "upright"), [(3, False), (4, False), (7, True)])
def test_long_names_of_columns_are_broken_where_there_is_room_and_else_stand_upright(n: int, upright: bool) -> None:
    names = ["melanoma", "nevus", "dermatofibroma", "basal cell carcinoma", "akiec", "bkl", "df"][:n]
    figure = confusion_figure(np.ones((3, n), dtype=int), CLASSES, names)
    heads = [note for note in figure.layout.annotations if note.y == -0.5]
    assert [note.textangle for note in heads] == [-90 if upright else None] * n
    assert ("dermatofibroma" in heads[2].text) == upright
    if not upright:
        assert "dermato-<br>fibroma" in heads[2].text


def test_words_take_the_ink_of_the_page() -> None:
    figure = confusion_figure(MATRIX, CLASSES, CLASSES, ink=INK["dark"])
    assert {note.font.color for note in figure.layout.annotations if note.y == -0.5} == {INK["dark"]}


@pytest.mark.parametrize(
    ("cell", "shown", "said"),
    [
        ((0, 1), "true", "3 of 10 melanoma images are predicted as nevus (30.0%)."),
        ((0, 1), "counts", "3 of 10 melanoma images are predicted as nevus (30.0%)."),
        ((1, 2), "true", "1 of 100 nevus images is predicted as dermatofibroma (1.0%)."),
        ((0, 1), "predicted", "3 of 98 images predicted as nevus are melanoma (3.1%)."),
        ((0, 1), "all", "3 of 110 images are melanoma predicted as nevus (2.7%)."),
        ((2, 0), "true", "0 of 0 dermatofibroma images are predicted as melanoma."),
    ],
)
def test_a_cell_in_words(cell: tuple[int, int], shown: str, said: str) -> None:
    assert cell_sentence(MATRIX, CLASSES, CLASSES, cell, shown, NAMES) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ((0, -1), "10 images are melanoma; 6 of them are predicted so (60.0%)."),
        ((-1, 1), "98 images are predicted as nevus; 95 of them are so (96.9%)."),
        ((2, -1), "0 images are dermatofibroma."),
    ],
)
def test_a_row_and_a_column_in_words(header: tuple[int, int], said: str) -> None:
    assert header_sentence(MATRIX, CLASSES, CLASSES, header, NAMES) == said


def test_a_matrix_that_is_not_square_knows_no_right_answers() -> None:
    assert header_sentence(MATRIX[:2], CLASSES[:2], CLASSES, (0, -1)) == "10 images are mel."
    assert len(words(confusion_figure(MATRIX[:2], CLASSES[:2], CLASSES, hide_diagonal=True))) == 6


AFTER = np.array([[8, 2, 0], [4, 95, 1], [0, 0, 0]])


@pytest.mark.parametrize(("shown", "gained", "lost"), [("counts", "+2", "−1"), ("true", "+20.0|+2", "−10.0|−1")])
def test_a_difference_has_its_sign_written_out(shown: str, gained: str, lost: str) -> None:
    figure = difference_figure(MATRIX, AFTER, CLASSES, CLASSES, shown)  # type: ignore[arg-type]
    assert words(figure)[(0, 0)] == gained
    assert words(figure)[(0, 1)] == lost
    assert words(figure)[(1, 1)].startswith("0")
    assert figure.data[0].zmin == -figure.data[0].zmax


def test_a_difference_says_both_models_and_has_the_same_clicks() -> None:
    figure = difference_figure(MATRIX, AFTER, CLASSES, CLASSES, names=NAMES, models=("first", "second"))
    clicks = figure.data[-1]
    said = dict(zip(map(tuple, clicks.customdata), clicks.hovertext, strict=True))
    assert said[(0, 1)].replace("<br>", " ") == (
        "first: 3 of 10 melanoma images are predicted as nevus (30.0%). second: 2 (−1)."
    )
    assert said[(-1, 0)].replace("<br>", " ") == "melanoma is predicted by first for 10 images, by second for 12."
    same = confusion_figure(MATRIX, CLASSES, CLASSES).data[-1]
    assert [tuple(d) for d in clicks.customdata] == [tuple(d) for d in same.customdata]


def test_equal_matrices_differ_nowhere() -> None:
    figure = difference_figure(MATRIX, MATRIX, CLASSES, CLASSES, "counts")
    assert set(words(figure).values()) == {"0"}


def test_of_different_images_both_counts_are_shown_and_not_their_difference() -> None:
    counts = np.array([[30, 10], [5, 5]]), np.array([[3, 1], [1, 3]])
    figure = difference_figure(*counts, ("a", "b"), ("a", "b"), models=("home", "away"), same_images=False)
    texts = " ".join(str(note.text) for note in figure.layout.annotations)
    assert all(words in texts for words in ("+25.0", "5 → 3", "35 → 4"))
    assert not any(words in texts for words in ("−27", "−31"))
