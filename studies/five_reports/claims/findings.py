"""What our runs found, as a page of Markdown beside the results, so that no figure is typed by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dermaviz.errors import ResultError
from dermaviz.io import atomic_write
from studies.five_reports.claims.answers import (
    PAIR_NOT_RUN,
    VERDICTS,
    Answers,
    DifferenceAnswer,
    QuestionAnswer,
    Verdict,
)
from studies.five_reports.claims.reruns import SOURCES
from studies.five_reports.claims.sentences import metric_words, signed, trainings
from studies.five_reports.reported.ledger import Ledger, Report

FINDINGS = "README.md"
_OPENING = """# What our reruns of the five reports found

Written by `dermaviz reproduce` from the {n} in this folder; to change it, run that. How rows are rerun and what the
verdicts mean: [method.md](../../method.md). Intervals are 95%, over resampled lesions. The page Reports shows all
of it with charts.
"""
_CLAIMED_NOTHING = "the report claims nothing"


def write_findings(root: Path, answers: Answers, ledger: Ledger) -> Path:
    """Write the page below the results' root."""
    return atomic_write(root / FINDINGS, findings(answers, ledger), error=ResultError)


def findings(answers: Answers, ledger: Ledger) -> str:
    """The page: how many claims of each report have which verdict, then each report's statements and questions with their
    differences."""
    n = len(answers.rests_on)
    sources = [source for source in SOURCES if source.ledger in ledger]
    parts = [_OPENING.format(n=f"{n} result{'' if n == 1 else 's'}"), "## Verdicts on printed figures and statements\n"]
    parts.append(
        _table(
            ("report", *VERDICTS),
            ((ledger[source.ledger].label, *_counts(answers, source.ledger)) for source in sources),
        )
    )
    for source in sources:
        asked = answers.questions_of(source.folder)
        parts.append(f"## {ledger[source.ledger].label}\n")
        parts.append(_table(("the report says", "verdict", "why"), _stated(answers, ledger[source.ledger])))
        parts.append(_table(("question", "our runs", "verdict"), (_answered(question) for question in asked)))
        parts.append(_table(("difference", "in", "is", "over", "which is"), _differences(asked)))
    return "\n".join(parts)


def _counts(answers: Answers, report: str) -> Iterator[str]:
    """How many figures and statements of a report have each verdict."""
    given: list[Verdict] = [answer.verdict for answer in answers.figures_of(report)]
    given += [answer.verdict for answer in answers.statements_of(report)]
    counts = Counter(given)
    yield from (str(counts[verdict]) for verdict in VERDICTS)


def _stated(answers: Answers, report: Report) -> Iterator[tuple[str, ...]]:
    """Each statement of a report that has a verdict."""
    says = {statement.id: statement.says for statement in report.statements}
    for answer in answers.statements_of(report.name):
        if answer.verdict:
            yield says[answer.statement], f"**{answer.verdict}**", answer.why


def _answered(question: QuestionAnswer) -> tuple[str, ...]:
    verdict = question.verdict or _CLAIMED_NOTHING
    return question.asks, question.sentence, f"**{verdict}**"


def _differences(asked: Iterable[QuestionAnswer]) -> Iterator[tuple[str, ...]]:
    """Each pair in the metric that its question is charted in, where both rows have run."""
    for question in asked:
        for found in question.differences:
            charted = (found.metric, found.label) == (question.metric, question.label)
            if charted and found.finding != PAIR_NOT_RUN:
                yield (
                    f"{found.better_label} minus {found.worse_label}",
                    metric_words(found.metric, found.label),
                    _with_ends(found),
                    trainings(found),
                    found.finding if question.says else "",
                )


def _with_ends(found: DifferenceAnswer) -> str:
    if math.isnan(found.low):
        return signed(found.value)
    return f"{signed(found.value)} ({signed(found.low)} to {signed(found.high)})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; "" if it has no rows."""
    told = [f"| {' | '.join(row)} |" for row in rows]
    if not told:
        return ""
    return "\n".join([f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *told]) + "\n"
