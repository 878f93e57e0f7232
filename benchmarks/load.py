"""Benchmarks: a room full of people. Sessions in the server's own protocol, each with its own photos, classes and drags.

``python -m benchmarks.load [--sessions 40] [--drags 5 20] [--browsers 2]``: a server on loopback is asked everything once by one
session (the reference: answers and seconds), started anew, and asked the same by all at once. Answers are compared element
by element; a dropped connection, an error or a missing answer is lost. Each line of JSON ends with what is held and what is not;
exit code 1 if something is not.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import runpy
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any
from urllib.parse import urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from dermaviz.synthetic import SAMPLES

_SERVER = Path(__file__).parents[1] / "tests" / "browser" / "app_server.py"
running_app: Callable[[Path], Any] = runpy.run_path(str(_SERVER))["running_app"]
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
LOOKS = ("gradcam++", "layercam", "gradcam", "hirescam")
QUIET_SECONDS, ALONE_SECONDS, MOST_SECONDS = 2.0, 0.5, 600.0
"""A page stands once nothing came for so long: in a crowd, and where one session has the server for itself."""
WATCH_SECONDS = 2
SETTLED_SECONDS = {5: 3.0, 20: 10.0}
"""So soon the pages of so many that drag have to stand, or within twice the single-user compute × sessions ÷ cores."""
_SECONDS = re.compile(r"\d+\.\d+ s\b")
_TEXTS = ("markdown", "alert", "heading", "html", "text", "metric", "imgs", "plotly_chart", "arrow_data_frame")


@dataclass
class Visitor:
    """A session: what it sees, and how long it waited for it."""

    socket: Any
    quiet: float = QUIET_SECONDS
    page: str = ""
    query: str = ""
    states: dict[str, WidgetState] = field(default_factory=dict)
    seen: dict[tuple[int, ...], tuple[int, Any]] = field(default_factory=dict)
    runs: int = 0
    running: bool = False
    finished_at: float = 0.0
    heard_at: float = 0.0

    async def listen(self) -> None:
        """Take in what the server says until it hangs up."""
        async for content in self.socket:
            message, self.heard_at = ForwardMsg.FromString(content), time.perf_counter()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.runs, self.running = self.runs + 1, True
            elif kind == "script_finished" and message.script_finished in (0, 3):
                self.running, self.finished_at = False, self.heard_at
                self.seen = {path: kept for path, kept in self.seen.items() if kept[0] == self.runs}
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self.seen[tuple(message.metadata.delta_path)] = self.runs, message.delta.new_element

    async def ask(self, changed: WidgetState | None = None) -> None:
        """Send a rerun with the state of all widgets that were ever changed."""
        if changed is not None:
            self.states[changed.id] = changed
        message = BackMsg()
        message.rerun_script.query_string, message.rerun_script.page_name = self.query, self.page
        message.rerun_script.widget_states.widgets.extend(self.states.values())
        await self.socket.send(message.SerializeToString())

    async def settled(self, asked: float) -> float:
        """Wait until the last run has ended and nothing follows; the seconds from ``asked`` to its end."""
        while time.perf_counter() - asked < MOST_SECONDS:
            now = time.perf_counter()
            if not self.running and self.finished_at > asked and now - max(self.heard_at, asked) > self.quiet:
                return self.finished_at - asked
            await asyncio.sleep(0.02)
        raise TimeoutError(f"no answer within {MOST_SECONDS:.0f} s")

    async def open(self, page: str, **query: object) -> float:
        """Open a page by its link; the seconds until it stands."""
        self.page, self.query, self.states = page, urlencode({k: str(v) for k, v in query.items()}), {}
        asked = time.perf_counter()
        await self.ask()
        return await self.settled(asked)

    def slider(self, words: str) -> Any:
        """The slider whose label begins so."""
        return next(
            e.slider for _, e in self.seen.values() if e.HasField("slider") and e.slider.label.startswith(words)
        )

    def answer(self) -> str:
        """A hash of everything on the page that is told or drawn, seconds aside."""
        told = [_told(element) for _, (_, element) in sorted(self.seen.items(), key=lambda item: item[0])]
        return hashlib.sha256("\n".join(filter(None, told)).encode()).hexdigest()

    def refused(self) -> list[str]:
        """The errors on the page."""
        alerts = [element.alert for _, element in self.seen.values() if element.HasField("alert")]
        return [alert.body for alert in alerts if alert.format == 1]


def _told(element: Any) -> str:
    kind = element.WhichOneof("type")
    if kind not in _TEXTS:
        return ""
    return _SECONDS.sub("", str(getattr(element, kind)).replace("\\n", " "))


@asynccontextmanager
async def visit(url: str, quiet: float = QUIET_SECONDS) -> AsyncIterator[Visitor]:
    """A new session on a running server."""
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    async with websockets.connect(
        address, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None, open_timeout=90
    ) as socket:
        visitor = Visitor(socket, quiet)
        listening = asyncio.create_task(visitor.listen())
        try:
            yield visitor
        finally:
            listening.cancel()


@dataclass(frozen=True)
class Question:
    """A page with its link."""

    page: str
    query: tuple[tuple[str, object], ...]


def questions(n: int, each: int) -> list[list[Question]]:
    """What each of ``n`` sessions asks, one after the other: no two sessions the same."""
    kinds: list[Callable[[int], Question]] = [
        lambda i: Question(
            "Classify", (("sample", _sample(i)), ("class", CLASSES[i % 7]), ("method", LOOKS[i // 7 % 4]))
        ),
        lambda i: Question("Robustness", (("sample", _sample(i)), ("noise_seed", i))),
        lambda i: Question("Classify", (("source", "draw"), ("seed", 1000 + i))),
        lambda i: Question(
            "Skin_tone", (("audit", "One photo on other skin"), ("sample", _sample(i)), ("to_ita", i % 60 - 30))
        ),
    ]
    return [[kinds[(i + k) % len(kinds)](i * each + k) for k in range(each)] for i in range(n)]


def _sample(i: int) -> str:
    return SAMPLES[i % len(SAMPLES)].slug


async def ask_all(visitor: Visitor, asked: list[Question]) -> list[tuple[str, float, list[str]]]:
    """Ask one question after the other; for each the answer's hash, its seconds and the errors shown."""
    told = []
    for question in asked:
        seconds = await visitor.open(question.page, **dict(question.query))
        told.append((visitor.answer(), seconds, visitor.refused()))
    return told


