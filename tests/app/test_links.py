"""Links with parameters that mean nothing: the usual choice is shown, with a note, and no page meets what it did not expect."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "app.py"
KEPT = (7227,)
"""Seeds at which a page once failed."""


def _links() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_links", Path(__file__).parents[1] / "fuzz" / "links.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_hostile_links_open_the_page(no_data: None) -> None:
    fuzz = _links()
    assert [one for one in fuzz.hostile([*KEPT, *range(8)]) if one[-1]] == []


@pytest.mark.parametrize(
    ("page", "name", "value", "noted"),
    [
        ("pages/3_Robustness.py", "part", "zz", True),
        ("pages/3_Robustness.py", "part", "The test set", False),
        ("pages/1_Classify.py", "opacity", "1e400", True),
        ("pages/3_Robustness.py", "noise_seed", "-inf", True),
        ("pages/1_Classify.py", "nobody_knows", "1", False),
        ("pages/2_Confusion.py", "data", "nowhere/test", True),
        ("pages/2_Confusion.py", "data", "isic-uda1/test", False),
        ("pages/2_Confusion.py", "checkpoint", "gone", True),
        ("pages/3_Robustness.py", "epsilon", "3e-3 = 0.765/255 (as reported)", False),  # as links once named it
    ],
)
def test_what_is_not_offered_is_noted(no_data: None, page: str, name: str, value: str, noted: bool) -> None:
    app = AppTest.from_file(str(APP), default_timeout=120).switch_page(page)
    app.query_params[name] = value
    app.run()
    notes = [caption.value for caption in app.caption if "Not offered here" in caption.value]
    assert bool(notes) is noted
    assert all(f"{name} = {value}" in note for note in notes)
    assert not any("Not offered here" in caption.value for caption in app.run().caption)
