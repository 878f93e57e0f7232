"""The page Attention: is the map on the lesion, can it be trusted, and what else changes the answer?"""

from __future__ import annotations
