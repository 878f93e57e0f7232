"""Models: a checkpoint's card, all that must be known to use its weights and to judge them; and where checkpoints are found.

Free of torch and of numpy, so that pages and commands can list checkpoints at once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, WrapValidator

from dermaviz.diagnoses import matched, names_of
from dermaviz.errors import CheckpointError
from dermaviz.io import atomic_write, read_json
from dermaviz.schema import Whole, build, validated, within

CARD = "card.json"
_OPAQUE = {"torchscript": "TorchScript", "onnx": "ONNX"}
DEFAULT_CHECKPOINT = "ham10000-efficientnet-lite0"
Kernel = Literal["bilinear", "box", "hamming", "bicubic", "lanczos"]
"""Pillow's kernels by which pictures are reduced."""
Equalisation = Literal["", "histogram", "clahe"]
"""How the lightness of a picture is evened out before the model sees it; "" is not at all."""


def _unchanged(value: Any, check: Callable[[Any], Any]) -> Any:
    check(value)
    return value  # a whole number stays one: answers_sha256 is over what the card says


_AS_IT_IS = WrapValidator(_unchanged)
_Mean = Annotated[float, Strict(), within(0, 1), _AS_IT_IS]
_Std = Annotated[float, Strict(), within(1e-4, 1e4), _AS_IT_IS]
_Names = tuple[Annotated[str, Field(min_length=1)], ...]


@validated(CheckpointError, "sharpness")
class Sharpness:
    """How sharp the images were that a model was trained on: the short side in pixels, before they are resized to the input,
    and the ``kernel`` by which larger pictures are reduced to it, with antialiasing."""

    short_side: Annotated[Whole, within(16, 4096)]
    kernel: Kernel = "bilinear"


_FIRST = Sharpness(150, "hamming")
"""That of every card made before the key was: HAM10000's public copy has 200 × 150 pixels. Of Pillow's kernels, Hamming's leaves
the sharper public squares closest to it in contrast from pixel to pixel (5.76 grey levels against 5.69; bilinear 5.12)."""


