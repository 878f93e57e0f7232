"""What the page Skin tone asks of evidence and says in words."""

from __future__ import annotations
