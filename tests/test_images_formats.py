"""Tests of the formats that people bring: one picture in nine of them, their limits, and a decoder's own process."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from dermaviz.errors import ImageError
from dermaviz.images import FORMATS, SUFFIXES, decoding, headers, read_image
from dermaviz.synthetic import SAMPLES, draw
from tests.picture_files import RAMP, encode, encode_exif, read_any
from tests.test_images_colours import TURNED, hand_png

pydicom = pytest.importorskip("pydicom")


def dicom(pixels: np.ndarray, photometric: str, **values: Any) -> bytes:
    """An uncompressed DICOM file of one frame, with only what its pixels need."""
    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"
    file.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    file.SOPClassUID, file.SOPInstanceUID = file.file_meta.MediaStorageSOPClassUID, "1.2.3"
    file.PatientName = "A^Stranger"
    file.Rows, file.Columns = pixels.shape[:2]
    file.SamplesPerPixel, file.PhotometricInterpretation = (pixels.ndim == 3 and 3) or 1, photometric
    file.BitsAllocated = 8 * pixels.itemsize
    file.BitsStored = values.pop("BitsStored", file.BitsAllocated)
    file.HighBit, file.PixelRepresentation = file.BitsStored - 1, 0
    if pixels.ndim == 3:
        file.PlanarConfiguration = 0
    for name, value in values.items():
        setattr(file, name, value)
    file.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
    out = io.BytesIO()
    pydicom.dcmwrite(out, file, enforce_file_format=True)
    return out.getvalue()


def heic(pixels: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(out, **options)
    return out.getvalue()


WRITERS: dict[str, Callable[[np.ndarray], bytes]] = {
    "JPEG": lambda a: encode(a, "JPEG", quality=95, subsampling=0),
    "MPO": lambda a: encode(
        Image.fromarray(a), "MPO", quality=95, save_all=True, append_images=[Image.new("RGB", (9, 9))]
    ),
    "PNG": lambda a: encode(a, "PNG"),
    "WEBP": lambda a: encode(a, "WEBP", quality=95),
    "BMP": lambda a: encode(a, "BMP"),
    "TIFF": lambda a: encode(a, "TIFF", compression="tiff_lzw"),
    "HEIC": lambda a: heic(a, quality=95, chroma=444),
    "AVIF": lambda a: encode(a, "AVIF", quality=95, subsampling="4:4:4"),
    "DICOM": lambda a: dicom(a, "RGB"),
}
LOSSLESS = {"PNG", "BMP", "TIFF", "DICOM"}


def test_one_picture_in_nine_formats_gives_one_answer(tiny_classifier: Any) -> None:
    pixels = draw(SAMPLES[0].parameters).image
    said = {}
    for name, write in WRITERS.items():
        image = read_image(write(pixels))
        assert image.format == name
        assert np.abs(image.pixels.astype(int) - pixels).mean() <= (0 if name in LOSSLESS else 3), name
        said[name] = tiny_classifier.predict(image).probabilities
    for name, probabilities in said.items():
        np.testing.assert_allclose(probabilities, said["PNG"], atol=0 if name in LOSSLESS else 0.01, err_msg=name)


def test_suffixes_are_those_of_the_formats() -> None:
    assert set(SUFFIXES) >= {".jpg", ".png", ".webp", ".bmp", ".tif", ".heic", ".avif", ".dcm", ".mpo"}
    assert {name.upper() for name in FORMATS} == set(WRITERS) - {"MPO"}


# Shape


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ((500, 1), "expected at least 64 pixels on the short side, found 500 × 1"),
        ((63, 64), "expected at least 64 pixels on the short side, found 63 × 64"),
        ((64, 257), "expected a picture at most 4 times as long as it is wide, found 64 × 257"),
    ],
)
def test_too_small_or_too_long(size: tuple[int, int], found: str) -> None:
    with pytest.raises(ImageError, match=found):
        read_image(encode(Image.new("RGB", size), "PNG"))
    assert read_image(encode(Image.new("RGB", (64, 256)), "PNG")).size == (64, 256)


# TIFF, AVIF and HEIC: pages, orientation, depth


@pytest.mark.parametrize("form", ["TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_orientation(form: str, orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermaviz.images.decode_confined", decoding.decode)
    options: dict[str, Any] = {"quality": 100, "subsampling": "4:4:4"} if form == "AVIF" else {}
    picture = read_any(encode(RAMP, form, exif=encode_exif(orientation), **options))
    apart = np.abs(picture.pixels.astype(int) - TURNED[orientation](RAMP))
    assert apart.mean() <= (0 if form == "TIFF" else 3)
    assert any("turned upright" in note for note in picture.notes)
    assert picture.size == (9, 6)


def test_the_first_page_of_a_tiff_is_used_and_said() -> None:
    pages = encode(Image.fromarray(RAMP), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 6), "red")])
    picture = read_any(pages)
    np.testing.assert_array_equal(picture.pixels, RAMP)
    assert picture.notes == ("The file holds several pictures; the first page is used.",)
    grey = np.array([[0, 128, 129, 257, 65_535]], np.uint16)
    assert read_any(encode(grey, "TIFF")).pixels[0, :, 0].tolist() == [0, 0, 1, 1, 255]


@pytest.mark.parametrize("compression", [1, 2])
def test_a_bmp_of_run_lengths_is_refused(compression: int) -> None:
    content = bytearray(encode(RAMP, "BMP"))
    content[30:34] = struct.pack("<I", compression)
    with pytest.raises(ImageError, match="expected a BMP without compression, found run-length encoding"):
        read_any(bytes(content))


# DICOM


def test_grey_dicom_follows_its_photometric_interpretation_window_and_spacing() -> None:
    grey = np.linspace(0, 4095, 48, dtype=np.uint16).reshape(6, 8)
    expected = np.rint(grey / 4095 * 255).astype(np.uint8)
    for photometric, wanted in (("MONOCHROME2", expected), ("MONOCHROME1", 255 - expected)):
        image = read_any(dicom(grey, photometric, BitsStored=12))
        np.testing.assert_allclose(image.pixels[..., 0].astype(int), wanted, atol=1)
    windowed = read_any(dicom(grey, "MONOCHROME2", BitsStored=12, WindowCenter=1024, WindowWidth=2048)).pixels[..., 0]
    np.testing.assert_allclose(windowed.astype(int), np.clip(grey / 2048 * 255, 0, 255), atol=1.5)
    tall = read_any(dicom(RAMP, "RGB", PixelSpacing=[0.04, 0.02]))  # rows first: pixels twice as high as wide
    assert tall.pixels.shape == (12, 9, 3)
    assert tall.size == (9, 6)
    assert tall.notes == ("One pixel of it is 0.02 mm wide.", "Its pixels of 0.04 × 0.02 were made square.")


def test_a_dicom_without_pixels_or_without_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermaviz.images.decode_confined", decoding.decode)
    content = dicom(RAMP, "RGB")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ImageError, match="expected the package pydicom to read a DICOM file"):
        read_any(content)
    monkeypatch.undo()
    with pytest.raises(ImageError, match="expected pixels in a DICOM file, found none"):
        read_any(content[: content.index(b"\xe0\x7f\x10\x00")])


# Damage and limits


@pytest.mark.parametrize("form", ["BMP", "TIFF", "HEIC", "AVIF", "DICOM"])
def test_damage_of_any_kind_is_an_image_error_or_a_picture(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermaviz.images.decode_confined", decoding.decode)
    rng = np.random.default_rng(2)
    content = WRITERS[form](rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for _ in range(60):
        broken = bytearray(content[: rng.integers(1, len(content) + 1)] if rng.random() < 0.3 else content)
        for _ in range(rng.integers(1, 4)):
            broken[rng.integers(min(len(broken), 600))] = rng.integers(256)
        with suppress(ImageError):
            assert read_image(bytes(broken)).pixels.ndim == 3


def test_a_large_picture_is_reduced_while_it_is_decoded() -> None:
    rows = (b"\0" + bytes(7000)) * 7000
    palette = (b"PLTE", bytes([20, 30, 40])), (b"tRNS", b"\x80")
    content = hand_png(7000, 7000, 8, 3, rows, *palette)
    tracemalloc.start()
    image = read_image(content)
    peak = tracemalloc.get_traced_memory()[1]
    assert image.pixels.shape == (1000, 1000, 3)
    assert image.size == (7000, 7000)
    assert "It was reduced from 7,000 × 7,000 to 1,000 × 1,000 pixels." in image.notes
    assert image.pixels[0, 0].tolist() == [137, 142, 147]  # half opaque on white
    assert peak < 30e6  # arrays alone; Pillow's own 49 MB are not counted here
    tracemalloc.stop()


def test_pixels_times_scans_and_pixels_of_a_webp_are_bounded() -> None:
    content = encode(Image.new("RGB", (7000, 7000)), "JPEG", progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    with pytest.raises(
        ImageError, match="expected at most 20 scans in a progressive JPEG of 7,000 × 7,000 pixels, found 30"
    ):
        read_image(content[:-2] + 20 * last_scan + b"\xff\xd9")
    webp = bytearray(encode(RAMP, "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", (6999 << 14) | 6999)
    with pytest.raises(ImageError, match=r"expected at most 20 megapixels, found 49\.0"):
        read_image(bytes(webp))


def test_a_decoder_has_limits_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = "import resource; from dermaviz.images import decoding; decoding._limit(); bytearray(500 << 20)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False)
    assert b"MemoryError" in done.stderr
    for code in ("import time; time.sleep(9)", "import os; os.abort()"):  # late, and killed
        monkeypatch.setattr(decoding, "_MAIN", code)
        monkeypatch.setattr(decoding, "_MAX_WAIT", 0.5)
        with pytest.raises(ImageError, match="expected a picture that is decoded within 400 MB and 3 s"):
            read_image(WRITERS["TIFF"](np.zeros((64, 64, 3), np.uint8)))
    spin = "from dermaviz.images import decoding; decoding.MAX_SECONDS = 1; decoding._limit()\nwhile True: pass"
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert subprocess.run([sys.executable, "-c", spin], check=False).returncode < 0
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used < 2.5


def test_a_tiff_whose_tile_is_larger_than_it_claims() -> None:
    content = bytearray(encode(np.zeros((64, 64, 3), np.uint8), "TIFF", compression="tiff_lzw"))
    tags, _ = headers._tiff_directory(bytes(content))
    assert tags[256] == 64
    at = bytes(content).index(struct.pack("<HHI", 278, 4, 1)) if struct.pack("<HHI", 278, 4, 1) in content else None
    rows = at if at is not None else bytes(content).index(struct.pack("<HHI", 278, 3, 1))
    content[rows : rows + 12] = struct.pack("<HHII", 278, 4, 1, 2**31 - 1)
    with suppress(ImageError):
        assert read_image(bytes(content)).pixels.shape == (64, 64, 3)


def test_the_child_finds_the_package_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert read_any(encode(RAMP, "TIFF")).format == "TIFF"
    assert decoding.KEPT_SIDE == 1000
