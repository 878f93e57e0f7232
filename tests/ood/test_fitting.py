"""Tests of fitting and measuring a detector: on drawn data from end to end, and its figures against scikit-learn and by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.readers import read_splits
from dermaviz.data.records import Dataset, Record
from dermaviz.data.split import read_manifest
from dermaviz.errors import DatasetError
from dermaviz.models.card import read_card
from dermaviz.models.checkpoint import save_checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.ood import read_detector
from dermaviz.ood.fitting import Measuring, bare_skin, fit_checkpoint_detector
from tests.outside_scenes import KINDS, scene


@pytest.fixture
def folder(tmp_path: Path, drawn_classifier: Classifier) -> Path:
    """A checkpoint with random weights that says it was trained on the drawn data set."""
    save_checkpoint(tmp_path / "tiny", drawn_classifier.network, drawn_classifier.card)
    return tmp_path / "tiny"


@pytest.fixture(autouse=True)
def few_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the lesions that a detector is measured on, one tone and one seed: they are what takes its time."""
    monkeypatch.setattr("dermaviz.ood.fitting._TONES", (30.0,))
    monkeypatch.setattr("dermaviz.ood.fitting._SEEDS", (1,))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Two drawn scenes of two kinds, one of them in two views."""
    for kind, name in (("noise", "1~whole"), ("noise", "1~nw"), ("noise", "2~whole"), ("text page", "3~whole")):
        place = tmp_path / "outside" / kind
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene(kind, int(name[0]))).save(place / f"{name}.png")
    return tmp_path / "outside"


def test_a_detector_is_fitted_measured_and_kept(folder: Path, drawn_dataset: Path, outside: Path) -> None:
    facts = fit_checkpoint_detector(folder, drawn_dataset, outside, components=4, refused=0.1, draws=20)
    read = read_detector(folder, read_card(folder / "card.json"))
    assert read is not None
    assert read[1] == facts
    assert facts.refused_on_validation <= 0.1
    counts = {(share.of, share.meaning): (share.pictures, share.sources) for share in facts.shares}
    manifest = read_manifest(drawn_dataset / "split.csv")
    assert facts.trained_on == sum(split == "train" for split in manifest.assignment.values())
    assert counts[("all outside pictures", "AUROC against test lesions")] == (4, 3)
    assert counts[("noise", "let through")] == (3, 2)
    assert counts[("text page", "let through")] == (1, 1)
    assert counts[("drawn samples of the gallery", "refused")] == (14, 14)
    assert counts[("drawn lesions", "refused")] == counts[("drawn skin without a lesion", "refused")] == (7, 7)
    assert "photographed skin without a lesion" not in {share.of for share in facts.shares}  # photos of 50 pixels
    assert all(0 <= share.value <= 1 for share in facts.shares)


def test_the_limit_is_wide_enough_for_other_cameras(
    folder: Path, drawn_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermaviz.ood.fitting._drawn_shares", lambda *_: [])
    splits, _ = read_splits("ham10000", str(drawn_dataset / "split.csv"), drawn_dataset)
    here = fit_checkpoint_detector(folder, drawn_dataset, components=4, refused=0.5, draws=5)
    wide = fit_checkpoint_detector(
        folder, drawn_dataset, external=splits, components=4, refused=0.5, refused_elsewhere=0, draws=5
    )
    assert (here.refused_elsewhere, wide.refused_elsewhere) == (None, 0)
    assert wide.limit > here.limit  # the widest of the same validation photos instead of their median
    other = next(share for share in wide.shares if share.of == "photos of other cameras (ham10000)")
    assert other.pictures == len(splits["test"])


def test_bare_skin_is_the_largest_square_beside_the_lesion(tmp_path: Path) -> None:
    pixels = np.full((150, 200, 3), 180, np.uint8)
    mask = np.zeros((150, 200), np.uint8)
    mask[:, 100:] = 255
    for name, content in (("a", pixels), ("m", mask)):
        Image.fromarray(content).save(tmp_path / f"{name}.png")
    record = Record("a", tmp_path / "a.png", "nv", "L", mask=tmp_path / "m.png")
    (patch,) = bare_skin(Dataset("d", ("mel", "nv"), (record,)), least=64).values()
    assert patch.shape == (99, 99, 3)  # odd sides, round a pixel: of 100 free columns 99
    assert not bare_skin(Dataset("d", ("mel", "nv"), (record,)), least=101)


def test_another_split_than_the_cards_is_refused(
    folder: Path, write_ham10000: Callable[..., Path], tmp_path: Path
) -> None:
    root = write_ham10000(tmp_path / "other", {"L1": ("mel", 1), "L2": ("nv", 1)})
    with pytest.raises(DatasetError, match="expected"):
        fit_checkpoint_detector(folder, root)


def test_shares_are_counted_by_kind_and_views_are_drawn_with_their_picture() -> None:
    names = [("a", "x~whole"), ("a", "x~nw"), ("a", "y~whole"), ("b", "z~whole")]
    others = Dataset("o", ("a", "b"), tuple(Record(f"{k}/{n}", Path(n), k, n) for k, n in names))
    distances = np.array([1.0, 1.0, 3.0, 4.0])
    measuring = Measuring(1.5, np.array([0.5, 2.0]), np.array(["L1", "L2"]), 400)
    found = measuring.outside_shares(others, distances)
    area, every, first_area, first, second_area, second = found
    assert (area.value, every.value, first.value, second.value) == (0.75, 0.5, 2 / 3, 0)
    assert (first_area.value, second_area.value) == (pytest.approx(4 / 6), 1)  # 2 + 2 of 6 pairs; all of 2
    assert (every.pictures, every.sources) == (4, 3)
    assert (second.low, second.high) == pytest.approx((0, 0.975))  # one picture tells next to nothing, and one pair
    assert (second_area.low, second_area.high) == pytest.approx((0.025, 1))
    assert (first.low, first.high) == (0, 1)  # x or y alone: their views come together


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_drawn_again_bit_for_bit(kind: str) -> None:
    assert scene(kind, 3).shape == (448, 448, 3)
    np.testing.assert_array_equal(scene(kind, 3), scene(kind, 3))
    assert (scene(kind, 3) != scene(kind, 4)).any()
