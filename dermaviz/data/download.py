"""Data: fetch HAM10000 with the ISIC archive's own tool, and check what arrived against the expected ids."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from dermaviz.data.readers import COLUMNS, METADATA
from dermaviz.data.records import HAM10000
from dermaviz.data.split import named_manifest
from dermaviz.errors import DatasetError
from dermaviz.io import atomic_write, csv_of

ARCHIVE = "https://api.isic-archive.com"
MISSING = "missing.txt"
PUBLISHED = MappingProxyType({"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142})
"""Images of each diagnosis in HAM10000 as published (doi:10.1038/sdata.2018.161)."""

_COMMAND = ("image", "download", "--collections", str(HAM10000.collection))
_DIAGNOSES = MappingProxyType(
    {
        "Basal cell carcinoma": "bcc",
        "Dermatofibroma": "df",
        "Melanoma, NOS": "mel",
        "Nevus": "nv",
        "Pigmented benign keratosis": "bkl",
        "Solar or actinic keratosis": "akiec",
        "Squamous cell carcinoma, NOS": "akiec",
    }
)
_VASCULAR = "Benign soft tissue proliferations - Vascular"
_ARCHIVE_NAMES = MappingProxyType(
    {"dx_type": "diagnosis_confirm_type", "age": "age_approx", "sex": "sex", "localization": "anatom_site_general"}
)


@dataclass(frozen=True)
class Arrival:
    """What lies in a data folder, compared with what should: ``missing`` are the ids without an image file.

    ``others`` counts images that belong to the archive's collection but not to the data set. ``labels`` is the
    metadata file, or None where there is none yet.
    """

    folder: Path
    expected: int
    missing: tuple[str, ...]
    others: int
    labels: Path | None

    def __str__(self) -> str:
        here = f"{self.expected - len(self.missing):,} of {self.expected:,} expected images are in {self.folder / 'images'}"
        beside = f"; {self.others:,} other images lie beside them and are not used" if self.others else ""
        labels = (
            f"Labels: {self.labels}." if self.labels else f"No labels yet: put {METADATA} there ({HAM10000.homepage})."
        )
        return f"{here}{beside}.\n{labels}\nLicence {HAM10000.licence}: {HAM10000.citation}."


def download_ham10000(
    folder: Path,
    expected: Sequence[str] | None = None,
    counts: Mapping[str, int] = PUBLISHED,
    *,
    archive: str = ARCHIVE,
) -> Arrival:
    """Fetch HAM10000 into ``folder`` with ``isic-cli`` and compare it with the committed manifest's ids.

    What is there already is not fetched again, so a folder that was filled elsewhere and copied here is only checked.
    The tool says nothing of images that failed, so it is started once more while that brings something, and what is
    missing then is an error, with all ids in ``missing.txt``. Labels are written from the archive's own metadata only
    if they agree with ``counts``: the archive names diagnoses differently and holds more images in this collection.

    Args:
        expected: ids of the images; None for those of the committed manifest. ``counts``: images of each diagnosis.

    Raises:
        DatasetError: the tool is not installed, the archive cannot be reached, or images are still missing at the end.
    """
    expected = tuple(named_manifest(HAM10000.name).assignment) if expected is None else expected
    missing = reconcile(folder, expected).missing
    for _ in range(2 if missing else 0):
        _fetch(folder / "images", archive)
        before, missing = missing, reconcile(folder, expected).missing
        if not missing or len(missing) == len(before):
            break
    (folder / MISSING).unlink(missing_ok=True)
    if missing:
        atomic_write(folder / MISSING, "".join(f"{image_id}\n" for image_id in missing), error=DatasetError)
        raise DatasetError(
            f"{folder / 'images'}: expected {len(expected):,} images, found {len(missing):,} missing "
            f"({', '.join(missing[:5])}; all in {folder / MISSING}). Run the same command again: it fetches only those."
        )
    _write_labels(folder, expected, counts)
    return reconcile(folder, expected)


def reconcile(folder: Path, expected: Sequence[str]) -> Arrival:
    """Compare the image files in ``folder/images`` with the ids in ``expected``; an empty file counts as missing."""
    images = folder / "images"
    files = list(images.glob("ISIC_*")) if images.is_dir() else []
    arrived = {path.stem for path in files if path.stat().st_size > 0}
    missing = tuple(image_id for image_id in sorted(expected) if image_id not in arrived)
    labels = folder / METADATA
    return Arrival(folder, len(expected), missing, len(arrived - set(expected)), labels if labels.is_file() else None)


def _fetch(images: Path, archive: str) -> None:
    """Run the archive's tool. Its answer is asked for first: without a network the tool retries in silence for 20 minutes."""
    by_hand = (
        f"Without a network here: on a machine that has one, run `pip install isic-cli` and `isic {' '.join(_COMMAND)} images`, "
        f"copy that folder to {images}, and run `dermaviz data download {images.parent}` again; it then checks what is there."
    )
    # The interpreter's own folder is searched too: a venv's tool is there even when the venv is not activated.
    places = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    tool = shutil.which("isic", path=places)
    if tool is None:
        raise DatasetError(
            "expected the ISIC archive's command `isic`, found none. Install it with `pip install isic-cli` and try again. "
            + by_hand
        )
    try:
        urllib.request.urlopen(archive, timeout=10).close()  # noqa: S310  our own https address
    except urllib.error.HTTPError as answer:  # any answer at all is an answer; the tool asks for the right page
        answer.close()
    except OSError as failure:
        reason = getattr(failure, "reason", failure)
        if not isinstance(reason, ssl.SSLError):  # else it was reached; the tool brings its own certificates
            raise DatasetError(
                f"expected the ISIC archive at {archive}, found no connection ({reason}). Try again later. {by_hand}"
            ) from None
    images.mkdir(parents=True, exist_ok=True)
    ended = subprocess.run([tool, *_COMMAND, str(images)], check=False)
    if ended.returncode != 0:
        raise DatasetError(
            f"expected `isic {' '.join(_COMMAND)}` to finish, found exit code {ended.returncode}; its reason stands "
            "above. Run the same command again: what has arrived is kept."
        )


def _write_labels(folder: Path, expected: Sequence[str], counts: Mapping[str, int]) -> None:
    """Translate the archive's ``images/metadata.csv`` into the published file's form, if the counts then agree."""
    source = folder / "images" / "metadata.csv"
    if (folder / METADATA).exists() or not source.is_file():
        return
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    wanted = set(expected)
    rows = [row for row in table.to_dict("records") if row.get("isic_id") in wanted]
    found = Counter(_diagnosis(row) for row in rows)
    if dict(found) != dict(counts):
        raise DatasetError(
            f"{source}: expected {dict(counts)} images of each diagnosis, found {dict(found)}. The archive has changed "
            f"its labels; take {METADATA} from {HAM10000.homepage} and put it into {folder}."
        )
    labels = pd.DataFrame(
        [
            {"lesion_id": row.get("lesion_id") or row["isic_id"], "image_id": row["isic_id"], "dx": _diagnosis(row)}
            | {column: row.get(name, "") for column, name in _ARCHIVE_NAMES.items()}
            for row in rows
        ],
        columns=list(COLUMNS),
    )
    atomic_write(folder / METADATA, csv_of(labels.sort_values("image_id")), error=DatasetError)


def _diagnosis(row: Mapping[str, str]) -> str:
    """The published label of an archive record; where there is none, the archive's own name."""
    if row.get("diagnosis_2") == _VASCULAR:
        return "vasc"
    name = row.get("diagnosis_3", "")
    return _DIAGNOSES.get(name, name or "no diagnosis")
