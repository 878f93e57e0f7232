"""Evaluation: model + data → predictions → metrics with intervals; calibration."""
