"""What data is: specs, readers, lesion-grouped splits, packed arrays, augmentation, and drawn lesions."""

from __future__ import annotations
