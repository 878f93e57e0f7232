"""The Lesson page: a step at a time, predict first, then reveal; the link holds the step, the choices and what is revealed."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from dermaviz.app.bar import chosen_checkpoint, current_step
from dermaviz.app.case import ask
from dermaviz.app.current import lesson_photo
from dermaviz.app.lesson.sheet import sheet_html
from dermaviz.app.lesson.steps import STEPS, Asked, Picture
from dermaviz.app.link import LESSON, PICKS, PRESENT, ask_for, asked
from dermaviz.app.text import escaped, escaped_message
from dermaviz.app.widgets.chart import draw_chart, ink, show_picture
from dermaviz.errors import DermaVizError
from dermaviz.glossary import meanings

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
