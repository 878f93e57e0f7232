"""The frame round every page: side bar, title, the bar of model, data set and filters, reminder, errors as one sentence."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TypeVar

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.state import get_session_state

from dermaviz import __version__
from dermaviz.app.pages import PAGES, Page
from dermaviz.app.sessions import give_way, latest_run, show_queue
from dermaviz.errors import DermaVizError, MissingEvidenceError

HEAVY = ("scipy.stats", "scipy.optimize", "scipy.ndimage", "dermaviz.metrics.calibration")
"""What pages stand on and a fresh server has not loaded: a second or two, once. No torch."""
MultiPartParser.spool_max_size = 2**20 * int(st.get_option("server.maxUploadSize"))
"""Uploads stay in memory: Starlette would write those over 1 MB to the disk while they arrive."""
_IN_ORDER = threading.Lock()


def import_in_order() -> None:
    """Import :data:`HEAVY` before any page is, and so before any page can ask for torch.

    SciPy looks for torch while it is imported, and torch's friends import SciPy: two sessions that begin at either end of a
    fresh server left one of them with half a module.
    """
    with _IN_ORDER:
        for name in HEAVY:
            import_module(name)


REMINDER = "Educational tool, not a medical device."
_ADVICE = "Nothing here is a diagnosis; if a mole worries you, show it to a doctor."
_UNEXPECTED = (
    "Something happened here that DermaViz did not expect; the details are in the server's log. "
    "Reload the page, or choose another photo or setting."
)
_LOOK = """<style>
[data-testid="stCaptionContainer"], [data-testid="stImageCaption"] { color: inherit !important; opacity: 0.82; }
[data-testid="stImageCaption"] [data-testid="stCaptionContainer"] { opacity: 1; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.7rem; }
.st-key-frame-bar { border-bottom: 1px solid rgba(128, 128, 128, 0.35); padding-bottom: 0.5rem; }
.st-key-frame-bar [data-testid="stSelectbox"] { min-width: 0; max-width: 21rem; flex: 1 1 6rem; }
.st-key-frame-bar [data-testid="stElementContainer"]:has([data-testid="stSelectbox"]) {
  min-width: 0; flex: 1 1 6rem; max-width: 21rem; }
