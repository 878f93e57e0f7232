"""The link: what makes up a view, so that Back, a reload and another browser show the same.

Two kinds of choices stand in it. Those of one page belong to widgets with ``bind="query-params"`` and leave with the page.
Those of ``KEPT`` go from page to page: only the link keeps them, a widget shows them, and its callback writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.pages import PAGES, Page
from dermaviz.app.text import FACETS

CHECKPOINT, DATA, IMAGE, CROP, AGE, PRESENT = "checkpoint", "data", "image", "crop", "age", "present"
STEP, TOUR = "step", "tour"
LESSON, PICKS = "lesson", "picks"
"""The lesson's step, and for each step the letter of the choice, a capital one where it is revealed."""
KEPT = (CHECKPOINT, DATA, IMAGE, CROP, AGE, *FACETS, PRESENT)
Value = str | Sequence[str] | None


def asked(name: str) -> str:
    """What the link says of a name; "" where it says nothing."""
    return str(st.query_params.get(name, ""))


def all_asked(name: str) -> list[str]:
    """Every value that the link gives a name."""
    return list(st.query_params.get_all(name))


def ask_for(name: str, value: Value) -> None:
    """Write a value into the link; none, and an empty one, is taken out. What is there already makes no entry in the history."""
    wanted = [value] if isinstance(value, str) and value else list(value or ())
    if wanted == all_asked(name):
        return
    if wanted:
        st.query_params[name] = wanted if len(wanted) > 1 else wanted[0]
    else:
        del st.query_params[name]


def kept(**changed: Value) -> dict[str, str | list[str]]:
    """The parameters that go along to another page, some of them changed."""
    other_image = changed.get(IMAGE, asked(IMAGE)) != asked(IMAGE)  # a crop is of one image
    found: dict[str, Value] = {name: all_asked(name) for name in KEPT} | ({CROP: ""} if other_image else {}) | changed
    return {name: value if isinstance(value, str) else list(value) for name, value in found.items() if value}


def page_called(title: str) -> Page:
    """The page with this title; the first one, Home, where there is none."""
    return next((page for page in PAGES if page.title == title), PAGES[0])


def link_to(title: str, label: str = "", icon: str | None = None, **changed: Value) -> None:
    """A link to a page that keeps the model, data set, filters and image in use, and sets what is given."""
    page = page_called(title)
    st.page_link(page.file, label=label or page.title, icon=icon or page.icon, query_params=kept(**changed))


def choose(
    label: str, words: Mapping[str, str] | Sequence[str], key: str, place: DeltaGenerator | None = None, **more: Any
) -> str:
    """One of these names, each in its words if it has any, in a select box at a place (by default here); the link has its words.

    Streamlit sends the new words, but the browser goes on showing the old ones of what is chosen, and the link keeps them: the
    choice is therefore made once more where its words have changed. Any box whose words follow the model needs this.

    Args:
        more: further arguments of ``st.selectbox``, such as ``help``.
    """
    words = words if isinstance(words, Mapping) else {name: name for name in words}
    chosen, before = str(st.session_state.get(key)), st.session_state.get(f"words of {key}", {})
    if chosen in words and before.get(chosen, words[chosen]) != words[chosen]:
        st.session_state[key] = chosen
    st.session_state[f"words of {key}"] = dict(words)
    names, box = list(words), place.selectbox if place else st.selectbox
    return str(box(label, names, format_func=words.__getitem__, key=key, bind="query-params", **more))


def choose_button(
    label: str, words: Mapping[str, str] | Sequence[str], key: str, place: DeltaGenerator | None = None, **more: Any
) -> str:
    """One of these names, each in its words if it has any, as buttons in a row, at first the first; the link has its words."""
    words = words if isinstance(words, Mapping) else {name: name for name in words}
    row, usual = place.segmented_control if place else st.segmented_control, next(iter(words))
    how: dict[str, Any] = {"required": True, "bind": "query-params", "default": usual} | more
    return str(row(label, list(words), format_func=words.__getitem__, key=key, **how))
