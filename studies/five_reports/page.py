"""What the page Reports shows, reckoned once and kept as page.json beside answers.json: the dashboard only reads and draws it.

Of each report: what it did, what the checks of its own figures found, its printed figures and statements with ours and verdicts,
its charts, and its questions with theirs. Tables are lists of rows; what is undefined is null."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dermaviz.errors import ResultError
from dermaviz.io import atomic_write, file_sha256, to_json
from studies.five_reports.claims.answers import (
    DIRECTION,
    INCONSISTENT,
    NO_VERDICT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_YET_RUN,
    REPRODUCED,
    VERDICTS,
    Answers,
    FigureAnswer,
    Verdict,
    plain,
)
from studies.five_reports.claims.reruns import SOURCE_OF
from studies.five_reports.claims.verdicts import NOT_OF_A_RUN
from studies.five_reports.page_questions import question_page, questions_sentence, titled
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
from studies.five_reports.reported.ledger import METRICS, Claim, Ledger, Report
from studies.five_reports.reported.statements import report_checks

PAGE = "page.json"
Row = dict[str, Any]

MEANINGS: Mapping[Verdict, str] = MappingProxyType(
    {
        REPRODUCED: "on photos of the same kind, what is printed lies in our interval",
        DIRECTION: "other figures, but every pair of runs goes the claimed way",
        NOT_REPRODUCED: "our runs find otherwise, or no difference",
        INCONSISTENT: "the report's own figures contradict it",
        NOT_COMPARABLE: "other photos, network or a budget too small: refutes nothing",
        NOT_YET_RUN: "its runs are not finished here",
    }
)
"""What each verdict means, in the order of lists."""
OUTCOMES: tuple[Outcome, ...] = (FAILS, OPEN, HOLDS)
"""What a check may find, the weightiest first."""
UNCHECKED = "nothing to check it by"
NOTHING_TO_RUN = "nothing to run"
"""In place of a verdict on what no run could confirm: how many photos there are, or how large a feature map is."""
COUNTS = frozenset({"photos", "layers", "parameters", "side", "outputs"})
"""Metrics that are no share, and so have neither an interval nor a constant answer."""


def write_page(root: Path, answers: Answers, ledger: Ledger, claims: Path) -> Path:
    """Write ``page.json`` below the results' root; ``claims`` is the file of the ledger."""
    rests_on = {**answers.rests_on, claims.name: file_sha256(claims)}
    content = {
        "rests_on": rests_on,
        "meanings": dict(MEANINGS),
        "outcomes": [*OUTCOMES, UNCHECKED],
        "reports": [report_page(report, report_checks(report), answers) for report in ledger.values()],
    }
    return atomic_write(root / PAGE, to_json(plain(content), indent=1), error=ResultError)


def report_page(report: Report, checks: Sequence[Check], answers: Answers) -> Row:
    """All that the page shows of a report."""
    folder = SOURCE_OF[report.name].folder
    ours = {answer.claim: answer for answer in answers.figures_of(report.name)}
    figures, stated = figure_rows(report, checks, ours), statement_rows(report, checks, answers)
    questions = answers.questions_of(folder)
    rerun = any(path.startswith(f"{folder}/") for path in answers.rests_on)
    return {
        **{name: getattr(report, name) for name in ("name", "label", "title", "authors", "did")},
        "folder": folder,
        "note": ""
        if rerun
        else "None of its experiments has been rerun here, so there is no figure of ours to set beside it: "
        f"`{command(folder)}`.",
        "verdicts": verdict_rows(report, answers),
        "checks": checks_sentence(report, checks),
        "findings": {outcome: finding_lines(report, checks, outcome) for outcome in OUTCOMES},
        "figures": figures,
        "figures_told": tally_sentence("Printed results", (row["verdict"] for row in figures if row["of_a_run"])),
        "charts": [chart_of_runs(report, ours, *key) for key in charted_metrics(report)],
        "statements": stated,
        "statements_told": tally_sentence("Statements on which there is a verdict", (row["verdict"] for row in stated)),
        "questions": [question_page(question) for question in questions],
        "questions_told": questions_sentence(questions),
    }


def command(folder: str) -> str:
    """What reruns the rows of a report, by its folder's name."""
    return f"dermaviz reproduce {folder} --data FOLDER"


