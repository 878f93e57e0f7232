"""The current image, the one that all pages show, and the current case: what one checkpoint says of it.

The link names the image; files of the user are in the session only. A name is an id of the ISIC archive (a sample photograph
that comes with the package, or a photo of the data set under ``DERMAVIZ_DATA``), a drawn sample, a lesion drawn to order with
all its parameters, or a file that this session holds. A photo's key and the checkpoint's decide the answer, so both are what
the caches hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import PurePath
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from dermaviz import images
from dermaviz.app.checkpoints import Checkpoint, classifier
from dermaviz.app.link import CROP, IMAGE, ask_for, asked
from dermaviz.app.sessions import DECODING, TURN, Memory, checkpoint_key, remembered
from dermaviz.app.text import escaped
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.data.labels import side_of
from dermaviz.data.photographs import SamplePhoto, sample_photos
from dermaviz.data.readers import find_photo
from dermaviz.diagnoses import matched
from dermaviz.errors import DermaVizError
from dermaviz.evidence.images import before_the_answer
from dermaviz.evidence.predictions import read_audited
from dermaviz.images import check_shape, read_image
from dermaviz.models.answer import Answer
from dermaviz.models.card import Card
from dermaviz.synthetic import FORMS, SAMPLES, Parameters, SyntheticLesion, draw

Box = tuple[int, int, int, int]
"""Part of a photo: left, top, right and bottom, in % of its sides."""
WHOLE: Box = (0, 0, 100, 100)


@dataclass(frozen=True)
class Photo:
    """A photo to ask about: ``key`` tells it from every other, ``read`` opens it.

    ``parameters`` are those of a drawn lesion; None where it is a photo. ``image`` is how the link names it ("" where it cannot),
    ``label`` its true class as HAM10000 codes it ("" where unknown), ``credit`` its source and licence.
    """

    name: str
    key: str
    read: Callable[[], images.Image]
    parameters: Parameters | None = None
    image: str = ""
    label: str = ""
    credit: str = ""

    @property
    def drawn(self) -> bool:
        """Whether it is a synthetic lesion."""
        return self.parameters is not None


def uploaded_photo(name: str, content: bytes) -> Photo:
    """A file of the user as a photo; checked and decoded when it is read."""
    return Photo(name, hashlib.sha256(content).hexdigest(), partial(read_image, content, name=name))


def drawn_photo(name: str, parameters: Parameters) -> Photo:
    """A drawn lesion as a photo; drawn when it is read."""
    return Photo(name, f"drawn {parameters}", partial(_picture, parameters), parameters)


def cropped(photo: Photo, box: Box) -> Photo:
    """Part of a photo; its name says which."""
    name = PurePath(photo.name)
    named = f"{name.stem} cropped {'-'.join(map(str, box))}{name.suffix}"
    return replace(photo, name=named, key=f"{photo.key} {box}", read=partial(_cropped, photo.read, box))


def _cropped(read: Callable[[], images.Image], box: Box) -> images.Image:
    image = read()
    height, width = image.pixels.shape[:2]
    (left, top), (right, bottom) = (
        (across * width // 100, down * height // 100) for across, down in (box[:2], box[2:])
    )
    check_shape((right - left, bottom - top))
    note = f"Cropped to {box[0]}–{box[2]}% across, {box[1]}–{box[3]}% down."
    pixels = np.ascontiguousarray(image.pixels[top:bottom, left:right])
    return replace(image, pixels=pixels, size=(right - left, bottom - top), notes=(*image.notes, note))


@dataclass(frozen=True, eq=False)
class Case:
    """A photo with a checkpoint's answer."""

    photo: Photo
    checkpoint: Checkpoint
    answer: Answer

    @property
    def key(self) -> tuple[str, ...]:
        """What decides the answer: the photo, and the checkpoint's weights and card."""
        return self.photo.key, *checkpoint_key(self.checkpoint)

    @property
    def card(self) -> Card:
        """The card of the checkpoint."""
        return self.checkpoint.card

    def attention(
        self,
        class_index: int | None = None,
        method: str = DEFAULT_METHOD,
        progress: Callable[[float], object] | None = None,
    ) -> AttentionMap:
        """The attention map of a class, by default of the predicted one; remembered. ``progress`` is told how far a slow one is.

        Raises:
            AttentionError: the method gives no map of this model.
        """
        index = self.answer.index if class_index is None else class_index
        key = (*self.key, index, method)
        if (found := _MAPS.find(key)) is not None:
            return found
        # Slow methods have a queue of their own in `explain`: nobody who asks for a fast one waits behind them.
        with TURN if METHODS[method].fast else nullcontext():
            return _MAPS.recall(key, partial(_map, self, index, method, progress))

    def true_mask(self) -> NDArray[np.bool_] | None:
        """The lesion of a drawn photo as the model sees it: bool ``[S, S]``; None of any other, whose truth is unknown."""
        if self.photo.parameters is None:
            return None
        mask = Image.fromarray(_drawn(self.photo.parameters).mask.astype(np.uint8) * np.uint8(255))
        side = self.answer.prepared.shape[0]  # drawings are square, so what the model saw is all of it
        return np.asarray(mask.resize((side, side), Image.Resampling.BILINEAR)) > 127


