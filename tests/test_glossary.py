"""The glossary: what is found in a text, hover text, HTML, and the document made from the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from dermaviz.glossary import TERMS, glossary_markdown, meanings, terms_in, with_abbr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Balanced accuracy is 0.7 and accuracy 0.8.", ["balanced accuracy", "accuracy"]),
        ("ROC AUC of melanoma at ε = 1/255", ["AUC", "ε"]),
        ("Grad-CAM++ beats Grad-CAM", ["Grad-CAM++", "Grad-CAM"]),
        ("It is 90% sensitive; inaccuracy, ITAlia and leakage are other words", []),
        ("Recall is sensitivity", ["sensitivity"]),
    ],
)
def test_terms_are_found_whole_the_longest_first(text: str, found: list[str]) -> None:
    assert terms_in(text) == found


def test_hover_text_has_the_meaning_and_nothing_where_there_is_no_term() -> None:
    assert meanings("its AUC") == f"**AUC**: {TERMS['AUC'].means}"
    assert meanings("a sentence without any") is None


def test_in_html_a_term_is_told_once_and_the_text_is_escaped() -> None:
    known: set[str] = set()
    assert with_abbr("<b>F1</b>", known) == f'&lt;b&gt;<abbr title="{TERMS["F1"].means}">F1</abbr>&lt;/b&gt;'
    assert with_abbr("F1", known) == "F1"


def test_a_meaning_is_a_sentence_of_at_most_25_words_and_no_word_means_two_things() -> None:
    words = [word.lower() for name, term in TERMS.items() for word in (name, *term.also)]
    assert len(words) == len(set(words))
    for name, term in TERMS.items():
        assert term.means.endswith("."), name
        assert len(term.means.split()) <= 25, name


def test_the_document_is_up_to_date() -> None:
    written = Path(__file__).parents[1] / "docs" / "glossary.md"
    assert written.read_text(encoding="utf-8") == glossary_markdown(), "run: python docs/make_api.py"