def verdict_rows(report: Report, answers: Answers) -> list[Row]:
    """A row for each verdict that occurs: how many printed figures and how many statements have it, and what it means."""
    figures = Counter(answer.verdict for answer in answers.figures_of(report.name))
    stated = Counter(answer.verdict for answer in answers.statements_of(report.name))
    return [
        {"verdict": verdict, "figures": figures[verdict], "statements": stated[verdict], "means": MEANINGS[verdict]}
        for verdict in VERDICTS
        if figures[verdict] or stated[verdict]
    ]


def tally_sentence(what: str, verdicts: Iterable[str]) -> str:
    """How many of ``what`` have which verdict, as Markdown; "" where none has one."""
    counts = Counter(verdict for verdict in verdicts if verdict in VERDICTS)
    told = ", ".join(f"**{counts[verdict]}** {verdict}" for verdict in VERDICTS if counts[verdict])
    return f"{what}, {counts.total()} in all: {told}." if told else ""


def findings(report: Report, checks: Sequence[Check], outcome: Outcome) -> dict[str, dict[str, list[str]]]:
    """The sentences of the checks with this outcome, by the checks' kind, each with the runs that it is about."""
    claims = {claim.id: claim for claim in report.claims}
    found: dict[str, dict[str, list[str]]] = {}
    for check in checks:
        if check.outcome == outcome:
            runs = found.setdefault(check.kind, {}).setdefault(check.sentence, [])
            if check.kind != STATED:
                runs.append(named(claims[check.claims[0]]))
    return found


def finding_lines(report: Report, checks: Sequence[Check], outcome: Outcome) -> dict[str, list[str]]:
    """The same in lines of Markdown: each sentence once, after the run that it is about."""
    return {
        kind: [f"{_about(runs)}{sentence}" for sentence, runs in sentences.items()]
        for kind, sentences in findings(report, checks, outcome).items()
    }


def _about(runs: list[str]) -> str:
    if not runs:
        return ""
    more = f", and {len(runs) - 1} more of these figures" if len(runs) > 1 else ""
    return f"**{runs[0] or 'Quoted'}{more}**: "


def checks_sentence(report: Report, checks: Sequence[Check]) -> str:
    """How many checks hold, as Markdown; a finding that is printed in several places counts once."""
    counts = {outcome: sum(map(len, findings(report, checks, outcome).values())) for outcome in OUTCOMES}
    said = f"Of **{sum(counts.values())} checks** that need no training, **{counts[HOLDS]} hold**, **{counts[FAILS]} do not**"
    return f"{said}, and of {counts[OPEN]} it cannot be said." if counts[OPEN] else f"{said}."


def figure_rows(report: Report, checks: Sequence[Check], ours: Mapping[str, FigureAnswer]) -> list[Row]:
    """A row for each printed figure: as printed, with n, interval, constant answer and what checks say; ours, the verdict.

    ``of_a_run``: a run gives it; it is no count of photos or layers.
    """
    said = _weightiest(report, checks)
    return [
        {
            "what": named(claim),
            "figure": f"{METRICS[claim.metric]} ({claim.label})" if claim.label else METRICS[claim.metric],
            "printed": claim.printed.text,
            "checks": said[claim.id][0],
            "fails": said[claim.id][1],
            "n": claim.n if claim.metric not in COUNTS else None,
            **_with_interval(claim),
            "where": claim.where,
            "report": report.label,
            "claim": claim.id,
            "metric": claim.metric,
            **_ours(ours.get(claim.id)),
            "of_a_run": claim.metric not in NOT_OF_A_RUN,
        }
        for claim in report.claims
    ]


def _weightiest(report: Report, checks: Sequence[Check]) -> dict[str, tuple[str, str]]:
    """What the checks say of each claim: the weightiest outcome, and the kinds of the checks that it fails."""
    outcomes: dict[str, set[Outcome]] = {claim.id: set() for claim in report.claims}
    failed: dict[str, dict[str, None]] = {claim: {} for claim in outcomes}
    for check in checks:
        for claim in check.claims if check.outcome == HOLDS else check.blamed:
            outcomes[claim].add(check.outcome)
            if check.outcome == FAILS:
                failed[claim][check.kind] = None
    return {
        claim: (next((outcome for outcome in OUTCOMES if outcome in found), UNCHECKED), "; ".join(failed[claim]))
        for claim, found in outcomes.items()
    }


