"""Predictions of a data set as evidence keeps them: who each image is and what the model said of it. Free of torch.

The table ``predictions`` has a row per image: ``image_id, lesion_id, dx`` (the true class), the data set's own metadata as
text, and ``p_<class>``, calibrated probabilities as the app shows them. What they were before calibration follows: logits
are temperature · ln p, up to a constant.

Two sets of images differ in their diagnoses as well: what is told apart from few moles is harder to tell apart from
everything. So like is compared with like: both sets are asked the same question, on the diagnoses that both hold.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.special import softmax

from dermaviz.data.labels import TONE_LABEL, tone_labels
from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import (
    UNNAMED,
    DataSplit,
    Evidence,
    as_name,
    audit_command,
    has_evidence,
    labels_of,
    read_evidence,
    splits_with,
    table_path,
)
from dermaviz.evidence.tables import TABLES
from dermaviz.metrics.bootstrap import DRAWS, cluster_unit, clusters
from dermaviz.models.card import Card, Checkpoint, no_maps_reason

PREDICTIONS, TONE = "predictions", "tone"
BALANCED = "Balanced: only as many images of each class as there are of the rarest, drawn at random from the split."
"""Why images are fewer than their split holds, see :attr:`Audited.balanced`."""
LABELS = "labels"
"""In a table's parameters: the groups of classes that its images are labelled by, where they are not by classes."""
ALL = "all"
"""The split of a data set that comes without any."""
TONE_GROUP = "tone_group"
"""Column of the table ``tone``: the estimated tone group, in words."""


@dataclass(frozen=True)
class Predictions:
    """Logits ``[N, C]`` of N images, with image ids, lesion ids and labels (indices into ``classes``)."""

    classes: tuple[str, ...]
    image_ids: tuple[str, ...]
    lesion_ids: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: NDArray[np.floating]

    def probabilities(self, temperature: float) -> NDArray[np.floating]:
        """Softmax of the logits divided by ``temperature``: ``[N, C]``, of the logits' own type."""
        return softmax(self.logits / temperature, axis=1)


@dataclass(frozen=True, eq=False)
class Audited:
    """What a checkpoint said of N images: ``labels`` int64 ``[N]`` and ``probabilities`` float64 ``[N, C]`` in the card's order.

    ``table`` has a row per image with ``image_id``, ``lesion_id``, ``dx``, the data set's metadata and, where people labelled
    skin tone, ``tone_label`` in words. It is shared by all
    readers: copy it before a change. ``key`` tells these images and answers from all others; ``of`` is the data set and split
    that they were read from, None of an audit in memory. ``said`` are sentences on what was guessed and left out. Where the
    images are labelled by groups of classes, the checkpoint is the one asked for these.
    """

    key: str
    checkpoint: Checkpoint
    table: pd.DataFrame
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    of: DataSplit | None = None
    said: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The card's classes."""
        return self.checkpoint.card.classes

    @property
    def clusters(self) -> NDArray[Any]:
        """What each image is drawn together with in intervals, ``[N]``: its patient where one is named, else its lesion."""
        return clusters(self.table)

    @property
    def unit(self) -> str:
        """What :attr:`clusters` are, in words: ``patients``, ``lesions``, or ``images`` where neither is known."""
        return cluster_unit(self.table)

    @property
    def counted(self) -> str:
        """How many images of how many of these: ``2,001 images of 1,491 lesions``."""
        return counted(len(self), len(set(self.clusters)), self.unit)

    @property
    def balanced(self) -> bool:
        """Whether these are only as many images of each class, as the checkpoint's card has its own data set drawn."""
        own = self.of is None or self.of.data_set == internal(self.checkpoint.card).data_set
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return bool(own and self.checkpoint.card.data.get("balance") and len(self) and (counts == counts[0]).all())

    def take(self, rows: NDArray[Any]) -> Audited:
        """Only these images: a mask bool ``[N]``, or their indices."""
        if rows.dtype == bool and rows.all():
            return self
        digest = hashlib.sha256(self.key.encode() + rows.tobytes()).hexdigest()
        table = self.table[rows] if rows.dtype == bool else self.table.iloc[rows]
        return replace(
            self, key=digest, table=table.reset_index(drop=True), labels=self.labels[rows],
            probabilities=self.probabilities[rows],
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.labels)

    def summary(self, draws: int = DRAWS) -> pd.DataFrame:
        """Every figure with its 95% interval over :attr:`clusters`, beside the constant answer: ``metrics.summary.measure``."""
        from dermaviz.metrics.summary import measure

        malignant = frozenset(self.checkpoint.card.malignant)
        return measure(self.labels, self.probabilities, self.clusters, self.classes, malignant, draws)


