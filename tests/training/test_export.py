"""Export: a finished run becomes a checkpoint that loads, knows where it comes from, and is calibrated on validation."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dermaviz.data.readers import read_ham10000, read_splits
from dermaviz.data.split import SPLITS, read_manifest, split_by_image, write_manifest
from dermaviz.errors import CheckpointError, DatasetError
from dermaviz.evidence.evaluate import evaluate_checkpoint, predict_dataset
from dermaviz.evidence.images import split_of_checkpoint
from dermaviz.evidence.predictions import Predictions
from dermaviz.metrics.classification import negative_log_likelihood
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.zoo import build, load_weights
from dermaviz.training.export import compare_storage, export_checkpoint, load_training_data
from dermaviz.training.loop import BEST, Trainer
from dermaviz.training.progress import append_metrics, read_metrics
from dermaviz.training.recipe import DataRecipe, Recipe, Stage

CONTRACT = (
    "name, architecture, classes, input_size, mean, std, attention_layer, temperature, split_sha256, weights_sha256, "
    "recipe, metrics, data, licence, intended_use, not_for"
)


@pytest.fixture(scope="module")
def recipe(tiny_recipe: Callable[..., Recipe], drawn_dataset: Path) -> Recipe:
    data = DataRecipe(manifest=str(drawn_dataset / "split.csv"), pack=(36, 40))
    return tiny_recipe(data=data, stages=(Stage(24, 1), Stage(32, 2)), ema=0.5)


@pytest.fixture(scope="module")
def run(recipe: Recipe, drawn_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on drawn lesions."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERMAVIZ_CACHE", str(folder / "cache"))
        Trainer(recipe, load_training_data(recipe, drawn_dataset), folder / "run").fit()
    return folder / "run"


@pytest.fixture(scope="module")
def checkpoint(recipe: Recipe, run: Path, drawn_dataset: Path) -> Path:
    """The run's checkpoint."""
    export_checkpoint(recipe, run, run.parent / "checkpoint", drawn_dataset, draws=50)
    return run.parent / "checkpoint"


def test_the_card_has_the_contract_s_keys_and_says_what_was_done(
    checkpoint: Path, recipe: Recipe, run: Path, drawn_dataset: Path
) -> None:
    assert sorted(path.name for path in checkpoint.iterdir()) == ["card.json", "model.safetensors"]
    card = json.loads((checkpoint / "card.json").read_text(encoding="utf-8"))
    assert set(CONTRACT.split(", ")) <= set(card)
    assert card["name"] == "tiny"
    assert card["architecture"] == "test_resnet"
    assert card["classes"] == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    assert card["malignant"] == ["akiec", "bcc", "mel"]
    assert card["recipe"]["stages"] == [{"size": 24, "epochs": 1}, {"size": 32, "epochs": 2}]
    assert card["split_sha256"] == hashlib.sha256((drawn_dataset / "split.csv").read_bytes()).hexdigest()
    assert card["weights_sha256"] == hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    assert "Not a medical device" in card["not_for"]
    history = read_metrics(run)
    assert card["training"]["curve"] == history
    kept = [line for line in history if line["kept"]][-1]
    assert card["training"]["kept_epoch"] == kept["epoch"]
    assert card["input_size"] == kept["size"]


def test_figures_are_from_validation_alone(checkpoint: Path, recipe: Recipe, drawn_dataset: Path) -> None:
    splits, _ = read_splits("ham10000", recipe.data.manifest, drawn_dataset)
    card = load_checkpoint(checkpoint).card
    assert set(card.metrics) == {"validation"}
    assert card.metrics["validation"]["n_images"] == len(splits["validation"])


def test_the_checkpoint_holds_the_kept_weights(checkpoint: Path, run: Path) -> None:
    classifier = load_checkpoint(checkpoint)
    kept = build("test_resnet", 7, "none").eval()
    load_weights(kept, load_file(run / BEST), source=BEST)
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = kept((images - 0.5) / 0.5)  # this architecture's mean and std
    half = classifier.card.training["stored_as"] == "fp16"
    torch.testing.assert_close(classifier.logits(images), expected, rtol=0, atol=2e-2 if half else 1e-5)


def test_the_temperature_fits_validation_better_than_its_neighbours(
    checkpoint: Path, recipe: Recipe, drawn_dataset: Path
) -> None:
    splits, _ = read_splits("ham10000", recipe.data.manifest, drawn_dataset)
    classifier = load_checkpoint(checkpoint)
    said, temperature = predict_dataset(classifier, splits["validation"]), classifier.card.temperature
    tried = np.clip(np.array([0.9, 1.0, 1.1]) * temperature, 0.05, 20)  # it may lie at a bound of the search
    losses = [negative_log_likelihood(said.labels, said.probabilities(float(t))) for t in tried]
    assert losses[1] <= min(losses) + 1e-6


