"""The tables on skin tone: ``tone``, as estimated; ``counterfactuals``, images on other skin; ``drawn_tone``, drawn lesions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from dermaviz.attention.localisation import drift, energy_in_lesion
from dermaviz.attention.maps import explain
from dermaviz.attention.methods import DEFAULT_METHOD
from dermaviz.data.masks import lesion_mask, mask_as_seen
from dermaviz.data.records import Dataset, Record
from dermaviz.errors import DatasetError
from dermaviz.evidence.evaluate import table_rows
from dermaviz.evidence.tables.attention import Seen, lesion_rows
from dermaviz.fairness import skin_tone
from dermaviz.fairness.counterfactual import AXES, LESION_CHOICES, counterfactual
from dermaviz.fairness.effects import CLEAN
from dermaviz.fairness.skin_tone import measure_tone
from dermaviz.fairness.tone_groups import CUTS, tone_groups
from dermaviz.images import RGB, read_image
from dermaviz.models.classifier import Classifier
from dermaviz.synthetic import FORMS, Parameters, draw
from dermaviz.synthetic.datasets import like_ham10000
from dermaviz.synthetic.fields import stream
from dermaviz.synthetic.optics import ITA_RANGE


def tone_rows(_classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``tone`` for each slice of a data set, lazily and in order; no classifier is asked.

    Columns: ``image_id, mask`` (true or predicted), the fields of :class:`~dermaviz.fairness.skin_tone.Tone` (``flags``
    joined by "; ") and ``tone_group`` of ``ita`` by ``CUTS``, "" where the photo is excluded. Each photo is measured at
    its own size, by two threads. A DatasetError where a mask cannot be read.
    """

    def rows(_: Sequence[Record], measured: Sequence[dict[str, Any]]) -> pd.DataFrame:
        frame = pd.DataFrame(measured)
        return frame.assign(tone_group=tone_groups(frame["ita"]))

    return table_rows(dataset, slices, _measured, rows)


def tone_parameters() -> dict[str, Any]:
    """The settings of the table ``tone``, for its address: every named constant of the measurement."""
    return {
        "cuts": CUTS,
        **{
            name.lower(): value
            for name, value in vars(skin_tone).items()
            if name.isupper() and isinstance(value, float | int) and name != "GAP"  # the mask's, no setting of tone
        },
    }


def _measured(record: Record) -> dict[str, Any]:
    pixels = read_image(record.path).pixels
    mask = lesion_mask(record, pixels)
    tone = measure_tone(pixels, mask.pixels)
    return {"image_id": record.image_id, "mask": mask.source} | asdict(tone) | {"flags": "; ".join(tone.flags)}


TONES = (55.0, 41.0, 28.0, 10.0, -10.0, -30.0, -50.0)
"""Degrees of ITA that every photo is shifted to: the cuts between the tone groups, and the middles of the darkest three."""


def counterfactuals_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
    """The table ``counterfactuals`` (:func:`~dermaviz.evidence.tables.attention.lesion_rows`): a row per image and condition."""
    return lesion_rows(classifier, dataset, slices, _on_other_skin)


def counterfactuals_parameters() -> dict[str, Any]:
    """The settings of the table, for its address."""
    return {"tones": TONES, "axes": tuple(AXES), "lesions": LESION_CHOICES, "method": DEFAULT_METHOD}


def _on_other_skin(classifier: Classifier, seen: Seen) -> pd.DataFrame:
    start = float(np.clip(measure_tone(seen.pixels, seen.mask.pixels).ita, *ITA_RANGE))
    conditions, pictures = _shifted(seen, start)
    images = classifier.to_tensor(pictures)
    probabilities = classifier.probabilities(images)
    maps = explain(classifier, images, int(probabilities[0].argmax()))
    drifts = [drift(maps[0], one, seen.prepared_mask) for one in maps]
    said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes])
    return pd.concat([conditions, said], axis=1).assign(
        rank_correlation=[one.rank_correlation for one in drifts],
        energy=[one.energy_after for one in drifts],
        lesion_area=seen.prepared_mask.mean(),
    )


def _shifted(seen: Seen, start: float) -> tuple[pd.DataFrame, list[RGB]]:
    """The photo as it is and under each condition, with the columns that name it."""
    rows: list[dict[str, Any]] = [{"axis": CLEAN, "lesion": "", "ita_to": start, "clipped": 0.0}]
    pictures = [seen.prepared]
    tones = () if np.isnan(start) else TONES
    for axis, lesion, tone in product(AXES, LESION_CHOICES, tones):
        made = counterfactual(seen.prepared, seen.prepared_mask, tone, start, lesion, axis)
        rows.append({"axis": axis, "lesion": lesion, "ita_to": tone, "clipped": made.clipped})
        pictures.append(made.pixels)
    conditions = pd.DataFrame(rows).assign(image_id=seen.record.image_id, ita_from=start)
    conditions["shift"] = conditions["ita_to"] - start
    return conditions[["image_id", "axis", "lesion", "ita_from", "ita_to", "shift", "clipped"]], pictures


DRAWN_TONES = (65.0, 55.0, 41.0, 28.0, 10.0, -10.0, -30.0, -50.0)
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
        yield pd.concat([_drawn_in_every_tone(classifier, *lesion) for lesion in lesions[part]], ignore_index=True)


def drawn_tone_parameters() -> dict[str, Any]:
    """The settings of the table, for its address."""
    return {"tones": DRAWN_TONES, "per_diagnosis": PER_DIAGNOSIS, "method": DEFAULT_METHOD}


def _drawn_in_every_tone(classifier: Classifier, lesion_id: str, parameters: Parameters) -> pd.DataFrame:
    drawings = [draw(replace(parameters, ita=tone)) for tone in DRAWN_TONES]
    images = classifier.to_tensor([classifier.prepare(drawing.image) for drawing in drawings])
    probabilities = classifier.probabilities(images)
    mask = mask_as_seen(drawings[0].mask, classifier.input_size)
    called = probabilities.argmax(axis=1)
    maps = explain(classifier, images, called.tolist())
    names = np.array(classifier.classes)
    malignant = np.isin(names, list(classifier.malignant))
    facts = {
        "image_id": [f"{lesion_id}_{tone:+03.0f}" for tone in DRAWN_TONES],
        "lesion_id": lesion_id,
        "dx": parameters.dx,
        "ita": DRAWN_TONES,
        "predicted": names[called],
        "right": names[called] == parameters.dx,
    }
    said = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in names])
    p_malignant = probabilities[:, malignant].sum(axis=1) if malignant.any() else np.nan
    energies = [energy_in_lesion(one, mask) for one in maps]
    return pd.concat([pd.DataFrame(facts), said], axis=1).assign(
        p_malignant=p_malignant, energy=energies, lesion_area=mask.mean()
    )
