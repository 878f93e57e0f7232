"""Evaluation: reads the ledger of claims from YAML and validates it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from dermaviz.errors import LedgerError
from dermaviz.evaluation.reported.ledger import METRICS, Claim, Ledger, Report, Sample, Statement
from dermaviz.evaluation.reported.printed import Printed, parse_printed

_SETTINGS = ("model", "setting", "sample")


def ledger_path() -> Path:
    """``claims.yaml`` in ``$DERMAVIZ_RESULTS``, else in ``results/`` beside the package."""
    given = os.environ.get("DERMAVIZ_RESULTS")
    return (Path(given) if given else Path(__file__).parents[3] / "results") / "claims.yaml"


def read_ledger(path: Path) -> Ledger:
    """Read the ledger; every scalar is taken as text, so that 0.50 keeps its last digit.

    Raises:
        LedgerError: the file is absent or no YAML mapping, a key is absent, unknown or twice there, or a figure is none.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_TextLoader)  # it makes text, lists and dicts only
    except FileNotFoundError as error:
        raise LedgerError(
            f"expected the ledger of claims at {path}, found no file. Clone the whole repository, or set DERMAVIZ_RESULTS "
            "to a folder that holds claims.yaml."
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LedgerError(f"{path}: expected YAML, found text that is not: {error}") from error
    try:
        return MappingProxyType({name: _report(name, facts) for name, facts in _mapping(content, "the ledger").items()})
    except LedgerError as error:
        raise LedgerError(f"{path}: {error}") from error


class _TextLoader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """Leaves every scalar as text, and refuses a key that is there twice: the first would vanish without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise LedgerError(f"expected each key once, found {twice!r} twice{node.start_mark}. Give one another name.")
        return super().construct_mapping(node, deep)


def _report(name: str, facts: Any) -> Report:
    read = _keys(facts, name, ("label", "title", "authors", "did", "samples", "tables", "statements"))
    samples = {
        key: _sample(key, value, f"{name}.samples.{key}") for key, value in _mapping(read["samples"], name).items()
    }
    claims: list[Claim] = []
    for key, table in _mapping(read["tables"], f"{name}.tables").items():
        claims += _table(name, key, table, samples)
    statements = tuple(
        _statement(name, key, value) for key, value in _mapping(read["statements"], f"{name}.statements").items()
    )
    return Report(
        name, read["label"], read["title"], read["authors"], tuple(read["did"]), samples, tuple(claims), statements
    )


def _sample(name: str, facts: Any, where: str) -> Sample:
    read = _keys(facts, where, ("what", "source"), ("n", "counts", "positive"))
    counts = {label: _whole(value, f"{where}.counts.{label}") for label, value in read.get("counts", {}).items()}
    positive = read.get("positive", "")
    if positive and positive not in counts:
        raise LedgerError(f"{where}.positive: expected one of {', '.join(counts) or 'the counts'}, found {positive!r}.")
    n = _whole(read["n"], f"{where}.n") if "n" in read else None
    return Sample(name, read["what"], n, MappingProxyType(counts), positive, read["source"])


def _table(report: str, key: str, facts: Any, samples: Mapping[str, Sample]) -> Iterable[Claim]:
    at = f"{report}.tables.{key}"
    table = _keys(facts, at, ("where", "rows"), _SETTINGS)
    for row, figures in _mapping(table["rows"], f"{at}.rows").items():
        settings = {name: figures.get(name, table.get(name, "")) for name in _SETTINGS}
        if settings["sample"] and settings["sample"] not in samples:
            raise LedgerError(f"{at}.{row}: expected a sample of {', '.join(samples)}, found {settings['sample']!r}.")
        for metric in (name for name in figures if name not in _SETTINGS):
            if metric not in METRICS:
                near = difflib.get_close_matches(metric, METRICS, n=1)
                raise LedgerError(f"{at}.{row}.{metric}: no such metric; {_hint(near, METRICS)}")
            by_class = figures[metric] if isinstance(figures[metric], Mapping) else {"": figures[metric]}
            for label, text in by_class.items():
                place = "/".join(filter(None, (report, key, row, metric, label)))
                yield Claim(
                    place, report, table["where"], f"{report}/{key}/{row}", settings["model"], settings["setting"], metric,
                    label, _figure(text, place), samples.get(settings["sample"]),
                )  # fmt: skip


def _statement(report: str, key: str, facts: Any) -> Statement:
    read = dict(_mapping(facts, f"{report}.statements.{key}"))
    missing = [name for name in ("where", "says", "kind") if name not in read]
    if missing:
        raise LedgerError(f"{report}.statements.{key}: expected the key {missing[0]}, found only {', '.join(read)}.")
    where, says, kind = (read.pop(name) for name in ("where", "says", "kind"))
    return Statement(f"{report}/{key}", report, where, says, kind, MappingProxyType(read))


def _figure(text: Any, where: str) -> Printed:
    try:
        return parse_printed(text if isinstance(text, str) else repr(text))
    except LedgerError as error:
        raise LedgerError(f"{where}: {error}") from error


def _whole(text: Any, where: str) -> int:
    if isinstance(text, str) and text.isdecimal():
        return int(text)
    raise LedgerError(f"{where}: expected a whole number of photos, found {text!r}. Write it in digits only.")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise LedgerError(f"{where}: expected keys and values, found {value!r}. Look at its neighbours for the form.")


def _keys(value: Any, where: str, needed: tuple[str, ...], more: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The value with just these keys, ``needed`` and perhaps ``more``."""
    read = _mapping(value, where)
    for key in needed:
        if key not in read:
            raise LedgerError(f"{where}: expected the key {key}, found only {', '.join(read) or 'none'}. Add it.")
    for key in read:
        if key not in (*needed, *more):
            near = difflib.get_close_matches(key, (*needed, *more), n=1)
            raise LedgerError(f"{where}.{key}: no such key; {_hint(near, (*needed, *more))}")
    return read


def _hint(near: list[str], names: Iterable[str]) -> str:
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}."
