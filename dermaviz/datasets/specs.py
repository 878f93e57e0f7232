"""Datasets: the table of data sets we know by name, with classes, licence and citation."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a data set before it is read.

    ``classes`` maps each label to its name in words, in the order of a classifier's outputs; ``malignant`` names the
    labels counted as malignant. ``images`` and ``lesions`` are the published counts. ``collection`` is the number of
    the ISIC archive's collection, for the official download tool.
    """

    name: str
    classes: MappingProxyType[str, str]
    malignant: frozenset[str]
    images: int
    lesions: int
    collection: int
    licence: str
    citation: str
    homepage: str


HAM10000 = DatasetSpec(
    name="ham10000",
    classes=MappingProxyType(
        {
            "akiec": "actinic keratosis / intraepithelial carcinoma",
            "bcc": "basal cell carcinoma",
            "bkl": "benign keratosis",
            "df": "dermatofibroma",
            "mel": "melanoma",
            "nv": "melanocytic nevus",
            "vasc": "vascular lesion",
        }
    ),
    malignant=frozenset({"akiec", "bcc", "mel"}),
    images=10_015,
    lesions=7_470,
    collection=212,
    licence="CC BY-NC 4.0",
    citation=(
        "P. Tschandl, C. Rosendahl, H. Kittler. The HAM10000 dataset, a large collection of multi-source dermatoscopic "
        "images of common pigmented skin lesions. Scientific Data 5:180161 (2018), doi:10.7910/DVN/DBW86T"
    ),
    homepage="https://doi.org/10.7910/DVN/DBW86T",
)

SPECS = MappingProxyType({HAM10000.name: HAM10000})
