"""Benchmarks: what a page of metrics with intervals costs beside the loop over resamples that a user would write."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)
from sklearn.utils import resample

from benchmarks.measure import Benchmark, Row, compare
from benchmarks.subjects import CLASSES
from dermaviz.metrics.bootstrap import DRAWS
from dermaviz.metrics.summary import measure

IMAGES, LESIONS, FEW = 2000, 1500, 20
FREQUENCY = (0.03, 0.05, 0.11, 0.01, 0.11, 0.67, 0.02)
MALIGNANT = frozenset({"akiec", "bcc", "mel"})

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def page_of_metrics(name: str, ours_draws: int) -> Row:
    """Every figure of 2,000 images in seven classes; scikit-learn, in a loop over resampled lesions, has ``FEW`` draws."""
    labels, probabilities, lesion_ids = _answers()
    ours = partial(measure, labels, probabilities, lesion_ids, CLASSES, MALIGNANT, ours_draws)
    theirs = partial(_loop, labels, probabilities, lesion_ids, FEW)
    against = f"scikit-learn in a loop, {FEW} draws (ours: {ours_draws})"
    return compare(name, ours, theirs, against=against, checkpoint=f"none; {IMAGES} random answers")


def _answers() -> tuple[Labels, Probabilities, NDArray[np.str_]]:
    """Labels as frequent as HAM10000's, and probabilities that know something of them."""
    rng = np.random.default_rng(0)
    labels = rng.choice(len(CLASSES), IMAGES, p=FREQUENCY)
    probabilities = softmax(rng.normal(size=(IMAGES, len(CLASSES))) + 2 * np.eye(len(CLASSES))[labels], axis=1)
    return labels, probabilities, np.array([f"HAM_{i:07d}" for i in rng.integers(0, LESIONS, IMAGES)])


def _loop(
    labels: Labels, probabilities: Probabilities, lesion_ids: NDArray[np.str_], draws: int
) -> NDArray[np.float64]:
    """Bounds of the same figures (without the calibration error, which scikit-learn lacks), a draw at a time."""
    rows_of = {name: np.flatnonzero(lesion_ids == name) for name in np.unique(lesion_ids)}
    sample = []
    for draw in range(draws):
        drawn = resample(list(rows_of), random_state=draw)
        rows = np.concatenate([rows_of[name] for name in drawn])
        sample.append(_page(labels[rows], probabilities[rows]))
    return np.nanpercentile(sample, [2.5, 97.5], axis=0)


def _page(labels: Labels, probabilities: Probabilities) -> list[float]:
    called, every = probabilities.argmax(1), range(len(CLASSES))
    by_average = [
        precision_recall_fscore_support(labels, called, labels=every, average=average, zero_division=0)[:3]
        for average in (None, "macro", "weighted")
    ]
    page = [
        *(function(labels, called) for function in (accuracy_score, balanced_accuracy_score, cohen_kappa_score)),
        *np.concatenate([np.ravel(figures) for figures in by_average]),
        log_loss(labels, probabilities, labels=every),
        brier_score_loss(labels, probabilities, labels=every),
        *(np.mean(called[labels != i] != i) for i in every),
    ]
    for group in [*([i] for i in every), [4], [0, 1, 4]]:
        positive, score = np.isin(labels, group), probabilities[:, group].sum(1)
        page += [roc_auc_score(positive, score), average_precision_score(positive, score)]
    for group in ([4], [0, 1, 4]):
        false_alarms, sensitivity, _ = roc_curve(np.isin(labels, group), probabilities[:, group].sum(1))
        page += [sensitivity[1 - false_alarms >= at].max() for at in (0.9, 0.95)]
        page += [(1 - false_alarms)[sensitivity >= at].max() for at in (0.9, 0.95)]
    return page


BENCHMARKS = tuple(
    Benchmark(
        name,
        f"Every metric of 2,000 images with intervals of {draws:,} draws, against {FEW} draws of scikit-learn in a loop.",
        target,
        partial(page_of_metrics, name, draws),
    )
    for name, draws, target in (("metrics-same-draws", FEW, 0.1), (f"metrics-{DRAWS}-draws", DRAWS, 1.0))
)
