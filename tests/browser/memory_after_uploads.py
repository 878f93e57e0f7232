"""Upload 200 photos through the running app: memory of the server and seconds from upload to map.

`python tests/browser/memory_after_uploads.py [COUNT]`. Photos are drawn lesions at 3 megapixels, each another one, 20 to a
session, one after the other; a session ends when its tab is closed.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from app_server import CHROMIUM_ARGUMENTS, find_chromium, running_app
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from dermaviz.synthetic import Parameters, draw

UPLOADS, PER_SESSION, SIDE = 200, 20, 1750
LIMIT_MB = 1500


def photo(number: int) -> bytes:
    """A JPEG of 3 megapixels that no other number gives."""
    drawn = Image.fromarray(draw(Parameters(dx="nv", seed=number % 7)).image).resize((SIDE, SIDE))
    grain = np.random.default_rng(number).integers(-12, 13, (SIDE, SIDE, 3))
    file = io.BytesIO()
    Image.fromarray(np.clip(np.asarray(drawn) + grain, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def resident_mb(pid: int, field: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (the most so far) of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) / 1024


def upload(page: Page, number: int) -> float:
    """Upload one photo and step to it; seconds from the file to the map."""
    at = number % PER_SESSION
    content = photo(number)
    started = time.perf_counter()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": f"photo-{number}.jpg", "mimeType": "image/jpeg", "buffer": content}
    )
    if at:
        page.get_by_text(f"of {at + 1}: photo-").wait_for()
        started = time.perf_counter()
        page.get_by_label("Next page").click()
    page.get_by_alt_text(f"Model input of photo-{number}.jpg", exact=True).wait_for()
    page.get_by_alt_text("laid over the model input").wait_for()
    page.locator("[data-stale=true]").first.wait_for(state="detached")
    return time.perf_counter() - started


def measure(browser: Browser, url: str, pid: int, count: int) -> float:
    """Upload, print as it goes, and give the memory at the end in MB."""
    seconds: list[float] = []
    page = None
    for number in range(count):
        if number % PER_SESSION == 0:
            if page:
                page.close()
            page = browser.new_page()
            page.set_default_timeout(180_000)
            page.goto(f"{url}/Classify?source=Upload")
            page.get_by_text("Several become a list").wait_for()
        assert page
        seconds.append(upload(page, number))
        if number % PER_SESSION == PER_SESSION - 1:
            now, most = resident_mb(pid, "VmRSS"), resident_mb(pid, "VmHWM")
            median = statistics.median(seconds[-PER_SESSION:])
            print(
                f"{number + 1} uploads: {now:.0f} MB now, {most:.0f} MB at most; {median:.2f} s to the map", flush=True
            )
    return resident_mb(pid, "VmRSS")


def main() -> int:
    """Exit code 1 where the memory ends above the limit."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else UPLOADS
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as logs:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        with running_app(Path(logs) / "server.log") as (url, pid):
            end = measure(browser, url, pid, count)
        browser.close()
    print(f"{end:.0f} MB after {count} uploads; the limit is {LIMIT_MB} MB")
    return int(end > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
