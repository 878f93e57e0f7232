"""Reports: what five reports claimed beside what our own runs give, all claims, and a calculator for figures of one's own."""

from __future__ import annotations

from dermaviz.app.frame import REPORTS, page
from dermaviz.app.reports.page import choose_part

with page(REPORTS):
    show = choose_part()
    show()
