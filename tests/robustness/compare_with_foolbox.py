"""Success rates of our FGSM and PGD beside foolbox's, on the same real test images. Needs the data set and foolbox:

pip install foolbox==3.3.4 && DERMAVIZ_DATA=… python tests/robustness/compare_with_foolbox.py --images 128

Both attack the default checkpoint with the same loss, steps and step size, both without a random start. Ours counts the
best point met, foolbox the last one: "ours, last" is PGD as foolbox runs it (no FGSM point, no image left alone once it
is fooled, the last iterate counted), by our own parts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dermaviz.data.readers import read_splits
from dermaviz.images import read_image
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.robustness.attacks import PGDSettings
from dermaviz.robustness.gradients import Box, Goal, Probe
from dermaviz.robustness.linf import fgsm_sweep, pgd

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "ham10000-efficientnet-lite0"
GREY_LEVELS = {"fgsm": (1 / 16, 1 / 8, 1 / 4, 0.765, 1, 4), "pgd": (1 / 16, 1 / 8)}
"""ε in grey levels; for PGD those at which the default checkpoint still stands in part."""
STEPS = 20
WAY = 2.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per attack and ε; 1 if a pair of rates differs by more than one point."""
    parser = argparse.ArgumentParser(description="Success rates beside foolbox's, in percent.")
    parser.add_argument("--images", type=int, default=128, help="test images, drawn with seed 0")
    parser.add_argument("--batch", type=int, default=32, help="images attacked at a time")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--attack", choices=list(GREY_LEVELS), help="only this one")
    parser.add_argument("--grey-levels", type=float, nargs="+", help="ε times 255, instead of the usual ones")
    options = parser.parse_args(arguments)
    classifier = load_checkpoint(options.checkpoint)
    images, labels = test_images(classifier, options.images)
    batches = list(zip(images.split(options.batch), labels.split(options.batch), strict=True))
    print(
        f"torch {torch.__version__}, foolbox {version('foolbox')}, eagerpy {version('eagerpy')}, {classifier.card.name}"
    )
    print(f"{len(images)} test images; success rate in %, of all images; PGD {STEPS} steps of {WAY}·ε/{STEPS}")
    print(f"{'attack':<8}{'ε·255':>8}{'ours, best':>12}{'ours, last':>12}{'foolbox':>9}{'differ':>8}", flush=True)
    worst = 0.0
    for name in [options.attack] if options.attack else GREY_LEVELS:
        for levels in options.grey_levels or GREY_LEVELS[name]:
            found = np.array([RATES[name](classifier, x, y, levels / 255) for x, y in batches])
            best, last, other, differ = 100 * found.sum(axis=0) / len(images)
            print(f"{name:<8}{levels:>8.4f}{best:>12.2f}{last:>12.2f}{other:>9.2f}{differ:>8.2f}", flush=True)
            worst = max(worst, abs(last - other))
    print(f"largest difference of like with like: {worst:.2f} points (allowed: 1)")
    return int(worst > 1)


def test_images(classifier: Classifier, count: int) -> tuple[Tensor, Tensor]:
    """``count`` images of the test split drawn with seed 0, prepared as the app does it, and their labels."""
    splits, _ = read_splits(classifier.card.data["dataset"], classifier.card.data["manifest"], None)
    test = splits["test"]
    rows = np.random.default_rng(0).permutation(len(test))[:count]
    prepared = [classifier.prepare(read_image(test.records[row].path).pixels) for row in rows]
    return classifier.to_tensor(prepared), torch.tensor(test.label_indices)[rows]


def fgsm_rates(classifier: Classifier, images: Tensor, labels: Tensor, epsilon: float) -> tuple[int, int, int, int]:
    """Images fooled by ours (twice: there is but one point), by foolbox, and images on which the two differ."""
    import foolbox

    (ours,) = fgsm_sweep(classifier, images, Goal.away_from(labels), [epsilon])
    theirs = foolbox_success(classifier, foolbox.attacks.LinfFastGradientAttack(), images, labels, epsilon)
    count = int(ours.reached.sum())
    return count, count, int(theirs.sum()), int((ours.reached != theirs).sum())


def pgd_rates(classifier: Classifier, images: Tensor, labels: Tensor, epsilon: float) -> tuple[int, int, int, int]:
    """Images fooled by our best point, by our last one, by foolbox, and images on which the latter two differ."""
    import foolbox

    best = pgd(classifier, images, Goal.away_from(labels), epsilon, PGDSettings(STEPS, WAY)).reached
    last = last_iterate(classifier, images, labels, epsilon)
    attack = foolbox.attacks.LinfPGD(rel_stepsize=WAY / STEPS, steps=STEPS, random_start=False)
    theirs = foolbox_success(classifier, attack, images, labels, epsilon)
    return int(best.sum()), int(last.sum()), int(theirs.sum()), int((last != theirs).sum())


def last_iterate(classifier: Classifier, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Where plain PGD ends up, whatever it met on its way: bool ``[N]``."""
    probe = Probe(classifier, images, Goal.away_from(labels))
    box, points = Box.around(images, epsilon), images
    for _ in range(STEPS):
        points = box.clamp(points + WAY * epsilon / STEPS * probe.gradient(points).direction)
    return probe.evaluate(points).reached


def foolbox_success(classifier: Classifier, attack: object, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Where foolbox says that its attack succeeded: bool ``[N]``."""
    import foolbox

    card = classifier.card
    preprocessing = {"mean": list(card.mean), "std": list(card.std), "axis": -3}
    model = foolbox.PyTorchModel(classifier.network, bounds=(0, 1), preprocessing=preprocessing, device="cpu")
    _, _, success = attack(model, images, foolbox.criteria.Misclassification(labels), epsilons=epsilon)
    return success


RATES = {"fgsm": fgsm_rates, "pgd": pgd_rates}

if __name__ == "__main__":
    sys.exit(main())
