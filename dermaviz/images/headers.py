"""Images: what a file says of its picture, read without a decoder; and the file without its metadata."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from dermaviz.errors import ImageError

DAMAGED = "expected a whole picture, found one that is cut short or damaged. Copy or download it again."
MAX_PARTS, _MAX_PAGES = 100_000, 1000
_ORIENTATION, _PICTURES = 0x0112, 0xB001
_WIDTH, _HEIGHT, _BITS, _FORMAT = 256, 257, 258, 339
_PNG_PIXEL_CHUNKS = frozenset({b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND"})
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_STRANGERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"%PDF", "a PDF"),
    (4, b"ftyp", "a film"),
    (0, b"II+\0", "a BigTIFF"),
    (0, b"MM\0+", "a BigTIFF"),
)


@dataclass(frozen=True)
class Header:
    """What a file says of its picture before it is decoded; ``content`` is the file without its metadata.

    ``size`` is its width and height in pixels, None where only the decoder can tell.
    """

    format: str
    size: tuple[int, int] | None
    content: bytes
    orientation: int = 1
    pictures: int = 1
    scans: int = 1
    depth: int = 8


def read_header(content: bytes, expected: str) -> Header:
    """The header of a file in one of the ``expected`` formats.

    Raises:
        ImageError: it is in none of them, or damaged. struct.error, IndexError: it is damaged.
    """
    if not content:
        raise ImageError("expected a picture, found an empty file (0 bytes). Copy or download it again.")
    for offset, magic, read in _READERS:
        if content.startswith(magic, offset):
            return read(content)
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, min(_number(content, 0, 4), 256), 4))}
    for format_, known in (("AVIF", _AVIF_BRANDS), ("HEIC", _HEIC_BRANDS)):
        if content.startswith(b"ftyp", 4) and brands & known:
            return _read_boxes(content, format_)
    found = next((what for offset, magic, what in _STRANGERS if content.startswith(magic, offset)), "something else")
    raise ImageError(f"expected a {expected} picture, found {found}. Save it as JPEG or PNG and try again.")


def _counted(parts: int) -> int:
    if parts == MAX_PARTS:
        raise ImageError(f"expected at most {MAX_PARTS:,} chunks or segments, found more. Save it anew.")
    return parts + 1


def _number(content: bytes, at: int, length: int) -> int:
    return int.from_bytes(content[at : at + length], "big")


def _read_png(content: bytes) -> Header:
    width, height, depth = struct.unpack_from(">IIB", content, 16)
    orientation = pictures = 1
    kept, at, parts = [content[:33]], 33, 0
    while at + 8 <= len(content):
        parts = _counted(parts)
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind in _PNG_PIXEL_CHUNKS:
            kept.append(content[at : at + 12 + length])
        elif kind == b"eXIf":
            orientation = _exif_orientation(content[at + 8 : at + 8 + length])
        elif kind == b"acTL":
            pictures = _number(content, at + 8, 4)
        at += 12 + length
    return Header("PNG", (width, height), b"".join(kept), orientation, pictures, depth=depth)


def _read_jpeg(content: bytes) -> Header:
    sizes: list[tuple[int, int]] = []
    orientation, pictures, scans, parts = 1, 1, 0, 0
    kept = [b"\xff\xd8"]
    found = _JPEG_MARKER.search(content, 2)
    while found:
        parts = _counted(parts)
        marker, start = found[1][0], found.start()
        end = start + 2 + max(2, _number(content, start + 2, 2))
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
            orientation = _exif_orientation(body[6:])
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            pictures = _tiff_directory(body[4:])[0].get(_PICTURES, 1)
        if _holds_pixels(marker, body):
            kept.append(content[start:end])
    if len(sizes) != 1:
        raise ImageError(DAMAGED)
    return Header("MPO" if pictures > 1 else "JPEG", sizes[0], b"".join(kept), orientation, pictures, scans)


def _holds_pixels(marker: int, body: bytes) -> bool:
    """Whether a JPEG segment is needed for the pixels: of comments and APPn, those that say what the colours mean."""
    kept = body.startswith((b"JFIF\0", b"Adobe", b"ICC_PROFILE\0"))
    return kept or not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _read_webp(content: bytes) -> Header:
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
            orientation = _exif_orientation(content[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        frames += chunk == b"ANMF"
        at += 8 + length + length % 2
    return Header("WEBP", (width, height), content, orientation, max(1, frames))


def _read_bmp(content: bytes) -> Header:
    if struct.unpack_from("<I", content, 14)[0] == 12:  # OS/2
        return Header("BMP", struct.unpack_from("<HH", content, 18), content)
    width, height = struct.unpack_from("<ii", content, 18)
    if struct.unpack_from("<I", content, 30)[0] in (1, 2):  # run lengths, which Pillow decodes byte by byte in Python
        raise ImageError("expected a BMP without compression, found run-length encoding. Save it as PNG and try again.")
    return Header("BMP", (abs(width), abs(height)), content)


def _read_tiff(content: bytes) -> Header:
    tags, following = _tiff_directory(content)
    depth = tags.get(_BITS, 1)
    if depth > 16 or tags.get(_FORMAT, 1) != 1:
        raise ImageError(
            f"expected 8 or 16 bits per channel in a TIFF, found {depth} or another kind of number. Save it with 8 bits."
        )
    pages, seen = 1, {0}
    while following not in seen and pages < _MAX_PAGES:
        seen.add(following)
        pages, following = pages + 1, _tiff_directory(content, following)[1]
    size = tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0)
    return Header("TIFF", size, content, tags.get(_ORIENTATION, 1), pages, depth=depth)


def _read_boxes(content: bytes, format_: str) -> Header:
    """HEIC and AVIF: the size of the largest picture in the file, from the boxes ``ispe``. Its decoder finds the first one."""
    sizes = [struct.unpack_from(">II", content, found.end() + 4) for found in re.finditer(b"ispe", content[: 2**20])]
    if not sizes:
        raise ImageError(DAMAGED)
    several = 2 if {content[8:12]} & {b"avis", b"hevc", b"hevx", b"msf1"} else 1
    return Header(format_, max(sizes, key=lambda size: size[0] * size[1]), content, pictures=several)


_READERS: tuple[tuple[int, bytes, Callable[[bytes], Header]], ...] = (
    (0, b"\xff\xd8\xff", _read_jpeg),
    (0, b"\x89PNG\r\n\x1a\n", _read_png),
    (8, b"WEBP", _read_webp),
    (0, b"BM", _read_bmp),
    (0, b"II*\0", _read_tiff),
    (0, b"MM\0*", _read_tiff),
    (128, b"DICM", lambda content: Header("DICOM", None, content)),
)


def _exif_orientation(tiff: bytes) -> int:
    return _tiff_directory(tiff)[0].get(_ORIENTATION, 1)


def _tiff_directory(tiff: bytes, at: int | None = None) -> tuple[dict[int, int], int]:
    """The first number under each tag of a directory, by default the first, in a TIFF structure (a TIFF, EXIF, MPF), and
    where the next directory begins; none and 0 where there is none."""
    tags: dict[int, int] = {}
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return tags, 0
    with suppress(struct.error):
        (directory,) = (at,) if at is not None else struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        end = directory + 2 + 12 * entries
        for entry in range(directory + 2, end, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, entry)
            if kind in (3, 4) and count:
                letter = " HI"[kind - 2]
                wide = count * (2 if kind == 3 else 4) > 4
                where = struct.unpack_from(f"{order}I", tiff, entry + 8)[0] if wide else entry + 8
                tags.setdefault(tag, struct.unpack_from(f"{order}{letter}", tiff, where)[0])
        return tags, struct.unpack_from(f"{order}I", tiff, end)[0]
    return tags, 0
