"""The command line, `dermaviz data | train | evaluate | audit | reproduce | gate | …`. Imports wait for their command."""

from __future__ import annotations

import sys

import typer

from dermaviz import __version__
from dermaviz.cli import app as dashboard
from dermaviz.cli import audit, data, doctor, photos
from dermaviz.cli import checkpoints as gate
from dermaviz.cli import checkpoints as training
from dermaviz.errors import DermaVizError
from studies.drawn_lesions import cli as realism
from studies.five_reports import cli as reproduction

app = typer.Typer(
    name="dermaviz",
    help="What a skin-lesion classifier says, looks at, is fooled by, and for whom it fails. Educational; not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("app", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dashboard.open_app)
data.app.command("compare")(realism.compare)
app.add_typer(data.app, name="data")
app.command("train")(training.train)
app.command("evaluate")(training.evaluate)
app.command("audit")(audit.audit)
app.command("reproduce")(reproduction.reproduce)
app.command("gate")(gate.gate)
app.command("explain")(photos.explain_photos)
app.command("predict")(photos.predict)
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


def main() -> None:
    """Run the command line; an error that a user can act on is one sentence on stderr and exit code 2."""
    try:
        app()
    except DermaVizError as error:
        typer.echo(f"dermaviz: {error}", err=True)
        sys.exit(2)
