"""Recipes: the committed ones read, and every mistake is named with what to write instead."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from dermaviz.data.tables import Columns
from dermaviz.errors import RecipeError
from dermaviz.training.recipe import Recipe, read_recipe, recipe_of

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
LEAST = "name: x\nmodel: {architecture: test_resnet}\nstages: [{size: 32, epochs: 1}]\n"


def read_text(folder: Path, text: str) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_committed_recipe_reads_and_is_named_like_its_file(path: Path) -> None:
    assert read_recipe(path).name == path.stem


def test_the_default_recipe_says_what_the_file_says() -> None:
    recipe = read_recipe(next(path for path in RECIPES if path.stem == "ham10000-efficientnet-lite0"))
    assert recipe.optimiser.learning_rate == 1e-3  # YAML 1.1 reads 1e-3 as text
    assert recipe.model.frozen == ("conv_stem", "bn1", "blocks.0", "blocks.1")
    assert [recipe.size_at(epoch) for epoch in (0, 9, 10, 16, 17, 19)] == [128, 128, 192, 192, 224, 224]
    assert recipe.epochs == 20


MISTAKES = {
    "top-level key": ("batchsize: 8", r"batchsize: no such key; did you mean batch_size\?"),
    "nested key": (
        "optimiser: {learning_rat: 1}",
        r"optimiser\.learning_rat: no such key; did you mean optimiser\.learning_rate",
    ),
    "key of another level": (
        "learning_rate: 1",
        r"learning_rate: no such key; did you mean optimiser\.learning_rate\?",
    ),
    "key of a deeper list": ("epochs: 3", r"epochs: no such key; did you mean stages\.epochs\?"),
    "key in a list": (
        "stages: [{size: 32, epoch: 1}]",
        r"stages\[0\]\.epoch: no such key; did you mean stages\[0\]\.epochs",
    ),
    "augmentation key": (
        "augmentation: {rotation: 9}",
        r"augmentation\.rotation: no such key; did you mean augmentation\.rotate",
    ),
    "key like nothing": ("zzz: 1", r"zzz: no such key; valid keys: name, model, stages, data"),
    "text for a whole number": ("batch_size: many", r"batch_size: expected a whole number, found 'many'"),
    "fraction for a whole number": ("batch_size: 8.5", r"batch_size: expected a whole number, found 8\.5"),
    "truth value for a whole number": ("seed: true", r"seed: expected a whole number, found True"),
    "text for a number": ("ema: often", r"ema: expected a number, found 'often'"),
    "number for a truth value": ("augmentation: {flip: 1}", r"augmentation\.flip: expected true or false, found 1"),
    "number for text": ("about: 7", r"about: expected text, found 7"),
    "value for a list": ("model: {architecture: a, frozen: bn1}", r"model\.frozen: expected a list, found 'bn1'"),
    "value for keys": ("loss: focal", r"loss: expected keys and values, found 'focal'"),
    "list of another length": ("data: {pack: [150]}", r"data\.pack: expected 2 values, found \[150\]"),
    "kind within a list": ("data: {pack: [150, big]}", r"data\.pack\[1\]: expected a whole number, found 'big'"),
    "plateau without its epochs": (
        "optimiser: {schedule: plateau}",
        r"optimiser\.plateau_epochs: expected 1 or more where the schedule is plateau and 0 elsewhere, found .* with 0",
    ),
    "epochs without their plateau": (
        "optimiser: {plateau_epochs: 3}",
        r"optimiser\.plateau_epochs: expected 1 or more where .*found schedule cosine with 3",
    ),
    "factor that raises the rate": ("optimiser: {factor: 10}", r"optimiser\.factor: expected 0 to 1, found 10"),
    "frozen and trained": (
        "model: {architecture: a, frozen: [b], trained: [c]}",
        r"model\.trained: expected either frozen or trained modules, found \['b'\] frozen and \['c'\] trained",
    ),
    "no such task": (
        "data: {task: cancer}",
        r"data\.task: expected one of diagnosis, malignant, melanoma, keratosis, found 'cancer'",
    ),
    "no such equalisation": ("data: {equalise: gamma}", r'data\.equalise: expected one of "", histogram, clahe, found'),
    "fewer than no images": ("data: {images: -5}", r"data\.images: expected 0 or more, found -5"),
    "no such choice": ("sampler: random", r"sampler: expected one of shuffle, balanced, oversample, found 'random'"),
    "no such nested choice": (
        "optimiser: {name: lion}",
        r"optimiser\.name: expected one of adamw, adam, sgd, rmsprop, found",
    ),
    "no stages": ("stages: []", r"stages: expected 1 or more values, found \[\]"),
    "stage without epochs": ("stages: [{size: 32}]", r"stages\[0\]: expected the key epochs, found only size"),
    "empty stage": ("stages: [{size: 32, epochs: 0}]", r"stages\[0\]\.epochs: expected 1 to 100,000, found 0"),
    "no images in a batch": ("batch_size: 0", r"batch_size: expected 1 to 1,000,000, found 0"),
    "negative rate": ("optimiser: {learning_rate: -1}", r"optimiser\.learning_rate: expected 0 or more, found -1"),
    "rate that is no number": (
        "optimiser: {learning_rate: .nan}",
        r"optimiser\.learning_rate: expected 0 or more, found nan",
    ),
    "warm-up as steps": ("optimiser: {warm_up: 500}", r"optimiser\.warm_up: expected 0 to 1, found 500"),
    "steps without their schedule": (
        "optimiser: {steps: [3]}",
        r"optimiser\.steps: expected epochs where the schedule is step",
    ),
    "schedule without its steps": (
        "optimiser: {schedule: step}",
        r"optimiser\.steps: expected epochs where the schedule is",
    ),
    "all smoothed": ("loss: {label_smoothing: 2}", r"loss\.label_smoothing: expected 0 to 1, found 2"),
    "dropout in per cent": ("model: {architecture: a, dropout: 30}", r"model\.dropout: expected 0 to 1, found 30"),
    "average of nothing": ("ema: 1", r"ema: expected a decay in \[0, 1\), found 1"),
    "scale the wrong way round": (
        "augmentation: {scale: [2, 1]}",
        r"augmentation\.scale: expected 0 < low <= high, found",
    ),
    "negative seed": ("seed: -1", r"seed: expected 0 to 9,223,372,036,854,775,807, found -1"),
    "name that leaves the folder": (
        "name: ../x",
        r"name: expected letters, digits and - _ \. \+ \(it names folders\), found",
    ),
}


@pytest.mark.parametrize(("line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, line: str, message: str) -> None:
    kept = [entry for entry in LEAST.splitlines() if not line.startswith(entry.split(":")[0] + ":")]
    with pytest.raises(RecipeError, match=f"recipe.yaml: {message}"):
        read_text(tmp_path, "\n".join([*kept, line]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "model: {architecture: a}\nstages: [{size: 1, epochs: 1}]",
            r"recipe: expected the key name, found only model, stages",
        ),
        ("name: x\nmodel: {}\nstages: []", r"model: expected the key architecture, found only none"),
        ("just words", r"recipe: expected keys and values, found 'just words'"),
        ("", r"recipe: expected keys and values, found None"),
        ("a: [1, 2", r"expected YAML, found text that is not"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_text(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"found none\. The committed ones are in recipes/"):
        read_recipe(tmp_path / "absent.yaml")
    with pytest.raises(RecipeError, match=r"expected a recipe at .*, found a folder"):
        read_recipe(tmp_path)
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(RecipeError, match=r"expected a recipe that can be read, found bytes that are no UTF-8"):
        read_recipe(tmp_path / "picture.yaml")


def test_a_plateau_wants_a_figure_to_wait_for() -> None:
    content = yaml.safe_load(LEAST) | {"optimiser": {"schedule": "plateau", "plateau_epochs": 3}, "select_by": "last"}
    with pytest.raises(RecipeError, match=r"select_by: expected a validation figure .* found last, which always gains"):
        recipe_of(content)
    assert recipe_of(content | {"select_by": "accuracy"}).optimiser.plateau_epochs == 3


def test_the_hash_follows_the_values_not_the_writing(tmp_path: Path) -> None:
    recipe = read_text(tmp_path, LEAST)
    assert read_text(tmp_path, "# a comment\nbatch_size: 32\n" + LEAST).sha256 == recipe.sha256
    assert replace(recipe, batch_size=16).sha256 != recipe.sha256


def test_a_recipe_without_columns_has_the_hash_that_it_had_before_there_were_any() -> None:
    """Saved states of a run are only continued by the recipe that made them."""
    recipe = read_recipe(RECIPES[0])
    content = asdict(recipe)
    del content["data"]["columns"]
    assert recipe.sha256 == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    named = replace(recipe, data=replace(recipe.data, columns=Columns(label="truth")))
    assert named.sha256 != recipe.sha256