@validated(CheckpointError, "card")
class Card:
    """The card of a checkpoint, ``card.json``; ``docs/card.md`` explains every key.

    ``mean`` and ``std`` are per channel for pixels in [0, 1]; ``attention_layer`` is a dotted module name;
    ``temperature`` divides the logits and was fitted on validation; ``split_sha256`` is the hash of the split manifest,
    ``weights_sha256`` that of ``model.safetensors``; ``recipe`` is the recipe as trained; ``metrics`` holds, for each split
    evaluated, figures with intervals and counts; ``names`` are the classes in words, and ``synonyms`` other labels that mean one
    of them, where the table in ``dermaviz.diagnoses`` is not enough; ``data`` names the data set, its split, what is asked
    of it (as in :class:`~dermaviz.data.selection.Selection`) and its citation; ``equalise`` is how pictures are evened out
    first, and ``sharpness`` what they are reduced to before that, None where it is not known: then nothing is reduced.

    Raises:
        CheckpointError: when one is made with values that mean nothing: NaN, a mean outside [0, 1], one class.
    """

    name: str
    architecture: str
    classes: Annotated[_Names, Field(min_length=2)]
    input_size: Annotated[Whole, within(4, 4096)]
    mean: tuple[_Mean, _Mean, _Mean]
    std: tuple[_Std, _Std, _Std]
    attention_layer: str
    temperature: Annotated[float, Strict(), within(1e-3, 1e3), _AS_IT_IS]
    split_sha256: str
    weights_sha256: str
    recipe: dict[str, Any]
    metrics: dict[str, Any]
    data: dict[str, Any]
    licence: str
    intended_use: str
    not_for: str
    malignant: _Names = ()
    training: dict[str, Any] = field(default_factory=dict)
    equalise: Equalisation = ""
    sharpness: Sharpness | None = _FIRST
    names: dict[str, str] = field(default_factory=dict)
    synonyms: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise CheckpointError(f"classes: expected different names, found {list(self.classes)}. Rename one.")
        if not set(self.malignant) <= set(self.classes):
            raise CheckpointError(
                f"malignant: expected names among {list(self.classes)}, found {list(self.malignant)}. Correct the card."
            )
        for key, named in (("names", self.names), ("synonyms", self.synonyms.values())):
            if not set(named) <= set(self.classes):
                raise CheckpointError(
                    f"{key}: expected classes among {list(self.classes)}, found {list(named)}. Correct the card."
                )

    @property
    def words(self) -> dict[str, str]:
        """Each class with what it is called on every page and in reports: as the card names it, else by
        :func:`~dermaviz.diagnoses.names_of`."""
        return names_of(self.classes) | self.names

    def label(self, name: str) -> str:
        """A class in words with its abbreviation where it has one: ``melanoma (mel)``."""
        words = self.words[name]
        return words if words == name else f"{words} ({name})"

    def called(self, label: str) -> str:
        """A true diagnosis by the name of the class that means it, so that a page has one name for both; else in words."""
        meant = matched([label], self.classes, self.synonyms).get(label)
        return self.words[meant] if meant else names_of([label])[label]

    @property
    def granted(self) -> list[str]:
        """What every figure rests on though only a guess says so, since the model was imported; nothing of others."""
        guessed = [note for note in self.training.get("notes", ()) if str(note).startswith("guessed:")]
        return [str(one) for one in (self.training.get("doubt", ""), *guessed) if one]

    @property
    def opaque(self) -> bool:
        """Whether the network is a TorchScript or ONNX file: it answers, but gives neither maps nor gradients."""
        return self.architecture in _OPAQUE

    @property
    def answers_sha256(self) -> str:
        """The sha256 of all that decides what the model answers; figures, licence and the like are not part of it."""
        decisive = (
            "architecture", "weights_sha256", "input_size", "mean", "std", "temperature", "attention_layer", "classes",
            "malignant",
        )  # fmt: skip
        later = [name for name in ("equalise",) if getattr(self, name)]  # cards without it keep the hash they had
        values = {name: getattr(self, name) for name in (*decisive, *later)}
        if self.sharpness != _FIRST:
            values["sharpness"] = self.sharpness and asdict(self.sharpness)
        content = json.dumps(values)
        return hashlib.sha256(content.encode()).hexdigest()

    def asked(self, groups: Mapping[str, Sequence[str]]) -> Card:
        """The card of the same model when it is only asked which group of its classes an image shows.

        A group is malignant if all its classes are. Its probability is the sum of theirs.
        """
        malignant = tuple(name for name, classes in groups.items() if set(classes) <= set(self.malignant))
        names = {name: words for name, words in self.names.items() if name in groups}
        return replace(self, classes=tuple(groups), malignant=malignant, names=names, synonyms={}, metrics={})

    def write(self, path: Path) -> None:
        """Write the card as JSON, whole or not at all."""
        atomic_write(path, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", error=CheckpointError)


def no_maps_reason(architecture: str) -> str:
    """Why a checkpoint without an attention layer has no attention maps, as a sentence."""
    if architecture in _OPAQUE:
        return (
            f"{_OPAQUE[architecture]} files have no layers to look into and pass no gradient on: they give answers, also to "
            "corrupted images, but no attention maps and no attacks."
        )
    return "No layer of this network has places on which the classes depend, so it gives no attention maps."


def read_card(path: str | Path) -> Card:
    """Read ``card.json``.

    Raises:
        CheckpointError: there is no such file, it is no JSON, its keys are not a card's, or a value means nothing.
    """
    remedy = "A checkpoint is a folder with card.json and model.safetensors; copy the whole folder again."
    content = read_json(path, "a checkpoint's card", error=CheckpointError, remedy=remedy)
    try:
        return build(Card, content)
    except CheckpointError as error:
        raise CheckpointError(
            f"{path}: {error} The card was changed or made by another version: copy or export the checkpoint again."
        ) from error


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder with the card that lies in it now.

    Where images are labelled by ``groups`` of classes, ``card`` is that of the model asked for these
    (:meth:`Card.asked`), and ``whole`` the one in the folder.
    """

    folder: Path
    card: Card
    whole: Card | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What links, commands and captions call it: the folder's name."""
        return self.folder.name

    @property
    def answers_sha256(self) -> str:
        """The hash of all that decides the answers, whatever groups it is asked for: evidence of another one is stale."""
        return (self.whole or self.card).answers_sha256

    def answers_when(self, malignant: Sequence[str]) -> str:
        """What that hash was when these classes counted as malignant; "" where some are none of its classes."""
        card = self.whole or self.card
        return replace(card, malignant=tuple(malignant)).answers_sha256 if set(malignant) <= set(card.classes) else ""

    def asked(self, groups: Mapping[str, Sequence[str]]) -> Checkpoint:
        """The same checkpoint asked for groups of its classes; for the classes themselves where there are none."""
        whole = self.whole or self.card
        return Checkpoint(self.folder, whole.asked(groups), whole, groups) if groups else Checkpoint(self.folder, whole)


def shipped_checkpoints() -> Path:
    """The folder of the checkpoints that come with DermaViz: inside an installed package, else beside it in a repository."""
    inside = Path(__file__).parents[1] / "checkpoints"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "checkpoints"


def checkpoint_roots() -> list[Path]:
    """Folders in which checkpoints are looked for: those in ``$DERMAVIZ_CHECKPOINTS``, then the shipped one."""
    given = os.environ.get("DERMAVIZ_CHECKPOINTS", "").split(os.pathsep)
    return [*(Path(place) for place in given if place), shipped_checkpoints()]


def new_checkpoint_folder(name: str) -> Path:
    """Where a checkpoint that is made now is kept: in the first of :func:`checkpoint_roots` that is no installed package."""
    first = checkpoint_roots()[0]
    return (first if first.parent != Path(__file__).parents[1] else Path("checkpoints")) / name


def list_checkpoints() -> tuple[dict[str, Checkpoint], dict[str, str]]:
    """All checkpoints by name, the default one first, and the reasons why other folders are none.

    One in a folder of ``$DERMAVIZ_CHECKPOINTS`` hides a shipped one of the same name, if it can be read.
    """
    found: dict[str, Checkpoint] = {}
    reasons: dict[str, str] = {}
    for root in checkpoint_roots():
        for path in sorted(root.glob(f"*/{CARD}")):
            name = path.parent.name
            try:
                found.setdefault(name, Checkpoint(path.parent, read_card(path)))
            except CheckpointError as error:
                reasons.setdefault(name, str(error))
    order = sorted(found, key=lambda name: (name != DEFAULT_CHECKPOINT, name))
    return {name: found[name] for name in order}, reasons


def find_checkpoint(name: str | Path) -> Path:
    """The folder of a checkpoint: a path as given, or the name of one of :func:`list_checkpoints`.

    Raises:
        CheckpointError: there is none; the message lists the names there are.
    """
    given = Path(name)
    if (given / CARD).exists() or given.is_absolute() or len(given.parts) > 1:
        return given
    found, reasons = list_checkpoints()
    if str(name) in found:
        return found[str(name)].folder
    if str(name) in reasons:
        raise CheckpointError(reasons[str(name)])
    raise CheckpointError(
        f"expected a checkpoint's folder or name, found {str(name)!r}. There are {', '.join(found) or 'none'}; add the folder "
        "that holds yours to DERMAVIZ_CHECKPOINTS."
    )
