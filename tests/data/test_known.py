"""Tests of what is known of a photograph before its answer: that a model was trained on it, or that it is unusual."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.known import (
    ENDING,
    KnownImages,
    known_images,
    notices,
    perceptual_hash,
    turned_hashes,
    write_hashes,
)
from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import Record
from dermaviz.data.split import named_manifest, read_manifest
from dermaviz.errors import DatasetError
from dermaviz.images import RGB, read_image
from dermaviz.synthetic import SAMPLES, draw

DATA = Path(os.environ.get("DERMAVIZ_DATA", "nowhere"))


def copied(pixels: RGB, factor: float, quality: int) -> RGB:
    """The picture at another size, saved as JPEG."""
    picture, file = Image.fromarray(pixels), io.BytesIO()
    size = round(picture.width * factor), round(picture.height * factor)
    picture.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.fixture(scope="module")
def known(drawn_dataset: Path) -> KnownImages:
    manifest = drawn_dataset / "split.csv"
    write_hashes(read_ham10000(drawn_dataset), manifest)
    found = known_images(str(manifest), read_manifest(manifest).sha256)
    assert found is not None
    return found


def test_the_hash_is_the_sign_of_low_frequencies_against_their_median() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    n, k = np.arange(64), np.arange(16)
    cosines = np.cos(np.pi * (2 * n[None] + 1) * k[:, None] / 128)  # the definition of the DCT-II
    low = (cosines @ pixels.astype(float) @ cosines.T * np.outer(*[np.where(k == 0, 0.5**0.5, 1)] * 2)).ravel()[1:]
    found = np.unpackbits(perceptual_hash(np.repeat(pixels[..., None], 3, axis=2)))[:255].astype(bool)
    np.testing.assert_array_equal(found, low > np.median(low))


def test_a_training_image_under_another_name_is_found_and_a_test_image_is_not(
    known: KnownImages, drawn_dataset: Path
) -> None:
    dataset = read_ham10000(drawn_dataset)
    trained = {r.image_id: r for r in dataset.records if r.image_id in known.image_ids}
    assert len(trained) == len(known.image_ids)
    for image_id, record in list(trained.items())[:8]:
        assert known.find(copied(read_image(record.path).pixels, 2, 70)) == image_id
    others = [record for record in dataset.records if record.image_id not in trained]
    assert [known.find(read_image(record.path).pixels) for record in others] == [None] * len(others)


def turned(pixels: RGB, times: int) -> RGB:
    """The picture in one of its eight positions."""
    return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if times >= 4 else pixels, times))


def test_the_eight_hashes_are_those_of_the_eight_positions(known: KnownImages, drawn_dataset: Path) -> None:
    pixels = read_image(read_ham10000(drawn_dataset).records[0].path).pixels
    expected = {perceptual_hash(turned(pixels, times)).tobytes() for times in range(8)}
    found = [one.tobytes() for one in turned_hashes(pixels)]
    assert set(found) == expected
    assert len(expected) == 8
    assert found[0] == perceptual_hash(pixels).tobytes()


def test_a_turned_training_image_is_found(known: KnownImages, drawn_dataset: Path) -> None:
    paths = {record.image_id: record.path for record in read_ham10000(drawn_dataset).records}
    for times, image_id in enumerate(known.image_ids[:8]):
        assert known.find(copied(turned(read_image(paths[image_id]).pixels, times), 1, 70)) == image_id


def test_among_a_data_set_by_id_and_by_look(known: KnownImages, drawn_dataset: Path, tmp_path: Path) -> None:
    dataset = read_ham10000(drawn_dataset)
    first, second = (next(r for r in dataset.records if r.image_id == known.image_ids[i]) for i in (0, 1))
    stranger = next(record for record in dataset.records if record.image_id not in known.image_ids)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    records = [
        replace(first, path=stranger.path),  # by id, whatever it shows
        Record("mole", second.path, second.label, "mole"),  # by look, whatever it is called
        stranger,
        Record("broken", tmp_path / "broken.png", second.label, "broken"),
    ]
    assert known.among(dataset.take(records)) == {first.image_id: first.image_id, "mole": second.image_id}


def test_hashes_of_another_split_or_damaged_ones(known: KnownImages, drawn_dataset: Path, tmp_path: Path) -> None:
    manifest = drawn_dataset / "split.csv"
    assert known_images(str(manifest), "0" * 64) is None
    assert known_images(str(tmp_path / "none.csv"), "0" * 64) is None
    copy = tmp_path / "split.csv"
    copy.write_bytes(manifest.read_bytes())
    content = manifest.with_suffix(ENDING).read_bytes()
    copy.with_suffix(ENDING).write_bytes(content[:300])
    with pytest.raises(DatasetError, match="expected hashes of images, found a file that is damaged"):
        known_images(str(copy), read_manifest(copy).sha256)
    with pytest.raises(DatasetError, match=r"expected every training image of .*, found \d+ that are not"):
        write_hashes(read_ham10000(drawn_dataset).take([]), manifest)


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "ham10000").is_dir(), reason="DERMAVIZ_DATA is not set")
def test_copies_of_ham10000_are_found_and_no_other_photograph_is() -> None:
    manifest = named_manifest("ham10000")
    known = known_images("ham10000", manifest.sha256)
    assert known is not None
    read: Callable[[str], RGB] = lambda name: read_image(DATA / "ham10000/images" / f"{name}.jpg").pixels  # noqa: E731
    for times, image_id in enumerate(known.image_ids[:: len(known.image_ids) // 32]):
        pixels = read(image_id)
        for factor, quality in ((0.5, 70), (3, 70), (1, 50)):
            assert known.find(copied(turned(pixels, times % 8), factor, quality)) == image_id
    squares = sorted(path for path in (DATA / "ham10000/squares_224").glob("*.jpg") if path.stem in known.image_ids)[
        ::100
    ]
    assert np.mean([known.find(read_image(path).pixels) == path.stem for path in squares]) > 0.95
    dealt = {of: [name for name, split in manifest.assignment.items() if split == of] for of in ("validation", "test")}
    others = [*dealt["validation"][::40], *dealt["test"][::20]]
    outside = sorted((DATA / "isic-uda1/images").glob("*.jpg"))[::12]
    assert [known.find(read(name)) for name in others] == [None] * len(others)
    assert [known.find(read_image(path).pixels) for path in outside] == [None] * len(outside)


def enlarged(pixels: RGB) -> RGB:
    return np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).resize((400, 400)))


def farther(pixels: RGB) -> RGB:
    """The lesion in the middle of skin of its rim's colour, four times as far away."""
    height, width = pixels.shape[:2]
    skin = np.broadcast_to(
        np.median(pixels[:20].reshape(-1, 3), axis=0).astype(np.uint8), (3 * height, 3 * width, 3)
    ).copy()
    skin[height : 2 * height, width : 2 * width] = pixels
    return skin


