"""Reproduction: every question of the five reports that our runs answer."""

from __future__ import annotations

from studies.five_reports.claims.question import Question
from studies.five_reports.claims.questions_of_seven_classes import BEZZON, HAM10000
from studies.five_reports.claims.questions_of_two_classes import CHAUDHARY, GUPTA, SAGAR

QUESTIONS: tuple[Question, ...] = (*GUPTA, *CHAUDHARY, *SAGAR, *HAM10000, *BEZZON)
"""All questions, in the order of the reports and of the page."""
