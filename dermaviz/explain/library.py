"""Explain: the slower methods, by pytorch-grad-cam on a private copy of the network.

The library hooks modules, keeps its state in lists, replaces layers and runs full backwards, so it never sees the shared
network: each map gets its own copy and its own library object.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from dermaviz.explain.cam import differentiable
from dermaviz.explain.methods import Method
from dermaviz.explain.split import channels_first, require_layer

_LOCK = threading.Lock()
"""One map at a time: each keeps every core busy, and Score-CAM holds the image once per channel (0.8 GB for lite0)."""


def library_map(network: nn.Module, layer: str, image: Tensor, class_index: int, method: Method) -> NDArray[np.float32]:
    """The raw map of one image, float32 ``[h, w]``, before the library clips, scales and enlarges it.

    Args:
        network: in evaluation mode; it is copied and stays as it is.
        layer: dotted name of the attention layer.
        image: normalised, float32 ``[1, 3, S, S]``.
        class_index: the class whose logit is explained.
        method: a row of ``METHODS`` that names a class of the library.

    Raises:
        AttentionError: the network has no such layer.
    """
    require_layer(network, layer)
    library = _library()
    with _LOCK, differentiable(image.device):
        private = _private_copy(network)
        options: dict[str, Any] = {"reshape_transform": _contiguous_map}
        if method.library == "AblationCAM":
            options["ablation_layer"] = library.AblationLayer()  # the library's default is one object for everybody
        keeps_raw = type(method.library, (_KeepsRaw, getattr(library, method.library)), {})
        cam = keeps_raw(model=private, target_layers=[private.get_submodule(layer)], **options)
        target = library.utils.model_targets.ClassifierOutputTarget(class_index)
        with np.errstate(all="ignore"):  # a map that is not finite says so itself
            cam(image.contiguous().clone(), [target])
        return np.asarray(cam.raw[0], dtype=np.float32)


class _KeepsRaw:
    """Remembers what the method gave, which the library itself only hands out clipped and scaled to [0, 1]."""

    raw: NDArray[np.float32]

    def get_cam_image(self, *args: Any, **kwargs: Any) -> NDArray[np.float32]:
        self.raw = super().get_cam_image(*args, **kwargs)  # type: ignore[misc]
        return self.raw


def _private_copy(network: nn.Module) -> nn.Module:
    private = copy.deepcopy(network)
    for module in private.modules():
        if getattr(module, "inplace", False):
            vars(module).update(inplace=False)  # else the activation after the layer overwrites what the hook has kept
    return private.requires_grad_(True)


def _contiguous_map(features: Tensor) -> Tensor:
    """``[N, K, h, w]`` without strides: Score-CAM flattens it with ``view``."""
    return channels_first(features).contiguous()


def _library() -> Any:
    import pytorch_grad_cam
    from pytorch_grad_cam import ablation_cam, score_cam

    for module in (ablation_cam, score_cam):
        module.tqdm = SimpleNamespace(tqdm=_without_progress)  # the library has no switch for its bars on stderr
    return pytorch_grad_cam


def _without_progress(steps: Iterable[int]) -> Iterator[int]:
    return iter(steps)
