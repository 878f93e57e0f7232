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
    "Choose a drawn sample, drop a photo or take one. The diagnosis, the probabilities of all classes and the attention "
    "map appear together.",
)
PAGES = (HOME, CLASSIFY)
