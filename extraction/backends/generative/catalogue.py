"""The field catalogue as a generative model gets to see it: a JSON schema, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from extraction.fields import DOCUMENT_TYPES, FIELDS, LINE_ITEM_FIELDS

LINE_ITEMS: Final = "line_items"
ASKED_FIELDS: Final = tuple(name for name in FIELDS if name != "document_type")
"""The header fields that are asked for, in the catalogue's order; the document's type is asked for beside them."""
ALL: Final = (*ASKED_FIELDS, LINE_ITEMS)
"""Everything that can be asked for."""

_LABELS_SHOWN = 4
_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "vendor_name": "the company or person that wants to be paid",
        "vendor_tax_id": "the tax or VAT number of the vendor, not of the customer",
        "customer_name": "the company or person that is asked to pay",
        "ship_to_address": "where the work was done or the goods went",
        "invoice_number": "the vendor's own number of this document",
        "work_order_number": "the customer's number for the work: work order, estimate number, job ticket",
        "job_number": "the project",
        "po_number": "the customer's purchase order",
        "invoice_date": "the day the document was issued",
        "due_date": "the day by which to pay, only where it is printed",
        "payment_terms": "in the document's words, like “Net 30”",
        "currency": "ISO 4217, like USD",
        "subtotal": "before tax",
        "discount_total": "what is taken off",
        "tax_rate": "only where one rate holds for the whole document",
        "retainage_amount": "what is held back on this document",
        "total": "with tax, before payments are taken off",
        "amount_paid": "what has been paid already",
        "previous_balance": "what was owed before this document",
        "amount_due": "what remains to be paid",
    }
)
_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "money": "amount exactly as printed",
        "date": "date exactly as printed",
        "id": "number exactly as printed, with its letters and separators",
        "percent": "percentage as printed",
        "quantity": "quantity as printed",
        "code": "code",
        "text": "text as printed",
    }
)


@cache
def answer_schema(names: tuple[str, ...] = ALL) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of an answer.

    Every value is a text as printed or null: what it means is decided by the reader's own parsers, which know
    that 1.450 is not 1.45, and not by a model. Header fields must all be answered, so that each is looked
    for; columns of a line that are not on the page are left out, because a null for each would cost more
    time than the rest of the answer.

    :param names: what is asked for, of `ALL`; the document's type always is.
    """
    text = {"type": ["string", "null"]}
    properties: dict[str, Any] = {"document_type": {"enum": [*DOCUMENT_TYPES]}}
    properties |= {name: {**text, "description": _described(name)} for name in ASKED_FIELDS if name in names}
    if LINE_ITEMS in names:
        properties[LINE_ITEMS] = {
            "type": "array",
            "items": {
                "type": "object",
                "properties": dict.fromkeys(LINE_ITEM_FIELDS, text),
                "required": ["description", "amount"],
                "additionalProperties": False,
            },
        }
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _described(name: str) -> str:
    note = _NOTES.get(name, "")
    return f"{FIELDS[name].label}: {note}" if note else FIELDS[name].label


@cache
def fields_in_words(names: tuple[str, ...] = ALL, *, labels: bool = False) -> str:
    """List the header fields for a prompt, one a line.

    :param names: what is asked for, of `ALL`.
    :param labels: add a few of the words that label each on paper, in every language of the catalogue.
    """
    lines = [f"- document_type: one of {', '.join(DOCUMENT_TYPES)}"]
    for name in (name for name in ASKED_FIELDS if name in names):
        field = FIELDS[name]
        line = f"- {name}: {_described(name)} ({_FORMS[field.kind]})"
        if labels and field.words:
            shown = [phrase for phrases in field.words.values() for phrase in phrases[:_LABELS_SHOWN]]
            line += "; often labelled " + ", ".join(f"“{phrase}”" for phrase in dict.fromkeys(shown))
        lines.append(line)
    return "\n".join(lines)


def lines_in_words(names: tuple[str, ...] = ALL) -> str:
    """Ask for the lines of the table, if they are asked for at all."""
    if LINE_ITEMS not in names:
        return "Leave out the lines of its table."
    columns = ", ".join(f"{name} ({_FORMS[column.kind]})" for name, column in LINE_ITEM_FIELDS.items())
    return (
        "- line_items: the lines of its table, one object each, with those of these columns that the document "
        f"has: {columns}"
    )
