"""What a server imports ahead of its pages."""

from __future__ import annotations

import subprocess
import sys

from dermaviz.app.frame import HEAVY, import_ahead

LOADED = f"""
import sys
from dermaviz.app.frame import import_ahead
before = [name for name in {HEAVY!r} if name in sys.modules]
import_ahead().join(60)
print(before, [name for name in {HEAVY!r} if name not in sys.modules], "torch" in sys.modules)
"""


def test_all_of_it_is_loaded_by_the_thread_and_no_torch() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=120)

    assert told.stdout.split() == ["[]", "[]", "False"]


def test_one_thread_serves_all_sessions() -> None:
    assert import_ahead() is import_ahead()
