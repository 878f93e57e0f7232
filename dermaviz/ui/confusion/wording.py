"""What the confusion page says in words: one computed sentence, with its n, for each question that it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dermaviz.evaluation.confusion import Mistake, Verdicts
from dermaviz.evaluation.intervals import Estimate
from dermaviz.evaluation.thresholds import OperatingPoint
from dermaviz.figures.probabilities import percent
from dermaviz.models.card import Card
from dermaviz.types import Prediction
from dermaviz.ui.confusion.view import BENIGN, MALIGNANT, OTHERS, View, group_words
from dermaviz.ui.wording import class_names, images, share

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
