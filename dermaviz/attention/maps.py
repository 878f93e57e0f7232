"""Attention: attention maps of a classifier, by every method of the registry.

The score that is differentiated is the class's logit: before the softmax and without the checkpoint's temperature. Everything
runs in fp32, whatever gradient or autocast mode the caller is in."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from dermaviz.attention.methods import DEFAULT_METHOD, AttentionMap, Formula, Method, find_method
from dermaviz.errors import AttentionError
from dermaviz.models.classifier import Classifier, require_images
from dermaviz.models.layers import as_map, features_and_logits, prefix_tokens, require_layer

NO_MAP = np.full((1, 1), np.nan, dtype=np.float32)
_LOCK = threading.Lock()
"""One map at a time: each keeps every core busy, and Score-CAM holds the image once per channel (0.8 GB for lite0)."""


def explain(
    classifier: Classifier,
    images: Tensor,
    class_index: int | Sequence[int] | None = None,
    method: str = DEFAULT_METHOD,
    layer: str | None = None,
    progress: Callable[[float], object] | None = None,
) -> list[AttentionMap]:
    """One attention map per image. Safe to call from several threads at once on one classifier.

    Args:
        classifier: is not changed in any way.
        images: float32 ``[N, 3, S, S]`` in [0, 1], as :meth:`Classifier.to_tensor` gives them.
        class_index: the class to explain by its logit: one for all images, one per image, or ``None`` for the
            predicted class of each.
        method: name of a row of ``METHODS``.
        layer: dotted module name; the checkpoint's attention layer by default.
        progress: is told by methods that run the network once per channel which share of an image's forwards is done.

    Returns:
        Maps in the order of the images; ``seconds`` is the time of the call divided by the number of maps. Those of a model
        without an attention layer say that they are not available.

    Raises:
        AttentionError: method, layer, class or images are none that give a map.
    """
    started = time.perf_counter()
    row, layer = find_method(method), layer or classifier.attention_layer
    require_images(images, classifier.input_size, AttentionError)
    classes = None
    if class_index is not None:
        given = [class_index] * len(images) if isinstance(class_index, int | np.integer) else list(class_index)
        if len(given) != len(images):
            raise AttentionError(
                f"expected one class for all images or {len(images)}, one per image; found {len(given)}."
            )
        classes = check_classes(given, len(classifier.classes))
    if not layer:
        classes = classes or classifier.probabilities(images).argmax(axis=1).tolist()
        return _wrap([NO_MAP] * len(images), classes, row, "", started)
    with torch.no_grad():
        normalised = classifier.normalise(images)
    if row.formula:
        raw, chosen = maps_per_image(classifier.network, layer, normalised, classes, row.formula)
        return _wrap(raw.cpu().numpy(), chosen, row, layer, started)
    if classes is None:
        with torch.no_grad():
            classes = classifier.logits(images).argmax(dim=1).tolist()
    pairs = zip(normalised.split(1), classes, strict=True)
    one_by_one = [_library_map(classifier.network, layer, image, index, row, progress) for image, index in pairs]
    return _wrap(one_by_one, classes, row, layer, started)


def map_channels(classifier: Classifier) -> int:
    """How many channels the attention layer has: Score-CAM and Ablation-CAM run the network once for each.

    Raises:
        AttentionError: the layer gives no map.
    """
    side, layer = classifier.input_size, classifier.attention_layer
    with torch.no_grad():
        blank = classifier.normalise(torch.zeros(1, 3, side, side))
        return _places(classifier.network, layer, features_and_logits(classifier.network, layer, blank)[0]).shape[1]


def attention_maps(
    classifier: Classifier, image: Tensor, class_indices: Sequence[int], method: str = DEFAULT_METHOD
) -> list[AttentionMap]:
    """Maps of several classes of one image; with a fast method, every class after the first costs only the head.

    Args:
        image: float32 ``[1, 3, S, S]`` in [0, 1].
        class_indices: the classes to explain, each by its logit.

    The other arguments, ``seconds`` and errors are those of :func:`explain`, and so are the maps, bit for bit.
    """
    started = time.perf_counter()
    row, layer = find_method(method), classifier.attention_layer
    require_images(image, classifier.input_size, AttentionError)
    if len(image) != 1:
        raise AttentionError(f"expected one image [1, 3, S, S], found {len(image)}. Use explain() for several images.")
    classes = check_classes(class_indices, len(classifier.classes))
    if not classes:
        return []
    if not layer:
        return _wrap([NO_MAP] * len(classes), classes, row, "", started)
    with torch.no_grad():
        normalised = classifier.normalise(image)
    if row.formula:
        raw = maps_per_class(classifier.network, layer, normalised, classes, row.formula)
        return _wrap(raw.cpu().numpy(), classes, row, layer, started)
    one_by_one = [_library_map(classifier.network, layer, normalised, index, row) for index in classes]
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


def maps_per_image(
    network: nn.Module, layer: str, images: Tensor, classes: Sequence[int] | None, formula: Formula
) -> tuple[Tensor, list[int]]:
    """Raw maps float32 ``[N, h, w]`` of normalised images ``[N, 3, S, S]``, and the class of each: by default that of the highest
    logit."""
    with differentiable(images.device):
        features, logits = features_and_logits(network, layer, images)
        chosen = logits.argmax(dim=1).tolist() if classes is None else check_classes(classes, logits.shape[1])
        score = logits[torch.arange(len(chosen)), chosen].sum()  # images do not mix, so a sum keeps gradients apart
        return _map(network, layer, features, score, formula), chosen


def maps_per_class(network: nn.Module, layer: str, image: Tensor, classes: Sequence[int], formula: Formula) -> Tensor:
    """Raw maps float32 ``[len(classes), h, w]`` of one normalised image ``[1, 3, S, S]``, as of one call per class: one forward,
    and back from the logits to the layer once a class."""
    with differentiable(image.device):
        features, logits = features_and_logits(network, layer, image)
        scores = [logits[:, index].sum() for index in check_classes(classes, logits.shape[1])]
        return torch.cat([_map(network, layer, features, score, formula) for score in scores])


def check_classes(classes: Sequence[int], count: int) -> list[int]:
    """The class indices as plain integers; AttentionError where one is negative or not below ``count``."""
    chosen = [int(index) for index in classes]
    outside = [index for index in chosen if not 0 <= index < count]
    if outside:
        raise AttentionError(
            f"expected class indices from 0 to {count - 1}, found {outside}. Choose a class of the model."
        )
    return chosen


@contextmanager
def differentiable(device: torch.device) -> Iterator[None]:
    """Gradients on, inference mode and autocast off, in this thread."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        yield


