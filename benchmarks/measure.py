"""Benchmarks: timing two ways of doing the same thing against each other, and the row that comes of it.

``ratio`` is always ``ours / theirs``, of the medians in one run: 1 means equal, 0.5 means ours takes half of theirs
(time, memory, whatever ``unit`` says). Smaller is better everywhere, and every target is an upper bound on the ratio.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median, quantiles

import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
"""Where networks are measured."""
ROUNDS, FEWEST = 15, 3
SECONDS = 3.0


@dataclass(frozen=True)
class Row:
    """What a benchmark found: ``ours`` and ``theirs`` in ``unit``, and ``ratio`` = ours / theirs, in the middle half of single
    rounds within ``spread`` of each other.

    ``against`` says what ``theirs`` is, ``checkpoint`` whose weights were used, ``device`` what it ran on.
    """

    name: str
    ours: float
    theirs: float
    ratio: float
    unit: str
    against: str
    checkpoint: str
    device: str
    spread: float = 0.0


@dataclass(frozen=True)
class Benchmark:
    """A row of the registry: ``run`` measures; its ratio should be at most ``target``. ``about`` is one sentence."""

    name: str
    about: str
    target: float
    run: Callable[[], Row]


def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], *, against: str, checkpoint: str
) -> Row:
    """Seconds of both, interleaved so that a busy machine is busy for both; medians of up to ``ROUNDS`` rounds.

    Each is called beforehand, twice if that takes less than a second. Rounds stop early, but not before the third, after
    ``SECONDS``: all benchmarks together take less than five minutes.
    """
    for call in (ours, theirs):
        if _seconds(call) < 1:
            call()
    own: list[float] = []
    other: list[float] = []
    started = time.perf_counter()
    while len(own) < ROUNDS and (len(own) < FEWEST or time.perf_counter() - started < SECONDS):
        pairs = [(ours, own), (theirs, other)]
        for call, seconds in pairs if len(own) % 2 else reversed(pairs):
            seconds.append(_seconds(call))
    return Row(
        name=name,
        ours=median(own),
        theirs=median(other),
        ratio=median(own) / median(other),
        unit="s",
        against=against,
        checkpoint=checkpoint,
        device=f"{DEVICE}, {torch.get_num_threads()} threads",
        spread=spread(one / two for one, two in zip(own, other, strict=True)),
    )


def spread(ratios: Iterable[float]) -> float:
    """Half of the way from the first quartile to the third."""
    first, _, third = quantiles(ratios, n=4, method="inclusive")
    return (third - first) / 2


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
