"""A new attack and a new corruption are one row and one function: they run everywhere, and noise is drawn image by image."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import dermaviz as dv
from dermaviz.app.robustness.live_panels import offered_attacks
from dermaviz.errors import AttackError
from dermaviz.evidence.tables import robustness as tables
from dermaviz.evidence.tables.robustness import attack_table, corruption_table, evidence_methods
from dermaviz.models.classifier import Classifier
from dermaviz.robustness import attacks, corruptions
from dermaviz.robustness.attacks import ATTACKS, Attack, image_seeds
from dermaviz.robustness.corruptions import CORRUPTIONS, Corruption, corrupt
from dermaviz.robustness.gradients import Box, Goal, Probe, outcome_of


def brighten(classifier, images, goal, epsilon, seeds, *, share):
    """Every value raised by a share of ε: no good attack, but one."""
    probe = Probe(classifier, images, goal)
    points = Box.around(images, epsilon).clamp(images + share * epsilon)
    return outcome_of(points, probe.evaluate(points), None, epsilon)


@pytest.fixture
def brighter(monkeypatch: pytest.MonkeyPatch) -> Attack:
    """One more row, in the registry that everybody reads."""
    row = Attack(
        "brighter", "Brighter", "brightening", "Every value raised.", brighten, {"share": 1.0}, evidence="lighter"
    )
    table = MappingProxyType({**ATTACKS, row.name: row})
    monkeypatch.setattr(attacks, "ATTACKS", table)
    monkeypatch.setattr(tables, "ATTACKS", table)
    monkeypatch.setattr("dermaviz.app.robustness.live_panels.ATTACKS", table)
    return row


def test_an_attack_is_one_row_and_one_function(
    brighter: Attack, tiny_classifier: Classifier, draw_photo: Callable[..., np.ndarray], draw_images
) -> None:
    found = dv.attack(tiny_classifier, draw_photo(), method="brighter", epsilon=2 / 255)
    assert (found.method, found.epsilon) == ("brighter", 2 / 255)
    images = draw_images(2, 32)
    table = attack_table(tiny_classifier, images, [0, 1], ["a", "b"], epsilons=[0.0, 0.1])
    assert evidence_methods()[-1] == "brighter"
    rows = table[(table["method"] == "brighter") & (table["epsilon"] == 0.1)]
    expected = tiny_classifier.probabilities((images + 0.1).clamp(max=1))
    np.testing.assert_allclose(rows["p_true"], expected[[0, 1], [0, 1]], rtol=1e-5)
    assert brighter in offered_attacks()


def test_a_corruption_is_one_row_and_one_function(
    monkeypatch: pytest.MonkeyPatch, tiny_classifier: Classifier, draw_images: Callable[..., Tensor]
) -> None:
    row = Corruption(
        "fog", "Fog", "weather", "haze", "", (0.1, 0.2, 0.3, 0.4, 0.5), "ours", lambda x, a, seeds: x + a * (1 - x)
    )
    table = MappingProxyType({**CORRUPTIONS, "fog": row})
    for module in (corruptions, tables):
        monkeypatch.setattr(module, "CORRUPTIONS", table)
    images = draw_images(2, 32)
    torch.testing.assert_close(corrupt(images, "fog", 5, ["a", "b"]), (images + 1) / 2)
    found = corruption_table(tiny_classifier, images, np.array([0, 1]), ["a", "b"])
    assert (found["corruption"] == "fog").sum() == 2 * 5
    assert table["fog"].in_words(2) == "haze = 0.2"


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(row.available for row in ATTACKS.values() if not row.requires)
    monkeypatch.setitem(sys.modules, "pyautoattack", None)
    row = ATTACKS["autoattack"]
    assert not row.available
    assert row.extra == "attacks"


def test_autoattack_refuses_a_target(linear_classifier, draw_images) -> None:
    goal = Goal.towards([0])
    with pytest.raises(AttackError, match="expected a class to leave, found a target"):
        ATTACKS["autoattack"].run(linear_classifier(4), draw_images(1), goal, 0.1, [0])


def seeds_that_were_used(monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> list[int]:
    used: list[int] = []
    draw = tables.unit_noise

    def watch(images: Tensor, seeds: list[int], kind: str) -> Tensor:
        used.extend(seeds)
        return draw(images, seeds, kind)

    monkeypatch.setattr(tables, "unit_noise", watch)
    run()
    return used


def test_the_noise_of_the_evidence_differs_from_image_to_image(
    monkeypatch: pytest.MonkeyPatch, tiny_classifier: Classifier, draw_images: Callable[..., Tensor]
) -> None:
    """A control with one seed for all images would be one picture of noise, measured N times."""
    ids = [f"ISIC_{i}" for i in range(6)]
    same = draw_images(1, 32).expand(6, -1, -1, -1)

    def run() -> pd.DataFrame:
        methods = ("uniform noise", "random signs")
        return attack_table(tiny_classifier, same, [0] * 6, ids, epsilons=[0.2], methods=methods)

    used = seeds_that_were_used(monkeypatch, run)
    assert used == 2 * image_seeds(ids)
    assert len(set(used)) == len(ids)
    assert (run().groupby("method")["p_true"].nunique() == len(ids)).all()
