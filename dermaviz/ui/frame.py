"""The frame round every page: its set-up, the links, the reminder what this is, and the boundary for errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dermaviz import __version__
from dermaviz.errors import DermaVizError
from dermaviz.ui.navigation import PAGES, Entry
from dermaviz.ui.warm_up import import_ahead

REMINDER = "Educational tool, not a medical device."
_ADVICE = "Nothing here is a diagnosis; if a mole worries you, show it to a doctor."
_UNEXPECTED = (
    "Something happened here that DermaViz did not expect; the details are in the server's log. "
    "Reload the page, or choose another photo or setting."
)
_READABLE_CAPTIONS = """<style>
[data-testid="stCaptionContainer"], [data-testid="stImageCaption"] { color: inherit !important; opacity: 0.82; }
</style>"""
"""Streamlit fades captions to a contrast below 4.5; this keeps them above 7 in both themes."""
_LOG = logging.getLogger(__name__)


@contextmanager
def page(entry: Entry) -> Iterator[None]:
    """Everything that a page shares with the others; its content goes inside, and may fail there without harm."""
    st.set_page_config(
        page_title=f"{entry.title} · DermaViz",
        page_icon=entry.icon,
        layout="wide",
        menu_items={"About": f"**DermaViz {__version__}**. {REMINDER} {_ADVICE}"},
    )
    st.html(_READABLE_CAPTIONS)
    _side_bar()
    st.bottom.caption(f"**{REMINDER}** {_ADVICE}", text_alignment="center")
    st.title(entry.question, anchor=False)
    with sentence_for_errors():
        yield
    import_ahead()


@contextmanager
def sentence_for_errors() -> Iterator[None]:
    """An error inside becomes one sentence at this place; what follows on the page still runs. No traceback is shown."""
    try:
        yield
    except DermaVizError as error:
        st.error(str(error), icon=":material/error:")
    except Exception:
        _LOG.exception("unexpected error on a page")
        st.error(_UNEXPECTED, icon=":material/error:")


def _side_bar() -> None:
    with st.sidebar:
        st.markdown("### DermaViz")
        for entry in PAGES:
            st.page_link(entry.file, label=entry.title, icon=entry.icon, width="stretch")
        st.caption(f"**{REMINDER}** Photos stay in this server's memory while the page is open, and are never saved.")
