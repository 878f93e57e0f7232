"""Make the evidence of a checkpoint again, in order, and say what changed. What is made waits in a folder of its own until a
checkpoint is done, so a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.data.labels import parse_map
from dermaviz.data.photographs import REMEMBERED, remembered_place
from dermaviz.data.tables import parse_columns
from dermaviz.errors import DatasetError
from dermaviz.evidence.build import expected_seconds
from dermaviz.evidence.evaluate import make_table
from dermaviz.evidence.images import ToAudit, images_to_audit
from dermaviz.evidence.predictions import LABELS, PREDICTIONS, internal
from dermaviz.evidence.store import (
    FOLDER,
    DataSplit,
    Manifest,
    audit_command,
    command_of,
    has_evidence,
    options_told,
    read_manifest,
    read_parquet,
    table_path,
)
from dermaviz.evidence.tables import DRAWN, TABLES
from dermaviz.io import file_sha256, to_json
from dermaviz.models.card import Card, Checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.ood import DetectorFacts

WORK = ".rebuild"
"""Folder beside a checkpoint's evidence in which new evidence waits. Delete it to begin anew."""
ROUNDING = 1e-4
"""Numbers that differ by less are the same: another processor or number of threads rounds otherwise."""


@dataclass(frozen=True)
class Step:
    """A table of a checkpoint to make again; the new one waits in ``work``. ``command`` is the one that made it, for what images
    and labels stand for."""

    checkpoint: Checkpoint
    of: DataSplit
    table: str
    work: Path
    command: str = ""

    def __str__(self) -> str:
        """``NAME · isic-uda1/test · tone``."""
        return f"{self.checkpoint.name} · {self.of} · {self.table}"

    @cached_property
    def before(self) -> Manifest | None:
        """The manifest of the table that is there, None where its file is damaged or missing."""
        path = table_path(self.checkpoint.folder, self.table, self.of)
        if not has_evidence(self.checkpoint.folder, self.table, self.of):
            return None
        manifest = read_manifest(path.with_suffix(".json"))
        return manifest if file_sha256(path) == manifest.sha256 else None

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """How the command had the data set read: :func:`~dermaviz.evidence.store.options_told`."""
        return tuple(options_told(self.command).items())

    def is_stale(self) -> bool:
        """Whether the table that is there is of another model or measured in another way; its images are not looked at."""
        settings = json.loads(to_json(TABLES[self.table].settings()))
        source = self.before.source if self.before else None
        there = {key: value for key, value in source.parameters.items() if key != LABELS} if source else None
        return source is None or (source.checkpoint_sha256, there) != (self.checkpoint.answers_sha256, settings)


def steps_of(checkpoint: Checkpoint, only: Collection[str], aside: Path | None = None) -> list[Step]:
    """Those of the tables ``only`` that a checkpoint has evidence of: its own test first, then other data sets, then its other
    splits; those of its own test where it has none yet. New ones wait in a folder ``aside``, by default beside the checkpoint's
    evidence."""
    own, work = internal(checkpoint.card), aside / checkpoint.name if aside else checkpoint.folder / WORK
    order = list(TABLES)
    found = [
        Step(checkpoint, DataSplit(path.parents[1].name, path.parent.name), path.stem, work, command_of(path))
        for path in sorted((checkpoint.folder / FOLDER).glob("*/*/*.json"))
        if path.stem in TABLES
    ]
    found = found or [
        Step(checkpoint, DataSplit(DRAWN, DRAWN) if row.drawn else own, name, work) for name, row in TABLES.items()
    ]
    chosen = [step for step in found if step.table in only]
    return sorted(
        chosen,
        key=lambda step: (step.of != own, step.of.data_set == own.data_set, str(step.of), order.index(step.table)),
    )


def seconds_of(steps: Collection[Step], limit: int = 0) -> dict[str, float | None]:
    """How long steps will take by what they took before; of ``limit`` images each, if there is one."""
    found = {}
    for step in steps:
        there = table_path(step.checkpoint.folder, PREDICTIONS, step.of).with_suffix(".json")
        n = read_manifest(there).rows if there.is_file() else 0
        found[str(step)] = expected_seconds(step.checkpoint.folder, [step.table], min(n, limit or n))[step.table]
    return found


