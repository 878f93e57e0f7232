"""The app as users start it, for the browser tests and for the scripts beside them."""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 120
CHROMIUM_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def find_chromium() -> str | None:
    """The path of Chromium, where there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def running_app(log: Path) -> Iterator[tuple[str, int]]:
    """Start the app on a free port and wait until it is well; gives its address and process id, and stops it after."""
    port = free_port()
    command = [
        sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true", "--server.port", str(port),
        "--server.address", "127.0.0.1",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            _await_health(url, server)
            yield url, server.pid
        finally:
            server.terminate()
            server.wait(20)


@contextmanager
def shared_app(folder: Path) -> Iterator[str]:
    """The address of one app for all processes that name this folder. The first of them starts it; when the others have let go
    it stops it, and the log must hold no traceback."""
    address, log = folder / "app-address", folder / "app.log"
    with (folder / "app-turn").open("w") as turn, (folder / "app-users").open("w") as users:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while it is being stopped
        if address.exists():
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield address.read_text(encoding="utf-8")
            return
        with running_app(log) as (url, _):
            address.write_text(url, encoding="utf-8")
            fcntl.flock(turn, fcntl.LOCK_UN)
            try:
                yield url
            finally:
                fcntl.flock(users, fcntl.LOCK_EX)
                address.unlink()
        assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await_health(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"expected streamlit to run, it ended with {server.returncode}; see its log")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"expected streamlit to be up within {START_SECONDS} s; see its log")