CASES: dict[str, Callable[[RGB], RGB]] = {
    "The lesion is small": farther,
    "The lesion is cut off": lambda p: p[p.shape[0] // 2 :, p.shape[1] // 2 :],
    "next to no colour": lambda p: np.asarray(Image.fromarray(p).convert("L").convert("RGB")),
    "is tinted": lambda p: (p * np.array([0.35, 0.6, 1.0])).astype(np.uint8),
    "fewer pixels": lambda p: np.asarray(Image.fromarray(p).resize((100, 100))),
    "looks enlarged": enlarged,
    "the central square only": lambda p: np.concatenate([p, p], axis=1),
}


@pytest.mark.parametrize("said", CASES)
def test_each_is_said_of_what_it_is_about(said: str) -> None:
    pixels = draw(replace(SAMPLES[0].parameters, artefacts=())).image
    assert not [one for one in notices(pixels) if said in one]
    assert [one for one in notices(CASES[said](pixels)) if said in one]


def test_of_a_model_that_was_trained_on_nobody_knows_what_nothing_is_said_of_that() -> None:
    """An imported model: its training images have neither 150 pixels nor HAM10000's colours, as far as is known."""
    pixels = draw(replace(SAMPLES[0].parameters, artefacts=())).image
    for change in CASES.values():
        assert "trained on" not in " ".join(notices(change(pixels), None, ham10000=False))
    assert "The photo has next to no colour." in notices(CASES["next to no colour"](pixels), None, ham10000=False)
    assert [one for one in notices(CASES["fewer pixels"](pixels), 150, ham10000=False) if "(150)" in one]


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "ham10000").is_dir(), reason="DERMAVIZ_DATA is not set")
def test_few_test_images_of_ham10000_are_said_to_be_outside() -> None:
    tested = [name for name, split in named_manifest("ham10000").assignment.items() if split == "test"][::10]
    told = Counter(
        one.split(":")[0][:30]
        for name in tested
        for one in notices(read_image(DATA / "ham10000/images" / f"{name}.jpg").pixels)
    )
    assert {one: n for one, n in told.items() if n / len(tested) > 0.05} == {}
