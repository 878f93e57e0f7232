"""Training: which images an epoch shows, in which order. A function of seed and epoch alone, so a run can resume."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dermaviz.data.augment import Augmentation, draw_views
from dermaviz.models.card import Equalisation
from dermaviz.models.classifier import equalise

Sampler = Literal["shuffle", "balanced", "oversample"]


def generator_at(*key: int) -> torch.Generator:
    """A generator that depends on ``key`` alone (seed, epoch, step, purpose…)."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))


def epoch_order(labels: NDArray[np.int64], sampler: Sampler, seed: int, epoch: int) -> NDArray[np.int64]:
    """Positions of the images that ``epoch`` shows, in order.

    ``shuffle``: each image once. ``balanced``: as many draws as there are images, every class equally likely, with
    replacement. ``oversample``: each image once, and images of smaller classes again until all classes are as large as
    the largest.
    """
    rng = np.random.default_rng([seed, epoch, 0])
    if sampler == "shuffle":
        return rng.permutation(len(labels))
    members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    if sampler == "balanced":
        chosen = rng.integers(len(members), size=len(labels))
        return np.array([rng.choice(members[c]) for c in chosen], dtype=np.int64)
    largest = max(map(len, members))
    again = [np.concatenate([m, rng.choice(m, largest - len(m))]) for m in members]
    return rng.permutation(np.concatenate(again))


@dataclass(frozen=True)
class Batch:
    """This process's share of a global batch: uint8 ``[n, H, W, 3]``, views ``[n, 11]``, labels ``[n]``."""

    images: Tensor
    views: Tensor
    labels: Tensor


@dataclass(frozen=True)
class BatchSource:
    """The training batches of any epoch, gathered ahead in one background thread.

    ``images`` is a packed array, ``rows`` and ``labels`` name the training images in it. Process ``rank`` of ``world``
    gets its slice of every global batch; the last incomplete batch is left out. ``equalise`` evens the pictures out.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    augmentation: Augmentation
    sampler: Sampler
    batch_size: int
    seed: int
    rank: int = 0
    world: int = 1
    equalise: Equalisation = ""

    def steps(self) -> int:
        """Number of batches in an epoch."""
        counts = np.bincount(self.labels)
        shown = np.count_nonzero(counts) * counts.max() if self.sampler == "oversample" else len(self.labels)
        return int(shown) // self.batch_size

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of ``epoch`` from step ``first`` on."""
        order = epoch_order(self.labels, self.sampler, self.seed, epoch)
        steps = range(first, len(order) // self.batch_size)
        with ThreadPoolExecutor(1) as pool:
            batches = (pool.submit(self._gather, order, epoch, step) for step in steps)
            upcoming = next(batches, None)
            while upcoming is not None:
                ready, upcoming = upcoming, next(batches, None)
                yield ready.result()

    def _gather(self, order: NDArray[np.int64], epoch: int, step: int) -> Batch:
        positions = order[step * self.batch_size : (step + 1) * self.batch_size]
        views = draw_views(len(positions), self.augmentation, generator_at(self.seed, epoch, step, 1))
        share = len(positions) // self.world
        mine = slice(self.rank * share, (self.rank + 1) * share)
        positions, views = positions[mine], views[mine]
        ascending = np.argsort(self.rows[positions])  # a memory map reads forward fastest
        images = np.empty((len(positions), *self.images.shape[1:]), np.uint8)
        images[ascending] = self.images[self.rows[positions][ascending]]
        return Batch(torch.from_numpy(equalise(images, self.equalise)), views, torch.from_numpy(self.labels[positions]))
