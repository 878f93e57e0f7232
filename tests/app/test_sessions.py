"""What sessions share: heavy work by turns, and what is remembered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from dermaviz.app import sessions
from dermaviz.app.sessions import Memory, Turns


@pytest.fixture
def superseded(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of threads whose session has asked anew: at their next look they are stopped, as Streamlit stops a run."""
    names: set[str] = set()

    def look() -> None:
        if threading.current_thread().name in names:
            raise StopException

    monkeypatch.setattr(sessions, "give_way", look)
    return names


def started(name: str, work: Callable[[], None]) -> threading.Thread:
    def quietly() -> None:
        with suppress(StopException):
            work()

    thread = threading.Thread(target=quietly, name=name)
    thread.start()
    return thread


def test_in_order_and_without_those_that_nobody_waits_for(superseded: set[str]) -> None:
    turn, done, threads = Turns(), [], []

    def work() -> None:
        with turn:
            done.append(threading.current_thread().name)

    with turn:
        for name in "abcdef":
            threads.append(started(name, work))
            until = time.monotonic() + 10
            while len(turn) < len(threads) + 1 and time.monotonic() < until:
                time.sleep(0.005)
        superseded |= {"a", "c", "d"}
        time.sleep(0.3)
        assert len(turn) == 4  # the holder and three that are still wanted
    for thread in threads:
        thread.join(10)
    assert done == ["b", "e", "f"]
    assert len(turn) == 0


def test_one_that_is_superseded_when_its_turn_comes_does_not_work(superseded: set[str]) -> None:
    turn, done = Turns(), []
    superseded.add(threading.current_thread().name)
    with pytest.raises(StopException), turn:
        done.append(1)
    superseded.clear()
    with turn:
        done.append(2)
    assert done == [2]


def test_work_that_fails_gives_the_turn_on() -> None:
    turn = Turns()
    with pytest.raises(ZeroDivisionError), turn:
        raise ZeroDivisionError
    assert len(turn) == 0


def page_that_waits() -> None:
    import streamlit as st

    from dermaviz.app.sessions import TURN, show_queue

    show_queue()

    @st.cache_data
    def answer() -> int:
        with TURN:
            return 42

    st.markdown(f"answered {answer()}")


def test_the_page_says_how_many_are_ahead_and_then_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(sessions, "PATIENCE_SECONDS", 0.1)
    caption = st.delta_generator.DeltaGenerator.caption
    monkeypatch.setattr(
        st.delta_generator.DeltaGenerator, "caption", lambda self, text: said.append(text) or caption(self, text)
    )
    holding, until = threading.Event(), time.monotonic() + 20

    def hold() -> None:
        with sessions.TURN:
            holding.set()
            while not said and time.monotonic() < until:
                time.sleep(0.01)

    holder = started("holder", hold)
    holding.wait(10)
    app = AppTest.from_function(page_that_waits, default_timeout=30).run()
    holder.join(10)
    assert not app.exception
    assert said == [":material/hourglass: Many are asking at once: 1 ahead of you."]
    assert not app.caption  # a page that waited ends as one that did not
    assert app.markdown[0].value == "answered 42"
    assert app.run().markdown[0].value == "answered 42"  # from the cache: nothing of the queue is replayed
    assert len(said) == 1


def test_a_value_is_made_once_and_the_oldest_is_forgotten() -> None:
    made: list[str] = []
    memory: Memory[str] = Memory(2)

    def ask(key: str) -> str:
        return memory.recall(key, lambda: made.append(key) or key.upper())

    assert [ask(key) for key in "abab"] == ["A", "B", "A", "B"]
    assert made == ["a", "b"]
    ask("a")
    ask("c")  # b was asked for the longest ago
    ask("a")
    ask("b")
    assert made == ["a", "b", "c", "b"]


def test_what_was_stopped_is_made_again() -> None:
    memory: Memory[int] = Memory(2)

    def stop() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        memory.recall("a", stop)
    assert memory.recall("a", lambda: 1) == 1
