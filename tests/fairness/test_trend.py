"""The trend along ITA: scikit-learn's fit, a closed form, the stated likelihood maximised by SciPy, and what has no slope."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from dermaviz.fairness.trend import STRATUM_PENALTY, ita_trend, logistic
from dermaviz.metrics.bootstrap import cluster_weights

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


def drawn(slope: float = 0.3, n: int = 400, seed: int = 0) -> Drawn:
    """Outcomes whose log-odds rise by ``slope`` per 10° over ITA about 40°, of half as many lesions."""
    rng = np.random.default_rng(seed)
    ita = rng.normal(40, 15, n)
    return rng.random(n) < expit(slope * (ita - 40) / 10), ita, rng.integers(0, n // 2, n)


def scikit(outcome: np.ndarray, ita: np.ndarray, weights: np.ndarray | None = None) -> LogisticRegression:
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    return model.fit(ita[:, None] / 10, outcome, sample_weight=weights)


def test_the_line_and_its_bounds_are_scikit_learns() -> None:
    outcome, ita, lesions = drawn()
    grid = np.array([0.0, 41.0, 80.0])
    found = ita_trend(outcome, ita, lesions, grid=grid, draws=30)
    fits = [scikit(outcome, ita), *(scikit(outcome, ita, w) for w in cluster_weights(lesions, 30))]
    slopes = [model.coef_[0, 0] for model in fits]
    curves = np.array([model.predict_proba(grid[:, None] / 10)[:, 1] for model in fits])
    expected = (slopes[0], *np.percentile(slopes[1:], [2.5, 97.5]))
    assert (found.slope.value, found.slope.low, found.slope.high) == pytest.approx(expected, rel=1e-4)
    assert found.odds_ratio.value == pytest.approx(np.exp(slopes[0]), rel=1e-4)
    np.testing.assert_allclose(found.curve.value, curves[0], rtol=1e-4)
    np.testing.assert_allclose(
        found.curve[["low", "high"]].T, np.percentile(curves[1:], [2.5, 97.5], axis=0), rtol=1e-3
    )


def test_two_tones_have_the_slope_of_their_odds_ratio() -> None:
    """30 of 40 at 20° and 10 of 40 at 50°: odds of 3 and 1/3, so a ratio of 1/9 over 30°."""
    ita = np.repeat([20.0, 50.0], 40)
    outcome = np.r_[np.arange(40) < 30, np.arange(40) < 10]
    found = ita_trend(outcome, ita, np.arange(80), grid=np.array([20.0, 50.0]), draws=200)
    assert found.slope.value == pytest.approx(np.log(1 / 9) / 3)
    assert found.curve.value.tolist() == pytest.approx([0.75, 0.25])
    assert found.slope.low < found.slope.value < found.slope.high < 0
    assert (found.n_images, found.n_clusters, found.n_with, found.n_without) == (80, 80, 40, 40)


def test_a_mirrored_tone_has_the_mirrored_slope() -> None:
    outcome, ita, lesions = drawn()
    there, back = (ita_trend(outcome, one, lesions, draws=50).slope for one in (ita, -ita))
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))


def test_strata_share_a_slope_and_maximise_the_stated_likelihood() -> None:
    outcome, ita, lesions = drawn(n=150)
    strata = np.random.default_rng(3).choice(["mel", "nv", "df"], 150)
    outcome = outcome | (strata == "df")  # a diagnosis that is always right
    found = ita_trend(outcome, ita, lesions, strata, grid=np.array([30.0]), draws=10)
    levels = np.stack([strata == name for name in ("df", "mel", "nv")], axis=1)

    def loss(b: np.ndarray) -> float:
        line = b[0] + b[1] * (ita - ita.mean()) / 10 + levels @ b[2:]
        return float(np.logaddexp(0, np.where(outcome, -line, line)).sum() + STRATUM_PENALTY / 2 * (b[2:] ** 2).sum())

    best = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-6}).x
    assert found.slope.value == pytest.approx(best[1], abs=1e-4)
    line = best[0] + best[1] * (30 - ita.mean()) / 10
    assert found.curve.value[0] == pytest.approx(levels.mean(0) @ expit(line + best[2:]), abs=1e-4)


def test_a_diagnosis_that_differs_in_tone_is_no_trend_within_it() -> None:
    """Simpson's paradox: nevi are light and nearly always right, melanomas dark and mostly wrong; within each, no slope."""
    rng = np.random.default_rng(0)
    nevus = np.repeat([True, False], 500)
    ita = np.where(nevus, 60, 30) + rng.normal(0, 8, 1000)
    outcome = rng.random(1000) < np.where(nevus, 0.9, 0.3)
    over_all = ita_trend(outcome, ita, np.arange(1000), draws=100).slope
    within = ita_trend(outcome, ita, np.arange(1000), np.where(nevus, "nv", "mel"), draws=100).slope
    assert over_all.low > 0.3
    assert within.low < 0 < within.high


