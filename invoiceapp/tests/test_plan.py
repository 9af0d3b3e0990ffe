"""`manage.py plan`: what was read on this installation says how many workers a volume needs."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from extraction.models import Run
from invoiceapp.tests.rows import make_invoice


@pytest.mark.django_db
def test_what_was_read_here_counts_reader_by_reader(
    organization: Any, alice: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    invoice = make_invoice(organization, alice)
    with pytest.raises(CommandError, match="No document was read here"):
        call_command("plan", per_day=100)
    now = timezone.now()
    for k in range(40):
        late = k >= 38
        Run.objects.create(
            organization=organization,
            invoice=invoice,
            token=uuid.uuid4(),
            attempt=1,
            status=Run.Status.FAILED if k == 0 else Run.Status.DONE,
            backend="llama" if k % 2 else "layout",
            seconds_total=1000.0 if late or k == 0 else 6.0 if k % 2 else 0.5,
            started=now,
            finished=now - timedelta(days=60 if late else 1),
        )
    call_command("plan", per_day=10_000, hours=8, price="2.50")
    layout, few, llama, also_few = capsys.readouterr().out.splitlines()
    assert layout.startswith("layout: 1 worker for 10000 invoices in 8 hours; 608.00 a month")
    assert "mean 0.50 s" in layout and "of 18 documents" in layout
    assert llama.startswith("llama: 3 workers")
    assert "few" in few and "few" in also_few
    with pytest.raises(CommandError, match="is no number"):
        call_command("plan", per_day=10, price="cheap")
