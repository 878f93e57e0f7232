"""Pages over a data set that is not HAM10000: people's labels of tone come first, and nothing is said of HAM10000."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.data.split import LEAKY
from dermaviz.evidence.store import Source, write_evidence
from dermaviz.models.card import read_card
from tests.app.audit_tables import attention_table, right, tone_table
from tests.app.conftest import tiny_card
from tests.app.opened import open_page

ROOT = Path(__file__).parents[2]
TYPES = np.array(["I", "II", "II", "III", "III", "IV", "V", ""])

pytestmark = pytest.mark.usefixtures("no_data")


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: pd.DataFrame) -> pd.DataFrame:
    """A checkpoint of one's own with evidence on one's own data: Fitzpatrick types and patients, 400 images."""
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    card = replace(tiny_card("own"), data={"dataset": "clinic", "manifest": "given"}, licence="ours")
    folder = tmp_path / "own"
    folder.mkdir()
    card.write(folder / "card.json")
    facts = {
        "fitzpatrick_skin_type": TYPES[np.arange(len(answers)) % len(TYPES)],
        "patient_id": [f"P{i // 3}" for i in range(len(answers))],
    }
    named = answers.drop(columns=["dx_type"]).assign(**facts)
    tables = {"predictions": named, "tone": tone_table(named), "attention": attention_table(named)}
    for name, table in tables.items():
        write_evidence(folder, table, Source(name, "clinic", "test", card.answers_sha256, "images"), {})
    return named


def run(page: str, **query: str) -> AppTest:
    return open_page(f"pages/{page}.py", **query)


def words(app: AppTest) -> str:
    kinds = (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "info",
        "warning",
        "error",
        "selectbox",
        "multiselect",
    )
    return "\n".join(f"{e.value} {getattr(e, 'help', '')}" for kind in kinds for e in app.get(kind))


@pytest.mark.parametrize("page", ["2_Confusion", "3_Robustness", "4_Skin_tone", "5_Attention"])
def test_nothing_is_said_of_ham10000_above_other_data(clinic: pd.DataFrame, page: str) -> None:
    said = words(run(page))
    assert len(said) > 200
    assert "HAM10000" not in said
    if page != "3_Robustness":  # it says only what is missing
        assert re.search(r"whole patients|images of \d+ patients", said), "its patients are known, and resampled"
    assert not re.search(r"whole lesions|images of \d+ lesions", said)


def test_tone_as_people_labelled_it_comes_first(clinic: pd.DataFrame) -> None:
    app = run("4_Skin_tone", audit="Groups")
    by = next(box for box in app.selectbox if box.label == "Group by")
    assert by.options[:2] == ["skin tone, as labelled", "estimated skin tone"]
    said = words(app)
    assert "**Cannot be judged: type VI skin (0 images).** On the rest, " in said
    assert "Labels and estimates are of the same group on **" in said
    assert "weighted κ" in said
    assert "Whether patients were kept apart" not in said


def test_the_trend_runs_along_the_labelled_levels(clinic: pd.DataFrame) -> None:
    said = words(run("4_Skin_tone", audit="Trend", by="tone_label"))
    labelled = clinic["fitzpatrick_skin_type"] != ""
    n, correct = int(labelled.sum()), int(right(clinic)[labelled].sum())
    assert ": within a diagnosis, for each level darker, the odds are ×" in said
    assert f"n = {n} images of " in said
    assert f"{correct} classified correctly and {n - correct} not." in said


def test_what_was_guessed_is_shown_and_a_leaky_split_is_a_warning_on_every_page(
    tmp_path: Path, clinic: pd.DataFrame
) -> None:
    leak = f"{LEAKY}: 3 patients are in more than one split."
    guess = "list.csv: image from 'photo', label from 'dx' *really*."
    folder = tmp_path / "own"
    card = read_card(folder / "card.json")
    source = Source("predictions", "clinic", "test", card.answers_sha256, "images")
    write_evidence(folder, clinic, source, {"said": [guess, leak]})
    for page in ("2_Confusion", "3_Robustness", "4_Skin_tone", "5_Attention"):
        app = run(page, part="The test set")
        assert leak in [warning.value.replace("\\", "") for warning in app.warning], page
        assert r"\*really\*" in words(app), page
