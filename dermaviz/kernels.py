"""The kernels by which pictures are reduced: only their names, so that a card can be read without what decodes pictures."""

from __future__ import annotations

from typing import Literal

Kernel = Literal["bilinear", "box", "hamming", "bicubic", "lanczos"]
"""Pillow's kernels; when it reduces, each is widened by the factor, which is what antialiasing means."""
