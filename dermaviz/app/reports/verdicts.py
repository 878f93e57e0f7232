"""Verdicts as the page tells them: what each means, how many there are, and which statements have which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from dermaviz.app.reports.ledger import NOTHING_TO_RUN, Book
from dermaviz.app.reports.runs import answers, finished
from dermaviz.errors import ResultError
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
    Verdict,
)
from studies.five_reports.claims.reruns import SOURCE_OF
from studies.five_reports.reported.consistency import STATED

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
"""What each verdict means."""
COLOURS: Mapping[Verdict, str] = MappingProxyType(
    {
        REPRODUCED: "green",
        DIRECTION: "blue",
        NOT_REPRODUCED: "orange",
        INCONSISTENT: "red",
        NOT_COMPARABLE: "gray",
        NOT_YET_RUN: "gray",
    }
)
"""Streamlit's name of the colour behind each verdict; the words are always there too."""


@dataclass(frozen=True)
class Told:
    """A statement as the page tells it: what the report says and where, the verdict, and why."""

    says: str
    where: str
    verdict: Verdict
    why: str
    checks: str


def what_runs_say(book: Book) -> tuple[Answers, str]:
    """What the finished runs answer, and a note where a report has none, or answers are amiss: which command changes that."""
    folder, note = SOURCE_OF[book.report.name].folder, ""
    try:
        if not finished(folder):
            note = (
                "None of its experiments has been rerun here, so there is no figure of ours to set beside it: "
                f"`dermaviz reproduce {folder} --data FOLDER`."
            )
        return answers(), note
    except ResultError as error:
        return Answers(), note or str(error)


def statements(book: Book, answered: Answers) -> tuple[Told, ...]:
    """The statements of a report, those on which a run has a say first, by verdict."""
    found = {answer.statement: answer for answer in answered.statements_of(book.report.name)}
    checks = [check for check in book.checks if check.kind == STATED]
    told = []
    for statement, check in zip(book.report.statements, checks, strict=True):
        answer = found.get(statement.id)
        verdict, why = (answer.verdict, answer.why) if answer else (NO_VERDICT, "")
        told.append(Told(statement.says, statement.where, verdict, why, check.outcome))
    order = (*VERDICTS, NO_VERDICT)
    return tuple(sorted(told, key=lambda one: order.index(one.verdict)))


def statement_table(book: Book, answered: Answers) -> pd.DataFrame:
    """A row for each statement: what it says, where, the verdict and why, what the checks say."""
    return pd.DataFrame(
        [
            {
                "says": one.says,
                "verdict": one.verdict or NOTHING_TO_RUN,
                "why": one.why,
                "checks": one.checks,
                "where": one.where,
                "report": book.report.label,
            }
            for one in statements(book, answered)
        ]
    )


def tally_table(book: Book, answered: Answers) -> pd.DataFrame:
    """A row for each verdict that occurs: how many printed figures and how many statements have it, and what it means."""
    figures = Counter(answer.verdict for answer in answered.figures_of(book.report.name))
    stated = Counter(answer.verdict for answer in answered.statements_of(book.report.name))
    return pd.DataFrame(
        [
            {"verdict": verdict, "figures": figures[verdict], "statements": stated[verdict], "means": MEANINGS[verdict]}
            for verdict in VERDICTS
            if figures[verdict] or stated[verdict]
        ],
        columns=["verdict", "figures", "statements", "means"],
    )


def tally_sentence(what: str, verdicts: Iterable[Verdict]) -> str:
    """How many of ``what`` have which verdict, as Markdown; "" where none has one."""
    counts = Counter(verdict for verdict in verdicts if verdict in VERDICTS)
    named = ", ".join(f"**{counts[verdict]}** {verdict}" for verdict in VERDICTS if counts[verdict])
    return f"{what}, {counts.total()} in all: {named}." if named else ""
