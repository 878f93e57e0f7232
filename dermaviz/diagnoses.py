"""Diagnoses: one table of what labels mean, their names in words, other spellings, and whether they count as malignant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis: its ``code``, its ``name`` in words, and whether it counts as ``malignant`` (None: that is disputed).

    ``also`` are other spellings that mean no more and no less, or that HAM10000 counts among it, in English, German, French,
    Spanish, Italian and Portuguese: whole names, for a part of one may mean another diagnosis.
    """

    code: str
    name: str
    malignant: bool | None
    also: tuple[str, ...] = ()


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace("\n", " ").split(", "))


_ROWS = (
    Diagnosis("akiec", "actinic keratosis / intraepithelial carcinoma", True, _names(
        "actinic keratoses and intraepithelial carcinoma, intraepithelial carcinoma, bowens disease, bowen disease, Morbus "
        "Bowen, Bowen-Krankheit, maladie de Bowen, enfermedad de Bowen, malattia di Bowen, morbo di Bowen, doença de Bowen"
    )),
    Diagnosis("ak", "actinic keratosis", None, _names(
        "ack, actinic keratoses, solar keratosis, aktinische Keratose, aktinische Keratosen, solare Keratose, kératose "
        "actinique, kératoses actiniques, kératose solaire, queratosis actínica, queratosis actínicas, queratosis solar, "
        "cheratosi attinica, cheratosi attiniche, cheratosi solare, queratose actínica, queratoses actínicas, ceratose "
        "actínica, ceratoses actínicas, queratose solar, ceratose solar"
    )),
    Diagnosis("bcc", "basal cell carcinoma", True, _names(
        "basal cell carcinomas, Basaliom, Basaliome, Basalzellkarzinom, Basalzellkarzinome, Basalzellcarcinom, "
        "Basalzellenkarzinom, carcinome basocellulaire, carcinomes basocellulaires, carcinome baso-cellulaire, épithélioma "
        "basocellulaire, carcinoma basocelular, carcinomas basocelulares, carcinoma de células basales, epitelioma "
        "basocelular, carcinoma basocellulare, carcinomi basocellulari, carcinoma a cellule basali, epitelioma basocellulare, "
        "basalioma, basaliomi, carcinoma de células basais"
    )),
    Diagnosis("scc", "squamous cell carcinoma", True, _names(
        "squamous cell carcinomas, Plattenepithelkarzinom, Plattenepithelkarzinome, Plattenepithelcarcinom, Spinaliom, "
        "Spinaliome, Stachelzellkarzinom, carcinome épidermoïde, carcinomes épidermoïdes, carcinome spinocellulaire, "
        "carcinomes spinocellulaires, carcinoma espinocelular, carcinomas espinocelulares, carcinoma epidermoide, carcinoma "
        "de células escamosas, carcinoma escamocelular, carcinoma spinocellulare, carcinomi spinocellulari, carcinoma "
        "squamocellulare, carcinoma a cellule squamose, spinalioma"
    )),
    Diagnosis("bkl", "benign keratosis", False, _names(
        "benign keratosis like lesion, benign keratosis like lesions, seborrheic keratosis, seborrhoeic keratosis, seborrheic "
        "keratoses, seborrhoeic keratoses, sk, sek, solar lentigo, lichenoid keratosis, lichen planus like keratosis, "
        "seborrhoische Keratose, seborrhoische Keratosen, seborrhoeische Keratose, Verruca seborrhoica, Alterswarze, benigne "
        "Keratose, benigne Keratosen, gutartige Keratose, Lentigo solaris, lichenoide Keratose, kératose séborrhéique, "
        "kératoses séborrhéiques, kératose bénigne, verrue séborrhéique, lentigo solaire, kératose lichénoïde, queratosis "
        "seborreica, queratosis seborreicas, queratosis benigna, queratosis liquenoide, cheratosi seborroica, cheratosi "
        "seborroiche, cheratosi benigna, lentigo solare, cheratosi lichenoide, queratose seborreica, queratoses seborreicas, "
        "ceratose seborreica, ceratoses seborreicas, queratose benigna, ceratose benigna, queratose liquenoide, ceratose "
        "liquenoide"
    )),
    Diagnosis("df", "dermatofibroma", False, _names(
        "dermatofibromas, Dermatofibrom, dermatofibrome, dermatofibromes, histiocytofibrome, dermatofibromi"
    )),
    Diagnosis("mel", "melanoma", True, _names(
        "malignant melanoma, melanomas, Melanom, malignes Melanom, maligne Melanome, mélanome, mélanomes, mélanome malin, "
        "mélanomes malins, melanoma maligno, melanomas malignos, melanomi, melanomi maligni"
    )),
    Diagnosis("nv", "melanocytic nevus", False, _names(
        "nevus, naevus, nævus, nevi, naevi, nev, melanocytic nevi, melanocytic naevus, melanocytic naevi, Nävus, Nävi, "
        "Nävuszellnävus, Naevuszellnaevus, melanozytärer Nävus, melanozytaerer Naevus, melanozytärer Naevus, melanozytäre "
        "Nävi, melanozytäre Naevi, nævi, nævus mélanocytaire, naevus mélanocytaire, naevus mélanocytaires, nevo, nevos, nevo "
        "melanocítico, nevos melanocíticos, nevus melanocítico, nevi melanocitici, nevo melanocitario, nevos melanocitarios"
    )),
    Diagnosis("vasc", "vascular lesion", False, _names(
        "vascular, vascular lesions, angioma, hemangioma, haemangioma, vaskuläre Läsion, vaskuläre Läsionen, vaskulaere "
        "Laesion, vaskulaere Laesionen, Gefäßläsion, Angiom, Hämangiom, Haemangiom, Hämangiome, lésion vasculaire, lésions "
        "vasculaires, angiome, hémangiome, lesión vascular, lesiones vasculares, lesione vascolare, lesioni vascolari, "
        "emangioma, lesão vascular, lesões vasculares"
    )),
    Diagnosis("benign", "benign", False, _names(
        "benign lesion, non malignant, not malignant, no cancer, gutartig, benigne, bénin, benigno, benigna"
    )),
    Diagnosis("malignant", "malignant", True, _names(
        "malignant lesion, malignancy, cancer, bösartig, boesartig, maligne, malin, maligno, maligna"
    )),
)  # fmt: skip
DIAGNOSES: Mapping[str, Diagnosis] = MappingProxyType({row.code: row for row in _ROWS})


