"""Models: a network from elsewhere becomes a checkpoint: what can be inferred is, every guess is said, the rest is asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from dermaviz.diagnoses import diagnosis, malignant_among, meanings_sentence, spelt
from dermaviz.errors import AttentionError, CheckpointError, WeightsError
from dermaviz.io import atomic_write, file_sha256
from dermaviz.models.card import CARD, Card, Sharpness, new_checkpoint_folder, no_maps_reason, read_card
from dermaviz.models.checkpoint import load_checkpoint, save_checkpoint, save_weights
from dermaviz.models.classifier import Classifier
from dermaviz.models.fitting import Fit, fit_to, fitting, identified
from dermaviz.models.foreign import (
    CODE,
    CONFIG,
    OUTPUTS,
    TRANSFORMERS,
    Opaque,
    Wrapped,
    foreign_network,
    is_own_code,
    of_transformers,
    one_line,
)
from dermaviz.models.layers import attention_layer, features_and_logits
from dermaviz.models.sources import HUB, Source, read_source
from dermaviz.models.specs import ARCHITECTURES, Architecture, create
from dermaviz.models.specs import architecture as architecture_of
from dermaviz.models.zoo import load_weights

INTENDED_USE = "Teaching and research: to show and examine how this classifier behaves."
NOT_FOR = (
    "Not a medical device. Not for diagnosis, triage or reassurance. It was imported: what it was trained on, and on whom it "
    "was tested, is not known here."
)
_NONE_MALIGNANT = "guessed: no class is malignant, since the table of diagnoses knows none of them as such."


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A model from elsewhere, as a checkpoint in ``folder``. ``notes`` say what was taken and what was guessed; ``checks`` what
    works: each of "diagnosis", "map" and "attack" with a sentence on what it gave for a drawn lesion, or why it gave nothing;
    ``doubt`` what nothing vouches for and changes what figures mean: the order of the classes, which are malignant, the input
    size."""

    folder: Path
    model: Classifier
    notes: tuple[str, ...]
    checks: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""

    def __str__(self) -> str:
        tried = [f"{name}: {said}" for name, said in self.checks.items()]
        shown = f"{self.folder}: a checkpoint. `dermaviz app` shows it: choose {self.folder.name} in the bar."
        return "\n".join([*self.notes, *tried, shown, *([f"Check: {self.doubt}"] if self.doubt else [])])


def import_checkpoint(
    source: str,
    name: str,
    *,
    architecture: str = "",
    classes: Sequence[str] = (),
    malignant: Sequence[str] | None = None,
    input_size: int = 0,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    sharpness: int = 0,
    layer: str = "",
    folder: Path | None = None,
    replace: bool = False,
) -> ImportedModel:
    """Make a checkpoint of a file, a folder, ``hf-hub:OWNER/NAME`` or ``FILE.py:FACTORY``; what is not given is inferred.
    With ``replace`` one that was imported under this name is made anew; its evidence stays, and says itself if it is stale.

    Raises:
        WeightsError: the source holds no network, or something is said neither there nor here: the message names the option.
        CheckpointError: there is a checkpoint of this name already, or a value means nothing.
    """
    folder = folder or new_checkpoint_folder(name)
    _require_new(name, folder, replace)
    _allow_code(source, architecture)
    found = read_source(source)
    notes = found.notes
    network, fit = _network(found, source if found.network else architecture, input_size)
    notes += fit.notes
    called, recipe = fit.architecture, {"imported_from": source if source.startswith(HUB) else Path(source).name}
    if is_own_code(called):
        recipe["code_sha256"] = file_sha256(Path(called.rpartition(":")[0]))
        called = Path(called).name
    size, *pixels, size_guessed = _preparation(
        found, network, fit, called, (input_size or fit.input_size, tuple(mean), tuple(std))
    )
    network = network.float().eval().requires_grad_(False)
    named = _classes(found, tuple(classes), _settled(network, size, recipe, notes))
    ill = _malignant(named, malignant, notes)
    chosen = "" if isinstance(network, Opaque) else _layer(network, called, layer, size)
    if not chosen:
        notes.append(f"missing: {no_maps_reason(called)}")
    if not sharpness:
        notes.append(
            "guessed: pictures are not reduced before they are resized; give --sharpness if the training images were small."
        )
    doubts = _doubt_of_classes(named, tuple(found.said.get("classes", ())), ill, malignant is not None)
    if size_guessed:
        doubts.append(
            f"The input size of {size} px is a guess; nothing in the file says it. If it was trained at another, import it again "
            "with --input-size PIXELS --replace (--sharpness is for photographs that were small before resizing)."
        )
    doubt = " ".join(doubts)
    card = Card(
        name=name, architecture=called, classes=named, input_size=size, mean=pixels[0], std=pixels[1],
        attention_layer=chosen, temperature=1.0, split_sha256="", weights_sha256="", recipe=recipe, metrics={}, data={},
        licence="as its source; not stated here", intended_use=INTENDED_USE, not_for=NOT_FOR, malignant=ill,
        training={"notes": notes, "doubt": doubt}, sharpness=Sharpness(sharpness) if sharpness else None,
    )  # fmt: skip
    _save(folder, network, card, found)
    return ImportedModel(folder, _loaded_alike(folder, network), tuple(notes), doubt=doubt)


