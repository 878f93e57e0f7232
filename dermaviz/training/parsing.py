"""Training: YAML values become frozen dataclasses; every mistake is named by its dotted key, with what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dermaviz.errors import RecipeError


def parse(kind: Any, value: Any, where: str = "", *, top: Any = None) -> Any:
    """Convert a YAML value to ``kind``.

    Args:
        kind: a dataclass, a type, a ``Literal`` or a tuple of these.
        value: what YAML gave.
        where: its dotted name in messages.
        top: the dataclass of the whole file, whose keys are offered where one stands at the wrong level.

    Raises:
        RecipeError: a key is unknown or absent, or a value has the wrong type or range.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        return _parse_fields(kind, value, where, top or kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value in arguments:
            return value
        choices = ", ".join(str(choice) or '""' for choice in arguments)
        raise RecipeError(f"{where}: expected one of {choices}, found {value!r}.")
    if origin is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where}: expected a list, found {value!r}.")
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise RecipeError(f"{where}: expected {len(arguments)} values, found {value!r}.")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        parts = enumerate(zip(kinds, value, strict=True))
        return tuple(parse(k, v, f"{where}[{i}]", top=top) for i, (k, v) in parts)
    return _parse_plain(kind, value, where)


def _parse_plain(kind: type, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)  # YAML 1.1 reads 1e-3 as text
        except ValueError:
            pass
    elif type(value) is kind:
        return value
    raise RecipeError(f"{where}: expected {kind.__name__}, found {value!r}.")


def _parse_fields(kind: Any, value: Any, where: str, top: Any) -> Any:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where or 'recipe'}: expected keys and values, found {value!r}.")
    hints = get_type_hints(kind)
    prefix = f"{where}." if where else ""
    for key in value:
        if key not in hints:
            raise RecipeError(f"{prefix}{key}: no such key; {_nearest(str(key), kind, prefix, top)}")
    absent = [f.name for f in fields(kind) if f.default is f.default_factory is MISSING and f.name not in value]
    if absent:
        raise RecipeError(
            f"{where or 'recipe'}: expected the key {absent[0]}, found only {', '.join(value) or 'none'}."
        )
    return kind(**{key: parse(hints[key], item, f"{prefix}{key}", top=top) for key, item in value.items()})


def _nearest(key: str, kind: Any, prefix: str, top: Any) -> str:
    """A hint: the key of this level that looks most alike, else one of another level, else all of this level."""
    names = [f.name for f in fields(kind)]
    near = difflib.get_close_matches(key, names, n=1)
    if near:
        return f"did you mean {prefix}{near[0]}?"
    elsewhere = {dotted.rpartition(".")[2]: dotted for dotted in _dotted_names(top)}
    near = difflib.get_close_matches(key, elsewhere, n=1, cutoff=0.75)
    if near:
        return f"did you mean {elsewhere[near[0]]}?"
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.4)
    return f"did you mean {prefix}{near[0]}?" if near else f"valid keys: {', '.join(names)}."


def _dotted_names(kind: Any, prefix: str = "") -> list[str]:
    """Names of all keys at and below ``kind``."""
    found = []
    for name, hint in get_type_hints(kind).items():
        found.append(f"{prefix}{name}")
        for part in (hint, *get_args(hint)):
            if is_dataclass(part):
                found += _dotted_names(part, f"{prefix}{name}.")
    return found
