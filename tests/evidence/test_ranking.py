"""Methods against each other: means, gains and verdicts that can be counted by hand, and what is said where they cannot."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dermaviz.errors import EvidenceError
from dermaviz.evidence.ranking import FAITHFUL, HALF, rank_methods, what_is_left, what_we_know

N = 40
IMAGES = [f"image {i}" for i in range(N)]
LESIONS = {image: f"lesion {i // 2}" for i, image in enumerate(IMAGES)}
EASY = np.linspace(0, 0.5, N)
"""How much each image gives every method: far more than what sets the methods apart."""


def faithfulness_table(**methods: np.ndarray) -> pd.DataFrame:
    """Every measure of each method is the given value a image, lower for deletion."""
    rows = [
        {"image_id": image, "method": name, "deletion": 1 - value, "insertion": value, "road": value, "energy": value}
        for name, values in methods.items()
        for image, value in zip(IMAGES, values, strict=True)
    ]
    return pd.DataFrame(rows)


def jitter(seed: int) -> np.ndarray:
    return 0.02 * np.random.default_rng(seed).normal(size=N)


def test_ranks_gains_and_verdicts():
    table = faithfulness_table(
        random=EASY, good=EASY + 0.1 + jitter(1), bad=EASY - 0.1 + jitter(2), same=EASY + jitter(3) - jitter(3).mean()
    )
    found = rank_methods(table, LESIONS)
    assert found["measure"].unique().tolist() == list(FAITHFUL)
    for _, ranked in found.groupby("measure"):
        by_method = ranked.set_index("method")
        assert by_method["verdict"].to_dict() == {
            "good": "better than random",
            "bad": "worse than random",
            "same": "not shown",
            "random": "",
        }
        assert by_method.loc[["good", "bad"], "rank"].tolist() == [1, 4]
        assert by_method.loc["good", "gain"] == pytest.approx(0.1 + jitter(1).mean())
        assert by_method.loc["random", ["gain", "gain_low", "gain_high"]].tolist() == [0, 0, 0]
        assert (by_method[["n_images", "n_clusters", "n_without"]] == [N, N // 2, 0]).all(axis=None)
    deletion = found[found["measure"] == "deletion"].set_index("method")
    assert deletion.loc["good", "value"] == pytest.approx(1 - 0.35 - jitter(1).mean())


def test_pairing_takes_out_what_an_image_does_to_every_method():
    ranked = rank_methods(
        faithfulness_table(random=EASY, good=EASY + 0.05 + jitter(1) / 1e4), LESIONS, ["road"]
    ).set_index("method")
    good = ranked.loc["good"]
    assert good["high"] - good["low"] > 0.05
    assert (good["gain_low"], good["gain_high"]) == pytest.approx((0.05, 0.05), abs=1e-5)
    assert good["gain_low"] < good["gain_high"]


def test_the_interval_is_that_of_whole_lesions():
    """Two images of a lesion say the same thing twice: with N/2 lesions the interval is √2 as wide as with N."""
    pairs = np.repeat(np.random.default_rng(0).normal(size=N // 2), 2)
    table = faithfulness_table(random=np.zeros(N), good=pairs)
    width = {}
    for name, lesions in (("lesions", LESIONS), ("images", {image: image for image in IMAGES})):
        row = rank_methods(table, lesions, ["road"], draws=4000).set_index("method").loc["good"]
        width[name] = row["high"] - row["low"]
    assert width["lesions"] / width["images"] == pytest.approx(math.sqrt(2), rel=0.1)


def test_images_on_which_a_method_has_no_map_count_for_none():
    gaps = np.where(np.arange(N) < 4, np.nan, 1.0)
    found = rank_methods(faithfulness_table(random=EASY, good=EASY + 1, gaps=gaps), LESIONS, ["insertion", "energy"])
    assert (found["n_images"] == N - 4).all()
    assert found.set_index(["measure", "method"])["n_without"].to_dict() == {
        (measure, method): 4 * (method == "gaps")
        for measure in ("insertion", "energy")
        for method in ("random", "good", "gaps")
    }
    nothing = rank_methods(faithfulness_table(random=EASY, never=np.full(N, np.nan)), LESIONS, ["road"])
    assert nothing.set_index("method")["verdict"].to_dict() == {"random": "", "never": "not shown"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="road"), "found road missing"),
        (lambda table: table[table["method"] != "random"], "method 'random' among those measured, found good"),
        (
            lambda table: table.assign(image_id=table["image_id"] + "?"),
            r"lesion of every image, found none for 40 .*image 0\?",
        ),
    ],
)
def test_says_what_is_missing(change, message):
    with pytest.raises(EvidenceError, match=message):
        rank_methods(change(faithfulness_table(random=EASY, good=EASY)), LESIONS)


def test_what_is_left_of_maps():
    left = {"fem": (1.0, 0.1), "gradcam": (0.3, 0.1), "layercam": (HALF - 0.004, 0.1), "hirescam": (0.3, 0.9)}
    spread = np.where(np.arange(N) % 4 < 2, 0.05, -0.05)
    rows = [
        {"image_id": image, "method": method, "stage": stage, "rank_correlation": value + more}
        for image, more in zip(IMAGES, spread, strict=True)
        for method, values in left.items()
        for stage, value in zip(("head", "conv"), values, strict=True)
    ]
    table = pd.DataFrame(rows)
    table.loc[(table["image_id"] == IMAGES[0]) & (table["method"] == "fem"), "rank_correlation"] = np.nan
    found = what_is_left(table, LESIONS)
    assert found[["method", "stage", "step"]].values.tolist() == [
        [method, stage, step] for method in left for stage, step in (("head", 1), ("conv", 2))
    ]
    verdicts = found.groupby("method")["verdict"].unique().map(list).to_dict()
    assert verdicts == {
        "fem": ["does not pass"], "gradcam": ["passes"], "layercam": ["not shown"], "hirescam": ["does not pass"],
    }  # fmt: skip
    ranked = rank_methods(
        faithfulness_table(random=EASY, gradcam=EASY + 0.1, layercam=EASY + 0.1, fem=EASY, centre=EASY + 1),
        LESIONS,
        ["road"],
    )
    assert what_we_know("layercam", ranked, None) == "LayerCAM is number 1 of 3 methods by ROAD (40 images)."
    assert what_we_know("fem", ranked, found) == (
        "FEM is number 3 of 3 methods by ROAD (40 images). It keeps all of its map when the classifier's weights are random, "
        "more than half: it shows the photo rather than this class."
    )
    assert "keeps 0.30 of its map" in what_we_know("gradcam", None, found)
    assert "not shown to be less than half (95% interval 0.47 to 0.52)" in what_we_know("layercam", None, found)
    assert "keeps 0.90 of its map when all weights are random, more than half" in what_we_know("hirescam", None, found)
    nothing = rank_methods(faithfulness_table(random=EASY, fem=np.full(N, np.nan)), LESIONS, ["road"])
    assert what_we_know("fem", nothing, None) == ""
    assert what_we_know("gradcam", None, None) == what_we_know("eigencam", ranked, found) == ""
