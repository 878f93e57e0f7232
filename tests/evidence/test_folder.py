"""Tests of predictions.csv: its columns and order, a row for every file, and going on after an interruption."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dermaviz.data.records import HAM10000
from dermaviz.errors import DatasetError
from dermaviz.evidence.evaluate import columns, predict_folder
from dermaviz.images import read_image
from dermaviz.models.classifier import Classifier

HEADER = "image,prediction,p_bkl,p_mel,p_nv,p_malignant,error"
PART = "predictions.csv.aaaaaaaa.part"


@pytest.fixture
def photos(tmp_path: Path, draw_photo: Callable[..., np.ndarray]) -> Path:
    """Five photos, a text file called one, a hidden file and a sub-folder."""
    folder = tmp_path / "photos"
    for i, name in enumerate(("b.png", "a.png", "B.png", "10.png", "9.png")):
        draw_photo(folder / name, seed=i)
    (folder / "note.jpg").write_text("not a photo")
    (folder / ".hidden.png").write_text("")
    draw_photo(folder / "deeper" / "c.png")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_columns_of_the_default_checkpoint() -> None:
    contract = "image, prediction, p_akiec, p_bcc, p_bkl, p_df, p_mel, p_nv, p_vasc, p_malignant, error"
    assert columns(tuple(HAM10000.classes)) == contract.split(", ")


def test_one_row_per_file_in_name_order(tiny_classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "predictions.csv"
    assert predict_folder(tiny_classifier, photos, output, batch_size=2) == 6
    assert output.read_text(encoding="utf-8").splitlines()[0] == HEADER
    found = rows(output)
    assert [row["image"] for row in found] == ["10.png", "9.png", "B.png", "a.png", "b.png", "note.jpg"]
    for row in found[:-1]:
        expected = tiny_classifier.predict(read_image(photos / row["image"]).pixels)
        assert (row["prediction"], row["error"]) == (expected.diagnosis, "")
        said = [float(row[f"p_{name}"]) for name in expected.classes]
        assert said == pytest.approx(expected.probabilities.tolist(), abs=2e-6)
        assert float(row["p_malignant"]) == pytest.approx(expected.p_malignant, abs=2e-6)
    refused = found[-1]
    assert "expected a JPEG, PNG or WebP picture" in refused.pop("error")
    assert refused.pop("image") == "note.jpg"
    assert set(refused.values()) == {""}
    assert list(output.parent.iterdir()) == [output]


def test_a_folder_of_refused_files_only_still_has_its_rows(tiny_classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("x.jpg", "y.jpg"):
        (tmp_path / "in" / name).write_bytes(b"")
    assert predict_folder(tiny_classifier, tmp_path / "in", tmp_path / "out.csv") == 2
    assert all("empty file" in row["error"] for row in rows(tmp_path / "out.csv"))


def test_an_output_inside_the_folder_is_no_photo(tiny_classifier: Classifier, photos: Path) -> None:
    output = photos / "predictions.csv"
    (photos / "predictions.csv.0123abcd.part").write_text("of another checkpoint")
    for _ in range(2):  # the second run finds the first one's file
        assert predict_folder(tiny_classifier, photos, output) == 6
    assert "predictions.csv" not in {row["image"] for row in rows(output)}


def test_another_csv_in_the_folder_keeps_its_row(tiny_classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    (photos / "predictions.csv").write_text("somebody else's")
    assert predict_folder(tiny_classifier, photos, tmp_path / "predictions.csv") == 7


# Going on


class Interrupted(nn.Module):
    """A network during whose second batch the user presses Ctrl-C."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.batches = network, 0

    def forward(self, images: Tensor) -> Tensor:
        self.batches += 1
        if self.batches == 2:
            raise KeyboardInterrupt
        return self.network(images)


