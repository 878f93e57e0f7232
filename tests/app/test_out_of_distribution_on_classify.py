"""The gate on the Classify page, with the default checkpoint: a notice instead of an answer, until the user goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.outside_scenes import scene
from tests.picture_files import encode

ROOT = Path(__file__).parents[2]
REFUSAL = "This doesn't look like a dermatoscopic image"


def upload(app: AppTest, kind: str, seed: int) -> None:
    picture = encode(np.ascontiguousarray(scene(kind, seed)), "PNG")
    app.file_uploader[0].set_value([(f"{seed}.png", picture, "image/png")]).run()
    assert not app.exception


def says(app: AppTest, sentence: str) -> bool:
    kinds = ("markdown", "caption", "warning", "header")
    return any(sentence in element.value for kind in kinds for element in app.get(kind))


@pytest.mark.parametrize("kind", ["noise", "text page"])
def test_the_page_says_so_and_goes_on_at_a_word_for_that_photo_alone(kind: str) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page("pages/1_Classify.py")
    app.query_params["source"] = "Upload"
    app.run()
    upload(app, kind, 1)
    assert says(app, REFUSAL)
    assert not says(app, "The model says")
    assert not says(app, "Where did it look?")
    next(button for button in app.button if button.label == "Show the answer anyway").click().run()
    assert says(app, "The model says")
    assert says(app, "You chose to continue: this doesn't look like a dermatoscopic image (")
    assert not app.warning
    upload(app, kind, 2)
    assert says(app, REFUSAL)
    assert not says(app, "The model says")
    upload(app, kind, 1)
    assert says(app, "The model says")
