"""Images: decoding in a process of its own, with its own limits on memory and time.

TIFF, HEIC, AVIF and DICOM are containers: what they hold may be far larger than what their headers say, and their decoders
are large C libraries. Such a process starts in a fifth of a second; whatever happens in it ends with one sentence here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from dermaviz.errors import ImageError
from dermaviz.images.decoding import Decoded, decode
from dermaviz.images.headers import DAMAGED, Header

CONFINED = frozenset({"TIFF", "HEIC", "AVIF", "DICOM"})
MAX_MEMORY, MAX_SECONDS, _MAX_WAIT = 400 * 2**20, 3, 60
"""Bytes of data, and seconds of the CPU; on a busy machine those may take longer by the clock."""
_TOO_MUCH = (
    f"expected a picture that is decoded within {MAX_MEMORY >> 20} MB and {MAX_SECONDS} s, found one that is not. "
    "Save it as JPEG or PNG and try again."
)
_MAIN = "from dermaviz.images.confined import main; main()"


def decode_confined(header: Header) -> Decoded:
    """As :func:`~dermaviz.images.decoding.decode`, in another process.

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
    size = tuple(facts.pop("size")) if facts["size"] else None
    header = Header(content=sys.stdin.buffer.read(), size=size, **{k: v for k, v in facts.items() if k != "size"})
    try:
        decoded = _decode(header)
    except ImageError as refusal:
        _answer({"refused": str(refusal)})
    except MemoryError:
        _answer({"refused": _TOO_MUCH})
    except Exception:  # decoders of hostile files raise whatever they like
        _answer({"refused": DAMAGED})
    else:
        _answer({"size": decoded.size, "shape": decoded.pixels.shape, "notes": decoded.notes}, decoded.pixels.tobytes())


def _decode(header: Header) -> Decoded:
    if header.format == "DICOM":
        from dermaviz.images.dicom import decode_dicom

        return decode_dicom(header.content)
    if header.format == "HEIC":
        import pillow_heif

        pillow_heif.register_heif_opener()
    return decode(header)


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
