"""Home: what each page answers, and the model in use. `streamlit run app.py` starts the app here."""

from __future__ import annotations

from dermaviz.app.frame import show_page

show_page("Home")
