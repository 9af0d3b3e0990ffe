"""Invoices that a reader has read, made directly: what the review needs and nothing that reads files."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image, ImageDraw, ImageFont

from extraction.models import FieldReading, Run
from invoiceapp.records import invoices
from invoiceapp.records.models import Document, Invoice, Organization, Page

SURE = 0.99
# What stands on the page that `make_page` draws: text -> left, top in page-relative units.
PRINTED = (
    ("Hernandez", 0.08, 0.05),
    ("Drywall", 0.30, 0.05),
    ("Invoice", 0.08, 0.14),
    ("2041", 0.22, 0.14),
    ("Date", 0.60, 0.14),
    ("2026-03-12", 0.72, 0.14),
    ("Work", 0.08, 0.20),
    ("order", 0.17, 0.20),
    ("31877", 0.27, 0.20),
    ("Drywall", 0.08, 0.40),
    ("repair,", 0.20, 0.40),
    ("hall", 0.32, 0.40),
    ("1,450.00", 0.80, 0.40),
    ("Total", 0.64, 0.80),
    ("$1,450.00", 0.76, 0.80),
)
LINE = {
    "description": "Drywall repair, hall",
    "quantity": "1",
    "unit": "ls",
    "unit_price": "1450.00",
    "amount": "1450.00",
}
READ = {
    "vendor_name": "Hernandez Drywall",
    "invoice_number": "2041",
    "work_order_number": "31877",
    "invoice_date": "2026-03-12",
    "subtotal": "1450.00",
    "total": "1450.00",
}
_WORD_OF = {
    "vendor_name": "Hernandez",
    "invoice_number": "2041",
    "work_order_number": "31877",
    "invoice_date": "2026-03-12",
    "total": "$1,450.00",
}


def word_box(text: str) -> list[float]:
    """Return where `make_page` prints a word: page-relative [x0, y0, x1, y1]."""
    return _box(*next(found for found in PRINTED if found[0] == text))


def _box(text: str, left: float, top: float) -> list[float]:
    return [left, top, round(left + 0.013 * len(text), 4), round(top + 0.022, 4)]


def make_page(document: Document, number: int = 0, *, width: int = 850, height: int = 1100) -> Page:
    """Store a drawn page with its words."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=height * 0.019)
    for text, x, y in PRINTED:
        draw.text((x * width, y * height), text, fill="black", font=font)
    draw.text((0.45 * width, 0.95 * height), f"page {number + 1}", fill="gray", font=font)
    picture = io.BytesIO()
    image.save(picture, "JPEG", quality=80)
    words = [[text, *_box(text, x, y), line] for line, (text, x, y) in enumerate(PRINTED)]
    page = Page(document=document, number=number, width=width, height=height)
    page.picture.save("page.jpg", ContentFile(picture.getvalue()), save=False)
    page.words.save("words.json", ContentFile(json.dumps(words).encode()), save=False)
    page.save()
    return page


def make_invoice(
    organization: Organization,
    user: Any,
    *,
    pages: int = 1,
    status: str = Invoice.Status.READING,
    stated_total: Decimal | None = None,
    stated_work_order: str = "",
) -> Invoice:
    """Return an invoice whose document has just been opened by the reader."""
    document = Document(
        organization=organization,
        uploaded_by=user,
        filename="photo.jpg",
        media_type="image/jpeg",
        size=9,
        sha256=uuid.uuid4().hex * 2,
        page_count=max(pages, 1),
    )
    document.file.save("photo.jpg", ContentFile(b"any bytes"), save=False)
    document.save()
    for number in range(pages):
        make_page(document, number)
    invoice = invoices.register(
        document=document, user=user, stated_total=stated_total, stated_work_order=stated_work_order
    )
    Invoice.objects.filter(pk=invoice.pk).update(status=status)
    invoice.status = status
    return invoice


def make_run(
    invoice: Invoice,
    *,
    read: Mapping[str, str] = READ,
    doubts: Mapping[str, str] | None = None,
    lines: Sequence[Mapping[str, str]] = (LINE,),
    alternatives: Mapping[str, Sequence[str]] | None = None,
    checks: Sequence[Mapping[str, Any]] = (),
) -> Run:
    """Return a finished run with its readings; ``doubts`` maps doubtful fields to the gate's reason."""
    doubts = doubts or {}
    now = timezone.now()
    run = Run.objects.create(
        organization_id=invoice.organization_id,
        invoice=invoice,
        token=uuid.uuid4(),
        attempt=1,
        status=Run.Status.DONE,
        backend="layout",
        model_version="layout-1",
        document_type="invoice",
        pages=invoice.document.page_count,
        seconds_total=0.4,
        line_items=[
            {"values": dict(line), "confidence": SURE, "page": 0, "box": [0.08, 0.40, 0.92, 0.422]}
            for line in lines
        ],
        checks=list(checks),
        doubts=dict(doubts),
        audit_share=invoice.organization.audit_share,
        started=now,
        finished=now,
    )
    FieldReading.objects.bulk_create(
        FieldReading(
            run=run,
            field=name,
            value=value,
            text=value,
            confidence=0.71 if name in doubts else SURE,
            page=0 if name in _WORD_OF else None,
            box=word_box(_WORD_OF[name]) if name in _WORD_OF else None,
            alternatives=[
                {"value": other, "text": other, "confidence": 0.2, "page": None, "box": None}
                for other in (alternatives or {}).get(name, ())
            ],
            accepted=name not in doubts,
            clearance=0.71 if name in doubts else SURE,
        )
        for name, value in read.items()
    )
    return run
