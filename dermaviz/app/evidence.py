"""What an audit left beside a checkpoint, and which of its data sets the pages show.

Evidence is keyed by checkpoint × data set × split. One data set is in use in a session: the query parameter ``data``
(``isic-uda1/test``), which the bar asks for and :func:`data_in_use` tells; without it, the checkpoint's own test
split. :func:`audited`, :func:`table_of` and :func:`has_table` read of the one in use unless another is named.

Tables are read once for all sessions, and again once their files change. Nothing here loads torch: pages that show a data
set open without model or photos."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dermaviz.app.cache import remembered, shared
from dermaviz.app.checkpoints import Checkpoint, classifier
from dermaviz.evidence import predictions
from dermaviz.evidence.predictions import PREDICTIONS, Audited, data_sets, evidence_of, internal, read_audited
from dermaviz.evidence.store import FOLDER, DataSplit, Evidence, has_evidence, table_path
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.comparison import BesideConstant, beside_constant

DATA = "data"
"""The query parameter, and key of the widget, that names the data set in use."""
Stamps = tuple[tuple[str, int, int], ...]
"""Names of files, when each was last written, and its size."""


def data_in_use(checkpoint: Checkpoint) -> DataSplit:
    """The data set and split that the pages show of a checkpoint: the one asked for if it has predictions of it, else its own
    test split, or an external set where it has no predictions of that one."""
    known = data_sets(checkpoint)
    asked = st.session_state.get(DATA) or st.query_params.get(DATA)
    return next((of for of in known if str(of) == asked), usual_data(checkpoint))


def usual_data(checkpoint: Checkpoint) -> DataSplit:
    """The data set that the pages show where none is asked for."""
    known, own = data_sets(checkpoint), internal(checkpoint.card)
    return next((of for of in known if of == own or of.data_set != own.data_set), own)


def data_label(checkpoint: Checkpoint, of: DataSplit) -> str:
    """A data set as sentences name it: ``isic-uda1 · test · external``. Links have its plain name."""
    own = of.data_set == internal(checkpoint.card).data_set
    return f"{of.data_set} · {of.split} · {'its own' if own else 'external'}"


def audited(checkpoint: Checkpoint, of: DataSplit | None = None) -> Audited:
    """The predictions of a checkpoint on a data set (None: the one in use), each image with its tone group where tone was
    measured.

    Raises:
        EvidenceError: there is no such evidence, it is damaged, or it is of another model.
    """
    of = of or data_in_use(checkpoint)
    found = _audited(checkpoint, of, _stamps(checkpoint, of))
    return found if found.checkpoint.whole else replace(found, checkpoint=checkpoint)


def table_of(
    checkpoint: Checkpoint, table: str, of: DataSplit | None = None, columns: tuple[str, ...] | None = None
) -> Evidence:
    """A table of a checkpoint on a data set (None: the one in use), or only these columns of it; read, and judged, again once
    its files change.

    Raises:
        EvidenceError: there is no such table, it is damaged or stale.
    """
    of = of or data_in_use(checkpoint)
    stamps = tuple(stamp for stamp in _stamps(checkpoint, of) if stamp[0].startswith(f"{table}."))
    return _table(checkpoint, table, of, columns, stamps)


def has_table(checkpoint: Checkpoint, table: str, of: DataSplit | None = None) -> bool:
    """Whether this was measured of a checkpoint on a data set (None: the one in use)."""
    return has_evidence(checkpoint.folder, table, of or data_in_use(checkpoint))


def tone_note(checkpoint: Checkpoint, of: DataSplit | None = None) -> str | None:
    """Why the tone groups of a data set (None: the one in use) cannot be used; None where they can, or where there are none."""
    of = of or data_in_use(checkpoint)
    return _tone_note(checkpoint, of, _stamps(checkpoint, of))


@remembered(max_entries=256, show_spinner=False)
def worth(audited: Audited) -> BesideConstant:
    """How often these images are classified correctly, with intervals, beside always giving one class."""
    return beside_constant(audited.labels, audited.probabilities, audited.clusters)


def share_right(audited: Audited) -> Estimate:
    """The share of images that are classified correctly, with its interval."""
    return worth(audited).right


def no_better(audited: Audited) -> str:
    """That a model does no better than always giving one class, in a sentence; "" where it does."""
    return worth(audited).finding(list(audited.checkpoint.card.words.values()))


@shared(max_entries=16, show_spinner="Reading the evidence …")
def _table(
    checkpoint: Checkpoint, table: str, of: DataSplit, columns: tuple[str, ...] | None, stamps: Stamps
) -> Evidence:
    return evidence_of(checkpoint, table, of, columns)


@shared(max_entries=8, show_spinner=False)
def _audited(checkpoint: Checkpoint, of: DataSplit, stamps: Stamps) -> Audited:
    return read_audited(checkpoint, of)


@shared(max_entries=64, show_spinner=False)
def _tone_note(checkpoint: Checkpoint, of: DataSplit, stamps: Stamps) -> str | None:
    return predictions.tone_note(checkpoint, of)


def _stamps(checkpoint: Checkpoint, of: DataSplit) -> Stamps:
    files = sorted(table_path(checkpoint.folder, PREDICTIONS, of).parent.glob("[!.]*.*"))
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def offer_report(checkpoint: Checkpoint) -> None:
    """The audit on the data set in use as one HTML file, made when it is asked for."""
    of = data_in_use(checkpoint)
    if not has_evidence(checkpoint.folder, PREDICTIONS, of):
        return

    def made() -> str:
        from dermaviz.html_report import report_html

        return report_html(audited(checkpoint, of), classifier(checkpoint))

    st.download_button(
        "The report (HTML)", made, f"{checkpoint.name}-{of.data_set}-audit.html", "text/html", key="report file",
        on_click="ignore", icon=":material/description:",
        help="One file that opens without a network and prints: five findings, figures, charts, what cannot be said, and the "
        "model's card.",
    )  # fmt: skip


def evidence_stamp(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Changes with any evidence beside a checkpoint: names, dates and sizes of the manifests."""
    files = sorted((checkpoint.folder / FOLDER).glob("*/*/*.json"))
    return tuple(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in files)
