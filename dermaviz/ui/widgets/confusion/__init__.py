"""Widgets of the page Confusion."""
