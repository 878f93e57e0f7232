"""Hostile links: every parameter that a page of the app reads, with values that nobody should give it.

``python tests/fuzz/links.py [N] [SEED]`` opens N links in this process and prints those at which a page failed or met what it did
not expect; exit code 1 if there is one. A share of it is a test (``tests/app/test_links.py``).
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dermaviz.app.pages import PAGES

ROOT = Path(__file__).parents[2]
VALUES = (
    "", " ", "inf", "-inf", "nan", "1e400", "-1e400", "1e-400", "9" * 400, "-1", "0", "1", "2.5", "true", "null", "None", "[]",
    "{}", "mel", "unknown", "../../etc/passwd", "\x00", "\u202e", "%s", "a" * 5000, "![x](http://127.0.0.1:9/x)", "<b>", "0,1",
    "1,0", "nan,nan", "٣", "-0", "0x10", "1_0", "ISIC_0024306", "test", "upload", "camera", "draw", "sample", "One photo, live",
)  # fmt: skip
SECONDS = 120


def parameters() -> list[str]:
    """The names of all parameters that the app's source binds to links, and a few that nobody knows."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "dermaviz" / "app").rglob("*.py"))
    named = re.findall(r'key="(\w+)"[^)]*?bind="query-params"', sources)
    return sorted(
        {*named, "case", "class", "epsilon", "attack", "to_ita", "seed", "ita", "size", "page", "embed", "x" * 300}
    )


def link(seed: int) -> tuple[str, dict[str, str | list[str]]]:
    """A page and one to four parameters."""
    dice = random.Random(seed)
    chosen = dice.sample(parameters(), dice.choice((1, 1, 2, 4)))
    return dice.choice(PAGES).file, {
        name: [dice.choice(VALUES), dice.choice(VALUES)] if dice.random() < 0.1 else dice.choice(VALUES)
        for name in chosen
    }


def opened(page: str, query: dict[str, str | list[str]]) -> str:
    """What is wrong with a page opened by this link; "" if nothing is."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS).switch_page(page)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if app.exception:
        return str(app.exception[0].message or app.exception[0].value)
    return " ".join(error.value for error in app.error if "did not expect" in error.value)


def hostile(seeds: Iterable[int]) -> Iterator[tuple[int, str, dict[str, str | list[str]], str]]:
    """Each seed's page and link with what is wrong, "" if nothing is."""
    for seed in seeds:
        page, query = link(seed)
        yield seed, page, query, opened(page, query)


def main() -> int:
    """Open as many links as asked for; print each that fails."""
    n, first = (int(sys.argv[1]) if len(sys.argv) > 1 else 100), (int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    bad, started = 0, time.monotonic()
    for seed, page, query, wrong in hostile(range(first, first + n)):
        if wrong:
            bad += 1
            print(f"seed {seed}: {page} {query}\n  {wrong[:400]}", flush=True)
    print(f"{n} links, {bad} failed, {time.monotonic() - started:.0f} s")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
