"""Labelled documents as training material: their words, read once and kept; the truth brought down to words."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from extraction.evaluation.comparison import is_right
from extraction.fields import FIELDS, LINE_ITEM_FIELDS
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Token
from extraction.reading.survey import Survey, survey
from extraction.schema import Box, Hints, PageImage, Word, on_page

TAGS: tuple[str, ...] = (
    "",
    *(name for name in FIELDS if name not in ("document_type", "currency")),
    *(f"line:{name}" for name in LINE_ITEM_FIELDS),
)
"""What the encoder tells words apart by; the first is "nothing of interest"."""

# A word belongs to a box of the truth if its middle lies in it, give or take this share of the page: a recogniser's
# boxes and those of a page set straight again are a little off.
_MARGIN = 0.012
_SIMILAR = 65


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled document whose words have been read; ``truth`` is its line of ``truth.jsonl``."""

    name: str
    truth: Mapping[str, Any]
    pages: Sequence[tuple[PageImage, Sequence[Word]]]

    def survey(self) -> Survey:
        return survey(self.pages, Hints())


def read_corpus(folder: Path, cache: Path, *, processes: int = 1) -> Iterator[Example]:
    """Yield the documents of a folder with their words; what was read before is taken from ``cache``.

    Interrupt it at any time: the next call goes on with what is missing.

    :raises FileNotFoundError: if the folder holds no ``truth.jsonl``.
    """
    lines = [
        json.loads(line) for line in (folder / "truth.jsonl").read_text("utf-8").splitlines() if line.strip()
    ]
    cache.mkdir(parents=True, exist_ok=True)
    work = [(folder / line["file"], cache / (line["file"].replace("/", "_") + ".pickle")) for line in lines]
    missing = [pair for pair in work if not pair[1].exists()]
    if missing:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            for number, _ in enumerate(pool.imap_unordered(_keep_words, missing, chunksize=8), start=1):
                if number % 100 == 0 or number == len(missing):
                    sys.stderr.write(f"{number}/{len(missing)} documents read\n")
    for line, (_, kept) in zip(lines, work, strict=True):
        pages = pickle.loads(kept.read_bytes())  # noqa: S301 - our own cache
        if pages is not None:
            yield Example(line["file"], _on_pages(line, [page for page, _ in pages]), pages)


def _on_pages(truth: Mapping[str, Any], pages: Sequence[PageImage]) -> Mapping[str, Any]:
    """Return the truth with its boxes where they lie on the pages that were laid flat from photographs."""
    # Pages that were kept before there was an outline lie as they were taken.
    outlines = {page.number: getattr(page, "outline", ()) for page in pages}
    if not any(outlines.values()):
        return truth

    def moved(box: Sequence[float], page: int) -> list[float]:
        return on_page(Box(*box), outlines.get(page, ())).as_list()

    boxes = {
        name: [{**place, "box": moved(place["box"], place["page"])} for place in places]
        for name, places in (truth.get("boxes") or {}).items()
    }
    lines = [
        {
            **line,
            "boxes": {
                name: moved(box, line.get("page", 0)) for name, box in (line.get("boxes") or {}).items()
            },
        }
        for line in truth.get("line_items") or ()
    ]
    return {**truth, "boxes": boxes, "line_items": lines}


def _keep_words(pair: tuple[Path, Path]) -> None:
    from extraction.documents import DocumentRefused, open_pages
    from extraction.reading.words import read_words

    source, kept = pair
    try:
        read = [read_words(page) for page in open_pages(source)]
    except DocumentRefused:
        pages = None
    else:
        pages = [(replace(page, picture=b"", text_words=None), words) for page, words in read]
    partial = kept.with_suffix(".partial")
    partial.write_bytes(pickle.dumps(pages))
    partial.rename(kept)


def tags_of(document: Survey, truth: Mapping[str, Any]) -> dict[int, int]:
    """Return, per token index, the number of its tag in :data:`TAGS`; tokens without one are absent."""
    number = {name: k for k, name in enumerate(TAGS)}
    tags: dict[int, int] = {}
    tokens = {page.number: [t for cell in page.cells for t in cell.tokens] for page in document.layout}
    for line in truth.get("line_items") or ():
        for column, box in (line.get("boxes") or {}).items():
            if f"line:{column}" in number:
                for token in _inside(tokens.get(line.get("page", 0), ()), box):
                    tags[token.index] = number[f"line:{column}"]
    for name, places in (truth.get("boxes") or {}).items():
        if name not in number:
            continue
        for place in places:
            words = [key_of(w) for w in place["text"].split()]
            for token in _inside(tokens.get(place["page"], ()), place["box"]):
                if _is_part(token, words):
                    tags[token.index] = number[name]
    # a typed value that equals the truth near no box (a page set straight): only where the page has no boxed one
    tagged = {TAGS[k] for k in tags.values()}
    for name, value in (truth.get("fields") or {}).items():
        if (
            name in number
            and value is not None
            and name not in tagged
            and FIELDS[name].kind in ("id", "date", "money")
        ):
            hits = [
                v for v in document.values if v.kind == FIELDS[name].kind and is_right(name, value, v.value)
            ]
            if len(hits) == 1:
                for token in hits[0].span.tokens:
                    tags.setdefault(token.index, number[name])
    return tags


def _inside(tokens: Sequence[Token], box: Sequence[float]) -> list[Token]:
    x0, y0, x1, y1 = box
    found = []
    for token in tokens:
        x, y = token.box.center
        if x0 - _MARGIN < x < x1 + _MARGIN and y0 - _MARGIN / 2 < y < y1 + _MARGIN / 2:
            found.append(token)
    return found


def _is_part(token: Token, words: Sequence[str]) -> bool:
    key = key_of(token.text)
    if not key:
        return False
    whole = "".join(words)
    return key in whole or any(fuzz.ratio(key, word) >= _SIMILAR for word in words if word)
