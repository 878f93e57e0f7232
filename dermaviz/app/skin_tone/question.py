"""Skin tone and Attention: what is asked of a data set — which groups, by which estimate of tone, which diagnosis counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.checkpoints import has_table, one_each
from dermaviz.app.confusion.view import MALIGNANT
from dermaviz.app.link import choose
from dermaviz.app.text import images, in_order
from dermaviz.data.labels import TONE_LABEL, scale_of
from dermaviz.evidence.predictions import TONE, TONE_GROUP, Audited
from dermaviz.fairness.tone_groups import (
    CUTS,
    ESTIMATORS,
    GROUPS,
    NARROW_CUTS,
    LabelAgreement,
    agreement_with_labels,
    tone_groups,
    tone_regroupings,
)
from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Bootstrap, Estimate
from dermaviz.metrics.classification import MELANOMA
from dermaviz.metrics.confusion import AGE, cohort_names
from dermaviz.models.card import Card
from dermaviz.plots.theme import percent

GROUPINGS = {
    TONE_LABEL: "skin tone, as labelled",
    TONE_GROUP: "estimated skin tone",
    AGE: "age",
    "sex": "sex",
    "localization": "body site",
}
"""Columns to group images by, with their names: labels of tone come before estimates from pixels."""
MOST_GROUPS = 8
"""Of more groups, such as body sites, the largest are shown."""
CUT_VARIANTS: Mapping[str, tuple[float, ...]] = {"55, 41, 28, 10, −30": CUTS, "55, 41, 28, 19, 10": NARROW_CUTS}
"""Published borders of the tone groups, degrees of ITA: Del Bino and Bernerd 2013; Kinyanjui et al. 2019."""
OWN_CUTS = "my own"
_LOWEST, _HIGHEST = -60, 90


@dataclass(frozen=True)
class ToneAsk:
    """These images, grouped by a column; tone by this estimator and these cuts; what is looked for.

    ``positive`` is a class or ``MALIGNANT``, ``threshold`` the probability in [0, 1] from which an image is flagged.
    """

    images: Audited
    by: str
    estimator: str = "ita"
    cuts: tuple[float, ...] = CUTS
    positive: str = MELANOMA
    threshold: float = 0.5

    @property
    def key(self) -> str:
        """Tells these images, in these groups, under this question from all others."""
        parts = (self.images.key, self.by, self.estimator, self.cuts, self.positive, self.threshold)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @property
    def labelled(self) -> bool:
        """Whether tone is as people labelled it."""
        return self.by == TONE_LABEL

    @property
    def card(self) -> Card:
        """The checkpoint's card."""
        return self.images.checkpoint.card

    def file(self, what: str) -> str:
        """The name, without ending, of a file about this question."""
        return f"{self.images.checkpoint.name}-{self.by.replace('_', '-')}-{what}"


def groupings(audited: Audited) -> dict[str, str]:
    """What images can be grouped by, with its name: only what was measured or is in the metadata."""
    return {
        name: label
        for name, label in GROUPINGS.items()
        if (has_table(audited.checkpoint, TONE) if name == TONE_GROUP else name in audited.table)
    }


def positives(card: Card) -> dict[str, str]:
    """What can be looked for, with its name: melanoma first, all malignant diagnoses together, then each."""
    together = {MALIGNANT: "all malignant diagnoses"} if set() < set(card.malignant) < set(card.classes) else {}
    named = {name: card.label(name) for name in sorted(card.classes, key=lambda name: name != MELANOMA)}
    first = {MELANOMA: named.pop(MELANOMA)} if MELANOMA in named else {}
    return first | together | named


def wanted_classes(ask: ToneAsk) -> list[int]:
    """Indices of the classes that are looked for."""
    names = ask.card.malignant if ask.positive == MALIGNANT else (ask.positive,)
    return [ask.card.classes.index(name) for name in names]


def wanted(ask: ToneAsk) -> NDArray[np.bool_]:
    """Which images show what is looked for, bool ``[N]``."""
    return np.isin(ask.images.labels, wanted_classes(ask))


def ita_of(ask: ToneAsk) -> NDArray[np.float64]:
    """ITA of each image by the estimator chosen, degrees, ``[N]``; NaN where an image is excluded."""
    return one_each(ask.images, TONE)[ask.estimator].to_numpy(np.float64)


def darkness(ask: ToneAsk) -> NDArray[np.float64]:
    """What a trend runs along, ``[N]``: ITA in degrees; of labels, 10 less for each level darker. NaN where it is unknown."""
    if not ask.labelled:
        return ita_of(ask)
    scale = scale_of(ask.images.table[TONE_LABEL])
    levels = scale.levels if scale else names_of(ask, ask.images.table[TONE_LABEL])
    return ask.images.table[TONE_LABEL].map({level: -10.0 * at for at, level in enumerate(levels)}).to_numpy(np.float64)


def labels_agreement(ask: ToneAsk) -> LabelAgreement | None:
    """How far labels of tone and estimates agree on these images; None where there are not both."""
    if TONE_LABEL not in ask.images.table or not has_table(ask.images.checkpoint, TONE):
        return None
    return agreement_with_labels(ask.images.table[TONE_LABEL].tolist(), ita_of(ask), ask.cuts)


def agreement_sentence(found: LabelAgreement) -> str:
    """How far labels and estimates agree, in words."""
    kappa = "" if np.isnan(found.kappa) else f", weighted κ {found.kappa:.2f}"
    return (
        f"Labels and estimates are of the same group on **{percent(found.same)}** of {images(found.n)}, within one group on "
        f"**{percent(found.within_one)}**{kappa}."
    )


