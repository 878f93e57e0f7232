"""Robustness: how little fools the model — one photo attacked live, and the test set under attacks, noise and corruptions."""

from __future__ import annotations

from dermaviz.ui.frame import page
from dermaviz.ui.navigation import ROBUSTNESS
from dermaviz.ui.resources import installed_checkpoints
from dermaviz.ui.widgets.robustness.parts import choose_part

with page(ROBUSTNESS):
    checkpoints = installed_checkpoints()
    show = choose_part()
    show(checkpoints)
