"""Sampling: what an epoch shows, that it can be entered anywhere, and that processes share a batch without loss."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from dermaviz.data.augment import Augmentation
from dermaviz.training.batches import BatchSource, Sampler, epoch_order, generator_at

LABELS = np.repeat([0, 1, 3], [40, 15, 5]).astype(np.int64)  # class 2 has no images
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)


def source(sampler: Sampler = "shuffle", batch_size: int = 12) -> BatchSource:
    """60 training images in a pack of 100; every pixel of an image is its row."""
    images = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None, None], (100, 4, 5, 3))
    rows = np.random.default_rng(1).permutation(100)[:60]
    augmentation = Augmentation(scale=(0.5, 1.0), rotate=90, flip=True, brightness=0.2)
    return BatchSource(images, rows, LABELS, augmentation, sampler, batch_size, seed=7)


def test_shuffle_shows_each_image_once() -> None:
    assert sorted(epoch_order(LABELS, "shuffle", 0, 0)) == list(range(60))


def test_balanced_draws_every_class_equally_often() -> None:
    drawn = np.concatenate([LABELS[epoch_order(LABELS, "balanced", 0, epoch)] for epoch in range(50)])
    assert len(drawn) == 50 * 60
    counts = np.bincount(drawn, minlength=4)
    assert counts[2] == 0
    np.testing.assert_allclose(counts[[0, 1, 3]], 1000, atol=4 * np.sqrt(3000 * 2 / 9))  # four standard deviations


def test_oversample_shows_all_images_and_makes_classes_equal() -> None:
    order = epoch_order(LABELS, "oversample", 0, 0)
    assert set(order) == set(range(60))
    assert np.bincount(LABELS[order]).tolist() == [40, 40, 0, 40]
    once = np.flatnonzero(LABELS == 0)
    assert sorted(order[LABELS[order] == 0]) == once.tolist(), "the largest class is shown once"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_epoch_is_shuffled_across_classes(sampler: Sampler) -> None:
    """Of 119 neighbours among three equal, shuffled classes, 80 ± 5 are of another class; in blocks of classes it is 2."""
    equal = np.repeat([0, 1, 2], 40).astype(np.int64)
    labels = np.repeat([0, 1, 2], [40, 15, 5]).astype(np.int64) if sampler == "oversample" else equal
    order = labels[epoch_order(labels, sampler, 0, 0)]
    assert len(order) == 120
    assert 55 < np.count_nonzero(np.diff(order)) < 105


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_order_depends_on_seed_and_epoch_alone(sampler: Sampler) -> None:
    first = epoch_order(LABELS, sampler, 3, 2)
    np.testing.assert_array_equal(first, epoch_order(LABELS, sampler, 3, 2))
    assert not np.array_equal(first, epoch_order(LABELS, sampler, 3, 1))
    assert not np.array_equal(first, epoch_order(LABELS, sampler, 2, 2))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_steps_are_the_whole_batches_of_an_epoch(sampler: Sampler) -> None:
    batches = source(sampler, batch_size=7)
    assert batches.steps() == len(epoch_order(LABELS, sampler, 7, 0)) // 7 == len(list(batches.epoch(0)))


def test_a_batch_holds_the_images_and_labels_of_its_positions() -> None:
    batches = source()
    order = epoch_order(LABELS, "shuffle", 7, 5)
    for step, batch in enumerate(batches.epoch(5)):
        positions = order[step * 12 : (step + 1) * 12]
        assert batch.images.shape == (12, 4, 5, 3)
        assert batch.images.dtype == torch.uint8
        assert batch.images[:, 0, 0, 0].tolist() == batches.rows[positions].tolist()
        assert batch.labels.tolist() == LABELS[positions].tolist()


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("first", [0, 1, 3])
def test_entering_an_epoch_at_a_step_gives_the_same_batches(sampler: Sampler, first: int) -> None:
    batches = source(sampler)
    whole, rest = list(batches.epoch(1))[first:], list(batches.epoch(1, first))
    assert len(whole) == len(rest) > 0
    for a, b in zip(whole, rest, strict=True):
        assert all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("images", "views", "labels"))


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_the_processes_slices_make_the_whole_batch(world: int) -> None:
    """Images, labels and the random views: none depends on the number of processes."""
    batches = source()
    shares = [list(replace(batches, rank=rank, world=world).epoch(2)) for rank in range(world)]
    for step, batch in enumerate(batches.epoch(2)):
        for name in ("images", "views", "labels"):
            parts = torch.cat([getattr(share[step], name) for share in shares])
            assert torch.equal(parts, getattr(batch, name))


def test_generators_depend_on_their_key_alone() -> None:
    keys = [(0, 0, 0, 1), (0, 0, 0, 2), (0, 0, 1, 1), (0, 1, 0, 1), (1, 0, 0, 1), (0, 0, 0, 2, 1)]
    draws = [torch.rand(3, generator=generator_at(*key)).tolist() for key in keys]
    assert len({tuple(draw) for draw in draws}) == len(keys)
    assert torch.rand(3, generator=generator_at(*keys[0])).tolist() == draws[0]
