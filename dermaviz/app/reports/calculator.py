"""The calculator: from some figures of a test, what all the others must be, and which interval they carry."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from dermaviz.errors import LedgerError
from dermaviz.metrics.printed import MOST_PHOTOS, Printed, Solution, parse_printed, solve

_FIELDS: Mapping[str, tuple[str, str]] = {
    "recall": ("Recall (sensitivity)", "0.77"),
    "precision": ("Precision", "0.94"),
    "specificity": ("Specificity", ""),
    "accuracy": ("Accuracy", ""),
    "balanced_accuracy": ("Balanced accuracy", ""),
    "f1": ("F1", ""),
}
"""Each measure's name and what stands there first: one report's precision and recall."""


def show_calculator() -> None:
    """Ask for figures, and say what they leave of the others."""
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        n = st.number_input("Photos", 2, MOST_PHOTOS, 600, key="n", bind="query-params")
        prevalence = _ask("Prevalence", "50%", "prevalence", "The share of the photos that are positive.")
        figures = {
            name: printed
            for name, (label, first) in _FIELDS.items()
            if (printed := _ask(label, first, name, "Empty: unknown.")) is not None
        }
    with saying:
        if prevalence is None:
            st.info("Type the prevalence first: without it, nothing follows from the others.", icon=":material/info:")
            return
        positives = round(float(prevalence.value) * int(n))
        st.header("What must the others be?", anchor=False)
        _show(solve(int(n), positives, figures), int(n), figures)


def _ask(label: str, first: str, key: str, help_text: str) -> Printed | None:
    """A figure as it is printed; None where nothing, or no figure, is typed."""
    text = st.text_input(
        label, first, key=f"calc_{key}", bind="query-params",
        help=f"{help_text} As printed: 0.77 and 0.770 are not the same, for each digit says how exact it is.",
    )  # fmt: skip
    try:
        return parse_printed(text.strip()) if text.strip() else None
    except LedgerError as error:
        st.caption(f":material/error: {error}")
        return None


def _show(solution: Solution, n: int, figures: Mapping[str, Printed]) -> None:
    """The matrices that are left, and every measure with its interval."""
    possible = solution.possible
    share = max(possible.positives, possible.negatives) / n
    of = f"{possible.positives:,} positive and {possible.negatives:,} negative photos"
    if solution.odd:
        must = " or ".join(
            f"{_FIELDS[name][0].lower()} {span.words(figures[name].digits)} (typed: {figures[name].text})"
            for name, span in solution.odd.items()
        )
        st.warning(
            f"No confusion matrix of {of} gives all of these figures. The others imply {must}.",
            icon=":material/warning:",
        )
    elif not len(possible):
        st.warning(
            f"No confusion matrix of {of} gives these figures, nor all of them but one. Check them, the prevalence and n.",
            icon=":material/warning:",
        )
        return
    else:
        left = "exactly one confusion matrix" if possible.only else f"**{len(possible):,} confusion matrices**"
        st.markdown(f"On {of}, these figures leave {left}.")
    if solution.implied:
        rows = [
            {
                "figure": _FIELDS[row.measure][0],
                "typed": figures[row.measure].text if row.measure in figures else "",
                "must be": row.span.words(),
                "95% interval": f"{row.interval[0]:.3f} to {row.interval[1]:.3f}" if row.interval else "–",
            }
            for row in solution.implied
        ]
        st.table(pd.DataFrame(rows), border="horizontal", hide_index=True)
    if (only := possible.only) is not None:
        st.markdown(
            f"It finds {only.true_positives:,}, misses {only.false_negatives:,}, gives {only.false_positives:,} false "
            f"alarms and leaves {only.true_negatives:,} alone."
        )
    st.caption(
        f"Always giving the commoner answer has accuracy {share:.3f} and balanced accuracy 0.500. The range holds every whole "
        "number of photos that the typed digits may stand for, rounded or cut off. The 95% interval adds what so few photos "
        "leave open. Shares have exact intervals (Clopper and Pearson 1934); that of balanced accuracy combines them (Zou and "
        "Donner 2008)."
    )
