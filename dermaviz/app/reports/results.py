"""What the study of five reports left, read from its files: ``page.json``, and the result, curve and predictions of each run."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import streamlit as st
from pydantic import BaseModel, ValidationError

from dermaviz.app.sessions import Stamps, stamps
from dermaviz.errors import ResultError
from dermaviz.io import file_sha256

PAGE, RESULT = "page.json", "result.json"
Rows = list[dict[str, Any]]
_WHOLE = ("n", "our_n", "seeds", "lesions")
Kind = TypeVar("Kind", bound=BaseModel)
_REMEDY = "Make it again from the finished runs: `dermaviz reproduce all --answers`."


class Chart(BaseModel):
    """A chart: its axis, its rows, and what it shows as Markdown; ``label`` and ``file`` where it is one of several."""

    title: str
    rows: Rows
    told: str
    label: str = ""
    file: str = ""


class Question(BaseModel):
    """A question that a report asks, what the report says, what our runs answer, and the charts of that.

    ``measured`` is the difference that the verdict rests on, ``judged`` what it says of the claim, each in a sentence or two.
    """

    name: str
    asks: str
    says: str
    sentence: str
    verdict: str
    why: str
    measured: str
    judged: str
    note: str
    numbers: list[dict[str, str]]
    rows: Chart | None
    differences: Chart | None
    every_difference: Rows


class Report(BaseModel):
    """All that the page shows of a report; ``folder`` holds its runs."""

    name: str
    folder: str
    label: str
    title: str
    authors: str
    did: list[str]
    note: str
    verdicts: Rows
    checks: str
    findings: dict[str, dict[str, list[str]]]
    figures: Rows
    figures_told: str
    charts: list[Chart]
    statements: Rows
    statements_told: str
    questions: list[Question]
    questions_told: str


class Page(BaseModel):
    """``page.json``. ``rests_on`` has the sha256 of each file behind it, ``meanings`` the verdicts in their order, and what each
    means, ``outcomes`` those of the checks."""

    rests_on: dict[str, str]
    meanings: dict[str, str]
    outcomes: list[str]
    reports: list[Report]
    stale: str = ""
    """Why the verdicts no longer fit the runs, and what to do; "" where they do."""


class Result(BaseModel):
    """``result.json`` of a run: its recipe and data, and its figures on the test images with their intervals."""

    report: str
    row: str
    budget: str
    seed: int
    about: str
    claims: tuple[str, ...]
    deviations: tuple[str, ...]
    settings: dict[str, Any]
    data: dict[str, Any]
    classes: tuple[str, ...]
    malignant: tuple[str, ...]
    kept_epoch: int
    figures: Rows
    under: dict[str, Rows]
    seconds: float
    machine: str
    made: dict[str, str]
    curve_sha256: str
    predictions_sha256: str

    def figure(self, metric: str, label: str = "") -> Mapping[str, Any]:
        """A figure on the test images by its metric's slug, of a class where ``label`` names one."""
        return next(row for row in self.figures if (row["metric"], row["class"]) == (metric, label))


def results_root() -> Path:
    """Where the study's results are: ``$DERMAVIZ_RESULTS``, else ``studies/five_reports/results`` beside the package."""
    given = os.environ.get("DERMAVIZ_RESULTS")
    return Path(given) if given else Path(__file__).parents[3] / "studies" / "five_reports" / "results"


def table_of(rows: Rows) -> pd.DataFrame:
    """Rows as a table: numbers that are not known are NaN, also among those of the seeds; counts stay whole."""
    table = pd.DataFrame(rows)
    if "by_seed" in table:
        table["by_seed"] = [[math.nan if one is None else one for one in values] for values in table["by_seed"]]
    whole = {name: "Int64" for name in _WHOLE if name in table and table[name].isna().any()}
    shares = [name for name in table if name not in _WHOLE and table[name].isna().any()]
    return table.astype({**whole, **dict.fromkeys(shares, float)})


def read_page() -> Page:
    """What the page shows of all reports.

    Raises:
        ResultError: it is not there, as where only the package is installed, or it cannot be read.
    """
    root = results_root()
    behind = stamps([*root.glob(f"reports/*/*/*/{RESULT}"), root / "claims.yaml"])
    return _page(str(root), stamps([root / "reports" / PAGE]), behind)


@st.cache_resource(max_entries=2, show_spinner=False)
def _page(root: str, seen: Stamps, behind: Stamps) -> Page:
    path = Path(root) / "reports" / PAGE
    if not path.is_file():
        raise ResultError(
            f"expected the results of the five reports at {path}, found none. They come with DermaViz's repository, not with the "
            "installed package. Clone it and set DERMAVIZ_RESULTS to its studies/five_reports/results, or make the page with "
            "`dermaviz reproduce all --answers`."
        )
    page = _read(Page, path, _REMEDY)
    now = {}
    for file in (Path(name) for name, *_ in behind):  # a run is named by its folder below reports
        key = file.name if file.parent == Path(root) else str(file.parent.relative_to(path.parent))
        now[key] = file_sha256(file)
    odd = sorted(set(page.rests_on.items()) ^ set(now.items()))
    if not odd:
        return page
    stale = f"{path}: expected verdicts that rest on the files there are, found other ones (the first: {odd[0][0]}). {_REMEDY}"
    return page.model_copy(update={"stale": stale})


def finished(folder: str) -> Mapping[str, tuple[Result, ...]]:
    """The finished runs of a report by row, the fullest budget first, then by seed."""
    return _finished(stamps((results_root() / "reports" / folder).glob(f"*/*/{RESULT}")))


@st.cache_resource(max_entries=8, show_spinner=False)
def _finished(files: Stamps) -> Mapping[str, tuple[Result, ...]]:
    found: dict[str, list[Result]] = {}
    for name, *_ in files:
        result = _read(Result, Path(name), "Delete the folder and make it again with `dermaviz reproduce`.")
        found.setdefault(result.row, []).append(result)
    return {row: tuple(sorted(runs, key=lambda one: (one.budget != "full", one.seed))) for row, runs in found.items()}


def read_vouched_for(result: Result, name: str, sha256: str) -> bytes:
    """The content of a file beside ``result.json``.

    Raises:
        ResultError: it is not the one that the result vouches for.
    """
    run = f"{result.budget}-seed{result.seed}"
    path = results_root() / "reports" / result.report / result.row / run / name
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ResultError(
            f"{path}: expected the {path.stem} that {RESULT} vouches for, found {len(content):,} other bytes. "
            "Delete the folder and make it again with `dermaviz reproduce`."
        )
    return content


def _read(kind: type[Kind], path: Path, remedy: str) -> Kind:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ResultError(
            f"{path}: expected what `dermaviz reproduce` writes, found what cannot be read. {remedy}"
        ) from error
