"""Each approved invoice goes out exactly once, in files that stay as they are."""

from __future__ import annotations

import csv
import io
import json
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.db.utils import OperationalError
from django.utils import timezone

from invoiceapp.exports import services
from invoiceapp.exports.models import Batch, BatchFile, BatchLine, Ledger
from invoiceapp.records import invoices
from invoiceapp.records.models import Event, Invoice
from invoiceapp.tests.rows import make_invoice

Status = Invoice.Status
LINE = {
    "description": "Drywall repair, hall",
    "quantity": "1.5",
    "unit": "ls",
    "unit_price": "966.67",
    "amount": "1450.00",
}


def rows_of(batch: Batch, kind: str) -> list[dict[str, str]]:
    content = services.content(batch.files.get(kind=kind)).decode()
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_approved_invoices_become_one_batch_and_are_exported(alice: Any, organization: Any) -> None:
    first = make_invoice(organization, alice, status=Status.APPROVED, lines=[LINE])
    second = make_invoice(organization, alice, status=Status.APPROVED, vendor="Ruiz Painting", total="20.10")
    waiting = make_invoice(organization, alice, status=Status.TO_APPROVE)

    batch = services.export_ready(organization, user=alice)

    assert (batch.number, batch.invoice_count, batch.line_count) == (1, 2, 1)
    assert batch.sums == {"USD": "1470.10"}
    for invoice in (first, second):
        invoice.refresh_from_db()
        assert invoice.status == Status.EXPORTED
        assert invoice.events.filter(kind=Event.Kind.EXPORTED, after="Batch 1", user=alice).count() == 1
    waiting.refresh_from_db()
    assert waiting.status == Status.TO_APPROVE
    assert [row["total"] for row in rows_of(batch, "invoices")] == ["1450.00", "20.10"]
    assert rows_of(batch, "lines")[0]["quantity"] == "1.5000"
    assert rows_of(batch, "lines")[0]["reference"] == str(first.reference)


def test_nothing_goes_out_twice(alice: Any, organization: Any) -> None:
    make_invoice(organization, alice, status=Status.APPROVED)
    services.export_ready(organization, user=alice)
    with pytest.raises(services.NothingToExport):
        services.export_ready(organization, user=alice)
    make_invoice(organization, alice, status=Status.APPROVED)
    assert services.export_ready(organization, user=alice).number == 2  # the failed attempt took no number
    assert BatchLine.objects.filter(first=True).count() == 2


def test_the_database_refuses_a_second_first_export(alice: Any, organization: Any) -> None:
    invoice = make_invoice(organization, alice, status=Status.APPROVED)
    batch = services.export_ready(organization, user=alice)
    again = services.export_again(batch, user=alice, reason="lost")
    with pytest.raises(IntegrityError), transaction.atomic():
        BatchLine.objects.filter(batch=again, invoice=invoice).update(first=True)


def test_json_holds_exact_amounts_origins_and_no_bank_details(alice: Any, organization: Any) -> None:
    make_invoice(
        organization,
        alice,
        status=Status.APPROVED,
        total="1450.10",
        values={"iban": "DE02120300000000202051", "invoice_number": "R-77", "invoice_date": "2026-03-12"},
        lines=[LINE],
    )
    batch = services.export_ready(organization, user=alice)
    text = services.content(batch.files.get(kind=BatchFile.Kind.JSON)).decode()
    document = json.loads(text)
    (invoice,) = document["invoices"]
    assert invoice["total"] == "1450.10"
    assert invoice["values"]["invoice_number"] == {"value": "R-77", "source": "person", "by": "alice"}
    assert invoice["lines"][0]["unit_price"] == "966.6700"
    assert "DE02120300000000202051" not in text


def test_formulas_are_disarmed_and_negative_amounts_stay_numbers(alice: Any, organization: Any) -> None:
    make_invoice(
        organization,
        alice,
        status=Status.APPROVED,
        vendor="=HYPERLINK(1)",
        total="-12.50",
        values={"invoice_number": "+49,5\n6", "subtotal": "-12.50", "po_number": " @SUM(A1)"},
        lines=[{"description": "-1+1", "amount": "-12.50"}],
    )
    batch = services.export_ready(organization, user=alice)
    (row,) = rows_of(batch, "invoices")
    assert row["vendor_name"] == "'=HYPERLINK(1)"
    assert row["invoice_number"] == "'+49,5\n6"
    assert row["po_number"] == "'@SUM(A1)"
    assert row["total"] == row["subtotal"] == "-12.50"
    (line,) = rows_of(batch, "lines")
    assert (line["description"], line["amount"]) == ("'-1+1", "-12.50")


def test_downloaded_again_the_file_is_the_same_whatever_happened_since(alice: Any, organization: Any) -> None:
    invoice = make_invoice(organization, alice, status=Status.APPROVED, vendor="Peña Roofing")
    batch = services.export_ready(organization, user=alice)
    before = {file.kind: services.content(file) for file in batch.files.all()}
    invoice.refresh_from_db()
    invoice.vendor.name = "Someone Else"
    invoice.vendor.save()
    invoices.accept_value(invoice, "total", "9.99", origin=invoices.Origin(user=alice))
    assert {file.kind: services.content(file) for file in batch.files.all()} == before
    assert "Peña Roofing".encode() in before[BatchFile.Kind.INVOICES]


