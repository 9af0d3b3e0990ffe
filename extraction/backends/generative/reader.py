"""A reader that shows pages to a generative model and takes of its answer what stands on them."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from extraction import rules
from extraction.backends.generative.answers import Answer, AnswerUnusable, Said, parse_answer
from extraction.backends.generative.catalogue import ALL, LINE_ITEMS
from extraction.backends.generative.certainty import Certainty, TokenScore, raw_score, sureness, token_score
from extraction.backends.generative.grounding import Pages, Place
from extraction.backends.generative.pictures import PictureSize, pictures_of
from extraction.backends.generative.prompts import Prompt, as_data, own_prompt
from extraction.fields import FIELDS, LINE_ITEM_FIELDS, Kind, collapse
from extraction.gate import PAYABLE_TYPES, same_value
from extraction.reading import amounts, dates
from extraction.reading.context import Context
from extraction.reading.document_type import find_document_type
from extraction.reading.survey import Survey, survey
from extraction.reading.words import read_words
from extraction.schema import (
    Alternative,
    Check,
    FieldValue,
    Hints,
    LineItemValue,
    OpenedDocument,
    PageImage,
    ReaderError,
    Reading,
    Seconds,
    Usage,
    Word,
)

if TYPE_CHECKING:
    from PIL.Image import Image

Shown = Literal["pictures", "text", "both"]
"""What a model gets to see of a page."""
DISAGREED = 0.5
"""Highest confidence of a value that another page of the document contradicts."""
_LAST_SUMS = ("total", "amount_due", "tax_amount", "subtotal")
_UNGROUNDED = "the model read it, but it is not among the words recognised on the page"
_UNCALIBRATED = "how sure this reader is has not been measured yet"


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: a text, pictures with what each shows, and for which fields (`catalogue.ALL`)."""

    text: str
    pictures: tuple[tuple[str, Image], ...] = ()
    fields: tuple[str, ...] = ALL


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model answered, and what that took. ``tokens`` is empty where it reports no probabilities."""

    text: str
    tokens: tuple[TokenScore, ...] = ()
    usage: Usage = field(default_factory=Usage)


class Asker(Protocol):
    """A model that answers questions, here or on a server."""

    @property
    def identity(self) -> str:
        """Eight hex digits that change with the model and with everything that changes its answers."""
        ...

    @property
    def at_once(self) -> int:
        """How many questions are worth handing over together now; 1 where more would bring nothing."""
        ...

    def ask(self, questions: Iterable[Question]) -> Iterator[Generated | Exception]:
        """Answer each question, in order, or say why that one has no answer.

        Questions are taken as they are needed: each holds decoded pictures. What is asked together is answered
        as if it were asked alone.

        :raises ReaderError: if the model can't answer anything.
        """
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """How pages are shown: ``pages_together`` in one question, scaled to ``size``, with ``crops`` of what matters."""

    prompt: Prompt
    size: PictureSize
    shown: Shown = "pictures"
    crops: bool = False
    pages_together: int = 1


@dataclass(frozen=True, slots=True)
class _Part:
    """What was said about some pages of a document."""

    answer: Answer
    tokens: tuple[TokenScore, ...]
    pages: Pages


@dataclass(slots=True)
class _Case:
    """A document on its way through the model: how it is asked about, what was said so far, or what failed."""

    asking: Asking
    certainty: Certainty
    document: Survey
    groups: list[Sequence[PageImage]]
    words: tuple[tuple[Word, ...], ...]
    seconds: float  # that its words took
    said: list[tuple[Sequence[PageImage], Generated]] = field(default_factory=list)
    asked: int = 0
    failure: Exception | None = None


@cache
def _code_digest() -> str:
    package = Path(__file__).resolve().parent.parent.parent
    digest = hashlib.sha256()
    for path in sorted(
        [*package.glob("backends/generative/*.py"), *package.glob("reading/*.py"), *package.glob("*.toml")]
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:6]


class GenerativeBackend:
    """Reads documents by asking a model. The protocol is `extraction.schema.Backend`."""

    def __init__(self, name: str, asker: Asker, asking: Asking, certainty: Certainty) -> None:
        self.name = name
        self.asker = asker
        self.fields = asking.prompt.fields
        self._asking = asking
        self._certainty = certainty
        self.version = self._version(asking, certainty)

    def read(self, pages: Sequence[PageImage], hints: Hints) -> Reading:
        """Read one document.

        :raises ReaderError: if the words can't be recognised, the model can't be asked, or none of its answers
            can be taken.
        """
        (outcome,) = self.read_many([OpenedDocument(pages, hints)])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def pages_at_once(self) -> int:
        return self.asker.at_once * max(self._asking.pages_together, 1)

    def read_many(self, documents: Sequence[OpenedDocument]) -> list[Reading | Exception]:
        """Read documents together (`extraction.schema.BatchBackend`).

        The seconds in which the model answered are shared out by the number of questions.
        """
        cases: list[_Case | Exception] = []
        for document in documents:
            try:
                cases.append(self._case(document))
            except Exception as error:  # noqa: BLE001  whatever is wrong with one document, the others are read
                cases.append(error)
        begin = time.perf_counter()
        self._ask([case for case in cases if isinstance(case, _Case)])
        asking = time.perf_counter() - begin
        asked = sum(case.asked for case in cases if isinstance(case, _Case))
        return [
            self._outcome(case, asking * case.asked / max(asked, 1)) if isinstance(case, _Case) else case
            for case in cases
        ]

    def _case(self, document: OpenedDocument) -> _Case:
        begin = time.perf_counter()
        asking, certainty = self._asked_with(document.hints)
        read = [read_words(page) for page in document.pages]
        seconds = time.perf_counter() - begin
        groups = list(_grouped([page for page, _ in read], asking.pages_together))
        words = tuple(tuple(words) for _, words in read)
        return _Case(asking, certainty, survey(read, document.hints), groups, words, seconds)

    def _ask(self, cases: Sequence[_Case]) -> None:
        """Ask about all documents in one go; what is said, or what failed, is noted with each."""
        asked: deque[tuple[_Case, Sequence[PageImage]]] = deque()

        def questions() -> Iterator[Question]:
            for case in cases:
                for group in case.groups:
                    if case.failure is not None:
                        break
                    try:
                        question = question_about(group, case.document, case.asking)
                    except Exception as error:  # noqa: BLE001  a page that can't be shown fails its document alone
                        case.failure = error
                        break
                    asked.append((case, group))
                    case.asked += 1
                    yield question

        try:
            for answer in self.asker.ask(questions()):
                case, group = asked.popleft()
                if isinstance(answer, Exception):
                    case.failure = case.failure or answer
                else:
                    case.said.append((group, answer))
        except ReaderError as error:
            for case in cases:
                if len(case.said) < len(case.groups):
                    case.failure = case.failure or error

    def _outcome(self, case: _Case, answering: float) -> Reading | Exception:
        if case.failure is not None:
            return case.failure
        begin = time.perf_counter()
        try:
            reading = interpret(case.said, case.document, case.certainty)
        except Exception as error:  # noqa: BLE001  an answer that can't be taken fails its document alone
            return error
        fields = answering + time.perf_counter() - begin
        return replace(
            reading,
            backend=self.name,
            model_version=self._version(case.asking, case.certainty),
            pages=len(case.words),
            words=case.words,
            seconds=Seconds(total=case.seconds + fields, words=case.seconds, fields=fields),
            usage=sum((generated.usage for _, generated in case.said), Usage()),
        )

    def version_for(self, hints: Hints) -> str:
        """Return the version of a reading with these hints: an organization's own prompt makes it another one."""
        return self._version(*self._asked_with(hints))

    def _asked_with(self, hints: Hints) -> tuple[Asking, Certainty]:
        if hints.prompt is None:
            return self._asking, self._certainty
        asking = replace(self._asking, prompt=own_prompt(hints.prompt, self._asking.prompt.fields))
        return asking, Certainty()  # what was fitted for another prompt says nothing about this one

    def _version(self, asking: Asking, certainty: Certainty) -> str:
        return f"{reader_of(self.name, self.asker, asking)}+{_code_digest()}+{certainty.version}"


