"""From a folder of drawn lesions to an evaluated checkpoint, by commands alone; and what `dermaviz doctor` says of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dermaviz.data.split import read_manifest
from dermaviz.evidence.store import Source, write_evidence

Command = Callable[..., Any]
RECIPE = """
name: drawn
data: {{manifest: "{manifest}", pack: [36, 40]}}
model: {{architecture: test_resnet, weights: none}}
stages: [{{size: 32, epochs: 1}}]
batch_size: 8
"""


def test_train_then_evaluate(dermaviz: Command, drawn_dataset: Path, tmp_path: Path) -> None:
    data = shutil.copytree(drawn_dataset, tmp_path / "data")
    manifest = data / "split.csv"
    recipe = tmp_path / "drawn.yaml"
    recipe.write_text(RECIPE.format(manifest=manifest), encoding="utf-8")
    trained = dermaviz("train", recipe, "--data", data, "--runs", tmp_path / "runs")
    assert trained.code == 0, trained.err
    card = tmp_path / "checkpoints" / "drawn" / "card.json"
    assert f"{card.parent}: temperature" in trained.out
    assert "validation: " in trained.out
    assert set(json.loads(card.read_text(encoding="utf-8"))["metrics"]) == {"validation"}

    evaluated = dermaviz("evaluate", "drawn", "--data", data, "--draws", 20)
    assert evaluated.code == 0, evaluated.err
    metrics = json.loads(card.read_text(encoding="utf-8"))["metrics"]
    assert set(metrics) == {"validation", "test"}
    assert f"balanced_accuracy            {metrics['test']['balanced_accuracy']['value']:.3f}" in evaluated.out

    manifest.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    refused = dermaviz("evaluate", "drawn", "--data", data)
    assert refused.code == 2
    assert "that it was trained on, found" in refused.err


def test_data_commands(dermaviz: Command, write_ham10000: Callable[..., Path], tmp_path: Path) -> None:
    root = write_ham10000(tmp_path / "data", {f"L{i}": (("mel", "nv")[i % 2], 1 + i % 3) for i in range(40)})
    split = dermaviz("data", "split", "--data", root, "-o", tmp_path / "own.csv", "--seed", 3)
    assert split.code == 0
    manifest = read_manifest(tmp_path / "own.csv")
    assert f"{len(manifest.assignment)} images (train " in split.out
    assert f"sha256 {manifest.sha256}" in split.out

    info = dermaviz("data", "info", "--data", root, "--manifest", tmp_path / "own.csv")
    counts = {line.split()[0]: line.split()[1:] for line in info.out.splitlines()[1:5]}
    assert counts["all"][:3] == [str(len(manifest.assignment)), "?", "40"]
    assert sum(int(counts[name][0]) for name in ("train", "validation", "test")) == len(manifest.assignment)
    assert "CC BY-NC 4.0" in info.out

    size = ["--height", 12, "--width", 16]
    packed = dermaviz("data", "pack", "--data", root, "--manifest", tmp_path / "own.csv", *size)
    assert packed.code == 0
    used = sum(split != "test" for split in manifest.assignment.values())
    assert f"({used}, 12, 16, 3)" in packed.out
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_doctor_is_content(dermaviz: Command, checkpoint: str, drawn_dataset: Path) -> None:
    answer = dermaviz("doctor", "--data", drawn_dataset)
    assert answer.code == 0, answer.out
    assert "✗" not in answer.out
    assert "✓ checkpoint tiny: intact, test_resnet, 3 classes" in answer.out
    assert "✓ data: 64 images in" in answer.out
    assert answer.out.splitlines()[-1] == "all well"


BROKEN: dict[str, Callable[[Path, dict[str, Any]], object]] = {
    "cut weights": lambda folder, card: (folder / "model.safetensors").write_bytes(b"cut"),
    "cut card": lambda folder, card: (folder / "card.json").write_text("{"),
    "deep card": lambda folder, card: (folder / "card.json").write_text("[" * 200_000),
    "a folder for a card": lambda folder, card: ((folder / "card.json").unlink(), (folder / "card.json").mkdir()),
    "a list in a list": lambda folder, card: (folder / "card.json").write_text(
        json.dumps({**card, "malignant": [["mel"]]})
    ),
    "another network": lambda folder, card: (folder / "card.json").write_text(
        json.dumps({**card, "architecture": "resnet18"})
    ),
    "no such layer": lambda folder, card: (folder / "card.json").write_text(
        json.dumps({**card, "attention_layer": "layer9"})
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_doctor_finds_a_broken_checkpoint_among_whole_ones(
    dermaviz: Command, checkpoint: str, tmp_path: Path, fault: str
) -> None:
    folder = tmp_path / "checkpoints" / checkpoint
    shutil.copytree(folder, folder.with_name("whole"))
    BROKEN[fault](folder, json.loads((folder / "card.json").read_text()))
    answer = dermaviz("doctor")
    assert answer.code == 1
    assert "✗ checkpoint tiny: " in answer.out
    assert "✓ checkpoint whole: intact" in answer.out
    assert answer.out.splitlines()[-1].startswith("something needs attention")


def test_doctor_names_evidence_that_cannot_be_used_and_a_folder_that_cannot_be_written(
    dermaviz: Command, checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkpoints" / checkpoint
    write_evidence(folder, pd.DataFrame({"image_id": ["a"]}), Source("predictions", "ham10000", "test", "x", "y"), {})
    (tmp_path / "file").touch()
    monkeypatch.setenv("DERMAVIZ_CACHE", str(tmp_path / "file" / "cache"))
    answer = dermaviz("doctor")
    assert answer.code == 1
    marked = [line for line in answer.out.splitlines() if line.startswith("✗")]
    assert len(marked) == 2
    assert "cannot be written (Not a directory). Make room, or set DERMAVIZ_CACHE." in marked[0]
    assert "It is stale" in marked[1]
    assert "dermaviz audit tiny" in marked[1]


def test_doctor_judges_any_data_set(
    dermaviz: Command,
    checkpoint: str,
    tmp_path: Path,
    draw_photo: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = tmp_path / "clinic"
    for i, name in enumerate("abc"):
        draw_photo(root / "Mueller" / f"{name}.png", 66, 88, seed=i)
    (root / "list.csv").write_text("photo;dx;who;split\na;mel;P1;train\nb;nv;P2;train\nc;nv;P1;test\n")
    asked = ("doctor", "--data", root, "--columns", "image=photo,patient=who")
    answer = dermaviz(*asked)
    assert answer.code == 1
    assert f"✓ data: 3 images in {root}, 2 classes" in answer.out
    assert "  list.csv: columns separated by semicolons.\n" in answer.out
    assert "  Split by patient: nobody is in two splits.\n" not in answer.out
    assert "✗ data: 1 of its patients are in more than one of its splits: P1" in answer.out
    assert "pictures were opened" not in answer.out
    (root / "Mueller" / "b.png").write_bytes(b"no picture")
    assert f"✗ data: {root / 'Mueller' / 'b.png'}: " in dermaviz(*asked).out
    monkeypatch.setattr("dermaviz.cli.doctor._LOOKED_AT", 2)
    answer = dermaviz(*asked)
    assert "  2 of its 3 pictures were opened, all over the data set.\n" in answer.out
    assert "b.png" not in answer.out


def test_doctor_misses_checkpoints_and_data(dermaviz: Command, tmp_path: Path) -> None:
    answer = dermaviz("doctor", "--data", tmp_path)
    assert answer.code == 1
    assert f"✗ no checkpoint in {tmp_path / 'checkpoints'}" in answer.out
    assert "✗ data: " in answer.out
