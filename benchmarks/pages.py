"""Benchmarks: how long a page takes in a cold tab of Chromium, and when pages are switched, beside an empty page of Streamlit.

``python -m benchmarks.pages`` prints every page: seconds to its first words and until all of it stands, and the ratio to an empty
Streamlit page with one Plotly chart. The server has opened each page once before; a tab is a new one each time, its cache empty.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import Benchmark, Row
from benchmarks.subjects import DEFAULT_CHECKPOINT
from dermaviz.app.pages import PAGES
from dermaviz.errors import DependencyError

_SERVER = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "browser" / "app_server.py"))
_EMPTY = """
import plotly.graph_objects as go
import streamlit as st
st.set_page_config(layout="wide")
st.title("Empty")
st.plotly_chart(go.Figure(go.Scatter(x=[0, 1], y=[0, 1])))
"""
_WORDS = "() => document.querySelector('h1')?.textContent.length > 0"
_STANDS = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
  return app?.dataset.testScriptState === 'notRunning' && document.querySelector('h1')
    && !document.querySelector('[data-testid="stSkeleton"]') && charts.every(chart => chart.querySelector('.main-svg'));
}"""
ROUNDS, MILLISECONDS = 3, 120_000
EMPTY = "an empty page"


@contextmanager
def _empty_page() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        script, port = Path(folder) / "empty.py", _SERVER["free_port"]()
        script.write_text(_EMPTY, encoding="utf-8")
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
        command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                url = f"http://127.0.0.1:{port}"
                _SERVER["_await_health"](url, server)
                yield url
            finally:
                server.terminate()


def _opened(browser: Any, url: str) -> tuple[float, float]:
    """Seconds from a new tab's first request to the page's first words, and until all of it stands."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        started = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.wait_for_function(_WORDS)
        words = time.perf_counter() - started
        page.wait_for_function(_STANDS)
        return words, time.perf_counter() - started


def _switched(browser: Any, url: str) -> dict[str, float]:
    """Seconds of each switch by the links of the side bar, all in one tab."""
    found = {}
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.goto(url)
        page.wait_for_function(_STANDS)
        for to in PAGES[1:]:
            link = page.get_by_test_id("stSidebar").get_by_role("link", name=to.title, exact=True)
            started = time.perf_counter()
            link.click()
            page.wait_for_function(
                f"question => document.querySelector('h1')?.textContent === question && ({_STANDS})()", arg=to.question
            )
            found[to.title] = time.perf_counter() - started
    return found


@cache
def measured(rounds: int = 1) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Median seconds, of so many rounds, of every page in a cold tab (first words, all of it), the empty one among them, and of
    every switch.

    Raises:
        DependencyError: there is no Chromium, or no Playwright.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise DependencyError("expected Playwright, found none. `pip install -r requirements-dev.txt`.") from error
    chromium = _SERVER["find_chromium"]()
    if chromium is None:
        raise DependencyError("expected Chromium on the PATH, found none. `apt-get install chromium`.")
    cold: dict[str, list[tuple[float, float]]] = {}
    switches: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        _SERVER["running_app"](Path(folder) / "log") as (url, _),
        _empty_page() as empty,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=_SERVER["CHROMIUM_ARGUMENTS"])
        places = {EMPTY: empty} | {page.title: f"{url}/{_path(page.file)}" for page in PAGES}
        for place in places.values():
            _opened(browser, place)
        for _ in range(rounds):
            for name, place in places.items():
                cold.setdefault(name, []).append(_opened(browser, place))
            for name, seconds in _switched(browser, url).items():
                switches.setdefault(name, []).append(seconds)
        browser.close()
    middle = {
        name: (median(words for words, _ in each), median(whole for _, whole in each)) for name, each in cold.items()
    }
    return middle, {name: median(each) for name, each in switches.items()}


def _path(file: str) -> str:
    return "" if file == "app.py" else Path(file).stem.partition("_")[2]


def slowest_cold() -> Row:
    """The page that takes longest in a cold tab."""
    cold, _ = measured()
    name = max((page.title for page in PAGES), key=lambda title: cold[title][1])
    return _row("page-cold", f"an empty page with a chart; the slowest: {name}", cold[name][1], cold[EMPTY][1])


def slowest_switch() -> Row:
    """The page that takes longest to switch to."""
    cold, switches = measured()
    name = max(switches, key=switches.__getitem__)
    return _row("page-switch", f"an empty page, cold; the slowest: to {name}", switches[name], cold[EMPTY][1])


def _row(name: str, against: str, ours: float, theirs: float) -> Row:
    return Row(name, ours, theirs, ours / theirs, "s", against, DEFAULT_CHECKPOINT.name, "cpu, Chromium")


BENCHMARKS = (
    Benchmark("page-cold", "The slowest page in a cold tab, against an empty one with a chart.", 1.5, slowest_cold),
    Benchmark("page-switch", "The slowest switch of pages, against an empty page in a cold tab.", 0.5, slowest_switch),
)


def main() -> int:
    """Print every page."""
    cold, switches = measured(ROUNDS)
    whole = cold[EMPTY][1]
    print(f"{'page':<16}{'first words':>14}{'all of it':>12}{'ratio':>8}{'switch':>10}{'ratio':>8}")
    for name, (words, all_of_it) in cold.items():
        print(f"{name:<16}{words:>12.2f} s{all_of_it:>10.2f} s{all_of_it / whole:>8.2f}", end="")
        print(f"{switches[name]:>8.2f} s{switches[name] / whole:>8.2f}" if name in switches else "")
    slowest = max(all_of_it for name, (_, all_of_it) in cold.items() if name != EMPTY), max(switches.values())
    return int(any(one / whole > row.target for one, row in zip(slowest, BENCHMARKS, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
