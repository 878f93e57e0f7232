"""Metrics by group beside scikit-learn's on rows written out, gaps between groups, and the verdict on a gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score, roc_auc_score

from dermaviz.errors import FairnessError
from dermaviz.fairness.groups import (
    FOUND,
    INCONCLUSIVE,
    SIDES,
    TOO_FEW,
    GroupFigures,
    audit_figures,
    either_too_few,
    gaps_to,
    group_counts,
    judge,
    judge_gaps,
    measure_groups,
    sides,
    too_few_sides,
)
from dermaviz.metrics.bootstrap import Estimate, cluster_weights

CLASSES, MALIGNANT = ("akiec", "mel", "nv"), frozenset({"akiec", "mel"})
SICK = {"mel": [1], "malignant": [0, 1]}
DRAWS = 15
COUNTS = ["n_images", "n_clusters", "n_positives", "n_negatives", "clusters_with_positives", "clusters_with_negatives"]


@pytest.fixture
def images() -> dict[str, object]:
    """400 images of some 200 lesions in three groups, one unknown, with answers that know something."""
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 400, p=[0.2, 0.3, 0.5])
    lesions = np.array([f"L{i}" for i in rng.integers(0, 200, 400)])
    groups = rng.choice(["south", "north", "east", ""], 400, p=[0.5, 0.35, 0.05, 0.1])
    probabilities = softmax(rng.normal(size=(400, 3)) + 1.5 * np.eye(3)[labels], axis=1)
    return {"labels": labels, "probabilities": probabilities, "cluster_ids": lesions, "groups": groups}


def by_group(images: dict[str, object], **changes) -> GroupFigures:
    asked = {**images, "draws": DRAWS, **changes}
    question = {name: asked.pop(name) for name in ("positive", "threshold") if name in asked}
    figures = audit_figures(CLASSES, asked.pop("malignant", MALIGNANT), **question)
    return measure_groups(**asked, figures=figures)


def ask(images: dict[str, object], **changes) -> pd.DataFrame:
    return by_group(images, **changes).table()


def oracle(labels: np.ndarray, said: np.ndarray, positive: str, threshold: float | None) -> dict[str, float]:
    """Every figure of some rows, by scikit-learn where it has one."""
    truth, score = np.isin(labels, SICK[positive]), said[:, SICK[positive]].sum(1)
    yes = np.isin(said.argmax(1), SICK[positive]) if threshold is None else score >= threshold
    caught, spared = recall_score(truth, yes), recall_score(truth, yes, pos_label=0)
    confidence, right = said.max(1), said.argmax(1) == labels
    bins = np.digitize(confidence, np.arange(1, 15) / 15)
    return {
        "sensitivity": caught,
        "specificity": spared,
        "false_negative_rate": 1 - caught,
        "false_positive_rate": 1 - spared,
        "roc_auc": roc_auc_score(truth, score),
        "balanced_accuracy": balanced_accuracy_score(truth, yes),
        "accuracy": accuracy_score(labels, said.argmax(1)),
        "expected_calibration_error": sum(abs((confidence - right)[bins == b].sum()) for b in range(15)) / len(labels),
        "calibration_bias": score.mean() - truth.mean(),
    }


def resampled(images: dict[str, object], group: str, positive: str, threshold: float | None) -> pd.DataFrame:
    """A row per draw: the figures of a group in the drawn lesions' rows, written out as often as they are drawn."""
    found = []
    for times in cluster_weights(images["cluster_ids"], DRAWS):
        rows = np.repeat(np.arange(400), times.astype(int))
        rows = rows[images["groups"][rows] == group]
        found.append(oracle(images["labels"][rows], images["probabilities"][rows], positive, threshold))
    return pd.DataFrame(found)


@pytest.mark.parametrize(("positive", "threshold"), [("mel", 0.5), ("malignant", 0.6), ("malignant", None)])
def test_figures_and_intervals_are_scikit_learns(images, positive: str, threshold: float | None) -> None:
    table = ask(images, positive=positive, threshold=threshold).set_index(["group", "metric"])
    mine = images["groups"] == "north"
    expected = oracle(images["labels"][mine], images["probabilities"][mine], positive, threshold)
    bounds = np.percentile(resampled(images, "north", positive, threshold), [2.5, 97.5], axis=0)
    found = table.loc["north"]
    assert list(found.index) == list(expected)
    assert found.value.tolist() == pytest.approx(list(expected.values()))
    np.testing.assert_allclose(found[["low", "high"]].to_numpy().T, bounds, rtol=1e-9)


