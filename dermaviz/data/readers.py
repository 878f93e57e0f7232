"""Data: the registry of readers. A row says by which files a data set is told, and how its table differs from any other."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from dermaviz.data.folders import MASK_ENDING, data_root, is_picture, read_folders
from dermaviz.data.labelled_tables import Form, likely_table, read_table
from dermaviz.data.pack import medmnist_rows, parquet_rows, picture_column, unpacked
from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.data.split import GIVEN, Manifest, apply_split, given_split, named_manifest
from dermaviz.data.tables import TABLE_SUFFIXES, USUAL, Columns, open_table, parse_table, plain
from dermaviz.errors import DatasetError
from dermaviz.images import SUFFIXES

METADATA = "HAM10000_metadata.csv"
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


def find_ham10000(root: str | Path | None = None) -> Path:
    """The HAM10000 folder at or below ``root``, or below ``$DERMAVIZ_DATA`` where ``root`` is None.

    Raises:
        DatasetError: no folder there holds ``HAM10000_metadata.csv``.
    """
    start = data_root(root)
    for folder in (start, start / "ham10000", start / "HAM10000"):
        if (folder / METADATA).is_file():
            return folder
    raise DatasetError(
        f"expected {METADATA} in {start} or in {start / 'ham10000'}, found neither. "
        "Point --data (or DERMAVIZ_DATA) at the folder; `dermaviz data download` says how to get it."
    )


def read_ham10000(root: str | Path | None = None) -> Dataset:
    """Read the records of HAM10000 (or of a data set in the same form) in order of ``image_id``.

    The seven labels are the classes of :data:`~dermaviz.data.records.HAM10000`. Metadata keeps ``dx_type``, ``age``,
    ``sex``, ``localization`` and any further column as text; what is unknown is an empty string. An image's mask is
    ``masks/IMAGE_ID_segmentation.png`` (0 skin, 255 lesion); there may be none.

    Raises:
        DatasetError: the metadata lacks a column, or an image that it lists is not there.
    """
    folder = find_ham10000(root)
    table = _published_csv(folder / METADATA)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise DatasetError(
            f"{folder / METADATA}: expected columns {', '.join(COLUMNS)}, found no {', '.join(missing)}. "
            "Use the file as published (doi:10.7910/DVN/DBW86T)."
        )
    present, masks = _images_in(folder / "images"), _images_in(folder / "masks")
    absent = [image_id for image_id in sorted(table["image_id"]) if image_id not in present]
    if absent:
        raise DatasetError(
            f"{folder / 'images'}: expected {len(table)} images, found no file for {len(absent)} of them "
            f"({', '.join(absent[:3])}). `dermaviz data download` fetches what is missing."
        )
    records = []
    for row in table.sort_values("image_id").to_dict("records"):
        metadata = {str(name): row[name] for name in row if name not in ("lesion_id", "image_id", "dx")}
        image_id, mask = row["image_id"], masks.get(f"{row['image_id']}{MASK_ENDING}")
        records.append(Record(image_id, present[image_id], row["dx"], row["lesion_id"], metadata, mask))
    return Dataset(HAM10000.name, tuple(HAM10000.classes), tuple(records))


def _published_csv(path: Path) -> pd.DataFrame:
    """A table as it is, word for word: what stands in drawn data sets for a parameter may look like a missing value."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as failure:  # pandas' parser errors and bad UTF-8 are ValueErrors
        raise DatasetError(
            f"{path}: expected a CSV in UTF-8, found one that cannot be read ({failure}). Save it again as UTF-8."
        ) from failure
    if table.empty:
        raise DatasetError(f"{path}: expected a row per image, found none. Check that this is the right file.")
    return table


def _images_in(folder: Path) -> dict[str, Path]:
    """The images in a folder by their names without suffix; none where there is no folder."""
    return {path.stem: path for path in filter(is_picture, folder.iterdir())} if folder.is_dir() else {}


def find_photo(root: str | Path | None, image_id: str) -> Path:
    """The photo of an image of HAM10000, without reading the whole data set.

    Raises:
        DatasetError: there is no data set, or no such photo in it.
    """
    paths = [find_ham10000(root) / "images" / f"{image_id}{suffix}" for suffix in SUFFIXES]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise DatasetError(
            f"expected a photo at {paths[0]}, found none. `dermaviz data download` fetches what is missing."
        )
    return found


def _truth_in_words(column: str, frame: pd.DataFrame, _: Path) -> pd.DataFrame:
    """The table with the truth values of a column (0 and 1, True and False) as ``benign`` and ``malignant``."""
    words = dict.fromkeys(("0", "0.0", "false"), "benign") | dict.fromkeys(("1", "1.0", "true"), "malignant")
    if column not in frame:
        return frame
    return frame.assign(**{column: frame[column].map(lambda cell: words.get(cell.lower(), cell))})


