"""Tests of the download: what arrived against what should, with real processes and a server on this machine."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dermaviz.data.download import MISSING, PUBLISHED, download_ham10000, reconcile
from dermaviz.data.readers import METADATA, read_ham10000
from dermaviz.data.records import HAM10000
from dermaviz.errors import DatasetError

IDS = ("ISIC_1", "ISIC_2", "ISIC_3")
COUNTS = {"akiec": 1, "nv": 1, "vasc": 1}
METADATA_CSV = """isic_id,lesion_id,diagnosis_2,diagnosis_3,diagnosis_confirm_type,age_approx,sex,anatom_site_general
ISIC_2,IL_2,Benign melanocytic proliferations,Nevus,histopathology,45,male,upper extremity
ISIC_1,IL_1,Malignant epidermal proliferations,"Squamous cell carcinoma, NOS",histopathology,80,female,head/neck
ISIC_3,IL_3,Benign soft tissue proliferations - Vascular,,,,,
ISIC_9,IL_9,Benign melanocytic proliferations,Nevus,,,,
"""


class Answer(BaseHTTPRequestHandler):
    """Answers as the archive does to a stranger: with an error page, which shows that it is there."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *args: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def archive() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An executable `isic` on PATH; tests write what it does. It keeps a line per call in ``calls``."""
    path = tmp_path / "bin" / "isic"
    path.parent.mkdir()
    path.touch(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def write_tool(tool: Path, *lines: str) -> None:
    record = f'echo "$*" >> {tool.parent / "calls"}'
    tool.write_text("\n".join(["#!/bin/sh", record, 'cd "$5"', *lines]) + "\n")


def calls(tool: Path) -> list[str]:
    record = tool.parent / "calls"
    return record.read_text().splitlines() if record.exists() else []


def metadata_lines(text: str = METADATA_CSV) -> str:
    return f"cat > metadata.csv <<'END'\n{text}END"


def test_a_complete_download_is_checked_and_labelled(tmp_path: Path, tool: Path, archive: str) -> None:
    write_tool(tool, "for i in 1 2 3 9; do echo x > ISIC_$i.jpg; done", metadata_lines())
    arrival = download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive)
    assert calls(tool) == [f"image download --collections 212 {tmp_path / 'ham' / 'images'}"]
    assert (arrival.expected, arrival.missing, arrival.others) == (3, (), 1)
    assert "3 of 3 expected images" in str(arrival)
    assert "1 other images" in str(arrival)
    assert HAM10000.licence in str(arrival)
    data = read_ham10000(tmp_path / "ham")
    assert [(r.image_id, r.label, r.lesion_id) for r in data.records] == [
        ("ISIC_1", "akiec", "IL_1"),
        ("ISIC_2", "nv", "IL_2"),
        ("ISIC_3", "vasc", "IL_3"),
    ]
    assert data.records[0].metadata == {
        "dx_type": "histopathology",
        "age": "80",
        "sex": "female",
        "localization": "head/neck",
    }


def test_what_failed_in_silence_is_fetched_once_more(tmp_path: Path, tool: Path, archive: str) -> None:
    write_tool(tool, "[ -e ISIC_1.jpg ] && echo x > ISIC_3.jpg", "echo x > ISIC_1.jpg; echo x > ISIC_2.jpg")
    arrival = download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive)
    assert len(calls(tool)) == 2
    assert arrival.missing == ()
    assert arrival.labels is None
    assert f"put {METADATA} there" in str(arrival)


def test_what_stays_missing_is_named(tmp_path: Path, tool: Path, archive: str) -> None:
    write_tool(tool, "echo x > ISIC_2.jpg; : > ISIC_3.jpg", metadata_lines())
    with pytest.raises(
        DatasetError, match=r"expected 3 images, found 2 missing \(ISIC_1, ISIC_3; all in .*missing\.txt"
    ):
        download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive)
    assert (tmp_path / "ham" / MISSING).read_text() == "ISIC_1\nISIC_3\n"
    assert not (tmp_path / "ham" / METADATA).exists()
    write_tool(tool, "for i in 1 2 3; do echo x > ISIC_$i.jpg; done")
    assert download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive).missing == ()
    assert not (tmp_path / "ham" / MISSING).exists()


