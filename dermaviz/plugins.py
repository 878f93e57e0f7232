"""What studies and other packages add to the library: families of networks, questions to a data set, commands.

A plugin is a function that calls :func:`add` for each of them. It is named in the entry-point group ``dermaviz.plugins``, or
it is ``register`` in ``studies/NAME/plugin.py`` beside the package, which needs no installation. Plugins load when something is
asked for that the library lacks. What they add is written as ``module:name`` and imported only when it is used.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

Kind = Literal["networks", "task", "command"]
"""``networks``: a :class:`~dermaviz.models.specs.Family`. ``task``: a :class:`~dermaviz.data.selection.Task`.
``command``: a function for Typer; its name may begin with that of a group, as in ``data compare``."""

GROUP = "dermaviz.plugins"
_ADDED: dict[tuple[Kind, str], str] = {}


def add(kind: Kind, name: str, where: str) -> None:
    """Add something to the library; ``where`` is ``module:name``. The same name again replaces it."""
    _ADDED[kind, name] = where


def added(kind: Kind) -> dict[str, Any]:
    """Everything of a kind that plugins have added, by name."""
    missing_plugins()
    return {name: _imported(where) for (of, name), where in _ADDED.items() if of == kind}


@cache
def missing_plugins() -> tuple[str, ...]:
    """Load the plugins, once; the names of those that cannot be imported: an installed wheel has no studies."""
    beside = (Path(__file__).parents[1] / "studies").glob("*/plugin.py")
    found = {path.parent.name: f"studies.{path.parent.name}.plugin:register" for path in sorted(beside)}
    found |= {point.name: point.value for point in entry_points(group=GROUP)}
    missing = []
    for name, where in found.items():
        try:
            _imported(where)()
        except ImportError:
            missing.append(name)
    return tuple(missing)


def _imported(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)
