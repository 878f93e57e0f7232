"""What attacks and corruptions did to the test images, from evidence, and the figures computed from it, remembered.

Keys are the sha256 of the evidence and of the rows chosen from it, so a figure can never belong to other images. Nothing
here loads torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from dermaviz.errors import EvidenceError
from dermaviz.evaluation.cohorts import cohort_names
from dermaviz.evaluation.intervals import Estimate
from dermaviz.evidence import Evidence
from dermaviz.robustness.corruption_error import corruption_errors
from dermaviz.robustness.corruptions import CORRUPTIONS
from dermaviz.robustness.defence import paired_curves
from dermaviz.robustness.outcomes import (
    BY_ATTACK,
    BY_CORRUPTION,
    Answers,
    cohort_curves,
    curves,
    median_flip_distance,
    read_answers,
)
from dermaviz.ui.evidence import Audited, table_of

ATTACKS, FLIPS, CORRUPTED = "attacks", "flips", "corruptions"
"""Tables of evidence."""
_BY = MappingProxyType({ATTACKS: BY_ATTACK, CORRUPTED: BY_CORRUPTION})
MOST_COHORTS = 5
"""Lines that a chart can hold; of more cohorts, the largest are shown."""
NOISE_SIZES = ("faint_noise", "gaussian_noise")
"""The corruptions whose severities are σ of Gaussian noise; together they make one axis."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a checkpoint called N images under each condition of a table; ``key`` tells these images and answers from others."""

    key: str
    audited: Audited
    answers: Answers


def trial(audited: Audited, table: str) -> Trial:
    """The answers on these images under attacks or corruptions.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or it is of other images.
    """
    evidence = table_of(audited.checkpoint, table)
    key = hashlib.sha256(f"{audited.key} {evidence.manifest.sha256}".encode()).hexdigest()
    return Trial(key, audited, _answers(key, table, audited, evidence))


def decline(images: Trial) -> pd.DataFrame:
    """Every figure under every condition, with its drop: see ``robustness.outcomes.curves``."""
    return _decline(images.key, images)


def decline_by(images: Trial, column: str) -> pd.DataFrame:
    """:func:`decline` of the largest cohorts of a column of metadata, with a column ``cohort``."""
    return _decline_by(images.key, column, images)


def paired(first: Trial, second: Trial) -> pd.DataFrame:
    """Every figure of two checkpoints on the same images: see ``robustness.defence.paired_curves``."""
    return _paired(first.key, second.key, first, second)


def errors_under(images: Trial, reference: Trial | None) -> pd.DataFrame:
    """Mean corruption errors: see ``robustness.corruption_error``."""
    return _errors_under(images.key, reference.key if reference else "", images, reference)


def flips_of(audited: Audited) -> pd.DataFrame:
    """The table ``flips`` on these images, in their order.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale, or lacks some of the images.
    """
    table = table_of(audited.checkpoint, FLIPS).table.set_index("image_id").reindex(audited.table["image_id"])
    missing = int(table["flip_epsilon"].isna().sum())
    if missing:
        raise EvidenceError(
            f"expected the smallest change that flips each of {len(audited):,} images, found {missing:,} images without. "
            f"Make the tables of the same split: `dermaviz audit {audited.checkpoint.name} --data FOLDER`."
        )
    return table.reset_index()


def zero_gradients(images: Trial) -> int:
    """How many of the images gave the attacks no gradient to follow."""
    table = table_of(images.audited.checkpoint, ATTACKS).table
    mine = table[table["zero_gradient"] & table["image_id"].isin(images.audited.table["image_id"])]
    return int(mine["image_id"].nunique())


def median_flips(audited: Audited, groups: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The median smallest change of each group of images (name to mask), in [0, 1] pixels.

    Returns:
        ``label, value, low, high, n`` (images that were right as they are) and ``n_images``.
    """
    flips = flips_of(audited)["flip_epsilon"].to_numpy(np.float64)
    rows = []
    for name, mine in groups.items():
        some = audited.take(mine)
        found = _median_flip(some.key, table_of(audited.checkpoint, FLIPS).manifest.sha256, flips[mine], some)
        right = int((flips[mine] > 0).sum())
        rows.append(
            {
                "label": name,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "n": right,
                "n_images": len(some),
            }
        )
    return pd.DataFrame(rows)


def noise_curve(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of Gaussian noise with their σ in a column ``sigma``, clean first."""
    rows = table[table["corruption"].isin(NOISE_SIZES)]
    rows = rows[(rows["severity"] > 0) | (rows["corruption"] == rows["corruption"].iloc[0])] if len(rows) else rows
    sizes = [
        CORRUPTIONS[name].values[int(at) - 1] if at else 0.0
        for name, at in zip(rows["corruption"], rows["severity"], strict=True)
    ]
    return rows.assign(sigma=sizes).sort_values("sigma")


@st.cache_resource(max_entries=16, show_spinner=False)
def _answers(key: str, table: str, _audited: Audited, _evidence: Evidence) -> Answers:
    said = pd.DataFrame(_audited.probabilities, columns=[f"p_{name}" for name in _audited.classes])
    facts = _audited.table[["image_id", "lesion_id", "dx"]]
    return read_answers(_evidence.table, pd.concat([facts, said], axis=1), _audited.classes, _BY[table])


@st.cache_data(max_entries=64, show_spinner="Computing the intervals …")
def _decline(key: str, _images: Trial) -> pd.DataFrame:
    return curves(_images.answers)


@st.cache_data(max_entries=64, show_spinner="Computing the intervals …")
def _decline_by(key: str, column: str, _images: Trial) -> pd.DataFrame:
    return cohort_curves(_images.answers, cohort_names(_images.audited.table, column, MOST_COHORTS))


@st.cache_data(max_entries=32, show_spinner="Computing the intervals …")
def _paired(first: str, second: str, _first: Trial, _second: Trial) -> pd.DataFrame:
    return paired_curves(_first.answers, _second.answers)


@st.cache_data(max_entries=32, show_spinner="Computing the intervals …")
def _errors_under(key: str, reference: str, _images: Trial, _reference: Trial | None) -> pd.DataFrame:
    return corruption_errors(_images.answers, _reference.answers if _reference else None)


@st.cache_data(max_entries=256, show_spinner=False)
def _median_flip(key: str, flips: str, _epsilons: np.ndarray, _audited: Audited) -> Estimate:
    return median_flip_distance(_epsilons, _audited.lesions.tolist())