def images_of(step: Step, root: Path | None) -> ToAudit:
    """The images of a step, read and labelled as when its table was made. ``root`` is the checkpoint's data set, or the folder
    above; another set lies in it or beside it under its name, or where it was last time.

    Raises:
        DatasetError: the data set is not there, or as :func:`~dermaviz.evidence.images.images_to_audit`.
    """
    card = step.checkpoint.card
    place = root if step.of.data_set == internal(card).data_set else place_of(step.checkpoint, step.of.data_set, root)
    told = dict(step.options)
    columns, labels = parse_columns(told.get("columns", "")), parse_map(told.get("map", ""))
    reader, of = told.get("dataset", ""), step.of
    return images_to_audit(card, place, of.split, name=of.data_set, reader=reader, columns=columns, labels=labels)


def place_of(checkpoint: Checkpoint, name: str, root: Path | None) -> Path:
    """Where another data set than a checkpoint's own lies (:func:`images_of`); a DatasetError where it is nowhere there."""
    last = remembered_place(checkpoint.folder / FOLDER / name)
    known = [Path(last.root)] if last else []
    places = [*([root / name, root.parent / name] if root else []), *known]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise DatasetError(
            f"expected the data set {name} in a folder of that name, found none. Give --data the folder that holds all data sets."
        )
    return found


def build(
    step: Step,
    classifier: Classifier,
    read: Callable[[Step], ToAudit],
    made: dict[str, Any],
    *,
    limit: int = 0,
    again: bool = False,
    progress: Callable[[float], object] = lambda _: None,
) -> Manifest:
    """Make a step's table in its folder of work, unless it is there already, or beside the checkpoint and fresh.

    Args:
        read: gives the images of a step: :func:`images_of`.
        limit: of so many images, spread evenly over the table's; 0 is all.
        again: make it even if it is fresh.
        progress: as of :func:`~dermaviz.evidence.build.build_evidence`.

    Raises:
        EvidenceError, DatasetError, ImageError: as :func:`~dermaviz.evidence.evaluate.make_table`.
    """
    if not (again or limit) and step.before and not has_evidence(step.work, step.table, step.of):
        for path in _files(step.checkpoint.folder, step):
            waiting = step.work / path.relative_to(step.checkpoint.folder)
            waiting.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, waiting)

    def images() -> ToAudit:
        asked = read(step)
        if not limit:
            return asked
        some = TABLES[step.table].images(asked.dataset)
        at = np.unique(np.linspace(0, len(some) - 1, min(limit, len(some))).round().astype(int))
        return replace(asked, dataset=some.take(some.records[i] for i in at))

    command = step.command or audit_command(step.checkpoint.folder, step.of, step.table)
    return make_table(step.work, step.table, classifier, images, made={"command": command, **made}, progress=progress)


@dataclass(frozen=True)
class Change:
    """How a table that was made again differs from the one before: rows that only one of them has, rows with another word in
    them (an answer, a status), and the largest difference of a number, in ``column``."""

    rows: int
    alone: int
    words: int
    largest: float
    column: str

    @property
    def same(self) -> bool:
        """Whether nothing differs by more than rounding does."""
        return not (self.alone or self.words) and self.largest <= ROUNDING

    def __str__(self) -> str:
        """In words."""
        if self.same:
            return f"the same in {self.rows:,} rows (largest difference {self.largest:.1g})"
        parts = {"rows of one only": self.alone, f"of {self.rows:,} rows with another answer or word": self.words}
        said = [f"{count:,} {what}" for what, count in parts.items() if count]
        return ", ".join([*said, f"largest difference {self.largest:.3g} in {self.column}"])


