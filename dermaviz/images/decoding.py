"""Images: from a header to upright sRGB pixels, reduced while they are decoded, with notes on what was done."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageCms

from dermaviz.errors import ImageError
from dermaviz.images.headers import DAMAGED, Header

KEPT_SIDE = 1000
"""Pixels: a short side of twice as many or more is divided by the largest whole number that leaves as many."""
_STRIP = 4_000_000
"""Pixels that are converted at a time, so that the memory for it does not grow with the picture."""
_TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
_PLUGINS = {"MPO": "JPEG", "HEIC": "HEIF"}
_UPRIGHT = frozenset({"TIFF", "HEIF"})
"""Pillow's plugins that turn the picture themselves."""


@dataclass
class Decoded:
    """``pixels`` is uint8 ``[H, W, 3]`` sRGB, upright; ``size`` the width and height as stored in the file."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    notes: list[str] = field(default_factory=list)


def decode(header: Header) -> Decoded:
    """The pixels that a header promises, and the notes on what was done to get them.

    Raises:
        ImageError: the decoder finds a picture of another size. Anything: the file is damaged.
    """
    notes: list[str] = []
    if header.pictures > 1:
        page = "page" if header.format == "TIFF" else "one"
        notes.append(f"The file holds several pictures; the first {page} is used.")
    form = _PLUGINS.get(header.format, header.format)
    with PIL.Image.open(io.BytesIO(header.content), formats=(form,)) as picture:
        size = picture.size if form in ("HEIF", "AVIF") or header.size is None else header.size
        if sorted(size) != sorted(picture.size):  # a TIFF's is turned already
            raise ImageError(DAMAGED)
        orientation = picture.getexif().get(0x0112, 1) if form == "AVIF" else header.orientation
        factor = max(min(size) // KEPT_SIDE, 1)
        picture.draft(picture.mode, (size[0] // factor, size[1] // factor))
        picture.load()
        if header.depth == 16:
            notes.append("Its 16 bits per channel were scaled to 8.")
        profile = picture.info.get("icc_profile")
        small = _reduced(picture, header.depth, max(min(picture.size) // KEPT_SIDE, 1))
    if factor > 1:
        notes.append(f"It was reduced from {size[0]:,} × {size[1]:,} to {small.width:,} × {small.height:,} pixels.")
    return finish(small, size, notes, profile, orientation, turned=form in _UPRIGHT)


def finish(
    picture: PIL.Image.Image,
    size: tuple[int, int],
    notes: list[str],
    profile: bytes | None = None,
    orientation: int = 1,
    *,
    turned: bool = False,
) -> Decoded:
    """A picture of mode L, RGB or CMYK, with or without alpha, as upright sRGB pixels; ``turned`` where it is upright already.

    ``size`` is its width and height in the file.
    """
    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    pixels = _to_srgb(picture.convert({"LA": "L", "RGBA": "RGB"}.get(picture.mode, picture.mode)), profile, notes)
    if alpha is not None and alpha.getextrema() != (255, 255):
        notes.append("Its transparent parts were laid on white.")
        pixels = PIL.Image.composite(pixels, PIL.Image.new("RGB", pixels.size, "white"), alpha)
    if orientation in _TURNS:
        notes.append("It was turned upright, as its EXIF orientation says.")
        pixels = pixels if turned else pixels.transpose(_TURNS[orientation])
    return Decoded(np.array(pixels), size, notes)


def _reduced(picture: PIL.Image.Image, depth: int, factor: int) -> PIL.Image.Image:
    """A loaded picture as mode L, LA, RGB, RGBA or CMYK, divided by ``factor``, strip by strip."""
    rows = max(_STRIP // picture.width // factor, 1) * factor
    strips = []
    for top in range(0, picture.height, rows):
        part = (
            picture.crop((0, top, picture.width, min(top + rows, picture.height))) if rows < picture.height else picture
        )
        plain = _plain(part, depth)
        strips.append(plain.reduce(factor) if factor > 1 else plain)
    if len(strips) == 1:
        return strips[0]
    whole = PIL.Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for number, strip in enumerate(strips):
        whole.paste(strip, (0, number * strips[0].height))
    return whole


def _plain(picture: PIL.Image.Image, depth: int) -> PIL.Image.Image:
    """A picture with its palette, transparent colour and depth resolved: mode L, LA, RGB, RGBA or CMYK."""
    key = picture.info.get("transparency")
    if picture.mode == "P":
        return picture.convert("RGB" if key is None else "RGBA")
    hidden = None if key is None else _hidden(picture, key, depth)
    picture.info.pop("transparency", None)  # else Pillow converts it along, with a warning
    if picture.mode.startswith("I;16"):  # Pillow's own conversion would clip at 255; of colour it kept the high byte
        colours = PIL.Image.fromarray(((np.asarray(picture).astype(np.uint32) + 128) // 257).astype(np.uint8))
    else:
        mode = {"1": "L", "La": "LA", "RGBa": "RGBA"}.get(picture.mode, picture.mode)
        colours = picture.convert(mode if mode in ("L", "LA", "RGB", "RGBA", "CMYK") else "RGB")
    if hidden is not None:
        colours.putalpha(PIL.Image.fromarray(~np.multiply(hidden, 255, dtype=np.uint8)))
    return colours


def _hidden(picture: PIL.Image.Image, key: int | tuple[int, ...], depth: int) -> NDArray[np.bool_]:
    """Which pixels have a PNG's transparent colour, bool ``[H, W]``. It is given at the file's own bit depth, the decoded
    pixels are not."""
    if picture.mode == "RGB":
        shifted = [level >> (depth - 8) for level in (key if isinstance(key, tuple) else (key, key, key))]
        bands = np.asarray(picture)
        hidden = bands[..., 0] == np.uint8(shifted[0] & 255)
        for band in (1, 2):
            hidden &= bands[..., band] == np.uint8(shifted[band] & 255)
        return hidden
    scale = 255 // (2**depth - 1) if picture.mode == "L" else 1
    found = np.asarray(picture.convert("L") if picture.mode == "1" else picture)
    assert isinstance(key, int)
    return found == found.dtype.type(key * scale)


def _to_srgb(colours: PIL.Image.Image, profile: bytes | None, notes: list[str]) -> PIL.Image.Image:
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
