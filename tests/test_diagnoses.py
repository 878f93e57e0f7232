"""What labels mean: spellings, malignancy, and the classes that a data set's labels are matched with."""

from __future__ import annotations

import pytest

from dermaviz.data.records import HAM10000
from dermaviz.diagnoses import DIAGNOSES, diagnosis, malignant_among, matched, meanings_sentence, names_of, spelt


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("MEL", "mel"), ("mel ", "mel"), ("Melanoma", "mel"), ("malignant_melanoma", "mel"), ("Basal-cell carcinoma", "bcc"),
        ("Bowen’s disease", "akiec"), ("ACK", "ak"), ("Nevus", "nv"), ("SEK", "bkl"), ("not malignant", "benign"),
        ("Melanom", "mel"), ("MALIGNES MELANOM", "mel"), ("Me\u0301lanome", "mel"), ("melanomi", "mel"),
        ("melanoma maligno", "mel"),
        ("Basaliom", "bcc"), ("Basalzellkarzinom", "bcc"), ("carcinome basocellulaire", "bcc"), ("carcinoma basocelular", "bcc"),
        ("Plattenepithelkarzinom", "scc"), ("carcinome épidermoïde", "scc"), ("carcinoma espinocelular", "scc"),
        ("aktinische Keratose", "ak"), ("queratosis actinica", "ak"), ("cheratosi attinica", "ak"), ("Bowen-Krankheit", "akiec"),
        ("Na\u0308vus", "nv"), ("Nävus", "nv"), ("nævus", "nv"), ("nevo melanocítico", "nv"), ("Nävuszellnävus", "nv"),
        ("Seborrhoische Keratose", "bkl"), ("kératose séborrhéique", "bkl"), ("queratose seborreica", "bkl"),
        ("Dermatofibrom", "df"), ("histiocytofibrome", "df"), ("Hämangiom", "vasc"), ("Gefäßläsion", "vasc"),
        ("lesão vascular", "vasc"),
        ("bösartig", "malignant"), ("bénin", "benign"), ("kein Melanom", None), ("Melanom?", None), ("Nävus, Melanom", None),
        ("dysplastischer Nävus", None), ("がん", None), ("nevus, atypical", None), ("", None), ("other", None),
    ],
)  # fmt: skip
def test_a_label_means_a_diagnosis_whatever_its_spelling(label, code):
    found = diagnosis(label)
    assert (found.code if found else None) == code


def test_no_spelling_means_two_diagnoses_and_ham10000_is_as_published():
    texts = [spelt(text) for row in DIAGNOSES.values() for text in {row.code, row.name, *row.also}]
    assert len(texts) == len(set(texts))
    assert set(malignant_among(HAM10000.classes)) == HAM10000.malignant
    assert malignant_among(["ak", "other", "SCC"]) == ("SCC",)
    german = ["Basaliom", "Melanom", "Nävus", "Seborrhoische Keratose", "Spinaliom", "aktinische Keratose"]
    assert malignant_among(german) == ("Basaliom", "Melanom", "Spinaliom")


def test_names_in_words_where_they_tell_classes_apart():
    assert names_of(["MEL", "x"]) == {"MEL": "melanoma", "x": "x"}
    assert names_of(["SK", "BKL", "NV"]) == {"SK": "SK", "BKL": "BKL", "NV": "melanocytic nevus"}


@pytest.mark.parametrize("own", [("Nävus", "Melanom"), ("nevus", "melanoma"), ("nv", "Melanom"), ("nevo", "mel")])
def test_words_in_whatever_language_are_what_a_class_is_called(own):
    assert names_of(own) == {name: name for name in own}
    assert names_of(("NV", "mel", "other")) == {"NV": "melanocytic nevus", "mel": "melanoma", "other": "other"}


def test_what_names_are_taken_for_is_said_with_those_that_no_table_knows():
    said = meanings_sentence(["Nävus", "Melanom", "Rest"], ["Melanom"])
    assert said == (
        "by the names of the classes, Nävus means melanocytic nevus, Melanom means melanoma (malignant), "
        "Rest is none that is known."
    )
    assert meanings_sentence(["a", "b"], ["b"]) == ""


def test_labels_are_matched_with_classes_by_text_then_synonym_then_spelling_then_meaning():
    classes = ("melanoma", "NV", "other")
    assert matched(["mel", "nv", "Other", "melanoma", "bcc"], classes) == {
        "mel": "melanoma", "nv": "NV", "Other": "other", "melanoma": "melanoma",
    }  # fmt: skip
    assert matched(["BCC", "mel"], classes, {"bcc ": "other", "mel": "NV"}) == {"BCC": "other", "mel": "NV"}
    assert matched(["sek"], ("sk", "bkl")) == {}
    assert matched(["melanoma", "Mélanome"], ("Melanom", "Nävus")) == {"melanoma": "Melanom", "Mélanome": "Melanom"}
