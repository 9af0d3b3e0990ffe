"""What people type into the correction screen, turned into normalised values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import QueryDict

from extraction.fields import DOCUMENT_TYPES, FIELDS, LINE_ITEM_FIELDS, normalise
from review.models import Item
from review.queue import ORDERS, Filters
from review.services import LINE_CELLS, Entry

# Names of the inputs: one per field, and one list per column of the table, so that
# lines can be added and removed without numbering anything anew.
FIELD_PREFIX, LINE_PREFIX, BUSINESS_PREFIX = "field-", "line-", "business-"
LONGEST = 2000
MOST_LINES = 1000
MOST_SECONDS = 3600.0

_AMERICAN_NUMBER = re.compile(r"-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII)
_EXPECTED = {
    "money": "is not an amount. Write it like 1,450.00.",
    "quantity": "is not a quantity. Write it like 12.5.",
    "percent": "is not a percentage. Write it like 8.25.",
    "date": "is not a date. Write it like 2026-03-31.",
    "code": "is not a currency. Write its code, like USD.",
    "choice": f"is none of: {', '.join(DOCUMENT_TYPES.values())}.",
}


@dataclass(slots=True)
class Correction:
    """What one post of the correction form holds.

    ``texts`` and ``cells`` are as typed, so that nothing is lost when the form
    comes back; ``entries`` and ``lines`` are normalised, for `services.settle`.
    ``errors`` maps fields, and ``cell_errors`` (line from 0, column), to what is wrong;
    ``has_table`` says whether the form had a table at all.
    """

    texts: dict[str, str] = field(default_factory=dict)
    cells: list[dict[str, str]] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    lines_seconds: float | None = None
    has_table: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    cell_errors: dict[tuple[int, str], str] = field(default_factory=dict)

    @property
    def is_valid(self) -> bool:
        return not self.errors and not self.cell_errors

    @property
    def values(self) -> dict[str, str]:
        """Normalised header values that are there, as the rules want them."""
        return {name: entry.value for name, entry in self.entries.items() if entry.value}


def read_correction(post: QueryDict) -> Correction:
    """Read a posted correction form; never raises, whatever was posted."""
    found = Correction()
    trace = _trace(post.get("trace", ""))
    for name in FIELDS:
        if FIELD_PREFIX + name not in post:
            continue
        text = str(post[FIELD_PREFIX + name])
        found.texts[name] = text
        value, error = normalised(name, text)
        if error:
            found.errors[name] = error
            continue
        page, box = _place(trace["places"].get(name))
        found.entries[name] = Entry(
            value,
            page=page,
            box=box,
            seconds=_seconds(trace["seconds"].get(name)),
            business=BUSINESS_PREFIX + name in post,
        )
    found.lines_seconds = _seconds(trace["seconds"].get("line_items"))
    columns = {name: post.getlist(LINE_PREFIX + name) for name in LINE_CELLS}
    places = post.getlist(LINE_PREFIX + "place")
    found.has_table = LINE_PREFIX + "description" in post
    for row in range(min(max(map(len, columns.values())), MOST_LINES)):
        typed = {name: cells[row] if row < len(cells) else "" for name, cells in columns.items()}
        if not any(text.strip() for text in typed.values()):
            continue
        position = len(found.cells)
        found.cells.append(typed)
        line: dict[str, Any] = {}
        for name, text in typed.items():
            line[name], error = normalised(name, text, of_line=True)
            if error:
                found.cell_errors[position, name] = error
        line["page"], line["box"] = _place_of_line(places[row] if row < len(places) else "")
        found.lines.append(line)
    return found


def normalised(name: str, text: str, *, of_line: bool = False) -> tuple[str, str]:
    """Return the normalised value and what is wrong with the text; one of the two is empty.

    :param name: a field, or a column of the table where ``of_line`` is set.
    """
    text = text.strip()
    if not text:
        return "", ""
    if len(text) > LONGEST:
        return "", f"That is longer than {LONGEST} characters."
    kind = (LINE_ITEM_FIELDS if of_line else FIELDS)[name].kind
    if of_line and kind in ("money", "quantity", "percent") and (number := _plain_number(text)) is not None:
        # Cells keep their places: a unit price of 0.0375 must not become four cents.
        return number, ""
    value = normalise(name, text)
    if value is None:
        shown = text if len(text) <= 40 else text[:39] + "…"
        return "", f"“{shown}” {_EXPECTED.get(kind, 'does not fit here.')}"
    return value, ""


def _plain_number(text: str) -> str | None:
    """Return a number written with a point and perhaps commas at the thousands, or None."""
    return text.replace(",", "") if _AMERICAN_NUMBER.fullmatch(text) else None


def _trace(text: str) -> dict[str, Mapping[str, Any]]:
    """Return what the page noted while the person worked: seconds and places, by field."""
    try:
        trace = json.loads(text or "{}")
    except ValueError:
        trace = {}
    parts = {key: trace.get(key) if isinstance(trace, dict) else None for key in ("seconds", "places")}
    return {key: part if isinstance(part, dict) else {} for key, part in parts.items()}


def _seconds(found: Any) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < float("inf"):
        return None
    return min(round(float(found), 2), MOST_SECONDS)


def _place(found: Any) -> tuple[int | None, list[float] | None]:
    """Return page and box if they can be ones: a page from 0 and four fractions."""
    if not isinstance(found, dict):
        return None, None
    page, box = found.get("page"), found.get("box")
    if isinstance(page, bool) or not isinstance(page, int) or not 0 <= page < 10_000:
        return None, None
    if not isinstance(box, list) or len(box) != 4:
        return None, None
    if not all(isinstance(edge, int | float) and 0 <= edge <= 1 for edge in box):
        return None, None
    return page, [round(float(edge), 5) for edge in box]


def _place_of_line(text: str) -> tuple[int | None, list[float] | None]:
    try:
        return _place(json.loads(text)) if text else (None, None)
    except ValueError:
        return None, None


class FilterForm(forms.Form):
    """The queue's filters, as they stand in the address."""

    vendor = forms.CharField(required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"}))
    reason = forms.ChoiceField(required=False, choices=[("", "Any reason"), *Item.Reason.choices])
    least = forms.DecimalField(required=False, label="Amount from", max_digits=14, decimal_places=2)
    most = forms.DecimalField(required=False, label="Amount to", max_digits=14, decimal_places=2)
    mine = forms.BooleanField(required=False, label="Claimed by me")
    sort = forms.ChoiceField(required=False, choices=[(key, key) for key in ORDERS])

    def filters(self) -> Filters:
        """Return the filters that make sense; the others are left out, as if nobody had asked."""
        self.full_clean()
        asked: Iterable[tuple[str, Any]] = self.cleaned_data.items()
        return Filters(**{name: value for name, value in asked if value not in (None, "")})


class ReasonForm(forms.Form):
    """Why an invoice is rejected."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why it is rejected: the uploader will read it."},
    )
