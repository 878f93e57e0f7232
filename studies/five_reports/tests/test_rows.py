"""A row's file: what is laid over what, and every mistake named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dermaviz.errors import RecipeError
from studies.five_reports.rows import Row, overlaid, read_row, read_rows, report_names

LEAST = """
report: some-report
row: tiny
about: A tiny network.
deviations: []
reported:
  model: {architecture: test_resnet, weights: none}
  stages: [{size: 64, epochs: 9}]
laptop:
  stages: [{size: 32, epochs: 1}]
"""


def write(folder: Path, text: str, name: str = "some-report/tiny") -> Path:
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_mappings_are_laid_over_each_other_and_all_else_is_replaced() -> None:
    under = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    assert overlaid(under, {"a": {"c": [4]}, "e": {"f": 5}}) == {"a": {"b": 1, "c": [4]}, "d": 3, "e": {"f": 5}}
    assert under == {"a": {"b": 1, "c": [1, 2]}, "d": 3}


def test_a_row_has_a_recipe_for_each_budget(tmp_path: Path) -> None:
    row = read_row(write(tmp_path, LEAST + "seeds: [0, 7]\nfgsm: 3e-3\n"))
    laptop, full = row.recipe("laptop", 7), row.recipe("full", 0)
    assert (laptop.epochs, laptop.size_at(0), laptop.seed) == (1, 32, 7)
    assert (full.epochs, full.size_at(0), full.seed) == (9, 64, 0)
    assert (laptop.name, laptop.about, row.fgsm) == ("some-report-tiny", "A tiny network.", 0.003)


def test_a_row_that_ships_names_its_checkpoint(make_row: Callable[..., Row]) -> None:
    assert make_row(ships="some-checkpoint").recipe("full", 0).name == "some-checkpoint"


def test_a_learner_without_a_network_needs_none_in_its_recipe(make_row: Callable[..., Row]) -> None:
    row = make_row(learner="forest", reported={"stages": [{"size": 64, "epochs": 1}]})
    assert row.recipe("full", 0).model.architecture == "forest"


MISTAKES = {
    "unknown key": ("seed: 3", r"seed: no such key; did you mean seeds\?"),
    "key of a recipe": ("stages: []", r"stages: no such key"),
    "unknown learner": ("learner: perceptron", r"learner: expected one of network, forest, svm, xgboost, found"),
    "no seed": ("seeds: []", r"some-report/tiny: expected at least one seed, found none\. Write seeds: \[0\]"),
    "seed in words": ("seeds: [one]", r"seeds\[0\]: expected a whole number, found 'one'"),
    "one claim without a list": ("claims: gupta/x", r"claims: expected a list, found 'gupta/x'"),
    "recipe as a list": ("laptop: []", r"laptop: expected keys and values, found \[\]"),
    "a recipe's mistake": (
        "laptop: {batch: 8}",
        r"some-report/tiny, budget laptop: batch: no such key; did you mean batch_s",
    ),
    "a recipe's value": ("reported: {stages: []}", r"some-report/tiny, budget laptop: recipe: expected the key model"),
    "a name of its own": ("laptop: {seed: 3}", r"some-report/tiny: expected no seed among a recipe's keys, found one"),
}


@pytest.mark.parametrize(("line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, line: str, message: str) -> None:
    key = line.split(":")[0]
    kept, dropping = [], False
    for old in LEAST.splitlines():
        dropping = old.startswith(f"{key}:") or (dropping and old.startswith(" "))
        kept += [] if dropping else [old]
    with pytest.raises(RecipeError, match=f"tiny.yaml: {message}"):
        read_row(write(tmp_path, "\n".join([*kept, line])))


def test_files_that_are_no_row(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"expected a row at .*found none"):
        read_row(tmp_path / "absent.yaml")
    with pytest.raises(RecipeError, match=r"expected YAML, found text that is not"):
        read_row(write(tmp_path, "a: [1, 2"))
    with pytest.raises(RecipeError, match=r"expected the row some-report/other, found some-report/tiny\. Rename one"):
        read_row(write(tmp_path, LEAST, "some-report/other"))


def test_rows_are_found_by_name_and_a_wrong_name_gets_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, LEAST)
    write(tmp_path, LEAST.replace("row: tiny", "row: large"), "some-report/large")
    assert report_names(tmp_path) == ("some-report",)
    assert [row.row for row in read_rows("some-report", root=tmp_path)] == ["large", "tiny"]
    assert [row.row for row in read_rows("some-report", ("tiny",), tmp_path)] == ["tiny"]
    with pytest.raises(RecipeError, match=r"expected a report, found 'sum-report'; did you mean some-report\?"):
        read_rows("sum-report", root=tmp_path)
    with pytest.raises(RecipeError, match=r"expected a row of some-report, found 'zzz'; there are large, tiny\."):
        read_rows("some-report", ("zzz",), tmp_path)
