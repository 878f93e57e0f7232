"""Memory: after the switch, blocks larger than an arena can hold are still given, in the main and in other threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dermaviz.models.classifier import keep_freed_memory

MEASURE = """
import resource, sys
import numpy as np
from dermaviz.models.classifier import keep_freed_memory
if "keep" in sys.argv:
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(3 << 20, np.uint8).sum()
before = faults()
for _ in range(20):
    np.ones(3 << 20, np.uint8)
print(faults() - before)
"""


def test_large_blocks_in_every_thread() -> None:
    keep_freed_memory()
    with ThreadPoolExecutor(2) as pool:
        sums = list(pool.map(lambda n: int(np.ones(n, np.uint8).sum()), [100 << 20, 70 << 20]))
    assert sums == [100 << 20, 70 << 20]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_freed_pages_are_used_again() -> None:
    """By default pages of 20 arrays of 3 MB (numpy asks for huge pages from 4 MB on) are faulted in anew; with it, none."""
    by_default, kept = (
        int(subprocess.check_output([sys.executable, "-c", MEASURE, *arguments], text=True))
        for arguments in ([], ["keep"])
    )
    assert kept < by_default / 10
