"""What a server imports before its pages: in one place and one order, whatever the first visitors ask for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

STARTS = int(os.environ.get("DERMAVIZ_COLD_STARTS", "3"))
"""Twenty of them take two minutes: ``DERMAVIZ_COLD_STARTS=20 pytest tests/app/test_warm_up.py``."""

ORDER = """
import sys
import dermaviz.app.frame as frame
before = [name for name in frame.HEAVY if name in sys.modules]
frame.import_in_order()
print(before, [name for name in frame.HEAVY if name not in sys.modules], "torch" in sys.modules)
"""

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


def test_all_of_it_is_loaded_before_a_page_and_no_torch() -> None:
    told = subprocess.run([sys.executable, "-c", ORDER], capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.split() == ["[]", "[]", "False"]


@pytest.mark.parametrize("start", range(STARTS))
def test_three_visitors_of_a_cold_server_never_meet_half_a_module(start: int) -> None:
    done = subprocess.run([sys.executable, "-c", VISITORS], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