def other_groups(ask: ToneAsk) -> dict[str, list[str]]:
    """By name, the tone group of each image ``[N]`` by the same estimator with the cuts moved, and by each other estimator."""
    table = one_each(ask.images, TONE)
    names = sorted(ESTIMATORS, key=lambda name: name != ask.estimator)
    return tone_regroupings({ESTIMATORS[name]: table[name].to_numpy(np.float64) for name in names}, ask.cuts)


def groups_of(ask: ToneAsk) -> list[str]:
    """The group of each image, ``[N]``; "" where it is unknown, or, of many values, none of the largest."""
    if ask.by == TONE_GROUP:
        return tone_groups(ita_of(ask), ask.cuts)
    return cohort_names(ask.images.table, ask.by, None if ask.labelled else MOST_GROUPS)


def names_of(ask: ToneAsk, groups: Iterable[str]) -> list[str]:
    """The known groups among these, each once, in the order in which charts show them."""
    counts = pd.Series(groups, dtype=object).value_counts()
    return in_order({str(name): int(n) for name, n in counts.items() if name}, ask.by)


def enough(ask: ToneAsk, groups: Iterable[str], known: NDArray[np.bool_]) -> tuple[list[str], dict[str, int]]:
    """Groups with ``FEWEST`` clusters or more of ``known`` images (bool ``[N]``), in order; and how many images others have."""
    table = pd.DataFrame({"group": groups, "cluster": ask.images.clusters})[known]
    found = table.groupby("group")["cluster"].nunique()
    names = names_of(ask, table["group"])
    small = {name: int((table["group"] == name).sum()) for name in names if found[name] < FEWEST}
    return [name for name in names if name not in small], small


def too_few(small: Mapping[str, int]) -> str:
    """The groups that are too small for a figure, with their images; nothing where there are none."""
    listed = ", ".join(f"{name} ({n:,})" for name, n in small.items())
    return f" Too few to say: {listed}." if small else ""


def choose_grouping(audited: Audited, *, unused: bool = False) -> str:
    """Ask what images are grouped by; grey where the open tab makes no use of it."""
    return choose(
        "Group by", groupings(audited), "by", disabled=unused,
        help="Estimated: from pixels. Labelled: by people, as the data set gives it. Age, sex and body site come with it too.",
    )  # fmt: skip


def choose_tone() -> tuple[str, tuple[float, ...]]:
    """Ask how tone is estimated, and where its groups begin."""
    with st.expander("How tone is estimated", icon=":material/tune:"):
        estimator = choose(
            "Estimated by", ESTIMATORS, "estimator",
            help="Region median: of the skin round the lesion, without hair, ink, glare or borders. Dominant colour: of the "
            "picture's middle, without a mask. Colour constancy: the region median after the colour cast is removed.",
        )  # fmt: skip
        published = "Degrees. Two variants were published."
        variant = choose("Groups begin at an ITA of", (*CUT_VARIANTS, OWN_CUTS), "cuts", help=published)
        cuts = CUT_VARIANTS[variant] if variant in CUT_VARIANTS else _choose_cuts()
    return estimator, cuts


def choose_wanted(card: Card) -> tuple[str, float]:
    """Ask which diagnosis is looked for, and from which probability in [0, 1] on it is flagged."""
    positive = choose(
        "Diagnosis looked for", positives(card), "wanted",
        help="Sensitivity: the share of these images that are flagged. Specificity: the share of the others that are not.",
    )  # fmt: skip
    threshold = st.slider(
        "Decision threshold", 0.0, 100.0, 50.0, 0.5, format="%g%%", key="threshold", bind="query-params",
        help="The probability from which an image is flagged.",
    )  # fmt: skip
    return positive, threshold / 100


def _choose_cuts() -> tuple[float, ...]:
    """A slider for each border; they count in falling order, however they are set."""
    chosen = [
        st.slider(
            f"{lighter} above", _LOWEST, _HIGHEST, int(cut), 1, format="%d°", key=f"cut{place}", bind="query-params"
        )
        for place, (lighter, cut) in enumerate(zip(GROUPS, CUTS, strict=False), start=1)
    ]
    ordered = tuple(float(cut) for cut in sorted(chosen, reverse=True))
    if list(ordered) != chosen:
        st.caption(f"Taken in falling order: {', '.join(f'{cut:g}°' for cut in ordered)}.")
    tone_groups([], ordered)
    return ordered


def mean_by_group(
    audited: Audited, values: NDArray[np.float64] | NDArray[np.bool_], groups: Mapping[str, NDArray[np.bool_]]
) -> pd.DataFrame:
    """The mean of a value per image ``[N]`` (NaN: none), or the share of yes, in each group (name to mask), with its interval.

    Returns:
        ``label, value, low, high, exact, n_images, n_clusters``; no figure of fewer than ``FEWEST`` clusters.
    """
    known = ~np.isnan(values)
    rows = []
    for name, mine in groups.items():
        said, clusters = values[mine & known], audited.clusters[mine & known]
        n = len(set(clusters))
        key = hashlib.sha256(said.tobytes() + "\n".join(clusters).encode()).hexdigest()
        found = _mean(key, said, clusters) if n >= FEWEST else Estimate(np.nan, np.nan, np.nan)
        rows.append({"label": name, **asdict(found), "n_images": len(said), "n_clusters": n})
    return pd.DataFrame(rows)


@st.cache_data(max_entries=1024, show_spinner=False)
def _mean(key: str, _values: NDArray[np.float64] | NDArray[np.bool_], _clusters: NDArray[Any]) -> Estimate:
    return Bootstrap.over(_clusters, DRAWS).mean(_values).estimate()
