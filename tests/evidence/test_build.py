"""Building evidence: killed anywhere and started again, or shared between processes, the file is the same; how long it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dermaviz.errors import EvidenceError
from dermaviz.evidence.build import build_evidence, expected_seconds, time_in_words
from dermaviz.evidence.store import Source, read_evidence, table_path, write_evidence

SOURCE = Source("squares", "drawn", "test", "c" * 64, "d" * 64)
N = 23


class Squares:
    """Rows of known content; counts what it is asked for, and dies before the part that starts at ``until``."""

    def __init__(self, until: int = 10**9) -> None:
        self.until = until
        self.asked: list[int] = []

    def __call__(self, slices: Sequence[slice]) -> Iterator[pd.DataFrame]:
        for part in slices:
            if part.start >= self.until:
                raise KeyboardInterrupt
            self.asked.append(part.start)
            numbers = range(part.start, part.stop)
            yield pd.DataFrame({"image_id": [f"i{n:02d}" for n in numbers], "square": [n * n for n in numbers]})


def content(checkpoint: Path) -> bytes:
    return table_path(checkpoint, "squares", SOURCE.images).read_bytes()


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """The file of an unbroken build by one process."""
    build_evidence(tmp_path / "whole", SOURCE, N, Squares(), part=5)
    return content(tmp_path / "whole")


def test_rows_are_in_order_and_complete(tmp_path: Path) -> None:
    manifest = build_evidence(
        tmp_path, SOURCE, N, Squares(), made=lambda rows: {"command": f"test of {len(rows)}"}, part=5
    )
    table = read_evidence(tmp_path, "squares", SOURCE.images, checkpoint_sha256="c" * 64).table
    assert table["square"].tolist() == [n * n for n in range(N)]
    assert manifest.rows == N
    assert manifest.made["command"] == f"test of {N}"
    assert sorted(path.name for path in table_path(tmp_path, "squares", SOURCE.images).parent.iterdir()) == [
        "squares.json",
        "squares.parquet",
    ]


@pytest.mark.parametrize("until", [0, 5, 15, 20])
def test_a_killed_build_goes_on_where_it_was(tmp_path: Path, whole: bytes, until: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_evidence(tmp_path, SOURCE, N, Squares(until), part=5)
    assert not table_path(tmp_path, "squares", SOURCE.images).exists()
    second = Squares()
    build_evidence(tmp_path, SOURCE, N, second, part=5)
    assert second.asked == list(range(until, N, 5))
    assert content(tmp_path) == whole


def test_a_part_cut_short_is_made_again(tmp_path: Path, whole: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_evidence(tmp_path, SOURCE, N, Squares(15), part=5)
    part = sorted(table_path(tmp_path, "squares", SOURCE.images).parent.glob(".squares-*/*"))[1]
    part.write_bytes(part.read_bytes()[:-20])
    second = Squares()
    build_evidence(tmp_path, SOURCE, N, second, part=5)
    assert second.asked == [5, 15, 20]
    assert content(tmp_path) == whole


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    first = build_evidence(tmp_path, SOURCE, N, Squares(), part=5)
    again = Squares()
    assert build_evidence(tmp_path, SOURCE, N, again, part=5) == first
    assert again.asked == []


def test_another_source_replaces_the_table_and_takes_no_part_of_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_evidence(tmp_path, SOURCE, N, Squares(15), part=5)
    other = replace(SOURCE, parameters={"power": 2})
    asked = Squares()
    assert build_evidence(tmp_path, other, N, asked, part=5).source == other
    assert asked.asked == list(range(0, N, 5))


@pytest.mark.parametrize("processes", [2, 3, 7])
def test_several_processes_leave_the_file_of_one(tmp_path: Path, whole: bytes, processes: int) -> None:
    """The others work before process 0 here, which is what waiting for all gives."""
    shares: list[list[int]] = []
    for process in reversed(range(processes)):
        rows = Squares()
        shares.append(rows.asked)
        if process:
            with pytest.raises(EvidenceError, match="expected the table that was just made"):
                build_evidence(tmp_path, SOURCE, N, rows, process=process, processes=processes, part=5)
        else:
            build_evidence(tmp_path, SOURCE, N, rows, processes=processes, part=5)
    assert sorted(start for share in shares for start in share) == list(range(0, N, 5))
    assert content(tmp_path) == whole


def test_a_process_that_died_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"expected 5 parts, found 2 missing .*start the same command again"):
        build_evidence(tmp_path, SOURCE, N, Squares(), process=0, processes=2, part=5)


def made(folder: Path, table: str, data_set: str, rows: int, **facts: float) -> None:
    frame = pd.DataFrame({"image_id": [f"{i}" for i in range(rows)]})
    write_evidence(folder, frame, Source(table, data_set, "test", "c", "d"), dict(facts))


def test_the_pace_is_that_of_the_same_table_and_of_its_own_number_of_images(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for data_set, rows, seconds in (("a", 100, 10.0), ("b", 1000, 300.0), ("c", 10, 2.0)):
        made(mine, "predictions", data_set, rows, seconds=seconds)
    made(mine, "tone", "a", 100, seconds=50.0, processes=2)
    made(other, "predictions", "a", 200)
    made(other, "counterfactuals", "a", 600, seconds=400.0)
    made(other, "drawn_tone", "drawn", 84, seconds=30.0)
    found = expected_seconds(mine, ["predictions", "tone", "counterfactuals", "drawn_tone", "flips"], 1000)
    expected = {"predictions": 200.0, "tone": 1000.0, "counterfactuals": 600.0, "drawn_tone": 30.0, "flips": None}
    assert {name: None if value is None else pytest.approx(value) for name, value in found.items()} == expected


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ({"tone": 1490.0, "flips": None}, "About 25 minutes by what earlier audits took; not known of: flips."),
        ({"tone": 9000.0, "flips": 540.0}, "About 2.6 hours by what earlier audits took."),
        ({"tone": 5.0}, "About 1 minute by what earlier audits took."),
        ({"tone": None}, "No time is known."),
    ],
)
def test_the_time_is_said_in_words(seconds: dict[str, float | None], said: str) -> None:
    assert time_in_words(seconds) == said
