"""Data: pictures and masks in folders: which one a name in a table means, and folders with one sub-folder a class as a data set.

What is said of any data set when it is read stands here too: the notes that count its images, and what was left out.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import pandas as pd

from dermaviz.data.labels import NAMED, tone_labels
from dermaviz.data.records import Dataset, Record
from dermaviz.data.tables import TABLE_SUFFIXES, Columns, clean_labels, open_table, some, split_word, suggested
from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import SUFFIXES, read_image

MASK_ENDING = "_segmentation"
"""What stands in the name of a mask's file between the image's id and ``.png``, in HAM10000 and the ISIC challenges."""
_MASK_ENDINGS = ("", MASK_ENDING, "_mask", "_lesion")
_MASK_FOLDERS = ("mask", "segmentation", "_lesion")


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture; hidden files are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def holds_masks(folder: str) -> bool:
    """Whether a folder's name says that masks are in it: ``masks``, ``ISIC2018_Task1_segmentation`` …"""
    return any(word in folder.lower() for word in _MASK_FOLDERS)


_MONTHS = frozenset(
    re.findall(
        r"\w+",
        """january february march april may june july august september october november december januar februar märz maerz mai
        juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre enero
        febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre gennaio febbraio aprile maggio
        giugno luglio settembre ottobre dicembre janeiro fevereiro março maio junho julho setembro outubro novembro dezembro
        jan feb mar mär apr jun jul aug sep sept oct okt nov dec dez fév avr juil aoû déc ene abr ago dic gen mag giu lug set
        ott fev out""",
    )
)


def is_date(folder: str) -> bool:
    """Whether a folder's name is a year, a month or a day: ``2021``, ``2021-03``, ``20210304``, ``12.3.21``, ``März 2021``."""
    parts = re.findall(r"[^\W\d_]+|\d+", folder.lower())
    months, numbers = [part for part in parts if part in _MONTHS], [part for part in parts if part.isdecimal()]
    year = any(re.fullmatch(r"(19|20)\d\d([01]\d([0-3]\d)?)?", number) for number in numbers)
    whole = any(len(month) > len("sept") for month in months) or bool(months and numbers)
    return len(months) + len(numbers) == len(parts) and (year or whole or len(numbers) == len(("day", "month", "year")))


def spellings(name: str) -> list[str]:
    """How a file may be called, from the most exact: with its folders, with fewer of them, and each without its ending."""
    parts = PurePosixPath(name.lower().replace("\\", "/")).parts
    whole = [PurePosixPath(*parts[i:]) for i in range(len(parts))]
    stems = [one.with_suffix("") for one in whole if one.suffix in SUFFIXES]
    return list(dict.fromkeys(map(str, [*whole, *stems])))


class Named:
    """Files by all their spellings."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._bearers: defaultdict[str, list[int]] = defaultdict(list)
        for i, name in enumerate(names):
            for spelling in spellings(name):
                self._bearers[spelling].append(i)

    def place(self, name: str) -> int | None:
        """The index of the file that a name means; None where it means none.

        Raises:
            DatasetError: it means several.
        """
        meant = next((self._bearers[one] for one in spellings(name) if one in self._bearers), [])
        if len(meant) > 1:
            raise DatasetError(
                f"expected {name!r} to name one photo, found {len(meant)}: {some(self.names[i] for i in meant)}. Rename the "
                "files, or write their folders and endings into the CSV as well."
            )
        return meant[0] if meant else None


class Folder:
    """The pictures at and below a folder, looked through once and only if need be."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _below(self) -> tuple[list[Path], list[Path]]:
        pictures: list[Path] = []
        masks: list[Path] = []
        for path in sorted(filter(is_picture, self.root.rglob("*"))):
            of_mask = any(holds_masks(part) for part in path.relative_to(self.root).parts[:-1])
            (masks if of_mask else pictures).append(path)
        return pictures, masks

    @property
    def pictures(self) -> list[Path]:
        """All pictures that do not lie in a folder of masks, in order."""
        return self._below[0]

    @cached_property
    def _named(self) -> Named:
        return Named([path.relative_to(self.root).as_posix() for path in self.pictures])

    def find(self, name: str, beside: Path) -> Path | None:
        """The picture that a table beside ``beside`` means: its path from there or from ``images``, or wherever it lies below.

        Raises:
            DatasetError: several pictures bear the name.
        """
        if not name:
            return None
        try:
            endings = ("",) if is_picture(Path(name)) else ("", *SUFFIXES)
            for place in (place / f"{name}{end}" for place in (beside, beside / "images") for end in endings):
                if place.is_file():
                    return place
        except (OSError, ValueError):  # a name that no file can have
            return None
        at = self._named.place(name)
        return None if at is None else self.pictures[at]

    @cached_property
    def _masks(self) -> dict[str, Path]:
        return {path.stem.lower(): path for path in self._below[1]}

    def mask(self, picture: Path) -> Path | None:
        """The mask that lies in a folder of masks under the picture's name; None where there is none."""
        stem = picture.stem.lower()
        return next((self._masks[stem + end] for end in _MASK_ENDINGS if stem + end in self._masks), None)


