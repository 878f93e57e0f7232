"""What data is: specs, readers, splits by lesion, packed arrays, augmentation and lesion masks."""

from __future__ import annotations
