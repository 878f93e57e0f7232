"""Files: written whole or not at all; YAML and JSON from strangers refused in our own words, and quickly."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermaviz.errors import CheckpointError, DermaVizError, RecipeError
from dermaviz.io import atomic_write, csv_cell, csv_of, csv_text, file_sha256, from_csv_cell, read_json, read_yaml


@pytest.mark.parametrize("content", [b"\xcf\x83\n", "σ\n", lambda file: file.write("σ\n".encode())])
def test_writes_bytes_text_and_what_a_function_writes(tmp_path: Path, content: object) -> None:
    path = tmp_path / "new" / "file.txt"
    assert atomic_write(str(path), content) == path  # type: ignore[arg-type]
    assert path.read_bytes() == b"\xcf\x83\n"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = atomic_write(tmp_path / "file", "old")

    def half(file: BinaryIO) -> None:
        file.write(b"ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, half)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_in_our_own_error() -> None:
    with pytest.raises(CheckpointError, match="expected to write /proc/none/file, found"):
        atomic_write("/proc/none/file", b"1", error=CheckpointError)


def test_a_link_stays_a_link_and_a_folder_a_folder(tmp_path: Path) -> None:
    target = atomic_write(tmp_path / "there" / "target", "old")
    link = tmp_path / "link"
    link.symlink_to(target)
    atomic_write(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    for refused in (tmp_path / "there", Path("/dev/null")):
        with pytest.raises(DermaVizError, match="found a folder or a device"):
            atomic_write(refused, "new")


def test_files_keep_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    assert atomic_write(tmp_path / "file", "new").stat().st_mode == usual.stat().st_mode


def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path: Path) -> None:
    old, young = tmp_path / ".a[1].7-0.tmp", tmp_path / ".a[1].8-0.tmp"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, time.time() - 4000))
    atomic_write(tmp_path / "a[1]", "new")
    assert {p.name for p in tmp_path.iterdir()} == {"a[1]", young.name}


BOMB = (
    "a: &a ["
    + "x, " * 9
    + "]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, r"found the alias \*a in line 2; write the values out. Look again."),
        ("[" * 200_000, "found more than 64 nested levels in line 1"),
        ("a: [1", "expected YAML, found text that is not"),
        ("a: !!int ''", "expected YAML, found text that is not"),
        ("a: !!timestamp x", "expected YAML, found text that is not"),
        ("a: !!python/object/apply:os.system [ls]", "expected YAML, found text that is not"),
        ("a: " + "9" * 5000, "expected YAML, found text that is not"),
        ("a: 2024-99-99", "expected YAML, found text that is not"),
    ],
)
def test_yaml_from_strangers_is_refused_at_once(tmp_path: Path, text: str, message: str) -> None:
    path = atomic_write(tmp_path / "recipe.yaml", text)
    started = time.perf_counter()
    with pytest.raises(RecipeError, match=message):
        read_yaml(path, "a recipe", error=RecipeError, remedy="Look again.")
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "{", "9" * 5000, ""])
def test_json_from_strangers_is_refused(tmp_path: Path, text: str) -> None:
    path = atomic_write(tmp_path / "card.json", text)
    with pytest.raises(CheckpointError, match=r"card.json: expected JSON, found text that is not \(.+\)"):
        read_json(str(path), "a card", error=CheckpointError)


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected a card at .*found none\. Copy it\."):
        read_json(tmp_path / "none", "a card", error=CheckpointError, remedy="Copy it.")
    with pytest.raises(CheckpointError, match=r"expected a card at .*found a folder"):
        read_json(tmp_path, "a card", error=CheckpointError)
    path = atomic_write(tmp_path / "latin", b"\xfc")
    with pytest.raises(CheckpointError, match="found bytes that are no UTF-8 from byte 0 on"):
        read_json(path, "a card", error=CheckpointError)
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(CheckpointError, match="of at most 67,108,864 bytes, found 68,157,440"):
        read_json(path, "a card", error=CheckpointError)


FORMULAS = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "'=1",
    '=HYPERLINK("http://x")',
)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_spreadsheet_computes_nothing(text: str) -> None:
    assert csv_text([[text]]).lstrip('"').startswith("'")
    table = pd.DataFrame({text: [text, "mel"], "p": [-0.5, 0.25], "said": pd.Categorical(["a", text])})
    back = pd.read_csv(io.BytesIO(csv_of(table)))
    assert all(cell.startswith("'") for cell in (back.columns[0], back.iloc[0, 0], back["said"][1]))
    assert back["p"].tolist() == [-0.5, 0.25]


@given(st.text(alphabet="'=+-@\t\ra1.e"))
def test_cells_come_back_as_they_were(text: str) -> None:
    assert from_csv_cell(csv_cell(text)) == text


@pytest.mark.parametrize("value", ["-12.5", "+3e4", -2, 0.5, None, "mel", "a=b", ""])
def test_numbers_and_plain_words_stay_as_they_are(value: object) -> None:
    assert csv_cell(value) is value


def test_every_csv_is_written_here() -> None:
    others = [
        str(path)
        for room in ("dermaviz", "studies")
        for path in (Path(__file__).parents[1] / room).rglob("*.py")
        if "tests" not in path.parts and path.name != "io.py"
        if re.search(r"\.to_csv\(|csv\.(Dict)?[wW]riter\(|savetxt\(", path.read_text(encoding="utf-8"))
    ]
    assert others == []


def test_the_hash_of_a_file_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-4
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
