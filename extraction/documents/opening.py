"""From a file's bytes to pages, without letting the file near this process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extraction.schema import Box, PageImage, Word

from . import sandbox
from .formats import FORMATS, SNIFFED_BYTES, detect_format
from .limits import DEFAULT_LIMITS, MEGABYTE, Limits
from .quality import MEASURES, Measure, Quality
from .refusal import TOO_LARGE, DocumentRefused, SandboxUnavailable

THUMBNAIL_SIDE = 320


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file is, seen before it is read.

    ``kind`` is one of ``pdf, png, jpeg, tiff, heic``; ``media_type`` and ``extension`` follow from it, never from what
    the client said. ``size`` is in bytes. ``thumbnail`` is the first page as a JPEG of at most 320 pixels a side.
    ``quality`` is given for pictures, not for PDF. ``peak_memory`` (bytes) and ``seconds`` are what looking at it cost.
    """

    kind: str
    media_type: str
    extension: str
    pages: int
    size: int
    sha256: str
    thumbnail: bytes
    quality: Quality | None = None
    peak_memory: int = 0
    seconds: float = 0.0


def inspect(document: bytes | Path, limits: Limits = DEFAULT_LIMITS) -> Inspection:
    """Find out what a file is and whether it can be opened: type, pages, a thumbnail, a photo's quality.

    :raises DocumentRefused: if it is not a document that can be read; the message is fit for a user.
    :raises SandboxUnavailable: if the process that opens documents could not be started.
    """
    data = _load(document, limits)
    kind = detect_format(data[:SNIFFED_BYTES])
    answer = sandbox.run(
        {"do": "inspect", "kind": kind.kind, "thumbnail": THUMBNAIL_SIDE},
        data,
        limits,
        seconds=limits.inspect_seconds,
    )
    found, thumbnail = answer.frames[0]
    return Inspection(
        kind=kind.kind,
        media_type=kind.media_type,
        extension=kind.extension,
        pages=int(found["pages"]),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        thumbnail=thumbnail,
        quality=_quality(found["quality"]) if found["quality"] else None,
        peak_memory=answer.usage.peak_memory,
        seconds=answer.usage.seconds,
    )


def open_pages(
    document: bytes | Path, limits: Limits = DEFAULT_LIMITS, *, as_taken: bool = False
) -> list[PageImage]:
    """Render every page of a file, with the words of its text layer where that is sound.

    Of a photograph the page is the sheet of paper that it shows, laid flat, if that is surely found.

    :param as_taken: leave photographs as they were taken; to measure what laying them flat earns.
    :raises DocumentRefused: if it can't be opened within the limits; the message is fit for a user.
    :raises SandboxUnavailable: if the process that opens documents could not be started.
    """
    data = _load(document, limits)
    kind = detect_format(data[:SNIFFED_BYTES])
    task = {"do": "open", "kind": kind.kind, "flat": not as_taken}
    answer = sandbox.run(task, data, limits, seconds=limits.open_seconds)
    return [
        PageImage(
            number=int(found["number"]),
            width=int(found["width"]),
            height=int(found["height"]),
            picture=picture,
            rotation=int(found["rotation"]),
            unread=tuple(Box(*place) for place in found["unread"]),
            outline=tuple((float(x), float(y)) for x, y in found["outline"]),
            text_words=None
            if found["words"] is None
            else tuple(
                Word(text=str(text), box=Box(*place), line=int(line)) for text, line, *place in found["words"]
            ),
        )
        for found, picture in answer.frames
    ]


def media_type_of(kind: str) -> str:
    """Return the media type of one of the kinds that :class:`Inspection` names."""
    return FORMATS[kind].media_type


def _quality(found: dict[str, Any]) -> Quality:
    """Take what the child says of a picture; it may have been taken over, so nothing but the right types passes."""
    measures = tuple(
        Measure(str(m["name"]), max(0.0, min(1.0, float(m["score"]))), str(m["advice"]))
        for m in found["measures"]
    )
    if tuple(measure.name for measure in measures) != MEASURES:
        raise SandboxUnavailable(
            "The process that opens documents answered with other measures than asked for."
        )
    return Quality(int(found["width"]), int(found["height"]), measures)


def _load(document: bytes | Path, limits: Limits) -> bytes:
    size = len(document) if isinstance(document, bytes) else document.stat().st_size
    if size > limits.file_bytes:
        raise DocumentRefused(
            TOO_LARGE,
            f"The file has {size / MEGABYTE:,.1f} MB; at most {limits.file_bytes // MEGABYTE} MB can be uploaded. "
            "Split it, or scan it at 200 to 300 dpi.",
        )
    return document if isinstance(document, bytes) else document.read_bytes()
