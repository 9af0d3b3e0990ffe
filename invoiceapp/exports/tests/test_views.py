"""What a bookkeeper does on the pages of the exports, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from invoiceapp.exports import services
from invoiceapp.exports.models import Batch
from invoiceapp.records.models import Invoice
from invoiceapp.tests.rows import make_invoice

Status = Invoice.Status


def test_all_that_is_shown_goes_out(alice: Any, organization: Any, signed_in: Any) -> None:
    make_invoice(organization, alice, status=Status.APPROVED)
    make_invoice(organization, alice, status=Status.APPROVED, vendor="Ruiz Painting")
    client = signed_in(alice)
    page = client.get(reverse("exports:ready"))
    assert [group.vendor_name for group in page.context["page"]] == ["Hernandez Drywall", "Ruiz Painting"]
    answer = client.post(
        reverse("exports:export"), {"which": "all", "seen_at": page.context["seen_at"]}, follow=True
    )
    assert "Batch 1 is ready: 2 invoices." in answer.content.decode()
    assert "Nothing waits for export" in client.get(reverse("exports:ready")).content.decode()


def test_only_ticked_rows_go_out(alice: Any, organization: Any, signed_in: Any) -> None:
    make_invoice(organization, alice, status=Status.APPROVED)
    stays = make_invoice(organization, alice, status=Status.APPROVED, vendor="Ruiz Painting")
    client = signed_in(alice)
    page = client.get(reverse("exports:ready"))
    key = page.context["page"][0].key
    client.post(
        reverse("exports:export"), {"which": "selected", "group": key, "seen_at": page.context["seen_at"]}
    )
    assert Batch.objects.get().invoice_count == 1
    assert services.ready(alice, organization).get() == stays
    nothing = client.post(reverse("exports:export"), {"which": "selected"}, follow=True)
    assert "tick at least one row" in nothing.content.decode()


def test_the_second_to_press_reads_that_nothing_was_left(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    make_invoice(organization, alice, status=Status.APPROVED)
    client = signed_in(alice)
    pressed = {"which": "all", "seen_at": timezone.now().isoformat()}
    client.post(reverse("exports:export"), pressed)
    answer = client.post(reverse("exports:export"), pressed, follow=True)
    assert "Nothing was exported" in answer.content.decode()
    assert Batch.objects.count() == 1


def test_files_come_as_they_are_and_with_excels_mark_on_request(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    make_invoice(organization, alice, status=Status.APPROVED, vendor="Peña Roofing")
    batch = services.export_ready(organization, user=alice)
    client = signed_in(alice)
    address = reverse("exports:download", args=[batch.number, "invoices"])
    plain = client.get(address)
    assert plain["Content-Disposition"] == 'attachment; filename="invoices-000001.csv"'
    assert plain["X-Content-Type-Options"] == "nosniff"
    assert client.get(address, {"bom": 1}).content == b"\xef\xbb\xbf" + plain.content
    assert client.get(reverse("exports:download", args=[batch.number, "json"])).json()["batch"] == 1
    assert client.get(reverse("exports:download", args=[batch.number, "secrets"])).status_code == 404


def test_exporting_again_asks_for_a_reason(alice: Any, organization: Any, signed_in: Any) -> None:
    make_invoice(organization, alice, status=Status.APPROVED)
    batch = services.export_ready(organization, user=alice)
    client = signed_in(alice)
    again = reverse("exports:again", args=[batch.number])
    assert "Say why" in client.post(again, {"which": "all"}, follow=True).content.decode()
    answer = client.post(again, {"which": "all", "reason": "Disk died"}, follow=True).content.decode()
    assert "Repeats invoices of" in answer
    assert "Disk died" in answer


def test_pages_take_the_same_number_of_queries_for_few_and_many(
    alice: Any, organization: Any, signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(alice)

    def count(name: str, *args: Any) -> int:
        with django_assert_max_num_queries(20) as found:
            assert client.get(reverse(name, args=args)).status_code == 200
        return len(found)

    def counts() -> list[int]:
        make_invoice(organization, alice, status=Status.APPROVED)
        services.export_ready(organization, user=alice)
        make_invoice(organization, alice, status=Status.APPROVED)
        return [count("exports:ready"), count("exports:history"), count("exports:batch", 1)]

    first = counts()
    for _ in range(3):
        make_invoice(organization, alice, status=Status.APPROVED, vendor="Ruiz Painting")
    assert counts() == first


@pytest.mark.parametrize("name", ["ready", "history", "batch", "download", "export", "again"])
def test_only_bookkeepers_of_the_organization_get_anything(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any, name: str
) -> None:
    make_invoice(organization, alice, status=Status.APPROVED)
    batch = services.export_ready(organization, user=alice)
    make_invoice(organization, alice, status=Status.APPROVED, vendor="Secret Vendor")
    args = {"batch": [1], "download": [1, "json"], "again": [1]}.get(name, [])
    address = reverse(f"exports:{name}", args=args)

    def ask(user: Any) -> Any:
        client = signed_in(user)
        if name in ("export", "again"):
            return client.post(address, {"which": "all", "reason": "test"})
        return client.get(address)

    assert ask(bob).status_code == 403
    foreign = ask(charlie)
    if args:
        assert foreign.status_code == 404
    else:
        assert b"Secret Vendor" not in foreign.content
    assert Batch.objects.get() == batch
    assert ask(alice).status_code in (200, 302)