def spelt(label: str) -> str:
    """A label as labels are compared: without case, accents, outer spaces and apostrophes, its words parted by one space."""
    bare = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", label)))
    return " ".join(re.sub(r"['’]", "", re.sub(r"[\s_\-/&.,]+", " ", bare)).casefold().split())


@cache
def _spellings() -> Mapping[str, Diagnosis]:
    return {spelt(text): row for row in _ROWS for text in (row.code, row.name, *row.also)}


def diagnosis(label: str) -> Diagnosis | None:
    """What a label means, whatever its spelling (``MEL``, ``melanoma``, ``mel ``); None where the table does not know it."""
    return _spellings().get(spelt(label))


def spellings_of(label: str) -> tuple[str, ...]:
    """A label, and every name of the diagnosis that it means, as labels are compared."""
    row = diagnosis(label)
    return (spelt(label), *(spelt(text) for text in (row.name, *row.also))) if row else (spelt(label),)


def names_of(labels: Iterable[str]) -> dict[str, str]:
    """What each label is called on pages and in reports: an abbreviation by its name in words, any other by itself.

    Words, in whatever language, are the user's own and are what people read everywhere: where one of the labels is in words
    (``Melanom``), or two mean one diagnosis, these stay as they are.
    """
    known = {label: diagnosis(label) for label in labels}
    meant = [row for row in known.values() if row]
    own_words = any(
        row and len(spelt(label)) > _ABBREVIATION and spelt(label) != row.code for label, row in known.items()
    )
    return {
        label: row.name if row and not own_words and meant.count(row) == 1 else label for label, row in known.items()
    }


_ABBREVIATION = 3
"""Letters of the longest abbreviation that is not a code of the table: ``ack``, ``sek``, ``nev``."""


def meanings_sentence(labels: Iterable[str], malignant: Iterable[str] = ()) -> str:
    """What the names of classes are taken for, and which of them count as ``malignant``; "" where the table knows none."""
    known, ill = {label: diagnosis(label) for label in labels}, frozenset(malignant)
    if not any(known.values()):
        return ""
    parts = [
        f"{label} {f'means {row.name}' if row else 'is none that is known'}{' (malignant)' if label in ill else ''}"
        for label, row in known.items()
    ]
    return f"by the names of the classes, {', '.join(parts)}."


def malignant_among(labels: Iterable[str]) -> tuple[str, ...]:
    """Those of the labels that the table knows and counts as malignant, in their order."""
    return tuple(label for label in labels if (row := diagnosis(label)) and row.malignant)


def matched(labels: Iterable[str], classes: Sequence[str], synonyms: Mapping[str, str] | None = None) -> dict[str, str]:
    """The class that each label means: the same text, one of the ``synonyms`` (label → class), the same but for case and
    signs, or the same diagnosis. A label that means none of the classes, or more than one, is not in the answer.
    """
    given = {spelt(label): name for label, name in (synonyms or {}).items()}
    found = {}
    for label in labels:
        alike = [name for name in classes if spelt(name) == spelt(label)]
        same = [name for name in classes if (row := diagnosis(label)) and diagnosis(name) == row]
        named = [given[spelt(label)]] if given.get(spelt(label)) in classes else []
        for choice in ([label] if label in classes else [], named, alike, same):
            if len(choice) == 1:
                found[label] = choice[0]
                break
    return found