def reader_of(name: str, asker: Asker, asking: Asking) -> str:
    """Return the name of a reader for which a calibration is fitted: its model, its prompt and what it is shown."""
    shown = f"{asker.identity}/{asking.size}/{asking.shown}/{asking.crops}/{asking.pages_together}"
    return f"{name}-{hashlib.sha256(shown.encode()).hexdigest()[:8]}+{asking.prompt.version}"


def _grouped(pages: Sequence[PageImage], together: int) -> Iterator[Sequence[PageImage]]:
    for first in range(0, len(pages), max(together, 1)):
        yield pages[first : first + max(together, 1)]


def question_about(pages: Sequence[PageImage], document: Survey, asking: Asking) -> Question:
    """Build the question about some pages. What the pages say comes after the task and is marked as data."""
    parts = [asking.prompt.text]
    if len(document.layout) > len(pages):
        shown = ", ".join(str(page.number + 1) for page in pages)
        parts.append(
            f"The document has {len(document.layout)} pages; this is page {shown}. Answer for this page alone."
        )
    if asking.shown != "pictures":
        numbers = {page.number for page in pages}
        parts.append(
            as_data(
                "\n\n".join(
                    "\n".join(page.text_of_row(k) for k in range(len(page.rows)))
                    for page in document.layout
                    if page.number in numbers
                )
            )
        )
    pictures = (
        () if asking.shown == "text" else tuple(pictures_of(pages, document, asking.size, crops=asking.crops))
    )
    return Question("\n\n".join(parts), pictures, asking.prompt.fields)


