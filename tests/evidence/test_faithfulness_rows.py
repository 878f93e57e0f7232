"""The tables ``faithfulness`` and ``randomisation``: every image, method and stage, whatever the slices, as single maps say."""

from __future__ import annotations

import json
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest

from dermaviz.attention.faithfulness import faithfulness, stages
from dermaviz.attention.localisation import localise
from dermaviz.attention.maps import explain
from dermaviz.attention.methods import METHODS
from dermaviz.data.readers import read_ham10000
from dermaviz.evidence.ranking import rank_methods, what_is_left
from dermaviz.evidence.tables import attention as faithfulness_room
from dermaviz.evidence.tables import attention as randomisation_room
from dermaviz.evidence.tables.attention import (
    CENTRE,
    LEFT_OUT,
    MEASURED,
    RANDOM,
    as_seen,
    faithfulness_parameters,
    faithfulness_rows,
    randomisation_parameters,
    randomisation_rows,
)
from dermaviz.robustness.attacks import image_seeds


@pytest.fixture
def dataset(write_ham10000, tmp_path):
    return read_ham10000(write_ham10000(tmp_path, {"L1": ("mel", 1), "L2": ("nv", 2)}))


@pytest.fixture
def classifier(make_classifier, dataset):
    return make_classifier(classes=dataset.classes, attention_layer="layer2")


@pytest.fixture
def few(monkeypatch):
    """Two fast methods and one slow one."""
    methods = ("gradcam", "layercam", "eigencam")
    monkeypatch.setattr(faithfulness_room, "MEASURED", methods)
    monkeypatch.setattr(randomisation_room, "MEASURED", methods)
    return methods


def test_every_method_is_measured_or_left_out_with_its_cost():
    assert sorted([*MEASURED, *LEFT_OUT]) == sorted(METHODS)
    parameters = faithfulness_parameters()
    assert all("forwards" in parameters["left_out"][name] for name in LEFT_OUT)
    for one in (parameters, randomisation_parameters()):
        assert json.loads(json.dumps(one))["methods"] == list(MEASURED)


def test_rows_are_those_of_single_maps(classifier, dataset):
    table = pd.concat(faithfulness_rows(classifier, dataset, [slice(0, 2), slice(2, 3)]), ignore_index=True)
    order = [*MEASURED, RANDOM, CENTRE]
    assert table["image_id"].tolist() == [r.image_id for r in dataset.records for _ in order]
    assert table["method"].tolist() == order * 3
    seen = as_seen(classifier, dataset.records[2])
    image = classifier.to_tensor([seen.prepared])
    (seed,) = image_seeds([seen.record.image_id])
    for method in ("gradcam++", "xgradcam", "eigencam"):
        (found,) = explain(classifier, image, method=method)
        row = table[(table["image_id"] == seen.record.image_id) & (table["method"] == method)].iloc[0]
        assert row["predicted"] == classifier.classes[found.class_index]
        expected = faithfulness(classifier, image, [found.raw], found.class_index, seed)
        if found.status == "ok":
            assert row[["deletion", "insertion", "road"]].tolist() == pytest.approx(astuple(expected[0]), abs=1e-3)
        place = localise(found, seen.prepared_mask)
        assert row[["energy", "lesion_area"]].tolist() == pytest.approx([place.energy, place.lesion_area], nan_ok=True)


def test_the_same_map_is_measured_once(make_classifier, dataset, monkeypatch):
    """Behind global average pooling and a linear layer three methods give one map: four are measured with the controls."""
    counts = []

    def counted(*arguments):
        counts.append(len(arguments[2]))
        return faithfulness(*arguments)

    monkeypatch.setattr(faithfulness_room, "MEASURED", ("gradcam", "hirescam", "shapleycam", "eigencam"))
    monkeypatch.setattr(faithfulness_room, "faithfulness", counted)
    classifier = make_classifier(classes=dataset.classes, attention_layer="layer4", input_size=96)
    table = next(faithfulness_rows(classifier, dataset, [slice(0, 3)]))
    assert counts == [4, 4, 4]
    same = table[table["method"].isin(["gradcam", "hirescam", "shapleycam"])]
    assert same.groupby("image_id")[["deletion", "insertion", "road"]].nunique().eq(1).all(axis=None)


def test_rows_of_the_cascade(few, classifier, dataset, monkeypatch):
    monkeypatch.setattr(randomisation_room, "BATCH", 2)
    whole = pd.concat(randomisation_rows(classifier, dataset, [slice(0, 3)]), ignore_index=True)
    parts = pd.concat(randomisation_rows(classifier, dataset, [slice(0, 1), slice(1, 3)]), ignore_index=True)
    names = [run[-1] for run in stages(classifier.network)]
    assert list(whole[["image_id", "method", "stage"]].itertuples(index=False, name=None)) == [
        (record.image_id, method, stage) for record in dataset.records for method in few for stage in names
    ]
    pd.testing.assert_frame_equal(whole, parts, rtol=0, atol=0.1)
    of_eigencam = whole[(whole["method"] == "eigencam") & (whole["stage"] == names[0])]["rank_correlation"]
    np.testing.assert_allclose(of_eigencam, 1, atol=1e-6)  # it asks for no class, so the head does not matter to it


def test_the_tables_can_be_ranked(few, classifier, dataset):
    lesions = {record.image_id: record.lesion_id for record in dataset.records}
    ranked = rank_methods(next(faithfulness_rows(classifier, dataset, [slice(0, 3)])), lesions, draws=20)
    assert set(ranked["method"]) == {*few, RANDOM, CENTRE}
    left = what_is_left(next(randomisation_rows(classifier, dataset, [slice(0, 3)])), lesions, draws=20)
    assert left["method"].unique().tolist() == list(few)
