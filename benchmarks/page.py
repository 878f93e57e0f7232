"""Benchmarks: what a user waits for on a page, against a bound in seconds."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import torch
from streamlit.testing.v1 import AppTest

from benchmarks.measure import Benchmark, Row
from benchmarks.subjects import DEFAULT_CHECKPOINT

APP = Path(__file__).parents[1] / "app.py"
LEVELS = (1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3)
BOUND = 1.0
SECONDS = 120


def live_step() -> Row:
    """A move of the ε slider on the Robustness page, its whole run: FGSM, noise, the file's answer, three maps, pictures.

    Every move goes to an ε not seen before, so that nothing is remembered. The first is left out.
    """
    app = AppTest.from_file(str(APP), default_timeout=SECONDS).switch_page("pages/3_Robustness.py").run()
    seconds = []
    for levels in LEVELS:
        slider = app.select_slider(key="epsilon").set_value(levels / 255)
        started = time.perf_counter()
        slider.run()
        seconds.append(time.perf_counter() - started)
    taken = median(seconds[1:])
    return Row(
        name="live-step",
        ours=taken,
        theirs=BOUND,
        ratio=taken / BOUND,
        unit="s",
        against=f"{BOUND:g} s, the bound",
        checkpoint=DEFAULT_CHECKPOINT.name,
        device=f"cpu, {torch.get_num_threads()} threads",
    )


BENCHMARKS = (Benchmark("live-step", "One move of ε on the Robustness page, against one second.", 1.0, live_step),)
