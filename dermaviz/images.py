"""Images: the one door for pictures from strangers, from bytes to upright sRGB pixels without metadata.

Limits are checked on the header, read here without a decoder. Metadata is cut away before the decoder sees the file:
of a stranger's EXIF, XMP, comments and thumbnails only the orientation is ever parsed. No global setting of Pillow or
Python is touched, so any number of threads may read pictures at once.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageCms

from dermaviz.errors import ImageError

RGB = NDArray[np.uint8]
"""An image: uint8 ``[H, W, 3]``, sRGB."""

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_SCANS = 100
"""Most passes over a progressive JPEG. Cameras use about ten; each costs a pass over every pixel, in a few bytes."""
MAX_PARTS = 100_000

_DAMAGED = "expected a whole picture, found one that is cut short or damaged. Copy or download it again."
_ORIENTATION_TAG, _PICTURES_TAG = 0x0112, 0xB001
_TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
_PNG_PIXEL_CHUNKS = frozenset({b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND"})
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STRANGERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"II*\0", "a TIFF"),
    (0, b"BM", "a BMP"),
    (0, b"%PDF", "a PDF"),
    (4, b"ftypavif", "an AVIF photo"),
    (4, b"ftyp", "a HEIC photo or a film"),
    (128, b"DICM", "a DICOM file"),
)


@dataclass(frozen=True)
class Image:
    """An image that came through the door.

    ``pixels`` is uint8 ``[H, W, 3]`` sRGB, upright, without metadata. ``sha256`` is that of the file's bytes.
    ``size`` is the width and height in pixels as stored in the file. ``notes`` are sentences on what was done to it
    ("alpha was laid on white"), to be shown to the user.
    """

    pixels: RGB
    sha256: str
    format: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Header:
    """What a file says of its picture before it is decoded; ``content`` is the file without its metadata."""

    format: str
    size: tuple[int, int]
    content: bytes
    orientation: int = 1
    pictures: int = 1
    scans: int = 1
    depth: int = 8


def read_image(source: bytes | str | Path, *, name: str = "") -> Image:
    """Read a JPEG (also MPO), PNG or WebP picture of at most 20 MB and 50 megapixels.

    The first picture of an MPO or an animation is taken, EXIF orientation applied, 16 bits scaled to 8, CMYK and colour
    profiles brought to sRGB, transparency laid on white, and all metadata dropped; ``notes`` tell the user which of
    these were done. ``name`` is what messages call the picture (default: the file's name).

    Raises:
        ImageError: the picture is refused; the message names what was expected and what was found. Nothing else is
            ever raised, whatever the bytes are.

    >>> import dermaviz as dv
    >>> image = dv.read_image("mole.png")
    >>> image.pixels.shape, image.format
    ((224, 224, 3), 'PNG')
    """
    given = name or ("" if isinstance(source, bytes) else Path(source).name)
    label = "".join(c for c in given if c.isprintable())[:80] or "This file"
    try:
        content = source if isinstance(source, bytes) else _read_file(Path(source))
        _check_bytes(len(content))
        header = _read_header(content)
        _check_limits(header)
        pixels, notes = _decode(header)
    except ImageError as refusal:
        raise ImageError(f"{label}: {refusal}") from refusal.__cause__
    except Exception as failure:  # decoders of hostile files raise whatever they like, MemoryError included
        raise ImageError(f"{label}: {_DAMAGED}") from failure
    return Image(pixels, hashlib.sha256(content).hexdigest(), header.format, header.size, tuple(notes))


def _read_file(path: Path) -> bytes:
    if not path.is_file():
        raise ImageError(f"expected a picture file, found none at {path}. Check the path.")
    try:
        _check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as failure:
        raise ImageError(f"expected a file that can be read, {failure.strerror}. Check its permissions.") from failure


def _check_bytes(found: int) -> None:
    if found > MAX_BYTES:
        raise ImageError(
            f"expected at most {MAX_BYTES // 2**20} MB ({MAX_BYTES:,} bytes), found {found:,} bytes. "
            "Save a smaller copy and try again."
        )


def _check_limits(header: _Header) -> None:
    width, height = header.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"expected at most {MAX_PIXELS / 1e6:.0f} megapixels, found {width * height / 1e6:.1f} "
            f"({width:,} × {height:,} pixels). Save a smaller copy and try again."
        )
    if width * height == 0:
        raise ImageError(f"expected at least one pixel, found {width} × {height}. Copy or download the picture again.")
    if header.scans > MAX_SCANS:
        raise ImageError(
            f"expected at most {MAX_SCANS} scans in a progressive JPEG, found {header.scans}. Save it anew."
        )


def _read_header(content: bytes) -> _Header:
    if not content:
        raise ImageError("expected a picture, found an empty file (0 bytes). Copy or download it again.")
    for offset, magic, read in _READERS:
        if content.startswith(magic, offset):
            return read(content)
    found = next((what for offset, magic, what in _STRANGERS if content.startswith(magic, offset)), "something else")
    raise ImageError(f"expected a JPEG, PNG or WebP picture, found {found}. Save it as JPEG or PNG and try again.")


def _counted(parts: int) -> int:
    if parts == MAX_PARTS:
        raise ImageError(f"expected at most {MAX_PARTS:,} chunks or segments, found more. Save it anew.")
    return parts + 1


def _read_png_header(content: bytes) -> _Header:
    width, height, depth = struct.unpack_from(">IIB", content, 16)
    orientation = pictures = 1
    kept, at, parts = [content[:33]], 33, 0
    while at + 8 <= len(content):
        parts = _counted(parts)
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind in _PNG_PIXEL_CHUNKS:
            kept.append(content[at : at + 12 + length])
        elif kind == b"eXIf":
            orientation = _tiff_number(content[at + 8 : at + 8 + length], _ORIENTATION_TAG)
        elif kind == b"acTL":
            pictures = int.from_bytes(content[at + 8 : at + 12], "big")
        at += 12 + length
    return _Header("PNG", (width, height), b"".join(kept), orientation, pictures, depth=depth)


def _read_jpeg_header(content: bytes) -> _Header:
    sizes: list[tuple[int, int]] = []
    orientation, pictures, scans, parts = 1, 1, 0, 0
    kept = [b"\xff\xd8"]
    found = _JPEG_MARKER.search(content, 2)
    while found:
        parts = _counted(parts)
        marker, start = found[1][0], found.start()
        end = start + 2 + max(2, int.from_bytes(content[start + 2 : start + 4], "big"))
        body = content[start + 4 : end]
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            break
        found = _JPEG_MARKER.search(content, end)
        if marker == 0xDA:
            scans += 1
            kept.append(content[start : found.start() if found else None])
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", body, 1)
            sizes.append((width, height))
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = _tiff_number(body[6:], _ORIENTATION_TAG)
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            pictures = _tiff_number(body[4:], _PICTURES_TAG)
        if _holds_pixels(marker, body):
            kept.append(content[start:end])
    if len(sizes) != 1:
        raise ImageError(_DAMAGED)
    return _Header("MPO" if pictures > 1 else "JPEG", sizes[0], b"".join(kept), orientation, pictures, scans)


def _holds_pixels(marker: int, body: bytes) -> bool:
    """Whether a JPEG segment is needed for the pixels: of comments and APPn, those that say what the colours mean."""
    kept = body.startswith((b"JFIF\0", b"Adobe", b"ICC_PROFILE\0"))
    return kept or not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _read_webp_header(content: bytes) -> _Header:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    orientation, frames, at, parts = 1, 0, 12, 0
    while at + 8 <= len(content):
        parts = _counted(parts)
        chunk, length = struct.unpack_from("<4sI", content, at)
        if chunk == b"EXIF":
            orientation = _tiff_number(content[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"), _ORIENTATION_TAG)
        frames += chunk == b"ANMF"
        at += 8 + length + length % 2
    return _Header("WEBP", (width, height), content, orientation, max(1, frames))


_READERS: tuple[tuple[int, bytes, Callable[[bytes], _Header]], ...] = (
    (0, b"\xff\xd8\xff", _read_jpeg_header),
    (0, b"\x89PNG\r\n\x1a\n", _read_png_header),
    (8, b"WEBP", _read_webp_header),
)


def _tiff_number(tiff: bytes, tag: int) -> int:
    """The number under ``tag`` in the first directory of a TIFF structure (EXIF, MPF); 1 where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    with suppress(struct.error):
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for at in range(directory + 2, directory + 2 + 12 * entries, 12):
            found, kind, count = struct.unpack_from(f"{order}HHI", tiff, at)
            if found == tag and count == 1 and kind in (3, 4):
                return int(struct.unpack_from(f"{order}{' HI'[kind - 2]}", tiff, at + 8)[0])
    return 1


def _decode(header: _Header) -> tuple[RGB, list[str]]:
    """Upright sRGB pixels, uint8 ``[H, W, 3]``, and the notes on what was done to get them."""
    notes: list[str] = []
    if header.pictures > 1:
        notes.append("The file holds several pictures; the first one is used.")
    with PIL.Image.open(io.BytesIO(header.content), formats=("JPEG", "PNG", "WEBP")) as picture:
        if picture.size != header.size:
            raise ImageError(_DAMAGED)
        picture.load()
        if header.depth == 16:
            notes.append("Its 16 bits per channel were scaled to 8.")
        alpha = _alpha(picture, header.depth)
        pixels = _to_srgb(picture, notes)
    if alpha is not None and alpha.getextrema() != (255, 255):
        notes.append("Its transparent parts were laid on white.")
        pixels = PIL.Image.composite(pixels, PIL.Image.new("RGB", pixels.size, "white"), alpha)
    if header.orientation in _TURNS:
        notes.append("It was turned upright, as its EXIF orientation says.")
        pixels = pixels.transpose(_TURNS[header.orientation])
    return np.array(pixels), notes


def _alpha(picture: PIL.Image.Image, depth: int) -> PIL.Image.Image | None:
    """The opacity of each pixel (mode L), or None for a picture without transparency."""
    if picture.mode in ("LA", "RGBA"):
        return picture.getchannel("A")
    key = picture.info.get("transparency")
    if key is None:
        return None
    if picture.mode == "P":
        return picture.convert("RGBA").getchannel("A")
    # A PNG's transparent colour is given at the file's own bit depth, the decoded pixels are not.
    if picture.mode == "RGB":
        hidden = (np.asarray(picture) == np.array(key) >> (depth - 8)).all(axis=-1)
    else:
        scale = 255 // (2**depth - 1) if picture.mode == "L" else 1
        hidden = np.asarray(picture.convert("L") if picture.mode == "1" else picture) == key * scale
    return PIL.Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8))


