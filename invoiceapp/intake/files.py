"""Documents as people may see them: nothing that was uploaded has a public address.

Everything is looked up through `visible_to`: who may not see a document can't tell it
from one that does not exist.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from invoiceapp.intake.services import thumbnail_path
from invoiceapp.records.access import OfficeRequest
from invoiceapp.records.models import Document

# The original may hold anything. It is saved, not shown; should a browser show it, nothing in it runs.
SANDBOX = "sandbox; default-src 'none'"
PNG_MAGIC = b"\x89PNG"


def _document(request: OfficeRequest, pk: UUID) -> Any:
    return get_object_or_404(Document.objects.visible_to(request.user, request.organization), pk=pk)


@require_safe
def page_picture(request: OfficeRequest, pk: UUID, number: int) -> HttpResponseBase:
    """Show one page (counted from 0) as it was read."""
    page = get_object_or_404(_document(request, pk).pages, number=number)
    # A row is written anew whenever the document is read again, so its id and name stand for the bytes.
    return _picture(request, page.picture.name, version=str(page.pk), cache="private, no-cache")


@require_safe
def thumbnail(request: OfficeRequest, pk: UUID) -> HttpResponseBase:
    """Show the small picture of the first page that was made when the file came in."""
    document = _document(request, pk)
    return _picture(request, thumbnail_path(document), version="", cache="private, max-age=3600")


@require_safe
def original(request: OfficeRequest, pk: UUID) -> HttpResponseBase:
    """Hand out the file as it came in, to be saved under the name it came with."""
    document = _document(request, pk)
    response = FileResponse(
        _opened(document.file.name),
        as_attachment=True,
        filename=document.filename,
        content_type=document.media_type,
    )
    response["Cache-Control"] = "private, no-store"
    return _sealed(response)


def _picture(request: OfficeRequest, name: str, *, version: str, cache: str) -> HttpResponseBase:
    etag = '"' + hashlib.sha256(f"{name} {version}".encode()).hexdigest()[:32] + '"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None or response.status_code != 304:
        with _opened(name) as file:
            content = file.read()
        response = HttpResponse(
            content, content_type="image/png" if content.startswith(PNG_MAGIC) else "image/jpeg"
        )
    response["ETag"] = etag
    response["Cache-Control"] = cache
    return _sealed(response)


def _opened(name: str) -> Any:
    try:
        return default_storage.open(name, "rb")
    except FileNotFoundError:
        raise Http404("The file is not in the storage.") from None


def _sealed(response: HttpResponseBase) -> HttpResponseBase:
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = SANDBOX
    return response
