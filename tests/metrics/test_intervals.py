"""Tests of the lesion bootstrap: SciPy's bounds, points, closed forms for the width, coverage, and undefined draws."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, bootstrap
from sklearn.metrics import balanced_accuracy_score, log_loss

from dermaviz.errors import EvidenceError
from dermaviz.metrics.bootstrap import (
    BLOCK,
    Bootstrap,
    Estimate,
    Sampled,
    cluster_unit,
    cluster_weights,
    clusters,
    estimate,
    exact_interval,
    interval,
    over_draws,
    wilson_interval,
)
from dermaviz.metrics.calibration import FlaggedShare
from dermaviz.metrics.classification import (
    accuracy,
    balanced_accuracy,
    brier,
    f1,
    negative_log_likelihood,
    precision,
    sensitivity,
    specificity,
)

EVEN = np.float32([[0.9, 0.1]])


def right_in(share: float, n: int, images: int = 1) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """``n`` lesions, each with as many identical ``images``, of which the first ``share`` are called rightly."""
    labels = np.repeat((np.arange(n) >= share * n).astype(np.int64), images)
    return labels, np.repeat(EVEN, n * images, axis=0), tuple(f"lesion{i // images}" for i in range(n * images))


def seven(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    return np.full(() if weights is None else weights.shape[:-1], 7.0)


def width(found: Estimate) -> float:
    return found.high - found.low


def figure_and_bounds(found: Estimate) -> tuple[float, float, float]:
    return found.value, found.low, found.high


def exactly(k: int, n: int) -> tuple[float, float, float]:
    """SciPy's interval of k of n: none or all."""
    ends = binomtest(k, n).proportion_ci(method="exact")
    return (k / n, ends.low, ends.high)


@pytest.mark.parametrize("images", [1, 3])
def test_a_share_of_none_or_all_has_the_exact_interval_of_the_lesions_it_is_among(images: int) -> None:
    """Of 28 lesions 20 are of class 0, and all are called 0; class 2 has none and is never called."""
    labels = np.repeat([0] * 20 + [1] * 8, images)
    said, lesions = np.eye(3)[np.zeros(len(labels), int)], np.repeat(np.arange(28), images)
    metrics = {
        "accuracy": (accuracy, labels * 0, (28, 28)), "none right": (accuracy, labels * 0 + 1, (0, 28)),
        "sensitivity": (sensitivity.at(0), labels, (20, 20)), "missed": (sensitivity.at(1), labels, (0, 8)),
        "specificity": (specificity.at(0), labels, (0, 8)), "no alarm": (specificity.at(1), labels, (20, 20)),
        "precision": (precision.at(0), labels * 0 + 1, (0, 28)), "flagged": (FlaggedShare([1], [1, 2], 0.5), labels, (0, 8)),
    }  # fmt: skip
    for name, (metric, truth, counts) in metrics.items():
        found = estimate({"": metric}, truth, said, lesions, draws=40)[""]
        assert figure_and_bounds(found) == pytest.approx(exactly(*counts)), name
        assert found.exact, name
        assert found.text().endswith(f"(exact 95% interval {found.low:.3f} to {found.high:.3f})")
        assert found.cell().endswith(f"({found.low:.3f} to {found.high:.3f}, exact)")
    varied = estimate({"": precision.at(0)}, labels, said, lesions, draws=40)[""]
    assert 0 < varied.low < varied.value == 20 / 28 < varied.high < 1
    assert not varied.exact, "its bounds are the draws'"
    assert "(95% interval" in varied.text()
    never = estimate({"": precision.at(2)}, labels, said, lesions, draws=40)[""]
    assert np.isnan(figure_and_bounds(never)).all()
    assert not never.exact
    drawn = Bootstrap.over(lesions, 40).take(labels == 1)
    assert figure_and_bounds(drawn.mean(np.ones(8 * images, bool)).estimate()) == pytest.approx(exactly(8, 8))


