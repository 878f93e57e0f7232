"""TODO docstring dermaviz.robustness.corruptions"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CLEAN = "clean"
"""Name, in the column ``corruption`` of evidence, of the images as they are; their severity is 0."""
SEVERITIES = (1, 2, 3, 4, 5)
_MEDMNIST_C = "MedMNIST-C, DermaMNIST (Di Salvo et al. 2024)"


@dataclass(frozen=True)
class Corruption:
    """One way to spoil an image, in five severities.

    ``quantity`` and ``unit`` say what ``values`` measure, one value per severity; ``source`` says whose values they are.
    ``averaged`` is False for noise as small as an attack's, which would water down a mean over corruptions.
    """

    label: str
    family: str
    quantity: str
    unit: str
    values: tuple[float, float, float, float, float]
    source: str
    averaged: bool = True

    def in_words(self, severity: int) -> str:
        """What a severity from 0 to 5 means: ``σ = 0.04``, ``clean``."""
        if severity == 0:
            return "clean"
        return f"{self.quantity} = {self.values[severity - 1]:.3g} {self.unit}".strip()


CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "gaussian_noise": Corruption("Gaussian noise", "noise", "σ", "", (0.04, 0.08, 0.12, 0.18, 0.26), _MEDMNIST_C),
        "faint_noise": Corruption(
            "Faint noise", "noise", "σ", "", (0.003, 0.006, 0.012, 0.02, 0.03),
            "severity 1 is the σ of Gupta et al.; the others are ours and lead from it to MedMNIST-C's mildest", averaged=False,
        ),
        "uniform_noise": Corruption(
            "Uniform noise", "noise", "ε", "grey levels", (1, 2, 4, 8, 16),
            "ours: the L∞ sizes at which attacks are reported", averaged=False,
        ),
        "salt_and_pepper": Corruption(
            "Salt and pepper", "noise", "share of values", "", (0.01, 0.03, 0.06, 0.09, 0.17),
            f"{_MEDMNIST_C}, impulse noise",
        ),
        "defocus": Corruption(
            "Defocus", "blur", "radius", "px of 224", (4, 5, 6, 7, 8),
            f"{_MEDMNIST_C}; edge of the disc by covered area",
        ),
        "motion_blur": Corruption(
            "Motion blur", "blur", "σ", "px of 224", (3, 5, 8, 12, 15),
            "ImageNet-C (Hendrycks and Dietterich 2019); trail cut at 2.5 σ, within ±45°",
        ),
        "brightness_up": Corruption("Brighter", "light", "factor", "", (1.1, 1.2, 1.3, 1.4, 1.5), _MEDMNIST_C),
        "brightness_down": Corruption("Darker", "light", "factor", "", (0.9, 0.8, 0.7, 0.6, 0.5), _MEDMNIST_C),
        "contrast": Corruption("Less contrast", "light", "factor", "", (0.8, 0.7, 0.6, 0.5, 0.4), _MEDMNIST_C),
        "saturation": Corruption(
            "Less colour", "light", "factor", "", (0.8, 0.6, 0.4, 0.2, 0.0),
            "ours: even steps from the photo's colours to grey",
        ),
        "jpeg": Corruption("JPEG compression", "digital", "quality", "", (30, 20, 15, 10, 7), _MEDMNIST_C),
        "pixelation": Corruption(
            "Pixelation", "digital", "share of the side's pixels", "", (0.7, 0.5, 0.4, 0.3, 0.25),
            _MEDMNIST_C,
        ),
        "dark_corner": Corruption(
            "Dark corners", "artefact", "radius", "half sides", (1.1, 1.05, 1.0, 0.95, 0.9),
            f"{_MEDMNIST_C}, whose last two are put in falling order",
        ),
        "hair": Corruption(
            "Hair", "artefact", "layers of 7–15 hairs", "", (1, 2, 3, 4, 5),
            "ours: from a few hairs to a hairy arm",
        ),
        "ink": Corruption(
            "Surgical ink", "artefact", "layers of 2 marks", "", (1, 2, 3, 4, 5),
            "ours: from two marks to a ring of them",
        ),
        "ruler": Corruption(
            "Ruler", "artefact", "magnification", "", (1, 1.5, 2, 3, 4),
            "ours: long ticks reach a tenth to nearly half of the side",
        ),
        "bubbles": Corruption(
            "Gel and bubbles", "artefact", "layers of 9–19 bubbles", "", (1, 2, 3, 4, 5),
            "ours: from a few bubbles to foam",
        ),
    }
)  # fmt: skip
"""Name, as in evidence, to corruption; what it does is the function of the same name in :mod:`apply`."""
