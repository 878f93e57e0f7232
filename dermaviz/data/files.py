"""Data: which picture, and which mask, a name in a table means, wherever below a folder it lies; and what a folder is of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from dermaviz.data.tables import some
from dermaviz.errors import DatasetError
from dermaviz.images import SUFFIXES as SUFFIXES

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
