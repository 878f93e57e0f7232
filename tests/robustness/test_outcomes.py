"""What attacks and corruptions cost, against values counted by hand, scikit-learn, and a bootstrap done the long way."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from dermaviz.errors import EvidenceError
from dermaviz.metrics.bootstrap import Estimate, cluster_weights
from dermaviz.robustness.outcomes import (
    BY_ATTACK,
    BY_CORRUPTION,
    MEAN,
    Answers,
    cohort_curves,
    corruption_errors,
    curves,
    median_flip_distance,
    read_answers,
)
from tests.conftest import audited_of

CLASSES = ("bkl", "mel", "nv")
TRUE = ("bkl", "bkl", "mel", "mel", "nv", "nv", "nv", "nv")
CLEAN = ("bkl", "nv", "mel", "mel", "nv", "nv", "nv", "mel")
SAID = {
    ("fgsm", 1 / 255): ("bkl", "nv", "mel", "nv", "nv", "nv", "nv", "mel"),
    ("fgsm", 2 / 255): ("nv", "nv", "nv", "nv", "nv", "nv", "nv", "nv"),
    ("noise", 1 / 255): ("bkl", "bkl", "mel", "mel", "nv", "nv", "nv", "mel"),
}
IDS = tuple(f"I{i}" for i in range(8))


def predictions_table(called: tuple[str, ...] = CLEAN) -> pd.DataFrame:
    said = np.array([[0.8 if name == one else 0.1 for name in CLASSES] for one in called])
    table = pd.DataFrame({"image_id": IDS, "lesion_id": [f"L{i // 2}" for i in range(8)], "dx": TRUE})
    return table.assign(**{f"p_{name}": said[:, i] for i, name in enumerate(CLASSES)})


def evidence_table(said: dict[tuple[str, float], tuple[str, ...]], by: tuple[str, str]) -> pd.DataFrame:
    rows = [(i, *at, one) for at, answers in said.items() for i, one in zip(IDS, answers, strict=True)]
    return pd.DataFrame(rows, columns=["image_id", *by, "predicted"])


@pytest.fixture
def attacked() -> Answers:
    table = evidence_table({("fgsm", 0.0): CLEAN, **SAID}, BY_ATTACK).sample(frac=1, random_state=0)
    return read_answers(table, audited_of(predictions_table(), CLASSES), BY_ATTACK)


def corrupted(said: dict[tuple[str, int], tuple[str, ...]], clean: tuple[str, ...] = CLEAN) -> Answers:
    return read_answers(
        evidence_table(said, BY_CORRUPTION), audited_of(predictions_table(clean), CLASSES), BY_CORRUPTION
    )


def row(table: pd.DataFrame, **where: object) -> pd.Series:
    for column, value in where.items():
        table = table[np.isclose(table[column], value) if isinstance(value, float) else table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_values_counted_by_hand(attacked: Answers) -> None:
    found = curves(attacked, draws=50, fewest=1)
    counted = {  # accuracy, balanced accuracy, sensitivity of bkl, mel, nv
        ("fgsm", 0.0): (6 / 8, (1 / 2 + 1 + 3 / 4) / 3, 1 / 2, 1.0, 3 / 4),
        ("noise", 0.0): (6 / 8, (1 / 2 + 1 + 3 / 4) / 3, 1 / 2, 1.0, 3 / 4),
        ("fgsm", 1 / 255): (5 / 8, (1 / 2 + 1 / 2 + 3 / 4) / 3, 1 / 2, 1 / 2, 3 / 4),
        ("fgsm", 2 / 255): (4 / 8, 1 / 3, 0.0, 0.0, 1.0),
        ("noise", 1 / 255): (7 / 8, (1 + 1 + 3 / 4) / 3, 1.0, 1.0, 3 / 4),
    }
    assert len(found) == 5 * len(counted)
    for (method, epsilon), values in counted.items():
        names = (("accuracy", ""), ("balanced_accuracy", ""), *(("sensitivity", name) for name in CLASSES))
        for (metric, name), value, clean in zip(names, values, counted["fgsm", 0.0], strict=True):
            here = row(found, method=method, epsilon=epsilon, metric=metric, **{"class": name})
            assert here["value"] == pytest.approx(value)
            assert here["drop"] == pytest.approx(clean - value)
    melanoma = row(found, method="fgsm", epsilon=0.0, metric="sensitivity", **{"class": "mel"})
    assert (melanoma["n_images"], melanoma["n_clusters"]) == (2, 1)
    at_0 = found[(found["epsilon"] == 0) & (found["class"] == "")]
    assert len(at_0) == 4
    assert (at_0[["drop", "drop_low", "drop_high"]] == 0).all(axis=None)


def test_intervals_are_those_of_the_images_drawn_and_counted_again(attacked: Answers) -> None:
    found = curves(attacked, draws=60, fewest=1)
    weights = cluster_weights(attacked.cluster_ids.tolist(), 60).astype(int)
    accuracies, drops, balanced = [], [], []
    for times in weights:
        rows = np.repeat(np.arange(8), times)
        true, clean, said = (np.array(column)[rows] for column in (TRUE, CLEAN, SAID["fgsm", 1 / 255]))
        accuracies.append((said == true).mean())
        drops.append((clean == true).mean() - (said == true).mean())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that classes are called and absent
            balanced.append(balanced_accuracy_score(true, said))
    here = row(found, method="fgsm", epsilon=1 / 255, metric="accuracy")
    assert (here["low"], here["high"]) == pytest.approx(tuple(np.percentile(accuracies, [2.5, 97.5])))
    assert (here["drop_low"], here["drop_high"]) == pytest.approx(tuple(np.percentile(drops, [2.5, 97.5])))
    here = row(found, method="fgsm", epsilon=1 / 255, metric="balanced_accuracy")
    assert (here["low"], here["high"]) == pytest.approx(tuple(np.percentile(balanced, [2.5, 97.5])))


def test_a_drop_is_paired() -> None:
    """One and the same image lost: the drop is sure to within that lesion, the accuracies are not."""
    said = tuple("nv" if i == 2 else one for i, one in enumerate(TRUE))
    table = evidence_table({("fgsm", 0.01): said}, BY_ATTACK)
    found = curves(read_answers(table, audited_of(predictions_table(TRUE), CLASSES), BY_ATTACK), draws=500, fewest=1)
    here = row(found, epsilon=0.01, metric="accuracy")
    assert here["drop_low"] == 0  # in a third of the draws its lesion is absent
    assert here["drop"] == pytest.approx(1 / 8)
    assert here["drop_high"] == pytest.approx(1 - here["low"])  # all that is wrong is what was lost


def test_nothing_lost_is_no_certainty_but_a_figure_is_itself() -> None:
    """All right, clean and attacked: as many lesions right by chance, and as many alike."""
    table = evidence_table({("fgsm", 0.01): TRUE}, BY_ATTACK)
    answers = read_answers(table, audited_of(predictions_table(TRUE), CLASSES), BY_ATTACK)
    found = curves(answers, draws=60, fewest=1)
    least = 0.025 ** (1 / len(set(answers.cluster_ids)))
    for epsilon, loss in ((0.0, 0.0), (0.01, 1 - least)):
        here = row(found, epsilon=epsilon, metric="accuracy")
        assert here[["value", "low", "high"]].tolist() == pytest.approx([1, least, 1])
        assert here[["drop", "drop_low", "drop_high"]].tolist() == pytest.approx([0, -loss, loss])
    balanced = row(found, epsilon=0.01, metric="balanced_accuracy")
    assert balanced["low"] < least, "of a few lesions of each class less is known"
    errors = corruption_errors(
        replace(answers, conditions=answers.conditions.set_axis(["corruption", "severity"], axis=1))
    )
    assert errors.set_index("metric").loc["error", "high"].tolist() == pytest.approx([1 - balanced["low"]] * 2)


def test_too_few_lesions_get_no_figure_but_keep_their_n(attacked: Answers) -> None:
    found = curves(attacked, draws=20, fewest=2)  # nv: four images of two lesions; the others two of one
    small = found[(found["metric"] == "sensitivity") & (found["class"] != "nv")]
    assert small[["value", "low", "high", "drop", "drop_low", "drop_high"]].isna().all(axis=None)
    assert (small["n_images"] == 2).all()
    assert found.loc[found["class"] == "nv", "value"].notna().all()


def test_cohorts_are_counted_apart_and_the_unknown_left_out(attacked: Answers) -> None:
    found = cohort_curves(attacked, ["f", "f", "f", "m", "", "f", "f", "m"], draws=20, fewest=1)
    assert list(found["cohort"].unique()) == ["f", "m"]
    here = row(found, cohort="f", method="fgsm", epsilon=2 / 255, metric="accuracy")
    assert (here["value"], here["n_images"], here["n_cohort"]) == (2 / 5, 5, 5)
    here = row(found, cohort="m", method="fgsm", epsilon=0.0, metric="accuracy")
    assert here["value"] == 1 / 2
    absent = row(found, cohort="m", method="fgsm", epsilon=0.0, metric="sensitivity", **{"class": "bkl"})
    assert math.isnan(absent["value"])
    assert absent["n_images"] == 0
    assert row(found, cohort="m", method="noise", epsilon=0.0, metric="balanced_accuracy")["value"] == 1 / 2


def test_cohorts_that_say_nothing_are_refused(attacked: Answers) -> None:
    with pytest.raises(EvidenceError, match="expected images of at least one cohort"):
        cohort_curves(attacked, [""] * 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, p: (t.drop(columns="predicted"), p), "found predicted missing"),
        (lambda t, p: (t, p.drop(columns="p_mel")), "found p_mel missing"),
        (lambda t, p: (t.iloc[1:], p), "evidence on all 8 images with predictions, found 1 without"),
        (lambda t, p: (pd.concat([t, t.iloc[:1]]), p), "found the same image twice"),
        (lambda t, p: (t, p.assign(dx=["scc", *TRUE[1:]])), "found the unknown diagnoses scc"),
        (lambda t, p: (t.iloc[:0], p), "found 8 without"),
        (lambda t, p: (t, p.iloc[:0]), "on all 0 images"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change, message: str) -> None:
    table, predictions = change(evidence_table(SAID, BY_ATTACK), predictions_table())
    with pytest.raises(EvidenceError, match=message):
        read_answers(table, audited_of(predictions, CLASSES), BY_ATTACK)


def test_a_cohort_of_the_predictions_gives_the_answers_on_it() -> None:
    chosen = predictions_table().iloc[[5, 2, 3]]
    found = read_answers(evidence_table(SAID, BY_ATTACK), audited_of(chosen, CLASSES), BY_ATTACK)
    assert list(found.image_ids) == ["I5", "I2", "I3"]
    at = list(found.conditions.itertuples(index=False, name=None)).index(("fgsm", 1 / 255))
    assert found.right[:, at].tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("epsilons", "median"),
    [
        ([0.1, 0.2, 0.3], 0.2),
        ([0.4, 0.1, 0.2, 0.3], 0.25),
        ([0.0, 0.0, 0.0, 0.1, 0.3], 0.2),  # wrong already: left out
        ([0.1, np.inf, np.inf], np.inf),
        ([0.1, 0.2, np.inf], 0.2),
        ([0.1, np.inf], np.inf),
    ],
)
def test_the_median_flip_distance_by_hand(epsilons: list[float], median: float) -> None:
    found = median_flip_distance(np.array(epsilons), [f"L{i}" for i in range(len(epsilons))], draws=200)
    assert found.value == pytest.approx(median)
    assert found.low <= found.value <= found.high


def test_the_interval_of_the_median_is_that_of_the_images_drawn() -> None:
    rng = np.random.default_rng(0)
    epsilons = rng.exponential(0.004, 60)
    lesions = [f"L{i // 3}" for i in range(60)]
    found = median_flip_distance(epsilons, lesions, draws=400)
    drawn = [np.median(np.repeat(epsilons, times)) for times in cluster_weights(lesions, 400).astype(int)]
    assert found.value == pytest.approx(np.median(epsilons))
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))


def test_the_median_of_nothing_is_nothing() -> None:
    found = median_flip_distance(np.zeros(3), ["a", "b", "c"], draws=10)
    assert all(math.isnan(figure) for figure in (found.value, found.low, found.high))
    sure = median_flip_distance(np.full(3, np.inf), ["a", "b", "c"], draws=10)
    assert sure == Estimate(np.inf, np.inf, np.inf)


NEVUS = ("nv",) * 8
HALF = ("bkl", "nv", "mel", "nv", "nv", "nv", "nv", "nv")


def test_the_corruption_errors_by_hand() -> None:
    """Balanced errors: clean 1/4; all called nevus 2/3; half of bkl and mel lost 1/3; everything right 0."""
    answers = corrupted({("hair", 1): TRUE, ("hair", 2): NEVUS, ("jpeg", 1): HALF, ("jpeg", 2): HALF})
    other = corrupted({("hair", 1): HALF, ("hair", 2): NEVUS, ("jpeg", 1): NEVUS, ("jpeg", 2): NEVUS}, TRUE)
    found = corruption_errors(answers, other, draws=50)
    expected = {
        ("hair", "error"): (0 + 2 / 3) / 2,
        ("hair", "extra_error"): (0 + 2 / 3) / 2 - 1 / 4,
        ("hair", "ce"): (0 + 2 / 3) / (1 / 3 + 2 / 3),
        ("hair", "relative_ce"): (2 / 3 - 2 / 4) / (1 / 3 + 2 / 3),
        ("jpeg", "error"): 1 / 3,
        ("jpeg", "extra_error"): 1 / 3 - 1 / 4,
        ("jpeg", "ce"): 1 / 2,
        ("jpeg", "relative_ce"): (1 / 3 - 1 / 4) / (2 / 3),
        (MEAN, "error"): 1 / 3,
        (MEAN, "extra_error"): 1 / 3 - 1 / 4,
        (MEAN, "ce"): (2 / 3 + 1 / 2) / 2,
        (MEAN, "relative_ce"): (1 / 6 + 1 / 8) / 2,
    }
    for (corruption, metric), value in expected.items():
        here = row(found, corruption=corruption, metric=metric)
        assert here["value"] == pytest.approx(value), (corruption, metric)
    assert len(found) == len(expected)
    errors = found[found["metric"] == "error"]
    assert (errors["low"] <= errors["high"]).all()


def test_a_model_is_as_good_as_itself() -> None:
    answers = corrupted({("hair", 1): HALF, ("jpeg", 1): NEVUS}, TRUE)
    found = corruption_errors(answers, answers, draws=50).set_index(["corruption", "metric"])["value"]
    for corruption in ("hair", "jpeg", MEAN):
        assert found[corruption, "ce"] == found[corruption, "relative_ce"] == 1


def test_noise_as_small_as_an_attack_does_not_enter_the_mean() -> None:
    answers = corrupted({("hair", 1): HALF, ("faint_noise", 1): TRUE, ("uniform_noise", 1): TRUE})
    found = corruption_errors(answers, draws=20).set_index(["corruption", "metric"])["value"]
    assert found[MEAN, "error"] == found["hair", "error"]
    assert found["faint_noise", "error"] == 0
    assert (MEAN, "ce") not in found


def test_against_a_reference_that_lost_nothing_there_is_no_ratio() -> None:
    answers, other = corrupted({("hair", 1): HALF}), corrupted({("hair", 1): TRUE}, TRUE)
    found = corruption_errors(answers, other, draws=20)
    assert found.loc[found["metric"].isin(["ce", "relative_ce"]), "value"].isna().all()


def test_a_reference_on_other_corruptions_is_refused() -> None:
    with pytest.raises(EvidenceError, match="expected the reference on the same 8 images, classes and corruptions"):
        corruption_errors(corrupted({("hair", 1): HALF}), corrupted({("hair", 2): HALF}))
