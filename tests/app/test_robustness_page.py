"""The Robustness page as Streamlit runs it, without a browser: one photo live, and a test set whose figures are known."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermaviz.evidence.store import read_evidence, write_evidence
from dermaviz.models.card import read_card
from dermaviz.robustness.corruptions import CORRUPTIONS, SEVERITIES
from tests.app.conftest import OWN, SHIPPED, N
from tests.app.opened import open_page, text

ROOT = Path(__file__).parents[2]
SECONDS = 240
EPSILONS = (1 / 8 / 255, 1 / 2 / 255, 3e-3, 1 / 255, 4 / 255)
TEST_SET = {"part": "The test set"}

pytestmark = pytest.mark.usefixtures("no_data")
run = partial(open_page, "pages/3_Robustness.py")


@pytest.fixture
def attacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: pd.DataFrame) -> Callable[..., Path]:
    """``attacked("first", factor=4)``: a checkpoint without weights, tested on N photos.

    FGSM flips the i-th photo at ``factor`` times the (i mod 5)-th ε of ``EPSILONS``, PGD (from 1/255 on, as audits make
    it) one step earlier, noise never. Of each corruption, severity s flips one photo in six for each of its steps. Every
    20th photo has no gradient.
    """
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)

    def make(name: str, factor: float = 1) -> Path:
        folder = tmp_path / name
        shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.safetensors", ".*", "validation"))
        sha = read_card(folder / "card.json").answers_sha256
        source = read_evidence(folder, "predictions", OWN, checkpoint_sha256=sha).manifest.source
        tables = {
            "predictions": answers,
            "attacks": attack_rows(answers, factor),
            "flips": flip_rows(answers, factor),
            "corruptions": corruption_rows(answers),
        }
        for table, frame in tables.items():
            write_evidence(folder, frame, replace(source, table=table), {})
        return folder

    return make


def called(table: pd.DataFrame) -> pd.Series:
    return table.filter(like="p_").idxmax(axis=1).str[2:]


def wrong_answer(table: pd.DataFrame) -> np.ndarray:
    return np.where(table["dx"] == "nv", "mel", "nv")


def flips_at(table: pd.DataFrame, factor: float) -> np.ndarray:
    return factor * np.array(EPSILONS)[np.arange(len(table)) % len(EPSILONS)]


def attack_rows(table: pd.DataFrame, factor: float) -> pd.DataFrame:
    needed, none = flips_at(table, factor), np.arange(len(table)) % 20 == 0
    earlier = factor * np.array((EPSILONS[0] / 2, *EPSILONS[:-1]))[np.arange(len(table)) % len(EPSILONS)]
    parts = []
    for method, at in (("fgsm", needed), ("pgd", earlier), ("uniform noise", np.full(len(table), math.inf))):
        for epsilon in (0.0, *(size for size in EPSILONS if method != "pgd" or size >= 1 / 255)):
            said = np.where((epsilon >= at) & (epsilon > 0), wrong_answer(table), called(table))
            parts.append(
                pd.DataFrame(
                    {
                        "image_id": table["image_id"],
                        "method": method,
                        "epsilon": epsilon,
                        "predicted": said,
                        "p_true": 0.5,
                        "p_malignant": 0.5,
                        "zero_gradient": none & (method != "uniform noise"),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def flip_rows(table: pd.DataFrame, factor: float) -> pd.DataFrame:
    right = (called(table) == table["dx"]).to_numpy()
    return pd.DataFrame(
        {
            "image_id": table["image_id"],
            "flip_epsilon": np.where(right, flips_at(table, factor), 0.0),
            "flipped_to": np.where(right, wrong_answer(table), called(table)),
            "zero_gradient": False,
            "cap": 16 / 255,
        }
    )


def corruption_rows(table: pd.DataFrame) -> pd.DataFrame:
    turn = np.arange(len(table)) % 6
    conditions = [("clean", 0), *((name, severity) for name in CORRUPTIONS for severity in SEVERITIES)]
    parts = [
        pd.DataFrame(
            {
                "image_id": table["image_id"],
                "corruption": name,
                "severity": severity,
                "predicted": np.where(turn < severity, wrong_answer(table), called(table)),
                "p_true": 0.5,
                "p_malignant": 0.5,
            }
        )
        for name, severity in conditions
    ]
    return pd.concat(parts, ignore_index=True)


def right_at(table: pd.DataFrame, method: str, epsilon: float, factor: float = 1) -> np.ndarray:
    """Which photos are called rightly under a method, from the rows that were written."""
    rows = attack_rows(table, factor)
    rows = rows[(rows["method"] == method) & (rows["epsilon"] == epsilon)]
    return rows["predicted"].to_numpy() == table["dx"].to_numpy()


def points(change: float) -> str:
    return f"{100 * change:+.1f}".replace("-", "−")


def test_it_opens_with_one_photo_attacked_beside_noise_of_the_same_size() -> None:
    app = run(image="mel-light")
    said = text(app)
    assert not app.error
    assert re.search(
        r"## A change of 0\.77 grey levels \(FGSM\) (turns|does not change the answer:) \*\*melanoma", said
    )
    assert "Noise of that size" in said
    assert len([image for shown in app.get("image") for image in shown.proto.imgs]) == 8
    assert "Rank correlation with the clean map for melanoma" in said
    assert "On the lesion: " in said


@pytest.mark.parametrize("attack", ["FGSM, one step", "PGD, 20 steps"])
def test_without_room_nothing_changes(attack: str) -> None:
    app = run(epsilon="0/255", attack=attack)
    said = text(app)
    assert "At ε = 0 nothing is changed" in said
    answers = re.findall(r"^\*\*(.+ \(\d+%\))\*\*$", said, re.MULTILINE)
    assert len(answers) == 3
    assert len(set(answers)) == 1
    assert "Rank correlation with the clean map for melanoma: **1.00**" in said


def test_an_attack_below_a_grey_level_does_not_fit_into_a_file_and_one_click_makes_it_larger() -> None:
    app = run(epsilon="0.5/255")
    assert "This attack does not fit into a file." in text(app)
    app.button(key="one level").click().run()
    assert app.select_slider(key="epsilon").value == pytest.approx(1 / 255)
    assert "In the file, values change by at most 1 grey level." in text(app)


def test_one_click_finds_the_smallest_change_that_flips_it_and_shows_it() -> None:
    app = run(epsilon="0/255")
    app.button(key="flip").click().run()
    found = re.search(r"The smallest change that changes the answer: \*\*([\d.]+) ", text(app))
    assert found
    assert app.select_slider(key="epsilon").value * 255 == pytest.approx(float(found[1]), abs=0.06)
    assert " turns **melanoma (" in text(app)
    app.select_slider(key="epsilon").set_value(0.0).run()
    assert "The smallest change that changes the answer" in text(app), "once asked for, it stays"


def test_a_target_is_arrived_at_or_not() -> None:
    app = run(target="towards dermatofibroma (df)", attack="PGD, 20 steps", epsilon="8/255")
    assert "Target reached: dermatofibroma." in text(app)
    app.select_slider(key="epsilon").set_value(0.0).run()
    assert "Target not reached: dermatofibroma gets" in text(app)
    app.selectbox(key="target").set_value("mel").run()
    assert "Choose another target." in text(app)


def test_a_link_with_nonsense_falls_back() -> None:
    app = run(epsilon="a lot", attack="?", target="unicorn", noise_seed="-5", times="x", part="neither")
    assert not app.error
    assert "Noise of that size" in text(app)


def test_the_curves_are_said_with_baseline_drop_and_n(attacked: Callable[..., Path], answers: pd.DataFrame) -> None:
    attacked("first")
    said = text(run(measure="accuracy", **TEST_SET))
    clean, after = (called(answers) == answers["dx"]).mean(), right_at(answers, "fgsm", 3e-3).mean()
    assert f"Accuracy falls from **{clean:.0%}** to **{after:.0%}** under FGSM at ε = 0.77/255." in said
    assert f"Change: {points(after - clean)} points (95%" in said
    assert f"n = {N} images of {answers['lesion_id'].nunique()} lesions. Noise of that size: 0 points" in said
    assert f"**{N // 20} of {N} images** (5.0%) have no gradient" in said


def test_another_measure_and_epsilon_are_read_off_as_counted_by_hand(
    attacked: Callable[..., Path], answers: pd.DataFrame
) -> None:
    attacked("first")
    app = run(measure="melanoma sensitivity", at="0.5/255", **TEST_SET)
    mine = (answers["dx"] == "mel").to_numpy()
    clean, after = (called(answers) == answers["dx"])[mine].mean(), right_at(answers, "fgsm", 0.5 / 255)[mine].mean()
    assert f"Melanoma sensitivity falls from **{clean:.0%}**" in text(app)
    assert "at ε = 0.5/255." in text(app)
    assert f"Change: {points(after - clean)} points" in text(app)
    assert f"n = {mine.sum()} images" in text(app)
    app.select_slider(key="at").set_value(1 / 255).run()
    assert "under PGD, 20 steps at ε = 1/255." in text(app), "the strongest attack that was made there"


def test_groups_are_compared_and_the_table_behind_holds_them(
    attacked: Callable[..., Path], answers: pd.DataFrame
) -> None:
    attacked("first")
    app = run(grouping="sex", **TEST_SET)
    assert re.search(r"Change of balanced accuracy under .*: \*\*.*\*\* \((fe)?male\) to", text(app))
    table = app.dataframe[0].value
    assert set(table["line"]) == {"female", "male"}
    assert table["n_cohort"].sum() < len(table) * N
    by_class = run(grouping="the true diagnosis", **TEST_SET)
    assert "Change of sensitivity under" in text(by_class)


def test_a_defence_is_held_against_the_other_checkpoint(attacked: Callable[..., Path], answers: pd.DataFrame) -> None:
    attacked("first")
    attacked("second", factor=4)
    said = text(run(test="Defence", against="second", measure="accuracy", **TEST_SET))
    gained = right_at(answers, "pgd", 1 / 255, 4).mean() - right_at(answers, "pgd", 1 / 255).mean()
    assert (
        f"second: accuracy **0 points** on clean images, **{points(gained)}** under PGD, 20 steps at ε = 1/255." in said
    )
    assert f"{points(gained)} points (95% interval" in said


def test_noise_and_corruptions_are_said_with_their_meaning(
    attacked: Callable[..., Path], answers: pd.DataFrame
) -> None:
    attacked("first")
    rows = corruption_rows(answers)
    worst = rows[(rows["corruption"] == "jpeg") & (rows["severity"] == 5)]["predicted"].to_numpy() == answers["dx"]
    lost = worst.mean() - (called(answers) == answers["dx"]).mean()
    noisy = text(run(test="Noise", measure="accuracy", **TEST_SET))
    assert f"to **{worst.mean():.0%}** under Gaussian noise of σ = 0.26." in noisy
    assert f"Change: {points(lost)} points (95%" in noisy
    app = run(test="Corruptions", corruption="JPEG compression", measure="accuracy", **TEST_SET)
    assert "under JPEG compression of severity 5." in text(app)
    assert "5: quality = 7" in text(app)
    assert "Mean error (1 − balanced accuracy) over 15 corruptions" in text(app)
    spec = json.loads(next(chart for chart in app.get("plotly_chart") if "heatmap" in chart.proto.spec).proto.spec)
    assert f"{worst.mean():.0%}" in {note["text"] for note in spec["layout"]["annotations"]}


def test_the_median_smallest_change_is_that_of_the_photos_called_rightly(
    attacked: Callable[..., Path], answers: pd.DataFrame
) -> None:
    attacked("first")
    flips = flip_rows(answers, 1)["flip_epsilon"]
    median = flips[flips > 0].median() * 255
    said = text(run(test="Smallest change", **TEST_SET))
    assert f"n = {(flips > 0).sum()} images classified correctly." in said
    assert f"each value changes by **{median:.2g} " in said


def test_the_photos_hit_worst_come_first_with_their_link(attacked: Callable[..., Path], answers: pd.DataFrame) -> None:
    attacked("first")
    easiest = answers[(called(answers) == answers["dx"]) & (answers.index % len(EPSILONS) == 0)]
    first = easiest["image_id"][easiest.filter(like="p_").max(axis=1).idxmax()]
    app = run(test="Hit worst", case=first, **TEST_SET)
    listed = app.dataframe[-1].value
    assert listed["smallest change, grey levels"].is_monotonic_increasing
    assert listed["image"].iloc[0] == f"https://api.isic-archive.com/api/v2/images/{first}/"
    assert "`dermaviz data download FOLDER` gets the photos" in text(app)


@pytest.mark.parametrize(
    ("card", "table"),
    [
        ("Attacks", "attacks"),
        ("Noise", "corruptions"),
        ("Corruptions", "corruptions"),
        ("Smallest change", "flips"),
        ("Cameras", "cameras"),
    ],
)
def test_a_missing_table_costs_one_sentence_that_names_the_command(
    attacked: Callable[..., Path], card: str, table: str
) -> None:
    (attacked("first") / "evidence" / str(OWN) / f"{table}.parquet").unlink(missing_ok=True)
    app = run(test=card, **TEST_SET)
    assert f"`dermaviz audit first --data FOLDER --as ham10000 --split test --table {table}`" in app.info[-1].value
    assert not app.error


def test_a_single_checkpoint_has_nothing_to_be_held_against(attacked: Callable[..., Path]) -> None:
    attacked("first")
    app = run(test="Defence", **TEST_SET)
    assert not app.error
    assert "against" not in {box.key for box in app.selectbox}


def test_a_cohort_narrows_every_card(attacked: Callable[..., Path], answers: pd.DataFrame) -> None:
    attacked("first")
    mine = answers[answers["sex"] == "female"]
    assert f"n = {len(mine)} images of {mine['lesion_id'].nunique()} lesions" in text(run(sex="female", **TEST_SET))


def test_the_default_model_says_how_many_answers_another_camera_would_change() -> None:
    app = run(test="Cameras", **TEST_SET)
    assert not app.error
    said = text(app)
    assert "Would the same lesion get the same answer from another camera?" in said
    assert "of answers change at worst (sharpness: 64 px)" in said  # HAM10000's copies are no sharper than 150 px
    assert "n = 200 images of" in said


@pytest.mark.parametrize(("test", "used"), [("Cameras", False), ("Corruptions", True), ("Smallest change", True)])
def test_what_the_open_tab_makes_no_use_of_is_grey(test: str, used: bool) -> None:
    app = run(test=test, measure="accuracy", **TEST_SET)
    asked = {name: app.selectbox(key=name) for name in ("against", "measure", "grouping")}
    assert [box.disabled for box in asked.values()] == [not used] * 3
    assert asked["measure"].value == "accuracy", "what was chosen for another tab stays"
