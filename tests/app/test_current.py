"""The current image by its name in the link: found again exactly, and nothing else than images is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dermaviz.app import case
from dermaviz.app.case import Case, Photo, drawn_name, find_image, take_files, uploads
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.widgets.photo import verdict_words
from dermaviz.data.photographs import sample_photos
from dermaviz.synthetic import FORMS, SAMPLES, Parameters
from tests.app.conftest import tiny_card


def test_every_sample_is_found_by_its_name() -> None:
    for photo in sample_photos():
        found = find_image(photo.image_id)
        assert found is not None
        assert (found.label, found.image) == (photo.dx, photo.image_id)
        assert "CC0" in found.credit
    for sample in SAMPLES:
        found = find_image(sample.slug)
        assert found is not None
        assert found.parameters == sample.parameters


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(dx="mel"),
        Parameters(dx="nv", ita=-20, seed=7, artefacts=("hair", "ruler"), lamp="orange", form=replace(FORMS["nv"], border=0.9)),
    ],
)  # fmt: skip
def test_a_drawing_to_order_is_found_with_all_its_parameters(parameters: Parameters) -> None:
    found = find_image(drawn_name(parameters))
    assert found is not None
    assert found.parameters is not None
    assert replace(found.parameters, form=None) == replace(parameters, form=None)
    assert found.parameters.lesion_form == parameters.lesion_form


@pytest.mark.parametrize(
    "name", ["../../passwd", "images/ISIC_0024306", "drawn.", "drawn.%%%", "drawn.eyJkeCI6InVuaWNvcm4ifQ", "drawn.W10", "x" * 99]
)  # fmt: skip
def test_what_is_no_image_is_none(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DERMAVIZ_DATA", str(tmp_path))
    assert find_image(name) is None


@pytest.mark.parametrize(
    ("classes", "label", "verdict"),
    [
        (("Melanoma", "NV"), "mel", "Right"), (("Melanoma", "NV"), "nv", "Wrong"), (("Melanoma", "NV"), "bcc", "Not comparable"),
        (("Melanoma", "NV"), "", ""), (("malignant", "benign"), "ak", "Not comparable"),
        (("malignant", "benign"), "mel", "Right"), (("malignant", "benign"), "nv", "Wrong"),
    ],
)  # fmt: skip
def test_a_truth_is_compared_by_what_it_means_or_said_not_to_be_comparable(
    classes: tuple[str, ...], label: str, verdict: str
) -> None:
    card = replace(tiny_card("own"), classes=classes, malignant=())
    answer = SimpleNamespace(diagnosis=classes[0])
    case = Case(Photo("x.jpg", "x", lambda: None, label=label), Checkpoint(Path(), card), answer)  # type: ignore[arg-type, return-value]
    said = verdict_words(case)
    assert verdict in said
    assert bool(said) == bool(verdict)


def test_files_of_the_user_stay_in_the_session_and_replace_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(case, "show_image", shown.append)
    monkeypatch.setattr(case, "asked", lambda name: shown[-1] if shown else "")
    monkeypatch.setattr(case.st, "session_state", {})
    take_files([("a.jpg", b"one"), ("b.jpg", b"two")])
    first = list(uploads())
    assert shown == [first[0]]
    take_files([("a.jpg", b"one"), ("b.jpg", b"two"), ("c.jpg", b"three")])
    assert shown[-1] == list(uploads())[2]
    take_files([])
    assert not uploads()
    assert shown[-1] == ""
    assert find_image(first[0]) is None
