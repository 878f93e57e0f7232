"""Results of runs: figures with intervals, the curve of training and the predictions, each written once and read with a hash."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.data.records import Dataset
from dermaviz.errors import ResultError
from dermaviz.evidence.predictions import Predictions
from dermaviz.evidence.store import parquet_bytes, read_parquet
from dermaviz.io import atomic_write, csv_of
from dermaviz.metrics.summary import measure

_DIGITS = 6


@dataclass(frozen=True)
class Learned:
    """Untempered predictions of validation and test images; ``under`` are those of attacked or noisy test images, by name.

    ``curve`` has a line for each epoch (none where there are no epochs), ``kept_epoch`` is the one whose weights these
    answers are of (0 where there are none), ``seconds`` is the time of training over all sittings.
    """

    validation: Predictions
    test: Predictions
    seconds: float
    curve: tuple[Mapping[str, Any], ...] = ()
    kept_epoch: int = 0
    under: Mapping[str, Predictions] = field(default_factory=dict)


def answers(dataset: Dataset, probabilities: NDArray[np.floating]) -> Predictions:
    """Predictions of a data set's images from untempered probabilities ``[N, C]``, in its order."""
    return Predictions(
        dataset.classes,
        tuple(record.image_id for record in dataset.records),
        tuple(record.lesion_id for record in dataset.records),
        np.array(dataset.label_indices, dtype=np.int64),
        np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)),
    )


def prediction_table(predictions: Predictions, temperature: float) -> pd.DataFrame:
    """``image_id, lesion_id, dx`` (the true class) and ``p_<class>``, calibrated, float32: one row per image."""
    probabilities = predictions.probabilities(temperature).astype(np.float32)
    dx = [predictions.classes[label] for label in predictions.labels]
    facts = pd.DataFrame({"image_id": predictions.image_ids, "lesion_id": predictions.lesion_ids, "dx": dx})
    return facts.join(pd.DataFrame(probabilities, columns=[f"p_{name}" for name in predictions.classes]))


def figures_of(
    predictions: Predictions, temperature: float, malignant: frozenset[str], draws: int
) -> tuple[dict[str, Any], ...]:
    """Every figure of ``metrics.summary.measure``, as rows of plain values; what is resampled are lesions."""
    probabilities = predictions.probabilities(temperature)
    table = (
        measure(predictions.labels, probabilities, predictions.lesion_ids, predictions.classes, malignant, draws)
        .drop(columns="label")
        .rename(columns={"n_clusters": "n_lesions"})
    )
    return tuple(table.round(_DIGITS).astype(object).to_dict("records"))


RESULT = "result.json"
CURVE = "curve.csv"
PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True)
class Result:
    """The result of one run.

    ``settings`` are the row's effective ones and ``settings_sha256`` their hash; ``data`` counts the images of each class by
    split, ``data_sha256`` is the hash of which images they are. ``figures`` are rows of ``metrics.summary.measure`` on the
    test images, with intervals over lesions; ``under`` are the same after an attack or noise, by its name. ``temperature`` was
    fitted on validation. ``seconds`` are those of training over all sittings or of the last sitting, whichever are more.
    """

    report: str
    row: str
    budget: str
    seed: int
    about: str
    claims: tuple[str, ...]
    deviations: tuple[str, ...]
    settings: Mapping[str, Any]
    settings_sha256: str
    data: Mapping[str, Any]
    data_sha256: str
    classes: tuple[str, ...]
    malignant: tuple[str, ...]
    temperature: float
    kept_epoch: int
    figures: tuple[Mapping[str, Any], ...]
    under: Mapping[str, Sequence[Mapping[str, Any]]]
    seconds: float
    machine: str
    made: Mapping[str, str]
    curve_sha256: str = ""
    predictions_sha256: str = ""

    def __post_init__(self) -> None:
        for name in ("claims", "deviations", "classes", "malignant", "figures"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def figure(self, metric: str, label: str = "") -> Mapping[str, Any]:
        """A figure on the test images by its metric's slug, of a class where ``label`` names one.

        Raises:
            ResultError: there is none.
        """
        for row in self.figures:
            if (row["metric"], row["class"]) == (metric, label):
                return row
        known = ", ".join(dict.fromkeys(str(row["metric"]) for row in self.figures))
        raise ResultError(f"{self.report}/{self.row}: expected a figure {metric} of {label or 'all'}, found {known}.")


def results_root() -> Path:
    """Where results are kept: ``reports/`` in ``$DERMAVIZ_RESULTS``, else in ``results/`` beside the package."""
    given = os.environ.get("DERMAVIZ_RESULTS")
    return (Path(given) if given else Path(__file__).parent / "results") / "reports"


def run_folder(root: Path, report: str, row: str, budget: str, seed: int) -> Path:
    """Where a run's files lie below the results' root."""
    return root / report / row / f"{budget}-seed{seed}"


def has_result(folder: Path) -> bool:
    """Whether a run is finished there."""
    return (folder / RESULT).is_file()


def write_result(folder: Path, result: Result, curve: pd.DataFrame, predictions: pd.DataFrame) -> Result:
    """Write a run's three files, ``result.json`` last, in place of an older result; returns it with the others' hashes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    contents = {CURVE: csv_of(curve), PREDICTIONS: parquet_bytes(predictions)}
    for name, content in contents.items():
        atomic_write(folder / name, content, error=ResultError)
    hashes = {f"{Path(name).stem}_sha256": hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    result = Result(**{**vars(result), **hashes})
    text = json.dumps(_plain(asdict(result)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    atomic_write(folder / RESULT, text, error=ResultError)
    return result


def read_result(folder: Path) -> Result:
    """Read ``result.json``.

    Raises:
        ResultError: there is none that can be read.
    """
    path = folder / RESULT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Result(**content)
    except (OSError, ValueError, TypeError) as error:
        wanted = ", ".join(field.name for field in fields(Result))
        raise ResultError(
            f"{path}: expected a run's result ({wanted}), found none that can be read. Delete the folder and make it again "
            "with `dermaviz reproduce`."
        ) from error


def read_predictions(folder: Path) -> pd.DataFrame:
    """The predictions of a finished run: ``image_id, lesion_id, dx, p_<class>``, calibrated, one row per test image.

    Raises:
        ResultError: the result cannot be read, or the file is not the one that it vouches for.
    """
    return read_parquet(_vouched_for(folder, PREDICTIONS, read_result(folder).predictions_sha256))


def read_curve(folder: Path) -> pd.DataFrame:
    """The curve of a finished run: a row for each epoch; empty where its learner has no epochs.

    Raises:
        ResultError: the result cannot be read, or the file is not the one that it vouches for.
    """
    content = _vouched_for(folder, CURVE, read_result(folder).curve_sha256)
    return pd.read_csv(io.BytesIO(content)) if content.strip() else pd.DataFrame()


def _vouched_for(folder: Path, name: str, sha256: str) -> bytes:
    path = folder / name
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ResultError(
            f"{path}: expected the {path.stem} that {RESULT} vouches for, found {len(content):,} other bytes. "
            "Delete the folder and make it again with `dermaviz reproduce`."
        )
    return content


def _plain(value: Any) -> Any:
    """As JSON takes it: what is undefined becomes null."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if value is pd.NA or value != value else value
