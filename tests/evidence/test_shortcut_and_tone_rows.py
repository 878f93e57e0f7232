"""The rows of ``shortcuts``, ``counterfactuals`` and ``drawn_tone``: every image, every condition, the clean one as predicted."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dermaviz.data.readers import read_ham10000
from dermaviz.errors import DatasetError
from dermaviz.evidence.evaluate import prediction_rows
from dermaviz.evidence.tables import attention as shortcuts
from dermaviz.evidence.tables import tone as counterfactuals
from dermaviz.evidence.tables import tone as drawn_tone
from dermaviz.fairness.counterfactual import AXES, LESION_CHOICES, tone_effects
from dermaviz.fairness.effects import CLEAN, VARIANTS, shortcut_effects

TONES = (41.0, 0.0)


@pytest.fixture
def dataset(drawn_dataset):
    """Four of the drawn lesions, with their masks."""
    whole = read_ham10000(drawn_dataset)
    return whole.take(whole.records[:4])


@pytest.fixture(autouse=True)
def few_tones(monkeypatch):
    monkeypatch.setattr(counterfactuals, "TONES", TONES)
    monkeypatch.setattr(drawn_tone, "DRAWN_TONES", TONES)
    monkeypatch.setattr(drawn_tone, "PER_DIAGNOSIS", 1)


TABLES = {
    "shortcuts": (shortcuts.shortcuts_rows, shortcuts.shortcuts_parameters, 1 + len(VARIANTS)),
    "counterfactuals": (
        counterfactuals.counterfactuals_rows,
        counterfactuals.counterfactuals_parameters,
        1 + len(AXES) * len(LESION_CHOICES) * len(TONES),
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_slices_together_are_the_whole_and_clean_is_what_the_model_says(drawn_classifier, dataset, table):
    make, _, per_image = TABLES[table]
    parts = list(make(drawn_classifier, dataset, [slice(0, 3), slice(3, 4)]))
    assert [part["image_id"].nunique() for part in parts] == [3, 1]
    rows = pd.concat(parts)
    order = [record.image_id for record in dataset.records]
    assert rows["image_id"].unique().tolist() == order
    assert rows["image_id"].value_counts().tolist() == [per_image] * 4
    named = [f"p_{name}" for name in drawn_classifier.classes]
    assert rows[named].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    clean = rows[rows["axis" if "axis" in rows else "variant"] == CLEAN][named].to_numpy()
    said = next(prediction_rows(drawn_classifier, dataset, [slice(0, 4)]))[named].to_numpy()
    assert clean == pytest.approx(said, abs=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [shortcuts.shortcuts_parameters, counterfactuals.counterfactuals_parameters, drawn_tone.drawn_tone_parameters],
)
def test_settings_can_be_written_as_an_address(parameters):
    assert json.loads(json.dumps(parameters()))


def test_counterfactuals_start_at_the_photo_and_go_where_they_say(drawn_classifier, dataset):
    rows = next(counterfactuals.counterfactuals_rows(drawn_classifier, dataset, [slice(0, 4)]))
    clean = rows[rows["axis"] == CLEAN]
    assert (clean["shift"] == 0).all()
    assert clean["rank_correlation"].dropna().to_numpy() == pytest.approx(1)
    assert (rows["shift"] == rows["ita_to"] - rows["ita_from"]).all()
    assert sorted(rows["ita_to"][rows["axis"] != CLEAN].unique()) == sorted(TONES)
    assert rows["lesion_area"].between(0.01, 0.9).all()
    effects = tone_effects(rows, facts(dataset), drawn_classifier.classes, drawn_classifier.malignant)
    assert (effects["n_images"] == 4).all()


def test_a_photo_without_a_measured_tone_has_its_clean_row_only(drawn_classifier, dataset, monkeypatch):
    monkeypatch.setattr(counterfactuals, "measure_tone", lambda *_: type("Tone", (), {"ita": np.nan}))
    rows = next(counterfactuals.counterfactuals_rows(drawn_classifier, dataset, [slice(0, 2)]))
    assert rows["axis"].tolist() == [CLEAN, CLEAN]
    assert rows["ita_from"].isna().all()


def test_shortcuts_do_not_depend_on_the_slices_and_can_be_summed_up(drawn_classifier, dataset):
    together = next(shortcuts.shortcuts_rows(drawn_classifier, dataset, [slice(0, 3)]))
    last = next(shortcuts.shortcuts_rows(drawn_classifier, dataset, [slice(2, 3)]))
    same = together[together["image_id"] == last["image_id"].iloc[0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, last, atol=1e-5)
    effects = shortcut_effects(together, facts(dataset), drawn_classifier.classes, drawn_classifier.malignant)
    assert set(effects["variant"]) == set(VARIANTS)


def test_drawn_lesions_stand_on_every_tone_with_one_mask(drawn_classifier):
    lesions = drawn_tone.drawn_lesions(drawn_classifier.classes)
    assert len(lesions) == len(drawn_classifier.classes)
    rows = next(drawn_tone.drawn_tone_rows(drawn_classifier, [slice(0, 3)]))
    assert rows.groupby("lesion_id")["ita"].apply(tuple).tolist() == [TONES] * 3
    assert (rows.groupby("lesion_id")["lesion_area"].nunique() == 1).all()
    assert rows["image_id"].is_unique
    assert rows["image_id"].iloc[:2].tolist() == ["DRAWN_akiec_00_+41", "DRAWN_akiec_00_+00"]
    assert (rows["right"] == (rows["predicted"] == rows["dx"])).all()
    named = rows[[f"p_{name}" for name in drawn_classifier.classes]].to_numpy()
    assert (np.array(drawn_classifier.classes)[named.argmax(axis=1)] == rows["predicted"]).all()
    assert rows["p_malignant"].to_numpy() == pytest.approx(rows["p_mel"].to_numpy())


def test_a_checkpoint_for_other_classes_is_told_so():
    with pytest.raises(DatasetError, match="whose forms can be drawn; found cat, dog"):
        drawn_tone.drawn_lesions(["cat", "dog"])


def facts(dataset) -> pd.DataFrame:
    return pd.DataFrame([{"image_id": r.image_id, "lesion_id": r.lesion_id, "dx": r.label} for r in dataset.records])
