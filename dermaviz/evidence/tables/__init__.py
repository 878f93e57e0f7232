"""The registry of evidence tables: what each answers, which functions make it, and what every reader may rely on.

Adding a table is one row here and one function that makes its rows, lazily and part by part::

    def NAME_rows(classifier: Classifier, dataset: Dataset, slices: Sequence[slice]) -> Iterator[pd.DataFrame]: ...

Functions are named as ``module:function`` and imported when the table is made, so that the registry can be listed, and
tables be read and checked, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dermaviz.errors import EvidenceError

if TYPE_CHECKING:
    import pandas as pd

    from dermaviz.data.records import Dataset

DRAWN = "drawn"
"""Name of the data set and of its only split, where a table draws its own lesions."""
SAMPLE_SEED = 0
FEW, SOME, PART = 10, 32, 128
"""Images of a part: of a table about few images, which processes share evenly; of one that takes long; of any other."""
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from 1 in sum: float16 in a foreign table comes this far."""


@dataclass(frozen=True)
class Table:
    """A table of evidence.

    Args:
        about: what it answers.
        rows: function that makes its rows of a classifier, a data set and slices of it.
        columns: what it must have, besides a ``p_<class>`` for each class where it holds whole predictions. Of columns
            named here, none is taken for the probability of a class.
        key: the columns that tell its rows apart.
        parameters: function that gives its settings, for its address.
        sample: a costly table is about so many images, drawn by a fixed seed; 0 is all.
        drawn: function from the checkpoint's classes to the lesions that the table draws itself. It needs no data, and
            ``rows`` takes only the classifier and slices of these.
        own_classes: it asks the network for its own classes even where images are labelled by groups of them, for attention
            maps are of its outputs; :func:`~dermaviz.evidence.predictions.in_groups` sums what it said.
        by_gradient: it asks more of a network than answers.
        part: images that one process measures at a time. An audit that was stopped goes on after the last whole part.
    """

    about: str
    rows: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ("image_id",)
    parameters: str = ""
    sample: int = 0
    drawn: str = ""
    own_classes: bool = False
    by_gradient: bool = False
    part: int = PART

    def make_rows(self) -> Callable[..., Iterator[pd.DataFrame]]:
        """The function that makes the rows. Imports torch."""
        return resolve_name(self.rows)

    def settings(self) -> dict[str, Any]:
        """Everything but the images and the model that decides what is in the table."""
        given: dict[str, Any] = resolve_name(self.parameters)() if self.parameters else {}
        return given | ({"sample": self.sample} if self.sample else {})

    def images(self, data: Dataset) -> Dataset:
        """The images of a data set that the table is about, in its order."""
        import numpy as np

        if not 0 < self.sample < len(data):
            return data
        chosen = np.random.default_rng(SAMPLE_SEED).choice(len(data), self.sample, replace=False)
        return data.take(data.records[i] for i in sorted(chosen))

    def check(self, table: pd.DataFrame, where: str, only: Sequence[str] | None = None) -> None:
        """Go on only with a table that has its columns, names each row once, and whose probabilities are such.

        Args:
            only: the columns that were read, if not all were: the others are not asked for.

        Raises:
            EvidenceError: a column is missing, a name is missing or there twice, or probabilities are not finite, not in
                [0, 1], or do not sum to 1. ``where`` names the file.
        """
        remedy = "Make the evidence again with `dermaviz audit`."
        wanted = [name for name in (*self.key, *self.columns) if only is None or name in only]
        missing = [name for name in wanted if name not in table]
        if missing:
            raise EvidenceError(
                f"{where}: expected the columns {', '.join(wanted)}, found {', '.join(missing)} missing. {remedy}"
            )
        texts = [name for name in ("image_id", "lesion_id", "dx") if name in table]
        odd = [name for name in texts if not _is_text(table[name])]
        if odd:
            raise EvidenceError(f"{where}: expected text, found other values in {', '.join(odd)}. {remedy}")
        absent, repeated = int(table[texts].isna().any(axis=1).sum()), 0
        if set(self.key) <= set(table):
            repeated = _repeated(table[list(self.key)])
        if absent or repeated:
            raise EvidenceError(
                f"{where}: expected every row to have {', '.join(texts)}, and no two the same {' and '.join(self.key)}; "
                f"found {absent:,} without and {repeated:,} repeated. {remedy}"
            )
        classes = [c for c in table if c.startswith("p_") and c not in self.columns and table[c].dtype.kind == "f"]
        p = table[classes].to_numpy(float)
        wrong = ~((p >= 0) & (p <= 1 + SUM_TOLERANCE)).all(axis=1)
        if classes:
            wrong |= ~(abs(p.sum(axis=1) - 1) <= SUM_TOLERANCE)
        if wrong.any():
            raise EvidenceError(
                f"{where}: expected probabilities in [0, 1] that sum to 1 in every row, found {int(wrong.sum()):,} rows with "
                f"others, first that of {table['image_id'][wrong].iloc[0]!r}. {remedy}"
            )


def _is_text(column: pd.Series) -> bool:
    """Whether all values that are there are texts: by the column's type where that says so."""
    import pandas as pd

    kind = column.cat.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    return isinstance(kind, pd.StringDtype) or all(isinstance(value, str) for value in column.dropna())