def test_half_precision_is_refused_where_it_changes_a_diagnosis(
    recipe: Recipe, run: Path, drawn_dataset: Path, tmp_path: Path
) -> None:
    """Two classes 1e-5 apart in full precision are equal in half, and the first of them is called instead."""
    shutil.copytree(run, tmp_path / "run")
    weights = load_file(run / BEST)
    weights["fc.weight"].zero_()
    weights["fc.bias"].copy_(torch.tensor([1.0, 1.00001, 0, 0, 0, 0, 0]))
    save_file(weights, tmp_path / "run" / BEST)
    card = export_checkpoint(recipe, tmp_path / "run", tmp_path / "checkpoint", drawn_dataset, draws=50)
    validation = card.metrics["validation"]["n_images"]
    assert card.training["stored_as"] == "fp32"
    assert card.training["fp16_against_fp32"]["changed_diagnoses"] == validation
    assert load_file(tmp_path / "checkpoint" / "model.safetensors")["fc.bias"].dtype == torch.float32


@pytest.fixture
def leaky(recipe: Recipe, drawn_dataset: Path, tmp_path: Path) -> Recipe:
    """Benign or malignant, balanced, evened out, split by image, all but the last stage frozen; its run needs no training."""
    manifest = tmp_path / "by-image.csv"
    write_manifest(split_by_image(read_ham10000(drawn_dataset)), manifest)
    asked = {"task": "malignant", "balance": True, "images": 12, "equalise": "histogram"}
    data = DataRecipe(manifest=str(manifest), leaky=True, pack=(36, 40), **asked)
    (tmp_path / "run").mkdir()
    save_file(build("test_resnet", 2, "none").state_dict(), tmp_path / "run" / BEST)
    append_metrics(tmp_path / "run", {"epoch": 1, "size": 24, "kept": True, "seconds": 0.0})
    return replace(recipe, data=data, model=replace(recipe.model, trained=("layer4", "fc")))


def test_the_card_says_what_was_asked_on_which_images_and_that_lesions_leak(
    leaky: Recipe, drawn_dataset: Path, tmp_path: Path
) -> None:
    card = export_checkpoint(leaky, tmp_path / "run", tmp_path / "checkpoint", drawn_dataset, draws=10)
    assert (card.classes, card.malignant, card.equalise) == (("benign", "malignant"), ("malignant",), "histogram")
    said = {"task": "malignant", "balance": True, "leaky": True, "images": 12}
    assert said.items() <= card.data.items()
    splits = {split: split_of_checkpoint(card, drawn_dataset, split) for split in SPLITS}
    assert splits["train"].counts() == {"benign": 6, "malignant": 6}
    trained = {record.lesion_id for record in splits["train"].records}
    test = splits["test"].records
    leaked = sum(record.lesion_id in trained for record in test)
    assert card.data["leak"].startswith(f"Split by image: lesions leak. {leaked} of {len(test)} test images show")
    assert len(set(splits["test"].counts().values())) == 1
    network = build("test_resnet", 2, "none")
    layers = [name for name, m in network.named_modules() if list(m.parameters(recurse=False))]
    learning = [name for name in layers if name.startswith(("layer4", "fc"))]
    assert card.training["trained_share"] == pytest.approx(len(learning) / len(layers))
    evaluated = evaluate_checkpoint(tmp_path / "checkpoint", drawn_dataset, draws=10)
    assert evaluated.metrics["test"]["n_images"] == len(test)


def test_training_takes_the_selected_images_from_a_pack_of_all(
    leaky: Recipe, drawn_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DERMAVIZ_CACHE", str(tmp_path / "cache"))
    data = load_training_data(leaky, drawn_dataset)
    assert data.train.counts() == {"benign": 6, "malignant": 6}
    assert data.validation.classes == ("benign", "malignant")
    assert len(data.pack.image_ids) == sum(
        split != "test" for split in read_manifest(Path(leaky.data.manifest)).assignment.values()
    )
    other = load_training_data(
        replace(leaky, data=replace(leaky.data, task="diagnosis", balance=False, images=0)), drawn_dataset
    )
    assert other.pack.sha256 == data.pack.sha256
    assert len(list((tmp_path / "cache").iterdir())) == 1
    with pytest.raises(DatasetError, match=r"expected all images of a lesion in one split.*set `leaky: true`"):
        load_training_data(replace(leaky, data=replace(leaky.data, leaky=False)), drawn_dataset)


def test_storage_is_compared_image_by_image() -> None:
    logits = np.log(np.array([[0.6, 0.4], [0.3, 0.7], [0.51, 0.49]], np.float32))
    full = Predictions(("a", "b"), ("1", "2", "3"), ("1", "2", "3"), np.array([0, 1, 1]), logits)
    changed = np.log(np.array([[0.58, 0.42], [0.3, 0.7], [0.49, 0.51]], np.float32))
    found = compare_storage(full, replace(full, logits=changed))
    assert found["images"] == 3
    assert found["changed_diagnoses"] == 1
    assert found["largest_probability_change"] == pytest.approx(0.02, abs=1e-6)


def test_a_run_without_kept_weights_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"expected kept weights at .*best\.safetensors, found none\. Train first"
    ):
        export_checkpoint(recipe, tmp_path, tmp_path / "checkpoint", None)
