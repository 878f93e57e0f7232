"""Reports: what five reports claimed, compared with our own runs."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Reports")
