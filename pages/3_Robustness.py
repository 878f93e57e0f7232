"""Robustness: how little fools the model — one photo attacked live, and the test set under attacks, noise and corruptions."""

from __future__ import annotations

from dermaviz.app.frame import ROBUSTNESS, page
from dermaviz.app.resources import installed_checkpoints
from dermaviz.app.robustness.page import choose_part

with page(ROBUSTNESS):
    checkpoints = installed_checkpoints()
    show = choose_part()
    show(checkpoints)
