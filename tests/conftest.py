"""Shared by all tests: cards, tiny offline classifiers with seeded random weights, and photos drawn on the spot."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # one worker a core: more threads than that only get in each other's way
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # as in the app: threads that spin would keep the other workers waiting

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import settings
from PIL import Image

from dermaviz.data.readers import read_ham10000
from dermaviz.data.records import HAM10000
from dermaviz.data.split import read_manifest, write_manifest
from dermaviz.evidence.predictions import Audited, audited_from
from dermaviz.models.card import Card, Checkpoint
from dermaviz.models.classifier import Classifier
from dermaviz.models.specs import create
from dermaviz.synthetic.datasets import write_dataset

settings.register_profile("dermaviz", deadline=None, max_examples=25)
settings.load_profile("dermaviz")

SLOW = (
    "tests/test_wheel.py",
    "tests/app/test_warm_up.py",
    "tests/cli/test_audit.py",
    "tests/cli/test_hostile.py",
    "tests/training/test_resume.py",
    "tests/training/test_processes.py",
    "tests/ood/",
    "tests/test_hostile_files.py",
    "tests/test_public.py",
    "tests/app/test_words_from_outside.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, those in a browser by one worker: what is left at the end, and taken from others, is short."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    first: list[list[pytest.Item]] = [[] for _ in range(workers)]
    rest, total, dealt = [], len(items), list[pytest.Item]()
    for item in items:
        slow = next((i for i, name in enumerate(SLOW) if item.nodeid.startswith(name)), None)
        if item.nodeid.startswith("tests/browser/"):
            first[0].append(item)
        elif slow is not None:
            first[1 + slow % (workers - 1)].append(item)
        else:
            rest.append(item)
    for i, share in enumerate(first):  # as worksteal deals them: equally many to each, in order
        room = max(0, (total - len(dealt)) // (workers - i) - len(share))
        dealt += share + rest[:room]
        del rest[:room]
    items[:] = dealt + rest


CARD = Card(
    name="tiny",
    architecture="test_resnet",
    classes=("bkl", "mel", "nv"),
    input_size=32,
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.25, 0.5),
    attention_layer="layer4",
    temperature=1.5,
    split_sha256="5" * 64,
    weights_sha256="a" * 64,
    recipe={"name": "tiny"},
    metrics={},
    data={"dataset": "ham10000", "manifest": "ham10000"},
    licence="CC0-1.0",
    intended_use="tests",
    not_for="anything else",
    malignant=("mel",),
)


def audited_of(predictions: pd.DataFrame, classes: Sequence[str]) -> Audited:
    """The images and answers in a table of predictions, of a checkpoint of these classes that lies nowhere."""
    return audited_from(predictions, Checkpoint(Path("tiny"), replace(CARD, classes=tuple(classes), malignant=())))


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """The last bits of a convolution depend on the number of threads; the app sets it for the whole process."""
    torch.set_num_threads(1)


@pytest.fixture
def make_card() -> Callable[..., Card]:
    """``make_card(temperature=2.0, …)``: a card with other values."""
    return lambda **changes: replace(CARD, **changes)


@pytest.fixture
def make_classifier(make_card: Callable[..., Card]) -> Callable[..., Classifier]:
    """``make_classifier(classes=…, …)``: a tiny network with seeded random weights under a card with these values."""

    def make(**changes: Any) -> Classifier:
        card = make_card(**changes)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = create(card.architecture, len(card.classes))
        return Classifier(card, network.eval().requires_grad_(False), torch.device("cpu"))

    return make


@pytest.fixture
def tiny_classifier(make_classifier: Callable[..., Classifier]) -> Classifier:
    """Three classes, one of them malignant, 32 px."""
    return make_classifier()


@pytest.fixture
def draw_photo() -> Callable[..., np.ndarray]:
    """``draw_photo(path=None, height=64, width=80, seed=0)``: random pixels, uint8 ``[H, W, 3]``; kept as PNG at ``path``."""

    def draw(path: Path | None = None, height: int = 64, width: int = 80, seed: int = 0) -> np.ndarray:
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        return pixels

    return draw


@pytest.fixture
def write_ham10000(draw_photo: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """``write_ham10000(root, {"L1": ("mel", 2), …})``: a folder in HAM10000's form, so many images of each lesion."""

    def write(root: Path, lesions: dict[str, tuple[str, int]]) -> Path:
        rows = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
        for lesion, (dx, count) in lesions.items():
            for i in range(count):
                draw_photo(root / "images" / f"{lesion}-{i}.png", 64, 80, seed=len(rows))
                rows.append(f"{lesion},{lesion}-{i},{dx},histo,50.0,female,back")
        (root / "HAM10000_metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return root

    return write


@pytest.fixture(scope="session")
def drawn_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 drawn lesions of 64 px in HAM10000's form, with a manifest of their own in ``split.csv``: half to train on."""
    root = write_dataset(tmp_path_factory.mktemp("drawn") / "data", 64, size=64)
    dataset = read_ham10000(root)
    assignment = {}
    for dx in dataset.classes:
        lesions = sorted({record.lesion_id for record in dataset.records if record.label == dx})
        dealt = {lesion: ("train", "validation", "train", "test")[i % 4] for i, lesion in enumerate(lesions)}
        assignment |= {r.image_id: dealt[r.lesion_id] for r in dataset.records if r.label == dx}
    write_manifest(assignment, root / "split.csv")
    return root


@pytest.fixture
def drawn_classifier(drawn_dataset: Path, make_classifier: Callable[..., Classifier]) -> Classifier:
    """Random weights for the seven diagnoses, under a card that names the drawn data set and its split as its own."""
    manifest = drawn_dataset / "split.csv"
    return make_classifier(
        classes=tuple(HAM10000.classes),
        split_sha256=read_manifest(manifest).sha256,
        data={"dataset": "ham10000", "manifest": str(manifest)},
    )
