"""What many sessions on one server share: heavy work by turns, and what is remembered, by which key.

By turns: in the order in which sessions asked, and none for an answer that nobody waits for any more. A slider that is dragged
asks again before it is answered. Streamlit then runs the page anew as soon as the run before calls it (``runner.fastReruns``
is off). Here such a call is made before the queue, in it and after it.

Remembered: each argument is hashed by what decides it, so a figure can never belong to other images. Evidence is hashed by its
file's sha256, audited images by their key, a photo by its bytes, a checkpoint by its weights and card together.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import in_cached_function

if TYPE_CHECKING:
    from dermaviz.app.checkpoints import Checkpoint


_LOOK_SECONDS = 0.1
"""How often a session in the queue asks whether its answer is still wanted."""
PATIENCE_SECONDS = 1.0
"""After so long a wait the page says how many are ahead."""
_DRAG_SECONDS = 0.16
"""A little longer than a slider's moves are apart."""
_PLACE = "page is running"
_DRAGGING: set[object] = set()
"""Runs that wait whether their slider moves on. The more there are the more seldom each looks: every start costs 5 ms."""


def give_way() -> None:
    """End this run of the page here if its session has asked anew since."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        _ = _PLACE in st.session_state  # any look at it is a point where Streamlit may stop a run


@contextmanager
def latest_run() -> Iterator[None]:
    """A run of a page. One that follows another before that has ended waits a moment: whoever drags asks again at once."""
    dragging, until = st.session_state.get(_PLACE, False), time.monotonic() + _DRAG_SECONDS
    st.session_state[_PLACE] = True
    if dragging:
        _DRAGGING.add(run := object())
        try:
            while time.monotonic() < until:
                time.sleep(_DRAG_SECONDS * min(len(_DRAGGING) / 4, 1))
                give_way()
        finally:
            _DRAGGING.discard(run)
    yield
    st.session_state[_PLACE] = False


def show_queue() -> None:
    """Keep a place here where :class:`Turns` says how many are ahead."""
    _PLACES.here = st.empty()


_PLACES = threading.local()  # a run of a page has a thread of its own


@contextmanager
def _telling() -> Iterator[Callable[[int], None]]:
    """Gives what says how many are ahead; outside of what Streamlit would keep and replay with a cached function's value."""
    place, told = getattr(_PLACES, "here", None), 0

    def tell(ahead: int) -> None:
        nonlocal told
        if place is None or ahead == told:
            return
        told, token = ahead, in_cached_function.set(False)
        try:
            if ahead:
                place.caption(f":material/hourglass: Many are asking at once: {ahead} ahead of you.")
            else:  # no trace of it: a page that waited is the same as one that did not
                place.empty()
        finally:
            in_cached_function.reset(token)

    yield tell
    tell(0)


class Turns:
    """Lets a few threads at a time do their work, ``with TURN: …``, in the order in which they came.

    A run that is superseded leaves the queue and raises Streamlit's own signal to stop, which is no ``Exception``.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._lock, self._at_once, self._own = threading.Lock(), at_once, threading.local()
        self._queue: list[threading.Event] = []  # the first ``at_once`` are at work

    def __len__(self) -> int:
        """How many work or wait."""
        return len(self._queue)

    def __enter__(self) -> None:
        give_way()
        mine = self._own.ticket = threading.Event()
        with self._lock:
            self._queue.append(mine)
        try:
            self._call()
            self._wait(mine)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._queue.remove(self._own.ticket)
        self._call()

    def _call(self) -> None:
        with self._lock:
            for called in self._queue[: self._at_once]:
                called.set()

    def _wait(self, mine: threading.Event) -> None:
        asked = time.monotonic()
        with _telling() as tell:
            while not mine.wait(_LOOK_SECONDS):
                give_way()
                if time.monotonic() - asked > PATIENCE_SECONDS:
                    with self._lock:
                        ahead = self._queue.index(mine)
                    tell(ahead)
        give_way()


TURN = Turns()
"""Held while the model runs, so that sessions queue instead of fighting over the cores."""
DECODING = Turns(2)
"""Held while a photo is decoded. No large one keeps those waiting who only ask the model, and two take at most 800 MB."""


def settle() -> None:
    """Take all that is loaded by now out of the reach of garbage collection, which Streamlit starts after every run of a page.

    With torch and pandas loaded a full collection takes a good tenth of a second, in which no other thread runs.
    """
    gc.collect()
    gc.freeze()


def checkpoint_key(checkpoint: Checkpoint) -> tuple[str, str]:
    """A checkpoint's folder and the hash of its weights and card: a changed temperature is another answer."""
    return str(checkpoint.folder), checkpoint.card.answers_sha256


HASHED: Mapping[str, Callable[[Any], Any]] = {
    "dermaviz.evidence.predictions.Audited": lambda audited: audited.key,
    "dermaviz.evidence.store.Evidence": lambda evidence: evidence.manifest.sha256,
    "dermaviz.models.card.Checkpoint": checkpoint_key,
    "dermaviz.app.case.Photo": lambda photo: photo.key,
    "dermaviz.app.case.Case": lambda case: case.key,
    "dermaviz.app.skin_tone.question.ToneAsk": lambda ask: ask.key,
    "dermaviz.app.robustness.question.Trial": lambda trial: trial.key,
}
"""How arguments of cached functions are hashed, by the full name of their type."""

remembered = partial(st.cache_data, hash_funcs=dict(HASHED), show_spinner="Computing the intervals …")
"""``@remembered(max_entries=…)``: a table or figure computed from evidence, a copy for each caller."""
shared = partial(st.cache_resource, hash_funcs=dict(HASHED), show_spinner="Computing the intervals …")
"""``@shared(max_entries=…)``: one object for all sessions, which nobody may change."""

Stamps = tuple[tuple[str, int, int], ...]
"""Of files: each one's place, when it was last written, and its size."""


def stamps(files: Iterable[Path]) -> Stamps:
    """What changes with any of these files, so that what was read of them is read again; files that are gone are left out."""
    found = ((path, path.stat()) for path in sorted(files) if path.exists())
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in found)


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
