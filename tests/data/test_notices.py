"""Tests of the notices before an answer: each is said of what it is about, and of few photographs as they come."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.data.notices import notices
from dermaviz.data.split import named_manifest
from dermaviz.images import RGB, read_image
from dermaviz.synthetic import SAMPLES, draw

DATA = Path(os.environ.get("DERMAVIZ_DATA", "nowhere")) / "ham10000" / "images"


def enlarged(pixels: RGB) -> RGB:
    return np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).resize((400, 400)))


def farther(pixels: RGB) -> RGB:
    """The lesion in the middle of skin of its rim's colour, four times as far away."""
    height, width = pixels.shape[:2]
    skin = np.broadcast_to(
        np.median(pixels[:20].reshape(-1, 3), axis=0).astype(np.uint8), (3 * height, 3 * width, 3)
    ).copy()
    skin[height : 2 * height, width : 2 * width] = pixels
    return skin


CASES: dict[str, Callable[[RGB], RGB]] = {
    "The lesion is small": farther,
    "The lesion is cut off": lambda p: p[p.shape[0] // 2 :, p.shape[1] // 2 :],
    "next to no colour": lambda p: np.asarray(Image.fromarray(p).convert("L").convert("RGB")),
    "is tinted": lambda p: (p * np.array([0.35, 0.6, 1.0])).astype(np.uint8),
    "fewer pixels": lambda p: np.asarray(Image.fromarray(p).resize((100, 100))),
    "looks enlarged": enlarged,
    "the central square only": lambda p: np.concatenate([p, p], axis=1),
}


@pytest.mark.parametrize("said", CASES)
def test_each_is_said_of_what_it_is_about(said: str) -> None:
    pixels = draw(replace(SAMPLES[0].parameters, artefacts=())).image
    assert not [one for one in notices(pixels) if said in one]
    assert [one for one in notices(CASES[said](pixels)) if said in one]


def test_of_a_model_that_was_trained_on_nobody_knows_what_nothing_is_said_of_that() -> None:
    """An imported model: its training images have neither 150 pixels nor HAM10000's colours, as far as is known."""
    pixels = draw(replace(SAMPLES[0].parameters, artefacts=())).image
    for change in CASES.values():
        assert "trained on" not in " ".join(notices(change(pixels), None, ham10000=False))
    assert "The photo has next to no colour." in notices(CASES["next to no colour"](pixels), None, ham10000=False)
    assert [one for one in notices(CASES["fewer pixels"](pixels), 150, ham10000=False) if "(150)" in one]


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="DERMAVIZ_DATA is not set")
def test_few_test_images_of_ham10000_are_said_to_be_outside() -> None:
    tested = [name for name, split in named_manifest("ham10000").assignment.items() if split == "test"][::10]
    told = Counter(
        one.split(":")[0][:30] for name in tested for one in notices(read_image(DATA / f"{name}.jpg").pixels)
    )
    assert {one: n for one, n in told.items() if n / len(tested) > 0.05} == {}
