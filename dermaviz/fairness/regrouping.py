"""Fairness: the same images in tone groups another way: by another estimator, and by cuts that are moved a little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dermaviz.fairness.tone_groups import CUTS, NEAR, tone_groups


def tone_regroupings(
    itas: Mapping[str, NDArray[np.floating]], cuts: Sequence[float] = CUTS, moved: float = NEAR
) -> dict[str, list[str]]:
    """Other tone groups for N images than those of the first estimator at ``cuts``: the ``others`` of ``audit.verdicts``.

    Args:
        itas: ITA in degrees ``[N]`` by the name of its estimator, the one in use first; NaN where it cannot be measured.
        moved: degrees by which all cuts are moved, up and down.

    Returns:
        By name, a group for each image: the first estimator with the cuts moved, then every other estimator at ``cuts``.
    """
    first, *others = itas
    found = {
        f"{first}, cuts {by:+g}°": tone_groups(itas[first], tuple(cut + by for cut in cuts)) for by in (-moved, moved)
    }
    return found | {name: tone_groups(itas[name], tuple(cuts)) for name in others}
