"""The page Robustness: one photo attacked live, and what attacks, noise and other cameras cost over the test set."""

from __future__ import annotations
