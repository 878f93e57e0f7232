"""Which attention methods can be trusted, from evidence: ranked beside a random map, and held against a network made random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd
import streamlit as st

from dermaviz.errors import EvidenceError
from dermaviz.explain.methods import METHODS
from dermaviz.ui.evidence import Audited, table_of

FAITHFULNESS, RANDOMISATION = "faithfulness", "randomisation"
"""Tables of evidence."""
CONTROLS: Mapping[str, str] = MappingProxyType({"random": "a random map", "centre": "a spot in the centre"})
HARDLY_CHANGES = "hardly changes"
"""The verdict of ``audits.ranking.what_is_left`` that a warning belongs to."""


@dataclass(frozen=True)
class Score:
    """A score of faithfulness: its name in words, and the ends of its axis."""

    label: str
    span: tuple[float, float]


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "road": Score("ROAD (−1 to 1, higher is better, 0 is chance)", (-0.25, 1.0)),
        "deletion": Score("deletion (0 to 1, lower is better)", (0.0, 1.0)),
        "insertion": Score("insertion (0 to 1, higher is better)", (0.0, 1.0)),
    }
)


def method_name(method: str) -> str:
    """A method or a control as people read it."""
    return METHODS[method].label if method in METHODS else CONTROLS.get(method, method)


def ranking(audited: Audited, score: str) -> pd.DataFrame:
    """Every method and both controls by a score, the best first, on those of the images that were measured.

    Returns:
        See ``audits.ranking.rank_methods``; with ``label``, the method in words.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or is of none of these images.
    """
    return _ranking(audited.key, table_of(audited.checkpoint, FAITHFULNESS).manifest.sha256, score, audited)


def what_is_left(audited: Audited) -> pd.DataFrame:
    """How much of each method's map is left as the network is made random: see ``audits.ranking.what_is_left``.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or is of none of these images.
    """
    return _what_is_left(audited.key, table_of(audited.checkpoint, RANDOMISATION).manifest.sha256, audited)


def stays_alike(left: pd.DataFrame) -> list[str]:
    """The methods whose maps hardly change although all weights are random."""
    last = left[left["step"] == left["step"].max()]
    return last.loc[last["verdict"] == HARDLY_CHANGES, "method"].tolist()


@st.cache_data(max_entries=32, show_spinner="Computing the intervals …")
def _ranking(key: str, table: str, score: str, _audited: Audited) -> pd.DataFrame:
    from dermaviz.audits.ranking import rank_methods

    rows = _measured(_audited, FAITHFULNESS)
    found = rank_methods(rows, _lesions(_audited), [score])
    return found.assign(label=found["method"].map(method_name))


@st.cache_data(max_entries=16, show_spinner="Computing the intervals …")
def _what_is_left(key: str, table: str, _audited: Audited) -> pd.DataFrame:
    from dermaviz.audits.ranking import what_is_left

    return what_is_left(_measured(_audited, RANDOMISATION), _lesions(_audited))


def _lesions(audited: Audited) -> dict[str, str]:
    return dict(zip(audited.table["image_id"], audited.table["lesion_id"], strict=True))


def _measured(audited: Audited, name: str) -> pd.DataFrame:
    """The rows of a table of these images."""
    table = table_of(audited.checkpoint, name).table
    mine = table[table["image_id"].isin(audited.table["image_id"])]
    if mine.empty:
        raise EvidenceError(
            f"expected some of the {table['image_id'].nunique():,} images on which methods were measured, found none in this "
            "cohort. Widen the cohort."
        )
    return mine
