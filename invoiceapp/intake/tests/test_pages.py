"""The upload page and the document views, as browsers ask for them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from extraction.documents import SandboxUnavailable
from extraction.tests import hostile
from invoiceapp.intake import samples, services
from invoiceapp.intake.models import Upload
from invoiceapp.records import invoices
from invoiceapp.records.models import Invoice, Page
from invoiceapp.work import services as work

UPLOAD, FILE = "/upload/", "/upload/file/"


def a_file(number: int = 1, name: str = "") -> SimpleUploadedFile:
    return SimpleUploadedFile(
        name or f"{number}.pdf", samples.invoice_pdf(samples.a_paper(f"N-{number}", lines=1))
    )


def send(client: Client, file: Any, **stated: Any) -> Any:
    return client.post(FILE, {"file": file, "key": str(uuid.uuid4()), **stated, "complete": "yes"})


def send_plain(client: Client, data: dict[str, Any], **options: Any) -> Any:
    return client.post(UPLOAD, {**data, "complete": "yes"}, **options)


@pytest.fixture
def upload(organization: Any, alice: Any) -> Upload:
    return services.receive(a_file(), organization=organization, user=alice)


# --- one file, sent by the script -----------------------------------------------------------------


def test_the_answer_to_a_file_is_its_finished_row(bob: Any, signed_in: Callable[..., Client]) -> None:
    answer = send(
        signed_in(bob), a_file(name="March.pdf"), work_order="31877", total="$1,450.00", urgent="on"
    )
    assert (answer.status_code, answer["X-Upload-Outcome"]) == (200, "accepted")
    invoice = Invoice.objects.get()
    assert (invoice.stated_work_order, str(invoice.stated_total), invoice.urgent) == (
        "31877",
        "1450.00",
        True,
    )
    row = answer.content.decode()
    for part in ("March.pdf", "1 page", "31877", "1,450.00", "urgent", reverse("invoice", args=[invoice.pk])):
        assert part in row
    assert "It is next in line." in row


def test_a_row_says_when_its_invoice_will_be_read(
    bob: Any, organization: Any, signed_in: Callable[..., Client]
) -> None:
    organization.reading_mode = "count"
    organization.batch_size = 5
    organization.save()
    row = send(signed_in(bob), a_file()).content.decode()
    assert "It will be read when 4 more are waiting." in row


HOSTILE = [
    (hostile.html_page, "not_a_document", "web page"),
    (hostile.zip_bomb, "not_a_document", "ZIP"),
    (hostile.xml_bomb, "xml_invoice", "XML"),
    (hostile.encrypted_pdf, "encrypted", "password"),
    (hostile.truncated_pdf, "damaged", "damaged"),
    (hostile.truncated_jpeg, "damaged", "damaged"),
    (hostile.lying_png, "accepted", "Accepted as"),
    (hostile.looping_tiff, "accepted", "Accepted as"),
    (hostile.many_pages_pdf, "too_many_pages", "20,000 pages; at most 100"),
    (hostile.endless_page_tree_pdf, "too_many_pages", "at most 100"),
    (hostile.many_frames_tiff, "too_many_pages", "more than 100 pages"),
    (hostile.huge_page_pdf, "page_too_large", "4,000 x 4,000 inches"),
    (hostile.bomb_png, "page_too_large", "megapixels"),
    (lambda: b"", "empty", "empty"),
]


@pytest.mark.parametrize(("make", "outcome", "words"), HOSTILE)
def test_a_hostile_file_gets_a_plain_answer_and_the_site_goes_on(
    make: Callable[[], bytes], outcome: str, words: str, bob: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(bob)
    answer = send(client, SimpleUploadedFile("invoice.pdf", make(), content_type="application/pdf"))
    assert answer.status_code == 200
    row = Upload.objects.get()
    assert (answer["X-Upload-Outcome"], row.outcome) == (outcome, outcome)
    assert words in row.message
    assert row.message.endswith(".")
    if outcome != "accepted":
        assert escape(row.message) in answer.content.decode()
        assert not Invoice.objects.exists()
    assert send(client, a_file()).headers["X-Upload-Outcome"] == "accepted"


@pytest.mark.slow
@pytest.mark.parametrize("make", [hostile.huge_content_pdf, hostile.nested_forms_pdf])
def test_a_page_that_needs_gigabytes_or_minutes_is_stopped(
    make: Callable[[], bytes], bob: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(bob)
    answer = send(client, SimpleUploadedFile("plan.pdf", make()))
    assert answer["X-Upload-Outcome"] in ("too_much_memory", "too_slow")
    assert "it was stopped" in Upload.objects.get().message
    assert send(client, a_file()).headers["X-Upload-Outcome"] == "accepted"


def test_a_script_in_a_name_or_file_is_text(bob: Any, signed_in: Callable[..., Client]) -> None:
    client = signed_in(bob)
    answer = send(client, SimpleUploadedFile("<img src=x onerror=alert(1)>.pdf", hostile.html_before_pdf()))
    assert b"<img src=x" not in answer.content
    assert b"&lt;img src=x onerror=alert(1)&gt;.pdf" in answer.content


def test_a_file_over_the_limit_is_named_with_its_size(
    bob: Any, signed_in: Callable[..., Client], settings: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    answer = send(signed_in(bob), SimpleUploadedFile("plan.pdf", b"%PDF-" + b"x" * 5 * 1024 * 1024))
    assert answer["X-Upload-Outcome"] == "too_large"
    assert "The file has 5.0 MB; at most 1 MB can be uploaded." in Upload.objects.get().message


def test_a_file_that_the_browser_did_not_even_send_has_its_row(
    bob: Any, signed_in: Callable[..., Client]
) -> None:
    stated = {"filename": "video.mov", "size": str(900 * 1024 * 1024)}
    answer = send(signed_in(bob), "", **stated)
    assert answer["X-Upload-Outcome"] == "too_large"
    assert "900.0 MB" in Upload.objects.get().message


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"total": "a lot"}, "“a lot” is not an amount. Write it like 1,450.00."),
        ({"total": "999999999999999"}, "too large to be an amount"),
        ({"work_order": "9" * 61}, "at most 60 characters"),
        ({"file": ""}, "No file arrived. Choose it again."),
        ({"key": "no uuid"}, "UUID"),
    ],
)
def test_what_was_stated_wrongly_is_said_and_nothing_is_entered(
    stated: dict[str, str], words: str, bob: Any, signed_in: Callable[..., Client]
) -> None:
    answer = send(signed_in(bob), **{"file": a_file(), **stated})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Upload.objects.exists()


@pytest.mark.parametrize("path", [UPLOAD, FILE])
@pytest.mark.parametrize("share", [0.4, 0.8, 0.97])
def test_a_file_whose_sending_broke_off_is_not_taken_for_the_whole(
    path: str, share: float, bob: Any, signed_in: Callable[..., Client]
) -> None:
    field = "files" if path == UPLOAD else "file"
    parts = {"key": str(uuid.uuid4()), field: a_file(), "complete": "yes"}
    whole = encode_multipart(BOUNDARY, parts)
    client = signed_in(bob)
    answer = client.generic("POST", path, whole[: int(len(whole) * share)], MULTIPART_CONTENT)
    assert answer.status_code == 400
    assert "send it again" in answer.content.decode()
    assert not Upload.objects.exists()
    assert client.generic("POST", path, whole, MULTIPART_CONTENT).status_code in (200, 302)
    assert Upload.objects.get().outcome == "accepted"


def test_too_many_files_a_minute_are_asked_to_wait(
    bob: Any, signed_in: Callable[..., Client], settings: Any
) -> None:
    settings.UPLOADS_PER_MINUTE = 1
    client = signed_in(bob)
    assert send(client, a_file(1)).status_code == 200
    answer = send(client, a_file(2))
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    Upload.objects.update(created=timezone.now() - timedelta(seconds=61))
    assert send(client, a_file(2)).status_code == 200


def test_when_files_can_not_be_looked_at_the_browser_is_told_to_come_back(
    bob: Any, signed_in: Callable[..., Client], monkeypatch: Any
) -> None:
    def unavailable(*args: Any) -> None:
        raise SandboxUnavailable("no processes left")

    monkeypatch.setattr(services, "inspect", unavailable)
    answer = send(signed_in(bob), a_file())
    assert answer.status_code == 503
    assert "Nothing was lost" in answer.content.decode()
    assert not Upload.objects.exists()


def test_every_request_needs_its_token(bob: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    assert send(client, a_file()).status_code == 403
    assert send_plain(client, {"files": a_file()}).status_code == 403
    client.get(UPLOAD)
    token = client.cookies["csrftoken"].value
    answer = send(client, a_file(), csrfmiddlewaretoken=token)
    assert answer.status_code == 200


# --- the form without a script --------------------------------------------------------------------


def test_the_plain_form_takes_several_files_and_lists_them(
    bob: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(bob)
    files = [a_file(1), SimpleUploadedFile("letter.docx", b"PK\x03\x04"), a_file(2)]
    page = send_plain(client, {"files": files, "work_order": "31877"}, follow=True)
    assert page.redirect_chain == [(UPLOAD, 302)]
    text = page.content.decode()
    assert "3 files: 2 accepted, 1 refused." in text
    for name in ("1.pdf", "2.pdf", "letter.docx"):
        assert name in text
    assert set(Invoice.objects.values_list("stated_work_order", flat=True)) == {"31877"}


def test_the_plain_form_does_not_guess_to_which_file_a_total_belongs(
    bob: Any, signed_in: Callable[..., Client]
) -> None:
    page = send_plain(signed_in(bob), {"files": [a_file(1), a_file(2)], "total": "12.50"}, follow=True)
    assert "The total was not kept" in page.content.decode()
    assert set(Invoice.objects.values_list("stated_total", flat=True)) == {None}


@pytest.mark.parametrize(
    ("data", "words"),
    [({}, "No file was chosen."), ({"total": "twelve", "files": 1}, "“twelve” is not an amount.")],
)
def test_the_plain_form_keeps_what_was_typed(
    data: dict[str, Any], words: str, bob: Any, signed_in: Callable[..., Client]
) -> None:
    if "files" in data:
        data = {**data, "files": a_file()}
    page = send_plain(signed_in(bob), {"work_order": "31877", **data})
    assert page.status_code == 422
    assert words in page.content.decode()
    assert 'value="31877"' in page.content.decode()
    assert not Invoice.objects.exists()


def test_the_plain_form_names_the_files_that_came_too_fast(
    bob: Any, signed_in: Callable[..., Client], settings: Any
) -> None:
    settings.UPLOADS_PER_MINUTE = 1
    client = signed_in(bob)
    page = send_plain(client, {"files": [a_file(1), a_file(2)]}, follow=True).content.decode()
    assert "choose again: 2.pdf" in page
    answer = send_plain(client, {"files": [a_file(3)]})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert "choose again: 3.pdf" in answer.content.decode()


def test_nobody_replaces_what_another_person_handed_in(
    upload: Upload, alice: Any, bob: Any, charlie: Any, signed_in: Callable[..., Client]
) -> None:
    for person, status in ((bob, "waiting"), (charlie, "waiting"), (alice, "rejected")):
        answer = send(signed_in(person), a_file(person.pk + 50), replaces=str(upload.pk))
        assert answer["X-Upload-Outcome"] == "accepted"
        upload.invoice.refresh_from_db()
        assert upload.invoice.status == status
    assert f"It replaces invoice {upload.invoice.reference}." in answer.content.decode()


# --- the list ---------------------------------------------------------------------------------------


def test_the_poll_says_where_the_invoices_stand_and_slows_down_when_nothing_moves(
    upload: Upload, alice: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(alice)
    page = client.get(UPLOAD).content.decode()
    assert "every 3s" in page
    work.withdraw(upload.invoice)
    invoices.reject(upload.invoice, user=alice, reason="It is a quote.")
    told = client.get("/upload/statuses/", {"row": [str(upload.pk), "99", "x", "9" * 40]}).content.decode()
    assert f'id="upload-{upload.pk}-status"' in told
    assert "Rejected" in told
    assert "It is a quote." in told
    assert "every 30s" in told


def test_a_row_of_an_invoice_that_may_no_longer_be_seen_shows_nothing_of_it(
    upload: Upload, organization: Any, make_user: Any, signed_in: Callable[..., Client]
) -> None:
    dana = make_user("dana", organization, "clerk")
    services.receive(a_file(), organization=organization, user=dana)
    client = signed_in(dana)
    assert f"invoice {upload.invoice.reference}" in client.get(UPLOAD).content.decode()
    dana.memberships.update(role="uploader")
    page = client.get(UPLOAD).content.decode()
    assert reverse("invoice", args=[upload.invoice.pk]) not in page
    assert str(upload.invoice.document_id) not in page


def test_the_list_is_paginated_with_a_constant_number_of_queries(
    organization: Any, alice: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(alice)

    def queries(path: str, **data: Any) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(path, data).status_code == 200
        return len(captured)

    services.receive(a_file(0), organization=organization, user=alice)
    queries(UPLOAD)
    one = queries(UPLOAD), queries("/upload/statuses/", row=Upload.objects.values_list("pk", flat=True))
    for number in range(1, 31):
        services.receive(a_file(number), organization=organization, user=alice)
    many = queries(UPLOAD), queries("/upload/statuses/", row=Upload.objects.values_list("pk", flat=True))
    assert many == one
    page = client.get(UPLOAD).content.decode()
    assert page.count('class="upload"') == 25
    assert "1–25 of 31 uploads" in page
    assert client.get(UPLOAD, {"page": 2}).content.decode().count('class="upload"') == 6


# --- who may do and see what --------------------------------------------------------------------------


def test_everybody_with_a_role_uploads_and_sees_their_own_rows(
    upload: Upload, alice: Any, bob: Any, charlie: Any, signed_in: Callable[..., Client]
) -> None:
    for person, sees in ((alice, True), (bob, False), (charlie, False)):
        client = signed_in(person)
        page = client.get(UPLOAD)
        assert page.status_code == 200
        assert (f'id="upload-{upload.pk}"' in page.content.decode()) is sees, person
        told = client.get("/upload/statuses/", {"row": upload.pk}).content.decode()
        assert (f"upload-{upload.pk}-status" in told) is sees, person
        assert send(client, a_file(person.pk + 100))["X-Upload-Outcome"] == "accepted"
    mine = {
        person.username: Upload.objects.filter(uploaded_by=person).count() for person in (alice, bob, charlie)
    }
    assert mine == {"alice": 2, "bob": 1, "charlie": 1}


def test_who_belongs_to_no_organization_or_is_not_signed_in_can_not_upload(
    django_user_model: Any, signed_in: Callable[..., Client]
) -> None:
    nobody = signed_in(django_user_model.objects.create_user("nobody"))
    assert nobody.get(UPLOAD).status_code == 403
    assert send(nobody, a_file()).status_code == 403
    assert nobody.get("/upload/statuses/").status_code == 403
    stranger = Client()
    for path in (UPLOAD, FILE, "/upload/statuses/"):
        assert stranger.get(path).status_code == 302
    assert send(stranger, a_file()).status_code == 302
    assert not Upload.objects.exists()


@pytest.fixture
def document_paths(upload: Upload) -> dict[str, str]:
    """The three addresses of a document, after it was read."""
    document = upload.invoice.document
    page = Page(document=document, number=0, width=10, height=10)
    page.picture.save("page.jpg", ContentFile(hostile.jpeg(60, 80)), save=False)
    page.save()
    return {
        name: reverse(f"intake:{name}", args=args)
        for name, args in {
            "page": [document.pk, 0],
            "thumbnail": [document.pk],
            "original": [document.pk],
        }.items()
    }


def test_documents_are_for_those_who_may_see_the_invoice(
    document_paths: dict[str, str],
    organization: Any,
    make_user: Any,
    alice: Any,
    bob: Any,
    charlie: Any,
    signed_in: Callable[..., Client],
) -> None:
    clerk = make_user("dana", organization, "clerk")
    for path in document_paths.values():
        assert signed_in(alice).get(path).status_code == 200
        assert signed_in(clerk).get(path).status_code == 200, "the office sees every invoice"
        assert signed_in(bob).get(path).status_code == 404, "a subcontractor sees only what it handed in"
        assert signed_in(charlie).get(path).status_code == 404
        assert Client().get(path).status_code == 302


def test_pictures_are_private_and_sent_once(
    document_paths: dict[str, str], alice: Any, bob: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(alice)
    for name in ("page", "thumbnail"):
        answer = client.get(document_paths[name])
        assert answer["Content-Type"] == "image/jpeg"
        assert answer["Cache-Control"].startswith("private, ")
        assert answer["X-Content-Type-Options"] == "nosniff"
        again = client.get(document_paths[name], headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        refused = signed_in(bob).get(document_paths[name], headers={"If-None-Match": answer["ETag"]})
        assert refused.status_code == 404, "a known ETag opens nothing"


def test_the_picture_of_a_document_that_was_read_again_is_fetched_again(
    document_paths: dict[str, str], alice: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(alice)
    before = client.get(document_paths["page"])["ETag"]
    old = Page.objects.get()
    Page.objects.create(document=old.document, number=1, width=1, height=1, picture=old.picture.name)
    old.delete()
    Page.objects.update(number=0)
    again = client.get(document_paths["page"], headers={"If-None-Match": before})
    assert again.status_code == 200


def test_the_original_is_saved_and_never_shown(
    document_paths: dict[str, str], upload: Upload, alice: Any, signed_in: Callable[..., Client]
) -> None:
    document = upload.invoice.document
    document.filename = "Factura “ñ”.pdf"
    document.save()
    answer = signed_in(alice).get(document_paths["original"])
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''Factura%20")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Type"] == "application/pdf"
    assert b"".join(answer.streaming_content) == document.file.read()


def test_what_is_not_there_is_not_found(
    document_paths: dict[str, str], upload: Upload, alice: Any, signed_in: Callable[..., Client]
) -> None:
    client = signed_in(alice)
    document = upload.invoice.document
    assert client.get(reverse("intake:page", args=[document.pk, 7])).status_code == 404
    assert client.get(reverse("intake:original", args=[uuid.uuid4()])).status_code == 404
    document.file.storage.delete(services.thumbnail_path(document))
    assert client.get(document_paths["thumbnail"]).status_code == 404
    assert client.post(document_paths["original"]).status_code == 405
