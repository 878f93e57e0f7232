"""Models: the classifier. From pixels to what the network sees, to logits, calibrated probabilities and an answer."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as V

from dermaviz.errors import CheckpointError, DermaVizError
from dermaviz.images import RGB, Image, reduce_to
from dermaviz.models.answer import Answer, Detector, Features
from dermaviz.models.card import Card, Equalisation


def require_images(images: Tensor, side: int, error: type[DermaVizError]) -> None:
    """Check that ``images`` are float32 ``[N, 3, side, side]`` in [0, 1], at least one.

    Raises:
        error: they are not; the message says how to get such images.
    """
    if images.ndim != 4 or not len(images) or images.shape[1:] != (3, side, side):
        raise error(
            f"expected images [N, 3, {side}, {side}], found {list(images.shape)}. "
            "Use classifier.to_tensor([classifier.prepare(pixels)])."
        )
    if images.dtype != torch.float32:
        raise error(f"expected float32 images, found {images.dtype}. Use classifier.to_tensor.")
    low, high = (float(bound) for bound in images.detach().aminmax())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise error(
            f"expected pixel values in [0, 1], found {low:.4g} to {high:.4g}. Pass images before normalisation."
        )


_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Tell glibc to serve large blocks from the heap and never trim it; True where that was possible.

    By default each activation tensor is mapped and unmapped anew, and its pages are cleared by the kernel every time:
    on two cores that cost a third of a training step (`python -m benchmarks training-allocator`). Only Linux with glibc
    has the switch (mallopt(3)); elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 256 << 20}
    return all(mallopt(key, value) == 1 for key, value in settings.items())


def equalise(images: NDArray[np.uint8], method: Equalisation) -> NDArray[np.uint8]:
    """Even out the lightness (L* of CIE Lab) of each picture, uint8 ``[N, H, W, 3]`` of any size; colours keep a* and b*.

    ``histogram`` gives every lightness the same share of the whole picture, ``clahe`` within 8 × 8 tiles and with a limit.
    "" leaves the pictures as they are. It is done before a picture is cut to the central square, in training as at use.
    """
    if not method:
        return images
    # Zuiderveld, Graphics Gems IV, 1994, with OpenCV's usual limit for photos.
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply
    even = {"histogram": cv2.equalizeHist, "clahe": clahe}[method]
    lab = [cv2.cvtColor(picture, cv2.COLOR_RGB2LAB) for picture in images]
    for picture in lab:
        picture[..., 0] = even(np.ascontiguousarray(picture[..., 0]))
    return np.stack([cv2.cvtColor(picture, cv2.COLOR_LAB2RGB) for picture in lab]).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Classifier:
    """A network in eval mode with what its card says of it. Shared between threads, therefore never mutated.

    ``detector``, where there is one, says how unlike the training images an image is.
    """

    card: Card
    network: nn.Module
    device: torch.device
    detector: Detector | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.card.classes

    @property
    def malignant(self) -> frozenset[str]:
        """The classes that count as malignant."""
        return frozenset(self.card.malignant)

    @property
    def input_size(self) -> int:
        """Side of the square input in pixels."""
        return self.card.input_size

    @property
    def attention_layer(self) -> str:
        """Dotted name of the module at which attention maps are taken."""
        return self.card.attention_layer

    def prepare(self, pixels: RGB) -> RGB:
        """What the model sees of a picture: uint8 ``[H, W, 3]`` → uint8 ``[S, S, 3]``, see :func:`central_square`.

        A picture sharper than those that the model was trained on is first reduced to their size, as the card says, and
        where the card says so evened out (:func:`~dermaviz.models.classifier.equalise`). A square of the input's very size is
        taken for an input that was prepared before, so an attacked input that was kept as a file is what it was.
        """
        is_input = pixels.shape[:2] == (self.input_size, self.input_size)
        trained = None if is_input else self.card.sharpness
        reduced = reduce_to(pixels, trained.short_side, trained.kernel) if trained else pixels
        own = np.require(reduced, requirements=["C", "W"])  # torch wants neither read-only nor flipped views
        seen = torch.from_numpy(equalise(own[None], self.card.equalise))
        return central_square(seen, self.input_size)[0].clone().numpy()

    def to_tensor(self, prepared: Sequence[RGB]) -> Tensor:
        """Prepared inputs, uint8 ``[S, S, 3]`` each → float32 ``[N, 3, S, S]`` in [0, 1] on the device."""
        batch = torch.from_numpy(np.stack(list(prepared))).to(self.device)
        return batch.permute(0, 3, 1, 2).float().div_(255)

    def normalise(self, images: Tensor) -> Tensor:
        """Pixels in [0, 1] → the network's own input: minus mean, divided by std, per channel."""
        mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (self.card.mean, self.card.std))
        return ((images - mean) / std).contiguous(memory_format=torch.channels_last)

    def logits(self, images: Tensor) -> Tensor:
        """Untempered logits, float32 ``[N, C]``, of images ``[N, 3, S, S]`` in [0, 1]; differentiable."""
        return self.network(self.normalise(images)).float()

    def probabilities(self, images: Tensor) -> NDArray[np.float32]:
        """Calibrated probabilities of images, float32 ``[N, C]``."""
        with torch.no_grad():
            return self.calibrated(self.logits(images))

    def calibrated(self, logits: Tensor) -> NDArray[np.float32]:
        """Untempered logits as probabilities, float32 ``[N, C]``: softmax of them divided by the card's temperature.

        Raises:
            CheckpointError: a logit is not finite, so that there is no answer.
        """
        if not torch.isfinite(logits).all():
            raise CheckpointError(
                f"checkpoint {self.card.name!r}: expected finite outputs, found NaN or infinity. Its weights or its card are "
                "damaged: copy or export the checkpoint again."
            )
        return (logits / self.card.temperature).softmax(dim=1).cpu().numpy()

    @property
    def gives_features(self) -> bool:
        """Whether the network has timm's two steps, ``forward_features`` and ``forward_head``."""
        return all(hasattr(self.network, step) for step in ("forward_features", "forward_head"))

    def observe(self, images: Tensor) -> tuple[Tensor, Features]:
        """Untempered logits ``[N, C]`` and the features before the classifier ``[N, K]``, by one forward.

        Nothing is hooked and nothing kept, so threads may share the classifier. ``images`` are ``[N, 3, S, S]`` in [0, 1].

        Raises:
            CheckpointError: the network does not give its features, see :attr:`gives_features`.
        """
        if not self.gives_features:
            raise CheckpointError(
                f"card of {self.card.name!r}: expected an architecture of timm, which gives its features before the "
                f"classifier, found {self.card.architecture}. Only timm's architectures can have an out-of-distribution "
                "detector."
            )
        network: Any = self.network
        with torch.no_grad():
            maps = network.forward_features(self.normalise(images))
            features = network.forward_head(maps, pre_logits=True)
            logits = network.forward_head(maps)
        return logits.float(), features.flatten(1).float().cpu().numpy()

    def predict(self, image: Image | RGB) -> Answer:
        """The answer to one image: as :func:`~dermaviz.images.read_image` gives it, or pixels uint8 ``[H, W, 3]``.

        Raises:
            CheckpointError: the network's outputs are not finite.
        """
        facts = image if isinstance(image, Image) else Image(image, "", "", (image.shape[1], image.shape[0]))
        prepared = self.prepare(facts.pixels)
        images = self.to_tensor([prepared])
        if self.gives_features:
            logits, features = self.observe(images)
        else:
            with torch.no_grad():
                logits, features = self.logits(images), None
        detector = self.detector if features is not None else None
        return Answer(
            classes=self.classes,
            probabilities=self.calibrated(logits)[0],
            malignant=self.malignant,
            checkpoint=self.card.name,
            checkpoint_sha256=self.card.answers_sha256,
            prepared=prepared,
            size=facts.size,
            image_sha256=facts.sha256,
            notes=facts.notes,
            features=features,
            ood_distance=float(detector.distance(features)[0]) if detector and features is not None else None,
            ood_limit=detector.limit if detector else None,
        )


