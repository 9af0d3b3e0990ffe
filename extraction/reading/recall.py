"""Evidence from memory: earlier invoices of the same layout speak for or against the reader's candidates."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from pathlib import Path

from rapidfuzz import fuzz

from extraction.memory import (
    SAME_LAYOUT,
    STEADY,
    STRONG,
    FieldMemory,
    Places,
    VendorMemory,
    is_near,
    is_same_anchor,
    is_same_value,
    kind_of,
    shape_of,
    similarity,
)
from extraction.reading.header import Candidate
from extraction.reading.lexicon import key_of
from extraction.reading.lines import Page, union_box
from extraction.reading.values import Value

WEIGHTS = Path(__file__).parent.parent / "weights" / "memory.json"
FEATURES = ("label", "place", "shape", "value", "nothing")
# A value that no rule found but that stands where it always stood begins here (a probability), before evidence.
PROPOSED = 0.25
# Evidence is bounded (log-odds), so that no memory overrides what the page itself says clearly: a hint lifts even odds
# to 77 % at most, a strong memory to 88 %; both lower them to 38 %. Above 0.82 no candidate is passed by a proposal.
MOST = {"hint": 1.2, "strong": 2.0}
LEAST = -0.5
PARTY_FIELDS = (
    "vendor_name",
    "vendor_address",
    "vendor_phone",
    "vendor_email",
    "customer_name",
    "customer_address",
    "ship_to_address",
)


@cache
def _weights() -> Mapping[str, tuple[float, ...]]:
    """Load the log-odds of each feature, for a hint and for a strong memory; the file says where they come from."""
    content = json.loads(WEIGHTS.read_text("utf-8"))
    return {level: tuple(content[level][name] for name in FEATURES) for level in ("hint", "strong")}


Observer = Callable[[str, Candidate, float, tuple[float, ...]], None]
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Let ``observer`` see every candidate that memory speaks about: field, candidate, level, features."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def mixture(level: float) -> tuple[float, float]:
    """Return how a memory's level (0..3) is made of a hint (1) and a strong one (3)."""
    if level <= 1:
        return level, 0.0
    strong = (min(level, STRONG) - 1) / (STRONG - 1)
    return 1 - strong, strong


class Recall:
    """What the memories say about one document's candidates."""

    def __init__(
        self,
        memories: Sequence[VendorMemory],
        phrases: frozenset[str],
        pages: Sequence[Page],
        values: Sequence[Value],
    ) -> None:
        """Take the memories that fit the document's layout.

        :param memories: those found under the document's keys, the surest key first.
        :param phrases: the document's own layout (``memory.Keys.phrases``).
        """
        self.memory: dict[str, FieldMemory] = {}
        for one in memories:
            if similarity(one.phrases, phrases) < SAME_LAYOUT:
                continue
            for name, held in one.fields.items():
                if held.level > self.memory.get(name, _NOTHING).level:
                    self.memory[name] = held
        self._places = Places(pages) if self.memory else None
        self._values = values

    def apply(
        self, found: Mapping[str, Sequence[Candidate]], names: Sequence[str]
    ) -> dict[str, list[Candidate]]:
        """Return the candidates with their scores moved by evidence and with proposals added, best first.

        Scores are read as probabilities (0..1). Fields that nothing is remembered of stay as they are.
        """
        result = {name: list(candidates) for name, candidates in found.items()}
        for name in names:
            held = self.memory.get(name)
            if held is None or held.level <= 0:
                continue
            offered = [*result.get(name, []), *self._proposals(name, held, result.get(name, []))]
            moved = [replace(c, score=self._moved(name, c, held)) for c in offered]
            if moved:
                result[name] = sorted(moved, key=lambda c: -c.score)
        return result

    def features_of(self, name: str, candidate: Candidate, held: FieldMemory) -> tuple[float, ...]:
        """Return in which respects (:data:`FEATURES`, 0..1) a candidate is as remembered."""
        assert self._places is not None  # noqa: S101 - candidates are only asked about where something is remembered
        anchors = self._places.anchors_of(candidate.place)
        label = float(any(is_same_anchor(a, b) for a in anchors for b in held.anchors))
        box = candidate.box
        place = float(is_near(held, candidate.page, box.x0, box.x1, box.center[1]))
        shape = _same_shape(shape_of(candidate.text), held.shape) if held.shape else 0.0
        value = float(name in STEADY and is_same_value(name, candidate.value, held.value))
        return label, place, shape, value, float(not (label or place or value))

    def _moved(self, name: str, candidate: Candidate, held: FieldMemory) -> float:
        hint, strong = mixture(held.level)
        weights, features = _weights(), self.features_of(name, candidate, held)
        if (observer := _observer.get()) is not None:
            observer(name, candidate, held.level, features)
        evidence = sum(
            feature * (hint * a + strong * b)
            for feature, a, b in zip(features, weights["hint"], weights["strong"], strict=True)
        )
        score = min(max(candidate.score, 0.01), 0.99)
        most = hint * MOST["hint"] + strong * MOST["strong"]
        odds = math.log(score / (1 - score)) + min(max(evidence, LEAST), most)
        return 1 / (1 + math.exp(-odds))

    def _proposals(self, name: str, held: FieldMemory, known: Sequence[Candidate]) -> list[Candidate]:
        """Return what stands at the remembered words or place in the remembered form and was not yet found."""
        assert self._places is not None  # noqa: S101
        kind = kind_of(name)
        if kind is None:
            return self._named(held, known) if name in ("vendor_name", "customer_name") else []
        proposals = []
        for value in self._values:
            if value.kind != kind or any(c.value == value.value for c in known):
                continue
            place = tuple(t.index for t in value.span.tokens)
            text = value.value.lstrip("-") if kind == "money" else value.value
            candidate = Candidate(
                text, value.text, PROPOSED, value.page, value.box, "", place, value.confidence, value.swapped
            )
            label, near, shape, same, _ = self.features_of(name, candidate, held)
            if kind == "money" and not label:
                continue  # sums move up and down with the lines: what stands in a sum's old place is another sum
            if (same or label or near) and (shape or not held.shape):
                words = self._places.anchors_of(place)
                proposals.append(replace(candidate, label=words[0].text if label else ""))
        return proposals if len(proposals) <= 2 else []

    def _named(self, held: FieldMemory, known: Sequence[Candidate]) -> list[Candidate]:
        """Return the remembered name where a line of the page says it."""
        assert self._places is not None  # noqa: S101
        wanted = key_of(held.value)
        if len(wanted) < 4 or any(is_same_value("vendor_name", c.value, held.value) for c in known):
            return []
        for page in self._places.pages.values():
            for cell in page.cells:
                if len(key_of(cell.text)) >= len(wanted) - 1 and (
                    fuzz.partial_ratio(wanted, key_of(cell.text)) >= 90
                ):
                    place = tuple(t.index for t in cell.tokens)
                    ocr = min(t.confidence for t in cell.tokens)
                    return [
                        Candidate(
                            held.value,
                            cell.text,
                            PROPOSED,
                            cell.page,
                            union_box(cell.tokens),
                            "",
                            place,
                            ocr,
                        )
                    ]
        return []


_NOTHING = FieldMemory(confirmations=0)


def _same_shape(first: str, second: str) -> float:
    """Compare two shapes: 1 if equal, 0.5 if only runs differ in length (INV-99 beside INV-100)."""
    if first == second:
        return 1.0
    return 0.5 if _runs(first) == _runs(second) else 0.0


def _runs(shape: str) -> str:
    return "".join(c for k, c in enumerate(shape) if k == 0 or shape[k - 1] != c)
