"""The table ``tone``: every photo in order, as measured one by one, true masks and predicted ones named."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from dermaviz.data.masks import lesion_mask
from dermaviz.data.readers import read_ham10000
from dermaviz.evidence.tables.tone import tone_parameters, tone_rows
from dermaviz.fairness.skin_tone import measure_tone
from dermaviz.fairness.tone_groups import ESTIMATORS, tone_groups
from dermaviz.images import read_image

COLUMNS = [
    "image_id", "mask", "ita", "ita_clusters", "ita_constancy", "spread", "b", "skin_share", "flags", "excluded",
    "tone_group",
]  # fmt: skip


@pytest.fixture
def dataset(drawn_dataset):
    data = read_ham10000(drawn_dataset)
    return data.take(data.records[:7])


def test_slices_together_are_the_whole(tiny_classifier, dataset):
    whole = next(tone_rows(tiny_classifier, dataset, [slice(0, 7)]))
    parts = list(tone_rows(tiny_classifier, dataset, [slice(0, 3), slice(3, 7)]))
    assert [len(part) for part in parts] == [3, 4]
    assert list(whole) == COLUMNS
    assert whole["image_id"].tolist() == [record.image_id for record in dataset.records]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_rows_are_what_single_photos_measure(tiny_classifier, dataset):
    rows = next(tone_rows(tiny_classifier, dataset, [slice(0, 7)]))
    for record, row in zip(dataset.records, rows.to_dict("records"), strict=True):
        pixels = read_image(record.path).pixels
        mask = lesion_mask(record, pixels)
        tone = measure_tone(pixels, mask.pixels)
        expected = asdict(tone) | {"image_id": record.image_id, "mask": mask.source, "flags": "; ".join(tone.flags)}
        assert row == pytest.approx(expected | {"tone_group": tone_groups([tone.ita])[0]}, nan_ok=True)


def test_an_excluded_photo_has_a_reason_and_no_group(tiny_classifier, write_ham10000, tmp_path):
    """Random pixels hold no skin that is like itself; whatever is found, reason and group never stand together."""
    data = read_ham10000(write_ham10000(tmp_path, {"L1": ("mel", 1), "L2": ("nv", 1)}))
    rows = next(tone_rows(tiny_classifier, data, [slice(0, 2)]))
    assert (rows["excluded"] != "").equals(rows["tone_group"] == "")
    assert (rows["excluded"] != "").any()
    assert np.isnan(rows.loc[rows["excluded"] != "", list(ESTIMATORS)]).all(axis=None)


def test_settings_can_be_written_as_an_address():
    parameters = tone_parameters()
    assert parameters["cuts"] == (55.0, 41.0, 28.0, 10.0, -30.0)
    assert {"lesion_gap", "hair_contrast", "least_share"} <= set(parameters)
    assert json.loads(json.dumps(parameters)) is not None
