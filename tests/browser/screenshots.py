"""Take pictures of every page: desktop and phone, light and dark. `python tests/browser/screenshots.py FOLDER [URL]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from app_server import CHROMIUM_ARGUMENTS, find_chromium, running_app
from playwright.sync_api import Browser, sync_playwright

PAGES = {
    "home": ("/", "About this model"),
    "classify": ("/Classify", "· layer"),
    "side-by-side": ("/Classify?beside=Grad-CAM%2B%2B&beside=Grad-CAM&beside=LayerCAM&class=melanoma+(mel)", "LayerCAM · "),
    "draw": ("/Classify?source=Draw&ita=-20&artefacts=ruler", "· layer"),
    "confusion": ("/Confusion?true=melanoma+(mel)&called=melanocytic+nevus+(nv)", "Sensitivity is lowest"),
    "threshold": ("/Confusion?question=melanoma+(mel)+or+not%3F&threshold=20&card=Calibration", "More about these answers"),
    "robustness": ("/Robustness", "Does the attack survive"),
    "robustness-test-set": ("/Robustness?part=The+test+set", "How it was measured"),
    "reports": ("/Reports", "What does not hold on paper?"),
    "reports-beside": ("/Reports?look=Beside+ours", "Statement by statement"),
    "reports-questions": ("/Reports?look=What+it+asks", "put to"),
    "reports-run": ("/Reports?look=One+run", "All its figures"),
    "reports-claims": ("/Reports?part=All+claims", "figures shown"),
    "reports-calculator": ("/Reports?part=Calculator", "Always giving the commoner answer"),
    "skin-tone": ("/Skin_tone", "How it was measured"),
    "skin-tone-groups": ("/Skin_tone?audit=Groups&by=age", "How it was measured"),
    "attention": ("/Attention", "The same as a table"),
    "attention-trust": ("/Attention?audit=Trust", "How it was measured"),
    "attention-shortcuts": ("/Attention?audit=Shortcuts", "How it was measured"),
    "skin-tone-other-skin": ("/Skin_tone?audit=Other+skin", "Drawn lesions, of which"),
    "lesson": ("/Lesson?lesson=3&picks=--B", "Speaker notes"),
    "upload": ("/Classify?source=Upload", "Several become a contact sheet"),
}  # fmt: skip
WIDTHS = {"desktop": 1280, "phone": 390}
SETTLE_MILLISECONDS = 1500
TALLEST = 6000


def take(browser: Browser, url: str, folder: Path) -> None:
    """One picture per page, width and theme, each of the whole page."""
    for name, (path, last) in PAGES.items():
        for device, width in WIDTHS.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page = context.new_page()
                page.set_default_timeout(180_000)
                page.goto(url + path)
                page.get_by_text(last).last.wait_for()
                page.wait_for_timeout(SETTLE_MILLISECONDS)
                height = page.get_by_test_id("stMainBlockContainer").evaluate("element => element.scrollHeight")
                page.set_viewport_size({"width": width, "height": min(int(height) + 90, TALLEST)})
                page.wait_for_timeout(SETTLE_MILLISECONDS)
                page.screenshot(path=folder / f"{name}-{device}-{scheme}.png")
                context.close()


def main() -> None:
    """Start the app, unless its address is given, and take the pictures."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as logs:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        if len(sys.argv) > 2:
            take(browser, sys.argv[2], folder)
        else:
            with running_app(Path(logs) / "server.log") as (url, _):
                take(browser, url, folder)
        browser.close()


if __name__ == "__main__":
    main()
