"""A row of a report's table — how the report made it, and what is changed so that a laptop can make it too."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from dermaviz.errors import RecipeError
from dermaviz.io import read_yaml
from dermaviz.schema import Number, Whole, build, validated
from dermaviz.training.recipe import Recipe, recipe_of

Budget = Literal["laptop", "full"]
Learner = Literal["network", "forest", "svm", "xgboost"]
BUDGETS: tuple[Budget, ...] = get_args(Budget)
NETWORK: Learner = "network"


@validated(RecipeError, "row")
class Row:
    """One row of a report's table, or one half of a pair that answers a claim.

    ``claims`` are ids of results/claims.yaml: runs (``gupta/table-1/resnet-18``: all its figures) and statements
    (``gupta/deeper-is-worse``). ``reported`` are a recipe's keys as the report states them, at the budget ``full``;
    ``laptop`` is laid over them at the budget ``laptop``. ``deviations`` say, sentence by sentence, what differs from the
    report and why. ``seeds`` are those of training: several where a claim rests on a difference. ``ships`` names the
    checkpoint to keep ("" for none); ``fgsm`` and ``noise`` are an ε and a σ on [0, 1] pixels under which the test images
    are measured again (0: not).
    """

    report: str
    row: str
    about: str
    reported: dict
    laptop: dict
    deviations: tuple[str, ...]
    claims: tuple[str, ...] = ()
    seeds: tuple[Whole, ...] = (0,)
    learner: Learner = NETWORK
    ships: str = ""
    fgsm: Number = 0.0
    noise: Number = 0.0

    def __post_init__(self) -> None:
        if not self.seeds:
            raise RecipeError(f"{self.name}: expected at least one seed, found none. Write seeds: [0].")

    @property
    def name(self) -> str:
        """The row's name among all reports' rows."""
        return f"{self.report}/{self.row}"

    def recipe(self, budget: Budget, seed: int) -> Recipe:
        """The effective recipe: the reported keys, at the laptop's budget with what differs there laid over them.

        Raises:
            RecipeError: a key or value means nothing.
        """
        stated = overlaid(self.reported, self.laptop) if budget == "laptop" else dict(self.reported)
        if self.learner != NETWORK:
            stated = overlaid({"model": {"architecture": self.learner, "weights": "none"}}, stated)
        given = sorted({"name", "seed", "about"} & set(stated))
        if given:
            raise RecipeError(f"{self.name}: expected no {given[0]} among a recipe's keys, found one. It is the row's.")
        try:
            return recipe_of(
                {**stated, "name": self.ships or f"{self.report}-{self.row}", "seed": seed, "about": self.about}
            )
        except RecipeError as error:
            raise RecipeError(f"{self.name}, budget {budget}: {error}") from error


def overlaid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``under`` with the values of ``over``: mappings are laid over each other key by key, all else is replaced."""
    laid = dict(under)
    for key, value in over.items():
        below = laid.get(key)
        laid[key] = overlaid(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return laid


def rows_root() -> Path:
    """Where the reports' recipes are: ``recipes/`` in this folder."""
    return Path(__file__).parent / "recipes"


def report_names(root: Path | None = None) -> tuple[str, ...]:
    """The reports that have recipes."""
    return tuple(sorted(path.name for path in (root or rows_root()).glob("*") if path.is_dir()))


def read_rows(report: str, names: tuple[str, ...] = (), root: Path | None = None) -> tuple[Row, ...]:
    """The rows of a report, or those of these names, each read from ``REPORT/ROW.yaml``.

    Raises:
        RecipeError: there is no such report or row, or a file is none that :func:`read_row` takes.
    """
    folder = (root or rows_root()) / report
    _expect_one_of(report, report_names(root), "a report")
    known = tuple(sorted(path.stem for path in folder.glob("*.yaml")))
    for name in names:
        _expect_one_of(name, known, f"a row of {report}")
    return tuple(read_row(folder / f"{name}.yaml") for name in (names or known))


def read_row(path: Path) -> Row:
    """Read a row's file, and check that its recipe is valid at each budget.

    Raises:
        RecipeError: the file is no YAML mapping, a key is unknown or absent, a value has the wrong type, the file is not
            named after the row, or a recipe is not valid.
    """
    content = read_yaml(path, "a row", error=RecipeError)
    try:
        row = build(Row, content)
        for budget in BUDGETS:
            row.recipe(budget, row.seeds[0])
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    if (row.report, row.row) != (path.parent.name, path.stem):
        raise RecipeError(
            f"{path}: expected the row {path.parent.name}/{path.stem}, found {row.name}. Rename one of them."
        )
    return row


def _expect_one_of(name: str, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
        raise RecipeError(f"expected {what}, found {name!r}; {hint}")
