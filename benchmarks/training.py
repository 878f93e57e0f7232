"""Benchmarks: what training costs beside the arithmetic itself — the input pipeline, and the system's allocator."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from itertools import chain, count, islice
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.measure import Benchmark, Row, compare
from dermaviz.data.augment import Augmentation
from dermaviz.data.pack import Pack
from dermaviz.data.records import Dataset, Record
from dermaviz.models.classifier import keep_freed_memory
from dermaviz.models.zoo import build
from dermaviz.training.loop import Trainer, TrainingData
from dermaviz.training.recipe import ModelRecipe, Recipe, Stage

ARCHITECTURE, SIZE, BATCH, BATCHES, BLOCK = "tf_efficientnet_lite0", 128, 32, 32, 4
CHECKPOINT = f"{ARCHITECTURE}, random weights, {SIZE} px"
CLASSES = ("a", "b")


def input_pipeline() -> Row:
    """Blocks of four batches of an epoch from a packed array on disk, with every augmentation of the default recipe, through the
    training step; each step gathers the next batch meanwhile.

    Theirs is the step alone, on four batches that are rendered already and held in memory, by turns with ours.
    """
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(_recipe(), _random_data(Path(folder)), Path(folder))
        batches = chain.from_iterable(trainer.source.epoch(epoch) for epoch in count())
        ready = [
            (trainer.view(batch.images, batch.views, batch.labels, SIZE), batch.labels)
            for batch in islice(batches, BLOCK)
        ]

        def ours() -> None:
            for batch in islice(batches, BLOCK):
                trainer.progress.step += 1
                trainer.learn(trainer.view(batch.images, batch.views, batch.labels, SIZE), batch.labels)

        def theirs() -> None:
            for seen, labels in ready:
                trainer.progress.step += 1
                trainer.learn(seen, labels)

        against = f"{BLOCK} batches of {BATCH}, ready in memory"
        return compare("input-pipeline", ours, theirs, against=against, checkpoint=CHECKPOINT)


def training_allocator() -> Row:
    """Seconds per training step with freed memory kept, against the same with glibc's defaults; fresh processes by turns."""
    kept, default = [], []
    for _ in range(2):
        kept.append(_step_in_fresh_process("keep"))
        default.append(_step_in_fresh_process("default"))
    ours, theirs = median(kept), median(default)
    device = f"cpu, {torch.get_num_threads()} threads"
    return Row("training-allocator", ours, theirs, ours / theirs, "s", "glibc's defaults", CHECKPOINT, device)


def _recipe() -> Recipe:
    augmentation = Augmentation((0.6, 1.1), 180, 0.05, 5, True, 0.15, 0.15, 0.15)
    model = ModelRecipe(ARCHITECTURE, weights="none")
    return Recipe("bench", model, (Stage(SIZE, 1),), augmentation=augmentation, batch_size=BATCH, ema=0.99)


def _random_data(folder: Path) -> TrainingData:
    """Random pixels in a memory-mapped array of the default recipe's shape."""
    n = BATCH * BATCHES
    images = np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=(n, 150, 200, 3))
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    records = [Record(f"im{i}", folder, CLASSES[i % 2], f"lesion{i}") for i in range(n)]
    pack = Pack(images, tuple(record.image_id for record in records), sha256="")
    return TrainingData(
        pack, Dataset("random", CLASSES, tuple(records)), Dataset("random", CLASSES, tuple(records[:2]))
    )


def _step_in_fresh_process(allocator: str) -> float:
    command = [sys.executable, "-m", "benchmarks.training", allocator]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _seconds_per_step(steps: int = 4) -> float:
    network = build(ARCHITECTURE, 7, "none").to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters())
    images = torch.rand(BATCH, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(1 + steps):
        started = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        network(images).logsumexp(1).mean().backward()
        optimiser.step()
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:])


BENCHMARKS = (
    Benchmark(
        "input-pipeline",
        "A training epoch from the packed array, against the pure compute of the same batches.",
        1.05,
        input_pipeline,
    ),
    Benchmark(
        "training-allocator",
        "A training step that keeps freed memory, against one with the system's defaults.",
        1.0,
        training_allocator,
    ),
)

if __name__ == "__main__":
    if sys.argv[1] == "keep":
        keep_freed_memory()
    print(_seconds_per_step())
