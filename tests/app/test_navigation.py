"""Only pages that exist are linked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dermaviz.app.frame import PAGES, Entry

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.title)
def test_a_linked_page_exists_and_asks_a_question(entry: Entry) -> None:
    assert (ROOT / entry.file).is_file()
    assert entry.question.endswith("?")


def test_every_page_is_linked() -> None:
    files = {"app.py", *(str(path.relative_to(ROOT)) for path in (ROOT / "pages").glob("*.py"))}
    assert {entry.file for entry in PAGES} == files
