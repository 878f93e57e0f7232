"""The command line: `dermaviz reproduce`, which reruns the rows of a report's tables, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermaviz.cli.options import DataRoot

if TYPE_CHECKING:
    from studies.five_reports.plan import Run
    from studies.five_reports.reported.ledger import Ledger
    from studies.five_reports.runner import Failure


ALL = "all"


def reproduce(
    report: Annotated[
        str, typer.Argument(help=f"A folder of studies/five_reports/recipes, e.g. gupta-et-al; or {ALL}.")
    ],
    rows: Annotated[list[str] | None, typer.Argument(help="Rows of the report; default all of them.")] = None,
    root: DataRoot = None,
    budget: Annotated[
        str, typer.Option(help="laptop (at most 6 minutes a run on two cores) or full (as reported).")
    ] = "laptop",
    listed: Annotated[
        bool, typer.Option("--list", help="Show the runs, their time and whether they are done.")
    ] = False,
    states: Annotated[Path, typer.Option("--runs", help="Where interrupted runs keep their state.")] = Path(
        "runs/reports"
    ),
    results: Annotated[
        Path | None,
        typer.Option("--results", help="Where results are kept; default studies/five_reports/results/reports."),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option("--ledger", help="The reports' claims; default studies/five_reports/results/claims.yaml."),
    ] = None,
    answers_only: Annotated[
        bool, typer.Option("--answers", help="Run nothing; hold the claims against what has run.")
    ] = False,
) -> None:
    """Rerun a report's experiments from their recipes. Interrupted, it goes on where it was; what is done is skipped.

    Results go to REPORT/ROW/BUDGET-seedK: result.json, curve.csv, predictions.parquet. At the end every claim of all reports
    is held against all results: answers.json beside them, and page.json, which the page Reports shows.
    """
    from studies.five_reports.plan import planned
    from studies.five_reports.reported.ledger import ledger_path, read_ledger
    from studies.five_reports.result import results_root
    from studies.five_reports.rows import BUDGETS, read_rows, report_names

    if budget not in BUDGETS:
        raise typer.BadParameter(f"expected one of {', '.join(BUDGETS)}, found {budget!r}", param_hint="--budget")
    if report == ALL and rows:
        raise typer.BadParameter(f"expected one report where rows are named, found {ALL}", param_hint="REPORT")
    names = report_names() if report == ALL else (report,)
    runs = planned([row for name in names for row in read_rows(name, tuple(rows or ()))], budget)
    kept = results or results_root()
    if listed:
        _show(runs, kept)
        return
    claims = read_ledger(ledger or ledger_path())  # before hours of training, not after
    failures = () if answers_only else _run(runs, root, states, kept)
    _answer(claims, ledger or ledger_path(), kept)
    if failures:
        raise typer.Exit(1)


def _run(runs: Sequence[Run], root: Path | None, states: Path, results: Path) -> tuple[Failure, ...]:
    from tqdm import tqdm

    from dermaviz.models.classifier import keep_freed_memory
    from studies.five_reports.runner import run_all

    keep_freed_memory()
    failures = run_all(runs, root, states, results, tqdm.write)
    typer.echo(f"{len(runs) - len(failures)} of {len(runs)} runs are done, in {results}")
    for failure in failures:
        typer.echo(f"✗ {failure.run.name}: {failure.reason}", err=True)
    return failures


def _answer(claims: Ledger, ledger: Path, results: Path) -> None:
    """Hold all claims against all finished runs, and say how many were answered how."""
    from studies.five_reports.claims.answers import VERDICTS, write_answers
    from studies.five_reports.claims.findings import write_findings
    from studies.five_reports.claims.make_answers import make_answers
    from studies.five_reports.page import write_page
    from studies.five_reports.rows import read_rows, report_names

    rows = [row for name in report_names() for row in read_rows(name)]
    answers = make_answers(results, claims, rows)
    path = write_answers(results, answers)
    page = write_findings(results, answers, claims)
    write_page(results, answers, claims, ledger)
    given = [*(figure.verdict for figure in answers.figures), *(statement.verdict for statement in answers.statements)]
    counts = ", ".join(f"{given.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in given) or "none"
    n = len(answers.rests_on)
    typer.echo(f"claims held against {n} result{'s' * (n != 1)}: {counts}; in {path}, told in {page}")


def _show(runs: Sequence[Run], results: Path) -> None:
    """One line a run: row, seed, budget, estimated minutes, done or not; the sum of what is left at the end."""
    from studies.five_reports.plan import pace

    width = max(len(run.row.name) for run in runs)
    for run in runs:
        done = run.done(results)
        state = f"done in {done.seconds / 60:.1f}" if done else "not done"
        typer.echo(f"{run.row.name:{width}}  seed {run.seed}  {run.budget}  {run.seconds / 60:5.1f} min  {state}")
    left = [run for run in runs if run.done(results) is None]
    ratio = pace(runs, results)
    typer.echo(
        f"{len(left)} of {len(runs)} runs left, about {ratio * sum(run.seconds for run in left) / 60:.0f} min on two idle "
        f"cores (finished runs took {ratio:.2f} times their estimate)"
    )
