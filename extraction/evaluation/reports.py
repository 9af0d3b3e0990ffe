"""Turns results into figures (plain JSON values) and figures into text for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from extraction.evaluation.certainty import (
    TARGET_ERROR,
    Acceptance,
    accept,
    brier_score,
    certify,
    fewest_labels,
    risk_coverage_area,
)
from extraction.evaluation.line_items import all_lines_right, cell_f1, score_table
from extraction.evaluation.measuring import Result
from extraction.evaluation.metrics import (
    Share,
    all_right,
    calibration_error,
    f1,
    percentiles,
    share_of_documents,
    share_right,
)
from extraction.evaluation.significance import ALL_TRACKS, Comparison
from extraction.fields import FIELDS, LINE_ITEM_FIELDS
from extraction.gate import DEFAULT_THRESHOLD

_ORDER = {name: place for place, name in enumerate(FIELDS)}


def summarise(results: Sequence[Result]) -> dict[str, Any]:
    """Return all figures per track as plain JSON values; what can't be said is ``None``."""
    tracks = list(dict.fromkeys(r.document.track for r in results))
    summary: dict[str, Any] = {
        "documents": len(results),
        "errors": sum(bool(r.error) for r in results),
        "tracks": {t: _figures([r for r in results if r.document.track == t]) for t in tracks},
    }
    if len(tracks) > 1:
        summary["all"] = _figures(results)
    return summary


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    outcomes = [o for r in results for o in r.outcomes]
    names = sorted({o.field for o in outcomes}, key=lambda n: (_ORDER.get(n, len(_ORDER)), n))
    by_field = {n: [o for o in outcomes if o.field == n] for n in names}
    certified = certify(outcomes)
    read = [r for r in results if not r.error]
    figures: dict[str, Any] = {
        "documents": len(results),
        "mean_over_fields": _share(share_right(outcomes, by_field=True)),
        "all_values": _share(share_right(outcomes)),
        "f1_mean_over_fields": _share(f1(outcomes, by_field=True)),
        "f1_all_values": _share(f1(outcomes)),
        "all_fields_right": _share(share_of_documents(list(all_right(outcomes).values()))),
        "fields": {n: {**_share(share_right(own)), "f1": _share(f1(own))} for n, own in by_field.items()},
        "risk_coverage_area": _number(risk_coverage_area(outcomes)),
        "calibration_error": _number(calibration_error(outcomes)),
        "brier_score": _number(brier_score(outcomes)),
        "watched_values": accept(outcomes, 0.0).accepted,
        "touchless_at_1_percent": _acceptance(certified) if certified else None,
        "touchless_by_default": _acceptance(accept(outcomes, DEFAULT_THRESHOLD)),
        "seconds": {
            p: _percentiles([getattr(r.seconds, p) for r in read]) for p in ("words", "fields", "total")
        },
        "seconds_per_page": {
            p: _percentiles([getattr(r.seconds, p) / r.pages for r in read if r.pages])
            for p in ("words", "fields", "total")
        },
    }
    with_lines = [r for r in results if r.lines is not None]
    if with_lines:
        figures["line_items"] = _line_items(with_lines)
    return figures


