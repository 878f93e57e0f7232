"""`dermaviz data synth` draws a data set that `dermaviz data info` and `dermaviz data pack` read as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dermaviz.data.readers import read_ham10000
from dermaviz.data.split import read_manifest

Command = Callable[..., Any]


def test_a_drawn_data_set_is_written_counted_and_packed(dermaviz: Command, tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    drawn = dermaviz("data", "synth", "--n", 14, "--out", folder, "--seed", 3, "--size", 64)
    assert drawn.code == 0, drawn.err
    assert f"{folder}: 14 drawn images of 64 × 64 pixels in " in drawn.out
    assert " images/s)" in drawn.out
    assert "Synthetic lesions (schematic): nothing measured on them is a clinical finding." in drawn.out
    assert f"dermaviz data info --data {folder}\n" in drawn.out
    assert f"`manifest: {folder / 'split.csv'}`" in drawn.out
    assert len(read_ham10000(folder)) == 14

    counted = dermaviz("data", "info", "--data", folder)
    assert counted.code == 0, counted.err
    rows = {line.split()[0]: line.split()[1] for line in counted.out.splitlines()[1:5]}
    assert rows["all"] == "14"
    assert sum(int(rows[split]) for split in ("train", "validation", "test")) == 14
    assert "synthetic lesions (schematic)" in counted.out
    assert "Tschandl" not in counted.out

    packed = dermaviz("data", "pack", "--data", folder, "--height", 32, "--width", 32)
    assert packed.code == 0, packed.err


def test_a_data_set_is_split_by_group_or_where_asked_by_image(
    dermaviz: Command, write_ham10000: Callable[..., Path], tmp_path: Path
) -> None:
    root = write_ham10000(tmp_path / "data", {f"L{i}": ("nv", 3) for i in range(10)})
    for option, crossing in (((), False), (("--by-image",), True)):
        answer = dermaviz("data", "split", "--data", root, "-o", tmp_path / "split.csv", *option)
        assert answer.code == 0, answer.err
        assigned = read_manifest(tmp_path / "split.csv").assignment
        splits_of = {(image_id.split("-")[0], split) for image_id, split in assigned.items()}
        assert (len(splits_of) > 10) is crossing


def test_a_folder_that_holds_a_data_set_is_left_alone(
    dermaviz: Command, write_ham10000: Callable[..., Path], tmp_path: Path
) -> None:
    root = write_ham10000(tmp_path / "real", {"L1": ("mel", 2)})
    before = sorted(root.rglob("*"))
    answer = dermaviz("data", "synth", "--n", 3, "--out", root)
    assert answer.code == 2
    assert "expected no data set there, found HAM10000_metadata.csv. Choose an empty folder." in answer.err
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--n", 0), "Invalid value for '--n'"),
        (("--size", 32), "size: expected a number from 64 to 1024, found 32"),
        (("--seed", -1), "Invalid value for '--seed'"),
    ],
)
def test_what_cannot_be_drawn_makes_nothing(
    dermaviz: Command, tmp_path: Path, arguments: tuple[object, ...], said: str
) -> None:
    answer = dermaviz("data", "synth", "--out", tmp_path / "new", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert not (tmp_path / "new").exists()
