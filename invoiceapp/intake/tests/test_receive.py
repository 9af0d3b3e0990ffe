"""What becomes of a file that is handed in."""

from __future__ import annotations

import io
import threading
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pillow_heif
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from extraction.documents.refusal import CODES
from extraction.tests import hostile
from invoiceapp import pipeline
from invoiceapp.intake import samples, services
from invoiceapp.intake.models import Upload
from invoiceapp.records import invoices
from invoiceapp.records.models import Document, Event, Invoice
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem
from review.models import Item
from review.services import claim, route_unread


def a_file(data: bytes = b"", name: str = "invoice.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data or hostile.plain_pdf())


def stored_files() -> list[str]:
    found = []

    def walk(folder: str) -> None:
        folders, files = default_storage.listdir(folder)
        found.extend(f"{folder}/{name}" for name in files)
        for name in folders:
            walk(f"{folder}/{name}".lstrip("/"))

    if default_storage.exists(""):
        walk("")
    return found


def test_a_good_file_becomes_an_invoice_that_waits_to_be_read(organization: Any, bob: Any) -> None:
    upload = services.receive(
        a_file(name="March.pdf"),
        organization=organization,
        user=bob,
        stated_work_order=" 31877 ",
        stated_total=Decimal("1450.00"),
        urgent=True,
    )
    invoice = upload.invoice
    assert (upload.outcome, upload.message) == ("accepted", f"Accepted as invoice {invoice.reference}.")
    assert (invoice.status, invoice.urgent) == ("waiting", True)
    assert (invoice.stated_work_order, invoice.stated_total) == ("31877", Decimal("1450.00"))
    document = invoice.document
    assert (document.filename, document.media_type, document.page_count) == (
        "March.pdf",
        "application/pdf",
        1,
    )
    assert document.file.read() == hostile.plain_pdf()
    assert default_storage.open(services.thumbnail_path(document)).read(3) == b"\xff\xd8\xff"
    assert WorkItem.objects.get(invoice=invoice).status == WorkItem.Status.QUEUED
    assert Event.objects.get(invoice=invoice).user == bob


def test_what_a_file_is_called_and_claims_to_be_decides_nothing(organization: Any, bob: Any) -> None:
    picture = SimpleUploadedFile("../../etc/passwd.pdf", hostile.jpeg(), content_type="text/html")
    upload = services.receive(picture, organization=organization, user=bob)
    assert upload.invoice.document.media_type == "image/jpeg"
    assert upload.filename == "passwd.pdf"
    assert all("passwd" not in name for name in stored_files())


def _picture(kind: str) -> bytes:
    pages = [samples.handwritten_form(samples.a_paper(str(number))) for number in range(2)]
    out = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    more = {"save_all": True, "append_images": pages[1:], "compression": "tiff_lzw"} if kind == "TIFF" else {}
    pages[0].save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "media_type", "pages"),
    [
        ("PNG", "image/png", 1),
        ("JPEG", "image/jpeg", 1),
        ("TIFF", "image/tiff", 2),
        ("HEIF", "image/heic", 1),
    ],
)
def test_pictures_of_every_kind_are_taken(
    kind: str, media_type: str, pages: int, organization: Any, bob: Any
) -> None:
    upload = services.receive(a_file(_picture(kind), "scan"), organization=organization, user=bob)
    document = upload.invoice.document
    assert (document.media_type, document.page_count, upload.warnings) == (media_type, pages, [])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\x00b\r\n.pdf", "ab.pdf"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("  Factura  de mayo ñ.pdf", "Factura de mayo ñ.pdf"),
        ("", "without a name"),
    ],
)
def test_names_are_shown_without_tricks(name: str, shown: str) -> None:
    assert services.clean_filename(name) == shown


