"""What reports printed, and whether their figures agree with each other; no model and no photo is needed."""

from __future__ import annotations
