"""Tests of the door for pictures: limits, colours, orientation, damage, and the suite made to break decoders."""

from __future__ import annotations

import hashlib
import io
import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dermaviz.errors import ImageError
from dermaviz.images import MAX_BYTES, MAX_PIXELS, MAX_SCANS, decoding
from dermaviz.images.headers import MAX_PARTS
from tests.picture_files import RAMP, encode, encode_exif, read_any

SUITE = os.environ.get("DERMAVIZ_PILLOW_SUITE", "")
DATA = os.environ.get("DERMAVIZ_DATA", "")


# What comes through unchanged


@pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_lossless_pixels_arrive_unchanged(form: str, options: dict[str, Any]) -> None:
    content = encode(RAMP, form, **options)
    picture = read_any(content)
    np.testing.assert_array_equal(picture.pixels, RAMP)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert (picture.format, picture.size, picture.notes) == (form, (9, 6), ())
    assert picture.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}])
def test_jpeg_pixels_are_the_decoders(options: dict[str, Any]) -> None:
    content = encode(RAMP, "JPEG", **options)
    np.testing.assert_array_equal(read_any(content).pixels, np.asarray(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_one_pixel(form: str) -> None:
    assert read_any(encode(np.zeros((1, 1, 3), np.uint8), form)).pixels.tolist() == [[[0, 0, 0]]]


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_other_modes_become_rgb(mode: str) -> None:
    picture = Image.fromarray(RAMP).convert(mode)
    np.testing.assert_array_equal(read_any(encode(picture, "PNG")).pixels, np.asarray(picture.convert("RGB")))


def test_a_path_is_read_and_names_the_picture(tmp_path: Path) -> None:
    (tmp_path / "mole.png").write_bytes(encode(RAMP, "PNG"))
    np.testing.assert_array_equal(read_any(tmp_path / "mole.png").pixels, RAMP)
    with pytest.raises(ImageError, match=r"^gone\.jpg: expected a picture file, found none at "):
        read_any(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="expected a picture file, found none at "):
        read_any(tmp_path)


# Limits, checked before decoding


def test_sixty_megapixels_in_a_tiny_file() -> None:
    content = encode(Image.new("1", (10_000, 6_000)), "PNG")
    assert len(content) < 20_000
    with pytest.raises(
        ImageError, match=r"mole: expected at most 50 megapixels, found 60\.0 \(10,000 × 6,000 pixels\)"
    ):
        read_any(content, name="mole")


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
def test_a_header_that_claims_too_much_never_reaches_a_decoder(form: str) -> None:
    content = bytearray(encode(RAMP, form, **({"lossless": True} if form == "WEBP" else {})))
    if form == "JPEG":
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = b"\xff" * 4
    elif form == "WEBP":
        content[21:25] = b"\xff\xff\xff\x0f"
    else:
        content[16:24] = b"\x7f\xff\xff\xff" * 2
    with pytest.raises(
        ImageError, match=f"expected at most {20 if form == 'WEBP' else MAX_PIXELS // 10**6} megapixels, found "
    ):
        read_any(bytes(content))


def test_too_many_bytes(tmp_path: Path) -> None:
    sparse = tmp_path / "large.jpg"
    with sparse.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageError, match=r"expected at most 20 MB \(20,971,520 bytes\), found 20,971,521 bytes"):
        read_any(sparse)
    with pytest.raises(ImageError, match="found 20,971,521 bytes"):
        read_any(bytes(MAX_BYTES + 1))


def test_a_progressive_jpeg_of_a_thousand_scans() -> None:
    content = encode(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    with pytest.raises(
        ImageError, match=rf"expected at most {MAX_SCANS} scans in a progressive JPEG of 64 × 64 pixels, found 10\d\d"
    ):
        read_any(content[:-2] + 1000 * last_scan + b"\xff\xd9")
    hidden = b"\xff\xfe\x00\x04\xff\xd9"  # a comment that holds an end marker
    with pytest.raises(ImageError, match=f"expected at most {MAX_SCANS} scans"):
        read_any(content[:-2] + hidden + 1000 * last_scan + b"\xff\xd9")


def test_a_compressed_text_bomb_is_never_inflated() -> None:
    text = PngInfo()
    text.add_text("k", "x" * 40_000_000, zip=True)
    content = encode(RAMP, "PNG", pnginfo=text)
    started = time.thread_time()  # of the CPU: a busy machine does not make it look slow
    picture = read_any(content)
    assert time.thread_time() - started < 0.5
    np.testing.assert_array_equal(picture.pixels, RAMP)


@pytest.mark.parametrize(
    ("form", "at", "part"),
    [("JPEG", 2, b"\xff\xfe\0\2"), ("PNG", 33, b"\0\0\0\0tEXt\0\0\0\0"), ("WEBP", 12, b"ABCD\0\0\0\0")],
)
def test_a_file_of_countless_empty_parts(form: str, at: int, part: bytes) -> None:
    content = encode(RAMP, form)
    with pytest.raises(ImageError, match="expected at most 100,000 chunks or segments, found more"):
        read_any(content[:at] + part * (MAX_PARTS + 1) + content[at:])


# What is no picture


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", r"found an empty file \(0 bytes\)"),
        (b"These are only words, renamed to .jpg.\n" * 9, "found something else"),
        (b"\xff\xd8\xff", "cut short or damaged"),
        (b"\x89PNG\r\n\x1a\n", "cut short or damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "cut short or damaged"),
        (encode(RAMP, "GIF"), "found a GIF"),
        (b"\0\0\0\x18ftypisom" + bytes(64), "found a film"),
        (b"II+\0" + bytes(64), "found a BigTIFF"),
        (b"\0\0\0\x18ftypheic" + bytes(64), "cut short or damaged"),
        (bytes(128) + b"DICM" + bytes(64), "cut short or damaged|found none"),
        (
            encode(
                RAMP,
                "TIFF",
            )[:40],
            "cut short or damaged",
        ),
        (encode(np.ones((64, 64), np.float32), "TIFF"), "found 32 or another kind of number"),
    ],
)
def test_refused(content: bytes, found: str) -> None:
    with pytest.raises(ImageError, match=rf"^upload\.jpg: expected .*{found}.*\. \w+"):
        read_any(content, name="upload.jpg")


def test_names_from_strangers_are_shortened_and_made_printable() -> None:
    with pytest.raises(ImageError) as refusal:
        read_any(b"", name="a\n\x1b[31m" + 500 * "b")
    assert str(refusal.value).startswith("a[31mbbb")
    assert str(refusal.value).index(":") == 80


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_truncated(form: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encode(noise, form)
    for share in (0.3, 0.5, 0.9):
        with pytest.raises(ImageError, match="expected a whole picture, found one that is cut short or damaged"):
            read_any(content[: int(share * len(content))])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_damage_of_any_kind_is_an_image_error_or_a_picture(form: str) -> None:
    rng = np.random.default_rng(2)
    content = encode(RAMP, form, exif=encode_exif(6))
    for _ in range(400):
        broken = bytearray(content[: rng.integers(1, len(content) + 1)])
        for _ in range(rng.integers(1, 4)):
            broken[rng.integers(len(broken))] = rng.integers(256)
        with suppress(ImageError):
            assert read_any(bytes(broken)).pixels.ndim == 3


# Metadata, threads


def test_broken_exif_neither_refuses_nor_warns() -> None:
    content = encode(RAMP, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + 40 * b"\x12\x01")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read_any(content).notes == ()
    assert caught == []


def test_metadata_and_what_follows_the_picture_do_not_matter() -> None:
    text = PngInfo()
    text.add_text("Author", "a stranger")
    np.testing.assert_array_equal(read_any(encode(RAMP, "PNG", pnginfo=text)).pixels, RAMP)
    plain = encode(RAMP, "JPEG")
    noted = encode(RAMP, "JPEG", comment=b"x" * 500, exif=encode_exif(1)) + b"a film follows" * 99
    np.testing.assert_array_equal(read_any(noted).pixels, read_any(plain).pixels)


def test_threads_read_what_one_thread_reads() -> None:
    rng = np.random.default_rng(4)
    pictures = [rng.integers(0, 256, (40, 60, 4), dtype=np.uint8) for _ in range(24)]
    contents = [encode(p, "PNG", exif=encode_exif(6)) for p in pictures]
    alone = [read_any(content).pixels for content in contents]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda content: read_any(content).pixels, contents))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


