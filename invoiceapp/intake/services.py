"""From a file in somebody's hand to an invoice that waits to be read, or to a reason why not."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from extraction.documents import DEFAULT_LIMITS, DocumentRefused, Inspection, inspect
from invoiceapp import pipeline
from invoiceapp.intake.models import Upload
from invoiceapp.records import invoices
from invoiceapp.records.models import Document, Invoice, Organization
from invoiceapp.work.reading_times import zone

MEGABYTE = 1024 * 1024
Outcome = Upload.Outcome


def receive(
    file: UploadedFile[bytes],
    *,
    organization: Organization,
    user: Any,
    stated_work_order: str = "",
    stated_total: Decimal | None = None,
    urgent: bool = False,
    key: uuid.UUID | None = None,
    replaces: Upload | None = None,
) -> Upload:
    """Take in one file and say what became of it; whatever the file is, the answer is a row.

    The bytes are stored before the rows, so that no row ever points nowhere; document, invoice, work
    and outcome then appear in one transaction. The same bytes are one invoice per organization, also
    when they arrive twice at the same moment.

    :param key: what the sender calls this file; sent again under the same key it is not entered
        again, and the first outcome is returned.
    :param replaces: an upload of the same user whose picture was bad. Its invoice is refused in favour of
        the new one, which takes over what was stated with it, unless it is in somebody's hands already.
    :raises extraction.documents.SandboxUnavailable: if files can't be looked at now; nothing is entered.
    """
    sender = {"organization": organization, "uploaded_by": user, "key": key or uuid.uuid4()}
    if earlier := _earlier(sender):
        return earlier
    facts: dict[str, Any] = {**sender, "filename": clean_filename(file.name or ""), "size": file.size or 0}
    if facts["size"] > settings.UPLOAD_MAX_BYTES:
        return _enter(**facts, outcome=Outcome.TOO_LARGE, message=_too_large(facts["size"]))
    data = file.read()
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    if outcome := _already_here(organization, user, facts["sha256"]):
        return _enter(**facts, **outcome)
    try:
        found = inspect(data, replace(DEFAULT_LIMITS, file_bytes=settings.UPLOAD_MAX_BYTES))
    except DocumentRefused as refusal:
        return _enter(**facts, outcome=refusal.code, message=refusal.message)

    before = replaces.invoice if replaces else None
    if before is not None:
        stated_work_order = stated_work_order or before.stated_work_order
        stated_total = before.stated_total if stated_total is None else stated_total
        urgent = urgent or before.urgent
    document = _store_bytes(data, found, organization=organization, user=user, filename=facts["filename"])
    try:
        with transaction.atomic():
            document.save(force_insert=True)
            invoice = invoices.register(
                document=document,
                user=user,
                stated_work_order=stated_work_order,
                stated_total=stated_total,
                urgent=urgent,
            )
            pipeline.submit(invoice)
            replaced = _replace(before, by=invoice, user=user) if before else ""
            upload: Upload = Upload.objects.create(
                **facts,
                outcome=Outcome.ACCEPTED,
                message=f"Accepted as invoice {invoice.reference}.{replaced}",
                warnings=list(found.quality.warnings) if found.quality else [],
                invoice=invoice,
            )
        return upload
    except IntegrityError:
        # Somebody else entered the same bytes, or this very file, a moment earlier: theirs holds.
        _remove_bytes(document)
        if earlier := _earlier(sender):
            return earlier
        if outcome := _already_here(organization, user, facts["sha256"]):
            return _enter(**facts, **outcome)
        raise
    except BaseException:
        _remove_bytes(document)
        raise


def keep_picture(upload: Upload, *, user: Any) -> None:
    """Note that the uploader keeps a picture although something speaks against it. Nothing happens without a
    warning."""
    if upload.invoice is not None and upload.warnings:
        invoices.keep_picture(upload.invoice, user=user)


def seconds_to_wait(user: Any) -> int:
    """Return after how many seconds the user may send another file; 0 means now.

    Counted from the rows of the last minute (settings.UPLOADS_PER_MINUTE), so that it holds across
    all web processes without a shared cache.
    """
    now = timezone.now()
    limit = settings.UPLOADS_PER_MINUTE
    recent = Upload.objects.filter(uploaded_by=user, created__gt=now - timedelta(minutes=1))
    # The limit-th newest row has to leave the window before there is room for one more.
    blocking = recent.order_by("-created", "-id").values_list("created", flat=True)[limit - 1 : limit]
    for created in blocking:
        left: timedelta = created + timedelta(minutes=1) - now
        return max(1, round(left.total_seconds()))
    return 0


def clean_filename(name: str) -> str:
    """Return a file's name as it is shown: without control and direction characters, 255 characters at most.

    A right-to-left override would show "invoice_fdp.exe" as "invoice_exe.pdf".
    """
    shown = "".join(c for c in name if not unicodedata.category(c).startswith("C"))
    path = PurePath(" ".join(shown.split()))
    extension = path.suffix[:20]
    return (path.stem[: 255 - len(extension)] + extension) or "without a name"


def thumbnail_path(document: Document) -> str:
    """Return the name under which the small picture of a document's first page is stored."""
    return f"{document.organization_id}/thumbnails/{document.pk}.jpg"


