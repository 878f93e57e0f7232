"""Evaluation: predictions for a folder of photos, as the CSV that other programs read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import read_picture
from dermaviz.models.classifier import Classifier
from dermaviz.types import RGB, Prediction


def columns(classes: Sequence[str]) -> list[str]:
    """The columns of ``predictions.csv`` for a checkpoint of these classes."""
    return ["image", "prediction", *(f"p_{name}" for name in classes), "p_malignant", "error"]


def predict_folder(classifier: Classifier, folder: Path, output: Path, batch_size: int = 32) -> int:
    """Write one row per file of ``folder`` (hidden files and sub-folders aside) in name order; returns their number.

    A file that is refused keeps its row: ``error`` holds the reason and the rest is empty. Rows are first written to
    ``<output>.<weights>.part``, which an interrupted run leaves behind and the next one with the same checkpoint
    continues; the file is renamed once every row is there.

    Raises:
        DatasetError: ``folder`` is no folder or holds no file.
    """
    if not folder.is_dir():
        raise DatasetError(f"expected a folder of photos, found nothing of that kind at {folder}. Check the path.")
    part = output.with_name(f"{output.name}.{classifier.card.weights_sha256[:8]}.part")
    ours = {output.resolve(), part.resolve()}
    files = sorted(
        (f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".") and f.resolve() not in ours),
        key=lambda file: file.name,
    )
    if not files:
        raise DatasetError(f"expected photos in {folder}, found no files. Photos are JPEG, PNG or WebP files.")
    output.parent.mkdir(parents=True, exist_ok=True)
    rows = _rows_done(part, columns(classifier.classes), [file.name for file in files])
    with part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerows([columns(classifier.classes), *rows])
        progress = tqdm(total=len(files), initial=len(rows), desc="predicting", unit=" files")
        for first in range(len(rows), len(files), batch_size):
            batch = files[first : first + batch_size]
            writer.writerows(_predict_batch(classifier, batch))
            out.flush()
            progress.update(len(batch))
        progress.close()
    part.replace(output)
    return len(files)


def _rows_done(part: Path, header: list[str], names: list[str]) -> list[list[str]]:
    """Whole rows of an interrupted run that are the first of ``names``, in order."""
    if not part.is_file():
        return []
    with part.open(newline="", encoding="utf-8") as file:
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
    probabilities = iter(classifier.probabilities(classifier.to_tensor(good)) if good else [])
    rows = []
    for file, picture in zip(files, pictures, strict=True):
        if isinstance(picture, ImageError):
            rows.append([file.name, *[""] * (len(classifier.classes) + 2), str(picture)])
        else:
            said = Prediction(classifier.classes, next(probabilities), classifier.malignant)
            figures = [f"{p:.6f}" for p in (*said.probabilities, said.p_malignant)]
            rows.append([file.name, said.diagnosis, *figures, ""])
    return rows
