"""Checked dataclasses: made from keywords as from files, nested, replaced, and refused with the dotted key."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import pytest

from dermaviz.errors import RecipeError
from dermaviz.schema import Flag, Number, Whole, build, validated, within


@validated(RecipeError, "inner")
class Inner:
    sizes: tuple[Annotated[Whole, within(1, 9)], ...] = (1,)
    share: Annotated[Number, within(0, 1)] = 0.5


@validated(RecipeError, "outer")
class Outer:
    name: str
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    kind: Literal["", "a"] = ""
    flag: Flag = False


def test_keywords_and_a_file_make_the_same() -> None:
    made = Outer("x", Inner((2, 3), 1), (Inner(),), "a", True)
    content = {"name": "x", "inner": {"sizes": [2, 3], "share": 1}, "many": [{}], "kind": "a", "flag": True}
    assert made == build(Outer, content)
    assert asdict(made)["inner"] == {"sizes": (2, 3), "share": 1.0}
    assert replace(made, name="y").name == "y"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, r"outer: expected the key name, found only none\."),
        ({"name": "x", "inner": {"size": 1}}, r"inner\.size: no such key; did you mean inner\.sizes\?"),
        ({"name": "x", "share": 1}, r"share: no such key; did you mean many\.share\?"),
        ({"name": "x", "inner": {"sizes": [1, 10]}}, r"inner\.sizes\[1\]: expected 1 to 9, found 10\."),
        ({"name": "x", "many": [{"share": "nan"}]}, r"many\[0\]\.share: expected 0 to 1, found 'nan'\."),
        ({"name": "x", "many": {"share": 1}}, r"many: expected a list, found \{'share': 1\}\."),
        ({"name": "x", "kind": "b"}, r'kind: expected one of "", a, found .b.\.'),
        ({"name": "x", "flag": 0}, r"flag: expected true or false, found 0\."),
        ({"name": "x" * 5000, "flag": "y" * 5000}, r"flag: expected true or false, found 'y{199}…\."),
        (["name"], r"outer: expected keys and values, found \['name'\]\."),
        ({1: 2, "name": "x"}, r"1: no such key; valid keys: name, inner, many, kind, flag\."),
    ],
)
def test_a_mistake_is_named_with_its_place(content: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=rf"^{message}$"):
        build(Outer, content)


def test_a_replaced_value_is_checked_too() -> None:
    with pytest.raises(RecipeError, match=r"share: expected 0 to 1, found 2"):
        replace(Inner(), share=2)