def ask(photo: Photo, checkpoint: Checkpoint) -> Case:
    """What the model of a checkpoint says of a photo; remembered.

    Raises:
        ImageError: the photo is refused.
        CheckpointError: the checkpoint cannot be loaded.
    """
    return Case(photo, checkpoint, _answer(photo, checkpoint))


@remembered(max_entries=256, show_spinner=False)
def _answer(photo: Photo, checkpoint: Checkpoint) -> Answer:
    model = classifier(checkpoint)
    with DECODING:
        image = photo.read()
    with TURN:
        answer = model.predict(image)
    return answer if photo.drawn else replace(answer, notices=before_the_answer(checkpoint.card, image.pixels))


_MAPS: Memory[AttentionMap] = Memory(2048)


def _map(case: Case, class_index: int, method: str, progress: Callable[[float], object] | None) -> AttentionMap:
    from dermaviz.attention.maps import explain

    model = classifier(case.checkpoint)
    return explain(model, model.to_tensor([case.answer.prepared]), class_index, method=method, progress=progress)[0]


@remembered(max_entries=64, show_spinner=False)
def map_channels(checkpoint: Checkpoint) -> int:
    """How many channels the layer has of which maps are made: what some methods cost in forwards."""
    from dermaviz.attention.maps import map_channels as count

    model = classifier(checkpoint)
    with TURN:
        return count(model)


