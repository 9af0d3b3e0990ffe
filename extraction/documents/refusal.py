"""Why a file could not be opened, in words for the person who sent it."""

from __future__ import annotations

from typing import Final

EMPTY: Final = "empty"
TOO_LARGE: Final = "too_large"
NOT_A_DOCUMENT: Final = "not_a_document"
XML_INVOICE: Final = "xml_invoice"
ENCRYPTED: Final = "encrypted"
DAMAGED: Final = "damaged"
NO_PAGES: Final = "no_pages"
TOO_MANY_PAGES: Final = "too_many_pages"
PAGE_TOO_LARGE: Final = "page_too_large"
TOO_SLOW: Final = "too_slow"
TOO_MUCH_MEMORY: Final = "too_much_memory"

CODES: Final = (
    EMPTY, TOO_LARGE, NOT_A_DOCUMENT, XML_INVOICE, ENCRYPTED, DAMAGED, NO_PAGES, TOO_MANY_PAGES,
    PAGE_TOO_LARGE, TOO_SLOW, TOO_MUCH_MEMORY,
)  # fmt: skip


class DocumentRefused(Exception):
    """A file can't be opened as a document.

    ``code`` is one of :data:`CODES`; ``message`` says in plain words what
    happened and what to do about it, and may be shown to a user as it stands.
    ``peak_memory`` is the most memory in bytes that the process which opened
    the file had used, or ``None`` if it never got that far.
    """

    def __init__(self, code: str, message: str, *, peak_memory: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.peak_memory = peak_memory

    def __repr__(self) -> str:
        return f"DocumentRefused({self.code!r}, {self.message!r})"


class SandboxUnavailable(Exception):
    """The process that opens documents could not be started; it says nothing about the document."""