def test_a_tool_that_brings_nothing_is_not_asked_for_ever(tmp_path: Path, tool: Path, archive: str) -> None:
    write_tool(tool)
    with pytest.raises(DatasetError, match="found 3 missing"):
        download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive)
    assert len(calls(tool)) == 1


def test_a_tool_that_fails(tmp_path: Path, tool: Path, archive: str) -> None:
    write_tool(tool, "echo x > ISIC_1.jpg", "exit 3")
    with pytest.raises(DatasetError, match=r"found exit code 3.*what has arrived is kept"):
        download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive)
    assert reconcile(tmp_path / "ham", IDS).missing == ("ISIC_2", "ISIC_3")


def test_a_folder_filled_elsewhere_is_only_checked(tmp_path: Path, tool: Path) -> None:
    images = tmp_path / "ham" / "images"
    images.mkdir(parents=True)
    for image_id in IDS:
        (images / f"{image_id}.jpg").write_bytes(b"x")
    (images / "metadata.csv").write_text(METADATA_CSV)
    arrival = download_ham10000(tmp_path / "ham", IDS, COUNTS, archive="http://127.0.0.1:1")
    assert calls(tool) == []
    assert arrival.labels == tmp_path / "ham" / METADATA


def test_published_labels_are_kept(tmp_path: Path, tool: Path, archive: str) -> None:
    (tmp_path / "ham").mkdir()
    (tmp_path / "ham" / METADATA).write_text("published\n")
    write_tool(tool, "for i in 1 2 3; do echo x > ISIC_$i.jpg; done", metadata_lines())
    download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive)
    assert (tmp_path / "ham" / METADATA).read_text() == "published\n"


def test_labels_that_the_archive_has_changed_are_refused(tmp_path: Path, tool: Path, archive: str) -> None:
    changed = METADATA_CSV.replace("Nevus,histopathology", '"Nevus, renamed",histopathology')
    write_tool(tool, "for i in 1 2 3; do echo x > ISIC_$i.jpg; done", metadata_lines(changed))
    with pytest.raises(
        DatasetError, match=r"found \{'Nevus, renamed': 1.*take HAM10000_metadata\.csv from https://doi"
    ):
        download_ham10000(tmp_path / "ham", IDS, COUNTS, archive=archive)
    assert not (tmp_path / "ham" / METADATA).exists()


def test_offline_it_says_what_to_do_instead(tmp_path: Path, tool: Path) -> None:
    write_tool(tool)
    started = time.monotonic()
    with pytest.raises(DatasetError, match="found no connection") as refusal:
        download_ham10000(tmp_path / "ham", archive="http://127.0.0.1:1")
    assert time.monotonic() - started < 5
    assert calls(tool) == []
    for step in (
        "`pip install isic-cli`",
        "`isic image download --collections 212 images`",
        str(tmp_path / "ham" / "images"),
    ):
        assert step in str(refusal.value)


def test_without_the_tool_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(DatasetError, match=r"expected the ISIC archive's command `isic`, found none\. Install it with"):
        download_ham10000(tmp_path / "ham")


def test_the_real_tool_takes_these_arguments() -> None:
    isic = Path(sys.executable).parent / "isic"
    if not isic.is_file():
        pytest.skip("isic-cli is not installed: pip install 'dermaviz[download]'")
    # The environment names the tool's own development server, so that nothing outside this machine is asked.
    command = [isic, "--no-version-check", "--guest", "--dev", "image", "download", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "--collections" in shown
    assert "OUTDIR" in shown


def test_the_published_counts_are_those_of_the_spec() -> None:
    assert sum(PUBLISHED.values()) == HAM10000.images
    assert set(PUBLISHED) == set(HAM10000.classes)
