"""The report of an audit: one self-contained HTML file that opens without a network and prints to clean pages.

It tells the five findings first, then the figures, what cannot be said, and the model's card. Everything is computed from the
audited images; nothing is written by hand for one model. Names from cards and data sets are escaped. Photographs of the
audited data set are never in it; those shown are in the public domain.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image
from plotly.offline import get_plotlyjs

from dermaviz import __version__
from dermaviz.attention.localisation import overlay
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.data.photographs import sample_photos
from dermaviz.data.split import leaks
from dermaviz.diagnoses import diagnosis
from dermaviz.evidence.findings import Finding, Missing, command_missing, read_findings
from dermaviz.fairness.groups import fewer_than
from dermaviz.glossary import with_abbr
from dermaviz.images import RGB, read_image
from dermaviz.io import atomic_write
from dermaviz.metrics.bootstrap import FEWEST, Estimate
from dermaviz.metrics.calibration import reliability
from dermaviz.metrics.classification import confusion_matrix
from dermaviz.metrics.comparison import beside_constant
from dermaviz.metrics.confusion import ORDERS
from dermaviz.metrics.ranking import binary_view, roc_points
from dermaviz.plots.confusion_matrix import confusion_figure
from dermaviz.plots.curves import reliability_figure, roc_figure

if TYPE_CHECKING:
    from dermaviz.evidence.predictions import Audited
    from dermaviz.models.card import Card
    from dermaviz.models.classifier import Classifier

N_PHOTOGRAPHS = 4
GRANTED = "What was taken for granted when the model was imported"
_NONE = "–"
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #1A2B30; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #C9D5D8; }
h3 { font-size: 1.05rem; margin-bottom: .2rem; } code { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } caption { text-align: left; padding: .4rem 0; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #C9D5D8; }
th, td:nth-last-child(2):first-child, .interval { white-space: nowrap; } td:nth-child(2):last-child { overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.note { background: #F1F5F6; border-left: 4px solid #0B6E75; padding: .6rem 1rem; }
.scroll { overflow-x: auto; } abbr { text-decoration: underline dotted; cursor: help; }
figure { margin: 1rem 0; } figcaption { font-size: .9rem; color: #40545A; } .pair { display: flex; gap: .3rem; }
.photographs { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 1rem; }
.pair img { flex: 1 1 0; min-width: 0; width: 50%; height: auto; } .chart { max-width: 680px; min-height: 8rem; }
@media screen and (max-width: 33rem) {
  body { padding: 0 .7rem; } table { font-size: .76rem; } th, td { padding: .25rem .2rem; } th { white-space: normal; }
  th:first-child, td:first-child { padding-left: 0; }
}
@page { size: A4; margin: 14mm; }
@media print {
  body { margin: 0; padding: 0; max-width: none; font-size: 11pt; } h1, h2, h3, caption { break-after: avoid; }
  figure, tr, .note, section.finding { break-inside: avoid; } thead { display: table-header-group; }
  .chart { width: 660px; } abbr { text-decoration: none; } .scroll { overflow: visible; }
}
"""
_CHARTS = """
const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), c => c.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
new Response(unpacked).text().then(code => {
  const script = document.createElement("script");
  script.textContent = code;
  document.head.appendChild(script);
  const charts = [...document.querySelectorAll(".chart")];
  const draw = chart => {
    const { data, layout } = JSON.parse(chart.nextElementSibling.textContent);
    return Plotly.newPlot(chart, data, { ...layout, width: Math.min(chart.clientWidth, 680) }, { displayModeBar: false });
  };
  const width = pixels => charts.forEach(chart => Plotly.relayout(chart, { width: pixels ?? chart.clientWidth }));
  Promise.all(charts.map(draw)).then(() => document.body.setAttribute("data-drawn", charts.length));
  addEventListener("beforeprint", () => width(660));
  addEventListener("afterprint", () => width());
  addEventListener("resize", () => width());
});
"""


def write_report(audited: Audited, path: Path, model: Classifier | None = None) -> Path:
    """Write the report of some audited images to ``path``, whole or not at all; returns the path."""
    atomic_write(path, report_html(audited, model).encode("utf-8"))
    return path


