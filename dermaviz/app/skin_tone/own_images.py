"""Skin tone, your own images: what the model says of each, where it looked, and how an audit of a few images is worded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.app.case import Case, Photo, ask
from dermaviz.app.checkpoints import Checkpoint
from dermaviz.app.sessions import DECODING, Memory, checkpoint_key
from dermaviz.app.text import class_with_probability, escaped, escaped_message
from dermaviz.app.widgets.diagnosis import out_of_distribution
from dermaviz.attention.localisation import Localisation, localise
from dermaviz.attention.methods import AttentionMap
from dermaviz.data.masks import find_lesion, mask_as_seen
from dermaviz.errors import AttentionError, EvidenceError, ImageError
from dermaviz.fairness.looking import ALL, ELSEWHERE, LOOKING, UNKNOWN, Difference, commonest, judged, photos_needed
from dermaviz.fairness.skin_tone import Tone, measure_tone
from dermaviz.fairness.tone_groups import tone_groups
from dermaviz.models.answer import Answer
from dermaviz.models.card import Card
from dermaviz.plots.theme import degrees, percent

MOST_PHOTOS = 200


@dataclass(frozen=True)
class Labelled:
    """A photo with what its owner says of it: ``label`` as ``fairness.looking`` has it, the others "" where not said."""

    photo: Photo
    label: str
    tone: str = ""
    lesion_id: str = ""
    group: str = ""


@dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion and the skin round it: ``mask`` bool ``[S, S]`` in the model's input, ``source`` "true" or "predicted"."""

    mask: NDArray[np.bool_]
    source: str
    tone: Tone


@dataclass(frozen=True, eq=False)
class Examined:
    """What was found of a photo.

    ``distance`` is from the training images, where the picture is out of distribution; else None. ``attention`` is the map
    of the predicted class and ``looked`` how it lies to the lesion; both None where the model gives no map.
    """

    prediction: Answer
    distance: float | None
    lesion: Lesion
    attention: AttentionMap | None
    looked: Localisation | None


_EXAMINED: Memory[Examined] = Memory(10 * MOST_PHOTOS)
_LESIONS: Memory[Lesion] = Memory(10 * MOST_PHOTOS)


@dataclass(frozen=True, eq=False)
class Found:
    """All photos of an audit: those examined, in order, and, by name, why the others could not be."""

    labelled: tuple[Labelled, ...]
    examined: tuple[Examined, ...]
    failed: dict[str, str]


def examine_all(photos: Sequence[Labelled], checkpoint: Checkpoint, tell: Callable[[int], None]) -> Found:
    """Every photo examined, what is remembered at once. A photo that is refused at the door costs the others nothing.

    Args:
        tell: is called with the number of photos so far before each that is not remembered, in the session's thread: it may
            show progress, and the user's stop arrives there.
    """
    kept, examined, failed = [], [], {}
    for i, labelled in enumerate(photos):
        try:
            examined.append(examine(labelled.photo, checkpoint, partial(tell, i)))
        except ImageError as refusal:
            failed[labelled.photo.name] = escaped_message(str(refusal))
        else:
            kept.append(labelled)
    return Found(tuple(kept), tuple(examined), failed)


def examine(photo: Photo, checkpoint: Checkpoint, tell: Callable[[], None]) -> Examined:
    """What the model says of a photo, and where it looked; remembered. Where it is not yet, ``tell`` is called first."""

    def look() -> Examined:
        tell()
        case = ask(photo, checkpoint)
        lesion = lesion_of(case)
        try:
            beyond = out_of_distribution(case)
        except EvidenceError:  # said once for all photos, where they are shown
            beyond = None
        distance = beyond and beyond[0]
        try:
            attention = case.attention()
        except AttentionError:
            return Examined(case.answer, distance, lesion, None, None)
        return Examined(case.answer, distance, lesion, attention, localise(attention, lesion.mask))

    return _EXAMINED.recall((photo.key, *checkpoint_key(checkpoint)), look)


def lesion_of(case: Case) -> Lesion:
    """The lesion of a photo and the tone of the skin round it; remembered. Of a drawn photo the lesion is the true one."""

    def find() -> Lesion:
        known = case.true_mask()
        if known is not None:
            return Lesion(known, "true", measure_tone(case.answer.prepared, known))
        with DECODING:
            pixels = case.photo.read().pixels
            mask = find_lesion(pixels)
            return Lesion(mask_as_seen(mask, case.card.input_size), "predicted", measure_tone(pixels, mask))

    return _LESIONS.recall((case.photo.key, case.card.input_size), find)


