"""Audits: the evidence table ``drawn_tone`` — what a classifier says of the same drawn lesions on skin of every tone.

One row for each drawing, a lesion on skin of one tone: ``image_id`` (the lesion and its ITA), ``lesion_id, dx`` (the diagnosis
whose form is drawn), ``ita`` (degrees, as drawn), ``predicted`` (class name), ``right`` (bool), ``p_<class>`` (calibrated),
``p_malignant`` (NaN where the classes name none), ``energy`` of the predicted class's attention map in the exact mask, and
``lesion_area``, the mask's share of the picture. Nothing but the skin's melanin differs between the drawings of a lesion, and
the lesion's own melanin lies over it, so the mask, the structures and the light are the same.

No data are needed: everyone can make the table again. Nothing measured on drawn lesions is a clinical finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.datasets.masks import mask_as_seen
from dermaviz.datasets.synthetic import FORMS, Parameters, draw, like_ham10000
from dermaviz.datasets.synthetic.fields import stream
from dermaviz.errors import DatasetError
from dermaviz.evidence import Source
from dermaviz.explain.attention import explain
from dermaviz.explain.localisation import energy_in_lesion
from dermaviz.explain.methods import DEFAULT_METHOD
from dermaviz.models.card import Card
from dermaviz.models.classifier import Classifier

TABLE = "drawn_tone"
DRAWN = "drawn"
"""Name of the data set and of its only split, in evidence."""
TONES = (65.0, 55.0, 41.0, 28.0, 10.0, -10.0, -30.0, -50.0)
"""Degrees of ITA that every lesion is drawn at."""
PER_DIAGNOSIS = 12


def drawn_lesions(classes: Sequence[str]) -> list[tuple[str, Parameters]]:
    """Names and parameters of the lesions, ``PER_DIAGNOSIS`` of each diagnosis among the classes, without artefacts.

    They take after HAM10000, whose lamps and sharpness a classifier is used to; their own tone is that of HAM10000.

    Raises:
        DatasetError: no form of any of the classes is known.
    """
    known = [dx for dx in classes if dx in FORMS]
    if not known:
        raise DatasetError(
            f"expected a class among {', '.join(FORMS)}, whose forms can be drawn; found {', '.join(classes)}. "
            "Drawn lesions say nothing about this checkpoint."
        )
    return [
        (f"DRAWN_{dx}_{number:02d}", replace(like_ham10000(dx, stream(0, "drawn tone", dx, number)), artefacts=()))
        for number in range(PER_DIAGNOSIS)
        for dx in known
    ]


def drawn_tone_rows(classifier: Classifier, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The rows for each slice of :func:`drawn_lesions`, lazily and in order."""
    lesions = drawn_lesions(classifier.classes)
    for part in slices:
        yield pd.concat([_of_one(classifier, *lesion) for lesion in lesions[part]], ignore_index=True)


def drawn_tone_parameters() -> dict[str, Any]:
    """The settings of the table, for its address."""
    return {"tones": TONES, "per_diagnosis": PER_DIAGNOSIS, "method": DEFAULT_METHOD}


def drawn_tone_source(card: Card) -> Source:
    """What the table of a checkpoint is made of; its images are the drawings."""
    drawn = hashlib.sha256(repr(drawn_lesions(card.classes)).encode()).hexdigest()
    return Source(TABLE, DRAWN, DRAWN, card.answers_sha256, drawn, drawn_tone_parameters())


def _of_one(classifier: Classifier, lesion_id: str, parameters: Parameters) -> pd.DataFrame:
    drawings = [draw(replace(parameters, ita=tone)) for tone in TONES]
    images = classifier.to_tensor([classifier.prepare(drawing.image) for drawing in drawings])
    probabilities = classifier.probabilities(images)
    mask = mask_as_seen(drawings[0].mask, classifier.input_size)
    called = probabilities.argmax(axis=1)
    maps = explain(classifier, images, called.tolist())
    names = np.array(classifier.classes)
    malignant = np.isin(names, list(classifier.malignant))
    facts = {
        "image_id": [f"{lesion_id}_{tone:+03.0f}" for tone in TONES],
        "lesion_id": lesion_id,
        "dx": parameters.dx,
        "ita": TONES,
        "predicted": names[called],
        "right": names[called] == parameters.dx,
    }
    said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in names])
    p_malignant = probabilities[:, malignant].sum(axis=1) if malignant.any() else np.nan
    energies = [energy_in_lesion(one, mask) for one in maps]
    return pd.concat([pd.DataFrame(facts), said], axis=1).assign(
        p_malignant=p_malignant, energy=energies, lesion_area=mask.mean()
    )
