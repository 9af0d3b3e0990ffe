"""The values that travel between the parts of the reader.

Everything here is immutable, knows nothing of Django or of any model library,
and describes places on a page **page-relative**: x and y run from 0 to 1, the
origin is the top left corner, so that a box means the same on a thumbnail, on
a 300 dpi scan and in the browser.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from PIL.Image import Image

    from extraction.memory import VendorMemory
    from extraction.office import Office


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle on a page.

    ``x0, y0`` is the top left and ``x1, y1`` the bottom right corner, as
    fractions (0..1) of the page's width and height.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def union(self, other: Box) -> Box:
        """Return the smallest box that holds both."""
        return Box(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    def as_list(self) -> list[float]:
        """Return ``[x0, y0, x1, y1]`` rounded to five places (0.1 px on a 10,000 px page)."""
        return [round(v, 5) for v in (self.x0, self.y0, self.x1, self.y1)]


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it stands on a page.

    ``confidence`` is the recogniser's own score (0..1), the mean of its letters; words of a PDF's text
    layer carry 1.0. ``line`` numbers the words of one text line alike, in
    reading order within the page. ``least`` is the score of its least sure letter;
    ``disputed`` says that two recognisers read its line and differ over this word. ``readings`` are the texts that
    it may be, likeliest first, with their shares of the votes, where it was looked at again
    (``reading.second_look``); the scores stay the recogniser's.
    """

    text: str
    box: Box
    confidence: float = 1.0
    line: int = 0
    least: float = 1.0
    disputed: bool = False
    readings: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page, opened and upright, before anything has been read.

    ``number`` counts from 0; ``width`` and ``height`` are in pixels. ``picture``
    is the page as an encoded JPEG or PNG, so that a hundred pages fit in memory;
    only the page at work is decoded. ``text_words`` are the words of the PDF's
    own text layer if it has one that is sound, else ``None`` and the reader must
    recognise the picture. ``rotation`` is the clockwise turn in degrees that has
    already been applied to make the page upright. ``unread`` are the places where the
    page shows writing that ``text_words`` do not cover: a letterhead or a footer that is a picture. ``outline`` is
    where the page was found on a photograph: its corners (x, y) as fractions of the upright picture as it was taken,
    clockwise
    from the page's top left; empty if the page is the whole picture. ``photographed`` says of a page that was set
    upright to be recognised that it was photographed (``reading.words``).
    """

    number: int
    width: int
    height: int
    picture: bytes
    text_words: tuple[Word, ...] | None = None
    rotation: int = 0
    unread: tuple[Box, ...] = ()
    outline: tuple[tuple[float, float], ...] = ()
    photographed: bool = False

    def open_image(self) -> Image:
        """Decode the picture into an RGB image."""
        from PIL import Image

        return Image.open(io.BytesIO(self.picture), formats=["JPEG", "PNG"]).convert("RGB")


def on_page(box: Box, outline: Sequence[tuple[float, float]]) -> Box:
    """Return where a place of a photograph as it was taken lies on the page that was laid flat from it.

    :param outline: of the page (:class:`PageImage`); empty leaves the place where it is. Bends are left out of account.
    :returns: the upright rectangle around the moved place, within the page.
    """
    if not outline:
        return box
    import numpy as np

    # The homography that takes the outline's corners to the page's: eight equations, two for each corner.
    rows, targets = [], []
    for (x, y), (u, v) in zip(outline, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        targets += [u, v]
    matrix = np.append(np.linalg.solve(np.array(rows, float), np.array(targets, float)), 1.0).reshape(3, 3)
    corners = np.array([(x, y, 1.0) for x in (box.x0, box.x1) for y in (box.y0, box.y1)]) @ matrix.T
    places = (corners[:, :2] / corners[:, 2:]).clip(0, 1)
    (x0, y0), (x1, y1) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
    return Box(x0, y0, x1, y1)


@dataclass(frozen=True, slots=True)
class Alternative:
    """A further candidate for a field, less likely than the value chosen; ``reader`` names another reader it is of."""

    value: str
    text: str
    confidence: float
    page: int | None = None
    box: Box | None = None
    reader: str = ""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """What a reader found for one field of the catalogue (``extraction.fields``).

    ``value`` is normalised as docs/fields.md says (money as a plain decimal with
    a point, dates ISO 8601, ids and text with white space collapsed), ``text``
    is as printed. ``score`` is the reader's raw score, ``confidence`` the
    calibrated probability (0..1) that ``value`` is right. ``reason`` says in
    plain words what speaks against the value, ``support`` what the office knows that speaks for it (and is not part
    of ``confidence``); they are empty if nothing does. ``grounded`` is false where a
    reader says a value that is not among the words on the page: no threshold lets it pass without a person.

    Where two readers were asked about it (``extraction.cascade``) ``reader`` names the one whose value this is and
    ``second`` the other one; ``agreed`` says whether that one reads the same, and is None if it reads nothing.
    ``held`` values pass no threshold either: two readers differ, or nobody measured how far one of them can be
    believed there.
    """

    name: str
    value: str
    text: str
    confidence: float
    page: int | None = None
    box: Box | None = None
    score: float = 0.0
    alternatives: tuple[Alternative, ...] = ()
    reason: str = ""
    support: str = ""
    grounded: bool = True
    reader: str = ""
    second: str = ""
    agreed: bool | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class LineItemValue:
    """One line of the invoice's table.

    ``values`` maps names of ``extraction.fields.LINE_ITEM_FIELDS`` to normalised
    values; a cell that is not on the page is absent. ``grounded`` is false where a reader says a cell that
    is not among the words of one place on the page.
    """

    values: Mapping[str, str]
    confidence: float = 0.0
    page: int | None = None
    box: Box | None = None
    grounded: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one arithmetic or format rule.

    ``difference`` is in the document's currency, as a plain decimal string, and
    empty for rules that are not about money. ``fields`` are the fields that the
    rule speaks about, ``message`` says in plain words what does not fit and is
    empty where the rule passed.
    """

    rule: str
    passed: bool
    difference: str = ""
    fields: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall time spent on a document, in seconds."""

    total: float = 0.0
    words: float = 0.0
    fields: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked of a model: what it is paid by.

    Tokens count what went in (words and pictures) and what came out; None where a server does not say.
    ``model_seconds`` is the wall time the model worked or the server took to answer; questions that were asked
    together share it. The readers that ask no model leave everything at 0.
    """

    input_tokens: int | None = 0
    output_tokens: int | None = 0
    model_seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        """Return both together; a number that is unknown in one of them stays unknown."""
        return Usage(
            _sum(self.input_tokens, other.input_tokens),
            _sum(self.output_tokens, other.output_tokens),
            self.model_seconds + other.model_seconds,
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


@dataclass(frozen=True, slots=True)
class OwnPrompt:
    """What an organization wants large models to be asked with instead of a shipped prompt.

    ``text`` holds the placeholders of ``extraction.backends.generative.prompts``; ``version`` counts from 1.
    """

    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known about a document before it is read; any of it may be wrong.

    ``country`` is ISO 3166 alpha-2 and decides how 03/04/2026 is understood when
    the page itself does not say; ``currency`` is ISO 4217. ``memory`` is what earlier invoices of the same
    organization taught under the document's keys, the surest key first (``extraction.memory``); ``office`` is
    what its lists and the uploader say. ``prompt`` is the organization's own, for readers that ask a model.
    """

    country: str = "US"
    currency: str = ""
    memory: tuple[VendorMemory, ...] = ()
    office: Office | None = None
    prompt: OwnPrompt | None = None


@dataclass(frozen=True, slots=True)
class OpenedDocument:
    """A document's pages, in order, and what is known about it beforehand."""

    pages: Sequence[PageImage]
    hints: Hints = Hints()


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything a backend found on one document.

    ``words`` holds, per page, the words that were read, so that a person can
    click on them. ``document_type`` is one of ``extraction.fields.DOCUMENT_TYPES``.
    """

    backend: str
    model_version: str
    pages: int
    document_type: str = "invoice"
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    line_items: tuple[LineItemValue, ...] = ()
    checks: tuple[Check, ...] = ()
    words: tuple[tuple[Word, ...], ...] = ()
    seconds: Seconds = Seconds()
    usage: Usage = Usage()


@runtime_checkable
class Backend(Protocol):
    """A reader of documents.

    ``name`` is what settings and the command line call it, ``version`` changes
    whenever the same page could be read differently. A backend is built once
    per process, cheaply; models are loaded at the first ``read``.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def read(self, pages: Sequence[PageImage], hints: Hints) -> Reading:
        """Read one document.

        :raises ReaderError: if the document could not be read at all.
        """
        ...


@runtime_checkable
class BatchBackend(Backend, Protocol):
    """A reader that is faster with several documents at once: one model, one pass for all their pages."""

    @property
    def pages_at_once(self) -> int:
        """How many pages are worth handing over together now; 1 where more would bring nothing."""
        ...

    def read_many(self, documents: Sequence[OpenedDocument]) -> list[Reading | Exception]:
        """Read documents together, each as if it were alone.

        :returns: in their order what was read, or why a document could not be: it never spoils the others.
        """
        ...


class ReaderError(Exception):
    """A reader could not work; the message says what to do about it."""
