"""Reading labelled documents and turning what comes out into figures and a readable report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument
from extraction.evaluation.metrics import (
    Outcome,
    Share,
    all_right,
    calibration_error,
    match_amounts,
    percentiles,
    share_right,
)
from extraction.schema import Reading, Seconds


@dataclass(slots=True)
class Result:
    """What came out for one document; ``error`` is set if it could not be read."""

    document: LabelledDocument
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: Seconds = field(default_factory=Seconds)
    pages: int = 0
    lines_true: int = 0
    lines_read: int = 0
    lines_found: int = 0
    error: str = ""


Read = Callable[[LabelledDocument], tuple[Reading, float]]
"""Reads a document; returns the reading and the seconds that opening the file took."""


def judge(document: LabelledDocument, read: Read, only: Sequence[str] = ()) -> Result:
    """Read one document and compare every labelled field; a crash is a result, not an end.

    :param only: compare these fields alone.
    """
    result = Result(document)
    reading: Reading | None = None
    begun = time.perf_counter()
    try:
        reading, opening = read(document)
    except Exception as error:  # noqa: BLE001 - one bad document must not end the evaluation
        result.error = f"{type(error).__name__}: {error}"
        result.seconds = Seconds(total=time.perf_counter() - begun)
    else:
        seconds = reading.seconds
        result.seconds = Seconds(seconds.total + opening, seconds.words + opening, seconds.fields)
        result.pages = reading.pages
    for name, truth in document.fields.items():
        if only and name not in only:
            continue
        found = reading.fields.get(name) if reading else None
        value = found.value if found else None
        if name == "document_type" and reading is not None:
            value = reading.document_type  # it stands beside the fields, without a confidence
        right = value is None if truth is None else is_right(name, truth, value)
        outcome = Outcome(
            document.name, document.track, name, truth, value, right, found.confidence if found else 0.0
        )
        result.outcomes.append(outcome)
    if document.line_items and not only:
        true = [
            Decimal(str(line["amount"])) for line in document.line_items if line.get("amount") is not None
        ]
        read_amounts = [
            Decimal(i.values["amount"])
            for i in (reading.line_items if reading else ())
            if "amount" in i.values
        ]
        result.lines_true, result.lines_read = len(true), len(read_amounts)
        result.lines_found = match_amounts(true, read_amounts)
    return result


def summarise(results: Sequence[Result]) -> dict[str, Any]:
    """Return all figures per track as plain JSON values."""
    tracks = list(dict.fromkeys(r.document.track for r in results))
    summary: dict[str, Any] = {
        "documents": len(results),
        "errors": sum(bool(r.error) for r in results),
        "tracks": {},
    }
    for track in tracks:
        own = [r for r in results if r.document.track == track]
        outcomes = [o for r in own for o in r.outcomes]
        names = sorted({o.field for o in outcomes})
        complete = all_right(outcomes)
        entry: dict[str, Any] = {
            "documents": len(own),
            "mean_over_fields": _share(share_right(outcomes, by_field=True)),
            "all_values": _share(share_right(outcomes)),
            "all_fields_right": round(sum(complete.values()) / len(complete), 4) if complete else None,
            "calibration_error": round(calibration_error(outcomes), 4) if outcomes else None,
            "fields": {n: _share(share_right([o for o in outcomes if o.field == n])) for n in names},
            "seconds": {
                part: {
                    k: round(v, 3)
                    for k, v in percentiles([getattr(r.seconds, part) for r in own if not r.error]).items()
                }
                for part in ("words", "fields", "total")
            },
            "fields_seconds_per_page": {
                k: round(v, 4)
                for k, v in percentiles([r.seconds.fields / r.pages for r in own if r.pages]).items()
            },
        }
        true, read, found = (
            sum(getattr(r, k) for r in own) for k in ("lines_true", "lines_read", "lines_found")
        )
        if true:
            entry["line_items"] = {
                "amounts": true,
                "found": round(found / true, 4),
                "precision": round(found / read, 4) if read else None,
            }
        summary["tracks"][track] = entry
    return summary


def _share(share: Share) -> dict[str, Any]:
    return {
        "share": round(share.value, 4),
        "low": round(share.low, 4),
        "high": round(share.high, 4),
        "count": share.count,
    }


def as_text(summary: dict[str, Any]) -> str:
    """Write the figures as a table for people."""
    lines: list[str] = []
    for track, entry in summary["tracks"].items():
        lines.append(f"{track or 'all'}: {entry['documents']} documents")
        rows = [
            ("mean over fields", entry["mean_over_fields"]),
            ("all values", entry["all_values"]),
            *entry["fields"].items(),
        ]
        lines += [
            f"  {name:<20} {100 * s['share']:6.1f} %  [{100 * s['low']:5.1f}, {100 * s['high']:5.1f}]  of {s['count']}"
            for name, s in rows
        ]
        if entry["all_fields_right"] is not None:
            lines.append(f"  {'every field right':<20} {100 * entry['all_fields_right']:6.1f} % of documents")
        if "line_items" in entry:
            items = entry["line_items"]
            precision = f"{100 * items['precision']:.1f} %" if items["precision"] is not None else "-"
            lines.append(
                f"  line amounts found   {100 * items['found']:6.1f} % of {items['amounts']}, precision {precision}"
            )
        lines.append(f"  calibration error    {entry['calibration_error']:6.3f}")
        for part, s in entry["seconds"].items():
            lines.append(f"  seconds, {part:<11} {s['median']:6.2f} median  {s['p95']:6.2f} p95")
        lines.append("")
    if summary["errors"]:
        lines.append(f"{summary['errors']} documents could not be read")
    return "\n".join(lines)


def mistakes(results: Iterable[Result]) -> list[str]:
    """List every wrong value: document, field, what is true, what was read, how sure the reader was."""
    lines = []
    for result in results:
        if result.error:
            lines.append(f"{result.document.name}: could not be read: {result.error}")
        lines += [
            f"{o.document}: {o.field}: true {o.truth!r}, read {o.value!r}"
            + (f" at {100 * o.confidence:.0f} %" if o.value is not None else "")
            for o in result.outcomes
            if not o.right
        ]
        if result.lines_found < result.lines_true or result.lines_read > result.lines_found:
            lines.append(
                f"{result.document.name}: line items: {result.lines_found} of {result.lines_true} amounts found,"
                f" {result.lines_read} read"
            )
    return lines
