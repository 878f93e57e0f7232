"""What a run had less of than the report, read from its settings and the row's own statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import pytest

from studies.five_reports.claims.matching import conditions_of
from studies.five_reports.result import Result
from studies.five_reports.rows import Row, read_rows

Leave = Callable[..., Result]
REPORTED = {
    "data": {"images": 0},
    "model": {"architecture": "resnet50+dense64", "weights": "imagenet"},
    "stages": [{"size": 224, "epochs": 30}],
}
RECIPE: Mapping[str, Any] = {
    "data": {"images": 0, "leaky": False},
    "model": {"architecture": "resnet50+dense64", "weights": "imagenet"},
    "stages": [{"size": 224, "epochs": 30}],
}


@pytest.mark.parametrize(
    ("recipe", "reported", "less"),
    [
        ({}, {}, ()),
        ({"stages": [{"size": 64, "epochs": 4}]}, {}, ("64 px instead of 224", "4 epochs instead of 30")),
        ({"stages": [{"size": 224, "epochs": 1}]}, {"patience": 10}, ("1 epoch instead of up to 30",)),
        ({"stages": [{"size": 96, "epochs": 10}, {"size": 224, "epochs": 20}]}, {}, ()),
        ({"data": {"images": 1200}}, {}, ("1,200 training photos",)),
        ({"data": {"images": 1200}}, {"data": {"images": 2000}}, ("1,200 training photos instead of 2,000",)),
        ({"data": {"images": 300}}, {"data": {"images": 300}}, ()),
        (
            {"model": {"architecture": "resnet50+dense64", "weights": "none"}},
            {},
            ("from random weights instead of ImageNet's",),
        ),
        ({"stages": []}, {"stages": []}, ()),
    ],
)
def test_what_a_run_had_less_of(
    leave: Leave, make_row: Callable[..., Row], recipe: dict, reported: dict, less: tuple[str, ...]
) -> None:
    images = recipe.get("data", {}).get("images", 0)
    data = {"dataset": "ham10000", "images": {"train": {"a": images // 2, "b": images - images // 2}}}
    result = leave("four", [0, 1], [0, 1], settings={"recipe": {**RECIPE, **recipe}}, data=data)
    found = conditions_of(result, make_row(reported={**REPORTED, **reported}, laptop={}))
    assert found.less == less
    assert found.words == (f"laptop: {', '.join(less)}" if less else "laptop")


@pytest.mark.parametrize(
    ("report", "used", "other_photos", "other_network"),
    [
        ("bezzon-carraro", "resnet50+dense64@64", "", ""),
        ("bezzon-carraro", "tf_efficientnet_lite0", "", "EfficientNet-Lite0 stands in for ResNet-50"),
        ("gupta-et-al", "resnet50", "HAM10000 stands in for the report's 3,297 photos of the ISIC archive", ""),
    ],
)
def test_what_stands_in(
    leave: Leave, make_row: Callable[..., Row], report: str, used: str, other_photos: str, other_network: str
) -> None:
    recipe = {**RECIPE, "model": {"architecture": used.partition("@")[0], "weights": "imagenet"}}
    result = leave("four", [0, 1], [0, 1], report=report, settings={"recipe": recipe})
    found = conditions_of(result, make_row(reported=REPORTED, laptop={}))
    assert (found.other_photos, found.other_network) == (other_photos, other_network)
    assert found.same is not bool(other_photos or other_network)


@pytest.mark.parametrize(("leaky", "words"), [(True, "split by photo"), (False, "split by lesion")])
def test_the_split_is_named(leave: Leave, make_row: Callable[..., Row], leaky: bool, words: str) -> None:
    result = leave("four", [0, 1], [0, 1], settings={"recipe": {**RECIPE, "data": {"leaky": leaky, "images": 0}}})
    data = conditions_of(result, make_row(reported=REPORTED, laptop={})).data
    assert data == f"HAM10000, {words} (the report's: by photo, as far as it says)"


def test_a_recipe_of_the_reports_is_put_in_words(leave: Leave) -> None:
    (row,) = read_rows("gupta-et-al", ("resnet-152",))
    recipe = asdict(row.recipe("laptop", 0))
    data = {"dataset": "ham10000", "images": {"train": {"benign": 350, "malignant": 350}}}
    found = conditions_of(
        leave("resnet-152", [0, 1], [0, 1], report="gupta-et-al", settings={"recipe": recipe}, data=data), row
    )
    assert found.words == (
        "laptop: 64 px instead of 224, 2 epochs instead of 30, 700 training photos, from random weights instead of ImageNet's"
    )