def report_html(audited: Audited, model: Classifier | None = None) -> str:
    """The report as one HTML document of some 2 MB, Plotly's script, compressed, included.

    Args:
        audited: the images and answers. Where they are evidence of a checkpoint, its five findings come first.
        model: the classifier of the checkpoint, to show what it says of photographs in the public domain; None shows none.
    """
    name, known = escape(audited.checkpoint.name), set[str]()
    story = read_findings(audited.checkpoint, audited.of) if audited.of else []
    parts = [
        f"<h1>Audit of {name}</h1>",
        *_opening(audited),
        *(_finding(one, known) for one in story if isinstance(one, Finding)),
        *_photographs(model),
        *_figures(audited, known),
        *_malignant_part(audited),
        "<h2>Is its confidence worth anything?</h2>",
        _chart(
            reliability_figure({"the model": reliability(audited.labels, audited.probabilities)}),
            "How often answers of a confidence are right, with 95% score intervals (Wilson) of single images. On the line, "
            "confidence equals accuracy.",
        ),
        *_what_is_open(audited, [one for one in story if isinstance(one, Missing)], known),
        *(_list("How the images were read", audited.said) if audited.said else []),
        "<h2>The model</h2>",
        _table("From the model's card.", ["", ""], _card_rows(audited.checkpoint.card), known),
        *(_list(GRANTED, audited.checkpoint.card.granted) if audited.checkpoint.card.granted else []),
        f"<p>Made by DermaViz {__version__} on {date.today():%Y-%m-%d}.</p>",
    ]
    packed = base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Audit of {name}</title><style>{_STYLE}</style></head><body><main>{''.join(parts)}</main>"
        f'<script id="plotly" type="text/plain">{packed}</script><script>{_CHARTS}</script></body></html>'
    )


def _opening(audited: Audited) -> list[str]:
    """How many images are classified correctly, what this is not, and whether training images may be among them."""
    beside = beside_constant(audited.labels, audited.probabilities, audited.clusters)
    no_better = beside.finding(list(audited.checkpoint.card.words.values()))
    headline = no_better or f"{beside.n_right:,} are classified correctly ({beside.right.value:.0%})."
    of = f" Data set: {audited.of}." if audited.of else ""
    return [
        f"<p>{audited.counted}{'.' if no_better else ':'} <strong>{escape(headline)}</strong>{escape(of)}</p>",
        '<p class="note"><strong>An educational tool, not a medical device.</strong> Nothing here is a diagnosis.</p>',
        *(f'<p class="note"><strong>{escape(leak)}</strong></p>' for leak in leaks(audited.said)),
    ]


def _figures(audited: Audited, known: set[str]) -> list[str]:
    """Every figure with its interval, the confusion matrix, and the figures of each class."""
    figures, card = audited.summary(), audited.checkpoint.card
    short = "; ".join(f"{name}: {words}" for name, words in card.words.items() if name != words)
    matrix = "Rows are true classes, as shares of each; the small figure is the number of images."
    return [
        "<h2>How good is it?</h2>",
        _table(
            f"Each figure with its 95% interval, {_resampling(audited, figures)}, beside always giving the commonest class.",
            ["figure", "images", "value", "95% interval", "constant answer"],
            (_figure_row(row) for _, row in figures[figures["class"] == ""].iterrows()),
            known,
        ),
        "<h2>Which class is taken for which?</h2>",
        _chart(_confusion(audited), escape(f"{matrix} {short}.") if short else matrix),
        "<h2>Class by class</h2>",
        _table(
            f"Not judged: a class with {fewer_than('images', audited.unit)}, or {fewer_than('others', audited.unit)}.",
            ["class", "images", "figure", "value", "95% interval"],
            _class_rows(figures, audited),
            known,
        ),
    ]


def _resampling(audited: Audited, figures: pd.DataFrame) -> str:
    """Where the intervals of these figures are from."""
    drawn = f"from a bootstrap over {audited.unit}"
    return f"{drawn} or, where no draw varies, exact (Clopper and Pearson)" if figures["exact"].any() else drawn


def _what_is_open(audited: Audited, missing: Sequence[Missing], known: set[str]) -> list[str]:
    """What cannot be said, the questions without evidence among it, and the one command that would make that."""
    said = [f"<li>{with_abbr(sentence, known)}</li>" for sentence in limits(audited)]
    said += [f"<li>{escape(one.question)} {_why_open(one)}</li>" for one in missing]
    command = command_missing(audited.checkpoint, audited.of) if audited.of else ""
    made = f"What is missing of these images is made by <code>{escape(command)}</code>"
    more = f"<p>{made}, where FOLDER is the folder of the data set.</p>" if command else ""
    return ["<h2>What this report cannot say</h2>", f"<ul>{''.join(said)}</ul>", more]