def data_root(root: str | Path | None) -> Path:
    """The place of the data: ``root``, or ``$DERMAVIZ_DATA``.

    Raises:
        DatasetError: neither is given.
    """
    chosen = root or os.environ.get("DERMAVIZ_DATA")
    if not chosen:
        raise DatasetError(
            "expected the place of the data, found none. Give --data PATH or set DERMAVIZ_DATA; `dermaviz data download` "
            "says how to get the photos."
        )
    return Path(chosen)


def read_folders(root: str | Path | None = None) -> Dataset:
    """Read a folder with one sub-folder per class: ``root/CLASS/…/picture.jpg`` (None: ``$DERMAVIZ_DATA``).

    Folders named after splits (``train/CLASS/…``) give each image its split; a single folder round the classes is passed
    through, and so are folders that look like dates (``2021-03``). The classes are in alphabetical order; an image's id is its
    path below ``root`` without suffix. Neither lesions nor patients are known from folders.

    Raises:
        DatasetError: there is no such folder or no picture in a sub-folder, or an image id twice.
    """
    folder = data_root(root)
    if not folder.is_dir():
        raise DatasetError(f"expected a folder with one sub-folder per class, found none at {folder}. Check the path.")
    notes = ["Labels are the names of the sub-folders."]
    found = Folder(folder)
    base = _round_classes(folder, found.pictures)
    if base != folder:
        notes.append("Passed through the one folder that holds those of the classes.")
    rows: list[tuple[Path, str, str]] = []
    alone: list[str] = []
    dated: dict[str, None] = {}
    for path in found.pictures:
        inner = path.relative_to(base).parts[:-1] if path.is_relative_to(base) else ()
        split = split_word(inner[0]) if len(inner) > 1 else ""
        inner = inner[1:] if split else inner
        dated |= dict.fromkeys(filter(is_date, inner))
        inner = tuple(part for part in inner if not is_date(part))
        if inner:
            rows.append((path, inner[0], split))
        else:
            alone.append(path.relative_to(folder).as_posix())
    if not rows:
        but = f" but those that look like dates ({some(dated)}), which are no classes" if dated else ""
        raise DatasetError(
            f"{folder}: expected sub-folders named after the classes, with pictures in them, found "
            f"{sum(path.is_dir() for path in folder.iterdir())} sub-folders and no picture in any{but}. Sort the pictures into "
            "one folder per class, or add a CSV of image and label."
        )
    if dated:
        notes.append(f"Folders that look like dates are no classes: {some(dated)}.")
    if any(split for *_, split in rows):
        notes.append("Splits are those of the folders.")
    labels, said = clean_labels([label for _, label, _ in rows])
    records = []
    for (path, _, split), label in zip(rows, labels, strict=True):
        image_id = path.relative_to(folder).with_suffix("").as_posix()
        records.append(Record(image_id, path, label, image_id, {}, found.mask(path), "", split))
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    others = sorted(path.relative_to(folder).as_posix() for path in files if not is_picture(path))
    unused = [name for name in others if Path(name).suffix.lower() in TABLE_SUFFIXES]
    if unused:
        notes.append(_not_used(folder, unused))
    skipped = {"pictures outside the folders of the classes": alone, "files that are no pictures": others}
    made = dataset_of(folder.resolve().name, records, [*notes, *said], skipped)
    return replace(made, files=tuple(unused))


