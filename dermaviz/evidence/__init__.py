"""Evidence: what was found for each image, kept on disk as Parquet tables, each with a manifest that is written last.

A checkpoint's evidence lies in its folder: ``evidence/<split>/<table>.parquet`` with ``<table>.json`` beside it. Every
number that the app shows is computed from these tables, so anyone can recompute it.
"""

from __future__ import annotations

from dermaviz.evidence.store import Evidence, Manifest, Rows, Source, build_evidence, has_evidence, read_evidence

__all__ = ["Evidence", "Manifest", "Rows", "Source", "build_evidence", "has_evidence", "read_evidence"]
