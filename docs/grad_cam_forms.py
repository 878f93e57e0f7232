"""The table of ``docs/attention.md``: how much of itself each form of Grad-CAM++ keeps when the classifier is random.

DERMAVIZ_DATA=FOLDER python docs/grad_cam_forms.py [NUMBER OF TEST IMAGES]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

import dermaviz as dv
from dermaviz.attention.faithfulness import randomised
from dermaviz.attention.localisation import rank_correlation
from dermaviz.attention.maps import differentiable
from dermaviz.attention.methods import grad_cam, grad_cam_plus_plus, layer_cam
from dermaviz.data.selection import read_selection, selection_on_card
from dermaviz.images import read_image
from dermaviz.metrics.bootstrap import Bootstrap
from dermaviz.models.classifier import Classifier
from dermaviz.models.layers import features_and_logits

BATCH = 25
SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "logit": lambda z: z,
    "exponential": lambda z: z.double().exp(),
    "softmax": lambda z: z.softmax(dim=1),
    "log-softmax": lambda z: z.log_softmax(dim=1),
}


def positive_only(features: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM with positive gradients, the Grad-CAM+ of Lerma and Lucas 2022."""
    return grad_cam(features, gradients.relu())


def signed(features: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++ with the sign of gradients kept, which nobody published."""
    total = features.sum(dim=(2, 3), keepdim=True)
    return grad_cam(features, gradients / (2 + 1e-6 + total * gradients))


absolute = partial(grad_cam_plus_plus, relative=False)
FORMS: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "Grad-CAM++, ε relative (here)": ("logit", grad_cam_plus_plus),
    "Grad-CAM++, ε absolute (pytorch-grad-cam)": ("logit", absolute),
    "Grad-CAM++, ε relative, exponential score": ("exponential", grad_cam_plus_plus),
    "Grad-CAM++, ε relative, softmax score": ("softmax", grad_cam_plus_plus),
    "Grad-CAM++, ε absolute, softmax score": ("softmax", absolute),
    "Grad-CAM++, ε relative, log-softmax score": ("log-softmax", grad_cam_plus_plus),
    "Grad-CAM+, positive gradients without α": ("logit", positive_only),
    "LayerCAM": ("logit", layer_cam),
    "mean of all channels, no class at all": ("logit", lambda features, _: features.mean(dim=1)),
    "Grad-CAM++ with signed gradients (unpublished)": ("logit", signed),
    "Grad-CAM": ("logit", grad_cam),
    "Grad-CAM, softmax score": ("softmax", grad_cam),
}


def maps_of(model: Classifier, images: Tensor, classes: Tensor) -> dict[str, list[np.ndarray]]:
    """Maps ``[h, w]`` of every form, of the given class of each image."""
    found: dict[str, list[np.ndarray]] = {form: [] for form in FORMS}
    for first in range(0, len(images), BATCH):
        seen, chosen = model.normalise(images[first : first + BATCH]), classes[first : first + BATCH]
        with differentiable(seen.device):
            features, logits = features_and_logits(model.network, model.attention_layer, seen)
            for form, (score, formula) in FORMS.items():
                total = SCORES[score](logits)[torch.arange(len(chosen)), chosen].sum()
                (gradients,) = torch.autograd.grad(total, features, retain_graph=True)
                found[form] += list(formula(features.detach(), gradients.float()).numpy())
    return found


def main(number: int) -> None:
    """Print the table."""
    model = dv.load()
    test = read_selection(selection_on_card(model.card.data), None)[0]["test"]
    chosen = np.sort(np.random.default_rng(14).choice(len(test), number, replace=False))
    records = [test.records[i] for i in chosen]
    images = model.to_tensor([model.prepare(read_image(record.path).pixels) for record in records])
    classes = torch.from_numpy(model.probabilities(images).argmax(axis=1))
    intact, lesions = maps_of(model, images, classes), Bootstrap.over([record.lesion_id for record in records], 1000, 0)
    networks = randomised(model)
    _, without_head = next(networks)
    head = maps_of(without_head, images, classes)
    for _, last in networks:
        without_weights = last
    everything = maps_of(without_weights, images, classes)
    print("| form | classifier random | all weights random | like the mean of all channels |\n|---|---|---|---|")
    for form in FORMS:
        columns = []
        for other in (head[form], everything[form], intact["mean of all channels, no class at all"]):
            kept = lesions.mean(np.array([rank_correlation(a, b) for a, b in zip(intact[form], other, strict=True)]))
            low, high = np.percentile(kept.draws, [2.5, 97.5])
            columns.append(f"{float(kept.value):.2f} ({low:.2f} to {high:.2f})")
        print(f"| {form} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
