"""The public surface: its names, its examples as written in the docstrings, its documents, and what importing it loads."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dermaviz as dv
from dermaviz.models.specs import create
from dermaviz.synthetic import Parameters, draw
from dermaviz.synthetic.datasets import write_dataset

ROOT = Path(__file__).parents[1]


class Fetches(HTMLParser):
    """What a page's elements would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {value}" for name, value in attrs if name in ("src", "href", "srcset", "action")]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``mole.png`` and the data set ``lesions/`` of fourteen drawn lesions."""
    folder = tmp_path_factory.mktemp("drawn")
    Image.fromarray(draw(Parameters(dx="mel", seed=3)).image).save(folder / "mole.png")
    write_dataset(folder / "lesions", 14, seed=0)
    return folder


@pytest.fixture
def lesions(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the photo and the data set."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)


LIGHT = """
import os, sys

def without(*names):
    loaded = [name for name in names if any(module.split(".")[0] == name for module in sys.modules)]
    assert not loaded, loaded

import dermaviz; dir(dermaviz); without("torch", "streamlit", "pandas")
from dermaviz.evidence.tables import TABLES; assert TABLES; without("torch", "pandas")
from dermaviz import plots; without("torch", "streamlit", "plotly")
[getattr(plots, name) for name in plots.CHARTS]; without("torch", "streamlit")
import dermaviz.evidence.findings, dermaviz.metrics.summary; without("torch", "streamlit")
from dermaviz.robustness.attacks import ATTACKS; from dermaviz.robustness.corruptions import CORRUPTIONS
from dermaviz.attention.methods import METHODS; assert ATTACKS and CORRUPTIONS and METHODS; without("torch")
import dermaviz.app.reports.page; without("torch", "studies")
import dermaviz.app.confusion.metrics, dermaviz.app.confusion.page, dermaviz.app.widgets.cases; without("torch")
import dermaviz.app.skin_tone.page; without("torch")
import dermaviz.app.robustness.page, dermaviz.app.robustness.question; without("torch")
import dermaviz.app.checkpoints; without("torch")
assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE", "threads that wait for each other sleep"
"""


def test_what_only_lists_or_shows_evidence_loads_neither_torch_nor_more_than_it_needs() -> None:
    bare = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=ROOT, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_name_is_there_and_documented() -> None:
    for name in dv.__all__:
        assert getattr(dv, name).__doc__, name
    assert set(dv.__all__) <= set(dir(dv))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dv.nothing


@pytest.mark.parametrize("name", [name for name in dv.__all__ if name not in ("plots", "DermaVizError")])
def test_the_example_in_its_docstring_runs(name: str, lesions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function = getattr(dv, name)
    if name == "import_model":
        monkeypatch.setenv("DERMAVIZ_CHECKPOINTS", str(lesions / "checkpoints"))
        torch.manual_seed(0)
        torch.save(torch.nn.DataParallel(create("resnet18", 2)).state_dict(), "resnet.pth")
    examples = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert any(test.examples for test in examples), f"{name} has no example"
    for test in examples:
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        assert runner.run(test).failed == 0


def test_one_image_from_left_to_right(lesions: Path) -> None:
    model = dv.load("ham10000-efficientnet-lite0")
    image = dv.read_image("mole.png")
    answer = model.predict(image)
    assert np.isclose(answer.probabilities.sum(), 1)
    assert answer.out_of_distribution in (True, False)
    assert str(answer).startswith("ham10000-efficientnet-lite0: ")
    attention = dv.explain(model, image, of="nv")
    assert attention.class_index == model.classes.index("nv")
    still = dv.attack(model, image, epsilon=0)
    assert still.after.index == answer.index
    np.testing.assert_allclose(still.after.probabilities, answer.probabilities, atol=1e-6)
    moved = dv.attack(model, image, method="pgd", epsilon=4 / 255, towards="mel")
    assert moved.after.probabilities[model.classes.index("mel")] >= answer.probabilities[model.classes.index("mel")]
    assert np.abs(moved.pixels - answer.prepared / 255).max() <= 4 / 255 + 1e-6
    assert np.abs(moved.file.astype(int) - answer.prepared).max() <= 4


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda model, image: dv.explain(model, image, of="melanoma"),
            "expected a class among akiec.*found 'melanoma'",
        ),
        (lambda model, image: dv.explain(model, image, method="magic"), "expected .*gradcam"),
        (lambda model, image: dv.attack(model, image, method="magic"), "expected an attack among fgsm"),
        (lambda model, image: dv.attack(model, image, epsilon=2), "expected ε from 0 to 1"),
        (lambda model, image: dv.load("no-such-model"), "ham10000-efficientnet-lite0"),
        (lambda model, image: dv.read_dataset("nowhere"), "found nothing there"),
    ],
)
def test_mistakes_are_named(call: object, says: str, lesions: Path) -> None:
    model, image = dv.load(), dv.read_image("mole.png")
    with pytest.raises(dv.DermaVizError, match=says):
        call(model, image)  # type: ignore[operator]