def test_where_no_draw_varies_and_nothing_bounds_a_figure_it_has_no_interval() -> None:
    labels, probabilities, lesions = right_in(1.0, 30)
    metrics = {"seven": seven, "f1": f1.at(0), "brier": brier}
    for name, found in estimate(metrics, labels, probabilities, lesions, draws=50).items():
        assert not math.isnan(found.value), name
        assert np.isnan([found.low, found.high]).all(), name
        assert found.cell() == f"{found.value:.3f}"


def test_a_model_of_one_answer_has_the_balanced_accuracy_of_one_class_and_the_bounds_of_all() -> None:
    """The mean of the classes' exact bounds: of 20, 8 and 5 lesions."""
    labels = np.repeat([0, 1, 2], [20, 8, 5])
    found = estimate({"": balanced_accuracy}, labels, np.eye(4)[labels * 0], np.arange(33), draws=100)[""]
    of_classes = [exactly(20, 20), exactly(0, 8), exactly(0, 5)]
    assert figure_and_bounds(found) == pytest.approx(tuple(np.mean(of_classes, axis=0)))


@pytest.mark.parametrize("right", [28, 0, 14])
def test_answers_that_never_part_differ_by_less_than_the_bound_on_those_that_would(right: int) -> None:
    """The same answers to all of 28 lesions: at most 12% of lesions get another, and then either is the better."""
    drawn = Bootstrap.over(np.repeat(np.arange(28), 2), 50)
    one = drawn.mean(np.arange(56) < 2 * right)
    bound = exactly(0, 28)[2]
    assert figure_and_bounds((one - one).estimate()) == pytest.approx((0, -bound, bound))
    assert ((one - one).estimate().exact, one.estimate().exact) == (False, right != 14)  # of both at their worst
    assert Sampled.join([one, one - one]).exact.tolist() == [right != 14, False]
    assert figure_and_bounds((one - one).certain(np.array(True)).estimate()) == (0, 0, 0)
    if right == 28:
        assert figure_and_bounds((one - (1 - one)).estimate()) == pytest.approx((1, 1 - 2 * bound, 1))
        assert figure_and_bounds((1 - one).estimate()) == pytest.approx(exactly(0, 28))


