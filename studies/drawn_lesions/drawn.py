"""Evaluation: drawn lesions beside photographs of HAM10000, and what a classifier says of them, as plain tables.

Nothing measured on drawn lesions is a clinical finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.data.records import HAM10000, Dataset, Record
from dermaviz.images import RGB
from dermaviz.synthetic import FORMS, Parameters, draw
from dermaviz.synthetic.datasets import like_ham10000, vary
from dermaviz.synthetic.fields import stream
from dermaviz.synthetic.optics import ITA_RANGE
from studies.drawn_lesions.realism import Measured, band_frequencies, central_square, distances

if TYPE_CHECKING:
    from dermaviz.models.classifier import Classifier


PHOTOGRAPHS = "HAM10000"
_AXES = MappingProxyType({"L*": (0, 100), "a*": (-20, 70), "b*": (-40, 60)})
_BINS = 45
_GAP = 4


def one_per_lesion(dataset: Dataset, n: int, seed: int = 0) -> list[Record]:
    """Up to ``n`` images of as many lesions, drawn at random: lesions with many images count once."""
    rng = np.random.default_rng(seed)
    images: dict[str, list[Record]] = {}
    for record in dataset.records:
        images.setdefault(record.lesion_id, []).append(record)
    lesions = rng.permutation(sorted(images))[:n]
    return [images[lesion][int(rng.integers(len(images[lesion])))] for lesion in lesions]


def _typical(dx: str, seed: int, number: int) -> Parameters:
    """The schematic forms in daylight, tones even over the range of ITA."""
    rng = stream(seed, "typical", number)
    ita, own_seed = float(rng.uniform(*ITA_RANGE)), int(rng.integers(2**31))
    return Parameters(dx=dx, ita=ita, seed=own_seed, form=vary(FORMS[dx], rng))


def _like_photographs(dx: str, seed: int, number: int) -> Parameters:
    return like_ham10000(dx, stream(seed, "like HAM10000", number))


DRAWN = MappingProxyType[str, Callable[[str, int, int], Parameters]](
    {"drawn like HAM10000": _like_photographs, "drawn, typical forms in daylight": _typical}
)
"""The sets that are compared: name to function of a diagnosis, a seed, and the number of the drawing."""


def draw_set(name: str, diagnoses: Iterable[str], seed: int = 0) -> Iterator[tuple[RGB, NDArray[np.bool_]]]:
    """Pictures with their masks of one set in ``DRAWN``, one per diagnosis given, drawn one after another."""
    for number, dx in enumerate(diagnoses):
        lesion = draw(DRAWN[name](dx, seed, number))
        yield lesion.image, lesion.mask


def distance_table(sets: Mapping[str, Measured], seed: int = 0) -> pd.DataFrame:
    """The table of :func:`~studies.drawn_lesions.realism.distances` for each drawn set, which the column ``set`` names."""
    real = sets[PHOTOGRAPHS]
    tables = [distances(real, sets[name], seed=seed).assign(set=name) for name in sets if name != PHOTOGRAPHS]
    return pd.concat(tables, ignore_index=True)


def colour_table(sets: Mapping[str, Measured]) -> pd.DataFrame:
    """Histograms of L*, a* and b*: columns ``set, part`` (skin or lesion), ``axis, value`` (a bin's middle), ``share``."""
    rows = []
    for name, measured in sets.items():
        for part in ("skin", "lesion"):
            colours = getattr(measured, part)
            known = colours[~np.isnan(colours).any(axis=(1, 2))].reshape(-1, 3)
            for index, (axis, limits) in enumerate(_AXES.items()):
                counts, edges = np.histogram(np.clip(known[:, index], *limits), _BINS, limits)
                middles, shares = (edges[1:] + edges[:-1]) / 2, counts / max(len(known), 1)
                pairs = zip(middles, shares, strict=True)
                rows += [
                    {"set": name, "part": part, "axis": axis, "value": value, "share": share} for value, share in pairs
                ]
    return pd.DataFrame(rows)


def spectrum_table(sets: Mapping[str, Measured], side: int) -> pd.DataFrame:
    """Spectra of L*: ``set, frequency`` in cycles per side, ``mean, low, high`` (10% and 90% of the pictures) in dB."""
    tables = []
    for name, measured in sets.items():
        low, high = np.quantile(measured.spectrum, (0.1, 0.9), axis=0)
        columns = {
            "frequency": band_frequencies(side),
            "mean": measured.spectrum.mean(axis=0),
            "low": low,
            "high": high,
        }
        tables.append(pd.DataFrame({"set": name, **columns}))
    return pd.concat(tables, ignore_index=True)


def answers(classifier: Classifier, per_diagnosis: int = 20, seed: int = 1, batch_size: int = 20) -> pd.DataFrame:
    """How a classifier answers on drawn lesions over all tones: columns ``set, dx, called, n``, zeros included.

    The tones of both sets are even over the range of ITA and the same for every diagnosis, so that an answer for a
    diagnosis is no answer for a tone.
    """
    tones = np.linspace(*ITA_RANGE, per_diagnosis)
    rows = []
    for name, parameters_of in DRAWN.items():
        for dx in HAM10000.classes:
            planned = (_with_tone(parameters_of(dx, seed, number), tone) for number, tone in enumerate(tones))
            inputs = [classifier.prepare(draw(parameters).image) for parameters in planned]
            called = np.zeros(len(classifier.classes), dtype=int)
            for first in range(0, per_diagnosis, batch_size):
                said = classifier.probabilities(classifier.to_tensor(inputs[first : first + batch_size])).argmax(axis=1)
                called += np.bincount(said, minlength=len(called))
            rows += [
                {"set": name, "dx": dx, "called": label, "n": int(n)}
                for label, n in zip(classifier.classes, called, strict=True)
            ]
    return pd.DataFrame(rows)


def _with_tone(parameters: Parameters, tone: float) -> Parameters:
    return replace(parameters, ita=round(float(tone), 1))


def page(pictures: Sequence[RGB], columns: int = 8, side: int = 150) -> RGB:
    """The central squares of pictures side by side on white, row by row."""
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (side + _GAP) + _GAP, columns * (side + _GAP) + _GAP, 3), 255, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (_GAP + place * (side + _GAP) for place in divmod(number, columns))
        sheet[top : top + side, left : left + side] = central_square(picture, side)
    return sheet