def test_the_report_is_one_file_that_needs_no_network(lesions: Path) -> None:
    model = dv.load()
    audited = dv.audit(model, dv.read_dataset("lesions"))
    page = dv.report(audited, "audit.html").read_text(encoding="utf-8")
    assert len(page) < 5e6
    reader = Fetches()
    reader.feed(page)
    assert reader.found == [], "nothing is fetched"
    right = int((audited.probabilities.argmax(1) == audited.labels).sum())
    assert f"{right} are classified correctly" in page
    assert "not a medical device" in page
    value = audited.summary().set_index(["metric", "class"]).loc[("accuracy", ""), "value"]
    assert np.isclose(value, right / len(audited))
    assert f"{value:.3f}" in page


def test_a_data_set_with_some_of_the_classes_is_audited(lesions: Path) -> None:
    for name in ("nv", "mel"):
        (lesions / "own" / name).mkdir(parents=True)
        for seed in range(2):
            picture = draw(Parameters(dx=name, seed=seed)).image
            Image.fromarray(picture).save(lesions / "own" / name / f"{name}{seed}.png")
    model = dv.load()
    audited = dv.audit(model, dv.read_dataset("own"))
    assert audited.classes == model.classes
    assert sorted(audited.table["dx"]) == ["mel", "mel", "nv", "nv"]
    assert [model.classes[i] for i in audited.labels] == audited.table["dx"].tolist()
    (lesions / "own" / "nv").rename(lesions / "own" / "mole")
    with pytest.raises(dv.DermaVizError, match=r"found mole \(2 images\)\. Say what they stand for"):
        dv.audit(model, dv.read_dataset("own"))
    named = dv.audit(model, dv.read_dataset("own"), labels={"mole": "nv"})
    np.testing.assert_array_equal(named.probabilities, audited.probabilities)
    assert named.said[-1] == "Labels taken as classes: mole as nv."
    assert "Labels are the names of the sub-folders." in named.said


def test_names_from_outside_are_escaped_in_the_report(lesions: Path) -> None:
    from dataclasses import replace

    audited = dv.audit(dv.load(), dv.read_dataset("lesions"))
    card = replace(audited.checkpoint.card, intended_use="<script>alert(1)</script>")
    page = dv.report(replace(audited, checkpoint=replace(audited.checkpoint, card=card)), "x.html").read_text("utf-8")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_reference_tells_exactly_the_public_names() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_api import api_markdown  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    written = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == api_markdown(), "run: python docs/make_api.py"
    assert re.findall(r"^## `(\w+)", written, re.M) == sorted(dv.__all__, key=str.lower)


@pytest.mark.parametrize("document", ["README.md", "docs/external-validation.md"])
def test_figures_in_documents_are_those_of_the_evidence(document: str) -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_figures import written  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    text = (ROOT / document).read_text(encoding="utf-8")
    assert "<!-- figures: " in text
    assert written(text) == text, "run: python docs/make_figures.py"


def test_the_tour_runs_from_its_first_cell_to_its_last(lesions: Path) -> None:
    notebook = json.loads((ROOT / "docs" / "tour.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert (lesions / "audit.html").is_file()


def test_contributing_names_files_and_registries_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:dermaviz|tests|docs|studies|benchmarks|recipes|pages)/[\w/.]*)`", text)
    assert len(named) > 15
    missing = [path for path in named if not (ROOT / path).exists() and "NAME" not in path and "N_Name" not in path]
    assert missing == []
    for registry, path in re.findall(r"`(_?[A-Z][A-Z_]+|__all__|register)` in `([\w/.]+\.py)`", text):
        if "NAME" not in path:
            assert re.search(rf"^{registry}\b", (ROOT / path).read_text(encoding="utf-8"), re.M), (registry, path)
