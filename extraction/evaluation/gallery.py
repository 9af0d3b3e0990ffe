"""Every mistake of a reader with the place on the page, as HTML files that need nothing but themselves.

They show what the documents hold: they belong beside the documents, never into the repository.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.template import Context, Engine
from PIL import Image, ImageDraw

from extraction.evaluation.measuring import Measured, Result
from extraction.evaluation.metrics import Outcome
from extraction.fields import FIELDS
from extraction.reading.words import upright
from extraction.schema import Box, PageImage, on_page

# How much of the page is shown around a box (shares of its width and height), and how large at most (pixels).
_MARGIN_X, _MARGIN_Y = 0.12, 0.04
_LARGEST = (760, 420)


@dataclass(frozen=True, slots=True)
class Crop:
    """A piece of a page as a data: address, with what a screen reader says of it."""

    address: str
    alt: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One row of the table."""

    document: str
    field: str
    truth: str
    value: str
    confidence: str
    reason: str
    crops: Sequence[Crop]


@dataclass(slots=True)
class Gallery:
    """Collects mistakes while documents are read, so that no page has to be opened twice."""

    mistakes: dict[tuple[str, str], list[Mistake]] = field(default_factory=dict)

    def add(self, measured: Measured) -> None:
        """Keep the mistakes of all readers on one document."""
        turned: dict[int, PageImage] = {}
        for reader, result in measured.results.items():
            rows = self.mistakes.setdefault((reader, measured.document.track), [])
            rows += [_mistake(o, result, measured.pages, turned) for o in result.outcomes if not o.right]

    def write(self, folder: Path) -> Path:
        """Write one file per reader and track and an index; return the index.

        :raises OSError: if the folder can't be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        engine = Engine(dirs=[str(Path(__file__).parent)])
        entries = []
        for number, ((reader, track), mistakes) in enumerate(self.mistakes.items(), start=1):
            title = f"{reader}, {track or 'no track'}"
            name = f"{number}-{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}.html"
            context = Context({"title": f"Mistakes of {title}", "mistakes": mistakes})
            (folder / name).write_text(engine.get_template("mistakes.html").render(context), "utf-8")
            entries.append({"name": name, "title": title, "count": len(mistakes)})
        index = folder / "index.html"
        context = Context({"title": "Mistakes", "entries": entries})
        index.write_text(engine.get_template("mistakes.html").render(context), "utf-8")
        return index


def _mistake(
    outcome: Outcome, result: Result, pages: Sequence[PageImage], turned: dict[int, PageImage]
) -> Mistake:
    found = result.values.get(outcome.field)
    label = FIELDS[outcome.field].label if outcome.field in FIELDS else outcome.field
    crops = []
    if found and found.box and found.page is not None and found.page < len(pages):
        # Boxes of a reading refer to the page set upright; those of the truth to the picture as it was taken.
        if found.page not in turned:
            turned[found.page] = upright(pages[found.page])
        crops.append(_crop(turned[found.page], found.box, "#c2410c", f"{label} as read: {found.text}"))
    for place in result.document.boxes.get(outcome.field, ()):
        number = int(place["page"])
        if number < len(pages):
            alt = f"Where the true {label} stands: {outcome.truth}"
            crops.append(
                _crop(pages[number], on_page(Box(*place["box"]), pages[number].outline), "#15803d", alt)
            )
    return Mistake(
        document=outcome.document,
        field=label,
        truth="(not on the page)" if outcome.truth is None else str(outcome.truth),
        value="(nothing)" if outcome.value is None else outcome.value,
        confidence=f"{100 * outcome.confidence:.0f} %" if found else "",
        reason=result.error or (found.reason if found else ""),
        crops=crops,
    )


def _crop(page: PageImage, box: Box, color: str, alt: str) -> Crop:
    """Cut the box's surroundings out of a page, with the box outlined; boxes may be anything a reader says."""
    image = page.open_image()
    width, height = image.size
    x0, x1 = sorted(min(max(x, 0.0), 1.0) for x in (box.x0, box.x1))
    y0, y1 = sorted(min(max(y, 0.0), 1.0) for y in (box.y0, box.y1))
    outline = [x0 * width - 3, y0 * height - 3, x1 * width + 3, y1 * height + 3]
    ImageDraw.Draw(image).rectangle(outline, outline=color, width=max(2, width // 500))
    piece = image.crop(
        (
            max(0, round((x0 - _MARGIN_X) * width)),
            max(0, round((y0 - _MARGIN_Y) * height)),
            min(width, round((x1 + _MARGIN_X) * width)),
            min(height, round((y1 + _MARGIN_Y) * height)),
        )
    )
    piece.thumbnail(_LARGEST, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    piece.save(buffer, "JPEG", quality=80)
    return Crop(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}", alt)
