"""The five reports by their two names, their finished runs, and the claims that no run can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from studies.five_reports.result import RESULT, Result, read_result, run_folder


@dataclass(frozen=True)
class Source:
    """A report: its name in ``results/claims.yaml``, its folder in ``recipes/reports``, and its photos.

    ``photos`` is what HAM10000 stands in for, "" where the report used HAM10000 itself; ``split`` is how it split them, as
    far as it says.
    """

    ledger: str
    folder: str
    photos: str = ""
    split: str = ""


SOURCES: tuple[Source, ...] = (
    Source("gupta", "gupta-et-al", "the report's 3,297 photos of the ISIC archive"),
    Source("chaudhary", "chaudhary-byun", "the ISIC 2017 photos of the report"),
    Source("sagar", "sagar-jacob", "the report's 3,600 photos of the ISIC archive"),
    Source("ham10000", "ham10000-cnn-transfer", split="by photo, as far as it says"),
    Source("bezzon", "bezzon-carraro", split="by photo, as far as it says"),
)
SOURCE_OF: Mapping[str, Source] = MappingProxyType(
    {name: source for source in SOURCES for name in (source.ledger, source.folder)}
)
"""A report's source by either of its names."""

NOT_TO_BE_HAD: Mapping[str, str] = MappingProxyType(
    {
        "gupta/*/darker/*": "The nine photos of darker skin were taken from journals and are not to be had.",
        "gupta/darker-better": "The nine photos of darker skin were taken from journals and are not to be had.",
        "gupta/baseline/training/*": "It is of the training photos; our results hold answers to test photos only.",
        "gupta/best-on-validation": "No row reruns all seven networks with their ImageNet weights.",
        "sagar/table-6/ours/*": "",
        "sagar/table-6/*": "It is an earlier work's figure, on other photos.",
        "sagar/state-of-the-art-*": "The earlier works' figures are of other photos than the report's and ours.",
        "sagar/dermatologists": "The report holds no figure of a dermatologist, and we have none.",
    }
)
"""Why no run of ours can answer some claims, by patterns of ids of figures and statements; the first that fits decides, and
"" says that a run can."""


Reruns = Mapping[tuple[str, str], tuple[Result, ...]]
"""The finished runs of each row, by the report's folder and the row's name; the fullest budget first, then by seed."""

FULLEST_FIRST = ("full", "laptop")


def read_reruns(root: Path) -> Reruns:
    """All finished runs below the results' root; none where there is no such folder.

    Raises:
        ResultError: a result cannot be read.
    """
    found: dict[tuple[str, str], list[Result]] = {}
    for path in sorted(root.glob(f"*/*/*/{RESULT}")):
        result = read_result(path.parent)
        found.setdefault((result.report, result.row), []).append(result)
    return MappingProxyType({row: tuple(sorted(results, key=_order)) for row, results in found.items()})


def folder_of(root: Path, result: Result) -> Path:
    """Where a run's files lie below the results' root."""
    return run_folder(root, result.report, result.row, result.budget, result.seed)


def at_budget(results: Sequence[Result], budget: str) -> tuple[Result, ...]:
    """The runs at a budget, by seed."""
    return tuple(result for result in results if result.budget == budget)


def fullest_budget(rows: Sequence[Sequence[Result]]) -> str:
    """The fullest budget at which every row that has run at all has a run; "" where none has run."""
    run = [row for row in rows if row]
    return next((budget for budget in FULLEST_FIRST if run and all(at_budget(row, budget) for row in run)), "")


def _order(result: Result) -> tuple[int, int]:
    known = FULLEST_FIRST.index(result.budget) if result.budget in FULLEST_FIRST else len(FULLEST_FIRST)
    return known, result.seed
