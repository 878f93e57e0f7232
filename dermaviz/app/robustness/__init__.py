"""What the page Robustness asks of evidence and says in words."""

from __future__ import annotations
