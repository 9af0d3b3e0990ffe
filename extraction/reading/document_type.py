"""What kind of paper a document is, from its title and its words (``labels.toml``, ``[document_types]``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from extraction.fields import DOCUMENT_TYPE_WORDS
from extraction.reading.lexicon import fold
from extraction.reading.lines import Cell, Page

# A title decides over any number of mentions in the text, and the largest title over others.
_TITLE: Final = 10.0
_LARGE_TITLE: Final = 8.0
_SIGN: Final = 1.0
_MOST_SIGNS: Final = 4.0
# What every kind of paper mentions says less than what only one kind does: "Credit invoice".
_WEIGHTS: Final = {"invoice": 1.0, "estimate": 1.0, "purchase_order": 0.5}
_SPECIAL: Final = 1.5
_LONGER: Final = 0.1
_TERMS: Final = re.compile(r"\b(?:up)?on receipt\b|\bdue\b")  # no title: "Due on receipt"
_TITLE_LETTERS: Final = 45
_TITLE_WORDS: Final = 7  # "Job Estimate / Estimado de trabajo"
_TITLE_PLACE: Final = 0.45  # of the page's height


def _pattern(phrases: Sequence[str]) -> re.Pattern[str] | None:
    """Return what matches any of the phrases as whole words, case, accents, spaces and hyphens aside."""
    parts = []
    for phrase in phrases:
        words = [re.escape(word) for word in re.findall(r"[a-z0-9&+]+", fold(phrase))]
        parts.append(("" if phrase.startswith("*") else r"(?<![a-z0-9])") + r"[\W_]{0,3}".join(words))
    return re.compile("(?:" + "|".join(parts) + r")(?![a-z0-9])") if parts else None


_WORDS: Final = {
    name: (_pattern(both["titles"]), _pattern(both["signs"])) for name, both in DOCUMENT_TYPE_WORDS.items()
}


@lru_cache(maxsize=20_000)
def names_a_kind_of_paper(text: str) -> bool:
    """Whether a whole line is the title of some kind of document: "Huurfactuur", "Bon de livraison"."""
    folded = fold(text).strip(" *-:.#")
    hits = [title.search(folded) for title, _ in _WORDS.values() if title is not None]
    return any(
        hit is not None and hit.end() == len(folded) and (hit.start() == 0 or " " not in folded)
        for hit in hits
    )


def find_document_type(pages: Sequence[Page]) -> tuple[str, float]:
    """Return the most likely of ``extraction.fields.DOCUMENT_TYPES`` and a raw score (0..1)."""
    scores: dict[str, float] = {}
    signs: dict[str, float] = {}
    for cell, is_title, is_large in _cells(pages):
        text = fold(cell.text)
        for name, (title, sign) in _WORDS.items():
            weight = _WEIGHTS.get(name, _SPECIAL)
            hit = title.search(text) if is_title and title is not None and not _TERMS.search(text) else None
            if hit is not None:
                # of "receipt" and "delivery receipt" the longer phrase is meant
                found = (_TITLE + _LARGE_TITLE * is_large) * weight + _LONGER * len(hit[0])
                scores[name] = max(scores.get(name, 0.0), found)
            elif sign is not None and sign.search(text):
                signs[name] = min(signs.get(name, 0.0) + _SIGN * weight, _MOST_SIGNS)
    if scores.get("invoice") and "estimate" in scores:
        del scores["estimate"]  # a pre-printed form "Estimate / Invoice" asks for money
    for name, found in signs.items():
        scores[name] = scores.get(name, 0.0) + found
    if not scores:
        return "other", 0.3
    best = max(scores, key=lambda k: scores[k])
    return best, scores[best] / (sum(scores.values()) + 1.0)


def _cells(pages: Sequence[Page]) -> Iterator[tuple[Cell, bool, bool]]:
    """Yield cells that may name the kind of paper, whether each is a title, and whether it is a large one."""
    for page in pages[:2]:
        heights = sorted(cell.height for cell in page.cells)
        usual = heights[len(heights) // 2] if heights else 1.0
        for cell in page.cells:
            if len(cell.text) > 160:
                continue
            short = len(cell.text) < _TITLE_LETTERS and cell.y0 < page.height * _TITLE_PLACE
            large = short and cell.height > 1.25 * usual
            alone = short and len(cell.text.split()) <= _TITLE_WORDS and not re.search(r"[:#\d]", cell.text)
            alone = alone and not _labels_a_value(cell, page)
            yield cell, page.number == 0 and (large or alone), large


def _labels_a_value(cell: Cell, page: Page) -> bool:
    """Whether a number stands right of a cell or below it: "Purchase order" over "P-2291" is that number's label."""
    if any(c.x0 > cell.x1 and re.search(r"\d", c.text) for c in page.rows[cell.row]):
        return True
    block = next((b for b in page.blocks if any(c is cell for c in b)), [])
    below = next((c for c in block if c.y0 > cell.y0), None)
    return below is not None and sum(map(str.isdigit, below.text)) > len(below.text) / 3
