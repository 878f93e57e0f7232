"""What a server imports before its pages: in one place and one order, whatever the first visitors ask for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

STARTS = int(os.environ.get("DERMAVIZ_COLD_STARTS", "1"))
"""Twenty of them take two minutes: ``DERMAVIZ_COLD_STARTS=20 pytest tests/app/test_warm_up.py``."""

VISITORS = """
import sys, threading
sys.setswitchinterval(1e-5)
from importlib import import_module
import dermaviz.app.frame as frame

failed, together = [], threading.Barrier(3)

def visit(*modules):
    together.wait()
    try:
        frame.import_in_order()
        for name in modules:
            import_module(name)
    except BaseException as error:
        failed.append(repr(error))

visits = [
    ("torch", "dermaviz.models.checkpoint", "dermaviz.attention.maps"),
    ("dermaviz.app.confusion.page", "scipy.stats", "sklearn.metrics"),
    ("dermaviz.app.skin_tone.page", "dermaviz.fairness.trend", "dermaviz.fairness.counterfactual"),
]
threads = [threading.Thread(target=visit, args=modules) for modules in visits]
for thread in threads: thread.start()
for thread in threads: thread.join()
import torch, scipy.stats
assert torch.Tensor and not failed, failed
"""

HALF_OF_TORCH = """
import importlib, sys, types
import numpy as np
import dermaviz.app.frame as frame
assert not [name for name in frame.HEAVY if name in sys.modules]
frame.import_in_order()
assert not [name for name in frame.HEAVY if name not in sys.modules]
assert "torch" not in sys.modules
sys.modules["torch"] = types.ModuleType("torch")  # as it is while another session imports it: there, and empty

for page in frame.PAGES:
    importlib.import_module(page.show.partition(":")[0])
for name in ("metrics.comparison", "metrics.calibration", "fairness.trend", "fairness.looking", "fairness.counterfactual"):
    importlib.import_module(f"dermaviz.{name}")
from scipy import ndimage, optimize, special, stats
from sklearn.metrics import cohen_kappa_score
x = np.linspace(0.1, 0.9, 9).reshape(3, 3)
special.betaincinv(2.0, 3.0, x), special.ndtri(x), special.expit(x), special.softmax(x, axis=1)
stats.norm.sf(x), stats.binomtest(3, 10).pvalue, stats.fisher_exact([[3, 4], [5, 6]]), stats.spearmanr(x[0], x[1])
ndimage.gaussian_filter(x, 1), ndimage.map_coordinates(x, x[:2]), ndimage.distance_transform_edt(x > 0.5)
ndimage.binary_closing(x > 0.5), ndimage.binary_dilation(x > 0.5), ndimage.binary_fill_holes(x > 0.5)
optimize.minimize_scalar(lambda t: (t - 1) ** 2, bounds=(0, 3), method="bounded"), cohen_kappa_score([0, 1], [1, 1])
"""


def test_all_of_it_is_loaded_before_a_page_which_does_without_the_half_of_torch_that_another_session_has_imported() -> (
    None
):
    """And so does what pages ask of SciPy."""
    done = subprocess.run(
        [sys.executable, "-c", HALF_OF_TORCH], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("start", range(STARTS))
def test_three_visitors_of_a_cold_server_never_meet_half_a_module(start: int) -> None:
    done = subprocess.run([sys.executable, "-c", VISITORS], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
