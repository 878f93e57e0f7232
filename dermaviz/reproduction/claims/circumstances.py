"""Reproduction: in what a run differs from what the report did — other photos, another network, a smaller budget — in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dermaviz.models.names import take_apart
from dermaviz.reproduction.claims.sources import SOURCE_OF
from dermaviz.reproduction.results import Result

if TYPE_CHECKING:  # recipes bring torch, which pages that only read answers do without
    from dermaviz.reproduction.rows import Row

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "tf_efficientnet_lite0": "EfficientNet-Lite0",
        "resnet50": "ResNet-50",
        "inception_v3": "Inception-v3",
        "mobilenetv1_100": "MobileNet",
        "mobilenetv2_100": "MobileNet-v2",
    }
)
"""What networks that stand in, and those that they stand in for, are called."""
DATASETS = MappingProxyType({"ham10000": "HAM10000"})


@dataclass(frozen=True)
class Circumstances:
    """How a run came about.

    ``data`` are its photos and their split. ``other_photos`` and ``other_network`` say what stands in for what ("" where
    nothing does), ``less`` what the run had less of than the report, phrase by phrase; none at the full budget.
    """

    data: str
    budget: str
    other_photos: str = ""
    other_network: str = ""
    less: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The budget in words: ``laptop: 64 px instead of 224, 4 epochs instead of 30``."""
        return f"{self.budget}: {', '.join(self.less)}" if self.less else self.budget

    @property
    def same(self) -> bool:
        """Whether it had the report's photos and network."""
        return not self.other_photos and not self.other_network


def circumstances(result: Result, row: Row) -> Circumstances:
    """In what a run differs from what its row says that the report did."""
    source = SOURCE_OF.get(result.report)
    dataset = str(result.data.get("dataset", ""))
    name = DATASETS.get(dataset, dataset)
    recipe = result.settings.get("recipe", {})
    split = "by photo" if recipe.get("data", {}).get("leaky") else "by lesion"
    theirs = source.photos if source else ""
    data = f"{name}, split {split}"
    if source and source.split:
        data += f" (the report's: {source.split})"
    return Circumstances(
        data,
        result.budget,
        f"{name} stands in for {theirs}" if theirs else "",
        _other_network(recipe, row.reported),
        _less(result, recipe, row.reported),
    )


def _other_network(ours: Mapping[str, Any], reported: Mapping[str, Any]) -> str:
    used, stated = (str(of.get("model", {}).get("architecture", "")) for of in (ours, reported))
    if not used or not stated or take_apart(used).base == take_apart(stated).base:
        return ""
    names = [NAMES.get(take_apart(one).base, take_apart(one).base) for one in (used, stated)]
    return f"{names[0]} stands in for {names[1]}"


def _less(result: Result, ours: Mapping[str, Any], reported: Mapping[str, Any]) -> tuple[str, ...]:
    """What a run had less of; sizes and epochs are of the last and of all stages."""
    if not reported.get("stages") or not ours.get("stages"):
        return ()
    phrases = []
    size, stated = int(ours["stages"][-1]["size"]), int(reported["stages"][-1]["size"])
    if size < stated:
        phrases.append(f"{size} px instead of {stated}")
    epochs, most = (sum(int(stage["epochs"]) for stage in of["stages"]) for of in (ours, reported))
    if epochs < most:
        phrases.append(
            f"{epochs} epoch{'s' * (epochs > 1)} instead of {'up to ' * bool(reported.get('patience'))}{most}"
        )
    images, wanted = (int(of.get("data", {}).get("images", 0)) for of in (ours, reported))
    if images and images != wanted:
        shown = sum(result.data["images"]["train"].values())
        phrases.append(f"{shown:,} training photos" + (f" instead of {wanted:,}" if wanted else ""))
    if reported.get("model", {}).get("weights") == "imagenet" and ours.get("model", {}).get("weights") == "none":
        phrases.append("from random weights instead of ImageNet's")
    return tuple(phrases)
