"""The Skin tone page: its finding, what the audit cannot say, and its parts and tabs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.checkpoints import Checkpoint, installed_checkpoints
from dermaviz.app.evidence import audited, choose_data, share_right
from dermaviz.app.frame import choose_part, sentence_for_errors
from dermaviz.app.skin_tone.counterfactuals import show_other_skin
from dermaviz.app.skin_tone.groups import AGREEMENT, changed_sentence, show_distribution, show_groups
from dermaviz.app.skin_tone.question import ToneAsk, choose_grouping, choose_tone, choose_wanted, ita_of, tones, wanted
from dermaviz.app.skin_tone.trend import RIGHT, odds_text, show_trend, trend, trend_verdict
from dermaviz.app.text import images
from dermaviz.app.widgets.cohort import choose_cohort
from dermaviz.app.widgets.model_card import choose_checkpoint
from dermaviz.errors import EvidenceError
from dermaviz.fairness.tone_groups import ESTIMATORS, agreement, tone_groups
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.theme import percent

if TYPE_CHECKING:
    from dermaviz.fairness.trend import Trend


Checkpoints = dict[str, Checkpoint]


def show_test_set(checkpoints: Checkpoints) -> None:
    """The finding and its limits, then every question asked of the test set by group."""
    opening = st.container()
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        checkpoint = choose_checkpoint(checkpoints)
        choose_data(checkpoint)
        whole = audited(checkpoint)
        by = choose_grouping(whole)
        estimator, cuts = choose_tone()
        positive, threshold = choose_wanted(checkpoint.card)
        images = choose_cohort(whole)
    if not len(images):
        return
    ask = ToneAsk(images, by, estimator, cuts, positive, threshold)
    with opening:
        _show_finding(ask)
    with saying:
        show_cards(ask)


def _show_finding(ask: ToneAsk) -> None:
    """One computed answer to the page's two questions, and what it leaves open."""
    slope = None
    try:
        slope, verdict = trend(ask, RIGHT), trend_verdict(ask, RIGHT)
        st.markdown(f"#### {finding_sentence(share_right(ask.images), len(ask.images), slope, verdict)}")
    except EvidenceError as error:
        st.markdown(f"#### {finding_sentence(share_right(ask.images), len(ask.images), None, ('', ''))}")
        st.info(str(error), icon=":material/info:")
    if slope is not None:
        with st.expander("What this audit cannot say", expanded=True, icon=":material/help:"):
            table, other = tones(ask.images), "ita" if ask.estimator == "ita_constancy" else "ita_constancy"
            agreed = agreement(table, [ask.estimator, other], ask.cuts).iloc[0]
            groups = tone_groups(ita_of(ask), ask.cuts)
            said = cannot_say(table, groups, wanted(ask), ESTIMATORS[other], agreed)
            st.markdown("\n".join(f"- {sentence}" for sentence in said))


def show_one_photo(checkpoints: Checkpoints) -> None:
    """One photo with its skin at another ITA, live."""
    # it brings OpenCV, which the test set does without
    from dermaviz.app.skin_tone.other_skin import show_other_skin

    show_other_skin(checkpoints)


def show_own_photos(checkpoints: Checkpoints) -> None:
    """The same audit of a few photos of one's own."""
    from dermaviz.app.skin_tone.own_images_results import show_own_images

    show_own_images(checkpoints)


PARTS: Mapping[str, Callable[[Checkpoints], None]] = MappingProxyType(
    {"The test set": show_test_set, "One photo, other skin": show_one_photo, "Your own images": show_own_photos}
)


MOVED = MappingProxyType(
    {"Right × looking": "On the lesion", "Attention": "Scores", "Methods": "Trust", "Shortcuts": "Shortcuts"}
)
"""Tabs that this page had and the tabs of Attention that they became: links to them still lead there."""


def show() -> None:
    """The part of the page that is chosen; a link to a tab that is Attention's now opens it there."""
    if (audit := st.query_params.get("audit")) in MOVED:
        kept = {key: st.query_params.get_all(key) for key in st.query_params}
        st.switch_page("pages/5_Attention.py", query_params=kept | {"audit": MOVED[str(audit)]})
    choose_part(PARTS)(installed_checkpoints())


