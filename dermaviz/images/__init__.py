"""Images: the one door for pictures from strangers, from bytes to upright sRGB pixels without metadata.

Limits are checked on the header, read in :mod:`~dermaviz.images.headers` without a decoder. Metadata is cut away before the
decoder sees the file: of a stranger's EXIF, XMP, comments and thumbnails only the orientation is ever parsed. Formats whose
decoders are large, or whose headers don't bound the work, are decoded in a process of their own with limits of its own. No
global setting of Pillow or Python is touched, so any number of threads may read pictures at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from dermaviz.errors import ImageError
from dermaviz.images.decoding import CONFINED, decode, decode_confined
from dermaviz.images.headers import DAMAGED, Header, read_header

RGB = NDArray[np.uint8]
"""An image: uint8 ``[H, W, 3]``, sRGB."""

FORMATS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "JPEG": (".jpg", ".jpeg", ".mpo"),
        "PNG": (".png",),
        "WebP": (".webp",),
        "BMP": (".bmp",),
        "TIFF": (".tif", ".tiff"),
        "HEIC": (".heic", ".heif"),
        "AVIF": (".avif",),
        "DICOM": (".dcm", ".dicom"),
    }
)
"""What is read, and how such files end. A file is judged by its content; its name only says whether to look at it."""
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
FORMATS_IN_WORDS = f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
_FEWER_PIXELS = {"WEBP": 20_000_000, "HEIC": 25_000_000, "AVIF": 25_000_000}
"""Their decoders need up to 16 bytes and 50 ns a pixel: more would take over 400 MB or 2 s."""
MAX_SCANS = 100
"""Most passes over a progressive JPEG. Cameras use about ten; each costs a pass over every pixel, in a few bytes."""
MAX_PIXEL_SCANS = 1_000_000_000
MIN_SIDE, MAX_ASPECT = 64, 4
"""Fewer pixels on the short side show no lesion, and a longer strip is no photograph of one."""


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


def read_image(source: bytes | str | Path, *, name: str = "", least: int = MIN_SIDE) -> Image:
    """Read a JPEG (also MPO), PNG, WebP, BMP, TIFF, HEIC, AVIF or DICOM picture of at most 20 MB and 50 megapixels.

    The first picture of an MPO, a TIFF or an animation is taken, EXIF orientation applied, 16 bits scaled to 8, CMYK and
    colour profiles brought to sRGB, transparency laid on white, and all metadata dropped; ``notes`` tell the user which of
    these were done. Pictures of 2,000 pixels and more on the short side are reduced while they are decoded, by the whole
    factor that leaves 1,000 to 1,500. DICOM needs ``pydicom``. ``name`` is what messages call the picture (default: the
    file's name); ``least`` the shortest side that is read.

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
        header = read_header(content, FORMATS_IN_WORDS)
        _check_limits(header, least)
        decoded = decode_confined(header) if header.format in CONFINED else decode(header)
        check_shape(decoded.size, least)
    except ImageError as refusal:
        raise ImageError(f"{label}: {refusal}") from refusal.__cause__
    except Exception as failure:  # decoders of hostile files raise whatever they like, MemoryError included
        raise ImageError(f"{label}: {DAMAGED}") from failure
    return Image(decoded.pixels, hashlib.sha256(content).hexdigest(), header.format, decoded.size, tuple(decoded.notes))


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


def _check_limits(header: Header, least: int) -> None:
    if header.size is None:  # known only to its decoder, which has limits of its own
        return
    width, height = header.size
    most = _FEWER_PIXELS.get(header.format, MAX_PIXELS)
    if width * height > most:
        raise ImageError(
            f"expected at most {most / 1e6:.0f} megapixels, found {width * height / 1e6:.1f} "
            f"({width:,} × {height:,} pixels). Save a smaller copy and try again."
        )
    check_shape(header.size, least)
    scans = min(MAX_SCANS, MAX_PIXEL_SCANS // (width * height))
    if header.scans > scans:
        raise ImageError(
            f"expected at most {scans} scans in a progressive JPEG of {width:,} × {height:,} pixels, found {header.scans}. "
            "Save it anew."
        )


def check_shape(size: tuple[int, int], least: int = MIN_SIDE) -> None:
    """Go on only with a picture that is neither too small nor too long.

    Raises:
        ImageError: it is.
    """
    short, long = sorted(size)
    if short < max(least, 1):
        raise ImageError(
            f"expected at least {max(least, 1)} pixels on the short side, found {size[0]:,} × {size[1]:,}. "
            "Use a larger copy of the picture."
        )
    if long > MAX_ASPECT * short and least > 1:
        raise ImageError(
            f"expected a picture at most {MAX_ASPECT} times as long as it is wide, found {size[0]:,} × {size[1]:,} pixels. "
            "Crop it to the lesion."
        )


def cover(pixels: RGB, height: int, width: int, kernel: str = "bilinear") -> RGB:
    """Pixels uint8 ``[H, W, 3]`` scaled with antialiasing to cover ``[height, width, 3]`` and cropped centrally.

    With :func:`reduce_to` the one place where pictures are reduced: in packs, at use, in audits and in attacks. ``kernel`` is
    one of Pillow's; when it reduces it is widened by the factor, which is what antialiasing means.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    fitted = PIL.ImageOps.fit(PIL.Image.fromarray(pixels), (width, height), PIL.Image.Resampling[kernel.upper()])
    return np.asarray(fitted)


def reduce_to(pixels: RGB, short_side: int, kernel: str = "bilinear") -> RGB:
    """Pixels uint8 ``[H, W, 3]`` with at most ``short_side`` on the short side; a picture of no more comes back unchanged."""
    height, width = pixels.shape[:2]
    scale = short_side / min(height, width)
    return pixels if scale >= 1 else cover(pixels, round(height * scale), round(width * scale), kernel)
