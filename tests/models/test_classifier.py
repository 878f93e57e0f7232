"""Tests of the classifier: what it sees (against Pillow), normalisation, temperature, and eight threads at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from dermaviz.images import RGB
from dermaviz.models.classifier import Classifier, central_square

Draw = Callable[..., RGB]


@pytest.mark.parametrize(
    ("height", "width"), [(450, 600), (600, 450), (100, 100), (32, 32), (20, 31), (1, 1), (33, 32), (7, 500)]
)
def test_the_input_is_pillows_antialiased_central_square(
    tiny_classifier: Classifier, draw_photo: Draw, height: int, width: int
) -> None:
    pixels = draw_photo(height=height, width=width)
    seen = tiny_classifier.prepare(pixels)
    assert (seen.shape, seen.dtype) == ((32, 32, 3), np.uint8)
    short = min(height, width)
    left, top = (width - short) // 2, (height - short) // 2
    square = Image.fromarray(pixels).crop((left, top, left + short, top + short))
    expected = np.asarray(square.resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(seen.astype(int), expected.astype(int), atol=1)


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