def test_the_same_bytes_again_point_to_the_first_invoice(organization: Any, alice: Any) -> None:
    first = services.receive(a_file(), organization=organization, user=alice)
    Invoice.objects.update(created=datetime(2026, 4, 1, 2, 30, tzinfo=UTC))
    again = services.receive(a_file(name="copy.pdf"), organization=organization, user=alice)
    assert again.outcome == "already_here"
    assert again.invoice == first.invoice
    assert again.message == (
        f"This file is already here: invoice {first.invoice.reference}, uploaded on March 31, 2026."
    ), "the day in Chicago, where it was still March"
    assert Invoice.objects.count() == 1
    assert len(stored_files()) == 2, "one original, one thumbnail"


def test_who_may_not_see_the_first_invoice_learns_nothing_about_it(
    organization: Any, alice: Any, bob: Any
) -> None:
    first = services.receive(a_file(), organization=organization, user=alice)
    again = services.receive(a_file(), organization=organization, user=bob)
    assert again.outcome == "already_here"
    assert again.invoice is None
    assert again.message == "This file has been handed in before. You need not send it again."
    assert str(first.invoice.reference) not in again.message


def test_another_organization_may_hand_in_the_same_bytes(
    organization: Any, other_organization: Any, alice: Any, charlie: Any
) -> None:
    services.receive(a_file(), organization=organization, user=alice)
    theirs = services.receive(a_file(), organization=other_organization, user=charlie)
    assert theirs.outcome == "accepted"


def test_a_file_sent_again_because_its_answer_was_lost_gets_its_first_answer(
    organization: Any, bob: Any
) -> None:
    key = uuid.uuid4()
    first = services.receive(a_file(), organization=organization, user=bob, key=key)
    again = services.receive(a_file(), organization=organization, user=bob, key=key)
    assert again == first
    assert again.outcome == "accepted"
    assert Upload.objects.count() == 1


def test_two_people_may_choose_the_same_key(organization: Any, alice: Any, bob: Any) -> None:
    key = uuid.uuid4()
    services.receive(a_file(), organization=organization, user=alice, key=key)
    other = services.receive(a_file(hostile.jpeg()), organization=organization, user=bob, key=key)
    assert other.outcome == "accepted"


