"""Data: skin tone as people labelled it, or an instrument measured it: which scale a column is on, and each image's level."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from dermaviz.data.tables import USUAL, plain, some

TONE_LABEL = "tone_label"
"""Column of audited images: the labelled tone, in words; "" where nobody labelled it."""
NAMED = "labelled_tone "
"""How a column of metadata begins that the user named as that of tone; its name in their table follows."""
GROUPS = ("very light", "light", "intermediate", "tan", "brown", "dark")
CUTS = (55.0, 41.0, 28.0, 10.0, -30.0)
"""Where each group but the darkest ends, in degrees (Del Bino and Bernerd, Br. J. Dermatol. 169 Suppl. 3:33, 2013)."""
_ROMAN = ("I", "II", "III", "IV", "V", "VI")
_UNKNOWN = frozenset({"", "-1", "-1.0", "unknown", "other", "not applicable"})
_MOST_WORDS = 12
"""A column of more different words than this is no scale of tone."""


@dataclass(frozen=True)
class Scale:
    """A scale of skin tone: its ``levels`` from light to dark, and how a cell is read (the level's place, None for none).

    Levels are compared with the six estimated groups in bands that both fit into: ``bands`` has that of each level and
    ``estimated`` that of each of :data:`GROUPS`; a scale without bands has no order.
    """

    name: str
    levels: tuple[str, ...]
    read: Callable[[str], int | None]
    bands: tuple[int, ...] = ()
    estimated: tuple[int, ...] = tuple(range(len(GROUPS)))


def _type(text: str) -> int | None:
    word = re.sub(
        r"^(fitzpatrick|skin|photo)?[\s_]*(type|fst)?[\s_]*|\.0$", "", text.strip(), flags=re.IGNORECASE
    ).upper()
    return _ROMAN.index(word) if word in _ROMAN else int(word) - 1 if re.fullmatch("[1-6]", word) else None


def _pair(text: str) -> int | None:
    ends = re.fullmatch(r"([1-6])[\s,/–-]*([1-6])(\.0)?", text) or re.fullmatch(
        r"(I+|I?VI?)\s*[,/–-]\s*(I+|I?VI?)", text
    )
    first, second = (_type(end) for end in ends.groups()[:2]) if ends else (None, None)
    return first // 2 if first is not None and first % 2 == 0 and second == first + 1 else None


def _monk(text: str) -> int | None:
    number = re.fullmatch(r"(?:monk|mst)?[\s_]*(?:scale|tone)?[\s_]*0?(10|[1-9])(?:\.0)?", text, flags=re.IGNORECASE)
    return int(number[1]) - 1 if number else None


def _degrees(text: str) -> int | None:
    try:
        return sum(float(text) <= cut for cut in CUTS)
    except ValueError:
        return None


def _word(text: str) -> int | None:
    return GROUPS.index(text.lower()) if text.lower() in GROUPS else None


PAIRS = Scale(
    "Fitzpatrick types in pairs", ("types I–II", "types III–IV", "types V–VI"), _pair, (0, 1, 2), (0, 0, 1, 1, 2, 2)
)
FITZPATRICK = Scale("Fitzpatrick type", tuple(f"type {number}" for number in _ROMAN), _type, tuple(range(6)))
MONK = Scale("Monk scale", tuple(f"Monk {i}" for i in range(1, 11)), _monk, (0, 0, 0, 0, 1, 3, 4, 5, 5, 5))
"""Its bands are the groups of the ITA of its ten published colours (skintone.google, 2022)."""
WORDS = Scale("group", GROUPS, _word, tuple(range(6)))
ITA = Scale("measured ITA", GROUPS, _degrees, tuple(range(6)))
SCALES = (PAIRS, FITZPATRICK, MONK, WORDS)


@dataclass(frozen=True)
class ToneLabels:
    """The tone of each image as labelled: the ``scale`` of ``column``, and the ``levels`` in words ``[N]``, "" for unknown.
    ``unread`` are words in it that the scale does not have: they count as unknown."""

    scale: Scale
    column: str
    levels: tuple[str, ...]
    unread: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What was taken for what, in a sentence."""
        n = sum(level != "" for level in self.levels)
        unread = f"; not read: {some(map(repr, self.unread))}" if self.unread else ""
        return f"Skin tone in {self.column!r}: {self.scale.name}, of {n:,} of {len(self.levels):,} images{unread}."


def tone_labels(table: pd.DataFrame) -> ToneLabels | None:
    """The labels of skin tone in a table of metadata; None where it has none.

    The column that the user named, else one of a usual name (``fitzpatrick_skin_type``, ``skin_tone``, ``monk_skin_tone``,
    ``ita`` …), is on the scale on which its cells can be read. Words that are on none, such as ``not asked``, are unknown
    where fewer than half are such; else all are taken as they are.
    """
    named = {plain(column): str(column) for column in reversed(table.columns)}
    asked = [(plain(column[len(NAMED) :]), column) for column in map(str, table) if column.startswith(NAMED)]
    usual = [(name, named[name]) for name in (*USUAL["tone"], "ita", "measured_ita") if name in named]
    for name, column in (*asked, *usual):
        cells = [str(cell).strip() for cell in table[column].fillna("")]
        known = [cell for cell in cells if cell.lower() not in _UNKNOWN]
        strange = {cell for cell in set(known) if not any(scale.read(cell) is not None for scale in (*SCALES, ITA))}
        rest = [cell for cell in known if cell not in strange]
        unread = tuple(sorted(strange)) if 2 * len(rest) > len(known) else ()
        scale = _scale_of(name, rest if unread else known)
        if scale is not None:
            levels = (
                scale.read(cell) if cell.lower() not in {*_UNKNOWN, *map(str.lower, unread)} else None for cell in cells
            )
            words = tuple("" if at is None else scale.levels[at] for at in levels)
            return ToneLabels(scale, column.removeprefix(NAMED), words, unread)
    return None


def _scale_of(name: str, known: Sequence[str]) -> Scale | None:
    if not known:
        return None
    if "ita" in name.split("_"):
        return ITA if all(_degrees(cell) is not None for cell in known) else None
    scales = (MONK,) if "monk" in name or name == "mst" else SCALES
    fitting = next((scale for scale in scales if all(scale.read(cell) is not None for cell in known)), None)
    words = tuple(sorted(set(known)))
    if fitting or len(words) > _MOST_WORDS or any(_degrees(word) is not None for word in words):
        return fitting
    return Scale("as given", words, words.index)


def scale_of(levels: Iterable[str]) -> Scale | None:
    """The scale that these levels are of; None where none of the known ones has them all."""
    there = set(levels) - {""}
    return next((scale for scale in (*SCALES, ITA) if there and there <= set(scale.levels)), None)