def _allow_code(*named: str) -> None:
    """Code of one's own that was named may be run, in this process."""
    places = [one.rpartition(":")[0] for one in named if is_own_code(one)]
    if places:
        os.environ[CODE] = os.pathsep.join([*filter(None, [os.environ.get(CODE, "")]), *places])


def _preparation(found: Source, network: nn.Module, fit: Fit, called: str, given: tuple[Any, ...]) -> list[Any]:
    """How pictures are prepared: input size, mean and std, as ``given``, else as the source says, else as is usual of the
    architecture or of all that it may be; the latter two are noted. Last: whether the size is a guess."""
    usual = [_usual(one) for one in (called, *fit.alike)]
    alike = usual[0] if len({(one.mean, one.std) for one in usual if one}) == 1 else None
    differ = "; ".join(f"{one.name}: {one.mean}, {one.std}" for one in usual if one and not alike)
    said_size = found.said.get("input_size") or getattr(network, "side", 0)
    values = {
        "--input-size": (given[0], said_size, usual[0] and usual[0].input_size),
        "--mean": (given[1], found.said.get("mean"), getattr(alike, "mean", None)),
        "--std": (given[2], found.said.get("std"), getattr(alike, "std", None)),
    }
    if unknown := [option for option, known in values.items() if not any(known)]:
        usually = f" Usual are, for mean and std: {differ}." if differ else ""
        raise WeightsError(
            f"expected {', '.join(unknown)}, found nothing that says so. Give what the training images were "
            f"prepared with.{usually}"
        )
    taken = [_value(found.notes, option, *known) for option, known in values.items()]
    return [*taken, not any(values["--input-size"][:2])]


def _malignant(classes: tuple[str, ...], given: Sequence[str] | None, notes: list[str]) -> tuple[str, ...]:
    """The malignant classes, as given, else by their names; what these are taken for is noted."""
    ill = malignant_among(classes) if given is None else tuple(given)
    if given is None:
        notes.append(f"guessed: malignant are {', '.join(ill)}, by their names." if ill else _NONE_MALIGNANT)
    if means := meanings_sentence(classes, ill):
        notes.append(f"guessed: {means}")
    return ill


def _save(folder: Path, network: nn.Module, card: Card, found: Source) -> None:
    """Write the checkpoint: the file itself where it is the whole network, else its tensors, with what builds the network."""
    if isinstance(network, Opaque):
        save_weights(folder, found.content, card)
        return
    if card.architecture.startswith(TRANSFORMERS):
        atomic_write(folder / CONFIG, (found.folder / CONFIG).read_bytes(), error=CheckpointError)
    save_checkpoint(folder, network.network if isinstance(network, Wrapped) else network, card, half=False)


