"""The gate's widget: which photos are asked about, and what is said of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dermaviz.app.case import ask, drawn_photo, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.widgets.diagnosis import installed_detector, let_through
from dermaviz.errors import EvidenceError
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.ood import Detector, DetectorFacts, detector_bytes, write_detector
from dermaviz.synthetic import SAMPLES

WIDTH = 256
"""Features of ``test_efficientnet``."""


def png(seed: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


def facts_of(checkpoint: Checkpoint, gate: Detector) -> DetectorFacts:
    digest = hashlib.sha256(detector_bytes(gate)).hexdigest()
    return DetectorFacts(checkpoint.card.weights_sha256, "", digest, "by hand", 1, 9, 0.015, gate.limit, ())


@pytest.fixture
def with_gate(checkpoint: Checkpoint) -> Callable[[float], Checkpoint]:
    """``with_gate(limit)``: the first checkpoint with a gate round the zero of its features."""

    def make(limit: float) -> Checkpoint:
        gate = Detector(
            np.zeros(WIDTH, np.float32), np.eye(WIDTH, 1, dtype=np.float32), np.ones(1, np.float32), 1.0, limit
        )
        write_detector(checkpoint.folder, gate, facts_of(checkpoint, gate))
        return checkpoint

    return make


def test_the_answer_brings_its_features_and_is_still_the_classifiers(checkpoint: Checkpoint) -> None:
    photo = uploaded_photo("noise.png", png(1))
    case = ask(photo, checkpoint)
    assert case.answer.features is not None
    assert case.answer.features.shape == (1, WIDTH)
    said = load_checkpoint(checkpoint.folder).predict(photo.read().pixels)
    np.testing.assert_allclose(case.answer.probabilities, said.probabilities, rtol=1e-5)


def test_a_model_without_a_gate_lets_everything_through(checkpoint: Checkpoint) -> None:
    photo = uploaded_photo("noise.png", png(2))
    assert installed_detector(checkpoint) is None
    assert let_through(ask(photo, checkpoint))


def test_a_near_picture_passes_a_far_one_does_not_and_a_drawn_one_is_never_asked(
    with_gate: Callable[[float], Checkpoint],
) -> None:
    checkpoint = with_gate(1e6)
    photo, drawn = uploaded_photo("noise.png", png(3)), drawn_photo("sample", SAMPLES[0].parameters)
    case = ask(photo, checkpoint)
    assert let_through(case)
    with_gate(0.0)
    assert not let_through(case)
    assert let_through(ask(drawn, checkpoint))
    assert let_through(replace(case, answer=replace(case.answer, features=None)))


def test_a_stale_gate_is_refused_and_costs_no_answer(with_gate: Callable[[float], Checkpoint]) -> None:
    checkpoint = with_gate(0.0)
    other = Checkpoint(checkpoint.folder, replace(checkpoint.card, weights_sha256="b" * 64))
    photo = uploaded_photo("noise.png", png(4))
    with pytest.raises(EvidenceError, match="expected a detector of the weights bbbbbbbbbbbb… on the card"):
        installed_detector(other)
    assert let_through(replace(ask(photo, checkpoint), checkpoint=other))
