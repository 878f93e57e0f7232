"""Schemas: frozen dataclasses that pydantic checks, with messages in our own form. Recipes, cards and settings are such."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, TypeVar, cast, dataclass_transform, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Strict, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import PydanticCustomError

from dermaviz.errors import DermaVizError

T = TypeVar("T")
Whole = Annotated[int, Strict()]
"""A whole number; neither a fraction nor text nor true."""
Flag = Annotated[bool, Strict()]
"""True or false; neither 0 nor "yes"."""
Number = Annotated[float, BeforeValidator(lambda value: _number(value)), Strict()]
"""A number. One that YAML 1.1 leaves as text, 1e-3, is one as well."""


def within(low: float, high: float = math.inf) -> AfterValidator:
    """The range of a :data:`Whole` or :data:`Number`, both ends included; NaN and ∞ are outside of every range."""
    expected = f"{low:,} or more" if high == math.inf else f"{low:,} to {high:,}"

    def check(value: float) -> float:
        if not (low <= value <= high and abs(value) != math.inf):
            raise PydanticCustomError("range", expected)
        return value

    return AfterValidator(check)


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def validated(error: type[DermaVizError], label: str) -> Callable[[type[T]], type[T]]:
    """Make a frozen dataclass whose values pydantic checks whenever one is made, from keywords or from a file's content.

    Nested mappings become nested dataclasses and lists tuples. ``label`` is what messages call the whole of it.

    Raises:
        DermaVizError: ``error``, when one is made with a key or a value that means nothing; the message names the dotted
            key, what was expected and what was found.
    """

    def decorate(plain: type[T]) -> type[T]:
        kind: Any = pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))(plain)
        construct = kind.__init__

        @functools.wraps(construct)
        def checked(self: Any, *args: Any, **values: Any) -> None:
            try:
                construct(self, *args, **values)
            except ValidationError as failure:
                raise error(_first_mistake(kind, label, failure)) from None

        kind.__init__ = checked
        kind.__label__, kind.__error__ = label, error
        return cast("type[T]", kind)

    return decorate


def build(kind: type[T], content: object) -> T:
    """A :func:`validated` dataclass from a file's content.

    Raises:
        DermaVizError: the class's own kind of error; ``content`` is no mapping, or as :func:`validated`.
    """
    named: Any = kind
    if not isinstance(content, Mapping):
        raise named.__error__(f"{named.__label__}: expected keys and values, found {_shown(content)}.")
    return kind(**{str(key): value for key, value in content.items()})


def _number(value: object) -> object:
    with suppress(ValueError):
        return float(value) if isinstance(value, str) else value
    return value


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "dict": "keys and values",
    "dataclass": "keys and values",
}


def _first_mistake(kind: Any, label: str, failure: ValidationError) -> str:
    """The one mistake to tell of: an unknown key before an absent one, either before a value."""
    order = {"unexpected_keyword_argument": 0, "missing": 1}
    mistake = min(failure.errors(include_url=False), key=lambda found: order.get(found["type"], 2))
    place, found, type_ = mistake["loc"], mistake["input"], mistake["type"]
    where, key = _dotted(place), str(place[-1]) if place else ""
    if type_ == "unexpected_keyword_argument":
        return f"{where}: no such key; {_nearest(key, _kind_at(kind, place[:-1]), _dotted(place[:-1]), kind)}"
    if type_ in ("missing", "too_long") and get_origin(
        within_ := _kind_at(kind, place[: -(type_ == "missing") or None])
    ):
        whole = _dotted(place[:-1]) if type_ == "missing" else where
        return f"{whole}: expected {len(get_args(within_))} values, found {_shown(found)}."
    if type_ == "missing":
        given = ", ".join(map(str, getattr(found, "kwargs", found) or ())) or "none"
        return f"{_dotted(place[:-1]) or label}: expected the key {key}, found only {given}."
    if type_ == "literal_error":
        choices = re.findall(r"'([^']*)'", mistake["ctx"]["expected"])
        expected = f"one of {', '.join(choice or chr(34) * 2 for choice in choices)}"
    elif type_ in ("range", "value_error"):
        expected = str(mistake["ctx"]["error"]) if type_ == "value_error" else mistake["msg"]
    elif type_ == "too_short":
        expected = f"{mistake['ctx']['min_length']} or more values"
    else:
        expected = _KINDS.get(type_.split("_")[0], mistake["msg"])
    return f"{where}: expected {expected}, found {_shown(found)}."


def _shown(value: object) -> str:
    with suppress(ValueError):  # a whole number of more than 4,300 digits cannot be shown
        text = repr(value)
        return text if len(text) <= 200 else f"{text[:200]}…"
    return "a number of thousands of digits"


def _dotted(place: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _kind_at(kind: Any, place: Sequence[int | str]) -> Any:
    """The type of the value at a place below a dataclass; of a list's entries, that of the first."""
    for part in place:
        kind = get_args(kind)[0] if isinstance(part, int) else get_type_hints(kind)[part]
        kind = get_args(kind)[0] if type(None) in get_args(kind) else kind  # a key that may also be left empty
    return kind


def _nearest(key: str, kind: Any, where: str, top: Any) -> str:
    """A hint: the key of this level that looks most alike, else one of another level, else all of this level."""
    prefix, names = f"{where}." if where else "", [field.name for field in dataclasses.fields(kind)]
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
            if dataclasses.is_dataclass(part):
                found += _dotted_names(part, f"{prefix}{name}.")
    return found
