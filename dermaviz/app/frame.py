"""TODO docstring dermaviz.app.frame"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import streamlit as st

from dermaviz import __version__
from dermaviz.errors import DermaVizError


@dataclass(frozen=True)
class Entry:
    """A page: its file as seen from ``app.py``, its short title, the question it answers, and how it answers it."""

    file: str
    title: str
    icon: str
    question: str
    about: str


HOME = Entry(
    "app.py",
    "Home",
    ":material/home:",
    "What does a skin-lesion classifier say, and what does it look at?",
    "A dashboard for teaching, demonstrating and auditing a classifier of dermoscopic photos.",
)
CLASSIFY = Entry(
    "pages/1_Classify.py",
    "Classify",
    ":material/center_focus_strong:",
    "What does the model say of this photo, how sure is it, and where did it look?",
    "Choose a drawn sample, draw a lesion to order, drop a photo or take one. The diagnosis, the probabilities of all "
    "classes and the attention map appear together.",
)
CONFUSION = Entry(
    "pages/2_Confusion.py",
    "Confusion",
    ":material/grid_on:",
    "Which diagnoses does the model mistake for which?",
    "A confusion matrix whose every count opens the cases behind it, with thresholds, cohorts, calibration and intervals.",
)
ROBUSTNESS = Entry(
    "pages/3_Robustness.py",
    "Robustness",
    ":material/shield:",
    "How little does it take to fool it?",
    "One photo attacked live beside noise of the same size, and the whole test set under attacks, noise and corruptions, with "
    "what a defence costs and buys.",
)
SKIN_TONE = Entry(
    "pages/4_Skin_tone.py",
    "Skin tone",
    ":material/contrast:",
    "For whom does it fail, and is it right for the right reason?",
    "The test set by estimated skin tone, age, sex and body site, with intervals and what cannot be said; whether the model "
    "looks at the lesion; one photo on other skin; and the same audit of a few photos of your own.",
)
REPORTS = Entry(
    "pages/5_Reports.py",
    "Reports",
    ":material/fact_check:",
    "What did five reports claim, and does it hold when it is run again?",
    "Every figure that five student and research reports print beside ours, with intervals and a verdict; what each report "
    "asks, answered by our own runs; checks that need no training, and a calculator that tells what accuracy must be.",
)
PAGES = (HOME, CLASSIFY, CONFUSION, ROBUSTNESS, SKIN_TONE, REPORTS)


HEAVY = ("scipy.stats", "scipy.optimize", "dermaviz.metrics.calibration")
"""What takes the pages with evidence a second or two to import, the first time that a server shows one. No torch."""


@st.cache_resource(show_spinner=False)
def import_ahead() -> threading.Thread:
    """Import :data:`HEAVY` in the background, once for a server; a page that needs one sooner waits for it as ever."""
    thread = threading.Thread(target=_import_all, name="import ahead", daemon=True)
    thread.start()
    return thread


def _import_all() -> None:
    for name in HEAVY:
        import_module(name)


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
