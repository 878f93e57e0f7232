"""Images: from a header to upright sRGB pixels, reduced while they are decoded, with notes on what was done.

TIFF, HEIC, AVIF and DICOM are containers: what they hold may be far larger than what their headers say, and their decoders
are large C libraries. They are decoded in a process of their own, with its own limits on memory and time. It starts in a fifth
of a second; whatever happens in it ends with one sentence here.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

CONFINED = frozenset({"TIFF", "HEIC", "AVIF", "DICOM"})
MAX_MEMORY, MAX_SECONDS, _MAX_WAIT = 400 * 2**20, 3, 60
"""Bytes of data, and seconds of the CPU; on a busy machine those may take longer by the clock."""
_TOO_MUCH = (
    f"expected a picture that is decoded within {MAX_MEMORY >> 20} MB and {MAX_SECONDS} s, found one that is not. "
    "Save it as JPEG or PNG and try again."
)
_MAIN = "from dermaviz.images.decoding import main; main()"

_MAX_DICOM_PIXELS = 25_000_000
_COLOURS = [
    f"{colour}PaletteColorLookupTable{part}" for colour in ("Red", "Green", "Blue") for part in ("Descriptor", "Data")
]
_READ = [
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "PixelSpacing", "PixelAspectRatio"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleIntercept", "RescaleSlope", "ICCProfile", *_COLOURS),
    *("ModalityLUTSequence", "VOILUTSequence", "LUTDescriptor", "LUTData"),
]
"""All that is read of a DICOM file: what its pixels mean."""


@dataclass
class Decoded:
    """``pixels`` is uint8 ``[H, W, 3]`` sRGB, upright; ``size`` the width and height as stored in the file."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    notes: list[str] = field(default_factory=list)


def decode(header: Header) -> Decoded:
    """The pixels that a header promises, and the notes on what was done to get them.

    Raises:
        ImageError: the decoder finds a picture of another size, or as :func:`_decode_dicom`. Anything: the file is damaged.
    """
    if header.format == "DICOM":
        return _decode_dicom(header.content)
    if header.format == "HEIC":
        import pillow_heif

        pillow_heif.register_heif_opener()
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
    return _finish(small, size, notes, profile, orientation, turned=form in _UPRIGHT)


