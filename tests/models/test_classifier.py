"""Classifiers: from pixels to an answer, evened-out lightness, and freed memory that is kept."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from dermaviz.errors import CheckpointError
from dermaviz.images import RGB, read_image
from dermaviz.models.card import Equalisation, Sharpness
from dermaviz.models.classifier import Classifier, central_square, equalise, keep_freed_memory

Draw = Callable[..., RGB]


@pytest.mark.parametrize(
    ("height", "width"), [(450, 600), (600, 450), (100, 100), (32, 32), (20, 31), (1, 1), (33, 32), (7, 500)]
)
def test_the_input_is_pillows_antialiased_central_square(
    make_classifier: Callable[..., Classifier], draw_photo: Draw, height: int, width: int
) -> None:
    pixels = draw_photo(height=height, width=width)
    seen = make_classifier(sharpness=None).prepare(pixels)
    assert (seen.shape, seen.dtype) == ((32, 32, 3), np.uint8)
    short = min(height, width)
    left, top = (width - short) // 2, (height - short) // 2
    square = Image.fromarray(pixels).crop((left, top, left + short, top + short))
    expected = np.asarray(square.resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(seen.astype(int), expected.astype(int), atol=1)


def test_a_sharper_picture_is_first_reduced_to_what_the_model_was_trained_at(
    make_classifier: Callable[..., Classifier], draw_photo: Draw
) -> None:
    stated, as_it_comes = make_classifier(sharpness=Sharpness(50)), make_classifier(sharpness=None)
    for height, width in ((50, 64), (40, 200)):  # no sharper than that: not a level changes
        pixels = draw_photo(height=height, width=width)
        np.testing.assert_array_equal(stated.prepare(pixels), as_it_comes.prepare(pixels))
    pixels = draw_photo(height=300, width=400)
    reduced = np.asarray(
        Image.fromarray(pixels).resize((67, 50), Image.Resampling.BILINEAR)
    )  # Pillow's own, antialiased
    apart = stated.prepare(pixels).astype(int) - as_it_comes.prepare(reduced)
    assert np.abs(apart).mean() < 1.5  # the crop to a whole ratio moves the grid by a part of a pixel
    assert np.abs(stated.prepare(pixels).astype(int) - as_it_comes.prepare(pixels)).mean() > 1.5


def test_an_input_that_was_kept_is_prepared_to_itself(
    make_classifier: Callable[..., Classifier], draw_photo: Draw
) -> None:
    sharper = make_classifier(sharpness=Sharpness(20))
    seen = sharper.prepare(draw_photo(height=300, width=400))
    np.testing.assert_array_equal(sharper.prepare(seen), seen)


@pytest.mark.parametrize("view", [lambda p: p[::-1], lambda p: p[:, ::-1, ::-1], lambda p: p.transpose(1, 0, 2)])
def test_any_view_of_pixels_can_be_prepared_and_none_is_changed(
    tiny_classifier: Classifier, draw_photo: Draw, view: Callable[[RGB], RGB]
) -> None:
    pixels = view(draw_photo())
    before = pixels.copy()
    pixels.setflags(write=False)
    np.testing.assert_array_equal(tiny_classifier.prepare(pixels), tiny_classifier.prepare(before))
    np.testing.assert_array_equal(pixels, before)


def test_a_prepared_picture_is_its_own_copy(tiny_classifier: Classifier, draw_photo: Draw) -> None:
    pixels = draw_photo(height=32, width=32)
    tiny_classifier.prepare(pixels)[:] = 0
    np.testing.assert_array_equal(pixels, draw_photo(height=32, width=32))


def test_a_batch_is_prepared_as_its_images_are(draw_photo: Draw) -> None:
    pictures = [draw_photo(seed=i) for i in range(3)]
    batch = central_square(torch.from_numpy(np.stack(pictures)), 16)
    for picture, prepared in zip(pictures, batch, strict=True):
        assert torch.equal(central_square(torch.from_numpy(picture[None]), 16)[0], prepared)


def test_tensors_hold_pixels_between_0_and_1(tiny_classifier: Classifier, draw_photo: Draw) -> None:
    prepared = [draw_photo(height=32, width=32, seed=i) for i in range(2)]
    images = tiny_classifier.to_tensor(prepared)
    assert (images.shape, images.dtype) == ((2, 3, 32, 32), torch.float32)
    np.testing.assert_allclose(images.permute(0, 2, 3, 1).numpy(), np.stack(prepared) / 255, rtol=1e-6)


def test_normalisation_is_per_channel_and_inside(tiny_classifier: Classifier) -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    by_hand = torch.stack([(images[:, 0] - 0.5) / 0.2, (images[:, 1] - 0.4) / 0.25, (images[:, 2] - 0.3) / 0.5], dim=1)
    torch.testing.assert_close(tiny_classifier.normalise(images), by_hand)
    torch.testing.assert_close(tiny_classifier.logits(images), tiny_classifier.network(by_hand))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_divides_the_logits(make_classifier: Callable[..., Classifier], temperature: float) -> None:
    classifier = make_classifier(temperature=temperature)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    powers = np.exp(classifier.logits(images).numpy().astype(np.float64)) ** (1 / temperature)
    probabilities = classifier.probabilities(images)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, powers / powers.sum(1, keepdims=True), rtol=1e-5)


def test_logits_can_be_differentiated_for_pixels_though_weights_are_fixed(tiny_classifier: Classifier) -> None:
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (gradient,) = torch.autograd.grad(tiny_classifier.logits(images)[0, 1], images)
    assert gradient.shape == images.shape
    assert gradient.abs().max() > 0


def test_a_prediction_names_the_most_probable_class(tiny_classifier: Classifier, draw_photo: Draw) -> None:
    pixels = draw_photo()
    images = tiny_classifier.to_tensor([tiny_classifier.prepare(pixels)])
    probabilities = tiny_classifier.probabilities(images)[0]
    prediction = tiny_classifier.predict(pixels)
    np.testing.assert_array_equal(prediction.probabilities, probabilities)
    assert prediction.classes == ("bkl", "mel", "nv")
    assert prediction.diagnosis == prediction.classes[int(probabilities.argmax())]
    assert prediction.p_malignant == pytest.approx(probabilities[1])


def test_without_malignant_classes_there_is_no_sum(
    make_classifier: Callable[..., Classifier], draw_photo: Draw
) -> None:
    assert np.isnan(make_classifier(malignant=()).predict(draw_photo()).p_malignant)


def test_eight_threads_get_the_single_threaded_answers(tiny_classifier: Classifier, draw_photo: Draw) -> None:
    pictures = [draw_photo(height=40 + i, width=60 - i, seed=i) for i in range(24)]
    alone = [tiny_classifier.predict(picture).probabilities for picture in pictures]
    state = {key: value.clone() for key, value in tiny_classifier.network.state_dict().items()}
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda p: tiny_classifier.predict(p).probabilities, pictures * 4))
    for i, probabilities in enumerate(together):
        np.testing.assert_array_equal(probabilities, alone[i % 24])
    assert all(torch.equal(state[key], value) for key, value in tiny_classifier.network.state_dict().items())


METHODS = tuple(name for name in get_args(Equalisation) if name)


def greys(levels: np.ndarray) -> np.ndarray:
    """A grey picture, uint8 ``[1, H, W, 3]``."""
    return np.repeat(levels.astype(np.uint8)[None, ..., None], 3, axis=-1)


def test_nothing_is_done_unless_it_is_asked_for() -> None:
    images = greys(np.arange(64).reshape(8, 8))
    assert equalise(images, "") is images


def test_the_darkest_lightness_becomes_black_and_the_lightest_white_with_equal_shares_between() -> None:
    """Four levels that fill a quarter each: (cdf − cdf₀) / (1 − cdf₀) puts them at L* of 0, 1/3, 2/3 and 1."""
    seen = equalise(greys(np.repeat([100, 105, 111, 118], 16).reshape(8, 8)), "histogram")[0, ..., 0]
    levels = seen.reshape(4, 16)
    assert (levels == levels[:, :1]).all()
    lightness = np.array([0, 100 / 3, 200 / 3, 100])
    luminance = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    expected = 255 * np.where(luminance > 0.0031308, 1.055 * luminance ** (1 / 2.4) - 0.055, 12.92 * luminance)
    np.testing.assert_allclose(levels[:, 0].astype(float), expected, atol=1.5)


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_picture_gains_contrast_and_keeps_its_hue(method: Equalisation) -> None:
    shade = np.random.default_rng(0).uniform(0.9, 1.1, (64, 64, 1))
    picture = np.clip(np.array([170.0, 120.0, 105.0]) * shade, 0, 255).astype(np.uint8)[None]
    seen = equalise(picture, method)
    assert (seen.shape, seen.dtype) == (picture.shape, np.uint8)
    assert seen.std(axis=(1, 2)).mean() > 1.2 * picture.std(axis=(1, 2)).mean()
    red, green, blue = seen[0].reshape(-1, 3).mean(0)
    assert red > green > blue


@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_a_batch_do_not_see_each_other(method: Equalisation) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)
    before = images.copy()
    together = equalise(images, method)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(together, np.concatenate([equalise(images[i : i + 1], method) for i in range(3)]))


@pytest.mark.parametrize("method", METHODS)
def test_a_classifier_sees_the_square_of_the_evened_out_picture(
    make_classifier: Callable[..., Classifier], draw_photo: Callable[..., np.ndarray], method: Equalisation
) -> None:
    plain, evened = make_classifier(), make_classifier(equalise=method)
    pixels = draw_photo() // 2
    pixels.setflags(write=False)
    np.testing.assert_array_equal(evened.prepare(pixels), plain.prepare(equalise(pixels[None], method)[0]))
    assert not np.array_equal(evened.prepare(pixels), plain.prepare(pixels))


MEASURE = """
import resource
import numpy as np
from dermaviz.models.classifier import keep_freed_memory
def faults():
    def so_far(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(3 << 20, np.uint8).sum()
    before = so_far()
    for _ in range(20):
        np.ones(3 << 20, np.uint8)
    return so_far() - before
by_default = faults()
assert keep_freed_memory()
print(by_default, faults())
"""


def test_large_blocks_in_every_thread() -> None:
    keep_freed_memory()
    with ThreadPoolExecutor(2) as pool:
        sums = list(pool.map(lambda n: int(np.ones(n, np.uint8).sum()), [100 << 20, 70 << 20]))
    assert sums == [100 << 20, 70 << 20]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_freed_pages_are_used_again() -> None:
    """By default pages of 20 arrays of 3 MB (numpy asks for huge pages from 4 MB on) are faulted in anew; with it, none."""
    by_default, kept = map(int, subprocess.check_output([sys.executable, "-c", MEASURE], text=True).split())
    assert kept < by_default / 10


def test_an_answer_holds_the_prediction_and_what_it_was_made_of(tiny_classifier: Classifier, tmp_path: Path) -> None:
    """``test_resnet`` is timm's, so that it gives its features; a detector sets their distance beside its limit."""
    draw = np.random.default_rng(3).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    Image.fromarray(draw).save(tmp_path / "photo.png")
    image = read_image(str(tmp_path / "photo.png"))
    answer = tiny_classifier.predict(image)
    images = tiny_classifier.to_tensor([tiny_classifier.prepare(draw)])
    np.testing.assert_array_equal(answer.probabilities, tiny_classifier.probabilities(images)[0])
    np.testing.assert_array_equal(answer.features, tiny_classifier.observe(images)[1])
    assert (answer.image_sha256, answer.size, answer.notes) == (image.sha256, (80, 64), ())
    assert (answer.checkpoint, answer.checkpoint_sha256) == ("tiny", tiny_classifier.card.answers_sha256)
    assert (answer.ood_distance, answer.out_of_distribution) == (None, None)
    assert answer.confidence == answer.probabilities.max()
    assert str(answer).startswith(f"tiny: {answer.diagnosis} {answer.confidence:.1%}, ")

    detector = SimpleNamespace(limit=1.5, distance=lambda features: np.full(len(features), 2.0))
    far = replace(tiny_classifier, detector=detector).predict(draw)
    assert (far.ood_distance, far.ood_limit, far.out_of_distribution) == (2.0, 1.5, True)
    assert str(far).endswith("The image is unlike those that the model was trained on.")
    kept = pickle.loads(pickle.dumps(far))
    np.testing.assert_array_equal(kept.prepared, far.prepared)


def test_outputs_that_are_not_finite_are_no_answer(tiny_classifier: Classifier) -> None:
    network = copy.deepcopy(tiny_classifier.network)
    with torch.no_grad():
        next(iter(network.parameters())).mul_(float("nan"))
    broken = replace(tiny_classifier, network=network)
    with pytest.raises(CheckpointError, match="checkpoint 'tiny': expected finite outputs, found NaN or infinity"):
        broken.predict(np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(CheckpointError, match="expected finite outputs"):
        broken.probabilities(torch.zeros(1, 3, 32, 32))
