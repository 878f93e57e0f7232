"""The ledger of claims as the page shows it: read and checked once for all sessions, and told in tables and sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from studies.five_reports.claims.answers import Answers, FigureAnswer
from studies.five_reports.reported.consistency import (
    FAILS,
    HOLDS,
    OPEN,
    STATED,
    Check,
    Outcome,
    constant_of,
    has_constant,
    interval_of,
    named,
)
from studies.five_reports.reported.ledger import METRICS, Claim, Report, ledger_path, read_ledger
from studies.five_reports.reported.statements import report_checks

OUTCOMES: tuple[Outcome, ...] = (FAILS, OPEN, HOLDS)
"""What a check may find, the weightiest first."""
UNCHECKED = "nothing to check it by"
NOTHING_TO_RUN = "nothing to run"
"""In place of a verdict on what no run could confirm: how many photos there are, or how large a feature map is."""
COUNTS = frozenset({"photos", "layers", "parameters", "side", "outputs"})
"""Metrics that are no share, and so have neither an interval nor a constant answer."""
_NO_INTERVAL = (float("nan"), float("nan"))
_NO_ANSWERS = Answers()


@dataclass(frozen=True)
class Book:
    """A report with what the checks find, which is computed when first asked for."""

    report: Report

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """All checks of the report."""
        return report_checks(self.report)


def books() -> Mapping[str, Book]:
    """The reports by name.

    Raises:
        LedgerError: the ledger is missing or cannot be read.
    """
    path = ledger_path()
    return _books(str(path), path.stat().st_mtime_ns if path.is_file() else 0)


@st.cache_resource(max_entries=2, show_spinner=False)
def _books(path: str, _changed: int) -> Mapping[str, Book]:
    return {name: Book(report) for name, report in read_ledger(Path(path)).items()}


def findings(book: Book, outcome: Outcome) -> dict[str, dict[str, list[str]]]:
    """The sentences of the checks with this outcome, by the checks' kind, each with the runs that it is about."""
    claims = {claim.id: claim for claim in book.report.claims}
    found: dict[str, dict[str, list[str]]] = {}
    for check in book.checks:
        if check.outcome == outcome:
            runs = found.setdefault(check.kind, {}).setdefault(check.sentence, [])
            if check.kind != STATED:
                runs.append(named(claims[check.claims[0]]))
    return found


def tally(book: Book) -> dict[Outcome, int]:
    """How many different findings there are of each outcome; one that is printed in several places counts once."""
    return {outcome: sum(map(len, findings(book, outcome).values())) for outcome in OUTCOMES}


def tally_sentence(book: Book) -> str:
    """How many checks hold, as Markdown."""
    counts = tally(book)
    said = f"Of **{sum(counts.values())} checks** that need no training, **{counts[HOLDS]} hold**, **{counts[FAILS]} do not**"
    return f"{said}, and of {counts[OPEN]} it cannot be said." if counts[OPEN] else f"{said}."


def weightiest(book: Book) -> dict[str, tuple[str, str]]:
    """What the checks say of each claim: the weightiest outcome, and the kinds of the checks that it fails."""
    outcomes: dict[str, set[Outcome]] = {claim.id: set() for claim in book.report.claims}
    failed: dict[str, dict[str, None]] = {claim: {} for claim in outcomes}
    for check in book.checks:
        for claim in check.claims if check.outcome == HOLDS else check.blamed:
            outcomes[claim].add(check.outcome)
            if check.outcome == FAILS:
                failed[claim][check.kind] = None
    return {
        claim: (next((outcome for outcome in OUTCOMES if outcome in found), UNCHECKED), "; ".join(failed[claim]))
        for claim, found in outcomes.items()
    }


