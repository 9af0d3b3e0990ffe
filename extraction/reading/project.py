"""The job or project a document names, which is as often a name as a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from extraction.reading.anchors import Label
from extraction.reading.header import Candidate, text_at
from extraction.reading.lines import Page

_AMOUNT = re.compile(r"\D{0,2}\d[\d.,]*[.,]\d{2}")


def find_project(labels: Sequence[Label], pages: Sequence[Page]) -> list[Candidate]:
    """Return what stands at project and job labels, whole, best first."""
    found = []
    for label in labels:
        if not label.colon and not label.ends_cell:
            continue
        candidate = text_at(label, "job_number", pages)
        if candidate is None or not re.search(r"\w{2}", candidate.value) or len(candidate.value) > 70:
            continue
        if candidate.value.rstrip().endswith(":") or _AMOUNT.fullmatch(candidate.value):
            continue
        found.append(replace(candidate, score=candidate.score * (1.0 if label.cell.page == 0 else 0.9)))
    return sorted(found, key=lambda c: -c.score)