def test_an_interrupted_run_leaves_no_output_and_is_continued(
    tiny_classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "predictions.csv"
    predict_folder(tiny_classifier, photos, tmp_path / "whole.csv", batch_size=3)
    with pytest.raises(KeyboardInterrupt):
        predict_folder(replace(tiny_classifier, network=Interrupted(tiny_classifier.network)), photos, output, 3)
    assert not output.exists()
    assert len(rows(tmp_path / PART)) == 3
    (photos / "10.png").unlink()  # its row is there: it is not read again
    (photos / "10.png").write_bytes(b"gone")
    predict_folder(tiny_classifier, photos, output, batch_size=3)
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not (tmp_path / PART).exists()


@pytest.fixture
def unfinished(tiny_classifier: Classifier, photos: Path, tmp_path: Path) -> list[str]:
    """The lines of a whole run, the first row marked so that it can be recognised."""
    predict_folder(tiny_classifier, photos, tmp_path / "whole.csv")
    lines = (tmp_path / "whole.csv").read_text(encoding="utf-8").splitlines()
    lines[1] = "10.png,mel,0.111111,0.222222,0.666667,0.222222,"
    return lines


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        (lambda lines: "\n".join(lines[:4]).encode()[:-7], True),  # within a number
        (lambda lines: "\n".join(lines[:3]).encode() + b"\n" + "Lä".encode()[:2], True),  # within a character
        (lambda lines: ("\n".join(lines[:3]) + '\nB.png,"open').encode(), True),  # within quotes
        (lambda lines: "\n".join(lines[:2]).encode(), False),  # the last row is never trusted
        (lambda lines: lines[0].encode()[:9], False),
        (lambda lines: b"", False),
        (lambda lines: "\n".join(["image,prediction,p_x,error", *lines[1:4]]).encode(), False),  # other columns
        (lambda lines: "\n".join([lines[0], *lines[2:5]]).encode(), False),  # a file has come before them since
    ],
)
def test_whole_rows_are_kept_and_broken_ones_made_again(
    tiny_classifier: Classifier,
    photos: Path,
    tmp_path: Path,
    unfinished: list[str],
    cut: Callable[[list[str]], bytes],
    kept: bool,
) -> None:
    (tmp_path / PART).write_bytes(cut(unfinished))
    assert predict_folder(tiny_classifier, photos, tmp_path / "predictions.csv") == 6
    found, whole = rows(tmp_path / "predictions.csv"), rows(tmp_path / "whole.csv")
    assert (found[0]["p_bkl"] == "0.111111") is kept
    assert found[1:] == whole[1:]


def test_another_checkpoint_does_not_continue(
    tiny_classifier: Classifier,
    make_classifier: Callable[..., Classifier],
    photos: Path,
    tmp_path: Path,
    unfinished: list[str],
) -> None:
    (tmp_path / PART).write_text("\n".join(unfinished[:4]), encoding="utf-8")
    predict_folder(make_classifier(weights_sha256="b" * 64), photos, tmp_path / "predictions.csv")
    assert rows(tmp_path / "predictions.csv")[0]["p_bkl"] != "0.111111"
    assert (tmp_path / PART).exists()


# Classes, names, places


def test_a_class_called_malignant_has_one_column(
    make_classifier: Callable[..., Classifier], photos: Path, tmp_path: Path
) -> None:
    classifier = make_classifier(classes=("benign", "malignant"), malignant=())
    predict_folder(classifier, photos, tmp_path / "out.csv")
    assert columns(classifier.classes) == ["image", "prediction", "p_benign", "p_malignant", "error"]
    first = rows(tmp_path / "out.csv")[0]
    assert float(first["p_benign"]) + float(first["p_malignant"]) == pytest.approx(1, abs=1e-5)
    assert None not in first


def test_without_malignant_classes_the_sum_is_empty(
    make_classifier: Callable[..., Classifier], photos: Path, tmp_path: Path
) -> None:
    predict_folder(make_classifier(malignant=()), photos, tmp_path / "out.csv")
    assert {row["p_malignant"] for row in rows(tmp_path / "out.csv")} == {""}


def test_names_of_any_kind_are_written_and_read(
    tiny_classifier: Classifier, draw_photo: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    names = ["läsion, links.png", 'the "odd" one.png', "two\nlines.png"]
    for name in names:
        draw_photo(folder / name)
    predict_folder(tiny_classifier, folder, tmp_path / "out.csv")
    assert [row["image"] for row in rows(tmp_path / "out.csv")] == sorted(names)


def test_a_name_that_is_no_utf8_is_written_with_its_bytes(
    tiny_classifier: Classifier, draw_photo: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    draw_photo(tmp_path / "photos" / "a.png")
    try:
        (tmp_path / "photos" / "a.png").rename(tmp_path / "photos" / os.fsdecode(b"l\xe4sion.png"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    predict_folder(tiny_classifier, tmp_path / "photos", tmp_path / "out.csv")
    (row,) = rows(tmp_path / "out.csv")
    assert (row["image"], row["error"]) == (r"l\udce4sion.png", "")


def test_arguments_that_cannot_be_used_are_refused_first(
    tiny_classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="expected a folder of photos, found nothing of that kind"):
        predict_folder(tiny_classifier, tmp_path / "none", tmp_path / "out.csv")
    with pytest.raises(DatasetError, match=r"found no files\. Photos are JPEG, PNG or WebP files"):
        predict_folder(tiny_classifier, tmp_path / "empty", tmp_path / "out.csv")
    with pytest.raises(DatasetError, match=r"expected a CSV file that can be written at .*found: it is a folder"):
        predict_folder(tiny_classifier, photos, tmp_path / "empty")
    with pytest.raises(DatasetError, match=r"expected a CSV file that can be written at .*Name another file with -o"):
        predict_folder(tiny_classifier, photos, photos / "a.png" / "out.csv")


def test_the_network_is_asked_without_gradients(tiny_classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    class Watching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            assert not torch.is_grad_enabled()
            return tiny_classifier.network(images)

    assert predict_folder(replace(tiny_classifier, network=Watching()), photos, tmp_path / "out.csv") == 6
