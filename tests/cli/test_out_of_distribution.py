"""`dermaviz ood`: a checkpoint gets its out-of-distribution check; what was measured is printed and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from dermaviz.models.checkpoint import save_checkpoint
from dermaviz.models.classifier import Classifier
from tests.outside_scenes import scene


def test_the_check_is_fitted_by_command_and_gate_is_its_old_name(
    dermaviz: Callable[..., Any], drawn_dataset: Path, tmp_path: Path, drawn_classifier: Classifier
) -> None:
    folder = tmp_path / "checkpoints" / "tiny"
    save_checkpoint(folder, drawn_classifier.network, drawn_classifier.card)
    for kind in ("noise", "chart"):
        (tmp_path / "outside" / kind).mkdir(parents=True)
        Image.fromarray(scene(kind, 0)).save(tmp_path / "outside" / kind / "0~whole.png")
    elsewhere = ["--external", drawn_dataset, "--manifest", drawn_dataset / "split.csv"]
    settings = ["--components", 4, "--refused", 0.1, "--draws", 10]
    answer = dermaviz("ood", "tiny", "--data", drawn_dataset, "--outside", tmp_path / "outside", *elsewhere, *settings)
    assert answer.code == 0, answer.err
    facts = json.loads((folder / "gate.json").read_text(encoding="utf-8"))
    assert f"tiny: fitted on {facts['trained_on']} photos, limit {facts['limit']:.2f}" in answer.out
    assert "all outside pictures, AUROC against test lesions" in answer.out
    assert "2 pictures of 2" in answer.out
    assert "photos of other cameras (ham10000), refused" in answer.out

    few = dermaviz("gate", "tiny", "--data", drawn_dataset, "--components", 5000)
    assert few.code == 2
    assert "found 5000. Choose fewer." in few.err
