"""What our runs answer to the reports, computed once and kept as answers.json — figures, statements, questions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from dermaviz.errors import ResultError
from dermaviz.io import atomic_write, file_sha256
from studies.five_reports.result import RESULT

ANSWERS = "answers.json"
REMEDY = "Make them again from the finished runs: `dermaviz reproduce all --answers`."

Verdict = Literal[
    "reproduced",
    "direction reproduced",
    "not reproduced",
    "inconsistent as printed",
    "not comparable",
    "not yet run",
    "",
]
"""What our runs say of a claim; "" where there is nothing that a run could say."""
REPRODUCED: Verdict = "reproduced"
DIRECTION: Verdict = "direction reproduced"
NOT_REPRODUCED: Verdict = "not reproduced"
INCONSISTENT: Verdict = "inconsistent as printed"
NOT_COMPARABLE: Verdict = "not comparable"
NOT_YET_RUN: Verdict = "not yet run"
NO_VERDICT: Verdict = ""
VERDICTS: tuple[Verdict, ...] = (
    REPRODUCED,
    DIRECTION,
    NOT_REPRODUCED,
    INCONSISTENT,
    NOT_COMPARABLE,
    NOT_YET_RUN,
)
"""The verdicts that lists and tallies show, in their order."""

Finding = Literal["as claimed", "the other way", "cannot be told", "not yet run"]
"""What the difference of a pair says of the claimed order."""
AS_CLAIMED: Finding = "as claimed"
OTHER_WAY: Finding = "the other way"
CANNOT_BE_TOLD: Finding = "cannot be told"
PAIR_NOT_RUN: Finding = "not yet run"

_Row = TypeVar("_Row")
_NAN = math.nan


@dataclass(frozen=True)
class FigureAnswer:
    """A printed figure and ours beside it.

    ``claim`` is the figure's id in the ledger, whose first part is the ledger's name of the report; ``report`` and ``row``
    are the recipe that reruns it ("" where none does). ``metric`` is a slug of ``metrics.summary``, ``label`` the class
    that it is of. ``value`` is the mean over ``seeds``, ``low`` and ``high`` its 95% interval over lesions (NaN where there
    is none), ``n`` the photos of ours, of the class if it is of one, ``lesions`` those that all test photos show.
    ``data`` and ``budget`` say in words what ours was made with.
    """

    claim: str
    report: str = ""
    row: str = ""
    budget: str = ""
    seeds: tuple[int, ...] = ()
    metric: str = ""
    label: str = ""
    value: float = _NAN
    low: float = _NAN
    high: float = _NAN
    constant: float = _NAN
    n: int = 0
    lesions: int = 0
    data: str = ""
    verdict: Verdict = NO_VERDICT
    why: str = ""


@dataclass(frozen=True)
class StatementAnswer:
    """A statement of the ledger by its id, the name of the question that answers it ("" for none), verdict and why."""

    statement: str
    question: str = ""
    verdict: Verdict = NO_VERDICT
    why: str = ""


@dataclass(frozen=True)
class RowAnswer:
    """A row of a question's chart: its metric as the mean over seeds, with its interval over lesions, and each seed's.

    ``constant`` is the figure of the commonest class of the same photos, answered always. Not yet run: no ``seeds``, NaN.
    """

    row: str
    label: str
    seeds: tuple[int, ...] = ()
    value: float = _NAN
    low: float = _NAN
    high: float = _NAN
    n: int = 0
    lesions: int = 0
    constant: float = _NAN
    by_seed: tuple[float, ...] = ()


@dataclass(frozen=True)
class DifferenceAnswer:
    """By how much the row that is claimed better is higher than the other: mean over the seeds of both, 95% interval.

    ``by_seed`` are the differences of each of ``seeds``. ``paired``: both answered the same photos, so what a photo's
    difficulty does to both cancels out. ``spread`` is the widest range that seeds alone make of this metric in a row of the
    report (NaN if no row has several, 0 if both are answers of the same weights). ``finding`` is what the difference says of
    the claimed order; the labels are what the question's chart calls the rows.
    """

    better: str
    worse: str
    metric: str
    label: str = ""
    seeds: tuple[int, ...] = ()
    value: float = _NAN
    low: float = _NAN
    high: float = _NAN
    by_seed: tuple[float, ...] = ()
    paired: bool = True
    spread: float = _NAN
    finding: Finding = PAIR_NOT_RUN
    better_label: str = ""
    worse_label: str = ""


@dataclass(frozen=True)
class QuestionAnswer:
    """What a report asks, answered by our runs.

    ``report`` is the folder's name, ``asks`` the question in words, ``says`` what the report says to it ("" if nothing).
    ``metric`` (and ``label``, its class) is the one that ``rows`` are charted in; ``differences`` hold every pair in every
    metric of the question, those of the charted one first. ``sentence`` is the answer, with n and interval, ``note`` what
    else the reader must know of these rows.
    """

    report: str
    name: str
    asks: str
    says: str
    metric: str
    label: str
    budget: str
    rows: tuple[RowAnswer, ...]
    differences: tuple[DifferenceAnswer, ...]
    sentence: str
    verdict: Verdict = NO_VERDICT
    why: str = ""
    note: str = ""


@dataclass(frozen=True)
class Answers:
    """All answers; ``rests_on`` has the sha256 of each ``result.json`` by its path below the results' root."""

    figures: tuple[FigureAnswer, ...] = ()
    statements: tuple[StatementAnswer, ...] = ()
    questions: tuple[QuestionAnswer, ...] = ()
    rests_on: Mapping[str, str] = field(default_factory=dict)

    def figures_of(self, report: str) -> tuple[FigureAnswer, ...]:
        """The figures of a report by its ledger name, in the ledger's order."""
        return tuple(answer for answer in self.figures if answer.claim.partition("/")[0] == report)

    def statements_of(self, report: str) -> tuple[StatementAnswer, ...]:
        """The statements of a report by its ledger name, in the ledger's order."""
        return tuple(answer for answer in self.statements if answer.statement.partition("/")[0] == report)

    def questions_of(self, folder: str) -> tuple[QuestionAnswer, ...]:
        """The questions of a report by its folder's name."""
        return tuple(answer for answer in self.questions if answer.report == folder)


