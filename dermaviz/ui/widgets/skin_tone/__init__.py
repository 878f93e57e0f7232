"""Widgets of the page Skin tone."""
