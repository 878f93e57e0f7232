"""The Confusion page as Streamlit runs it, on the shipped evidence, without a browser, the photos or the weights."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.app.checkpoints import Checkpoint, audited
from dermaviz.app.confusion.metrics import METRIC_MEANINGS
from dermaviz.app.widgets import cases
from dermaviz.evidence.predictions import read_audited
from dermaviz.evidence.store import DataSplit, Source, read_evidence, write_evidence
from dermaviz.metrics import summary
from dermaviz.metrics.confusion import by_class
from dermaviz.models.card import read_card
from tests.app import opened
from tests.app.audit_tables import write_useless
from tests.app.conftest import OWN, SHIPPED
from tests.app.opened import open_page

ROOT = Path(__file__).parents[2]
SECONDS = 240
MELANOMA, NEVUS, OTHERS = "melanoma (mel)", "melanocytic nevus (nv)", "all others"
MELANOMA_OR_NOT = "melanoma (mel) or not?"

pytestmark = pytest.mark.usefixtures("no_data")


@pytest.fixture(scope="module")
def shipped() -> pd.DataFrame:
    return pd.read_parquet(SHIPPED / "evidence" / str(OWN) / "predictions.parquet")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """``copy("first")``: a checkpoint of that name with the shipped card and evidence, without weights."""
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)

    def make(name: str) -> Path:
        shutil.copytree(SHIPPED, tmp_path / name, ignore=shutil.ignore_patterns("*.safetensors", ".*"))
        return tmp_path / name

    return make


def run(**query: str | list[str]) -> AppTest:
    """The page opened by a link with these selections, at the cheapest card unless a test asks for another."""
    return open_page("pages/2_Confusion.py", **{"card": "Training"} | query)


text = partial(opened.text, kinds=("header", "subheader", "markdown", "caption"))


def counted_cases(app: AppTest) -> int:
    """How many cases the page says that a cell has."""
    found = re.search(r"^([\d,]+) images?$|of ([\d,]+)$", text(app), re.MULTILINE)
    assert found
    return int((found[1] or found[2]).replace(",", ""))


def matrix(app: AppTest) -> dict[str, str]:
    """The text of the matrix' cells, as the browser gets it."""
    spec = json.loads(next(chart for chart in app.get("plotly_chart") if "heatmap" in chart.proto.spec).proto.spec)
    return {f"{a['x']},{a['y']}": a["text"] for a in spec["layout"]["annotations"]}


def test_it_opens_with_the_matrix_its_sentence_and_the_most_confident_mistakes(shipped: pd.DataFrame) -> None:
    app = run()
    right = int((shipped.filter(like="p_").idxmax(axis=1).str[2:] == shipped["dx"]).sum())
    said = text(app)
    assert not app.error
    assert f"**{right:,} of {len(shipped):,} images** are classified correctly" in said
    assert f"All {len(shipped):,} images of {shipped['lesion_id'].nunique():,} lesions of the test split." in said
    assert counted_cases(app) == len(shipped)
    cases = app.dataframe[0].value
    assert (cases["its probability"].is_monotonic_decreasing, len(cases)) == (True, 100)


def test_the_sentence_at_a_threshold_is_that_of_a_count_by_hand(shipped: pd.DataFrame) -> None:
    called, is_melanoma = shipped["p_mel"] >= 0.2, shipped["dx"] == "mel"
    said = text(run(question=MELANOMA_OR_NOT, threshold="20.0"))
    assert f"**{(is_melanoma & ~called).sum():,} of {is_melanoma.sum():,}** images of melanoma are missed" in said
    assert f"**{(~is_melanoma & called).sum():,} of {(~is_melanoma).sum():,}** others raise a false alarm" in said
    assert "Area under the ROC curve: 0.912 (95% interval" in said


