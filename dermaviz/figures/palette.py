"""Figures: colours that colour-blind readers tell apart (Okabe and Ito 2008), and the pattern that says it again."""

from __future__ import annotations

from types import MappingProxyType

BENIGN = "#0072B2"
MALIGNANT = "#D55E00"
MALIGNANT_PATTERN = "/"
MUTED = "#7A8B90"
"""Grid lines and axes: readable on the light and on the dark theme."""
INK = MappingProxyType({"light": "#1A2B30", "dark": "#E4EDEE"})
"""Colour of words on the two themes of ``.streamlit/config.toml``: contrast above 7."""
