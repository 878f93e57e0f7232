"""What the confusion page asks of each image: which of all classes, malignant or benign, or one class against the others."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from dermaviz.evaluation.confusion import Verdicts, by_class, by_threshold
from dermaviz.evaluation.thresholds import Positive, Score, binary_view
from dermaviz.models.card import Card
from dermaviz.ui.evidence import Audited
from dermaviz.ui.wording import class_label, class_names

EVERY_CLASS, MALIGNANCY = "every class", "malignant or benign"
MALIGNANT, BENIGN, OTHERS = "malignant", "benign", "all others"
GROUP_WORDS = MappingProxyType({MALIGNANT: "malignant lesions", BENIGN: "benign lesions", OTHERS: "other diagnoses"})


@dataclass(frozen=True)
class View:
    """A question to ask of each image, and at which probability in [0, 1] the answer becomes yes.

    ``groups`` are what an image can be and be called; ``positive`` names the classes that count as yes, and is empty where
    each class is a group of its own.
    """

    question: str
    groups: tuple[str, ...]
    positive: tuple[str, ...] = ()
    threshold: float = 0.5

    def verdicts(self, audited: Audited) -> Verdicts:
        """What each image is and is called."""
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
    return f"{question}?" if question == MALIGNANCY else f"{class_label(card, question)} or not?"


def group_words(card: Card, group: str) -> str:
    """A group in words, as sentences name it: ``melanoma``, ``malignant lesions``."""
    return class_names(card).get(group) or GROUP_WORDS[group]


def group_label(card: Card, group: str) -> str:
    """A group as lists and links name it: ``melanoma (mel)``, ``malignant``."""
    return class_label(card, group) if group in card.classes else group
