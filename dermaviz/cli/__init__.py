"""The command line, `dermaviz app | import | predict | explain | audit | report | …`. Imports wait for their command."""

from __future__ import annotations

import sys
from functools import cache

import typer

from dermaviz import __version__
from dermaviz.cli import app as dashboard
from dermaviz.cli import audit, checkpoints, data, doctor, photos
from dermaviz.errors import DermaVizError
from dermaviz.plugins import added

app = typer.Typer(
    name="dermaviz",
    help="What a skin-lesion classifier says, looks at, is fooled by, and for whom it fails. Educational; not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("app", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dashboard.open_app)
app.add_typer(data.app, name="data")
app.command("import")(checkpoints.import_model)
app.command("train")(checkpoints.train)
app.command("evaluate")(checkpoints.evaluate)
app.command("audit")(audit.audit)
app.command("report")(checkpoints.report)
app.command("ood")(checkpoints.out_of_distribution)
app.command("gate", hidden=True)(checkpoints.out_of_distribution)  # its name before 1.0
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


@cache
def add_plugins() -> None:
    """Add the commands of studies and other packages; a name of two words goes into the group of the first."""
    groups = {info.name: info.typer_instance or app for info in app.registered_groups}
    for name, command in added("command").items():
        group, _, own = name.rpartition(" ")
        (groups[group] if group else app).command(own)(command)


def main() -> None:
    """Run the command line; an error that a user can act on is one sentence on stderr and exit code 2."""
    add_plugins()
    try:
        app()
    except DermaVizError as error:
        typer.echo(f"dermaviz: {error}", err=True)
        sys.exit(2)
