"""A drawn data set on disk: what its table says draws the pictures again, and half of it never looks whole."""

from __future__ import annotations

import csv
import io
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.masks import read_mask
from dermaviz.data.readers import METADATA, read_ham10000
from dermaviz.data.records import HAM10000
from dermaviz.data.split import apply_split, read_manifest
from dermaviz.errors import DatasetError
from dermaviz.synthetic import draw, writing
from dermaviz.synthetic.parameters import Camera, Form, Parameters
from dermaviz.synthetic.writing import MANIFEST, is_drawn, parameters_of, write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("drawn") / "data", 24, seed=5, size=64)


def test_each_row_draws_the_very_same_picture_mask_and_artefacts(folder: Path) -> None:
    with_artefacts = 0
    for record in read_ham10000(folder).records:
        lesion = draw(parameters_of(record))
        file = io.BytesIO()
        Image.fromarray(lesion.image).save(file, "JPEG", quality=95, subsampling=0)
        assert file.getvalue() == record.path.read_bytes()
        assert np.array_equal(lesion.mask, read_mask(record))
        assert set(lesion.artefact_masks) == set(record.metadata["artefacts"].split())
        with_artefacts += bool(lesion.artefact_masks)
    assert with_artefacts > 5


def test_the_table_names_tone_lesion_and_every_parameter(folder: Path) -> None:
    record = read_ham10000(folder).records[0]
    assert record.lesion_id == "SYNTHL_0000000"
    assert record.metadata["dx_type"] == "drawn"
    assert -60 <= float(record.metadata["ita"]) <= 70
    assert [record.metadata[name] for name in ("age", "sex", "localization")] == ["", "", ""]
    assert {"form_asymmetry", "form_colours", "form_network", "camera_gain", "lamp", "view"} <= set(record.metadata)
    assert is_drawn(read_ham10000(folder))


def test_every_kind_of_parameter_comes_back_from_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unusual = Parameters(
        dx="vasc", ita=-12.345678901, seed=2**40, view=3, size=64, form=Form(diameter=1 / 3, colours=6),
        artefacts=("hair", "curled_hair"), lamp="violet", camera=Camera(gain=(0.7, 1.0, 1.3), pixels=48, blur=0.4),
    )  # fmt: skip
    monkeypatch.setattr(writing, "LOOKS", {"schematic": lambda seed, size: iter([(0, unusual)])})
    (record,) = read_ham10000(write_dataset(tmp_path, 1)).records
    assert parameters_of(record) == unusual


def test_the_manifest_splits_its_lesions(folder: Path) -> None:
    parts = apply_split(read_ham10000(folder), read_manifest(folder / MANIFEST))
    assert sum(len(part) for part in parts.values()) == 24
    assert len(parts["train"]) > len(parts["test"]) > 0


@pytest.mark.parametrize("broken", ["draw", "_write_metadata"])
def test_interrupted_writing_leaves_no_data_set_and_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, broken, interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_dataset(tmp_path, 3, size=64)
    with pytest.raises(DatasetError, match=f"expected {METADATA} in"):
        read_ham10000(tmp_path)
    assert len(read_ham10000(write_dataset(tmp_path, 3, size=64))) == 3


def test_a_bad_size_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="size: expected a number from 64 to 1024, found 20"):
        write_dataset(tmp_path / "new", 3, size=20)
    assert not (tmp_path / "new").exists()


def test_other_records_hold_no_drawing(folder: Path) -> None:
    record = read_ham10000(folder).records[0]
    for metadata in ({}, {**record.metadata, "seed": "many"}):
        with pytest.raises(DatasetError, match="SYNTH_0000000: expected the parameters of a drawing"):
            parameters_of(replace(record, metadata=metadata))
    with pytest.raises(DatasetError, match=r"ita: expected a number from -60 to 70, found 99\.0"):
        parameters_of(replace(record, metadata={**record.metadata, "ita": "99"}))


def test_data_set_is_read_by_the_reader(tmp_path: Path) -> None:
    write_dataset(tmp_path, 16, seed=1, size=64)
    dataset = read_ham10000(tmp_path)
    assert len(dataset) == 16
    assert set(dataset.counts()) == set(HAM10000.classes)
    assert len({record.lesion_id for record in dataset.records}) < 16
    with (tmp_path / "HAM10000_metadata.csv").open(encoding="utf-8") as file:
        row = list(csv.DictReader(file))[5]
    form = Form(**{f.name: float(row[f"form_{f.name}"]) for f in fields(Form)})
    parameters = Parameters(
        dx=row["dx"],
        form=form,
        artefacts=tuple(row["artefacts"].split()),
        lamp=row["lamp"],
        **{name: int(row[name]) for name in ("seed", "view", "size")},
        **{name: float(row[name]) for name in ("ita", "redness", "texture", "uneven_light", "vignette")},
    )
    assert np.array_equal(draw(parameters).mask, read_mask(dataset.records[5]))


def test_data_set_is_fixed_by_its_seed_and_never_overwritten(tmp_path: Path) -> None:
    one, two = (write_dataset(tmp_path / name, 2, seed=7, size=64) for name in ("one", "two"))
    for path in sorted(p.relative_to(one) for p in one.rglob("*.*")):
        assert (one / path).read_bytes() == (two / path).read_bytes()
    with pytest.raises(DatasetError, match=r"expected no data set there, found HAM10000_metadata\.csv"):
        write_dataset(one, 2)
    with pytest.raises(DatasetError, match="n: expected at least 1 image, found 0"):
        write_dataset(tmp_path / "none", 0)
