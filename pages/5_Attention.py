"""Attention: whether the model looks at the lesion, and whether its maps can be trusted."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Attention")