def test_gaps_are_of_the_same_resamples(images) -> None:
    table = gaps_to(by_group(images), "south").set_index(["group", "metric"]).loc["north"]
    south, north = (resampled(images, group, "mel", 0.5) for group in ("south", "north"))
    for name, of_two in (("difference", north - south), ("ratio", north / south)):
        if name == "ratio":
            of_two["calibration_bias"] = np.nan
        bounds = np.percentile(of_two[list(table.index)], [2.5, 97.5], axis=0)
        np.testing.assert_allclose(table[[f"{name}_low", f"{name}_high"]].to_numpy(float).T, bounds, rtol=1e-9)
    np.testing.assert_allclose(table.difference, table.value - table.reference_value)


def test_every_figure_has_its_counts_the_largest_group_first(images) -> None:
    table = ask(images)
    assert list(table.columns) == ["group", "metric", "label", "value", "low", "high", "exact", *COUNTS, "suppressed"]
    assert list(table.group.unique()) == ["south", "north", "east"]  # "" is nobody's group
    for group, rows in table.groupby("group"):
        mine = images["groups"] == group
        sick, lesions = images["labels"] == 1, images["cluster_ids"]
        sides = (mine & sick, mine & ~sick)
        expected = [int(some.sum()) for some in sides], [len(set(lesions[some])) for some in (mine, *sides)]
        expected = [int(mine.sum()), expected[1][0], *expected[0], *expected[1][1:]]
        assert rows[COUNTS].drop_duplicates().to_numpy().tolist() == [expected]


@pytest.mark.parametrize(("positives", "negatives", "held_back"), [(10, 10, False), (9, 30, True), (30, 9, True)])
def test_a_group_of_too_few_has_counts_and_no_figures(positives: int, negatives: int, held_back: bool) -> None:
    n = positives + negatives
    labels = np.array([1] * positives + [2] * negatives)
    said = softmax(np.random.default_rng(0).normal(size=(n, 3)), axis=1)
    table = ask({"labels": labels, "probabilities": said, "cluster_ids": range(n), "groups": ["here"] * n})
    assert (table.suppressed == held_back).all()
    assert table[["value", "low", "high"]].isna().all(axis=None) == held_back
    assert table[COUNTS].iloc[0].tolist() == [n, n, positives, negatives, positives, negatives]


@pytest.mark.parametrize(("patients", "held_back"), [(2, True), (9, True), (10, False)])
def test_thirty_images_of_two_patients_are_judged_as_two(patients: int, held_back: bool) -> None:
    """30 images of melanoma and 30 others, of so many patients each: the patients count, not their images."""
    labels, said = np.array([1] * 30 + [2] * 30), softmax(np.random.default_rng(0).normal(size=(60, 3)), axis=1)
    ids = [f"P{i % patients}" for i in range(30)] + [f"Q{i}" for i in range(30)]
    table = ask({"labels": labels, "probabilities": said, "cluster_ids": ids, "groups": ["here"] * 60})
    assert (table.suppressed == held_back).all()
    assert table["value"].isna().all() == held_back
    assert table[COUNTS].iloc[0].tolist() == [60, patients + 30, 30, 30, patients, 30]
    counts = group_counts(["here"] * 60, np.array(ids), labels == 1)
    if held_back:
        assert too_few_sides(counts, "melanoma", "patients") == "images of melanoma from fewer than 10 patients"
    assert sides("here", counts.iloc[0], "patients") == f"here {patients} and 30 others"


@pytest.mark.parametrize(
    ("wanted", "unit", "few"),
    [
        ("malignant lesions", "lesions", "10 malignant lesions"),
        ("malignant lesions", "images", "10 images of malignant lesions"),
        ("melanoma", "lesions", "10 lesions of melanoma"),
    ],
)
def test_no_lesion_is_of_a_lesion(wanted: str, unit: str, few: str) -> None:
    assert either_too_few(wanted, unit) == f"fewer than {few}, or fewer than 10 others"


