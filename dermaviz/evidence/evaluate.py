"""Running a classifier over many images, each picture read once: over a data set, for the rows of evidence tables and the
figures on a card; over a folder of photos, for a CSV file of answers."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TextIO, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm import tqdm

from dermaviz.data.folders import recounted, without_refused
from dermaviz.data.photographs import remember_place
from dermaviz.data.records import Dataset, Record
from dermaviz.data.split import Split
from dermaviz.errors import DatasetError, EvidenceError, ImageError
from dermaviz.evidence.build import build_evidence, progress_bar
from dermaviz.evidence.images import ToAudit, before_the_answer, split_of_checkpoint
from dermaviz.evidence.predictions import LABELS, PREDICTIONS, Predictions, cannot_have, internal, read_audited
from dermaviz.evidence.store import FOLDER, WERE_MALIGNANT, Manifest, Source
from dermaviz.evidence.tables import DRAWN, TABLES
from dermaviz.images import FORMATS_IN_WORDS, RGB, read_image
from dermaviz.io import atomic_write, csv_text, file_sha256
from dermaviz.metrics.summary import summarise
from dermaviz.models.answer import Prediction
from dermaviz.models.card import CARD, Card, Checkpoint
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.classifier import Classifier, grouped

T = TypeVar("T")


def evaluate_checkpoint(
    folder: Path, root: Path | None, split: Split = "test", *, draws: int = 1000, device: str = "cpu"
) -> Card:
    """Predict a split of the data set named on the card, keep the evidence, and write the figures into ``card.json``.

    Raises:
        CheckpointError: the checkpoint is not whole, or does not name its data.
        DatasetError: the data are absent, or their split or classes are not those the checkpoint was trained on.
    """
    classifier = load_checkpoint(folder, device)
    card = classifier.card
    asked = ToAudit(recounted(split_of_checkpoint(card, root, split)), internal(card, split))
    with progress_bar({PREDICTIONS: None}) as progress:
        make_table(folder, PREDICTIONS, classifier, lambda: asked, progress=partial(progress, PREDICTIONS))
    found = read_audited(Checkpoint(folder, card), internal(card, split))
    figures = summarise(
        found.labels, found.probabilities, found.clusters, card.classes, classifier.malignant, draws, found.unit
    )
    card = replace(card, metrics={**card.metrics, split: figures})
    card.write(folder / CARD)
    return card


def image_facts(dataset: Dataset) -> pd.DataFrame:
    """The ``image_id``, ``lesion_id`` and ``patient_id`` of each record, of which ``metrics.bootstrap.clusters`` are made."""
    names = ("image_id", "lesion_id", "patient_id")
    return pd.DataFrame([[getattr(record, name) for name in names] for record in dataset.records], columns=list(names))


def predict_dataset(classifier: Classifier, dataset: Dataset, batch_size: int = 64) -> Predictions:
    """Logits of every record, each photo read and prepared exactly as the app does it; an ImageError where one is refused, a
    DatasetError where there is none."""
    if not len(dataset):
        raise DatasetError(f"expected images of {dataset.name} to predict, found none. Choose a split that has images.")
    batches = [slice(first, first + batch_size) for first in range(0, len(dataset), batch_size)]
    read = prepared_batches(classifier, dataset, batches)
    return Predictions(
        dataset.classes,
        tuple(record.image_id for record in dataset.records),
        tuple(record.lesion_id for record in dataset.records),
        np.array(dataset.label_indices, dtype=np.int64),
        np.concatenate([_logits(classifier, images) for _, images in tqdm(read, dataset.name, len(batches))]),
    )


def prediction_rows(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice], batch_size: int = 64
) -> Iterator[pd.DataFrame]:
    """The rows of the evidence table ``predictions`` (:func:`table_rows`)."""

    def rows(records: Sequence[Record], images: Sequence[RGB]) -> pd.DataFrame:
        batches = [images[first : first + batch_size] for first in range(0, len(images), batch_size)]
        logits = np.concatenate([_logits(classifier, batch) for batch in batches]).astype(np.float64)
        probabilities = softmax(logits / classifier.card.temperature, axis=1)
        named = [(record.image_id, record.lesion_id, record.label) for record in records]
        facts = pd.DataFrame(named, columns=["image_id", "lesion_id", "dx"])
        known = pd.DataFrame([dict(record.metadata) for record in records]).drop(columns=list(facts), errors="ignore")
        said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes])
        return pd.concat([facts, known.drop(columns=list(said), errors="ignore"), said], axis=1)

    return table_rows(dataset, slices, partial(prepared, classifier), rows)


def table_rows(
    dataset: Dataset,
    slices: Sequence[slice],
    read: Callable[[Record], T],
    rows: Callable[[list[Record], list[T]], pd.DataFrame],
) -> Iterator[pd.DataFrame]:
    """The rows of a table for each slice of a data set, lazily and in order, given what was ``read`` of each record, ahead
    and by two threads. Each picture is read once; one that is refused has no row, and a slice of these alone has none.

    Raises:
        ImageError: a file is not there any more.
    """

    def readable(record: Record) -> T | None:
        try:
            return read(record)
        except ImageError:
            if not record.path.is_file():
                raise
            return None

    for part, found in read_ahead(dataset, slices, readable):
        both = [(record, one) for record, one in zip(dataset.records[part], found, strict=True) if one is not None]
        yield rows([record for record, _ in both], [one for _, one in both]) if both else pd.DataFrame()


def prepared(classifier: Classifier, record: Record) -> RGB:
    """A record's picture in the model's input, uint8 ``[S, S, 3]``; an ImageError where it is refused."""
    return classifier.prepare(read_image(record.path).pixels)


def prepared_batches(
    classifier: Classifier, dataset: Dataset, slices: Sequence[slice]
) -> Iterator[tuple[slice, list[RGB]]]:
    """Each slice of a data set with its prepared inputs, uint8 ``[S, S, 3]``, read ahead by two threads."""
    return read_ahead(dataset, slices, partial(prepared, classifier))


def read_ahead(
    dataset: Dataset, slices: Sequence[slice], read: Callable[[Record], T]
) -> Iterator[tuple[slice, list[T]]]:
    """Each slice of a data set with what ``read`` makes of its records, in order; two threads read a slice ahead."""
    records = [record for part in slices for record in dataset.records[part]]
    most = max((part.stop - part.start for part in slices), default=0)

    def in_threads() -> Iterator[T]:
        upcoming: deque[Future[T]] = deque()
        with ThreadPoolExecutor(2) as pool:
            for record in records:
                upcoming.append(pool.submit(read, record))
                if len(upcoming) > most:
                    yield upcoming.popleft().result()
            while upcoming:
                yield upcoming.popleft().result()

    ahead = in_threads()
    for part in slices:
        yield part, list(islice(ahead, len(dataset.records[part])))


def _logits(classifier: Classifier, images: Sequence[RGB]) -> NDArray[np.float32]:
    with torch.no_grad():
        return classifier.logits(classifier.to_tensor(images)).cpu().numpy()


def make_table(
    folder: Path,
    name: str,
    classifier: Classifier,
    images: Callable[[], ToAudit],
    made: Mapping[str, Any] | None = None,
    tell: Callable[[str], object] = lambda _: None,
    **how: Any,
) -> Manifest:
    """Make a table of :data:`~dermaviz.evidence.tables.TABLES` of a checkpoint, unless it is there already.

    Args:
        images: gives the images; not asked by a table that draws its own.
        made: facts for the manifest; what was said of the images is added.
        tell: is told, in a sentence each, of pictures that were refused, and what else is otherwise without them.
        how: ``process, processes, wait_for_all, progress`` of :func:`~dermaviz.evidence.build.build_evidence`.

    Raises:
        EvidenceError, DatasetError, ImageError: as the functions that make the rows.
    """
    table, card = TABLES[name], classifier.card
    if why := cannot_have(card, name):
        raise EvidenceError(why)
    make, settings, facts = table.make_rows(), table.settings(), {**(made or {}), WERE_MALIGNANT: list(card.malignant)}
    if table.drawn:
        drawn = resolve_name(table.drawn)(card.classes)
        images_sha256 = hashlib.sha256(repr(drawn).encode()).hexdigest()
        source = Source(name, DRAWN, DRAWN, card.answers_sha256, images_sha256, settings)
        return build_evidence(
            folder, source, len(drawn), partial(make, classifier), part=table.part, made=lambda _: facts, **how
        )
    asked = images()
    dataset = table.images(asked.dataset)
    if asked.groups:
        settings |= {LABELS: {group: list(classes) for group, classes in asked.groups.items()}}

    def told(rows: pd.DataFrame) -> dict[str, Any]:
        rest = without_rows(asked, dataset, rows)
        for sentence in rest.said:
            if sentence not in asked.said:
                tell(sentence)
        return facts | ({"said": list(rest.kept)} if rest.kept else {})

    source = Source(name, dataset.name, asked.of.split, card.answers_sha256, dataset.sha256, settings)
    rows = partial(make, classifier if table.own_classes else grouped(classifier, asked.groups), dataset)
    remember_place(folder / FOLDER / asked.of.data_set, dataset)
    return build_evidence(folder, source, len(dataset), rows, part=table.part, made=told, **how)


def without_rows(asked: ToAudit, dataset: Dataset, rows: pd.DataFrame) -> ToAudit:
    """Images to audit without those of ``dataset`` that have no row, for they were refused: counted, and named with the reason. A
    DatasetError where all were."""
    missing = {record.image_id for record in dataset.records} - set(rows.get("image_id", ()))
    return replace(asked, dataset=without_refused(asked.dataset, missing)) if missing else asked


MALIGNANT = "malignant"


def folder_columns(classes: Sequence[str]) -> list[str]:
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
    header, limit = folder_columns(classifier.classes), classifier.detector.limit if classifier.detector else None
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
    files = (file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    return sorted((one for one in files if not (here and written.fullmatch(one.name))), key=lambda file: file.name)


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
    n_columns = len(folder_columns(classifier.classes))
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