def _line_items(results: Sequence[Result]) -> dict[str, Any]:
    amounts, read, found = (
        sum(getattr(r, k) for r in results) for k in ("lines_true", "lines_read", "lines_found")
    )
    scores = [score_table(r.document.line_items, r.lines or ()) for r in results]
    columns = [n for n in LINE_ITEM_FIELDS if any(n in s.columns for s in scores)]
    return {
        "documents": len(results),
        "amounts": amounts,
        "found": round(found / amounts, 4) if amounts else None,
        "precision": round(found / read, 4) if read else None,
        "f1": _share(cell_f1(scores)),
        "columns": {name: _share(cell_f1(scores, name)) for name in columns},
        "all_lines_right": _share(all_lines_right(scores)),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _share(share: Share) -> dict[str, Any]:
    return {
        "share": _number(share.value),
        "low": _number(share.low),
        "high": _number(share.high),
        "count": share.count,
    }


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    return {k: _number(v) for k, v in percentiles(values).items()}


def _acceptance(acceptance: Acceptance) -> dict[str, Any]:
    return {
        **asdict(acceptance),
        "bound": _number(acceptance.bound),
        "documents": _share(acceptance.documents),
    }


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain JSON values."""
    return {
        **asdict(comparison),
        "p": float(f"{comparison.p:.3g}"),
        "difference": _share(comparison.difference),
    }


def percent(value: float | None) -> str:
    """Write a share for people: "97.3 %", a dash if there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def with_interval(share: Mapping[str, Any]) -> str:
    """Write a share for people with its interval: "97.3 % [95.0, 99.1]"."""
    if share["share"] is None:
        return "–"
    return f"{percent(share['share'])} [{100 * share['low']:.1f}, {100 * share['high']:.1f}]"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _touchless(figures: Mapping[str, Any]) -> str:
    certified = figures["touchless_at_1_percent"]
    if certified is None:
        few = figures["watched_values"] < fewest_labels()
        why = f"under {fewest_labels()} values" if few else "too many wrong at every threshold"
        return f"no guarantee ({why})"
    return f"{with_interval(certified['documents'])} from {certified['threshold']:.3f}"


def _by_default(figures: Mapping[str, Any]) -> str:
    taken = figures["touchless_by_default"]
    if not taken["accepted"]:
        return "no value accepted"
    return (
        f"{with_interval(taken['documents'])}; wrong {taken['wrong']} of {taken['accepted']} values"
        f" (at most {percent(taken['bound'])})"
    )


def rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the figures of a track as pairs of a title and a text, in the order of a report."""
    fields = figures["fields"]
    table = [
        ("documents", str(figures["documents"])),
        ("mean over fields", with_interval(figures["mean_over_fields"])),
        ("mean over fields, F1", with_interval(figures["f1_mean_over_fields"])),
        ("all values", f"{with_interval(figures['all_values'])} of {figures['all_values']['count']}"),
        ("all values, F1", with_interval(figures["f1_all_values"])),
        *((n, f"{with_interval(s)} of {s['count']}, F1 {with_interval(s['f1'])}") for n, s in fields.items()),
        ("every field right", f"{with_interval(figures['all_fields_right'])} of documents"),
    ]
    if items := figures.get("line_items"):
        found = percent(items["found"])
        table += [
            ("line amounts found", f"{found} of {items['amounts']}, precision {percent(items['precision'])}"),
            ("line items, F1", f"{with_interval(items['f1'])} of {items['f1']['count']} cells"),
            *((f"  {n}, F1", f"{with_interval(s)} of {s['count']}") for n, s in items["columns"].items()),
            (
                "all lines right",
                f"{with_interval(items['all_lines_right'])} of {items['documents']} documents",
            ),
        ]
    table += [
        ("risk-coverage area", _plain(figures["risk_coverage_area"])),
        ("calibration error", _plain(figures["calibration_error"])),
        ("Brier score", _plain(figures["brier_score"])),
        (f"touchless at {100 * TARGET_ERROR:.0f} % error", _touchless(figures)),
        (f"touchless from {DEFAULT_THRESHOLD:.2f}", _by_default(figures)),
    ]
    for title, times in (("seconds", figures["seconds"]), ("seconds a page", figures["seconds_per_page"])):
        table += [
            (f"{title}, {part}", f"{_plain(s['median'])} median, {_plain(s['p95'])} p95")
            for part, s in times.items()
        ]
    return table


def sections(summary: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the figures per track with a title, then those of all tracks if there are several."""
    found = [(track or "no track", figures) for track, figures in summary["tracks"].items()]
    return [*found, (ALL_TRACKS, summary["all"])] if "all" in summary else found


def as_text(summary: Mapping[str, Any]) -> str:
    """Write the figures of one reader as a table for people."""
    lines: list[str] = []
    for title, figures in sections(summary):
        lines.append(f"{title}: {figures['documents']} documents")
        lines += [f"  {name:<24} {text}" for name, text in rows(figures)[1:]]
        lines.append("")
    if summary["errors"]:
        lines.append(f"{summary['errors']} documents could not be read")
    return "\n".join(lines)


def side_by_side(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the figures of several readers of the same documents beside each other."""
    lines: list[str] = []
    per_reader = {name: dict(sections(summary)) for name, summary in summaries.items()}
    for title, figures in sections(next(iter(summaries.values()))):
        columns = [dict(rows(per_reader[name][title])) for name in summaries]
        names = list(dict.fromkeys(row for column in columns for row in column))
        table = [
            ["", *summaries],
            *([n, *(c.get(n, "–") for c in columns)] for n in names if n != "documents"),
        ]
        widths = [max(len(line[k]) for line in table) for k in range(len(table[0]))]
        lines.append(f"{title}: {figures['documents']} documents")
        lines += [
            "  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in table
        ]
        lines.append("")
    return "\n".join(lines)


def comparison_as_text(first: str, second: str, comparisons: Sequence[Comparison]) -> str:
    """Write who is right where the other is not, and whether that is more than chance."""
    lines = [f"{second} against {first}, on the same fields of the same documents:"]
    for c in comparisons:
        difference = c.difference
        lines.append(
            f"  {c.track or 'no track'}: {100 * difference.value:+.1f} points"
            f" [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}] over {c.fields} fields;"
            f" right only there {c.only_first}, only here {c.only_second}, p = {c.p:.3g} (McNemar, exact)"
        )
    return "\n".join(lines)


def mistakes(results: Iterable[Result]) -> list[str]:
    """List every wrong value: document, field, what is true, what was read, how sure the reader was."""
    lines = []
    for result in results:
        name = result.document.identity or result.document.name
        if result.error:
            lines.append(f"{name}: could not be read: {result.error}")
        lines += [
            f"{o.document}: {o.field}: true {o.truth!r}, read {o.value!r}"
            + (f" at {100 * o.confidence:.0f} %" if o.value is not None else "")
            for o in result.outcomes
            if not o.right
        ]
        if result.lines_found < result.lines_true or result.lines_read > result.lines_found:
            lines.append(
                f"{name}: line items: {result.lines_found} of {result.lines_true} amounts found,"
                f" {result.lines_read} read"
            )
    return lines
