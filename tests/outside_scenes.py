"""Tests: draw scenes that are no dermatoscopic images — pages of text, charts, screens, patterns, noise, plain colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 448
_WORDS = [
    "the", "of", "and", "a", "to", "in", "is", "it", "was", "for", "on", "that", "with", "as", "at", "by", "from", "this",
    "report", "meeting", "invoice", "total", "amount", "name", "date", "street", "address", "number", "order", "delivery",
    "be", "are", "or", "an", "not", "have", "which", "one", "all", "were", "when", "thank", "you", "sincerely", "patient",
]  # fmt: skip


def scene(kind: str, seed: int) -> np.ndarray:
    """A drawn scene of a kind in ``KINDS``, uint8 ``[448, 448, 3]``; the same seed gives the same scene."""
    return np.asarray(KINDS[kind](np.random.default_rng(seed)).convert("RGB"))


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(_WORDS, words)).capitalize() + "."


def _text_page(rng: np.random.Generator) -> Image.Image:
    paper = Image.new("RGB", (SIDE, SIDE), tuple(rng.integers(215, 256, 3).tolist()))
    pen = ImageDraw.Draw(paper)
    size = int(rng.integers(9, 28))
    font = ImageFont.load_default(size)
    ink = tuple(rng.integers(0, 70, 3).tolist())
    for top in range(int(rng.integers(5, 50)), SIDE - size, int(size * 1.4)):
        if rng.random() > 0.12:
            pen.text((int(rng.integers(8, 30)), top), _sentence(rng, int(rng.integers(5, 14))), font=font, fill=ink)
    return paper.rotate(float(rng.normal(0, 4)), resample=Image.Resampling.BILINEAR, fillcolor=paper.getpixel((0, 0)))


def _chart(rng: np.random.Generator) -> Image.Image:
    board = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(board)
    heights, form = rng.integers(30, 360, 9), rng.integers(3)
    if form == 0:
        for i, height in enumerate(heights):
            pen.rectangle((40 + 44 * i, 410 - height, 72 + 44 * i, 410), fill=_colour(rng))
    elif form == 1:
        for _ in range(3):
            line = [(40 + 48 * i, 410 - int(h)) for i, h in enumerate(rng.integers(30, 360, 9))]
            pen.line(line, fill=_colour(rng), width=3)
    else:
        edges = np.cumsum(heights) / heights.sum() * 360
        for start, end in zip([0, *edges], edges, strict=False):
            pen.pieslice((60, 60, 390, 390), start, end, fill=_colour(rng))
    pen.line((40, 30, 40, 410, 430, 410), fill="black", width=2)
    pen.text((120, 8), _sentence(rng, 4), font=ImageFont.load_default(18), fill="black")
    return board


def _screen(rng: np.random.Generator) -> Image.Image:
    dark = bool(rng.integers(2))
    screen = Image.new("RGB", (SIDE, SIDE), (28, 30, 36) if dark else (244, 245, 248))
    pen = ImageDraw.Draw(screen)
    ink, accent = ("white" if dark else "black"), _colour(rng)
    pen.rectangle((0, 0, SIDE, 34), fill=accent)
    pen.text((12, 6), _sentence(rng, 2), font=ImageFont.load_default(18), fill="white")
    pen.rectangle((0, 34, 110, SIDE), fill=(44, 48, 58) if dark else (226, 229, 236))
    for i in range(9):
        pen.text((10, 50 + 40 * i), str(rng.choice(_WORDS)), font=ImageFont.load_default(14), fill=ink)
        pen.text((130, 50 + 40 * i), _sentence(rng, 6), font=ImageFont.load_default(14), fill=ink)
    pen.rounded_rectangle((300, 400, 430, 436), 8, fill=accent)
    return screen


def _shapes(rng: np.random.Generator) -> Image.Image:
    board = Image.new("RGB", (SIDE, SIDE), _colour(rng))
    pen = ImageDraw.Draw(board)
    for _ in range(int(rng.integers(3, 25))):
        left, top = rng.integers(-50, SIDE, 2).tolist()
        width, height = rng.integers(20, 200, 2).tolist()
        draw = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        draw((left, top, left + width, top + height), fill=_colour(rng))
    return board


def _gradient(rng: np.random.Generator) -> Image.Image:
    corners = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def _noise(rng: np.random.Generator) -> Image.Image:
    grain = int(rng.choice([1, 2, 4, 8, 16]))
    small = rng.normal(rng.uniform(60, 200, 3), rng.uniform(15, 80), (SIDE // grain, SIDE // grain, 3))
    pixels = np.clip(small, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _plain(rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), _colour(rng))


def _stripes(rng: np.random.Generator) -> Image.Image:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    wave = np.sin((rows * np.sin(angle) + columns * np.cos(angle)) * 2 * np.pi / period)
    checked = wave * np.sin((rows * np.cos(angle) - columns * np.sin(angle)) * 2 * np.pi / period)
    share = ((wave if rng.random() < 0.5 else checked)[..., None] + 1) / 2
    return Image.fromarray((share * _colour(rng) + (1 - share) * _colour(rng)).astype(np.uint8))


KINDS: Mapping[str, Callable[[np.random.Generator], Image.Image]] = MappingProxyType(
    {
        "text page": _text_page,
        "chart": _chart,
        "screen": _screen,
        "shapes": _shapes,
        "gradient": _gradient,
        "noise": _noise,
        "plain colour": _plain,
        "stripes": _stripes,
    }
)
