"""Programs see and do through the API what their person may, and nothing else."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from invoiceapp.exports import services as exports
from invoiceapp.intake import samples
from invoiceapp.records.models import Invoice
from invoiceapp.tests.rows import make_invoice

Status = Invoice.Status


def photo(color: str = "white") -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (600, 800), color).save(content, "JPEG")
    return SimpleUploadedFile("photo.jpg", content.getvalue(), content_type="image/jpeg")


def test_invoices_are_listed_newest_first_and_by_status(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    make_invoice(organization, alice, status=Status.APPROVED)
    newest = make_invoice(organization, alice, total="20.10", vendor="Ruiz Painting")
    client = signed_in(alice)
    found = client.get(reverse("api:invoices")).json()
    assert found["count"] == 2
    assert found["results"][0]["reference"] == newest.reference
    assert found["results"][0]["total"] == "20.10"
    assert found["results"][0]["status_words"] == "To approve"
    assert found["results"][0]["reading"] is None
    assert client.get(reverse("api:invoices"), {"status": "approved"}).json()["count"] == 1
    assert client.get(reverse("api:invoices"), {"vendor": "ruiz"}).json()["count"] == 1
    wrong = client.get(reverse("api:invoices"), {"status": "lost"})
    assert wrong.status_code == 400
    assert "is no status" in wrong.json()["status"]


def test_an_invoice_says_where_each_value_comes_from(alice: Any, organization: Any, signed_in: Any) -> None:
    line = {"description": "Drywall", "quantity": "2", "unit_price": "725.00", "amount": "1450.00"}
    invoice = make_invoice(organization, alice, lines=[line])
    found = signed_in(alice).get(reverse("api:invoice", args=[invoice.pk])).json()
    assert found["values"]["total"]["value"] == "1450.00"
    assert (found["values"]["total"]["source"], found["values"]["total"]["by"]) == ("person", "alice")
    assert [(row["description"], row["amount"]) for row in found["lines"]] == [("Drywall", "1450.00")]


def test_the_list_takes_the_same_number_of_queries_for_one_and_many(
    alice: Any, organization: Any, signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(alice)

    def count() -> int:
        with django_assert_max_num_queries(12) as found:
            client.get(reverse("api:invoices"))
        return len(found)

    make_invoice(organization, alice)
    few = count()
    for _ in range(4):
        make_invoice(organization, alice)
    assert count() == few


def test_a_file_becomes_an_invoice_once_and_says_when_it_is_read(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    client = signed_in(alice)
    sent = {"key": str(uuid.uuid4()), "work_order": "31877", "total": "1,450.00"}
    first = client.post(reverse("api:invoices"), {**sent, "file": photo()})
    assert first.status_code == 201, first.content
    assert first.json()["outcome"] == "accepted"
    again = client.post(reverse("api:invoices"), {**sent, "file": photo()})
    assert again.json()["invoice"] == first.json()["invoice"]
    assert Invoice.objects.count() == 1
    detail = client.get(first.json()["invoice_url"]).json()
    assert (detail["stated_total"], detail["status"]) == ("1450.00", "waiting")
    assert detail["reading"]["status"] == "queued"
    assert detail["reading"]["words"]
    twin = client.post(reverse("api:invoices"), {"file": photo()})
    assert (twin.status_code, twin.json()["outcome"]) == (200, "already_here")


def test_a_file_that_is_no_document_is_refused_in_words(
    alice: Any, organization: Any, signed_in: Any
) -> None:
    file = SimpleUploadedFile("invoice.pdf", b"just some text", content_type="application/pdf")
    answer = signed_in(alice).post(reverse("api:invoices"), {"key": str(uuid.uuid4()), "file": file})
    assert answer.status_code == 422
    assert answer.json()["outcome"] == "not_a_document"
    assert answer.json()["message"]
    assert signed_in(alice).post(reverse("api:invoices"), {}).status_code == 400


def blurred() -> SimpleUploadedFile:
    return SimpleUploadedFile("photo.jpg", samples.blurred_photo(), content_type="image/jpeg")


def test_a_bad_picture_is_told_and_can_be_kept_or_replaced(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any
) -> None:
    client = signed_in(bob)
    sent = client.post(reverse("api:invoices"), {"file": blurred()}).json()
    assert (sent["outcome"], sent["picture_quality"]["score"] < 0.5) == ("accepted", True)
    told = {measure["name"]: measure["advice"] for measure in sent["picture_quality"]["measures"]}
    assert list(told) == ["sharpness", "size", "light", "glare", "wholeness"]
    assert told["sharpness"] in sent["warnings"]
    assert client.get(sent["invoice_url"]).json()["picture_quality"] == sent["picture_quality"]
    for other in (alice, charlie):  # a colleague, an outsider
        assert signed_in(other).post(sent["keep_url"]).status_code == 404
        refused = signed_in(other).post(reverse("api:invoices"), {"file": blurred(), "replaces": sent["id"]})
        assert refused.status_code == 400
        assert "no accepted upload of yours" in str(refused.json())
    assert Client().post(sent["keep_url"]).status_code == 403
    invoice = Invoice.objects.get(pk=sent["invoice"])
    assert not invoice.events.filter(kind="picture_kept").exists()
    assert client.post(sent["keep_url"]).json()["id"] == sent["id"]
    assert [event.user for event in invoice.events.filter(kind="picture_kept")] == [bob]
    better = client.post(reverse("api:invoices"), {"file": photo(), "replaces": sent["id"]}).json()
    assert f"It replaces invoice {invoice.reference}." in better["message"]
    invoice.refresh_from_db()
    assert invoice.status == Status.REJECTED


def test_a_pdf_has_no_picture_quality(bob: Any, organization: Any, signed_in: Any) -> None:
    file = SimpleUploadedFile("a.pdf", samples.invoice_pdf(samples.a_paper()), content_type="application/pdf")
    sent = signed_in(bob).post(reverse("api:invoices"), {"file": file}).json()
    assert (sent["outcome"], sent["picture_quality"], sent["warnings"]) == ("accepted", None, [])


def test_batches_and_their_files(alice: Any, organization: Any, signed_in: Any) -> None:
    invoice = make_invoice(organization, alice, status=Status.APPROVED)
    batch = exports.export_ready(organization, user=alice)
    exports.export_again(batch, user=alice, reason="Disk died")
    client = signed_in(alice)
    found = client.get(reverse("api:batches")).json()["results"]
    assert [(row["number"], row["repeats"], row["reason"]) for row in found] == [
        (2, 1, "Disk died"),
        (1, None, ""),
    ]
    detail = client.get(found[1]["url"]).json()
    assert [row["reference"] for row in detail["invoices"]] == [invoice.reference]
    file = client.get(reverse("api:batch_file", args=[1, "json"]))
    assert file.content == exports.content(batch.files.get(kind="json"))


@pytest.mark.parametrize("name", ["invoices", "invoice", "batches", "batch", "batch_file"])
def test_three_people(
    alice: Any, bob: Any, charlie: Any, organization: Any, signed_in: Any, name: str
) -> None:
    invoice = make_invoice(organization, alice, status=Status.APPROVED)
    exports.export_ready(organization, user=alice)
    args = {"invoice": [invoice.pk], "batch": [1], "batch_file": [1, "json"]}.get(name, [])
    address = reverse(f"api:{name}", args=args)
    assert signed_in(alice).get(address).status_code == 200
    colleague, outsider = signed_in(bob).get(address), signed_in(charlie).get(address)
    if name == "invoices":
        assert colleague.json()["count"] == outsider.json()["count"] == 0  # bob sees only what he uploaded
    elif name == "invoice":
        assert colleague.status_code == outsider.status_code == 404
    else:
        assert colleague.status_code == 403
        assert outsider.status_code == 404 if args else outsider.json()["count"] == 0
    stranger = Client().get(address)
    assert stranger.status_code == 403
    assert stranger.headers["Content-Type"] == "application/json"


def test_a_form_of_another_site_cannot_upload(alice: Any, organization: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post(reverse("api:invoices"), {"key": str(uuid.uuid4()), "file": photo()})
    assert answer.status_code == 403
    assert not Invoice.objects.exists()