def _list(title: str, sentences: Sequence[str]) -> list[str]:
    return [f"<h2>{title}</h2>", f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences)}</ul>"]


def _finding(found: Finding, known: set[str]) -> str:
    """A finding: its question, its sentence, its picture, and the detail."""
    chart = _chart(found.chart(), with_abbr(found.detail, known))
    return (
        f'<section class="finding"><h2>{escape(found.question)}</h2>'
        f"<p><strong>{with_abbr(found.sentence, known)}</strong></p>{chart}</section>"
    )


def _photographs(model: Classifier | None) -> list[str]:
    """What the model says of a few photographs that may be passed on, each beside its attention map."""
    if model is None:
        return []
    from dermaviz.attention.maps import explain

    names, shown = model.card.words, []
    for photo in sample_photos()[:N_PHOTOGRAPHS]:
        answer = model.predict(read_image(photo.path))
        attention = explain(model, model.to_tensor([answer.prepared]), answer.index)[0]
        said = (
            f"True diagnosis: {model.card.called(photo.label)}. The model says {names[answer.diagnosis]} "
            f"({answer.confidence:.0%}). {photo.image_id}, {photo.source}, {photo.licence}."
        )
        pictures = "".join(
            f'<img alt="{escape(alt)}" src="{jpeg_address(pixels)}">'
            for alt, pixels in (
                (f"Photograph {photo.image_id} as the model sees it", answer.prepared),
                ("Its attention map laid over it", overlay(answer.prepared, attention)),
            )
        )
        shown.append(f'<figure><div class="pair">{pictures}</div><figcaption>{escape(said)}</figcaption></figure>')
    method = METHODS[DEFAULT_METHOD].label
    return [
        "<h2>What does it say of photographs, and where does it look?</h2>",
        f"<p>Public-domain photographs; beside each, the {escape(method)} map of the answer. The audited images are "
        "not shown: few licences allow passing them on.</p>",
        f'<div class="photographs">{"".join(shown)}</div>',
    ]


