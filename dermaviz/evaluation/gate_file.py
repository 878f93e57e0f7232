"""Evaluation: a gate on disk — ``gate.safetensors`` and ``gate.json`` beside the weights that it was fitted on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dermaviz.errors import EvidenceError
from dermaviz.evaluation.gate import Gate
from dermaviz.models.card import Card

GATE, FACTS = "gate.safetensors", "gate.json"
_AGAIN = "Fit it again with `dermaviz gate`, or delete gate.json to go without."


@dataclass(frozen=True)
class Share:
    """A measured share in [0, 1] with its 95% interval; ``sources`` counts lesions, or pictures that were not cut up.

    ``meaning`` says of what it is the share; AUROC is one as well: of pairs in which the outside picture is farther away.
    """

    of: str
    meaning: str
    pictures: int
    sources: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GateFacts:
    """What ``gate.json`` says: of which checkpoint and split the gate is, how it was made, and what was measured of it."""

    weights_sha256: str
    split_sha256: str
    gate_sha256: str
    method: str
    components: int
    trained_on: int
    refused_on_validation: float
    limit: float
    shares: tuple[Share, ...]


def write_gate(folder: Path, gate: Gate, facts: GateFacts) -> None:
    """Write the gate into a checkpoint's folder, its facts last; ``facts.gate_sha256`` must be that of the file."""
    for name, content in ((GATE, gate_bytes(gate)), (FACTS, _facts_bytes(facts))):
        unfinished = folder / f"{name}.tmp"
        unfinished.write_bytes(content)
        unfinished.replace(folder / name)


def gate_bytes(gate: Gate) -> bytes:
    """The gate as the content of ``gate.safetensors``; the same gate gives the same bytes."""
    return save(
        {
            "mean": gate.mean,
            "directions": np.ascontiguousarray(gate.directions),
            "spread": gate.spread,
            "rest": np.array([gate.rest]),
        }
    )


def read_gate(folder: Path, card: Card) -> tuple[Gate, GateFacts] | None:
    """The gate of a checkpoint and its facts; None where it has none.

    Raises:
        EvidenceError: the gate is damaged, or was fitted on other weights than the card's.
    """
    if not (folder / FACTS).is_file():
        return None
    facts = _read_facts(folder / FACTS)
    if facts.weights_sha256 != card.weights_sha256:
        raise EvidenceError(
            f"{folder / FACTS}: expected a gate of the weights {card.weights_sha256[:12]}… on the card, found one of "
            f"{facts.weights_sha256[:12]}…. Its limit means nothing for these weights. {_AGAIN}"
        )
    content = (folder / GATE).read_bytes() if (folder / GATE).is_file() else b""
    found = hashlib.sha256(content).hexdigest()
    if found != facts.gate_sha256:
        raise EvidenceError(
            f"{folder / GATE}: expected sha256 {facts.gate_sha256[:12]}… as in {FACTS}, found "
            f"{found[:12] + '…' if content else 'no file'}. {_AGAIN}"
        )
    try:
        tensors = load(content)
        rest = float(tensors["rest"][0])
        return Gate(tensors["mean"], tensors["directions"], tensors["spread"], rest, facts.limit), facts
    except (SafetensorError, KeyError) as error:
        raise EvidenceError(
            f"{folder / GATE}: expected the tensors of a gate, found others ({error}). {_AGAIN}"
        ) from error


def _facts_bytes(facts: GateFacts) -> bytes:
    return (json.dumps(asdict(facts), indent=2, ensure_ascii=False) + "\n").encode()


def _read_facts(path: Path) -> GateFacts:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        shares = tuple(Share(**share) for share in content.pop("shares"))
        return GateFacts(**content, shares=shares)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        wanted = ", ".join(field.name for field in fields(GateFacts))
        raise EvidenceError(f"{path}: expected JSON with {wanted}, found other content ({error}). {_AGAIN}") from error
