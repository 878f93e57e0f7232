"""Right and looking: was the answer right, and did the attention map lie on the lesion?

``right_and_looking`` counts a test set by group, with bootstrap intervals. The rest is an audit of a handful of images, whose
labels come from a table as people keep them, with exact binomial intervals that take the images to be of different lesions.
After the experiment of Gupta et al. on nine images of darker skin: a model may be right on eight of nine with its attention in
a corner.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import fisher_exact, norm

from dermaviz.data.folders import Named
from dermaviz.data.labelled_tables import prepared_table
from dermaviz.data.readers import form_of
from dermaviz.data.tables import Columns, expect_columns, find_columns, parse_table, plain, some
from dermaviz.diagnoses import matched
from dermaviz.errors import DatasetError
from dermaviz.io import csv_text
from dermaviz.metrics.bootstrap import DRAWS, Bootstrap, ClusterIds, exact_interval

LOOKING, ELSEWHERE, UNKNOWN = "at the lesion", "elsewhere", "cannot say"
"""Where the model looked: energy in lesion above the share of the picture that the lesion covers, or not, or no map or mask."""
ALL, DIAGNOSIS, OF_MALIGNANT, OF_BENIGN, LOOKED, ONLY_RIGHT = (
    "all photos", "named the diagnosis", "malignant photos called malignant", "benign photos called benign",
    "right, and looked at the lesion", "right, but looked elsewhere",
)  # fmt: skip
NOT_KNOWN = "not known"
CELLS = ((True, LOOKING), (True, ELSEWHERE), (False, LOOKING), (False, ELSEWHERE))
"""Right and looking, right and looking elsewhere, wrong and looking, wrong and looking elsewhere."""


def where_looked(energy: ArrayLike, lesion_area: ArrayLike) -> NDArray[np.str_]:
    """Where the model looked, ``[N]``: ``LOOKING``, ``ELSEWHERE`` or ``UNKNOWN``.

    A map looks at the lesion if the share of its energy in the lesion is above the lesion's share of the picture, which is
    what an even map has there. Where the lesion is all or nothing of the picture, no map can be judged.

    Args:
        energy: share of the attention map's energy in the lesion, in [0, 1], ``[N]``; NaN where a map shows nothing.
        lesion_area: the lesion's share of the picture, in [0, 1], ``[N]``; NaN where it is unknown.
    """
    inside, area = np.asarray(energy, dtype=np.float64), np.asarray(lesion_area, dtype=np.float64)
    known = np.isfinite(inside) & (area > 0) & (area < 1)
    return np.where(known, np.where(inside > area, LOOKING, ELSEWHERE), UNKNOWN)


def right_and_looking(
    correct: NDArray[np.bool_],
    energy: NDArray[np.floating],
    lesion_area: NDArray[np.floating],
    groups: Sequence[str],
    cluster_ids: ClusterIds,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Images of each group by whether the answer was ``correct`` (bool ``[N]``) and whether the model looked at the lesion
    (:func:`where_looked`). Images of group "" (unknown) are left out.

    Returns:
        Four rows per group, the largest first: ``group, right, looking`` (bool); ``n_images`` and ``n_clusters`` of the row;
        ``share, low, high`` of the group's images that can be judged; ``share_of_answers, …_low, …_high`` of its right images
        alone, or of its wrong ones (of the right ones, how many looked elsewhere); ``n_group`` images that can be judged, and
        ``n_unplaced`` that cannot, without a map or a lesion.
    """
    names, looked = np.asarray(groups, str), where_looked(energy, lesion_area)
    drawn = Bootstrap.over(np.asarray(cluster_ids, str), draws)
    rows: list[dict[str, Any]] = []
    for group in pd.Series(names[names != ""]).value_counts(sort=True).index:
        mine = (names == group) & (looked != UNKNOWN)
        n_group = int(mine.sum())
        for is_right, where in CELLS:
            answers = mine & (np.asarray(correct, bool) == is_right)
            cell = answers & (looked == where)
            row = {"group": group, "right": is_right, "looking": where == LOOKING}
            row |= drawn.take(cell).counts
            row |= zip(("share", "low", "high", "exact"), _share(cell, mine, drawn), strict=True)
            of_answers = [f"share_of_answers{end}" for end in ("", "_low", "_high", "_exact")]
            row |= zip(of_answers, _share(cell, answers, drawn), strict=True)
            rows.append(row | {"n_group": n_group, "n_unplaced": int((names == group).sum()) - n_group})
    return pd.DataFrame(rows)


