"""Evaluation: predictions for a folder of photos, as the CSV that other programs read."""

from __future__ import annotations

import csv
import errno
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

import numpy as np
from tqdm import tqdm

from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import read_picture
from dermaviz.models.classifier import Classifier
from dermaviz.types import RGB, Prediction

MALIGNANT = "malignant"


def columns(classes: Sequence[str]) -> list[str]:
    """The columns of ``predictions.csv`` for a checkpoint of these classes; no two bear the same name."""
    total = [] if MALIGNANT in classes else [f"p_{MALIGNANT}"]
    return ["image", "prediction", *(f"p_{name}" for name in classes), *total, "error"]


def predict_folder(classifier: Classifier, folder: Path, output: Path, batch_size: int = 32) -> int:
    """Write one row per file of ``folder`` (hidden files and sub-folders aside) in name order; returns their number.

    A file that is refused keeps its row: ``error`` holds the reason and the rest is empty. Rows are first written to
    ``<output>.<weights>.part``, which an interrupted run leaves behind and the next one with the same checkpoint
    continues; the file is renamed once every row is there. ``p_malignant`` is empty for a checkpoint that names no class
    malignant, and not added where a class is itself called so.

    Raises:
        DatasetError: ``folder`` is no folder or holds no file, or ``output`` cannot be written.
    """
    if not folder.is_dir():
        raise DatasetError(f"expected a folder of photos, found nothing of that kind at {folder}. Check the path.")
    part = output.with_name(f"{output.name}.{classifier.card.weights_sha256[:8]}.part")
    files = _files(folder, output)
    if not files:
        raise DatasetError(f"expected photos in {folder}, found no files. Photos are JPEG, PNG or WebP files.")
    rows = _rows_done(part, columns(classifier.classes), [_name(file) for file in files])
    progress = tqdm(total=len(files), initial=len(rows), desc="predicting", unit=" files")
    with _open_for_writing(output, part) as out, progress:
        writer = csv.writer(out)
        writer.writerows([columns(classifier.classes), *rows])
        for first in range(len(rows), len(files), batch_size):
            batch = files[first : first + batch_size]
            writer.writerows(_predict_batch(classifier, batch))
            out.flush()
            progress.update(len(batch))
    part.replace(output)
    return len(files)


def _files(folder: Path, output: Path) -> list[Path]:
    """The files of ``folder`` in name order, without hidden ones and without what this or an earlier run writes there."""
    here = output.resolve().parent == folder.resolve()
    written = re.compile(re.escape(output.name) + r"(\.\w*\.part)?")
    return sorted(
        (
            file
            for file in folder.iterdir()
            if file.is_file() and not file.name.startswith(".") and not (here and written.fullmatch(file.name))
        ),
        key=lambda file: file.name,
    )


def _name(file: Path) -> str:
    """A file's name as text; bytes that are no UTF-8 (an old archive's) are written out as ``\\udcXX``."""
    return file.name.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _open_for_writing(output: Path, part: Path) -> TextIO:
    try:
        if output.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        output.parent.mkdir(parents=True, exist_ok=True)
        return part.open("w", newline="", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise DatasetError(
            f"expected a CSV file that can be written at {output}, found: {error.strerror}. Name another file with -o."
        ) from error


def _rows_done(part: Path, header: list[str], names: list[str]) -> list[list[str]]:
    """Whole rows of an interrupted run that are the first of ``names``, in order."""
    if not part.is_file():
        return []
    with part.open(newline="", encoding="utf-8", errors="replace") as file:  # it may end within a character
        lines = list(csv.reader(file))
    if not lines or lines[0] != header:
        return []
    done = []
    for row, name in zip(lines[1:], names, strict=False):
        if len(row) != len(header) or row[0] != name:
            break
        done.append(row)
    return done[:-1]  # the last row may have been cut off in the middle of a number


def _predict_batch(classifier: Classifier, files: Sequence[Path]) -> list[list[str]]:
    def read(file: Path) -> RGB | ImageError:
        try:
            return classifier.prepare(read_picture(file).pixels)
        except ImageError as refusal:
            return refusal

    with ThreadPoolExecutor(2) as pool:
        pictures = list(pool.map(read, files))
    good = [picture for picture in pictures if not isinstance(picture, ImageError)]
    probabilities = iter([*classifier.probabilities(classifier.to_tensor(good))] if good else [])
    n_columns = len(columns(classifier.classes))
    rows = []
    for file, picture in zip(files, pictures, strict=True):
        if isinstance(picture, ImageError):
            rows.append([_name(file), *[""] * (n_columns - 2), str(picture)])
        else:
            said = Prediction(classifier.classes, next(probabilities), classifier.malignant)
            figures = ["" if np.isnan(p) else f"{p:.6f}" for p in (*said.probabilities, said.p_malignant)]
            rows.append([_name(file), said.diagnosis, *figures[: n_columns - 3], ""])
    return rows
