"""The Skin tone page as Streamlit runs it, without a browser: a test set whose tones, maps and effects are known."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.evidence import read_evidence
from dermaviz.evidence.store import write_evidence
from dermaviz.explain.methods import METHODS
from dermaviz.fairness.shortcuts import VARIANTS
from dermaviz.fairness.tone_groups import tone_groups
from dermaviz.models.card import DEFAULT_CHECKPOINT, read_card

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "checkpoints" / DEFAULT_CHECKPOINT
SECONDS = 240
N = 400
SAMPLE = 40
ITAS = np.array([60.0, 50.0, 45.0, 42.0, 35.0, 30.0, 20.0, 42.0])
"""ITA of the i-th photo is the (i mod 8)-th: of eight, one is very light, four light, two intermediate, one tan."""
AREA = 0.25


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """The first photos of the test split with what the model says of them."""
    return pd.read_parquet(SHIPPED / "evidence" / "test" / "predictions.parquet").iloc[:N].reset_index(drop=True)


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: pd.DataFrame) -> Path:
    """A checkpoint without weights, with every table of the audit on N photos; see the functions ``…_table``."""
    monkeypatch.setenv("DERMAVIZ_CHECKPOINTS", str(tmp_path))
    return write_audit(tmp_path / "first", answers)


def write_audit(folder: Path, answers: pd.DataFrame) -> Path:
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.safetensors", ".*", "validation", "drawn"))
    shutil.rmtree(folder / "evidence" / "test")
    sha = read_card(folder / "card.json").answers_sha256
    source = read_evidence(SHIPPED, "predictions", checkpoint_sha256=sha).manifest.source
    sample = answers.iloc[:SAMPLE]
    tables = {
        "predictions": answers,
        "tone": tone_table(answers),
        "attention": attention_table(answers),
        "shortcuts": shortcut_table(sample),
        "counterfactuals": counterfactual_table(sample),
        "faithfulness": faithfulness_table(sample),
        "randomisation": randomisation_table(sample),
    }
    for name, table in tables.items():
        write_evidence(folder, table, replace(source, table=name), {})
    write_evidence(folder, drawn_table(), replace(source, table="drawn_tone", split="drawn"), {})
    return folder


def called(table: pd.DataFrame) -> pd.Series:
    return table.filter(like="p_").idxmax(axis=1).str[2:]


def right(table: pd.DataFrame) -> np.ndarray:
    return (called(table) == table["dx"]).to_numpy()


def tone_table(table: pd.DataFrame) -> pd.DataFrame:
    """Every 50th photo is excluded; the second estimator is 2° darker, the third the same; every 10th photo has b* −1."""
    n = np.arange(len(table))
    ita = np.where(n % 50 == 49, np.nan, ITAS[n % len(ITAS)])
    return pd.DataFrame(
        {
            "image_id": table["image_id"],
            "mask": "true",
            "ita": ita,
            "ita_clusters": ita - 2,
            "ita_constancy": ita,
            "spread": 5.0,
            "b": np.where(n % 10 == 0, -1.0, 12.0),
            "skin_share": 0.5,
            "flags": np.where(n % 10 == 0, "b* ≤ 0; uneven light", ""),
            "excluded": np.where(n % 50 == 49, "too little skin: 1.0% of the picture, 100 pixels", ""),
            "tone_group": tone_groups(ita),
        }
    )


def energies(n: int) -> np.ndarray:
    """Energy in the lesion: twice the chance, but half of it on every fifth photo, and no map on every 40th."""
    at = np.arange(n)
    return np.where(at % 40 == 39, np.nan, np.where(at % 5 == 0, AREA / 2, 2 * AREA))


def attention_table(table: pd.DataFrame) -> pd.DataFrame:
    energy = energies(len(table))
    columns: dict[str, object] = {
        "image_id": table["image_id"],
        "predicted": called(table),
        "method": "gradcam++",
        "status": np.where(np.isnan(energy), "empty", "ok"),
        "mask": "true",
        "lesion_area": AREA,
    }
    for ending, value in {"": energy, "_centre": 1.5 * AREA, "_random": AREA}.items():
        columns |= {
            f"energy{ending}": value,
            f"pointing{ending}": True,
            f"iou_25{ending}": 0.25,
            f"iou_50{ending}": 0.125,
        }
    return pd.DataFrame(columns | {"peak_distance": 0.0})


def shortcut_table(table: pd.DataFrame) -> pd.DataFrame:
    """Ink takes a quarter of every probability over to melanoma, its control half as much; the rest does nothing."""
    parts = []
    for variant in ("clean", *VARIANTS):
        moved = table.filter(like="p_").copy()
        share = {"ink": 0.25, "ink in skin colour": 0.125}.get(variant, 0.0)
        moved *= 1 - share
        moved["p_mel"] += share
        parts.append(moved.assign(image_id=table["image_id"], variant=variant))
    return pd.concat(parts, ignore_index=True)


TONES = (55.0, 28.0, -10.0, -50.0)


def counterfactual_table(table: pd.DataFrame) -> pd.DataFrame:
    """Each degree darker takes a thousandth of every probability over to melanoma; the control does half as much."""
    start, parts = 45.0, []
    said = table.filter(like="p_")
    conditions = [
        ("clean", "", start),
        *((a, c, t) for a in ("melanin", "control") for c in ("fixed", "re-pigmented") for t in TONES),
    ]
    for axis, lesion, tone in conditions:
        share = max(start - tone, 0) / 1000 * (0.5 if axis == "control" else 1)
        moved = said * (1 - share)
        moved["p_mel"] += share
        facts = {"image_id": table["image_id"], "axis": axis, "lesion": lesion, "ita_from": start, "ita_to": tone}
        more = {"shift": tone - start, "clipped": 0.0, "rank_correlation": 1.0, "energy": 0.5, "lesion_area": AREA}
        parts.append(moved.assign(**facts, **more))
    return pd.concat(parts, ignore_index=True)


def faithfulness_table(table: pd.DataFrame) -> pd.DataFrame:
    """Methods are the better the earlier they stand in the table of methods; the last is as good as a random map."""
    names = [*METHODS, "random", "centre"]
    best = np.append(np.linspace(0.5, 0.0, len(METHODS)), [0.0, 0.1])
    shaken = np.random.default_rng(0).normal(0, 0.02, (len(names), len(table)))
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "image_id": table["image_id"], "method": name, "deletion": 0.5 - good / 2 + noise,
                    "insertion": 0.5 + good / 2 + noise, "road": good + noise, "energy": 0.5, "pointing": True,
                    "lesion_area": AREA,
                }
            )
            for name, good, noise in zip(names, best, shaken, strict=True)
        ],
        ignore_index=True,
    )  # fmt: skip


def randomisation_table(table: pd.DataFrame) -> pd.DataFrame:
    """Maps of Grad-CAM++ change once weights are randomised; those of HiResCAM do not."""
    rows = [
        pd.DataFrame({"image_id": table["image_id"], "method": method, "stage": stage, "rank_correlation": correlation})
        for method, correlations in {"gradcam++": (0.3, 0.05), "hirescam": (0.95, 0.9)}.items()
        for stage, correlation in zip(("head", "blocks.6"), correlations, strict=True)
    ]
    return pd.concat(rows, ignore_index=True)


def drawn_table() -> pd.DataFrame:
    """Twelve drawn lesions of two forms on light and dark skin: melanomas are found less on the dark one."""
    rows = [
        {
            "image_id": f"{dx}{i}{ita}",
            "lesion_id": f"{dx}{i}",
            "dx": dx,
            "ita": ita,
            "predicted": dx,
            "right": True,
            "p_malignant": p,
        }
        for dx, values in {"mel": (0.75, 0.5), "nv": (0.25, 0.25)}.items()
        for ita, p in zip((60.0, -50.0), values, strict=True)
        for i in range(12)
    ]
    return pd.DataFrame(rows).assign(energy=0.5, lesion_area=AREA)


def run(**query: str | list[str]) -> AppTest:
    """The page after its first run, opened by a link with these selections."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS).switch_page("pages/4_Skin_tone.py")
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(e.value for kind in ("subheader", "markdown", "caption") for e in app.get(kind))