def _share(cell: NDArray[np.bool_], of: NDArray[np.bool_], drawn: Bootstrap) -> tuple[float, float, float, bool]:
    """The images of a cell as a share of some images, with its interval, and whether that is exact.

    Where it is none or all of them, it is so in every draw, which is no certainty: they have the exact interval of as many
    lesions, also where these are so few that many draws have none.
    """
    k, some = int(cell.sum()), drawn.take(of)
    if k in (0, len(some.cluster_ids)):
        n_clusters = some.counts["n_clusters"]
        return astuple(exact_interval(n_clusters if k else 0, n_clusters))
    return astuple(some.mean(cell[of]).estimate())


@dataclass(frozen=True)
class Difference:
    """The two largest groups beside each other: ``right`` of ``n`` images each.

    ``p`` is that of Fisher's exact test, two-sided: how often chance alone would set groups of these sizes this far apart.
    """

    names: tuple[str, str]
    right: tuple[int, int]
    n: tuple[int, int]
    p: float


def kind(label: str, malignant: Iterable[str]) -> str:
    """``malignant`` or ``benign``, of a class or of one of these words; "" where no class counts as malignant."""
    known = frozenset(malignant)
    if not known:
        return ""
    return MALIGNANT if label in known or label == MALIGNANT else BENIGN


def judged(photos: pd.DataFrame, malignant: Iterable[str]) -> pd.DataFrame:
    """The images with what follows for each: whether the answer is right, its kind, and where the model looked.

    Args:
        photos: ``label`` (a class, or ``malignant`` or ``benign``), ``predicted`` (a class), ``energy`` and ``lesion_area`` in
            [0, 1] or NaN; other columns are kept.

    Returns:
        The same rows with ``right`` (bool: the same class, or, where the label is only ``malignant`` or ``benign``, the same
        kind), ``kind`` and ``predicted_kind`` (see :func:`kind`), ``looked`` (see :func:`where_looked`) and ``flagged`` (bool:
        right, but looked elsewhere).
    """
    known = frozenset(malignant)
    labels, predicted = photos["label"].to_numpy(), photos["predicted"].to_numpy()
    kinds, predicted_kinds = (np.array([kind(name, known) for name in names], object) for names in (labels, predicted))
    coarse = np.isin(labels.astype(str), (MALIGNANT, BENIGN))
    right = (predicted == labels) | (coarse & (predicted_kinds == labels))
    looked = where_looked(photos["energy"], photos["lesion_area"]).astype(object)
    return photos.assign(
        right=right, kind=kinds, predicted_kind=predicted_kinds, looked=looked, flagged=right & (looked == ELSEWHERE)
    )


def counts(photos: pd.DataFrame) -> pd.DataFrame:
    """How many of how many, over all images, as a table ``label, k, n, value, low, high`` with exact 95% intervals.

    Rows: right on all images; where some labels are diagnoses and some only malignant or benign, those with a diagnosis alone;
    malignant and benign ones called so; and of the right answers those that looked at the lesion, and those that looked
    elsewhere. ``photos`` are those of :func:`judged`.
    """
    right, looked = photos["right"].to_numpy(), photos["looked"].to_numpy()
    exact = ~photos["label"].isin([MALIGNANT, BENIGN]).to_numpy()
    kinds = photos["kind"].to_numpy()
    same_kind = kinds == photos["predicted_kind"].to_numpy()
    known = right & (looked != UNKNOWN)
    rows = [_row(ALL, right)]
    if exact.any() and not exact.all():
        rows.append(_row(DIAGNOSIS, right[exact]))
    rows += [_row(label, same_kind[kinds == of]) for label, of in ((OF_MALIGNANT, MALIGNANT), (OF_BENIGN, BENIGN))]
    rows += [_row(label, looked[known] == where) for label, where in ((LOOKED, LOOKING), (ONLY_RIGHT, ELSEWHERE))]
    table = pd.DataFrame(rows)
    return table[table["n"] > 0].reset_index(drop=True)