def _derm7pt_splits(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The table with a column ``split``, from the files of row numbers beside it: ``train_indexes.csv`` and so on."""
    splits = pd.Series("", index=frame.index)
    for path in folder.glob("*_indexes.csv"):
        rows = [int(line.split(",")[-1]) for line in path.read_text(encoding="utf-8").split()[1:]]
        splits.iloc[[row for row in rows if row < len(frame)]] = path.stem.removesuffix("_indexes")
    return frame.assign(split=splits)


def _some(folder: Path, *patterns: str) -> list[Path]:
    """The files of these patterns, of which there is one at least."""
    files = sorted(path for pattern in patterns for path in folder.glob(pattern))
    if not files:
        raise DatasetError(
            f"expected {patterns[0]} in {folder}, found none. Point --data at the folder that holds them."
        )
    return files


def _read_medmnist(place: Path, columns: Columns, _: Form) -> Dataset:
    path = place if place.is_file() else _some(place, "*.npz")[0]
    notes = ["Its arrays are written out as files. Neither lesions nor patients are known."]
    if "derma" in path.stem.lower():
        notes.append(
            "DermaMNIST's own splits hold photographs of one lesion on both sides; classes 0 to 6 are in words."
        )
    return read_table(unpacked([path], medmnist_rows), columns, Form(path.stem, notes=tuple(notes)))


def _read_parquet(place: Path, columns: Columns, form: Form) -> Dataset:
    files = [place] if place.is_file() else _some(place, "*.parquet", "*/*.parquet")
    if picture_column(files[0]) is None:
        return read_table(place, columns, form)
    name = (place.parent if place.is_file() else place).resolve().name
    notes = (f"{len(files)} Parquet files: their pictures are written out as files.",)
    return read_table(unpacked(files, parquet_rows), columns, Form(name, notes=notes))


@dataclass(frozen=True)
class Fixed:
    """A reader that leaves no column to choose; where columns are named, a data set is not taken for one of its kind."""

    read: Callable[[Path], Dataset]

    def __call__(self, place: Path, columns: Columns, form: Form) -> Dataset:
        if columns.named:
            raise DatasetError(
                f"columns: expected none, since this kind of data set has none to choose, found {columns}. Leave them out, or "
                "choose --dataset csv."
            )
        return self.read(place)


@dataclass(frozen=True)
class Reader:
    """How a data set is told and read.

    ``files`` are patterns of its files' names, in the folder or one below, and ``needs`` the columns in lower case that such a
    table has. ``form`` says how the table differs from any other. A row whose ``read`` is a function of its own is told by the
    names of files alone, so they should be its kind's only.
    """

    about: str
    read: Callable[[Path, Columns, Form], Dataset] = read_table
    files: tuple[str, ...] = ("*.csv",)
    needs: frozenset[str] = frozenset()
    form: Form = field(default_factory=Form)


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "ham10000": Reader("HAM10000 as published, and drawn lesions", Fixed(read_ham10000), (METADATA,)),
        "isic": Reader(
            "ISIC 2018 and 2019: one column a class, beside lesion groupings or metadata",
            needs=frozenset({"image", "mel", "nv", "bcc"}),
        ),
        "isic-2020": Reader(
            "ISIC 2020: image_name and target",
            needs=frozenset({"image_name", "target"}),
            form=Form(
                "isic-2020", Columns(label="target"), prepare=partial(_truth_in_words, "target"),
                notes=("ISIC 2020: a target of 0 is read as benign, 1 as malignant.",),
            ),
        ),
        "pad-ufes-20": Reader(
            "PAD-UFES-20: clinical photographs with patients and Fitzpatrick types",
            needs=frozenset({"img_id", "diagnostic", "patient_id"}),
            form=Form("pad-ufes-20"),
        ),
        "ddi": Reader(
            "DDI: malignant or benign on three groups of skin tone",
            needs=frozenset({"ddi_file", "malignant"}),
            form=Form(
                "ddi", Columns(image="DDI_file", label="malignant"), prepare=partial(_truth_in_words, "malignant"),
                notes=("DDI: the label is malignant or benign; --columns label=disease reads the diagnosis instead.",),
            ),
        ),
        "fitzpatrick17k": Reader(
            "Fitzpatrick17k, with the one of its three label columns that is named",
            needs=frozenset({"md5hash", "fitzpatrick_scale"}),
            form=Form(
                "fitzpatrick17k", Columns(image="md5hash", tone="fitzpatrick_scale"),
                ("label", "nine_partition_label", "three_partition_label"),
                lambda frame, _: frame.assign(fitzpatrick_scale=frame["fitzpatrick_scale"].replace("-1", "")),  # none known
            ),
        ),
        "derm7pt": Reader(
            "Derm7pt: dermoscopic pictures, with its own splits",
            needs=frozenset({"derm", "clinic", "diagnosis"}),
            form=Form(
                "derm7pt", Columns(image="derm", lesion="case_num"), prepare=_derm7pt_splits,
                notes=("Derm7pt: of each case the dermoscopic picture is read; --columns image=clinic reads the clinical one.",),
            ),
        ),
        "ph2": Reader(
            "PH2: its Excel workbook, and folders of pictures and masks",
            files=("PH2_dataset.xlsx",),
            form=Form("ph2", marks=("Common Nevus", "Atypical Nevus", "Melanoma")),
        ),
        "medmnist": Reader("MedMNIST: arrays in an .npz file", _read_medmnist, ("*.npz",)),
        "parquet": Reader("Parquet with pictures, as Hugging Face has them", _read_parquet, ("*.parquet",)),
        "imagefolder": Reader(
            "Hugging Face image folder: metadata.csv or .jsonl with file_name", files=("metadata.csv", "metadata.jsonl"),
            needs=frozenset({"file_name"}),
        ),
        "csv": Reader(
            "any table (CSV, TSV, Excel, JSON lines) of images and labels", files=tuple(f"*{end}" for end in TABLE_SUFFIXES)
        ),
        "folder": Reader("one folder per class, also below train, validation, test", Fixed(read_folders), ()),
    }
)  # fmt: skip
"""Every kind of data set that can be read, in the order in which a place is asked whether it is one."""


def recognise(place: Path, columns: Columns | None = None) -> str:
    """The name of the reader for what lies at ``place``, told by its files and their columns.

    Raises:
        DatasetError: nothing is there.
    """
    if not place.exists():
        raise DatasetError(f"expected a data set at {place}, found nothing there. Give its folder, or its CSV.")
    named = columns.named if columns else {}
    rows = {name: row for name, row in READERS.items() if not (named and isinstance(row.read, Fixed))}
    return next((name for name, row in rows.items() if _is_of(place, row, bool(named))), "folder")


def _is_of(place: Path, row: Reader, any_table: bool) -> bool:
    if place.is_file():
        found = [place] if any(map(place.match, row.files)) else []
    else:
        patterns = (where for pattern in row.files for where in (pattern, f"*/{pattern}"))
        found = [path for pattern in patterns for path in sorted(place.glob(pattern))]
    needs, images = row.needs, set(USUAL["image"])
    if row.read is read_table and found and not row.form.marks:
        headers = [_header(path) for path in found]
        return any(needs <= header if needs else header & images or any_table for header in headers)
    return bool(found)


def form_of(frame: pd.DataFrame) -> Form:
    """How a table differs from any other, told by its columns alone."""
    header = {plain(column) for column in frame}
    return next((row.form for row in READERS.values() if row.needs and row.needs <= header), Form())


def _header(path: Path) -> set[str]:
    """The names of a table's columns; none where it cannot be read."""
    try:
        if path.suffix.lower() in (".xlsx", ".parquet"):
            return {plain(column) for column in open_table(path).frame}
        with path.open("rb") as file:
            content = file.readline(_LONGEST) + (file.readline(_LONGEST) or b"a row")
        return {plain(column) for column in parse_table(content, path.name).frame}
    except (DatasetError, OSError):
        return set()


_LONGEST = 2**16
"""Bytes of a line of a table that are looked at, to tell what it is."""


def read_dataset(name: str, root: str | Path | None, columns: Columns | None = None) -> Dataset:
    """Read a data set with the reader of this name, from ``root`` (None: ``$DERMAVIZ_DATA``); "" for the one that fits: a
    published form by its files, a table with columns of usual names, one with likely ones, and only then folders as classes.

    Raises:
        DatasetError: there is no such reader, or the data are not as it expects them.
    """
    if name and name not in READERS:
        raise DatasetError(f"expected a data set among {', '.join(READERS)}, found {name!r}.")
    place = data_root(root)
    reader = name or recognise(place, columns)
    notes: tuple[str, ...] = ()
    guesses = not name and place.is_dir() and recognise(place) == "folder"
    if guesses and (likely := likely_table(place, columns)) and likely != columns:
        reader, columns = "csv", likely
        notes = (
            f"Guessed from its columns, the table holds the labels: `--columns {shlex.quote(str(likely))}`, each of which can be "
            "named otherwise. Folders as classes: `--dataset folder`.",
        )
    row = READERS[reader]
    found = row.read(place, columns or Columns(), row.form)
    if not name:
        notes = (f"Read as {row.about}.", *notes)
    return replace(found, notes=(*notes, *found.notes), place=(str(place.resolve()), name, str(columns or "")))


def read_splits(
    name: str, manifest: str, root: str | Path | None, *, leaky: bool = False, columns: Columns | None = None
) -> tuple[dict[str, Dataset], Manifest]:
    """A data set's records by split. ``manifest`` is a committed manifest's name, the path of one's own, or ``given``: the
    splits that the data set brings along.

    Raises:
        DatasetError: as :func:`read_dataset`, and where the manifest does not fit or, unless ``leaky`` or given, a patient or
            a lesion crosses.
    """
    dataset = read_dataset(name, root, columns)
    chosen = given_split(dataset) if manifest == GIVEN else named_manifest(manifest)
    return apply_split(dataset, chosen, leaky=leaky), chosen
