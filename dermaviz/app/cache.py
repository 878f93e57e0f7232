"""What the app remembers: each argument is hashed by what decides it, so a figure can never belong to other images.

Evidence is hashed by its file's sha256, audited images by their key, a photo by its bytes, a checkpoint by its weights and
card together.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from dermaviz.app.checkpoints import Checkpoint


def checkpoint_key(checkpoint: Checkpoint) -> tuple[str, str]:
    """A checkpoint's folder and the hash of its weights and card: a changed temperature is another answer."""
    return str(checkpoint.folder), checkpoint.card.answers_sha256


HASHED: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "dermaviz.evidence.predictions.Audited": lambda audited: audited.key,
        "dermaviz.evidence.store.Evidence": lambda evidence: evidence.manifest.sha256,
        "dermaviz.models.card.Checkpoint": checkpoint_key,
        "dermaviz.app.case.Photo": lambda photo: photo.key,
        "dermaviz.app.case.Case": lambda case: case.key,
        "dermaviz.app.skin_tone.question.ToneAsk": lambda ask: ask.key,
        "dermaviz.app.robustness.question.Trial": lambda trial: trial.key,
    }
)
"""How arguments of cached functions are hashed, by the full name of their type."""

remembered = partial(st.cache_data, hash_funcs=dict(HASHED), show_spinner="Computing the intervals …")
"""``@remembered(max_entries=…)``: a table or figure computed from evidence, a copy for each caller."""
shared = partial(st.cache_resource, hash_funcs=dict(HASHED), show_spinner="Computing the intervals …")
"""``@shared(max_entries=…)``: one object for all sessions, which nobody may change."""

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """The latest ``most`` values by key. Values are shared between sessions: they are never changed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: Hashable) -> Value | None:
        """The value of a key; None where there is none."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def recall(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key; made now, outside the lock, where there is none. What ``make`` raises leaves nothing behind."""
        if (found := self.find(key)) is not None:
            return found
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
