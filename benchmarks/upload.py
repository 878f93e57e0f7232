"""Benchmarks: a photo's way from its bytes to probabilities and an overlay, as the page goes it."""

from __future__ import annotations

import copy
import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms

from benchmarks.measure import Benchmark, Row, compare
from benchmarks.subjects import DEFAULT_CHECKPOINT, default_classifier, photo
from dermaviz.attention.localisation import overlay
from dermaviz.attention.maps import explain
from dermaviz.images import read_image


def upload_to_map() -> Row:
    """Bytes of a 600 × 450 JPEG → probabilities, Grad-CAM++ of the predicted class, overlay as PNG.

    Theirs is the usual route: Pillow, torchvision's transforms, pytorch-grad-cam, its ``show_cam_on_image``, PNG.
    """
    from pytorch_grad_cam import GradCAMPlusPlus
    from pytorch_grad_cam.utils.image import show_cam_on_image

    classifier, content = default_classifier(), photo()
    size = classifier.input_size
    network = copy.deepcopy(classifier.network).requires_grad_(True)
    library = GradCAMPlusPlus(network, [network.get_submodule(classifier.attention_layer)])
    crop = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor()])
    normalise = transforms.Normalize(classifier.card.mean, classifier.card.std)

    def ours() -> bytes:
        prepared = classifier.prepare(read_image(content).pixels)
        images = classifier.to_tensor([prepared])
        predicted = int(classifier.probabilities(images)[0].argmax())
        (attention,) = explain(classifier, images, predicted)
        return _png(overlay(prepared, attention))

    def theirs() -> bytes:
        image = crop(Image.open(io.BytesIO(content)).convert("RGB"))
        heat = library(normalise(image)[None].to(classifier.device), None)[0]
        torch.softmax(library.outputs.detach(), dim=1)
        return _png(show_cam_on_image(image.permute(1, 2, 0).numpy(), heat, use_rgb=True))

    return compare(
        "upload-to-map", ours, theirs, against="Pillow + pytorch-grad-cam", checkpoint=DEFAULT_CHECKPOINT.name
    )


def _png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


BENCHMARKS = (
    Benchmark(
        "upload-to-map",
        "A photo's bytes to probabilities and overlay PNG, against the library route.",
        1.0,
        upload_to_map,
    ),
)
