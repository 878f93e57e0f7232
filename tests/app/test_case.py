"""Checkpoints are found, photos are asked about once, and answers belong to their photo and model."""

from __future__ import annotations

import io
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from dermaviz import images
from dermaviz.app.case import ask, drawn_photo, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint, classifier, installed_checkpoints
from dermaviz.app.sessions import HASHED
from dermaviz.app.widgets.drawing import FIRST_SAMPLE
from dermaviz.app.widgets.panels import Look, overlay_png, raw_map
from dermaviz.app.widgets.photo import sample_label
from dermaviz.errors import CheckpointError, ImageError
from dermaviz.models.card import read_card
from dermaviz.models.checkpoint import load_checkpoint, save_checkpoint
from dermaviz.synthetic import SAMPLES

LOOK = Look(None, "gradcam++", 0.5, "viridis", (), None)


def png(seed: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


def test_checkpoints_are_listed_without_the_broken_one(checkpoints: Path) -> None:
    assert list(installed_checkpoints()) == ["first", "second"]


def test_no_checkpoint_at_all_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    with pytest.raises(CheckpointError, match="Clone the whole repository, or set DERMAVIZ_CHECKPOINTS"):
        installed_checkpoints()


def test_the_answer_is_that_of_the_classifier(checkpoint: Checkpoint) -> None:
    photo = uploaded_photo("noise.png", png(1))
    case = ask(photo, checkpoint)
    expected = load_checkpoint(checkpoint.folder).predict(photo.read().pixels)
    assert case.answer.size == (120, 90)
    np.testing.assert_allclose(case.answer.probabilities, expected.probabilities, rtol=1e-5)


def test_a_photo_is_read_once_and_never_mixed_up(checkpoint: Checkpoint) -> None:
    reads = []
    photo = uploaded_photo("noise.png", png(2))

    def read() -> images.Image:
        reads.append(1)
        return photo.read()

    first = ask(replace(photo, read=read), checkpoint)
    again = ask(replace(photo, read=read), checkpoint)
    other = ask(uploaded_photo("noise.png", png(3)), checkpoint)
    assert len(reads) == 1
    assert (first.answer.prepared == again.answer.prepared).all()
    assert not (first.answer.prepared == other.answer.prepared).all()


def test_a_changed_temperature_is_another_answer_and_another_model(checkpoint: Checkpoint) -> None:
    photo, sharp = uploaded_photo("noise.png", png(6)), replace(checkpoint.card, temperature=1e-3)
    before, model = ask(photo, checkpoint), classifier(checkpoint)
    sharp.write(checkpoint.folder / "card.json")
    changed = Checkpoint(checkpoint.folder, sharp)
    after = ask(photo, changed)
    assert classifier(changed) is not model
    logits = 1000 * np.log(before.answer.probabilities.astype(float))  # at temperature 1, up to a constant
    expected = np.exp(logits - logits.max())
    np.testing.assert_allclose(after.answer.probabilities, expected / expected.sum(), rtol=1e-2)
    assert np.ptp(before.answer.probabilities) < 0.01 < np.ptp(after.answer.probabilities)
    assert after.key != before.key


def test_other_weights_in_the_same_folder_are_another_answer_and_another_model(checkpoint: Checkpoint) -> None:
    photo = uploaded_photo("noise.png", png(7))
    before, model = ask(photo, checkpoint), classifier(checkpoint)
    torch.manual_seed(3)
    network = timm.create_model("test_efficientnet", num_classes=7)
    save_checkpoint(checkpoint.folder, network, checkpoint.card)
    changed = Checkpoint(checkpoint.folder, read_card(checkpoint.folder / "card.json"))
    after = ask(photo, changed)
    assert classifier(changed) is not model
    assert not np.array_equal(after.answer.probabilities, before.answer.probabilities)
    assert not np.array_equal(after.attention(0).raw, before.attention(0).raw)


@pytest.mark.parametrize("name", HASHED)
def test_each_type_that_the_caches_know_is_there(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert hasattr(import_module(module), kind)


def test_a_refused_photo_is_refused_again(checkpoint: Checkpoint) -> None:
    photo = uploaded_photo("notes.jpg", b"only text")
    for _ in range(2):
        with pytest.raises(ImageError, match=r"notes\.jpg: expected a JPEG, PNG, WebP"):
            ask(photo, checkpoint)


def test_the_map_is_of_the_predicted_class_unless_another_is_asked_for(checkpoint: Checkpoint) -> None:
    photo = uploaded_photo("noise.png", png(4))
    case = ask(photo, checkpoint)
    assert case.attention(None, "gradcam").class_index == case.answer.index
    assert case.attention(2, "gradcam").class_index == 2


def test_downloads_hold_the_raw_map_and_the_overlay(checkpoint: Checkpoint) -> None:
    photo = uploaded_photo("noise.png", png(5))
    case = ask(photo, checkpoint)
    attended = case.attention(None, "gradcam++")
    np.testing.assert_array_equal(np.load(io.BytesIO(raw_map(attended))), attended.raw)
    with Image.open(io.BytesIO(overlay_png(case, attended, LOOK))) as picture:
        assert picture.size == (64, 64)


def test_samples_have_different_short_names_and_one_comes_first() -> None:
    labels = [sample_label(sample) for sample in SAMPLES]
    assert len(set(labels)) == len(SAMPLES) == 14
    assert "melanocytic nevus, very light skin, hair" in labels
    assert FIRST_SAMPLE in {sample.slug for sample in SAMPLES}


def test_a_sample_is_drawn_when_it_is_read() -> None:
    picture = drawn_photo("sample", SAMPLES[0].parameters).read()
    assert picture.pixels.shape == (224, 224, 3)
    assert picture.format == "drawn"