# --- from answers to a reading -----------------------------------------------------------------------


def interpret(
    said: Sequence[tuple[Sequence[PageImage], Generated]], document: Survey, certainty: Certainty
) -> Reading:
    """Turn a model's answers about a document's pages into a reading.

    :param said: per group of pages what the model answered about it.
    :returns: a reading without names, words and times.
    :raises AnswerUnusable: if no answer can be taken.
    """
    parts: list[_Part] = []
    refused: list[tuple[Sequence[PageImage], AnswerUnusable]] = []
    for pages, generated in said:
        try:
            answer = parse_answer(generated.text)
        except AnswerUnusable as error:
            refused.append((pages, error))
        else:
            parts.append(_Part(answer, generated.tokens, Pages(document, (page.number for page in pages))))
    if refused and not parts:
        raise refused[0][1]
    # A page that is missing may hold further lines, and with them the sums that count.
    checks = [
        _not_taken((LINE_ITEMS, *_LAST_SUMS), f"page {pages[0].number + 1} could not be read: {error}")
        for pages, error in refused
    ]
    found: dict[str, list[FieldValue]] = {}
    lines: list[LineItemValue] = []
    for part in parts:
        checks += [_not_taken(problem.name, problem.message) for problem in part.answer.problems]
        for name, said_value in part.answer.fields.items():
            values = readings_of(name, said_value, document.context)
            if not values:
                checks.append(
                    _not_taken(name, f"the model answered “{_short(said_value.text)}”, {_no(name)}")
                )
                continue
            found.setdefault(name, []).append(_field_value(name, said_value, values, part, certainty))
        part_lines, part_checks = _lines(part, document, certainty)
        lines += part_lines
        checks += part_checks
    fields = {name: _settled(found[name]) for name in FIELDS if name in found}
    checks += rules.check({n: v.value for n, v in fields.items()}, [line.values for line in lines])
    return Reading(
        backend="",
        model_version="",
        pages=len(document.layout),
        document_type=_document_type([part.answer.document_type for part in parts], document),
        fields=fields,
        line_items=tuple(lines),
        checks=tuple(checks),
    )


def readings_of(name: str, said: Said, context: Context) -> list[str]:
    """Return what a value can mean, the likeliest first, normalised as docs/fields.md says.

    Several only where the notation leaves it open: 1.450 by the document's decimal mark and by the other one,
    03/04/2026 both ways round.
    """
    kind = (FIELDS.get(name) or LINE_ITEM_FIELDS[name]).kind
    return list(dict.fromkeys(value for value in _readings(kind, said, context) if value))


def _readings(kind: Kind, said: Said, context: Context) -> Iterator[str | None]:
    text = said.text
    if kind in ("money", "quantity"):
        marks: tuple[amounts.DecimalMark, ...] = (".",) if said.is_number else (context.mark, ".", ",")
        for mark in marks:
            parse = amounts.parse_money if kind == "money" else amounts.parse_quantity
            number = parse(text, mark)
            yield None if number is None else amounts.plain(number, places=2 if kind == "money" else 0)
    elif kind == "percent":
        percent = amounts.parse_percent(text)
        yield None if percent is None else amounts.plain(percent)
    elif kind == "date":
        orders: tuple[dates.DateOrder, ...] = ("mdy", "dmy") if context.order == "mdy" else ("dmy", "mdy")
        for order in orders:
            day = dates.parse_date(text, order)
            yield None if day is None else day.isoformat()
    elif kind == "code":
        yield amounts.currency_of(text)
    else:
        yield collapse(text)


