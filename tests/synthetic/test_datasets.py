"""Tests of drawn data sets: lesions as HAM10000 shows them, the camera, and what is written to disk."""

from __future__ import annotations

import csv
import io
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import label

from dermaviz.colour import decode_srgb, ita_of_linear
from dermaviz.data.masks import read_mask
from dermaviz.data.readers import METADATA, read_ham10000
from dermaviz.data.records import HAM10000
from dermaviz.data.split import apply_split, read_manifest
from dermaviz.errors import DatasetError
from dermaviz.synthetic import (
    ARTEFACT_NAMES,
    Camera,
    Form,
    Parameters,
    blurred,
    datasets,
    draw,
    draw_skin,
    grain,
    vivid,
)
from dermaviz.synthetic.datasets import (
    KINDS,
    LESIONS,
    LIGHTS,
    LOOKS,
    MANIFEST,
    PIXELS,
    is_drawn,
    lesions_like_ham10000,
    like_ham10000,
    parameters_of,
    write_dataset,
)
from dermaviz.synthetic.fields import stream

SIZE = 96
few = settings(max_examples=8, deadline=None)
seeds = st.integers(0, 2**40)
shares = st.floats(0, 1)
labels = st.sampled_from(tuple(HAM10000.classes))
ROSY = Camera(gain=(1.8, 0.8, 1.2), contrast=1.1, saturation=1.2, pixels=64, blur=0.8, grain=2.0)


@few
@given(seed=seeds, ita=st.floats(-60, 70), mottling=shares)
def test_mottling_keeps_the_requested_ita(seed: int, ita: float, mottling: float) -> None:
    skin = draw_skin(Parameters(seed=seed, ita=ita, mottling=mottling, size=SIZE))
    assert float(np.median(ita_of_linear(decode_srgb(skin / 255)))) == pytest.approx(ita, abs=3)


@few
@given(dx=labels, seed=seeds, name=st.sampled_from(ARTEFACT_NAMES))
def test_camera_moves_no_mask_and_artefacts_keep_to_theirs(dx: str, seed: int, name: str) -> None:
    plain = Parameters(dx=dx, seed=seed, size=SIZE)
    seen = draw(replace(plain, camera=ROSY))
    assert np.array_equal(draw(plain).mask, seen.mask)
    marked = draw(replace(plain, camera=ROSY, artefacts=(name,)))
    assert np.array_equal(marked.mask, seen.mask)
    assert not (marked.image != seen.image).any(axis=-1)[~marked.artefact_masks[name]].any()


@few
@given(dx=labels, seed=seeds, size=st.sampled_from([64, 96]))
def test_like_ham10000_is_fixed_by_its_stream_and_can_be_drawn(dx: str, seed: int, size: int) -> None:
    one, again = (like_ham10000(dx, stream(seed), size) for _ in range(2))
    assert one == again
    assert one.dx == dx
    lesion, other_tone = draw(one), draw(replace(one, ita=-20.0))
    assert lesion.mask.any()
    assert np.array_equal(lesion.image, draw(again).image)
    assert np.array_equal(lesion.mask, other_tone.mask)


@pytest.mark.parametrize("field", ["elongation", "fray", "blotches"])
def test_shape_and_blotches_act_alone(field: str) -> None:
    form = Form(diameter=0.5, pigment=0.4)
    parameters = Parameters(size=SIZE, seed=3, form=form)
    plain, changed = (draw(replace(parameters, form=replace(form, **{field: value}))) for value in (0.0, 0.8))
    far = ~(plain.mask | changed.mask)
    far[1:-1, 1:-1] &= False  # the frame: farther from the lesion than its soft border
    assert np.array_equal(plain.image[far], changed.image[far])
    assert (field == "blotches") == np.array_equal(plain.mask, changed.mask)
    assert (plain.image != changed.image).any()


def test_elongation_keeps_the_area_and_stretches() -> None:
    form = Form(diameter=0.4, asymmetry=0, border=0)
    masks = [draw(Parameters(size=200, form=replace(form, elongation=e))).mask for e in (0.0, 1.0)]
    assert masks[1].sum() / masks[0].sum() == pytest.approx(1, abs=0.1)

    def longer_over_shorter(mask: np.ndarray) -> float:
        low, high = np.linalg.eigvalsh(np.cov(np.argwhere(mask).T))
        return float(np.sqrt(high / low))

    assert longer_over_shorter(masks[1]) > 1.6 > 1.3 > longer_over_shorter(masks[0])


