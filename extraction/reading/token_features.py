"""What the encoder sees of each word: its letters hashed, its place, and signs of what it may be.

Digits are all one letter to it, so that it can't learn values by heart; the words that label fields reach it
as the lexicon's meanings beside the letters, so that a phrase added to ``labels.toml`` helps it at once.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from extraction.fields import FIELDS, OTHER_LABELS
from extraction.reading.lexicon import fold
from extraction.reading.lines import Page
from extraction.reading.survey import Survey

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECES: Final = 12
"""Hashed letter groups kept of a word."""
BUCKETS: Final = 16_384
PLACES: Final = 128
"""Steps that a page's width and height are divided into."""
WINDOW: Final = 640
"""Most tokens that are looked at together; a longer page is cut between rows."""

MEANINGS: Final = (*FIELDS, *(f"~{name}" for name in OTHER_LABELS))
_KINDS: Final = ("money", "date", "id", "percent", "email", "phone", "iban")
_SHAPES: Final = (
    "digits", "letters", "upper", "title", "colon", "currency", "first", "last", "alone", "header", "body", "unsure",
    "front", "back", "pages", "large", "small", "cents", "long", "block_top", "block_below",
)  # fmt: skip
SIGNS: Final = (
    *(f"kind:{k}" for k in _KINDS),
    *(f"shape:{s}" for s in _SHAPES),
    *(f"label:{m}" for m in MEANINGS),
)
FIRST_LABEL_SIGN: Final = len(_KINDS) + len(_SHAPES)

_CURRENCY = re.compile(r"[$£€₹]|\b(?:EUR|USD|GBP|CHF|CAD|AUD|RM|MYR)\b")


@dataclass(frozen=True, slots=True)
class Window:
    """Some rows of a page, ready for the encoder; T tokens in reading order.

    ``tokens`` are the tokens' indexes in the document, ``pieces`` (T, PIECES) hashed letter groups (0: none),
    ``places`` (T, 4) x0, x1, y0, y1 in steps of the page, ``centers`` (T, 2) middles in em,
    ``signs`` (T, signs).
    """

    tokens: NDArray[np.int64]
    pieces: NDArray[np.int64]
    places: NDArray[np.int64]
    centers: NDArray[np.float32]
    signs: NDArray[np.float32]


def windows_of(survey: Survey, signs: Sequence[str] = SIGNS) -> list[Window]:
    """Return all windows of a document in reading order; empty pages have none.

    :param signs: the signs that the encoder was trained with, in its order; later ones are left out.
    """
    at = {name: k for k, name in enumerate(signs)}
    signs_of = _value_signs(survey, at)
    result: list[Window] = []
    for page in survey.layout:
        rows: list[int] = []
        count = 0
        for number, row in enumerate(page.rows):
            size = sum(len(cell.tokens) for cell in row)
            if rows and count + size > WINDOW:
                result.append(_window(page, rows, survey, signs_of, at))
                rows, count = [], 0
            rows.append(number)
            count += size
        if count:
            result.append(_window(page, rows, survey, signs_of, at))
    return result


def _value_signs(survey: Survey, at: Mapping[str, int]) -> dict[int, list[tuple[int, float]]]:
    """Return, per token, which kinds of value and which labels it belongs to."""
    signs: dict[int, list[tuple[int, float]]] = {}
    for value in survey.values:
        place = at[f"kind:{value.kind}"]
        for token in value.span.tokens:
            signs.setdefault(token.index, []).append((place, value.quality))
            if value.kind == "money" and value.quality >= 1:
                signs[token.index].append((at["shape:cents"], 1.0))
    for label in survey.all_labels:
        for meaning in label.meanings:
            known = at.get(f"label:{meaning.name}")
            if known is not None:
                for token in label.tokens:
                    signs.setdefault(token.index, []).append((known, meaning.strength))
    return signs


def _window(
    page: Page,
    rows: Sequence[int],
    survey: Survey,
    signs_of: Mapping[int, Sequence[tuple[int, float]]],
    at: Mapping[str, int],
) -> Window:
    cells = [cell for number in rows for cell in page.rows[number]]
    heights = sorted(cell.height for cell in page.cells)
    usual = heights[len(heights) // 2] or 1.0
    tokens = [(token, cell) for cell in cells for token in cell.tokens]
    count = len(tokens)
    pieces = np.zeros((count, PIECES), dtype=np.int64)
    places = np.zeros((count, 4), dtype=np.int64)
    centers = np.zeros((count, 2), dtype=np.float32)
    signs = np.zeros((count, len(at)), dtype=np.float32)
    in_block = {
        token.index: k for block in page.blocks for k, cell in enumerate(block) for token in cell.tokens
    }
    last_page = len(survey.layout) - 1
    for k, (token, cell) in enumerate(tokens):
        pieces[k] = pieces_of(token.text)
        places[k] = [
            min(max(int(v * PLACES), 0), PLACES - 1)
            for v in (
                token.x0 / page.width,
                token.x1 / page.width,
                token.y0 / page.height,
                token.y1 / page.height,
            )
        ]
        centers[k] = ((token.x0 + token.x1) / 2, token.cy)
        row = signs[k]
        text = token.text
        length = max(len(text), 1)
        row[at["shape:digits"]] = sum(c.isdigit() for c in text) / length
        row[at["shape:letters"]] = sum(c.isalpha() for c in text) / length
        row[at["shape:upper"]] = text.isupper()
        row[at["shape:title"]] = text[:1].isupper()
        row[at["shape:colon"]] = text.endswith(":")
        row[at["shape:currency"]] = bool(_CURRENCY.search(text))
        row[at["shape:first"]] = token is cell.tokens[0]
        row[at["shape:last"]] = token is cell.tokens[-1]
        row[at["shape:alone"]] = len(cell.tokens) == 1
        row[at["shape:header"]] = token.index in survey.table.header_tokens
        row[at["shape:body"]] = token.index in survey.table.body_tokens
        row[at["shape:unsure"]] = 1 - token.confidence
        row[at["shape:front"]] = page.number == 0
        row[at["shape:back"]] = page.number == last_page
        row[at["shape:pages"]] = min(last_page, 4) / 4
        row[at["shape:large"]] = min(max(cell.height / usual - 1, 0), 2)
        row[at["shape:small"]] = min(max(1 - cell.height / usual, 0), 1)
        row[at["shape:long"]] = min(len(cell.tokens), 16) / 16
        below = in_block.get(token.index, 0)
        row[at["shape:block_top"]] = below == 0
        row[at["shape:block_below"]] = min(below, 8) / 8
        for place, strength in signs_of.get(token.index, ()):
            row[place] = max(row[place], strength)
    return Window(np.array([t.index for t, _ in tokens], dtype=np.int64), pieces, places, centers, signs)


@lru_cache(maxsize=50_000)
def pieces_of(text: str) -> tuple[int, ...]:
    """Return ``PIECES`` hashed groups of a word's letters: the whole word, its groups of three; 0 fills up."""
    word = re.sub(r"\d", "0", fold(text)).strip(".,:;()[]")
    word = re.sub(r"0{5,}", "00000", word)
    marked = f"<{word}>"
    groups = [f"={word}", *(marked[k : k + 3] for k in range(max(len(marked) - 2, 1)))][:PIECES]
    hashed = [1 + zlib.crc32(group.encode()) % (BUCKETS - 1) for group in groups]
    return (*hashed, *([0] * (PIECES - len(hashed))))
