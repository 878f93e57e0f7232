"""`dermaviz ood`: a checkpoint gets its out-of-distribution check; what was measured is printed and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dermaviz.models.checkpoint import save_checkpoint
from dermaviz.models.classifier import Classifier
from tests.outside_scenes import scene


def test_the_check_is_fitted_by_command_and_gate_is_its_old_name(
    dermaviz: Callable[..., Any],
    drawn_dataset: Path,
    tmp_path: Path,
    drawn_classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dermaviz.ood.fitting._drawn_shares", lambda *_: [])  # the slowest of what is measured
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

    again = ["rebuild", "tiny", "--only", "ood", "--data", drawn_dataset]
    assert dermaviz(*again).out.endswith("What changed:\nnothing\n")
    (folder / "gate.json").write_text(json.dumps(facts | {"weights_sha256": "0" * 64}), encoding="utf-8")
    assert "left out. expected outside pictures to measure it on" in dermaviz(*again).err
    again += ["--outside", tmp_path / "outside"]
    assert "left out. expected the data set isic-uda1 in a folder of that name" in dermaviz(*again).err
    alone = facts | {"weights_sha256": "0" * 64, "refused_elsewhere": None}
    (folder / "gate.json").write_text(json.dumps(alone), encoding="utf-8")
    assert (
        f"tiny · out-of-distribution check: of these weights now, limit {facts['limit']:.2f}\n" in dermaviz(*again).out
    )
    written = (folder / "gate.json").read_bytes()
    fitted = json.loads(written)
    assert fitted["gate_sha256"] == facts["gate_sha256"]
    first = fitted["shares"][0]
    other = fitted | {"limit": 9.0, "shares": [first | {"high": first["high"] + 0.1}, *fitted["shares"][1:-1]]}
    (folder / "gate.json").write_text(json.dumps(other), encoding="utf-8")
    last = fitted["shares"][-1]
    assert dermaviz(*again, "--again").out.splitlines()[-3:] == [
        f"tiny · out-of-distribution check: limit 9.00 → {fitted['limit']:.2f}",
        f"tiny · out-of-distribution check: {first['of']}, {first['meaning']} {first['high'] + 0.1:.3f} → {first['high']:.3f}",
        f"tiny · out-of-distribution check: {last['of']}, {last['meaning']} none → {last['value']:.3f}",
    ]
    nearly = fitted | {"limit": fitted["limit"] + 1e-9}
    (folder / "gate.json").write_text(json.dumps(nearly), encoding="utf-8")
    assert dermaviz(*again, "--again").out.endswith("What changed:\nnothing\n")
    assert json.loads((folder / "gate.json").read_text(encoding="utf-8")) == nearly
    few = dermaviz("gate", "tiny", "--data", drawn_dataset, "--components", 5000)
    assert few.code == 2
    assert "found 5000. Choose fewer." in few.err
