"""Models: what a file or folder from elsewhere holds: its tensors, and what it says of architecture, classes and pixels."""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from huggingface_hub import constants, snapshot_download
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dermaviz.errors import WeightsError
from dermaviz.io import read_json
from dermaviz.models.foreign import CONFIG, TRANSFORMERS, is_own_code, one_line, own_network
from dermaviz.models.zoo import is_reachable

HUB = "hf-hub:"
_EMA = ("model_ema", "state_dict_ema", "ema_state_dict", "ema_model", "ema")
_STATES = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_SETTINGS = ("hyper_parameters", "hparams", "args", "config", "cfg", "pretrained_cfg", "meta")
_SAID = {
    "architecture": (
        "arch", "architecture", "model_name", "model_arch", "arch_name", "backbone", "encoder_name", "timm_name",
    ),
    "classes": ("class_names", "classes", "label_names", "class_to_idx", "idx_to_class", "id2label", "labels"),
    "mean": ("mean", "image_mean"),
    "std": ("std", "image_std"),
    "input_size": ("input_size", "img_size", "image_size", "crop_size", "size"),
}  # fmt: skip
"""How files spell what must be known."""
_SIDECARS = ("classes", "labels", "class_names", "class_to_idx", "id2label", "label_names")


@dataclass
class Source:
    """What was found: ``state``, tensors by name, or a ``network`` that is whole already, or the ``content`` of a TorchScript or
    ONNX file; ``said`` holds architecture, classes, mean, std and input size as far as the source tells; ``notes`` are
    sentences on what was taken, dropped or passed over. ``folder`` is that of the source."""

    folder: Path
    state: dict[str, Tensor] = field(default_factory=dict)
    network: nn.Module | None = None
    content: bytes = b""
    said: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_source(source: str) -> Source:
    """Read a file, a folder, ``hf-hub:OWNER/NAME`` or ``FILE.py:FACTORY``. Code is run only for the last of these.

    Raises:
        WeightsError: nothing is there, the hub cannot be reached, or what is there holds no network that can be read safely.
    """
    if source.startswith(HUB):
        return _in_folder(_from_hub(source.removeprefix(HUB)))
    if is_own_code(source):
        return Source(Path(source.rpartition(":")[0]).parent, network=own_network(source))
    path = Path(source)
    if path.is_dir():
        return _in_folder(path)
    if not path.is_file():
        raise WeightsError(
            f"expected a file, a folder, {HUB}OWNER/NAME or FILE.py:FACTORY, found nothing at {source!r}. Correct it."
        )
    found = _in_file(path)
    _sidecars(found, path)
    return found


def _from_hub(name: str) -> Path:
    wanted = ["*.json", "*.safetensors", "pytorch_model.bin", "*.txt"]
    with suppress(OSError, ValueError):
        return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))
    if constants.HF_HUB_OFFLINE or not is_reachable(constants.ENDPOINT):
        raise WeightsError(
            f"expected {name} from the hub, found no copy on this machine and no way to {constants.ENDPOINT}. Go online, or "
            "bring the folder (config.json and model.safetensors) and give its path."
        )
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (OSError, ValueError) as error:
        raise WeightsError(f"expected {name} on the hub, found: {one_line(error)}. Check the name.") from error


def _in_folder(folder: Path) -> Source:
    endings = ("safetensors", "bin", "pth", "pt", "ckpt", "onnx")
    files = [path for ending in endings for path in sorted(folder.glob(f"*.{ending}"))]
    config = read_json(folder / CONFIG, "a model's settings", error=WeightsError) if (folder / CONFIG).is_file() else {}
    preferred = [path for path in files if path.stem in ("model", "pytorch_model")] or files
    if not files or (len(preferred) > 1 and preferred[0].suffix != ".safetensors"):
        found = ", ".join(path.name for path in files) or "none"
        raise WeightsError(
            f"expected one file of weights in {folder}, found {found}. Give the path of the one that is meant."
        )
    source = _in_file(preferred[0])
    if len(files) > 1:
        source.notes.append(f"taken: {preferred[0].name}, of {len(files)} files of weights in the folder.")
    if isinstance(config, dict):
        _tell(source, config)
        _tell(source, config.get("pretrained_cfg"))
        if isinstance(config.get("architectures"), list) and config["architectures"]:
            source.said["architecture"] = f"{TRANSFORMERS}{config['architectures'][0]}"
    if (folder / "preprocessor_config.json").is_file():
        _tell(source, read_json(folder / "preprocessor_config.json", "how images are prepared", error=WeightsError))
    _sidecars(source, preferred[0])
    return source