def counted(n_images: int, n_clusters: int, unit: str) -> str:
    """How many images of how many patients or lesions: ``2,001 images of 1,491 lesions``."""
    images = f"{n_images:,} image{'' if n_images == 1 else 's'}"
    of = unit if n_clusters != 1 else unit.replace("patients", "patient").replace("lesions", "lesion")
    return images if unit == "images" else f"{images} of {n_clusters:,} {of}"


def internal(card: Card, split: str = "test") -> DataSplit:
    """A split of the data set that a checkpoint was trained on; the test split is what every page shows first."""
    return DataSplit(as_name(str(card.data.get("dataset") or UNNAMED)), split)


def data_sets(checkpoint: Checkpoint) -> list[DataSplit]:
    """Every data set and split that a checkpoint has predictions of: the internal test first, then other sets (photographs
    before drawn lesions, what was tested on before what was chosen on, larger before smaller), then what is left of its own, on
    which choices were made. Those that are not :func:`internal` are external.

    Whether the evidence is whole and fresh is said by :func:`evidence_of`.
    """
    own = internal(checkpoint.card)

    def place(of: DataSplit) -> tuple[object, ...]:
        path = table_path(checkpoint.folder, PREDICTIONS, of)
        rows, drawn = _rows_and_whether_drawn(path, path.stat().st_mtime_ns)
        chosen_on = of.split not in ("test", ALL)
        return of != own, of.data_set == own.data_set, drawn, chosen_on, -rows, str(of)

    return sorted(splits_with(checkpoint.folder, PREDICTIONS), key=place)


@lru_cache(maxsize=256)
def _rows_and_whether_drawn(predictions: Path, written: int) -> tuple[int, bool]:
    """How many images a table of predictions is of, and whether all are drawn lesions; (0, False) of a damaged one."""
    try:
        file = pq.ParquetFile(predictions)
        kinds = file.read(["dx_type"])["dx_type"].unique().to_pylist() if "dx_type" in file.schema_arrow.names else []
    except (pa.ArrowException, OSError):
        return 0, False
    return file.metadata.num_rows, kinds == ["drawn"]  # as `synthetic.datasets` marks them


def evidence_of(
    checkpoint: Checkpoint, table: str, of: DataSplit | None = None, columns: Sequence[str] | None = None
) -> Evidence:
    """A table of a checkpoint on a data set's split (None: its own test split), or only these columns of it.

    Raises:
        EvidenceError: there is no such table, it is damaged, or of another model.
    """
    whose = of or internal(checkpoint.card)
    if why := cannot_have(checkpoint.card, table):
        raise EvidenceError(why)
    found = read_evidence(
        checkpoint.folder, table, whose, checkpoint_sha256=checkpoint.answers_sha256, columns=columns,
        answers_when=checkpoint.answers_when,
    )  # fmt: skip
    groups = found.manifest.source.parameters.get(LABELS)
    return replace(found, table=in_groups(found.table, groups)) if groups else found


def cannot_have(card: Card, table: str) -> str:
    """Why a table of evidence cannot be made of a model: it needs gradients or layers that are not there; "" where it can."""
    return no_maps_reason(card.architecture) if card.opaque and TABLES[table].by_gradient else ""


