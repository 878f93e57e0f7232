"""How an outcome changes with skin tone, without groups: a logistic trend in ITA with its 95% band.

The trend says how the chance of an outcome (a right answer, a melanoma found) changes with ITA in these images. That is no
effect of skin: diagnoses differ in tone and in the light they were photographed in, so compare within a diagnosis, by choosing
the rows or by ``strata``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from dermaviz.metrics.bootstrap import BLOCK, DRAWS, FEWEST, Bootstrap, ClusterIds, Estimate, Sampled, interval_table
from dermaviz.metrics.classification import GroupedWeights, Values, Weights, each_once, grouped, ratio

STEP = 10.0
"""Degrees of ITA that the slope is given for."""
STRATUM_PENALTY = 0.01
"""Half of this times the squared effect of each stratum, in log-odds, is taken off the log-likelihood."""
ROUNDS, CLOSE, LONGEST = 60, 1e-9, 2.0
"""Newton steps at most; the step at which a fit stands; and the longest one, per coefficient."""
GRID_POINTS = 41
FEWEST_VARIED = 5
"""Images with the outcome, and without, that strata in which it varies must have: the slope is found in these alone."""


@dataclass(frozen=True, eq=False)
class Trend:
    """The log-odds of an outcome as a straight line in ITA, by maximum likelihood, with 95% bootstrap intervals.

    ``slope`` is the change of the log-odds for 10° more ITA (lighter skin): below 0 where the outcome is likelier on darker
    skin. ``odds_ratio`` is its exponential. ``curve`` has ``ita, value, low, high``: the chance of the outcome along ITA, over
    the range of the images unless another was asked for. All are NaN, and ``suppressed`` is True, where the images with
    the outcome, or those without it, are of fewer than 10 clusters, or all of one ITA, or where ``n_varied`` (the fewer of the
    images with and without it in strata that have both) is below ``FEWEST_VARIED``; an interval is NaN where over 5% of the
    draws have no line of finite slope.
    """

    slope: Estimate
    odds_ratio: Estimate
    curve: pd.DataFrame
    n_images: int
    n_clusters: int
    n_with: int
    n_without: int
    n_varied: int
    suppressed: bool


def ita_trend(
    outcome: NDArray[np.bool_],
    ita: NDArray[np.floating],
    cluster_ids: ClusterIds,
    strata: Sequence[str] | None = None,
    grid: NDArray[np.floating] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Trend:
    """Logistic regression of an outcome on ITA, in the images and in every draw of clusters.

    The slope is not penalised. With ``strata`` each has a level of its own and all share the slope; the levels are held back
    a little (``STRATUM_PENALTY``), so that a diagnosis that is always right has one. The curve is then that of the mixture:
    the mean over the images' strata at each ITA.

    Args:
        outcome: bool ``[N]``.
        ita: degrees ``[N]``; images without one (NaN) are left out.
        cluster_ids: ``[N]``.
        strata: ``[N]``, usually the diagnosis.
        grid: degrees at which the curve is wanted.
    """
    outcome, angles, clusters = np.asarray(outcome, bool), np.asarray(ita, np.float64), np.asarray(cluster_ids, str)
    names = np.full(len(outcome), "") if strata is None else np.asarray(strata, str)
    known = np.isfinite(angles)
    outcome, angles, clusters, names = outcome[known], angles[known], clusters[known], names[known]
    if grid is None:
        grid = np.linspace(angles.min(), angles.max(), GRID_POINTS) if len(angles) else np.zeros(0)
    n_with = int(outcome.sum())
    n_without = len(outcome) - n_with
    slopes, curves = np.full(1 + draws, np.nan), np.full((1 + draws, len(grid)), np.nan)
    few = min(len(set(clusters[outcome])), len(set(clusters[~outcome]))) < FEWEST
    by_stratum = pd.crosstab(names, outcome)
    varied = by_stratum[(by_stratum > 0).all(axis=1)] if by_stratum.shape[1] == 2 else by_stratum[:0]
    n_varied = int(varied.sum().min()) if len(varied) else 0
    suppressed = few or n_varied < FEWEST_VARIED or np.ptp(angles) == 0
    if not suppressed:
        drawn = Bootstrap.over(clusters, draws, seed).weights
        if (of := grouped(drawn)) is not None:
            rows = _in_cells(outcome, angles, names, of)
        else:
            rows = outcome, angles, names, np.vstack([each_once(angles), drawn])
        slopes, curves = _lines(*rows, np.asarray(grid, dtype=np.float64))
    curve = interval_table({"ita": grid}, value=Sampled(curves[0], curves[1:]))
    slope = Sampled(slopes[0], slopes[1:]).estimate()
    odds_ratio = Estimate(*(float(np.exp(figure)) for figure in (slope.value, slope.low, slope.high)))
    return Trend(
        slope, odds_ratio, curve, len(angles), len(set(clusters)), n_with, n_without, n_varied, bool(suppressed)
    )


def _in_cells(
    outcome: NDArray[np.bool_], ita: Values, names: NDArray[np.str_], drawn: GroupedWeights
) -> tuple[NDArray[np.bool_], Values, NDArray[np.str_], Weights]:
    """Very many images as cells of one outcome, half a degree of ITA and one stratum, at their mean ITA; with how often each
    counts in the images, in a first row, and in every draw."""
    key = pd.DataFrame({"names": names, "outcome": outcome, "degree": np.round(2 * ita)})
    cells = key.assign(ita=ita).groupby(list(key), sort=False)
    n, cell = cells.ngroups, cells.ngroup().to_numpy()
    shown = cells["ita"].mean().reset_index()
    weights = np.vstack([np.bincount(cell, minlength=n), drawn.in_bins(cell, n)])
    return shown["outcome"].to_numpy(), shown["ita"].to_numpy(), shown["names"].to_numpy(str), weights


def logistic(
    outcome: NDArray[np.bool_], design: Values, weights: Weights, penalty: Values, start: Values | None = None
) -> Values:
    """Coefficients ``[draws, K]`` of logistic regressions of one outcome ``[N]`` on one design ``[N, K]``, all at once.

    Newton's method, a block of draws at a time. A draw whose likelihood has no finite maximum (its outcomes are all alike,
    or split by the design) does not settle and is NaN.

    Args:
        weights: how often each image counts, ``[draws, N]``.
        penalty: of each coefficient's squared size, ``[K]`` (half of it is taken off the log-likelihood).
        start: ``[K]``, zeros by default.
    """
    n, k = design.shape
    found = np.tile(np.zeros(k) if start is None else start, (len(weights), 1))
    products = (design[:, :, None] * design[:, None, :]).reshape(n, k * k)
    rows = max(1, BLOCK // max(1, n))
    for first in range(0, len(weights), rows):
        block = slice(first, first + rows)
        found[block] = _newton(outcome, design, products, weights[block], penalty, found[block])
    return found


def _newton(
    outcome: NDArray[np.bool_], design: Values, products: Values, weights: Weights, penalty: Values, found: Values
) -> Values:
    """``found`` ``[B, K]`` moved to the maximum; NaN where there is none within ``ROUNDS`` steps."""
    found, k = found.copy(), design.shape[1]
    moving = np.arange(len(found))
    for _ in range(ROUNDS):
        chance = expit(found[moving] @ design.T)
        counted = weights[moving]
        slope = (counted * (outcome - chance)) @ design - penalty * found[moving]
        bend = ((counted * (chance * (1 - chance))) @ products).reshape(-1, k, k) + np.diag(penalty + 1e-12)
        step = np.clip(np.linalg.solve(bend, slope[:, :, None])[:, :, 0], -LONGEST, LONGEST)
        found[moving] += step
        moving = moving[np.abs(step).max(axis=1) > CLOSE]
        if not len(moving):
            break
    found[moving] = np.nan
    return found


def _lines(
    outcome: NDArray[np.bool_], ita: Values, names: NDArray[np.str_], weights: Weights, grid: Values
) -> tuple[Values, Values]:
    """Slopes per ``STEP`` ``[D]`` and curves ``[D, grid]`` of each row of weights; the first row's fit is the others' start."""
    centre, spread = ita.mean(), ita.std()
    found, member = np.unique(names, return_inverse=True)
    levels = np.eye(len(found))[member] if len(found) > 1 else np.zeros((len(ita), 0))
    design = np.column_stack([np.ones(len(ita)), (ita - centre) / spread, levels])
    penalty = np.r_[0, 0, np.full(levels.shape[1], STRATUM_PENALTY)]
    whole = logistic(outcome, design, weights[:1], penalty)
    rest = logistic(outcome, design, weights[1:], penalty, None if np.isnan(whole).any() else whole[0])
    fits = np.vstack([whole, rest])
    line = fits[:, :1] + fits[:, 1:2] * (grid - centre) / spread
    if not levels.shape[1]:
        return fits[:, 1] * STEP / spread, expit(line)
    shares = ratio(weights @ levels, weights.sum(axis=1, keepdims=True))
    mixture = sum(shares[:, [s]] * expit(line + fits[:, [2 + s]]) for s in range(len(found)))
    return fits[:, 1] * STEP / spread, np.asarray(mixture)
