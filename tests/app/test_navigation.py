"""Every page is one row of the registry, its entry file, and one function."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dermaviz.app.pages import PAGES, Page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_a_linked_page_exists_asks_a_question_and_is_called_by_its_file(page: Page) -> None:
    assert f'show_page("{page.title}")' in (ROOT / page.file).read_text(encoding="utf-8")
    assert page.question.endswith("?")
    module, _, function = page.show.partition(":")
    assert callable(getattr(import_module(module), function))


def test_every_page_is_linked() -> None:
    files = {"app.py", *(str(path.relative_to(ROOT)) for path in (ROOT / "pages").glob("*.py"))}
    assert {page.file for page in PAGES} == files


def show_extra() -> None:
    """The content of a page that only this test has."""
    st.markdown("Something new.")


def test_a_row_and_a_function_make_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = Page("pages/1_Extra.py", "Extra", ":material/add:", "What is new?", f"{__name__}:show_extra")
    monkeypatch.setattr("dermaviz.app.frame.PAGES", (PAGES[0], extra))
    for reader in ("bar", "link"):
        monkeypatch.setattr(f"dermaviz.app.{reader}.PAGES", (PAGES[0], extra))
    (tmp_path / "pages").mkdir()
    for file, title in (("app.py", "Home"), (extra.file, "Extra")):
        code = f"from dermaviz.app.frame import show_page\nshow_page({title!r})\n"
        (tmp_path / file).write_text(code, encoding="utf-8")
    app = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=120).run()
    app.switch_page(extra.file).run()
    assert app.title[0].value == "What is new?"
    assert "Something new." in [markdown.value for markdown in app.markdown]
    assert [link.proto.label for link in app.get("page_link")][:2] == ["Home", "Extra"]
