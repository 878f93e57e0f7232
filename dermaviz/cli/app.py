"""The command line: `dermaviz app`, which opens the dashboard from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import typer

from dermaviz.errors import DermaVizError

PACKAGE = Path(__file__).parents[1]


def app_script() -> Path:
    """Streamlit's entry file: inside an installed package, or beside the package in a clone.

    Raises:
        DermaVizError: neither is there.
    """
    for script in (PACKAGE / "shipped" / "app.py", PACKAGE.parent / "app.py"):
        if script.is_file():
            return script
    raise DermaVizError(
        f"expected the app beside {PACKAGE}, found none. Install the wheel, or clone the whole repository."
    )


def open_app(context: typer.Context) -> None:
    """Open the dashboard in a browser; further options go to Streamlit, such as --server.port 8502."""
    command = [sys.executable, "-m", "streamlit", "run", str(app_script()), *context.args]
    if os.name == "posix":  # this process becomes the server, so that whatever ends it ends the server
        os.execv(sys.executable, command)
    try:
        raise typer.Exit(subprocess.call(command))
    except KeyboardInterrupt:  # Ctrl+C is how one leaves; Streamlit has said goodbye itself
        raise typer.Exit(0) from None
