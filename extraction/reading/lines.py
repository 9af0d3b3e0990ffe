"""Page layout from words: rows, cells and blocks.

Distances are in *em*, the height of a line of the page's usual letters, so that a thumbnail, a scan and a
text layer are measured alike. x is stretched by the page's aspect ratio first, because
page-relative x and y are not the same length.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from extraction.schema import Box, PageImage, Word

# A line of ordinary print is about this many times as high as its characters are wide.
_EM_PER_CHARACTER = 2.3
# Gaps wider than this (in word heights) part two cells of a row; a word space is about 0.3, a justified one up to 0.7.
CELL_GAP = 0.85
_TOGETHER_GAP = 1.5
_SPACED_GAP = 2.2  # between letters set apart, over the gap between their words
# Lines of one paragraph or address are at most this far apart (white space in word heights).
BLOCK_GAP = 0.95

_GLUED = re.compile(r"^(?P<label>[^\W\d](?:.*[^\W\d])?[.)]?\s?:)(?P<value>[^/\s:].*)$")


# What is written right after a printed label without a colon: "estimadoE4933", "Date03/14/2026", "(orden)4933".
_WRITTEN_ON = re.compile(
    r"(?i)^(?P<label>(?:estimado|orden|trabajo|factura|n[úu]mero|fecha|total|presupuesto|number|order|estimate|invoice"
    r"|date|folio|\(?[^\W\d_]+\)))(?P<value>[A-Z]?\d[\d.,/-]{2,})$"
)
_NUMBER_SIGN = re.compile(r"^(n[°ºo]|nr\.|no\.)(\d[\w/-]*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or the part of one before or after a colon or number sign.

    ``x0 .. y1`` are in em, straightened; ``box`` is the place on the page. What else it says is its word's
    (``extraction.schema.Word``).
    """

    text: str
    page: int
    index: int
    x0: float
    y0: float
    x1: float
    y1: float
    box: Box
    confidence: float
    line: int = 0
    least: float = 1.0
    disputed: bool = False
    readings: tuple[tuple[str, float], ...] = ()

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def cy(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def reading(self) -> float:
        """The share of the votes (0..1) for what it is read as; 1 where it was not looked at again."""
        return self.readings[0][1] if self.readings else 1.0


@dataclass(frozen=True, slots=True)
class Cell:
    """Words of one row with nothing but word spaces between them."""

    page: int
    row: int
    tokens: tuple[Token, ...]
    text: str
    starts: tuple[int, ...]
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def cx(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def cy(self) -> float:
        return (self.y0 + self.y1) / 2

    def tokens_between(self, start: int, end: int) -> tuple[Token, ...]:
        """Return the tokens that the characters ``start`` to ``end`` of ``text`` touch."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = bisect_right(self.starts, max(end - 1, start))
        return self.tokens[first:last]

    def span_of(self, first: int, last: int) -> tuple[int, int]:
        """Return the character span of tokens ``first`` to ``last`` (inclusive)."""
        return self.starts[first], self.starts[last] + len(self.tokens[last].text)


@dataclass(slots=True)
class Page:
    """One page's layout; ``width`` and ``height`` are in em."""

    number: int
    width: float
    height: float
    rows: list[list[Cell]] = field(default_factory=list)
    blocks: list[list[Cell]] = field(default_factory=list)

    @property
    def cells(self) -> list[Cell]:
        return [cell for row in self.rows for cell in row]

    def text_of_row(self, row: int) -> str:
        return "  ".join(cell.text for cell in self.rows[row])


def lay_out(pages: Sequence[tuple[PageImage, Sequence[Word]]]) -> list[Page]:
    """Arrange the words of a document's pages into rows, cells and blocks."""
    result = []
    index = 0
    for image, words in pages:
        page, index = _lay_out_page(image, words, index)
        result.append(page)
    return result


def union_box(tokens: Iterable[Token]) -> Box:
    """Return the box on the page that holds all tokens."""
    boxes = [token.box for token in tokens]
    box = boxes[0]
    for other in boxes[1:]:
        box = box.union(other)
    return box


def _lay_out_page(image: PageImage, words: Sequence[Word], index: int) -> tuple[Page, int]:
    words = [w for w in words if w.text.strip() and w.box.width > 0 and w.box.height > 0]
    aspect = image.width / max(image.height, 1)
    if not words:
        return Page(image.number, 60 * aspect, 60), index
    em, stretch = _measure(words, aspect)
    slope = _slope(words, aspect)
    tokens: list[Token] = []
    for word in words:
        for text, box in split_word(word):
            x0, x1 = box.x0 * aspect / em, box.x1 * aspect / em
            middle = box.center[1] / em - slope * (x0 + x1) / 2
            half = box.height / em * stretch / 2
            tokens.append(
                Token(
                    text,
                    image.number,
                    index,
                    x0,
                    middle - half,
                    x1,
                    middle + half,
                    box,
                    word.confidence,
                    word.line,
                    word.least,
                    word.disputed,
                    word.readings if text == word.text else (),
                )
            )
            index += 1
    page = Page(image.number, aspect / em, 1 / em)
    for number, row in enumerate(_rows(tokens)):
        page.rows.append(_cells(row, image.number, number))
    page.blocks = _blocks(page.cells)
    return page, index


def _measure(words: Sequence[Word], aspect: float) -> tuple[float, float]:
    """Return the em (in page heights) and the factor that brings the words' boxes to a common height.

    Text layers box the ink of a word, recognisers a whole line with its margins; the width of a
    character is alike in both, so that the em is taken from it.
    """
    widths = [w.box.width * aspect / len(w.text) for w in words if len(w.text) >= 3]
    height = statistics.median(w.box.height for w in words)
    if len(widths) < 5:
        return height, 1.0
    em = statistics.median(widths) * _EM_PER_CHARACTER
    em = min(max(em, height * 0.8), height * 2.0)
    return em, em / height


def split_word(word: Word) -> list[tuple[str, Box]]:
    """Part ``DATE:11/15/2019`` and ``#1234`` into label and value, sharing the box by characters."""
    text = unicodedata.normalize("NFKC", word.text).strip()
    pieces: list[str] = []
    glued = _GLUED.match(text)
    if (
        glued
        and len(glued["label"]) > 2
        and "://" not in text
        and not text.lower().startswith(("http", "www"))
    ):
        pieces = [glued["label"], glued["value"]]
    elif word.confidence < 1 and (written := _WRITTEN_ON.match(text)):
        pieces = [written["label"], written["value"]]
    else:
        pieces = [text]
    parted: list[str] = []
    for piece in [p for whole in pieces for p in _NUMBER_SIGN.sub(r"\1\n\2", whole).split("\n")]:
        number = re.match(r"^(?P<head>[^\W\d][^\W\d.]*\.?)?(?P<sign>#)(?P<value>[\w-].*)$", piece)
        parted += [p for p in (number["head"], number["sign"], number["value"]) if p] if number else [piece]
    if len(parted) == 1:
        return [(text, word.box)]
    total = sum(len(p) for p in parted)
    result, done = [], 0
    for piece in parted:
        x0 = word.box.x0 + word.box.width * done / total
        done += len(piece)
        result.append((piece, Box(x0, word.box.y0, word.box.x0 + word.box.width * done / total, word.box.y1)))
    return result


def _slope(words: Sequence[Word], aspect: float) -> float:
    """Return the rows' slope (rise per length) from words the recogniser put on one line."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    slopes = []
    for line in lines.values():
        first, last = line[0], line[-1]
        run = (last.box.center[0] - first.box.center[0]) * aspect
        rise = last.box.center[1] - first.box.center[1]
        if run > 0.1 and abs(rise) < 0.15 * run:
            slopes.append(rise / run)
    return statistics.median(slopes) if len(slopes) >= 5 else 0.0


def _rows(tokens: list[Token]) -> list[list[Token]]:
    """Group tokens whose middles lie within half a line of each other."""
    rows: list[list[Token]] = []
    centers: list[float] = []
    for token in sorted(tokens, key=lambda t: t.cy):
        best = None
        for k in range(len(rows) - 1, max(len(rows) - 4, -1), -1):
            distance = abs(centers[k] - token.cy)
            height = min(token.height, statistics.fmean(t.height for t in rows[k][-3:]))
            if distance < 0.5 * max(height, 0.5) and (
                best is None or distance < abs(centers[best] - token.cy)
            ):
                best = k
        if best is None:
            rows.append([token])
            centers.append(token.cy)
        else:
            rows[best].append(token)
            centers[best] += (token.cy - centers[best]) / len(rows[best])
    order = sorted(range(len(rows)), key=lambda k: centers[k])
    return [sorted(rows[k], key=lambda t: t.x0) for k in order]


def _cells(row: list[Token], page: int, number: int) -> list[Cell]:
    groups: list[list[Token]] = []
    for token in row:
        previous = groups[-1][-1] if groups else None
        limit = 0.0
        if previous is not None:
            # a recogniser that boxed two words as one line saw them together: receipts are set wide
            together = previous.line == token.line and token.confidence < 1
            height = max(min(previous.height, token.height), 0.6)
            spaced = len(previous.text) == len(token.text) == 1 and (previous.text + token.text).isalpha()
            limit = (_SPACED_GAP if spaced else _TOGETHER_GAP if together else CELL_GAP) * height
        if previous is not None and token.x0 - previous.x1 <= limit:
            groups[-1].append(token)
        else:
            groups.append([token])
    return [make_cell(_join_spaced_letters(group), page, number) for group in groups]


def _join_spaced_letters(tokens: list[Token]) -> list[Token]:
    """Join letters set apart ("I N V O I C E", "S D N  B H D") into words; wider gaps part the words."""
    single = [len(t.text) == 1 for t in tokens]
    if len(tokens) < 5 or sum(single) < 0.75 * len(tokens):
        return tokens
    gaps = [b.x0 - a.x1 for a, b in pairwise(tokens)]
    usual = statistics.median(gaps)
    joined = [tokens[0]]
    for gap, token in zip(gaps, tokens[1:], strict=True):
        last = joined[-1]
        if gap > max(1.7 * usual, usual + 0.25):
            joined.append(token)
        else:
            joined[-1] = replace(
                last,
                text=last.text + token.text,
                x1=token.x1,
                y0=min(last.y0, token.y0),
                y1=max(last.y1, token.y1),
                box=last.box.union(token.box),
                confidence=min(last.confidence, token.confidence),
            )
    return joined


def make_cell(tokens: Sequence[Token], page: int, row: int) -> Cell:
    """Build a cell from tokens in reading order."""
    starts, position = [], 0
    for token in tokens:
        starts.append(position)
        position += len(token.text) + 1
    return Cell(
        page,
        row,
        tuple(tokens),
        " ".join(t.text for t in tokens),
        tuple(starts),
        min(t.x0 for t in tokens),
        min(t.y0 for t in tokens),
        max(t.x1 for t in tokens),
        max(t.y1 for t in tokens),
    )


def _blocks(cells: list[Cell]) -> list[list[Cell]]:
    """Chain cells that stand closely under one another, aligned left or centred."""
    blocks: list[list[Cell]] = []
    growing: list[list[Cell]] = []  # blocks near enough above to go on
    for cell in cells:
        best, best_gap = None, BLOCK_GAP
        growing = [block for block in growing if cell.y0 - block[-1].y1 < 6]
        for block in growing:
            last = block[-1]
            if last.row == cell.row:
                continue
            height = max(min(last.height, cell.height), 0.6)
            gap = (cell.y0 - last.y1) / height
            aligned = abs(last.x0 - cell.x0) < 1.2 or (abs(last.cx - cell.cx) < 0.8 and len(block) < 12)
            if aligned and -0.6 < gap < best_gap and 0.6 < cell.height / last.height < 1.7:
                best, best_gap = block, gap
        if best is None:
            blocks.append([cell])
            growing.append(blocks[-1])
        else:
            best.append(cell)
    return blocks
