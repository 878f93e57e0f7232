"""Rooms import strictly downward, only the app knows Streamlit, and the library never knows its studies.

The contracts stand in ``pyproject.toml``; import-linter reads the whole graph, imports inside functions too.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_import_keeps_the_contracts() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert "Contracts:" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout[-3000:]
