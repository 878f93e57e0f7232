"""Widgets shared by the pages: each asks one thing of the user, or shows one kind of result."""

from __future__ import annotations
