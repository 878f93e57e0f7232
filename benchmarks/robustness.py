"""Benchmarks: an FGSM sweep beside foolbox's, and PGD beside its bare forward and backward passes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.measure import Benchmark, Row, compare
from benchmarks.subjects import DEFAULT_CHECKPOINT, default_classifier
from dermaviz.errors import DependencyError
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import PGDSettings
from dermaviz.robustness.gradients import Goal
from dermaviz.robustness.linf import fgsm_sweep, pgd

EPSILONS = tuple(levels / 255 for levels in (0.25, 0.5, 0.765, 1, 2, 4, 8, 16))
IMAGES, STEPS = 4, 20


def sweep_against_foolbox() -> Row:
    """The images and the answers of FGSM at 8 ε, all kept, against ``LinfFastGradientAttack`` with the same 8 ε.

    Raises:
        DependencyError: foolbox is not installed.
    """
    try:
        import foolbox
    except ImportError as error:
        raise DependencyError(
            "expected foolbox to measure against, found none. Install it with `pip install foolbox==3.3.4`."
        ) from error

    classifier, images, labels = _subject()
    card = classifier.card
    preprocessing = {"mean": list(card.mean), "std": list(card.std), "axis": -3}
    model = foolbox.PyTorchModel(
        classifier.network, bounds=(0, 1), preprocessing=preprocessing, device=classifier.device
    )
    attack = foolbox.attacks.LinfFastGradientAttack()

    def ours() -> object:
        return list(fgsm_sweep(classifier, images, Goal.away_from(labels), EPSILONS))

    def theirs() -> object:
        return attack(model, images, foolbox.criteria.Misclassification(labels), epsilons=list(EPSILONS))

    return compare(
        "fgsm-sweep-vs-library",
        ours,
        theirs,
        against=f"foolbox {foolbox.__version__}, {len(EPSILONS)} ε, {IMAGES} images",
        checkpoint=DEFAULT_CHECKPOINT.name,
    )


def pgd_against_passes() -> Row:
    """PGD of 20 steps without early stop, from images to the best points, against 20 bare forward and backward passes.

    Ours makes two forwards more: the FGSM point's and the last point's.
    """
    classifier, images, labels = _subject()
    climb = PGDSettings(steps=STEPS, early_stop=False)

    def ours() -> object:
        return pgd(classifier, images, Goal.away_from(labels), 1 / 255, climb)

    def theirs() -> None:
        for _ in range(STEPS):
            at = images.clone().requires_grad_(True)
            torch.autograd.grad(F.cross_entropy(classifier.logits(at), labels, reduction="sum"), at)

    return compare(
        "pgd-vs-passes",
        ours,
        theirs,
        against=f"{STEPS} forwards and backwards, {IMAGES} images",
        checkpoint=DEFAULT_CHECKPOINT.name,
    )


def _subject() -> tuple[Classifier, Tensor, Tensor]:
    """The default checkpoint, smooth seeded pictures, and its answers to them."""
    classifier = default_classifier()
    coarse = torch.rand(IMAGES, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    images = F.interpolate(coarse, size=classifier.input_size, mode="bilinear").clamp(0, 1).to(classifier.device)
    with torch.no_grad():
        return classifier, images, classifier.logits(images).argmax(dim=1)


BENCHMARKS = (
    Benchmark(
        "fgsm-sweep-vs-library",
        "An FGSM sweep over 8 ε, against the same sweep by foolbox.",
        0.5,
        sweep_against_foolbox,
    ),
    Benchmark(
        "pgd-vs-passes",
        "PGD of 20 steps, against its bare forward and backward passes.",
        1.1,
        pgd_against_passes,
    ),
)
