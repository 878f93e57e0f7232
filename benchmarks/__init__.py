"""Benchmarks: what DermaViz costs, as ratios against what a user would take instead. ``python -m benchmarks --list``."""
