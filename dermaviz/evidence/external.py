"""External validation: how a checkpoint does on images from elsewhere, beside those of its own test. Free of torch.

Two sets of images differ in their diagnoses as well: what is told apart from few moles is harder to tell apart from
everything. So like is compared with like: both sets are asked the same question, on the diagnoses that both hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import Audited, data_sets, internal, read_audited
from dermaviz.evidence.store import DataSplit, audit_command
from dermaviz.metrics.bootstrap import DRAWS
from dermaviz.metrics.comparison import differences_of_sets
from dermaviz.metrics.summary import figures_for, metrics_for
from dermaviz.models.card import Checkpoint


def external_sets(checkpoint: Checkpoint) -> list[DataSplit]:
    """The data sets from elsewhere that a checkpoint has predictions of, those called ``test`` before those chosen on."""
    own = internal(checkpoint.card).data_set
    return [of for of in data_sets(checkpoint) if of.data_set != own]


def external_drop(checkpoint: Checkpoint, of: DataSplit | None = None, draws: int = DRAWS) -> pd.DataFrame:
    """How a checkpoint does on an external set (None: the first) beside its own test, see :func:`compare_sets`.

    The rows ``melanoma_auc`` and ``melanoma_sensitivity`` are those to quote: ``first`` is at home, ``second`` elsewhere,
    ``difference`` below 0 is the drop.

    Raises:
        EvidenceError: there is no external set, or one of both cannot be read or compared.
    """
    elsewhere = external_sets(checkpoint)
    if not (of or elsewhere):
        raise EvidenceError(
            f"{checkpoint.name}: expected evidence of an external data set, found none. Make it: "
            f"`{audit_command(checkpoint.folder, None)}`."
        )
    return compare_sets(read_audited(checkpoint), read_audited(checkpoint, of or elsewhere[0]), draws)


def compare_sets(first: Audited, second: Audited, draws: int = DRAWS) -> pd.DataFrame:
    """The card's figures of a checkpoint on two sets of images, and their differences.

    Intervals are paired where the sets share images (a split and all of a set, or one set labelled in two ways), else unpaired.

    Returns:
        A row per figure: ``metric`` (slug), ``label`` (in words); ``first``, ``second`` and ``difference`` (second − first), each
        with its 95% interval in ``…_low`` and ``…_high``; ``n_first`` and ``n_second``, the images compared; ``diagnoses``,
        those that both hold, in words; ``paired``, whether the intervals are.

    Raises:
        EvidenceError: the two cannot be asked the same question, or share no diagnosis.
    """
    one, other = alike(first, second)
    card = other.checkpoint.card
    malignant = frozenset(card.malignant)
    metrics = metrics_for(card.classes, malignant)
    samples = [(images.labels, images.probabilities, images.clusters) for images in (one, other)]
    paired = bool(one.table["image_id"].isin(other.table["image_id"]).any())
    table = differences_of_sets(metrics, samples[0], samples[1], draws, paired=paired)
    labels = {figure.slug: figure.label for figure in figures_for(card.classes, malignant)}
    shared = " and ".join(card.words[card.classes[i]] for i in np.unique(other.labels))
    return table.assign(
        label=table["metric"].map(labels), n_first=len(one), n_second=len(other), diagnoses=shared, paired=paired
    ).dropna(subset=["first", "second"], ignore_index=True)


def alike(first: Audited, second: Audited) -> tuple[Audited, Audited]:
    """Both sets of images asked the same question, on the diagnoses that both hold.

    Where one is labelled by groups of classes, so is the other then.

    Raises:
        EvidenceError: their groups are different, their classes are, or they share no diagnosis.
    """
    groups = second.checkpoint.groups or first.checkpoint.groups
    one, other = (in_groups_of(images, groups) for images in (first, second))
    if one.classes != other.classes:
        raise EvidenceError(
            f"expected the same classes in both sets, found {', '.join(one.classes)} and {', '.join(other.classes)}. "
            "Choose another set to compare with."
        )
    shared = np.intersect1d(one.labels, other.labels)
    if not len(shared):
        raise EvidenceError("expected a diagnosis that both sets hold, found none. Choose another set to compare with.")
    return one.take(np.isin(one.labels, shared)), other.take(np.isin(other.labels, shared))


def in_groups_of(images: Audited, groups: Mapping[str, Sequence[str]]) -> Audited:
    """Images labelled by classes, as they are by groups of these; themselves where they are already."""
    if not groups or images.checkpoint.groups:
        return images
    members = [[images.classes.index(name) for name in names] for names in groups.values()]
    of_class = np.argsort(np.concatenate(members))
    group = np.repeat(np.arange(len(members)), [len(indices) for indices in members])[of_class]
    return replace(
        images,
        key=hashlib.sha256(f"{images.key} {groups}".encode()).hexdigest(),
        checkpoint=images.checkpoint.asked(groups),
        labels=group[images.labels],
        probabilities=np.stack([images.probabilities[:, indices].sum(axis=1) for indices in members], axis=1),
    )
