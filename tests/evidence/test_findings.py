"""The story of a checkpoint: short sentences, figures that others compute alike, and commands for what is missing."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from dermaviz.diagnoses import meanings_sentence
from dermaviz.evidence.findings import MOST_WORDS, STORY, Finding, Missing, command_missing, read_findings
from dermaviz.evidence.predictions import BALANCED, PREDICTIONS, evidence_of, external_drop, read_audited
from dermaviz.evidence.store import DataSplit, Source, write_evidence
from dermaviz.html_report import report_html
from dermaviz.metrics.comparison import BesideConstant
from dermaviz.models.card import Checkpoint, list_checkpoints
from tests.app.audit_tables import USELESS, write_useless

NAME = "ham10000-efficientnet-lite0"
SHIPPED = {name: one for name, one in list_checkpoints()[0].items() if name.startswith("ham10000-")}
FEW_DRAWS = 40


def story(checkpoint: Checkpoint) -> dict[str, Finding | Missing]:
    return {one.key: one for one in read_findings(checkpoint, draws=FEW_DRAWS)}


@pytest.mark.parametrize("name", SHIPPED)
def test_each_checkpoint_has_its_story_in_short_sentences(name: str) -> None:
    told = story(SHIPPED[name])
    assert list(told) == list(STORY)
    for one in told.values():
        if isinstance(one, Missing):
            assert one.command.startswith(f"dermaviz audit {name} ")
            continue
        assert len(one.sentence.split()) <= MOST_WORDS
        assert one.sentence.endswith(".")
        assert {"label", "value", "low", "high", "n"} <= set(one.table)
        assert one.chart().data
    balanced = NAME.replace("efficientnet-lite0", "lenet") == name
    assert ("of 782 balanced images" in told["says"].sentence) is (BALANCED in told["says"].detail) is balanced


@pytest.fixture
def external(tmp_path: Path) -> Checkpoint:
    """The default checkpoint with its predictions only, and the same of every third image as an external set."""
    folder = tmp_path / NAME
    folder.mkdir()
    shutil.copy(SHIPPED[NAME].folder / "card.json", folder)
    evidence = evidence_of(SHIPPED[NAME], PREDICTIONS)
    source = evidence.manifest.source
    write_evidence(folder, evidence.table, source, {})
    write_evidence(folder, evidence.table.iloc[::3], replace(source, dataset="elsewhere", split="test"), {})
    return replace(SHIPPED[NAME], folder=folder)


def test_photographs_from_elsewhere_are_held_against_those_at_home(external: Checkpoint) -> None:
    told = story(external)
    found = told["elsewhere"]
    assert isinstance(found, Finding)
    table = evidence_of(external, PREDICTIONS, DataSplit("elsewhere", "test")).table
    mel = (table["dx"] == "mel").to_numpy()
    values = found.table.set_index("label")["value"]
    assert values["Melanoma AUC, elsewhere (elsewhere)"] == pytest.approx(roc_auc_score(mel, table["p_mel"]))
    probabilities = table[[c for c in table if c.startswith("p_")]]
    caught = (probabilities.idxmax(axis=1) == "p_mel")[mel].mean()
    assert values["Melanomas found, elsewhere (elsewhere)"] == pytest.approx(caught)
    assert f"On {len(table):,} images from elsewhere" in found.sentence
    assert found.link == {"data": "elsewhere/test"}
    for key in ("flips", "map", "whom"):
        missing = told[key]
        assert isinstance(missing, Missing)
        assert missing.command.endswith(f"--table {STORY[key].needs}")


def test_elsewhere_and_home_are_compared_as_external_validation_does() -> None:
    found = story(SHIPPED[NAME])["elsewhere"]
    assert isinstance(found, Finding)
    values = found.table.set_index("label")["value"]
    drop = external_drop(SHIPPED[NAME], draws=FEW_DRAWS).set_index("metric").loc["melanoma_auc"]
    assert values["Melanoma AUC, ham10000"] == pytest.approx(drop["first"])
    assert values["Melanoma AUC, isic-uda1 (elsewhere)"] == pytest.approx(drop["second"])


def test_the_figures_are_those_of_the_evidence() -> None:
    told = story(SHIPPED[NAME])
    says, flips, whom = (told[key].table.set_index("label") for key in ("says", "flips", "whom"))
    seen = evidence_of(SHIPPED[NAME], "attention").table
    assert says.loc["Map closer to the lesion than a centre spot", "value"] == pytest.approx(
        (seen["energy"] > seen["energy_centre"]).mean()
    )
    attacks = evidence_of(SHIPPED[NAME], "attacks").table.merge(
        evidence_of(SHIPPED[NAME], PREDICTIONS).table[["image_id", "dx"]], on="image_id"
    )
    hit = attacks[(attacks["method"] == "fgsm") & np.isclose(attacks["epsilon"], 3e-3)]
    recalls = (hit["predicted"] == hit["dx"]).groupby(hit["dx"]).mean()
    assert flips.loc["FGSM of 0.77 grey levels", "value"] == pytest.approx(recalls.mean())
    assert pd.isna(whom.loc["dark skin", "value"])


def test_an_attack_that_needs_less_than_one_step_is_the_one_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of FGSM needs 13 grey levels against the robust model; PGD flips half of its right answers within 4."""
    robust = SHIPPED["ham10000-efficientnet-lite0-robust"]
    answers = evidence_of(robust, PREDICTIONS).table.set_index("image_id")
    predicted = answers[[c for c in answers if c.startswith("p_")]].idxmax(axis=1).str.removeprefix("p_")
    right = answers.index[predicted == answers["dx"]]
    attacks = evidence_of(robust, "attacks").table
    pgd = attacks[(attacks["method"] == "pgd") & attacks["image_id"].isin(right)]
    flipped = (pgd["predicted"] != answers["dx"].reindex(pgd["image_id"]).to_numpy()).groupby(pgd["epsilon"]).mean()
    least = flipped[flipped >= 0.5].index.min()
    found = story(robust)["flips"]
    assert isinstance(found, Finding)
    assert (
        found.sentence
        == f"A change of 4 grey levels (PGD) flips {flipped[least]:.0%} of the {len(right):,} correct answers."
    )
    assert least == pytest.approx(4 / 255)
    assert "(one FGSM step), too small to see, flips half" in story(SHIPPED[NAME])["flips"].sentence
    monkeypatch.setattr(BesideConstant, "finding", lambda *_: "It is no better.")
    assert story(robust)["flips"].detail.startswith("It is no better. Median smallest FGSM step")


