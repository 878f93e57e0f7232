"""What the pages say, word for word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dermaviz.app.text import (
    STATUS_SENTENCES,
    class_label,
    diagnosis_sentence,
    file_stem,
    malignant_sentence,
    map_caption,
    slow_sentence,
)
from dermaviz.attention.methods import AttentionMap
from dermaviz.models.answer import Prediction
from dermaviz.models.card import Card

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
SAID = Prediction(
    CLASSES,
    np.array([0.05, 0.05, 0.02, 0.02, 0.62, 0.22, 0.02], dtype=np.float32),
    frozenset({"akiec", "bcc", "mel"}),
)
MAP = AttentionMap(np.ones((7, 7), dtype=np.float32), "gradcam++", 4, "bn2", 0.0831)


def test_the_diagnosis_is_one_sentence_in_words(card: Card) -> None:
    assert diagnosis_sentence(card, SAID) == "The model says **melanoma** with probability **62%**."


def test_the_malignant_classes_are_named_and_summed(card: Card) -> None:
    assert malignant_sentence(card, SAID) == (
        "Malignant classes together: **72%** (actinic keratosis / intraepithelial carcinoma, basal cell carcinoma, melanoma)."
    )


def test_a_model_without_malignant_classes_says_so(card: Card) -> None:
    assert "no malignant classes" in malignant_sentence(card, replace(SAID, malignant=frozenset()))


def test_the_caption_names_checkpoint_method_class_layer_and_seconds(card: Card) -> None:
    assert map_caption("lite0", card, SAID, MAP) == "lite0 · Grad-CAM++ · melanoma (62%) · layer bn2 · 0.08 s"


def test_classes_of_an_unknown_data_set_keep_their_names(card: Card) -> None:
    assert class_label(card, "mel") == "melanoma (mel)"
    assert class_label(replace(card, data={"dataset": "mine"}), "mel") == "mel"


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
    assert set(STATUS_SENTENCES) == {"empty", "constant", "non-finite"}
    assert "no positive evidence for this class" in STATUS_SENTENCES["empty"].lower()


@pytest.mark.parametrize(("method", "time"), [("scorecam", "about half a minute"), ("eigencam", "a few seconds")])
def test_slow_methods_say_how_long(method: str, time: str) -> None:
    assert time in slow_sentence(method)
