"""Removed pixels filled in: by hand, against the sparse solver of pytorch-grad-cam, and on pictures that are harmonic."""

from __future__ import annotations

import pytest
import torch
from pytorch_grad_cam.metrics.road import NoisyLinearImputer

from dermaviz.attention import faithfulness as imputation
from dermaviz.attention.faithfulness import NOISE, impute, seeded_noise
from dermaviz.errors import AttentionError


def smooth_picture(side: int, seed: int = 0) -> torch.Tensor:
    coarse = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")


def blob(side: int) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return (rows - 0.4 * side) ** 2 + (columns - 0.5 * side) ** 2 > (0.3 * side) ** 2


def scattered(side: int, share: float) -> torch.Tensor:
    return torch.rand(side, side, generator=torch.Generator().manual_seed(1)) < share


KNOWN = {
    "a blob is missing": blob(40),
    "only a blob is left": ~blob(40),
    "half is left, here and there": scattered(40, 0.5),
    "a tenth is left, here and there, of an odd side": scattered(37, 0.1),
    "the right half is missing": (torch.arange(32) < 16).expand(32, 32),
}


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # the library hands tensors to NumPy
@pytest.mark.parametrize("case", KNOWN)
def test_the_solution_is_that_of_the_sparse_system(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = KNOWN[case]
    picture = smooth_picture(len(known))
    expected = NoisyLinearImputer(noise=0)(picture[0], known.float())
    close = (impute(picture, known[None])[0] - expected).abs()
    assert close.max() < 1.5 * NOISE
    assert close.mean() < NOISE / 5
    monkeypatch.setattr(imputation, "CYCLES", 25)
    torch.testing.assert_close(impute(picture, known[None])[0], expected, atol=2e-4, rtol=0)


def test_single_pixels_by_hand() -> None:
    picture = torch.arange(9.0).reshape(1, 1, 3, 3) ** 2 / 64
    known = torch.ones(2, 3, 3, dtype=torch.bool)
    known[0, 1, 1] = known[1, 0, 0] = False
    found = impute(picture.expand(2, -1, -1, -1), known)
    middle = (2 * (1 + 9 + 25 + 49) + (0 + 4 + 36 + 64)) / 12 / 64
    corner = (2 * (1 + 9) + 16) / 5 / 64
    assert found[0, 0, 1, 1] == pytest.approx(middle, abs=1e-3)
    assert found[1, 0, 0, 0] == pytest.approx(corner, abs=1e-3)


def test_an_even_slope_closes_without_a_trace() -> None:
    slope = torch.linspace(0, 1, 40).expand(1, 3, 40, 40)
    torch.testing.assert_close(impute(slope, blob(40)[None]), slope, atol=NOISE / 2, rtol=0)


def test_noise_falls_on_what_was_filled_in_and_follows_its_seed() -> None:
    picture, known = smooth_picture(32), blob(32)
    noise = seeded_noise((3, 32, 32), 7)
    assert torch.equal(noise, seeded_noise((3, 32, 32), 7))
    assert not torch.equal(noise, seeded_noise((3, 32, 32), 8))
    assert float(noise.std()) == pytest.approx(NOISE, rel=0.05)
    plain, noisy = impute(picture, known[None]), impute(picture, known[None], noise)
    assert torch.equal(noisy[..., known], picture[..., known])
    torch.testing.assert_close((noisy - plain)[..., ~known][0], noise[..., ~known])


def test_a_batch_is_its_pictures_one_by_one() -> None:
    pictures = torch.cat([smooth_picture(32, seed) for seed in range(3)])
    known = torch.stack([blob(32), ~blob(32), scattered(32, 0.5)])
    alone = torch.cat([impute(pictures[i : i + 1], known[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(impute(pictures, known), alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (torch.zeros(1, 8, 8, dtype=torch.bool), "a known pixel in every image, found an image without"),
        (torch.ones(1, 8, 8), r"known pixels bool \[1, 8, 8\], found torch.float32"),
        (torch.ones(1, 4, 8, dtype=torch.bool), r"found torch.bool \[1, 4, 8\]"),
    ],
)
def test_refuses_what_cannot_be_filled(known: torch.Tensor, message: str) -> None:
    with pytest.raises(AttentionError, match=message):
        impute(torch.zeros(1, 3, 8, 8), known)