def in_groups(table: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """A table in which a network said its own classes, with what it said of groups of them: probabilities are summed, a
    predicted class is its group. A table that is of the groups already stays as it is."""
    columns = {name: [f"p_{of}" for of in classes] for name, classes in groups.items()}
    fine = [column for part in columns.values() for column in part]
    if set(fine) <= set(table):
        sums = {f"p_{name}": table[part].sum(axis=1) for name, part in columns.items()}
        table = table.drop(columns=fine).assign(**sums)
    if "predicted" in table:
        group_of = {of: name for name, classes in groups.items() for of in classes}
        table = table.assign(predicted=table["predicted"].map(lambda name: group_of.get(name, name)))
    return table


def read_audited(checkpoint: Checkpoint, of: DataSplit | None = None) -> Audited:
    """The predictions of a checkpoint on a data set's split (None: its own test split), each image with its tone group where
    tone was measured. Errors are those of :func:`evidence_of`."""
    of = of or internal(checkpoint.card)
    evidence = evidence_of(checkpoint, PREDICTIONS, of)
    if not len(evidence.table):
        raise EvidenceError(
            f"{checkpoint.name}: expected predictions of {of}, found no row. "
            f"Make them again: `{audit_command(checkpoint.folder, of)}`."
        )
    asked = checkpoint.asked(evidence.manifest.source.parameters.get(LABELS, {}))
    found = replace(
        audited_from(evidence.table, asked, evidence.manifest.sha256), of=of,
        said=tuple(map(_without_names, evidence.manifest.made.get("said", ()))),
    )  # fmt: skip
    try:
        tone = tone_evidence(checkpoint, of)
    except EvidenceError:
        tone = None  # `tone_note` says why
    if tone is None:
        return found
    groups = found.table["image_id"].map(tone.table.set_index("image_id")[TONE_GROUP]).fillna("")
    key = hashlib.sha256(f"{found.key} {tone.manifest.sha256}".encode()).hexdigest()
    return replace(found, key=key, table=found.table.assign(**{TONE_GROUP: groups}))


_LEFT_OUT = re.compile(r"^(Left out: .+? \([\d,]+\)): .*", re.DOTALL)
_TABLE = re.compile(r"(^|[:,(]\s*)[^:,()]*\.(?:csv|tsv|xlsx|jsonl|parquet)\b", re.IGNORECASE)


def _without_names(said: str) -> str:
    """A sentence of older evidence without the names of files that it still has, which no report should show."""
    bare = _TABLE.sub(r"\1the table", _LEFT_OUT.sub(r"\1.", said))
    return bare[:1].upper() + bare[1:]


def audited_from(table: pd.DataFrame, checkpoint: Checkpoint, key: str = "") -> Audited:
    """The images and answers in a table of predictions; errors are those of :func:`~dermaviz.evidence.store.labels_of`."""
    labels = labels_of(table, checkpoint.card.classes)
    columns = [f"p_{name}" for name in checkpoint.card.classes]
    facts = table.drop(columns=columns)
    if (labelled := tone_labels(facts)) is not None:
        facts = facts.assign(**{TONE_LABEL: labelled.levels})
    return Audited(key, checkpoint, facts, labels, table[columns].to_numpy(np.float64))


def tone_evidence(checkpoint: Checkpoint, of: DataSplit | None = None) -> Evidence | None:
    """The table ``tone`` of a data set's split (None: its own test split); None where tone was not measured, or not put into
    groups.

    Raises:
        EvidenceError: the table is damaged or stale.
    """
    if not has_evidence(checkpoint.folder, TONE, of or internal(checkpoint.card)):
        return None
    tone = evidence_of(checkpoint, TONE, of)
    return tone if TONE_GROUP in tone.table else None


def tone_note(checkpoint: Checkpoint, of: DataSplit | None = None) -> str | None:
    """Why the tone groups that an audit left cannot be used; None where they can, or where there are none."""
    try:
        tone_evidence(checkpoint, of)
    except EvidenceError as error:
        return str(error)
    return None


def same_images(first: Audited, second: Audited) -> tuple[Audited, Audited]:
    """Both audits on the images that both hold, in the same order.

    Raises:
        EvidenceError: they name other classes, other true classes for the same image, or share no image.
    """
    ids = first.table["image_id"]
    position = pd.Series(np.arange(len(second)), index=second.table["image_id"]).reindex(ids)
    shared = position.notna().to_numpy()
    one, other = first.take(shared), second.take(position[shared].to_numpy(np.intp))
    names = f"{first.checkpoint.name} and {second.checkpoint.name}"
    if first.classes != second.classes:
        raise EvidenceError(
            f"expected {names} to tell the same classes apart, found {', '.join(first.classes)} and "
            f"{', '.join(second.classes)}. Choose another second checkpoint."
        )
    if not len(one) or (one.labels != other.labels).any():
        raise EvidenceError(
            f"expected {names} to have evidence on the same images, found {len(one):,} shared ones"
            f"{' with other diagnoses' if len(one) else ''}. Audit both on the same data: "
            f"`{audit_command(second.checkpoint.folder, first.of, like=first.checkpoint.folder)}`."
        )
    return one, other


def external_sets(checkpoint: Checkpoint) -> list[DataSplit]:
    """The data sets from elsewhere that a checkpoint has predictions of, those called ``test`` before those chosen on."""
    own = internal(checkpoint.card).data_set
    return [of for of in data_sets(checkpoint) if of.data_set != own]


def external_drop(checkpoint: Checkpoint, draws: int = DRAWS) -> pd.DataFrame:
    """How a checkpoint does on its first external set beside its own test, see :func:`compare_sets`.

    The rows ``melanoma_auc`` and ``melanoma_sensitivity`` are those to quote: ``first`` is at home, ``second`` elsewhere,
    ``difference`` below 0 is the drop.

    Raises:
        EvidenceError: there is no external set, or one of both cannot be read or compared.
    """
    elsewhere = external_sets(checkpoint)
    if not elsewhere:
        raise EvidenceError(
            f"{checkpoint.name}: expected evidence of an external data set, found none. Make it: "
            f"`{audit_command(checkpoint.folder, None)}`."
        )
    return compare_sets(read_audited(checkpoint), read_audited(checkpoint, elsewhere[0]), draws)


def compare_sets(first: Audited, second: Audited, draws: int = DRAWS) -> pd.DataFrame:
    """The card's figures of a checkpoint on two sets of images, and their differences.

    Intervals are paired where the sets share images (a split and all of a set, or one set labelled in two ways), else unpaired.

    Returns:
        A row per figure, as of :func:`~dermaviz.metrics.comparison.paired_differences`, with its ``label`` in words; ``n_first``
        and ``n_second``, the images compared; ``diagnoses``, those that both hold, in words; ``paired``, whether intervals are.

    Raises:
        EvidenceError: the two cannot be asked the same question, or share no diagnosis.
    """
    # Here, or whoever reads predictions would wait for SciPy.
    from dermaviz.metrics.comparison import differences_of_sets
    from dermaviz.metrics.summary import figures_for, metrics_for

    one, other = alike(first, second)
    card = other.checkpoint.card
    malignant = frozenset(card.malignant)
    metrics = metrics_for(card.classes, malignant)
    here, there = ((images.labels, images.probabilities, images.clusters) for images in (one, other))
    paired = bool(one.table["image_id"].isin(other.table["image_id"]).any())
    table = differences_of_sets(metrics, here, there, draws, paired=paired)
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
    group = np.array([next(g for g, of in enumerate(members) if i in of) for i in range(len(images.classes))])
    return replace(
        images,
        key=hashlib.sha256(f"{images.key} {groups}".encode()).hexdigest(),
        checkpoint=images.checkpoint.asked(groups),
        labels=group[images.labels],
        probabilities=np.stack([images.probabilities[:, indices].sum(axis=1) for indices in members], axis=1),
    )
