"""Models: networks that neither timm nor torchvision build: those of transformers, of one's own code, TorchScript and ONNX.

A card names them by its architecture: ``transformers:CLASS``, with ``config.json`` beside the card; ``FILE.py:FACTORY``, code
that is run only where ``$DERMAVIZ_CODE`` names the file; ``torchscript`` and ``onnx``, whose file is the whole network. These
two have no layers to listen to and pass no gradient on, so they answer, and nothing more.
"""

from __future__ import annotations

import importlib.util
import io
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from dermaviz.errors import DependencyError, WeightsError
from dermaviz.io import file_sha256

CODE = "DERMAVIZ_CODE"
"""The environment variable that names files of one's own code that may be run, parted as in PATH."""
TRANSFORMERS = "transformers:"
CONFIG = "config.json"
OUTPUTS: Mapping[str, str] = MappingProxyType(
    {
        "logits": "a logit for each class",
        "probabilities": "probabilities, whose logarithm is taken for the logits",
        "one logit": "one logit, that of the second class; the first has its opposite, half of it each",
    }
)
"""What a network may give; the key is kept on the card, under ``recipe``."""


def is_own_code(architecture: str) -> bool:
    """Whether an architecture is a factory in a file of one's own: ``FILE.py:FACTORY``."""
    return architecture.rpartition(":")[0].endswith(".py")


def foreign_network(architecture: str, recipe: Mapping[str, Any], folder: Path, content: bytes) -> nn.Module | None:
    """The network of a card that is none of timm's or torchvision's, without weights where these are a state dict; else None.

    Args:
        architecture, recipe: the card's.
        folder: the checkpoint's, where ``config.json`` lies.
        content: that of the weights' file.

    Raises:
        WeightsError: it cannot be built; own code is not named in ``$DERMAVIZ_CODE`` or was changed.
        DependencyError: transformers or onnxruntime is not installed.
    """
    outputs = str(recipe.get("outputs", "logits"))
    if architecture in ("torchscript", "onnx"):
        return Opaque(_scripted(content) if architecture == "torchscript" else _session(content), outputs)
    if architecture.startswith(TRANSFORMERS):
        return Wrapped(of_transformers(folder), outputs)
    if is_own_code(architecture):
        return Wrapped(own_network(architecture, str(recipe.get("code_sha256", ""))), outputs)
    return None


class Wrapped(nn.Module):
    """A network of another library as one that gives logits ``[N, C]``; its layers are named ``network.…``."""

    def __init__(self, network: nn.Module, outputs: str = "logits") -> None:
        super().__init__()
        self.network = network
        self.outputs = outputs

    def forward(self, images: Tensor) -> Tensor:
        return _as_logits(self.network(images), self.outputs)


class Opaque(nn.Module):
    """A function from images to outputs. It is no child, so nothing moves, casts or copies what is in it."""

    def __init__(self, call: Any, outputs: str = "logits") -> None:
        super().__init__()
        self.outputs = outputs
        self.side: int = getattr(call, "side", 0)  # of its input in pixels, where it takes only one
        self.__dict__["_call"] = call

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return _as_logits(self.__dict__["_call"](images.cpu().contiguous()), self.outputs).to(images.device)


def first_tensor(found: Any) -> Tensor:
    """The tensor of a network's output: itself, its ``logits``, or the first of several.

    Raises:
        WeightsError: there is none.
    """
    if isinstance(getattr(found, "logits", None), Tensor):
        return found.logits
    if isinstance(found, Mapping):
        found = found.get("logits", next(iter(found.values()), None))
    first = found[0] if isinstance(found, tuple | list) and found else found
    if not isinstance(first, Tensor) or first.ndim != 2:
        shape = list(first.shape) if isinstance(first, Tensor) else type(first).__name__
        raise WeightsError(f"expected outputs [N, C] of the network, found {shape}. Give one that classifies images.")
    return first


def _as_logits(found: Any, outputs: str) -> Tensor:
    first = first_tensor(found)
    if outputs == "probabilities":
        return first.clamp(min=1e-12).log()
    if outputs == "one logit":
        return torch.cat([-first[:, :1] / 2, first[:, :1] / 2], dim=1)
    return first


