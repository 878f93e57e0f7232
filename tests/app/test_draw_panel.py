"""The gallery and the "Draw a lesion" panel of the Classify page, as Streamlit runs them, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dermaviz.app.case import offered_photos
from dermaviz.synthetic import FORMS, SAMPLES

ROOT = Path(__file__).parents[2]
SECONDS = 120
ABCD = ("asymmetry", "border", "colours", "diameter")


def run(**query: str | list[str]) -> AppTest:
    """The Classify page after its first run, opened by a link with these selections."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS)
    app.switch_page("pages/1_Classify.py")
    app.query_params.update(query)
    app.run()
    assert not app.exception
    assert not app.error
    return app


def captions(app: AppTest) -> str:
    return "\n".join(element.value for element in app.caption)


def abcd(app: AppTest) -> list[float]:
    return [app.slider(key=f"form_{name}").value for name in ABCD]


def typical(dx: str) -> list[float]:
    return [getattr(FORMS[dx], name) for name in ABCD]


def test_a_drawing_is_diagnosed_and_says_that_it_is_schematic() -> None:
    app = run(source="Draw")
    assert "Synthetic lesion (schematic) · melanoma form" in captions(app)
    assert "Grad-CAM++ · " in captions(app)
    assert "The model says **" in "\n".join(element.value for element in app.markdown)
    assert abcd(app) == typical("mel")
    assert app.toggle(key="outline").value


def test_a_link_holds_the_whole_drawing() -> None:
    app = run(
        source="Draw", dx="vascular lesion", ita="-40", seed="7", form_asymmetry="0.9", artefacts=["gel", "curled hair"]
    )
    assert abcd(app) == [0.9, *typical("vasc")[1:]]
    assert app.number_input(key="seed").value == 7
    assert "vascular lesion form · dark skin (ITA −40°) · with curled hair and gel" in captions(app)


def test_another_diagnosis_takes_its_typical_form_and_a_button_brings_it_back() -> None:
    app = run(source="Draw", form_border="0.05")
    app.selectbox(key="dx").set_value("bkl").run()
    assert abcd(app) == typical("bkl")
    app.slider(key="form_border").set_value(0.99).run()
    app.slider(key="form_cysts").set_value(0.1).run()
    next(button for button in app.button if button.label == "Typical form").click().run()
    assert abcd(app) == typical("bkl")
    assert app.slider(key="form_cysts").value == FORMS["bkl"].cysts


def test_another_lesion_is_another_seed_and_nothing_else() -> None:
    app = run(source="Draw", ita="10")
    before, seed = abcd(app), app.number_input(key="seed").value
    next(button for button in app.button if button.label == "Another lesion").click().run()
    assert app.number_input(key="seed").value == seed + 1
    assert abcd(app) == before
    assert app.slider(key="ita").value == 10


def test_a_sample_can_be_changed() -> None:
    app = run(image=SAMPLES[5].slug)
    next(button for button in app.button if button.label == "Change this lesion").click().run()
    assert not app.error
    assert "benign keratosis form · dark skin (ITA −40°) · with gel" in captions(app)
    assert abcd(app) == typical("bkl")


@pytest.mark.parametrize(
    "query",
    [
        {"ita": "nan"}, {"ita": "999"}, {"seed": "-4"}, {"seed": "many"}, {"form_colours": "2.5"},
        {"form_asymmetry": "inf"}, {"form_diameter": "0"}, {"dx": "unicorn"}, {"artefacts": "beard"}, {"lamp": "Red"},
        {"outline": "perhaps"},
    ],
    ids=lambda query: "=".join(*query.items()),
)  # fmt: skip
def test_a_link_with_nonsense_falls_back(query: dict[str, str]) -> None:
    app = run(**{"source": "Draw", **query})
    assert "Synthetic lesion (schematic) · " in captions(app)


def test_a_photo_of_the_user_has_no_outline_to_show() -> None:
    app = run(source="Upload")
    assert not [toggle for toggle in app.toggle if toggle.key == "outline"]


def test_the_gallery_shows_every_sample_and_marks_the_chosen_one() -> None:
    app = run()
    gallery = app.button_group(key="gallery")
    assert len(gallery.options) == len(offered_photos()) + len(SAMPLES)
    assert app.session_state["gallery"] == offered_photos()[0].image_id
    old = run(sample="dermatofibroma, intermediate skin")  # as links of earlier versions name it
    assert old.session_state["gallery"] == "df-intermediate"
    assert old.query_params["image"] == "df-intermediate"
