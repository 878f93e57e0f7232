"""Models: the server that holds a network's ImageNet weights, and whether they can be had from it, asked once and briefly.

The hub's own client waits some 45 seconds with retries where there is no network; nobody offline should.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import timm
import torch
import torchvision
from huggingface_hub import constants, try_to_load_from_cache

from dermaviz.models.names import take_apart
from dermaviz.models.specs import TORCHVISION

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
    name = take_apart(name).body
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
