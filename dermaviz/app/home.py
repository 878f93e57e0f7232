"""The Home page: five findings about the model in use, live where it can be, each with its page; and the model's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dermaviz.app.bar import chosen_checkpoint, current_step
from dermaviz.app.case import Case, ask, current_photo
from dermaviz.app.checkpoints import Checkpoint, data_in_use
from dermaviz.app.frame import sentence_for_errors
from dermaviz.app.link import PRESENT, link_to
from dermaviz.app.sessions import Stamps, remembered, stamps
from dermaviz.app.text import class_with_probability, escaped, escaped_message
from dermaviz.app.widgets.chart import draw_chart, ink, offer_report, show_cells, show_picture
from dermaviz.app.widgets.diagnosis import let_through, show_answer
from dermaviz.app.widgets.panels import PLAIN, show_pictures
from dermaviz.app.widgets.photo import provenance, show_actions, verdict_words
from dermaviz.data.selection import DIAGNOSIS, find_task
from dermaviz.errors import DatasetError
from dermaviz.evidence.findings import STORY, Finding, Missing, read_findings
from dermaviz.evidence.predictions import counted
from dermaviz.evidence.store import FOLDER, DataSplit, audit_command
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.models.card import Card
from dermaviz.plots.robustness import DEFAULT_SIZE

_ANSWERED = "a model has answered in this session"


def show() -> None:
    """The five findings, what evidence says first and the live pictures into their places after; then the model's card."""
    checkpoint = chosen_checkpoint()
    presenting = PRESENT in st.query_params
    told = story(checkpoint)
    shown = [told[current_step()]] if presenting else told
    places = {one.key: _show_chapter(one, list(STORY).index(one.key) + 1) for one in shown}
    live: dict[str, DeltaGenerator] = {key: places[key] for key in ("says", "flips") if key in places}
    if live:
        _show_live(live, checkpoint)
    if not presenting:
        with st.expander("About this model: figures, data, what it is not for", icon=":material/info:"):
            show_model(checkpoint.name, checkpoint.card)
            offer_report(checkpoint)


def _show_live(places: dict[str, DeltaGenerator], checkpoint: Checkpoint) -> None:
    """The current image with its answer, and attacked, each in its place; the image at once where the model has to be loaded."""
    first, case = next(iter(places)), None
    waiting = places[first].empty()
    if not st.session_state.get(_ANSWERED):
        with waiting.container(), sentence_for_errors():
            photo = current_photo()
            left, right = st.columns([3, 9], gap="small", wrap=False)
            with left:
                show_picture(photo.read().pixels, "The model is loading …", f"Photo {photo.name}")
            right.caption(photo.credit)
    places[first] = waiting.container()
    with places[first], sentence_for_errors():
        case = ask(current_photo(), checkpoint)
        if not let_through(case):
            return
    if case is not None:
        st.session_state[_ANSWERED] = True
        for key, place in places.items():
            with place, sentence_for_errors():
                (_show_answer if key == "says" else _show_attacked)(case)


def story(checkpoint: Checkpoint) -> list[Finding | Missing]:
    """The findings about a checkpoint on the data set in use; read again once its evidence changes."""
    return _story(checkpoint, data_in_use(checkpoint), stamps((checkpoint.folder / FOLDER).glob("*/*/*.json")))


@remembered(max_entries=16, show_spinner="Reading the evidence …")
def _story(checkpoint: Checkpoint, of: DataSplit, stamp: Stamps) -> list[Finding | Missing]:
    return read_findings(checkpoint, of)


def _show_chapter(one: Finding | Missing, number: int) -> DeltaGenerator:
    """A finding's sentence and picture, and the way to the page behind it; gives the place for what is live."""
    with st.container(border=number > 1, key=f"chapter-{one.key}"):
        if isinstance(one, Missing):
            st.header(f"{number} · {one.question}", anchor=False)
            live = st.container()
            st.info(
                escaped_message(f"Not said of this model on these images. {one.next_step}"),
                icon=":material/hourglass_empty:",
            )
            return live
        if one.key == "says":
            live = st.container()
            st.markdown(f"## {number} · {escaped(one.sentence)}")
            _show_details(one)
            return live
        st.caption(f"{number} · {one.question}")
        st.markdown(f"## {escaped(one.sentence)}")
        if one.key == "flips":
            seen, charted = st.columns(2, gap="medium")
            live = seen.container()
        else:
            charted = live = st.container()
        with charted:
            draw_chart(one.chart(ink()), f"finding {one.key}", escaped(one.sentence))
        _show_details(one)
        return live


def _show_details(one: Finding) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        link_to(one.page, "Show the evidence", ":material/arrow_forward:", **dict(one.link))
        with st.popover("Numbers and limits", type="tertiary"):
            st.markdown(escaped(one.detail))