def test_a_model_without_malignant_classes_has_its_story_and_its_report(tmp_path: Path) -> None:
    """What a stranger's model is as a rule: classes that no table knows, and data with patients."""
    card = replace(SHIPPED[NAME].card, name="own", classes=("x", "y"), malignant=(), data={})
    said = np.linspace(0.1, 0.9, 40)
    table = pd.DataFrame(
        {"image_id": range(40), "lesion_id": range(40), "patient_id": [f"P{i // 2}" for i in range(40)]}
    )
    table = table.assign(dx=["x", "y"] * 20, p_x=said, p_y=1 - said).astype({"image_id": str, "lesion_id": str})
    made: dict[str, object] = {
        "said": ["Left out: pictures that no row names (1,001): 2021/Meier/x (1): a.jpg and 1,000 more."],
        "command": "dermaviz audit own --data FOLDER --columns 'label=my label' --table predictions --map=a=x --all",
    }
    write_evidence(tmp_path, table, Source(PREDICTIONS, "clinic", "all", card.answers_sha256, ""), made)
    of, own = DataSplit("clinic", "all"), Checkpoint(tmp_path, card)
    told = {one.key: one for one in read_findings(own, of, draws=FEW_DRAWS)}
    assert told["says"].sentence == (  # type: ignore[union-attr]
        "It is right on 20 of 40 images, as often as always answering x would be."
    )
    again = f"dermaviz audit {tmp_path.name} --data FOLDER --as clinic --split all --columns 'label=my label' --map a=x --table "
    assert told["whom"].command == f"{again}tone"  # type: ignore[union-attr]
    tone = Source("tone", "clinic", "all", card.answers_sha256, "")
    write_evidence(tmp_path, pd.DataFrame({"image_id": table["image_id"], "tone_group": ""}), tone, {})
    whom = read_findings(own, of, draws=FEW_DRAWS)[3]
    assert "count as malignant" in whom.next_step  # type: ignore[union-attr]
    command = f"{again}flips --table randomisation"
    assert command_missing(own, of) == command
    unread = report_html(read_audited(own, of))
    assert unread.count("dermaviz audit") == 2, (
        "one command for all that is missing here, one for images from elsewhere"
    )
    assert f"<code>{escape(command)}</code>" in unread
    assert f"<code>dermaviz audit {tmp_path.name} --data ANOTHER_FOLDER</code>" in unread
    damaged = pd.DataFrame({"image_id": ["patient-7.jpg"] * 2})
    write_evidence(tmp_path, damaged, Source("flips", "clinic", "all", card.answers_sha256, ""), {})
    html = report_html(read_audited(own, of))
    assert "40 images of 20 patients" in html
    assert "Its evidence cannot be used: <code>dermaviz doctor</code> says why." in html
    assert "Left out: pictures that no row names (1,001).</li>" in html
    assert "Meier" not in html
    assert str(tmp_path) not in html, "a report names no place on the machine that made it"
    assert " over patients or, where no draw varies, exact (Clopper and Pearson), beside" in html


