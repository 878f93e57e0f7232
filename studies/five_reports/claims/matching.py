"""Which row reruns a printed figure, and in what that rerun differs from the report: images, network, budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from studies.five_reports.claims.question import CONSTANT, Pair
from studies.five_reports.claims.reruns import SOURCE_OF
from studies.five_reports.names import take_apart
from studies.five_reports.reported.ledger import Claim, Report
from studies.five_reports.result import Result

if TYPE_CHECKING:
    from studies.five_reports.rows import Row


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
class Conditions:
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


def conditions_of(result: Result, row: Row) -> Conditions:
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
    return Conditions(
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


UNDER = ("fgsm", "noise")
"""Runs of the ledger with such a name are figures of a row under that attack or noise."""
_OURS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "auc": "roc_auc",
        "called": "called",
        "f1": "f1",
        "macro_f1": "macro_f1",
        "micro_f1": "accuracy",
        "micro_precision": "accuracy",
        "micro_recall": "accuracy",
        "precision": "precision",
        "recall": "sensitivity",
        "weighted_f1": "weighted_f1",
        "weighted_precision": "weighted_precision",
        "weighted_recall": "accuracy",
    }
)
"""The slug of what the ledger calls a metric; micro averages and the weighted recall are the accuracy."""
_OF_A_CLASS = frozenset({"roc_auc", "called", "f1", "precision", "sensitivity"})
_THEIRS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "f1": "f1",
        "macro_f1": "macro_f1",
        "malignant_auc": "auc",
        "precision": "precision",
        "roc_auc": "auc",
        "sensitivity": "recall",
    }
)
"""The ledger's name of a slug of the questions, where reports print it."""


def our_metric(claim: Claim, classes: Sequence[str]) -> str:
    """The name of our metric that a printed figure is held against, ``f1/mel``; "" where we have none.

    Of two classes, a figure of no class is one of the class that is sought, the last one.
    """
    slug = _OURS.get(claim.metric, "")
    if slug not in _OF_A_CLASS:
        return "" if claim.label else slug
    if claim.label:
        return f"{slug}/{claim.label}" if set(claim.label.split(" as ")) <= set(classes) else ""
    return f"{slug}/{classes[-1]}" if len(classes) == 2 else ""


@dataclass(frozen=True)
class Matching:
    """A report of the ledger and the rows of its recipes; ``mislabelled`` figures (by id) are not what they are called."""

    report: Report
    rows: tuple[Row, ...]
    mislabelled: frozenset[str] = frozenset()

    def row_of(self, claim: Claim) -> str:
        """The row that reruns a figure, ``resnet-18/fgsm`` under an attack; "" where none does.

        Where several do, it is the one that is named like the run.
        """
        name = claim.row.rpartition("/")[2]
        found = sorted((row.row for row in self.rows if claim.row in row.claims), key=lambda row: (row != name, row))
        if not found:
            return ""
        return f"{found[0]}/{name}" if name in UNDER else found[0]

    def printed_difference(self, pair: Pair, metric: str) -> float | None:
        """By how much the first row of a pair is printed above the second, where one table has both; else None."""
        first, second = (self._printed(row, metric) for row in pair)
        return next((value - second[table] for table, value in first.items() if table in second), None)

    def printed_figure(self, row: str, metric: str) -> float | None:
        """What is printed of a row in a metric, first of all; None where nothing is."""
        return next(iter(self._printed(row, metric).values()), None)

    def _printed(self, name: str, metric: str) -> dict[str, float]:
        """What is printed of a row in a metric, by table: of the class, or of the class that is sought."""
        slug, _, label = metric.partition("/")
        row, _, under = name.partition("/")
        runs = [run for known in self.rows if known.row == row for run in known.claims if run in self.report.rows]
        found: dict[str, float] = {}
        for run in runs if slug in _THEIRS and name != CONSTANT else ():
            table, _, last = run.rpartition("/")
            if (last if last in UNDER else "") == under:
                figures = self.report.rows[run]
                claim = figures.get((_THEIRS[slug], label)) or figures.get((_THEIRS[slug], ""))
                if claim is not None and claim.id not in self.mislabelled:
                    found.setdefault(table, float(claim.printed.value))
        return found