def _with_interval(claim: Claim) -> Row:
    """The exact interval of a printed figure, and the constant answer's figure, as far as they are known."""
    low, high = interval_of(claim) or (None, None)
    known = has_constant(claim) and claim.sample is not None
    return {"low": low, "high": high, "constant": float(constant_of(claim.metric, claim.sample)) if known else None}


def _ours(known: FigureAnswer | None) -> Row:
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


def statement_rows(report: Report, checks: Sequence[Check], answers: Answers) -> list[Row]:
    """A row for each statement: what it says, the verdict and why, what its check says, where; those with a verdict first."""
    found = {answer.statement: answer for answer in answers.statements_of(report.name)}
    outcomes = [check.outcome for check in checks if check.kind == STATED]
    rows = []
    for statement, outcome in zip(report.statements, outcomes, strict=True):
        answer = found.get(statement.id)
        rows.append(
            {
                "says": statement.says,
                "verdict": (answer.verdict if answer else NO_VERDICT) or NOTHING_TO_RUN,
                "why": answer.why if answer else "",
                "checks": outcome,
                "where": statement.where,
                "report": report.label,
            }
        )
    order = (*VERDICTS, NOTHING_TO_RUN)
    return sorted(rows, key=lambda row: order.index(row["verdict"]))


def charted_metrics(report: Report) -> dict[tuple[str, str], str]:
    """What at least two runs are told in: a metric and a sample's name, with what lists call them, most runs first."""
    counts = Counter((claim.metric, claim.sample) for claim in _charted(report))
    return {
        (metric, sample.name): f"{METRICS[metric]} on {sample.what}"
        for (metric, sample), count in counts.most_common()
        if count > 1 and sample is not None
    }


def _charted(report: Report) -> list[Claim]:
    return [
        claim
        for claim in report.claims
        if claim.sample is not None and claim.model and not claim.label and claim.metric not in COUNTS
    ]


def chart_of_runs(report: Report, ours: Mapping[str, FigureAnswer], metric: str, sample: str) -> Row:
    """A chart of the runs that tell a metric of a sample: its name in lists, its rows, and what it shows."""
    rows = run_rows(report, ours, metric, sample)
    return {
        "label": charted_metrics(report)[metric, sample],
        "file": f"{report.name}-{metric}-{sample}",
        "title": f"{METRICS[metric]}, 0 to 1",
        "rows": rows,
        "told": runs_sentence(rows, metric),
    }


def run_rows(report: Report, ours: Mapping[str, FigureAnswer], metric: str, sample: str) -> list[Row]:
    """A row for each run that tells the metric of a sample, with ours, as ``plots.reports.beside_figure`` draws them."""
    rows: dict[tuple[str, float, str], Row] = {}
    for claim in _charted(report):
        if claim.metric == metric and claim.sample is not None and claim.sample.name == sample:
            value, ends = float(claim.printed.value), _with_interval(claim)
            if ends["low"] is None:
                ends |= {"low": value, "high": value}
            row = {"label": named(claim), "value": value, "low": ends["low"], "high": ends["high"], "n": claim.n}
            row |= {"constant": ends["constant"], "printed": claim.printed.text, **_ours(ours.get(claim.id))}
            rows.setdefault((claim.model, value, row["recipe"]), row)
    models = [model for model, _, _ in rows]
    if len(set(models)) == len(models):  # then the model alone tells the runs apart
        for model, row in zip(models, rows.values(), strict=True):
            row["label"] = model
    return list(rows.values())


def runs_sentence(rows: Sequence[Row], metric: str) -> str:
    """What the chart of a metric shows, as Markdown."""
    best = max(rows, key=lambda row: row["value"])
    said = f"{titled(METRICS[metric])} as printed: highest is **{best['printed']}** ({best['label']})."
    known = [row for row in rows if row["constant"] is not None]
    if known:
        above = sum(row["low"] > row["constant"] for row in known)
        said += f" **{above} of {len(known)}** lie above the constant answer with all of their interval."
    if any(row["low"] == row["high"] for row in rows):
        said += " A dot without a line: what is printed tells no interval."
    run = [row for row in rows if not math.isnan(row["ours"])]
    if run:
        best = max(run, key=lambda row: row["ours"])
        above = sum(row["our_low"] > row["our_constant"] for row in run)
        said += (
            f" Ours, on our own test photos: highest is **{best['ours']:.3f}** ({best['label']}); **{above} of "
            f"{len(run)}** lie above the constant answer there."
        )
    return said
