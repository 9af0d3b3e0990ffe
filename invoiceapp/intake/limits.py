"""Keeps files that are too large off the disk while they arrive."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class DropTooLarge(FileUploadHandler):
    """Lets bytes beyond settings.UPLOAD_MAX_BYTES fall on the floor, and counts them.

    Stands first among the handlers. A file over the limit ends as an empty one whose
    ``size`` is what was sent, so that the answer can name it.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.is_too_large = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if start + len(raw_data) > settings.UPLOAD_MAX_BYTES:
            self.is_too_large = True
        return None if self.is_too_large else raw_data

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        if not self.is_too_large:
            return None
        return UploadedFile(
            file=io.BytesIO(), name=self.file_name, content_type=self.content_type, size=file_size
        )