def photo_table(found: Found, checkpoint: Checkpoint) -> pd.DataFrame:
    """The photos examined as a table, with what follows for each (see :func:`dermaviz.fairness.looking.judged`).

    ``p_predicted`` and ``p_malignant`` are probabilities, ``ita`` in degrees (NaN where ``tone_excluded`` says why), ``mask``
    the source of the lesion's outline, and ``distance`` that from the training images (NaN where it is in distribution).
    """
    photos, examined = found.labelled, found.examined
    tones = [one.lesion.tone for one in examined]
    ita = np.array([tone.ita for tone in tones], dtype=float)
    columns = {
        "image": [labelled.photo.name for labelled in photos],
        "label": [labelled.label for labelled in photos],
        "predicted": [one.prediction.diagnosis for one in examined],
        "p_predicted": [one.prediction.confidence for one in examined],
        "p_malignant": [one.prediction.p_malignant for one in examined],
        "energy": [one.looked.energy if one.looked else np.nan for one in examined],
        "lesion_area": [float(one.lesion.mask.mean()) for one in examined],
        "mask": [one.lesion.source for one in examined],
        "ita": ita,
        "tone_excluded": [tone.excluded for tone in tones],
        "tone_flags": ["; ".join(tone.flags) for tone in tones],
        "tone": [labelled.tone for labelled in photos],
        "lesion_id": [labelled.lesion_id for labelled in photos],
        "group": [labelled.group for labelled in photos],
        "distance": [np.nan if one.distance is None else one.distance for one in examined],
        "tone_group": tone_groups(ita),
    }
    return judged(pd.DataFrame(columns), checkpoint.card.malignant)


LOOKED_WORDS: Mapping[str, str] = {
    LOOKING: ":material/visibility: Looked at the lesion",
    ELSEWHERE: ":material/visibility_off: Looked elsewhere",
    UNKNOWN: ":material/help: Where it looked cannot be said",
}
FLAG = ":material/warning: **Right, but not looking at the lesion**"
ABOUT_LOOKING = (
    "Energy in lesion is the share of the attention map that lies on the lesion. A map that knows nothing puts as much of "
    "itself there as the lesion covers of the picture. Above that share the model looked at the lesion, below it elsewhere."
)
ABOUT_TONE = (
    "Estimated from the photo's own colours, not by a person. In dermoscopic light such estimates agree with human labels to "
    "within one group for about half of all photos (46% to 53%). A photo's group is a guess; give tone labels if you know them."
)
TRUE_OUTLINES = "Outlines are the true ones of the drawings."
PREDICTED_OUTLINES = (
    "Outlines are predicted by a small segmentation, not drawn by a doctor. Where an outline is wrong, so is what is said "
    "about where the model looked."
)
_NAMED = 4
_CLOSE = 0.9, 0.8


def counts_sentence(table: pd.DataFrame) -> str:
    """Every count of a table in words, with its exact 95% interval: ``all: 8 of 9 (0.89; 0.52 to 1.00)``."""
    rows = [
        f"{row['label']}: {row['k']} of {row['n']} ({row['value']:.2f}; {row['low']:.2f} to {row['high']:.2f})"
        for _, row in table.iterrows()
    ]
    return f"{'; '.join(rows)}. In brackets the share and its exact 95% interval."


def summary_sentence(photos: pd.DataFrame, table: pd.DataFrame) -> str:
    """How many answers are right, and how many of these looked elsewhere, as Markdown; ``table`` has their ``counts``."""
    whole = table[table["label"] == ALL].iloc[0]
    said = (
        f"Right on **{whole['k']} of {whole['n']}** photo{_s(whole['n'])}: {whole['value']:.2f}, exact 95% interval "
        f"**{whole['low']:.2f} to {whole['high']:.2f}**."
    )
    flagged, unknown = int(photos["flagged"].sum()), int((photos["right"] & (photos["looked"] == UNKNOWN)).sum())
    right = int(whole["k"])
    if not right:
        return said
    if flagged == right:
        said += " **Not one of the right answers looked at the lesion.**"
    elif flagged:
        said += f" **{flagged} of the {right} right answers did not look at the lesion.**"
    elif unknown < right:
        said += (
            " Every right answer looked at the lesion."
            if not unknown
            else " No right answer is known to look elsewhere."
        )
    return said + (f" For {unknown} of them it cannot be said." if unknown else "")