INCONCLUSIVE = "inconclusive"
"""The verdict of ``fairness.gaps.judge`` on what other measurements do not bear out."""
DARKER = ("brown", "dark")
"""Groups on which HAM10000 supports no claim."""


def finding_sentence(right: Estimate, n: int, slope: Trend | None, verdict: tuple[str, str]) -> str:
    """The page's finding: how often it is right, and whether less on darker skin, as Markdown.

    Args:
        right: share of the ``n`` images that are called what they are.
        slope: of being right along ITA; None where tone was not measured.
        verdict: of ``tone_measured.trend_verdict`` on that slope.
    """
    clauses = [f"It is right on **{percent(right.value)}** of {images(n)}"]
    if slope is not None:
        clauses.append(_trend_clause(slope, *verdict))
    return f"{'; '.join(clauses)}."


def _trend_clause(slope: Trend, verdict: str, reason: str) -> str:
    if slope.suppressed:
        return "too few of them are right, or too few wrong, to say whether skin tone plays a part"
    darker = Estimate(*(1 / odds for odds in (slope.odds_ratio.value, slope.odds_ratio.high, slope.odds_ratio.low)))
    size = f"each 10° of ITA darker multiplies the odds of being right by {odds_text(darker)}"
    if math.isnan(darker.low):
        return f"there are too few lesions to say whether skin tone plays a part ({size})"
    if darker.low <= 1 <= darker.high:
        return f"within a diagnosis, **no trend with skin tone** stands out from chance ({size})"
    way = "less often" if darker.high < 1 else "more often"
    if verdict == INCONCLUSIVE:
        return f"whether it is right {way} the darker the estimated tone is **inconclusive**: {size}, but {reason}"
    return f"within a diagnosis it is right **{way} the darker the estimated tone** ({size})"


def cannot_say(
    tone: pd.DataFrame, groups: Sequence[str], positive: NDArray[np.bool_], other: str, agreed: pd.Series
) -> list[str]:
    """What this audit cannot say of these images, with the counts, a Markdown sentence each.

    Args:
        tone: the table ``tone`` of the images.
        groups: estimated tone group of each image, ``[N]``; "" where it is excluded.
        positive: which images show what is looked for, bool ``[N]``.
        other: another estimator of tone, which corrects the light or does not, and ``agreed``, its row of
            ``fairness.tone_groups.agreement`` with the one in use.
    """
    names = np.asarray(groups)
    n = int((names != "").sum())
    few = {name: (int((names == name).sum()), int((positive & (names == name)).sum())) for name in DARKER}
    dark = " and ".join(
        f"**{total:,} {name}** ({wanted:,} of what is looked for)" for name, (total, wanted) in few.items()
    )
    blue = int((tone["b"] <= 0).sum())
    return [
        f"**How it does on brown and dark skin.** Of {images(n)} with an estimate, {dark}. HAM10000 was collected in Austria and "
        "Australia: it supports no claim on dark skin, and a gap that is not found here may be there all the same.",
        f"**Which skin a person has.** {AGREEMENT}",
        f"**How much of it is the lamp.** Dermoscopic light is pink: in {blue:,} of {images(len(tone))} "
        f"({percent(blue / len(tone))}) the skin's b* is 0 or below, which no skin is: ITA measures the light too. "
        f"{changed_sentence(other, agreed)}",
        "**Whether people were kept apart.** HAM10000 names lesions, not patients: one person's lesions may lie on both sides of "
        "the split, and the intervals, which resample lesions, may be too narrow.",
    ]


CARDS: Mapping[str, tuple[str, Callable[[ToneAsk], None]]] = MappingProxyType(
    {
        "Groups": ("Does it do worse for some groups?", show_groups),
        "Trend": ("Does it do worse as skin gets darker?", show_trend),
        "Other skin": ("What if the same lesions were on other skin?", show_other_skin),
        "Tone": ("How light or dark is the skin in these photos, as far as pixels tell?", show_distribution),
    }
)


def show_cards(ask: ToneAsk) -> None:
    """A tab for each question; only the open one is computed."""
    for (question, show), tab in zip(
        CARDS.values(), st.tabs(list(CARDS), key="audit", bind="query-params"), strict=True
    ):
        if tab.open:
            with tab, sentence_for_errors():
                st.subheader(question, anchor=False)
                show(ask)
