"""Evaluation: measure a checkpoint on a split of its data set: evidence for each image, and the figures on its card."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from dermaviz.datasets.records import Dataset
from dermaviz.datasets.selection import read_selection, selection_on_card
from dermaviz.errors import CheckpointError, DatasetError
from dermaviz.evaluation.predictions import prediction_rows, predictions_of
from dermaviz.evaluation.summary import summarise
from dermaviz.evidence import Source, build_evidence, read_evidence
from dermaviz.models.card import CARD, Card
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.types import Split

PREDICTIONS = "predictions"


def evaluate_checkpoint(
    folder: Path, root: Path | None, split: Split = "test", *, draws: int = 1000, device: str = "cpu"
) -> Card:
    """Predict a split of the data set named on the card, keep the evidence, and write the figures into ``card.json``.

    Raises:
        CheckpointError: the checkpoint is not whole, or does not name its data.
        DatasetError: the data are absent, or their split or classes are not those the checkpoint was trained on.
    """
    classifier = load_checkpoint(folder, device)
    card = classifier.card
    dataset = split_of_checkpoint(card, root, split)
    rows = partial(prediction_rows, classifier, dataset)
    build_evidence(folder, evidence_source(PREDICTIONS, card, dataset, split), len(dataset), rows)
    evidence = read_evidence(folder, PREDICTIONS, split, checkpoint_sha256=card.answers_sha256)
    predictions = predictions_of(evidence.table, card.classes, card.temperature)
    figures = summarise(predictions, card.temperature, classifier.malignant, draws)
    card = replace(card, metrics={**card.metrics, split: figures})
    card.write(folder / CARD)
    return card


def split_of_checkpoint(card: Card, root: Path | None, split: Split) -> Dataset:
    """The images of a split of the data set that a checkpoint was trained on, selected and labelled as its card says.

    Raises:
        CheckpointError: the card does not name its data.
        DatasetError: the data are absent, or their split or classes are not those the checkpoint was trained on.
    """
    if not {"dataset", "manifest"} <= set(card.data):
        raise CheckpointError(
            f"card of {card.name!r}: expected `data` to name the dataset and the split manifest, found {sorted(card.data)}. "
            "Only a checkpoint that knows its split can be evaluated on it; export it again with `dermaviz train`."
        )
    splits, manifest = read_selection(selection_on_card(card.data), root)
    if manifest.sha256 != card.split_sha256:
        raise DatasetError(
            f"{card.name}: expected the split {card.split_sha256[:12]}… that it was trained on, found "
            f"{manifest.sha256[:12]}…. Test images may have been trained on; use the manifest named on the card."
        )
    return expect_classes(card, splits[split])


def expect_classes(card: Card, dataset: Dataset) -> Dataset:
    """The data set, if its classes are the checkpoint's.

    Raises:
        DatasetError: they are others, or in another order.
    """
    if dataset.classes != card.classes:
        raise DatasetError(
            f"{card.name}: expected the classes {list(card.classes)} in this order, found {list(dataset.classes)}. "
            "Figures would be counted for the wrong classes; evaluate on data with the classes named on the card."
        )
    return dataset


def evidence_source(table: str, card: Card, dataset: Dataset, split: str, **parameters: object) -> Source:
    """What a table of evidence on these images will have been made of."""
    return Source(table, dataset.name, split, card.answers_sha256, dataset.sha256, parameters)