def _finish(
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
    colours = picture.convert({"LA": "L", "RGBA": "RGB"}.get(picture.mode, picture.mode))
    pixels = (_apply_profile(colours, profile, notes) if profile else None) or colours.convert("RGB")
    if colours.mode == "CMYK":
        notes.append("Its CMYK inks were converted to RGB.")
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
        box = (0, top, picture.width, min(top + rows, picture.height))
        plain = _plain(picture.crop(box) if rows < picture.height else picture, depth)
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


def _decode_dicom(content: bytes) -> Decoded:
    """The first frame of a DICOM file as sRGB pixels: grey as its window and photometric interpretation say, palettes and YBR
    as RGB, pixels that are not square made so.

    Raises:
        ImageError: pydicom is not installed, there are no pixels, or more than 25 megapixels.
    """
    try:
        import pydicom
        from pydicom.pixels import pixel_array
    except ImportError as absent:
        raise ImageError(
            "expected the package pydicom to read a DICOM file, found none. Install it (`pip install pydicom`), or save the "
            "picture as JPEG or PNG."
        ) from absent
    file: Any = pydicom.dcmread(io.BytesIO(content), specific_tags=_READ)
    if "PixelData" not in file or "Rows" not in file or "Columns" not in file:
        raise ImageError("expected pixels in a DICOM file, found none. Export the picture itself.")
    size = int(file.Columns), int(file.Rows)
    if size[0] * size[1] > _MAX_DICOM_PIXELS:
        raise ImageError(
            f"expected at most {_MAX_DICOM_PIXELS / 1e6:.0f} megapixels in a DICOM file, found {size[0] * size[1] / 1e6:.1f}. "
            "Save a smaller copy and try again."
        )
    notes: list[str] = []
    if int(file.get("NumberOfFrames") or 1) > 1:
        notes.append("The file holds several pictures; the first one is used.")
    try:
        pixels = pixel_array(file, index=0)
    except (RuntimeError, NotImplementedError) as failure:
        raise ImageError(
            f"expected a DICOM compression that can be read here, found {file.file_meta.TransferSyntaxUID.name}. "
            "Export it uncompressed or as JPEG."
        ) from failure
    picture = PIL.Image.fromarray(_eight_bits(file, pixels, notes))
    picture = _square_pixels(file, picture, notes)
    factor = max(min(picture.size) // KEPT_SIDE, 1)
    if factor > 1:
        picture = picture.reduce(factor)
        notes.append(f"It was reduced from {size[0]:,} × {size[1]:,} to {picture.width:,} × {picture.height:,} pixels.")
    return _finish(picture, size, notes, file.get("ICCProfile"))


def _eight_bits(file: Any, pixels: NDArray[Any], notes: list[str]) -> NDArray[np.uint8]:
    """Grey levels ``[H, W]`` or colours ``[H, W, 3]``, uint8, as they are meant to be seen."""
    from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut

    photometric = str(file.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        pixels, depth = apply_color_lut(pixels, file), int(file.RedPaletteColorLookupTableDescriptor[2])
    elif photometric.startswith("MONOCHROME"):
        levels = apply_voi_lut(apply_modality_lut(pixels, file), file).astype(np.float64)
        low, high = _range_of_grey(file, levels)
        share = (levels - low) / max(high - low, 1e-9)
        if photometric == "MONOCHROME1":
            share = 1 - share
            notes.append("Its grey levels were turned round, as its photometric interpretation (MONOCHROME1) says.")
        if int(file.BitsStored) > 8:
            notes.append("Its grey levels were brought to 8 bits.")
        return np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    else:
        depth = int(file.BitsStored)
    if depth > 8:
        notes.append(f"Its {depth} bits per channel were scaled to 8.")
    return np.asarray(pixels >> max(depth - 8, 0)).astype(np.uint8)


def _range_of_grey(file: Any, levels: NDArray[np.float64]) -> tuple[float, float]:
    """The darkest and the lightest level that pixels can have once they are rescaled and windowed."""
    if "VOILUTSequence" in file or "ModalityLUTSequence" in file:
        return float(levels.min()), float(levels.max())
    signed, whole = bool(file.get("PixelRepresentation")), 2.0 ** int(file.BitsStored)
    low, high = (-whole / 2, whole / 2 - 1) if signed else (0.0, whole - 1)
    slope, intercept = float(file.get("RescaleSlope", 1)), float(file.get("RescaleIntercept", 0))
    return low * slope + intercept, high * slope + intercept


def _square_pixels(file: Any, picture: PIL.Image.Image, notes: list[str]) -> PIL.Image.Image:
    """The picture with pixels as high as they are wide, by the file's pixel spacing or aspect ratio (rows first)."""
    high, wide = (float(side) for side in (file.get("PixelSpacing") or file.get("PixelAspectRatio") or (1, 1)))
    if not (0 < high < 1e6 and 0 < wide < 1e6):
        return picture
    if file.get("PixelSpacing"):
        notes.append(f"One pixel of it is {min(high, wide):.3g} mm wide.")
    if abs(high / wide - 1) < 0.01:
        return picture
    if not 0.25 <= high / wide <= 4:
        raise ImageError(f"expected pixels at most 4 times as long as wide, found {high:g} × {wide:g}. Export it anew.")
    notes.append(f"Its pixels of {high:g} × {wide:g} were made square.")
    # the finer side is kept and the other enlarged, so nothing is lost
    scale_x, scale_y = wide / min(high, wide), high / min(high, wide)
    size = round(picture.width * scale_x), round(picture.height * scale_y)
    return picture.resize(size, PIL.Image.Resampling.BICUBIC)


def decode_confined(header: Header) -> Decoded:
    """As :func:`decode`, in another process.

    Raises:
        ImageError: the picture is damaged, or takes more than the limits.
    """
    facts = {name: getattr(header, name) for name in ("format", "size", "orientation", "pictures", "depth")}
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = os.environ | threads | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _MAIN, json.dumps(facts)],
            input=header.content, capture_output=True, timeout=_MAX_WAIT, env=environment, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise ImageError(_TOO_MUCH) from late
    said, _, pixels = done.stdout.partition(b"\n")
    if done.returncode or not said:
        raise ImageError(_TOO_MUCH)
    answer: dict[str, Any] = json.loads(said)
    if "refused" in answer:
        raise ImageError(answer["refused"])
    found = np.frombuffer(pixels, np.uint8).reshape(answer["shape"]).copy()
    return Decoded(found, tuple(answer["size"]), answer["notes"])


def main() -> None:
    """What the process does: read the file from standard input, decode it within the limits, write the pixels."""
    _limit()
    facts = json.loads(sys.argv[1])
    size = facts.pop("size")
    header = Header(content=sys.stdin.buffer.read(), size=size and tuple(size), **facts)
    try:
        decoded = decode(header)
    except ImageError as refusal:
        _answer({"refused": str(refusal)})
    except MemoryError:
        _answer({"refused": _TOO_MUCH})
    except Exception:  # decoders of hostile files raise whatever they like
        _answer({"refused": DAMAGED})
    else:
        _answer({"size": decoded.size, "shape": decoded.pixels.shape, "notes": decoded.notes}, decoded.pixels.tobytes())


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's wait is the only one there
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(facts: dict[str, Any], pixels: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n" + pixels)
    sys.stdout.buffer.flush()
