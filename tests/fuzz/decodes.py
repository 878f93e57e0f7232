"""The largest picture of each format that the door lets in: how long its decoding takes, and how much memory.

``python tests/fuzz/decodes.py`` reads each in a process of its own (with the process that confined formats get) and prints
processor seconds and the peak of memory over that of a small picture of the format; exit code 1 beyond 2 s or 400 MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from dermaviz.images import MAX_BYTES  # noqa: E402
from tests.picture_files import encode  # noqa: E402
from tests.test_images_colours import hand_png  # noqa: E402
from tests.test_images_formats import dicom  # noqa: E402

pillow_heif.register_heif_opener()
MOST_SECONDS, MOST_MB = 2.0, 400
_READ = """
import json, resource, sys, time
from dermaviz.errors import ImageError
from dermaviz.images import read_image
read_image(sys.argv[1])
held = lambda: int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
peak = lambda: max(held(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
spent = lambda: sum(resource.getrusage(who)[k] for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN) for k in (0, 1))
small, before = peak(), spent()
try:
    note = " ".join(str(side) for side in read_image(sys.argv[2]).size)
except ImageError as refused:
    note = "refused: " + str(refused)
print(json.dumps([spent() - before, peak() - small, note]))
"""


def noise(width: int, height: int) -> Image.Image:
    """Grain that no format stores cheaply, in tiles, so that drawing it takes no time."""
    tile = np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)
    return Image.fromarray(np.tile(tile, (-(-height // 250), -(-width // 250), 1))[:height, :width])


def flat(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), (180, 120, 90))


def scans(picture: Image.Image, passes: int) -> bytes:
    """A progressive JPEG whose last pass over all pixels is repeated, up to 20 MB."""
    content = encode(picture, "JPEG", progressive=True, quality=75)
    last = content[content.rindex(b"\xff\xda") : -2]
    more = min(passes - content.count(b"\xff\xda"), (MAX_BYTES - len(content)) // len(last))
    return content[:-2] + more * last + b"\xff\xd9"


def palette() -> bytes:
    return hand_png(7000, 7000, 8, 3, (b"\0" + bytes(7000)) * 7000, (b"PLTE", bytes([20, 30, 40])), (b"tRNS", b"\x80"))


def deep() -> bytes:
    return hand_png(7000, 7000, 16, 6, (b"\0" + bytes(8 * 7000)) * 7000)


WORST: dict[str, tuple[str, Callable[[], bytes]]] = {
    "JPEG of 50 megapixels": ("JPEG", lambda: encode(flat(7071, 7071), "JPEG", quality=95)),
    "JPEG of 48 megapixels, grain": ("JPEG", lambda: encode(noise(8000, 6000), "JPEG", quality=20)),
    "progressive JPEG, 49 megapixels in 20 passes": ("JPEG", lambda: scans(flat(7000, 7000), 20)),
    "progressive JPEG, 9 megapixels in 100 passes": ("JPEG", lambda: scans(flat(3000, 3000), 100)),
    "progressive JPEG, 6 megapixels of grain, repeated to 20 MB": ("JPEG", lambda: scans(noise(3000, 2000), 100)),
    "PNG, 49 megapixels, palette and tRNS": ("PNG", palette),
    "PNG, 49 megapixels, 16 bits with alpha": ("PNG", deep),
    "PNG, 6 megapixels, grain": ("PNG", lambda: encode(noise(3000, 2000), "PNG")),
    "WebP, 20 megapixels, lossless": ("WEBP", lambda: encode(flat(4472, 4472), "WEBP", lossless=True)),
    "WebP, 20 megapixels, lossy, grain": ("WEBP", lambda: encode(noise(4472, 4472), "WEBP", quality=20, method=0)),
    "BMP, 6.9 megapixels (20 MB)": ("BMP", lambda: encode(noise(2640, 2640), "BMP")),
    "TIFF, 50 megapixels, LZW": ("TIFF", lambda: encode(flat(7071, 7071), "TIFF", compression="tiff_lzw")),
    "TIFF, 50 megapixels, deflate": (
        "TIFF",
        lambda: encode(flat(7071, 7071), "TIFF", compression="tiff_adobe_deflate"),
    ),
    "HEIC, 25 megapixels": ("HEIF", lambda: encode(flat(5000, 5000), "HEIF", quality=50)),
    "HEIC, 16 megapixels, grain": ("HEIF", lambda: encode(noise(4000, 4000), "HEIF", quality=10)),
    "AVIF, 25 megapixels": ("AVIF", lambda: encode(flat(5000, 5000), "AVIF", quality=50, speed=10)),
    "AVIF, 16 megapixels, grain": ("AVIF", lambda: encode(noise(4000, 4000), "AVIF", quality=10, speed=10)),
    "DICOM, 6.9 megapixels (20 MB)": ("DICOM", lambda: dicom(np.asarray(noise(2640, 2640)), "RGB")),
}


def main() -> int:
    beyond = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (form, write) in WORST.items():
            small = np.asarray(flat(100, 100))
            files = Path(folder, "small"), Path(folder, "worst")
            files[0].write_bytes(dicom(small, "RGB") if form == "DICOM" else encode(small, form))
            files[1].write_bytes(content := write())
            read = [sys.executable, "-c", _READ, *map(str, files)]
            done = subprocess.run(read, capture_output=True, text=True, check=True, cwd=ROOT)
            seconds, megabytes, said = json.loads(done.stdout)
            too_much = seconds > MOST_SECONDS or megabytes > MOST_MB
            beyond += too_much
            print(
                f"{name}: {len(content) / 1e6:.1f} MB, {seconds:.2f} s, {megabytes:.0f} MB, {said}{' TOO MUCH' * too_much}"
            )
    return int(beyond > 0)


if __name__ == "__main__":
    sys.exit(main())
