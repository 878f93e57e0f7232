"""Data: what labels mean. Diagnoses, whatever they are called, as the classes of a classifier, so that a set with other names,
with some of its classes, or labelled only melanoma or not, is measured as far as it can be. And skin tone, as people labelled it
or an instrument measured it: which scale a column is on, and each image's level.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pandas as pd

from dermaviz.data.records import Dataset
from dermaviz.data.tables import USUAL, plain, some
from dermaviz.diagnoses import diagnosis, matched, spellings_of, spelt
from dermaviz.errors import DatasetError
from dermaviz.io import read_yaml
from dermaviz.schema import build, validated

_FILE = Path(__file__).parent / "label_maps.yaml"
ANY = "any"
"""The map in ``label_maps.yaml`` for every data set."""
OTHER = "other"
"""The group of a classifier's classes that no label stands for."""
Groups = Mapping[str, tuple[str, ...]]
"""For each label the classes that it stands for, where one of them stands for several."""


@validated(DatasetError, "label map")
class LabelMap:
    """What labels stand for, as ``label_maps.yaml`` says it, and the column of the data set's table that holds them."""

    labels: Mapping[str, str]
    column: str = ""


@cache
def label_maps() -> Mapping[str, LabelMap]:
    """The shipped maps by the name of their data set, and :data:`ANY`."""
    return {name: build(LabelMap, content) for name, content in read_yaml(_FILE, "label maps").items()}


def parse_map(text: str) -> dict[str, str]:
    """The map in ``melanoma=mel,nevus=nv``, or ``yes=mel,no=all but mel``.

    Raises:
        DatasetError: a part is not ``LABEL=CLASS``.
    """
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if wrong := [label for label, equals, _ in parts if not (equals and label.strip())]:
        raise DatasetError(
            f"map: expected LABEL=CLASS, parted by commas, found {wrong[0]!r}. For instance --map melanoma=mel,nevus=nv."
        )
    return {label.strip(): stands_for.strip() for label, _, stands_for in parts}


@dataclass(frozen=True)
class Labelled:
    """A data set under the classes of a classifier, or, where its labels are coarser, under ``groups`` of them; ``said`` are
    sentences on what its labels were taken for."""

    dataset: Dataset
    groups: Groups = field(default_factory=dict)
    said: tuple[str, ...] = ()


def fit_labels(
    dataset: Dataset,
    classes: Sequence[str],
    malignant: Sequence[str] = (),
    given: Mapping[str, str] | None = None,
    synonyms: Mapping[str, str] | None = None,
) -> Labelled:
    """A data set with its labels as a classifier names them: as ``given``, else by spelling or diagnosis, else as shipped.

    Some of the classes, or a single one, are enough. Where a label stands for several classes the images can only be asked
    which group of classes they show: each label is a group then, classes that no label stands for are ``other``.

    Args:
        classes: those of the classifier, in the order of its outputs.
        malignant: those of them that count as malignant.
        given: label → what it stands for, as in ``label_maps.yaml``, which is asked last: by the data set's name, and ``any``.
        synonyms: label → class, of the classifier's card.

    Raises:
        DatasetError: what a label stands for is not known, overlaps with another's, or is none of the classes; or no image
            is left.
    """
    labels = [label for label, n in dataset.counts().items() if n]
    meant = _meanings(dataset, labels, tuple(classes), malignant, given or {}, synonyms)
    kept = {label: found for label, found in meant.items() if found}
    records = [record for record in dataset.records if record.label in kept]
    if not records:
        raise DatasetError(
            f"{dataset.name}: expected images to measure, found none after labels were left out by the map."
        )
    said = [f"Left out: images labelled {label} ({dataset.counts()[label]:,})." for label in meant if label not in kept]
    named = {label: found[0] if len(found) == 1 else label for label, found in kept.items()}
    groups: Groups = {}
    if any(len(found) > 1 for found in kept.values()):
        groups = _groups(
            {named[label]: found for label, found in kept.items()}, tuple(classes), malignant, dataset.name
        )
        said += [f"The label {name} stands for the classes {', '.join(found)}." for name, found in groups.items()]
    elif other := [f"{label} as {name}" for label, name in named.items() if label != name]:
        said.append(f"Labels taken as classes: {', '.join(other)}.")
    renamed = tuple(replace(record, label=named[record.label]) for record in records)
    return Labelled(replace(dataset, classes=tuple(groups or classes), records=renamed), groups, tuple(said))