def test_exporting_again_needs_a_reason_and_is_marked(alice: Any, organization: Any) -> None:
    first = make_invoice(organization, alice, status=Status.APPROVED)
    make_invoice(organization, alice, status=Status.APPROVED)
    batch = services.export_ready(organization, user=alice)
    with pytest.raises(services.InvalidRequest, match="Say why"):
        services.export_again(batch, user=alice, reason="  ")
    repeat = services.export_again(batch, user=alice, reason="The disk died", only=[first.pk])
    assert (repeat.number, repeat.repeats, repeat.invoice_count) == (2, batch, 1)
    (row,) = rows_of(repeat, "invoices")
    assert row["repeat"] == "yes"
    assert first.events.filter(kind=Event.Kind.EXPORTED, reason="The disk died").exists()
    assert BatchLine.objects.filter(invoice=first, first=True).count() == 1


def test_groups_follow_the_week_of_the_organization(alice: Any, organization: Any) -> None:
    # Monday 02:30 in UTC is still Sunday evening in Chicago: the week before.
    sunday_there = datetime(2026, 3, 9, 2, 30, tzinfo=UTC)
    make_invoice(organization, alice, status=Status.APPROVED, total="100.00", approved_at=sunday_there)
    make_invoice(organization, alice, status=Status.APPROVED, total="50.25", approved_at=sunday_there)
    make_invoice(
        organization,
        alice,
        status=Status.APPROVED,
        total="7.00",
        approved_at=sunday_there + timedelta(hours=9),
    )
    make_invoice(
        organization, alice, status=Status.APPROVED, total="7.00", currency="CAD", approved_at=sunday_there
    )
    found = services.groups(alice, organization)
    assert [(group.pay_period, group.currency, group.count, group.total) for group in found] == [
        (date(2026, 3, 2), "CAD", 1, Decimal("7.00")),
        (date(2026, 3, 2), "USD", 2, Decimal("150.25")),
        (date(2026, 3, 9), "USD", 1, Decimal("7.00")),
    ]
    assert services.sums(found) == {"CAD": Decimal("7.00"), "USD": Decimal("157.25")}


def test_a_batch_takes_the_same_number_of_queries_to_gather_however_large(
    alice: Any, organization: Any, django_assert_max_num_queries: Any
) -> None:
    def gather(count: int) -> int:
        for _ in range(count):
            make_invoice(organization, alice, status=Status.APPROVED, lines=[LINE])
        taken = list(services.ready(alice, organization))
        with django_assert_max_num_queries(3) as seen:
            services._outgoing(organization, taken)
        return len(seen)

    assert gather(1) == gather(4)


def test_a_failure_while_the_files_are_written_leaves_nothing(
    alice: Any, organization: Any, monkeypatch: Any
) -> None:
    invoice = make_invoice(organization, alice, status=Status.APPROVED)
    written = []
    storage_class = type(default_storage._wrapped)
    save = storage_class._save

    def disk_full_at_the_second_file(self: Any, name: str, content: Any) -> str:
        if written:
            raise OSError("No space left on device")
        written.append(name)
        return save(self, name, content)

    monkeypatch.setattr(storage_class, "_save", disk_full_at_the_second_file)
    with pytest.raises(OSError, match="No space"):
        services.export_ready(organization, user=alice)
    monkeypatch.undo()
    invoice.refresh_from_db()
    assert invoice.status == Status.APPROVED
    assert not Batch.objects.exists()
    assert not Event.objects.filter(kind=Event.Kind.EXPORTED).exists()
    assert default_storage.exists(written[0])  # what a killed process would leave as well

    batch = services.export_ready(organization, user=alice)

    assert batch.number == 1
    file = batch.files.get(kind=BatchFile.Kind.INVOICES)
    assert file.file.name == written[0]  # the left-over bytes made way
    assert len(services.content(file)) == file.size


def test_what_was_approved_after_the_preview_stays(alice: Any, organization: Any) -> None:
    seen = make_invoice(organization, alice, status=Status.APPROVED)
    until = timezone.now()
    make_invoice(organization, alice, status=Status.APPROVED, approved_at=until + timedelta(seconds=1))
    (group,) = services.groups(alice, organization, until=until)
    assert group.invoice_ids == (seen.pk,)


@pytest.mark.django_db(transaction=True)
def test_two_bookkeepers_at_once_never_export_an_invoice_twice(alice: Any, organization: Any) -> None:
    for _ in range(12):
        make_invoice(organization, alice, status=Status.APPROVED)
    start = threading.Barrier(4)
    outcomes: list[Any] = []

    def press_the_button() -> None:
        try:
            start.wait()
            outcomes.append(services.export_ready(organization, user=alice))
        except (services.NothingToExport, OperationalError) as error:
            outcomes.append(error)
        finally:
            connection.close()

    people = [threading.Thread(target=press_the_button) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    # A shared in-memory SQLite answers "table is locked" instead of waiting; that person presses again.
    if not any(isinstance(outcome, Batch) for outcome in outcomes):
        outcomes.append(services.export_ready(organization, user=alice))
    assert len([outcome for outcome in outcomes if isinstance(outcome, Batch)]) == 1
    assert BatchLine.objects.count() == 12
    assert len(set(BatchLine.objects.values_list("invoice", flat=True))) == 12
    assert not Invoice.objects.exclude(status=Status.EXPORTED).exists()
    assert Ledger.objects.get(organization=organization).last_number == 1
