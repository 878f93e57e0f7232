"""Explain: the table of attention methods. Free of torch, so that a page can list them before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from dermaviz.errors import AttentionError


@dataclass(frozen=True)
class Method:
    """A row of the table.

    ``name`` is what links, commands and attention maps carry, ``label`` what people read. A ``fast`` method costs about
    one forward, through the split network; another one (up to thousands of forwards) runs ``library``, a class of
    pytorch-grad-cam, on a private copy of the network. Unless ``class_specific``, the map is the same for every class.
    ``about`` says in one sentence what the map shows.
    """

    name: str
    label: str
    about: str
    source: str
    library: str = ""
    class_specific: bool = True

    @property
    def fast(self) -> bool:
        """Whether the map costs about one forward and is safe to ask for on every change of a widget."""
        return not self.library


def _table(rows: Iterable[Method]) -> MappingProxyType[str, Method]:
    return MappingProxyType({row.name: row for row in rows})


METHODS = _table(
    (
        Method(
            "gradcam++",
            "Grad-CAM++",
            "Channels weighted by their positive gradients, corrected for how often they occur.",
            "Chattopadhay et al. 2018",
        ),
        Method("gradcam", "Grad-CAM", "Channels weighted by their mean gradient.", "Selvaraju et al. 2017"),
        Method("layercam", "LayerCAM", "Every place weighted by its own positive gradient.", "Jiang et al. 2021"),
        Method("hirescam", "HiResCAM", "Features times gradients, place by place.", "Draelos and Carin 2020"),
        Method("xgradcam", "XGrad-CAM", "Gradients averaged with the features as weights.", "Fu et al. 2020"),
        Method(
            "scorecam",
            "Score-CAM",
            "Channels weighted by the class score of the image seen through them; one forward a channel.",
            "Wang et al. 2020",
            "ScoreCAM",
        ),
        Method(
            "ablationcam",
            "Ablation-CAM",
            "Channels weighted by how much the class score falls without them; one forward a channel.",
            "Desai and Ramaswamy 2020",
            "AblationCAM",
        ),
        Method(
            "gradcam-elementwise",
            "Element-wise Grad-CAM",
            "Positive products of features and gradients.",
            "pytorch-grad-cam",
            "GradCAMElementWise",
        ),
        Method(
            "shapleycam",
            "Shapley-CAM",
            "Gradients corrected by curvature, as Shapley values of the channels.",
            "Cai 2025",
            "ShapleyCAM",
        ),
        Method(
            "eigengradcam",
            "Eigen-Grad-CAM",
            "First principal component of features times gradients; its sign is arbitrary.",
            "pytorch-grad-cam",
            "EigenGradCAM",
        ),
        Method(
            "eigencam",
            "Eigen-CAM",
            "First principal component of the features; its sign is arbitrary.",
            "Muhammad and Yeasin 2020",
            "EigenCAM",
            class_specific=False,
        ),
        Method(
            "kpcacam",
            "KPCA-CAM",
            "First kernel principal component of the features; its sign is arbitrary.",
            "Karmani et al. 2024",
            "KPCA_CAM",
            class_specific=False,
        ),
        Method(
            "fem",
            "FEM",
            "Channels weighted by how rarely they are strongly active.",
            "Fuad et al. 2020",
            "FEM",
            class_specific=False,
        ),
    )
)
DEFAULT_METHOD = "gradcam++"


def find_method(name: str) -> Method:
    """The row called ``name``.

    Raises:
        AttentionError: there is no such row.
    """
    if name not in METHODS:
        raise AttentionError(
            f"expected an attention method among {', '.join(METHODS)}; found {name!r}. Choose one of them."
        )
    return METHODS[name]
