"""Models: the checkpoint format — a folder with weights, usually ``model.safetensors``, and ``card.json``, enough by itself."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from dermaviz.errors import CheckpointError, DependencyError, WeightsError
from dermaviz.io import atomic_write
from dermaviz.models.card import CARD, Card, read_card
from dermaviz.models.classifier import Classifier
from dermaviz.models.foreign import Opaque, Wrapped, foreign_network, one_line
from dermaviz.models.zoo import build, load_weights

WEIGHTS = "model.safetensors"
_FILES = {"torchscript": "model.pt", "onnx": "model.onnx"}
"""Where the weights are another file than ``WEIGHTS``, by architecture."""


def save_checkpoint(folder: str | Path, network: nn.Module, card: Card, *, half: bool = True) -> Card:
    """Write the weights and then the card, which receives the weights' sha256; returns that card.

    With ``half`` floating-point tensors are stored as fp16: half the size. `dermaviz train` compares the predictions
    of both forms on validation and records the comparison on the card.
    """
    folder = Path(folder)
    # safetensors writes several metadata entries in random order: with one, the same weights have the same sha256
    return save_weights(folder, save(to_disk(network.state_dict(), half=half), metadata={"format": "pt"}), card)


def save_weights(folder: Path, content: bytes, card: Card) -> Card:
    """Write a file of weights as it is, and then the card, which receives its sha256; returns that card."""
    atomic_write(folder / _FILES.get(card.architecture, WEIGHTS), content, error=CheckpointError)
    card = replace(card, weights_sha256=hashlib.sha256(content).hexdigest())
    card.write(folder / CARD)
    return card


def to_disk(state: dict[str, Tensor], *, half: bool) -> dict[str, Tensor]:
    """The tensors as they are stored: contiguous, on the CPU, floating-point ones as fp16 where ``half``."""
    dtype = torch.float16 if half else torch.float32
    return {
        key: value.detach().to("cpu", dtype if value.is_floating_point() else value.dtype).contiguous()
        for key, value in state.items()
    }


def load_checkpoint(folder: str | Path, device: str | torch.device = "cpu") -> Classifier:
    """Load a checkpoint folder as a classifier in fp32, eval mode, without gradients on its weights.

    Raises:
        CheckpointError: card or weights are missing, the weights' sha256 is not the card's, they do not fit it, or are not
            finite.
    """
    folder = Path(folder)
    card = read_card(folder / CARD)
    path = folder / _FILES.get(card.architecture, WEIGHTS)
    content = _verified(path, card)
    try:
        network = foreign_network(card.architecture, card.recipe, folder, content)
        if network is None:
            network = build(card.architecture, len(card.classes), "none", input_size=card.input_size)
        if not isinstance(network, Opaque):
            state = load(content)
            load_weights(network.network if isinstance(network, Wrapped) else network, state, source=str(path))
            _require_finite(state, path)
    except (WeightsError, SafetensorError, DependencyError) as error:
        raise CheckpointError(f"checkpoint {folder.name}: {error}") from error
    network = network.float().eval().requires_grad_(False)
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return _answering(Classifier(card, network, torch.device(device)))


def _require_finite(state: dict[str, torch.Tensor], path: Path) -> None:
    broken = [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise CheckpointError(
            f"{path}: expected finite weights, found NaN or infinity in {', '.join(broken[:3])}. Such a network has no answer: "
            "train, export or import the checkpoint again."
        )


def _answering(classifier: Classifier) -> Classifier:
    """The classifier, once it has answered to a grey image as its card says."""
    card = classifier.card
    try:
        with torch.no_grad():
            found = classifier.logits(
                torch.full((1, 3, card.input_size, card.input_size), 0.5, device=classifier.device)
            )
    except (RuntimeError, AssertionError, ValueError, TypeError, IndexError, WeightsError) as error:
        raise CheckpointError(
            f"checkpoint {card.name}: expected a network that takes images of {card.input_size} pixels a side, found "
            f"{one_line(error) or type(error).__name__}. Correct input_size on the card, or import it again."
        ) from error
    if found.shape != (1, len(card.classes)):
        raise CheckpointError(
            f"checkpoint {card.name}: expected {len(card.classes)} outputs, one for each class on the card, found "
            f"{list(found.shape)}. The card belongs to other weights: copy or import the checkpoint again."
        )
    return classifier


def _verified(path: Path, card: Card) -> bytes:
    if not path.is_file():
        raise CheckpointError(f"expected weights at {path}, found none. Copy the whole checkpoint folder.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: expected weights that can be read, found {error.strerror}. Copy them again."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.weights_sha256:
        raise CheckpointError(
            f"{path}: expected sha256 {card.weights_sha256[:12]}… as on the card, found {found[:12]}…. "
            "The weights were changed or damaged, or the card belongs to others: copy the checkpoint folder again."
        )
    return content
