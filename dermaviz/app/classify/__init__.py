"""The Classify page: a photo, its diagnosis, and where the model looked."""

from __future__ import annotations
