"""Printed forms that a contractor fills in: the letterhead may be the payer's, the company is the one written in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extraction.reading.anchors import Label
from extraction.reading.labelled_addresses import looks_like_address
from extraction.reading.lexicon import fold
from extraction.reading.lines import Page
from extraction.reading.names import Named, is_title

_COMPANY_LABEL = re.compile(r"\b(?:company|contractor|payable|compania|empresa|contratista|pagar|pagadero)\b")
# What such forms ask for besides the company; ordinary invoices rarely print two of these labels.
_FORM_LABELS = ("work_order_number", "ship_to_address", "~company_address")
# A heading over the company's label ("Bill to" / "Company: ...") stands at most this far above it, in em.
_HEADING_ABOVE = 4.0


def filled_in_company(companies: Sequence[Named], labels: Sequence[Label]) -> Named | None:
    """Return the company that was filled in on a form, or ``None`` if the page is no such form.

    :param companies: names at a vendor's labels, best first.
    """
    if any(
        label.strength_of(n) >= 0.9 for label in labels for n in ("application_number", "retainage_amount")
    ):
        return None  # a pay application names both parties "contractor"
    asked = {name for label in labels for name in _FORM_LABELS if label.strength_of(name) >= 0.9}
    bilingual = sum("/" in label.text and len(label.tokens) > 1 for label in labels) >= 3
    if not asked or (len(asked) < 2 and not bilingual):
        return None
    for named in companies:
        if named.score >= 0.6 and _COMPANY_LABEL.search(fold(named.label)) and not _is_payers(named, labels):
            return named
    return None


def _is_payers(named: Named, labels: Sequence[Label]) -> bool:
    """Whether a company's label stands in the customer's block: under a heading such as "Bill to"."""
    return any(
        label.strength_of("customer_name") >= 0.9
        and label.ends_cell
        and 0 < named.cell.y0 - label.y1 < _HEADING_ABOVE
        and abs(label.x0 - named.cell.x0) < 12
        and label.cell.row != named.cell.row
        for label in labels
    )


def letterheads(vendors: Sequence[Named], page: Page) -> list[Named]:
    """Return who printed the form, for the customer: names without a label above the middle of the head."""
    return [
        Named(v.cell, v.name, 0.5, "", v.lines)
        for v in vendors[1:]
        if not v.label
        and v.cell.page == page.number
        and v.cell.y0 < 0.2 * page.height
        and not is_title(v.name)
        and not looks_like_address(v.name)
        and "/" not in v.name
    ][:1]
