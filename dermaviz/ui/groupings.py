"""UI: groups of photos by their metadata: in words, and in the order in which lists and charts show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from dermaviz.evaluation.cohorts import AGE, AGE_GROUPS
from dermaviz.fairness.tone_groups import GROUPS
from dermaviz.ui.evidence import TONE_GROUP

FACETS = MappingProxyType(
    {
        "sex": "Sex",
        "localization": "Body site",
        "dx_type": "Diagnosis made by",
        TONE_GROUP: "Estimated tone group",
    }
)
"""Columns of metadata to filter by; those that the data set lacks are not offered."""
_VALUE_WORDS = MappingProxyType(
    {
        "histo": "histopathology",
        "follow_up": "follow-up",
        "consensus": "expert consensus",
        "confocal": "confocal microscopy",
        "": "unknown",
    }
)
_ORDERS: Mapping[str, Sequence[str]] = MappingProxyType({AGE: tuple(AGE_GROUPS), TONE_GROUP: GROUPS})


def in_order(names: Iterable[str] | Mapping[str, int], column: str) -> list[str]:
    """The names of a column's groups, each once: in the column's own order where it has one, else the most frequent first.

    A name that the order does not know, such as "" for unknown, comes last. A mapping gives each name's frequency.
    """
    counts = Counter(names)
    order = {name: place for place, name in enumerate(_ORDERS.get(column, ()))}
    return sorted(counts, key=lambda name: (order.get(name, len(order)), name == "", -counts[name], name))


def value_words(value: str) -> str:
    """A value of metadata in words."""
    return _VALUE_WORDS.get(value, value)