# Pictures from outside


@pytest.mark.skipif(not SUITE, reason="DERMAVIZ_PILLOW_SUITE is not set: python tests/fetch_pillow_suite.py FOLDER")
def test_the_suite_made_to_break_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermaviz.images.decode_confined", decoding.decode)  # a process for each would take a minute
    files = sorted(path for path in Path(SUITE).rglob("*") if path.is_file())
    assert len(files) > 900, f"expected Pillow's Tests/images in {SUITE}, found {len(files)} files"
    accepted, unclear, slow = 0, [], {}
    for path in files:
        started = time.thread_time()
        try:
            pixels = read_any(path).pixels
            accepted += 1
            assert pixels.ndim == 3
        except ImageError as refusal:
            unclear += [] if str(refusal).startswith(f"{path.name}: expected") else [str(refusal)]
        slow[path.name] = time.thread_time() - started
    print(
        f"{len(files)} files, {accepted} accepted, {len(files) - accepted} refused, slowest {max(slow.values()):.2f} s"
    )
    assert accepted > 480
    assert unclear == []
    assert {name: seconds for name, seconds in slow.items() if seconds > 1} == {}


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="DERMAVIZ_DATA is not set")
def test_real_photos_arrive_as_the_decoder_gives_them() -> None:
    photos = sorted(Path(DATA).rglob("ISIC_*.jpg"))[:40]
    assert photos, f"expected photos in {DATA}, found none"
    for photo in photos:
        with Image.open(photo) as plain:
            np.testing.assert_array_equal(read_any(photo).pixels, np.asarray(plain.convert("RGB")))
