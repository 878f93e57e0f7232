"""The reports' reruns as the page shows them, read once for all sessions: what they answer, and one run's curve and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.evaluation.confusion import Verdicts, by_class
from dermaviz.evaluation.intervals import Estimate
from dermaviz.evaluation.thresholds import binary_view
from dermaviz.reproduction.claims.answers import ANSWERS, Answers, read_answers
from dermaviz.reproduction.claims.reruns import Reruns, folder_of, read_reruns
from dermaviz.reproduction.results import RESULT, Result, read_curve, read_predictions, results_root
from dermaviz.ui.confusion.view import GROUP_WORDS, MALIGNANT, OTHERS
from dermaviz.ui.wording import names_in

Stamps = tuple[tuple[str, int, int], ...]
"""Each file with when it was last written and its size: what has changed is read again."""
_WORDS = MappingProxyType({**GROUP_WORDS, "other": GROUP_WORDS[OTHERS]})


@dataclass(frozen=True)
class Rerun:
    """A finished run: its result, its ``curve`` (a row for each epoch, or empty), and its answers to N test images.

    ``labels`` int64 ``[N]`` and ``probabilities`` float64 ``[N, C]`` are in the order of the result's classes.
    """

    result: Result
    curve: pd.DataFrame
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def verdicts(self) -> Verdicts:
        """What each test image is and is called."""
        return by_class(self.labels, self.probabilities, self.result.classes)

    @property
    def names(self) -> dict[str, str]:
        """Each class in words, as sentences name it."""
        named = names_in(str(self.result.data.get("dataset", "")), self.result.classes)
        return {name: _WORDS.get(name, words) for name, words in named.items()}

    @property
    def commonest(self) -> str:
        """The commonest class of the test images: the constant answer."""
        return self.result.classes[int(np.bincount(self.labels, minlength=len(self.result.classes)).argmax())]

    @property
    def sought(self) -> Mapping[str, tuple[str, ...]]:
        """What a ROC curve can be drawn for, and the classes that count as a yes: of two classes the second alone."""
        result = self.result
        if len(result.classes) == 2:
            return {result.classes[1]: (result.classes[1],)}
        malignancy = {MALIGNANT: result.malignant} if set(result.malignant) < set(result.classes) else {}
        return {**malignancy, **{name: (name,) for name in result.classes}}

    def roc(self, sought: str) -> pd.DataFrame:
        """The points of the ROC curve of one of ``sought``."""
        from dermaviz.evaluation.curves import roc_points

        indices = [self.result.classes.index(name) for name in self.sought[sought]]
        return roc_points(*binary_view(self.labels, self.probabilities, indices))

    def area(self, sought: str) -> Estimate:
        """The area under that curve, with its interval."""
        whole = sought == MALIGNANT and sought not in self.result.classes
        row = self.result.figure("malignant_auc") if whole else self.result.figure("roc_auc", sought)
        return Estimate(*(float("nan") if row[name] is None else float(row[name]) for name in ("value", "low", "high")))


def answers() -> Answers:
    """What the finished runs answer to the reports.

    Raises:
        ResultError: it was never computed, cannot be read, or rests on other results than there are; says what to do.
    """
    root = results_root()
    return _answers(str(root), _stamps(root, ANSWERS), _stamps(root, f"*/*/*/{RESULT}"))


def finished(report: str) -> Mapping[str, tuple[Result, ...]]:
    """The finished runs of a report, by its folder's name: of each row those there are, the fullest budget first.

    Raises:
        ResultError: a result cannot be read.
    """
    root = results_root()
    found = _finished(str(root), _stamps(root, f"*/*/*/{RESULT}"))
    return {row: results for (name, row), results in found.items() if name == report}


def opened(result: Result) -> Rerun:
    """A run's curve and answers.

    Raises:
        ResultError: a file is not the one that the result vouches for.
    """
    return _opened(str(folder_of(results_root(), result)), result.curve_sha256, result.predictions_sha256, result)


def _stamps(root: Path, pattern: str) -> Stamps:
    stats = ((str(path), path.stat()) for path in sorted(root.glob(pattern)))
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


@st.cache_resource(max_entries=2, show_spinner=False)
def _answers(root: str, kept: Stamps, results: Stamps) -> Answers:
    return read_answers(Path(root))


@st.cache_resource(max_entries=2, show_spinner=False)
def _finished(root: str, results: Stamps) -> Reruns:
    return read_reruns(Path(root))


@st.cache_resource(max_entries=16, show_spinner=False)
def _opened(folder: str, curve: str, predictions: str, _result: Result) -> Rerun:
    table = read_predictions(Path(folder))
    labels = pd.Categorical(table["dx"], categories=list(_result.classes)).codes.astype(np.int64)
    columns = [f"p_{name}" for name in _result.classes]
    return Rerun(_result, read_curve(Path(folder)), labels, table[columns].to_numpy(np.float64))


def figure_table(result: Result) -> pd.DataFrame:
    """Every figure of a run with its interval and counts, and its metric in words: as ``evaluation.summary.measure`` has it."""
    from dermaviz.evaluation.summary import figures_for

    table = pd.DataFrame(list(result.figures))
    labels = {figure.slug: figure.label for figure in figures_for(result.classes, frozenset(result.malignant))}
    shares = dict.fromkeys(("value", "low", "high", "constant"), float)
    table.insert(1, "label", table["metric"].map(labels))
    return table.astype({**shares, "n_positives": "Int64"})
