"""Networks from elsewhere: each kind of file gives the logits of the network it was saved from, and every guess is said."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import nn

from dermaviz import api
from dermaviz.errors import AttackError, AttentionError, CheckpointError, WeightsError
from dermaviz.models.card import CARD, Sharpness, read_card
from dermaviz.models.checkpoint import load_checkpoint
from dermaviz.models.fitting import identified
from dermaviz.models.foreign import CODE
from dermaviz.models.importing import ImportedModel, import_checkpoint
from dermaviz.models.specs import create

SIZE = 64
KNOWN: dict[str, Any] = {"classes": ["nv", "MEL", "x"], "input_size": SIZE, "mean": [0.5] * 3, "std": [0.25] * 3}


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return create("test_resnet", 3).eval()


@pytest.fixture
def bring(tmp_path: Path) -> Callable[..., ImportedModel]:
    """``bring(source, …)``: import it into the test's own folder, under what ``KNOWN`` says."""

    def run(source: object, **known: Any) -> ImportedModel:
        return import_checkpoint(str(source), "mine", folder=tmp_path / "mine", **{**KNOWN, **known})

    return run


def same(imported: ImportedModel, network: nn.Module) -> bool:
    """Whether the checkpoint, loaded anew, gives the network's logits."""
    loaded = load_checkpoint(imported.folder)
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return torch.allclose(loaded.logits(images), network(loaded.normalise(images)), atol=1e-5)


def renamed(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}{key}": value for key, value in state.items()}