def groups(table: pd.DataFrame) -> np.ndarray:
    return tone_table(table)["tone_group"].to_numpy()


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def percent(share: float) -> str:
    return f"{share:.0%}"


def test_it_opens_with_a_finding_and_what_cannot_be_said(measured: Path, answers: pd.DataFrame) -> None:
    said = text(run())
    seen = right(answers) & ~np.isnan(energies(N))
    off = int((seen & (energies(N) < AREA)).sum())
    assert f"It is right on **{percent(right(answers).mean())}** of {N} images" in said
    assert "each 10° of ITA darker multiplies the odds of being right by" in said
    share = percent(off / seen.sum())
    assert f"of {seen.sum()} right answers, **{off} ({share})** have a map that lies on the lesion no more than" in said
    assert f"than chance, **{off} ({share})** no more than a spot in the picture's centre." in said
    assert f"Of {N - N // 50} images with an estimate, **0 brown** (0 of what is looked for) and **0 dark**" in said
    assert "45.8% of Fitzpatrick17k's photos" in said
    assert f"in {N // 10} of {N} images (10%) the skin's b* is 0 or below" in said
    assert "HAM10000 names lesions, not patients" in said


def test_images_that_change_group_and_that_are_excluded_are_counted(measured: Path, answers: pd.DataFrame) -> None:
    said = text(run())
    first = groups(answers)
    second = np.array(tone_groups(tone_table(answers)["ita_clusters"]))
    known, changed = int((first != "").sum()), int((first != second).sum())
    assert (
        f"By dominant colour, **{changed} of {known} images ({percent(changed / known)})** are in another group" in said
    )
    assert f"By colour constancy, **0 of {known} images" in said
    assert f"{N // 50} of {N} images have no estimate: too little skin {N // 50}." in said
    assert f"Flagged, but kept: b* ≤ 0 {N // 10}, uneven light {N // 10}." in said


