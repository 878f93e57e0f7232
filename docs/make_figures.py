"""Write the figures in README.md and docs/ that come from evidence, between ``<!-- figures: NAME -->`` and ``<!-- end -->``:
``python docs/make_figures.py``. `dermaviz rebuild` runs it when evidence has changed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from dermaviz.evidence.predictions import Audited, evidence_of, external_drop, internal, read_audited
from dermaviz.evidence.store import DataSplit
from dermaviz.fairness.effects import BACKGROUND_ONLY, SHORTCUTS, shortcut_effects
from dermaviz.fairness.trend import ita_trend
from dermaviz.metrics.bootstrap import Bootstrap
from dermaviz.models.card import DEFAULT_CHECKPOINT, Checkpoint, list_checkpoints
from dermaviz.robustness.cameras import CHANGES, changed_answers

ROOT = Path(__file__).parents[1]
ROBUST = f"{DEFAULT_CHECKPOINT}-robust"
FGSM, PGD = 0.003, 1 / 255


@cache
def models() -> dict[str, Checkpoint]:
    return {name: one for name, one in list_checkpoints()[0].items() if one.folder.parent == ROOT / "checkpoints"}


@cache
def home(name: str = DEFAULT_CHECKPOINT) -> Audited:
    return read_audited(models()[name])


def number(value: float) -> str:
    """.719 as in .719; 1.08 stays, and a difference has its sign."""
    return f"{value:.3f}".replace("-", "−").replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"


def between(
    row: Mapping[str, float], name: str = "value", dash: str = "–", form: Callable[[float], str] = number
) -> str:
    """A figure with its interval."""
    ends = ("low", "high") if name == "value" else (f"{name}_low", f"{name}_high")
    return f"{form(row[name])} ({dash.join(form(row[end]) for end in ends)})"


def default_model() -> str:
    """The figures on the default model's card, and what becomes of them elsewhere."""
    figures = models()[DEFAULT_CHECKPOINT].card.metrics["test"]
    shown = {
        "balanced accuracy": "balanced_accuracy", "macro-F1": "macro_f1", "melanoma AUC": "melanoma_auc",
        "accuracy": "accuracy", "melanoma sensitivity": "melanoma_sensitivity",
    }  # fmt: skip
    constant = {"melanoma_auc": 0.5, "melanoma_sensitivity": 0.0, **figures["constant_answer"]}
    rows = [
        ["", *shown],
        ["---"] * (len(shown) + 1),
        ["the model", *(between(figures[name]) for name in shown.values())],
        ['always "nevus"', *(number(constant[name]) if constant[name] else "0" for name in shown.values())],
    ]
    auc = external_drop(models()[DEFAULT_CHECKPOINT]).set_index("metric").loc["melanoma_auc"]
    elsewhere = (
        f"**Elsewhere it does much worse**: on {auc['n_second']} photographs of other cameras (isic-uda1, melanoma against "
        f"nevus) its melanoma AUC is {between(auc, 'second')}, on the same two diagnoses at home {between(auc, 'first')}: "
        "[external validation](docs/external-validation.md)."
    )
    return f"{table(rows)}\n\n{wrapped(elsewhere)}"


def attacks() -> str:
    """What is right under attack, of the default model and of its defended twin."""

    def right(name: str, method: str, epsilon: float) -> float:
        rows = evidence_of(models()[name], "attacks").table
        rows = rows[(rows["method"] == method) & np.isclose(rows["epsilon"], epsilon)].set_index("image_id")
        return float((rows["predicted"] == home(name).table.set_index("image_id")["dx"]).mean())

    twin = models()[ROBUST].card.metrics["test"]
    fgsm, noise = (number(right(DEFAULT_CHECKPOINT, method, FGSM)) for method in ("fgsm", "uniform noise"))
    pgd, twin_pgd = (number(right(name, "pgd", PGD)) for name in (DEFAULT_CHECKPOINT, ROBUST))
    return wrapped(
        f"Attacks break it: on the same {len(home()):,} photos FGSM at ε = 3e-3 (0.77 of a grey level) leaves an accuracy of "
        f"{fgsm}, PGD of 20 steps at 1/255 leaves {pgd}, and noise of FGSM's size {noise}. `checkpoints/{ROBUST}` is its "
        f"defended twin, tuned on adversarial and noisy images by [its recipe](recipes/{ROBUST}.yaml): under that PGD it keeps "
        f"{twin_pgd} of its {number(twin['accuracy']['value'])}. The price is "
        f"a balanced accuracy of {between(twin['balanced_accuracy'])} on "
        "clean photos."
    )


