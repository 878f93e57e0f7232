"""Data: what the labels of any data set mean to a classifier, so that a set with other names, with some of its classes, or
labelled only melanoma or not, is measured as far as it can be."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from dermaviz.data.records import Dataset
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
    if all(len(found) == 1 for found in kept.values()):
        other = {label: found[0] for label, found in kept.items() if label != found[0]}
        if other:
            said.append(f"Labels taken as classes: {', '.join(f'{label} as {name}' for label, name in other.items())}.")
        renamed = tuple(replace(record, label=kept[record.label][0]) for record in records)
        return Labelled(replace(dataset, classes=tuple(classes), records=renamed), {}, tuple(said))
    named = {label: found[0] if len(found) == 1 else label for label, found in kept.items()}
    groups = _groups({named[label]: found for label, found in kept.items()}, tuple(classes), malignant, dataset.name)
    said += [f"The label {name} stands for the classes {', '.join(found)}." for name, found in groups.items()]
    renamed = tuple(replace(record, label=named[record.label]) for record in records)
    return Labelled(replace(dataset, classes=tuple(groups), records=renamed), groups, tuple(said))


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