def _doubt_of_classes(classes: tuple[str, ...], said: tuple[str, ...], ill: tuple[str, ...], told: bool) -> list[str]:
    """What nothing vouches for, in sentences: the order of the classes, unless the source says it, and which are malignant,
    unless it is ``told`` and in keeping with their names."""
    parts = []
    if len(said) != len(classes) or any(spelt(one) != spelt(other) for one, other in zip(classes, said, strict=True)):
        other = f"and the source says {', '.join(said)}" if len(said) == len(classes) else "for the source names none"
        parts.append(
            f"Nothing vouches for the order of the classes ({', '.join(classes)}), {other}: in another order every figure is "
            "wrong. Compare it with the code that trained the model."
        )
    if not (ill or told):
        parts.append(
            "No class counts as malignant. If one should, import it again with --malignant a,b --replace; else with "
            "--malignant none."
        )
    by_name = malignant_among(classes)
    without = f"without --malignant {' and '.join(by_name) or 'none'} would count."
    for name in classes:
        row = diagnosis(name)
        if row and row.malignant is not None and row.malignant != (name in ill):
            kind, against = ("malignant", "leaves it out") if row.malignant else ("benign", "names it")
            meant = name if spelt(name) == spelt(row.name) else f"{name} means {row.name}, which"
            parts.append(f"{meant} is {kind}, but --malignant {against}; {without}")
    return parts


def _require_new(name: str, folder: Path, replaced: bool) -> None:
    if not re.fullmatch(r"[\w.+-]*\w", name):
        raise CheckpointError(f"--name: expected letters, digits and - _ . + (it names a folder), found {name!r}.")
    if not folder.exists():
        return
    if not replaced:
        raise CheckpointError(
            f"expected a new name, found {folder} there already. Choose another --name, or import it anew with --replace."
        )
    if "imported_from" not in read_card(folder / CARD).recipe:
        raise CheckpointError(
            f"--replace: expected a checkpoint that was imported, found {folder}, which was trained. Choose another --name."
        )


