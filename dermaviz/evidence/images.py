"""Which images an audit is of: a split of the data that a checkpoint was trained on, or any other data set, fitted to its labels
and without the images that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from dermaviz.data.folders import recounted
from dermaviz.data.known import known_images, notices
from dermaviz.data.labels import Groups, fit_labels, label_maps
from dermaviz.data.readers import find_ham10000, read_dataset, read_splits
from dermaviz.data.records import HAM10000, Dataset
from dermaviz.data.selection import for_task, read_selection, selection_on_card
from dermaviz.data.split import MANIFESTS, SPLITS, Split, named_manifest
from dermaviz.data.tables import Columns
from dermaviz.diagnoses import matched
from dermaviz.errors import CheckpointError, DatasetError
from dermaviz.evidence.predictions import ALL, internal
from dermaviz.evidence.store import DataSplit, as_name
from dermaviz.images import RGB
from dermaviz.models.card import Card


@dataclass(frozen=True)
class ToAudit:
    """Images to measure a checkpoint on, and the place ``of`` their evidence.

    ``dataset`` is labelled by the checkpoint's classes, or by ``groups`` of them where its labels are coarser. ``fitted`` are
    sentences on how its labels were taken.
    """

    dataset: Dataset
    of: DataSplit
    groups: Groups = field(default_factory=dict)
    fitted: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """What was guessed and left out, with the first names, for whoever has the data before them."""
        return (*self.dataset.said, *self.fitted)

    @property
    def kept(self) -> tuple[str, ...]:
        """The same without names of files and rows: this stays with the evidence, and is in reports."""
        return (*self.dataset.kept, *self.fitted)


def images_to_audit(
    card: Card,
    root: Path | None,
    split: str = "",
    *,
    name: str = "",
    reader: str = "",
    columns: Columns | None = None,
    labels: Mapping[str, str] | None = None,
) -> ToAudit:
    """The images at ``root``: a split of the checkpoint's own data where they are that, else another data set.

    They are its own where ``name`` is that of its data set; and, with neither ``name`` nor ``reader``, where ``root`` is None
    or holds that data set.

    Args:
        split: of its own data, ``test`` by default. Of another set: one of the splits that it comes with (``test`` by
            default), else what to call all of it (``all`` by default).
        name: what to call the other data set; by default as its folder is called.
        reader: a name in ``dermaviz.data.readers.READERS``.
        columns: of a table, which holds what.
        labels: what labels stand for, see :func:`~dermaviz.data.labels.fit_labels`.

    Raises:
        DatasetError, CheckpointError: as :func:`split_of_checkpoint`; the data cannot be read, there is no such split, or
            nothing of it is left to measure.
        EvidenceError: a name that is none.
    """
    own = internal(card)
    if name == own.data_set or (not (name or reader) and _holds_own(card, root)):
        chosen = split or own.split
        of = DataSplit(own.data_set, chosen)
        if chosen not in SPLITS:
            raise DatasetError(f"{own.data_set}: expected one of {', '.join(SPLITS)}, found the split {chosen!r}.")
        return ToAudit(recounted(split_of_checkpoint(card, root, chosen)), of)
    called = name or _folder_name(root)
    DataSplit(called, split or ALL)  # a name that is none is refused before anything is read
    if called == own.data_set:
        raise DatasetError(
            f"expected another name than {called!r}, the checkpoint's own data set. Choose one with --as."
        )
    known = label_maps().get(called)
    if known and known.column and not (columns and columns.label):
        columns = replace(columns or Columns(), label=known.column)
    part, chosen = _split_of(read_dataset(reader, root, columns), called, split)
    fitted = fit_to(card, replace(part, name=called), labels)
    return replace(fitted, of=DataSplit(called, chosen))


def fit_to(card: Card, dataset: Dataset, labels: Mapping[str, str] | None = None) -> ToAudit:
    """A data set fitted to what a checkpoint answers, without the images that it was trained on.

    Raises:
        DatasetError: the labels do not fit (:func:`~dermaviz.data.labels.fit_labels`), or no image is left.
    """
    rest, said = _without_trained(card, dataset)
    task = selection_on_card(card.data).task
    foreign = {record.label for record in rest.records} - set(card.classes)
    as_diagnoses = matched(sorted(foreign), tuple(HAM10000.classes))
    if task != "diagnosis" and not labels and set(as_diagnoses) == foreign:
        named = tuple(replace(r, label=as_diagnoses.get(r.label, r.label)) for r in rest.records)
        classes = tuple(dict.fromkeys(record.label for record in named))
        rest = for_task(replace(rest, records=named, classes=classes), task)
    fitted = fit_labels(rest, card.classes, card.malignant, labels, card.synonyms)
    of = DataSplit(as_name(dataset.name), ALL)
    return ToAudit(recounted(fitted.dataset), of, fitted.groups, (*said, *fitted.said))


def split_of_checkpoint(card: Card, root: Path | None, split: Split) -> Dataset:
    """The images of a split of the data set that a checkpoint was trained on, selected and labelled as its card says, under
    the name that its evidence goes by.

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
    dataset = replace(splits[split], name=internal(card).data_set)
    if dataset.classes != card.classes:
        raise DatasetError(
            f"{card.name}: expected the classes {list(card.classes)} in this order, found {list(dataset.classes)}. "
            "Figures would be counted for the wrong classes; evaluate on data with the classes named on the card."
        )
    return dataset