.st-key-frame-bar > :first-child:has([data-testid="stSelectbox"]) { flex: 2.2 1 11rem; }
h2 strong, h3 strong { font-weight: inherit !important; }
[data-testid="stHeader"] { height: 2.5rem; min-height: 2.5rem; background: transparent; }
[data-testid="stMainBlockContainer"] { padding-top: 2.2rem; padding-left: 2.5rem; padding-right: 2.5rem; }
[data-testid^="stBaseButton-primary"]:not(:disabled) { color: light-dark(#FFFFFF, #0F191C) !important; }
:focus-visible { outline: 2px solid currentColor !important; outline-offset: 2px; }
h1 { font-size: 1.45rem !important; padding: 0 0 0.6rem !important; }
@media (min-width: 641px) {
  [data-testid="stApp"]:has([data-testid="stSidebar"][aria-expanded="true"]) .st-key-footer strong { display: none; } }
@media (max-width: 640px) {
  h1 { font-size: 1.2rem !important; }
  [data-testid="stMainBlockContainer"] { padding-left: 0.8rem; padding-right: 0.8rem; }
  .st-key-frame-bar [data-testid="stSelectbox"] * { font-size: 0.8rem !important; }
  .st-key-frame-bar > :first-child:has([data-testid="stSelectbox"]) { flex: 1.35 1 9rem; }
  [data-testid="stButtonGroup"] button { padding: 0 0.45rem !important; }
  [data-testid="stButtonGroup"] button p { font-size: 0.82rem !important; }
}
</style>"""
"""Streamlit fades captions to a contrast below 4.5; this keeps them above 7 in both themes. The bar is one line everywhere."""
_PRESENTING = """<style>
html { font-size: 16px !important; }
@media (min-width: 641px) { html { font-size: clamp(18px, 1.5vw, 26px) !important; } }
[data-testid="stSidebar"], [data-testid="stHeader"] { display: none !important; }
.st-key-steps { position: fixed; bottom: 0; left: 0; right: 0; z-index: 90; padding: 0.35rem 1rem; font-size: 0.9rem;
  background: light-dark(#FFFFFF, #0F191C); border-top: 1px solid rgba(128, 128, 128, 0.35); }
[data-testid="stMainBlockContainer"] { padding-top: 0.7rem !important; padding-bottom: 5rem !important; }
.st-key-frame-bar { border: 0; padding: 0; }
@media (max-width: 640px) { .st-key-steps { flex-wrap: nowrap; gap: 0.3rem; } .st-key-steps kbd { display: none; } }
@media (min-width: 1100px) {
  .st-key-frame-bar { position: fixed; bottom: 0; left: 1rem; width: 57%; z-index: 91; padding: 0.35rem 0; }
  .st-key-frame-bar > :first-child:has([data-testid="stSelectbox"]) { flex-grow: 1.4; }
  .st-key-steps { justify-content: flex-end; flex-wrap: nowrap; gap: 0.3rem; }
}
</style>"""
_ONE_PRESS_BACK = """<script>
if (!window.dermavizBack) {
  window.dermavizBack = true;
  let leaving = "", arrived = "";
  const page = path => path.split("?")[0].split("/").pop();
  for (const kind of ["click", "keydown"]) document.addEventListener(kind, event => {
    arrived = "";
    const link = event.target.closest?.("a[data-testid=stPageLink-NavLink]");
    if (link && !event.ctrlKey && !event.metaKey && page(link.getAttribute("href")) !== page(location.pathname))
      leaving = location.pathname;
  }, true);
  addEventListener("popstate", () => { leaving = arrived = ""; });
  const put = history.replaceState.bind(history);
  for (const name of ["pushState", "replaceState"]) {
    const original = history[name].bind(history);
    history[name] = (state, title, url) => {
      const path = new URL(url ?? location.href, location.href).pathname;
      if (leaving && path === leaving) return;
      (path === arrived ? put : original)(state, title, url);
      if (leaving) arrived = path;
      leaving = "";
    };
  }
}
</script>"""
"""On the way to another page Streamlit takes the choices out of the link of the one that is left, in a step of the history of
its own, and on the new one may correct the link once more. Without these steps one press of Back leads to the view as it was."""
_SAID = "messages of this run"
_ICON = (
    '<svg viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#F3D9C9"/><ellipse cx="14" cy="17" rx="8" ry="7" '
    'fill="#6B4226"/><circle cx="20" cy="13" r="8" fill="none" stroke="#0B6E75" stroke-width="3"/></svg>'
)
"""The sign in the browser's tab: part of the page, for Streamlit has browsers fetch that of a ``:material`` icon from Google."""
_LOG = logging.getLogger(__name__)


@latest_run()
def show_page(title: str) -> None:
    """A page of :data:`dermaviz.app.pages.PAGES` with all that it shares with the others; an error in it is one sentence."""
    page = next(page for page in PAGES if page.title == title)
    presenting = "present" in st.query_params
    st.set_page_config(
        page_title=f"{page.title} · DermaViz",
        page_icon=_ICON,
        layout="wide",
        initial_sidebar_state="collapsed" if presenting else "auto",
        menu_items={"About": f"**DermaViz {__version__}**. {REMINDER} {_ADVICE}"},
    )
    st.session_state[_SAID] = set()
    st.html(_LOOK + (_PRESENTING if presenting else ""))
    show_queue()
    st.title(page.question, anchor=False)  # the first words: a fresh server imports SciPy while they are read
    import_in_order()
    from dermaviz.app.bar import adopt_old_links, offer_presentation, show_bar, show_links, show_steps, show_tour
    from dermaviz.app.widgets.chart import SLIDES

    st.html(_ONE_PRESS_BACK + SLIDES, unsafe_allow_javascript=True)
    adopt_old_links(page)
    with st.sidebar:
        st.markdown("### DermaViz")
        show_links()
        offer_presentation()
        st.caption(f"**{REMINDER}** Photos stay in this server's memory and are never saved.")
    with sentence_for_errors():
        if page.of_a_model:
            show_bar()
        show_tour(page)
    with _note_on_link(page), sentence_for_errors():
        _tell_of_broken_checkpoints()
        module, _, function = page.show.partition(":")
        getattr(import_module(module), function)()
    if presenting:
        show_steps(page)
    with st.container(key="footer"):
        st.caption(f"**{REMINDER}** {_ADVICE}", text_alignment="center")


@contextmanager
def _note_on_link(page: Page) -> Iterator[None]:
    """On the first visit of a page, say which parameters of its link name nothing that is offered: Streamlit drops those."""
    from dermaviz.app.link import CHECKPOINT, DATA  # with all that has to be imported in order
    from dermaviz.app.text import escaped

    place, visited, linked = st.empty(), f"visited {page.title}", st.query_params.to_dict()
    if endless := [name for name in linked if _endless(name)]:  # which Streamlit's whole numbers do not bear
        for name in endless:
            del st.query_params[name]
        with get_session_state().query_params() as of_link:
            of_link.set_initial_query_params_from_current()
    yield
    if visited not in st.session_state:
        st.session_state[visited] = True
        dropped = {name: value for name, value in linked.items() if name not in st.query_params}
        stays = {name: linked[name] for name in (CHECKPOINT, DATA) if page.of_a_model and name in linked}
        given = dropped | stays  # model and data set stay in the link
        odd = [f"{name} = {value[:40]}" for name, value in given.items() if str(st.session_state.get(name)) != value]
        if odd:
            place.caption(
                f":material/link_off: Not offered here, so the usual choice is shown: {escaped(', '.join(odd))}"
            )


def _endless(name: str) -> bool:
    """Whether a parameter of the link is infinite, as ``inf`` and ``1e400`` are."""
    try:
        return any(math.isinf(float(value)) for value in st.query_params.get_all(name))
    except ValueError:
        return False


def _tell_of_broken_checkpoints() -> None:
    from dermaviz.app.checkpoints import broken_checkpoints
    from dermaviz.app.text import escaped  # with all that has to be imported in order

    if broken := broken_checkpoints():
        with st.sidebar.expander(f"{len(broken)} checkpoints that cannot be used", icon=":material/warning:"):
            for name, reason in broken.items():
                st.markdown(f"**{escaped(name)}**: {escaped(reason)}")


Part = TypeVar("Part")


def choose_part(parts: Mapping[str, Part], first: str = "") -> Part:
    """Ask which part of the page to show; ``first``, or else the first there is, unless another is chosen."""
    names = tuple(parts)
    chosen = st.segmented_control(
        "Part of the page", names, default=first or names[0], required=True, key="part", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return parts[chosen]


def open_tab(tabs: Mapping[str, Callable[..., None]], key: str) -> str:
    """The tab that :func:`show_open_tab` will draw, for what is drawn before it."""
    said = (st.session_state.get(key), st.query_params.get(key))
    return next((str(name) for name in said if name in tabs), next(iter(tabs)))


def show_open_tab(tabs: Mapping[str, Callable[..., None]], key: str, *asked: object) -> None:
    """Tabs, of which only the open one is drawn, with what was asked of it; ``key`` is its place in the link."""
    for show_tab, tab in zip(tabs.values(), st.tabs(list(tabs), key=key, bind="query-params"), strict=True):
        if tab.open:
            with tab, sentence_for_errors():
                show_tab(*asked)


@contextmanager
def stoppable(
    label: str, key: str, stop: Callable[..., None], *given: object
) -> Iterator[Callable[[float, str], None]]:
    """Gives what shows how far something is, in [0, 1] and in words, beside a button that stops it by calling ``stop``."""
    place = st.empty()
    bar: DeltaGenerator | None = None

    def tell(done: float, words: str) -> None:
        nonlocal bar
        if bar is None:
            with place.container():
                bar = st.progress(0.0, words)
                st.button(label, key=key, on_click=stop, args=given, icon=":material/stop_circle:")
        bar.progress(done, words)

    yield tell
    place.empty()


def said_before(message: str) -> bool:
    """Whether a message is on the page already; from now on it is."""
    said: set[str] = st.session_state.setdefault(_SAID, set())
    if message in said:
        return True
    said.add(message)
    return False


@contextmanager
def sentence_for_errors() -> Iterator[None]:
    """An error inside becomes one sentence at this place; what follows on the page still runs. No traceback is shown."""
    try:
        yield
    except DermaVizError as error:
        from dermaviz.app.text import escaped_message  # with all that has to be imported in order

        if said_before(str(error)):
            st.caption("Not shown, for the reason given above.")
            return
        missing = isinstance(error, MissingEvidenceError)  # nothing is wrong, so nothing is red
        (st.info if missing else st.error)(
            escaped_message(str(error)), icon=":material/hourglass_empty:" if missing else ":material/error:"
        )
    except Exception:
        give_way()  # a run that is superseded may meet what the next one has changed; nobody sees it
        _LOG.exception("unexpected error on a page")
        st.error(_UNEXPECTED, icon=":material/error:")
