"""Models: which architecture a state dict fits, and under which names: prefixes stripped, all that is dropped said."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import timm
import torch
import torchvision
from torch import Tensor

from dermaviz.errors import WeightsError
from dermaviz.io import atomic_write
from dermaviz.models.foreign import OUTPUTS
from dermaviz.models.specs import ARCHITECTURES, TORCHVISION, architecture, create, skeleton
from dermaviz.models.zoo import load_weights

_INDEX = Path(__file__).with_name("tensors.txt")
"""Every architecture of timm and torchvision by the hash of its tensors' names and shapes, as :func:`write_index` makes it."""
_HEADS = re.compile(r"(head|fc|classifier|last_linear|logits|output)", re.IGNORECASE)
_BOOKKEEPING = re.compile(r"(^|\.)(n_averaged|total_ops|total_params|num_updates|decay)$")
_SIDES = (96, 112, 128, 160, 192, 256, 288, 299, 320, 336, 384, 448, 512)
"""Sizes that are tried for a network built for one size, where its usual one does not fit the tensors."""
_MOST = 12
"""Architectures that are tried in earnest; more alike than these cannot be told apart."""


@dataclass(frozen=True)
class Fit:
    """Tensors that fit an architecture: ``state`` under its own names, for ``n_classes`` outputs. ``alike`` are architectures
    that compute the same; ``input_size`` is that of the tensors where it is not the architecture's usual one, else 0."""

    architecture: str
    state: dict[str, Tensor]
    n_classes: int
    notes: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    input_size: int = 0


def fit_to(name: str, state: dict[str, Tensor], input_size: int = 0) -> Fit:
    """The tensors of a state dict under the names of an architecture: prefixes stripped, bookkeeping dropped.

    Raises:
        WeightsError: they do not fit.
    """
    known = timm.get_pretrained_cfg(name)
    fixed = known is not None and known.fixed_input_size and not input_size
    for side in (input_size, *(_SIDES if fixed else ())):
        try:
            own, head = _shapes(name, side)
        except (AssertionError, ValueError):  # a size that its patches do not divide
            continue
        found, notes = fitting(state, own, head)
        if found is not None:
            break
    else:
        if other := _size_of(name, state) if input_size else 0:
            raise WeightsError(
                f"{name}: expected --input-size {other}, which the position embedding is of, found {input_size}. Leave the "
                "option out, or import weights that were trained at that size."
            )
        load_weights(create(name, 2, input_size=input_size), dict(state), source=name)  # says what is missing
        raise WeightsError(f"{name}: expected its tensors, found others. Name another --architecture.")
    if side and not input_size:
        notes.append(f"taken: input size {side} pixels, by the position embedding.")
    return _of_two_or_more(Fit(name, found, _outputs(name, found, head), tuple(notes), input_size=side), head)


def _size_of(name: str, state: dict[str, Tensor]) -> int:
    """The side in pixels of the images that the tensors of a network for one size are of; 0 where they are of none."""
    for side in dict.fromkeys((architecture(name).input_size, *_SIDES)):
        with suppress(AssertionError, ValueError):  # a size that its patches do not divide
            if fitting(state, *_shapes(name, side))[0] is not None:
                return side
    return 0


def _outputs(name: str, state: dict[str, Tensor], head: set[str]) -> int:
    found = {state[key].shape[0] for key in head}
    if len(found) != 1:
        raise WeightsError(
            f"{name}: expected one classifier, found heads of {sorted(found)} outputs. Import another file."
        )
    return found.pop()


def _of_two_or_more(fit: Fit, head: set[str]) -> Fit:
    """A classifier of one output, the logit of the second class against the first, as one of two, which have half of it each."""
    if fit.n_classes > 1:
        return fit
    state = {key: torch.cat([-value / 2, value / 2]) if key in head else value for key, value in fit.state.items()}
    said = f"guessed: the network gives {OUTPUTS['one logit']}."
    return replace(fit, state=state, n_classes=2, notes=(*fit.notes, said))


def _shapes(name: str, input_size: int) -> tuple[dict[str, torch.Size], set[str]]:
    """The shape of each tensor of an architecture, and the names of those that grow with the number of classes."""
    two, three = (skeleton(name, n, input_size).state_dict() for n in (2, 3))
    return {key: value.shape for key, value in two.items()}, {key for key in two if two[key].shape != three[key].shape}


def fitting(
    state: dict[str, Tensor], own: dict[str, torch.Size], head: set[str]
) -> tuple[dict[str, Tensor] | None, list[str]]:
    """The tensors under the architecture's names, or None; and what was stripped and dropped."""
    counted = {key for key in own if key.endswith("num_batches_tracked")}
    for prefix in _prefixes(state):
        stripped = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        missing = set(own) - set(stripped)
        if missing - counted or any(stripped[key].shape != own[key] for key in set(own) - head - missing):
            continue
        if any(stripped[key].shape[1:] != own[key][1:] for key in head):
            continue
        left = sorted(set(state) - {f"{prefix}{key}" for key in own})
        notes = [f"stripped: the prefix {prefix!r} of every name."] if prefix else []
        if left:
            shown = ", ".join([*left[:3], *(["…"] if len(left) > 3 else [])])
            notes.append(f"dropped: {len(left)} tensors that the network has no place for ({shown}).")
        return {key: stripped.get(key, torch.tensor(0)) for key in own}, notes
    return None, []


