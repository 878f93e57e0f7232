"""`dermaviz predict` and `dermaviz explain`: files as promised, a bad photo costs itself alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dermaviz.models.checkpoint import load_checkpoint

Command = Callable[..., Any]
COLUMNS = ["image", "prediction", "p_bkl", "p_mel", "p_nv", "p_malignant", "out_of_distribution", "notes", "error"]


@pytest.fixture
def photos(tmp_path: Path, draw_photo: Callable[..., np.ndarray]) -> Path:
    """Two photos of other sizes and a text file that pretends to be one."""
    folder = tmp_path / "photos"
    draw_photo(folder / "b.png", 64, 80, seed=1)
    draw_photo(folder / "a.png", 100, 66, seed=2)
    (folder / "bad.jpg").write_text("no picture", encoding="utf-8")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_predict_gives_a_row_per_file_in_name_order(
    dermaviz: Command, checkpoint: str, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "said.csv"
    answer = dermaviz("predict", photos, "-o", output, "-c", checkpoint, "--batch-size", 2)
    assert answer.code == 0
    assert f"{output}: 3 rows" in answer.out
    table = rows(output)
    assert list(table[0]) == COLUMNS
    assert [row["image"] for row in table] == ["a.png", "b.png", "bad.jpg"]
    classifier = load_checkpoint(tmp_path / "checkpoints" / checkpoint)
    for row in table[:2]:
        said = classifier.predict(np.asarray(Image.open(photos / row["image"])))
        assert row["prediction"] == said.diagnosis
        assert [float(row[f"p_{name}"]) for name in said.classes] == pytest.approx(said.probabilities, abs=1e-5)
        assert float(row["p_malignant"]) == pytest.approx(float(row["p_mel"]), abs=2e-6)
        assert row["error"] == ""
    assert table[2]["error"]
    assert all(table[2][name] == "" for name in COLUMNS[1:-1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{photos}/nowhere"], "expected a folder of photos, found nothing of that kind"),
        (["{photos}", "-c", "unknown"], "expected a checkpoint's folder or name, found 'unknown'"),
        (["{photos}", "-o", "{photos}"], "is a directory"),
        (["{photos}", "--device", "abacus"], "expected auto or one of cpu"),
        (["{photos}", "--device", "cuda:99"], "expected auto or one of cpu"),
        (["{photos}", "--batch-size", "0"], "Invalid value for '--batch-size'"),
    ],
)
def test_predict_with_unusable_arguments(
    dermaviz: Command, checkpoint: str, photos: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    given = [argument.format(photos=photos) for argument in arguments]
    defaults = [] if "-c" in given else ["-c", checkpoint]
    answer = dermaviz("predict", "-o", tmp_path / "out.csv", *defaults, *given)
    assert answer.code == 2
    assert said in answer.err
    assert not (tmp_path / "out.csv").exists()


def test_explain_writes_an_overlay_and_the_raw_map(
    dermaviz: Command, checkpoint: str, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "maps"
    answer = dermaviz("explain", photos / "a.png", photos / "b.png", "-o", output, "-c", checkpoint, "--class", "nv")
    assert answer.code == 0
    assert sorted(path.name for path in output.iterdir()) == [
        "a-map.npy",
        "a-overlay.png",
        "b-map.npy",
        "b-overlay.png",
    ]
    raw = np.load(output / "a-map.npy")
    assert raw.ndim == 2
    assert raw.dtype == np.float32
    with Image.open(output / "a-overlay.png") as overlay:
        assert (overlay.size, overlay.mode) == ((32, 32), "RGB")
    assert all("for nv at layer4" in line for line in answer.out.splitlines())


def test_explain_goes_on_after_a_bad_photo(dermaviz: Command, checkpoint: str, photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "maps"
    files = [photos / "bad.jpg", photos / "nowhere.png", photos / "a.png"]
    answer = dermaviz("explain", *files, "-o", output, "-c", checkpoint)
    assert answer.code == 1
    assert [line.split(":")[0] for line in answer.err.splitlines()] == [str(file) for file in files[:2]]
    assert sorted(path.name for path in output.iterdir()) == ["a-map.npy", "a-overlay.png"]


def test_photos_of_one_name_do_not_overwrite_each_other(
    dermaviz: Command, checkpoint: str, draw_photo: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("1/a.png", "1/a-2.png", "2/a.png")]
    for seed, file in enumerate(files):
        draw_photo(file, seed=seed)
    assert dermaviz("explain", *files, "-o", tmp_path / "maps", "-c", checkpoint).code == 0
    assert sorted(path.name for path in (tmp_path / "maps").glob("*.npy")) == [
        "a-2-map.npy",
        "a-3-map.npy",
        "a-map.npy",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--class", "wart"], "expected one of bkl, mel, nv, found 'wart'"),
        (["--method", "tealeaves"], "expected an attention method among gradcam++"),
        (["--opacity", "3"], "Invalid value for '--opacity'"),
        (["-o", "{photos}/a.png"], "is a file"),
    ],
)
def test_explain_with_unusable_arguments(
    dermaviz: Command, checkpoint: str, photos: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    given = [argument.format(photos=photos) for argument in arguments]
    answer = dermaviz("explain", photos / "a.png", "-o", tmp_path / "maps", "-c", checkpoint, *given)
    assert answer.code == 2
    assert said in answer.err
    assert not (tmp_path / "maps").exists()
