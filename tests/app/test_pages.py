"""The pages as Streamlit runs them, without a browser."""

from __future__ import annotations

import json
import warnings
from functools import partial
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from dermaviz.api import import_model
from dermaviz.app.pages import PAGES
from dermaviz.cli import app as commands
from dermaviz.data.photographs import sample_photos
from tests.app import opened
from tests.app.opened import open_page as run

ROOT = Path(__file__).parents[2]
SECONDS = 120
text = partial(opened.text, kinds=("title", "header", "markdown", "caption"))


def test_home_asks_links_and_names_the_model() -> None:
    app = run("app.py")
    assert not app.error
    assert "ham10000-efficientnet-lite0" in text(app)
    titles = [entry.title for entry in PAGES]
    labels = [link.proto.label for link in app.get("page_link")]
    assert set(titles) < set(labels)
    assert {"Attack it", "Other skin", "Similar cases"} < set(labels)
    assert labels.count("Show the evidence") >= 4


def test_home_shows_the_figures_of_the_card() -> None:
    card = json.loads((ROOT / "checkpoints/ham10000-efficientnet-lite0/card.json").read_text(encoding="utf-8"))
    app = run("app.py")
    figures = card["metrics"].get("test")
    if figures is None:
        assert "no test figures" in app.info[0].value
    else:
        assert app.metric[0].value == f"{figures['balanced_accuracy']['value']:.3f}"


@pytest.mark.parametrize("page", [entry.file for entry in PAGES])
def test_every_page_says_that_it_is_no_medical_device(page: str) -> None:
    app = run(page)
    assert text(app).count("Educational tool, not a medical device.") >= 1


def test_classify_opens_with_a_sample_its_diagnosis_and_its_map() -> None:
    app = run("pages/1_Classify.py")
    said = text(app)
    assert "The model says **" in said
    assert "Malignant classes together" in said
    assert "true diagnosis: **melanoma** · ISIC archive, UDA-1 by Anonymous, CC0 1.0" in said
    assert "ham10000-efficientnet-lite0 · Grad-CAM++ · " in said
    assert "layer bn2" in said


def test_a_model_of_german_classes_without_maps_has_one_name_for_a_class_and_no_map_to_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TorchScript gives no map: its place says so, and no file is offered. The truth is named by the class that means it."""
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 2)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces that TorchScript will be no longer developed
        torch.jit.trace(module, torch.zeros(1, 3, 64, 64)).save(tmp_path / "net.pt")
    known = {"classes": ["Nävus", "Melanom"], "input_size": 64, "mean": [0.5] * 3, "std": [0.5] * 3}
    imported = import_model(tmp_path / "net.pt", name="klinik", folder=tmp_path / "klinik", **known)
    assert str(imported).endswith("Compare it with the code that trained the model.")
    assert "`dermaviz app` shows it: choose klinik in the bar." in str(imported)
    assert "localhost" not in str(imported), "which port is free is not known before the app starts"
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    photo = next(one.path for one in sample_photos())
    app = run("pages/1_Classify.py", checkpoint="klinik")
    assert not app.error
    said = text(app)
    assert "true diagnosis: **Melanom**" in said
    assert "This model gives no attention maps" in " ".join(info.value for info in app.info)
    assert [button.proto.label for button in app.get("download_button") if "PNG" in button.proto.label] == []
    assert not [button for button in app.get("download_button") if "map" in button.proto.label]
    assert "melanocytic nevus" not in said
    explained = CliRunner().invoke(commands, ["explain", str(photo), "-o", str(tmp_path / "maps"), "-c", "klinik"])
    assert "; no map: TorchScript files have no layers to look into" in explained.output
    assert not list((tmp_path / "maps").iterdir())


def test_a_link_restores_class_and_method() -> None:
    app = run("pages/1_Classify.py", **{"class": "melanoma (mel)", "method": "LayerCAM", "opacity": "30"})
    assert "· LayerCAM · melanoma (" in text(app)
    assert app.slider(key="opacity").value == 30


def test_a_link_with_nonsense_falls_back() -> None:
    app = run("pages/1_Classify.py", **{"class": "unicorn", "method": "../../x", "opacity": "wide"})
    assert "· Grad-CAM++ · " in text(app)
    assert not app.error


def test_choosing_another_sample_asks_again() -> None:
    app = run("pages/1_Classify.py")
    app.button(key="step 1").click().run()
    assert "ISIC_0000231 · true diagnosis: **melanocytic nevus**" in text(app)
    assert app.query_params["image"] == "ISIC_0000231"
    app.switch_page("pages/3_Robustness.py").run()
    assert "ISIC_0000231" in text(app)


def test_a_slow_method_waits_for_a_word() -> None:
    app = run("pages/1_Classify.py", method="Score-CAM (slow)")
    assert "runs the model once for each of the" in app.info[0].value
    assert "Compute Score-CAM" in [button.label for button in app.button]


def test_without_checkpoints_a_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    app = run("pages/1_Classify.py")
    assert len(app.error) == 1
    assert "set DERMAVIZ_CHECKPOINTS" in app.error[0].value


def test_a_damaged_checkpoint_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    card = (ROOT / "checkpoints/ham10000-efficientnet-lite0/card.json").read_text(encoding="utf-8")
    (folder / "card.json").write_text(card, encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"not these weights")
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    app = run("pages/1_Classify.py")
    assert "expected sha256" in app.error[0].value
