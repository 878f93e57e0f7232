"""Skin tone: for whom the model fails, and whether it is right for the right reason — the test set, one photo, your own."""

from __future__ import annotations

from dermaviz.app.frame import SKIN_TONE, page
from dermaviz.app.resources import installed_checkpoints
from dermaviz.app.skin_tone.page import choose_part

with page(SKIN_TONE):
    checkpoints = installed_checkpoints()
    show = choose_part()
    show(checkpoints)