def test_the_slider_moves_the_matrix_and_the_points(shipped: pd.DataFrame) -> None:
    app = run(question="malignant or benign?", shown="counts")
    before = matrix(app)
    app.slider(key="threshold").set_value(10.0).run()
    sick = shipped["dx"].isin(["akiec", "bcc", "mel"])
    missed = int((sick & (shipped[["p_akiec", "p_bcc", "p_mel"]].sum(axis=1) < 0.1)).sum())
    assert f"**{missed:,} of {sick.sum():,}** images of malignant lesions are missed" in text(app)
    assert matrix(app) != before
    assert matrix(app)["1,0"] == f"{missed:,}"
    curves = [chart.proto.spec for chart in app.get("plotly_chart") if "threshold 0.10" in chart.proto.spec]
    assert len(curves) == 2


@pytest.mark.parametrize(
    ("true", "called", "count"),
    [
        (MELANOMA, NEVUS, lambda t: ((t["dx"] == "mel") & (t["said"] == "nv")).sum()),
        (MELANOMA, "any", lambda t: (t["dx"] == "mel").sum()),
        ("any", NEVUS, lambda t: (t["said"] == "nv").sum()),
    ],
    ids=["cell", "row", "column"],
)
def test_a_link_opens_a_cell_whose_table_counts_what_the_cell_says(
    shipped: pd.DataFrame, true: str, called: str, count: Callable[[pd.DataFrame], int]
) -> None:
    app = run(true=true, called=called)
    expected = count(shipped.assign(said=shipped.filter(like="p_").idxmax(axis=1).str[2:]))
    assert counted_cases(app) == expected
    assert f"**{expected:,} images**" in text(app)


def test_a_cohort_says_how_many_remain_and_filters_everything(shipped: pd.DataFrame) -> None:
    mine = shipped[(shipped["sex"] == "female") & shipped["dx_type"].isin(["histo"])]
    mine = mine[pd.to_numeric(mine["age"]).between(60, 85)]
    app = run(sex="female", dx_type="histopathology", age=["60", "85"])
    assert f"This cohort: {len(mine):,} images of {mine['lesion_id'].nunique():,} lesions" in text(app)
    assert "## Of images with sex female; diagnosis made by histopathology; age 60 to 85: **" in text(app)
    assert counted_cases(app) == len(mine)


def test_an_empty_cohort_gets_a_sentence_and_can_be_widened() -> None:
    app = run(localization="genital", age=["0", "5"])
    assert "None of the 2,001 images is in this cohort" in app.warning[0].value
    assert not app.error
    app.multiselect(key="localization").set_value([]).run()
    assert "This cohort:" in text(app)


def test_another_question_lets_go_of_a_cell_that_it_does_not_have() -> None:
    app = run(true="benign keratosis (bkl)", called=NEVUS)
    app.selectbox(key="question").select_index(1).run()
    assert not app.exception
    assert not app.error
    assert (app.selectbox(key="true").value, app.selectbox(key="called").value) == ("any", "any")


def test_a_link_with_nonsense_falls_back() -> None:
    app = run(question="?", threshold="x", true="unicorn", page="999", case="ISIC_x", age="old", shown="all of it")
    assert not app.error
    assert counted_cases(app) == 2001


def test_cases_are_stepped_through_and_the_photoless_are_dots(shipped: pd.DataFrame) -> None:
    app = run(true=MELANOMA, called=NEVUS)
    ids = list(app.selectbox(key="case").options)
    said = shipped.filter(like="p_").idxmax(axis=1).str[2:]
    assert set(ids) == set(shipped.loc[(shipped["dx"] == "mel") & (said == "nv"), "image_id"])
    assert next(chart for chart in app.get("plotly_chart") if "probability of the true diagnosis" in chart.proto.spec)
    app.button(key="Next").click().run()
    app.button(key="Next").click().run()
    assert app.selectbox(key="case").value == ids[1]
    assert f"2 of {len(ids)}" in text(app)
    app.button(key="Previous").click().run()
    assert app.selectbox(key="case").value == ids[0]
    assert app.button(key="Previous").disabled


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("Metrics", "Its balanced accuracy is **0.719 (95% interval 0.663 to 0.772)** on 2,001"),
        ("Calibration", "Calibration error 0.033 before temperature scaling and 0.041 after"),
        ("Abstaining", "Of the most confident 80% of answers **"),
        ("Prediction sets", "fitted on 1,004 validation images"),
        ("Training", "the weights of epoch 15 are kept: balanced accuracy 0.746"),
    ],
)  # fmt: skip
def test_each_card_answers(card: str, sentence: str) -> None:
    app = run(card=card)
    assert not app.error
    assert sentence in text(app)


