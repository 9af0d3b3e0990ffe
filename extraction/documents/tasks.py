"""What the limited child process does with a document: look at it, or open its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from extraction.schema import PageImage

from . import pdf, pictures
from .formats import FORMATS, PDF
from .limits import Limits
from .quality import measure_quality

if TYPE_CHECKING:
    from PIL.Image import Image

Send = Callable[[dict[str, Any], bytes], None]


def perform(task: dict[str, Any], document: bytes, limits: Limits, send: Send) -> None:
    """Do one task and send what it finds.

    :param task: ``{"do": "inspect" or "open", "kind": a key of FORMATS, "thumbnail": pixels, "flat": whether the sheets
        of photographs are laid flat}``
    :raises DocumentRefused: if the document is outside the limits or can't be parsed.
    """
    if task["do"] == "inspect":
        _inspect(task, document, limits, send)
    else:
        for page in _pages(task["kind"], document, limits, flat=bool(task["flat"])):
            words = (
                None
                if page.text_words is None
                else [[w.text, w.line, *w.box.as_list()] for w in page.text_words]
            )
            send(
                {
                    "number": page.number,
                    "width": page.width,
                    "height": page.height,
                    "rotation": page.rotation,
                    "words": words,
                    "unread": [place.as_list() for place in page.unread],
                    "outline": page.outline,
                },
                page.picture,
            )


def _pages(kind: str, document: bytes, limits: Limits, *, flat: bool) -> Iterable[PageImage]:
    if kind == PDF.kind:
        return pdf.read_pages(pdf.open_pdf(document, limits), limits)
    frames = pictures.read_pictures(document, FORMATS[kind], limits, flat=flat)
    return (pictures.page_from(frame, number) for number, frame in enumerate(frames))


def _inspect(task: dict[str, Any], document: bytes, limits: Limits, send: Send) -> None:
    side = int(task["thumbnail"])
    found: dict[str, Any] = {"quality": None}
    if task["kind"] == PDF.kind:
        opened = pdf.open_pdf(document, limits)
        found["pages"] = len(opened)
        image: Image = pdf.preview(opened, limits, side=side)
    else:
        kind = FORMATS[task["kind"]]
        found["pages"] = pictures.count_frames(document, kind, limits)
        frame = next(iter(pictures.read_pictures(document, kind, limits, cleaned=False)))
        image = frame.image
        width, height = pictures.stated_size(document, kind, limits)
        found["quality"] = asdict(measure_quality(image, width=width, height=height, cut=frame.cut))
        image.thumbnail((side, side))
    send(found, pictures.encode_jpeg(image, quality=75))
