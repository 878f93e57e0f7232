"""The reports' recipes: each one read at both budgets, within its time, about claims that exist, and fair to its pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from dermaviz.models.specs import architecture, skeleton
from dermaviz.training.recipe import ModelRecipe
from studies.five_reports.names import take_apart
from studies.five_reports.plan import COSTS, FIT_SECONDS, estimated_seconds, planned
from studies.five_reports.rows import BUDGETS, NETWORK, Budget, Row, read_row, read_rows, report_names, rows_root

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "results" / "claims.yaml"
FILES = sorted(rows_root().glob("*/*.yaml"))
ROWS = {f"{path.parent.name}/{path.stem}": path for path in FILES}
NOT_TO_BE_HAD = {
    "gupta/baseline/darker": "nine photos from journals",
    "gupta/resnet-18/darker": "nine photos from journals",
    **{
        f"sagar/table-6/{work}": "another group's work"
        for work in (
            *("pomponiu-2016", "codella-2017", "haenssle-2018", "han-2018", "bi-2017", "kawahara-2016"),
            *("lopez-2017", "nasr-esfahani-2016"),
        )
    },
}


@pytest.fixture(scope="module")
def ledger() -> Mapping[str, Any]:
    """The ledger of claims, every scalar as text."""
    if not LEDGER.is_file():
        pytest.skip(f"no ledger of claims at {LEDGER}")
    return yaml.load(LEDGER.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


@pytest.mark.parametrize("path", FILES, ids=ROWS)
def test_every_recipe_is_valid_and_ends_within_six_minutes(path: Path) -> None:
    row = read_row(path)
    assert row.deviations, "no rerun is the report's own run: say what differs"
    for seed in row.seeds:
        assert 0 < estimated_seconds(row.recipe("laptop", seed)) <= 360
        assert row.recipe("full", seed).epochs >= row.recipe("laptop", seed).epochs


def test_all_runs_at_the_laptops_budget_fit_into_200_minutes() -> None:
    runs = planned([read_row(path) for path in FILES], "laptop")
    assert sum(run.seconds for run in runs) <= 200 * 60


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("path", FILES, ids=ROWS)
def test_what_a_recipe_names_is_there(path: Path, budget: Budget) -> None:
    row = read_row(path)
    recipe = row.recipe(budget, row.seeds[0])
    name = take_apart(recipe.model.architecture)
    assert name.base in {**COSTS, **FIT_SECONDS}
    if name.size:  # the network flattens its maps
        assert {stage.size for stage in recipe.stages} == {name.size}
    if recipe.model.trained or recipe.model.frozen:
        modules = dict(skeleton(recipe.model.architecture).named_modules())
        assert set(recipe.model.trained) | set(recipe.model.frozen) <= set(modules)
    if row.learner != NETWORK:
        assert recipe.model == ModelRecipe(row.learner, weights="none")


@pytest.mark.parametrize("path", FILES, ids=ROWS)
def test_the_laptops_budget_needs_no_weights_from_the_hub(path: Path) -> None:
    row = read_row(path)
    model = row.recipe("laptop", row.seeds[0]).model
    assert model.weights == "none" or architecture(take_apart(model.architecture).base).package


@pytest.mark.parametrize("path", FILES, ids=ROWS)
def test_claims_exist(path: Path, ledger: Mapping[str, Any]) -> None:
    runs = {
        f"{report}/{table}/{row}"
        for report, told in ledger.items()
        for table, printed in told["tables"].items()
        for row in printed["rows"]
    }
    statements = {f"{report}/{key}" for report, told in ledger.items() for key in told["statements"]}
    assert set(read_row(path).claims) <= runs | statements


def test_every_figure_of_a_model_has_a_recipe(ledger: Mapping[str, Any]) -> None:
    measured = {"accuracy", "f1", "auc", "recall", "weighted_f1"}
    printed = {
        f"{report}/{name}/{row}"
        for report, told in ledger.items()
        for name, table in told["tables"].items()
        for row, figures in table["rows"].items()
        if measured & set(figures)
    }
    claimed = {claim for path in FILES for claim in read_row(path).claims}
    assert printed - claimed - set(NOT_TO_BE_HAD) == set()


PAIRS = {
    "weights of EfficientNet-Lite": ("gupta-et-al/lite0-pretrained", "gupta-et-al/lite0-scratch", {"model.weights"}),
    "depth of EfficientNet-Lite": ("gupta-et-al/lite0-scratch", "gupta-et-al/lite2-scratch", {"model.architecture"}),
    "what is trained": (
        "chaudhary-byun/melanoma-conv5",
        "chaudhary-byun/melanoma-conv4-conv5",
        {"model.trained"},
    ),
    "fine-tuning or not": (
        "chaudhary-byun/melanoma-conv5",
        "chaudhary-byun/melanoma-lite0-scratch",
        {"model.trained", "model.weights"},
    ),
    "what is asked": ("chaudhary-byun/melanoma-conv5", "chaudhary-byun/keratosis-conv5", {"data.task"}),
    "batch": ("sagar-jacob/batch-64", "sagar-jacob/batch-32", {"batch_size"}),
    "rate": ("sagar-jacob/batch-64", "sagar-jacob/rate-1e-5", {"optimiser.learning_rate"}),
    "Adam or SGD": ("sagar-jacob/batch-64", "sagar-jacob/sgd", {"optimiser.name"}),
    "photos": ("sagar-jacob/size-600", "sagar-jacob/size-300", {"data.images", "stages"}),
    "leak": (
        "ham10000-cnn-transfer/leak-by-lesion",
        "ham10000-cnn-transfer/leak-by-image",
        {"data.manifest", "data.leaky"},
    ),
    "leak of a forest": (
        "ham10000-cnn-transfer/forest",
        "ham10000-cnn-transfer/leak-forest-by-image",
        {"data.manifest", "data.leaky"},
    ),
    "class weights": ("bezzon-carraro/four", "bezzon-carraro/weights", {"loss.class_weight_power"}),
    "blocks": ("bezzon-carraro/three", "bezzon-carraro/four", {"model.architecture"}),
    "rate of four blocks": ("bezzon-carraro/four", "bezzon-carraro/rate-1e-5", {"optimiser.learning_rate"}),
}


@pytest.mark.parametrize(("first", "second", "keys"), PAIRS.values(), ids=PAIRS)
def test_a_pair_differs_in_nothing_but_what_it_is_about(first: str, second: str, keys: set[str]) -> None:
    one, other = (_flat(read_row(ROWS[name])) for name in (first, second))
    assert {key for key in one | other if one.get(key) != other.get(key)} == keys


def _flat(row: Row) -> dict[str, Any]:
    """The laptop's recipe by dotted keys, without what only names it."""
    recipe = asdict(row.recipe("laptop", row.seeds[0]))
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        flat |= {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
    return {key: value for key, value in flat.items() if key not in ("name", "about")}


@pytest.mark.parametrize(
    "first", ["conv5", "lite0-scratch", "four", "weights", "oversampled", "leak-by-image", "forest"]
)
def test_rows_whose_claims_rest_on_a_difference_have_three_seeds(first: str) -> None:
    rows = [row for report in report_names() for row in read_rows(report) if row.row.endswith(first)]
    assert rows
    assert all(len(row.seeds) == 3 for row in rows)