def write_answers(root: Path, answers: Answers) -> Path:
    """Write ``answers.json`` below the results' root, whole or not at all."""
    text = json.dumps(plain(asdict(answers)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return atomic_write(root / ANSWERS, text, error=ResultError)


def read_answers(root: Path) -> Answers:
    """Read the answers below the results' root.

    Raises:
        ResultError: there are none that can be read, or a result that they rest on has changed, come or gone since.
    """
    path = root / ANSWERS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        answers = Answers(
            tuple(_of(FigureAnswer, row) for row in content["figures"]),
            tuple(_of(StatementAnswer, row) for row in content["statements"]),
            tuple(_question(row) for row in content["questions"]),
            MappingProxyType(dict(content["rests_on"])),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResultError(f"{path}: expected what our runs answer, found nothing that can be read. {REMEDY}") from error
    now = result_hashes(root)
    if dict(answers.rests_on) != now:
        odd = sorted(set(answers.rests_on.items()) ^ set(now.items()))
        raise ResultError(
            f"{path}: expected answers that rest on the {len(now)} results there are, found those of "
            f"{len(answers.rests_on)}, not the same ones (the first: {odd[0][0]}). {REMEDY}"
        )
    return answers


def result_hashes(root: Path) -> dict[str, str]:
    """The sha256 of every finished run's ``result.json`` by its folder below ``root``, ``REPORT/ROW/BUDGET-seedK``."""
    found = sorted(root.glob(f"*/*/*/{RESULT}"))
    return {str(path.parent.relative_to(root)): file_sha256(path) for path in found}


def _question(content: Mapping[str, Any]) -> QuestionAnswer:
    rows = tuple(_of(RowAnswer, row) for row in content["rows"])
    differences = tuple(_of(DifferenceAnswer, row) for row in content["differences"])
    return _of(QuestionAnswer, {**content, "rows": rows, "differences": differences})


def _of(kind: type[_Row], content: Mapping[str, Any]) -> _Row:
    """A dataclass from JSON: null is NaN there, lists are tuples."""
    unknown = set(content) - {column.name for column in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        raise ValueError(f"unknown {unknown}")
    read = {name: _NAN if value is None else value for name, value in content.items()}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in read.items()})


def plain(value: Any) -> Any:
    """As JSON takes it: what is undefined becomes null."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
