"""Tests of predictions.csv: its columns and order, a row for every file, and going on after an interruption."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from dermaviz.data.records import HAM10000
from dermaviz.errors import DatasetError
from dermaviz.evidence.evaluate import folder_columns, predict_folder
from dermaviz.evidence.images import before_the_answer
from dermaviz.images import read_image
from dermaviz.io import from_csv_cell
from dermaviz.models.classifier import Classifier
from dermaviz.ood import Detector

HEADER = "image,prediction,p_bkl,p_mel,p_nv,p_malignant,out_of_distribution,notes,error"
OUTPUT, PARTS, MARK = "predictions.csv", "predictions.csv.*.part", "marked"


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
    classes = "p_akiec, p_bcc, p_bkl, p_df, p_mel, p_nv, p_vasc"
    contract = f"image, prediction, {classes}, p_malignant, out_of_distribution, notes, error"
    assert folder_columns(tuple(HAM10000.classes)) == contract.split(", ")


def test_how_unlike_the_training_images_a_file_is_and_what_was_done_to_read_it(
    tiny_classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    Image.fromarray(np.full((96, 96), 40_000, np.uint16)).save(photos / "deep.png")
    prepared = [tiny_classifier.prepare(read_image(photos / f"{name}.png").pixels) for name in ("a", "b")]
    _, features = tiny_classifier.observe(tiny_classifier.to_tensor(prepared))
    mean = features.mean(axis=0)
    towards = ((features[0] - mean) / np.linalg.norm(features[0] - mean))[:, None]
    detector = Detector(mean, towards, np.ones(1, np.float32), 2.0, limit=0.25)
    predict_folder(replace(tiny_classifier, detector=detector), photos, tmp_path / "out.csv")
    found = {row["image"]: row for row in rows(tmp_path / "out.csv")}
    expected = np.linalg.norm(features[0] - mean) / np.sqrt(len(mean)) / 0.25
    assert float(found["a.png"]["out_of_distribution"]) == pytest.approx(expected, abs=6e-4)
    assert found["a.png"]["notes"].startswith("The photo has fewer pixels (64 on the short side)")
    done = read_image(photos / "deep.png")
    assert done.notes
    outside = before_the_answer(tiny_classifier.card, done.pixels)
    assert any("no colour" in sentence for sentence in outside)
    assert found["deep.png"]["notes"] == "; ".join((*done.notes, *outside))
    assert found["note.jpg"]["out_of_distribution"] == found["note.jpg"]["notes"] == ""


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
    assert "expected a JPEG, PNG, WebP, BMP" in refused.pop("error")
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
    (part,) = tmp_path.glob(PARTS)
    assert len(part.read_text(encoding="utf-8").split()) > 3
    asked = Interrupted(tiny_classifier.network)
    predict_folder(replace(tiny_classifier, network=asked), photos, output, batch_size=3)
    assert asked.batches == 1  # three of five photos were not asked about again
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert list(tmp_path.glob(PARTS)) == []


@pytest.fixture
def kept(tiny_classifier: Classifier, photos: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """The part that an interrupted run left, and its three lines; all say mel, so that they can be recognised."""
    with pytest.raises(KeyboardInterrupt):
        predict_folder(
            replace(tiny_classifier, network=Interrupted(tiny_classifier.network)), photos, tmp_path / OUTPUT, 3
        )
    (part,) = tmp_path.glob(PARTS)
    lines = [json.loads(line) for line in part.read_text(encoding="utf-8").split("\n") if line]
    return part, [json.dumps([*line[:2], MARK, *line[3:]]) for line in lines]


@pytest.mark.parametrize(
    ("cut", "reused"),
    [
        (lambda lines: "\n".join(lines), 3),
        (lambda lines: "\n".join(lines)[:-7], 2),  # killed within a line
        (lambda lines: "\n".join([*lines[:2], '{"a": ' + "[" * 10**6]), 2),
        (lambda lines: "\n".join([lines[0][:-1] + ', "more"]', "[1, 2]", "7", "\x00", lines[2]]), 1),
        (lambda lines: "", 0),
    ],
)
def test_whole_rows_are_kept_and_broken_ones_made_again(
    tiny_classifier: Classifier,
    photos: Path,
    tmp_path: Path,
    kept: tuple[Path, list[str]],
    cut: Callable[[list[str]], str],
    reused: int,
) -> None:
    part, lines = kept
    part.write_text(cut(lines), encoding="utf-8")
    assert predict_folder(tiny_classifier, photos, tmp_path / OUTPUT) == 6
    assert [row["prediction"] for row in rows(tmp_path / OUTPUT)].count(MARK) == reused


def test_rows_of_other_files_are_not_taken(
    tiny_classifier: Classifier,
    photos: Path,
    tmp_path: Path,
    kept: tuple[Path, list[str]],
    draw_photo: Callable[..., np.ndarray],
) -> None:
    part, lines = kept
    part.write_text("\n".join(lines), encoding="utf-8")
    stamp = (photos / "10.png").stat()
    draw_photo(photos / "10.png", seed=77)  # another photo of the same name, size and time
    os.utime(photos / "10.png", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    (photos / "9.png").rename(photos / "8.png")
    predict_folder(tiny_classifier, photos, tmp_path / OUTPUT)
    assert [row["image"] for row in rows(tmp_path / OUTPUT) if row["prediction"] == MARK] == ["B.png"]


@pytest.mark.parametrize(
    "change", [{"weights_sha256": "b" * 64}, {"temperature": 1.75}, {"mean": (0.5, 0.5, 0.5)}, {"malignant": ()}]
)
def test_another_checkpoint_does_not_continue(
    make_classifier: Callable[..., Classifier],
    photos: Path,
    tmp_path: Path,
    kept: tuple[Path, list[str]],
    change: dict[str, object],
) -> None:
    part, lines = kept
    part.write_text("\n".join(lines), encoding="utf-8")
    predict_folder(make_classifier(**change), photos, tmp_path / OUTPUT)
    assert MARK not in {row["prediction"] for row in rows(tmp_path / OUTPUT)}
    assert part.exists()


def test_a_link_stays_and_a_device_is_refused(tiny_classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "target.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "target.csv")
    predict_folder(tiny_classifier, photos, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert len(rows(tmp_path / "target.csv")) == 6
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DatasetError, match=r"pipe.csv, found: it is a folder or a device"):
        predict_folder(tiny_classifier, photos, tmp_path / "pipe.csv")


# Classes, names, places


def test_a_class_called_malignant_has_one_column(
    make_classifier: Callable[..., Classifier], photos: Path, tmp_path: Path
) -> None:
    classifier = make_classifier(classes=("benign", "malignant"), malignant=())
    predict_folder(classifier, photos, tmp_path / "out.csv")
    assert folder_columns(classifier.classes)[:5] == [
        "image",
        "prediction",
        "p_benign",
        "p_malignant",
        "out_of_distribution",
    ]
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
    names = ["läsion, links.png", 'the "odd" one.png', "two\nlines.png", "=HYPERLINK(1).png", "-5.png", "'=x.png"]
    for name in names:
        draw_photo(folder / name)
    predict_folder(tiny_classifier, folder, tmp_path / "out.csv")
    written = [row["image"] for row in rows(tmp_path / "out.csv")]
    assert [from_csv_cell(name) for name in written] == sorted(names)
    assert not any(name.startswith("=") for name in written)


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
    with pytest.raises(DatasetError, match=r"found no files\. Photos are JPEG, PNG, WebP"):
        predict_folder(tiny_classifier, tmp_path / "empty", tmp_path / "out.csv")
    with pytest.raises(
        DatasetError, match=r"expected a CSV file that can be written at .*found: it is a folder or a device"
    ):
        predict_folder(tiny_classifier, photos, tmp_path / "empty")
    with pytest.raises(DatasetError, match=r"expected a CSV file that can be written at .*Name another file with -o"):
        predict_folder(tiny_classifier, photos, photos / "a.png" / "out.csv")


def test_the_network_is_asked_without_gradients(tiny_classifier: Classifier, photos: Path, tmp_path: Path) -> None:
    class Watching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            assert not torch.is_grad_enabled()
            return tiny_classifier.network(images)

    assert predict_folder(replace(tiny_classifier, network=Watching()), photos, tmp_path / "out.csv") == 6