def _meanings(
    dataset: Dataset,
    labels: Sequence[str],
    classes: tuple[str, ...],
    malignant: Sequence[str],
    given: Mapping[str, str],
    synonyms: Mapping[str, str] | None,
) -> dict[str, tuple[str, ...]]:
    """The classes that each label stands for."""
    maps = label_maps()
    shipped = {**maps[ANY].labels, **(maps[dataset.name].labels if dataset.name in maps else {})}
    asked, usual = ({spelt(label): meaning for label, meaning in of.items()} for of in (given, shipped))
    same = matched(labels, classes, synonyms)
    found, unknown = {}, []
    for label in labels:
        if spelt(label) in asked:
            found[label] = _stands_for(asked[spelt(label)], classes, malignant)
        elif label in same:
            found[label] = (same[label],)
        elif side := side_of(label, classes):
            found[label] = (side,)
        elif key := next((one for one in _keys(label) if one in usual), ""):
            found[label] = _stands_for(usual[key], classes, malignant)
        else:
            unknown.append(label)
    if unknown:
        counts = dataset.counts()
        near = {label: nearest(label, classes) for label in unknown}
        shown = [label for label in unknown if near[label]] or unknown[:1]
        perhaps = "perhaps " if near[shown[0]] else ""
        said = ",".join(f"{label}={near[label] or 'CLASS'}" for label in shown)
        raise DatasetError(
            f"{dataset.name}: expected labels among {', '.join(classes)}, found "
            f"{', '.join(f'{label} ({counts[label]:,} images)' for label in unknown)}. Say what they stand for, "
            f"{perhaps}--map {shlex.quote(said)}, or leave them out, --map {shlex.quote(f'{unknown[0]}=')} (in Python: "
            "labels={…})."
        )
    return found


def nearest(label: str, classes: Sequence[str]) -> str:
    """The class to propose for a label that means none, "" of none: of those whose name, or a name of what they mean, holds
    one of the label's in whole words, or the other way round (``seborrhoische Keratose``: ``Keratose``), by the longest
    that is shared."""
    shared = [
        (len(part), name)
        for name in classes
        for wholes, parts in ((spellings_of(label), spellings_of(name)), (spellings_of(name), spellings_of(label)))
        for part in parts
        if any(f" {part} " in f" {whole} " for whole in wholes)
    ]
    return max(shared, key=lambda found: found[0])[1] if shared else ""


def _keys(label: str) -> tuple[str, ...]:
    """What a shipped map may call a label: as it is spelt, else by the code of what it means (``bösartig``: malignant)."""
    known = diagnosis(label)
    return (spelt(label), known.code) if known else (spelt(label),)


def side_of(label: str, classes: tuple[str, ...]) -> str:
    """The class benign or malignant that a diagnosis is of, where a classifier only tells these apart; "" elsewhere."""
    known = diagnosis(label)
    sides = matched(("benign", "malignant"), classes) if len(classes) == 2 else {}
    if known is None or known.malignant is None or len(sides) < 2:
        return ""
    return sides["malignant" if known.malignant else "benign"]


