"""Widgets of the page Robustness."""
