"""What the tests of the pages share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dermaviz.models.card import DEFAULT_CHECKPOINT

SHIPPED = Path(__file__).parents[2] / "checkpoints" / DEFAULT_CHECKPOINT
N = 400


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set is there, as on most users' machines."""
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """The first ``N`` photos of the test split with what the default model says of them."""
    return pd.read_parquet(SHIPPED / "evidence" / "test" / "predictions.parquet").iloc[:N].reset_index(drop=True)
