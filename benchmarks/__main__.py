"""Benchmarks: the command line, ``python -m benchmarks [NAME…] --json FILE [--list]``."""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
import time
from contextlib import redirect_stderr
from dataclasses import asdict
from pathlib import Path

from benchmarks.measure import Benchmark, Row
from benchmarks.registry import REGISTRY
from dermaviz.errors import DependencyError

HEADER = f"{'benchmark':<34}{'ours':>11}{'theirs':>11}{'ratio':>8}{'±':>7}{'target':>9}{'took':>7}  against"


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks (all by default), print a table, write JSON.

    Returns:
        0 when every ratio is within its target, 1 when one is not or cannot be measured here, 2 for unusable arguments.
    """
    options = _parser().parse_args(arguments)
    unknown = [name for name in options.names if name not in REGISTRY]
    if unknown:
        print(f"expected benchmarks among {', '.join(REGISTRY)}; found {', '.join(unknown)}.", file=sys.stderr)
        return 2
    chosen = [REGISTRY[name] for name in options.names] or list(REGISTRY.values())
    if options.list:
        print("\n".join(f"{benchmark.name:<34}{benchmark.about}" for benchmark in chosen))
        return 0
    logging.disable(logging.WARNING)
    print(
        "ratio = ours / theirs, of medians; ± of single rounds, their middle half; smaller is better\n" + HEADER,
        flush=True,
    )
    rows: list[Row] = []
    within = True
    for benchmark in chosen:
        started = time.perf_counter()
        try:
            with redirect_stderr(io.StringIO()):  # progress bars; an exception is shown all the same
                row = benchmark.run()
        except (DependencyError, ImportError) as refusal:
            print(f"{benchmark.name:<34}not measured: {refusal}", flush=True)
            within = False
            continue
        rows.append(row)
        within &= row.ratio <= benchmark.target
        print(_line(benchmark, row, time.perf_counter() - started), flush=True)
        if options.json:
            options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    return int(not within)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Ratios against what a user would take instead."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as a list")
    parser.add_argument("--list", action="store_true", help="say what there is and stop")
    return parser


def _line(benchmark: Benchmark, row: Row, seconds: float) -> str:
    verdict = "" if row.ratio <= benchmark.target else "  above target"
    ours, theirs = (f"{value:.4g} {row.unit}" for value in (row.ours, row.theirs))
    measured = f"{row.name:<34}{ours:>11}{theirs:>11}{row.ratio:>8.3f}{row.spread:>7.3f}"
    return f"{measured}{'≤ ' + f'{benchmark.target:g}':>9}{seconds:>5.0f} s  {row.against}{verdict}"


if __name__ == "__main__":
    sys.exit(main())
