"""A folder of photos to a CSV file of answers: one row per file, a refused one with its reason; interrupted, it goes on."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import numpy as np
from tqdm import tqdm

from dermaviz.errors import DatasetError, ImageError
from dermaviz.evidence.images import before_the_answer
from dermaviz.images import FORMATS_IN_WORDS, RGB, read_image
from dermaviz.io import atomic_write, csv_text, file_sha256
from dermaviz.models.answer import Prediction
from dermaviz.models.classifier import Classifier

MALIGNANT = "malignant"


def columns(classes: Sequence[str]) -> list[str]:
    """The columns of ``predictions.csv`` for a checkpoint of these classes; no two bear the same name."""
    total = [] if MALIGNANT in classes else [f"p_{MALIGNANT}"]
    return ["image", "prediction", *(f"p_{name}" for name in classes), *total, "out_of_distribution", "notes", "error"]


def predict_folder(classifier: Classifier, folder: Path, output: Path, batch_size: int = 32) -> int:
    """Write one row per file of ``folder`` (hidden files and sub-folders aside) in name order; returns their number.

    A file that is refused keeps its row: ``error`` holds the reason and the rest is empty. Rows are first kept in
    ``<output>.<key>.part``, each beside its file's sha256; an interrupted run leaves it behind. The next one takes the rows of
    files with the same name and content, if the same checkpoint makes the same columns; ``output`` is written at the end,
    whole. ``p_malignant`` is empty for a checkpoint that names no class malignant, and not added where a class is itself
    called so. ``out_of_distribution`` is the distance from the training images divided by the largest usual one: above 1 the
    image is unlike them; empty for a checkpoint without detector. ``notes`` say what was done to read
    the file, whether the model was trained on it, and what about it is outside what it was trained on.

    Raises:
        DatasetError: ``folder`` is no folder or holds no file, or ``output`` cannot be written.
    """
    if not folder.is_dir():
        raise DatasetError(f"expected a folder of photos, found nothing of that kind at {folder}. Check the path.")
    files = _files(folder, output)
    if not files:
        raise DatasetError(f"expected photos in {folder}, found no files. Photos are {FORMATS_IN_WORDS} files.")
    header, limit = columns(classifier.classes), classifier.detector.limit if classifier.detector else None
    key = hashlib.sha256(json.dumps([classifier.card.answers_sha256, header, limit]).encode()).hexdigest()
    part = output.with_name(f"{output.name}.{key[:8]}.part")
    done, rows = _rows_done(part, len(header)), []
    with _open_for_writing(output, part) as out, tqdm(total=len(files), desc="predicting", unit=" files") as progress:
        for first in range(0, len(files), batch_size):
            batch = [(file, (_name(file), _sha256(file))) for file in files[first : first + batch_size]]
            made = _predict_batch(classifier, [file for file, named in batch if named not in done])
            for row, named in zip(made, [named for _, named in batch if named not in done], strict=True):
                done[named] = row
                out.write(json.dumps([named[1], *row]) + "\n")
            out.flush()
            rows += [done[named] for _, named in batch]
            progress.update(len(batch))
    atomic_write(output, csv_text([header, *rows], "\r\n"), error=DatasetError)
    part.unlink(missing_ok=True)
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


def _sha256(file: Path) -> str:
    """The hash of a file's content; empty where it cannot be read, which the row then says."""
    try:
        return file_sha256(file)
    except OSError:
        return ""


def _open_for_writing(output: Path, part: Path) -> TextIO:
    try:
        if output.exists() and not output.is_file():
            raise OSError(errno.EISDIR, "it is a folder or a device")
        output.parent.mkdir(parents=True, exist_ok=True)
        out = part.open("a", encoding="utf-8")
        out.write("\n")  # what a killed run wrote last may be half a line
        return out
    except OSError as error:
        raise DatasetError(
            f"expected a CSV file that can be written at {output}, found: {error.strerror}. Name another file with -o."
        ) from error


def _rows_done(part: Path, width: int) -> dict[tuple[str, str], list[str]]:
    """The rows that an interrupted run kept, by their files' name and sha256; broken lines are none."""
    done = {}
    if part.is_file():
        for line in part.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, RecursionError):
                kept = json.loads(line)
                if isinstance(kept, list) and len(kept) == width + 1 and all(isinstance(cell, str) for cell in kept):
                    done[kept[1], kept[0]] = kept[1:]
    return done


def _predict_batch(classifier: Classifier, files: Sequence[Path]) -> list[list[str]]:
    def read(file: Path) -> tuple[RGB, tuple[str, ...]] | ImageError:
        try:
            image = read_image(file)
            return classifier.prepare(image.pixels), (*image.notes, *before_the_answer(classifier.card, image.pixels))
        except ImageError as refusal:
            return refusal

    with ThreadPoolExecutor(2) as pool:
        pictures = list(pool.map(read, files))
    good = [picture[0] for picture in pictures if not isinstance(picture, ImageError)]
    answers = iter(_answers(classifier, good) if good else [])
    n_columns = len(columns(classifier.classes))
    rows = []
    for file, picture in zip(files, pictures, strict=True):
        if isinstance(picture, ImageError):
            rows.append([_name(file), *[""] * (n_columns - 2), str(picture)])
        else:
            said, score = next(answers)
            figures = ["" if np.isnan(p) else f"{p:.6f}" for p in (*said.probabilities, said.p_malignant)]
            rows.append([_name(file), said.diagnosis, *figures[: n_columns - 5], score, "; ".join(picture[1]), ""])
    return rows


def _answers(classifier: Classifier, prepared: Sequence[RGB]) -> list[tuple[Prediction, str]]:
    """What is said of each image, and its distance from the training images as a share of the limit; "" without detector."""
    images, scores = classifier.to_tensor(prepared), [""] * len(prepared)
    if classifier.detector and classifier.gives_features:
        logits, features = classifier.observe(images)
        probabilities = classifier.calibrated(logits)
        scores = [f"{d / classifier.detector.limit:.3f}" for d in classifier.detector.distance(features)]
    else:
        probabilities = classifier.probabilities(images)
    said = [Prediction(classifier.classes, one, classifier.malignant) for one in probabilities]
    return list(zip(said, scores, strict=True))
