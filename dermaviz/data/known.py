"""Data: how near a photograph is to those that a model was trained on: one of them, or outside of what they show.

It is one of them by its id, or by a perceptual hash kept beside the split: 32 bytes an image, of which no picture can be made
again. What is outside is told, before the model's answer, by simple measures of the picture at the size that the model sees; none
is learned. Their limits were set on half of HAM10000's validation images, so that each notice is said of 3% of them or fewer.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermaviz.colour import LINEAR, lab_of_linear
from dermaviz.data.masks import find_lesion
from dermaviz.data.records import Dataset, Record
from dermaviz.data.split import manifest_path, read_manifest
from dermaviz.errors import DatasetError, ImageError
from dermaviz.images import RGB, cover, read_image, reduce_to
from dermaviz.io import atomic_write

_SIDE, _LOW = 64, 16
MAX_DISTANCE = 26
"""Bits of 255 that may differ, chosen on validation: the nearest of HAM10000's 1,004 validation images is at 28, turned (small
spots amid plain skin look alike), of isic-uda1's 279 at 48. No test image is taken for a training image then (2,001, nearest
42; 278, nearest 54). Turned or mirrored training images are recognised at half their size and JPEG quality 70 (700 of
700), at three times and 50 (300 of 300), as centre squares (700 of 700), and 98.7% of 1,200 sharper squares from the published
originals (98.7% of 600 turned and saved at 70)."""
ENDING = ".hashes.npz"


def perceptual_hash(pixels: RGB) -> NDArray[np.uint8]:
    """A hash of how a picture looks, uint8 ``[32]``: alike for the same photograph at another size, quality or brightness.

    The largest central square, which is what a model sees, is reduced to 64 × 64 grey levels; of its discrete cosine
    transform the 16 × 16 lowest frequencies are kept, and of each whether it is above their median (Zauner, 2010: pHash).
    The mean is left out. Copies turned by other than right angles, or cropped by a twentieth and more, have other hashes.
    """
    return _hash(_low_frequencies(pixels))


def turned_hashes(pixels: RGB) -> NDArray[np.uint8]:
    """The hashes of a picture in all eight positions, uint8 ``[8, 32]``: as it is, mirrored, upside down, and turned.

    To mirror a picture changes the sign of every second frequency; to turn it over its diagonal transposes them.
    """
    low, signs = _low_frequencies(pixels), (-1.0) ** np.arange(_LOW)
    sides = (low, low * signs, low * signs[:, None], low * signs * signs[:, None])
    return np.stack([_hash(one) for side in sides for one in (side, side.T)])


def _low_frequencies(pixels: RGB) -> NDArray[np.float64]:
    height, width = pixels.shape[:2]
    short = min(height, width)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    grey = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, box=box)
    return cv2.dct(np.asarray(grey, dtype=np.float32))[:_LOW, :_LOW].astype(np.float64)


def _hash(low: NDArray[np.float64]) -> NDArray[np.uint8]:
    kept = low.ravel()[1:]
    return np.packbits(kept > np.median(kept))


@dataclass(frozen=True, eq=False)
class KnownImages:
    """The images that a model was trained on: their ids, and their hashes uint8 ``[N, 32]``."""

    image_ids: tuple[str, ...]
    hashes: NDArray[np.uint8]

    def find(self, pixels: RGB) -> str | None:
        """The id of the training image that a picture is a copy of, also turned or mirrored; None of any other."""
        turned = turned_hashes(pixels)[:, None]
        apart = np.bitwise_count(self.hashes ^ turned).sum(axis=2, dtype=np.int64).min(axis=0)
        nearest = int(apart.argmin())
        return self.image_ids[nearest] if apart[nearest] <= MAX_DISTANCE else None

    def among(self, dataset: Dataset) -> dict[str, str]:
        """Which images of a data set the model was trained on: their ids there, each with that of the training image.

        An image counts by its id or by how it looks, whatever it is called. Images that are refused are left out.
        """
        ids = frozenset(self.image_ids)

        def find(record: Record) -> str | None:
            if record.image_id in ids:
                return record.image_id
            try:
                return self.find(read_image(record.path).pixels)
            except ImageError:
                return None

        with ThreadPoolExecutor(2) as pool:
            found = zip(dataset.records, pool.map(find, dataset.records), strict=True)
            return {record.image_id: known for record, known in found if known is not None}


def known_images(manifest: str, split_sha256: str) -> KnownImages | None:
    """The training images of a split: ``manifest`` is a committed one's name or a path, the hash that on a model's card.

    None where no hashes lie beside the manifest, or it is another split than the model's.

    Raises:
        DatasetError: the hashes are damaged.
    """
    place = manifest_path(manifest).with_suffix(ENDING)
    return _read(place, split_sha256, place.stat().st_mtime_ns) if place.is_file() else None


@lru_cache(8)
def _read(place: Path, split_sha256: str, _written: int) -> KnownImages | None:
    manifest = read_manifest(place.with_name(place.name.removesuffix(ENDING) + ".csv"))
    if manifest.sha256 != split_sha256:
        return None
    image_ids = _trained_on(manifest.assignment.items())
    try:
        with np.load(io.BytesIO(place.read_bytes()), allow_pickle=False) as file:
            hashes, of = file["hashes"], str(file["split_sha256"])
    except (OSError, ValueError, KeyError, BadZipFile) as failure:
        raise DatasetError(
            f"{place}: expected hashes of images, found a file that is damaged ({failure})."
        ) from failure
    if of != split_sha256 or hashes.shape != (len(image_ids), 32) or hashes.dtype != np.uint8:
        raise DatasetError(
            f"{place}: expected the hashes of {len(image_ids):,} training images of {split_sha256[:12]}…, found "
            f"{list(hashes.shape)} of {of[:12]}…. Make them again: `dermaviz data hashes {place.name.removesuffix(ENDING)}`."
        )
    return KnownImages(image_ids, hashes)


def write_hashes(dataset: Dataset, manifest: Path) -> Path:
    """Write the hashes of a manifest's training images beside it; returns where.

    Raises:
        DatasetError: an image that it trains on is not in the data set. ImageError: one is refused.
    """
    split = read_manifest(manifest)
    image_ids = _trained_on(split.assignment.items())
    paths = {record.image_id: record.path for record in dataset.records}
    if absent := [image_id for image_id in image_ids if image_id not in paths]:
        raise DatasetError(
            f"expected every training image of {manifest} in {dataset.name}, found {len(absent)} that are not "
            f"({', '.join(absent[:3])}). Give the data set that the manifest was made for."
        )
    with ThreadPoolExecutor(2) as pool:
        hashes = list(pool.map(lambda name: perceptual_hash(read_image(paths[name]).pixels), image_ids))
    content = io.BytesIO()
    np.savez(content, hashes=np.stack(hashes), split_sha256=np.array(split.sha256))
    return atomic_write(manifest.with_suffix(ENDING), content.getvalue(), error=DatasetError)


def _trained_on(assignment: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(sorted(image_id for image_id, split in assignment if split == "train"))


SMALL = 0.04
"""Share of the central square: a lesion below it is small. 2.5% of the validation images have one."""
EDGE = 0.2
"""Share of the square's border that a lesion touches: above it, it is cut off. 2%."""
GREY = 4.0
"""Median distance from grey in the a* b* plane: below it there is no colour to speak of. Under 0.5%."""
TINT = 31.0
"""Distance of the median colour from the usual one, in the same plane. 1%."""
DETAIL = 0.9
"""Detail of one pixel against detail of two: below it the picture was enlarged from fewer. 0.6%; 99% of those enlarged from 64
pixels are below it, and half of those from 100."""
ASPECT = 1.6
"""Long by short side: beyond it the central square leaves out more than a third. HAM10000's are all 4:3."""
_USUAL_COLOUR = np.array([17.27, 2.92])
"""a* and b* of the median validation image."""


