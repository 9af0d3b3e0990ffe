"""What people may say about a file before anybody has read it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from extraction.fields import normalise
from invoiceapp.records.models import Invoice
from invoiceapp.records.money import to_amount

# What file dialogs offer; what a file really is, its bytes say.
ACCEPT = ",".join(
    [
        *("application/pdf", "image/jpeg", "image/png", "image/tiff", "image/heic", "image/heif"),
        *(".pdf", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".heic", ".heif"),
    ]
)


class StatedForm(forms.Form):
    """Work order, total and urgency as the uploader states them; all of it optional."""

    work_order = forms.CharField(
        required=False,
        max_length=Invoice._meta.get_field("stated_work_order").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    total = forms.CharField(
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "decimal"}),
    )
    urgent = forms.BooleanField(required=False)

    def clean_total(self) -> Decimal | None:
        text = self.cleaned_data["total"].strip()
        if not text:
            return None
        amount = normalise("total", text)
        if amount is None:
            raise forms.ValidationError(f"“{text}” is not an amount. Write it like 1,450.00.")
        try:
            return to_amount(amount)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def stated(self) -> dict[str, Any]:
        """Return the keyword arguments of `services.receive`."""
        return {
            "stated_work_order": self.cleaned_data["work_order"].strip(),
            "stated_total": self.cleaned_data["total"],
            "urgent": self.cleaned_data["urgent"],
        }


class FileForm(StatedForm):
    """One file, sent by static/js/upload.js.

    A file that the browser sees is too large is not sent; its name and size come instead, so that it
    has its row like every other.
    """

    key = forms.UUIDField()
    file = forms.FileField(required=False, allow_empty_file=True, max_length=None)
    filename = forms.CharField(required=False, max_length=1000)
    size = forms.IntegerField(required=False, min_value=0, max_value=2**62)
    replaces = forms.IntegerField(required=False, min_value=1, max_value=2**62)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("file") is None and "file" not in self.errors:
            if not cleaned.get("filename") or (cleaned.get("size") or 0) <= settings.UPLOAD_MAX_BYTES:
                raise forms.ValidationError("No file arrived. Choose it again.")
            cleaned["file"] = UploadedFile(name=cleaned["filename"], size=cleaned["size"])
        return cleaned