def test_the_cuts_move_the_groups(measured: Path, answers: pd.DataFrame) -> None:
    usual, narrow = (charts(run(**query))[0] for query in ({}, {"cuts": "55, 41, 28, 19, 10"}))
    assert [trace["name"] for trace in usual["data"]] == [
        f"{name}: {(groups(answers) == name).sum()}"
        for name in ("very light", "light", "intermediate", "tan", "brown", "dark")
    ]
    assert len(usual["layout"]["shapes"]) == 5
    assert narrow["layout"]["shapes"][4]["x0"] == 10
    app = run(cuts="my own")
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
    assert re.search(rf"for \*\*light\*\*, {percent(caught)} \(95% interval", said)
    tan = answers[groups(answers) == "tan"]
    assert f"tan ({(tan['dx'] == 'mel').sum()} of {len(tan)})" in said
    assert re.search(r"intermediate against light: .* points .*: \*\*(inconclusive|the same)\*\*", said)
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


@pytest.mark.parametrize("outcome", ["is called what it is", "is found, of the photos of what is looked for"])
def test_the_trend_needs_no_bins(measured: Path, answers: pd.DataFrame, outcome: str) -> None:
    app = run(audit="Trend", outcome=outcome)
    known = ~np.isnan(tone_table(answers)["ita"])
    n = known.sum() if "called" in outcome else (known & (answers["dx"] == "mel")).sum()
    assert f"n = {n} images of" in text(app)
    assert len(charts(app)[0]["layout"]["shapes"]) == 5


def test_right_and_looking_are_counted_by_group_and_their_photos_listed(measured: Path, answers: pd.DataFrame) -> None:
    app = run(audit="Right × looking", was="called rightly", looked="elsewhere", of_group="light")
    energy = energies(N)
    mine = right(answers) & (energy < AREA) & (groups(answers) == "light")
    assert f"**{mine.sum()} images**: {mine.sum()} called rightly, 0 wrongly; on 0 the model looked at the" in text(app)
    listed = app.dataframe[-1].value
    assert set(listed["energy ÷ lesion area"]) == {"0.50×"}
    assert len(listed) == min(10, mine.sum())
    spec = charts(app)[0]
    dots = {trace["name"]: trace for trace in spec["data"][:2]}
    placed = ~np.isnan(energy) & (groups(answers) != "")
    assert set(dots) == {
        f"called rightly: {(placed & right(answers)).sum()}", f"called wrongly: {(placed & ~right(answers)).sum()}",
    }  # fmt: skip


def test_a_case_behind_a_dot_is_told_without_its_photo(measured: Path, answers: pd.DataFrame) -> None:
    first = answers["image_id"].iloc[0]
    app = run(audit="Right × looking", case=first)
    app.selectbox(key="case").set_value(app.selectbox(key="case").options[0]).run()
    assert "`dermaviz data download FOLDER` gets the photos" in "".join(info.value for info in app.info)


