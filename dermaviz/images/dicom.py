"""Images: DICOM, the format of hospitals, read by pydicom. Of all that such a file says, only what the pixels mean is read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dermaviz.errors import ImageError
from dermaviz.images.decoding import KEPT_SIDE, Decoded, finish

_MAX_PIXELS = 25_000_000
_COLOURS = [
    f"{colour}PaletteColorLookupTable{part}" for colour in ("Red", "Green", "Blue") for part in ("Descriptor", "Data")
]
_READ = [
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "PixelSpacing", "PixelAspectRatio"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleIntercept", "RescaleSlope", "ICCProfile", *_COLOURS),
    *("ModalityLUTSequence", "VOILUTSequence", "LUTDescriptor", "LUTData"),
]


def decode_dicom(content: bytes) -> Decoded:
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
    if size[0] * size[1] > _MAX_PIXELS:
        raise ImageError(
            f"expected at most {_MAX_PIXELS / 1e6:.0f} megapixels in a DICOM file, found {size[0] * size[1] / 1e6:.1f}. "
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
    return finish(picture, size, notes, file.get("ICCProfile"))


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
    slope, intercept = (
        float(file.get(name, default)) for name, default in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
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
    return picture.resize(
        (round(picture.width * scale_x), round(picture.height * scale_y)), PIL.Image.Resampling.BICUBIC
    )
