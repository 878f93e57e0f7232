"""The evidence of a batch: what its rows say, in which order, and what they cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from dermaviz.errors import AttackError
from dermaviz.evidence.tables.robustness import attack_table, evidence_methods, flip_table
from dermaviz.robustness.attacks import PGDSettings, image_seeds
from dermaviz.robustness.flips import flip_distance
from dermaviz.robustness.gradients import Goal, counting_passes
from dermaviz.robustness.linf import fgsm, noise

EPSILONS = (0.1 / 255, 0.0, 1 / 255)
IDS = ["z", "b", "a", "c"]


@pytest.fixture
def batch(wavy_classifier, draw_images):
    """Four images; the labels are the answers, but for the last, which is wrong from the start."""
    images = draw_images(4)
    labels = wavy_classifier.logits(images).argmax(1)
    labels[3] = (labels[3] + 1) % 3
    return wavy_classifier, images, labels


def make(batch, ids=IDS, **options):
    classifier, images, labels = batch
    given = {"epsilons": EPSILONS, "slow_epsilons": EPSILONS, "settings": PGDSettings(steps=3), **options}
    return attack_table(classifier, images, labels.tolist(), ids, **given)


def flips_of(batch, ids=IDS, **options):
    classifier, images, labels = batch
    return flip_table(classifier, images, labels.tolist(), ids, **options)


def test_rows_come_by_image_then_method_then_growing_epsilon(batch):
    table = make(batch)
    keys = [(i, m, e) for i in IDS for m in evidence_methods() for e in sorted(EPSILONS)]
    assert list(table[["image_id", "method", "epsilon"]].itertuples(index=False, name=None)) == keys
    assert list(table) == ["image_id", "method", "epsilon", "predicted", "p_true", "p_malignant", "zero_gradient"]
    assert not table["zero_gradient"].any()


def test_each_row_says_what_the_attack_alone_says(batch):
    classifier, images, labels = batch
    table = make(batch, methods=("fgsm", "random signs")).set_index(["method", "epsilon"])
    goal, seeds = Goal.away_from(labels), image_seeds(IDS)
    for epsilon in EPSILONS:
        alone = {
            "fgsm": fgsm(classifier, images, goal, epsilon),
            "random signs": noise(classifier, images, goal, epsilon, seeds=seeds, kind="random signs"),
        }
        for method, outcome in alone.items():
            rows = table.loc[(method, epsilon)]
            expected = classifier.probabilities(outcome.images)
            assert rows["predicted"].tolist() == [classifier.classes[i] for i in outcome.predicted]
            np.testing.assert_allclose(rows["p_true"], expected[range(4), labels], rtol=1e-3, atol=1e-6)
            np.testing.assert_allclose(rows["p_malignant"], expected[:, 0], rtol=1e-3, atol=1e-6)


def test_accuracy_under_pgd_is_at_most_that_under_fgsm_and_falls_with_epsilon(batch):
    classifier, _, labels = batch
    table = make(batch)
    true = dict(zip(IDS, [classifier.classes[i] for i in labels], strict=True))
    right = (table["predicted"] == table["image_id"].map(true)).groupby([table["method"], table["epsilon"]]).mean()
    assert (right["pgd"] <= right["fgsm"]).all()
    assert right["pgd"].is_monotonic_decreasing
    assert (right.xs(0.0, level="epsilon") == 0.75).all()


def test_batches_make_no_difference(batch):
    classifier, images, labels = batch
    whole = make(batch)
    halves = [make((classifier, images[s], labels[s]), IDS[s]) for s in (slice(0, 1), slice(1, 4))]
    joined = pd.concat(halves, ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole, rtol=1e-2, atol=1e-3)


def test_flips_stand_in_their_own_table(batch):
    classifier, images, labels = batch
    flips = flips_of(batch, cap=4 / 255)
    alone = flip_distance(classifier, images, Goal.away_from(labels), cap=4 / 255)
    assert flips["image_id"].tolist() == IDS
    np.testing.assert_array_equal(flips["flip_epsilon"], alone.epsilon)
    assert flips["flip_epsilon"].tolist()[3] == 0
    assert flips["flipped_to"].tolist() == [classifier.classes[i] for i in alone.predicted]
    assert (flips["cap"] == 4 / 255).all()


def passes_of(batch, methods):
    """How often the network is passed through."""
    made = []
    make((counting_passes(batch[0], made.append), *batch[1:]), methods=methods)
    return len(made)


def test_one_gradient_serves_all_epsilons_of_fgsm_and_the_clean_rows(batch):
    assert passes_of(batch, ("fgsm", "uniform noise")) == 1 + 2 + 2  # gradient, FGSM, noise


def test_pgd_is_run_at_its_own_epsilons(batch):
    rows = make(batch, slow_epsilons=(0.0, 1 / 255))
    assert rows.groupby("method")["epsilon"].agg(set).to_dict() == {
        "fgsm": set(EPSILONS), "pgd": {0.0, 1 / 255}, "uniform noise": set(EPSILONS)
    }  # fmt: skip


def test_together_methods_cost_less_than_apart(batch):
    apart = [passes_of(batch, (method,)) for method in evidence_methods()]
    assert passes_of(batch, evidence_methods()) < sum(apart)


def test_without_malignant_classes_their_sum_is_not_a_number(make_classifier, draw_images):
    table = attack_table(
        make_classifier(malignant=()), draw_images(1, 32), [0], ["a"], epsilons=[0.0], methods=["fgsm"]
    )
    assert table["p_malignant"].isna().all()


def test_labels_are_checked(batch):
    classifier, images, _ = batch
    with pytest.raises(AttackError, match=r"class indices from 0 to 2, found \[0, 7\]"):
        make((classifier, images, torch.tensor([0, 0, 0, 7])))
