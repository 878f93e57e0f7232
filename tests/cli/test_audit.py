"""`dermaviz audit`: evidence beside the checkpoint, the same from one process or two, whole or after a kill."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermaviz.data.known import write_hashes
from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import HAM10000
from dermaviz.data.split import read_manifest
from dermaviz.errors import EvidenceError
from dermaviz.evidence.evaluate import predict_dataset
from dermaviz.evidence.predictions import evidence_of, read_audited
from dermaviz.evidence.store import DataSplit
from dermaviz.evidence.tables import TABLES
from dermaviz.images import read_image
from dermaviz.models.card import Checkpoint, read_card
from dermaviz.models.checkpoint import load_checkpoint, save_checkpoint
from dermaviz.models.classifier import Classifier
from tests.training.processes import command, command_told, start, start_two

Command = Callable[..., Any]


@pytest.fixture
def audited(tmp_path: Path, drawn_classifier: Classifier) -> Path:
    """A checkpoint that was trained on the split of the drawn data set, so one may audit it."""
    folder = tmp_path / "checkpoints" / "seven"
    save_checkpoint(folder, drawn_classifier.network, drawn_classifier.card)
    return folder


@pytest.fixture
def many(draw_photo: Callable[..., Any], tmp_path: Path) -> list[str]:
    """Options that name 400 small photos, which make four parts; one is damaged."""
    for i in range(400):
        draw_photo(tmp_path / "many" / ("mel", "nv")[i % 2] / f"{i}.png", seed=i)
    damaged = tmp_path / "many" / "mel" / "0.png"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    return ["--data", str(tmp_path / "many"), "--dataset", "folder"]


def table(checkpoint: Path, of: str = "ham10000/test") -> pd.DataFrame:
    return pd.read_parquet(checkpoint / "evidence" / of / "predictions.parquet")


def test_the_table_holds_what_the_model_says(dermaviz: Command, audited: Path, drawn_dataset: Path) -> None:
    answer = dermaviz("audit", "seven", "--data", drawn_dataset)
    assert answer.code == 0, answer.err
    found = table(audited)
    assert f"seven · ham10000/test · predictions: {len(found)} rows" in answer.out
    data = read_ham10000(drawn_dataset)
    test = read_manifest(drawn_dataset / "split.csv").assignment
    data = data.take(record for record in data.records if test[record.image_id] == "test")
    classifier = load_checkpoint(audited)
    expected = predict_dataset(classifier, data)
    assert found["image_id"].tolist() == list(expected.image_ids)
    assert found["dx"].tolist() == [record.label for record in data.records]
    assert found["ita"].tolist() == [record.metadata["ita"] for record in data.records]
    np.testing.assert_allclose(
        found[[f"p_{name}" for name in HAM10000.classes]],
        expected.probabilities(classifier.card.temperature),
        atol=1e-6,
    )


def test_an_audit_is_not_repeated(dermaviz: Command, audited: Path, drawn_dataset: Path) -> None:
    dermaviz("audit", "seven", "--data", drawn_dataset, "--split", "validation", "--table", "predictions")
    path = audited / "evidence" / "ham10000" / "validation" / "predictions.parquet"
    written = path.stat().st_mtime_ns
    assert (
        dermaviz("audit", "seven", "--data", drawn_dataset, "--split", "validation", "--table", "predictions").code == 0
    )
    assert path.stat().st_mtime_ns == written


def test_another_data_set_stands_beside_the_own_one(
    dermaviz: Command, audited: Path, draw_photo: Any, drawn_dataset: Path, tmp_path: Path
) -> None:
    for i, label in enumerate(("melanoma", "nevus", "nevus", "what is it")):
        draw_photo(tmp_path / "My photos" / label / f"{i}.png", seed=i)
    draw_photo(tmp_path / "My photos" / "nevus" / "half.png", seed=9)
    whole = (tmp_path / "My photos" / "nevus" / "half.png").read_bytes()
    (tmp_path / "My photos" / "nevus" / "half.png").write_bytes(whole[: len(whole) // 2])
    dermaviz("audit", "seven", "--data", drawn_dataset)
    before = (audited / "evidence" / "ham10000" / "test" / "predictions.parquet").read_bytes()
    refused = dermaviz("audit", "seven", "--data", tmp_path / "My photos")
    assert "found what is it (1 images). Say what they stand for, --map 'what is it=CLASS', or" in refused.err
    answer = dermaviz("audit", "seven", "--data", tmp_path / "My photos", "--map", "what is it=")
    assert answer.code == 0, answer.err
    assert "Left out: images labelled what is it (1)." in answer.out
    assert (
        "Left out: pictures that are refused (1): half.png (expected a whole picture, found one that is cut"
        in answer.out
    )
    assert "Labels taken as classes: melanoma as mel, nevus as nv." in answer.out
    assert table(audited, "My-photos/all")["dx"].tolist() == ["mel", "nv", "nv"]
    assert (audited / "evidence" / "ham10000" / "test" / "predictions.parquet").read_bytes() == before
    named = dermaviz("audit", "seven", "--data", tmp_path / "My photos" / "..", "--as", "n", "--split", "../../../x")
    assert named.code == 2
    assert "expected a name for the split of letters, digits" in named.err
    assert sorted(path.name for path in (audited / "evidence").iterdir()) == ["My-photos", "ham10000"]


def test_a_clinic_folder_in_german_and_malignant_classes_named_afterwards(
    dermaviz: Command, audited: Path, draw_photo: Any, tmp_path: Path
) -> None:
    """Labels and columns of another language; what is kept names no file and no patient; a card that names other classes as
    malignant keeps the evidence that does not depend on them."""
    labels = ("Melanom", "Nävus", "", "Basaliom", "Seborrhoische Keratose")
    for i in range(len(labels)):
        draw_photo(tmp_path / "Klinik" / "Bilder" / "Mueller-00" / f"IMG_{i}.png", seed=i)
    half = tmp_path / "Klinik" / "Bilder" / "Mueller-00" / "IMG_4.png"
    half.write_bytes(half.read_bytes()[:2000])
    rows = [f"IMG_{i}.png;{label};Müller-{i};{i + 1};m" for i, label in enumerate(labels)]
    sheet = "\n".join(["Datei;Befund;Pat.-Nr.;Hauttyp;Geschlecht", *rows])
    (tmp_path / "Klinik" / "Liste.csv").write_text(sheet, encoding="cp1252")
    replace(read_card(audited / "card.json"), malignant=()).write(audited / "card.json")
    columns = "image=Datei,label=Befund,patient=Pat.-Nr.,tone=Hauttyp,sex=Geschlecht"
    data = ("--data", tmp_path / "Klinik", "--columns", columns, "--table", "predictions", "--table", "corruptions")
    answer = dermaviz("audit", audited, *data)
    assert answer.code == 0, answer.err
    assert (
        "Labels taken as classes: Basaliom as bcc, Melanom as mel, Nävus as nv, Seborrhoische Keratose as bkl."
        in answer.out
    )
    assert "Left out: rows without a label (1): IMG_2.png." in answer.out
    assert "Left out: pictures that are refused (1): IMG_4.png (" in answer.out
    assert "no row names" not in answer.out, "each picture is counted once"
    assert "Skin tone in 'Hauttyp': Fitzpatrick type, of 3 of 3 images." in answer.out
    found = table(audited, "Klinik/all")
    assert (found["sex"].tolist(), found["patient_id"].tolist()) == (["m"] * 3, ["Müller-0", "Müller-1", "Müller-3"])
    reported = dermaviz("report", "seven", "--dataset", "Klinik", "--no-pictures", "-o", tmp_path / "seven.html")
    assert reported.code == 0, reported.err
    assert f"dermaviz audit seven --data {tmp_path / 'Klinik'} --as Klinik --split all" in reported.out
    kept = [(tmp_path / "seven.html").read_text(), *(one.read_text() for one in audited.glob("evidence/*/*/*.json"))]
    for text in kept:
        assert "Left out: rows without a label (1)." in text
        assert not [word for word in ("IMG_", "Liste.csv", "ueller", "Müller", str(tmp_path)) if word in text]

    replace(read_card(audited / "card.json"), malignant=("mel",)).write(audited / "card.json")
    checkpoint, of = Checkpoint(audited, read_card(audited / "card.json")), DataSplit("Klinik", "all")
    assert len(evidence_of(checkpoint, "predictions", of).table) == 3
    with pytest.raises(EvidenceError, match="It is stale: other classes count as malignant now, and it holds the sum"):
        evidence_of(checkpoint, "corruptions", of)
    doubted = dermaviz("report", "seven", "--dataset", "Klinik", "--no-pictures", "-o", tmp_path / "seven.html")
    assert doubted.code == 0, doubted.err
    replace(read_card(audited / "card.json"), temperature=2.0, malignant=()).write(audited / "card.json")
    refused = dermaviz("report", "seven", "--dataset", "Klinik", "--no-pictures", "-o", tmp_path / "seven.html")
    assert "It is stale: weights, classes, those that count as malignant, temperature" in refused.err
    assert f"--data {tmp_path / 'Klinik'} --as Klinik" in refused.err


def test_labels_of_two_kinds_are_measured_as_groups(
    dermaviz: Command, audited: Path, draw_photo: Any, tmp_path: Path
) -> None:
    for i, label in enumerate(("benign", "malignant", "benign")):
        draw_photo(tmp_path / "own" / label / f"{i}.png", seed=i)
    answer = dermaviz(
        "audit", "seven", "--data", tmp_path / "own", "--table", "predictions", "--table", "corruptions", "--table",
        "attention",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "The label benign stands for the classes akiec, bcc, bkl, df, nv, vasc." in answer.out
    found = read_audited(Checkpoint(audited, read_card(audited / "card.json")), DataSplit("own", "all"))
    assert (found.classes, found.checkpoint.card.malignant) == (("benign", "mel"), ("mel",))
    classifier = load_checkpoint(audited)
    paths = [tmp_path / "own" / label / f"{i}.png" for label, i in (("benign", 0), ("benign", 2), ("malignant", 1))]
    said = [classifier.predict(read_image(path)) for path in paths]
    np.testing.assert_allclose(found.probabilities[:, 1], [answer.p_malignant for answer in said], atol=1e-6)
    assert found.labels.tolist() == [0, 0, 1]
    for name in ("corruptions", "attention"):
        assert set(evidence_of(found.checkpoint, name, found.of).table["predicted"]) <= {"benign", "mel"}


def test_images_that_it_was_trained_on_are_left_out(dermaviz: Command, audited: Path, drawn_dataset: Path) -> None:
    answer = dermaviz("audit", "seven", "--data", drawn_dataset, "--as", "copy", "--dataset", "ham10000")
    assert answer.code == 0, answer.err
    dealt = read_manifest(drawn_dataset / "split.csv").assignment
    test = sorted(image_id for image_id, split in dealt.items() if split == "test")
    assert f"trained or chosen on, by their ids ({len(dealt) - len(test)}): " in answer.out
    assert table(audited, "copy/all")["image_id"].tolist() == test


def test_training_images_under_other_names_are_left_out(
    dermaviz: Command, audited: Path, drawn_dataset: Path, tmp_path: Path
) -> None:
    dealt = read_manifest(drawn_dataset / "split.csv").assignment
    train, test = (sorted(name for name, split in dealt.items() if split == of) for of in ("train", "test"))
    card = read_card(audited / "card.json")
    (tmp_path / "split.csv").write_bytes((drawn_dataset / "split.csv").read_bytes())
    write_hashes(read_ham10000(drawn_dataset), tmp_path / "split.csv")
    replace(card, data={**card.data, "manifest": str(tmp_path / "split.csv")}).write(audited / "card.json")
    records = {record.image_id: record for record in read_ham10000(drawn_dataset).records}
    for name, source in {"copy": train[0], "new": test[0]}.items():
        label = records[source].label
        (tmp_path / "own" / label).mkdir(parents=True, exist_ok=True)
        Image.open(records[source].path).save(tmp_path / "own" / label / f"{name}.jpg", quality=80)
    answer = dermaviz("audit", "seven", "--data", tmp_path / "own")
    assert answer.code == 0, answer.err
    assert f"was trained on (1): {records[train[0]].label}/copy is {train[0]}." in answer.out
    assert table(audited, "own/all")["image_id"].tolist() == [f"{records[test[0]].label}/new"]


def test_own_diagnoses_are_put_to_the_question_that_the_checkpoint_answers(
    dermaviz: Command, make_classifier: Callable[..., Classifier], draw_photo: Any, tmp_path: Path
) -> None:
    data = {"dataset": "ham10000", "manifest": "ham10000", "task": "malignant"}
    classifier = make_classifier(classes=("benign", "malignant"), malignant=("malignant",), data=data)
    save_checkpoint(tmp_path / "checkpoints" / "two", classifier.network, classifier.card)
    for i, dx in enumerate(("bcc", "mel", "nv")):
        draw_photo(tmp_path / "own" / dx / f"{i}.png", seed=i)
    answer = dermaviz("audit", "two", "--data", tmp_path / "own")
    assert answer.code == 0, answer.err
    found = table(tmp_path / "checkpoints" / "two", "own/all")
    assert found["dx"].tolist() == ["malignant", "malignant", "benign"]
    assert found["diagnosis"].tolist() == ["bcc", "mel", "nv"]
    assert {"p_benign", "p_malignant"} <= set(found.columns)


def test_all_says_how_long_it_takes_and_goes_on_after_a_table_that_cannot_be_made(
    dermaviz: Command, audited: Path, drawn_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> object:
        raise EvidenceError("expected a thing, found none. Do that.")

    monkeypatch.setattr("dermaviz.evidence.tables.robustness.flip_rows", refuse)
    chosen = {name: TABLES[name] for name in ("predictions", "flips", "tone")}
    monkeypatch.setattr("dermaviz.cli.evidence.TABLES", chosen)
    dermaviz("audit", "seven", "--data", drawn_dataset)
    answer = dermaviz("audit", "seven", "--data", drawn_dataset, "--all")
    assert answer.code == 2
    assert "About 1 minute by what earlier audits took; not known of: flips, tone." in answer.out
    assert "flips: left out. expected a thing, found none. Do that." in answer.err
    assert sorted(path.stem for path in (audited / "evidence").rglob("*.parquet")) == ["predictions", "tone"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "tests"], "expected one of train, validation, test, found the split 'tests'"),
        (["--as", "../x"], "expected a name for the data set of letters"),
        (["--table", "tones"], "found tones"),
        (["--dataset", "folders"], "csv, folder, found 'folders'"),
    ],
)
def test_a_wrong_word_is_named(
    dermaviz: Command, audited: Path, drawn_dataset: Path, arguments: list[str], message: str
) -> None:
    answer = dermaviz("audit", "seven", "--data", drawn_dataset, *arguments)
    assert answer.code == 2
    assert message in answer.err.replace("\n", " ")
    assert not (audited / "evidence").exists()


def test_two_processes_and_one_that_was_killed_leave_the_table_of_one(
    dermaviz: Command, audited: Path, many: list[str], tmp_path: Path
) -> None:
    folder, words = audited / "evidence" / "many" / "many", _audit(audited, many)
    assert dermaviz(*words).code == 0
    alone, kept = table(audited, "many/many"), (folder / "predictions.parquet").read_bytes()

    shutil.rmtree(folder)
    killed = start(command, *words)
    while killed.is_alive() and not list(folder.glob(".predictions-*/*.parquet")):
        time.sleep(0.002)
    killed.kill()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert list(folder.glob(".predictions-*/*.parquet"))
    assert not (folder / "predictions.json").exists()
    assert dermaviz(*words).code == 0
    assert not list(folder.glob(".predictions-*"))
    assert (folder / "predictions.parquet").read_bytes() == kept

    shutil.rmtree(folder)
    two = start_two(command_told, str(tmp_path / "said"), *words)
    for process in two:
        process.join()
    said = [(tmp_path / f"said{rank}").read_text() for rank in (0, 1)]
    assert [process.exitcode for process in two] == [0, 0], said
    assert ["predictions: 399 rows" in text for text in said] == [True, False]
    assert ["pictures that are refused (1): 0.png" in text for text in said] == [True, False]
    pd.testing.assert_frame_equal(table(audited, "many/many"), alone, check_exact=False, rtol=1e-6)


def _audit(checkpoint: Path, many: list[str]) -> list[str]:
    return ["audit", str(checkpoint), *many, "--split", "many", "--table", "predictions"]