@pytest.mark.parametrize("copies", [1, 3])
def test_all_caught_is_no_certainty(copies: int) -> None:
    """All of 12 lesions: the exact lower bound is the 12th root of 2.5%, however many images each lesion has."""
    labels = np.repeat([1] * 12 + [2] * 12, copies)
    said = np.eye(3)[labels]
    lesions = np.repeat(np.arange(24), copies)
    images = {"labels": labels, "probabilities": said, "cluster_ids": lesions, "groups": ["all"] * len(labels)}
    table = ask(images, draws=1000).set_index("metric")
    bound = 0.025 ** (1 / 12)
    for metric, expected in {
        "sensitivity": (1, bound, 1), "specificity": (1, bound, 1), "false_negative_rate": (0, 0, 1 - bound),
        "false_positive_rate": (0, 0, 1 - bound),
    }.items():  # fmt: skip
        assert table.loc[metric, ["value", "low", "high"]].tolist() == pytest.approx(expected, abs=2e-3)
    assert table["exact"].to_dict() == {name: name in (*SIDES, "accuracy") for name in table.index}
    assert bound < table.low["balanced_accuracy"] < 1  # two sides together are less uncertain than either
    only = audit_figures(CLASSES, frozenset({"mel"}), "mel", None)[:1]
    alone = measure_groups(labels, said, lesions, ["all"] * len(labels), only, draws=1000).table()
    assert alone.loc[0, ["metric", "value", "low"]].tolist() == ["sensitivity", 1, pytest.approx(bound, abs=2e-3)]


def test_groups_of_the_same_lesions_do_not_differ() -> None:
    """Each lesion has an image in either group, with one answer: their difference is 0 in every draw; that bounds shares only."""
    rng = np.random.default_rng(1)
    labels, said = rng.choice([1, 2], 60), softmax(rng.normal(size=(60, 3)), axis=1)
    twice = {"labels": np.r_[labels, labels], "probabilities": np.r_[said, said], "cluster_ids": [*range(60)] * 2}
    table = gaps_to(by_group({**twice, "groups": ["a"] * 60 + ["b"] * 60}))
    assert (table.difference == 0).all()
    unbounded = ["balanced_accuracy", "roc_auc", "expected_calibration_error", "calibration_bias"]
    shares = table[~table.metric.isin(unbounded)]
    assert table[table.metric.isin(unbounded)][["difference_low", "difference_high"]].isna().all(axis=None)
    assert (shares.difference_high > 0).all()
    assert (shares.difference_low == -shares.difference_high).all()
    assert shares.set_index("metric").difference_high["accuracy"] == pytest.approx(1 - 0.025 ** (1 / 60))


def test_the_largest_group_is_the_reference(images) -> None:
    table = gaps_to(by_group(images))
    assert set(table.reference) == {"south"}
    assert list(table.group.unique()) == ["north", "east"]
    east = table[table.group == "east"]
    assert east.suppressed.all()
    assert east.difference.isna().all()
    assert (east.n_images < east.reference_n_images).all()


def biased() -> dict[str, object]:
    """Two groups of 100 melanomas and 100 nevi each: 90 melanomas of the first are caught, 45 of the second."""
    labels, groups = np.tile(np.repeat([1, 2], 100), 2), np.repeat(["a", "b"], 200)
    calls = np.concatenate([[1] * caught + [2] * (200 - caught) for caught in (90, 45)])
    said = 0.8 * np.eye(3)[calls] + 0.2 / 3
    return {"labels": labels, "probabilities": said, "cluster_ids": np.arange(400), "groups": groups}


@pytest.mark.parametrize(
    ("other", "verdict", "reason", "same_sign"),
    [
        (lambda groups: groups, "difference found", "", 1),
        (lambda groups: np.where(groups == "a", "b", "a"), "inconclusive", "the sign changes under again", 0),
        (lambda groups: np.where(groups == "a", "a", ""), "inconclusive", "too few images under again", 0),
    ],
)
def test_a_planted_gap_outlives_what_agrees_with_it(other, verdict: str, reason: str, same_sign: int) -> None:
    images = biased()
    others = {"again": by_group(images, groups=other(images["groups"]), draws=0)}
    row = judge_gaps(by_group(images), others, "a").set_index("metric").loc["sensitivity"]
    assert row.difference == pytest.approx(-0.45)
    assert (row.verdict, row.n_others, row.n_same_sign) == (verdict, 1, same_sign)
    assert reason in row.reason
    assert row.smallest <= row.difference <= row.largest


