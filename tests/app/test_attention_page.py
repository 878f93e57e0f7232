"""The Attention page as Streamlit runs it, without a browser: a test set whose maps and effects are known."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.attention.methods import METHODS
from tests.app.audit_tables import AREA, SAMPLE, energies, groups, right
from tests.app.conftest import N
from tests.app.opened import charts, open_page, percent, text

ROOT = Path(__file__).parents[2]
SECONDS = 240

pytestmark = pytest.mark.usefixtures("no_data")
run = partial(open_page, "pages/5_Attention.py")


def test_right_and_looking_are_counted_by_group_and_their_photos_listed(measured: Path, answers: pd.DataFrame) -> None:
    app = run(audit="On the lesion", was="called rightly", looked="elsewhere", of_group="light")
    energy = energies(N)
    mine = right(answers) & (energy < AREA) & (groups(answers) == "light")
    assert f"**{mine.sum()} images**: {mine.sum()} right, 0 wrong; the map is on the lesion in 0." in text(app)
    listed = app.dataframe[-1].value
    assert set(listed["energy ÷ lesion area"]) == {"0.50×"}
    assert len(listed) == min(100, mine.sum())
    spec = charts(app)[0]
    dots = {trace["name"]: trace for trace in spec["data"][:2]}
    placed = ~np.isnan(energy) & (groups(answers) != "")
    assert set(dots) == {
        f"right answers: {(placed & right(answers)).sum()}", f"wrong answers: {(placed & ~right(answers)).sum()}",
    }  # fmt: skip


def test_a_case_behind_a_dot_is_told_without_its_photo(measured: Path, answers: pd.DataFrame) -> None:
    app = run(audit="On the lesion", case=answers["image_id"].iloc[0])
    assert "It is **" in text(app)
    assert "`dermaviz data download FOLDER` gets the photos" in text(app)


def test_attention_stands_beside_maps_that_know_nothing(measured: Path) -> None:
    app = run(audit="Scores")
    mean = np.nanmean(energies(N))
    assert "**better than** a centre spot." in text(app)
    assert f"Energy in lesion: {mean:.3f} (95% interval" in text(app)
    assert f"against {1.5 * AREA:.3f}, n = " in text(app)
    names = [trace.get("name") for trace in charts(app)[0]["data"]]
    assert names == ["the model's maps", "a centre spot", "random maps", "an even map"]
    assert "Grad-CAM++" in text(app)


def test_methods_are_ranked_and_warned_of(measured: Path) -> None:
    said = text(run(audit="Trust"))
    assert f"By ROAD, **Grad-CAM++** is the most faithful of {len(METHODS)} methods." in said
    last = METHODS[list(METHODS)[-1]].label
    assert f"Not better than random: {last}." in said
    assert "**Do not trust HiResCAM** (⚠): more than half of the map stays when the classifier is random" in said


def test_the_shortcut_that_moves_it_most_stands_beside_its_control(measured: Path, answers: pd.DataFrame) -> None:
    said = text(run(audit="Shortcuts"))
    moved = 25 * (1 - answers["p_mel"].iloc[:SAMPLE].mean())
    assert f"**Ink** changes the mean probability of melanoma most: +{moved:.1f} points." in said
    assert f"Beyond its control: +{moved / 2:.1f} points" in said
    alone = right(answers)[:SAMPLE].mean()
    assert f"{percent(alone)} (95% interval" in said


@pytest.mark.parametrize(
    ("tab", "table"),
    [("On the lesion", "attention"), ("Scores", "attention"), ("Shortcuts", "shortcuts"), ("Trust", "faithfulness")],
)
def test_a_missing_table_costs_one_sentence_that_names_the_command(measured: Path, tab: str, table: str) -> None:
    (measured / "evidence" / "ham10000" / "test" / f"{table}.parquet").unlink()
    app = run(audit=tab)
    assert f"`dermaviz audit first --data FOLDER --as ham10000 --split test --table {table}`" in app.info[0].value
    assert not app.error


def test_a_link_to_a_tab_that_skin_tone_had_leads_here_with_all_that_it_chose(measured: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS).switch_page("pages/4_Skin_tone.py")
    app.query_params.update({"audit": "Right × looking", "was": "called rightly", "sex": ["female"]})
    app.run()
    assert not app.exception
    assert app.title[0].value == "Does it look at the lesion, and can its map be trusted?"
    assert app.selectbox(key="was").value == "called rightly"
    assert app.multiselect(key="sex").value == ["female"]


@pytest.mark.parametrize(("audit", "used"), [("Scores", True), ("Trust", False), ("Shortcuts", False)])
def test_groups_are_asked_for_only_where_there_are_some(measured: Path, audit: str, used: bool) -> None:
    assert run(audit=audit).selectbox(key="by").disabled is not used
