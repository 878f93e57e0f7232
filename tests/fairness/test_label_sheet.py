"""Labels of somebody's own photos: what is accepted, how names find their photos, and what is said of a sheet that is wrong."""

from __future__ import annotations

import re

import pytest

from dermaviz.data.records import HAM10000
from dermaviz.data.tables import Columns
from dermaviz.errors import DatasetError
from dermaviz.fairness.label_sheet import COLUMNS, LabelSheet, read_label_sheet, template

NAMES = ("a.jpg", "b.png", "c.jpg")


def read(
    text: str | bytes, names: tuple[str, ...] = NAMES, malignant: frozenset[str] = HAM10000.malignant
) -> LabelSheet:
    content = text if isinstance(text, bytes) else text.encode()
    return read_label_sheet(content, names, HAM10000.classes, malignant)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("mel", "mel"), ("MEL", "mel"), ("Melanoma", "mel"), (" melanocytic  nevus ", "nv"), ("actinic keratosis", "akiec"),
        ("intraepithelial carcinoma", "akiec"), ("malignant", "malignant"), ("Benign", "benign"), ("naevus", "nv"),
    ],
)  # fmt: skip
def test_a_diagnosis_is_a_class_its_name_or_its_kind(given: str, label: str) -> None:
    assert read(f"image,diagnosis\na.jpg,{given}\n").rows["label"].tolist() == [label]


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ("a.jpg", ("a.jpg", "b.jpg")), ("a", ("a.jpg", "b.jpg")), ("A.JPG", ("a.jpg", "b.jpg")),
        ("photos/a.jpg", ("a.jpg", "b.jpg")), ("a.jpg", ("mine/a.jpg", "mine/b.jpg")), ("a.jpg", ("a.jpg", "a.png")),
        ("one/a.jpg", ("one/a.jpg", "two/a.jpg")), ("one\\a.jpg", ("one/a.jpg", "two/a.jpg")),
    ],
)  # fmt: skip
def test_a_name_finds_its_photo_with_or_without_folder_and_ending(listed: str, names: tuple[str, ...]) -> None:
    sheet = read(f"image,dx\n{listed},nv\n", names)
    assert sheet.rows["photo"].tolist() == [0]
    assert sheet.rows["image"].tolist() == [names[0]]
    assert sheet.without_label == names[1:]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_spreadsheets_separators_and_marks_are_read(separator: str) -> None:
    lines = ["Image ID,Diagnosis,Skin tone,Lesion ID,Group", "c.jpg,nv,brown,L1,clinic", "", "a.jpg,mel,,,"]
    sheet = read(b"\xef\xbb\xbf" + "\r\n".join(line.replace(",", separator) for line in lines).encode())
    assert list(sheet.rows) == ["photo", *COLUMNS]
    assert sheet.rows.to_numpy().tolist() == [
        [2, "c.jpg", "nv", "brown", "L1", "clinic"],
        [0, "a.jpg", "mel", "", "", ""],
    ]
    assert sheet.without_label == ("b.png",)


def test_a_sheet_of_many_more_photos_serves_the_few_that_are_there() -> None:
    others = "".join(f"ISIC_{i},unheard of\n" for i in range(300))
    sheet = read(f"image_id,dx\n{others}a,nv\n")
    assert sheet.rows["label"].tolist() == ["nv"]
    assert len(sheet.without_photo) == 300


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "expected an Excel workbook, found"),
        ("image,dx\na.jpg,bläschen\n".encode("latin-1"), "or malignant or benign; found 'bläschen'"),
        ("picture,dx\na.jpg,nv\n", "found the columns picture, dx"),
        ("image,verdict\na.jpg,nv\n", "found the columns image, verdict"),
        ("image,dx\nx.jpg,nv\ny.jpg,nv\n", "found none that does; the first names are x.jpg, y.jpg. Write"),
        ("image,dx\na.jpg,nv\na,mel\n", "expected one row for each photo, found several for 1 (a.jpg)"),
        ("image,dx\na.jpg,nv\nb.png,\n", "expected a diagnosis in every row, found none for 1 of 2 photos (b.png)"),
        ("image,dx\na.jpg,mole\nb.png,wart\n", "or malignant or benign; found 'mole', 'wart'"),
        ("image,dx\na.jpg,mole\n", "expected diagnoses among actinic keratosis / intraepithelial carcinoma (akiec), basal"),
    ],
)  # fmt: skip
def test_a_sheet_that_is_wrong_is_refused_with_what_was_expected_and_found(content: str | bytes, said: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(said)):
        read(content)


def test_a_name_that_fits_two_photos_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"expected 'a' to name one photo, found 2: a\.jpg, a\.png"):
        read("image,dx\na,nv\n", ("a.jpg", "a.png"))


def test_without_malignant_classes_their_words_are_no_labels() -> None:
    with pytest.raises(DatasetError, match=r"vascular lesion \(vasc\); found 'benign'"):
        read("image,dx\na.jpg,benign\n", malignant=frozenset())


def test_the_template_is_read_back_once_it_is_filled_in() -> None:
    filled = template(NAMES).decode().replace(",,,,", ",nv,,,")
    assert read(filled).rows["image"].tolist() == list(NAMES)
    assert template(()).decode().splitlines() == ["image,diagnosis,tone,lesion_id,group", "mole-1.jpg,,,,"]


def test_what_was_guessed_is_said() -> None:
    assert read("Image;Diagnosis\na.jpg;naevus\n").notes == (
        "labels.csv: image from 'Image', label from 'Diagnosis'.",
        "labels.csv: columns separated by semicolons.",
        "Labels read as the model's: naevus as nv.",
    )


def test_published_forms_and_named_columns_are_read_here_too() -> None:
    ddi = read(",DDI_ID,DDI_file,skin_tone,malignant,disease\n0,1,a.jpg,56,True,melanoma\n")
    assert ddi.rows[["label", "tone"]].to_numpy().tolist() == [["malignant", "56"]]
    one_hot = read("image,MEL,NV,BCC\na,0.0,1.0,0.0\nb,1.0,0.0,0.0\n")
    assert one_hot.rows["label"].tolist() == ["nv", "mel"]
    named = read_label_sheet(
        b"image,dx,verdict,shade\na.jpg,mel,nv,II\n", NAMES, HAM10000.classes, HAM10000.malignant,
        Columns(label="verdict", tone="shade"),
    )  # fmt: skip
    assert named.rows[["label", "tone"]].to_numpy().tolist() == [["nv", "II"]]
