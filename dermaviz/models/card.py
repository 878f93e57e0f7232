"""Models: a checkpoint's card — everything that must be known to use its weights and to judge them. Free of torch."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from dermaviz.errors import CheckpointError
from dermaviz.io import atomic_write

CARD = "card.json"
DEFAULT_CHECKPOINT = "ham10000-efficientnet-lite0"
Equalisation = Literal["", "histogram", "clahe"]
"""How the lightness of a picture is evened out before the model sees it; "" is not at all."""


@dataclass(frozen=True)
class Card:
    """The card of a checkpoint, ``card.json``.

    ``mean`` and ``std`` are per channel for pixels in [0, 1]; ``attention_layer`` is a dotted module name;
    ``temperature`` divides the logits and was fitted on validation; ``split_sha256`` is the hash of the split manifest,
    ``weights_sha256`` that of ``model.safetensors``; ``recipe`` is the recipe as trained; ``metrics`` holds, for each split
    evaluated, figures with intervals and counts; ``data`` names the data set, its split, what is asked of it (as in
    :class:`~dermaviz.data.selection.Selection`) and its citation; ``equalise`` is how pictures are evened out first.
    """

    name: str
    architecture: str
    classes: tuple[str, ...]
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    attention_layer: str
    temperature: float
    split_sha256: str
    weights_sha256: str
    recipe: dict[str, Any]
    metrics: dict[str, Any]
    data: dict[str, Any]
    licence: str
    intended_use: str
    not_for: str
    malignant: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    equalise: Equalisation = ""

    def __post_init__(self) -> None:
        for name in ("classes", "mean", "std", "malignant"):
            self._expect(isinstance(getattr(self, name), list | tuple), name, "a list")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        names = {name for name in self.classes if isinstance(name, str)}
        self._expect(len(names) == len(self.classes) >= 2, "classes", "2 or more different names")
        self._expect(isinstance(self.input_size, int) and self.input_size >= 1, "input_size", "1 or more whole pixels")
        self._expect(_is_above_zero(self.temperature), "temperature", "a number above 0")
        self._expect(len(self.mean) == len(self.std) == 3, "mean and std", "3 numbers each")
        self._expect(all(map(_is_above_zero, self.std)), "std", "3 numbers above 0")
        self._expect(all(isinstance(value, int | float) for value in self.mean), "mean", "3 numbers")
        self._expect(set(self.malignant) <= names, "malignant", f"names among {list(self.classes)}")
        self._expect(self.equalise in get_args(Equalisation), "equalise", '"", "histogram" or "clahe"')

    def _expect(self, holds: bool, name: str, expected: str) -> None:
        if not holds:
            found = getattr(self, name, (self.mean, self.std))
            raise CheckpointError(f"card of {self.name!r}: expected {name} to be {expected}, found {found!r}.")

    @property
    def answers_sha256(self) -> str:
        """The sha256 of all that decides what the model answers; figures, licence and the like are not part of it."""
        decisive = (
            "architecture", "weights_sha256", "input_size", "mean", "std", "temperature", "attention_layer", "classes",
            "malignant",
        )  # fmt: skip
        later = [name for name in ("equalise",) if getattr(self, name)]  # cards without it keep the hash they had
        content = json.dumps({name: getattr(self, name) for name in (*decisive, *later)})
        return hashlib.sha256(content.encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write the card as JSON, whole or not at all."""
        atomic_write(path, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", error=CheckpointError)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder with the card that lies in it now."""

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        """What links, captions and commands call it: the folder's name."""
        return self.folder.name


def _is_above_zero(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < math.inf


def read_card(path: Path) -> Card:
    """Read ``card.json``.

    Raises:
        CheckpointError: there is no such file, it is no JSON, its keys are not a card's, or a value means nothing.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"expected a checkpoint's card at {path}, found none. A checkpoint is a folder with card.json and "
            "model.safetensors; copy the whole folder."
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path}: expected JSON, found text that is not. Copy the checkpoint again.") from error
    known = {f.name for f in fields(Card)}
    required = known - {"malignant", "training", "equalise"}
    missing = sorted(required - set(content)) if isinstance(content, dict) else sorted(required)
    unknown = sorted(set(content) - known) if isinstance(content, dict) else []
    if missing or unknown:
        raise CheckpointError(
            f"{path}: expected the keys of a card, found {', '.join(missing) or 'none'} missing and "
            f"{', '.join(unknown) or 'none'} unknown. The checkpoint was made by another version; train or export it again."
        )
    return Card(**content)


def checkpoints_root() -> Path:
    """Where checkpoints are looked for: ``$DERMAVIZ_CHECKPOINTS``, else ``checkpoints/`` beside the package."""
    given = os.environ.get("DERMAVIZ_CHECKPOINTS")
    return Path(given) if given else Path(__file__).parents[2] / "checkpoints"


def list_checkpoints(root: Path) -> list[Path]:
    """Folders directly below ``root`` that hold a card, by name."""
    return sorted(path.parent for path in root.glob(f"*/{CARD}"))