SAVED: dict[str, tuple[Callable[[dict[str, torch.Tensor]], object], str]] = {
    "plain": (lambda s: s, ""),
    "DataParallel": (lambda s: renamed("module.", s), "stripped: the prefix 'module.'"),
    "compiled": (lambda s: renamed("_orig_mod.module.", s), "stripped: the prefix '_orig_mod.module.'"),
    "nested": (lambda s: {"epoch": 3, "model_state_dict": s, "best": {"lr": 1}}, "taken: the tensors under 'model_state_dict'"),
    "Lightning": (
        lambda s: {"state_dict": {**renamed("model.", s), "loss.weight": torch.ones(3)}, "hyper_parameters": {"lr": 1}},
        "dropped: 1 tensors that the network has no place for (loss.weight)",
    ),
    "averaged": (
        lambda s: {"model": {k: v * 0 for k, v in s.items()}, "ema": {**renamed("module.", s), "n_averaged": torch.ones(1)}},
        "taken: the tensors under 'ema', the averaged weights, not the plain ones",
    ),
    "timm": (lambda s: {"arch": "test_resnet", "state_dict": s, "args": argparse.Namespace(lr=1)}, "taken: the tensors under"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAVED)
def test_whatever_a_state_dict_is_wrapped_in(tmp_path, bring, network, kind):
    wrap, said = SAVED[kind]
    torch.save(wrap(network.state_dict()), tmp_path / "best.pth")
    imported = bring(tmp_path / "best.pth", architecture="test_resnet")
    assert same(imported, network)
    assert said in " ".join(imported.notes)
    assert (imported.model.card.attention_layer, imported.model.classes) == ("layer4", ("nv", "MEL", "x"))
    assert imported.model.card.malignant == ("MEL",)
    assert "guessed: malignant are MEL, by their names." in imported.notes
    meant = "nv means melanocytic nevus, MEL means melanoma (malignant), x is none that is known."
    assert f"guessed: by the names of the classes, {meant}" in imported.notes
    assert read_card(imported.folder / CARD).training == {"notes": list(imported.notes), "doubt": imported.doubt}


def test_what_nothing_vouches_for_is_a_doubt_and_replace_imports_anew(tmp_path, bring, network):
    save_file(network.state_dict(), tmp_path / "best.safetensors")
    given = {"architecture": "test_resnet", "classes": ["a", "b", "c"]}
    first = bring(tmp_path / "best.safetensors", **given)
    assert "Nothing vouches for the order of the classes (a, b, c), for the source names none" in first.doubt
    assert "No class counts as malignant. If one should, import it again with --malignant a,b --replace" in first.doubt
    (first.folder / "evidence").mkdir()
    with pytest.raises(CheckpointError, match=r"there already.*import it anew with --replace"):
        bring(tmp_path / "best.safetensors", **given)
    (tmp_path / "classes.txt").write_text("b\na\nc\n")
    again = bring(tmp_path / "best.safetensors", **given, malignant=["b"], replace=True)
    assert again.doubt.startswith(
        "Nothing vouches for the order of the classes (a, b, c), and the source says b, a, c: "
    )
    assert (read_card(again.folder / CARD).malignant, (again.folder / "evidence").is_dir()) == (("b",), True)
    (tmp_path / "classes.txt").write_text("A\nb\nc\n")
    assert not bring(tmp_path / "best.safetensors", **given, malignant=[], replace=True).doubt
    replace(read_card(again.folder / CARD), recipe={}).write(again.folder / CARD)
    with pytest.raises(CheckpointError, match=r"--replace: expected a checkpoint that was imported, found .*trained"):
        bring(tmp_path / "best.safetensors", **given, replace=True)


def test_malignant_classes_against_their_names_and_a_guessed_size_are_doubts(tmp_path, bring, network):
    save_file(network.state_dict(), tmp_path / "best.safetensors")
    (tmp_path / "classes.txt").write_text("Melanom\nNävus\nBasaliom\n")
    given = {"architecture": "test_resnet", "classes": [], "replace": True}

    def doubt(**known: Any) -> str:
        return bring(tmp_path / "best.safetensors", **given, **known).doubt

    without = "without --malignant Melanom and Basaliom would count."
    left_out = f"Basaliom means basal cell carcinoma, which is malignant, but --malignant leaves it out; {without}"
    assert doubt(malignant=["Melanom"]) == left_out
    added = f"Nävus means melanocytic nevus, which is benign, but --malignant names it; {without}"
    assert doubt(malignant=["Melanom", "Basaliom", "Nävus"]) == added
    assert doubt(malignant=[]).endswith(left_out)
    assert not doubt()
    tried = api.try_out(load_checkpoint(tmp_path / "mine"))["map"]
    assert "a Grad-CAM++ map of 2 × 2 places at layer4, too coarse to say where on a lesion" in tried
    guessed = doubt(input_size=0)
    assert guessed.startswith("The input size of 160 px is a guess; nothing in the file says it.")
    assert "--input-size PIXELS --replace" in guessed


def test_a_folder_of_timm_says_all_that_is_needed(tmp_path, network):
    (tmp_path / "hub").mkdir()
    save_file(network.state_dict(), tmp_path / "hub" / "model.safetensors")
    config = {
        "input_size": [3, 96, 96],
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
        "label_names": ["a", "b", "c"],
    }
    (tmp_path / "hub" / "config.json").write_text(json.dumps({"architecture": "test_resnet", "pretrained_cfg": config}))
    card = import_checkpoint(str(tmp_path / "hub"), "mine", folder=tmp_path / "mine", malignant=["b"]).model.card
    assert (card.architecture, card.classes, card.malignant) == ("test_resnet", ("a", "b", "c"), ("b",))
    assert (card.input_size, card.mean, card.std) == (96, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert card.sharpness is None


@pytest.mark.parametrize(
    ("name", "content"),
    [("best.json", {"b": 1, "a": 0, "c": 2}), ("classes.txt", None), ("id2label.json", {"0": "a", "1": "b", "2": "c"})],
)
def test_class_names_come_from_a_file_beside_the_weights_and_usual_values_are_guesses(tmp_path, network, name, content):
    save_file(network.state_dict(), tmp_path / "best.safetensors")
    (tmp_path / name).write_text(json.dumps(content) if content else "a\nb\n\nc\n")
    made = import_checkpoint(
        str(tmp_path / "best.safetensors"), "mine", architecture="test_resnet", folder=tmp_path / "mine"
    )
    assert made.model.classes == ("a", "b", "c")
    said = "\n".join(made.notes)
    assert f"taken: the classes' names from {name}." in said
    assert "guessed: input size 160 pixels, usual of the architecture; give --input-size" in said
    assert "guessed: mean 0.5, 0.5, 0.5, usual of the architecture" in said
    assert "guessed: no class is malignant" in said


def test_one_output_becomes_two_classes(tmp_path, bring):
    torch.manual_seed(1)
    one = create("test_resnet", 1).eval()
    save_file(one.state_dict(), tmp_path / "one.safetensors")
    made = bring(tmp_path / "one.safetensors", architecture="test_resnet", classes=["benign", "mel"])
    images = torch.rand(2, 3, SIZE, SIZE)
    with torch.no_grad():
        p = one(made.model.normalise(images)).sigmoid()[:, 0]
    assert made.model.probabilities(images)[:, 1] == pytest.approx(p.numpy(), abs=1e-5)
    assert any("one logit, that of the second class" in note for note in made.notes)
    assert made.model.card.attention_layer == "layer4", "the answer has a map, as that of any network"


def test_a_transformer_of_another_size_keeps_its_position_embedding(tmp_path, bring):
    torch.manual_seed(1)
    vit = create("test_vit", 3, input_size=96).eval()
    save_file(vit.state_dict(), tmp_path / "vit.safetensors")
    made = bring(tmp_path / "vit.safetensors", architecture="test_vit", input_size=0, sharpness=450)
    assert made.model.card.sharpness == Sharpness(450, "bilinear")
    assert made.model.input_size == 96
    assert made.model.card.attention_layer == "blocks.5.norm1"
    assert "taken: input size 96 pixels, by the position embedding." in made.notes
    save_file(create("test_vit", 3).state_dict(), tmp_path / "usual.safetensors")
    for name, right, architecture in (("vit", 96, "test_vit"), ("usual", 160, "")):
        with pytest.raises(WeightsError, match=rf"expected --input-size {right}, which the position .*found 224"):
            import_checkpoint(str(tmp_path / f"{name}.safetensors"), "x", architecture=architecture, input_size=224)


@pytest.mark.parametrize(
    ("saved", "expected", "rivals"),
    [
        (
            "torchvision:resnet18",
            "resnet18",
            "by torchvision:resnet18. From the same tensors resnetblur18 would compute something else",
        ),
        ("mobilenetv2_100", "mobilenetv2_100", ""),
        ("torchvision:shufflenet_v2_x0_5", "torchvision:shufflenet_v2_x0_5", ""),
    ],
)
def test_an_architecture_is_known_by_its_tensors(saved, expected, rivals):
    torch.manual_seed(0)
    found = identified(renamed("module.", create(saved, 2).state_dict()))
    assert (found.architecture, found.n_classes) == (expected, 2)
    assert rivals in found.notes[-1]


OWN = """
import torch
from torch import nn
def make():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3), nn.Softmax(1))
"""


def test_own_code_is_run_only_at_ones_word(tmp_path, bring, monkeypatch):
    monkeypatch.delenv(CODE, raising=False)
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.setenv(CODE, "")  # what import sets is undone after the test
    made = bring(f"{tmp_path / 'own.py'}:make")
    assert made.model.card.architecture == "own.py:make"
    assert made.model.card.attention_layer == "network.3"
    assert any("probabilities, whose logarithm" in note for note in made.notes)
    images = torch.rand(2, 3, SIZE, SIZE)
    with torch.no_grad():
        p = made.model.network.network(made.model.normalise(images))
    assert made.model.probabilities(images) == pytest.approx(p.numpy(), abs=1e-5)
    monkeypatch.setenv(CODE, "")
    with pytest.raises(
        CheckpointError, match=r"expected DERMAVIZ_CODE to name own\.py, found nothing.*only at your word"
    ):
        load_checkpoint(made.folder)
    monkeypatch.setenv(CODE, str(tmp_path / "own.py"))
    (tmp_path / "own.py").write_text(OWN + "#")
    with pytest.raises(CheckpointError, match="expected the code that was imported, found other code"):
        load_checkpoint(made.folder)


def test_a_scripted_file_answers_and_says_that_it_does_nothing_more(tmp_path, bring, network):
    from dermaviz.attention.maps import explain
    from dermaviz.robustness.gradients import Goal
    from dermaviz.robustness.linf import fgsm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own about TorchScript
        torch.jit.trace(network, torch.rand(1, 3, SIZE, SIZE)).save(tmp_path / "traced.pt")
    with pytest.raises(WeightsError, match="expected --mean, --std, found nothing that says so"):
        bring(tmp_path / "traced.pt", mean=(), std=())
    made = bring(tmp_path / "traced.pt")
    assert same(made, network)
    assert any(note.startswith("missing: TorchScript files have no layers to look into") for note in made.notes)
    images = torch.rand(2, 3, SIZE, SIZE)
    assert [one.status for one in explain(made.model, images)] == ["unavailable"] * 2
    with pytest.raises(AttackError, match=r"TorchScript files .* no attacks"):
        fgsm(made.model, images, Goal.away_from([0, 0]), 1 / 255)


def test_onnx_answers(tmp_path, bring):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weight = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["y"]),
        ],
        "mean colour",
        [helper.make_tensor_value_info("x", kind, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", kind, [1, 3])],
        [helper.make_tensor("w", kind, [3, 3], weight.flatten().tolist())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    made = bring(tmp_path / "net.onnx", input_size=0)
    images = torch.rand(3, 3, SIZE, SIZE)  # its batch is one, so they go one by one
    expected = made.model.normalise(images).mean((2, 3)) @ weight
    assert torch.allclose(made.model.logits(images), expected, atol=1e-5)
    assert f"taken: input size {SIZE} pixels, as the source says." in made.notes


def test_a_folder_of_transformers(tmp_path, bring):
    library = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = library.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=SIZE, patch_size=16,
        id2label={0: "nv", 1: "melanoma", 2: "bcc"}, label2id={"nv": 0, "melanoma": 1, "bcc": 2},
    )  # fmt: skip
    network = library.ViTForImageClassification(config).eval()
    network.save_pretrained(tmp_path / "hub")
    (tmp_path / "hub" / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": SIZE, "width": SIZE}})
    )
    made = import_checkpoint(str(tmp_path / "hub"), "mine", folder=tmp_path / "mine")
    card = made.model.card
    assert (card.classes, card.malignant, card.input_size) == (("nv", "melanoma", "bcc"), ("melanoma", "bcc"), SIZE)
    images = torch.rand(2, 3, SIZE, SIZE)
    with torch.no_grad():
        assert torch.allclose(made.model.logits(images), network(made.model.normalise(images)).logits, atol=1e-5)
    assert card.attention_layer.endswith("layers.1.layernorm_before")


class Trap:
    """Unpickling it would create a file: proof that code was run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    ("save", "known", "message"),
    [
        (lambda net, path: torch.save(net, path), {}, "expected tensors only, found timm.* a Python object"),
        (lambda net, path: path.write_bytes(b"PK\x03\x04 cut short"), {}, "expected weights of PyTorch|expected tensors only"),
        (lambda net, path: torch.save({"a": torch.ones(1), "b": torch.ones(1)}, path), {}, "found 2 of which none fits"),
        (lambda net, path: torch.save({"epoch": 1}, path), {}, "expected a state dict, found the keys epoch"),
        (
            lambda net, path: torch.save(net.state_dict(), path),
            {"architecture": "test_convnext"},
            "test_convnext: expected the .* tensors of this architecture",
        ),
        (
            lambda net, path: torch.save(net.state_dict(), path),
            {"architecture": "test_resnet", "classes": []},
            "expected the names of the 3 classes in the order of the outputs, found none. Give --classes",
        ),
        (
            lambda net, path: torch.save(net.state_dict(), path),
            {"architecture": "test_resnet", "classes": ["a", "b"]},
            "--classes: expected 3 names in the order of the outputs, found 2",
        ),
        (
            lambda net, path: torch.save({k: v * float("nan") for k, v in net.state_dict().items()}, path),
            {"architecture": "test_resnet"},
            r"expected finite outputs \[2, C\] for two images",
        ),
        (
            lambda net, path: torch.save(net.state_dict(), path),
            {"architecture": "test_resnet", "layer": "layer9"},
            "expected the name of a layer of ResNet, found 'layer9'",
        ),
        (lambda net, path: None, {}, "expected a file, a folder, .* found nothing at"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_answered_in_a_sentence_and_leaves_nothing(
    tmp_path, bring, network, save, known, message
):
    save(network, tmp_path / "best.pth")
    with pytest.raises((WeightsError, AttentionError), match=message):
        bring(tmp_path / "best.pth", **known)
    assert not (tmp_path / "mine").exists()


def test_no_code_of_a_file_is_run(tmp_path, bring):
    torch.save({"state_dict": {"a": Trap(tmp_path / "sprung")}}, tmp_path / "best.pth")
    with pytest.raises(WeightsError, match="for which code would have to be run"):
        bring(tmp_path / "best.pth")
    assert not (tmp_path / "sprung").exists()


def test_without_a_network_a_name_of_the_hub_is_answered_at_once(bring, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"expected nobody/nothing from the hub, found no copy .*bring the folder"):
        bring("hf-hub:nobody/nothing")


def test_names_are_new_and_name_folders(tmp_path, bring, network):
    torch.save(network.state_dict(), tmp_path / "best.pth")
    bring(tmp_path / "best.pth", architecture="test_resnet")
    with pytest.raises(CheckpointError, match=r"expected a new name, found .*mine there already"):
        bring(tmp_path / "best.pth", architecture="test_resnet")
    with pytest.raises(CheckpointError, match="--name: expected letters, digits"):
        import_checkpoint("x", "../x")


FIXED = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 2, 8, 8), nn.Flatten(), nn.Linear(128, 3))\n"


def test_a_network_that_does_not_take_the_size_is_refused_with_the_option(tmp_path, bring, monkeypatch):
    monkeypatch.setenv(CODE, "")
    (tmp_path / "fixed.py").write_text(FIXED)
    with pytest.raises(WeightsError, match=r"images of 32 pixels a side, found RuntimeError: .* Give its --input-size"):
        bring(f"{tmp_path / 'fixed.py'}:make", input_size=32)
    made = bring(f"{tmp_path / 'fixed.py'}:make")
    content = json.loads((made.folder / CARD).read_text())
    (made.folder / CARD).write_text(json.dumps({**content, "input_size": 32}))
    with pytest.raises(CheckpointError, match=r"images of 32 pixels a side, found .*Correct input_size on the card"):
        load_checkpoint(made.folder)