def _too_large(size: int) -> str:
    return (
        f"The file has {size / MEGABYTE:,.1f} MB; at most {settings.UPLOAD_MAX_BYTES / MEGABYTE:,.0f} MB "
        "can be uploaded. Split it, or scan it at 200 to 300 dpi, and upload it again."
    )


def _already_here(organization: Organization, user: Any, sha256: str) -> dict[str, Any] | None:
    """Say that the bytes are here and, if the user may know it, as which invoice."""
    if not Document.objects.filter(organization=organization, sha256=sha256).exists():
        return None
    invoice = Invoice.objects.visible_to(user, organization).filter(document__sha256=sha256).first()
    if invoice is None:
        message = "This file has been handed in before. You need not send it again."
    else:
        at = invoice.created.astimezone(zone(organization))
        message = f"This file is already here: invoice {invoice.reference}, uploaded on {at:%B} {at.day}, {at.year}."
    return {"outcome": Outcome.ALREADY_HERE, "message": message, "invoice": invoice}


def _replace(before: Invoice, *, by: Invoice, user: Any) -> str:
    """Refuse the invoice with the bad picture if that is still possible, and say what became of it."""
    try:
        pipeline.replace(before, by=by, user=user)
    except invoices.WrongStatus:
        return f" Invoice {before.reference} is being worked on already, so it stays too: tell the office."
    return f" It replaces invoice {before.reference}."


def _earlier(sender: dict[str, Any]) -> Upload | None:
    row: Upload | None = Upload.objects.filter(**sender).first()
    return row


def _enter(**facts: Any) -> Upload:
    """Add a row for a file that became no new invoice, unless its own repetition was faster."""
    try:
        with transaction.atomic():
            row: Upload = Upload.objects.create(**facts)
    except IntegrityError:
        row = Upload.objects.get(**{name: facts[name] for name in ("organization", "uploaded_by", "key")})
    return row


def _store_bytes(
    data: bytes, found: Inspection, *, organization: Organization, user: Any, filename: str
) -> Document:
    """Store the original and its thumbnail, and return the document's row, not yet saved."""
    document = Document(
        organization=organization,
        uploaded_by=user,
        filename=filename,
        media_type=found.media_type,
        size=found.size,
        sha256=found.sha256,
        page_count=found.pages,
    )
    if found.quality is not None:
        document.picture_score = found.quality.score
        document.picture_measures = [asdict(measure) for measure in found.quality.measures]
    document.file.save("original", ContentFile(data), save=False)
    try:
        default_storage.save(thumbnail_path(document), ContentFile(found.thumbnail))
    except BaseException:
        default_storage.delete(str(document.file.name))
        raise
    return document


def _remove_bytes(document: Document) -> None:
    """Remove stored bytes that no row points to.

    When the connection broke during COMMIT nobody knows whether the row is there. So it is asked
    for, and if the question can't be answered the bytes stay: an orphan costs space, a loss costs an invoice.
    """
    if not Document.objects.filter(pk=document.pk).exists():
        default_storage.delete(str(document.file.name))
        default_storage.delete(thumbnail_path(document))
