"""What a reader of a table expects to find in it."""

from __future__ import annotations

import pandas as pd
import pytest

from dermaviz.errors import EvidenceError
from dermaviz.evidence.store import labels_of, require_columns

PREDICTIONS = pd.DataFrame(
    {"image_id": ["a", "b", "c"], "lesion_id": ["x", "x", "y"], "dx": ["nv", "mel", "nv"], "p_mel": 0.25, "p_nv": 0.75}
)


def test_labels_are_places_among_the_classes() -> None:
    assert labels_of(PREDICTIONS, ("mel", "nv")).tolist() == [1, 0, 1]


def test_no_rows_have_no_labels() -> None:
    assert labels_of(PREDICTIONS[:0], ("mel", "nv")).tolist() == []


@pytest.mark.parametrize(
    ("table", "classes", "message"),
    [
        (PREDICTIONS.drop(columns="dx"), ("mel", "nv"), "found dx missing. Make the evidence again"),
        (PREDICTIONS, ("bcc", "nv"), "found p_bcc missing"),
        (PREDICTIONS.assign(p_mel="0.25"), ("mel", "nv"), "probabilities as numbers, found others in p_mel"),
        (PREDICTIONS, ("nv",), "the classes nv, found the unknown diagnoses mel"),
    ],
)
def test_says_what_is_missing(table: pd.DataFrame, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        labels_of(table, classes)


def test_goes_on_with_all_columns_there() -> None:
    require_columns(PREDICTIONS, ("dx", "p_nv"))
