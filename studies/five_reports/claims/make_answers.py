"""Hold every figure, statement and question of the five reports against the finished runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dermaviz.metrics.bootstrap import DRAWS
from studies.five_reports.claims.answers import (
    NO_VERDICT,
    Answers,
    DifferenceAnswer,
    FigureAnswer,
    QuestionAnswer,
    RowAnswer,
    StatementAnswer,
    result_hashes,
)
from studies.five_reports.claims.differences import LEARNT, Bench, too_little
from studies.five_reports.claims.matching import Conditions, Matching, conditions_of, our_metric
from studies.five_reports.claims.question import CONSTANT, Pair, Question
from studies.five_reports.claims.questions import QUESTIONS
from studies.five_reports.claims.reruns import (
    FULLEST_FIRST,
    NOT_TO_BE_HAD,
    SOURCES,
    Reruns,
    Source,
    at_budget,
    fullest_budget,
    read_reruns,
)
from studies.five_reports.claims.sentences import question_sentence
from studies.five_reports.claims.verdicts import (
    COMPARISONS,
    HAS_CONSTANT,
    NOT_OF_A_RUN,
    Pairing,
    figure_verdict,
    pairs_verdict,
    statement_verdict,
)
from studies.five_reports.reported.consistency import AUC_KIND, CONSTANT_KIND, FAILS, HOLDS, STATED, Check, has_constant
from studies.five_reports.reported.ledger import Claim, Ledger, Report
from studies.five_reports.reported.statements import report_checks
from studies.five_reports.result import Result

if TYPE_CHECKING:
    from studies.five_reports.rows import Row


def make_answers(
    root: Path,
    ledger: Ledger,
    rows: Sequence[Row],
    questions: Sequence[Question] = QUESTIONS,
    draws: int = DRAWS,
) -> Answers:
    """All answers that the finished runs below the results' root give to a ledger.

    Args:
        rows: those of all recipes, which say what reruns what.
        questions: what the reports ask; of reports that the ledger lacks, they are left out.
        draws: resamplings of lesions behind an interval.

    Raises:
        ResultError: a result cannot be read. LedgerError: a statement cannot be checked.
    """
    reruns = read_reruns(root)
    answers = Answers(rests_on=result_hashes(root))
    for source in SOURCES:
        if source.ledger not in ledger:
            continue
        own = tuple(row for row in rows if row.report == source.folder)
        asked = tuple(question for question in questions if question.report == source.folder)
        one = _Answering(source, ledger[source.ledger], own, asked, root, reruns, draws)
        answers = replace(
            answers,
            figures=(*answers.figures, *one.figures()),
            statements=(*answers.statements, *one.statements()),
            questions=(*answers.questions, *map(one.question, asked)),
        )
    return answers


@dataclass(frozen=True)
class _Answering:
    """One report with its rows, its questions and its finished runs."""

    source: Source
    report: Report
    rows: tuple[Row, ...]
    questions: tuple[Question, ...]
    root: Path
    reruns: Reruns
    draws: int

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        return report_checks(self.report)

    @cached_property
    def matching(self) -> Matching:
        balanced = (
            claim
            for check in self.checks
            if check.kind == AUC_KIND and check.outcome == FAILS
            for claim in check.blamed
        )
        return Matching(self.report, self.rows, frozenset(balanced))

    @cached_property
    def benches(self) -> Mapping[str, Bench]:
        return {
            budget: Bench(
                self.root, {row.row: at_budget(self._results(row.row), budget) for row in self.rows}, self.draws
            )
            for budget in FULLEST_FIRST
        }

    def figures(self) -> Iterator[FigureAnswer]:
        """Each printed figure, in the ledger's order."""
        blame = self._blame()
        for claim in self.report.claims:
            ours, conditions, balanced = self._ours(claim)
            check = blame.get(claim.id)
            sentence = check.sentence if check else ""
            if check and check.kind == AUC_KIND and not math.isnan(balanced):
                sentence += f" By that reckoning ours is {balanced:.3f}."
            absent = _absent(claim.id, "" if self.matching.row_of(claim) else "No row of the recipes reruns it.")
            beaten = ours.metric in HAS_CONSTANT and self._beaten(claim, ours)
            idle = bool(ours.metric) and self._idle(claim, ours)
            verdict, why = figure_verdict(claim, sentence, absent, conditions, ours, beaten, idle)
            yield replace(ours, verdict=verdict, why=why)

    def statements(self) -> Iterator[StatementAnswer]:
        """Each statement, in the ledger's order."""
        answered = {one.statement: (question, one) for question in self.questions for one in question.statements}
        for statement, check in zip(self.report.statements, self.checks, strict=False):
            absent = _absent(statement.id)
            if statement.id in answered:
                question, one = answered[statement.id]
                pairs = self._pairing(question, one.pairs or question.pairs, one.metrics or question.metrics)
                unfair = "" if question.fair else question.note
                verdict, why = statement_verdict(statement, check, absent, unfair, pairs)
                yield StatementAnswer(statement.id, question.name, verdict, why)
            else:
                verdict, why = statement_verdict(statement, check, absent, None, Pairing((), (), (), "", ()))
                yield StatementAnswer(statement.id, "", verdict, why)

    def question(self, question: Question) -> QuestionAnswer:
        """What the runs answer to a question."""
        bench, budget = self._bench(question)
        charted = question.metrics[0]
        rows = tuple(_row_answer(bench, row, label, charted) for row, label in question.rows.items())
        of_charted = self._pairing(question, question.pairs, (charted,))
        verdict, why = NO_VERDICT, ""
        if question.says:
            verdict, why = pairs_verdict("" if question.fair else question.note, of_charted)
        sentence = question_sentence(bool(question.says), rows, of_charted.differences, of_charted.unlearnt)
        if of_charted.waiting and budget:
            sentence += f" {of_charted.waiting}"
        return QuestionAnswer(
            question.report, question.name, question.asks, question.says, *_slug(charted), budget, rows,
            self._differences(question, question.pairs, question.metrics), sentence, verdict, why, question.note,
        )  # fmt: skip

    def _results(self, row: str) -> tuple[Result, ...]:
        return self.reruns.get((self.source.folder, row.partition("/")[0]), ())

    def _bench(self, question: Question) -> tuple[Bench, str]:
        """The finished runs of the fullest budget at which every row that has run was run, and that budget."""
        budget = fullest_budget([self._results(row) for row in question.rows])
        return self.benches[budget or FULLEST_FIRST[-1]], budget

    def _pairing(self, question: Question, pairs: Sequence[Pair], metrics: Sequence[str]) -> Pairing:
        """What a verdict on some pairs in some metrics rests on."""
        bench, _ = self._bench(question)
        differences = self._differences(question, pairs, metrics)
        printed = tuple(self.matching.printed_difference(pair, metric) for metric in metrics for pair in pairs)
        used = dict.fromkeys(row for pair in pairs for row in pair if row != CONSTANT)
        conditions = tuple(self._conditions(bench, row) for row in used if bench.row_results(row))
        unlearnt = too_little(bench, self.matching, question, pairs, metrics)
        return Pairing(differences, printed, unlearnt, self._waiting(bench, tuple(used)), conditions)

    def _differences(
        self, question: Question, pairs: Sequence[Pair], metrics: Sequence[str]
    ) -> tuple[DifferenceAnswer, ...]:
        """Every pair in every metric, the first metric's first, named as the question names its rows."""
        bench, _ = self._bench(question)
        return tuple(
            replace(
                bench.difference(pair, metric),
                better_label=question.label(pair[0]),
                worse_label=question.label(pair[1]),
            )
            for metric in metrics
            for pair in pairs
        )

    def _waiting(self, bench: Bench, names: Sequence[str]) -> str:
        """How many trainings of these rows are still to run, as a sentence; "" if none is.

        Where one is trained once only, those of the report that are trained several times tell how much seeds make.
        """
        planned = {row.row: row.seeds for row in self.rows}
        wanted = {name.partition("/")[0] for name in names}
        if any(len(planned.get(name, ())) == 1 for name in wanted):
            wanted |= {name for name, seeds in planned.items() if len(seeds) > 1}
        left = [(name, seed) for name in wanted for seed in planned.get(name, ()) if not _has_run(bench, name, seed)]
        if not left:
            return ""
        whole = sum(len(planned.get(name, ())) for name in wanted)
        return f"{whole - len(left)} of the {whole} trainings that it rests on have run."

    def _conditions(self, bench: Bench, name: str) -> Conditions:
        row_results = bench.row_results(name)
        assert row_results is not None
        row = next(row for row in self.rows if row.row == name.partition("/")[0])
        return conditions_of(row_results.results[0], row)

    def _ours(self, claim: Claim) -> tuple[FigureAnswer, Conditions | None, float]:
        """Our figure beside a printed one, how it came about, and our balanced accuracy."""
        name = "" if claim.metric in NOT_OF_A_RUN else self.matching.row_of(claim)
        answer = FigureAnswer(claim.id, self.source.folder if name else "", name.partition("/")[0])
        budget = fullest_budget([self._results(name)]) if name else ""
        bench = self.benches.get(budget)
        row_results = bench.row_results(name) if bench else None
        metric = our_metric(claim, row_results.results[0].classes) if row_results else ""
        if bench is None or row_results is None:
            return answer, None, math.nan
        conditions = self._conditions(bench, name)
        answer = replace(answer, budget=conditions.words, data=conditions.data, seeds=row_results.seeds)
        if not metric or _absent(claim.id):
            return answer, conditions, math.nan
        found = row_results.figure(metric)
        slug, label = _slug(metric)
        answer = replace(
            answer, metric=slug, label=label, value=found.estimate.value, low=found.estimate.low, high=found.estimate.high,
            constant=found.constant, n=found.n, lesions=row_results.n_lesions,
        )  # fmt: skip
        return answer, conditions, row_results.figure(LEARNT).estimate.value

    def _beaten(self, claim: Claim, ours: FigureAnswer) -> bool:
        """Whether ours is above the constant answer, by the interval of their difference where both answers were kept."""
        name = self.matching.row_of(claim)
        if "/" in name:
            return ours.low > ours.constant
        bench = self.benches[ours.budget.partition(":")[0]]
        return bench.difference((name, CONSTANT), "/".join(filter(None, (ours.metric, ours.label)))).low > 0

    def _idle(self, claim: Claim, ours: FigureAnswer) -> bool:
        """Whether our run learnt nothing, while the printed figures of this run are not those of one that did not."""
        if self.benches[ours.budget.partition(":")[0]].learnt(ours.row):
            return False
        of_run = self.report.rows[claim.row].values()
        above = {
            one
            for check in self.checks
            if check.kind == CONSTANT_KIND and check.outcome == HOLDS
            for one in check.claims
        }
        return any(not has_constant(one) or one.id in above for one in of_run)

    def _blame(self) -> dict[str, Check]:
        """The first check that blames each figure for contradicting others."""
        found: dict[str, Check] = {}
        kinds = [statement.kind for statement in self.report.statements]
        for i, check in enumerate(self.checks):
            comparison = check.kind == STATED and kinds[i] in COMPARISONS
            if check.outcome == FAILS and check.kind != CONSTANT_KIND and not comparison:
                for claim in check.blamed:
                    found.setdefault(claim, check)
        return found


def _row_answer(bench: Bench, row: str, label: str, metric: str) -> RowAnswer:
    row_results = bench.row_results(row)
    if row_results is None:
        return RowAnswer(row, label)
    found = row_results.figure(metric)
    estimate = found.estimate
    return RowAnswer(
        row, label, row_results.seeds, estimate.value, estimate.low, estimate.high, found.n, row_results.n_lesions,
        found.constant, found.by_seed,
    )  # fmt: skip


def _has_run(bench: Bench, row: str, seed: int) -> bool:
    row_results = bench.row_results(row)
    return row_results is not None and seed in row_results.seeds


def _absent(claim: str, otherwise: str = "") -> str:
    """Why no run can have a figure or a statement; ``otherwise`` where nothing is known of it."""
    return next((why for pattern, why in NOT_TO_BE_HAD.items() if fnmatchcase(claim, pattern)), otherwise)


def _slug(metric: str) -> tuple[str, str]:
    slug, _, label = metric.partition("/")
    return slug, label