async def room(
    url: str, asked: list[list[Question]], at_once: bool
) -> list[list[tuple[str, float, list[str]]] | BaseException]:
    """Every session's answers: all at once, or one after the other."""

    async def one(own: list[Question]) -> list[tuple[str, float, list[str]]]:
        async with visit(url, QUIET_SECONDS if at_once else ALONE_SECONDS) as visitor:
            return await ask_all(visitor, own)

    if at_once:
        return await asyncio.gather(*(one(own) for own in asked), return_exceptions=True)
    return [await one(own) for own in asked]


Dragged = tuple[float, str]
"""The seconds from a session's last move until its page stands, and the hash of what it then shows."""


async def drag(url: str, n: int, moves: int = 200, seconds: float = 6.0) -> list[Dragged]:
    """``n`` sessions each drag ε on Robustness, ``moves`` moves in so many seconds."""

    async def one(i: int) -> Dragged:
        async with visit(url) as visitor:
            await visitor.open("Robustness", sample=_sample(i), noise_seed=i)
            slider, last = visitor.slider("ε"), 0.0
            for move in range(moves):
                state = WidgetState(id=slider.id)
                state.string_array_value.data.append(slider.options[(move + i) % (len(slider.options) - 1)])
                last = time.perf_counter()
                await visitor.ask(state)
                await asyncio.sleep(seconds / moves)
            settled = await visitor.settled(last)
            if visitor.refused():
                raise RuntimeError(visitor.refused()[0])
            return settled, visitor.answer()

    return list(await asyncio.gather(*(one(i) for i in range(n))))


async def arrive(url: str, n: int, moves: int = 200) -> list[Dragged]:
    """One session after the other goes at once where the ``n`` that drag end: their answers and seconds without a crowd."""

    async def one(i: int) -> Dragged:
        async with visit(url, ALONE_SECONDS) as visitor:
            await visitor.open("Robustness", sample=_sample(i), noise_seed=i)
            slider = visitor.slider("ε")
            state = WidgetState(id=slider.id)
            state.string_array_value.data.append(slider.options[(moves - 1 + i) % (len(slider.options) - 1)])
            asked = time.perf_counter()
            await visitor.ask(state)
            return await visitor.settled(asked), visitor.answer()

    return [await one(i) for i in range(n)]


