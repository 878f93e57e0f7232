"""Benchmarks: the table of them all. A new one is a function in a topic's file and a row in its ``BENCHMARKS``."""

from __future__ import annotations

from types import MappingProxyType

from benchmarks import attention, audit, evaluation, page, pages, robustness, tone, training, upload

REGISTRY = MappingProxyType(
    {
        row.name: row
        for topic in (attention, audit, evaluation, page, pages, robustness, tone, training, upload)
        for row in topic.BENCHMARKS
    }
)
