"""TODO docstring dermaviz.attention.maps"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dermaviz.attention.attention_map import AttentionMap
from dermaviz.attention.cam import FORMULAS, check_classes, differentiable, maps_per_class, maps_per_image
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, Method, find_method
from dermaviz.attention.split import channels_first, require_layer, split
from dermaviz.errors import AttentionError
from dermaviz.models.classifier import Classifier, require_images

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


__all__ = ["METHODS", "Method", "attention_maps", "explain"]


def explain(
    classifier: Classifier,
    images: Tensor,
    class_index: int | Sequence[int] | None = None,
    method: str = DEFAULT_METHOD,
    layer: str | None = None,
) -> list[AttentionMap]:
    """One attention map per image. Safe to call from several threads at once on one classifier.

    Args:
        classifier: is not changed in any way.
        images: float32 ``[N, 3, S, S]`` in [0, 1], as :meth:`Classifier.to_tensor` gives them.
        class_index: the class to explain by its logit: one for all images, one per image, or ``None`` for the
            predicted class of each.
        method: name of a row of ``METHODS``.
        layer: dotted module name; the checkpoint's attention layer by default.

    Returns:
        Maps in the order of the images; ``seconds`` is the time of the call divided by the number of maps.

    Raises:
        AttentionError: method, layer, class or images are none that give a map.
    """
    started = time.perf_counter()
    row = find_method(method)
    layer = layer or classifier.attention_layer
    require_images(images, classifier.input_size, AttentionError)
    classes = None if class_index is None else _one_per_image(classifier, class_index, len(images))
    with torch.no_grad():
        normalised = classifier.normalise(images)
    if row.fast:
        raw, chosen = maps_per_image(
            split(classifier.network, layer, normalised), normalised, classes, FORMULAS[method]
        )
        return _wrap(raw.cpu().numpy(), chosen, row, layer, started)
    if classes is None:
        with torch.no_grad():
            classes = classifier.logits(images).argmax(dim=1).tolist()
    one_by_one = [
        library_map(classifier.network, layer, normalised[i : i + 1], index, row) for i, index in enumerate(classes)
    ]
    return _wrap(one_by_one, classes, row, layer, started)


def attention_maps(
    classifier: Classifier,
    image: Tensor,
    class_indices: Sequence[int],
    method: str = DEFAULT_METHOD,
    layer: str | None = None,
) -> list[AttentionMap]:
    """Maps of several classes of one image; with a fast method, every class after the first costs only the head.

    Args:
        image: float32 ``[1, 3, S, S]`` in [0, 1].
        class_indices: the classes to explain, each by its logit.

    The other arguments, ``seconds`` and errors are those of :func:`explain`, and so are the maps, bit for bit.
    """
    started = time.perf_counter()
    row = find_method(method)
    layer = layer or classifier.attention_layer
    require_images(image, classifier.input_size, AttentionError)
    if len(image) != 1:
        raise AttentionError(f"expected one image [1, 3, S, S], found {len(image)}. Use explain() for several images.")
    classes = check_classes(class_indices, len(classifier.classes))
    if not classes:
        return []
    with torch.no_grad():
        normalised = classifier.normalise(image)
    if row.fast:
        raw = maps_per_class(split(classifier.network, layer, normalised), normalised, classes, FORMULAS[method])
        return _wrap(raw.cpu().numpy(), classes, row, layer, started)
    one_by_one = [library_map(classifier.network, layer, normalised, index, row) for index in classes]
    return _wrap(one_by_one, classes, row, layer, started)


def _wrap(
    raw: Sequence[NDArray[np.float32]] | NDArray[np.float32],
    classes: Sequence[int],
    row: Method,
    layer: str,
    started: float,
) -> list[AttentionMap]:
    seconds = (time.perf_counter() - started) / len(classes)
    return [AttentionMap(one, row.name, index, layer, seconds) for one, index in zip(raw, classes, strict=True)]


def _one_per_image(classifier: Classifier, class_index: int | Sequence[int], count: int) -> list[int]:
    classes = [class_index] * count if isinstance(class_index, int | np.integer) else list(class_index)
    if len(classes) != count:
        raise AttentionError(f"expected one class for all images or {count}, one per image; found {len(classes)}.")
    return check_classes(classes, len(classifier.classes))
