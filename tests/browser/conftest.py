"""Browser tests: the running app and a headless Chromium that opens it. Skipped, with the reason, where there is no browser."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize

HERE = Path(__file__).parent
WAIT_MILLISECONDS = 120_000
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
FOLDS_OPEN_AT_ONCE = """
const animate = Element.prototype.animate;
Element.prototype.animate = function (frames, options) {
  const moved = animate.call(this, frames, options);
  if (frames?.height) moved.finish();
  return moved;
};
"""
"""A fold's content moves for half a second while it opens, and a click aimed at it in that time misses."""


def _load_server() -> ModuleType:
    spec = importlib.util.spec_from_file_location("app_server", HERE / "app_server.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


app_server = _load_server()  # tests are no package: pytest imports them by path, and so does this


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


def missing(what: str) -> None:
    """Skip, with the reason; in CI a browser belongs to the machine, so there it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI must not skip the browser tests")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed (pip install -r requirements-dev.txt)")
    chromium = app_server.find_chromium()
    if chromium is None:
        missing("no Chromium on the PATH (apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=app_server.CHROMIUM_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def app_url(browser: Browser, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The address of the running app, one for all workers; afterwards its log must hold no traceback."""
    folder = tmp_path_factory.getbasetemp()
    with app_server.shared_app(folder if worker_id == "master" else folder.parent) as url:
        yield url


def _window(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=DESKTOP, accept_downloads=True)
    opened.set_default_timeout(WAIT_MILLISECONDS)
    opened.add_init_script(FOLDS_OPEN_AT_ONCE)
    yield opened
    opened.close()


window = pytest.fixture(_window, scope="session", name="window")
other_window = pytest.fixture(_window, scope="session", name="other_window")


def _tab(window: BrowserContext) -> Iterator[Page]:
    """The window's tab. A new one would compile the app's five megabytes of scripts anew: four times the work of a page.

    Whatever a test does, no request may leave this machine, not even for the icon in the tab, which only the browser asks for.
    """
    from playwright.sync_api import Error

    tab, asked = window.pages[0] if window.pages else window.new_page(), list[str]()

    def hear(request: Request) -> None:
        asked.append(request.url)

    tab.on("request", hear)
    yield tab
    try:
        if tab.url.startswith("http"):
            asked += tab.evaluate("[...document.querySelectorAll('link')].map(link => link.href)")
            tab.evaluate("localStorage.clear(); sessionStorage.clear()")
        tab.remove_listener("request", hear)
        tab.goto("about:blank")
        tab.set_viewport_size(DESKTOP)
        tab.emulate_media(color_scheme="null")
        window.clear_cookies()
    except Error:  # it has crashed, and the next test gets another
        tab.close()
    outside = {url for url in asked if urlsplit(url).hostname not in (None, "127.0.0.1", "localhost")}
    assert not outside


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """An empty tab in a desktop window."""
    yield from _tab(window)


@pytest.fixture
def other(other_window: BrowserContext) -> Iterator[Page]:
    """A tab of another browser, which shares nothing with the first."""
    yield from _tab(other_window)
