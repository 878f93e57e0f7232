"""Words that the pages share: names of classes, names of files, and what a map without anything to see means."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from dermaviz.app.text import STATUS_SENTENCES, class_with_probability, escaped, file_stem
from dermaviz.app.widgets.panels import slow_sentence
from dermaviz.attention.methods import AttentionMap, MapStatus
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
SAID = Prediction(CLASSES, np.array([0.05, 0.05, 0.02, 0.02, 0.62, 0.22, 0.02], dtype=np.float32), frozenset())
MAP = AttentionMap(np.ones((7, 7), dtype=np.float32), "gradcam++", 4, "bn2", 0.0831)


def test_classes_are_named_by_the_card_else_by_their_diagnosis_else_by_themselves(card: Card) -> None:
    assert card.label("mel") == "melanoma (mel)"
    mine = replace(card, classes=("MEL", "x"), data={"dataset": "mine"}, malignant=(), names={"x": "the rest"})
    assert [mine.label(name) for name in mine.classes] == ["melanoma (MEL)", "the rest (x)"]
    assert class_with_probability(card, SAID, 4) == "melanoma (62%)"


def test_words_from_outside_are_no_markdown(card: Card) -> None:
    assert escaped("a_b*[c]$d.jpg :material/x:") == "a_b\\*\\[c\\]\\$d.jpg :\u2060material/x:"
    mine = replace(card, classes=("*a*", "$b$"), data={"dataset": "mine"}, malignant=())
    said = Prediction(mine.classes, np.array([0.75, 0.25], dtype=np.float32), frozenset())
    assert class_with_probability(mine, said, 0) == r"\*a\* (75%)"


@pytest.mark.parametrize(
    ("photo", "stem"),
    [
        ("mole.jpg", "mole-lite0-gradcampp-mel"),
        ("../../etc/passwd", "passwd-lite0-gradcampp-mel"),
        ("Muttermal größer.png", "Muttermal_gr__er-lite0-gradcampp-mel"),
    ],
)
def test_file_names_hold_nothing_that_a_file_system_minds(photo: str, stem: str) -> None:
    assert file_stem(photo, "lite0", SAID, MAP) == stem


def test_every_map_without_anything_to_see_has_a_sentence() -> None:
    assert set(STATUS_SENTENCES) == set(get_args(MapStatus)) - {"ok"}
    assert "no positive evidence for this class" in STATUS_SENTENCES["empty"].lower()


@pytest.mark.parametrize(
    ("method", "channels", "one", "time"),
    [
        ("scorecam", 1280, 0.03, "each of the 1,280 channels of the layer. That takes about 38 seconds"),
        (
            "ablationcam",
            2048,
            0.25,
            "2,048 channels of the layer. That takes about 9 minutes, as one map took 0.25 s here",
        ),
        ("eigencam", 0, 0.25, "a few seconds"),
    ],
)
def test_slow_methods_say_how_long_with_this_model(method: str, channels: int, one: float, time: str) -> None:
    assert time in slow_sentence(method, channels, one)
