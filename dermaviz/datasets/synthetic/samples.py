"""Datasets, drawn lesions: the fourteen samples that the program shows when no photograph is at hand."""

from __future__ import annotations

from typing import NamedTuple

from dermaviz.datasets.specs import HAM10000
from dermaviz.datasets.synthetic.parameters import Parameters

CAPTION = "synthetic lesion (schematic)"

_TONE_WORDS = ((55, "very light"), (41, "light"), (28, "intermediate"), (10, "tan"), (-30, "brown"))


class Sample(NamedTuple):
    """A drawn lesion to choose by name: ``slug`` for links, ``caption`` for people, ``parameters`` to draw it."""

    slug: str
    caption: str
    parameters: Parameters


def tone_word(ita: float) -> str:
    """The tone group of a requested ITA in degrees, with cuts at 55, 41, 28, 10 and −30."""
    return next((word for cut, word in _TONE_WORDS if ita > cut), "dark")


def caption(parameters: Parameters) -> str:
    """What a drawing shows, in words, always with the reminder that it is schematic."""
    sign = "−" if parameters.ita < 0 else ""
    parts = [
        CAPTION,
        f"{HAM10000.classes[parameters.dx]} form",
        f"{tone_word(parameters.ita)} skin (ITA {sign}{abs(parameters.ita):.0f}°)",
    ]
    if parameters.artefacts:
        parts.append("with " + " and ".join(name.replace("_", " ") for name in parameters.artefacts))
    return " · ".join(parts)


def _sample(dx: str, ita: float, seed: int, artefacts: tuple[str, ...] = ()) -> Sample:
    parameters = Parameters(dx=dx, ita=ita, seed=seed, artefacts=artefacts)
    slug = "-".join([dx, tone_word(ita).replace(" ", "-"), *artefacts]).replace("_", "-")
    return Sample(slug, caption(parameters), parameters)


SAMPLES: tuple[Sample, ...] = (
    _sample("akiec", 62, 3),
    _sample("akiec", 22, 10),
    _sample("bcc", 50, 12),
    _sample("bcc", -5, 11),
    _sample("bkl", 45, 20),
    _sample("bkl", -40, 23, ("gel",)),
    _sample("df", 35, 30),
    _sample("df", -20, 33),
    _sample("mel", 52, 41),
    _sample("mel", -35, 44),
    _sample("nv", 58, 50, ("hair",)),
    _sample("nv", 5, 52),
    _sample("vasc", 48, 62),
    _sample("vasc", 18, 61, ("ruler",)),
)
"""Two of each diagnosis over the range of tones; three with an artefact."""
