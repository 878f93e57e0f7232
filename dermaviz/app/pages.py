"""All pages of the app, in the order of the side bar. A new page is one row here, its entry file, and one function."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page: its entry file as seen from ``app.py``, a short title and the question that it answers.

    ``show`` is ``module:function``; the function takes nothing and draws the page inside the frame. It is imported when the
    page is opened, so that no page waits for what another one needs. ``of_a_model``: whether a model and data set are chosen.
    """

    file: str
    title: str
    icon: str
    question: str
    show: str
    of_a_model: bool = True


PAGES = (
    Page(
        "app.py",
        "Home",
        ":material/home:",
        "What does a skin-lesion classifier say, and what does it look at?",
        "dermaviz.app.home:show",
    ),
    Page(
        "pages/1_Classify.py",
        "Classify",
        ":material/center_focus_strong:",
        "What does the model see in this photo, how sure is it, and where did it look?",
        "dermaviz.app.classify:show",
    ),
    Page(
        "pages/2_Confusion.py",
        "Confusion",
        ":material/grid_on:",
        "Which diagnoses does the model mistake for which?",
        "dermaviz.app.confusion.page:show",
    ),
    Page(
        "pages/3_Robustness.py",
        "Robustness",
        ":material/shield:",
        "How little does it take to fool it?",
        "dermaviz.app.robustness.page:show",
    ),
    Page(
        "pages/4_Skin_tone.py",
        "Skin tone",
        ":material/contrast:",
        "For whom does it fail, and what cannot be said?",
        "dermaviz.app.skin_tone.page:show",
    ),
    Page(
        "pages/5_Attention.py",
        "Attention",
        ":material/visibility:",
        "Does it look at the lesion, and can its map be trusted?",
        "dermaviz.app.attention.page:show",
    ),
    Page(
        "pages/5_Reports.py",
        "Reports",
        ":material/fact_check:",
        "What did five reports claim, and does it hold when it is run again?",
        "dermaviz.app.reports.page:show",
        of_a_model=False,
    ),
    Page(
        "pages/6_Lesson.py",
        "Lesson",
        ":material/school:",
        "What should a class know before it trusts a classifier?",
        "dermaviz.app.lesson.page:show",
    ),
)
