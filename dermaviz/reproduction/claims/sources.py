"""Reproduction: the five reports under both their names, the ledger's and the recipes' folder, and the photos they used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Source:
    """A report: its name in ``results/claims.yaml``, its folder in ``recipes/reports``, and its photos.

    ``photos`` is what HAM10000 stands in for, "" where the report used HAM10000 itself; ``split`` is how it split them, as
    far as it says.
    """

    ledger: str
    folder: str
    photos: str = ""
    split: str = ""


SOURCES: tuple[Source, ...] = (
    Source("gupta", "gupta-et-al", "the report's 3,297 photos of the ISIC archive"),
    Source("chaudhary", "chaudhary-byun", "the ISIC 2017 photos of the report"),
    Source("sagar", "sagar-jacob", "the report's 3,600 photos of the ISIC archive"),
    Source("ham10000", "ham10000-cnn-transfer", split="by photo, as far as it says"),
    Source("bezzon", "bezzon-carraro", split="by photo, as far as it says"),
)
SOURCE_OF: Mapping[str, Source] = MappingProxyType(
    {name: source for source in SOURCES for name in (source.ledger, source.folder)}
)
"""A report's source by either of its names."""

NOT_TO_BE_HAD: Mapping[str, str] = MappingProxyType(
    {
        "gupta/*/darker/*": "The nine photos of darker skin were taken from journals and are not to be had.",
        "gupta/darker-better": "The nine photos of darker skin were taken from journals and are not to be had.",
        "gupta/baseline/training/*": "It is of the training photos; our results hold answers to test photos only.",
        "gupta/best-on-validation": "No row reruns all seven networks with their ImageNet weights.",
        "sagar/table-6/ours/*": "",
        "sagar/table-6/*": "It is an earlier work's figure, on other photos.",
        "sagar/state-of-the-art-*": "The earlier works' figures are of other photos than the report's and ours.",
        "sagar/dermatologists": "The report holds no figure of a dermatologist, and we have none.",
    }
)
"""Why no run of ours can answer some claims, by patterns of ids of figures and statements; the first that fits decides, and
"" says that a run can."""
