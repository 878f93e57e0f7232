"""The tables of an audit of skin tone and attention with known answers, as a checkpoint's evidence holds them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from dermaviz.attention.methods import METHODS
from dermaviz.evidence.store import DataSplit, Source, read_evidence, write_evidence
from dermaviz.fairness.effects import VARIANTS
from dermaviz.fairness.tone_groups import tone_groups
from dermaviz.models.card import DEFAULT_CHECKPOINT, Checkpoint, read_card

SHIPPED = Path(__file__).parents[2] / "checkpoints" / DEFAULT_CHECKPOINT
OWN = DataSplit("ham10000", "test")
SAMPLE = 40
ITAS = np.array([60.0, 50.0, 45.0, 42.0, 35.0, 30.0, 20.0, 42.0])
"""ITA of the i-th photo is the (i mod 8)-th: of eight, one is very light, four light, two intermediate, one tan."""
AREA = 0.25


def write_audit(folder: Path, answers: pd.DataFrame) -> Path:
    """A checkpoint without weights whose evidence on the test split is these answers and the tables below."""
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.safetensors", ".*", "validation", "drawn"))
    shutil.rmtree(folder / "evidence" / str(OWN))
    sha = read_card(folder / "card.json").answers_sha256
    source = read_evidence(SHIPPED, "predictions", OWN, checkpoint_sha256=sha).manifest.source
    sample = answers.iloc[:SAMPLE]
    tables = {
        "predictions": answers,
        "tone": tone_table(answers),
        "attention": attention_table(answers),
        "shortcuts": shortcut_table(sample),
        "counterfactuals": counterfactual_table(sample),
        "faithfulness": faithfulness_table(sample),
        "randomisation": randomisation_table(sample),
    }
    for name, table in tables.items():
        write_evidence(folder, table, replace(source, table=name), {})
    write_evidence(folder, drawn_table(), replace(source, table="drawn_tone", dataset="drawn", split="drawn"), {})
    return folder


USELESS = {"bcc": "Basaliom", "melanoma": "Melanom", "nv": "Nävus", "bkl": "Seborrhoische Keratose"}
TYPES = {"I": (5, 13), "II": (13, 6), "III": (10, 9), "IV": (6, 15), "V": (11, 3), "VI": (11, 9)}
"""Of each skin type, how many images are malignant and how many are not: in every one, one of the two is under 10."""


def write_useless(folder: Path) -> Checkpoint:
    """A checkpoint without weights, of four classes, that says Nävus of each of 111 images of its data set "clinic"."""
    folder.mkdir(parents=True)
    shipped = read_card(SHIPPED / "card.json")
    named = {"classes": tuple(USELESS), "malignant": ("bcc", "melanoma"), "names": USELESS}
    card = replace(shipped, name=folder.name, data={"dataset": "clinic"}, **named)
    card.write(folder / "card.json")
    dx = np.repeat(list(USELESS), (28, 28, 33, 22))
    types = np.repeat([*TYPES, *TYPES], [n for side in zip(*TYPES.values(), strict=True) for n in side])
    ids = [f"C{i:03d}" for i in range(len(dx))]
    table = pd.DataFrame({"image_id": ids, "lesion_id": ids, "dx": dx, "fitzpatrick_skin_type": types})
    table = table.assign(**{f"p_{name}": 0.4 if name == "nv" else 0.2 for name in USELESS})
    write_evidence(folder, table, Source("predictions", "clinic", "test", card.answers_sha256, "images"), {})
    return Checkpoint(folder, card)


def called(table: pd.DataFrame) -> pd.Series:
    return table.filter(like="p_").idxmax(axis=1).str[2:]


def right(table: pd.DataFrame) -> np.ndarray:
    return (called(table) == table["dx"]).to_numpy()


def tone_table(table: pd.DataFrame) -> pd.DataFrame:
    """Every 50th photo is excluded; the second estimator is 2° darker, the third the same; every 10th photo has b* −1."""
    n = np.arange(len(table))
    ita = np.where(n % 50 == 49, np.nan, ITAS[n % len(ITAS)])
    return pd.DataFrame(
        {
            "image_id": table["image_id"],
            "mask": "true",
            "ita": ita,
            "ita_clusters": ita - 2,
            "ita_constancy": ita,
            "spread": 5.0,
            "b": np.where(n % 10 == 0, -1.0, 12.0),
            "skin_share": 0.5,
            "flags": np.where(n % 10 == 0, "b* ≤ 0; uneven light", ""),
            "excluded": np.where(n % 50 == 49, "too little skin: 1.0% of the picture, 100 pixels", ""),
            "tone_group": tone_groups(ita),
        }
    )


def groups(table: pd.DataFrame) -> np.ndarray:
    """The tone group of each image."""
    return tone_table(table)["tone_group"].to_numpy()


def energies(n: int) -> np.ndarray:
    """Energy in the lesion: twice the chance, but half of it on every fifth photo, and no map on every 40th."""
    at = np.arange(n)
    return np.where(at % 40 == 39, np.nan, np.where(at % 5 == 0, AREA / 2, 2 * AREA))


def attention_table(table: pd.DataFrame) -> pd.DataFrame:
    energy = energies(len(table))
    columns: dict[str, object] = {
        "image_id": table["image_id"],
        "predicted": called(table),
        "method": "gradcam++",
        "status": np.where(np.isnan(energy), "empty", "ok"),
        "mask": "true",
        "lesion_area": AREA,
    }
    for ending, value in {"": energy, "_centre": 1.5 * AREA, "_random": AREA}.items():
        columns |= {
            f"energy{ending}": value,
            f"pointing{ending}": True,
            f"iou_25{ending}": 0.25,
            f"iou_50{ending}": 0.125,
        }
    return pd.DataFrame(columns | {"peak_distance": 0.0})


def shortcut_table(table: pd.DataFrame) -> pd.DataFrame:
    """Ink takes a quarter of every probability over to melanoma, its control half as much; the rest does nothing."""
    parts = []
    for variant in ("clean", *VARIANTS):
        moved = table.filter(like="p_").copy()
        share = {"ink": 0.25, "ink in skin colour": 0.125}.get(variant, 0.0)
        moved *= 1 - share
        moved["p_mel"] += share
        parts.append(moved.assign(image_id=table["image_id"], variant=variant))
    return pd.concat(parts, ignore_index=True)


TONES = (55.0, 28.0, -10.0, -50.0)


def counterfactual_table(table: pd.DataFrame) -> pd.DataFrame:
    """Each degree darker takes a thousandth of every probability over to melanoma; the control does half as much."""
    start, parts = 45.0, []
    said = table.filter(like="p_")
    conditions = [
        ("clean", "", start),
        *((a, c, t) for a in ("melanin", "control") for c in ("fixed", "re-pigmented") for t in TONES),
    ]
    for axis, lesion, tone in conditions:
        share = max(start - tone, 0) / 1000 * (0.5 if axis == "control" else 1)
        moved = said * (1 - share)
        moved["p_mel"] += share
        facts = {"image_id": table["image_id"], "axis": axis, "lesion": lesion, "ita_from": start, "ita_to": tone}
        more = {"shift": tone - start, "clipped": 0.0, "rank_correlation": 1.0, "energy": 0.5, "lesion_area": AREA}
        parts.append(moved.assign(**facts, **more))
    return pd.concat(parts, ignore_index=True)


def faithfulness_table(table: pd.DataFrame) -> pd.DataFrame:
    """Methods are the better the earlier they stand in the table of methods; the last is as good as a random map."""
    names = [*METHODS, "random", "centre"]
    best = np.append(np.linspace(0.5, 0.0, len(METHODS)), [0.0, 0.1])
    shaken = np.random.default_rng(0).normal(0, 0.02, (len(names), len(table)))
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "image_id": table["image_id"], "method": name, "deletion": 0.5 - good / 2 + noise,
                    "insertion": 0.5 + good / 2 + noise, "road": good + noise, "energy": 0.5, "pointing": True,
                    "lesion_area": AREA, "predicted": "nv", "mask": "true",
                }
            )
            for name, good, noise in zip(names, best, shaken, strict=True)
        ],
        ignore_index=True,
    )  # fmt: skip


def randomisation_table(table: pd.DataFrame) -> pd.DataFrame:
    """Maps of Grad-CAM++ change once weights are randomised; those of HiResCAM do not."""
    rows = [
        pd.DataFrame({"image_id": table["image_id"], "method": method, "stage": stage, "rank_correlation": correlation})
        for method, correlations in {"gradcam++": (0.3, 0.05), "hirescam": (0.95, 0.9)}.items()
        for stage, correlation in zip(("head", "blocks.6"), correlations, strict=True)
    ]
    return pd.concat(rows, ignore_index=True)


def drawn_table() -> pd.DataFrame:
    """Twelve drawn lesions of two forms on light and dark skin: melanomas are found less on the dark one."""
    rows = [
        {
            "image_id": f"{dx}{i}{ita}",
            "lesion_id": f"{dx}{i}",
            "dx": dx,
            "ita": ita,
            "predicted": dx,
            "right": True,
            "p_malignant": p,
        }
        for dx, values in {"mel": (0.75, 0.5), "nv": (0.25, 0.25)}.items()
        for ita, p in zip((60.0, -50.0), values, strict=True)
        for i in range(12)
    ]
    return pd.DataFrame(rows).assign(energy=0.5, lesion_area=AREA)