def _scripted(content: bytes) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces that TorchScript will be no longer developed
            return torch.jit.load(io.BytesIO(content), map_location="cpu").eval()
    except RuntimeError as error:
        raise WeightsError(
            f"expected a TorchScript file, found one that does not load ({str(error).splitlines()[0]}). Save it again."
        ) from error


def _session(content: bytes) -> Any:
    runtime = _optional("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 4
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base of their own
        raise WeightsError(
            f"expected an ONNX file, found one that does not load ({one_line(error)}). Export it again."
        ) from error
    (place, *others) = session.get_inputs()
    if others or len(place.shape) != 4:
        raise WeightsError(
            f"expected one input [N, 3, S, S] of the ONNX file, found {[i.name for i in session.get_inputs()]}."
        )
    fixed = place.shape[0] if isinstance(place.shape[0], int) else 0

    def run(images: Tensor) -> Tensor:
        parts = images.float().split(fixed or len(images))
        return torch.cat([torch.from_numpy(session.run(None, {place.name: part.numpy()})[0]) for part in parts])

    run.side = place.shape[2] if isinstance(place.shape[2], int) else 0  # type: ignore[attr-defined]
    return run


def of_transformers(folder: Path, *, weights: bool = False) -> nn.Module:
    """A classifier of transformers as ``config.json`` describes it, random or with the folder's weights, whose names the library
    translates from older ones. No code from the folder is run.

    Raises:
        WeightsError: transformers cannot build it, or weights are missing.
    """
    library = _optional("transformers", "transformers")
    kind, only = library.AutoModelForImageClassification, {"local_files_only": True, "trust_remote_code": False}
    missing: Any = ()
    try:
        if weights:
            network, told = kind.from_pretrained(str(folder), output_loading_info=True, dtype=torch.float32, **only)
            missing = [*told["missing_keys"], *told["mismatched_keys"]]
        else:
            network = kind.from_config(library.AutoConfig.from_pretrained(str(folder), **only), trust_remote_code=False)
    except (ValueError, OSError, KeyError, TypeError, ImportError, RuntimeError) as error:
        raise WeightsError(
            f"{folder / CONFIG}: expected an image classifier that transformers knows, found one it cannot build "
            f"({one_line(error)})."
        ) from error
    if missing:
        raise WeightsError(
            f"{folder}: expected all weights of the classifier, found {len(missing)} missing ({missing[0]})."
        )
    return network


def own_network(architecture: str, sha256: str = "") -> nn.Module:
    """What a factory in a file of one's own gives when it is called without arguments.

    Raises:
        WeightsError: ``$DERMAVIZ_CODE`` does not name the file, it is another one than at import, or its code fails.
    """
    file, _, factory = architecture.rpartition(":")
    named = [Path(place) for place in os.environ.get(CODE, "").split(os.pathsep) if place]
    path = next((place for place in named if place.name == Path(file).name and place.is_file()), None)
    if path is None:
        raise WeightsError(
            f"expected {CODE} to name {Path(file).name}, found {os.environ.get(CODE) or 'nothing'}. The network is code of "
            f"your own, which is run only at your word: {CODE}=/path/to/{Path(file).name} dermaviz …"
        )
    if sha256 and file_sha256(path) != sha256:
        raise WeightsError(f"{path}: expected the code that was imported, found other code. Import the model again.")
    spec = importlib.util.spec_from_file_location(f"dermaviz_own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise WeightsError(f"expected Python code in {path}, found a file of another kind.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
        network = getattr(module, factory)()
    except Exception as error:  # whatever the code raises
        raise WeightsError(
            f"{path}: expected {factory}() to give a network, found {type(error).__name__}: {error}."
        ) from error
    finally:
        sys.path.remove(str(path.parent))
    if not isinstance(network, nn.Module):
        raise WeightsError(f"{path}: expected {factory}() to give a torch.nn.Module, found {type(network).__name__}.")
    return network


def _optional(package: str, extra: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise DependencyError(
            f"expected the package {package} for this model, found none. pip install 'dermaviz[{extra}]'."
        ) from error


def one_line(error: Exception) -> str:
    """What a library says of a failure, in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]
