"""The app's pages, one row each: a page is linked from the side bar and the home page by being in this table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A page: its file as seen from ``app.py``, its short title, the question it answers, and how it answers it."""

    file: str
    title: str
    icon: str
    question: str
    about: str


HOME = Entry(
    "app.py",
    "Home",
    ":material/home:",
    "What does a skin-lesion classifier say, and what does it look at?",
    "A dashboard for teaching, demonstrating and auditing a classifier of dermoscopic photos.",
)
CLASSIFY = Entry(
    "pages/1_Classify.py",
    "Classify",
    ":material/center_focus_strong:",
    "What does the model say of this photo, how sure is it, and where did it look?",
    "Choose a drawn sample, draw a lesion to order, drop a photo or take one. The diagnosis, the probabilities of all "
    "classes and the attention map appear together.",
)
CONFUSION = Entry(
    "pages/2_Confusion.py",
    "Confusion",
    ":material/grid_on:",
    "Which diagnoses does the model mistake for which?",
    "A confusion matrix whose every count opens the cases behind it, with thresholds, cohorts, calibration and intervals.",
)
ROBUSTNESS = Entry(
    "pages/3_Robustness.py",
    "Robustness",
    ":material/shield:",
    "How little does it take to fool it?",
    "One photo attacked live beside noise of the same size, and the whole test set under attacks, noise and corruptions, with "
    "what a defence costs and buys.",
)
SKIN_TONE = Entry(
    "pages/4_Skin_tone.py",
    "Skin tone",
    ":material/contrast:",
    "For whom does it fail, and is it right for the right reason?",
    "The test set by estimated skin tone, age, sex and body site, with intervals and what cannot be said; whether the model "
    "looks at the lesion; one photo on other skin; and the same audit of a few photos of your own.",
)
REPORTS = Entry(
    "pages/5_Reports.py",
    "Reports",
    ":material/fact_check:",
    "What did five reports claim, and does it hold when it is run again?",
    "Every figure that five student and research reports print beside ours, with intervals and a verdict; what each report "
    "asks, answered by our own runs; checks that need no training, and a calculator that tells what accuracy must be.",
)
PAGES = (HOME, CLASSIFY, CONFUSION, ROBUSTNESS, SKIN_TONE, REPORTS)