def test_what_is_no_gap_is_inconclusive_and_what_cannot_be_said_is_too_few(images) -> None:
    fair = biased()
    fair["groups"] = np.tile(["a", "b"], 200)  # each has half of either's answers
    table = judge_gaps(by_group(fair), {}).set_index("metric")
    assert (table.verdict["roc_auc"], table.reason["roc_auc"]) == ("inconclusive", "the interval includes 0")
    small = judge_gaps(by_group(images), {})
    assert set(small[small.group == "east"].verdict) == {"too few"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positive": "scc"}, "expected 'scc' to be one of the classes akiec, mel, nv"),
        ({"positive": "malignant", "malignant": frozenset()}, "found 0 of 3 classes on that side"),
        ({"positive": "malignant", "malignant": frozenset(CLASSES)}, "found 3 of 3 classes on that side"),
        ({"groups": ["a"] * 3}, "found 3, 400, 400, 400 of them"),
        ({"groups": [""] * 400}, "at least one known group, found none among 400 images"),
    ],
)
def test_what_cannot_be_asked_is_refused(images, changes: dict[str, object], message: str) -> None:
    with pytest.raises(FairnessError, match=message):
        ask(images, **changes)


def test_a_reference_that_is_no_group_is_refused(images) -> None:
    with pytest.raises(FairnessError, match="one of the groups south, north, east as reference, found 'west'"):
        gaps_to(by_group(images), "west")


def test_labels_say_the_side_and_the_threshold(images) -> None:
    labels = {slug: ask(images, threshold=0.3).label.iloc[i] for i, slug in enumerate(("sensitivity", "specificity"))}
    assert labels == {
        "sensitivity": "Melanoma: sensitivity at p ≥ 0.3",
        "specificity": "Melanoma: specificity at p ≥ 0.3",
    }
    assert ask(images, threshold=None, positive="akiec").label.iloc[0] == (
        "Actinic keratosis / intraepithelial carcinoma: sensitivity as most probable class"
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("gap", "others", "verdict", "reason"),
    [
        ((-0.2, -0.3, -0.1), {}, FOUND, ""),
        ((0.2, 0.1, 0.3), {"x": 0.01, "y": 0.4}, FOUND, ""),
        ((0.2, 0.0, 0.3), {"x": 0.2}, INCONCLUSIVE, "the interval includes 0"),
        ((0.2, -0.1, 0.3), {}, INCONCLUSIVE, "the interval includes 0"),
        ((0.2, 0.1, 0.3), {"x": 0.2, "y": -0.01}, INCONCLUSIVE, "the sign changes under y"),
        ((-0.2, -0.3, -0.1), {"x": 0.0, "y": 0.1}, INCONCLUSIVE, "the sign changes under x, y"),
        ((0.2, 0.1, 0.3), {"x": 0.2, "y": NAN}, INCONCLUSIVE, "a group has too few images under y"),
        (
            (0.2, NAN, NAN),
            {},
            INCONCLUSIVE,
            "no interval can be given: too few patients or lesions, or no draw of them varies",
        ),
        (
            (NAN, NAN, NAN),
            {"x": 0.2},
            TOO_FEW,
            "a group has positives, or negatives, of fewer than 10 patients or lesions",
        ),
    ],
)
def test_the_rule(gap: tuple[float, float, float], others: dict[str, float], verdict: str, reason: str) -> None:
    assert judge(Estimate(*gap), others) == (verdict, reason)


def test_no_multiple_of_nothing() -> None:
    """None of c is caught: the difference is known, with c's own uncertainty in it, and the ratio to it is not."""
    labels, calls = (
        np.tile(np.repeat([1, 2], 20), 2),
        np.concatenate([[1] * caught + [2] * (40 - caught) for caught in (18, 0)]),
    )
    images = {"labels": labels, "probabilities": np.eye(3)[calls], "cluster_ids": range(80)}
    found = by_group({**images, "groups": np.repeat(["b", "c"], 40)}, draws=200)
    row = gaps_to(found, "c").set_index("metric").loc["sensitivity"]
    assert (row.difference, row.reference_value) == pytest.approx((0.9, 0))
    assert np.isnan(row.ratio)
    assert row.difference_low < 0.9 - 0.025 ** (1 / 20) / 20
    assert row[["n_positives", "reference_n_negatives"]].tolist() == [20, 20]