def test_a_class_has_one_name_in_the_story_and_the_report(tmp_path: Path) -> None:
    """A model with German classes: headline, matrix, tables and charts say Nävus; what that is taken for is said once."""
    guess = f"guessed: {meanings_sentence(['Nävus', 'Melanom'], ['Melanom'])}"
    card = replace(
        SHIPPED[NAME].card, name="own", classes=("Nävus", "Melanom"), malignant=("Melanom",), data={},
        training={"notes": [guess]},
    )  # fmt: skip
    table = pd.DataFrame({"image_id": [f"i{i}" for i in range(40)], "lesion_id": [f"l{i}" for i in range(40)]})
    table = table.assign(dx=["Nävus", "Melanom"] * 20, **{"p_Nävus": 0.9, "p_Melanom": 0.1})
    write_evidence(tmp_path, table, Source(PREDICTIONS, "klinik", "all", card.answers_sha256, ""), {})
    own, of = Checkpoint(tmp_path, card), DataSplit("klinik", "all")
    html = report_html(read_audited(own, of))
    assert "It answers Nävus for every one of 40 images" in html
    assert "<td>Nävus (melanocytic nevus), Melanom (melanoma)</td>" in html
    assert html.count("melanocytic nevus") == 2, "once beside the class, once in what was taken for granted"
    assert escape(guess) in html
    assert "Nävus means melanocytic nevus" in meanings_sentence(card.classes)


def test_a_model_without_data_is_not_told_to_measure_a_split_that_it_has_not(tmp_path: Path) -> None:
    card = replace(SHIPPED[NAME].card, name="own", data={})
    told = read_findings(Checkpoint(tmp_path, card), draws=FEW_DRAWS)
    commands = {one.command for one in told if isinstance(one, Missing)}
    assert commands == {f"dermaviz audit {tmp_path.name} --data FOLDER --table predictions"}


def test_older_evidence_shows_no_name_of_a_table(tmp_path: Path) -> None:
    card = replace(SHIPPED[NAME].card, name="own", data={}, classes=("x", "y"), malignant=())
    table = pd.DataFrame({"image_id": ["a", "b"], "lesion_id": ["a", "b"], "dx": ["x", "y"], "p_x": 0.6, "p_y": 0.4})
    made = {
        "said": [
            "Praxis Meier 2021.csv: image from 'photo', label from 'dx'.",
            "Splits are those of the tables: Meier/train.csv (train), Meier/test.csv (test).",
            "Meier.xlsx adds its columns.",
        ]
    }
    write_evidence(tmp_path, table, Source(PREDICTIONS, "clinic", "all", card.answers_sha256, ""), made)
    assert read_audited(Checkpoint(tmp_path, card), DataSplit("clinic", "all")).said == (
        "The table: image from 'photo', label from 'dx'.",
        "Splits are those of the tables: the table (train), the table (test).",
        "The table adds its columns.",
    )


def test_a_model_that_always_says_the_same_is_told_first_and_groups_say_what_they_lack(tmp_path: Path) -> None:
    useless = write_useless(tmp_path / "clinic")
    told = story(useless)
    says, whom = told["says"], told["whom"]
    assert isinstance(says, Finding)
    assert says.sentence == (
        "It answers Nävus for every one of 111 images: as often right as always saying so (33 of them)."
    )
    audited = read_audited(useless)
    given = np.bincount(audited.probabilities.argmax(1)).argmax()
    counts = [len(set(audited.clusters[audited.labels == i])) for i in range(len(audited.classes))]
    alike = [binomtest(n * (i == given), n).proportion_ci() for i, n in enumerate(counts)]
    low, high = np.mean([one.low for one in alike]), np.mean([one.high for one in alike])
    balanced = f"Balanced accuracy: 0.25 (exact 95% interval {low:.2f} to {high:.2f}); a constant answer gets 0.25."
    assert balanced in says.detail
    assert "0% to 0%" not in says.detail
    assert low < 0.25 < high
    assert says.detail.endswith("Model clinic · data set clinic, test images.")
    assert isinstance(whom, Finding)
    assert whom.sentence == (
        "No tone group can be judged: each has fewer than 10 images of malignant lesions, or fewer than 10 others."
    )
    assert "type II 13 and 6 others; type III 10 and 9 others; " in whom.detail
    assert all(len(one.sentence.split()) <= MOST_WORDS for one in (says, whom))
    html = report_html(read_audited(useless))
    assert html.index("It answers Nävus for every one of 111 images") < html.index("not a medical device")
    assert "33 are classified correctly" not in html
    likelihood = re.search(r"Negative log-likelihood</td>(.*?)</tr>", html)
    assert likelihood
    assert likelihood[1].endswith('<td class="number">–</td>'), "a certain answer that errs has no finite one"
    assert re.search(r'<td class="interval">\d\.\d{3}\u00a0to\u00a0\d\.\d{3}</td>', html)
    assert html.count("none: too few to resample, or no draw varies") > 0
    assert "<td></td>" not in html, "no interval is blank"
    assert f" over {audited.unit} or, where no draw varies, exact (Clopper and Pearson), beside" in html
    assert re.search(r'<td class="interval">\d\.\d{3}\u00a0to\u00a0\d\.\d{3},\u00a0exact</td>', html)
    by_class = html[html.index("Class by class") :]
    classes = [f"{USELESS[name]} ({name})" for name in ("nv", "bcc", "melanoma", "bkl")]
    places = [by_class.index(f"<td>{name}</td>") for name in classes]
    assert places == sorted(places), "the most frequent class first, as in the matrix"
