"""Training: the data that a recipe asks for, and the checkpoint with its card that a finished run becomes."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dermaviz.data.pack import open_or_build_pack
from dermaviz.data.readers import read_splits
from dermaviz.data.records import SPECS, Dataset
from dermaviz.data.selection import find_task, leak_sentence, read_selection, select
from dermaviz.diagnoses import malignant_among
from dermaviz.errors import CheckpointError, DatasetError
from dermaviz.evidence.evaluate import image_facts, predict_dataset
from dermaviz.evidence.predictions import Predictions
from dermaviz.metrics.bootstrap import cluster_unit, clusters
from dermaviz.metrics.calibration import fit_temperature
from dermaviz.metrics.summary import summarise
from dermaviz.models.card import Card, Sharpness
from dermaviz.models.checkpoint import save_checkpoint, to_disk
from dermaviz.models.classifier import Classifier
from dermaviz.models.specs import architecture
from dermaviz.models.zoo import build, load_weights
from dermaviz.training.loop import BEST, TrainingData
from dermaviz.training.optimisation import freeze, frozen_names, trained_share
from dermaviz.training.progress import read_metrics
from dermaviz.training.recipe import Recipe


def load_training_data(recipe: Recipe, root: Path | None) -> TrainingData:
    """Training and validation images in one pack, built by the first process while the others wait.

    The pack holds all of both splits, whatever is selected, so that recipes with the same split and shape share one.

    Raises:
        DatasetError: the data are absent or not as expected, a lesion crosses splits though the recipe does not allow it, or
            what is to be selected is not there.
    """
    data = recipe.data
    splits, _ = read_splits(data.dataset, data.manifest, root, leaky=data.leaky, columns=data.columns)
    chosen = select(splits, data)
    if len(chosen["train"].classes) < 2:
        raise DatasetError(
            f"data set {chosen['train'].name!r}: expected at least 2 classes, found {list(chosen['train'].classes)}. "
            "A classifier has nothing to tell apart; check the folders or the column of labels."
        )
    with PartialState().main_process_first():
        pack = open_or_build_pack(packed_together(splits), *recipe.data.pack)
    return TrainingData(pack, chosen["train"], chosen["validation"])


def packed_together(splits: Mapping[str, Dataset]) -> Dataset:
    """The records that one pack holds for training: those of train, then those of validation."""
    train, validation = splits["train"], splits["validation"]
    return train.take([*train.records, *validation.records])


INTENDED_USE = "Teaching and research: to show and examine how a classifier of single skin lesions behaves."
NOT_FOR = "Not a medical device. Not for diagnosis, triage or reassurance."
UNKNOWN_LIMITS = "How it does on other cameras, clinics and skin tones than those of its data is not known."


def export_checkpoint(recipe: Recipe, run: Path, folder: Path, root: Path | None, *, draws: int = 1000) -> Card:
    """Write the checkpoint of a finished run and return its card, with temperature and figures from validation only.

    Weights are stored as fp16 if that changes no diagnosis on validation, else as fp32; the comparison is on the card.

    Raises:
        CheckpointError: the run has no kept weights.
    """
    if not (run / BEST).is_file():
        raise CheckpointError(f"expected kept weights at {run / BEST}, found none. Train first: dermaviz train RECIPE.")
    splits, manifest = read_selection(recipe.data, root)
    validation = splits["validation"]
    card = _card(recipe, run, validation, manifest.sha256)
    if recipe.data.leaky:
        card = replace(card, data={**card.data, "leak": leak_sentence(splits)})
    try:
        weights = load_file(run / BEST)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{run / BEST}: expected the weights that the run kept, found a file that cannot be read ({error}). "
            f"Remove {run} to train again."
        ) from error
    network = _network(card, weights, str(run / BEST))
    freeze(network, frozen_names(network, recipe.model))
    learning = trained_share(network)
    full = predict_dataset(_classifier(card, network), validation)
    rounded = _network(card, to_disk(weights, half=True), str(run / BEST))
    stored = predict_dataset(_classifier(card, rounded), validation)
    comparison = compare_storage(full, stored)
    half = comparison["changed_diagnoses"] == 0
    kept = stored if half else full
    temperature = fit_temperature(kept.logits, kept.labels)
    facts, said = image_facts(validation), kept.probabilities(temperature)
    ids, unit = clusters(facts), cluster_unit(facts)
    figures = summarise(kept.labels, said, ids, card.classes, frozenset(card.malignant), draws, unit)
    stored_as = {"stored_as": "fp16" if half else "fp32", "fp16_against_fp32": comparison}
    training = {**card.training, "trained_share": learning, **stored_as}
    card = replace(card, temperature=temperature, metrics={"validation": figures}, training=training)
    return save_checkpoint(folder, network, card, half=half)


def compare_storage(full: Predictions, stored: Predictions) -> dict[str, float | int]:
    """How predictions from stored weights differ from the full-precision ones, over the same images."""
    changed = full.logits.argmax(1) != stored.logits.argmax(1)
    largest = np.abs(full.probabilities(1.0) - stored.probabilities(1.0)).max()
    return {
        "images": len(changed),
        "changed_diagnoses": int(changed.sum()),
        "largest_probability_change": float(largest),
    }


def _network(card: Card, weights: dict[str, Tensor], source: str) -> nn.Module:
    network = build(card.architecture, len(card.classes), "none")
    load_weights(network, weights, source=source)
    return network


def _classifier(card: Card, network: nn.Module) -> Classifier:
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return Classifier(card, network, torch.device("cpu"))


def _card(recipe: Recipe, run: Path, data: Dataset, split_sha256: str) -> Card:
    row, classes = architecture(recipe.model.architecture), data.classes
    spec = SPECS.get(data.name)
    known: dict[str, Any] = {name: getattr(spec, name) for name in ("citation", "licence", "homepage")} if spec else {}
    of_data = spec.malignant if spec else frozenset(malignant_among(classes))
    malignant = find_task(recipe.data.task).malignant | of_data
    history = read_metrics(run)
    try:
        kept = [line for line in history if line["kept"] and line["size"] and line["seconds"] is not None][-1]
    except (KeyError, TypeError, IndexError) as error:
        raise CheckpointError(
            f"{run}: expected a line of metrics.jsonl for the epoch that was kept, found none. Remove the folder to train again."
        ) from error
    gpu = [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    return Card(
        name=recipe.name,
        architecture=row.name,
        classes=classes,
        input_size=kept["size"],  # the size at which these weights were judged best
        mean=row.mean,
        std=row.std,
        attention_layer=row.attention_layer,
        temperature=1.0,
        split_sha256=split_sha256,
        weights_sha256="",
        recipe=asdict(recipe),
        metrics={},
        data={**recipe.data.on_card(), **known, "notes": list(data.kept)},
        licence=spec.licence if spec else "as the data it was trained on",
        intended_use=INTENDED_USE,
        not_for=" ".join([NOT_FOR, spec.limits if spec else UNKNOWN_LIMITS, *data.notes[-1:]]),
        malignant=tuple(name for name in classes if name in malignant),
        equalise=recipe.data.equalise,
        sharpness=Sharpness(min(recipe.data.pack), "bilinear"),
        training={
            "kept_epoch": kept["epoch"],
            "epochs": len(history),
            "seconds": history[-1]["seconds"],
            "torch": torch.__version__,
            "machine": ", ".join([platform.machine(), f"{torch.get_num_threads()} threads", *gpu]),
            "curve": history,
        },
    )
