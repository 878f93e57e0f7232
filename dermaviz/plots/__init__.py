"""Figures: Plotly figures from plain tables. Knows nothing of models, torch or Streamlit."""

from __future__ import annotations
