"""How much of a file may be opened. The figures come from measurements, see docs/operations.md."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one document and on the process that opens it.

    :param file_bytes: largest file accepted.
    :param pages: most pages (PDF) or frames (TIFF) accepted.
    :param image_pixels: most pixels of an uploaded picture; a 48-megapixel phone photo passes.
    :param rendering_pixels: most pixels a PDF page is rendered to; the scale is chosen to stay below.
    :param page_points: longest side of a PDF page in points (1/72 inch); 14,400 is the largest
        that the PDF standard (ISO 32000-1, annex C.2) lets a writer count on.
    :param open_seconds: wall and processor time for opening all pages.
    :param inspect_seconds: wall and processor time for looking at a file while a person waits.
    :param memory_bytes: address space of the process that opens the file. Measured peaks at these limits: a
        25-megapixel PDF page 415 MB, a 50-megapixel JPEG 215 MB, PNG with transparency 680 MB, with 16 bits 780 MB.
    :param output_bytes: most that the process may hand back.
    """

    file_bytes: int = 25 * MEGABYTE
    pages: int = 100
    image_pixels: int = 50_000_000
    rendering_pixels: int = 25_000_000
    page_points: float = 14_400.0
    open_seconds: int = 60
    inspect_seconds: int = 20
    memory_bytes: int = 1400 * MEGABYTE
    output_bytes: int = 400 * MEGABYTE


DEFAULT_LIMITS = Limits()