def notices(pixels: RGB, short_side: int | None = 150, *, ham10000: bool = True) -> tuple[str, ...]:
    """Sentences on what is outside what a model was trained on. Empty where nothing stands out.

    Args:
        pixels: the photograph, uint8 ``[H, W, 3]``, before it is prepared.
        short_side: pixels of the training images' short side; None where that is not known: then nothing is said of it.
        ham10000: whether they were HAM10000's, whose colours the limits are of; elsewhere nothing is said of theirs.
    """
    short, known = min(pixels.shape[:2]), short_side or 0
    aspect = max(pixels.shape[:2]) / short
    small = reduce_to(pixels, short_side or short)
    side = min(small.shape[:2])
    square = cover(small, side, side)
    lesion = find_lesion(square)
    area, border = lesion.mean(), np.concatenate([lesion[0], lesion[-1], lesion[1:-1, 0], lesion[1:-1, -1]])
    ab = lab_of_linear(LINEAR[cv2.resize(square, (64, 64), interpolation=cv2.INTER_AREA)])[..., 1:].reshape(-1, 2)
    tint = np.hypot(*(np.median(ab, axis=0) - _USUAL_COLOUR))
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    once, twice = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1.0, 2.0))
    detail = np.abs(grey - once).mean() / max(float(np.abs(once - twice).mean()), 1e-6)
    said = (
        (
            0 < area < SMALL,
            f"The lesion is small in the frame: about {area:.0%} of what the model sees. Crop closer to it.",
        ),
        (border.mean() > EDGE, "The lesion is cut off at the edge of what the model sees."),
        (
            np.median(np.hypot(*ab.T)) < GREY,
            f"The photo has next to no colour{'; the model was trained on coloured ones' if ham10000 else ''}.",
        ),
        (
            ham10000 and tint > TINT,
            "The photo is tinted more strongly than nearly all that the model was trained on.",
        ),
        (
            short < known,
            f"The photo has fewer pixels ({short} on the short side) than those that the model was trained on ({known}).",
        ),
        (
            0 < known <= short and detail < DETAIL,
            "The photo looks enlarged from fewer pixels: it has less detail than those that the model was trained on.",
        ),
        (
            aspect > ASPECT,
            f"The model sees the central square only: {1 - 1 / aspect:.0%} of this long photo is left out.",
        ),
    )
    return tuple(sentence for so, sentence in said if so)
