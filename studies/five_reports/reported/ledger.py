"""The ledger of claims: every figure as printed, the images that it is of, and the statements that rest on the figures."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from dermaviz.errors import LedgerError
from dermaviz.io import read_yaml
from dermaviz.metrics.printed import Printed, parse_printed

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "auc": "ROC AUC",
        "macro_f1": "macro F1",
        "micro_precision": "micro-averaged precision",
        "micro_recall": "micro-averaged recall",
        "micro_f1": "micro-averaged F1",
        "weighted_precision": "weighted precision",
        "weighted_recall": "weighted recall",
        "weighted_f1": "weighted F1",
        "called": "share of a class called another",
        "share": "share of the photos",
        "photos": "photos",
        "layers": "layers",
        "parameters": "parameters",
        "side": "side of the feature maps",
        "outputs": "outputs",
    }
)
"""What a figure measures, as the ledger writes it, and in words."""


@dataclass(frozen=True)
class Sample:
    """The photos that figures are of: how many, where known, and their classes.

    ``counts`` are those of these very photos if they add up to ``n``; else only their shares are meant. ``positive`` is
    the class that precision and recall look for, where there are two. ``source`` says how all this is known.
    """

    name: str
    what: str
    n: int | None
    counts: Mapping[str, int] = field(hash=False)
    positive: str
    source: str

    @property
    def exact(self) -> bool:
        """Whether the classes were counted on these very photos."""
        return self.n is not None and sum(self.counts.values()) == self.n

    @property
    def shares(self) -> Mapping[str, Fraction]:
        """The share of each class; empty where it is unknown."""
        whole = sum(self.counts.values())
        return {name: Fraction(count, whole) for name, count in self.counts.items()}

    @property
    def commonest(self) -> str:
        """The commonest class; "" where the classes are unknown."""
        return max(self.counts, key=self.counts.__getitem__, default="")

    @property
    def prevalence(self) -> Fraction | None:
        """The share of the positive class, where there is one."""
        return self.shares.get(self.positive)


@dataclass(frozen=True)
class Claim:
    """One printed figure: ``row`` names the run it belongs to, ``label`` the class it is of ("" for all)."""

    id: str
    report: str
    where: str
    row: str
    model: str
    setting: str
    metric: str
    label: str
    printed: Printed
    sample: Sample | None

    @property
    def n(self) -> int | None:
        """The number of photos behind it, of its class if it is of one; None where unknown."""
        if self.printed.n is not None or self.sample is None:
            return self.printed.n
        if not self.label:
            return self.sample.n
        return self.sample.counts.get(self.label) if self.sample.exact else None


@dataclass(frozen=True)
class Statement:
    """A claim in words: ``kind`` is how it is checked (``statements.KINDS``), ``facts`` are what the check goes by."""

    id: str
    report: str
    where: str
    says: str
    kind: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """One of the reports: what lists call it, what it did in a few lines, the photos, the figures and the statements."""

    name: str
    label: str
    title: str
    authors: str
    did: tuple[str, ...]
    samples: Mapping[str, Sample]
    claims: tuple[Claim, ...]
    statements: tuple[Statement, ...]

    @cached_property
    def rows(self) -> Mapping[str, Mapping[tuple[str, str], Claim]]:
        """The figures of each run, by metric and class."""
        found: dict[str, dict[tuple[str, str], Claim]] = {}
        for claim in self.claims:
            found.setdefault(claim.row, {})[claim.metric, claim.label] = claim
        return found

    def claim(self, reference: str) -> Claim:
        """The claim of a reference such as ``table-1/resnet-18/accuracy``.

        Raises:
            LedgerError: there is none.
        """
        return self.matching(reference)[0]

    def matching(self, pattern: str) -> tuple[Claim, ...]:
        """The claims of a reference in which ``*`` stands for anything, in the order of the ledger.

        Raises:
            LedgerError: there is none.
        """
        wanted = f"{self.name}/{pattern}"
        found = tuple(claim for claim in self.claims if fnmatchcase(claim.id, wanted))
        if found:
            return found
        near = difflib.get_close_matches(wanted, [claim.id for claim in self.claims], n=1)
        hint = f"did you mean {near[0]}?" if near else "it has none that looks like it."
        raise LedgerError(f"expected a figure {wanted!r} in the ledger, found none; {hint}")

    def several(self, patterns: str) -> tuple[Claim, ...]:
        """The claims of several references, with spaces between them, each once.

        Raises:
            LedgerError: one has none.
        """
        return tuple({claim.id: claim for pattern in patterns.split() for claim in self.matching(pattern)}.values())


Ledger = Mapping[str, Report]
"""The reports by name, in the order of the file."""


_SETTINGS = ("model", "setting", "sample")


def ledger_path() -> Path:
    """``claims.yaml`` in ``$DERMAVIZ_RESULTS``, else in ``results/`` beside the package."""
    given = os.environ.get("DERMAVIZ_RESULTS")
    return (Path(given) if given else Path(__file__).parents[1] / "results") / "claims.yaml"


def read_ledger(path: Path) -> Ledger:
    """Read the ledger; every scalar is taken as text, so that 0.50 keeps its last digit.

    Raises:
        LedgerError: the file is absent or no YAML mapping, a key is absent, unknown or twice there, or a figure is none.
    """
    remedy = "Clone the whole repository, or set DERMAVIZ_RESULTS to a folder that holds claims.yaml."
    content = read_yaml(path, "the ledger of claims", error=LedgerError, remedy=remedy, loader=_TextLoader)
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
