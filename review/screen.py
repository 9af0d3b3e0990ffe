"""What the correction screen shows of an invoice: fields with their state, lines, sums, pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.urls import reverse
from rapidfuzz import fuzz, process

from extraction.fields import DOCUMENT_TYPES, FIELDS, LINE_ITEM_FIELDS, SHOWN_FIELDS
from invoiceapp.records import matching
from invoiceapp.records.models import Invoice, InvoiceValue, Job, Page, Vendor
from invoiceapp.records.money import show_amount, to_amount
from review import services
from review.forms import Correction
from review.models import Item
from review.services import LINE_CELLS

SAMPLED = "Random check: please compare it with the page."
# Columns of the grid that are there even when no line has anything in them.
ALWAYS_IN_GRID = frozenset({"description", "quantity", "unit", "unit_price", "amount", "cost_code"})
# rapidfuzz's ratio (0..100) from which a known vendor is worth offering.
SIMILAR_VENDOR = 70
MOST_OFFERED = 3
# Probability under which a reader's other candidate is only noise.
LEAST_OFFERED = 0.02
# Boxes are drawn a little larger than the words, or their edges would cross the letters; in box heights.
MARK_PAD = 0.2


@dataclass(frozen=True, slots=True)
class Offer:
    """A value that one key press puts into a field: ``note`` says where it comes from."""

    text: str
    note: str
    page: int | None = None
    box: Sequence[float] | None = None

    @property
    def place(self) -> str:
        """Where it stands on the page, as JSON for the page's script; empty if unknown."""
        return place_json(self.page, self.box)


@dataclass(slots=True)
class FieldRow:
    """One field of the form.

    ``text`` is what stands in the input, ``original`` what stood there when the
    page was opened; ``state`` is one of invalid, check, machine, person, missing; ``read_by`` says what a second
    reader makes of a value, unless ``reason`` does.
    """

    name: str
    label: str
    kind: str
    text: str
    original: str
    state: str
    reason: str = ""
    hint: str = ""
    read_by: str = ""
    stated: str = ""
    stated_agrees: bool = True
    percent: int | None = None
    offers: list[Offer] = field(default_factory=list)
    page: int | None = None
    box: Sequence[float] | None = None
    error: str = ""
    business: bool = False

    @property
    def to_check(self) -> bool:
        """Whether a person must look at it: a stop of the Tab key."""
        return self.state in ("check", "invalid")

    @property
    def shows_stated(self) -> bool:
        """Whether what the uploader stated is worth a line: not where the reason says it already."""
        return bool(self.stated) and (self.stated_agrees or "uploader stated" not in self.reason)

    @property
    def numeric(self) -> bool:
        return self.kind in ("money", "percent", "quantity")

    @property
    def choices(self) -> list[tuple[str, str]]:
        return list(DOCUMENT_TYPES.items()) if self.kind == "choice" else []

    @property
    def state_word(self) -> str:
        return STATE_WORDS[self.state]

    @property
    def state_icon(self) -> str:
        return STATE_ICONS[self.state]

    @property
    def place(self) -> str:
        """Where the value stands on the page, as JSON for the page's script; empty if unknown."""
        return place_json(self.page, self.box)


