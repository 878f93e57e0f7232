"""Robustness: corruptions that a dermatoscope, a camera or a file can do to a photo, by name and severity.

Every entry of ``CORRUPTIONS`` has five severities; severity 0 is the image as it is. What is random is drawn per image from
its id and the corruption's name, so an image meets the same noise or the same hairs at every severity, in every batch and
on every device. The table of names is free of torch; ``apply`` and ``table``, which do the work, are imported by themselves.
"""

from __future__ import annotations

from dermaviz.robustness.corruptions.catalogue import CLEAN, CORRUPTIONS, SEVERITIES, Corruption

__all__ = ["CLEAN", "CORRUPTIONS", "SEVERITIES", "Corruption"]
