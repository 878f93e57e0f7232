"""Published data sets told by their files, each in a small made-up copy of its shape: what is read, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dermaviz.data.labelled_tables import read_table
from dermaviz.data.readers import READERS, read_dataset, recognise
from dermaviz.data.records import Dataset
from dermaviz.data.tables import Columns
from dermaviz.errors import DatasetError
from dermaviz.synthetic import Parameters, draw

LESIONS = [draw(Parameters(dx=dx, seed=i, size=64)).image for i, dx in enumerate(("mel", "nv", "bkl", "bcc"))]


def picture(path: Path, i: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.roll(LESIONS[i % 4], i, axis=1)).save(path)


def table(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def isic(root: Path) -> None:
    table(
        root / "ISIC_2019_Training_GroundTruth.csv",
        "image,MEL,NV,BCC,AK,UNK",
        "a,1.0,0.0,0.0,0.0,0.0",
        "b,0,1,0,0,0",
        "c,0,0,1,0,0",
    )
    table(
        root / "ISIC_2019_Training_Metadata.csv",
        "image,age_approx,lesion_id,sex",
        "b,40,L1,male",
        "a,55,L1,",
        "c,,,female",
    )
    for i, name in enumerate("abc"):
        picture(root / "ISIC_2019_Training_Input" / f"{name}.jpg", i)


def isic_2018(root: Path) -> None:
    for i, (part, name) in enumerate((("Training", "a"), ("Validation", "b"), ("Test", "c"))):
        folder = root / f"ISIC2018_Task3_{part}_GroundTruth"
        table(
            folder / f"ISIC2018_Task3_{part}_GroundTruth.csv",
            "image,MEL,NV,BCC",
            f"{name},{','.join(str(int(i == j)) for j in range(3))}",
        )
        picture(root / f"ISIC2018_Task3_{part}_Input" / f"{name}.jpg", i)
    table(
        root / "ISIC2018_Task3_Training_LesionGroupings.csv",
        "image,lesion_id,diagnosis_confirm_type",
        "a,HAM_1,histo",
        "z,HAM_2,histo",
    )


def isic_2020(root: Path) -> None:
    table(
        root / "train.csv",
        "image_name,patient_id,sex,age_approx,diagnosis,benign_malignant,target",
        "a,P1,male,45,unknown,benign,0",
        "b,P1,male,45,melanoma,malignant,1",
        "c,P2,,,nevus,benign,0",
    )
    for i, name in enumerate("abc"):
        picture(root / "train" / f"{name}.jpg", i)


def pad(root: Path) -> None:
    table(
        root / "metadata.csv",
        "patient_id,lesion_id,age,fitspatrick,diagnostic,img_id,biopsed",
        "PAT_1,10,55,3.0,BCC,PAT_1_10_1.png,True",
        "PAT_1,11,55,3.0,NEV,PAT_1_11_2.png,False",
        "PAT_2,12,60,,MEL,PAT_2_12_3.png,True",
    )
    for i, name in enumerate(("PAT_1_10_1", "PAT_1_11_2", "PAT_2_12_3")):
        picture(root / f"imgs_part_{i % 2 + 1}" / f"{name}.png", i)


def ddi(root: Path) -> None:
    table(
        root / "ddi_metadata.csv",
        ",DDI_ID,DDI_file,skin_tone,malignant,disease",
        "0,1,000001.png,56,True,melanoma",
        "1,2,000002.png,12,False,acral-melanotic-macule",
    )
    for i in range(2):
        picture(root / f"00000{i + 1}.png", i)


def fitzpatrick17k(root: Path) -> None:
    table(
        root / "fitzpatrick17k.csv",
        "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,three_partition_label,qc,url",
        "aa,3,3,drug eruption,inflammatory,non-neoplastic,,http://x",
        "bb,-1,4,melanoma,malignant melanoma,malignant,,http://x",
    )
    for i, name in enumerate(("aa", "bb")):
        picture(root / "images" / f"{name}.jpg", i)


def derm7pt(root: Path) -> None:
    table(
        root / "meta" / "meta.csv",
        "case_num,diagnosis,seven_point_score,clinic,derm",
        "1,basal cell carcinoma,0,NEL/n1.jpg,NEL/n2.jpg",
        "2,blue nevus,1,NEL/n3.jpg,NEL/n4.jpg",
        "3,melanoma,4,Gag/g1.jpg,Gag/n2.jpg",
    )
    for part, rows in {"train": "0", "valid": "2", "test": "1"}.items():
        table(root / "meta" / f"{part}_indexes.csv", "indexes", rows)
    for i, name in enumerate(("NEL/n1", "NEL/n2", "NEL/n3", "NEL/n4", "Gag/g1", "Gag/n2")):
        picture(root / "images" / f"{name}.jpg", i)


def ph2(root: Path) -> None:
    rows = [
        ["Clinical Diagnosis: X where it applies", *[""] * 5],
        ["Image Name", "Common Nevus", "Atypical Nevus", "Melanoma", "White", "Red"],
    ]
    rows += [["IMD002", "", "X", "", "X", ""], ["IMD003", "X", "", "", "", ""], ["IMD058", "", "", "X", "X", "X"]]
    pd.DataFrame(rows).to_excel(root / "PH2_dataset.xlsx", header=False, index=False)
    for i, name in enumerate(("IMD002", "IMD003", "IMD058")):
        picture(root / "PH2 Dataset images" / name / f"{name}_Dermoscopic_Image" / f"{name}.bmp", i)
        picture(root / "PH2 Dataset images" / name / f"{name}_lesion" / f"{name}_lesion.bmp", i)


def medmnist(root: Path) -> None:
    images = np.stack(LESIONS)
    parts = {"train": slice(0, 2), "val": slice(2, 3), "test": slice(3, 4)}
    labels = np.array([[4], [5], [2], [1]], np.uint8)
    arrays = {
        f"{part}_{kind}": rows[at]
        for part, at in parts.items()
        for kind, rows in (("images", images), ("labels", labels))
    }
    np.savez(root / "dermamnist.npz", **arrays)


def parquet(root: Path) -> None:
    feature = {
        "info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["mel", "nv"], "_type": "ClassLabel"}}}
    }
    for part, labels in {"train": [1, 0], "test": [0]}.items():
        rows = []
        for i, label in enumerate(labels):
            picture(root / "x.png", i + len(part))
            rows.append(
                {
                    "image": {"bytes": (root / "x.png").read_bytes(), "path": f"{part}{i}.png"},
                    "label": label,
                    "age": 40 + i,
                }
            )
        (root / "x.png").unlink()
        (root / "data").mkdir(exist_ok=True)
        schema = pa.Table.from_pylist(rows).replace_schema_metadata({"huggingface": json.dumps(feature)})
        pq.write_table(schema, root / "data" / f"{part}-00000-of-00001.parquet")


def image_folder(root: Path) -> None:
    table(
        root / "train" / "metadata.jsonl",
        '{"file_name": "1.png", "label": "mel", "age": 50}',
        '{"file_name": "2.png", "label": "nv", "age": null}',
    )
    table(root / "test" / "metadata.jsonl", '{"file_name": "1.png", "label": "nv"}')
    for i, name in enumerate(("train/1", "train/2", "test/1")):
        picture(root / f"{name}.png", i)


def class_folders(root: Path) -> None:
    for i, name in enumerate(("train/mel/1", "train/nv/2", "val/mel/3", "test/nv/deep/4")):
        picture(root / f"{name}.jpg", i)


Write = Callable[[Path], None]
# the records as image id|label|lesion|patient|split, and a sentence that is said
CASES: dict[str, tuple[str, Write, Columns, list[str], str]] = {
    "isic 2019": (
        "isic",
        isic,
        Columns(),
        ["a|MEL|L1||", "b|NV|L1||", "c|BCC|c||"],
        "No image of AK, UNK: not among the classes.",
    ),
    "isic 2018": (
        "isic",
        isic_2018,
        Columns(),
        ["c|BCC|c||test", "a|MEL|HAM_1||train", "b|NV|b||validation"],
        "Splits are those of the tables",
    ),
    "isic 2020": (
        "isic-2020",
        isic_2020,
        Columns(),
        ["a|benign|a|P1|", "b|malignant|b|P1|", "c|benign|c|P2|"],
        "ISIC 2020: a target of 0 is read as benign, 1 as malignant.",
    ),
    "pad-ufes-20": (
        "pad-ufes-20",
        pad,
        Columns(),
        ["PAT_1_10_1|BCC|10|PAT_1|", "PAT_1_11_2|NEV|11|PAT_1|", "PAT_2_12_3|MEL|12|PAT_2|"],
        "tone from 'fitspatrick'",
    ),
    "ddi": (
        "ddi",
        ddi,
        Columns(),
        ["000001|malignant|000001||", "000002|benign|000002||"],
        "label=disease reads the diagnosis",
    ),
    "fitzpatrick17k": (
        "fitzpatrick17k",
        fitzpatrick17k,
        Columns(label="three_partition_label"),
        ["aa|non-neoplastic|aa||", "bb|malignant|bb||"],
        "tone from 'fitzpatrick_scale'",
    ),
    "derm7pt": (
        "derm7pt",
        derm7pt,
        Columns(),
        ["NEL/n2|basal cell carcinoma|1||train", "NEL/n4|blue nevus|2||test", "Gag/n2|melanoma|3||validation"],
        "the dermoscopic picture is read",
    ),
    "ph2": (
        "ph2",
        ph2,
        Columns(),
        ["IMD002|Atypical Nevus|IMD002||", "IMD003|Common Nevus|IMD003||", "IMD058|Melanoma|IMD058||"],
        "Masks: 3 of 3",
    ),
    "medmnist": (
        "medmnist",
        medmnist,
        Columns(),
        [
            "train_000000|melanoma|train_000000||train",
            "train_000001|melanocytic nevi|train_000001||train",
            "val_000000|benign keratosis-like lesions|val_000000||validation",
            "test_000000|basal cell carcinoma|test_000000||test",
        ],
        "photographs of one lesion on both sides",
    ),
    "parquet": (
        "parquet",
        parquet,
        Columns(),
        [
            "00-000000-test0|mel|00-000000-test0||test",
            "01-000000-train0|nv|01-000000-train0||train",
            "01-000001-train1|mel|01-000001-train1||train",
        ],
        "2 Parquet files",
    ),
    "imagefolder": (
        "imagefolder",
        image_folder,
        Columns(),
        ["test/1|nv|test/1||test", "train/1|mel|train/1||train", "2|nv|2||train"],
        "Splits are those of the tables",
    ),
    "folder": (
        "folder",
        class_folders,
        Columns(),
        [
            "test/nv/deep/4|nv|test/nv/deep/4||test",
            "train/mel/1|mel|train/mel/1||train",
            "train/nv/2|nv|train/nv/2||train",
            "val/mel/3|mel|val/mel/3||validation",
        ],
        "Splits are those of the folders.",
    ),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMAVIZ_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("case", CASES)
def test_a_published_data_set_is_told_by_its_files(case: str, tmp_path: Path) -> None:
    name, write, columns, expected, sentence = CASES[case]
    root = tmp_path / "data"
    root.mkdir()
    write(root)
    assert recognise(root, columns) == name
    data = read_dataset("", root, columns)
    assert ["|".join((r.image_id, r.label, r.lesion_id, r.patient_id, r.split)) for r in data.records] == expected
    assert all(np.asarray(Image.open(record.path)).shape[-1] == 3 for record in data.records)
    assert sentence in "\n".join(data.said)
    assert data.notes[0] == f"Read as {READERS[name].about}."
    assert read_dataset("", root, columns).sha256 == data.sha256


def test_every_reader_has_its_case() -> None:
    assert {name for name, *_ in CASES.values()} | {"ham10000", "csv"} == set(READERS)


def read(write: Write, root: Path, columns: Columns | None = None) -> Dataset:
    write(root)
    return read_dataset("", root, columns)


def test_which_label_of_fitzpatrick17k_is_asked(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"which column holds the labels, found label \(2 classes\), nine_.*--columns label="
    ):
        read(fitzpatrick17k, tmp_path)


def test_a_tone_that_nobody_could_give_is_missing(tmp_path: Path) -> None:
    data = read(fitzpatrick17k, tmp_path, Columns(label="label"))
    assert [record.metadata["fitzpatrick_scale"] for record in data.records] == ["3", ""]


def test_columns_of_another_table_are_joined_by_image(tmp_path: Path) -> None:
    data = read(isic, tmp_path)
    assert [record.metadata["age_approx"] for record in data.records] == ["55", "40", ""]
    assert data.classes == ("MEL", "NV", "BCC"), "in the order of the columns"


def test_masks_are_found_beside_the_pictures(tmp_path: Path) -> None:
    data = read(ph2, tmp_path)
    assert [record.mask.name for record in data.records if record.mask] == [
        "IMD002_lesion.bmp",
        "IMD003_lesion.bmp",
        "IMD058_lesion.bmp",
    ]


def test_numbers_of_medmnist_other_than_dermamnist_stay_numbers(tmp_path: Path) -> None:
    medmnist(tmp_path)
    (tmp_path / "dermamnist.npz").rename(tmp_path / "pathmnist.npz")
    assert read_dataset("", tmp_path).classes == ("1", "2", "4", "5")
    (tmp_path / "pathmnist.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DatasetError, match="expected MedMNIST's arrays"):
        read_dataset("", tmp_path)


def test_a_parquet_table_of_paths_is_a_table(tmp_path: Path) -> None:
    for i, name in enumerate("ab"):
        picture(tmp_path / f"{name}.png", i)
    pd.DataFrame({"path": ["a.png", "b.png"], "dx": ["mel", None]}).to_parquet(tmp_path / "list.parquet")
    data = read_table(tmp_path / "list.parquet")
    assert [(record.image_id, record.label) for record in data.records] == [("a", "mel")]
    assert "Left out: rows without a label (1): b.png." in data.said


def test_medmnist_below_the_size_that_is_read_is_refused_at_once(tmp_path: Path) -> None:
    images = np.zeros((2, 28, 28, 3), np.uint8)
    np.savez(tmp_path / "dermamnist.npz", train_images=images, train_labels=np.zeros((2, 1), np.uint8))
    with pytest.raises(DatasetError, match=r"found pictures of 28 × 28, below 64 pixels\. Take its file of 64 or more"):
        read_dataset("", tmp_path)