def _repeated(keys: pd.DataFrame) -> int:
    """How many rows are as one before them; counted by number, which takes a tenth of the time of ``duplicated``."""
    import numpy as np
    import pandas as pd

    row, n = np.zeros(len(keys), np.int64), 1
    for name in keys:
        code, values = pd.factorize(keys[name], use_na_sentinel=False)
        row, n = row * len(values) + code, n * max(len(values), 1)
    if n > 4 * len(keys):
        return int(keys.duplicated().sum())
    return len(row) - int((np.bincount(row, minlength=1) > 0).sum())


_ROOM = "dermaviz.evidence.tables"

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        "predictions": Table(
            "what the model says of each image",
            rows="dermaviz.evidence.evaluate:prediction_rows",
            columns=("lesion_id", "dx"),
        ),
        "attacks": Table(
            "the same under FGSM, PGD and noise of the same size",
            rows=f"{_ROOM}.robustness:attack_rows",
            columns=("predicted", "p_true", "p_malignant", "zero_gradient"),
            key=("image_id", "method", "epsilon"),
            parameters=f"{_ROOM}.robustness:attack_parameters",
            by_gradient=True,
            part=SOME,
        ),
        "flips": Table(
            "the smallest FGSM step that flips its answer",
            rows=f"{_ROOM}.robustness:flip_rows",
            columns=("flip_epsilon", "flipped_to", "zero_gradient", "cap"),
            parameters=f"{_ROOM}.robustness:flip_parameters",
            by_gradient=True,
            part=SOME,
        ),
        "corruptions": Table(
            "what it says of each image corrupted in 17 ways, five severities each",
            rows=f"{_ROOM}.robustness:corruption_rows",
            columns=("predicted", "p_true", "p_malignant"),
            key=("image_id", "corruption", "severity"),
            parameters=f"{_ROOM}.robustness:corruption_parameters",
            part=SOME,
        ),
        "cameras": Table(
            "what it says of the same lesion at other sharpness, size, crop, colour and JPEG quality",
            rows=f"{_ROOM}.robustness:cameras_rows",
            columns=("predicted", "p_true", "p_malignant"),
            key=("image_id", "change", "level"),
            parameters=f"{_ROOM}.robustness:cameras_parameters",
            sample=200,
            part=FEW,
        ),
        "tone": Table(
            "the skin round each lesion, by three estimators",
            rows=f"{_ROOM}.tone:tone_rows",
            columns=("mask", "ita", "ita_clusters", "ita_constancy", "b", "excluded", "tone_group"),
            parameters=f"{_ROOM}.tone:tone_parameters",
        ),
        "attention": Table(
            "whether its attention lies on the lesion",
            rows=f"{_ROOM}.attention:attention_rows",
            columns=(
                "predicted",
                "method",
                "status",
                "mask",
                "lesion_area",
                "energy",
                "energy_centre",
                "energy_random",
            ),
            parameters=f"{_ROOM}.attention:attention_parameters",
            by_gradient=True,
            own_classes=True,
        ),
        "shortcuts": Table(
            "what it says with a ruler, ink or hair laid over, and of lesion or background alone",
            rows=f"{_ROOM}.attention:shortcuts_rows",
            columns=(),
            key=("image_id", "variant"),
            parameters=f"{_ROOM}.attention:shortcuts_parameters",
            part=SOME,
        ),
        "counterfactuals": Table(
            "what it says of the same image on other skin",
            rows=f"{_ROOM}.tone:counterfactuals_rows",
            columns=("shift", "clipped", "rank_correlation", "energy", "lesion_area"),
            key=("image_id", "axis", "lesion", "ita_to"),
            parameters=f"{_ROOM}.tone:counterfactuals_parameters",
            own_classes=True,
            sample=300,
            part=FEW,
        ),
        "faithfulness": Table(
            "whether its answer depends on what each attention method marks",
            rows=f"{_ROOM}.attention:faithfulness_rows",
            columns=("predicted", "deletion", "insertion", "road", "energy", "lesion_area", "mask"),
            key=("image_id", "method"),
            parameters=f"{_ROOM}.attention:faithfulness_parameters",
            by_gradient=True,
            own_classes=True,
            sample=100,
            part=FEW,
        ),
        "randomisation": Table(
            "how each method's map changes as the weights are randomised",
            rows=f"{_ROOM}.attention:randomisation_rows",
            columns=("rank_correlation",),
            key=("image_id", "method", "stage"),
            parameters=f"{_ROOM}.attention:randomisation_parameters",
            by_gradient=True,
            own_classes=True,
            sample=60,
            part=FEW,
        ),
        "drawn_tone": Table(
            "what it says of the same drawn lesions on skin of every tone",
            rows=f"{_ROOM}.tone:drawn_tone_rows",
            columns=("lesion_id", "dx", "ita", "predicted", "p_malignant", "energy", "lesion_area"),
            parameters=f"{_ROOM}.tone:drawn_tone_parameters",
            drawn=f"{_ROOM}.tone:drawn_lesions",
            part=FEW,
        ),
    }
)
"""Every table of evidence by its name, which is also the name of its file."""
