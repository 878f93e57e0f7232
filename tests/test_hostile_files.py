"""A share of the hostile files of ``tests/fuzz/files.py``; and where the app puts uploads; and what the Dockerfile must hold."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from dermaviz.images import MAX_BYTES

ROOT = Path(__file__).parents[1]


def test_hostile_files_are_let_in_or_refused_in_our_own_words(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("fuzz_files", ROOT / "tests" / "fuzz" / "files.py")
    assert spec
    assert spec.loader
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    found = list(fuzz.hostile(range(250), tmp_path))
    assert [one for one in found if one[2] or one[3] > fuzz.SECONDS] == []
    assert {one[1] for one in found} == {door.__name__ for door in fuzz.DOORS}


def test_an_upload_as_large_as_may_be_stays_in_memory() -> None:
    import dermaviz.app.frame  # noqa: F401

    body = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + bytes(MAX_BYTES) + b"\r\n--x--\r\n"
    )

    async def arriving() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 2**16):
            yield body[at : at + 2**16]

    head = Headers({"content-type": "multipart/form-data; boundary=x"})
    upload = asyncio.run(MultiPartParser(head, arriving()).parse())["f"]
    assert isinstance(upload, UploadFile)
    assert upload.size == MAX_BYTES
    assert upload._in_memory
    upload.file.close()


def _dockerfile() -> list[str]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line[:1] not in ("", "#")]


def _copied() -> list[str]:
    return [word for line in _dockerfile() if line.startswith("COPY") for word in line.split()[1:-1]]


def test_the_container_starts_the_app_from_what_it_copies(tmp_path: Path) -> None:
    for name in _copied():
        (tmp_path / name).symlink_to(ROOT / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (started,) = (json.loads(line.removeprefix("CMD ")) for line in _dockerfile() if line.startswith("CMD "))
    command = [sys.executable, "-m", *started, f"--server.port={port}", "--server.address=127.0.0.1"]
    with subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}) as server:
        try:
            for _ in range(300):
                with (
                    suppress(OSError),
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as told,
                ):
                    break
                assert server.poll() is None
                time.sleep(0.2)
            assert told.status == 200
        finally:
            server.terminate()


def test_the_container_runs_as_nobody_on_what_is_there() -> None:
    lines = _dockerfile()
    words = [line.split()[0] for line in lines if line[0].isalpha()]
    assert words[0] == "FROM"
    assert re.fullmatch(r"FROM python:3\.11\.\d+-slim-\w+", lines[0])  # pinned, as the requirements are
    assert words.index("USER") < words.index("CMD")
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    assert {"HEALTHCHECK", "EXPOSE"} <= set(words)
    assert any("/_stcore/health" in line for line in lines)
    assert not {"ADD", "MAINTAINER"} & set(words)
    assert all((ROOT / name).exists() for name in _copied())
    assert all(f'"{value}"' not in " ".join(lines) for value in ("root", "sudo"))
