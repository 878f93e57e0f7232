"""Evidence: what a reader of a table expects to find in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dermaviz.errors import EvidenceError


def require_columns(table: pd.DataFrame, wanted: Sequence[str]) -> None:
    """Go on only with a table that has all of these columns.

    Raises:
        EvidenceError: one is missing.
    """
    missing = [name for name in wanted if name not in table]
    if missing:
        raise EvidenceError(
            f"expected the columns {', '.join(wanted)}, found {', '.join(missing)} missing. "
            "Make the evidence again with `dermaviz audit`."
        )


def labels_of(table: pd.DataFrame, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The true class of each row of the table ``predictions``, int64 ``[N]``, as an index into ``classes``.

    Raises:
        EvidenceError: a column of predictions is missing (``image_id, lesion_id, dx, p_<class>``), or a diagnosis is none of
            the classes.
    """
    require_columns(table, ("image_id", "lesion_id", "dx", *(f"p_{name}" for name in classes)))
    unknown = sorted(set(table["dx"]) - set(classes))
    if unknown:
        raise EvidenceError(
            f"expected predictions of the classes {', '.join(classes)}, found the unknown diagnoses {', '.join(unknown)}. "
            "Make the evidence again with `dermaviz audit`."
        )
    return pd.Categorical(table["dx"], categories=list(classes)).codes.astype(np.int64)
