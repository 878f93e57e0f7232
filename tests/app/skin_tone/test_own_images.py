"""Photos of one's own: each examined once, a damaged one costs the others nothing, and what follows is in one table."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dermaviz.app.case import Photo, ask, drawn_photo, uploaded_photo
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.skin_tone.own_images import Found, Labelled, examine, examine_all, lesion_of, photo_table
from dermaviz.attention.localisation import localise
from dermaviz.data.masks import find_lesion, mask_as_seen
from dermaviz.fairness.looking import ALL, counts
from dermaviz.synthetic import Parameters, draw

METHOD = "gradcam++"


def quiet(_: int) -> None:
    """Nobody is told."""


def drawn_file(dx: str, seed: int, ita: float = 40.0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw(Parameters(dx=dx, seed=seed, ita=ita, size=96)).image).save(file, "PNG")
    return file.getvalue()


def labelled(name: str, seed: int, label: str = "nv") -> Labelled:
    return Labelled(uploaded_photo(name, drawn_file(label, seed)), label)


def test_a_photo_is_examined_as_its_parts_say(checkpoint: Checkpoint) -> None:
    photo, told = uploaded_photo("a.png", drawn_file("nv", 1)), ["nobody"]
    found = examine(photo, checkpoint, told.clear)
    assert not told
    case, pixels = ask(photo, checkpoint), photo.read().pixels
    assert found.prediction.diagnosis == case.answer.diagnosis
    mask = mask_as_seen(find_lesion(pixels), checkpoint.card.input_size)
    assert found.lesion.source == "predicted"
    assert np.array_equal(found.lesion.mask, mask)
    assert found.lesion.tone.ita == pytest.approx(40, abs=6)
    assert found.looked == localise(case.attention(method=METHOD), mask)
    told.append("nobody")
    assert examine(photo, checkpoint, told.clear) is found
    assert told


def test_a_drawn_photo_has_its_true_lesion(checkpoint: Checkpoint) -> None:
    photo = drawn_photo("drawn", Parameters(size=checkpoint.card.input_size))
    lesion = lesion_of(ask(photo, checkpoint))
    assert lesion.source == "true"
    assert np.array_equal(lesion.mask, draw(photo.parameters).mask)


def test_a_damaged_photo_is_named_and_the_rest_goes_on(checkpoint: Checkpoint) -> None:
    broken = Labelled(uploaded_photo("broken.png", drawn_file("nv", 3)[:300]), "nv")
    told: list[int] = []
    found = examine_all([labelled("a.png", 1), broken, labelled("b.png", 2)], checkpoint, told.append)
    assert [one.photo.name for one in found.labelled] == ["a.png", "b.png"]
    assert len(found.examined) == 2
    assert found.failed["broken.png"].startswith("broken.png: expected a whole picture, found one that is cut short")
    assert told == [0, 1, 2]


def test_what_was_examined_before_a_stop_is_remembered(checkpoint: Checkpoint) -> None:
    photos = [labelled("c.png", 11), labelled("d.png", 12)]

    def stop(done: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine_all(photos, checkpoint, stop)
    reads: list[str] = []

    def watched(photo: Photo) -> Photo:
        def read(one: Photo = photo):  # type: ignore[no-untyped-def]
            reads.append(one.name)
            return one.read()

        return replace(photo, read=read)

    examine_all([replace(one, photo=watched(one.photo)) for one in photos], checkpoint, quiet)
    assert set(reads) == {"d.png"}


def test_all_that_follows_is_in_one_table(checkpoint: Checkpoint) -> None:
    photos = [replace(labelled("a.png", 1), tone="brown", group="clinic", lesion_id="L1"), labelled("b.png", 2)]
    found = examine_all(photos, checkpoint, quiet)
    sure = [
        replace(one, prediction=replace(one.prediction, probabilities=np.eye(7, dtype=np.float32)[5]))
        for one in found.examined
    ]
    sure[1] = replace(sure[1], attention=None, looked=None, distance=3.0)
    table = photo_table(Found(found.labelled, tuple(sure), {}), checkpoint)
    first, second = (row for _, row in table.iterrows())
    assert first[["image", "label", "predicted", "tone", "lesion_id", "group", "mask"]].tolist() == [
        "a.png", "nv", "nv", "brown", "L1", "clinic", "predicted",
    ]  # fmt: skip
    assert (first["p_predicted"], first["p_malignant"], first["right"]) == (1, 0, True)
    assert first["tone_group"] == "intermediate" if first["ita"] <= 41 else "light"
    assert math.isnan(first["distance"])
    assert (second["distance"], second["looked"], second["flagged"]) == (3, "cannot say", False)
    assert math.isnan(second["energy"])
    assert counts(table).set_index("label").loc[ALL, ["k", "n"]].tolist() == [2, 2]


def test_without_photos_the_table_is_empty(checkpoint: Checkpoint) -> None:
    assert photo_table(Found((), (), {}), checkpoint).empty