def claim_table(book: Book, answered: Answers = _NO_ANSWERS) -> pd.DataFrame:
    """A row for each printed figure: as printed, with n, interval, constant answer and what checks say; ours, the verdict.

    What is known of neither is empty.
    """
    said, ours = weightiest(book), {answer.claim: answer for answer in answered.figures_of(book.report.name)}
    rows = []
    for claim in book.report.claims:
        share = claim.metric not in COUNTS
        low, high = interval_of(claim) or _NO_INTERVAL
        rows.append(
            {
                "what": named(claim),
                "figure": figure_words(claim),
                "printed": claim.printed.text,
                "checks": said[claim.id][0],
                "fails": said[claim.id][1],
                "n": claim.n if share else None,
                "low": low,
                "high": high,
                "constant": float(constant_of(claim.metric, claim.sample))
                if has_constant(claim) and claim.sample
                else None,
                "where": claim.where,
                "report": book.report.label,
                "claim": claim.id,
                "metric": claim.metric,
                **_ours(ours.get(claim.id)),
            }
        )
    return pd.DataFrame(rows).astype({"n": "Int64", "our_n": "Int64", "constant": float})


def _ours(known: FigureAnswer | None) -> dict[str, Any]:
    """The columns of our runs; without an answer there is no verdict either."""
    answer = known or FigureAnswer("")
    return {
        "verdict": answer.verdict or (NOTHING_TO_RUN if known else ""),
        "why": answer.why,
        "ours": answer.value,
        "our_low": answer.low,
        "our_high": answer.high,
        "our_constant": answer.constant,
        "our_n": answer.n or None,
        "seeds": len(answer.seeds) or None,
        "data": answer.data,
        "budget": answer.budget,
        "recipe": answer.row,
    }


def figure_words(claim: Claim) -> str:
    """What a claim's figure is: ``F1 (mel)``."""
    return f"{METRICS[claim.metric]} ({claim.label})" if claim.label else METRICS[claim.metric]


def charts(book: Book) -> dict[tuple[str, str], str]:
    """What at least two runs are told in: a metric and a sample's name, with what lists call them, most runs first."""
    counts = Counter((claim.metric, claim.sample) for claim in _charted(book))
    return {
        (metric, sample.name): f"{METRICS[metric]} on {sample.what}"
        for (metric, sample), count in counts.most_common()
        if count > 1 and sample is not None
    }


def run_table(book: Book, metric: str, sample: str, answered: Answers = _NO_ANSWERS) -> pd.DataFrame:
    """A row for each run that tells the metric of a sample, with ours, as ``figures.beside`` draws them, each run once."""
    ours = {answer.claim: answer for answer in answered.figures_of(book.report.name)}
    rows: dict[tuple[str, float, str], dict[str, Any]] = {}
    for claim in _charted(book):
        if claim.metric == metric and claim.sample is not None and claim.sample.name == sample:
            value = float(claim.printed.value)
            low, high = interval_of(claim) or (value, value)
            constant = float(constant_of(metric, claim.sample)) if has_constant(claim) else float("nan")
            row = {
                "label": named(claim), "value": value, "low": low, "high": high, "n": claim.n, "constant": constant,
                "printed": claim.printed.text, **_ours(ours.get(claim.id)),
            }  # fmt: skip
            rows.setdefault((claim.model, value, row["recipe"]), row)
    models = [model for model, _, _ in rows]
    if len(set(models)) == len(models):  # then the model alone tells the runs apart
        for model, row in zip(models, rows.values(), strict=True):
            row["label"] = model
    return pd.DataFrame(list(rows.values())).astype({"n": "Int64", "our_n": "Int64"})


def _charted(book: Book) -> list[Claim]:
    return [
        claim
        for claim in book.report.claims
        if claim.sample is not None and claim.model and not claim.label and claim.metric not in COUNTS
    ]


def run_sentence(table: pd.DataFrame, metric: str) -> str:
    """What the chart of a metric shows, as Markdown."""
    best = table.loc[table["value"].idxmax()]
    said = f"{METRICS[metric][0].upper()}{METRICS[metric][1:]} as printed: highest is **{best['printed']}** ({best['label']})."
    known = table.dropna(subset=["constant"])
    if len(known):
        above = int((known["low"] > known["constant"]).sum())
        said += f" **{above} of {len(known)}** lie above the constant answer with all of their interval."
    if (table["low"] == table["high"]).any():
        said += " A dot without a line: what is printed tells no interval."
    run = table.dropna(subset=["ours"])
    if len(run):
        best = run.loc[run["ours"].idxmax()]
        above = int((run["our_low"] > run["our_constant"]).sum())
        said += (
            f" Ours, on our own test photos: highest is **{best['ours']:.3f}** ({best['label']}); **{above} of "
            f"{len(run)}** lie above the constant answer there."
        )
    return said
