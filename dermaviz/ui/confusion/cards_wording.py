"""What the cards of the confusion page say: the answer to each card's question in one computed sentence, with its n."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from dermaviz.evaluation.conformal import Kind
from dermaviz.evaluation.intervals import Estimate
from dermaviz.figures.confusion import signed
from dermaviz.figures.probabilities import percent
from dermaviz.models.card import Card
from dermaviz.ui.evidence import Audited
from dermaviz.ui.wording import class_names, counted, images, share

if TYPE_CHECKING:
    from dermaviz.evaluation.comparison import McNemar

ALL_IMAGES, MALIGNANT_IMAGES = "all images", "all malignant ones"
SET_KINDS: Mapping[Kind, str] = MappingProxyType(
    {"marginal": "one threshold for all classes", "class-conditional": "a threshold for each class"}
)
METRIC_MEANINGS = """
- **Sensitivity** (recall): the share of a class's images that are called it. **Specificity**: that of the others that are not.
- **Precision**: the share of what is called a class that is of it. **F1**: the harmonic mean of precision and sensitivity.
- **Balanced accuracy**, **macro F1**: means over the classes, so that a rare class counts as much as a frequent one.
- **Accuracy**, **weighted F1**: a frequent class counts more. **Cohen's κ**: agreement beyond chance, 1 at most.
- **ROC AUC**: how often an image of the class scores above another one; 0.5 is chance.
- **Average precision**: mean precision from the highest score down; chance is the share of positives.
- **Brier score**, **negative log-likelihood**, **calibration error**: distance of the probabilities from the truth; 0 is best.
- **Intervals**: 95%, from 1,000 resamplings of whole lesions. None is given where a class has too few lesions.
"""
_ABSTAIN_AT = 0.8


def metrics_sentence(card: Card, audited: Audited, table: pd.DataFrame, commonest: str) -> str:
    """Balanced accuracy beside that of the constant answer, as Markdown."""
    row = table.set_index("metric").loc["balanced_accuracy"]
    return (
        f"Its balanced accuracy is **{figure(row)}** on {counted(audited)}; always answering "
        f"{class_names(card)[commonest]} would get {row['constant']:.3f}."
    )


def class_sentence(names: Mapping[str, str], label: str, rows: pd.DataFrame) -> str:
    """For which class, by its name in words, a metric is the lowest."""
    known = rows[rows["value"].notna()]
    if known.empty:
        return f"{label} is defined for none of the classes here."
    lowest = known.loc[known["value"].idxmin()]
    return (
        f"{label} is lowest for {names[lowest['class']]}: {figure(lowest)}, with "
        f"{images(int(lowest['n_positives']))} of it."
    )


def calibration_sentence(audited: Audited, table: pd.DataFrame) -> str:
    """How sure it is beside how often it is right, and what the temperature did to the melanomas it catches."""
    rows = table.set_index("metric")
    error = rows.loc["expected_calibration_error"]
    sure = float(audited.probabilities.max(1).mean())
    right = float((audited.probabilities.argmax(1) == audited.labels).mean())
    said = (
        f"On {images(len(audited))} its confidence is {sure:.1%} on average, and it is right on {right:.1%}. Its calibration "
        f"error is {error['before']:.3f} before temperature and {error['after']:.3f} after."
    )
    if "melanoma_flagged" not in rows.index or not rows.loc["melanoma_flagged", "n_positives"]:
        return said
    flagged = rows.loc["melanoma_flagged"]
    return (
        f"{said} At a malignant probability of 50% it catches {flagged['before']:.1%} of {flagged['n_positives']:,} melanomas "
        f"before and {flagged['after']:.1%} after."
    )


def abstaining_sentence(curve: pd.DataFrame, n: int) -> str:
    """How often the most confident answers are wrong, beside all of them."""
    row = curve.iloc[(curve["coverage"] - _ABSTAIN_AT).abs().argmin()]
    some = Estimate(row["risk"], row["low"], row["high"])
    return (
        f"Answering only the {percent(row['coverage'])} of {images(n)} on which it is surest, it is wrong on {share(some)}; "
        f"answering all, on {percent(curve.iloc[-1]['risk'])}."
    )


def sets_sentence(tables: Mapping[Kind, pd.DataFrame], n_fitted: int, promised: float) -> str:
    """What was promised, and what the sets hold of all and of the malignant images, as Markdown."""
    parts = []
    for kind, table in tables.items():
        rows = table.set_index("class")
        said = f"with {SET_KINDS[kind]}, they hold the true one on **{percent(rows.loc['', 'coverage'])}** of all"
        if "malignant" in rows.index and rows.loc["malignant", "n_images"]:
            said += f" and **{percent(rows.loc['malignant', 'coverage'])}** of the malignant ones"
        parts.append(f"{said} ({rows.loc['', 'mean_size']:.1f} diagnoses on average)")
    n = int(tables["marginal"]["n_images"].iloc[0])
    return (
        f"Sets of diagnoses were fitted on {n_fitted:,} validation images to hold the true one {promised:.0%} of the time. On "
        f"these {images(n)}, {'; '.join(parts)}."
    )


def training_sentence(curve: pd.DataFrame, kept: int | None, n: int | None, by: str = "balanced_accuracy") -> str:
    """How long it learned and which epoch was kept, with its figure ``by`` on the ``n`` validation images."""
    said = f"It learned for {len(curve)} epoch{'' if len(curve) == 1 else 's'}"
    row = curve[curve["epoch"] == kept]
    if row.empty or by not in curve:
        return f"{said}."
    on = f" on {images(n)} of the validation split" if n else " on validation"
    value, best = row.iloc[0][by], curve[by].max()
    rank = "the highest of all" if value == best else f"the highest being {best:.3f}"
    return f"{said}; the weights of epoch {kept} are kept: {by.replace('_', ' ')} {value:.3f}{on}, {rank}."


def difference_sentence(names: tuple[str, str], row: Mapping[str, Any]) -> str:
    """By how much the second is better in the first of the figures."""
    change, low, high = (signed(row[name], 3) for name in ("difference", "difference_low", "difference_high"))
    return (
        f"{row['label']} is {row['first']:.3f} for {names[0]} and {row['second']:.3f} for {names[1]}: a difference of {change} "
        f"(95% interval {low} to {high})."
    )


def mcnemar_sentence(names: tuple[str, str], test: McNemar, audited: Audited) -> str:
    """How often only one of the two is right, and how surprising that is, as Markdown."""
    only = (
        f"On {counted(audited)}, only {names[0]} is right on **{test.only_first:,}** and only {names[1]} on "
        f"**{test.only_second:,}**."
    )
    if not test.only_first + test.only_second:
        return f"{only} They are right on the same images, so there is nothing to test."
    return (
        f"{only} If both were right equally often, a split at least as uneven would come about in {percent(test.p_value)} of "
        f"such comparisons (McNemar's exact test, p {p_words(test.p_value)}, images counted as independent)."
    )


def p_words(p: float) -> str:
    """A p-value with its sign: ``= 0.031``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def figure(row: Mapping[str, Any]) -> str:
    """A figure with its interval: ``0.719 (95% interval 0.663 to 0.772)``; without one where there is none."""
    if pd.isna(row["low"]) or pd.isna(row["high"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} (95% interval {row['low']:.3f} to {row['high']:.3f})"
