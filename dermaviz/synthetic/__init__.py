"""Drawn lesions: schematic images made to order, with exact masks, chosen skin tone and known artefacts.

Made for teaching, for tests without data, and for questions that no photograph can answer (the same lesion on another
skin). Schematic: nothing measured on drawn lesions is a clinical finding.
"""

from __future__ import annotations

from dermaviz.synthetic.artefacts import Layer, draw_layer, lay_over
from dermaviz.synthetic.drawing import CAPTION, SAMPLES, Sample, SyntheticLesion, caption, draw, draw_skin
from dermaviz.synthetic.instrument import like_ham10000
from dermaviz.synthetic.lesions import soft_border
from dermaviz.synthetic.parameters import ARTEFACT_NAMES, FORMS, LAMPS, Camera, Form, Parameters
from dermaviz.synthetic.writing import vary, write_dataset

__all__ = [
    "ARTEFACT_NAMES",
    "CAPTION",
    "FORMS",
    "LAMPS",
    "SAMPLES",
    "Camera",
    "Form",
    "Layer",
    "Parameters",
    "Sample",
    "SyntheticLesion",
    "caption",
    "draw",
    "draw_layer",
    "draw_skin",
    "lay_over",
    "like_ham10000",
    "soft_border",
    "vary",
    "write_dataset",
]
