"""Readers: HAM10000 in its published form, folders, CSVs, and what every data set is checked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermaviz.data.folders import is_date, read_folders, without_refused
from dermaviz.data.labelled_tables import read_table
from dermaviz.data.labels import tone_labels
from dermaviz.data.readers import READERS, find_ham10000, find_photo, read_dataset, read_ham10000, read_splits
from dermaviz.data.records import HAM10000, SPECS, Dataset, Record
from dermaviz.data.split import split_by_group, write_manifest
from dermaviz.data.tables import Columns, parse_columns
from dermaviz.errors import DatasetError

DATA = os.environ.get("DERMAVIZ_DATA", "")
HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"


@pytest.fixture
def root(write_ham10000: Callable[..., Path], tmp_path: Path) -> Path:
    return write_ham10000(tmp_path / "ham10000", {"L2": ("nv", 1), "L1": ("mel", 2)})


def test_records_come_in_order_of_image_id_with_their_metadata(root: Path) -> None:
    data = read_ham10000(root)
    assert [(r.image_id, r.lesion_id, r.label) for r in data.records] == [
        ("L1-0", "L1", "mel"),
        ("L1-1", "L1", "mel"),
        ("L2-0", "L2", "nv"),
    ]
    assert data.classes == tuple(HAM10000.classes)
    assert data.records[0].path == root / "images" / "L1-0.png"
    assert data.records[0].metadata == {"dx_type": "histo", "age": "50.0", "sex": "female", "localization": "back"}


def test_further_columns_are_kept_and_unknown_values_stay_empty(root: Path) -> None:
    (root / "HAM10000_metadata.csv").write_text(f"{HEADER},dataset\nL1,L1-0,mel,histo,,unknown,,rosendahl\n")
    (record,) = read_ham10000(root).records
    assert record.metadata["age"] == record.metadata["localization"] == ""
    assert record.metadata["dataset"] == "rosendahl"


def test_files_that_are_no_photos_do_not_stand_in_for_one(root: Path) -> None:
    (root / "images" / "L1-0.txt").write_text("a note")
    (root / "images" / ".DS_Store").write_bytes(b"")
    assert {r.path.suffix for r in read_ham10000(root).records} == {".png"}


def test_the_folder_is_found_at_the_root_below_it_or_by_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_ham10000(root) == find_ham10000(root.parent) == root
    monkeypatch.setenv("DERMAVIZ_DATA", str(root.parent))
    assert find_ham10000() == root


def test_without_a_root_it_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    with pytest.raises(DatasetError, match="Give --data PATH or set DERMAVIZ_DATA"):
        find_ham10000()


def test_an_empty_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected HAM10000_metadata\.csv in .*found neither"):
        find_ham10000(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,dx\n1,nv\n", "found no lesion_id, image_id, dx_type"),
        (b"", "expected a CSV in UTF-8, found one that cannot be read"),
        (b"\xff\xfe\x00\x81,\x9d\n", "expected a CSV in UTF-8, found one that cannot be read"),
        (f"{HEADER}\nL1,L1-0,mole,histo,50,male,back\n".encode(), "expected labels among .*found .*mole"),
        (f"{HEADER}\nL1,L1-7,mel,histo,50,male,back\n".encode(), r"found no file for 1 of them \(L1-7\)"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(root: Path, content: bytes, message: str) -> None:
    (root / "HAM10000_metadata.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_ham10000(root)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="DERMAVIZ_DATA is not set")
def test_the_real_data_have_the_published_counts() -> None:
    data = read_ham10000()
    assert len(data) == HAM10000.images
    assert len({record.lesion_id for record in data.records}) == HAM10000.lesions
    assert data.counts() == {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}


def test_a_photo_is_found_by_its_id(write_ham10000: Callable[..., Path], tmp_path: Path) -> None:
    root = write_ham10000(tmp_path, {"L1": ("mel", 1)})
    assert find_photo(root, "L1-0") == root / "images" / "L1-0.png"
    with pytest.raises(DatasetError, match=r"expected a photo at .*L1-1\.jpg, found none"):
        find_photo(root, "L1-1")


@pytest.fixture(autouse=True)
def no_data_root(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "data" not in request.keywords:
        monkeypatch.delenv("DERMAVIZ_DATA", raising=False)


def draw(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)


@pytest.fixture
def sorted_pictures(tmp_path: Path) -> Path:
    root = tmp_path / "moles"
    draw(root / "nv" / "1.jpg", root / "nv" / "deep" / "2.PNG", root / "mel" / "1.webp", root / "mel" / ".hidden.jpg")
    (root / "nv" / "notes.txt").write_text("not a picture")
    (root / "documents").mkdir()
    return root


def write_table(root: Path, *lines: str) -> Path:
    draw(root / "a.jpg", root / "b.png", root / "images" / "c.jpg")
    (root / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "list.csv"


# A folder per class


def test_a_folder_per_class(sorted_pictures: Path) -> None:
    data = read_folders(sorted_pictures)
    assert (data.name, data.classes) == ("moles", ("mel", "nv"))
    assert [(r.image_id, r.label, r.lesion_id, r.split) for r in data.records] == [
        ("mel/1", "mel", "mel/1", ""),
        ("nv/1", "nv", "nv/1", ""),
        ("nv/deep/2", "nv", "nv/deep/2", ""),
    ]
    assert data.records[2].path == sorted_pictures / "nv" / "deep" / "2.PNG"
    assert data.said == (
        "Labels are the names of the sub-folders.",
        "Left out: files that are no pictures (1): nv/notes.txt.",
    )
    (sorted_pictures / "list.csv").write_text("Datei;Befund;Ort;Pat.-Nr.\n1.jpg;nv;Arm;P1\n")
    data = read_dataset("folder", sorted_pictures)
    told = ", with the columns Datei, Befund, Ort, Pat.-Nr.. If the labels are there, name them: `--columns "
    assert f"Not used: list.csv{told}image=Datei,label=Befund,patient=Pat.-Nr.`." in data.said
    assert "list.csv" not in " ".join(data.kept)
    (sorted_pictures / "list.csv").write_text('"')
    assert "Not used: list.csv. If the labels are in a table, name its columns" in " ".join(
        read_dataset("", sorted_pictures).said
    )


def test_a_table_with_labels_comes_before_folders_as_classes(tmp_path: Path) -> None:
    """A clinic's folder: photographs by month and patient, and a list whose columns have German names."""
    for i in range(4):
        draw(tmp_path / "Bilder" / f"2021-0{1 + i % 2}" / f"Mueller-{i}" / f"IMG_{i}.JPG")
    rows = [f"IMG_{i}.JPG;{('Melanom', 'Nävus')[i % 2]};P{i}" for i in range(4)]
    (tmp_path / "Liste.csv").write_text("\n".join(["Datei;Befund;Pat.-Nr.", *rows]))
    data = read_dataset("", tmp_path)
    assert (data.classes, [record.patient_id for record in data.records]) == (
        ("Melanom", "Nävus"),
        ["P0", "P1", "P2", "P3"],
    )
    line = "`--columns image=Datei,label=Befund,patient=Pat.-Nr.`"
    assert data.said[1] == (
        f"Guessed from its columns, the table holds the labels: {line}, each of which can be named otherwise. Folders as "
        "classes: `--dataset folder`."
    )
    assert data.place == (str(tmp_path.resolve()), "", "image=Datei,label=Befund,patient=Pat.-Nr.")
    for told in ("patient=Pat.-Nr.", "label=Befund", "image=Datei,label=Befund"):
        assert read_dataset("", tmp_path, parse_columns(told)).place == data.place, told
    with pytest.raises(DatasetError, match="expected a column of patients named Pat, found the columns Datei, Befund"):
        read_dataset("", tmp_path, Columns(patient="Pat"))
    (tmp_path / "Liste.csv").write_text("Datei;Befund\nelsewhere.jpg;nv\n")
    said = "\n".join(read_dataset("", tmp_path).said)
    assert "Folders that look like dates are no classes: 2021-01, 2021-02." in said
    assert "Labels are the names of the sub-folders." in said
    draw(*(tmp_path / "by month" / month / "1.jpg" for month in ("2021-03", "April 2021", "3_2021")))
    with pytest.raises(DatasetError, match=r"but those that look like dates \(2021-03, .*which are no classes"):
        read_dataset("", tmp_path / "by month")


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("2021", True), ("2021-03", True), ("20210304", True), ("2021_03_04", True), ("03-2021", True), ("12.3.21", True),
        ("März 2021", True), ("Januar", True), ("sept 21", True), ("03_March", True), ("mel", False), ("1", False),
        ("0", False), ("may", False), ("set", False), ("marginal", False), ("stage 2021", False), ("12", False), ("", False),
        ("nevus 3", False), ("marjolin ulcer", False),
    ],
)  # fmt: skip
def test_folders_that_look_like_dates(name: str, date: bool) -> None:
    assert is_date(name) == date


