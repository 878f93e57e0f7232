"""The camera between the light and the file, and parameters of lesions as HAM10000's cameras and clinics show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dermaviz.synthetic.artefacts import Layer
from dermaviz.synthetic.fields import Field, lattice_noise, stream
from dermaviz.synthetic.optics import ITA_RANGE, linear_rgb, melanin_for_ita, reflectance
from dermaviz.synthetic.parameters import Camera, Form, Parameters


def recorded(root: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Square roots of light ``[H, W, 3]`` as the camera records them: tinted, blurred, with its own vividness."""
    tint = np.sqrt(np.array(camera.gain, dtype=np.float32))
    return vivid(blurred(root * tint, camera), camera)


def vivid(light: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """Light or a power of it, ``[..., 3]``, with the camera's contrast and saturation."""
    if camera.contrast == camera.saturation == 1:
        return light
    level = np.log(np.maximum(light, np.float32(1e-4)))
    grey = level.mean(axis=-1, keepdims=True)
    return np.exp(np.float32(camera.contrast) * (grey + np.float32(camera.saturation) * (level - grey)))


def blurred(field: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """A map ``[H, W]`` or ``[H, W, C]`` as sharp as the camera records it."""
    sigma = camera.blur * (field.shape[0] / camera.pixels if camera.pixels else 1)
    if sigma == 0:
        return field
    return np.asarray(gaussian_filter(field, sigma, truncate=3, axes=(0, 1), mode="nearest"))


def grain(camera: Camera, size: int, rng: Generator) -> Field:
    """Noise, float32 ``[size, size]``, in levels of 255, as coarse as the camera's pixels."""
    if camera.pixels and camera.pixels < size:
        return lattice_noise(rng, camera.pixels, size) * np.float32(camera.grain)
    return rng.standard_normal((size, size), dtype=np.float32) * np.float32(camera.grain)


def recorded_layer(layer: Layer, camera: Camera) -> Layer:
    """A layer as the camera records it: tinted and blurred. Its mask grows by as much as the blur reaches."""
    tint = np.array(camera.gain, dtype=np.float32)
    return Layer(np.minimum(vivid(layer.colour * tint, camera), 1), blurred(layer.opacity, camera))


PIXELS = 150
"""Side in pixels of the central square of a photograph in the public copy (200 × 150)."""

LESIONS = MappingProxyType({"akiec": 228, "bcc": 327, "bkl": 727, "df": 73, "mel": 614, "nv": 5403, "vasc": 98})
"""Lesions of each diagnosis in HAM10000."""

TONE = (44.0, 6.0)
"""Mean and spread of ITA in degrees: the median published for ISIC 2018, whose lamps had been corrected for."""
_CONTRAST, _SATURATION = 1.1, 1.2


class Light(NamedTuple):
    """How skin comes out of one kind of instrument: means and spreads of log light, and the range of blur in pixels.

    ``exposure`` is the mean over the channels, ``red`` and ``blue`` are those channels over green.
    """

    exposure: tuple[float, float]
    red: tuple[float, float]
    blue: tuple[float, float]
    blur: tuple[float, float]


LIGHTS = MappingProxyType(
    {
        "rosy": Light((-0.86, 0.18), (0.93, 0.16), (0.09, 0.12), (0.1, 0.75)),
        "neutral": Light((-0.80, 0.26), (0.37, 0.14), (0.14, 0.11), (0.1, 0.6)),
        "dim": Light((-1.28, 0.30), (1.00, 0.35), (0.03, 0.20), (0.1, 0.75)),
    }
)
_SHARES = MappingProxyType({"nv": (0.63, 0.29, 0.08)})
_OTHER_SHARES = (0.12, 0.80, 0.08)
"""Shares of the lights: most nevi are rosy there and most of the rest is not, a shortcut open to any model."""


class Kind(NamedTuple):
    """One diagnosis: medians of diameter, pigment and blood, numbers of colours, and its structures.

    ``structures`` says how often each is there and how strong it is at most.
    """

    diameter: float
    pigment: float
    blood: float
    colours: tuple[int, int]
    structures: Mapping[str, tuple[float, float]]


KINDS = MappingProxyType(
    {
        "akiec": Kind(
            0.84, 0.012, 0.20, (1, 3), {"scale": (0.5, 0.5), "cysts": (0.2, 0.3), "arborising_vessels": (0.2, 0.15)}
        ),
        "bcc": Kind(
            0.56, 0.012, 0.15, (1, 2),
            {"arborising_vessels": (0.7, 0.30), "blue_nests": (0.35, 0.35), "white_patch": (0.4, 0.3)},
        ),
        "bkl": Kind(
            0.74, 0.10, 0.09, (1, 3),
            {"cysts": (0.35, 0.4), "comedo_openings": (0.25, 0.3), "ridges": (0.5, 0.6), "network": (0.2, 0.4)},
        ),
        "df": Kind(0.66, 0.05, 0.20, (1, 2), {"network": (0.5, 0.4), "white_patch": (0.7, 0.5)}),
        "mel": Kind(
            0.72, 0.14, 0.50, (2, 4),
            {
                "network": (0.5, 0.6), "globules": (0.35, 0.4), "streaks": (0.35, 0.4), "blue_white_veil": (0.3, 0.5),
                "white_patch": (0.2, 0.3),
            },
        ),
        "nv": Kind(0.58, 0.16, 0.52, (1, 3), {"network": (0.6, 0.7), "globules": (0.25, 0.3)}),
        "vasc": Kind(0.42, 0.01, 0.95, (1, 2), {"red_lacunae": (0.6, 0.3)}),
    }
)  # fmt: skip

_ARTEFACTS = MappingProxyType({"fine_hair": 0.30, "hair": 0.03, "glare": 0.02, "dark_corners": 0.02, "gel": 0.005})
"""How often each is seen on such pictures."""


def like_ham10000(dx: str, rng: Generator, size: int = 224) -> Parameters:
    """A lesion of this diagnosis as HAM10000 might show it; ``dataclasses.replace`` gives it another tone or camera.

    Args:
        dx: a label of HAM10000. rng: all is drawn from it. size: side of the picture in pixels.
    """
    return Parameters(
        dx=dx,
        ita=_between(rng.normal(*TONE), 20, 65, digits=1),
        seed=int(rng.integers(2**31)),
        size=size,
        form=_form(KINDS[dx], rng),
        artefacts=tuple(name for name, share in _ARTEFACTS.items() if rng.random() < share),
        redness=_between(rng.uniform(0.3, 0.7)),
        texture=_between(rng.uniform(0.3, 0.9)),
        mottling=_between(rng.uniform(0.3, 0.8)),
        uneven_light=_between(rng.uniform(0, 1)),
        vignette=_between(rng.uniform(0, 0.6)),
        camera=_camera(LIGHTS[str(rng.choice(list(LIGHTS), p=_SHARES.get(dx, _OTHER_SHARES)))], rng),
    )


def _between(value: float, low: float = 0.0, high: float = 1.0, digits: int = 3) -> float:
    return round(float(np.clip(value, low, high)), digits)


def _camera(light: Light, rng: Generator) -> Camera:
    """A camera in which plain skin of the usual tone comes out in this light."""
    exposure, red, blue = (rng.normal(*moments) for moments in light[:3])
    ratios = np.array([red, 0, blue]) - (red + blue) / 3
    blood = 0.017
    plain_skin = np.log(linear_rgb(reflectance(melanin_for_ita(TONE[0], blood), blood)))
    reds, greens, blues = np.exp((exposure + ratios / _SATURATION) / _CONTRAST - plain_skin)
    return Camera(
        gain=(_between(reds, 0.05, 5), _between(greens, 0.05, 5), _between(blues, 0.05, 5)),
        contrast=_CONTRAST,
        saturation=_SATURATION,
        pixels=PIXELS,
        blur=_between(rng.uniform(*light.blur), 0, 5),
        grain=_between(rng.lognormal(0.55, 0.4), 0, 10),
    )


def _form(kind: Kind, rng: Generator) -> Form:
    """A form of this kind. Pigment and blood go together: a faint lesion is faint in both."""
    strength = max(rng.normal(0, 0.55), -0.8)
    present = {
        name: _between(rng.uniform(0.2, 1) * most)
        for name, (share, most) in kind.structures.items()
        if rng.random() < share
    }
    return Form(
        diameter=_between(kind.diameter * rng.lognormal(0, 0.40), 0.15, 0.9),
        asymmetry=_between(rng.uniform(0.1, 0.8)),
        border=_between(rng.uniform(0.1, 0.6)),
        edge=_between(rng.uniform(0.7, 1)),
        colours=int(rng.integers(kind.colours[0], kind.colours[1] + 1)),
        pigment=_between(kind.pigment * rng.lognormal(strength, 0.55)),
        blood=_between(kind.blood * rng.lognormal(strength, 0.30)),
        elongation=_between(rng.uniform(0, 0.6)),
        fray=_between(rng.uniform(0.1, 0.8)),
        blotches=_between(rng.uniform(0.3, 1)),
        **present,
    )


def lesions_like_ham10000(seed: int, size: int = 224, *, all_tones: bool = False) -> Iterator[tuple[int, Parameters]]:
    """Lesion after lesion without end, as often of each diagnosis as in HAM10000: its number and one image's parameters.

    About one lesion in four has two or three images, taken by one camera. With ``all_tones`` the skin's ITA is even over
    its whole range, independent of all else; the masks stay the same.
    """
    labels, counts = list(LESIONS), np.array(list(LESIONS.values()))
    lesion = 0
    while True:
        rng = stream(seed, "like HAM10000", lesion)
        base = like_ham10000(str(rng.choice(labels, p=counts / counts.sum())), rng, size)
        if all_tones:
            base = replace(base, ita=_between(stream(seed, "tone", lesion).uniform(*ITA_RANGE), *ITA_RANGE, digits=1))
        for view in range(int(rng.choice([1, 2, 3], p=[0.74, 0.19, 0.07]))):
            yield lesion, replace(base, view=view)
        lesion += 1
