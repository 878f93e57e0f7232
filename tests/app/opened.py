"""A page as it stands after its first run, and what it shows: what the tests of all pages open and read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
SECONDS = 240


def open_page(page: str, /, **query: str | list[str]) -> AppTest:
    """A page (``app.py`` or ``pages/…``) after its first run, opened by a link with these selections."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
    if page != "app.py":
        app.switch_page(page)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def text(app: AppTest, kinds: Sequence[str] = ("subheader", "markdown", "caption")) -> str:
    """What the elements of these kinds say, a line each."""
    return "\n".join(element.value for kind in kinds for element in app.get(kind))


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The Plotly figures of a page, in order."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def percent(share: float) -> str:
    """A share as pages write it."""
    return f"{share:.0%}"
