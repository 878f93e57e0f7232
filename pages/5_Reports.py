"""Reports: what five reports claimed beside what our own runs give, all claims, and a calculator for figures of one's own."""

from __future__ import annotations

from dermaviz.ui.frame import page
from dermaviz.ui.navigation import REPORTS
from dermaviz.ui.widgets.reports.parts import choose_part

with page(REPORTS):
    show = choose_part()
    show()
