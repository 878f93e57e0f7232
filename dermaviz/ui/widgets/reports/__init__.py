"""Widgets of the page Reports."""
