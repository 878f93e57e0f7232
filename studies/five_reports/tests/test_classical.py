"""Classical learners: what they learn from drawn pictures, what is kept of them, and what they refuse."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from dermaviz.errors import CheckpointError, DatasetError, DependencyError, RecipeError
from studies.five_reports.classical import LEARNER, fit_learner, load_learner
from studies.five_reports.features import image_features
from studies.five_reports.learners import KINDS, TRUSTED_TYPES

COUNTS = (18, 8, 6)
LESIONS = ((150, 100, 80), (90, 60, 60), (150, 100, 80))
"""Colours of three classes: the second is darker, the third has the first one's colour and is striped."""


def need(*packages: str) -> None:
    for package in packages:
        pytest.importorskip(package, reason="pip install 'dermaviz[reports]'")


@pytest.fixture(params=sorted(KINDS))
def name(request: pytest.FixtureRequest) -> str:
    """Each learner whose package for fitting is installed."""
    if request.param == "xgboost":
        need("xgboost")
    return request.param


def draw(seed: int, counts: tuple[int, ...] = COUNTS) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of drawn pictures: noisy skin with a lesion in its middle; the first class is the commonest."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    pictures = rng.normal((210, 170, 150), 8, (len(labels), 24, 32, 3))
    for picture, label in zip(pictures, labels, strict=True):
        picture[6:18, 8:24] += np.array(LESIONS[label]) - (210, 170, 150)
        if label == 2:
            picture[6:18:2, 8:24] -= 50
    return image_features(pictures.clip(0, 255).astype(np.uint8)), labels


def one_column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


@pytest.fixture
def saved(name: str, tmp_path: Path) -> Path:
    """The folder of a learner of each kind that was shown four numbers."""
    need("xgboost" if name == "xgboost" else "skops")
    fit_learner(name, one_column(0, 1, 2, 3), np.array([0, 0, 1, 1]), 2, 0, {}).save(tmp_path / name)
    return tmp_path / name


def test_each_beats_always_answering_the_commonest_class(name):
    learner = fit_learner(name, *draw(0), 3, 0, {})
    features, labels = draw(1)
    found = learner.probabilities(features)
    assert (found.shape, found.dtype) == ((sum(COUNTS), 3), np.float64)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)
    assert found.min() >= 0
    right = found.argmax(1) == labels
    assert right.mean() > max(COUNTS) / sum(COUNTS)
    assert min(right[labels == c].mean() for c in range(3)) >= 0.75


def test_what_is_read_back_answers_the_same(name, tmp_path):
    need("xgboost" if name == "xgboost" else "skops")
    learner = fit_learner(name, *draw(0), 3, 7, {"class_weight_power": 0.5})
    learner.save(tmp_path / "kept")
    again = load_learner(tmp_path / "kept")
    features, _ = draw(1)
    np.testing.assert_array_equal(again.probabilities(features), learner.probabilities(features))
    assert (again.name, again.settings, again.seed, again.n_features) == (name, learner.settings, 7, features.shape[1])


def test_a_forest_is_decided_by_its_seed():
    (features, labels), (others, _) = draw(0), draw(1)
    first, again, other = (
        fit_learner("forest", features, labels, 3, seed, {"trees": 9}).probabilities(others) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(("penalty", "value"), [(1.0, 1 - np.exp(-4)), (10.0, 1.0)])
def test_a_machine_of_two_points_is_the_one_found_by_hand(penalty, value):
    # Points −1 and 1, kernel exp(−(x − y)²): without a bound both weigh 1 / (1 − e⁻⁴) and lie at ∓1; C = 1 bounds the weight
    learner = fit_learner("svm", one_column(-1, 1), np.array([0, 1]), 2, 0, {"penalty": penalty})
    found = learner.probabilities(one_column(-1, 0, 1))[:, 1]
    np.testing.assert_allclose(found, [1 / (1 + np.exp(2 * value)), 0.5, 1 / (1 + np.exp(-2 * value))], atol=1e-3)


def test_an_unsplit_forest_answers_with_the_shares_of_its_classes():
    settings = {"trees": 400, "smallest_leaf": 20}
    learner = fit_learner("forest", one_column(*range(20)), np.repeat([0, 1], [15, 5]), 2, 0, settings)
    np.testing.assert_allclose(learner.probabilities(one_column(0, 19)), [[0.75, 0.25]] * 2, atol=0.02)


def test_class_weights_make_a_rare_class_likelier(name):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [90, 10])
    features = one_column(*(rng.normal(size=100) + labels))
    rare = [
        fit_learner(name, features, labels, 2, 0, {"class_weight_power": power}).probabilities(features)[:90, 1].mean()
        for power in (0, 1)
    ]
    assert rare[1] > rare[0]