TRAINED_ON = "The model was trained on this very photograph"


def before_the_answer(card: Card, pixels: RGB) -> tuple[str, ...]:
    """Sentences to say before a model's answer to a photograph, uint8 ``[H, W, 3]``: that it was trained on it, and what about
    it is outside what it was trained on (``dermaviz.data.known``)."""
    chosen = selection_on_card(card.data).manifest if "manifest" in card.data else ""
    known = known_images(chosen, card.split_sha256) if chosen else None
    found = known.find(pixels) if known else None
    seen = (f"{TRAINED_ON} ({found}): its answer shows what it remembers.",) if found else ()
    side = card.sharpness.short_side if card.sharpness else None
    return seen + notices(pixels, side, ham10000=internal(card).data_set == HAM10000.name)


def trained_on(card: Card) -> frozenset[str]:
    """The ids of the images that a checkpoint was trained or chosen on; none where its card names no split that is there."""
    chosen = selection_on_card(card.data).manifest if "manifest" in card.data else ""
    try:
        manifest = named_manifest(chosen) if chosen else None
    except DatasetError:
        return frozenset()
    if manifest is None or manifest.sha256 != card.split_sha256:
        return frozenset()
    return frozenset(image_id for image_id, split in manifest.assignment.items() if split != "test")


def _without_trained(card: Card, dataset: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """The images that the checkpoint was neither trained nor chosen on, by id or by look, and sentences on the others."""
    ids = trained_on(card)
    by_id = {record.image_id for record in dataset.records if PurePosixPath(record.image_id).name in ids}
    rest = dataset.take(record for record in dataset.records if record.image_id not in by_id)
    known = known_images(str(card.data.get("manifest", "")), card.split_sha256) if ids else None
    by_look = known.among(rest) if known else {}
    kept = rest.take(record for record in rest.records if record.image_id not in by_look)
    if not len(kept):
        raise DatasetError(
            f"{dataset.name}: expected images that {card.name} was not trained on, found that it knows all {len(dataset):,} of "
            "them. Figures on them would say nothing."
        )
    found = {
        f"that {card.name} was trained or chosen on, by their ids": sorted(by_id),
        f"that look as those that {card.name} was trained on": [f"{copy} is {of}" for copy, of in by_look.items()],
    }
    left = tuple((f"images {why}", tuple(names)) for why, names in found.items() if names)
    unknown = f"What {card.name} was trained on is not known here: some of it may be among these images."
    return replace(kept, skipped=(*kept.skipped, *left)), () if ids else (unknown,)


def _holds_own(card: Card, root: Path | None) -> bool:
    """Whether the data set that a checkpoint was trained on lies at a place."""
    if root is None or not {"dataset", "manifest"} <= set(card.data):
        return root is None
    selection = selection_on_card(card.data)
    try:
        if selection.dataset == HAM10000.name:
            return bool(find_ham10000(root))
        read_splits(selection.dataset, selection.manifest, root, leaky=selection.leaky, columns=selection.columns)
    except DatasetError:
        return False
    return True


def _folder_name(root: Path | None) -> str:
    if root is None:
        raise DatasetError("expected the place of the data set, found none. Give --data PATH or set DERMAVIZ_DATA.")
    place = root.resolve()
    return as_name(place.stem if place.is_file() else place.name)


def _split_of(dataset: Dataset, name: str, split: str) -> tuple[Dataset, str]:
    """The images of a split that a data set comes with, by a committed manifest or by its own; else all of them, under the name
    asked for."""
    committed = MANIFESTS / f"{name}.csv"
    of = named_manifest(name).assignment if committed.is_file() else {r.image_id: r.split for r in dataset.records}
    if not all(of.get(record.image_id) for record in dataset.records):
        return dataset, split or ALL
    there = sorted(set(of.values()))
    chosen = split or ("test" if "test" in there else there[0])
    if chosen not in there:
        raise DatasetError(f"{name}: expected one of its splits ({', '.join(there)}), found {chosen!r}.")
    return dataset.take(record for record in dataset.records if of[record.image_id] == chosen), chosen