def change_of(step: Step, part: bool = False) -> Change | None:
    """How the new table of a step differs from the one that is there, in ``part`` only its images; None where none is there."""
    if step.before is None:
        return None
    made = read_manifest(table_path(step.work, step.table, step.of).with_suffix(".json"))
    if made.sha256 == step.before.sha256:
        return Change(made.rows, 0, 0, 0.0, "")
    before, after = (
        read_parquet(table_path(folder, step.table, step.of).read_bytes())
        for folder in (step.checkpoint.folder, step.work)
    )
    if part:
        before = before[before["image_id"].isin(after["image_id"])]
    key = list(TABLES[step.table].key)
    before, after = (
        table.round(dict.fromkeys(key, 4)) for table in (before, after)
    )  # an angle in a key is measured, too
    columns = [name for name in after if name in before and name not in key]
    both = before.merge(after, on=key, how="outer", suffixes=("\0before", "\0after"), indicator=True)
    shared = both[both["_merge"] == "both"]
    other, largest = np.zeros(len(shared), dtype=bool), {"": 0.0}
    for name in columns:
        old, new = shared[f"{name}\0before"], shared[f"{name}\0after"]
        if pd.api.types.is_numeric_dtype(old) and old.dtype != bool:
            apart = (old.astype(float) - new.astype(float)).abs()
            other |= (old.isna() != new.isna()).to_numpy()
            largest[name] = float(apart.max()) if apart.notna().any() else 0.0
        else:
            other |= (old.astype(str) != new.astype(str)).to_numpy()
    worst = max(largest, key=largest.__getitem__)
    alone = len(both) - len(shared) + (set(before) != set(after)) * len(shared)
    return Change(len(both), alone, int(other.sum()), largest[worst], worst)


def adopt(step: Step) -> None:
    """Put the new table in the place of the one that is there; one that is the same but for rounding stays as it is."""
    made = read_manifest(table_path(step.work, step.table, step.of).with_suffix(".json"))
    change = change_of(step)
    if change is None or not change.same or step.before is None or step.before.source.key != made.source.key:
        place = table_path(step.checkpoint.folder, step.table, step.of)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.with_suffix(".json").unlink(missing_ok=True)  # written last, it vouches for the table
        for path in _files(step.work, step):
            shutil.copyfile(path, place.with_suffix(path.suffix))
        if (lies := step.work / FOLDER / step.of.data_set / REMEMBERED).is_file():
            shutil.copyfile(lies, place.parents[1] / REMEMBERED)


def _files(folder: Path, step: Step) -> Iterator[Path]:
    path = table_path(folder, step.table, step.of)
    yield from (path, path.with_suffix(".json"))


def figures_changed(before: Card, after: Card) -> list[str]:
    """The figures of a card that another evaluation changed by more than rounding: ``test melanoma_auc .912 → .930``."""
    found = []
    for split, figures in after.metrics.items():
        for name, figure in figures.items():
            old = before.metrics.get(split, {}).get(name)
            if not (isinstance(figure, dict) and "value" in figure):
                continue
            value = old.get("value") if isinstance(old, dict) else None
            if value is None or abs(value - figure["value"]) > ROUNDING:
                found.append(f"{split} {name} {'none' if value is None else f'{value:.3f}'} → {figure['value']:.3f}")
    return found


def detector_changed(before: DetectorFacts, after: DetectorFacts) -> list[str]:
    """What another fit of the out-of-distribution check changed by more than rounding: ``documents, let through .000 → .030``; an
    interval alone is told by its bounds."""
    old = {(share.of, share.meaning): (share.value, share.low, share.high) for share in before.shares}
    new = {(share.of, share.meaning): (share.value, share.low, share.high) for share in after.shares}
    found = [f"{', '.join(gone)} is measured no more" for gone in old.keys() - new.keys()]
    if abs(before.limit - after.limit) > ROUNDING:
        found.append(f"limit {before.limit:.2f} → {after.limit:.2f}")
    for what, measured in new.items():
        if what not in old:
            found.append(f"{', '.join(what)} none → {measured[0]:.3f}")
        elif moved := [(a, b) for a, b in zip(old[what], measured, strict=True) if abs(a - b) > ROUNDING]:
            found.append(f"{', '.join(what)} {' and '.join(f'{a:.3f} → {b:.3f}' for a, b in moved)}")
    return found
