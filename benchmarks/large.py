"""Benchmarks: every page on a data set of the size of ISIC 2024, against the shipped one of 2,001 images.

``python -m benchmarks.large [--rows 400000]`` draws an evidence set from the default checkpoint's (200 copies of its test
images under ids of their own, probabilities moved by noise) into a temporary folder, opens every page on both in a process of
its own (Streamlit's AppTest: everything but the browser), nothing remembered, and prints seconds, their ratio (target: 3), the
bytes sent to the browser, and the memory at the end (target: 2 GB). The tables ``corruptions`` and ``shortcuts`` stay those of
2,001 images: pages open without them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.subjects import CLASSES, DEFAULT_CHECKPOINT
from dermaviz.evidence.store import DataSplit, read_evidence, write_evidence
from dermaviz.models.card import CARD, read_card

ROOT = Path(__file__).parents[1]
TABLES = ("predictions", "tone", "attention", "flips", "attacks")
PAGES = {
    "Home": ("app.py", {}),
    "Classify": ("pages/1_Classify.py", {}),
    "Confusion": ("pages/2_Confusion.py", {}),
    "Robustness, live": ("pages/3_Robustness.py", {}),
    "Robustness, test set": ("pages/3_Robustness.py", {"part": "The test set"}),
    "Robustness, smallest change": ("pages/3_Robustness.py", {"part": "The test set", "test": "Smallest change"}),
    "Skin tone, groups": ("pages/4_Skin_tone.py", {}),
    "Skin tone, trend": ("pages/4_Skin_tone.py", {"audit": "Trend"}),
    "Attention": ("pages/5_Attention.py", {}),
    "Reports": ("pages/5_Reports.py", {}),
    "Lesson": ("pages/6_Lesson.py", {}),
}
MOST_TIMES, MOST_GB, SHIPPED = 3.0, 2.0, 2001


def enlarge(folder: Path, rows: int) -> None:
    """A copy of the default checkpoint in ``folder`` whose test evidence is of ``rows`` images."""
    card = read_card(DEFAULT_CHECKPOINT / CARD)
    shutil.copytree(DEFAULT_CHECKPOINT, folder)
    of, rng = DataSplit("ham10000", "test"), np.random.default_rng(0)
    for name in TABLES:
        found = read_evidence(folder, name, of, checkpoint_sha256=card.answers_sha256)
        ids = found.table["image_id"].unique()
        whole, rest = divmod(rows, len(ids))
        some = found.table[found.table["image_id"].isin(ids[:rest])]
        table = pd.concat([_copy(found.table, i, rng) for i in range(whole)] + [_copy(some, whole, rng)])
        source = replace(found.manifest.source, data_sha256=f"{rows} rows drawn from others")
        write_evidence(folder, table.reset_index(drop=True), source, {"command": "benchmarks.large"})


def _copy(table: pd.DataFrame, copy: int, rng: np.random.Generator) -> pd.DataFrame:
    if not copy:
        return table
    named = table.assign(**{c: table[c].astype(str) + f"_{copy}" for c in ("image_id", "lesion_id") if c in table})
    columns = [f"p_{name}" for name in CLASSES]
    if set(columns) <= set(table):
        moved = table[columns].to_numpy() * np.exp(rng.normal(0, 0.3, (len(table), len(columns))))
        named[columns] = moved / moved.sum(axis=1, keepdims=True)
    return named


def open_pages(checkpoints: Path) -> dict[str, Any]:
    """Seconds that each page takes when nothing is remembered but all is imported, the bytes it sends, and the peak of this
    process's memory in GB after all of them were opened once more as a server would."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    def opened(file: str, asked: dict[str, str]) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600)
        for key, value in asked.items():
            app.query_params[key] = value
        app = app.switch_page(file) if file != "app.py" else app
        return app.run()

    os.environ.pop("DERMAVIZ_DATA", None)
    for page in PAGES.values():
        opened(*page)
    os.environ["DERMAVIZ_CHECKPOINTS"] = str(checkpoints)
    found = {}
    for name, page in PAGES.items():
        st.cache_data.clear()
        st.cache_resource.clear()
        gc.collect()
        started = time.process_time()
        app = opened(*page)
        seconds = time.process_time() - started
        said = [element.value for element in (*app.error, *app.exception)]
        if said:
            raise SystemExit(f"{name}: expected a page without errors, found: {said[0]}")
        sent = sum(len(one.proto.SerializeToString()) for one in _elements(app._tree))
        found[name] = {"seconds": seconds, "megabytes": sent / 1e6}
    for page in PAGES.values():
        opened(*page)
    return {"pages": found, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def _elements(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", {}).values():
        yield from _elements(child)
    if not hasattr(node, "children"):
        yield node


def main(arguments: list[str] | None = None) -> int:
    """Measure both sizes and print the table; 0 when every page and the memory are within their targets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--measure", type=Path, metavar="FOLDER", help="only open the pages on a folder of checkpoints")
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(open_pages(options.measure)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for rows in (SHIPPED, options.rows):
            enlarge(Path(folder) / str(rows) / DEFAULT_CHECKPOINT.name, rows)
            command = [sys.executable, "-m", "benchmarks.large", "--measure", f"{folder}/{rows}"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                return 1
            made[rows] = json.loads(done.stdout.splitlines()[-1])
    small, large = made[SHIPPED], made[options.rows]
    print(f"{'page':<32}{SHIPPED:>12,}{options.rows:>12,}{'ratio':>8}{'MB sent':>9}")
    within = large["peak_gb"] <= MOST_GB
    for name, one in large["pages"].items():
        before = small["pages"][name]["seconds"]
        ratio = one["seconds"] / before
        within &= ratio <= MOST_TIMES
        print(f"{name:<32}{before:>10.2f} s{one['seconds']:>10.2f} s{ratio:>8.2f}{one['megabytes']:>9.1f}")
    print(f"{'memory':<32}{small['peak_gb']:>9.2f} GB{large['peak_gb']:>9.2f} GB")
    return int(not within)


if __name__ == "__main__":
    sys.exit(main())
