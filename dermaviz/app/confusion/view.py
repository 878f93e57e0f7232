"""What the matrix shows: the question asked of each image, its threshold, and how counts are written and ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from dermaviz.app.checkpoints import Checkpoint, data_in_use, other_checkpoints
from dermaviz.app.link import choose
from dermaviz.evidence.predictions import Audited, data_sets
from dermaviz.evidence.store import DataSplit
from dermaviz.metrics.confusion import Verdicts, by_class, by_threshold
from dermaviz.metrics.ranking import Positive, Score, binary_view
from dermaviz.models.card import Card
from dermaviz.plots.confusion_matrix import Shown

ALL_IMAGES = "all images"
EVERY_CLASS, MALIGNANCY = "every class", "malignant or benign"
MALIGNANT, BENIGN, OTHERS = "malignant", "benign", "all others"
GROUP_WORDS = {MALIGNANT: "malignant lesions", BENIGN: "benign lesions", OTHERS: "other diagnoses"}


@dataclass(frozen=True)
class View:
    """A question to ask of each image, and at which probability in [0, 1] the answer becomes yes.

    ``groups`` are what an image can be and be classified as. ``positive`` names the classes that count as yes; it is empty
    where each class is a group of its own.
    """

    question: str
    groups: tuple[str, ...]
    positive: tuple[str, ...] = ()
    threshold: float = 0.5

    def verdicts(self, audited: Audited) -> Verdicts:
        """The true and the predicted group of each image."""
        if not self.positive:
            return by_class(audited.labels, audited.probabilities, self.groups)
        yes, no = self.groups
        return by_threshold(*self.sides(audited), self.threshold, (yes, no))

    def sides(self, audited: Audited) -> tuple[Positive, Score]:
        """Whether each image is a yes, bool ``[N]``, and how probable the model says that is, ``[N]``."""
        indices = [audited.classes.index(name) for name in self.positive]
        return binary_view(audited.labels, audited.probabilities, indices)


def questions(card: Card) -> tuple[str, ...]:
    """What can be asked of a checkpoint's answers: about malignancy only where its card names some classes malignant."""
    malignancy = (MALIGNANCY,) if card.malignant and set(card.malignant) < set(card.classes) else ()
    return (EVERY_CLASS, *malignancy, *card.classes)


def view_of(card: Card, question: str, threshold: float = 0.5) -> View:
    """The view of a question of :func:`questions`."""
    if question == EVERY_CLASS:
        return View(question, card.classes)
    if question == MALIGNANCY:
        return View(question, (MALIGNANT, BENIGN), card.malignant, threshold)
    return View(question, (question, OTHERS), (question,), threshold)


def question_label(card: Card, question: str) -> str:
    """A question as lists and links name it."""
    if question == EVERY_CLASS:
        return f"which of the {len(card.classes)} classes?"
    return f"{question}?" if question == MALIGNANCY else f"{card.label(question)} or not?"


def group_words(card: Card, group: str) -> str:
    """A group in words, as sentences name it: ``melanoma``, ``malignant lesions``."""
    return GROUP_WORDS.get(group) or card.words[group]


SHOWN: Mapping[Shown, str] = {
    "true": "% of the true class",
    "predicted": "% of the predicted class",
    "all": "% of all",
    "counts": "counts",
}
SORTS = {"frequency": "most frequent first", "confusion": "most confused first", "name": "by name"}
NO_OTHER = "none"


@dataclass(frozen=True)
class Form:
    """How the matrix is shown: what its cells say, the order of its classes, whether only mistakes show, and the colour scale.

    ``classes`` are those of the data set, most frequent first: an order that no filter changes.
    """

    shown: Shown
    sort: str
    hide_diagonal: bool
    log_colour: bool
    classes: tuple[str, ...]


def choose_question(card: Card) -> View:
    """Ask what is asked of each image, and at which threshold the answer becomes yes."""
    question = choose("Question", {name: question_label(card, name) for name in questions(card)}, "question")
    if question == EVERY_CLASS:
        return view_of(card, question)
    threshold = st.slider(
        "Decision threshold", 0.0, 100.0, 50.0, 0.5, format="%g%%", key="threshold", bind="query-params",
        help="Lower: fewer are missed, with more false alarms. Choose a threshold for use on validation images, never on the "
        "test images that it is judged by.",
    )  # fmt: skip
    return view_of(card, question, threshold / 100)


def choose_second(checkpoint: Checkpoint) -> Checkpoint | DataSplit | None:
    """Ask what to compare with, where there is anything: another checkpoint on these images, or this one on another data set."""
    shown = data_in_use(checkpoint)
    sets = {str(of): of for of in data_sets(checkpoint) if of != shown}
    others: dict[str, Checkpoint | DataSplit] = {**other_checkpoints(checkpoint), **sets}
    about = "Another model on the same images, or the same model on another data set."
    return others.get(choose("Compare with", [NO_OTHER, *others], "second", help=about)) if others else None


def choose_form(whole: Audited) -> Form:
    """Ask how the matrix is shown."""
    with st.expander("How the matrix is shown", icon=":material/grid_on:"):
        shown = st.selectbox("Cells show", SHOWN, format_func=SHOWN.__getitem__, key="shown", bind="query-params")
        sort = choose("Order of classes", SORTS, "sort")
        hide = st.toggle("Hide the diagonal", key="mistakes", bind="query-params", help="Only mistakes are left.")
        spread = st.toggle(
            "Logarithmic colour", key="log", bind="query-params", help="Shows rare confusions beside frequent ones."
        )
    counts = whole.table["dx"].value_counts()
    frequent = sorted(whole.classes, key=lambda name: -int(counts.get(name, 0)))
    return Form(shown, sort, hide, spread, tuple(frequent))
