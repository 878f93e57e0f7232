"""Charts, tables and pictures as every page shows them: with a sentence, a text alternative, and the table as a file."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from html import escape
from textwrap import wrap
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image, ImageOps

from dermaviz.app.bar import chosen_checkpoint, filter_words
from dermaviz.app.checkpoints import Checkpoint, audited, classifier, data_in_use, has_table
from dermaviz.app.frame import REMINDER
from dermaviz.app.link import PRESENT
from dermaviz.app.sessions import Memory
from dermaviz.app.text import escaped
from dermaviz.errors import CheckpointError
from dermaviz.evidence.predictions import PREDICTIONS
from dermaviz.glossary import meanings
from dermaviz.images import RGB
from dermaviz.io import csv_of
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.plots.theme import INK, signed


def ink() -> str | None:
    """Colour of words on the theme in use."""
    return INK.get(st.context.theme.type or "")


MOST_ROWS = 5_000
"""Rows of a table that are sent to the browser."""
SLIDE = {"format": "png", "width": 1280, "height": 720, "scale": 1.5}
"""An exported chart: 1,920 × 1,080 pixels."""
_LINE, _LARGE = 88, 16
"""Letters in a line of a slide, and the size of a chart's words in a presentation, pixels."""
_COUNTS = ("font-size:10px", "font-size:13px")
_SLIDE_ROOM = 400
"""Pixels that a slide of 800 leaves for a chart under title, sentence and tabs; one of many rows takes what it needs."""
_REPORTS = "Reports"
SLIDES = """<script>
window.dermavizSlides ??= document.addEventListener("click", event => {
  const chart = event.target.closest?.(".modebar-btn")?.closest(".js-plotly-plot"), slide = chart?.layout?.meta?.slide;
  if (!slide) return;
  const shown = chart.layout, above = 70 + 32 * slide.lines.length, words = getComputedStyle(chart).color;
  chart.layout = {
    ...shown,
    font: { ...shown.font, family: "sans-serif" },
    paper_bgcolor: getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor,
    title: { text: slide.lines.join("\\u003cbr>"), subtitle: { text: slide.source, font: { size: 15, color: words } },
      font: { size: 25, color: words }, x: 0, xref: "container", y: 1, yref: "container", yanchor: "top",
      pad: { l: 30, t: 26 + 14 * (slide.lines.length > 1) } },
    legend: { ...shown.legend, x: 0.02, y: 1 - above / 720 },
    margin: { ...shown.margin, t: above + (shown.margin?.t ?? 12), l: 30, r: 30, b: Math.max(30, shown.margin?.b ?? 0) },
  };
  setTimeout(() => { chart.layout = shown; });
}, true) ?? true;
</script>"""
"""Plotly copies a chart's layout as its button is pressed: for that moment the sentence, the model and the date are in it, and a
font that pictures have, too. With a tag in its text Streamlit would leave the script out."""


def draw_chart(figure: go.Figure, key: str, title: str, alt: str = "", **more: Any) -> None:
    """A chart without zooming. Its one button saves it at slide size with ``title``, model, data set and date in the picture.

    Args:
        title: what the chart shows, in a sentence; Markdown.
        alt: what screen readers say, Markdown; the title where it is not given.
        more: further arguments of ``st.plotly_chart``, such as those of a chart that can be clicked.
    """
    page, sources = urlsplit(st.context.url or "").path.rpartition("/")[2] or "Home", []
    if page != _REPORTS:
        with suppress(CheckpointError):  # without a checkpoint a chart, such as one of a report, is shown all the same
            checkpoint = chosen_checkpoint()
            sources = [checkpoint.name, str(data_in_use(checkpoint)), filter_words()]
    today = f"{date.today():%Y-%m-%d}"
    source = " · ".join(filter(None, (*sources, today, "DermaViz", REMINDER)))
    lines = [escape(line, quote=False) for line in wrap(_plain(title), _LINE)[:3]]
    figure.layout.meta = {"slide": {"lines": lines, "source": escape(source, quote=False)}}
    file = re.sub(r"[^\w.-]+", "-", "-".join(filter(None, ("dermaviz", page, key, *sources[:1], today))))
    config = {
        "displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": SLIDE | {"filename": file},
    }  # fmt: skip
    if PRESENT in st.query_params:
        _enlarge(figure)
    st.plotly_chart(figure, key=key, config=config, alt=_plain(alt or title), **more)


def _enlarge(figure: go.Figure) -> None:
    """The words of a chart as large as those around it in a presentation, in a height of which a slide has room."""
    words = {"tickfont_size": _LARGE, "title_font_size": _LARGE}
    figure.update_xaxes(**words)
    figure.update_yaxes(**words)
    figure.update_annotations(font_size=_LARGE - 2)
    layout = figure.layout
    figure.for_each_annotation(lambda note: note.update(text=str(note.text).replace(*_COUNTS)))
    for rows in figure.select_yaxes():
        if rows.ticktext is not None:
            rows.update(ticktext=[str(words).replace(*_COUNTS) for words in rows.ticktext], tickfont_size=_LARGE - 2)
    height, top = layout.height or 400, 1.4 * (layout.margin.t or 0)
    height = min(1.25 * height, max(_SLIDE_ROOM, height))
    figure.update_layout(height=height, legend_font_size=_LARGE, margin_t=top)


