"""Planted figures and statements, as the ledger would hold them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dermaviz.metrics.printed import parse_printed
from studies.five_reports.reported.ledger import Claim, Report, Sample, Statement


def sample(positives: int, negatives: int, n: int | None = None) -> Sample:
    counts = MappingProxyType({"ill": positives, "well": negatives})
    return Sample("test", "test photos", n or positives + negatives, counts, "ill", "made up")


def claim(metric: str, text: str, of: Sample | None = None, row: str = "row", label: str = "") -> Claim:
    place = "/".join(filter(None, ("study", "table", row, metric, label)))
    return Claim(place, "study", "Table", f"study/table/{row}", row, "", metric, label, parse_printed(text), of)


def figures(of: Sample, **printed: str) -> dict[str, Claim]:
    return {metric: claim(metric, text, of) for metric, text in printed.items()}


def study(*claims: Claim, samples: Mapping[str, Sample] | None = None) -> Report:
    return Report("study", "A study", "A title", "Somebody", (), samples or {}, claims, ())


def stated(kind: str, **facts: str) -> Statement:
    return Statement("study/it", "study", "Text", "So it is said.", kind, MappingProxyType(facts))