def maps_and_shortcuts() -> str:
    """Where the default model looks, what moves it, and how tone goes with being right."""
    images, checkpoint = home(), models()[DEFAULT_CHECKPOINT]
    seen = evidence_of(checkpoint, "attention").table.set_index("image_id").reindex(images.table["image_id"])
    known = seen["energy"].notna().to_numpy()
    energy = Bootstrap.over(images.clusters).take(known).mean(seen["energy"].to_numpy()[known]).estimate()
    card = checkpoint.card
    effects = shortcut_effects(
        evidence_of(checkpoint, "shortcuts").table, images.table, card.classes, frozenset(card.malignant)
    ).set_index(["variant", "metric"])
    moved = {name: effects.loc[(name, "p_positive_change")] for name in SHORTCUTS}
    worst = max(moved, key=lambda name: abs(moved[name]["value"]))
    value, low, high = (f"{100 * moved[worst][end]:+.1f}".replace("-", "−") for end in ("value", "low", "high"))
    tone = evidence_of(checkpoint, "tone").table.set_index("image_id").reindex(images.table["image_id"])
    right = images.probabilities.argmax(axis=1) == images.labels
    odds = ita_trend(right, -tone["ita"].to_numpy(), images.clusters, strata=images.table["dx"].tolist()).odds_ratio
    area, centre = (number(seen[name].mean()) for name in ("lesion_area", "energy_centre"))
    without, constant = (
        effects.loc[(BACKGROUND_ONLY, "accuracy"), "value"],
        card.metrics["test"]["constant_answer"]["accuracy"],
    )
    return wrapped(
        f"Its maps put {between(asdict(energy))} of their energy on the lesion, which covers {area} of the picture; a spot in "
        f"the centre would put {centre} there. Of artefacts laid over the photos, “{worst}” moves its probability of melanoma "
        f"most ({value} points, {low} to {high}). With the lesion painted out it is still right on {without:.0%} of the photos "
        f'(always "nevus": {constant:.0%}). For each 10° that the estimated tone is darker, its odds of being right are '
        f"× {odds.value:.2f} ({odds.low:.2f}–{odds.high:.2f}) within a diagnosis, in photos that are almost "
        "all of very light skin or bluish light."
    )


def wrapped(prose: str) -> str:
    return textwrap.fill(prose, 130, break_long_words=False, break_on_hyphens=False)


def external() -> str:
    """Two figures of every model at home and elsewhere."""
    rows = [["model", "figure", "HAM10000 test", "isic-uda1 test", "difference (95% interval)"], ["---"] * 5]
    for name, checkpoint in models().items():
        found = external_drop(checkpoint).set_index("metric")
        mine = (
            ("melanoma_auc", "melanoma_sensitivity")
            if "melanoma_auc" in found.index
            else ("malignant_auc", "balanced_accuracy")
        )
        for metric in mine:
            row = found.loc[metric]
            signed = lambda value: ("+" if value > 0 else "") + number(value)  # noqa: E731
            rows.append(
                [name, row["label"], *(between(row, side, " to ") for side in ("first", "second")),
                 between(row, "difference", " to ", signed)]
            )  # fmt: skip
    return table(rows)


def changed(row: Mapping[str, float]) -> str:
    return between(row, "changed", form="{:.1%}".format)


def cameras() -> str:
    """The share of answers that another camera changes, of every model on both data sets."""
    others = [name for name in CHANGES if name != "sharpness"]
    rows = [
        ["model", "photographs", "150 to 600 px", *(CHANGES[name].label for name in others)],
        ["---"] * (3 + len(others)),
    ]
    for name, checkpoint in models().items():
        for of in (internal(checkpoint.card), DataSplit("isic-uda1", "test")):
            images = read_audited(checkpoint, of)
            found = changed_answers(
                evidence_of(checkpoint, "cameras", of).table,
                dict(zip(images.table["image_id"], images.clusters, strict=True)),
            )
            whole = found[(found["change"] == "sharpness") & (found["level"] == 0)].iloc[0]
            worst = [found[found["change"] == change].sort_values("changed").iloc[-1] for change in others]
            sharp = "–" if of == internal(checkpoint.card) else changed(whole)
            rows.append([name, of.data_set, sharp, *(changed(row) for row in worst)])
    return table(rows)


def table(rows: list[list[str]]) -> str:
    return "\n".join(
        "|" + "|".join(f" {cell} " if cell != "---" else cell for cell in row).replace("  ", " ") + "|" for row in rows
    )


BLOCKS: Mapping[str, Callable[[], str]] = {
    "default model": default_model,
    "attacks": attacks,
    "maps and shortcuts": maps_and_shortcuts,
    "external": external,
    "cameras": cameras,
}


def written(text: str) -> str:
    """A document with its blocks as the evidence is now."""
    return re.sub(
        r"(<!-- figures: ([\w ]+) -->\n).*?(<!-- end -->)",
        lambda found: found[1] + BLOCKS[found[2]]() + "\n" + found[3],
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        before = path.read_text(encoding="utf-8")
        if (after := written(before)) != before:
            path.write_text(after, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: figures written")
