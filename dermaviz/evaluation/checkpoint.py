"""Evaluation: measure a checkpoint on a split of its data set and write the figures on its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dermaviz.datasets.catalogue import read_splits
from dermaviz.errors import CheckpointError, DatasetError
from dermaviz.evaluation.predictions import predict_dataset
from dermaviz.evaluation.summary import summarise
from dermaviz.models.card import CARD, Card
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.types import Split


def evaluate_checkpoint(
    folder: Path, root: Path | None, split: Split = "test", *, draws: int = 1000, device: str = "cpu"
) -> Card:
    """Predict a split of the data set named on the card, summarise, and write the figures into ``card.json``.

    Raises:
        CheckpointError: the checkpoint is not whole, or does not name its data.
        DatasetError: the data are absent, or their split or classes are not those the checkpoint was trained on.
    """
    classifier = load_checkpoint(folder, device)
    card = classifier.card
    if not {"dataset", "manifest"} <= set(card.data):
        raise CheckpointError(
            f"card of {card.name!r}: expected `data` to name the dataset and the split manifest, found {sorted(card.data)}. "
            "Only a checkpoint that knows its split can be evaluated on it; export it again with `dermaviz train`."
        )
    splits, manifest = read_splits(card.data["dataset"], card.data["manifest"], root)
    if manifest.sha256 != card.split_sha256:
        raise DatasetError(
            f"{folder.name}: expected the split {card.split_sha256[:12]}… that it was trained on, found "
            f"{manifest.sha256[:12]}…. Test images may have been trained on; use the manifest named on the card."
        )
    if splits[split].classes != card.classes:
        raise DatasetError(
            f"{folder.name}: expected the classes {list(card.classes)} in this order, found {list(splits[split].classes)}. "
            "Figures would be counted for the wrong classes; evaluate on the data set named on the card."
        )
    predictions = predict_dataset(classifier, splits[split])
    figures = summarise(predictions, card.temperature, classifier.malignant, draws)
    card = replace(card, metrics={**card.metrics, split: figures})
    card.write(folder / CARD)
    return card
