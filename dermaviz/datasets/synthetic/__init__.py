"""Datasets, drawn lesions: schematic images made to order, with exact masks, chosen skin tone and known artefacts.

Made for teaching, for tests without data, and for questions that no photograph can answer (the same lesion on another
skin). Schematic: nothing measured on drawn lesions is a clinical finding.
"""

from __future__ import annotations

from dermaviz.datasets.synthetic.artefacts import Layer, draw_layer, lay_over
from dermaviz.datasets.synthetic.drawing import SyntheticLesion, draw, draw_skin
from dermaviz.datasets.synthetic.instrument import like_ham10000
from dermaviz.datasets.synthetic.lesions import soft_border
from dermaviz.datasets.synthetic.parameters import ARTEFACT_NAMES, FORMS, LAMPS, Camera, Form, Parameters
from dermaviz.datasets.synthetic.samples import CAPTION, SAMPLES, Sample, caption
from dermaviz.datasets.synthetic.writing import vary, write_dataset

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
