"""`dermaviz rebuild`: evidence made again in order, resumed, the same where nothing changed, and checked on a few images."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dermaviz.data.photographs import REMEMBERED
from dermaviz.evidence import evaluate
from dermaviz.evidence.rebuild import WORK
from dermaviz.images import reduce_to
from dermaviz.models.card import read_card
from dermaviz.models.checkpoint import save_checkpoint
from dermaviz.models.classifier import Classifier

Command = Callable[..., Any]
TABLES = ["--table", "predictions", "--table", "tone"]


@pytest.fixture
def data(drawn_dataset: Path, draw_photo: Command, tmp_path: Path) -> Path:
    """The checkpoint's own data set, and beside it another one whose labels need a map."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ham10000").symlink_to(drawn_dataset)
    for i, label in enumerate(("wart", "nevus", "wart", "melanoma")):
        draw_photo(tmp_path / "data" / "clinic" / label / f"{i}.png", seed=i)
    return tmp_path / "data"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves a copy of its checkpoint for the others."""
    return tmp_path_factory.mktemp("kept") / "seven"


@pytest.fixture
def seven(dermaviz: Command, drawn_classifier: Classifier, data: Path, tmp_path: Path, kept: Path) -> Path:
    """A checkpoint with figures on its card and evidence on both data sets."""
    folder = tmp_path / "checkpoints" / "seven"
    if kept.exists():
        shutil.copytree(kept, folder)
        return folder
    save_checkpoint(folder, drawn_classifier.network, drawn_classifier.card)
    assert dermaviz("audit", "seven", "--data", data / "clinic", "--map", "wart=bkl", *TABLES).code == 0
    assert dermaviz("audit", "seven", "--data", data / "ham10000", *TABLES).code == 0
    assert dermaviz("evaluate", "seven", "--data", data / "ham10000", "--draws", "1000").code == 0
    shutil.copytree(folder, kept, ignore=shutil.ignore_patterns(REMEMBERED))  # data lie elsewhere in each test
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in (".parquet", ".json") and not path.name.startswith(".")
    }


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_is_fresh_stays_and_what_is_of_another_model_is_made_in_order(
    dermaviz: Command, seven: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(seven)
    answer = dermaviz("rebuild", "--data", data)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("0 of 4 tables to make.")
    assert answer.out.endswith("What changed:\nnothing\n")
    answer = dermaviz("rebuild", "seven", "--data", data, "--again")
    assert answer.out.startswith("4 of 4 tables to make. About 1 minute by what earlier audits took.")
    assert answer.out.endswith("What changed:\nnothing\n")
    assert contents(seven) == before
    card = read_card(seven / "card.json")
    replace(card, temperature=9.0).write(seven / "card.json")
    with monkeypatch.context() as killed:
        killed.setattr(evaluate, "evaluate_checkpoint", interrupt)
        answer = dermaviz("rebuild", "--data", data)
    assert answer.code != 0
    made = [line.split(":")[0] for line in answer.out.splitlines() if line.endswith(" rows")]
    assert made == [
        f"seven · {of} · {table}" for of in ("ham10000/test", "clinic/all") for table in ("predictions", "tone")
    ]
    assert "seven · clinic/all · predictions: largest difference" in answer.out
    answer = dermaviz("rebuild", "--data", data)
    assert answer.code == 0, answer.err
    said = answer.out.split("What changed:\n")[1]
    assert "seven · card: test negative_log_likelihood" in said
    assert "tone" not in said
    found = pd.read_parquet(seven / "evidence/clinic/all/predictions.parquet")
    assert found["dx"].tolist() == ["mel", "nv", "bkl", "bkl"]
    answer = dermaviz("audit", "seven", "--data", data / "clinic", "--map", "wart=bkl", *TABLES)
    assert "made in" in answer.out
    assert dermaviz("rebuild", "--data", data).out.startswith("0 of 4 tables to make.")
    assert not (seven / WORK).exists()


def test_stopped_in_the_middle_it_goes_on_and_ends_as_if_it_had_not_been(
    dermaviz: Command, seven: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(read_card(seven / "card.json"), temperature=9.0).write(seven / "card.json")
    command = ["rebuild", "--data", data, "--only", "predictions"]
    real, asked = evaluate.prediction_rows, []

    def counted(classifier: Classifier, dataset: Any, slices: Any) -> Iterator[pd.DataFrame]:
        for frame in real(classifier, dataset, slices):
            asked.append(dataset.name)
            if asked == ["ham10000", "clinic"]:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(evaluate, "prediction_rows", counted)
    figures = seven.parents[1] / "docs" / "make_figures.py"
    figures.parent.mkdir()
    figures.write_text("open(f'{__file__}.ran', 'w')")
    assert dermaviz(*command).code != 0
    assert asked == ["ham10000", "clinic"]
    answer = dermaviz(*command)
    assert answer.code == 0, answer.err
    assert asked == ["ham10000", "clinic", "clinic"]
    assert "ham10000/test · predictions: largest difference" in answer.out
    assert figures.with_name("make_figures.py.ran").exists(), "figures in documents follow"
    resumed = contents(seven)
    again = dermaviz(*command, "--again")
    assert again.out.endswith("What changed:\nnothing\n")
    assert contents(seven) == resumed


def test_a_few_images_tell_that_pictures_are_prepared_otherwise_now(
    dermaviz: Command, seven: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(seven)
    command = ["rebuild", "--data", data, "--limit", 3]
    answer = dermaviz(*command)
    assert answer.code == 0, answer.err
    assert "seven · clinic/all · predictions: the same in 3 rows" in answer.out
    prepare = Classifier.prepare
    monkeypatch.setattr(Classifier, "prepare", lambda self, pixels: prepare(self, reduce_to(np.asarray(pixels), 24)))
    answer = dermaviz(*command, "--only", "predictions")
    assert answer.code == 2
    assert "2 of 2 tables to make." in answer.out
    assert "seven · clinic/all · predictions: " in answer.out.split("What differs:")[1]
    assert contents(seven) == before
    assert not (seven / WORK).exists()


def test_what_cannot_be_made_is_said_and_the_rest_is_made(dermaviz: Command, seven: Path, data: Path) -> None:
    (data / "clinic").rename(data.parent / "elsewhere")
    table = seven / "evidence/ham10000/test/tone.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[:100])
    answer = dermaviz("rebuild", "seven", "--data", data)
    assert answer.code == 2
    assert "clinic/all · tone: left out. expected the data set clinic in a folder of that name" in answer.err
    assert "seven · ham10000/test · tone: new" in answer.out
    assert table.read_bytes() == whole
    wrong = dermaviz("rebuild", "seven", "--data", data, "--only", "tones")
    assert (wrong.code, "found tones" in " ".join(wrong.err.replace("│", " ").split())) == (2, True)
