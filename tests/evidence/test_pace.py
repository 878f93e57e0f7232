"""How long an audit is said to take: by the pace of the same table, here or in a checkpoint beside."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dermaviz.evidence.pace import expected_seconds, time_in_words
from dermaviz.evidence.store import Source, write_evidence


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