def test_a_class_that_was_never_shown_is_not_answered(name):
    learner = fit_learner(name, one_column(0, 1, 2, 3), np.array([1, 1, 3, 3]), 5, 0, {})
    found = learner.probabilities(one_column(0, 3))
    assert found.shape == (2, 5)
    assert set(found.argmax(1)) <= {1, 3}
    if name != "xgboost":
        np.testing.assert_array_equal(found[:, [0, 2, 4]], 0)


@pytest.mark.parametrize(
    ("learner", "settings", "message"),
    [
        ("tree", {}, "one of forest, svm, xgboost, found 'tree'"),
        ("forest", {"tree": 5}, r"tree: no such key; did you mean trees\?"),
        ("forest", {"trees": 0}, "settings.trees: expected more than 0, found 0"),
        ("svm", {"penalty": "much"}, "penalty: expected a number, found 'much'"),
        ("xgboost", {"class_weight_power": -1}, "class_weight_power: expected 0 or more, found -1.0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(learner, settings, message):
    with pytest.raises(RecipeError, match=message):
        fit_learner(learner, one_column(0, 1), np.array([0, 1]), 2, 0, settings)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.zeros(2), [0, 1], r"features \[N, D\], found \[2\]"),
        (one_column(0, np.nan), [0, 1], "finite features, found NaN"),
        (one_column(0, 1), [0, 1, 1], r"each of 2 images, found int64 \[3\]"),
        (one_column(0, 1), [0.0, 1.0], "found float64"),
        (one_column(0, 1), [1, 1], r"at least two classes, numbered from 0 to 1, found \[1\]"),
        (one_column(0, 1), [0, 2], r"found \[0, 2\]"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(features, labels, message):
    with pytest.raises(DatasetError, match=message):
        fit_learner("svm", features, np.array(labels), 2, 0, {})


def test_features_of_another_kind_are_refused():
    learner = fit_learner("svm", one_column(0, 1), np.array([0, 1]), 2, 0, {})
    with pytest.raises(DatasetError, match=r"\[N, 1\], found \[4, 2\].*image_features"):
        learner.probabilities(np.zeros((4, 2)))


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_with(path: Path, content: bytes) -> None:
    """Other content under a hash that fits it."""
    path.write_bytes(content)
    facts = json.loads((path.parent / LEARNER).read_text(encoding="utf-8"))
    facts["sha256"] = hashlib.sha256(content).hexdigest()
    (path.parent / LEARNER).write_text(json.dumps(facts), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: damage(file), r"expected sha256 \w+…, found \w+…\. The learner was changed or damaged"),
        (lambda file: file.unlink(), "absent or damaged .FileNotFoundError.*Copy the whole folder"),
        (lambda file: (file.parent / LEARNER).write_text("{}"), "absent or damaged .KeyError"),
        (lambda file: (file.parent / LEARNER).write_text("{"), "absent or damaged .JSONDecodeError"),
        (lambda file: replace_with(file, b"not what a library writes"), "expected (a learner|boosted trees).*Fit"),
    ],
    ids=["changed", "absent", "no facts", "no JSON", "foreign"],
)
def test_what_is_damaged_is_not_read(saved, name, change, message):
    change(saved / KINDS[name].file)
    with pytest.raises(CheckpointError, match=message):
        load_learner(saved)


def test_foreign_code_is_not_read(tmp_path):
    need("skops")
    from skops import io

    fit_learner("svm", one_column(0, 1), np.array([0, 1]), 2, 0, {}).save(tmp_path)
    replace_with(tmp_path / "svm.skops", io.dumps(make_pipeline(FunctionTransformer(os.getcwd))))
    with pytest.raises(CheckpointError, match=r"UntrustedTypesFoundException.*getcwd"):
        load_learner(tmp_path)


@pytest.mark.parametrize(("learner", "types"), [("forest", TRUSTED_TYPES), ("svm", ())])
def test_no_more_types_are_trusted_than_a_learner_has(learner, types, tmp_path):
    need("skops")
    from skops import io

    fit_learner(learner, *draw(0), 3, 0, {}).save(tmp_path)
    assert tuple(io.get_untrusted_types(file=tmp_path / KINDS[learner].file)) == types


@pytest.mark.parametrize(("learner", "package"), [("forest", "skops"), ("svm", "skops"), ("xgboost", "xgboost")])
def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path, learner, package):
    for module in (package, f"{package}.io"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DependencyError, match=rf"package {package} .*pip install 'dermaviz\[reports\]'"):
        fit_learner(learner, one_column(0, 1), np.array([0, 1]), 2, 0, {}).save(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
