"""The field's terms, each with what it means in a sentence: hover text on pages, ``<abbr>`` in reports, and ``docs/glossary.md``.

A new term is one row of ``TERMS``; ``python docs/make_api.py`` writes the document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape

MOST_TERMS = 4
"""As many meanings stand in one hover text."""


@dataclass(frozen=True)
class Term:
    """A term's meaning in one sentence, other words for it, what the document adds, and where it comes from."""

    means: str
    also: tuple[str, ...] = ()
    more: str = ""
    source: str = ""


TERMS: Mapping[str, Term] = {
    "accuracy": Term(
        "The share of images that are classified correctly.",
        more="On HAM10000 always answering “nevus” has an accuracy of 67%, so accuracy alone says little.",
    ),
    "balanced accuracy": Term(
        "The mean of every class's sensitivity, so that rare classes count as much as common ones.",
        more="With seven classes, chance and every constant answer get 1/7.",
    ),
    "sensitivity": Term(
        "Of the images that have the disease, the share that the model finds.",
        ("recall",),
        "With 9 melanomas, 8 found has a 95% interval from 52% to nearly 100%.",
    ),
    "specificity": Term("Of the images without the disease, the share that raises no false alarm."),
    "precision": Term(
        "Of the images that the model calls this class, the share that are.",
        ("positive predictive value",),
        "It depends on how common the class is, so it does not carry over to another clinic.",
    ),
    "F1": Term("The harmonic mean of precision and sensitivity of one class.", more="2·P·R / (P + R)."),
    "macro-F1": Term("The mean of every class's F1."),
    "AUC": Term(
        "How often a diseased image gets a higher score than a healthy one: 0.5 is chance, 1 is perfect.",
        ("ROC AUC", "area under the ROC curve"),
        "It needs scores. The same formula applied to hard answers only gives balanced accuracy.",
        "Hanley and McNeil 1982",
    ),
    "ROC curve": Term("Sensitivity against the false alarm rate, at every threshold."),
    "threshold": Term("The probability from which on an image is called this class.", ("operating point",)),
    "most probable class": Term(
        "The answer of a model of several classes, whatever its probability; a threshold asks about one class alone.",
        ("argmax",),
        "An image may be melanoma at 45% and so the most probable class, yet lie below a threshold of 50%.",
    ),
    "prevalence": Term("How common a class is among the images."),
    "constant answer": Term("What you get by always giving the same class; a model has to beat it."),
    "confusion matrix": Term("A table of true classes against predicted ones, with the number of images in each cell."),
    "95% interval": Term(
        "The range of values that fits the data: over many such tests, 95 of 100 ranges hold the true value.",
        ("confidence interval",),
        "Here mostly from 1,000 resamplings of whole patients, else of whole lesions (a clustered bootstrap). Of none or "
        "all of n lesions the exact one, some 3.7 / n wide.",
        "Efron and Tibshirani 1993",
    ),
    "bootstrap": Term("The data are drawn again with replacement, to see how far a figure moves by chance."),
    "lesion leak": Term(
        "Photographs of one lesion lie in both training and test data, so the test rewards remembering.",
        ("leak", "leaky"),
    ),
    "external validation": Term("A test on images from other clinics and cameras than those it was trained on."),
    "calibration": Term(
        "Whether confidence can be trusted: of the answers given with 80%, 80% should be right.", ("calibrated",)
    ),
    "ECE": Term(
        "The mean distance between confidence and the share that is right, over bins of confidence.",
        ("expected calibration error",),
        source="Naeini et al. 2015; Guo et al. 2017",
    ),
    "Brier score": Term("The squared distance between probabilities and what was true; 0 is perfect.", ("Brier",)),
    "temperature": Term(
        "One number by which scores are divided before they become probabilities. It changes confidence, not answers.",
        ("temperature scaling",),
        source="Guo et al. 2017",
    ),
    "conformal set": Term(
        "A set of diagnoses that holds the true one in a promised share of cases, such as 90%.",
        ("conformal sets", "conformal"),
        "The promise holds on average over all images, and per class only where it was made per class.",
        "Vovk et al. 2005; Angelopoulos and Bates 2021",
    ),
    "coverage": Term("The share of images whose set holds the true class, or of those that are answered at all."),
    "attention map": Term(
        "Which places in the image raised the score of a class, by one method's reckoning.",
        ("attention maps", "saliency map", "heat map"),
        "It shows what a method computes from the network. It is not the network's reasoning.",
    ),
    "Grad-CAM": Term(
        "An attention map: feature maps weighted by the class score's gradient, summed, and negative values dropped.",
        source="Selvaraju et al. 2017",
    ),
    "Grad-CAM++": Term(
        "Grad-CAM with weights per place, meant for several objects in one image.", source="Chattopadhyay et al. 2018"
    ),
    "energy in lesion": Term(
        "The share of the attention map that lies on the lesion.",
        ("energy",),
        "A map spread evenly gets the lesion's share of the image, and a centre spot gets more, "
        "since lesions are centred.",
        "Wang et al. 2020 (Score-CAM)",
    ),
    "centre spot": Term(
        "A map that is a round spot in the picture's centre, where most lesions lie, whatever the image."
    ),
    "pointing game": Term(
        "Whether the highest attention lies on the lesion; over many images, the share where it does.",
        ("pointing",),
        source="Zhang et al. 2018",
    ),
    "IoU": Term("Two areas' overlap divided by their union.", ("intersection over union",)),
    "faithfulness": Term("Whether the model's answer depends on the places that a map marks.", ("faithful",)),
    "deletion": Term(
        "The marked pixels are removed first; a faithful map makes the probability fall fast.",
        source="Petsiuk et al. 2018",
    ),
    "insertion": Term(
        "The marked pixels are shown first; a faithful map makes the probability rise fast.",
        source="Petsiuk et al. 2018",
    ),
    "ROAD": Term(
        "Deletion that fills in the removed pixels from their neighbours, so that holes themselves give nothing away.",
        source="Rong et al. 2022, Remove And Debias",
    ),
    "weight randomisation": Term(
        "The network's weights are replaced by random ones; a map that stays the same does not show what was learnt.",
        ("randomised weights", "random weights", "sanity check"),
        source="Adebayo et al. 2018",
    ),
    "ε": Term(
        "How far an attack may move each pixel. In units of 1/255, 1 is one grey level of an ordinary photograph.",
        ("epsilon",),
    ),
    "adversarial example": Term("An image changed on purpose, often invisibly, so that the model errs.", ("attack",)),
    "FGSM": Term(
        "An attack in one step: every pixel moves by ε in the direction that raises the loss.",
        source="Goodfellow et al. 2015",
    ),
    "PGD": Term("FGSM in many small steps, brought back to within ε after each.", source="Madry et al. 2018"),
    "adversarial accuracy": Term("Accuracy on attacked images.", ("robust accuracy",)),
    "corruption": Term(
        "A change that happens by itself, such as blur, noise or compression, in five severities.",
        ("corruptions",),
        source="Hendrycks and Dietterich 2019; MedMNIST-C 2024",
    ),
    "ITA": Term(
        "Individual typology angle: how light skin is in a photograph, in degrees; higher is lighter.",
        ("individual typology angle",),
        "atan2(L* − 50, b*) · 180/π in CIE L*a*b*. It measures the lamp as much as the skin.",
        "Chardon et al. 1991",
    ),
    "estimated tone group": Term(
        "A range of ITA, from very light to dark. It is computed from pixels, and is neither race nor Fitzpatrick type.",
        ("tone group", "tone groups"),
    ),
    "colour constancy": Term("The colour of the light is estimated and taken out of the image."),
    "cohort": Term("The images that a filter leaves, such as those of patients above 60."),
    "suppressed": Term("Not shown, because the group has too few images for a figure to mean anything."),
    "counterfactual": Term("The same image with one thing changed, such as its skin tone."),
    "shortcut": Term(
        "Something beside the lesion that goes with a diagnosis, such as a ruler or ink, and that a model may use.",
        ("shortcuts",),
        source="Winkler et al. 2019; Geirhos et al. 2020",
    ),
    "out-of-distribution": Term(
        "Unlike the images that the model was trained on, so that its answer means nothing.", ("OOD",)
    ),
    "dermatoscopy": Term(
        "Skin seen through a magnifier with its own light, free of reflections.", ("dermoscopy", "dermoscopic")
    ),
    "checkpoint": Term("A trained network as files: its weights, and a card that says what it is for."),
    "p-value": Term("How often chance alone gives a difference at least as large.", ("p-values",)),
}
"""Every term by its name; names and other words are found in text whatever their case."""


