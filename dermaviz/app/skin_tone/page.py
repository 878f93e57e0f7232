"""The Skin tone page: its finding, what the audit cannot say, and its parts and tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from dermaviz.app.bar import among, choose_cohort, chosen_checkpoint
from dermaviz.app.checkpoints import audited, has_table, no_better, one_each, worth
from dermaviz.app.confusion.view import group_words
from dermaviz.app.frame import choose_part, said_before, show_open_tab
from dermaviz.app.skin_tone.along_tone import show_other_skin, show_trend, trend_finding
from dermaviz.app.skin_tone.groups import AGREEMENT, changed_sentence, show_distribution, show_groups
from dermaviz.app.skin_tone.question import (
    ToneAsk,
    agreement_sentence,
    choose_grouping,
    choose_tone,
    choose_wanted,
    groups_of,
    ita_of,
    labels_agreement,
    wanted,
)
from dermaviz.app.text import escaped, escaped_message, images, shows_ham10000
from dermaviz.data.labels import TONE_LABEL, scale_of
from dermaviz.errors import EvidenceError
from dermaviz.evidence.predictions import TONE
from dermaviz.fairness.groups import group_counts, too_few_sides
from dermaviz.fairness.tone_groups import ESTIMATORS, agreement, tone_groups
from dermaviz.metrics.bootstrap import FEWEST
from dermaviz.plots.theme import percent

DARKER = ("brown", "dark")
"""Groups that dermatoscopic data sets hardly have."""
TABS: Mapping[str, Callable[[ToneAsk], None]] = {
    "Groups": show_groups,
    "Trend": show_trend,
    "Other skin": show_other_skin,
    "Tone": show_distribution,
}


def show_test_set() -> None:
    """The finding and its limits, then every question asked of the test set by group; only the open tab is computed."""
    opening = st.container()
    saying, asking = st.columns([9, 4], gap="large")
    with asking:
        checkpoint = chosen_checkpoint()
        whole = audited(checkpoint)
        by = choose_grouping(whole)
        positive, threshold = choose_wanted(whole.checkpoint.card)
        estimator, cuts = choose_tone()
        some = choose_cohort(whole)
    if not len(some):
        return
    ask = ToneAsk(some, by, estimator, cuts, positive, threshold)
    with opening:
        _show_finding(ask)
    with saying:
        show_open_tab(TABS, "audit", ask)


def _show_finding(ask: ToneAsk) -> None:
    """What cannot be judged, then what is found; and, one level down, all that the audit cannot say."""
    right = f"{worth(ask.images).right.text(percent)} of {images(len(ask.images))} are classified correctly."
    if worthless := no_better(ask.images):
        right = f"**{escaped(worthless)}** {right}"
    if TONE_LABEL in ask.images.table:  # what people labelled comes first
        ask = replace(ask, by=TONE_LABEL)
    try:
        groups = np.asarray(groups_of(ask) if ask.labelled else tone_groups(ita_of(ask), ask.cuts))
        some = {name: ask.images.take(groups == name) for name in darkest(ask, groups)}
        small = {name: found for name, found in some.items() if len(set(found.clusters)) < FEWEST}
        listed = " and ".join(f"{name} skin ({images(len(found))})" for name, found in small.items())
        begin = f"**Cannot be judged: {listed}.** On the rest, " if small else "On these images, "
        if nobody := nobody_judged(ask, groups):
            begin = f"**No group of skin tone can be judged**: each has {escaped(nobody)}. On all images together, "
        trend, odds = trend_finding(ask)
        st.markdown(f"## {among()}{begin}{trend}.", help=odds or None)
        with st.popover("What this audit cannot say", icon=":material/help:"):
            st.markdown("\n".join(f"- {sentence}" for sentence in (right, *cannot_say(ask, groups))))
    except EvidenceError as error:
        st.markdown(f"## {among()}**Skin tone was not measured.** {right}")
        said_before(str(error))  # the tabs need not say it again
        st.info(escaped_message(str(error)), icon=":material/info:")


def nobody_judged(ask: ToneAsk, groups: np.ndarray) -> str:
    """Why no group of tone can be judged at all; "" where one can. ``groups`` is each image's tone group, ``[N]``."""
    if not (groups != "").any():
        return ""
    counts = group_counts(groups, ask.images.clusters, wanted(ask))
    few = counts["suppressed"].all()
    return too_few_sides(counts, group_words(ask.card, ask.positive), ask.images.unit) if few else ""


