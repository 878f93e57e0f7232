"""Tests of the grammar of names: what a name says, and what is refused with a sentence that helps."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dermaviz.errors import WeightsError
from studies.five_reports.names import HEADS, OWN_NETWORKS, NetworkName, take_apart


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("resnet18", NetworkName("resnet18", "resnet18", 0, "")),
        ("torchvision:alexnet", NetworkName("torchvision:alexnet", "torchvision:alexnet", 0, "")),
        ("dermaviz:blocks4@88", NetworkName("dermaviz:blocks4@88", "dermaviz:blocks4", 88, "")),
        ("inception_v3+dense64", NetworkName("inception_v3", "inception_v3", 0, "dense64")),
        ("dermaviz:lenet@64+dense64", NetworkName("dermaviz:lenet@64", "dermaviz:lenet", 64, "dense64")),
        ("resnet50.a1_in1k", NetworkName("resnet50.a1_in1k", "resnet50.a1_in1k", 0, "")),  # timm's tags stay whole
    ],
)
def test_a_name_comes_apart(name: str, parts: NetworkName) -> None:
    assert take_apart(name) == parts
    assert (take_apart(name).own is not None) == name.startswith("dermaviz:")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet18+", r"expected a network's name as BASE\[@SIZE\]\[\+HEAD\], found 'resnet18\+'.*Examples: resnet18"),
        ("dermaviz:lenet@224@64", r"BASE\[@SIZE\]"),
        ("dermaviz:lenet@big", r"BASE\[@SIZE\]"),
        ("dermaviz:lenet@0224", r"BASE\[@SIZE\]"),  # one network, one name
        ("resnet18+dense65", r"expected a head among dense64, pool-dense512-256, found 'dense65'"),
        ("resnet18@64", r"expected a size only in names that begin with dermaviz:, found @64. Leave it out"),
        ("dermaviz:lenett@64", r"expected a network among lenet, blocks1, .*cnn512, found 'lenett'"),
        ("dermaviz:lenet", r"side of its square input, 10 or more pixels, found no size. Write dermaviz:lenet@224"),
        ("dermaviz:blocks5@31", r"32 or more pixels, found @31"),
        ("dermaviz:cnn512@89", r"90 or more pixels, found @89"),
    ],
)
def test_other_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        take_apart(name)


@pytest.mark.parametrize("row", [*OWN_NETWORKS.values(), *HEADS.values()], ids=lambda row: row.name)
def test_every_row_says_what_it_is_in_sentences(row) -> None:
    assert row.about.endswith(".")
    assert row.changed == "" or row.changed.endswith(".")


def test_names_are_read_without_torch() -> None:
    code = "import sys, studies.five_reports.names; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