def test_the_metrics_stand_beside_the_constant_answer() -> None:
    table = run(card="Metrics").dataframe[1].value
    row = table[table["metric"] == "Balanced accuracy"].iloc[0]
    assert row["always “nv”"] == pytest.approx(1 / 7)
    assert (row["n_images"], row["from"] < row["value"] < row["to"]) == (2001, True)


@pytest.mark.parametrize("damage", ["missing", "cut short", "stale"])
def test_evidence_that_cannot_be_used_costs_one_sentence(copy: Callable[[str], Path], damage: str) -> None:
    folder = copy("first")
    path = folder / "evidence" / str(OWN) / "predictions.parquet"
    if damage == "missing":  # on every data set: where there is an external one, the page shows that instead
        for table in folder.glob("evidence/*/*/predictions.*"):
            table.unlink()
    elif damage == "cut short":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        (folder / "card.json").write_text(json.dumps(card | {"temperature": 2.0}), encoding="utf-8")
    copy("second")
    app = run()
    (said,) = (*app.error, *app.info)
    assert bool(app.info) == (damage == "missing")
    assert "predictions.parquet" in said.value
    assert "`dermaviz audit first --data FOLDER" in said.value
    app.selectbox(key="checkpoint").set_value("second").run()
    assert not app.error
    assert counted_cases(app) == 2001


def test_sets_without_validation_evidence_cost_one_sentence_and_the_rest_stays(copy: Callable[[str], Path]) -> None:
    shutil.rmtree(copy("first") / "evidence" / "ham10000" / "validation")
    app = run(card="Prediction sets")
    assert "--split validation" in app.info[0].value
    assert not app.error
    assert counted_cases(app) == 2001


def test_two_checkpoints_are_compared_in_words(copy: Callable[[str], Path], shipped: pd.DataFrame) -> None:
    copy("first")
    second = copy("second")
    evidence = read_evidence(
        second, "predictions", OWN, checkpoint_sha256=read_card(second / "card.json").answers_sha256
    )
    cured = shipped["dx"] == "mel"
    table = shipped.copy()
    table.loc[cured, [name for name in table if name.startswith("p_")]] = 0.0
    table.loc[cured, "p_mel"] = 1.0
    write_evidence(second, table, evidence.manifest.source, {})
    fixed = int((cured & (shipped.filter(like="p_").idxmax(axis=1) != "p_mel")).sum())
    app = run(second="second", card="Two checkpoints")
    assert f"only first is right on **0** and only second on **{fixed}**" in text(app)
    assert "McNemar's exact test, p < 0.001" in text(app)
    fixed_by_class = app.table[0].value.set_index("true class")["only second"]
    assert fixed_by_class["melanoma"] == fixed_by_class["all images"] == fixed
    assert (
        app.table[1]
        .value.set_index("figure")
        .loc["Melanoma: sensitivity as most probable class", "second"]
        .startswith("1.000")
    )


def test_a_case_without_photos_has_its_id_its_link_and_a_line_on_how_to_get_them() -> None:
    app = run(true=MELANOMA, called=NEVUS, case="ISIC_0026989")
    assert "It is **melanoma**. Predicted **melanocytic nevus** (" in text(app)
    assert "https://api.isic-archive.com/api/v2/images/ISIC_0026989/" in text(app)
    assert "`dermaviz data download FOLDER` gets the photos" in text(app)


def test_a_case_with_photos_shows_them_and_where_the_model_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw_photo: Callable[..., object]
) -> None:
    draw_photo(tmp_path / "images" / "ISIC_0026989.png", 66, 88)
    (tmp_path / "HAM10000_metadata.csv").write_text("image_id\n", encoding="utf-8")
    monkeypatch.setenv("DERMAVIZ_DATA", str(tmp_path))
    app = run(true=MELANOMA, called=NEVUS, case="ISIC_0026989")
    assert len(app.get("image")) == 1
    app.toggle(key="maps").set_value(True).run()
    assert not app.error
    captions = [image.caption for shown in app.get("image") for image in shown.proto.imgs]
    assert captions[1].startswith("Model input")
    assert "Attention map for the true class: melanoma (" in captions[-1]