@cache
def _pattern() -> tuple[re.Pattern[str], Mapping[str, str]]:
    """A pattern of all terms, longer ones first, and the name that each word stands for."""
    names = {word.lower(): name for name, term in TERMS.items() for word in (name, *term.also)}
    words = "|".join(re.escape(word) for word in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w+-])", re.IGNORECASE), names


def terms_in(text: str) -> list[str]:
    """Names of the terms that a text uses, in its order, each once."""
    pattern, names = _pattern()
    return list(dict.fromkeys(names[found.group().lower()] for found in pattern.finditer(text)))


def meanings(text: str) -> str | None:
    """Hover text as Markdown: what the first terms in a text mean; None where it uses none."""
    found = terms_in(text)[:MOST_TERMS]
    return "\n\n".join(f"**{name}**: {TERMS[name].means}" for name in found) or None


def with_abbr(text: str, known: set[str] | None = None) -> str:
    """A text as HTML, escaped, its terms in ``<abbr>`` with their meaning; those in ``known`` stay plain, and join it."""
    pattern, names = _pattern()
    told = set() if known is None else known
    parts, end = [], 0
    for found in pattern.finditer(text):
        name = names[found.group().lower()]
        if name not in told:
            told.add(name)
            parts.append(escape(text[end : found.start()]))
            parts.append(f'<abbr title="{escape(TERMS[name].means)}">{escape(found.group())}</abbr>')
            end = found.end()
    return "".join(parts) + escape(text[end:])


def glossary_markdown() -> str:
    """All terms as a document, in the order of the alphabet."""
    lines = ["# Glossary", "", "Written by `python docs/make_api.py` from `dermaviz/glossary.py`."]
    for name, term in sorted(TERMS.items(), key=lambda row: row[0].replace("ε", "epsilon").lower()):
        also = f" (also: {', '.join(term.also)})" if term.also else ""
        source = f" *{term.source}.*" if term.source else ""
        lines += ["", f"**{name}**{also}", "", " ".join(filter(None, (term.means, term.more))) + source]
    return "\n".join(lines) + "\n"
