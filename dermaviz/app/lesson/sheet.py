"""The lesson on paper: one HTML file with the questions and room for notes, and the answers on pages of their own."""

from __future__ import annotations

import base64
import io
import re
from html import escape

from PIL import Image

from dermaviz.app.case import Case
from dermaviz.app.lesson.steps import STEPS, Asked, Picture
from dermaviz.errors import DermaVizError

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #1A2B30; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 1.4rem 0 .2rem; } ul { list-style: none; padding-left: .5rem; }
li::before { content: "☐ "; } figure { display: inline-block; width: 23%; margin: 0 1% .3rem 0; } img { width: 100%; }
figcaption { font-size: .85rem; } .notes { border-bottom: 1px solid #7A8B90; height: 2rem; } section { break-inside: avoid; }
.answers { break-before: page; } @page { size: A4; margin: 14mm; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 11pt; } }
"""


def sheet_html(case: Case) -> str:
    """The sheet for a class: questions first, then the answers; a step without evidence says so."""
    questions, answers = [], []
    for number, step in enumerate(STEPS, 1):
        head = f"<h2>{number}. {escape(step.title)}</h2>"
        try:
            made = step.make(case, None)
        except DermaVizError as error:
            answers.append(f"<section>{head}<p>{escape(str(error))}</p></section>")
            continue
        choices = "".join(f"<li>{escape(choice)}</li>" for choice in made.choices)
        questions.append(
            f"<section>{head}<p>{escape(made.question)}</p>{_figures(made.pictures)}<ul>{choices}</ul>"
            '<div class="notes"></div></section>'
        )
        answers.append(f"<section>{head}{_answer(made)}</section>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A lesson about a skin-lesion classifier</title>'
        f"<style>{_STYLE}</style></head><body><h1>A lesson about a skin-lesion classifier</h1>"
        f"<p>Model: {escape(case.checkpoint.name)}. An educational tool, not a medical device. {escape(case.photo.credit)}</p>"
        f'{"".join(questions)}<div class="answers"><h1>Answers</h1>{"".join(answers)}</div></body></html>'
    )


def _answer(made: Asked) -> str:
    right = f"<p><strong>{escape(made.choices[made.right])}</strong></p>" if made.right is not None else ""
    said = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(made.answer))
    said = re.sub(r"\\(.)", r"\1", said)  # a sign of Markdown's that is meant as it stands
    return f"{right}<p>{said.replace(chr(10) * 2, '</p><p>').replace(chr(10), '<br>')}</p>{_figures(made.after)}"


def _figures(pictures: tuple[Picture, ...]) -> str:
    return "".join(
        f'<figure><img alt="{escape(one.alt)}" src="data:image/jpeg;base64,{_jpeg(one)}">'
        f"<figcaption>{escape(one.caption)}</figcaption></figure>"
        for one in pictures
    )


def _jpeg(picture: Picture) -> str:
    file = io.BytesIO()
    Image.fromarray(picture.pixels).save(file, "JPEG", quality=85)
    return base64.b64encode(file.getvalue()).decode()
