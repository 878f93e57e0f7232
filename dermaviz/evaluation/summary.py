"""Evaluation: the figures of a split as they stand on a checkpoint's card, beside the constant answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple
from typing import Any

import numpy as np

from dermaviz.evaluation.calibration import expected_calibration_error
from dermaviz.evaluation.intervals import estimate
from dermaviz.evaluation.metrics import (
    Metric,
    accuracy,
    balanced_accuracy,
    class_sensitivity,
    group_auc,
    macro_f1,
    negative_log_likelihood,
)
from dermaviz.evaluation.predictions import Predictions

MELANOMA = "mel"


def metrics_for(classes: tuple[str, ...], malignant: frozenset[str]) -> Mapping[str, Metric]:
    """The metrics of a card for these classes; those of melanoma and of malignancy where the classes name them."""
    chosen: dict[str, Metric] = {
        "balanced_accuracy": balanced_accuracy,
        "macro_f1": macro_f1,
        "accuracy": accuracy,
        "negative_log_likelihood": negative_log_likelihood,
        "expected_calibration_error": expected_calibration_error,
    }
    if MELANOMA in classes:
        chosen["melanoma_auc"] = group_auc([classes.index(MELANOMA)])
        chosen["melanoma_sensitivity"] = class_sensitivity(classes.index(MELANOMA))
    if malignant and malignant < set(classes):
        chosen["malignant_auc"] = group_auc([i for i, name in enumerate(classes) if name in malignant])
    return chosen


def summarise(
    predictions: Predictions, temperature: float, malignant: frozenset[str], draws: int = 1000
) -> dict[str, Any]:
    """Figures of a split with 95% lesion-bootstrap intervals, counts, and the row of the constant answer.

    The constant answer is the most frequent class of this split, always: what a model must beat. A metric that the split
    does not define (there is no melanoma in it, say) is left out.
    """
    metrics = metrics_for(predictions.classes, malignant)
    probabilities = predictions.probabilities(temperature)
    figures = estimate(metrics, predictions.labels, probabilities, predictions.lesion_ids, draws)
    counts = np.bincount(predictions.labels, minlength=len(predictions.classes))
    commonest = int(counts.argmax())
    constant = np.zeros_like(probabilities)
    constant[:, commonest] = 1
    return {
        "n_images": len(predictions.labels),
        "n_lesions": len(set(predictions.lesion_ids)),
        "n_by_class": dict(zip(predictions.classes, counts.tolist(), strict=True)),
        "bootstrap_draws": draws,
        **{name: asdict(figure) for name, figure in figures.items() if np.isfinite(astuple(figure)).all()},
        "constant_answer": {
            "class": predictions.classes[commonest],
            **{m.__name__: m(predictions.labels, constant) for m in (balanced_accuracy, macro_f1, accuracy)},
        },
    }
