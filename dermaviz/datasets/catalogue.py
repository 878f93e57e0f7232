"""Datasets: read a data set by the name of its reader, split by a manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from dermaviz.datasets.folders import read_folders, read_table
from dermaviz.datasets.ham10000 import read_ham10000
from dermaviz.datasets.records import Dataset
from dermaviz.datasets.split import Manifest, apply_split, named_manifest
from dermaviz.errors import DatasetError

Reader = Callable[[Path | None], Dataset]
READERS: Mapping[str, Reader] = MappingProxyType({"ham10000": read_ham10000, "folder": read_folders, "csv": read_table})


def read_dataset(name: str, root: Path | None) -> Dataset:
    """Read a data set with the reader of this name, from ``root`` (None: ``$DERMAVIZ_DATA``).

    Raises:
        DatasetError: there is no such reader, or the data are not as it expects them.
    """
    if name not in READERS:
        raise DatasetError(f"expected a data set among {', '.join(READERS)}, found {name!r}.")
    return READERS[name](root)


def read_splits(
    name: str, manifest: str, root: Path | None, *, leaky: bool = False
) -> tuple[dict[str, Dataset], Manifest]:
    """A data set's records by split. ``manifest`` is a committed manifest's name, or the path of one's own.

    Raises:
        DatasetError: as :func:`read_dataset`, and where the manifest does not fit or, unless ``leaky``, a lesion crosses.
    """
    chosen = named_manifest(manifest)
    return apply_split(read_dataset(name, root), chosen, leaky=leaky), chosen