def test_too_large_is_said_before_a_byte_is_read(organization: Any, bob: Any, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 2 * 1024 * 1024

    class Unread(SimpleUploadedFile):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("it was read")

    upload = services.receive(Unread("big.pdf", b"x" * 3 * 1024 * 1024), organization=organization, user=bob)
    assert upload.outcome == "too_large"
    assert upload.message.startswith("The file has 3.0 MB; at most 2 MB can be uploaded.")
    assert stored_files() == []


def test_every_reason_for_refusing_a_document_is_an_outcome() -> None:
    assert set(CODES) <= set(Upload.Outcome.values)
    assert {*CODES} == {str(outcome) for outcome in Upload.REFUSED}


def test_a_refused_file_leaves_its_row_and_nothing_else(organization: Any, bob: Any) -> None:
    upload = services.receive(a_file(hostile.encrypted_pdf()), organization=organization, user=bob)
    assert (upload.outcome, upload.invoice, upload.is_refused) == ("encrypted", None, True)
    assert len(upload.sha256) == 64
    assert not Document.objects.exists()
    assert stored_files() == []


def test_bytes_are_removed_when_the_rows_can_not_be_written(
    organization: Any, bob: Any, monkeypatch: Any
) -> None:
    def break_down(invoice: Invoice) -> None:
        raise RuntimeError("no space left on device")

    monkeypatch.setattr(pipeline, "submit", break_down)
    with pytest.raises(RuntimeError):
        services.receive(a_file(), organization=organization, user=bob)
    assert stored_files() == []
    assert not Document.objects.exists()
    assert not Upload.objects.exists()
    monkeypatch.undo()
    assert services.receive(a_file(), organization=organization, user=bob).outcome == "accepted"


def test_bytes_stay_when_the_commit_succeeded_and_only_its_answer_was_lost(
    organization: Any, bob: Any, monkeypatch: Any
) -> None:
    real = services.transaction.atomic
    outermost: list[Any] = []

    class LostAnswer:
        """A transaction whose commit succeeds and whose caller is told that the connection broke."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.real = real(*args, **kwargs)
            outermost.append(self)

        def __enter__(self) -> None:
            self.real.__enter__()

        def __exit__(self, *error: Any) -> None:
            self.real.__exit__(*error)
            if outermost[0] is self:
                raise ConnectionError("server closed the connection unexpectedly")

    monkeypatch.setattr(services.transaction, "atomic", LostAnswer)
    with pytest.raises(ConnectionError):
        services.receive(a_file(), organization=organization, user=bob)
    monkeypatch.undo()
    assert Document.objects.get().file.read() == hostile.plain_pdf()


def test_a_blurred_photo_is_taken_in_and_says_so(organization: Any, bob: Any) -> None:
    upload = services.receive(
        a_file(samples.blurred_photo(), "photo.jpg"), organization=organization, user=bob
    )
    assert upload.outcome == "accepted"
    assert any("blurred" in warning for warning in upload.warnings)


def _blurred_and_better(organization: Any, user: Any, meanwhile: Any) -> tuple[Invoice, Upload]:
    first = services.receive(
        a_file(samples.blurred_photo(), "blurred.jpg"),
        organization=organization,
        user=user,
        stated_work_order="31877",
        stated_total=Decimal("99.00"),
        urgent=True,
    )
    meanwhile(first.invoice)
    better = services.receive(
        a_file(samples.photo_of(samples.handwritten_form(samples.a_paper())), "better.jpg"),
        organization=organization,
        user=user,
        replaces=first,
    )
    return Invoice.objects.get(pk=first.invoice.pk), better


def _wait(invoice: Invoice) -> None:
    """Nothing has happened to it yet."""


def _could_not_be_read(invoice: Invoice) -> None:
    item = work.claim(settings.QUEUE_NAME)
    assert item is not None
    invoices.change_status(invoice, "reading")
    work.finish(item)
    route_unread(invoice, reason="The picture is blurred.")


@pytest.mark.parametrize("meanwhile", [_wait, _could_not_be_read])
def test_a_better_picture_replaces_the_blurred_one(meanwhile: Any, organization: Any, bob: Any) -> None:
    first, better = _blurred_and_better(organization, bob, meanwhile)
    assert first.status == "rejected"
    assert first.status_reason == f"Replaced by a better picture: invoice {better.invoice.reference}."
    assert better.message.endswith(f"It replaces invoice {first.reference}.")
    stated = better.invoice.stated_work_order, better.invoice.stated_total, better.invoice.urgent
    assert stated == ("31877", Decimal("99.00"), True)
    assert not WorkItem.objects.filter(invoice=first, status__in=WorkItem.OPEN).exists()
    assert not Item.objects.filter(invoice=first, status=Item.Status.OPEN).exists()


def _is_being_read(invoice: Invoice) -> None:
    invoices.change_status(invoice, "reading")


def test_an_invoice_in_somebodys_hands_is_not_pulled_away(organization: Any, alice: Any, bob: Any) -> None:
    def is_being_checked(invoice: Invoice) -> None:
        _could_not_be_read(invoice)
        claim(Item.objects.get(invoice=invoice), alice)

    for status, meanwhile in (("review", is_being_checked), ("reading", _is_being_read)):
        first, better = _blurred_and_better(organization, bob, meanwhile)
        assert first.status == status
        assert better.outcome == "accepted"
        assert f"Invoice {first.reference} is being worked on already" in better.message
        Upload.objects.all().delete()
        Invoice.objects.all().delete()
        Document.objects.all().delete()


def test_the_limit_of_files_a_minute(organization: Any, bob: Any, alice: Any, settings: Any) -> None:
    settings.UPLOADS_PER_MINUTE = 2
    assert services.seconds_to_wait(bob) == 0
    services.receive(a_file(b"%PDF-1.4 nothing"), organization=organization, user=bob)
    assert services.seconds_to_wait(bob) == 0
    services.receive(a_file(b"no document"), organization=organization, user=bob)
    assert 55 < services.seconds_to_wait(bob) <= 60
    assert services.seconds_to_wait(alice) == 0, "another person's files do not count"


@pytest.mark.django_db(transaction=True)
def test_two_identical_files_at_the_same_moment_become_one_invoice(organization: Any, alice: Any) -> None:
    """Both pass every look before the rows are written: the database alone decides."""
    together = threading.Barrier(2, timeout=30)
    store = services._store_bytes
    outcomes: list[Upload] = []
    errors: list[Exception] = []

    def meet(*args: Any, **kwargs: Any) -> Document:
        document = store(*args, **kwargs)
        together.wait()
        return document

    def hand_in() -> None:
        try:
            outcomes.append(services.receive(a_file(), organization=organization, user=alice))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    services._store_bytes = meet
    try:
        threads = [threading.Thread(target=hand_in) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        services._store_bytes = store
    assert errors == []
    assert sorted(upload.outcome for upload in outcomes) == ["accepted", "already_here"]
    assert {upload.invoice for upload in outcomes} == {Invoice.objects.get()}
    assert Document.objects.count() == 1
    assert WorkItem.objects.count() == 1
    assert len(stored_files()) == 2, "the loser's bytes are gone"


def test_what_was_measured_of_a_picture_stays_with_the_document(organization: Any, bob: Any) -> None:
    blurred = services.receive(
        a_file(samples.blurred_photo(), "photo.jpg"), organization=organization, user=bob
    )
    document = blurred.invoice.document
    assert document.picture_score < 0.5
    by_name = {measure["name"]: measure for measure in document.picture_measures}
    assert by_name["sharpness"]["score"] == document.picture_score
    assert document.picture_advice == blurred.warnings
    printed = services.receive(a_file(), organization=organization, user=bob)
    assert (printed.invoice.document.picture_score, printed.invoice.document.picture_measures) == (None, [])


def test_a_score_is_a_share(organization: Any, bob: Any) -> None:
    document = services.receive(a_file(), organization=organization, user=bob).invoice.document
    document.picture_score = 1.2
    with pytest.raises(IntegrityError, match="document_picture_score_is_a_share"), transaction.atomic():
        document.save()


def test_a_picture_is_kept_once_by_whoever_took_it(
    organization: Any, alice: Any, bob: Any, charlie: Any, signed_in: Any
) -> None:
    upload = services.receive(
        a_file(samples.blurred_photo(), "photo.jpg"), organization=organization, user=bob
    )
    address = reverse("intake:keep_picture", args=[upload.pk])
    kept = upload.invoice.events.filter(kind="picture_kept")
    for other in (alice, charlie):  # a colleague of the office, an outsider: it is not their picture
        assert signed_in(other).post(address).status_code == 404
    assert not kept.exists()
    page = signed_in(bob).get(reverse("intake:upload"))
    assertContains(page, "Take another picture")
    assertContains(page, "Keep it")
    for _ in range(2):
        answer = signed_in(bob).post(address, headers={"HX-Request": "true"})
        assertContains(answer, "You kept this picture.")
        assertNotContains(answer, "Take another picture")
        assertContains(answer, upload.warnings[0])
    assert [event.user for event in kept] == [bob]
    assertRedirects(signed_in(bob).post(address), reverse("intake:upload"))
    assert signed_in(bob).get(address).status_code == 405
    assertContains(
        signed_in(alice).get(reverse("invoice", args=[upload.invoice.pk])),
        "The uploader was told and kept it.",
    )


def test_a_picture_with_nothing_against_it_needs_no_keeping(
    organization: Any, bob: Any, signed_in: Any
) -> None:
    upload = services.receive(a_file(), organization=organization, user=bob)
    signed_in(bob).post(reverse("intake:keep_picture", args=[upload.pk]))
    assert not upload.invoice.events.filter(kind="picture_kept").exists()
