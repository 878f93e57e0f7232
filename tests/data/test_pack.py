"""Tests of packed images: the same pixels as decoding, built once, never half, and refused when damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.pack import ARRAY, MANIFEST, _build, open_or_build_pack, pack_folder, pack_root
from dermaviz.data.records import Dataset, Record
from dermaviz.errors import DatasetError

N = 9


@pytest.fixture
def data(draw_photo: Callable[..., np.ndarray], tmp_path: Path) -> Dataset:
    """Nine photos of 72 × 96 pixels; ids run against the order of the records."""
    records = []
    for i in range(N):
        path = tmp_path / "photos" / f"im{N - i}.png"
        draw_photo(path, 72, 96, seed=i)
        records.append(Record(f"im{N - i}", path, ("mel", "nv")[i % 2], f"lesion{i}"))
    return Dataset("photos", ("mel", "nv"), tuple(records))


def files_below(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def test_rows_are_the_decoded_photos_in_the_order_of_the_records(
    data: Dataset, tmp_path: Path, draw_photo: Callable[..., np.ndarray]
) -> None:
    pack = open_or_build_pack(data, 72, 96, root=tmp_path / "cache", workers=4)
    assert pack.image_ids == tuple(f"im{N - i}" for i in range(N))
    assert pack.images.dtype == np.uint8
    for i in range(N):
        np.testing.assert_array_equal(pack.images[i], draw_photo(None, 72, 96, seed=i))
    assert isinstance(pack.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pack.images[0] = 0


@pytest.mark.parametrize(("height", "width"), [(12, 16), (16, 16), (10, 30)])
def test_other_shapes_are_covered_and_cropped_centrally(data: Dataset, tmp_path: Path, height: int, width: int) -> None:
    pack = open_or_build_pack(data, height, width, root=tmp_path / "cache")
    assert pack.images.shape == (N, height, width, 3)
    scale = max(height / 72, width / 96)
    dx, dy = (96 - width / scale) / 2, (72 - height / scale) / 2
    with Image.open(data.records[0].path) as photo:
        expected = photo.resize((width, height), Image.Resampling.BILINEAR, box=(dx, dy, 96 - dx, 72 - dy))
    np.testing.assert_allclose(pack.images[0].astype(int), np.asarray(expected).astype(int), atol=1)


def test_rows_of_a_part_of_the_data_set(data: Dataset, tmp_path: Path) -> None:
    pack = open_or_build_pack(data, 72, 96, root=tmp_path / "cache")
    assert pack.rows(data.take([data.records[7], data.records[2]])).tolist() == [7, 2]
    other = data.take([replace(data.records[0], image_id="stranger")])
    with pytest.raises(DatasetError, match=r"found 1 that are not \(stranger\)"):
        pack.rows(other)


def test_the_second_opening_builds_nothing(data: Dataset, tmp_path: Path) -> None:
    first = open_or_build_pack(data, 72, 96, root=tmp_path / "cache")
    before = files_below(tmp_path / "cache")
    for record in data.records:  # not even a photo is opened: it would be refused
        record.path.write_bytes(b"x" * record.path.stat().st_size)
    second = open_or_build_pack(data, 72, 96, root=tmp_path / "cache")
    assert files_below(tmp_path / "cache") == before
    assert second.sha256 == first.sha256


def test_the_folder_depends_on_shape_ids_order_and_file_sizes(data: Dataset) -> None:
    def of(data: Dataset, height: int = 24) -> Path:
        return pack_folder(data, height, 32, Path("root"))

    swapped = data.take(reversed(data.records))
    assert len({of(data), of(data, 12), of(swapped), of(data.take(data.records[:-1]))}) == 4
    named = of(data)
    data.records[0].path.write_bytes(b"shorter")
    assert of(data) != named


def test_packs_are_kept_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DERMAVIZ_CACHE", str(tmp_path))
    assert pack_root() == tmp_path
    monkeypatch.delenv("DERMAVIZ_CACHE")
    assert pack_root() == Path.home() / ".cache" / "dermaviz"


def test_a_refused_photo_is_named_and_leaves_nothing(data: Dataset, tmp_path: Path) -> None:
    data.records[4].path.write_bytes(b"no picture at all")
    with pytest.raises(DatasetError, match=r"im5\.png: cannot be packed\. .*expected a JPEG, PNG, WebP"):
        open_or_build_pack(data, 72, 96, root=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def flip_a_pixel(folder: Path) -> None:
    content = bytearray((folder / ARRAY).read_bytes())
    content[-1] ^= 1
    (folder / ARRAY).write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip_a_pixel, r"images\.npy: expected sha256 .*found .*delete the folder"),
        (lambda folder: (folder / ARRAY).unlink(), "found it incomplete or damaged .*Delete the folder"),
        (lambda folder: (folder / MANIFEST).unlink(), "found it incomplete or damaged .*Delete the folder"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "found it incomplete or damaged .*Delete the folder"),
        (lambda folder: (folder / MANIFEST).write_text("{}"), "found it incomplete or damaged .*Delete the folder"),
    ],
)
def test_a_damaged_pack_is_refused(
    data: Dataset, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    open_or_build_pack(data, 72, 96, root=tmp_path)
    damage(pack_folder(data, 72, 96, tmp_path))
    with pytest.raises(DatasetError, match=message):
        open_or_build_pack(data, 72, 96, root=tmp_path)


BUILD_FOREVER = """
import sys
from pathlib import Path
from dermaviz.data.pack import open_or_build_pack
from dermaviz.data.records import Dataset, Record
records = [Record(f"im{i}", Path(sys.argv[1]), "mel", f"lesion{i}") for i in range(20_000)]
open_or_build_pack(Dataset("big", ("mel", "nv"), tuple(records)), 24, 32, root=Path(sys.argv[2]), workers=1)
"""


def test_a_killed_build_never_looks_whole_and_its_remains_go_after_an_hour(data: Dataset, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", BUILD_FOREVER, str(data.records[0].path), str(cache)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as building:
        while not list(cache.glob("big-*.tmp/images.npy")):
            assert building.poll() is None
            time.sleep(0.02)
        building.send_signal(signal.SIGKILL)
    (unfinished,) = cache.iterdir()
    assert unfinished.suffix == ".tmp"
    assert not (unfinished / MANIFEST).exists()

    whole = pack_folder(data, 72, 96, cache)
    ours = unfinished.rename(whole.with_name(f"{whole.name}.12345.tmp"))  # as if this very pack had been interrupted
    assert open_or_build_pack(data, 72, 96, root=cache).images.shape == (N, 72, 96, 3)
    assert ours.is_dir()  # somebody may still be writing it
    os.utime(ours / ARRAY, (time.time() - 3700,) * 2)
    open_or_build_pack(data, 72, 96, root=cache)
    assert [path.name for path in cache.iterdir()] == [whole.name]


def test_a_build_that_another_process_finished_first_gives_way(data: Dataset, tmp_path: Path) -> None:
    other = open_or_build_pack(data, 72, 96, root=tmp_path)
    before = files_below(tmp_path)
    _build(data, 72, 96, pack_folder(data, 72, 96, tmp_path), workers=2)
    assert files_below(tmp_path) == before
    assert open_or_build_pack(data, 72, 96, root=tmp_path).sha256 == other.sha256