def test_the_order_of_classes_decides_the_indices(sorted_pictures: Path) -> None:
    data = replace(read_folders(sorted_pictures), classes=("nv", "mel", "df"))
    assert data.label_indices == [1, 0, 0]
    assert data.counts() == {"nv": 2, "mel": 1, "df": 0}
    with pytest.raises(DatasetError, match=r"expected labels among \['nv', 'df'\], found \['mel'\]"):
        replace(data, classes=("nv", "df"))


def test_a_folder_data_set_can_be_split(sorted_pictures: Path) -> None:
    assert set(split_by_group(read_folders(sorted_pictures))) == {"mel/1", "nv/1", "nv/deep/2"}


def test_folders_round_the_classes_and_of_masks_are_no_classes(tmp_path: Path) -> None:
    draw(*(tmp_path / "images" / name for name in ("NV/1.jpg", "nv /2.jpg", "mel/3.jpg")))
    draw(tmp_path / "masks" / "3_segmentation.png")
    data = read_folders(tmp_path)
    assert [(r.image_id, r.label, r.mask is not None) for r in data.records] == [
        ("images/NV/1", "NV", False),
        ("images/mel/3", "mel", True),
        ("images/nv /2", "NV", False),
    ]
    said = "\n".join(data.said)
    assert "Passed through the one folder that holds those of the classes." in said
    assert "Spaces taken out of labels: 'nv '." in said
    assert "Labels that differ only in case are one, 'NV': 'NV' (1), 'nv' (1)." in said
    draw(tmp_path / "images" / "5.jpg")
    assert "Left out: pictures outside the folders of the classes (1): 5.jpg." in read_folders(tmp_path / "images").said


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "no picture in any. Sort the pictures into one folder per class"),
        (["1.jpg", "2.jpg"], "found 0 sub-folders and no picture in any"),
        (["mel/1.jpg", "mel/1.png", "nv/1.jpg"], r"expected each image id once, found 1 more than once \(mel/1\)"),
    ],
)
def test_folders_that_cannot_be_read(tmp_path: Path, files: list[str], complaint: str) -> None:
    draw(*(tmp_path / file for file in files))
    with pytest.raises(DatasetError, match=complaint):
        read_folders(tmp_path)


