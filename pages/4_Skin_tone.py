"""Skin tone: for whom the model fails, and whether it is right for the right reason — the test set, one photo, your own."""

from __future__ import annotations

from dermaviz.ui.frame import page
from dermaviz.ui.navigation import SKIN_TONE
from dermaviz.ui.resources import installed_checkpoints
from dermaviz.ui.widgets.skin_tone.parts import choose_part

with page(SKIN_TONE):
    checkpoints = installed_checkpoints()
    show = choose_part()
    show(checkpoints)
