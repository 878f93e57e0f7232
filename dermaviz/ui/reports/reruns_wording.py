"""One run of a report's row in words: what it was made with, how much it gets right, and what spoilt photos do to it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dermaviz.evaluation.confusion import most_frequent_mistake
from dermaviz.reproduction.results import Result
from dermaviz.ui.confusion.cards_wording import figure
from dermaviz.ui.confusion.wording import mistake_sentence
from dermaviz.ui.reports.reruns import Rerun
from dermaviz.ui.wording import images

_SPLITS = MappingProxyType({"train": "to train on", "validation": "for validation", "test": "for the test"})
_SPOILT = MappingProxyType({"fgsm": "Under FGSM at ε = {size:g}", "noise": "Under Gaussian noise of σ = {size:g}"})
_SETS = MappingProxyType({"ham10000": "HAM10000"})


def run_label(result: Result) -> str:
    """A run of a row as lists name it: ``seed 0``, with its budget where that is not the laptop's."""
    return f"seed {result.seed}" if result.budget == "laptop" else f"seed {result.seed}, {result.budget} budget"


def data_sentence(result: Result) -> str:
    """Which photos it saw, how many, and how large."""
    name = str(result.data.get("dataset", ""))
    counts: Mapping[str, Mapping[str, int]] = result.data.get("images", {})
    told = ", ".join(
        f"{sum(counts[split].values()):,} photos {words}" for split, words in _SPLITS.items() if split in counts
    )
    recipe = result.settings.get("recipe", {})
    leaky = " The split is by image, so photos of one lesion lie on both sides." if _is_leaky(recipe) else ""
    side = f", {stages[-1]['size']} × {stages[-1]['size']} pixels" if (stages := recipe.get("stages")) else ""
    return f"{_SETS.get(name, name)}: {told}{side}.{leaky}"


def _is_leaky(recipe: Mapping[str, Any]) -> bool:
    return bool(recipe.get("data", {}).get("leaky"))


def making_sentence(result: Result) -> str:
    """How long it took, where, and with what."""
    made = ", ".join(f"{name} {version}" for name, version in result.made.items())
    return " ".join(
        filter(
            None,
            (
                f"Made at the {result.budget} budget in {_duration(result.seconds)}",
                f"on {result.machine}" if result.machine else "",
                f"({made})." if made else ".",
            ),
        )
    ).replace(" .", ".")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def right_sentence(run: Rerun) -> str:
    """How many test images it calls what they are, beside the constant answer, and its most frequent mistake; Markdown."""
    verdicts, row = run.verdicts, run.result.figure("accuracy")
    said = (
        f"It calls **{int(verdicts.right.sum()):,} of {images(len(run.labels))}** what they are: {figure(row)}; always answering "
        f"“{run.commonest}” gets {row['constant']:.3f}."
    )
    mistake = most_frequent_mistake(verdicts)
    if mistake is None:
        return said
    return f"{said} {mistake_sentence(mistake, run.names[mistake.true], run.names[mistake.called])}"


def spoilt_sentences(result: Result) -> list[str]:
    """The accuracy under each attack or noise that the row was measured with, beside that of the clean photos."""
    clean = next(row for row in result.figures if row["metric"] == "accuracy")
    return [
        f"{_SPOILT[name].format(size=result.settings.get(name, 0.0))}, its accuracy is {figure(row)}, on clean photos "
        f"{clean['value']:.3f}."
        for name, rows in result.under.items()
        for row in rows
        if row["metric"] == "accuracy" and name in _SPOILT
    ]
