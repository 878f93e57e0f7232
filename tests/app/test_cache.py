"""What is remembered is made once, forgotten in order, and not kept when it was stopped."""

from __future__ import annotations

import pytest

from dermaviz.app.cache import Memory


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
