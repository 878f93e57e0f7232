"""Tests of what the door for pictures puts right and says: orientation, depth, alpha, inks, profiles, several pictures."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.picture_files import RAMP, encode, encode_exif, read_any


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def hand_png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG written by hand from filtered rows; ``extra`` chunks stand before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {})])
def test_orientation(form: str, options: dict[str, Any], orientation: int) -> None:
    stored = read_any(encode(RAMP, form, **options)).pixels
    picture = read_any(encode(RAMP, form, exif=encode_exif(orientation), **options))
    np.testing.assert_array_equal(picture.pixels, TURNED[orientation](stored))
    assert picture.size == (9, 6)
    assert any("turned upright" in note for note in picture.notes) == (orientation > 1)


def test_sixteen_bit_grey_is_scaled_and_rounded() -> None:
    values = [0, 128, 129, 257, 32_768, 65_407, 65_535]
    picture = read_any(encode(np.array([values], np.uint16), "PNG"))
    assert picture.pixels[0, :, 0].tolist() == [round(255 * value / 65_535) for value in values]
    assert picture.notes == ("Its 16 bits per channel were scaled to 8.",)


def test_sixteen_bit_colour() -> None:
    values = np.array([[0, 257, 514], [25_700, 32_896, 65_535]], np.uint16)
    picture = read_any(hand_png(2, 1, 16, 2, b"\0" + values.astype(">u2").tobytes()))
    assert picture.pixels.tolist() == [[[0, 1, 2], [100, 128, 255]]]
    assert "16 bits" in picture.notes[0]


def test_alpha_is_laid_on_white() -> None:
    rng = np.random.default_rng(3)
    rgba = rng.integers(0, 256, (16, 16, 4), dtype=np.uint8)
    picture = read_any(encode(rgba, "PNG"))
    colour, alpha = rgba[..., :3].astype(float), rgba[..., 3:] / 255
    np.testing.assert_allclose(picture.pixels, colour * alpha + 255 * (1 - alpha), atol=0.51)
    assert picture.notes == ("Its transparent parts were laid on white.",)
    assert read_any(encode(np.dstack([RAMP, np.full((6, 9), 255, np.uint8)]), "PNG")).notes == ()


@pytest.mark.parametrize(
    ("depth", "colour", "row", "key", "expected"),
    [
        (1, 0, b"\x40", b"\0\1", [0, 255]),  # black is drawn, white hidden
        (4, 0, b"\x3c", b"\0\3", [255, 204]),
        (8, 0, b"\x03\x7b", b"\0\3", [255, 123]),
        (16, 0, b"\x03\x03\x7b\x7b", b"\3\3", [255, 123]),
        (8, 2, b"\x03\x03\x03\x09\x09\x09", b"\0\3\0\3\0\3", [255, 9]),
        (16, 2, 6 * b"\x03" + 6 * b"\x09", 6 * b"\x03", [255, 9]),
        (8, 3, b"\x00\x01", b"\0", [255, 70]),
        (8, 3, b"\x00\x01", b"\x80\xff", [137, 70]),  # 128/255 · 20 + 127/255 · 255
    ],
)
def test_a_transparent_colour_is_laid_on_white(
    depth: int, colour: int, row: bytes, key: bytes, expected: list[int]
) -> None:
    palette = ((b"PLTE", bytes([20, 20, 20, 70, 70, 70])),) if colour == 3 else ()
    picture = read_any(hand_png(2, 1, depth, colour, b"\0" + row, *palette, (b"tRNS", key)))
    assert picture.pixels[0, :, 0].tolist() == expected


def test_cmyk() -> None:
    inks = np.full((16, 16, 4), (200, 100, 50, 30), np.uint8)
    picture = read_any(encode(Image.fromarray(inks, mode="CMYK"), "JPEG", quality=100))
    expected = [(255 - ink) * (255 - 30) / 255 for ink in (200, 100, 50)]
    np.testing.assert_allclose(picture.pixels[8, 8], expected, atol=2)
    assert picture.notes == ("Its CMYK inks were converted to RGB.",)


ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def hand_profile(colorants: np.ndarray) -> bytes:
    """An ICC v2 matrix profile with gamma 563/256: ``colorants`` are the primaries' XYZ (D50), a column each."""
    white = np.array([0.9642, 1.0, 0.8249])
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt")
    columns = zip(names, (*colorants.T, white), strict=True)
    tags = [(name, b"XYZ \0\0\0\0" + struct.pack(">3i", *np.round(xyz * 65_536).astype(int))) for name, xyz in columns]
    tags += [(name, b"curv\0\0\0\0" + struct.pack(">IHH", 1, 563, 0)) for name in (b"rTRC", b"gTRC", b"bTRC")]
    tags.append((b"desc", b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Wide\0" + bytes(79)))
    tags.append((b"cprt", b"text\0\0\0\0none"))
    table, bodies, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, body in tags:
        body += bytes(-len(body) % 4)
        table += name + struct.pack(">II", at + len(bodies), len(body))
        bodies += body
    header = struct.pack(">I4xI12s", at + len(bodies), 0x02400000, b"mntrRGB XYZ ") + bytes(12) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63_190, 65_536, 54_061) + bytes(48)
    return header + table + bodies


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_wide_profile_is_converted_to_srgb(form: str) -> None:
    given = (100, 150, 120)
    options: dict[str, Any] = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}}.get(form, {})
    content = encode(Image.new("RGB", (8, 8), given), form, icc_profile=hand_profile(ADOBE_RGB), **options)
    linear = np.linalg.solve(SRGB, ADOBE_RGB @ (np.array(given) / 255) ** (563 / 256))
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert abs(expected[0] - given[0]) > 10
    picture = read_any(content)
    np.testing.assert_allclose(picture.pixels[4, 4], expected, atol=1.5 if form != "JPEG" else 3)
    assert picture.notes == ("Its colours were converted from the file's colour profile to sRGB.",)


def test_the_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_any(encode(RAMP, "PNG", icc_profile=profile))
    np.testing.assert_array_equal(picture.pixels, RAMP)
    assert picture.notes == ()


@pytest.mark.parametrize("profile", [b"no profile at all", hand_profile(ADOBE_RGB)[:200]])
def test_a_broken_profile_is_ignored_and_said(profile: bytes) -> None:
    picture = read_any(encode(RAMP, "PNG", icc_profile=profile))
    np.testing.assert_array_equal(picture.pixels, RAMP)
    assert picture.notes == ("Its colour profile could not be used; its colours were taken as sRGB.",)


@pytest.mark.parametrize(("form", "seen"), [("MPO", "MPO"), ("PNG", "PNG"), ("WEBP", "WEBP")])
def test_of_several_pictures_the_first_is_used(form: str, seen: str) -> None:
    first, second = Image.fromarray(RAMP), Image.new("RGB", (9, 6), "red")
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    picture = read_any(encode(first, form, save_all=True, append_images=[second], **options))
    np.testing.assert_array_equal(picture.pixels, read_any(encode(first, form, **options)).pixels)
    assert picture.format == seen
    assert picture.notes == ("The file holds several pictures; the first one is used.",)
