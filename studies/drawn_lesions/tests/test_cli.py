"""`dermaviz data compare`: results as promised, on drawn lesions that stand in for photographs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.io
import pytest
from PIL import Image

Command = Callable[..., Any]
FIGURES = {"distances", "colours", "spectra", "answers-1", "answers-2"}


def test_compare_writes_tables_figures_and_pages(
    dermaviz: Command, checkpoint: str, drawn_dataset: Path, tmp_path: Path
) -> None:
    output, page, photos = tmp_path / "out", tmp_path / "page.png", tmp_path / "photos.png"
    answer = dermaviz(
        "data", "compare", "--data", drawn_dataset, "--out", output, "-n", 4, "--per-diagnosis", 1,
        "-c", checkpoint, "--page", page, "--photos", photos,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "Nothing measured on drawn lesions is a clinical finding." in answer.out
    assert f"{photos}: Photographs of HAM10000 are on it" in answer.out
    manifest = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["n"], manifest["drawn"], manifest["checkpoint"]) == (4, 2, "tiny")
    assert "CC BY-NC" in manifest["licence"]
    assert pd.read_csv(output / "answers.csv")["n"].sum() == 2 * 7
    assert len(pd.read_csv(output / "distances.csv")) == 2 * 4
    assert {path.stem for path in (output / "figures").iterdir()} == FIGURES
    for path in (output / "figures").iterdir():
        assert plotly.io.read_json(path).data
    assert sum(path.stat().st_size for path in output.rglob("*.*")) < 300_000
    for sheet in (page, photos):
        with Image.open(sheet) as picture:
            assert picture.size == (8 * 154 + 4, 154 + 4)  # one row of four


def test_compare_without_photographs_says_what_to_do(
    dermaviz: Command, checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    answer = dermaviz("data", "compare", "--out", tmp_path / "out", "-c", checkpoint)
    assert answer.code == 2
    assert "expected the place of the data, found none" in answer.err
    assert not (tmp_path / "out").exists()
