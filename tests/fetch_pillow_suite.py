"""Tests: fetch the picture suite that Pillow's source package carries, about a thousand files made to break decoders.

    python tests/fetch_pillow_suite.py FOLDER
    DERMAVIZ_PILLOW_SUITE=FOLDER python -m pytest tests/test_images.py

The suite of the Pillow version that requirements.txt pins goes to FOLDER/pillow-VERSION; where that is there already,
nothing is done. Only Python and its pip are needed: a fresh machine fetches the suite before it installs anything.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"


def fetch(folder: Path) -> Path:
    """Unpack ``Tests/images`` of the pinned Pillow's source package below ``folder`` and return where it lies."""
    release = _pinned_release()
    suite = folder / f"pillow-{release}"
    if suite.is_dir():
        return suite
    unfinished = folder / f"pillow-{release}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        _unpack(_download(release, Path(temporary)), unfinished)
    unfinished.rename(suite)
    return suite


def _pinned_release() -> str:
    pin = re.search(r"^pillow==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    if pin is None:
        raise SystemExit(f"expected a line pillow==VERSION in {REQUIREMENTS}, found none: pin Pillow there.")
    return pin.group(1)


def _download(release: str, folder: Path) -> Path:
    # pip prepares a source package's metadata even when it only downloads it, hence its short build step.
    wanted = ["--no-deps", "--no-binary", "pillow", f"pillow=={release}", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
    return next(folder.glob("*.tar.gz"))


def _unpack(package: Path, folder: Path) -> None:
    with tarfile.open(package) as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            content = archive.extractfile(member) if parts[1:3] == ("Tests", "images") and ".." not in parts else None
            if content is not None:
                target = folder.joinpath(*parts[3:])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"expected one argument, the folder for the suite; found {len(sys.argv) - 1}.")
    place = fetch(Path(sys.argv[1]))
    print(f"{sum(path.is_file() for path in place.rglob('*'))} files in {place}")