def _stands_for(meaning: str, classes: tuple[str, ...], malignant: Sequence[str]) -> tuple[str, ...]:
    """The classes in words such as ``mel``, ``nv+bkl``, ``all but mel``, ``malignant classes``; none of ""."""
    every_but = meaning.removeprefix("all but ") if meaning.startswith("all but ") else ""
    if meaning in ("malignant classes", "benign classes"):
        if not set(malignant) or set(malignant) == set(classes):
            raise DatasetError(
                f"expected a classifier that says which of its classes are malignant, found none named on its card. Say what the "
                f"labels stand for: --map LABEL=CLASS, with some of {', '.join(classes)}."
            )
        return tuple(name for name in classes if (name in malignant) == (meaning == "malignant classes"))
    names = [name.strip() for name in (every_but or meaning).split("+") if name.strip()]
    same = matched(names, classes)
    if missing := [name for name in names if name not in same]:
        raise DatasetError(
            f"map: expected classes among {', '.join(classes)}, found {', '.join(missing)}. Correct what the label stands for."
        )
    chosen = {same[name] for name in names}
    return tuple(name for name in classes if (name in chosen) != bool(every_but))


def _groups(found: Groups, classes: tuple[str, ...], malignant: Sequence[str], where: str) -> Groups:
    """The groups, benign ones first, with one of the classes that no label stands for."""
    times = Counter(name for members in found.values() for name in members)
    if twice := [name for name, n in times.items() if n > 1]:
        raise DatasetError(
            f"{where}: expected labels that stand for different classes, found {', '.join(twice)} under more than one of "
            f"{', '.join(found)}. Say with --map what each stands for."
        )
    rest = tuple(name for name in classes if name not in times)
    every = {**found, **({OTHER: rest} if rest else {})}
    if len(every) < 2:
        raise DatasetError(
            f"{where}: expected labels that tell some of {', '.join(classes)} apart, found one that stands for all of them."
        )
    return dict(sorted(every.items(), key=lambda group: (set(group[1]) <= set(malignant), classes.index(group[1][0]))))


TONE_LABEL = "tone_label"
"""Column of audited images: the labelled tone, in words; "" where nobody labelled it."""
NAMED = "labelled_tone "
"""How a column of metadata begins that the user named as that of tone; its name in their table follows."""
TONE_GROUPS = ("very light", "light", "intermediate", "tan", "brown", "dark")
TONE_CUTS = (55.0, 41.0, 28.0, 10.0, -30.0)
"""Where each group but the darkest ends, in degrees (Del Bino and Bernerd, Br. J. Dermatol. 169 Suppl. 3:33, 2013)."""
_ROMAN = ("I", "II", "III", "IV", "V", "VI")
_UNKNOWN = frozenset({"", "-1", "-1.0", "unknown", "other", "not applicable"})
_MOST_WORDS = 12
"""A column of more different words than this is no scale of tone."""


@dataclass(frozen=True)
class Scale:
    """A scale of skin tone: its ``levels`` from light to dark, and how a cell is read (the level's place, None for none).

    Levels are compared with the six estimated groups in bands that both fit into: ``bands`` has that of each level and
    ``estimated`` that of each of :data:`TONE_GROUPS`; a scale without bands has no order.
    """

    name: str
    levels: tuple[str, ...]
    read: Callable[[str], int | None]
    bands: tuple[int, ...] = ()
    estimated: tuple[int, ...] = tuple(range(len(TONE_GROUPS)))


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
        return sum(float(text) <= cut for cut in TONE_CUTS)
    except ValueError:
        return None


def _word(text: str) -> int | None:
    return TONE_GROUPS.index(text.lower()) if text.lower() in TONE_GROUPS else None


PAIRS = Scale(
    "Fitzpatrick types in pairs", ("types I–II", "types III–IV", "types V–VI"), _pair, (0, 1, 2), (0, 0, 1, 1, 2, 2)
)
FITZPATRICK = Scale("Fitzpatrick type", tuple(f"type {number}" for number in _ROMAN), _type, tuple(range(6)))
MONK = Scale("Monk scale", tuple(f"Monk {i}" for i in range(1, 11)), _monk, (0, 0, 0, 0, 1, 3, 4, 5, 5, 5))
"""Its bands are the groups of the ITA of its ten published colours (skintone.google, 2022)."""
WORDS = Scale("group", TONE_GROUPS, _word, tuple(range(6)))
ITA = Scale("measured ITA", TONE_GROUPS, _degrees, tuple(range(6)))
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
