"""Explain: attention maps of a classifier — the room's entry points.

What is explained is the class's logit, before softmax and temperature: a probability would also fall when another class
gains, and saturates where the model is sure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.errors import AttentionError
from dermaviz.explain.cam import FORMULAS, check_classes, maps_per_class, maps_per_image
from dermaviz.explain.library import library_map
from dermaviz.explain.methods import DEFAULT_METHOD, METHODS, Method, find_method
from dermaviz.explain.split import split
from dermaviz.models.classifier import Classifier
from dermaviz.models.inputs import require_images
from dermaviz.types import AttentionMap

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
