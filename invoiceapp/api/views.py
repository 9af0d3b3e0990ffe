"""The API, version 1: the same services and the same rights as the pages.

People sign in with their session; every answer is narrowed to what they may see.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from rest_framework import generics, status
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extraction.documents import SandboxUnavailable
from invoiceapp.api.serializers import (
    BatchDetailSerializer,
    BatchSerializer,
    InvoiceDetailSerializer,
    InvoiceSerializer,
    UploadSerializer,
)
from invoiceapp.exports.models import Batch
from invoiceapp.exports.views import file_response
from invoiceapp.intake import services as intake
from invoiceapp.intake.forms import FileForm
from invoiceapp.intake.limits import DropTooLarge
from invoiceapp.intake.models import Upload
from invoiceapp.records.access import may, require, roles
from invoiceapp.records.models import NEWEST_FIRST, Invoice, Organization
from invoiceapp.work import services as work
from invoiceapp.work.models import WorkItem

log = logging.getLogger(__name__)


def organization_of(request: Request) -> Organization | None:
    """Return the organization that the person works for, as `OrganizationMiddleware` found it."""
    organization: Organization | None = request._request.organization  # type: ignore[attr-defined]
    return organization


class Member(BasePermission):
    """Lets people through who hold a role in the organization they work for."""

    message = "You hold no role in an organization. Ask an administrator for one."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated and roles(request.user, organization_of(request)))


class MayExport(Member):
    """Lets people through who may export."""

    message = "Your role does not allow this (export). Ask an administrator for it."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and may(request.user, organization_of(request), "export")


def with_open_work(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Give each invoice `open_work`, its piece of work that waits or runs, in one query for all."""
    waiting = WorkItem.objects.filter(status__in=WorkItem.OPEN)
    return rows.select_related("document", "organization").prefetch_related(
        Prefetch("work", queryset=waiting, to_attr="open_work")
    )


class Invoices(generics.ListAPIView[Invoice]):
    """GET lists invoices, newest first (?status=, ?vendor=, ?page=); POST sends a file to become one.

    POST takes multipart form data: ``file``, and optionally ``work_order``, ``total``, ``urgent``, ``replaces``
    and ``key``, a UUID of the sender's own: sent again under the same key, the file is not entered twice.
    ``replaces`` is the id of an upload of the same person whose picture was bad: this one takes its place.
    The answer is 201 for a new invoice, 200 for one that is already here, 422 for a file that was refused.
    """

    permission_classes = [Member]
    serializer_class = InvoiceSerializer
    parser_classes = [MultiPartParser, FormParser]

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        # Handlers can be set only before the body is read.
        if request.method not in SAFE_METHODS:
            request.upload_handlers.insert(0, DropTooLarge(request))
        return super().initialize_request(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Invoice]:
        rows = Invoice.objects.visible_to(self.request.user, organization_of(self.request))
        wanted = self.request.query_params.get("status", "")
        if wanted:
            if wanted not in Invoice.Status.values:
                raise ValidationError(
                    {"status": f"“{wanted}” is no status; it is one of {', '.join(Invoice.Status.values)}."}
                )
            rows = rows.filter(status=wanted)
        if vendor := self.request.query_params.get("vendor", "").strip():
            rows = rows.filter(vendor_name__icontains=vendor)
        return with_open_work(rows).order_by(*NEWEST_FIRST)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), **_batch_context(self.request)}

    def post(self, request: Request) -> Response:
        organization = require(request.user, organization_of(request), "upload")
        if wait := intake.seconds_to_wait(request.user):
            raise Throttled(wait=wait)
        form = FileForm({"key": uuid.uuid4(), **request.POST.dict()}, request.FILES)
        if not form.is_valid():
            raise ValidationError(form.errors.get_json_data())
        replaces = None
        if (wanted := form.cleaned_data["replaces"]) is not None:
            replaces = _own_accepted(request, organization).filter(pk=wanted).first()
            if replaces is None:
                raise ValidationError({"replaces": f"{wanted} is no accepted upload of yours."})
        try:
            row = intake.receive(
                form.cleaned_data["file"],
                organization=organization,
                user=request.user,
                key=form.cleaned_data["key"],
                replaces=replaces,
                **form.stated(),
            )
        except SandboxUnavailable:
            log.exception("Uploads can't be looked at")
            return Response(
                {"detail": "Files can't be looked at just now. Nothing was lost: try again in a minute."},
                status=status.HTTP_503_SERVICE_UNAVAILABLE,
            )
        code = (
            status.HTTP_422_UNPROCESSABLE_ENTITY
            if row.is_refused
            else status.HTTP_201_CREATED
            if row.outcome == row.Outcome.ACCEPTED
            else status.HTTP_200_OK
        )
        return Response(UploadSerializer(row, context=self.get_serializer_context()).data, status=code)


def _own_accepted(request: Request, organization: Organization) -> QuerySet[Upload]:
    rows: QuerySet[Upload] = Upload.objects.visible_to(request.user, organization).filter(
        uploaded_by=request.user, outcome=Upload.Outcome.ACCEPTED
    )
    return rows


class KeepPicture(APIView):
    """POST notes that the uploader keeps a picture that a warning was given for; answers with the upload."""

    permission_classes = [Member]

    def post(self, request: Request, pk: int) -> Response:
        organization = require(request.user, organization_of(request), "upload")
        upload = generics.get_object_or_404(_own_accepted(request, organization), pk=pk)
        intake.keep_picture(upload, user=request.user)
        return Response(UploadSerializer(upload, context={"request": request}).data)


def _batch_context(request: Request) -> dict[str, int]:
    organization = organization_of(request)
    if organization is None or organization.reading_mode != organization.ReadingMode.COUNT:
        return {"waiting_for_batch": 0}
    return {"waiting_for_batch": work.waiting_for_batch(organization)}


class InvoiceDetail(generics.RetrieveAPIView[Invoice]):
    """One invoice with all its values, where each comes from, and its lines."""

    permission_classes = [Member]
    serializer_class = InvoiceDetailSerializer

    def get_queryset(self) -> QuerySet[Invoice]:
        return with_open_work(Invoice.objects.visible_to(self.request.user, organization_of(self.request)))

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), **_batch_context(self.request)}


class Batches(generics.ListAPIView[Batch]):
    """The export batches, newest first."""

    permission_classes = [MayExport]
    serializer_class = BatchSerializer

    def get_queryset(self) -> QuerySet[Batch]:
        rows = Batch.objects.visible_to(self.request.user, organization_of(self.request))
        return rows.select_related("created_by", "repeats").prefetch_related("files").order_by("-number")


class BatchDetail(generics.RetrieveAPIView[Batch]):
    """One batch with its invoices."""

    permission_classes = [MayExport]
    serializer_class = BatchDetailSerializer
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[Batch]:
        rows = Batch.objects.visible_to(self.request.user, organization_of(self.request))
        return rows.select_related("created_by", "repeats").prefetch_related("files", "lines__invoice")


class BatchFileContent(APIView):
    """A file of a batch, the same bytes every time; ``?bom=1`` puts Excel's mark before CSV."""

    permission_classes = [MayExport]

    def get(self, request: Request, number: int, kind: str) -> HttpResponse:
        rows = Batch.objects.visible_to(request.user, organization_of(request))
        batch = generics.get_object_or_404(rows, number=number)
        file = generics.get_object_or_404(batch.files.all(), kind=kind)
        return file_response(file, with_mark=bool(request.query_params.get("bom")))
