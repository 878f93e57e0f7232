"""Fixtures of the reproduction tests: a row that a tiny network can learn from drawn lesions, and a place for what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dermaviz.evidence.predictions import Predictions
from studies.five_reports.plan import Run
from studies.five_reports.result import Result, figures_of, prediction_table, write_result
from studies.five_reports.rows import Row, overlaid

REPORTED = {
    "data": {"task": "malignant", "balance": True, "pack": [32, 32]},
    "model": {"architecture": "test_resnet", "weights": "none"},
    "stages": [{"size": 32, "epochs": 3}],
    "batch_size": 8,
    "optimiser": {"name": "sgd", "learning_rate": "1e-2", "momentum": 0.0, "schedule": "constant"},
}


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """``make_row(row="other", laptop={…}, …)``: a row for a tiny network, one epoch at the laptop's budget."""

    def make(laptop: dict[str, Any] | None = None, **changes: Any) -> Row:
        given = {"report": "some-report", "row": "tiny", "about": "A tiny network.", "deviations": ("It is tiny.",)}
        less = overlaid({"stages": [{"size": 32, "epochs": 1}]}, laptop or {})
        return Row(**{**given, "reported": REPORTED, "laptop": less, **changes})

    return make


@pytest.fixture
def drawn_row(make_row: Callable[..., Row], drawn_dataset: Path) -> Callable[..., Row]:
    """As ``make_row``, on 16 of the drawn lesions."""

    def make(laptop: dict[str, Any] | None = None, **changes: Any) -> Row:
        drawn = {"data": {"manifest": str(drawn_dataset / "split.csv"), "images": 16}}
        return make_row(overlaid(drawn, laptop or {}), **changes)

    return make


@pytest.fixture
def keep() -> Callable[..., Result]:
    """``keep(run, results, seconds=…)``: a result of a run as if it had been made: four test images, half of them right."""

    def write(run: Run, results: Path, **changes: Any) -> Result:
        predictions = Predictions(
            ("benign", "malignant"),
            ("im0", "im1", "im2", "im3"),
            ("l0", "l1", "l2", "l2"),
            np.array([0, 0, 1, 1]),
            np.log(np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])),
        )
        given = {
            **{name: getattr(run.row, name) for name in ("report", "row", "about", "claims", "deviations")},
            **{"budget": run.budget, "seed": run.seed, "settings": run.settings, "settings_sha256": run.sha256},
            **{"data": {}, "data_sha256": "", "classes": predictions.classes, "malignant": ("malignant",)},
            **{"temperature": 1.0, "kept_epoch": 1, "under": {}, "seconds": 1.0, "machine": "", "made": {}},
        }
        figures = figures_of(predictions, 1.0, frozenset({"malignant"}), draws=20)
        curve = pd.DataFrame([{"epoch": 1, "loss": 0.5}])
        table = prediction_table(predictions, 1.0)
        return write_result(run.folder(results), Result(**{**given, "figures": figures, **changes}), curve, table)

    return write


@pytest.fixture
def leave(tmp_path: Path) -> Callable[..., Result]:
    """``leave("four", [0, 1, 1], [0, 1, 0], seed=1, …)``: a result whose network answers these classes to photos of these.

    Each photo shows a lesion of its own, its answer has a probability of .9. It lies in ``tmp_path / "results"``.
    """

    def write(
        row: str,
        labels: Sequence[int],
        said: Sequence[int],
        *,
        classes: tuple[str, ...] = ("benign", "malignant"),
        photos: Sequence[str] = (),
        report: str = "bezzon-carraro",
        seed: int = 0,
        budget: str = "laptop",
        under: Mapping[str, Sequence[int]] | None = None,
        curve: pd.DataFrame | None = None,
        **changes: Any,
    ) -> Result:
        malignant = frozenset({"malignant"} & set(classes))
        clean, *attacked = (
            _predictions(classes, labels, answers, photos) for answers in (said, *(under or {}).values())
        )
        given = {
            **{
                "report": report,
                "row": row,
                "about": "",
                "claims": (),
                "deviations": (),
                "budget": budget,
                "seed": seed,
            },
            **{"settings": {}, "settings_sha256": "", "data": {"dataset": "ham10000"}, "data_sha256": ""},
            **{"classes": classes, "malignant": tuple(malignant), "temperature": 1.0, "kept_epoch": 1},
            **{"figures": figures_of(clean, 1.0, malignant, 20), "seconds": 1.0, "machine": "", "made": {}},
            "under": {
                name: figures_of(one, 1.0, malignant, 200) for name, one in zip(under or {}, attacked, strict=True)
            },
        }
        folder = tmp_path / "results" / report / row / f"{budget}-seed{seed}"
        line = pd.DataFrame([{"epoch": 1, "balanced_accuracy": 0.5}]) if curve is None else curve
        return write_result(folder, Result(**{**given, **changes}), line, prediction_table(clean, 1.0))

    return write


def _predictions(
    classes: tuple[str, ...], labels: Sequence[int], said: Sequence[int], photos: Sequence[str]
) -> Predictions:
    names = tuple(photos) or tuple(f"im{i:03}" for i in range(len(labels)))
    probabilities = np.full((len(labels), len(classes)), 0.1 / (len(classes) - 1))
    probabilities[np.arange(len(labels)), list(said)] = 0.9
    lesions = tuple(f"lesion {name}" for name in names)
    return Predictions(classes, names, lesions, np.array(labels), np.log(probabilities))


@pytest.fixture
def write_rerun() -> Callable[..., Result]:
    """``write_rerun(results, "gupta-et-al", "resnet-18", seed=1, …)``: a finished run below a folder of results.

    Of three benign photos one is called malignant, of three malignant ones (of two lesions) one benign.
    """

    def write(results: Path, report: str, row: str, seed: int = 0, **changes: Any) -> Result:
        said = np.array([0.1, 0.2, 0.7, 0.9, 0.6, 0.4])
        predictions = Predictions(
            ("benign", "malignant"),
            tuple(f"im{i}" for i in range(6)),
            ("l0", "l1", "l2", "l3", "l4", "l4"),
            np.array([0, 0, 0, 1, 1, 1]),
            np.log(np.stack([1 - said, said], axis=1)),
        )
        both = {"benign": 3, "malignant": 3}
        counts = {"train": {"benign": 5, "malignant": 4}, "validation": {"benign": 2}, "test": both}
        figures = figures_of(predictions, 1.0, frozenset({"malignant"}), draws=20)
        given = {
            "report": report, "row": row, "budget": "laptop", "seed": seed, "about": "A tiny network.", "claims": (),
            "deviations": ("It is tiny.",), "settings_sha256": "", "data_sha256": "", "classes": predictions.classes,
            "settings": {"recipe": {"select_by": "accuracy", "stages": [{"size": 32}]}, "fgsm": 3e-3},
            "data": {"dataset": "ham10000", "images": counts}, "malignant": ("malignant",), "temperature": 1.0,
            "kept_epoch": 2, "figures": figures, "under": {"fgsm": figures}, "seconds": 90.0, "machine": "2 cores",
            "made": {"dermaviz": "0.1.0"},
        }  # fmt: skip
        curve = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.9, 0.5], "loss": [0.8, 0.6], "accuracy": [0.5, 0.75]})
        folder = results / report / row / f"laptop-seed{seed}"
        return write_result(folder, Result(**{**given, **changes}), curve, prediction_table(predictions, 1.0))

    return write
