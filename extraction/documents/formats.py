"""What a file really is, from its first bytes; its name and the type a client states are never asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .refusal import EMPTY, NOT_A_DOCUMENT, XML_INVOICE, DocumentRefused

SNIFFED_BYTES: Final = 4096

ACCEPTED: Final = "PDF, JPEG, PNG, TIFF or HEIC"


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that can be opened; ``pillow`` is Pillow's name for it, empty for PDF."""

    kind: str
    media_type: str
    extension: str
    pillow: str = ""


PDF: Final = Format("pdf", "application/pdf", "pdf")
PNG: Final = Format("png", "image/png", "png", "PNG")
JPEG: Final = Format("jpeg", "image/jpeg", "jpg", "JPEG")
TIFF: Final = Format("tiff", "image/tiff", "tif", "TIFF")
HEIC: Final = Format("heic", "image/heic", "heic", "HEIF")

FORMATS: Final = {f.kind: f for f in (PDF, PNG, JPEG, TIFF, HEIC)}

# Brands of ISO 23008-12 that hold HEVC still pictures; 'avif' is another codec and is not among them.
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# Files people do send by mistake, told apart so that the message can say what to do.
_KNOWN_OTHERS: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Office file (Word, Excel)", "Unpack it, or save it as PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Office file or an Outlook message", "Save it as PDF"),
    (b"GIF8", "a GIF picture", "Save it as PNG or JPEG"),
    (b"BM", "a BMP picture", "Save it as PNG or JPEG"),
    (b"{\\rtf", "an RTF text", "Save it as PDF"),
    (b"Rar!", "a RAR archive", "Unpack it"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it"),
)


def detect_format(head: bytes) -> Format:
    """Return the format of a file from its first :data:`SNIFFED_BYTES` bytes.

    :raises DocumentRefused: ``empty``, ``xml_invoice`` or ``not_a_document``.
    """
    if not head:
        raise DocumentRefused(
            EMPTY, "The file is empty (0 bytes). Save or scan it again and upload the new file."
        )
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        return TIFF
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return HEIC
    # Readers accept up to 1024 bytes of junk before the header (ISO 32000-1, annex H.3.4.1), and mail
    # gateways and old scanners do put some there.
    if b"%PDF-" in head[: 1024 + 5]:
        return PDF
    raise _refuse_other(head)


def _refuse_other(head: bytes) -> DocumentRefused:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"\x00" in text[:200] and text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text[2:].replace(b"\x00", b"")
    lowered = text[:2048].lower()
    if b"<html" in lowered or b"<!doctype html" in lowered:
        what, advice = "a web page (HTML)", "Open it in a browser and print it to PDF"
    elif (
        text.startswith(b"<?xml")
        or b"crossindustryinvoice" in lowered
        or b"oasis:names:specification:ubl" in lowered
    ):
        return DocumentRefused(
            XML_INVOICE,
            "This is an XML file, perhaps an electronic invoice. These can't be read yet: "
            "upload the PDF of the invoice instead.",
        )
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        what, advice = "a WebP picture", "Save it as PNG or JPEG"
    elif head[4:8] == b"ftyp":
        what, advice = "a video or an AVIF picture", "Send a photo as JPEG or HEIC"
    else:
        for magic, name, remedy in _KNOWN_OTHERS:
            if head.startswith(magic):
                what, advice = name, remedy
                break
        else:
            what, advice = "not a document that can be read", "Scan it or save it as PDF"
    return DocumentRefused(NOT_A_DOCUMENT, f"The file is {what}. {advice}, then upload the {ACCEPTED} file.")