def _plain(words: str) -> str:
    """Markdown without its signs."""
    return re.sub(r"\\(.)", r"\1", words.replace("*", ""))


def show_chart(figure: go.Figure, key: str, sentence: str) -> None:
    """A chart whose sentence, as Markdown, is its caption and read by screen readers.

    The terms in it are explained where the pointer rests, see :mod:`dermaviz.glossary`.
    """
    draw_chart(figure, key, sentence)
    st.caption(sentence, help=meanings(sentence))


def intervals(table: pd.DataFrame, column: str, *, change: bool = False) -> list[str]:
    """A column of figures with its ``column_low`` and ``column_high``, as cells of a table; a ``change`` with its sign."""
    written = partial(signed, digits=3) if change else "{:.3f}".format
    return [Estimate.of(row, column).cell(written) for _, row in table.iterrows()]


def show_answer(said: tuple[str, str], figure: go.Figure, key: str, **more: Any) -> None:
    """An answer in a short sentence, the chart that shows it, and under it n and intervals, terms explained; as Markdown.

    ``more`` are further arguments of ``st.plotly_chart``, such as those of a chart that can be clicked.
    """
    answer, figures = said
    st.markdown(answer, help=meanings(answer))
    draw_chart(figure, key, answer, f"{answer} {figures}", **more)
    st.caption(figures, help=meanings(figures))


def show_details(key: str, words: str, tables: Mapping[str, pd.DataFrame], cells: pd.DataFrame | None = None) -> None:
    """One level down: the figures as ``cells`` to read, how they were measured, and each table as a file of its name."""
    with st.expander("How it was measured, and the numbers", icon=":material/table:"):
        if cells is not None:
            show_cells(cells)
        st.caption(words, help=meanings(words))
        for name, table in tables.items():
            _show_frame(table, name, f"{key} {name}")


def show_cells(cells: pd.DataFrame) -> None:
    """A small table to read. Streamlit takes cells and heads for Markdown; here they are text."""

    def text(cell: Any) -> Any:
        return escaped(cell) if isinstance(cell, str) else cell

    st.table(cells.map(text).rename(columns=text), border="horizontal", hide_index=True)


def show_table(table: pd.DataFrame, name: str, key: str, title: str = "The table behind it") -> None:
    """The table behind a chart, and the same as a file."""
    with st.expander(title, icon=":material/table:"):
        _show_frame(table, name, key)


def _show_frame(table: pd.DataFrame, name: str, key: str) -> None:
    shares = [column for column in table if table[column].dtype.kind == "f" and column not in ("epsilon", "sigma")]
    number = st.column_config.NumberColumn(format="%.4f")
    if len(table) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(table):,} rows; the file has all.")
    st.dataframe(
        table.head(MOST_ROWS), hide_index=True, height=320, key=f"{key} table", placeholder="",
        column_config=dict.fromkeys(shares, number) | {"epsilon": st.column_config.NumberColumn(format="%.5f")},
        alt=f"{len(table)} rows: {', '.join(map(str, table.columns))}",
    )  # fmt: skip
    offer_csv(table, f"{name}.csv", "All of it (CSV)", key=f"{key} file")


def offer_csv(table: pd.DataFrame, file: str, label: str, key: str | None = None) -> None:
    """A table as a file, written when it is asked for."""
    st.download_button(
        label, lambda: csv_of(table), file, "text/csv", key=key, on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip


def offer_report(checkpoint: Checkpoint) -> None:
    """The audit on the data set in use as one HTML file, made when it is asked for."""
    of = data_in_use(checkpoint)
    if not has_table(checkpoint, PREDICTIONS, of):
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


def square_address(picture: Image.Image, side: int) -> str:
    """A picture's central square, small, as a data address of 1 to 4 kB."""
    file = io.BytesIO()
    ImageOps.fit(picture.convert("RGB"), (side, side)).save(file, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def show_picture(pixels: RGB, caption: str, alt: str) -> None:
    """Pixels exactly as they are: PNG, since JPEG would change them."""
    st.image(png(pixels), caption=caption, width="stretch", output_format="PNG", alt=alt)


def size_words(pixels: RGB) -> str:
    """The size of a picture ``[H, W, 3]`` as captions say it: ``(32 × 32 pixels)``."""
    return f"({pixels.shape[1]} × {pixels.shape[0]} pixels)"


_FILES: Memory[bytes] = Memory(32)


def png(pixels: RGB) -> bytes:
    """Pixels, uint8 ``[H, W, 3]``, as the bytes of a PNG file; the latest are remembered, for a page draws its pictures anew each
    time that something on it is chosen."""

    def made() -> bytes:
        file = io.BytesIO()  # Streamlit's own encoding compresses more and takes five times as long
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
        return file.getvalue()

    return _FILES.recall((pixels.shape, hashlib.sha256(pixels.tobytes()).digest()), made)
