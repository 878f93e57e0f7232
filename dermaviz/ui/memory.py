"""What is remembered for all sessions although it was computed step by step, under the eyes of a user who may stop it.

Streamlit's own caches take no function that shows anything while it runs; this one does.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """The latest ``most`` values by key. Values are shared between sessions: they are never changed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key; made now, outside the lock, where there is none. What ``make`` raises leaves nothing behind."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
