"""TODO docstring dermaviz.app.confusion.text"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from dermaviz.app.confusion.view import BENIGN, MALIGNANT, OTHERS, View, group_words
from dermaviz.app.evidence import Audited
from dermaviz.app.text import class_names, counted, images, share
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.conformal import Kind
from dermaviz.metrics.confusion import Mistake, Verdicts
from dermaviz.metrics.ranking import OperatingPoint
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card
from dermaviz.plots.confusion import signed
from dermaviz.plots.probabilities import percent

if TYPE_CHECKING:
    from dermaviz.metrics.comparison import McNemar


NO_PHOTOS = (
    "No photo here: DERMAVIZ_DATA names no folder that holds it. Set it to a folder with HAM10000 and start the app again; "
    "`dermaviz data download FOLDER` gets the photos."
)


def classes_sentence(card: Card, verdicts: Verdicts, right: Estimate, mistake: Mistake | None) -> str:
    """How many images are called what they are, and the most frequent mistake, as Markdown."""
    n = len(verdicts.true)
    said = f"It calls **{int(verdicts.right.sum()):,} of {images(n)}** what they are: {share(right)}."
    if mistake is None:
        return f"{said} There is no mistake among them."
    return f"{said} {mistake_sentence(mistake, group_words(card, mistake.true), group_words(card, mistake.called))}"


def mistake_sentence(mistake: Mistake, true: str, called: str) -> str:
    """The most frequent mistake, its groups in words, as Markdown."""
    return f"Its most frequent mistake: **{mistake.count:,} of {mistake.of:,}** images of {true} are called {called}."


def threshold_sentence(card: Card, view: View, point: OperatingPoint) -> str:
    """What is missed and what is alarmed on at a threshold, as Markdown."""
    wanted, others = point.tp + point.fn, point.fp + point.tn
    yes = group_words(card, view.groups[0])
    alarms = f"alarms on **{point.fp:,} of {others:,}** others: {share(complement(point.specificity))}"
    if not wanted:
        return f"There are no images of {yes} here, so none can be missed. At this threshold it {alarms}."
    missed = f"misses **{point.fn:,} of {wanted:,}** images of {yes}: {share(complement(point.sensitivity))}"
    if not others:
        return f"At this threshold it {missed}. There are no other images here to alarm on."
    return f"At this threshold it {missed}; and it {alarms}."


def complement(estimate: Estimate) -> Estimate:
    """One minus a share, with its interval turned round."""
    return Estimate(1 - estimate.value, 1 - estimate.high, 1 - estimate.low)


def matrix_sentence(verdicts: Verdicts, names: Mapping[str, str], shown: str) -> str:
    """The matrix for those who cannot see it: what is ``shown``, and each row's counts."""
    rows = (
        f"{names[true]}: "
        + ", ".join(f"{n:,} called {group}" for group, n in zip(verdicts.groups, row, strict=True) if n)
        for true, row in zip(verdicts.groups, verdicts.counts.tolist(), strict=True)
    )
    return f"Confusion matrix, {shown}. Counts by true class: {'; '.join(rows)}."


def cell_sentence(card: Card, verdicts: Verdicts, true: str | None, called: str | None) -> str:
    """Which images the table of cases holds and in which order, as Markdown; its number is that of the cell."""
    chosen = verdicts.take(verdicts.cell(true, called))
    n, wrong = len(chosen.true), int((~chosen.right).sum())
    of = f" of {group_words(card, true)}" if true else ""
    what = f" that it calls {_called(card, called)}" if called else ""
    if not n:
        return f"There are no images{of}{what} here."
    start = f"**{images(n)}**{of}{what}"
    if wrong == n:
        return f"{start}: {'a mistake' if n == 1 else 'mistakes, all of them, the most confident first'}."
    if not wrong:
        return f"{start}: {'no mistake' if n == 1 else 'no mistake among them; the most confident first'}."
    mistakes = f"**{wrong:,}** mistake{'' if wrong == 1 else 's'}, the most confident first"
    return f"{start}: {mistakes}, then the {n - wrong:,} called what they are."


def _called(card: Card, group: str) -> str:
    return {MALIGNANT: "malignant", BENIGN: "benign", OTHERS: "something else"}.get(group) or group_words(card, group)


def case_sentence(card: Card, truth: str, said: Prediction) -> str:
    """What an image is and what the model says of it, as Markdown."""
    words = class_names(card)
    if said.diagnosis == truth:
        return f"It is **{words[truth]}**, and the model says so with probability **{percent(said.confidence)}**."
    given = percent(float(said.probabilities[card.classes.index(truth)]))
    return (
        f"It is **{words[truth]}**; the model says **{words[said.diagnosis]}** with probability "
        f"**{percent(said.confidence)}**, and gives {given} to {words[truth]}."
    )


def area_sentence(name: str, area: Estimate) -> str:
    """An area under a curve with its interval."""
    if math.isnan(area.low):
        return f"{name}: {area.value:.3f}."
    return f"{name}: {area.value:.3f} (95% interval {area.low:.3f} to {area.high:.3f})."


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
