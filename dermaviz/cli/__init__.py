"""The command line, `dermaviz app | import | predict | explain | audit | report | …`. Imports wait for their command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

import typer

from dermaviz import __version__
from dermaviz.cli import checkpoints, data, doctor, evidence
from dermaviz.errors import DermaVizError
from dermaviz.plugins import added

PACKAGE = Path(__file__).parents[1]
OUR_MISTAKE = 70
"""Exit code of what no command should meet; sysexits.h calls it EX_SOFTWARE."""
app = typer.Typer(
    name="dermaviz",
    help="What a skin-lesion classifier says, looks at, is fooled by, and for whom it fails. Educational; not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@app.command("app", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def open_app(context: typer.Context) -> None:
    """Open the dashboard in a browser; further options go to Streamlit, such as --server.port 8502."""
    command = [sys.executable, "-m", "streamlit", "run", str(app_script()), *context.args]
    if os.name == "posix":  # this process becomes the server, so that whatever ends it ends the server
        os.execv(sys.executable, command)
    try:
        raise typer.Exit(subprocess.call(command))
    except KeyboardInterrupt:  # Ctrl+C is how one leaves; Streamlit has said goodbye itself
        raise typer.Exit(0) from None


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


app.add_typer(data.app, name="data")
app.command("import")(checkpoints.import_model)
app.command("train")(checkpoints.train)
app.command("evaluate")(checkpoints.evaluate)
app.command("audit")(evidence.audit)
app.command("rebuild")(evidence.rebuild)
app.command("report")(checkpoints.report)
app.command("ood")(checkpoints.out_of_distribution)
app.command("gate", hidden=True)(checkpoints.out_of_distribution)  # its name before 1.0
app.command("explain")(checkpoints.explain_photos)
app.command("predict")(checkpoints.predict)
app.command("doctor")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dermaviz {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
) -> None:
    """Options before the command."""


@cache
def add_plugins() -> None:
    """Add the commands of studies and other packages; a name of two words goes into the group of the first."""
    groups = {info.name: info.typer_instance or app for info in app.registered_groups}
    for name, command in added("command").items():
        group, _, own = name.rpartition(" ")
        (groups[group] if group else app).command(own)(command)


def main() -> None:
    """Run the command line; an error is one sentence on stderr. Exit code 2 if a user can act on it, 70 if it is our mistake."""
    for stream in (sys.stdout, sys.stderr):  # names of files may be no UTF-8
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        add_plugins()
        app()
    except DermaVizError as error:
        _end(str(error))
    except (OSError, MemoryError) as error:
        where = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
        _end(
            f"expected room, and files that can be read and written, found: {getattr(error, 'strerror', '') or error!r}{where}. "
            "Make room, check permissions, or choose another place."
        )
    except Exception as error:
        if os.environ.get("DERMAVIZ_TRACEBACK"):
            raise
        _end(
            f"met something that it did not expect ({type(error).__name__}: {str(error)[:300]}). Please report it with what "
            "the same command says under DERMAVIZ_TRACEBACK=1.",
            OUR_MISTAKE,
        )


def _end(sentence: str, code: int = 2) -> NoReturn:
    with suppress(OSError):  # a full disk may be where messages go
        typer.echo(f"dermaviz: {sentence}", err=True)
    sys.exit(code)
