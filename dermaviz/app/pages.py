"""All pages of the app, in the order of the side bar. A new page is one row here, its entry file, and one function."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page: its entry file as seen from ``app.py``, a short title, the question that it answers, and how it answers it.

    ``show`` is ``module:function``; the function takes nothing and draws the page inside the frame. It is imported when the
    page is opened, so that no page waits for what another one needs.
    """

    file: str
    title: str
    icon: str
    question: str
    about: str
    show: str


PAGES = (
    Page(
        "app.py",
        "Home",
        ":material/home:",
        "What does a skin-lesion classifier say, and what does it look at?",
        "A dashboard for teaching, demonstrating and auditing a classifier of dermoscopic photos.",
        "dermaviz.app.home:show",
    ),
    Page(
        "pages/1_Classify.py",
        "Classify",
        ":material/center_focus_strong:",
        "What does the model see in this photo, how sure is it, and where did it look?",
        "Choose a drawn sample, draw a lesion to order, drop a photo or take one. The diagnosis, the probabilities of all "
        "classes and the attention map appear together.",
        "dermaviz.app.classify.page:show",
    ),
    Page(
        "pages/2_Confusion.py",
        "Confusion",
        ":material/grid_on:",
        "Which diagnoses does the model mistake for which?",
        "A confusion matrix whose every count opens the cases behind it, with thresholds, cohorts, calibration and intervals.",
        "dermaviz.app.confusion.page:show",
    ),
    Page(
        "pages/3_Robustness.py",
        "Robustness",
        ":material/shield:",
        "How little does it take to fool it?",
        "One photo attacked live beside noise of the same size. The whole test set under attacks, noise and corruptions, and "
        "what a defence costs and buys.",
        "dermaviz.app.robustness.page:show",
    ),
    Page(
        "pages/4_Skin_tone.py",
        "Skin tone",
        ":material/contrast:",
        "For whom does it fail, and what cannot be said?",
        "The test set by estimated skin tone, age, sex and body site, with intervals; one photo on other skin; and the same "
        "audit of a few photos of your own.",
        "dermaviz.app.skin_tone.page:show",
    ),
    Page(
        "pages/5_Attention.py",
        "Attention",
        ":material/visibility:",
        "Does it look at the lesion, and can its map be trusted?",
        "Whether right answers come with a map on the lesion, and which attention methods can be trusted. What a ruler, ink or "
        "dark corners do to the answer.",
        "dermaviz.app.attention.page:show",
    ),
    Page(
        "pages/5_Reports.py",
        "Reports",
        ":material/fact_check:",
        "What did five reports claim, and does it hold when it is run again?",
        "Every figure that five student and research reports print beside ours, with intervals and a verdict; what each report "
        "asks, answered by our own runs; checks that need no training, and a calculator that tells what accuracy must be.",
        "dermaviz.app.reports.page:show",
    ),
    Page(
        "pages/6_Lesson.py",
        "Lesson",
        ":material/school:",
        "What should a class know before it trusts a classifier?",
        "Eight steps in 45 minutes, offline: predict first, then reveal, with notes for the speaker and a sheet to print.",
        "dermaviz.app.lesson.page:show",
    ),
)
