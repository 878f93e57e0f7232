"""Drawn photos: their true mask as the model sees it, what the caption says, and how much is remembered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dermaviz.app.case import ask, drawn_photo, offered_photos, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.widgets.drawing import ABCD, BODY, FIRST, FIRST_SAMPLE, drawn_caption, structures_of, tone_colours
from dermaviz.app.widgets.panels import Look, laid_over
from dermaviz.app.widgets.photo import gallery
from dermaviz.attention.localisation import outlined
from dermaviz.synthetic import FORMS, SAMPLES, Parameters, draw
from dermaviz.synthetic.lesions import STRUCTURES

PARAMETERS = Parameters(dx="mel", seed=5, size=128)


def test_the_true_mask_is_that_of_the_drawing_at_the_model_s_size(checkpoint: Checkpoint) -> None:
    photo = drawn_photo("drawn", PARAMETERS)
    mask = ask(photo, checkpoint).true_mask()
    exact = draw(PARAMETERS).mask
    assert mask is not None
    assert mask.shape == (64, 64)
    shares = exact.reshape(64, 2, 64, 2).mean(axis=(1, 3))  # 128 px to 64 px: four pixels become one
    assert mask[shares == 1].all()
    assert not mask[shares == 0].any()


def test_another_tone_keeps_the_outline(checkpoint: Checkpoint) -> None:
    photos = [drawn_photo("drawn", replace(PARAMETERS, ita=ita)) for ita in (60, -50)]
    light, dark = (ask(photo, checkpoint) for photo in photos)
    assert not np.array_equal(light.answer.prepared, dark.answer.prepared)
    assert np.array_equal(light.true_mask(), dark.true_mask())


def test_a_photo_of_the_user_has_no_known_mask(checkpoint: Checkpoint) -> None:
    drawn = drawn_photo("drawn", PARAMETERS)
    assert replace(ask(drawn, checkpoint), photo=uploaded_photo("photo.jpg", b"")).true_mask() is None


def test_the_outline_lies_over_the_map_only_where_it_is_asked_for(checkpoint: Checkpoint) -> None:
    photo = drawn_photo("drawn", PARAMETERS)
    case = ask(photo, checkpoint)
    attended = case.attention(None, "gradcam")
    look = Look(None, "gradcam", 0.5, "viridis", (), None, outline=True)
    mask = look.mask(case)
    assert mask is not None
    plain = laid_over(case.answer.prepared, attended, look, None)
    assert np.array_equal(laid_over(case.answer.prepared, attended, look, mask), outlined(plain, mask))
    assert Look(None, "gradcam", 0.5, "viridis", (), None).mask(case) is None
    assert not np.array_equal(outlined(plain, mask), plain)


def test_thumbnails_are_small_and_one_for_each_sample() -> None:
    found = [address for _, address in gallery().values()]
    assert len(found) == len(offered_photos()) + len(SAMPLES) == len(set(found))
    assert list(gallery())[: len(offered_photos())] == [photo.image_id for photo in offered_photos()]
    assert all(address.startswith("data:image/webp;base64,") for address in found)
    assert max(map(len, found)) < 8_000


def test_tones_run_from_dark_to_light() -> None:
    brightness = [sum(map(int, colour[4:-1].split(","))) for colour in tone_colours()]
    assert brightness == sorted(brightness)


def test_the_caption_says_that_it_is_schematic() -> None:
    assert drawn_caption(PARAMETERS).startswith("Synthetic lesion (schematic) · melanoma form · light skin (ITA 45°).")


def test_a_drawing_starts_as_the_first_sample() -> None:
    assert next(sample.slug for sample in SAMPLES if sample.parameters == FIRST) == FIRST_SAMPLE


@pytest.mark.parametrize("dx", list(FORMS))
def test_a_slider_for_each_structure_of_a_form(dx: str) -> None:
    names = (*ABCD, *BODY, *structures_of(FORMS[dx]))
    assert len(names) == len(set(names))
    assert all(getattr(FORMS[dx], name) == 0 for name in STRUCTURES if name not in names)
