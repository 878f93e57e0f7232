"""One parameter of a drawing changed alone: skin, light and camera move no mask, colour moves no outline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dermaviz.data.records import HAM10000
from dermaviz.synthetic import ARTEFACT_NAMES, FORMS, LAMPS, Parameters, draw
from dermaviz.synthetic.structures import STRUCTURES

SIZE = 64
shares = st.floats(0, 1)
SURROUNDINGS = {
    "ita": st.floats(-60, 70),
    "redness": shares,
    "texture": shares,
    "uneven_light": shares,
    "vignette": shares,
    "lamp": st.sampled_from(list(LAMPS)),
    "artefacts": st.lists(st.sampled_from(ARTEFACT_NAMES), max_size=2, unique=True).map(tuple),
}
INSIDE = ("pigment", "blood", "edge", *(name for name in STRUCTURES if name != "streaks"))  # streaks reach out
one_of_the_surroundings = st.sampled_from(list(SURROUNDINGS)).flatmap(
    lambda name: SURROUNDINGS[name].map(lambda value: {name: value})
)
one_inside = st.one_of(
    st.builds(lambda name, value: {name: value}, st.sampled_from(INSIDE), shares),
    st.integers(1, 6).map(lambda value: {"colours": value}),
)
drawings = st.builds(
    Parameters, dx=st.sampled_from(list(HAM10000.classes)), seed=st.integers(0, 2**40), size=st.just(SIZE)
)


@settings(max_examples=20, deadline=None)
@given(parameters=drawings, change=one_of_the_surroundings)
def test_nothing_round_the_lesion_moves_its_mask(parameters: Parameters, change: dict[str, Any]) -> None:
    assert np.array_equal(draw(parameters).mask, draw(replace(parameters, **change)).mask)


@settings(max_examples=20, deadline=None)
@given(parameters=drawings, change=one_inside)
def test_nothing_inside_the_lesion_moves_its_mask(parameters: Parameters, change: dict[str, Any]) -> None:
    changed = replace(parameters, form=replace(FORMS[parameters.dx], **change))
    assert np.array_equal(draw(parameters).mask, draw(changed).mask)


@settings(max_examples=10, deadline=None)
@given(parameters=drawings, change=one_of_the_surroundings, names=st.sets(st.sampled_from(ARTEFACT_NAMES), min_size=2))
def test_artefacts_stay_where_they_are(parameters: Parameters, change: dict[str, Any], names: set[str]) -> None:
    change.pop("artefacts", None)
    both = draw(replace(parameters, artefacts=tuple(names)))
    for name in names:
        alone = draw(replace(parameters, artefacts=(name,), **change))
        assert np.array_equal(alone.artefact_masks[name], both.artefact_masks[name])