def _map(network: nn.Module, layer: str, features: Tensor, score: Tensor, formula: Formula) -> Tensor:
    (gradients,) = (
        torch.autograd.grad(score, features, retain_graph=True, allow_unused=True) if score.requires_grad else (None,)
    )
    if gradients is None:
        raise AttentionError(
            f"expected a class score that depends on layer {layer!r}, found one that does not. Choose a later layer."
        )
    return formula(_places(network, layer, features.detach()), _places(network, layer, gradients))


def _places(network: nn.Module, layer: str, features: Tensor) -> Tensor:
    """A layer's features, or their gradients, as a map ``[N, K, h, w]``."""
    found = as_map(features, prefix_tokens(network))
    if found is None:
        raise AttentionError(
            f"expected a feature map [N, K, h, w] or tokens [N, T, K] from layer {layer!r}, found {list(features.shape)}. "
            "Choose a layer before pooling and flattening."
        )
    return found


def _library_map(
    network: nn.Module,
    layer: str,
    image: Tensor,
    class_index: int,
    method: Method,
    progress: Callable[[float], object] | None = None,
) -> NDArray[np.float32]:
    """The raw map ``[h, w]`` of a normalised image ``[1, 3, S, S]``, before the library clips, scales and enlarges it."""
    import pytorch_grad_cam as library
    from pytorch_grad_cam import ablation_cam, score_cam

    require_layer(network, layer)

    def told(steps: Sequence[int]) -> Iterator[int]:
        for done, step in enumerate(steps, 1):
            yield step
            if progress:
                progress(done / len(steps))

    with _LOCK, differentiable(image.device):
        for module in (ablation_cam, score_cam):
            module.tqdm = SimpleNamespace(tqdm=told)  # in place of its bars on stderr, for which it has no switch
        private = copy.deepcopy(network).requires_grad_(True)
        for part in private.modules():
            if getattr(part, "inplace", False):  # else the activation after the layer overwrites what the hook has kept
                vars(part).update(inplace=False)
        # Without strides, since Score-CAM flattens the features with ``view``.
        options: dict[str, Any] = {"reshape_transform": lambda features: _places(network, layer, features).contiguous()}
        if method.library == "AblationCAM":  # the library's default is one object for everybody
            with torch.no_grad():
                last = features_and_logits(network, layer, image)[0]
            by_channel = as_map(last, prefix_tokens(network)) is last
            options["ablation_layer"] = (library.AblationLayer if by_channel else library.AblationLayerVit)()
        keeps_raw = type(method.library, (_KeepsRaw, getattr(library, method.library)), {})
        cam = keeps_raw(model=private, target_layers=[private.get_submodule(layer)], **options)
        target = library.utils.model_targets.ClassifierOutputTarget(class_index)
        # A map that is not finite says so itself; Shapley-CAM needs second derivatives, which faster kernels do not have.
        with np.errstate(all="ignore"), sdpa_kernel(SDPBackend.MATH):
            cam(image.contiguous().clone(), [target])
        kept = cam.activations_and_grads
        kept.activations, kept.gradients = [], []  # the library detaches them in place when it goes, which views refuse
        return np.asarray(cam.raw[0], dtype=np.float32)


class _KeepsRaw:
    """Remembers what the method gave, which the library itself only hands out clipped and scaled to [0, 1]."""

    raw: NDArray[np.float32]

    def get_cam_image(self, *args: Any, **kwargs: Any) -> NDArray[np.float32]:
        activations = args[3]
        if isinstance(activations, Tensor):  # Shapley-CAM, which weights channels but forgets to lay them out as places
            weights = self.get_cam_weights(*args[:5])  # type: ignore[attr-defined]
            places = self.activations_and_grads.reshape_transform(activations)  # type: ignore[attr-defined]
            self.raw = (weights[:, :, None, None] * places.detach().cpu().numpy()).sum(axis=1)
        else:
            self.raw = super().get_cam_image(*args, **kwargs)  # type: ignore[misc]
        return self.raw