def _picture(parameters: Parameters) -> images.Image:
    image = _drawn(parameters).image
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return images.Image(image, digest, "drawn", (image.shape[1], image.shape[0]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(parameters: Parameters) -> SyntheticLesion:
    """Some 200 kB each. Shared by all sessions, so it is never changed."""
    return draw(parameters)


FIRST, LESSON_PHOTO = sample_photos()[0].image_id, "ISIC_0000197"
"""What a newcomer sees, and the sample that no page offers: the lesson asks about it before anybody has seen its answer."""
_UPLOADS, _CASES = "files of the user", "cases to step through"
_FILE, _DRAWN = "file-", "drawn."
_CROP = re.compile(r"(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})")
_IMAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def current_photo() -> Photo:
    """The current image: the one that the link names, or the first sample; cropped as the link says."""
    photo, box = uncropped_photo(), crop_in_link()
    return photo if photo.drawn or box == WHOLE else cropped(photo, box)


def offered_photos() -> tuple[SamplePhoto, ...]:
    """The sample photographs to choose from: all but the lesson's."""
    return tuple(sample for sample in sample_photos() if sample.image_id != LESSON_PHOTO)


def lesson_photo() -> Photo:
    """What the lesson asks about: a photo of one's own or of a data set where it is the current image, else the one that no
    page offers, for pages have answered the samples already."""
    photo = current_photo()
    offered = {FIRST, *(sample.image_id for sample in offered_photos()), *(sample.slug for sample in SAMPLES)}
    return (find_image(LESSON_PHOTO) or photo) if photo.image in offered else photo


def uncropped_photo() -> Photo:
    """All of the current image."""
    return find_image(asked(IMAGE)) or sample_photo(sample_photos()[0])


def crop_in_link() -> Box:
    """The crop that the link names; the whole photo where it names none that means anything."""
    found = _CROP.fullmatch(asked(CROP))
    if not found:
        return WHOLE
    left, top, right, bottom = map(int, found.groups())
    return (left, top, right, bottom) if left < right <= 100 and top < bottom <= 100 else WHOLE


def missing_image() -> str:
    """Why the image that the link names is not shown, in a sentence; "" where it is."""
    name = asked(IMAGE)
    if not name or find_image(name) is not None:
        return ""
    if name.startswith(_FILE):
        return "This link names a file of another session, and files never leave the session that opened them. Choose it again."
    return f"This link names the image {escaped(name[:80])}, which is not here. Set DERMAVIZ_DATA to a folder that holds it."


def find_image(name: str) -> Photo | None:
    """The image of that name; None where there is none here."""
    if name in uploads():
        return uploads()[name]
    for sample in sample_photos():
        if sample.image_id == name:
            return sample_photo(sample)
    if name.startswith(_DRAWN):
        return _drawn_to_order(name)
    for drawn in SAMPLES:
        if drawn.slug == name:
            return replace(drawn_photo(drawn.slug, drawn.parameters), image=name, label=drawn.parameters.dx)
    return _photo_of_data(name)


def sample_photo(sample: SamplePhoto) -> Photo:
    """A photograph that comes with the package, with its label and source."""
    photo = uploaded_photo(sample.path.name, sample.path.read_bytes())
    return replace(photo, image=sample.image_id, label=sample.dx, credit=f"{sample.source}, {sample.licence}")


def _photo_of_data(image_id: str) -> Photo | None:
    if not _IMAGE_ID.fullmatch(image_id):  # it becomes part of a path
        return None
    try:
        path = find_photo(None, image_id)
    except DermaVizError:
        return None
    return replace(uploaded_photo(path.name, path.read_bytes()), image=image_id)


def true_label(photo: Photo, case: Case) -> str:
    """The true diagnosis of an image as its data set labels it; "" where it is unknown."""
    if photo.label or not photo.image or photo.image.startswith((_FILE, _DRAWN)):
        return photo.label
    try:
        table = read_audited(case.checkpoint).table
    except DermaVizError:
        return ""
    return str(next(iter(table.loc[table["image_id"] == photo.image, "dx"]), ""))


def true_class(photo: Photo, case: Case) -> str:
    """The class of the model that the true diagnosis of an image is, by name or, where the classes are no more than that, as
    benign or malignant; "" where it is unknown or the model has no such class."""
    label, classes = true_label(photo, case), case.card.classes
    found = matched([label], classes, case.card.synonyms).get(label, "") if label else ""
    return found or side_of(label, classes)


def uploads() -> dict[str, Photo]:
    """The files of the user by the name that the link gives them, as long as the session lasts."""
    files: dict[str, Photo] = st.session_state.setdefault(_UPLOADS, {})
    return files


def take_files(files: Sequence[tuple[str, bytes]]) -> None:
    """Keep these files in place of all earlier ones, and make the first new one the current image."""
    before, found = uploads(), {}
    for name, content in files:
        photo = uploaded_photo(name, content)
        image = f"{_FILE}{photo.key[:16]}"
        found[image] = replace(photo, image=image)
    st.session_state[_UPLOADS] = found
    new = [image for image in found if image not in before]
    if new or asked(IMAGE) not in found:
        show_image(next(iter(new or found), ""))


def show_image(name: str) -> None:
    """Make an image the current one, all of it."""
    ask_for(CROP, "")
    ask_for(IMAGE, "" if name == FIRST else name)


def step_through(image_ids: Sequence[str]) -> None:
    """The images that "next" steps through, such as the cases of a cell."""
    st.session_state[_CASES] = tuple(image_ids)


def neighbours(photo: Photo) -> tuple[str, ...]:
    """The images that "next" steps through, with this one among them; none where it stands alone."""
    samples = (*(sample.image_id for sample in offered_photos()), *(sample.slug for sample in SAMPLES))
    cases: tuple[str, ...] = st.session_state.get(_CASES, ())
    return next((found for found in (tuple(uploads()), cases, samples) if photo.image in found), ())


def drawn_name(parameters: Parameters) -> str:
    """The name of a lesion drawn to order: all that differs from the usual."""
    usual = Parameters(dx=parameters.dx)
    said: dict[str, Any] = {
        f.name: getattr(parameters, f.name)
        for f in fields(parameters)
        if f.name not in ("form", "camera") and getattr(parameters, f.name) != getattr(usual, f.name)
    }
    said["dx"] = parameters.dx
    typical = asdict(FORMS[parameters.dx])
    if form := {k: v for k, v in asdict(parameters.lesion_form).items() if v != typical[k]}:
        said["form"] = form
    text = json.dumps(said, separators=(",", ":")).encode()
    return _DRAWN + base64.urlsafe_b64encode(text).decode().rstrip("=")


def _drawn_to_order(name: str) -> Photo | None:
    try:
        text = name.removeprefix(_DRAWN)
        said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        form = replace(FORMS[said["dx"]], **said.pop("form", {}))
        said["artefacts"] = tuple(said.get("artefacts", ()))
        parameters = Parameters(**said, form=form)
    except (binascii.Error, ValueError, TypeError, KeyError, AttributeError, DermaVizError):  # a link can say anything
        return None
    return replace(drawn_photo(f"drawn-{parameters.dx}-{parameters.seed}", parameters), image=name, label=parameters.dx)
