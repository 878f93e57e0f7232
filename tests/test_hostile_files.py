"""A share of the hostile files of ``tests/fuzz/files.py``; and where the app puts uploads; and what the Dockerfile must hold."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import AsyncIterator
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


def test_the_container_runs_as_nobody_on_what_is_there() -> None:
    lines = [
        line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")
    ]
    words = [line.split()[0] for line in lines if line[0].isalpha()]
    assert words[0] == "FROM"
    assert re.fullmatch(r"FROM python:3\.11\.\d+-slim-\w+", lines[0])  # pinned, as the requirements are
    assert words.index("USER") < words.index("CMD")
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    assert {"HEALTHCHECK", "EXPOSE"} <= set(words)
    assert any("/_stcore/health" in line for line in lines)
    assert not {"ADD", "MAINTAINER"} & set(words)
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert all((ROOT / name).exists() for name in copied)
    assert all(f'"{value}"' not in " ".join(lines) for value in ("root", "sudo"))