def _field_value(
    name: str, said: Said, values: Sequence[str], part: _Part, certainty: Certainty
) -> FieldValue:
    places: list[tuple[str, Place | None]] = [(value, part.pages.find(name, value)) for value in values]
    value, place = max(places, key=lambda at: at[1].likeness if at[1] else 0.0)
    score = raw_score(name, sureness(part.tokens, said.start, said.end), place)
    confidence = certainty.confidence_of(score, grounded=place is not None)
    others = tuple(
        Alternative(
            other, said.text, round((1 - confidence) / 2, 4), at.page if at else None, at.box if at else None
        )
        for other, at in places
        if other != value and FIELDS[name].kind == "date"
    )
    return FieldValue(
        name,
        value,
        place.text if place else said.text,
        confidence,
        place.page if place else None,
        place.box if place else None,
        score,
        others,
        _reason(place, certainty),
        grounded=place is not None,
    )


def _reason(place: Place | None, certainty: Certainty) -> str:
    if place is None:
        return _UNGROUNDED
    if place.rival > max(place.label, 0.5):
        return "another label stands beside it"
    if place.likeness < 1:
        return "the page shows it a little differently"
    return "" if certainty.is_fitted else _UNCALIBRATED


def _settled(values: Sequence[FieldValue]) -> FieldValue:
    """Choose among what was said about a field on several groups of pages."""
    later = FIELDS[values[0].name].kind == "money"  # sums stand on the last page that has them
    ranked = sorted(values[::-1] if later else values, key=lambda v: (v.grounded, v.score), reverse=True)
    best = ranked[0]
    others = [v for v in ranked[1:] if not same_value(best.name, v.value, best.value)]
    if not others:
        return best
    alternatives = tuple(
        Alternative(v.value, v.text, min(v.confidence, DISAGREED), v.page, v.box) for v in others
    )
    return replace(
        best,
        confidence=min(best.confidence, DISAGREED),
        alternatives=(*best.alternatives, *alternatives),
        reason="another page says something else",
    )


def _lines(part: _Part, document: Survey, certainty: Certainty) -> tuple[list[LineItemValue], list[Check]]:
    read: list[tuple[dict[str, str], float]] = []
    checks: list[Check] = []
    for number, cells in enumerate(part.answer.line_items, start=1):
        values: dict[str, str] = {}
        lowest = 1.0
        for name in (column for column in LINE_ITEM_FIELDS if column in cells):
            readings = readings_of(name, cells[name], document.context)
            if not readings:
                message = f"line {number}: “{_short(cells[name].text)}” is {_no(name)}"
                checks.append(_not_taken(LINE_ITEMS, message))
                continue
            values[name] = next((r for r in readings if part.pages.has(name, r)), readings[0])
            lowest = min(lowest, token_score(sureness(part.tokens, cells[name].start, cells[name].end)))
        if values:
            read.append((values, lowest))
    lines: list[LineItemValue] = []
    places = part.pages.find_lines([values for values, _ in read])
    for (values, lowest), (place, missing) in zip(read, places, strict=True):
        grounded = place is not None and not missing
        lines.append(
            LineItemValue(
                values,
                certainty.confidence_of(lowest, grounded=grounded),
                place.page if place else None,
                place.box if place else None,
                grounded=grounded,
            )
        )
    return lines, checks


def _document_type(said: Sequence[str], document: Survey) -> str:
    """Choose the kind of document: the model's, unless the printed title speaks of one that is not paid.

    Where they disagree the one that goes to a person wins: a page can talk a model into “invoice”.
    """
    printed, _ = find_document_type(document.layout)
    named = next((kind for kind in said if kind), "")
    if not named:
        return printed
    return printed if printed not in PAYABLE_TYPES and printed != "other" else named


def _not_taken(names: str | tuple[str, ...], message: str) -> Check:
    fields = (names,) if isinstance(names, str) else names
    return Check("answer", passed=False, fields=fields, message=message)


def _no(name: str) -> str:
    kind = (FIELDS.get(name) or LINE_ITEM_FIELDS[name]).kind
    words = {"money": "no amount", "date": "no date", "percent": "no percentage", "quantity": "no quantity"}
    return words.get(kind, "no " + kind) + " that can be understood"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
