"""Evaluation: model + data → predictions → metrics with intervals; calibration."""

from __future__ import annotations