def test_as_many_intervals_hold_the_truth_where_most_samples_are_all_alike() -> None:
    """Of 28 lesions a model of 98% is right on all in 57% of samples; bootstraps alone hold the truth in at most the rest."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(100):
        found = Bootstrap.over(np.arange(28), 60).mean(rng.random(28) < 0.98).estimate()
        held += found.low <= 0.98 <= found.high
    assert held >= 95


def test_a_patients_lesions_are_drawn_together() -> None:
    """Five like lesions of each patient say no more than one of them; taken as independent, they would seem to."""
    patients = pd.DataFrame({"patient_id": [f"P{i:02}" for i in range(40)]})
    images = patients.loc[patients.index.repeat(5)].reset_index(drop=True)
    images = images.assign(image_id=images.index.map(str), lesion_id=images.index.map(str))
    right = np.arange(40) % 3 == 0
    one = Bootstrap.over(patients["patient_id"], 200).mean(right).estimate()
    five, apart = (
        Bootstrap.over(ids, 200).mean(right.repeat(5)).estimate() for ids in (clusters(images), images["lesion_id"])
    )
    assert (five, cluster_unit(images)) == (one, "patients")
    assert width(apart) == pytest.approx(width(one) / math.sqrt(5), rel=0.3)


def test_without_patients_lesions_are_drawn_and_without_these_images() -> None:
    images = pd.DataFrame({"image_id": ["a", "b", "c"], "lesion_id": ["L", "L", "c"], "patient_id": ["", "L", "L"]})
    assert clusters(images).tolist() == ["L", "patient L", "patient L"], "a patient is not the lesion of that name"
    assert cluster_unit(images) == "patients or lesions"
    for known in (images.drop(columns="patient_id"), images.assign(patient_id="")):
        assert (clusters(known).tolist(), cluster_unit(known)) == (["L", "L", "c"], "lesions")
    assert cluster_unit(images[["image_id", "lesion_id"]].assign(lesion_id=images["image_id"])) == "images"


def test_a_single_lesion_tells_nothing_of_spread() -> None:
    labels, probabilities, _ = right_in(0.5, 10)
    found = estimate({"accuracy": accuracy}, labels, probabilities, ("only",) * 10, draws=20)
    assert figure_and_bounds(found["accuracy"]) == pytest.approx(
        (0.5, 0.0125, 0.9875)
    )  # it may be one of the 2.5% at either end


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_independent_images_have_the_binomial_width(share: float) -> None:
    found = estimate({"accuracy": accuracy}, *right_in(share, 400), draws=2000)["accuracy"]
    assert found.value == pytest.approx(share)
    assert width(found) == pytest.approx(2 * 1.96 * math.sqrt(share * (1 - share) / 400), rel=0.1)
    assert found.low < share < found.high


def test_copies_of_a_lesion_add_no_certainty() -> None:
    metrics = {"accuracy": accuracy}
    independent = estimate(metrics, *right_in(0.5, 400), draws=1000)["accuracy"]
    few = estimate(metrics, *right_in(0.5, 40), draws=1000)["accuracy"]
    copied = estimate(metrics, *right_in(0.5, 40, images=10), draws=1000)["accuracy"]
    assert copied == few  # ten images of each of 40 lesions say what one image of each says
    assert width(copied) / width(independent) == pytest.approx(math.sqrt(10), rel=0.15)


def test_lesions_are_drawn_whole() -> None:
    lesion = np.random.default_rng(0).integers(0, 12, 60)
    weights = cluster_weights([f"L{i}" for i in lesion], draws=30)
    assert weights.shape == (30, 60)
    for drawn in weights:
        times = [set(drawn[lesion == i]) for i in np.unique(lesion)]
        assert all(len(t) == 1 for t in times)
        assert sum(t.pop() for t in times) == len(np.unique(lesion))


def test_no_images_are_no_weights() -> None:
    assert cluster_weights((), draws=5).shape == (5, 0)
    found = estimate({"a": accuracy}, np.zeros(0, np.int64), np.zeros((0, 2)), ())["a"]
    assert all(map(math.isnan, (found.value, found.low, found.high)))


@pytest.mark.parametrize(
    ("metric", "of_rows"),
    [
        (balanced_accuracy, lambda y, p: balanced_accuracy_score(y, p.argmax(1))),
        (negative_log_likelihood, lambda y, p: log_loss(y, p, labels=range(5))),
    ],
)
def test_bounds_are_scipys_on_the_same_resamples(metric, of_rows, guesses, lesions_of) -> None:
    """SciPy resamples the numbers of the lesions; the rows of each come along. Its draws of a seed are ours."""
    labels, probabilities = guesses(0)
    lesions = lesions_of(200)
    rows_of = [np.flatnonzero(np.array(lesions) == name) for name in np.unique(lesions)]

    def statistic(drawn: np.ndarray) -> float:
        rows = np.concatenate([rows_of[i] for i in drawn])
        return of_rows(labels[rows], probabilities[rows])

    theirs = bootstrap(
        (np.arange(len(rows_of)),), statistic, n_resamples=50, method="percentile", vectorized=False, rng=7
    ).confidence_interval
    ours = estimate({"m": metric}, labels, probabilities, lesions, draws=50, seed=7)["m"]
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)


def test_draws_are_the_same_in_blocks_and_one_by_one(guesses, lesions_of) -> None:
    labels, probabilities = guesses(0, n=3000)
    weights = cluster_weights(lesions_of(3000), draws=2 * BLOCK // 3000 + 3)
    metrics = (balanced_accuracy, sensitivity, brier)
    for metric, drawn in zip(metrics, over_draws(metrics, labels, probabilities, weights), strict=True):
        np.testing.assert_allclose(drawn, [metric(labels, probabilities, w) for w in weights], rtol=1e-12)


def test_the_same_seed_gives_the_same_interval() -> None:
    data = right_in(0.7, 50)
    first, again, other = (estimate({"a": accuracy}, *data, draws=100, seed=seed)["a"] for seed in (0, 0, 1))
    assert first == again != other


def test_about_19_of_20_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        skill = rng.random(60) < 0.7  # per lesion; every lesion has two images
        labels = np.repeat((~skill).astype(np.int64), 2)
        lesions = tuple(f"L{i // 2}" for i in range(120))
        found = estimate({"a": accuracy}, labels, np.repeat(EVEN, 120, axis=0), lesions, draws=100)["a"]
        held += found.low <= 0.7 <= found.high
    assert 51 <= held <= 60


@pytest.mark.parametrize(("undefined", "said"), [(0, True), (5, True), (6, False), (100, False)])
def test_up_to_one_undefined_draw_in_20_is_left_out(undefined: int, said: bool) -> None:
    sample = np.r_[np.full(undefined, np.nan), np.linspace(0, 1, 100 - undefined)]
    bounds = interval(sample)
    assert bounds == pytest.approx((0.025, 0.975)) if said else all(map(math.isnan, bounds))


def test_a_class_of_few_lesions_has_a_value_and_no_interval() -> None:
    """One lesion in twenty is missing from 36% of the draws, six are from 0.1%."""
    labels, probabilities = np.array([0] * 19 + [1]), np.repeat(EVEN, 20, axis=0)
    probabilities[-1] = (0.2, 0.8)
    metrics = {"rare": sensitivity.at(1), "never called": precision.at(1), "balanced": balanced_accuracy}
    few = estimate(metrics, labels, probabilities, tuple(map(str, range(20))), draws=200)
    assert few["rare"].value == 1
    assert figure_and_bounds(few["balanced"]) == pytest.approx((1, (exactly(19, 19)[1] + exactly(1, 1)[1]) / 2, 1))
    assert math.isnan(few["rare"].low)
    assert math.isnan(few["rare"].high)
    more = estimate(
        metrics, np.r_[labels[6:14], np.ones(6, int)], probabilities[[0] * 8 + [19] * 6], range(14), draws=200
    )
    assert figure_and_bounds(more["rare"]) == pytest.approx(exactly(6, 6))
    absent = estimate(metrics, labels[:5], probabilities[:5], range(5), draws=20)
    assert all(math.isnan(v) for v in (absent["rare"].value, absent["rare"].low, absent["never called"].value))


def test_eight_of_nine_photos() -> None:
    """The count of the report, with the bounds of Clopper and Pearson's tables."""
    found = exact_interval(8, 9)
    assert (found.value, found.low, found.high) == pytest.approx((8 / 9, 0.518, 0.997), abs=5e-4)


