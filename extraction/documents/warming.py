"""Opens a small document of each kind before the first fork, so that no child pays for what is done once.

Every child is a fork of the opener. What parsers set up at their first document (tables, fonts, code that is looked up
when it is called) would be set up in each of them again: a quarter of the time that a small PDF or a photograph takes
(docs/operations.md).
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from .formats import JPEG, PDF
from .limits import DEFAULT_LIMITS
from .tasks import perform

_WORDS: Final = b"BT /F 12 Tf 20 240 Td (Invoice 4711) Tj 0 -20 Td (Total 12.50) Tj ET"
# Without a table of its objects; pdfium finds them.
_PDF: Final = (
    b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n"
) % (len(_WORDS), _WORDS)


def warm_up() -> None:
    """Open a PDF with a text layer and a photograph of a bent sheet, as a child would, and look at the photograph."""
    for kind, document in ((PDF.kind, _PDF), (JPEG.kind, _photograph())):
        for task in ({"do": "open", "flat": True}, {"do": "inspect", "thumbnail": 64}):
            perform({**task, "kind": kind}, document, DEFAULT_LIMITS, lambda _message, _blob: None)


def _photograph() -> bytes:
    """Draw a light sheet with some lines of print on a dark grained table, one side bent."""
    side = 600
    picture = Image.new("RGB", (side, side), (84, 66, 50))
    draw = ImageDraw.Draw(picture)
    bend = [(80 + 440 * t, 90 - 9 * 4 * t * (1 - t)) for t in np.linspace(0, 1, 20)]
    draw.polygon([*bend, (530, 510), (70, 505)], fill=(228, 224, 214))
    for y in range(150, 480, 22):
        draw.text((130, y), "Invoice 4711   Description of work   12.50", fill=(40, 40, 48))
    grain = np.random.default_rng(1).normal(0, 5, (side, side, 3))
    picture = Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
