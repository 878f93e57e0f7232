"""The README's "Your model, your data": its five commands and its notebook, run as they are written on drawn lesions."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from streamlit.testing.v1 import AppTest

from dermaviz.cli import main
from dermaviz.synthetic import Parameters, draw

ROOT = Path(__file__).parents[1]
LABELS = {"mel": "Melanoma", "nv": "naevus", "bkl": "BKL"}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader comes with: weights of a ResNet under DataParallel, forty drawn photos, and a table with patients."""
    folder = tmp_path_factory.mktemp("brought")
    (folder / "clinic" / "photos").mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torch.nn.DataParallel(torchvision.models.resnet18(num_classes=3))
    torch.save({"epoch": 9, "state_dict": network.state_dict()}, folder / "resnet.pth")
    rows = ["photo;diagnosis;person;fitzpatrick_skin_type"]
    for i in range(40):
        dx, tone = list(LABELS)[i % 3], i % 2
        lesion = draw(Parameters(dx=dx, ita=(50, -20)[tone], seed=i, size=96))
        Image.fromarray(lesion.image).save(folder / "clinic" / "photos" / f"{i:02d}.png")
        rows.append(f"{i:02d}.png;{LABELS[dx]};P{i // 3};{('II', 'VI')[tone]}")
    (folder / "clinic" / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def at_work(brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with all that was brought, and no other checkpoint or data set."""
    for name in ("clinic", "resnet.pth"):
        (tmp_path / name).symlink_to(brought / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DERMAVIZ_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("DERMAVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path / "none")
    return tmp_path


def test_the_five_commands_lead_to_a_confusion_page_and_a_report(
    at_work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Your model, your data") :]
    commands = re.search(r"```sh\n(.*?)```", section, re.S)[1].splitlines()  # type: ignore[index]
    assert len(commands) == 5
    opened: list[list[str]] = []

    def become(_: str, command: list[str]) -> None:
        opened.append(command)
        raise SystemExit

    monkeypatch.setattr(os, "execv", become)
    said = []
    for command in commands:
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as stop:
            main()
        answer = capsys.readouterr()
        assert not stop.value.code, f"{command}: {answer.err}"
        said.append(answer.out)
    info, imported, audited, reported, _ = said
    written = (ROOT / "docs" / "your-model.md").read_text(encoding="utf-8")
    assert info.strip() in written, "docs/your-model.md shows what data info says"
    for command in commands:
        assert command in written
    assert "stripped: the prefix 'module.'" in imported
    assert "Labels taken as classes: BKL as bkl, Melanoma as mel, naevus as nv." in audited
    assert "mine · clinic/all · predictions: 40 rows" in audited
    assert "mine.html" in reported
    report = (at_work / "mine.html").read_text(encoding="utf-8")
    assert "clinic" in report
    assert "What was taken for granted when the model was imported" in report
    assert "guessed: input size" in report
    (app,) = opened
    page = AppTest.from_file(app[4], default_timeout=240).switch_page("pages/2_Confusion.py").run()
    assert not page.exception
    assert not page.error
    words = "\n".join(element.value for kind in ("markdown", "caption") for element in page.get(kind))
    assert "40 images" in words
    assert "HAM10000" not in words


def test_the_notebook_does_the_same_in_python(at_work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads((ROOT / "docs" / "your_model.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert "patient from 'person'" in capsys.readouterr().out
    counts = names["counts"]
    assert counts.sum() == 40  # type: ignore[attr-defined]
    assert counts.sum(axis=1).tolist() == [13, 14, 13]  # type: ignore[attr-defined]
    assert (at_work / "mine.html").is_file()
