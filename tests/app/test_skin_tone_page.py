"""The Skin tone page as Streamlit runs it, without a browser: a test set whose tones, maps and effects are known."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.fairness.tone_groups import GROUPS, tone_groups
from tests.app.audit_tables import SAMPLE, groups, right, tone_table, write_useless
from tests.app.conftest import OWN, N
from tests.app.opened import charts, open_page, percent, text

ROOT = Path(__file__).parents[2]
SECONDS = 240

pytestmark = pytest.mark.usefixtures("no_data")
run = partial(open_page, "pages/4_Skin_tone.py")


def test_it_opens_with_a_finding_and_what_cannot_be_said(measured: Path, answers: pd.DataFrame) -> None:
    said = text(run())
    assert "## **Cannot be judged: brown skin (0 images) and dark skin (0 images).** On the rest, " in said
    assert re.search(
        rf"- {percent(right(answers).mean())} \(95% interval .*\) of {N} images are classified correctly", said
    )
    assert f"Of {N - N // 50} images with an estimate, **0 brown** (0 of what is looked for) and **0 dark**" in said
    assert "45.8% of Fitzpatrick17k's photos" in said
    assert f"In {N // 10} of {N} images (10%) the skin's b* is 0 or below" in said
    assert "HAM10000 names lesions, not patients" in said


def test_images_that_change_group_and_that_are_excluded_are_counted(measured: Path, answers: pd.DataFrame) -> None:
    said = text(run(audit="Tone"))
    first = groups(answers)
    second = np.array(tone_groups(tone_table(answers)["ita_clusters"]))
    known, changed = int((first != "").sum()), int((first != second).sum())
    assert (
        f"By dominant colour, **{changed} of {known} images ({percent(changed / known)})** are in another group" in said
    )
    assert f"By colour constancy, **0 of {known} images" in said
    assert f"{N // 50} of {N} images have no estimate: too little skin {N // 50}." in said
    assert rf"Flagged, but kept: b\* ≤ 0 {N // 10}, uneven light {N // 10}." in said


def test_the_cuts_move_the_groups(measured: Path, answers: pd.DataFrame) -> None:
    usual, narrow = (charts(run(audit="Tone", **query))[0] for query in ({}, {"cuts": "55, 41, 28, 19, 10"}))
    assert [trace["name"] for trace in usual["data"]] == [
        f"{name}: {(groups(answers) == name).sum()}"
        for name in ("very light", "light", "intermediate", "tan", "brown", "dark")
    ]
    assert len(usual["layout"]["shapes"]) == 5
    assert narrow["layout"]["shapes"][4]["x0"] == 10
    app = run(audit="Tone", cuts="my own")
    app.slider(key="cut2").set_value(49).run()
    light = ((tone_table(answers)["ita"] <= 55) & (tone_table(answers)["ita"] > 49)).sum()
    assert charts(app)[0]["data"][1]["name"] == f"light: {light}"
    app.slider(key="cut3").set_value(49).run()
    assert "expected 5 falling cuts" in app.error[0].value


def test_a_figure_by_group_is_counted_by_hand_and_small_groups_are_suppressed(
    measured: Path, answers: pd.DataFrame
) -> None:
    app = run(audit="Groups")
    mine = answers[(groups(answers) == "light") & (answers["dx"] == "mel")]
    caught = (mine["p_mel"] >= 0.5).mean()
    said = text(app)
    assert re.search(rf"light, {percent(caught)} \(95% interval [^)]*\), n = {len(mine)} images of melanoma", said)
    tan = answers[groups(answers) == "tan"]
    n, others = (tan.loc[(tan["dx"] == "mel") == wanted, "lesion_id"].nunique() for wanted in (True, False))
    assert f"tan {n} and {others} others" in said
    verdicts = app.table[0].value.set_index("group")["verdict"]
    assert verdicts["intermediate against light"] in ("no difference found", "difference found")
    assert ("Difference found" in said) == (verdicts == "difference found").any()
    if not (verdicts == "difference found").any():
        assert "; too few images to rule one out." in said, "the intervals are wide"
    assert "Here an image counts as melanoma from p ≥ 50% on." in said
    rows = charts(app)[0]["layout"]["yaxis"]["ticktext"]
    assert [row.split("<br>")[0] for row in rows] == list(GROUPS), "those without an image too"
    table = app.dataframe[0].value
    assert list(table)[:2] == ["group", "n_images"], "sample size first"


@pytest.mark.parametrize(("by", "group"), [("sex", "female"), ("age", "40 to 59"), ("body site", "back")])
def test_age_sex_and_site_are_asked_the_same(measured: Path, answers: pd.DataFrame, by: str, group: str) -> None:
    app = run(audit="Groups", by=by, figure="Accuracy over all classes")
    table = app.dataframe[0].value
    row = table[(table["group"] == group) & (table["metric"] == "accuracy")].iloc[0]
    years = pd.to_numeric(answers["age"], errors="coerce")
    columns = {
        "sex": answers["sex"] == group,
        "age": (years >= 40) & (years < 60),
        "body site": answers["localization"] == group,
    }
    assert row["n_images"] == columns[by].sum()
    if not row["suppressed"]:
        assert row["value"] == pytest.approx(right(answers)[columns[by].to_numpy()].mean())


@pytest.mark.parametrize("outcome", ["classified correctly", "found, of those looked for"])
def test_the_trend_needs_no_bins(measured: Path, answers: pd.DataFrame, outcome: str) -> None:
    app = run(audit="Trend", outcome=outcome)
    known = ~np.isnan(tone_table(answers)["ita"])
    n = known.sum() if "correctly" in outcome else (known & (answers["dx"] == "mel")).sum()
    assert f"n = {n} images of" in text(app)
    assert len(charts(app)[0]["layout"]["shapes"]) == 5


def test_other_skin_stands_beside_a_shift_that_is_no_tone(measured: Path, answers: pd.DataFrame) -> None:
    app = run(audit="Other skin", followed="mean probability of melanoma")
    moved = 9.5 * (1 - answers["p_mel"].iloc[:SAMPLE].mean())
    said = text(app)
    assert f"On skin at ITA −50°, the mean probability of melanoma changes by **+{moved:.1f} points**" in said
    assert f"Beyond the control shift: +{moved / 2:.1f} points" in said
    assert "From ITA 60° to −50°, mean probability of malignancy: malignant forms from **75%** to **50%**;" in said
    lines = [trace["name"] for trace in charts(app)[0]["data"] if trace.get("showlegend", True)]
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("card", "table"),
    [
        ("Tone", "tone"), ("Other skin", "counterfactuals"),
    ],
)  # fmt: skip
def test_a_missing_table_costs_one_sentence_that_names_the_command(measured: Path, card: str, table: str) -> None:
    (measured / "evidence" / str(OWN) / f"{table}.parquet").unlink()
    app = run(audit=card)
    (told,) = (*app.error, *app.info)
    assert f"`dermaviz audit first --data FOLDER --as ham10000 --split test --table {table}`" in told.value
    assert "images are classified correctly" in text(app)
    assert card == "Other skin" or "Not shown, for the reason given above." in text(app), "said where it is met first"


def test_where_no_group_can_be_judged_the_finding_begins_with_that_and_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    write_useless(tmp_path / "own")
    app = run(audit="Groups")
    said, reason = text(app), "each has fewer than 10 images of malignant lesions, or fewer than 10 others"
    assert f"## **No group of skin tone can be judged**: {reason}. On all images together, " in said
    assert f"**No group can be judged**: {reason}." in said
    assert (
        f"Too few to say ({reason.removeprefix('each has ')}): type I 5 and 13 others; type II 13 and 6 others;" in said
    )
    assert "- **It answers Nävus for every one of 111 images" in said
    before = app.selectbox(key="figure")
    app.slider(key="threshold").set_value(30.0).run()
    box = app.selectbox(key="figure")
    assert (box.value, box.proto.set_value) == (before.value, True), "its words name the threshold"
    assert box.proto.raw_value.endswith("p ≥ 0.3")


def test_without_a_tone_table_age_comes_first(measured: Path) -> None:
    (measured / "evidence" / str(OWN) / "tone.parquet").unlink()
    app = run(audit="Groups")
    assert app.selectbox(key="by").value == "age"
    assert not app.error


def test_a_cohort_narrows_every_card(measured: Path, answers: pd.DataFrame) -> None:
    mine, said = answers["sex"] == "female", text(run(sex="female", audit="Tone"))
    assert f"of {mine.sum()} images" in said
    assert "## Of images with sex female: " in said
    assert f"of {(groups(answers) == 'light').sum()} images" in text(run(tone_group="light", audit="Tone"))


def test_a_link_with_nonsense_falls_back(measured: Path) -> None:
    app = run(by="shoe size", estimator="?", cuts="none", wanted="unicorn", threshold="x", part="neither", audit="?")
    assert not app.error
    assert "How it does on brown and dark skin" in text(app)


def test_the_tone_group_is_a_facet_of_the_confusion_page_from_light_to_dark(measured: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS).switch_page("pages/2_Confusion.py").run()
    assert app.multiselect(key="tone_group").options == ["very light", "light", "intermediate", "tan", "unknown"]
