"""Data: tables of images as people keep them: which delimiter and encoding, which column is which, and what a label says.

Whatever is guessed is said: each function gives notes, one sentence a guess, which travel with the data set.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import shlex
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from dermaviz.diagnoses import diagnosis, spelt
from dermaviz.errors import DatasetError
from dermaviz.images import SUFFIXES
from dermaviz.io import from_csv_cell
from dermaviz.schema import validated

TABLE_SUFFIXES = (".csv", ".tsv", ".xlsx", ".jsonl", ".parquet")
USUAL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image": (
            "image", "image_path", "path", "file", "filename", "file_name", "image_id", "image_name", "img_id", "isic_id",
            "photo",
        ),
        "label": ("label", "dx", "diagnosis", "class", "diagnostic", "benign_malignant", "target"),
        "lesion": ("lesion_id", "lesion"),
        "patient": ("patient_id", "patient", "subject_id", "person_id"),
        "tone": (
            "fitzpatrick_skin_type", "fitspatrick", "fitzpatrick", "fitzpatrick_scale", "skin_type", "monk_skin_tone", "monk",
            "mst", "skin_tone", "tone", "tone_group",
        ),
        "mask": ("mask", "mask_path", "segmentation"),
        "split": ("split", "partition", "subset"),
        "sex": ("sex",),
        "age": ("age",),
    }
)  # fmt: skip
"""What a column of each role is usually called, the likeliest first; case, spaces and dashes do not count."""
PLAIN = ("sex", "age")
"""Roles that are metadata of that name, nothing more."""
_LIKELY: Mapping[str, str] = MappingProxyType(
    {
        "image": "datei, dateiname, bild, bildname, bilddatei, foto, fotoname, fichier, nom du fichier, cliché, archivo, "
        "fichero, imagen, immagine, nome file, arquivo, ficheiro, imagem",
        "label": "befund, diagnose, diagnosen, histologie, klasse, diagnostic, diagnostico, classe, etiqueta, diagnosi, "
        "istologia, histologia, histology, dx",
        "lesion": "läsion, läsions id, läsion nr, lésion, lesión, lesione, lesão, lesion nr, lesion number",
        "patient": "pat nr, patnr, pat id, patient nr, patientnr, patienten nr, patientennummer, patienten id, patient "
        "number, patientin, n patient, id patient, paciente, id paciente, paziente, id paziente, person, subject",
        "tone": "hauttyp, hauttyp fitzpatrick, fitzpatrick typ, hautton, phototyp, phototype, phototype cutané, fototyp, "
        "fototipo, tipo de piel, tipo de pele, tipo di pelle, skintype, fst",
        "sex": "geschlecht, gender, sexe, sexo, sesso, género, genere, gênero",
        "age": "alter, lebensalter, âge, edad, età, idade, age years, age approx",
        "mask": "maske, masque, máscara, maschera",
    }
)
"""Names that a column of each role may have elsewhere: offered, never taken."""
MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "nat"})
"""What stands for "not known" in a cell, whatever its case."""
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_LISTED = 5
_LARGEST, _MOST_CELLS = 2**29, 50_000_000
"""Bytes of an unpacked workbook, and cells of a Parquet table, that are read: small files can hold very large ones."""


@validated(DatasetError, "columns")
class Columns:
    """Which column of a table holds what; empty where the usual names are to be looked for."""

    image: str = ""
    label: str = ""
    lesion: str = ""
    patient: str = ""
    tone: str = ""
    mask: str = ""
    split: str = ""
    sex: str = ""
    age: str = ""

    def __str__(self) -> str:
        return ",".join(f"{role}={name}" for role, name in self.named.items())

    @property
    def named(self) -> dict[str, str]:
        """Role to column, those that are named."""
        return {role: name for role, name in dataclasses.asdict(self).items() if name}


def parse_columns(text: str) -> Columns:
    """Columns from ``image=path,label=dx``, as the command line gives them.

    Raises:
        DatasetError: a part is no ``ROLE=COLUMN``, or the role is none.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    wrong = [role for role, sign, name in pairs if not sign or not name.strip() or role.strip() not in USUAL]
    if wrong:
        raise DatasetError(
            f"columns: expected ROLE=COLUMN with roles among {', '.join(USUAL)}, found {some(map(repr, wrong))}. "
            "For instance: image=path,label=dx,patient=person."
        )
    return Columns(**{role.strip(): name.strip() for role, _, name in pairs})


