"""Benchmarks: what an attention map costs beside a forward, and beside pytorch-grad-cam."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import Benchmark, Row, compare
from benchmarks.subjects import random_classifier
from dermaviz.attention.maps import explain
from dermaviz.models.classifier import Classifier

ARCHITECTURES = {
    "lite0": "tf_efficientnet_lite0",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "densenet121": "densenet121",
}
CLASS_INDEX = 4


def against_forward(name: str, architecture: str) -> Row:
    """Grad-CAM++ of a class, from pixels in [0, 1] to the map, against the logits of the same image without gradients."""
    classifier, image = _subject(architecture)

    def forward() -> Tensor:
        with torch.no_grad():
            return classifier.logits(image)

    ours = partial(explain, classifier, image, CLASS_INDEX, "gradcam++")
    return compare(name, ours, forward, against="plain forward", checkpoint=_weights(classifier))


def against_library(name: str, architecture: str) -> Row:
    """Grad-CAM++ of a class against the same of pytorch-grad-cam, set up beforehand on its own copy of the network."""
    from pytorch_grad_cam import GradCAMPlusPlus
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    classifier, image = _subject(architecture)
    network = copy.deepcopy(classifier.network).requires_grad_(True)
    library = GradCAMPlusPlus(network, [network.get_submodule(classifier.attention_layer)])

    def theirs() -> object:
        return library(classifier.normalise(image), [ClassifierOutputTarget(CLASS_INDEX)])

    ours = partial(explain, classifier, image, CLASS_INDEX, "gradcam++")
    return compare(name, ours, theirs, against="pytorch-grad-cam", checkpoint=_weights(classifier))


def _subject(architecture: str) -> tuple[Classifier, Tensor]:
    classifier = random_classifier(architecture)
    size = classifier.input_size
    return classifier, torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(classifier.device)


def _weights(classifier: Classifier) -> str:
    return f"{classifier.card.architecture}, {classifier.card.name}"


BENCHMARKS = (
    *(
        Benchmark(
            name := f"gradcampp-vs-forward-{short}",
            f"Grad-CAM++ of a class by {architecture}, against a plain forward.",
            1.15,
            partial(against_forward, name, architecture),
        )
        for short, architecture in ARCHITECTURES.items()
    ),
    *(
        Benchmark(
            name := f"gradcampp-vs-library-{short}",
            f"Grad-CAM++ of a class by {architecture}, against pytorch-grad-cam.",
            0.5,
            partial(against_library, name, architecture),
        )
        for short, architecture in ARCHITECTURES.items()
    ),
)