def test_attention_stands_beside_maps_that_know_nothing(measured: Path) -> None:
    app = run(audit="Attention")
    mean = np.nanmean(energies(N))
    assert f"Energy in lesion: **{mean:.3f} (95% interval" in text(app)
    assert f"{1.5 * AREA:.3f} for a spot in the picture's centre: **better than**" in text(app)
    names = [trace.get("name") for trace in charts(app)[0]["data"]]
    assert names == ["the model's maps", "a spot in the centre", "random maps", "an even map"]
    assert "Grad-CAM++" in text(app)


def test_methods_are_ranked_and_warned_of(measured: Path) -> None:
    said = text(run(audit="Methods"))
    assert f"By ROAD, **Grad-CAM++** is the most faithful of {len(METHODS)} methods: 0." in said
    last = METHODS[list(METHODS)[-1]].label
    assert f"Not shown to be better than a random map: {last}." in said
    assert "**Warning:** HiResCAM shows much the same map when all weights are random" in said


def test_the_shortcut_that_moves_it_most_stands_beside_its_control(measured: Path, answers: pd.DataFrame) -> None:
    said = text(run(audit="Shortcuts"))
    moved = 25 * (1 - answers["p_mel"].iloc[:SAMPLE].mean())
    assert f"**Ink** moves the mean probability of melanoma most: by +{moved:.1f} points (95%" in said
    assert f"that is +{moved / 2:.1f} points" in said
    alone = right(answers)[:SAMPLE].mean()
    assert f"{percent(alone)} (95% interval" in said


def test_other_skin_stands_beside_a_shift_that_is_no_tone(measured: Path, answers: pd.DataFrame) -> None:
    app = run(audit="Other skin", followed="mean probability of melanoma")
    moved = 9.5 * (1 - answers["p_mel"].iloc[:SAMPLE].mean())
    said = text(app)
    assert (
        f"With the skin at ITA −50° and the lesion as it is, the mean probability of melanoma changes by **+{moved:.1f} points"
        in said
    )
    assert f"no tone: +{moved / 2:.1f} points" in said
    assert "malignant forms, drawn: **75%** at ITA 60°, **50%** at −50° (12 lesions)" in said
    lines = [trace["name"] for trace in charts(app)[0]["data"] if trace.get("showlegend", True)]
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("card", "table"),
    [
        ("Tone", "tone"), ("Right × looking", "attention"), ("Attention", "attention"), ("Shortcuts", "shortcuts"),
        ("Other skin", "counterfactuals"), ("Methods", "faithfulness"),
    ],
)  # fmt: skip
def test_a_missing_table_costs_one_sentence_that_names_the_command(measured: Path, card: str, table: str) -> None:
    (measured / "evidence" / "test" / f"{table}.parquet").unlink()
    app = run(audit=card)
    assert len(app.error) == 1
    assert f"`dermaviz audit first --data FOLDER --split test --table {table}`" in app.error[0].value
    assert "It is right on" in text(app)


def test_without_a_tone_table_age_comes_first(measured: Path) -> None:
    (measured / "evidence" / "test" / "tone.parquet").unlink()
    app = run(audit="Groups")
    assert app.selectbox(key="by").value == "age"
    assert not app.error


def test_a_cohort_narrows_every_card(measured: Path, answers: pd.DataFrame) -> None:
    mine = answers["sex"] == "female"
    assert f"of {mine.sum()} images" in text(run(sex="female"))
    assert f"of {(groups(answers) == 'light').sum()} images" in text(run(tone_group="light"))


def test_a_link_with_nonsense_falls_back(measured: Path) -> None:
    app = run(by="shoe size", estimator="?", cuts="none", wanted="unicorn", threshold="x", part="neither", audit="?")
    assert not app.error
    assert "What this audit cannot say" in [expander.label for expander in app.expander]


def test_the_tone_group_is_a_facet_of_the_confusion_page_from_light_to_dark(measured: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS).switch_page("pages/2_Confusion.py").run()
    assert app.multiselect(key="tone_group").options == ["very light", "light", "intermediate", "tan", "unknown"]


def test_the_test_set_is_shown_without_torch() -> None:
    code = "import sys; import dermaviz.ui.widgets.tone_parts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