def _not_used(folder: Path, tables: Sequence[str]) -> str:
    """That these tables were not used, the columns of the first, and the option that would have it used."""
    how = "`--columns image=…,label=…`"
    try:
        frame = open_table(folder / tables[0]).frame
    except DatasetError:
        return f"Not used: {some(tables)}. If the labels are in a table, name its columns: {how}."
    return (
        f"Not used: {some(tables)}, with the columns {', '.join(map(str, frame))}. If the labels are there, name them: "
        f"{suggested(frame, Columns()) or how}."
    )


def _round_classes(folder: Path, pictures: Sequence[Path]) -> Path:
    """The folder below which the pictures part: a single folder round those of the classes is none of them."""
    while True:
        parts = {path.relative_to(folder).parts for path in pictures}
        first = {part[0] for part in parts if len(part) > 1}
        if len(first) != 1 or split_word(one := first.pop()) or min(map(len, parts)) < 3:
            return folder
        folder = folder / one


def dataset_of(
    name: str,
    records: Sequence[Record],
    notes: Sequence[str],
    skipped: dict[str, list[str]],
    classes: Sequence[str] = (),
) -> Dataset:
    """The data set of these records, with the notes that count them; its classes in alphabetical order where none are given."""
    ordered = tuple(classes or sorted({record.label for record in records}))
    left_out = tuple((why, tuple(names)) for why, names in skipped.items() if names)
    return Dataset(name, ordered, tuple(records), (*notes, *_counted(records)), left_out)


class Counting(str):
    """A note that counts some of the images: made anew when there are fewer."""


def _counted(records: Sequence[Record]) -> list[Counting]:
    """The notes on these images that count some of them."""
    said = []
    if masks := sum(record.mask is not None for record in records):
        said.append(f"Masks: {masks:,} of {len(records):,} images have one.")
    facts = pd.DataFrame([dict(record.metadata) for record in records])
    if (tone := tone_labels(facts)) is not None:
        said.append(tone.said)
    for name in (str(column).removeprefix(NAMED) for column in facts if str(column).startswith(NAMED)):
        if tone is None or tone.column != name:
            said.append(
                f"Skin tone in {name!r} cannot be read: {some(facts[NAMED + name].unique())} are on no scale of tone."
            )
    given = Counter(record.split for record in records if record.split)
    if given:
        said.append(f"Splits are given: {', '.join(f'{split} {n:,}' for split, n in given.items())}.")
    return list(map(Counting, said))


def recounted(dataset: Dataset) -> Dataset:
    """The data set with the counts in its notes as they are of the images that it holds now."""
    first = next((i for i, note in enumerate(dataset.notes) if isinstance(note, Counting)), None)
    if first is None:
        return dataset
    rest = [note for note in dataset.notes[first:] if not isinstance(note, Counting)]
    return replace(dataset, notes=(*dataset.notes[:first], *_counted(dataset.records), *rest))


def without_refused(dataset: Dataset, suspects: Container[str]) -> Dataset:
    """The data set without those of the images ``suspects`` that are refused, be it by their headers or because they are damaged
    inside; these are counted and named.

    Raises:
        DatasetError: no picture is left.
    """
    refused = {}
    for record in dataset.records:
        if record.image_id in suspects:
            try:
                read_image(record.path)
            except ImageError as refusal:
                refused[record.image_id] = f"{record.path.name} ({str(refusal).removeprefix(f'{record.path.name}: ')})"
    if refused and len(refused) == len(dataset):
        first = next(iter(refused.values()))
        raise DatasetError(f"{dataset.name}: expected pictures that can be read, found none: {some([first])}")
    rest = dataset.take(record for record in dataset.records if record.image_id not in refused)
    left = (("pictures that are refused", tuple(refused.values())),) if refused else ()
    return recounted(replace(rest, skipped=(*dataset.skipped, *left)))
