"""The Lesson page: a step at a time, predict first, then reveal; and all of it as a sheet to print.

The link holds the step, the choices and what is revealed.
"""

from __future__ import annotations

import re
from html import escape
from typing import Literal

import streamlit as st

from dermaviz.app.bar import chosen_checkpoint, current_step
from dermaviz.app.case import Case, ask, lesson_photo
from dermaviz.app.lesson.steps import STEPS, Asked, Picture
from dermaviz.app.link import LESSON, PICKS, PRESENT, ask_for, asked
from dermaviz.app.text import escaped, escaped_message
from dermaviz.app.widgets.chart import draw_chart, ink, show_picture
from dermaviz.errors import DermaVizError
from dermaviz.glossary import meanings
from dermaviz.html_report import jpeg_address

_LETTERS, _NONE = "abcdefgh", "-"


def show() -> None:
    """The step that the link names, with the way on, the notes, the sheet and a new start."""
    at = current_step("Lesson")
    step, case = STEPS[at], ask(lesson_photo(), chosen_checkpoint())
    minutes = sum(one.minutes for one in STEPS)
    st.progress((at + 1) / len(STEPS), f"Step {at + 1} of {len(STEPS)} · about {step.minutes} minutes of {minutes}")
    st.header(step.title, anchor=False)
    try:
        made = step.make(case, ink())
    except DermaVizError as error:
        st.info(
            f"This step is shorter for this model. {escaped_message(str(error))}", icon=":material/hourglass_empty:"
        )
    else:
        _show_step(at, made)
    with st.container(horizontal=True, vertical_alignment="center"):
        if not asked(PRESENT):  # a presentation has its own
            last = at == len(STEPS) - 1
            kind: Literal["primary", "secondary"] = "primary" if _picked(at)[1] else "secondary"
            st.button("Back", on_click=_go, args=(at - 1,), disabled=at == 0, icon=":material/arrow_back:")
            st.button(
                "Next step", on_click=_go, args=(at + 1,), disabled=last, icon=":material/arrow_forward:", type=kind
            )
        st.button("Start again", on_click=_start_again, icon=":material/restart_alt:", type="tertiary")
        st.download_button(
            "Printable sheet", lambda: sheet_html(case), "dermaviz-lesson.html", "text/html", on_click="ignore",
            icon=":material/print:", help="All questions with room for notes, and the answers on pages of their own.",
        )  # fmt: skip
    with st.expander("Speaker notes", icon=":material/speaker_notes:"):
        st.markdown(f"**{step.minutes} minutes.** {step.notes}")


def _show_step(at: int, made: Asked) -> None:
    """The question, its pictures and choices; once a choice is made it can be revealed."""
    pick, revealed = _picked(at)
    if pick is not None and pick >= len(made.choices):
        pick, revealed = None, False
    st.markdown(f"### {made.question}", help=meanings(made.question))
    # on a slide the choices stand beside the pictures, so that both are in view
    left, right = st.columns(2, gap="medium") if PRESENT in st.query_params else [st.container()] * 2
    with left:
        _show_pictures(made.pictures + (made.after if revealed else ()))
    with right:
        _show_choices(at, made, pick, revealed)


def _show_choices(at: int, made: Asked, pick: int | None, revealed: bool) -> None:
    key = f"pick {at}"
    st.session_state[key] = None if pick is None else made.choices[pick]
    st.radio(
        "Your prediction", made.choices, format_func=escaped, key=key, horizontal=True,
        on_change=lambda: _keep(at, made.choices.index(st.session_state[key]), revealed),
    )  # fmt: skip
    if not revealed:
        st.button(
            "Choose first, then reveal" if pick is None else "Reveal",
            on_click=_keep, args=(at, pick, True), disabled=pick is None, icon=":material/visibility:", type="primary",
            shortcut=None if pick is None else "A",
        )  # fmt: skip
        return
    if made.right is not None:
        right = made.right == pick
        tell = st.success if right else st.warning
        tell(
            "Right." if right else f"It is: {escaped(made.choices[made.right])}.",
            icon=f":material/{'check' if right else 'close'}:",
        )
    st.markdown(made.answer, help=meanings(made.answer))
    if made.chart is not None:
        draw_chart(made.chart, f"step {at + 1}", made.answer)


def _show_pictures(pictures: tuple[Picture, ...]) -> None:
    """In pairs that stay side by side on a phone; a single one is no wider than a third of the page."""
    if len(pictures) == 1:
        places = st.columns([3, 1] if PRESENT in st.query_params else [1, 2])[:1]
    elif pictures:
        pairs = st.columns(1 if PRESENT in st.query_params else 2 if len(pictures) > 2 else [2, 1], gap="small")
        places = [place for pair in pairs for place in pair.columns(2, gap="small", wrap=False)]
    for place, one in zip(places if pictures else (), pictures, strict=False):
        with place:
            show_picture(one.pixels, one.caption, one.alt)


def _picks() -> list[str]:
    said = asked(PICKS)[: len(STEPS)].ljust(len(STEPS), _NONE)
    return [sign if sign.lower() in _LETTERS else _NONE for sign in said]


def _picked(at: int) -> tuple[int | None, bool]:
    """The choice of a step, and whether its answer is revealed."""
    sign = _picks()[at]
    return (None, False) if sign == _NONE else (_LETTERS.index(sign.lower()), sign.isupper())


def _keep(at: int, pick: int, revealed: bool) -> None:
    picks = _picks()
    picks[at] = _LETTERS[pick].upper() if revealed else _LETTERS[pick]
    ask_for(PICKS, "".join(picks).rstrip(_NONE))


def _go(at: int) -> None:
    ask_for(LESSON, str(at + 1) if at else "")


def _start_again() -> None:
    for name in (LESSON, PICKS):
        ask_for(name, "")


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
        f'<figure><img alt="{escape(one.alt)}" src="{jpeg_address(one.pixels)}">'
        f"<figcaption>{escape(one.caption)}</figcaption></figure>"
        for one in pictures
    )