def _prefixes(state: Iterable[str]) -> list[str]:
    """Beginnings of names that a wrapper may have put there (``module.``, ``model.``, ``_orig_mod.module.``), none first."""
    keys = [key for key in state if not _BOOKKEEPING.search(key)]
    counts: defaultdict[str, int] = defaultdict(int)
    for key in keys:
        parts = key.split(".")
        for depth in range(1, min(5, len(parts))):
            counts[".".join(parts[:depth]) + "."] += 1
    return ["", *(prefix for prefix, n in sorted(counts.items(), key=lambda one: len(one[0])) if n >= 0.2 * len(keys))]


def identified(state: dict[str, Tensor]) -> Fit:
    """The architecture whose tensors these are, where all that have the same also compute the same.

    Raises:
        WeightsError: none fits, or several do that differ; they are named.
    """
    fits = []
    for name in dict.fromkeys(_relatives(state)):
        own, head = _shapes(name, 0)
        found, notes = fitting(state, own, head)
        if found is not None and head:
            fits.append(_of_two_or_more(Fit(name, found, _outputs(name, found, head), tuple(notes)), head))
    if not fits:
        shown = ", ".join(list(state)[:3])
        raise WeightsError(
            f"expected tensors of a network that timm or torchvision has, found {len(state)} of which none fits ({shown}, …). "
            "Name it with --architecture; a network of your own as --architecture FILE.py:FACTORY."
        )
    groups = _computing_alike(fits) if len(fits) <= _MOST else [[fit] for fit in fits]
    usual = [group for group in groups if any(fit.architecture in ARCHITECTURES for fit in group)]
    if len(groups) > 1 and len(usual) != 1:
        shown = "; ".join(", ".join(fit.architecture for fit in group) for group in groups[:_MOST])
        raise WeightsError(
            f"expected tensors of one architecture, found {len(fits)} that have these and compute different things from them: "
            f"{shown}. Say which with --architecture."
        )
    (group,) = usual or groups
    names = {fit.architecture: fit for fit in group}
    best = names[min(names, key=lambda name: (name not in ARCHITECTURES, ":" in name, len(name)))]
    others = [fit.architecture for fit in group if fit is not best]
    said = f"guessed: the architecture {best.architecture}, by its tensors."
    if others:
        said += f" The same is computed by {', '.join(others)}."
    if rivals := [fit.architecture for one in groups if one is not group for fit in one]:
        said += f" From the same tensors {', '.join(rivals)} would compute something else: give --architecture if that is meant."
    return replace(best, notes=(*best.notes, said), alike=tuple(others))


def _hash(shapes: Mapping[str, Sequence[int]]) -> str:
    """Of the names and shapes of all tensors but those that may be of a head, and of counters that not every file keeps."""
    told = sorted(
        f"{key} {list(shape)}"
        for key, shape in shapes.items()
        if not (_HEADS.search(key) or _BOOKKEEPING.search(key) or key.endswith("num_batches_tracked"))
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:10]


def _relatives(state: Mapping[str, Tensor]) -> list[str]:
    """Architectures that have the same tensors, under some prefix and but for the head."""
    known = dict(line.split(" ", 1) for line in _INDEX.read_text(encoding="utf-8").splitlines())
    found: list[str] = []
    for prefix in _prefixes(state):
        shapes = {key.removeprefix(prefix): value.shape for key, value in state.items() if key.startswith(prefix)}
        found += known.get(_hash(shapes), "").split()
    return found


def write_index() -> None:
    """Build all architectures that there are, without memory for weights, and write the index; ten minutes.

    To be run when timm or torchvision have new ones: ``python -c "from dermaviz.models.fitting import *; write_index()"``.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    of_torchvision = map(TORCHVISION.__add__, torchvision.models.list_models(module=torchvision.models))
    for name in (*timm.list_models(), *of_torchvision):
        try:
            found[_hash({key: value.shape for key, value in skeleton(name).state_dict().items()})].append(name)
        except WeightsError:  # an encoder that has no classifier
            continue
    atomic_write(_INDEX, "".join(f"{key} {' '.join(names)}\n" for key, names in sorted(found.items())))


def _computing_alike(fits: Sequence[Fit]) -> list[list[Fit]]:
    """Groups of architectures that give the same logits from the same tensors."""
    groups: list[tuple[Tensor, list[Fit]]] = []
    side = architecture(fits[0].architecture).input_size
    for fit in fits:
        network = create(fit.architecture, fit.n_classes).eval()
        load_weights(network, fit.state, source=fit.architecture)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            logits = network(torch.randn(1, 3, side, side, generator=generator))
        same = next((group for known, group in groups if torch.allclose(known, logits, rtol=1e-3, atol=1e-4)), None)
        if same is None:
            groups.append((logits, [fit]))
        else:
            same.append(fit)
    return [group for _, group in groups]