def memory(pid: int) -> float:
    """Resident memory of a process in MB; 0 where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """A fresh server on loopback whose model is loaded."""
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "log") as (url, pid):
        asyncio.run(_warm_up(url))
        yield url, pid
        log = (Path(folder) / "log").read_text(errors="replace")
        if "Traceback" in log:
            print(log[log.index("Traceback") :][:3000], file=sys.stderr)


async def _warm_up(url: str) -> None:
    async with visit(url) as visitor:
        for page in ("Classify", "Robustness", "Skin_tone"):
            await visitor.open(page)


async def _watch(pid: int, seen: list[float]) -> None:
    while True:
        seen.append(memory(pid))
        await asyncio.sleep(WATCH_SECONDS)


async def _browsers(url: str, n: int) -> int:
    """``n`` real browsers each open a page; how many see their diagnosis."""
    from playwright.async_api import async_playwright

    chromium, arguments = (runpy.run_path(str(_SERVER))[name] for name in ("find_chromium", "CHROMIUM_ARGUMENTS"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=arguments)

        async def look(i: int) -> bool:
            page = await browser.new_page()
            await page.goto(f"{url}/Classify?sample={_sample(i)}", timeout=MOST_SECONDS * 1000)
            await page.get_by_text("Where did it look?").first.wait_for(timeout=MOST_SECONDS * 1000)
            return True

        seen = await asyncio.gather(*(look(i) for i in range(n)), return_exceptions=True)
        await browser.close()
    return sum(one is True for one in seen)


async def _crowd(url: str, pid: int, asked: list[list[Question]], browsers: int) -> tuple[list[Any], list[float], int]:
    used: list[float] = []
    watching = asyncio.create_task(_watch(pid, used))
    told, looked = await asyncio.gather(room(url, asked, True), _browsers(url, browsers) if browsers else _none())
    watching.cancel()
    return told, used, looked


async def _none() -> int:
    return 0


def measure_room(n: int, each: int, browsers: int) -> dict[str, Any]:
    """The same questions by one session after the other, and by all at once."""
    asked = questions(n, each)
    with server() as (url, _):
        alone = asyncio.run(room(url, asked, False))
    with server() as (url, pid):
        together, used, looked = asyncio.run(_crowd(url, pid, asked, browsers))
    lost = [one for one in together if isinstance(one, BaseException)]
    pairs = [
        (single, many)
        for own, all_own in zip(alone, together, strict=True)
        if not isinstance(all_own, BaseException) and not isinstance(own, BaseException)
        for single, many in zip(own, all_own, strict=True)
    ]
    single = fmean(one[1] for one, _ in pairs)
    waited = sorted(many[1] for _, many in pairs)
    p95, bound = waited[int(0.95 * (len(waited) - 1))], 1.3 * n * single / (os.cpu_count() or 1)
    wrong, errors = sum(one[0] != many[0] for one, many in pairs), sum(bool(many[2]) for _, many in pairs)
    later = used[60 // WATCH_SECONDS :]
    first, last = (median(part) if part else 0.0 for part in (later[: len(later) // 2], later[len(later) // 2 :]))
    return {
        "sessions": n, "questions": n * each, "lost": len(lost), "wrong": wrong, "errors shown": errors,
        "browsers that saw their answer": f"{looked} of {browsers}", "single s, mean": round(single, 2),
        "median s": round(median(waited), 1), "p95 s": round(p95, 1), "1.3 × sessions × single ÷ cores, s": round(bound, 1),
        "MB after a minute, at the end": [round(first), round(last)], "load": os.getloadavg(),
        "held": {
            "none lost or wrong": not lost and not wrong and not errors and looked == browsers,
            "p95": p95 <= bound,
            "memory flat after a minute": last <= 1.1 * first if len(later) > 9 else "too short to say",
        },
    }  # fmt: skip


def measure_drags(n: int) -> dict[str, Any]:
    """How long dragged pages take to settle, against one session after the other that goes at once where they end."""
    with server() as (url, _):
        alone = asyncio.run(arrive(url, n))
    with server() as (url, _):
        dragged = asyncio.run(drag(url, n))
    seconds, single = sorted(one[0] for one in dragged), fmean(one[0] for one in alone)
    least = next((most for sessions, most in SETTLED_SECONDS.items() if n <= sessions), 0.0)
    bound = max(least, 2 * single * n / (os.cpu_count() or 1))
    wrong = sum(one[1] != many[1] for one, many in zip(alone, dragged, strict=True))
    return {
        "dragging": n, "single s, mean": round(single, 2), "median s": round(median(seconds), 1),
        "worst s": round(seconds[-1], 1), "bound s": round(bound, 1), "wrong": wrong, "load": os.getloadavg(),
        "held": {"settled": seconds[-1] <= bound, "none wrong": not wrong},
    }  # fmt: skip


def main() -> None:
    """Run what is asked for and print a line of JSON for each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description="A room full of people on one server."
    )
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--each", type=int, default=3, help="questions of each session")
    parser.add_argument("--browsers", type=int, default=2)
    parser.add_argument("--drags", type=int, nargs="*", default=[5, 20], help="sessions that drag a slider")
    options = parser.parse_args()
    told = []
    for n in options.drags:
        told.append(measure_drags(n))
        print(json.dumps(told[-1], ensure_ascii=False), flush=True)
    if options.sessions:
        told.append(measure_room(options.sessions, options.each, options.browsers))
        print(json.dumps(told[-1], ensure_ascii=False), flush=True)
    sys.exit(any(False in one["held"].values() for one in told))


if __name__ == "__main__":
    main()