def _to_srgb(picture: PIL.Image.Image, notes: list[str]) -> PIL.Image.Image:
    """The colours of a picture without its alpha: mode RGB, sRGB."""
    picture.info.pop("transparency", None)  # else Pillow converts it along, with a warning
    if picture.mode == "I;16":  # Pillow's own conversion would clip at 255; of 16-bit colour it kept the high byte
        colours = PIL.Image.fromarray(((np.asarray(picture).astype(np.uint32) + 128) // 257).astype(np.uint8))
    else:
        colours = picture.convert({"1": "L", "L": "L", "LA": "L", "CMYK": "CMYK"}.get(picture.mode, "RGB"))
    profile = picture.info.get("icc_profile")
    converted = _apply_profile(colours, profile, notes) if profile else None
    if colours.mode == "CMYK":
        notes.append("Its CMYK inks were converted to RGB.")
    return converted or colours.convert("RGB")


def _apply_profile(colours: PIL.Image.Image, profile: bytes, notes: list[str]) -> PIL.Image.Image | None:
    """The colours brought from their profile to sRGB; None where the profile is sRGB already or cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        notes.append("Its colour profile could not be used; its colours were taken as sRGB.")
        return None
    notes.append("Its colours were converted from the file's colour profile to sRGB.")
    return converted
