"""Attention: the registry of attention methods with their formulas, and the map that every one of them returns.

Free of torch, so that a page can list methods at once. Adding one is a row here, with a formula or with the name of a class of
pytorch-grad-cam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dermaviz.errors import AttentionError

if TYPE_CHECKING:
    from torch import Tensor

Formula = Callable[["Tensor", "Tensor"], "Tensor"]
"""Features and gradients, float32 ``[N, K, h, w]`` each → raw maps ``[N, h, w]``."""
MapStatus = Literal["ok", "empty", "constant", "non-finite", "unavailable"]


@dataclass(frozen=True)
class AttentionMap:
    """A class attention map: ``raw`` is float32 ``[h, w]`` at the attention layer's resolution, as the method gave it.

    The raw map is never rescaled. ``status`` says whether there is anything to see: ``empty`` (no positive value),
    ``constant``, ``non-finite``, ``unavailable`` (no ``layer``: the model gives no maps, and ``raw`` is one NaN), or ``ok``.
    ``seconds`` is the time that this map took.
    """

    raw: NDArray[np.float32]
    method: str
    class_index: int
    layer: str
    seconds: float

    @property
    def status(self) -> MapStatus:
        """Whether the map shows anything, and if not, why."""
        if not self.layer:
            return "unavailable"
        if not np.isfinite(self.raw).all():
            return "non-finite"
        if self.raw.max() <= 0:
            return "empty"
        if self.raw.max() - self.raw.min() <= 1e-6 * self.raw.max():
            return "constant"
        return "ok"

    @property
    def normalised(self) -> NDArray[np.float32]:
        """The map clipped at 0 and divided by its maximum, in [0, 1]; all zero unless ``status`` is ``ok``."""
        if self.status != "ok":
            return np.zeros_like(self.raw)
        positive = np.maximum(self.raw, 0)
        return (positive / positive.max()).astype(np.float32)


@dataclass(frozen=True)
class Method:
    """A row of the registry.

    ``name`` is what links, commands and attention maps carry, ``label`` what people read; ``about`` says in one sentence
    what the map shows. A method with a ``formula`` is ``fast``: it costs about one forward, and the way back to the layer.
    Another one (up to thousands of forwards) runs ``library``, a class of pytorch-grad-cam, on a private copy of the
    network. Unless ``class_specific``, the map is the same for every class.
    """

    name: str
    label: str
    about: str
    source: str
    formula: Formula | None = None
    library: str = ""
    class_specific: bool = True

    def __post_init__(self) -> None:
        if (self.formula is None) == (not self.library):
            raise AttentionError(
                f"expected a formula or a class of pytorch-grad-cam for the method {self.name!r}, found "
                f"{'both' if self.library else 'neither'}. Give the row one of them."
            )

    @property
    def fast(self) -> bool:
        """Whether the map costs about one forward and is safe to ask for on every change of a widget."""
        return self.formula is not None


def grad_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM: features weighted by their mean gradient (Selvaraju et al. 2017, eq. 1–2, before the ReLU)."""
    return _weighted(gradients.mean(dim=(2, 3)), features)


def grad_cam_plus_plus(features: Tensor, gradients: Tensor, *, eps: float = 1e-6, relative: bool = True) -> Tensor:
    """Grad-CAM++ (Chattopadhay et al. 2018, eq. 19 and 7): weights are sums of α · relu(gradient).

    α = g² / (2g² + ΣA · g³ + ε), with ΣA the sum of the channel's features. With ``relative``, ε is in units of g²,
    so that α = 1 / (2 + ε + ΣA · g) however small the gradients are; an absolute ε, as pytorch-grad-cam's 1e-6, outweighs
    g² behind global average pooling and turns α into another quantity. Not finite where a denominator is 0, which takes
    features of negative sum.
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


def x_grad_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """XGrad-CAM: gradients averaged with the features as weights (Fu et al. 2020, eq. 8)."""
    total = features.sum(dim=(2, 3), keepdim=True)
    return _weighted((gradients * features / (total + 1e-7)).sum(dim=(2, 3)), features)


def _weighted(weights: Tensor, features: Tensor) -> Tensor:
    import torch

    return torch.einsum("nk,nkhw->nhw", weights, features)


_ROWS = (
    Method(
        "gradcam++",
        "Grad-CAM++",
        "Channels weighted by their positive gradients, corrected for how often they occur.",
        "Chattopadhay et al. 2018",
        grad_cam_plus_plus,
    ),
    Method("gradcam", "Grad-CAM", "Channels weighted by their mean gradient.", "Selvaraju et al. 2017", grad_cam),
    Method(
        "layercam", "LayerCAM", "Every place weighted by its own positive gradient.", "Jiang et al. 2021", layer_cam
    ),
    Method("hirescam", "HiResCAM", "Features times gradients, place by place.", "Draelos and Carin 2020", hires_cam),
    Method("xgradcam", "XGrad-CAM", "Gradients averaged with the features as weights.", "Fu et al. 2020", x_grad_cam),
    Method(
        "scorecam",
        "Score-CAM",
        "Channels weighted by the class score of the image seen through them; one forward a channel.",
        "Wang et al. 2020",
        library="ScoreCAM",
    ),
    Method(
        "ablationcam",
        "Ablation-CAM",
        "Channels weighted by how much the class score falls without them; one forward a channel.",
        "Desai and Ramaswamy 2020",
        library="AblationCAM",
    ),
    Method(
        "gradcam-elementwise",
        "Element-wise Grad-CAM",
        "Positive products of features and gradients.",
        "pytorch-grad-cam",
        library="GradCAMElementWise",
    ),
    Method(
        "shapleycam",
        "Shapley-CAM",
        "Gradients corrected by curvature, as Shapley values of the channels.",
        "Cai 2025",
        library="ShapleyCAM",
    ),
    Method(
        "eigengradcam",
        "Eigen-Grad-CAM",
        "First principal component of features times gradients; its sign is arbitrary.",
        "pytorch-grad-cam",
        library="EigenGradCAM",
    ),
    Method(
        "eigencam",
        "Eigen-CAM",
        "First principal component of the features; its sign is arbitrary.",
        "Muhammad and Yeasin 2020",
        library="EigenCAM",
        class_specific=False,
    ),
    Method(
        "kpcacam",
        "KPCA-CAM",
        "First kernel principal component of the features; its sign is arbitrary.",
        "Karmani et al. 2024",
        library="KPCA_CAM",
        class_specific=False,
    ),
    Method(
        "fem",
        "FEM",
        "Channels weighted by how rarely they are strongly active.",
        "Fuad et al. 2020",
        library="FEM",
        class_specific=False,
    ),
)
METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in _ROWS})
DEFAULT_METHOD = "gradcam++"


def find_method(name: str) -> Method:
    """The row called ``name``; an AttentionError where there is none."""
    if name not in METHODS:
        raise AttentionError(
            f"expected an attention method among {', '.join(METHODS)}; found {name!r}. Choose one of them."
        )
    return METHODS[name]