def darkest(ask: ToneAsk, groups: np.ndarray) -> tuple[str, ...]:
    """The darkest third of the levels of tone that these images are in, which most data sets hardly have."""
    scale = scale_of(groups) if ask.labelled else None
    if ask.labelled and scale is None:
        return ()
    return scale.levels[-(len(scale.levels) // 3) :] if scale else DARKER


def cannot_say(ask: ToneAsk, groups: np.ndarray) -> list[str]:
    """What this audit cannot say of these images, in Markdown; ``groups`` is each one's tone group, ``[N]``."""
    ham10000 = shows_ham10000(ask.images)
    dark = " and ".join(
        f"**{(groups == name).sum():,} {name}** ({(wanted(ask) & (groups == name)).sum():,} of what is looked for)"
        for name in darkest(ask, groups)
    )
    known = f"{images(int((groups != '').sum()))} with {'a label' if ask.labelled else 'an estimate'}"
    said = (
        [f"**How it does on {'the darkest' if ask.labelled else 'brown and dark'} skin.** Of {known}, {dark}."]
        if dark
        else []
    )
    if ham10000 and said:
        said[0] += " HAM10000 was collected in Austria and Australia."
    said[-1:] = [f"{one} A gap that is not found may still exist." for one in said[-1:]]
    agreed = labels_agreement(ask)
    said.append(f"**Which skin a person has.** {AGREEMENT if agreed is None else agreement_sentence(agreed)}")
    if has_table(ask.images.checkpoint, TONE):
        tone, other = one_each(ask.images, TONE), "ita" if ask.estimator == "ita_constancy" else "ita_constancy"
        blue, moved = int((tone["b"] <= 0).sum()), agreement(tone, [ask.estimator, other], ask.cuts).iloc[0]
        said.append(
            f"**How much of an estimate is the light.** In {blue:,} of {images(len(tone))} ({percent(blue / len(tone))}) the "
            f"skin's b* is 0 or below, which no skin is. {changed_sentence(ESTIMATORS[other], moved)}"
        )
    if ask.images.unit != "patients":
        whose = "HAM10000 names lesions, not patients." if ham10000 else "The data set does not name every patient."
        said.append(
            f"**Whether patients were kept apart.** {whose} One patient may be on both sides of the split, so intervals may be "
            "too narrow."
        )
    return said


def show_one_photo() -> None:
    """One image with its skin at another ITA, live."""
    from dermaviz.app.skin_tone.other_skin import show_other_skin  # it brings OpenCV, which the test set does without

    show_other_skin()


def show_own_photos() -> None:
    """The same audit of a few images of one's own."""
    from dermaviz.app.skin_tone.own_images_results import show_own_images

    show_own_images()


PARTS: Mapping[str, Callable[[], None]] = {
    "The test set": show_test_set,
    "One photo, other skin": show_one_photo,
    "Your own images": show_own_photos,
}
MOVED = {"Right × looking": "On the lesion", "Attention": "Scores", "Methods": "Trust", "Shortcuts": "Shortcuts"}
"""Tabs that this page had and the tabs of Attention that they became: links to them still lead there."""


def show() -> None:
    """The part of the page that is chosen; a link to a tab that is Attention's now opens it there."""
    if (audit := st.query_params.get("audit")) in MOVED:
        kept = {key: st.query_params.get_all(key) for key in st.query_params}
        st.switch_page("pages/5_Attention.py", query_params=kept | {"audit": MOVED[str(audit)]})
    choose_part(PARTS)()
