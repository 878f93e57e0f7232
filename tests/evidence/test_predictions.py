"""Tests of running a classifier over records: the app's own answers, in order, whatever the batches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import Dataset
from dermaviz.errors import DatasetError, ImageError
from dermaviz.evidence import evaluate
from dermaviz.evidence.evaluate import predict_dataset, prediction_rows
from dermaviz.images import read_image
from dermaviz.models.classifier import Classifier


@pytest.fixture
def data(write_ham10000: Callable[..., Path], tmp_path: Path) -> Dataset:
    return read_ham10000(write_ham10000(tmp_path, {"L1": ("mel", 2), "L2": ("nv", 3), "L3": ("bkl", 2)}))


def test_logits_are_those_that_the_app_shows(tiny_classifier: Classifier, data: Dataset) -> None:
    found = predict_dataset(tiny_classifier, data)
    assert found.classes == data.classes
    assert found.image_ids == tuple(r.image_id for r in data.records)
    assert found.lesion_ids == ("L1", "L1", "L2", "L2", "L2", "L3", "L3")
    assert found.labels.tolist() == [4, 4, 5, 5, 5, 2, 2]
    shown = [tiny_classifier.predict(read_image(r.path).pixels).probabilities for r in data.records]
    np.testing.assert_allclose(found.probabilities(tiny_classifier.card.temperature), np.stack(shown), atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_do_not_matter(tiny_classifier: Classifier, data: Dataset, batch_size: int) -> None:
    found, expected = predict_dataset(tiny_classifier, data, batch_size), predict_dataset(tiny_classifier, data)
    assert found.logits.shape == (7, 3)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)


def test_a_refused_photo_is_named(tiny_classifier: Classifier, data: Dataset) -> None:
    data.records[3].path.write_bytes(b"no photo")
    with pytest.raises(ImageError, match=r"L2-1\.png: expected a JPEG, PNG, WebP"):
        predict_dataset(tiny_classifier, data)


def test_each_picture_of_a_table_is_read_once_and_a_refused_one_costs_its_own_row(
    tiny_classifier: Classifier, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices, read = [slice(0, 2), slice(2, 5), slice(5, 7)], list[str]()
    whole = pd.concat(prediction_rows(tiny_classifier, data, slices), ignore_index=True)
    for i in (0, 1, 4):
        data.records[i].path.write_bytes(data.records[i].path.read_bytes()[:300])
    monkeypatch.setattr(evaluate, "read_image", lambda path: (read.append(path.stem), read_image(path))[1])
    first, *rest = prediction_rows(tiny_classifier, data, slices)
    assert read == [record.path.stem for record in data.records]
    assert (len(first), [len(part) for part in rest]) == (0, [2, 2])
    expected = whole.drop([0, 1, 4]).reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.concat(rest, ignore_index=True), expected, rtol=1e-5)
    data.records[5].path.unlink()
    with pytest.raises(ImageError, match="expected a picture file, found none"):
        list(prediction_rows(tiny_classifier, data, slices))


def test_an_empty_split_is_refused(tiny_classifier: Classifier, data: Dataset) -> None:
    with pytest.raises(DatasetError, match="expected images of ham10000 to predict, found none"):
        predict_dataset(tiny_classifier, data.take([]))


class Waiting(nn.Module):
    """A network that answers only once the readers have had ample time, and notes how far they came."""

    def __init__(self, read: list[str]) -> None:
        super().__init__()
        self.read, self.seen = read, []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        threading.Event().wait(0.1)
        self.seen.append(len(self.read))
        return images.new_zeros(len(images), 3)


def test_readers_do_not_run_away_from_a_slow_network(
    tiny_classifier: Classifier, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(evaluate, "read_image", lambda path: (read.append(path.name), read_image(path))[1])
    many = data.take(replace(data.records[i % 7], image_id=f"im{i}") for i in range(30))
    network = Waiting(read)
    predict_dataset(replace(tiny_classifier, network=network), many, batch_size=2)
    assert network.seen[0] <= 2 + 2 * 2 + 1
    assert len(read) == 30