def _in_file(path: Path) -> Source:
    found = Source(path.parent)
    if path.suffix == ".onnx":
        found.content, found.said["architecture"] = path.read_bytes(), "onnx"
    elif path.suffix == ".safetensors":
        try:
            found.state = load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise WeightsError(
                f"{path}: expected a safetensors file, found {one_line(error)}. Save or download it again."
            ) from error
    elif _is_torchscript(path):
        found.content, found.said["architecture"] = path.read_bytes(), "torchscript"
    else:
        content = _unpickled(path)
        found.state = _state(content, found.notes)
        if isinstance(content, Mapping) and not found.state:
            raise WeightsError(
                f"{path}: expected a state dict, found the keys {', '.join(map(str, list(content)[:8]))}, none of them with "
                "tensors by name. Save network.state_dict()."
            )
        if isinstance(content, Mapping):
            for settings in (content, *(content.get(key) for key in _SETTINGS)):
                _tell(found, vars(settings) if isinstance(settings, argparse.Namespace) else settings)
    return found


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(re.fullmatch(r"[^/]+/code/.*\.py", name) for name in archive.namelist())


def _unpickled(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # as timm's training script keeps its arguments
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise WeightsError(
            f"{path}: expected tensors only, found {named[1] if named else 'something else'}, a Python object, for which code "
            "would have to be run. Where you trust the file: torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW) "
            "for a checkpoint, or torch.save(network.state_dict(), NEW) for a whole network."
        ) from error
    except (RuntimeError, OSError, ValueError, EOFError, LookupError) as error:
        raise WeightsError(
            f"{path}: expected weights of PyTorch, found a file that is none ({one_line(error)})."
        ) from error


def _state(content: Any, notes: list[str]) -> dict[str, Tensor]:
    """Tensors by name from where training scripts put them; averaged weights (EMA) before plain ones."""
    if not isinstance(content, Mapping):
        return {}
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if len(tensors) > 1 and len(tensors) >= 0.8 * len(content):
        return tensors
    for key in (*_EMA, *_STATES):
        inner = _state(content.get(key), notes)
        if inner:
            averaged = key in _EMA and any(_state(content.get(plain), []) for plain in _STATES)
            which = ", the averaged weights, not the plain ones" if averaged else ""
            notes.insert(0, f"taken: the tensors under {key!r}{which}.")
            return inner
    return tensors if len(tensors) > 1 else {}


def _tell(found: Source, settings: Any) -> None:
    """Keep what settings say, where nothing was said before."""
    if not isinstance(settings, Mapping):
        return
    for name, spellings in _SAID.items():
        read = _AS.get(name, _as_triple)
        for spelling in spellings:
            value = read(settings.get(spelling))
            if value is not None:
                found.said.setdefault(name, value)


def _as_classes(value: Any) -> tuple[str, ...] | None:
    """Class names in the order of the outputs, from a list, ``{name: index}`` or ``{index: name}``."""
    if isinstance(value, list | tuple) and len(value) > 1 and all(isinstance(name, str) for name in value):
        return tuple(value)
    if not isinstance(value, Mapping) or len(value) < 2:
        return None
    for pairs in (value.items(), [(index, name) for name, index in value.items()]):
        with suppress(ValueError, TypeError):
            by_index = {int(index): str(name) for index, name in pairs}
            if sorted(by_index) == list(range(len(value))):
                return tuple(by_index[index] for index in sorted(by_index))
    return None


def _as_triple(value: Any) -> tuple[float, float, float] | None:
    if isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(one, int | float) for one in value):
        return float(value[0]), float(value[1]), float(value[2])
    return None


def _as_size(value: Any) -> int | None:
    if isinstance(value, Mapping):
        value = value.get("height", value.get("shortest_edge"))
    if isinstance(value, list | tuple) and value:
        value = value[-1]
    return value if isinstance(value, int) and not isinstance(value, bool) and 4 <= value <= 4096 else None


_AS: Mapping[str, Callable[[Any], Any]] = {
    "architecture": lambda value: value if isinstance(value, str) and value else None,
    "classes": _as_classes,
    "input_size": _as_size,
}
"""How each of :data:`_SAID` is read, None where it cannot be; the others are of three channels."""


def _sidecars(found: Source, path: Path) -> None:
    """Class names from a file beside the weights: ``classes.txt``, one a line, ``class_to_idx.json`` and the like."""
    for name in (path.stem, *_SIDECARS):
        if "classes" in found.said:
            return
        for beside in (path.with_name(f"{name}.json"), path.with_name(f"{name}.txt")):
            if beside.is_file() and beside.stat().st_size < 2**20:
                with suppress(ValueError, OSError):
                    text = beside.read_text(encoding="utf-8")
                    lines = [line.strip() for line in text.splitlines() if line.strip()]
                    classes = _as_classes(json.loads(text) if beside.suffix == ".json" else lines)
                    if classes:
                        found.said.setdefault("classes", classes)
                        found.notes.append(f"taken: the classes' names from {beside.name}.")
