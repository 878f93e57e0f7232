"""An audit of nine photos in a real browser: from the upload with its labels to the exact interval and each photo's attention."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from dermaviz.models.card import DEFAULT_CHECKPOINT
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.synthetic import Parameters, draw

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / DEFAULT_CHECKPOINT
OWN = "/Skin_tone?part=Your+own+images"
TONES = (50, 15, -35)
COUNT_ALL = "Count what does not look dermatoscopic as well"


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nine drawn lesions on three tones of skin, with labels that the default model meets on eight."""
    folder, model = tmp_path_factory.mktemp("nine"), load_checkpoint(CHECKPOINT)
    rows = [("image", "diagnosis", "tone")]
    for i, ita in enumerate(TONES):
        for j, dx in enumerate(("mel", "nv", "bkl")):
            pixels = draw(Parameters(dx=dx, ita=ita, seed=10 * i + j)).image
            name = f"{dx}-{ita}.png"
            Image.fromarray(pixels).save(folder / name)
            rows.append((name, model.predict(pixels).diagnosis, f"tone {i}"))
    wrong = "vasc" if rows[-1][1] != "vasc" else "df"
    rows[-1] = (rows[-1][0], wrong, rows[-1][2])
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder


def upload(page: Page, at: int, *paths: Path) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").nth(at).set_input_files([str(path) for path in paths])


def audit(page: Page, url: str, nine: Path) -> None:
    """Upload the photos and their labels, and count them all: the gate was made for photos, these are drawn."""
    page.goto(url + OWN)
    upload(page, 0, *sorted(nine.glob("*.png")))
    page.get_by_text("Waiting for the table that says what each of them shows").wait_for()
    upload(page, 1, nine / "labels.csv")
    page.get_by_role("heading", name="Right on").or_(page.get_by_text("No photo is left to count")).first.wait_for()
    toggle = page.get_by_text(COUNT_ALL)
    if toggle.count():
        toggle.click()
    page.get_by_role("heading", name="of 9 photos").wait_for()


def clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """The exact interval by bisection of the binomial's tails: where k or more, and k or fewer, have a chance of 2.5%."""

    def chance(p: float, counts: range) -> float:
        return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in counts)

    def solve(rises: bool, counts: range) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if (chance(middle, counts) < 0.025) == rises else (low, middle)
        return low

    return solve(True, range(k, n + 1)), solve(False, range(k + 1))


def test_nine_photos_from_the_upload_to_interval_table_and_groups(page: Page, app_url: str, nine: Path) -> None:
    audit(page, app_url, nine)
    low, high = clopper_pearson(8, 9)
    assert (round(low, 2), round(high, 2)) == (0.52, 1.0)
    page.get_by_role("heading", name="Right on 8 of 9 photos: 0.89, exact 95% interval 0.52 to 1.00").wait_for()
    page.get_by_text("8 of 9 fits a model that is right on 52% of such photos").wait_for()
    page.get_by_alt_text("Attention map of").nth(8).wait_for()
    assert page.get_by_text("Right: says").count() == 8
    assert page.get_by_text("Wrong: says").count() == 1
    assert page.get_by_test_id("stException").count() == 0

    # the table comes home as a file
    page.get_by_text("The table behind it").click()
    with page.expect_download() as file:
        page.get_by_role("button", name="All of it (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(Path(file.value.path()).read_text(encoding="utf-8"))))
    assert len(rows) == 9
    assert sum(row["right"] == "True" for row in rows) == 8
    assert all(0 <= float(row["energy"]) <= 1 and row["mask"] == "predicted" for row in rows)

    # and the photos can be grouped by the tones that were given
    page.get_by_role("combobox", name="Groups").focus()
    page.keyboard.type("tone label")
    page.keyboard.press("Enter")
    low, high = clopper_pearson(3, 3)
    page.get_by_text(f"tone 0: 3 of 3 (1.00; {low:.2f} to {high:.2f})").wait_for()
    page.get_by_text(re.compile(r"tone 2: 2 of 3 \(0\.67; 0\.09 to 0\.99\)")).wait_for()


def test_a_folder_brings_its_labels_along(page: Page, app_url: str, nine: Path) -> None:
    page.goto(f"{app_url}{OWN}&own=A+folder")
    page.get_by_text("Waiting for the photos and their table").wait_for()
    upload(page, 0, nine)
    page.get_by_role("heading", name="Right on").or_(page.get_by_text("No photo is left to count")).first.wait_for()


def test_a_wrong_sheet_costs_one_sentence_and_a_damaged_photo_only_itself(
    page: Page, app_url: str, nine: Path, tmp_path: Path
) -> None:
    photos = sorted(nine.glob("*.png"))[:2]
    torn = tmp_path / "torn.png"
    torn.write_bytes(photos[0].read_bytes()[:2000])
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_text(f"image,diagnosis\n{photos[0].name},mole\n", encoding="utf-8")
    right.write_text("image,diagnosis\n" + "".join(f"{path.name},nv\n" for path in (*photos, torn)), encoding="utf-8")
    page.goto(app_url + OWN)
    upload(page, 0, *photos, torn)
    page.get_by_text("Waiting for the table that says what each of them shows").wait_for()
    upload(page, 1, wrong)
    page.get_by_text("found 'mole'. Correct the spelling").wait_for()
    upload(page, 1, right)
    page.get_by_text("torn.png: expected a whole picture, found one that is cut short").wait_for()
    assert page.get_by_test_id("stException").count() == 0


def test_one_photo_on_other_skin_moves_with_the_slider_and_stays_in_the_link(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/Skin_tone?part=One+photo,+other+skin&to_ita=40")
    page.get_by_text("On ITA 40° (intermediate)").wait_for()
    page.get_by_text("Over the whole range of tones").wait_for()
    page.get_by_role("slider", name="Skin tone to shift to").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("On ITA 41° (intermediate)").wait_for()
    page.wait_for_url(re.compile(r"to_ita=41"))
    page.get_by_text("No shift", exact=True).click()
    page.get_by_text("Without a shift nothing is changed").wait_for()
    assert page.get_by_test_id("stException").count() == 0


@pytest.mark.parametrize("path", [f"{OWN}&own=Nine+drawn", "/Skin_tone?part=One+photo,+other+skin"])
def test_a_phone_needs_no_sideways_scrolling(page: Page, app_url: str, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url + path)
    page.get_by_text("The table behind it").last.wait_for()
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth <= window.innerWidth")
    assert page.get_by_test_id("stException").count() == 0
