"""Benchmarks: an audit's predictions, from photo files to rows, beside the bare forward passes that it needs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from benchmarks.measure import Benchmark, Row, compare
from benchmarks.subjects import CLASSES, DEFAULT_CHECKPOINT, default_classifier, photo
from dermaviz.data.records import Dataset, Record
from dermaviz.evidence.evaluate import prediction_rows, prepared_batches
from dermaviz.models.classifier import keep_freed_memory

IMAGES, BATCH = 128, 64
WIDTH, HEIGHT = 200, 150
"""Pixels of the photos that the default checkpoint was trained and tested on."""


def audit_against_forwards() -> Row:
    """The table ``predictions`` of 128 photos, against the forward passes of the same batches, ready in memory."""
    keep_freed_memory()
    classifier = default_classifier()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo(WIDTH, HEIGHT))
        records = tuple(Record(str(i), path, CLASSES[i % len(CLASSES)], str(i)) for i in range(IMAGES))
        dataset = Dataset("photos", CLASSES, records)
        slices = [slice(first, first + BATCH) for first in range(0, IMAGES, BATCH)]
        ready = [classifier.to_tensor(images) for _, images in prepared_batches(classifier, dataset, slices)]

        def ours() -> object:
            return list(prediction_rows(classifier, dataset, slices, BATCH))

        def theirs() -> object:
            with torch.no_grad():
                return [classifier.logits(images) for images in ready]

        return compare(
            "audit-vs-forwards",
            ours,
            theirs,
            against=f"{IMAGES} forward passes in batches of {BATCH}",
            checkpoint=DEFAULT_CHECKPOINT.name,
        )


BENCHMARKS = (
    Benchmark(
        "audit-vs-forwards",
        "An audit of photo files, against the forward passes that it needs.",
        1.1,
        audit_against_forwards,
    ),
)