def test_the_shipped_evidence_is_that_of_the_shipped_checkpoint(shipped: pd.DataFrame) -> None:
    found = audited(Checkpoint(SHIPPED, read_card(SHIPPED / "card.json")))
    assert found.table["image_id"].tolist() == shipped["image_id"].tolist()


def test_another_data_set_is_shown_and_held_against_the_own_one(
    copy: Callable[[str], Path], shipped: pd.DataFrame
) -> None:
    folder = copy("first")
    shutil.rmtree(folder / "evidence" / "isic-uda1", ignore_errors=True)
    away = shipped[shipped["dx"].isin(["mel", "nv"])].iloc[::5].reset_index(drop=True)
    sha = read_card(folder / "card.json").answers_sha256
    write_evidence(folder, away, Source("predictions", "away", "all", sha, ""), {"said": ["Read as a *table*."]})
    app = run(data="away/all")
    assert app.selectbox(key="data").options[:2] == ["ham10000/test", "away/all"]
    assert counted_cases(app) == len(away)
    app = run(second="away/all", card="Two data sets")
    found = [
        int((away.loc[away["dx"] == "mel"].filter(like="p_").idxmax(axis=1) == "p_mel").sum()),
        sum(away["dx"] == "mel"),
    ]
    assert f"finds {found[0] / found[1]:.0%} and " in text(app)
    both = int(shipped["dx"].isin(["mel", "nv"]).sum())
    assert f"melanoma and melanocytic nevus: {len(away)} images against {both:,} images" in text(app)
    assert r"Read as a \*table\*." in text(app)
    app = run(card="Metrics")
    assert app.table[0].value.columns.tolist() == ["figure", "ham10000 (test)", "away (all)", "difference"]


def test_a_lesion_that_is_not_known_is_not_named(tmp_path: Path) -> None:
    useless = read_audited(write_useless(tmp_path / "second"), DataSplit("clinic", "test"))
    known = replace(useless, table=useless.table.assign(lesion_id=["L1", *useless.table["lesion_id"][1:]]))
    verdicts = by_class(useless.labels, useless.probabilities, useless.classes)
    for images, named in ((useless, False), (known, True)):
        table = cases.case_table(images, verdicts, np.arange(2))
        assert ("lesion" in table, "lesion" in cases._metadata(images.table.iloc[0])) == (named, named)
    assert table["lesion"].tolist() == ["L1", ""]


def test_a_useless_model_is_said_to_be_one_and_another_model_renames_what_is_chosen(
    tmp_path: Path, copy: Callable[[str], Path]
) -> None:
    copy("first")
    write_useless(tmp_path / "second")
    app = run(checkpoint="second", card="Metrics")
    said = text(app)
    assert "## It answers Nävus for every one of 111 images: as often right as always saying so" in said
    assert (
        "Most frequent mistake: **28 of 28** images of Melanom are classified as Nävus; as often 28 of 28 of Basaliom."
        in said
    )
    assert "Sensitivity is lowest for Basaliom, Melanom and Seborrhoische Keratose: 0.000 each, with 78 images" in said
    assert app.selectbox(key="question").options[0] == "which of the 4 classes?"
    app.selectbox(key="checkpoint").set_value("first").run()
    box = app.selectbox(key="question")
    assert box.value == "every class"
    assert (box.proto.set_value, box.proto.raw_value) == (True, "which of the 7 classes?"), "the browser is told"
    app.run()
    assert not app.selectbox(key="question").proto.set_value, "and only once"


@pytest.mark.parametrize("metric", [*summary.OVERALL, *summary.BY_CLASS], ids=lambda metric: metric.slug)
def test_every_metric_is_explained_beside_the_table(metric: summary.Figure) -> None:
    name = metric.label.removesuffix(" (15 bins)").removesuffix(" against the rest")
    assert name.lower() in METRIC_MEANINGS.lower()