def test_a_place_is_needed_and_may_come_from_the_environment(
    sorted_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    with pytest.raises(DatasetError, match=r"Give --data PATH or set DERMAVIZ_DATA"):
        read_folders()
    with pytest.raises(DatasetError, match="expected a folder with one sub-folder per class, found none at"):
        read_folders(sorted_pictures / "gone")
    monkeypatch.setenv("DERMAVIZ_DATA", str(sorted_pictures))
    assert len(read_folders()) == 3


# A table


def test_a_table(tmp_path: Path) -> None:
    rows = ("image,label,lesion_id,age", "a.jpg,nv,L1,40", "b.png,mel,L2,", "c,nv,L1,41")
    data = read_table(write_table(tmp_path, *rows))
    assert (data.name, data.classes) == ("list", ("mel", "nv"))
    assert [(r.image_id, r.label, r.lesion_id) for r in data.records] == [
        ("a", "nv", "L1"),
        ("b", "mel", "L2"),
        ("c", "nv", "L1"),
    ]
    assert [r.path for r in data.records] == [tmp_path / "a.jpg", tmp_path / "b.png", tmp_path / "images" / "c.jpg"]
    assert [dict(r.metadata) for r in data.records] == [{"age": "40"}, {"age": ""}, {"age": "41"}]
    assert data.said == ("list.csv: image from 'image', label from 'label', lesion from 'lesion_id'.",)


def test_columns_can_be_named(tmp_path: Path) -> None:
    table = write_table(tmp_path, "photo,label,truth,mole,who,shade", "a.jpg,x,nv,1,P1,II", "b.png,x,mel,1,P1,")
    columns = parse_columns("image=photo, label=truth,lesion=mole,patient=Who,tone=shade")
    data = read_table(table, columns)
    assert [record.label for record in data.records] == ["nv", "mel"]
    assert {(r.lesion_id, r.patient_id) for r in data.records} == {("1", "P1")}
    assert data.records[0].metadata == {"label": "x", "labelled_tone shade": "II", "patient_id": "P1"}


def test_a_column_of_tone_that_is_named_comes_before_those_of_usual_names(tmp_path: Path) -> None:
    rows = ("image,dx,Hauttyp,fitzpatrick,size", "a.jpg,mel,VI,1,12.7", "b.png,nv,I,2,999")
    write_table(tmp_path, *rows)
    named = read_table(tmp_path, Columns(tone="Hauttyp"))
    assert "Skin tone in 'Hauttyp': Fitzpatrick type, of 2 of 2 images." in named.notes
    found = tone_labels(pd.DataFrame([dict(record.metadata) for record in named.records]))
    assert found is not None
    assert found.levels == ("type VI", "type I")
    usual = "Skin tone in 'fitzpatrick': Fitzpatrick type, of 2 of 2 images."
    assert usual in read_table(tmp_path).notes
    unread = read_table(tmp_path, Columns(tone="size")).notes
    assert {usual, "Skin tone in 'size' cannot be read: 12.7, 999 are on no scale of tone."} <= set(unread)


@pytest.mark.parametrize("text", ["photo", "image=", "photograph=a", "image=a,=b"])
def test_columns_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="expected ROLE=COLUMN with roles among image, label, lesion, patient, tone"):
        parse_columns(text)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("image;Diagnosis\na.jpg;nv\nb.png;mel\n".encode("utf-16"), "columns separated by semicolons"),
        ("\ufeffFile Name\tdx\na.jpg\tnv\nb.png\tmel\n".encode(), "columns separated by tabs"),
        ("image|dx|Größe\na.jpg|nv|1\nb.png|mel|2\n".encode("cp1252"), "not in UTF-8, read as Windows-1252"),
        (b'image,dx,"a;b;c"\r\na.jpg , nv ,"1,5"\r\n\r\nb.png,mel\r\n', "image from 'image', label from 'dx'"),
        (b"image,dx,age\na.jpg,nv,NA\nb.png,mel,n/a\nc,NaN,\n", "cells read as missing: NaN (1), NA (1), n/a (1)."),
    ],
)
def test_delimiter_encoding_and_missing_values_are_detected_and_said(tmp_path: Path, content: bytes, note: str) -> None:
    write_table(tmp_path)
    (tmp_path / "list.csv").write_bytes(content)
    data = read_table(tmp_path / "list.csv")
    assert [(r.image_id, r.label) for r in data.records] == [("a", "nv"), ("b", "mel")]
    assert note in "\n".join(data.said)


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    table = write_table(tmp_path, "image,label", "a.jpg,nv", "z.jpg,mel", ",nv", "b.png,", "empty.jpg,nv")
    (tmp_path / "empty.jpg").touch()
    data = read_table(table)
    assert (len(data), data.classes) == (1, ("nv",))
    assert data.said[1:] == (
        "Left out: rows without a label (1): b.png.",
        "Left out: rows whose picture is not there (2): z.jpg, an empty name.",
        "Left out: empty files (1): empty.jpg.",
        "Left out: pictures that no row names (1): images/c.jpg.",
    )
    assert data.kept == (
        "The table: image from 'image', label from 'label'.",
        "Left out: rows without a label (1).",
        "Left out: rows whose picture is not there (2).",
        "Left out: empty files (1).",
        "Left out: pictures that no row names (1).",
    )


