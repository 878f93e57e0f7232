"""The Lesson page: eight steps for a class, predict first and then reveal."""

from __future__ import annotations