def _loaded_alike(folder: Path, network: nn.Module) -> Classifier:
    """The checkpoint loaded from its folder, which must give the logits of the network it was made of."""
    loaded = load_checkpoint(folder)
    images = torch.rand(1, 3, loaded.input_size, loaded.input_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        if not torch.allclose(loaded.logits(images), network(loaded.normalise(images)), rtol=1e-3, atol=1e-4):
            raise CheckpointError(f"{folder}: expected the answers of the imported network, found others. Report this.")
    return loaded


def _network(found: Source, given: str, input_size: int) -> tuple[nn.Module, Fit]:
    """The network with its weights, and how its tensors fit the architecture: the given one, the source's, or a guessed one."""
    if found.network is not None:
        said = "taken: the network with the weights that the code gives it; if it loads none, they are random."
        return Wrapped(found.network), Fit(given, {}, 0, (said,))
    said = str(found.said.get("architecture", ""))
    plain = said.removeprefix("hf_hub:").removeprefix(HUB).removeprefix("timm/").split(".")[0]
    named = given or (plain if timm.is_model(plain) else "")
    if said.startswith(TRANSFORMERS) and not given:
        return Wrapped(of_transformers(found.folder, weights=True)), Fit(said, {}, 0)
    foreign = foreign_network(given or said, {}, found.folder, found.content)
    if isinstance(foreign, Wrapped):
        shapes = {key: value.shape for key, value in foreign.network.state_dict().items()}
        state, notes = fitting(found.state, shapes, set())
        load_weights(foreign.network, state or found.state, source=str(found.folder))
        return foreign, Fit(given or said, {}, 0, tuple(notes))
    if foreign is not None:
        return foreign, Fit(given or said, {}, 0)
    if not given and named:
        found.notes.append(f"taken: the architecture {named}, as the source says.")
    fit = fit_to(named, found.state, input_size) if named else identified(found.state)
    if input_size and not named:
        fit_to(fit.architecture, found.state, input_size)  # says so where the position embeddings are of another size
    network = create(fit.architecture, fit.n_classes, input_size=input_size or fit.input_size)
    load_weights(network, fit.state, source=fit.architecture)
    return network, fit


def _usual(name: str) -> Architecture | None:
    """What the architecture is usually given; None of networks that are no one else's."""
    foreign = is_own_code(name) or name.startswith(TRANSFORMERS) or name in ("torchscript", "onnx")
    return None if foreign else architecture_of(name)


def _value(notes: list[str], option: str, given: Any, said: Any, usual: Any) -> Any:
    """What was given, else what the source says, else what is usual of the architecture; the latter two are noted."""
    if given:
        return given
    value = said or usual
    text = ", ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else f"{value} pixels"
    why = "as the source says" if said else f"usual of the architecture; give {option} if it was trained with another"
    notes.append(f"{'taken' if said else 'guessed'}: {option.removeprefix('--').replace('-', ' ')} {text}, {why}.")
    return value


def _settled(network: nn.Module, size: int, recipe: dict[str, Any], notes: list[str]) -> int:
    """How many classes the network tells apart, asked about two random images; ``recipe`` gets what it gives, if no logits."""
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            found = network(images)
    except (RuntimeError, AssertionError, ValueError, TypeError, IndexError) as error:
        raise WeightsError(
            f"expected a network that takes images of {size} pixels a side, found {type(error).__name__}: "
            f"{one_line(error)}. Give its --input-size."
        ) from error
    if found.shape[0] != 2 or not torch.isfinite(found).all():
        raise WeightsError(
            f"expected finite outputs [2, C] for two images, found {list(found.shape)}, {int(found.isnan().sum())} of them NaN. "
            "The weights are damaged, or of another kind."
        )
    probable = bool((found >= 0).all()) and torch.allclose(found.sum(dim=1), torch.ones(2), atol=1e-3)
    if isinstance(network, Wrapped | Opaque) and (found.shape[1] == 1 or probable):
        network.outputs = recipe["outputs"] = "one logit" if found.shape[1] == 1 else "probabilities"
        notes.append(f"guessed: the network gives {OUTPUTS[network.outputs]}.")
    return max(found.shape[1], 2)


def _classes(found: Source, given: tuple[str, ...], n_classes: int) -> tuple[str, ...]:
    """Names of the outputs, given or said, of which there must be as many."""
    if given and len(given) != n_classes:
        raise WeightsError(f"--classes: expected {n_classes} names in the order of the outputs, found {len(given)}.")
    said: tuple[str, ...] = found.said.get("classes", ())
    if not given and len(said) != n_classes:
        beside = f" (the source names {len(said)}, so others are meant)" if said else ""
        raise WeightsError(
            f"expected the names of the {n_classes} classes in the order of the outputs, found none{beside}. Give "
            "--classes a,b,…; torchvision's ImageFolder, for one, numbers folders alphabetically."
        )
    if not given:
        found.notes.append(f"taken: the classes {', '.join(said)}, in the source's order.")
    return given or said


def _layer(network: nn.Module, name: str, given: str, size: int) -> str:
    """The layer that is given, else the one to be found, see ``attention_layer``; "" where there is none."""
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    if given:
        features_and_logits(network, given, images)  # says what there is in its place
    first = [given] if given else [ARCHITECTURES[name].attention_layer] if name in ARCHITECTURES else []
    found = attention_layer(network, images, first)
    if given and found != given:
        raise AttentionError(
            f"--layer: expected one whose places the classes depend on, found {given!r}. {found or 'None'} is one."
        )
    return found