def test_about_19_of_20_intervals_hold_the_slope() -> None:
    held = 0
    for seed in range(40):
        slope = ita_trend(*drawn(0.2, 150, seed), draws=100).slope
        held += slope.low <= 0.2 <= slope.high
    assert 33 <= held <= 40


def test_images_without_a_tone_are_left_out() -> None:
    outcome, ita, lesions = drawn()
    unknown = np.r_[ita, [np.nan] * 20]
    with_them = ita_trend(np.r_[outcome, [True] * 20], unknown, np.r_[lesions, lesions[:20]], draws=20)
    without = ita_trend(outcome, ita, lesions, draws=20)
    assert with_them.slope == without.slope
    assert with_them.n_images == 400


@pytest.mark.parametrize("outcomes", [9, 391, 0, 400])
def test_too_few_outcomes_have_counts_and_no_slope(outcomes: int) -> None:
    _, ita, lesions = drawn()
    found = ita_trend(np.arange(400) < outcomes, ita, lesions, draws=20)
    assert found.suppressed
    assert (found.n_with, found.n_without) == (outcomes, 400 - outcomes)
    assert np.isnan([found.slope.value, found.odds_ratio.high, *found.curve.value]).all()


def test_images_of_one_tone_or_none_have_no_trend() -> None:
    outcome, _, lesions = drawn()
    assert ita_trend(outcome, np.full(400, 41.0), lesions, draws=5).suppressed
    none = ita_trend(outcome, np.full(400, np.nan), lesions, draws=5)
    assert (none.suppressed, none.n_images, len(none.curve)) == (True, 0, 0)


def test_outcomes_that_a_cut_divides_have_no_finite_slope() -> None:
    _, ita, lesions = drawn()
    found = ita_trend(ita > 40, ita, lesions, draws=5)
    assert not found.suppressed
    assert np.isnan([found.slope.value, found.slope.low]).all()


def test_only_the_draws_without_a_maximum_are_undefined() -> None:
    x, outcome = np.arange(6.0), np.array([0, 1, 0, 1, 0, 1], dtype=bool)
    weights = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1], [0, 1, 0, 1, 0, 1]], dtype=float)
    found = logistic(outcome, np.column_stack([np.ones(6), x]), weights, np.zeros(2))
    assert np.isnan(found).all(axis=1).tolist() == [False, True, True]
    assert found[0, 1] == pytest.approx(scikit(outcome, 10 * x).coef_[0, 0], rel=1e-4)


@pytest.mark.parametrize(("wrong", "suppressed"), [(4, True), (5, False)])
def test_too_few_answers_that_vary_within_strata_are_no_trend(wrong: int, suppressed: bool) -> None:
    """Nevi that are all right and melanomas that are all wrong say nothing of skin; some keratoses are one or the other."""
    strata = np.repeat(["nv", "mel", "bkl"], [30, 30, 20])
    outcome = np.r_[np.ones(30, bool), np.zeros(30, bool), np.arange(20) >= wrong]
    ita = np.random.default_rng(0).normal(40, 15, 80)
    found = ita_trend(outcome, ita, np.arange(80), strata=strata.tolist(), draws=50)
    assert (found.n_varied, found.suppressed, bool(np.isnan(found.slope.value))) == (wrong, suppressed, suppressed)
