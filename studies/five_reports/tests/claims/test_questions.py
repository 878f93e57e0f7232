"""The table of questions against the recipes and the ledger: nothing in it is misspelt, and no comparison is forgotten."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

import pytest

from dermaviz.data.records import HAM10000
from dermaviz.data.selection import find_task
from dermaviz.training.recipe import Recipe
from studies.five_reports.claims.matching import NAMES, UNDER
from studies.five_reports.claims.question import CONSTANT, Question, named_rows
from studies.five_reports.claims.questions import QUESTIONS
from studies.five_reports.claims.reruns import NOT_TO_BE_HAD, SOURCE_OF, SOURCES
from studies.five_reports.claims.row_results import metric_named
from studies.five_reports.claims.sentences import METRIC_WORDS
from studies.five_reports.claims.verdicts import COMPARISONS, NOT_OF_A_RUN
from studies.five_reports.names import take_apart
from studies.five_reports.reported.ledger import read_ledger
from studies.five_reports.reported.statements import KINDS
from studies.five_reports.rows import read_rows, report_names, rows_root

LEDGER = read_ledger(rows_root().parent / "results" / "claims.yaml")
ROWS = {name: {row.row: row for row in read_rows(name)} for name in report_names()}
NAMES_OF = [f"{question.report}/{question.name}" for question in QUESTIONS]


def test_each_report_has_one_source_of_both_names() -> None:
    assert {source.ledger for source in SOURCES} == set(LEDGER)
    assert {source.folder for source in SOURCES} == set(ROWS)
    assert SOURCE_OF["gupta"] is SOURCE_OF["gupta-et-al"]
    assert {source.folder for source in SOURCES if not source.photos} == {"ham10000-cnn-transfer", "bezzon-carraro"}


def test_a_question_has_a_name_of_its_own_and_every_report_asks_some() -> None:
    assert max(Counter(NAMES_OF).values()) == 1
    assert {question.report for question in QUESTIONS} == set(ROWS)


@pytest.mark.parametrize("question", QUESTIONS, ids=NAMES_OF)
def test_its_rows_are_rows_of_the_recipes_with_all_that_is_asked_of_them(question: Question) -> None:
    rows = ROWS[question.report]
    for name in question.rows:
        row, _, under = name.partition("/")
        assert row in rows
        assert not under or (under in UNDER and getattr(rows[row], under))
    pairs = [pair for one in (question, *question.statements) for pair in one.pairs]
    assert {row for pair in pairs for row in pair} <= {*question.rows, CONSTANT}
    assert all(better != worse for better, worse in pairs)
    for metric in {metric for one in (question, *question.statements) for metric in one.metrics}:
        assert metric.partition("/")[0] in METRIC_WORDS
        for row in {row.partition("/")[0] for pair in pairs for row in pair if row != CONSTANT}:
            task = find_task(rows[row].recipe("laptop", 0).data.task)
            assert metric_named(metric, task.classes or tuple(HAM10000.classes), task.malignant or HAM10000.malignant)


@pytest.mark.parametrize("question", QUESTIONS, ids=NAMES_OF)
def test_pairs_saw_photos_of_one_size_or_the_question_says_what_else_differs(question: Question) -> None:
    rows = ROWS[question.report]
    seen = [
        {_seen(rows[row.partition("/")[0]].recipe("laptop", 0)) for row in pair if row != CONSTANT}
        for pair in question.pairs
    ]
    alike = all(len(of_pair) == 1 for of_pair in seen)
    assert question.note if not question.fair else alike or question.name == "classical"  # whose learners see features


def _seen(recipe: Recipe) -> tuple[object, ...]:
    return recipe.size_at(0), recipe.data.task, recipe.data.equalise


def test_every_statement_that_is_answered_is_in_the_ledger_once() -> None:
    answered = [(question.report, one.statement) for question in QUESTIONS for one in question.statements]
    assert max(Counter(answered).values()) == 1
    known = {
        (SOURCE_OF[name].folder, statement.id) for name, report in LEDGER.items() for statement in report.statements
    }
    assert set(answered) <= known


def test_every_comparison_of_runs_is_answered_or_cannot_be() -> None:
    answered = {one.statement for question in QUESTIONS for one in question.statements}
    for report in LEDGER.values():
        for statement in report.statements:
            of_network = set(statement.facts.get("metrics", "").split()) & NOT_OF_A_RUN
            if (statement.kind in COMPARISONS and not of_network) or statement.kind == "unsupported":
                assert statement.id in answered or any(fnmatchcase(statement.id, pattern) for pattern in NOT_TO_BE_HAD)
    assert set(KINDS) >= COMPARISONS


def test_every_pattern_of_what_cannot_be_had_has_a_claim() -> None:
    ids = [one.id for report in LEDGER.values() for one in (*report.claims, *report.statements)]
    for pattern in NOT_TO_BE_HAD:
        assert any(fnmatchcase(claim, pattern) for claim in ids), pattern


def test_every_network_that_stands_in_has_a_name() -> None:
    for rows in ROWS.values():
        for row in rows.values():
            ours, theirs = (take_apart(row.recipe(budget, 0).model.architecture).base for budget in ("laptop", "full"))
            assert ours == theirs or {ours, theirs} <= set(NAMES), row.name


def test_rows_are_named_with_their_attack() -> None:
    assert dict(named_rows(rate_1e_5="slow", resnet_18__fgsm="attacked")) == {
        "rate-1e-5": "slow",
        "resnet-18/fgsm": "attacked",
    }


def test_the_constant_answer_needs_no_row() -> None:
    question = QUESTIONS[0]
    assert question.label(CONSTANT) == "the constant answer"
    assert question.label("lite0-scratch") == "EfficientNet-Lite0 (from scratch)"
