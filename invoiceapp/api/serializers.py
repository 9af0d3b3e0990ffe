"""How rows look in the API. Amounts are strings, so that no reader rounds them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from invoiceapp.exports.models import Batch, BatchFile, BatchLine
from invoiceapp.intake.models import Upload
from invoiceapp.records.models import Document, Invoice, InvoiceValue, LineItem
from invoiceapp.work.reading_times import waiting_words


def picture_quality(document: Document) -> dict[str, Any] | None:
    """Return how well a picture can be read and what to do about it; None for what is no picture."""
    if document.picture_score is None:
        return None
    return {"score": document.picture_score, "measures": document.picture_measures}


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """An invoice as it stands in a list."""

    url = serializers.HyperlinkedIdentityField(view_name="api:invoice")
    status_words = serializers.CharField(source="get_status_display")
    file_name = serializers.CharField(source="document.filename")
    pages = serializers.IntegerField(source="document.page_count")
    reading = serializers.SerializerMethodField(help_text="Null unless it waits or is being read.")
    picture_quality = serializers.SerializerMethodField(help_text="Null for a PDF.")

    class Meta:
        model = Invoice
        fields = [
            "id",
            "url",
            "reference",
            "status",
            "status_words",
            "status_since",
            "status_reason",
            "urgent",
            "reading",
            "document_type",
            "vendor_name",
            "invoice_number",
            "work_order_number",
            "invoice_date",
            "due_date",
            "currency",
            "total",
            "stated_work_order",
            "stated_total",
            "file_name",
            "pages",
            "picture_quality",
            "created",
            "approved_at",
        ]

    def get_picture_quality(self, invoice: Invoice) -> dict[str, Any] | None:
        """Return the score of the picture and its measures, each with advice where it is bad."""
        return picture_quality(invoice.document)

    def get_reading(self, invoice: Invoice) -> dict[str, Any] | None:
        """Return when the invoice will be read: its due moment, if it has one, and words."""
        # `views.with_open_work` put it there: one query for the whole list.
        items = invoice.open_work  # type: ignore[attr-defined]
        if not items:
            return None
        item = items[0]
        item.organization = invoice.organization
        words = waiting_words(item, timezone.now(), waiting=self.context.get("waiting_for_batch", 0))
        return {"status": item.status, "due": item.due, "words": words, "attempts": item.attempts}


class ValueSerializer(serializers.ModelSerializer[InvoiceValue]):
    """What a field holds now and where it comes from."""

    by = serializers.CharField(source="user.username", default=None)

    class Meta:
        model = InvoiceValue
        fields = ["value", "source", "by", "run_id", "confidence", "page", "box", "created"]


class LineSerializer(serializers.ModelSerializer[LineItem]):
    """One line of the invoice's table."""

    class Meta:
        model = LineItem
        fields = [
            "position",
            "description",
            "product_code",
            "quantity",
            "unit",
            "unit_price",
            "amount",
            "tax_rate",
            "cost_code",
            "date",
            "source",
            "confidence",
            "page",
            "box",
        ]


class InvoiceDetailSerializer(InvoiceSerializer):
    """An invoice with every value it holds now, each with its origin, and its lines."""

    values = serializers.SerializerMethodField()
    lines = serializers.SerializerMethodField()

    class Meta(InvoiceSerializer.Meta):
        fields = [*InvoiceSerializer.Meta.fields, "values", "lines"]

    def get_values(self, invoice: Invoice) -> dict[str, Any]:
        """Return the current values by field name."""
        rows = invoice.values.filter(current=True).select_related("user").order_by("field")
        return {row.field: ValueSerializer(row).data for row in rows}

    def get_lines(self, invoice: Invoice) -> Any:
        """Return the table as it holds now, top to bottom."""
        return LineSerializer(invoice.lines.filter(revision=invoice.lines_revision), many=True).data


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """What became of a file that was sent."""

    outcome_words = serializers.CharField(source="get_outcome_display")
    invoice_url: serializers.HyperlinkedRelatedField[Invoice] = serializers.HyperlinkedRelatedField(
        view_name="api:invoice", source="invoice", read_only=True, help_text="Null if it was refused."
    )
    picture_quality = serializers.SerializerMethodField(
        help_text="Null for a PDF, or if there is no invoice."
    )
    keep_url: serializers.HyperlinkedIdentityField = serializers.HyperlinkedIdentityField(
        view_name="api:keep_picture", help_text="POST there to keep a picture that something speaks against."
    )

    class Meta:
        model = Upload
        fields = [
            "id",
            "key",
            "filename",
            "size",
            "sha256",
            "outcome",
            "outcome_words",
            "message",
            "warnings",
            "picture_quality",
            "keep_url",
            "invoice",
            "invoice_url",
            "created",
        ]

    def get_picture_quality(self, upload: Upload) -> dict[str, Any] | None:
        """Return the score of the picture and its measures, each with advice where it is bad."""
        return picture_quality(upload.invoice.document) if upload.invoice else None


class BatchFileSerializer(serializers.ModelSerializer[BatchFile]):
    """One file of a batch."""

    class Meta:
        model = BatchFile
        fields = ["kind", "size", "sha256"]


class BatchSerializer(serializers.ModelSerializer[Batch]):
    """A batch as it stands in a list."""

    url = serializers.HyperlinkedIdentityField(view_name="api:batch", lookup_field="number")
    repeats = serializers.IntegerField(source="repeats.number", default=None)
    created_by = serializers.CharField(source="created_by.username")
    files = BatchFileSerializer(many=True)

    class Meta:
        model = Batch
        fields = [
            "number",
            "url",
            "repeats",
            "reason",
            "invoice_count",
            "line_count",
            "sums",
            "created_by",
            "created",
            "files",
        ]


class BatchLineSerializer(serializers.ModelSerializer[BatchLine]):
    """One invoice of a batch."""

    reference = serializers.IntegerField(source="invoice.reference")

    class Meta:
        model = BatchLine
        fields = ["invoice", "reference", "vendor_name", "pay_period", "currency", "total"]


class BatchDetailSerializer(BatchSerializer):
    """A batch with its invoices (at most `exports.services.LARGEST_BATCH`)."""

    invoices = BatchLineSerializer(source="lines", many=True)

    class Meta(BatchSerializer.Meta):
        fields = [*BatchSerializer.Meta.fields, "invoices"]
