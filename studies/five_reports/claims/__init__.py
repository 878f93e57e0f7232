"""What the reports say, held against the finished runs — questions, differences, verdicts and their words."""

from __future__ import annotations
