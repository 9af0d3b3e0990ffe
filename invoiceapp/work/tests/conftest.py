"""Invoices that wait to be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django_q.models import OrmQ

from invoiceapp.records import invoices
from invoiceapp.records.models import Document, Invoice, Organization


@pytest.fixture
def make_invoice(organization: Organization, alice: Any) -> Callable[..., Invoice]:
    def make(*, urgent: bool = False, organization: Organization = organization) -> Invoice:
        document = Document(
            organization=organization,
            uploaded_by=alice,
            filename="invoice.pdf",
            media_type="application/pdf",
            size=4,
            sha256=uuid4().hex * 2,
            page_count=1,
        )
        document.file.save("original", ContentFile(b"%PDF"), save=False)
        document.save()
        return invoices.register(document=document, user=alice, urgent=urgent)

    return make


@pytest.fixture
def calls(db: None) -> Callable[[], int]:
    """Count the wake-up calls that lie in the broker."""
    return OrmQ.objects.count
