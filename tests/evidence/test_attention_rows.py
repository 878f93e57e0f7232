"""The rows of the table ``attention``: every image in order, scored as by hand, also for a model rigged to look aside."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from dermaviz.attention.localisation import localise, random_map
from dermaviz.attention.maps import explain
from dermaviz.data.masks import mask_as_seen, read_mask
from dermaviz.data.readers import read_ham10000
from dermaviz.evidence.evaluate import prediction_rows
from dermaviz.evidence.tables import attention
from dermaviz.evidence.tables.attention import attention_parameters, attention_rows
from dermaviz.images import read_image
from dermaviz.models.classifier import Classifier

SCORES = ("energy", "pointing", "iou_25", "iou_50")
COLUMNS = [
    *("image_id", "predicted", "method", "status", "mask", "lesion_area"),
    *(f"{score}{ending}" for ending in ("", "_centre", "_random") for score in SCORES),
    "peak_distance",
]


class Corner(nn.Module):
    """The brightness of sixteen places, of which only the upper left one is kept."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(side // 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = torch.zeros(4, 4)
        kept[0, 0] = 1
        return self.pool(x).mean(dim=1, keepdim=True) * kept


class Rigged(nn.Module):
    """Says the first class of every image, because of its upper left corner alone."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.layer4 = Corner(side)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.layer4(x).sum(dim=(1, 2, 3))
        return torch.stack([seen, -seen], dim=1)


@pytest.fixture
def dataset(drawn_dataset):
    whole = read_ham10000(drawn_dataset)
    return whole.take(whole.records[:7])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(attention, "BATCH", 2)


def test_slices_together_are_the_whole(drawn_classifier, dataset):
    whole = pd.concat(attention_rows(drawn_classifier, dataset, [slice(0, 7)]))
    assert list(whole) == COLUMNS
    assert whole["image_id"].tolist() == [record.image_id for record in dataset.records]
    parts = list(attention_rows(drawn_classifier, dataset, [slice(0, 3), slice(3, 7)]))
    assert [len(part) for part in parts] == [3, 4]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, rtol=1e-2, atol=1e-3)


def test_each_row_is_what_the_map_of_the_predicted_class_says(drawn_classifier, dataset):
    table = next(attention_rows(drawn_classifier, dataset, [slice(0, 7)])).set_index("image_id")
    said = next(prediction_rows(drawn_classifier, dataset, [slice(0, 7)])).set_index("image_id")
    probable = said[[f"p_{name}" for name in drawn_classifier.classes]].idxmax(axis=1).str.removeprefix("p_")
    assert table["predicted"].to_dict() == probable.to_dict()
    for record in dataset.records:
        prepared = drawn_classifier.prepare(read_image(record.path).pixels)
        (one,) = explain(drawn_classifier, drawn_classifier.to_tensor([prepared]))
        found = localise(one, mask_as_seen(read_mask(record), drawn_classifier.input_size))
        row = table.loc[record.image_id]
        assert (row["method"], row["status"], row["mask"]) == ("gradcam++", one.status, "true")
        expected = [found.lesion_area, found.energy, *found.iou, found.peak_distance]
        columns = ["lesion_area", "energy", "iou_25", "iou_50", "peak_distance"]
        assert row[columns].astype(float).tolist() == pytest.approx(expected, rel=1e-2, abs=1e-3, nan_ok=True)


def test_without_masks_they_are_predicted_and_the_table_says_so(tiny_classifier, write_ham10000, tmp_path):
    dataset = read_ham10000(write_ham10000(tmp_path, {"L1": ("mel", 2)}))
    table = next(attention_rows(tiny_classifier, dataset, [slice(0, 2)]))
    assert table["mask"].tolist() == ["predicted"] * 2


def test_a_model_that_looks_at_a_corner_is_caught(make_card, dataset):
    """Right of every melanoma, and its map on skin: the corner is a sixteenth of the picture that no lesion here fills."""
    card = make_card(classes=("mel", "nv"), mean=(0.0,) * 3, std=(1.0,) * 3)
    classifier = Classifier(card, Rigged(card.input_size).eval(), torch.device("cpu"))
    table = next(attention_rows(classifier, dataset, [slice(0, 7)]))
    assert table["predicted"].tolist() == ["mel"] * 7
    assert table["status"].tolist() == ["ok"] * 7
    assert not (table["energy"] > table["lesion_area"]).any()
    assert (table["energy_centre"] > table["lesion_area"]).all()
    assert not table["pointing"].any()
    assert (table["peak_distance"] > 0).all()


def test_the_settings_can_be_written_as_an_address():
    parameters = attention_parameters()
    assert json.loads(json.dumps(parameters))["centre_sigma"] == 0.2


def test_random_maps_belong_to_the_image_not_to_its_place(drawn_classifier, dataset):
    turned = dataset.take(reversed(dataset.records))
    one, other = (
        next(attention_rows(drawn_classifier, data, [slice(0, 7)])).set_index("image_id") for data in (dataset, turned)
    )
    np.testing.assert_array_equal(one["energy_random"], other["energy_random"].loc[one.index])


def test_every_image_has_a_random_map_of_its_own(drawn_classifier, dataset, monkeypatch):
    kept = []
    monkeypatch.setattr(attention, "random_map", lambda side, seed: kept.append(random_map(side, seed)) or kept[-1])
    next(attention_rows(drawn_classifier, dataset, [slice(0, 7)]))
    assert len({one.tobytes() for one in kept}) == 7