def counts_by(photos: pd.DataFrame, column: str, order: Iterable[str] = ()) -> pd.DataFrame:
    """How many of how many ``photos`` of :func:`judged` were right in each group of a column: ``label, k, n, value, low, high``.

    Groups come in ``order``, others by name; "" counts as "not known", and comes last.
    """
    groups = photos[column].replace("", NOT_KNOWN)
    found = set(groups) - {NOT_KNOWN}
    first = [group for group in order if group in found]
    named = [*first, *sorted(found - set(first)), *([NOT_KNOWN] if (groups == NOT_KNOWN).any() else [])]
    return pd.DataFrame([_row(group, photos["right"].to_numpy()[(groups == group).to_numpy()]) for group in named])


def largest_difference(table: pd.DataFrame) -> Difference | None:
    """The two largest groups of :func:`counts_by`, the better one first; None where fewer than two are known."""
    known = table[table["label"] != NOT_KNOWN].nlargest(2, "n", keep="first").sort_values("value", ascending=False)
    if len(known) < 2:
        return None
    (a, b), (m, n) = known["k"].tolist(), known["n"].tolist()
    p = float(fisher_exact([[a, m - a], [b, n - b]]).pvalue)
    return Difference(tuple(known["label"]), (a, b), (m, n), p)


def commonest(photos: pd.DataFrame) -> tuple[str, int]:
    """The most frequent label and its number of images: what always answering it would get right."""
    found = photos["label"].value_counts()
    return str(found.index[0]), int(found.iloc[0])


def photos_needed(first: float, second: float) -> int:
    """Images in each of two groups to see, at 5% and with a power of 80%, that one is right in the share ``first`` and the other
    in ``second``.

    The normal approximation for two independent shares (Fleiss, Statistical Methods for Rates and Proportions, 2nd ed. 1981,
    equation 3.14), without continuity correction.
    """
    mean = (first + second) / 2
    spread = norm.ppf(0.975) * math.sqrt(2 * mean * (1 - mean))
    spread += norm.ppf(0.8) * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil((spread / (first - second)) ** 2)


def _row(label: str, hits: NDArray[np.bool_]) -> dict[str, object]:
    k, n = int(hits.sum()), len(hits)
    return {"label": label, "k": k, "n": n, **asdict(exact_interval(k, n))}


MALIGNANT, BENIGN = "malignant", "benign"
"""Labels where the diagnosis is not known."""
COLUMNS = ("image", "label", "tone", "lesion_id", "group")