@dataclass(frozen=True, eq=False)
class Table:
    """A table as text, "" where a cell is missing, and what was guessed of it."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def parse_table(content: bytes, name: str) -> Table:
    """The table in the bytes of a CSV (any usual delimiter and encoding), an Excel workbook, JSON lines or Parquet.

    Cells are trimmed, and those that say "not known" (``NA``, ``nan``, ``None`` …) are empty. ``name`` tells the kind, by its
    ending, and is what messages call the file.

    Raises:
        DatasetError: it cannot be read, or holds no row.
    """
    notes: list[str] = []
    if not content.strip():
        raise DatasetError(f"{name}: expected a table with a row per image, found an empty file. Check the file.")
    if content.startswith(b"PK"):
        rows = _rows_of_workbook(content, name)
    elif content.startswith(b"PAR1"):
        rows = _rows_of_parquet(content, name)
    elif name.lower().endswith(".jsonl"):
        rows = _rows_of_json_lines(content, name)
    else:
        rows = _rows_of_csv(content, name, notes)
    rows = [row for row in ([str(cell).strip() for cell in row] for row in rows) if any(row)]
    if len(rows) < 2:
        raise DatasetError(
            f"{name}: expected a row per image below the names of the columns, found none. Fill them in."
        )
    header, width = rows[0], len(rows[0])
    long = next((row for row in rows[1:] if any(row[width:])), None)
    if long is not None:
        raise DatasetError(
            f"{name}: expected {width} cells in each row, found {len(long)} in the one that begins with {long[0]!r}. "
            "Put cells that hold the delimiter into quotation marks."
        )
    frame = pd.DataFrame([[*row, *[""] * width][:width] for row in rows[1:]], columns=header, dtype=str)
    twice = [str(column) for column in frame.columns[frame.columns.duplicated()] if column]
    if twice:
        notes.append(f"{name}: columns named twice, only the first is used: {some(twice)}.")
    frame = frame.loc[:, ~frame.columns.duplicated()]
    words = Counter(cell for column in frame for cell in frame[column] if cell and cell.lower() in MISSING)
    if words:
        spelt = ", ".join(f"{word} ({n:,})" for word, n in words.most_common())
        notes.append(f"{name}: cells read as missing: {spelt}.")
        frame = frame.map(lambda cell: "" if cell.lower() in MISSING else cell)
    return Table(frame, tuple(notes))


def open_table(path: Path) -> Table:
    """The table in a file.

    Raises:
        DatasetError: the file cannot be read, or as :func:`parse_table`.
    """
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise DatasetError(f"{path}: expected a table that can be read, found: {failure.strerror}.") from failure
    return parse_table(content, path.name)


def _rows_of_csv(content: bytes, name: str, notes: list[str]) -> list[list[str]]:
    encoding = next((found for mark, found in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        notes.append(f"{name}: not in UTF-8, read as Windows-1252 (Western Europe).")
    if "\0" in text:
        raise DatasetError(f"{name}: expected a table as text, found a file of another kind. Save it as CSV (UTF-8).")
    text = text.lstrip("\ufeff \r\n")
    header = re.sub(r'"[^"]*"', "", text.splitlines()[0]) if text else ""
    delimiter = max(_DELIMITERS, key=header.count)
    if not header.count(delimiter) and len(header.split()) > 1:
        raise DatasetError(
            f"{name}: expected columns separated by {', '.join(_DELIMITERS.values())}, found the one column {header[:60]!r}. "
            "Save the table as CSV with commas."
        )
    if delimiter != ",":
        notes.append(f"{name}: columns separated by {_DELIMITERS[delimiter]}.")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as failure:
        raise DatasetError(
            f"{name}: expected a CSV, found one that cannot be read ({failure}). Save it anew."
        ) from failure
    return [[from_csv_cell(cell.strip()) for cell in line] for line in lines]


def _rows_of_workbook(content: bytes, name: str) -> list[list[str]]:
    """The first sheet; its header is the first row with a usual name of a column of images, where there is one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > _LARGEST:
            raise DatasetError(
                f"{name}: expected at most {_LARGEST:,} bytes once unpacked, found {unpacked:,}. Save it as CSV."
            )
        sheet = pd.read_excel(io.BytesIO(content), header=None, dtype=str, keep_default_na=False, engine="openpyxl")
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as failure:
        raise DatasetError(f"{name}: expected an Excel workbook, found {failure}. Save the table as CSV.") from failure
    rows = [[str(cell) for cell in row] for row in sheet.to_numpy()]
    first = next((i for i, row in enumerate(rows) if {plain(cell) for cell in row} & set(USUAL["image"])), 0)
    return rows[first:]