@dataclass(frozen=True)
class GroupedClassifier(Classifier):
    """A classifier that is only asked which group of its classes an image shows: ``members`` are each group's outputs.

    Its probabilities are sums of those of the classes. Attention maps are of the network's own outputs and not to be had of it.
    """

    members: tuple[tuple[int, ...], ...] = ()

    def logits(self, images: Tensor) -> Tensor:
        """Untempered logits of the groups, ``[N, G]``, whose softmax at the card's temperature is the sum over their classes."""
        of_classes = super().logits(images) / self.card.temperature
        of_groups = [of_classes[:, list(indices)].logsumexp(dim=1) for indices in self.members]
        return torch.stack(of_groups, dim=1) * self.card.temperature


def grouped(classifier: Classifier, groups: Mapping[str, Sequence[str]]) -> Classifier:
    """The classifier asked for groups of its classes; itself where there are none."""
    if not groups:
        return classifier
    members = tuple(tuple(classifier.classes.index(name) for name in names) for names in groups.values())
    return GroupedClassifier(
        classifier.card.asked(groups), classifier.network, classifier.device, classifier.detector, members=members
    )


def central_square(images: Tensor, size: int) -> Tensor:
    """The largest central square, resized bilinearly with antialiasing: uint8 ``[N, H, W, 3]`` → ``[N, size, size, 3]``."""
    height, width = images.shape[1:3]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = images[:, top : top + short, left : left + short].permute(0, 3, 1, 2)
    return V.resize(square, [size, size], antialias=True).permute(0, 2, 3, 1).contiguous()
