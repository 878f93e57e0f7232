"""Explain: class activation maps from features and gradients, and the split forward that gives both.

The score that is differentiated is the class's logit: before the softmax and without the checkpoint's temperature.
Everything runs in fp32, whatever gradient or autocast mode the caller is in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import torch
from torch import Tensor

from dermaviz.attention.split import Split, channels_first, run_features
from dermaviz.errors import AttentionError

Formula = Callable[[Tensor, Tensor], Tensor]
"""Features and gradients, float32 ``[N, K, h, w]`` each → raw maps ``[N, h, w]``."""


def grad_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM: features weighted by their mean gradient (Selvaraju et al. 2017, eq. 1–2, before the ReLU)."""
    return _weighted(gradients.mean(dim=(2, 3)), features)


def grad_cam_plus_plus(features: Tensor, gradients: Tensor, *, eps: float = 1e-6, relative: bool = True) -> Tensor:
    """Grad-CAM++ (Chattopadhay et al. 2018, eq. 19 and 7): weights are sums of α · relu(gradient).

    α = g² / (2g² + ΣA · g³ + ε), with ΣA the sum of the channel's features. With ``relative``, ε is in units of g²,
    so that α = 1 / (2 + ε + ΣA · g) however small the gradients are; an absolute ε, as pytorch-grad-cam's 1e-6, outweighs
    g² behind global average pooling and turns α into another quantity.

    Args:
        features: float32 ``[N, K, h, w]``.
        gradients: of the class score with respect to ``features``, same shape.
        eps: ε, above 0.
        relative: whether ε is in units of g² or absolute.

    Returns:
        Raw maps ``[N, h, w]``; not finite where a denominator is 0, which takes features of negative sum.
    """
    total = features.sum(dim=(2, 3), keepdim=True)
    if relative:
        alpha = 1 / (2 + eps + total * gradients)
    else:
        squared = gradients.square()
        alpha = squared / (2 * squared + total * (squared * gradients) + eps)
    return _weighted((gradients.relu() * alpha).sum(dim=(2, 3)), features)


def layer_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """LayerCAM: every place of every channel weighted by its own positive gradient (Jiang et al. 2021, eq. 5)."""
    return (gradients.relu() * features).sum(dim=1)


def hires_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """HiResCAM: features times gradients, place by place (Draelos and Carin 2020, eq. 3)."""
    return (gradients * features).sum(dim=1)


def x_grad_cam(features: Tensor, gradients: Tensor, *, eps: float = 1e-7) -> Tensor:
    """XGrad-CAM: gradients averaged with the features as weights (Fu et al. 2020, eq. 8)."""
    total = features.sum(dim=(2, 3), keepdim=True)
    return _weighted((gradients * features / (total + eps)).sum(dim=(2, 3)), features)


FORMULAS = MappingProxyType(
    {
        "gradcam++": grad_cam_plus_plus,
        "gradcam": grad_cam,
        "layercam": layer_cam,
        "hirescam": hires_cam,
        "xgradcam": x_grad_cam,
    }
)


def maps_per_image(
    halves: Split, images: Tensor, classes: Sequence[int] | None, formula: Formula
) -> tuple[Tensor, list[int]]:
    """One map per image: raw maps float32 ``[N, h, w]`` and the class of each.

    Args:
        halves: the network, split at the attention layer.
        images: normalised, float32 ``[N, 3, S, S]``.
        classes: a class index per image, or ``None`` for the class of highest logit.
        formula: a row of ``FORMULAS``.
    """
    with differentiable(images.device):
        features = run_features(halves, images)
        logits = _logits(halves, features)
        chosen = logits.argmax(dim=1).tolist() if classes is None else check_classes(classes, logits.shape[1])
        score = logits[
            torch.arange(len(chosen)), chosen
        ].sum()  # images do not mix, so a sum keeps their gradients apart
        (gradients,) = torch.autograd.grad(score, features)
        return _map(formula, features, gradients), chosen


def maps_per_class(halves: Split, image: Tensor, classes: Sequence[int], formula: Formula) -> Tensor:
    """Several classes of one image: the features run once, the head once, and back through the head once a class.

    Args:
        image: normalised, float32 ``[1, 3, S, S]``.

    Returns:
        Raw maps float32 ``[len(classes), h, w]``, equal to those of one call per class.
    """
    with differentiable(image.device):
        features = run_features(halves, image)
        logits = _logits(halves, features)
        maps = []
        for index in check_classes(classes, logits.shape[1]):
            (gradients,) = torch.autograd.grad(logits[:, index].sum(), features, retain_graph=True)
            maps.append(_map(formula, features, gradients))
        return torch.cat(maps)


def check_classes(classes: Sequence[int], count: int) -> list[int]:
    """The class indices as plain integers.

    Raises:
        AttentionError: an index is negative or not below ``count``.
    """
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


def _logits(halves: Split, features: Tensor) -> Tensor:
    logits = halves.head(features)
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        found = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise AttentionError(f"expected logits [N, C] from the network, found {found}. Use a classification network.")
    return logits.float()


def _map(formula: Formula, features: Tensor, gradients: Tensor) -> Tensor:
    return formula(channels_first(features.detach()), channels_first(gradients))


def _weighted(weights: Tensor, features: Tensor) -> Tensor:
    return torch.einsum("nk,nkhw->nhw", weights, features)