def _rows_of_parquet(content: bytes, name: str) -> list[list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        facts = pq.read_metadata(io.BytesIO(content))
        if facts.num_rows * facts.num_columns > _MOST_CELLS:
            raise DatasetError(
                f"{name}: expected {_MOST_CELLS:,} cells at most, found {facts.num_rows:,} × {facts.num_columns}. Split it."
            )
        frame = pq.read_table(io.BytesIO(content)).to_pandas()
    except pa.ArrowException as failure:
        raise DatasetError(f"{name}: expected a Parquet file, found {failure}. Write it again.") from failure
    cells = frame.astype(object).where(frame.notna(), "").to_numpy()
    return [[*map(str, frame.columns)], *([str(cell) for cell in row] for row in cells)]


def _rows_of_json_lines(content: bytes, name: str) -> list[list[str]]:
    try:
        records = [json.loads(line) for line in content.decode("utf-8-sig").splitlines() if line.strip()]
        header = list(dict.fromkeys(key for record in records for key in record))
        cells = ([record.get(key) for key in header] for record in records)
        return [header, *(["" if cell is None else str(cell) for cell in row] for row in cells)]
    except (ValueError, TypeError, AttributeError) as failure:
        raise DatasetError(
            f"{name}: expected a JSON object in each line, found {failure}. Correct the file."
        ) from failure


def plain(name: str) -> str:
    """A column's name as it is compared: in lower case, spaces and dashes as underscores."""
    return re.sub(r"[\s\-]+", "_", str(name).strip().lower())


def _given(frame: pd.DataFrame) -> list[str]:
    """The columns of the user's own; those that begin with ":" are ours."""
    return [str(name) for name in frame if str(name) and str(name)[0] != ":"]


def find_columns(frame: pd.DataFrame, asked: Columns, usual: Columns) -> Columns:
    """Which column has which role: as asked, else as in ``usual``, else by a usual name; "" for none."""
    bears = {plain(column): str(column) for column in reversed(frame.columns) if column}
    found = {}
    for role, names in USUAL.items():
        offered = (getattr(asked, role),) if getattr(asked, role) else (getattr(usual, role), *names)
        found[role] = next((bears[plain(one)] for one in offered if plain(one) in bears), "")
    return Columns(**found)


def expect_columns(frame: pd.DataFrame, name: str, asked: Columns, found: Columns) -> str:
    """A sentence that says which column was taken for what.

    Raises:
        DatasetError: a column that was asked for is not there, or there is none of images or of labels.
    """
    there = f"found the columns {', '.join(_given(frame))}"
    for role in USUAL:
        if getattr(found, role):
            continue
        if getattr(asked, role):
            raise DatasetError(
                f"{name}: expected a column of {role}s named {getattr(asked, role)}, {there}. Correct the name."
            )
        if role in ("image", "label"):
            raise DatasetError(
                f"{name}: expected a column of {role}s named {' or '.join(USUAL[role])}, {there}. Say which it is: "
                f"{suggested(frame, asked) or f'`--columns {role}=COLUMN`'}."
            )
    unused = [str(one) for one in frame if plain(one) in USUAL["label"] and one not in found.named.values()]
    also = f" The label could also be {some(map(repr, unused))}." if unused and not asked.label else ""
    taken = ((role, column) for role, column in found.named.items() if not (role in PLAIN and plain(column) == role))
    return f"{name}: {', '.join(f'{role} from {column!r}' for role, column in taken)}.{also}"


def likely_columns(frame: pd.DataFrame, found: Columns) -> dict[str, str]:
    """Which column may have each role that ``found`` leaves open, by its name in other languages or by what it holds."""
    open_columns = {spelt(name): name for name in reversed(_given(frame))}
    open_columns = {said: name for said, name in open_columns.items() if name not in found.named.values()}
    likely: dict[str, str] = {}
    first = frame.head(_LOOKED_AT)
    for role, names in _LIKELY.items():
        usual = [*map(spelt, USUAL[role]), *map(spelt, names.split(", "))]
        holds = _HOLDS.get(role, lambda _: False)
        named = next((open_columns[one] for one in usual if one in open_columns), "")
        held = (name for name in open_columns.values() if 2 * sum(map(holds, first[name])) > len(first))
        if role not in found.named and (chosen := named or next(held, "")):
            likely[role] = chosen
            open_columns.pop(spelt(chosen))
    return likely


_HOLDS = MappingProxyType(
    {
        "image": lambda cell: cell.lower().endswith(SUFFIXES),
        "label": lambda cell: diagnosis(cell) is not None,
    }
)
"""What tells a column of a role by its cells."""
_LOOKED_AT = 200
"""Rows that are looked at for that."""


def suggested(frame: pd.DataFrame, found: Columns) -> str:
    """The option that names all columns, those that are known and those that are likely; "" where none is likely."""
    likely = likely_columns(frame, found)
    named = {role: (found.named | likely)[role] for role in USUAL if role in found.named | likely}
    words = ",".join(f"{role}={column}" for role, column in named.items() if "," not in column)
    return f"`--columns {shlex.quote(words)}`" if likely else ""


def without_a_role(frame: pd.DataFrame, asked: Columns, found: Columns) -> list[str]:
    """A sentence on the columns that were left without a role, where some were named; and on those that may have one."""
    rest = [name for name in _given(frame) if name not in found.named.values()]
    said = [f"Columns without a role, kept as they are: {', '.join(rest)}."] if asked.named and rest else []
    likely = likely_columns(frame, found) if asked.named else {}
    if likely:
        said.append(
            f"Perhaps {', '.join(f'{role} from {name!r}' for role, name in likely.items())}: {suggested(frame, asked)}."
        )
    return said


def clean_labels(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Labels with single spaces and one spelling where they differ only in case, the most frequent; and what was changed."""
    tidy = [" ".join(label.split()) for label in labels]
    notes = []
    changed = {old for old, new in zip(labels, tidy, strict=True) if old != new}
    if changed:
        notes.append(f"Spaces taken out of labels: {some(map(repr, sorted(changed)))}.")
    counts = Counter(label for label in tidy if label)
    spellings: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        spellings.setdefault(label.casefold(), []).append(label)
    for first, *others in spellings.values():
        if others:
            listed = ", ".join(f"{label!r} ({counts[label]:,})" for label in (first, *others))
            notes.append(f"Labels that differ only in case are one, {first!r}: {listed}.")
    return [spellings[label.casefold()][0] if label else "" for label in tidy], notes


_SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "dev": "validation", "test": "test", "testing": "test",
}  # fmt: skip


def split_word(text: str) -> str:
    """The split that a name or a cell means (``Training``, ``val``, ``ISIC2018_Task3_Test_Input``); "" for none or several."""
    meant = {_SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", text.lower()) if word in _SPLIT_WORDS}
    return meant.pop() if len(meant) == 1 else ""


def some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    listed = list(map(str, names))
    more = len(listed) - _LISTED
    return ", ".join(listed[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")