CLINIC = ("Datei;Befund;Pat.-Nr.;Hauttyp;Geschlecht;Alter", "a.jpg;Melanom;P1;2;m;50", "b.png;Nävus;P2;k.A.;w;40")


def test_columns_of_other_languages_are_proposed_and_what_is_left_of_them_is_said(tmp_path: Path) -> None:
    table = write_table(tmp_path, *CLINIC)
    line = "--columns image=Datei,label=Befund,patient=Pat.-Nr.,tone=Hauttyp,sex=Geschlecht,age=Alter"
    with pytest.raises(DatasetError, match=f"Say which it is: `{line}`"):
        read_table(table)
    said = "\n".join(read_table(table, parse_columns("image=Datei,label=Befund")).said)
    assert "Columns without a role, kept as they are: Pat.-Nr., Hauttyp, Geschlecht, Alter." in said
    assert (
        f"Perhaps patient from 'Pat.-Nr.', tone from 'Hauttyp', sex from 'Geschlecht', age from 'Alter': `{line}`."
        in said
    )
    data = read_table(table, parse_columns(line.removeprefix("--columns ")))
    assert data.records[0].metadata == {"labelled_tone Hauttyp": "2", "sex": "m", "age": "50", "patient_id": "P1"}
    assert "without a role" not in "\n".join(data.said)
    by_content = write_table(tmp_path, "x;y;z", "a.jpg;Melanom;1", "b.png;Nävus;2")
    with pytest.raises(DatasetError, match="--columns image=x,label=y"):
        read_table(by_content)
    other = write_table(tmp_path, "number;text", "1;2", "2;3")
    with pytest.raises(DatasetError, match="--columns image=COLUMN"):
        read_table(other)