def test_fray_tears_islands_off() -> None:
    pieces = [
        sum(label(draw(Parameters(size=SIZE, seed=seed, form=Form(fray=fray))).mask)[1] for seed in range(12))
        for fray in (0.0, 1.0)
    ]
    assert pieces[0] == 12
    assert pieces[1] > 12


def test_vivid_by_hand() -> None:
    """Contrast 2 squares the light; saturation 2 squares each channel's ratio to the geometric mean, here 0.2."""
    light = np.array([[0.4, 0.2, 0.1]], dtype=np.float32)
    assert vivid(light, Camera(contrast=2)) == pytest.approx(light**2, rel=1e-4)
    assert vivid(light, Camera(saturation=2)) == pytest.approx(np.array([[0.8, 0.2, 0.05]]), rel=1e-4)
    assert vivid(light, Camera()) is light


def test_blur_and_grain_belong_to_the_cameras_pixels() -> None:
    point = np.zeros((128, 128), dtype=np.float32)
    point[64, 64] = 1
    spread = blurred(point, Camera(pixels=64, blur=1.5))
    y = np.arange(128) - 64
    assert spread.sum() == pytest.approx(1, abs=1e-3)
    assert np.sqrt((spread.sum(axis=1) * y**2).sum()) == pytest.approx(3.0, rel=0.05)  # 1.5 of 64 is 3 of 128
    assert blurred(point, Camera()) is point
    fine, coarse = (grain(Camera(pixels=pixels, grain=2), 256, stream(1)) for pixels in (0, 64))
    assert fine.std() == pytest.approx(2, rel=0.05)
    neighbours = [float(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) for noise in (fine, coarse)]
    assert abs(neighbours[0]) < 0.05 < 0.7 < neighbours[1]


def test_every_diagnosis_has_its_kind_and_every_light_its_look() -> None:
    assert set(KINDS) == set(LESIONS) == set(HAM10000.classes)
    assert sum(LESIONS.values()) == 7470
    drawn = [like_ham10000("nv", stream(number)) for number in range(200)]
    assert {parameters.camera.pixels for parameters in drawn} == {PIXELS}
    warm = np.mean([parameters.camera.gain[0] > parameters.camera.gain[1] for parameters in drawn])
    assert warm == pytest.approx(0.7, abs=0.12)  # rosy and dim lights together
    assert len(LIGHTS) == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gain": (1.0, 1.0)}, r"camera\.gain: expected red, green and blue, found \(1\.0, 1\.0\)"),
        ({"gain": (1.0, 9.0, 1.0)}, r"camera\.gain: expected a number from 0\.05 to 5, found 9\.0"),
        ({"blur": -1}, r"camera\.blur: expected a number from 0 to 5, found -1"),
        ({"contrast": 3}, r"camera\.contrast: expected a number from 0\.5 to 2, found 3"),
        ({"pixels": 16}, r"camera\.pixels: expected a number from 32 to 1024, found 16"),
    ],
)
def test_bad_cameras_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Camera(**values)


def test_a_set_like_ham10000_has_its_diagnoses_and_views() -> None:
    some = list(islice(lesions_like_ham10000(3, 64), 400))
    assert len({number for number, _ in some}) == pytest.approx(300, abs=40)
    assert np.mean([parameters.dx == "nv" for _, parameters in some]) == pytest.approx(5403 / 7470, abs=0.1)
    assert all(parameters.view == 0 for number, parameters in some[:1])
    everyone = list(islice(lesions_like_ham10000(3, 64, all_tones=True), 400))
    itas = np.array([parameters.ita for _, parameters in everyone])
    assert itas.min() < -50
    assert itas.max() > 60
    for (_, one), (_, other) in zip(some, everyone, strict=True):
        assert replace(one, ita=other.ita) == other  # the tone, and nothing else


@pytest.mark.parametrize("look", [name for name in LOOKS if name != "schematic"])
def test_a_data_set_of_this_look_is_drawn_again_from_its_table(tmp_path: Path, look: str) -> None:
    dataset = read_ham10000(write_dataset(tmp_path, 3, seed=2, size=64, look=look))
    for record in dataset.records:
        parameters = parameters_of(record)
        assert parameters.camera.pixels == PIXELS
        assert np.array_equal(draw(parameters).mask, read_mask(record))


def test_an_unknown_look_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"look: expected one of schematic, ham10000, .*, found 'isic'"):
        write_dataset(tmp_path / "set", 1, look="isic")
    assert not (tmp_path / "set").exists()


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
    monkeypatch.setattr(datasets, "LOOKS", {"schematic": lambda seed, size: iter([(0, unusual)])})
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
        patch.setattr(datasets, broken, interrupt)
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
