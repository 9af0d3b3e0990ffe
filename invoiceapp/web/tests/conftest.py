"""Invoices for the tests of the pages."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.core.files.base import ContentFile

from invoiceapp.records import invoices
from invoiceapp.records.invoices import Origin
from invoiceapp.records.models import Document, Invoice


@pytest.fixture
def make_invoice() -> Any:
    def make(user: Any, **values: str) -> Invoice:
        organization = user.memberships.first().organization
        content = f"{user}{Document.objects.count()}".encode()
        document = Document(
            organization=organization,
            uploaded_by=user,
            filename="drywall <b>May</b>.pdf",
            media_type="application/pdf",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            page_count=1,
        )
        document.file.save("original", ContentFile(content), save=False)
        document.save()
        invoice = invoices.register(document=document, user=user)
        for field, value in values.items():
            invoices.accept_value(invoice, field, value, origin=Origin(run_id=1), confidence=0.97)
        return invoice

    return make
