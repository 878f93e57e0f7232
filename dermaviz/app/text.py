"""What the pages say in words: names, numbers of images, shares, captions, and what a map without anything to see means."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath

import pandas as pd

from dermaviz.attention.methods import AttentionMap, MapStatus
from dermaviz.data.labels import SCALES, TONE_LABEL
from dermaviz.data.photographs import remembered_place
from dermaviz.data.records import HAM10000
from dermaviz.errors import CheckpointError
from dermaviz.evidence.predictions import TONE_GROUP, Audited, internal
from dermaviz.evidence.store import FOLDER
from dermaviz.fairness.tone_groups import GROUPS
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.confusion import AGE, AGE_GROUPS
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card, find_checkpoint
from dermaviz.plots.theme import percent, points

STATUS_SENTENCES: Mapping[MapStatus, str] = {
    "empty": "No positive evidence for this class: by this method, nothing in the picture raised its score.",
    "constant": "The map has the same value everywhere, so it points to no place.",
    "unavailable": "This model gives no attention maps: its card names no layer for them, or it is TorchScript or ONNX.",
    "non-finite": "The map holds values that are no numbers: this method fails on this picture. Try another method.",
}


FACETS = {
    "sex": "Sex",
    "localization": "Body site",
    "dx_type": "Diagnosis made by",
    TONE_LABEL: "Labelled skin tone",
    TONE_GROUP: "Estimated tone group",
}
"""Columns of metadata to filter by; those that the data set lacks are not offered."""
_VALUE_WORDS = {
    "histo": "histopathology",
    "follow_up": "follow-up",
    "consensus": "expert consensus",
    "confocal": "confocal microscopy",
    "": "unknown",
}
_ORDERS: Mapping[str, Sequence[str]] = {
    AGE: tuple(AGE_GROUPS),
    TONE_GROUP: GROUPS,
    TONE_LABEL: tuple(level for scale in SCALES for level in scale.levels),
}


def in_order(names: Iterable[str] | Mapping[str, int], column: str) -> list[str]:
    """The names of a column's groups, each once: in the column's own order where it has one, else the most frequent first.

    A name that the order does not know, such as "" for unknown, comes last. A mapping gives each name's frequency.
    """
    counts = Counter(names)
    order = {name: place for place, name in enumerate(_ORDERS.get(column, ()))}
    return sorted(counts, key=lambda name: (order.get(name, len(order)), name == "", -counts[name], name))


def shows_ham10000(audited: Audited) -> bool:
    """Whether these are images of HAM10000, of which sentences about it are true."""
    return (audited.of or internal(audited.checkpoint.card)).data_set == HAM10000.name


def value_words(value: str) -> str:
    """A value of metadata in words."""
    return _VALUE_WORDS.get(value, value)


_JOINED = re.compile(r"[:@](?=\S)|www(?=\.)|[-<>~=](?=[-<>=])", re.IGNORECASE)


def escaped(words: str) -> str:
    """Words from outside, such as a file's name, as Markdown that shows them as they are, in one line.

    The signs that Markdown could take for its own are escaped. Streamlit finds addresses, icons and arrows once more in the
    text that then results, so an invisible word joiner (U+2060) parts what would make one.
    """
    parted = _JOINED.sub(lambda found: f"{found[0]}\u2060", re.sub(r"\s+", " ", words))
    signs = re.sub(r"([\\`*\[\]$~<>#|&]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", parted)
    return re.sub(r"^(\s*\d*)([-+=.)])(?=\s|$)", r"\1\\\2", signs)  # a list's, at the start of a line


def escaped_message(message: str) -> str:
    """A message that holds words from outside: as :func:`escaped`, but what stands between backticks stays code. Commands in it
    have the place of the data set in place of FOLDER, if an audit on this machine left it."""
    known = _AUDIT.sub(_with_place, message)
    return re.sub(r"(`[^`\n]+`)|([^`]+|`)", lambda found: found[1] or escaped(found[2]), known)


_AUDIT = re.compile(r"(?<=dermaviz audit )(?P<name>\S+) --data FOLDER(?= --as (?P<data_set>\S+))")
"""The command of ``evidence.store.audit_command``, as far as it names whose images it is of."""


def _with_place(command: re.Match[str]) -> str:
    try:
        place = remembered_place(find_checkpoint(command["name"]) / FOLDER / command["data_set"])
    except CheckpointError:
        return command[0]
    root = shlex.quote(place.root) if place else ""
    return f"{command['name']} --data {root}" if root and "`" not in root else command[0]


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence, of many the first: ``a``, ``a and b``, ``a, b, c and 4 more``."""
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def images(n: int) -> str:
    """A number of images: ``1 image``, ``2,001 images``."""
    return f"{n:,} image{'' if n == 1 else 's'}"


def resampling(audited: Audited, *tables: pd.DataFrame) -> str:
    """How the intervals of tables (``bootstrap.interval_table``) are made, in a sentence's words: ``from resampling whole
    patients``, lesions, or single images; exact where no resampling varies."""
    drawn = f"from resampling {'single' if audited.unit == 'images' else 'whole'} {audited.unit}"
    exact = [table[name] for table in tables for name in table if name.rpartition("_")[2] == "exact"]
    if not any(column.any() for column in exact):
        return drawn
    return f"{drawn}; exact ones (Clopper and Pearson) are marked so: there all {audited.unit} are alike, and no draw varies"


def figure(row: pd.Series, name: str = "value", write: Callable[[float], str] = "{:.3f}".format) -> str:
    """A figure of a table's row with its interval, see :meth:`Estimate.of`."""
    return Estimate.of(row, name).text(write)


def share(part: float) -> str:
    """A share in percent, with decimals where a whole percent would hide 1 in 1,697: ``<1%`` is ``0.06%``."""
    return f"{part:.2%}" if 0 < part < 0.01 or 0.99 < part < 1 else percent(part)


def shares(row: pd.Series, name: str) -> str:
    """A share in a table's row with its interval, all three with as many decimals: ``98.5% (95% interval 96.9% to 99.5%)``."""
    found = Estimate.of(row, name)
    fine = any("." in share(part) for part in (found.value, found.low, found.high))
    return found.text("{:.2%}".format if fine else percent)


def in_points(row: pd.Series, name: str = "value", *, turned: bool = False) -> str:
    """A change of a share in a table's row, in percentage points with its interval: ``+3.7 points (95% interval …)``;
    ``turned``, a drop is written as a change."""
    found = Estimate.of(row, name)
    return (0 - found if turned else found).text(points, " points")


def p_value(p: float) -> str:
    """A p-value with its sign: ``= 0.031``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def group_label(card: Card, group: str) -> str:
    """A class, or a group of classes such as "malignant", as lists and links name it."""
    return card.label(group) if group in card.classes else group


def class_with_probability(card: Card, prediction: Prediction, index: int | None = None) -> str:
    """A class, the most probable if none is named, as pictures and captions name it: ``melanoma (72%)``."""
    index = prediction.index if index is None else index
    words = card.words[prediction.classes[index]]
    return f"{escaped(words)} ({percent(float(prediction.probabilities[index]))})"


def file_stem(photo: str, checkpoint: str, prediction: Prediction, attention: AttentionMap) -> str:
    """A file name without ending that says what the file shows, of letters, digits, dots and hyphens only."""
    parts = (
        PurePath(photo).stem[:60],
        checkpoint,
        attention.method.replace("+", "p"),
        prediction.classes[attention.class_index],
    )
    return "-".join("".join(c if (c.isalnum() and c.isascii()) or c in ".-" else "_" for c in part) for part in parts)
