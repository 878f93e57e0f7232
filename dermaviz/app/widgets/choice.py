"""A select box whose choice stays while its words change: with another model, another threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def choose(label: str, words: Mapping[str, str], key: str, place: DeltaGenerator | None = None, **more: Any) -> str:
    """One of these names, each in its words, in a select box at a place (by default here); the link has its words.

    Streamlit sends the new words, but the browser goes on showing the old ones of what is chosen, and the link keeps them: the
    choice is therefore made once more where its words have changed. Any box whose words follow the model needs this.

    Args:
        more: further arguments of ``st.selectbox``, such as ``help``.
    """
    chosen, before = str(st.session_state.get(key)), st.session_state.get(f"words of {key}", {})
    if chosen in words and before.get(chosen, words[chosen]) != words[chosen]:
        st.session_state[key] = chosen
    st.session_state[f"words of {key}"] = dict(words)
    names, box = list(words), place.selectbox if place else st.selectbox
    return str(box(label, names, format_func=words.__getitem__, key=key, bind="query-params", **more))