@dataclass(frozen=True, eq=False)
class LabelSheet:
    """Labels matched to photos.

    ``rows`` has a row per photo that has a label, in the sheet's order: ``photo`` (its place in the list of names), ``image``
    (its name), ``label`` (a class, or ``malignant`` or ``benign``), and ``tone``, ``lesion_id`` and ``group`` as they were
    given, "" where they were not. ``without_photo`` are names in the sheet that no photo bears, ``without_label`` are
    photos that no row names, and ``notes`` say what was guessed, a sentence each.
    """

    rows: pd.DataFrame
    without_photo: tuple[str, ...]
    without_label: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_label_sheet(
    content: bytes,
    names: Sequence[str],
    classes: Mapping[str, str],
    malignant: Iterable[str],
    columns: Columns | None = None,
    sheet: str = "labels.csv",
) -> LabelSheet:
    """Read a table of labels as data sets are read, and match its rows to photos.

    Delimiter, encoding, published forms and the usual names of columns are found as by
    :func:`~dermaviz.data.labelled_tables.read_table`; a column ``group`` is kept as well. A diagnosis may be a class, its name
    in words or a part of that between slashes, another spelling in the table of diagnoses, or ``malignant`` or ``benign``.

    Args:
        content: bytes of the file ``sheet``.
        names: of the photos, with their folders if they came in one.
        classes: class to its name in words.
        malignant: the classes that count as malignant; where there are none, those two words are no labels.
        columns: which column holds what, where the names are not the usual ones.

    Raises:
        DatasetError: the file is no such table, a label is unknown or missing, a photo is named twice, a name fits several
            photos, or no name fits any.
    """
    asked, read = columns or Columns(), parse_table(content, sheet)
    form = form_of(read.frame)
    table, _ = prepared_table(read, sheet, asked, form, Path())
    frame = table.frame
    found = find_columns(frame, asked, form.columns)
    said = expect_columns(frame, sheet, asked, found)
    group = next((str(column) for column in frame if plain(column) == "group"), "")
    roles = (found.image, found.label, found.tone, found.lesion, group)
    rows = pd.DataFrame({wanted: frame[name] if name else "" for wanted, name in zip(COLUMNS, roles, strict=True)})
    rows = _with_photos(rows[rows["image"] != ""], names, found.image)
    kept = rows.dropna(subset=["photo"]).astype({"photo": int})
    labels, renamed = _labels(kept, classes, bool(set(malignant)))
    kept = kept.assign(image=[names[i] for i in kept["photo"]], label=labels)[["photo", *COLUMNS]]
    labelled = set(kept["photo"])
    return LabelSheet(
        kept.reset_index(drop=True),
        tuple(rows["image"][rows["photo"].isna()]),
        tuple(name for i, name in enumerate(names) if i not in labelled),
        (said, *table.notes, *form.notes, *renamed),
    )


def _with_photos(rows: pd.DataFrame, names: Sequence[str], column: str) -> pd.DataFrame:
    """The rows with the index of the photo that each names, missing where it is not here; ``column`` is that of the names."""
    photos = Named(names)
    rows = rows.assign(photo=[photos.place(name) for name in rows["image"]])
    there = rows["photo"].dropna()
    if there.empty:
        raise DatasetError(
            f"expected rows that name the photos ({some(names)}), found none that does; the first names are "
            f"{some(rows['image']) or 'empty'}. Write the photos' file names into the column {column!r}."
        )
    twice = [names[int(i)] for i, n in Counter(there).items() if n > 1]
    if twice:
        raise DatasetError(
            f"expected one row for each photo, found several for {len(twice)} ({some(twice)}). Keep one of them."
        )
    return rows


def template(names: Sequence[str]) -> bytes:
    """A CSV to fill in, with a row for each photo, or an example where there are none yet."""
    rows = [(name, "", "", "", "") for name in names or ("mole-1.jpg",)]
    return csv_text([("image", "diagnosis", "tone", "lesion_id", "group"), *rows], "\r\n").encode()


def _labels(kept: pd.DataFrame, classes: Mapping[str, str], malignant: bool) -> tuple[list[str], list[str]]:
    """The label of each row as the classes, or ``malignant`` and ``benign``, spell it; and which were taken for another's."""
    synonyms = {part: name for name, words in reversed(list(classes.items())) for part in (words, *words.split("/"))}
    empty = kept["image"][kept["label"] == ""].tolist()
    if empty:
        raise DatasetError(
            f"expected a diagnosis in every row, found none for {len(empty)} of {len(kept)} photos ({some(empty)}). "
            "Fill them in, or remove their rows."
        )
    given = sorted(set(kept["label"]))
    known = matched(given, [*classes, *((MALIGNANT, BENIGN) if malignant else ())], synonyms)
    unknown = [label for label in given if label not in known]
    if unknown:
        words = [name if name == spelt else f"{spelt} ({name})" for name, spelt in classes.items()]
        either = f", or {MALIGNANT} or {BENIGN}" if malignant else ""
        raise DatasetError(
            f"expected diagnoses among {', '.join(words)}{either}; found {some(map(repr, unknown))}. "
            "Correct the spelling, or remove rows of diagnoses that the model does not know."
        )
    other = [f"{label} as {known[label]}" for label in given if known[label] != label]
    renamed = [f"Labels read as the model's: {', '.join(other)}."] if other else []
    return [known[label] for label in kept["label"]], renamed