@pytest.mark.parametrize(("k", "n"), [(8, 9), (1, 2), (3, 40), (39, 40)])
def test_beyond_the_exact_bounds_a_tail_has_less_than_one_in_40(k: int, n: int) -> None:
    """The definition itself, solved by bisection: at the bounds, as many or more (as few or fewer) have a chance of 2.5%."""
    found = exact_interval(k, n)
    low = brentq(lambda p: binom.sf(k - 1, n, p) - 0.025, 1e-9, 1 - 1e-9)
    high = brentq(lambda p: binom.cdf(k, n, p) - 0.025, 1e-9, 1 - 1e-9)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize("n", [1, 9, 100])
def test_none_and_all_have_one_bound_in_closed_form(n: int) -> None:
    """Of none of n the upper bound p has (1 − p)^n = 2.5%; all of n is its mirror."""
    none, every = exact_interval(0, n), exact_interval(n, n)
    assert (none.value, none.low, none.high) == pytest.approx((0, 0, 1 - 0.025 ** (1 / n)))
    assert (every.value, every.low, every.high) == pytest.approx((1, 0.025 ** (1 / n), 1))


@pytest.mark.parametrize("of_counts", [exact_interval, wilson_interval])
def test_a_share_of_no_images_is_not_defined(of_counts) -> None:
    found = of_counts(0, 0)
    assert all(map(math.isnan, (found.value, found.low, found.high)))


@pytest.mark.parametrize(("k", "n"), [(10, 9), (-1, 9)])
def test_more_than_all_is_refused(k: int, n: int) -> None:
    with pytest.raises(EvidenceError, match=f"between 0 and the 9 images it is of, found {k}. Count both again"):
        exact_interval(k, n)


def test_the_exact_interval_is_the_wider_one() -> None:
    exact, wilson = exact_interval(8, 9), wilson_interval(8, 9)
    assert exact.low < wilson.low < wilson.high < exact.high