def jpeg_address(pixels: RGB) -> str:
    """A picture as an address that holds it, for a file that opens without a network."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _card_rows(card: Card) -> list[tuple[str, str]]:
    meant = {name: row.name for name in card.classes if (row := diagnosis(name)) and row.name != name}
    return [
        ("Architecture", f"{card.architecture}, {card.input_size} × {card.input_size} pixels"),
        ("Classes", ", ".join(f"{name} ({meant[name]})" if name in meant else name for name in card.classes)),
        ("Counted as malignant", ", ".join(card.malignant) or "none named"),
        ("For", card.intended_use),
        ("Not for", card.not_for),
        ("Trained on", str(card.data.get("citation") or card.data.get("dataset") or "not named")),
        ("Licence", card.licence),
        ("Weights (SHA-256)", card.weights_sha256),
    ]


_PLACE = re.compile(r"[/\\]\S+\.(parquet|json)")
"""What tells a sentence on a file, which names a place on this machine and may name an image: none is for a report."""


def _why_open(one: Missing) -> str:
    """Why a question has no answer; the command that answers those of these images is said once, for all of them."""
    hidden = "Its evidence cannot be used: `dermaviz doctor` says why."
    said = one.next_step if not one.command and not _PLACE.search(one.reason) else hidden
    if one.command:
        said = one.next_step if one.key == "elsewhere" else "Not measured."
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(said))


def limits(audited: Audited) -> list[str]:
    """What these images cannot show, each a sentence with its counts."""
    counts, words = np.bincount(audited.labels, minlength=len(audited.classes)), audited.checkpoint.card.words.values()
    few = [f"{name} ({n})" for name, n, judged in zip(words, counts, _judged(audited), strict=True) if not judged]
    said = ["How the model does on images from other cameras, clinics or skin: only these images were judged."]
    if audited.unit != "patients":
        said.append(
            f"Whether patients are kept apart: the intervals resample {audited.unit}, and are too narrow where a patient has "
            "several."
        )
    if few:
        said.insert(0, f"How it does on classes with too few images: {', '.join(few)}.")
    if audited.unit == "images":
        said.append("Whether several images show one lesion: each counts as a lesion of its own.")
    return said


def _malignant_part(audited: Audited) -> list[str]:
    """The ROC curve of the malignant classes together, where the card names some and both sides are there."""
    malignant = [i for i, name in enumerate(audited.classes) if name in audited.checkpoint.card.malignant]
    n = int(np.isin(audited.labels, malignant).sum())
    if not malignant or _few(audited, np.isin(audited.labels, malignant)):
        return []
    points = roc_points(*binary_view(audited.labels, audited.probabilities, malignant))
    return [
        "<h2>Does it find what is malignant?</h2>",
        _chart(roc_figure({"malignant classes together": points}), f"{n:,} malignant images of {len(audited):,}."),
    ]


def _confusion(audited: Audited) -> go.Figure:
    matrix = confusion_matrix(audited.labels, audited.probabilities).astype(np.int64)
    order = ORDERS["frequency"](matrix, audited.classes)
    classes = [audited.classes[i] for i in order]
    card = audited.checkpoint.card
    return confusion_figure(matrix[order][:, order], classes, classes, malignant=card.malignant, names=card.words)


def _figure_row(row: pd.Series) -> tuple[object, ...]:
    found, constant = Estimate.of(row), _NONE if np.isnan(row["constant"]) else row["constant"]
    return row["label"], row["n_images"], found.value, _interval(found) or NO_INTERVAL, constant


def _few(audited: Audited, images: NDArray[np.bool_]) -> bool:
    """Whether these images, bool ``[N]``, or the others, are of too few patients or lesions for a figure of them."""
    return min(len(set(audited.clusters[some])) for some in (images, ~images)) < FEWEST


def _judged(audited: Audited) -> list[bool]:
    """Whether each class has enough for figures of its own, and so have all others together."""
    return [not _few(audited, audited.labels == i) for i in range(len(audited.classes))]


def _class_rows(figures: pd.DataFrame, audited: Audited) -> Iterable[tuple[object, ...]]:
    judged = dict(zip(audited.classes, _judged(audited), strict=True))
    rows = figures[figures["class"] != ""].assign(place=lambda rows: rows.groupby("metric").cumcount())
    order = ["n_positives", "place", "label"]  # of the classes as in the matrix
    for _, row in rows.sort_values(order, ascending=[False, True, True]).iterrows():
        name, found = row["class"], Estimate.of(row)
        value = (
            (found.value, _interval(found) or NO_INTERVAL)
            if judged[name]
            else ("too few images", "none: too few images")
        )
        yield audited.checkpoint.card.label(name), int(row["n_positives"]), row["label"], *value


NO_INTERVAL = "none: too few to resample, or no draw varies"
"""What stands in place of an interval that cannot be given."""


def _interval(found: Estimate) -> str:
    return found.bounds().replace(" to ", "\u00a0to\u00a0").replace(", ", ",\u00a0")


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], known: set[str]) -> str:
    body = "".join(f"<tr>{''.join(_cell(value, known) for value in row)}</tr>" for row in rows)
    names = (
        f"<thead><tr>{''.join(f'<th scope=col>{escape(name)}</th>' for name in head)}</tr></thead>" if any(head) else ""
    )
    words = f"<caption>{with_abbr(caption, known)}</caption>"
    return f'<div class="scroll"><table>{words}{names}<tbody>{body}</tbody></table></div>'


def _cell(value: object, known: set[str]) -> str:
    if value == _NONE:
        return f'<td class="number">{_NONE}</td>'
    if isinstance(value, float):
        return f'<td class="number">{"undefined" if np.isnan(value) else f"{value:.3f}"}</td>'
    if isinstance(value, int | np.integer):
        return f'<td class="number">{value:,}</td>'
    kind = ' class="interval"' if "\u00a0to\u00a0" in str(value) else ""
    return f"<td{kind}>{with_abbr(str(value), known)}</td>"


def _chart(figure: go.Figure, caption: str) -> str:
    """A chart that the script draws, over its caption as HTML; its data lies behind it as JSON that cannot end the element."""
    data = str(figure.to_json()).replace("<", "\\u003c")
    alt = escape(re.sub("<[^>]*>", "", caption), quote=True)
    return (
        f'<figure><div class="chart" role="img" aria-label="{alt}"></div>'
        f'<script type="application/json">{data}</script><figcaption>{caption}</figcaption></figure>'
    )