def _show_answer(case: Case) -> None:
    """The current image, its answer and its map."""
    looking, saying = st.columns([7, 5], gap="medium")
    with saying:  # before the pictures: who sees a new image has its links already
        show_answer(case, verdict_words(case))
        st.caption(provenance(case))
        show_actions(case, "Home")
    with looking:
        show_pictures(case, PLAIN)


def _show_attacked(case: Case) -> None:
    """The same image, changed too little to see, with the answer that it gets."""
    from dermaviz.app.robustness.live import Attempt, attempt

    outcome = attempt(case, Attempt("fgsm", DEFAULT_SIZE, None, 0), lambda passes: None)
    before, after = class_with_probability(case.card, case.answer), outcome.attacked.prediction
    said = class_with_probability(case.card, after)
    left, right = st.columns(2, gap="small", wrap=False)
    with left:
        show_picture(case.answer.prepared, f"As it is: {before}", f"Model input of {case.photo.name}")
    with right:
        show_picture(outcome.filed.pixels, f"Attacked: {said}", f"The same image attacked; the model says {said}")
    if not outcome.reached:
        st.caption("This image withstands an attack of this size. Choose another one, or a larger attack.")
    link_to("Robustness", "Attack it yourself", image=case.photo.image)


HEADLINES = {
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro-F1",
    "melanoma_auc": "Melanoma AUC",
    "malignant_auc": "Malignant AUC",
    "accuracy": "Accuracy",
}
_CHANCE_AUC = 0.5


def show_model(name: str, card: Card) -> None:
    """A checkpoint's card: figures first, then what it was made of and for."""
    st.markdown(
        f"**{escaped(name)}** · {escaped(card.architecture)} at {card.input_size} × {card.input_size} pixels · "
        f"{len(card.classes)} classes: {escaped(', '.join(card.words.values()))}."
    )
    if leak := card.data.get("leak"):
        st.warning(escaped(str(leak)), icon=":material/warning:")
    if figures := card.metrics.get("test"):
        rows = headline_rows(figures)
        for column, row in zip(st.columns(3), rows, strict=False):
            column.metric(row["figure"], row["model"], border=True, help="On test photos; the table has its interval.")
            column.caption(row["95% interval"] and f"95% interval {row['95% interval']}")
        show_cells(pd.DataFrame(rows))
        unit = "patients" if "n_patients" in figures else "lesions"
        if (n_images := figures.get("n_images")) and (n_clusters := figures.get(f"n_{unit}")):
            n = counted(n_images, n_clusters, unit).replace("image", "test photo")
            exact = any(isinstance(of, Mapping) and of.get("exact") for of in figures.values())
            st.caption(
                f"n = {n}{'' if leak else ', none of which the model was trained on'}; intervals by resampling whole "
                f"{unit}{', exact where marked so' * exact}. The last column: always giving the most frequent answer."
            )
    else:
        command = f"dermaviz evaluate {name} --data FOLDER --split test"
        if not {"dataset", "manifest"} <= set(card.data):  # it can be measured on other images only
            command = audit_command(Path(name), None)
        st.info(
            "This checkpoint's card holds no test figures, so nothing is known of how good it is. "
            f"`{command}` measures it.",
            icon=":material/info:",
        )
    with st.expander("What it is for, what it is not for, data and licence"):
        st.markdown(
            f"**For:** {escaped(card.intended_use)}\n\n**Not for:** {escaped(card.not_for)}\n\n"
            f"**Data:** {escaped(data_in_words(card))}\n\n**Licence:** {escaped(card.licence)}"
        )
        if card.granted:
            st.markdown("**Taken for granted at import:**\n" + "".join(f"\n- {escaped(one)}" for one in card.granted))


def data_in_words(card: Card) -> str:
    """What the model was trained on, and what was asked of it."""
    said = str(card.data.get("citation") or card.data.get("dataset", "not named"))
    try:
        task = find_task(str(card.data.get("task", DIAGNOSIS)))
    except DatasetError:  # a task of a study that is not here
        return said
    if not task.classes:
        return said
    return f"{said} Asked of it: {task.about}{', as many images of each' if card.data.get('balance') else ''}."


def headline_rows(figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of the table of figures: the model's value with its interval beside that of always giving one class.

    ``figures`` are those of one split on a card. The AUC of a constant answer is 0.5, since it ranks nothing.
    """
    constant = figures.get("constant_answer", {})
    rows = []
    for name, label in HEADLINES.items():
        if (figure := figures.get(name)) is None:
            continue
        of = figure if isinstance(figure, Mapping) else {"value": figure}
        chance = constant.get(name, _CHANCE_AUC if name.endswith("_auc") else None)
        rows.append(
            {
                "figure": label,
                "model": f"{of['value']:.3f}",
                "95% interval": Estimate.of(of).bounds() if "low" in of else "",
                f"always “{constant.get('class', '–')}”": "–" if chance is None else f"{chance:.3f}",
            }
        )
    return rows
