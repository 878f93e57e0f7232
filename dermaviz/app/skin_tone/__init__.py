"""The page Skin tone: the test set by group, one photo on other skin, and images of one's own."""

from __future__ import annotations
