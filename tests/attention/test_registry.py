"""A new attention method is one row with a formula or a library class: it runs through every entry point."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
import torch

from dermaviz.attention import methods
from dermaviz.attention.localisation import random_map
from dermaviz.attention.maps import attention_maps, explain
from dermaviz.attention.methods import METHODS, Method
from dermaviz.errors import AttentionError
from dermaviz.evidence.tables import attention as table


def strongest(features: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """The strongest channel at each place, whatever the class."""
    return features.amax(dim=1)


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> Method:
    """One more row, in the registry that everybody reads."""
    row = Method("strongest", "Strongest channel", "The largest feature.", "ours", strongest, class_specific=False)
    more = MappingProxyType({**METHODS, row.name: row})
    for module in (methods, table):
        monkeypatch.setattr(module, "METHODS", more)
    return row


def test_a_method_is_one_row_and_one_formula(one_more: Method, build_classifier, draw_images) -> None:
    classifier, images = build_classifier("test_resnet", "layer4"), draw_images(2)
    found = explain(classifier, images, 1, "strongest")
    with torch.no_grad():
        features = classifier.network.forward_features(classifier.normalise(images))
    np.testing.assert_allclose([one.raw for one in found], features.amax(dim=1).numpy(), rtol=1e-5)
    assert attention_maps(classifier, images[:1], [0, 3], "strongest")[1].method == "strongest"
    assert one_more.fast


@pytest.mark.parametrize(("given", "found"), [({}, "neither"), ({"formula": strongest, "library": "FEM"}, "both")])
def test_a_row_without_a_way_to_make_its_map_is_refused(given: dict[str, object], found: str) -> None:
    with pytest.raises(AttentionError, match=f"a formula or a class of pytorch-grad-cam .* found {found}"):
        Method("x", "X", "about", "source", **given)


def test_the_random_map_follows_its_seed() -> None:
    maps = [random_map(8, seed).tobytes() for seed in (0, 1, 2, 0)]
    assert len(set(maps)) == 3
    assert maps[0] == maps[3]