def left_out_sentences(
    found: Found,
    refused: Sequence[str],
    without_photo: Sequence[str],
    without_label: Sequence[str],
    twice: Sequence[str],
) -> list[str]:
    """One sentence for each reason for which a photo or a row does not count, with names; none where all count.

    Args:
        found: its ``failed`` photos could not be read.
        refused: names of photos that are out of distribution.
        without_photo: names in the sheet that no photo bears; ``without_label``: photos that the sheet does not name.
        twice: names of photos that are there under another name as well.
    """
    n, more, rows, again = map(len, (refused, without_label, without_photo, twice))
    reasons = {
        f"{n} photo{_s(n)} {'does' if n == 1 else 'do'} not look like a dermatoscopic image to the model, and "
        f"{_is(n)} left out": refused,
        f"{more} photo{_s(more)} without a row in the table {_is(more)} left out": without_label,
        f"{rows:,} row{_s(rows)} of the table name{'s' if rows == 1 else ''} no photo that is here": without_photo,
        f"{again} file{_s(again)} under a second name {_is(again)} counted once": twice,
    }
    sentences = []
    for reason, names in reasons.items():
        ending = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        if names:
            sentences.append(f"{reason}: {', '.join(names[:_NAMED])}{ending}.")
    return sentences + list(found.failed.values())


def cannot_say(card: Card, photos: pd.DataFrame, table: pd.DataFrame, difference: Difference | None) -> list[str]:
    """What this many photos cannot say, each as a sentence with its numbers, as Markdown."""
    whole = table[table["label"] == ALL].iloc[0]
    n = int(whole["n"])
    label, common = commonest(photos)
    name = escaped(card.words.get(label, label))
    said = [
        f"**How good the model is.** {whole['k']} of {n} fits a model that is right on {percent(whole['low'])} of such photos as "
        f"well as one that is right on {percent(whole['high'])}.",
        f"**That it has learned anything.** Always answering {name} would be right on {common} of {n}.",
    ]
    first, second = _CLOSE
    needed = photos_needed(first, second)
    if difference is not None:
        said.append(f"**For whom it is worse.** {difference_sentence(difference)}")
    said.append(
        f"**Small differences.** To tell {percent(first)} right from {percent(second)} right, each group needs some {needed} "
        "photos of different lesions."
    )
    repeated = [lesion for lesion, times in Counter(photos["lesion_id"]).items() if lesion and times > 1]
    if repeated:
        said.append(
            f"**As much as it seems to.** {len(repeated)} lesion{_s(len(repeated))} {'has' if len(repeated) == 1 else 'have'} "
            "several photos here. They are not independent, so the intervals are narrower than they should be."
        )
    return said


def difference_sentence(difference: Difference) -> str:
    """The two largest groups beside each other, and how often chance alone would set them this far apart."""
    (a, b), (i, j), (m, n) = difference.names, difference.right, difference.n
    groups = f"{a}: {i} of {m} right; {b}: {j} of {n}."
    if i * n == j * m:
        return f"{groups} No difference here, but groups this small would hide one."
    chance = (
        f"Chance alone sets groups of these sizes at least this far apart in {percent(difference.p)} of all cases (Fisher's "
        "exact test)"
    )
    if difference.p >= 0.05:
        return f"{groups} {chance}, so this shows no difference, nor that there is none."
    return f"{groups} {chance}: worth a larger audit. What else differs between them, camera or diagnosis, counts too."


def photo_sentences(card: Card, labelled: Labelled, found: Examined, row: pd.Series) -> list[str]:
    """What was found of one photo, a line each, as Markdown."""
    words = card.words
    verdict = ":material/check_circle: **Right**" if row["right"] else ":material/cancel: **Wrong**"
    said = [
        f"{verdict}: says {class_with_probability(card, found.prediction)}; labelled {words.get(labelled.label, labelled.label)}"
    ]
    said.append(FLAG if row["flagged"] else LOOKED_WORDS[row["looked"]])
    if row["looked"] != UNKNOWN:
        said.append(
            f"Energy in lesion {percent(row['energy'])}; the lesion covers {percent(row['lesion_area'])} "
            f"({row['energy'] / row['lesion_area']:.1f} × chance)"
        )
    return [*said, tone_sentence(row)]


def tone_sentence(row: pd.Series) -> str:
    """The measured tone of a photo, or why there is none, and the tone that was given."""
    given = f"; given: {escaped(row['tone'])}" if row["tone"] else ""
    if math.isnan(row["ita"]):
        return f"Skin tone not measured: {row['tone_excluded']}{given}"
    flags = f" ({row['tone_flags']})" if row["tone_flags"] else ""
    return f"ITA {degrees(row['ita'])}, {row['tone_group']}{flags}{given}"


def _is(n: int) -> str:
    return "is" if n == 1 else "are"


def _s(n: int) -> str:
    return "" if n == 1 else "s"