STATE_WORDS = {
    "invalid": "Invalid",
    "check": "Check",
    "machine": "Machine",
    "person": "Person",
    "missing": "Empty",
}
STATE_ICONS = {"invalid": "cross", "check": "eye", "machine": "dot", "person": "tick", "missing": "minus"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the grid."""

    name: str
    label: str
    kind: str

    @property
    def numeric(self) -> bool:
        return self.kind in ("money", "percent", "quantity")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the grid."""

    column: Column
    text: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of the grid; ``place`` is where it stands on the page, as JSON."""

    cells: list[Cell]
    place: str = ""


def place_json(page: int | None, box: Sequence[float] | None) -> str:
    """Return a place as the page's script knows it: ``{"page": 0, "box": [x0, y0, x1, y1]}``."""
    return json.dumps({"page": page, "box": list(box)}) if box is not None else ""


def shown(name: str, value: str, *, of_line: bool = False) -> str:
    """Return a normalised value as it stands in an input: money with commas at the thousands."""
    catalogue: Mapping[str, Any] = LINE_ITEM_FIELDS if of_line else FIELDS
    if catalogue[name].kind == "money" and value:
        try:
            number = Decimal(value)
            places = max(2, -int(number.as_tuple().exponent))  # a unit price may have four
            return f"{number:,.{places}f}"
        except (ArithmeticError, ValueError):
            return value
    return value


def field_rows(
    item: Item, invoice: Invoice, held: Mapping[str, InvoiceValue], posted: Correction | None = None
) -> list[FieldRow]:
    """Return the fields of the form in the catalogue's order.

    :param posted: what a person typed into a form that could not be saved; it is shown instead.
    """
    readings = {r.field: r for r in item.run.readings.all()} if item.run else {}
    named = {*SHOWN_FIELDS, *readings, *item.fields, *item.sampled}
    named |= {name for name, row in held.items() if row.value}
    rows = []
    for name, spec in FIELDS.items():
        if name not in named:
            continue
        value = held.get(name)
        reading = readings.get(name)
        original = shown(name, value.value if value else "")
        row = FieldRow(
            name=name,
            label=spec.label,
            kind=spec.kind,
            text=original,
            original=original,
            state=_state(item, name, value),
            reason=item.fields.get(name, SAMPLED if name in item.sampled else ""),
        )
        if value and value.box is not None:
            row.page, row.box = value.page, value.box
        elif reading and reading.box is not None:
            row.page, row.box = reading.page, reading.box
        if reading and reading.second and value and value.value == reading.value and row.state != "person":
            told = reading.second in row.reason or reading.reader in row.reason
            row.read_by = "" if told or not (row.to_check or reading.agreed) else reading.read_by
        if reading and row.to_check:
            row.percent = min(99, round(reading.confidence * 100))
        row.offers = _offers(row, reading)
        _add_stated(row, invoice)
        if posted is not None and name in posted.texts:
            row.text = posted.texts[name]
            row.business = name in posted.entries and posted.entries[name].business
            row.error = posted.errors.get(name, "")
            if row.error:
                row.state = "invalid"
        rows.append(row)
    _add_hints(rows, invoice)
    return rows


def _state(item: Item, name: str, value: InvoiceValue | None) -> str:
    if name in item.fields or name in item.sampled:
        return "check"
    if value is None or not value.value:
        return "missing"
    return "person" if value.source == InvoiceValue.Source.PERSON else "machine"


def _offers(row: FieldRow, reading: Any) -> list[Offer]:
    """Collect what else the field could hold: the reader's other candidates, then what it read."""
    offers: list[Offer] = []
    candidates = [*(reading.alternatives if reading else ())]
    if reading and reading.value:
        candidates.append(
            {
                "value": reading.value,
                "confidence": None,
                "page": reading.page,
                "box": reading.box,
                "note": "as read",
            }
        )
    for candidate in candidates:
        if (candidate.get("confidence") or 1) < LEAST_OFFERED:
            continue
        text = shown(row.name, str(candidate.get("value", "")))
        if not text or text == row.original or any(offer.text == text for offer in offers):
            continue
        confidence = candidate.get("confidence")
        percent = f"{round(confidence * 100)} %" if confidence is not None else ""
        note = candidate.get("note") or ", ".join(part for part in (candidate.get("reader"), percent) if part)
        offers.append(Offer(text, note, candidate.get("page"), candidate.get("box")))
    return offers[:MOST_OFFERED]


def _add_stated(row: FieldRow, invoice: Invoice) -> None:
    """Put what the uploader stated beside the field, and offer it where it differs."""
    if row.name == "total" and invoice.stated_total is not None:
        row.stated = show_amount(invoice.stated_total)
        try:
            row.stated_agrees = to_amount(row.original.replace(",", "")) == invoice.stated_total
        except ValueError:
            row.stated_agrees = False
    elif row.name == "work_order_number" and invoice.stated_work_order:
        row.stated = invoice.stated_work_order
        row.stated_agrees = matching.number_key(row.original) == matching.number_key(row.stated)
    if row.stated and not row.stated_agrees and all(offer.text != row.stated for offer in row.offers):
        row.offers = [Offer(row.stated, "stated on upload"), *row.offers][:MOST_OFFERED]


def _add_hints(rows: Sequence[FieldRow], invoice: Invoice) -> None:
    by_name = {row.name: row for row in rows}
    vendor = by_name.get("vendor_name")
    if vendor is not None:
        known = similar_vendors(invoice, vendor.text)
        vendor.hint = vendor_hint(vendor.text, invoice)
        for name in known:
            if name != vendor.text and all(offer.text != name for offer in vendor.offers):
                vendor.offers = [*vendor.offers, Offer(name, "known vendor")][:MOST_OFFERED]
    order = by_name.get("work_order_number")
    if order is not None:
        order.hint = job_hint(order.text, invoice)


def similar_vendors(invoice: Invoice, name: str) -> list[str]:
    """Return the names of known vendors that are written like this one, most alike first."""
    key = matching.name_key(name)
    if not key:
        return []
    known = dict(
        Vendor.objects.filter(organization_id=invoice.organization_id).values_list("name", "name_key")
    )
    best = process.extract(key, known, scorer=fuzz.ratio, score_cutoff=SIMILAR_VENDOR, limit=MOST_OFFERED)
    return [found for _, _, found in best]


def vendor_hint(name: str, invoice: Invoice) -> str:
    """Say whether the organization knows a vendor of that name."""
    if not name.strip():
        return ""
    vendor = matching.find_vendor(invoice.organization, name)
    if vendor is None:
        return "New vendor: will be added"
    return "Known vendor" if vendor.name == name.strip() else f"Known vendor: {vendor.name}"


def job_hint(number: str, invoice: Invoice) -> str:
    """Say which job has that work-order number."""
    if not number.strip():
        return ""
    job = matching.find_job(invoice.organization, number)
    if job is not None:
        return f"Job: {job.name or job.number}{'' if job.is_open else ' (closed)'}"
    if Job.objects.filter(organization_id=invoice.organization_id).exists():
        return "No job has this number"
    return ""


def columns(lines: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return the grid's columns: the usual ones, and the others where a line has something in them."""
    return [
        Column(name, LINE_ITEM_FIELDS[name].label, LINE_ITEM_FIELDS[name].kind)
        for name in LINE_CELLS
        if name in ALWAYS_IN_GRID or any(str(line.get(name) or "").strip() for line in lines)
    ]


def line_rows(
    item: Item, invoice: Invoice, posted: Correction | None = None, *, blank: int = 1
) -> tuple[list[Column], list[LineRow]]:
    """Return the grid: its columns and its lines, with empty ones at the end for writing."""
    if posted is not None:
        lines: list[dict[str, Any]] = [
            {**c, **_where(line)} for c, line in zip(posted.cells, posted.lines, strict=True)
        ]
    else:
        lines = services.lines_to_show(item, invoice)
    shown_columns = columns(lines)
    rows = []
    for position, line in enumerate([*lines, *({} for _ in range(blank))]):
        cells = []
        for column in shown_columns:
            text = str(line.get(column.name) or "")
            cells.append(
                Cell(
                    column,
                    text if posted is not None else shown(column.name, text, of_line=True),
                    posted.cell_errors.get((position, column.name), "") if posted is not None else "",
                )
            )
        rows.append(LineRow(cells, place_json(line.get("page"), line.get("box"))))
    return shown_columns, rows


def _where(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"page": line.get("page"), "box": line.get("box")}


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as the viewer shows it; ``marks`` are the fields that were read on it."""

    number: int
    width: int
    height: int
    url: str
    thumbnail: str
    words_url: str
    marks: list[dict[str, Any]]


def pictures(item: Item, invoice: Invoice, rows: Sequence[FieldRow]) -> list[PagePicture]:
    """Return the pages of the document with the boxes of the fields on them, in picture pixels."""
    found = []
    for page in Page.objects.filter(document_id=invoice.document_id):
        marks = [
            {"name": row.name, "label": row.label, "state": row.state, **_mark(row.box, page)}
            for row in rows
            if row.box is not None and row.page == page.number
        ]
        address = {"pk": invoice.document_id, "number": page.number}
        found.append(
            PagePicture(
                number=page.number,
                width=page.width,
                height=page.height,
                url=reverse("intake:page", kwargs=address),
                thumbnail=reverse("intake:page", kwargs=address),
                words_url=reverse("review:words", args=[item.pk, page.number]),
                marks=marks,
            )
        )
    return found


def _mark(box: Sequence[float], page: Page) -> dict[str, float]:
    """Return the rectangle of a page-relative box in picture pixels."""
    pad = MARK_PAD * (box[3] - box[1]) * page.height
    return {
        "x": round(box[0] * page.width - pad, 1),
        "y": round(box[1] * page.height - pad, 1),
        "width": round((box[2] - box[0]) * page.width + 2 * pad, 1),
        "height": round((box[3] - box[1]) * page.height + 2 * pad, 1),
    }


@dataclass(frozen=True, slots=True)
class Sums:
    """Lines, subtotal, tax and total as the page is opened; a script keeps them running."""

    lines: str
    subtotal: str
    tax: str
    total: str


def sums(rows: Sequence[FieldRow], lines: Sequence[LineRow]) -> Sums:
    """Return the sums as they stand in the form; what is no amount counts as nothing."""
    amounts = [cell.text for line in lines for cell in line.cells if cell.column.name == "amount"]
    by_name = {row.name: row.text for row in rows}
    return Sums(
        lines=show_amount(sum((_amount(text) or Decimal(0) for text in amounts), Decimal(0))),
        subtotal=show_amount(_amount(by_name.get("subtotal", ""))),
        tax=show_amount(_amount(by_name.get("tax_amount", ""))),
        total=show_amount(_amount(by_name.get("total", ""))),
    )


def _amount(text: str) -> Decimal | None:
    try:
        return to_amount(text.replace(",", ""))
    except ValueError:
        return None
