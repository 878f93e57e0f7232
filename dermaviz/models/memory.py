"""Models: keep freed memory for the next batch instead of handing it back to the system after every operation."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Tell glibc to serve large blocks from the heap and never trim it; True where that was possible.

    By default each activation tensor is mapped and unmapped anew, and its pages are cleared by the kernel every time:
    on two cores that cost a third of a training step (`python -m benchmarks training-allocator`). Only Linux with glibc
    has the switch (mallopt(3)); elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 256 << 20}
    return all(mallopt(key, value) == 1 for key, value in settings.items())