def test_what_is_kept_names_no_file_and_no_row_even_of_tables_that_cannot_be_read(tmp_path: Path) -> None:
    write_table(tmp_path, *CLINIC)
    (tmp_path / "Befunde Meier.csv").write_text("image,label\nSecret_1.jpg,nv,too,long\n")
    data = read_table(tmp_path, parse_columns("image=Datei,label=Befund"))
    assert "Secret_1" in "\n".join(data.said)
    kept = "\n".join(data.kept)
    assert "Not used: the table" in kept
    assert not [word for word in ("Secret", "Meier", "list.csv", "c.jpg", str(tmp_path)) if word in kept]


def test_a_column_of_splits_is_used_where_all_of_it_are_splits(tmp_path: Path) -> None:
    rows = ("image,dx,split", "a.jpg,nv,Training", "b.png,mel,val", "c,nv,test")
    data = read_table(write_table(tmp_path, *rows))
    assert [r.split for r in data.records] == ["train", "validation", "test"]
    folds = read_table(write_table(tmp_path, *rows[:2], "b.png,mel,3"))
    assert [r.split for r in folds.records] == ["", ""]
    assert "Column 'split' holds '3', which name no split: not used as one." in folds.notes


def test_absolute_paths_and_pictures_of_one_name_in_several_folders(tmp_path: Path) -> None:
    table = write_table(tmp_path, "image,label", f"{tmp_path / 'a.jpg'},nv", "deep/a.jpg,mel")
    draw(tmp_path / "deep" / "a.jpg", tmp_path / "deeper" / "a.jpg")
    assert [r.image_id for r in read_table(tmp_path).records] == ["a", "deep/a"]
    (tmp_path / "a.jpg").unlink()
    table.write_text("image,label\na,nv\n")
    with pytest.raises(DatasetError, match=r"expected 'a' to name one photo, found 2: deep/a\.jpg, deeper/a\.jpg"):
        read_table(table)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["file_id,label", "a.jpg,nv"], r"column of images named image or .*, found the columns file_id, label"),
        (
            ["image,truth", "a.jpg,nv"],
            r"column of labels named label or dx or .*, found the columns image, truth.*--col",
        ),
        (
            ["image,label", "z.jpg,nv"],
            r"expected pictures below .*, found none of the 1 that the table names \(z\.jpg\)",
        ),
        (["image,label", "a.jpg,nv", "a.jpg,mel"], r"found 1 more than once \(a\)"),
        (["image,label"], "expected a row per image below the names of the columns, found none"),
        ([""], "found an empty file"),
        (["image,label", 'a.jpg,"nv'], "expected a CSV, found one that cannot be read"),
        (
            ["image,label", "a.jpg,nv,back, up"],
            "expected 2 cells in each row, found 4 in the one that begins with 'a.jpg'",
        ),
        (["image label", "a.jpg nv"], "expected columns separated by commas, semicolons, tabs, bars"),
        (["image,\0label", "a.jpg,nv"], "found a file of another kind"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, rows: list[str], complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        read_table(write_table(tmp_path, *rows))


def test_a_table_without_rows_is_not_passed_over_for_the_folders(tmp_path: Path) -> None:
    draw(tmp_path / "photos" / "a.jpg")
    (tmp_path / "list.csv").write_text("image,label\n")
    with pytest.raises(DatasetError, match="expected a row per image"):
        read_dataset("", tmp_path)


def test_masks_may_be_named_in_a_column(tmp_path: Path) -> None:
    draw(tmp_path / "outlines" / "x.png")
    table = write_table(tmp_path, "image,label,outline", "a.jpg,nv,outlines/x.png", "b.png,mel,")
    records = read_table(table, Columns(mask="outline")).records
    assert [record.mask for record in records] == [tmp_path / "outlines" / "x.png", None]


def test_pictures_that_the_door_refuses_are_left_out_by_name(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    for name, side in {"a.png": 64, "b.png": 64, "small.png": 20, "half.jpg": 200, "half_too.png": 200}.items():
        Image.fromarray(noise[:side, :side]).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"a letter")
    for name in ("half.jpg", "half_too.png"):  # the header is whole
        (tmp_path / name).write_bytes((content := (tmp_path / name).read_bytes())[: len(content) // 2])
    (tmp_path / "list.csv").write_text("image,label\na,nv\nb,mel\nhalf,nv\nhalf_too,mel\nsmall,mel\n")
    table = read_table(tmp_path)
    suspects = {record.image_id for record in table.records}
    data = without_refused(table, suspects)
    assert [record.image_id for record in data.records] == ["a"]
    assert data.said[-1].startswith("Left out: pictures that are refused (4): b.png (expected a JPEG, ")
    assert data.said[-1].count("found one that is cut short or damaged") == 2
    assert "small.png (expected at least 64 pixels on the short side, found 20 × 20." in data.said[-1]
    (tmp_path / "a.png").unlink()
    with pytest.raises(DatasetError, match="expected pictures that can be read, found none"):
        without_refused(read_table(tmp_path), suspects)


def test_a_named_column_must_be_there(tmp_path: Path) -> None:
    table = write_table(tmp_path, "image,label", "a.jpg,nv", "b.png,mel")
    with pytest.raises(DatasetError, match="expected a column of lesions named mole, found the columns image, label"):
        read_table(table, Columns(lesion="mole"))


def test_the_table_must_be_clear(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected a table \(.*\) at .*, found none"):
        read_table(tmp_path)
    for name in ("one", "two"):
        write_table(tmp_path, "image,label", "a.jpg,nv").rename(tmp_path / f"{name}.csv")
    with pytest.raises(DatasetError, match=r"found one\.csv, two\.csv\. Name the file"):
        read_table(tmp_path)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("DERMAVIZ_DATA"), reason="DERMAVIZ_DATA is not set")
def test_the_published_table_reads_as_the_ham10000_reader_reads_it() -> None:
    own, general = read_ham10000(), read_table(find_ham10000())
    assert general.counts() == own.counts()
    assert {r.image_id: (r.path, r.label, r.lesion_id) for r in general.records} == {
        r.image_id: (r.path, r.label, r.lesion_id) for r in own.records
    }


def record(image_id: str, label: str) -> Record:
    return Record(image_id, Path(f"{image_id}.jpg"), label, f"lesion of {image_id}")


def test_labels_count_in_the_order_of_the_classes() -> None:
    data = Dataset("moles", ("nv", "df", "mel"), (record("a", "mel"), record("b", "nv"), record("c", "mel")))
    assert len(data) == 3
    assert data.label_indices == [2, 0, 2]
    assert data.counts() == {"nv": 1, "df": 0, "mel": 2}
    assert list(data.counts()) == ["nv", "df", "mel"]


def test_taking_records_keeps_name_and_classes() -> None:
    data = Dataset("moles", ("nv", "mel"), (record("a", "mel"), record("b", "nv")))
    assert data.take(data.records[1:]) == Dataset("moles", ("nv", "mel"), (record("b", "nv"),))


@pytest.mark.parametrize(
    ("classes", "records", "message"),
    [
        ((), [], "expected images with labels, found none"),
        (("nv", "mel"), [("a", "nv"), ("a", "mel")], r"each image id once, found 1 more than once \(a\)"),
        (("nv", "mel"), [("a", "nv"), ("b", "melanoma")], "expected labels among .*nv.*, found .*melanoma"),
    ],
)
def test_contradictions_are_refused(classes: tuple[str, ...], records: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Dataset("moles", classes, tuple(record(*row) for row in records))


def test_ham10000_is_described_as_published() -> None:
    assert tuple(HAM10000.classes) == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    assert HAM10000.malignant == {"akiec", "bcc", "mel"}
    assert (HAM10000.images, HAM10000.lesions, HAM10000.collection) == (10_015, 7_470, 212)
    assert "10.7910/DVN/DBW86T" in HAM10000.citation
    assert set(SPECS) <= set(READERS)


def test_an_unknown_data_set_is_named_with_the_known_ones() -> None:
    with pytest.raises(DatasetError, match=r"among ham10000.*found 'moles'"):
        read_dataset("moles", None)


def test_splits_are_read_by_name_and_manifest(write_ham10000: Callable[..., Path], tmp_path: Path) -> None:
    root = write_ham10000(tmp_path, {"L1": ("mel", 2), "L2": ("nv", 1)})
    own = write_manifest({"L1-0": "test", "L1-1": "test", "L2-0": "train"}, tmp_path / "mine.csv")
    splits, manifest = read_splits("ham10000", str(tmp_path / "mine.csv"), root)
    assert manifest == own
    assert {name: [r.image_id for r in data.records] for name, data in splits.items()} == {
        "train": ["L2-0"],
        "validation": [],
        "test": ["L1-0", "L1-1"],
    }
