"""A model's answer, taken strictly: JSON of the catalogue's fields, each value with its place in the answer.

Repaired is only what can mean one thing: a fence or words around the JSON, the same object said twice, closing
brackets missing where no value was cut. Everything else is refused, or reported as a problem of the field it
concerns, so that a person looks at it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from extraction.backends.generative.catalogue import ASKED_FIELDS, LINE_ITEMS
from extraction.fields import DOCUMENT_TYPES, LINE_ITEM_FIELDS, collapse
from extraction.schema import ReaderError

LONGEST_ANSWER: Final = 200_000
"""Characters; a hundred lines with every column are a fifth of it."""
LONGEST_VALUE: Final = 400
MOST_LINES: Final = 500
_DEEPEST = 6
_MOST_OBJECTS = 40
_NOTHING = frozenset(
    {"", "null", "none", "n/a", "na", "nil", "not found", "not available", "unknown", "-", "—"}
)
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LITERAL = re.compile(r"true|false|null")


class AnswerUnusable(ReaderError):
    """A model's answer can't be taken as one set of fields."""


@dataclass(frozen=True, slots=True)
class Said:
    """A value as the model said it; ``start`` to ``end`` are its characters in the answer, without quotes."""

    text: str
    start: int
    end: int
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of an answer that was not taken; ``name`` is the field's, or ``line_items``."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said. ``complete`` is false where it was cut off between two values."""

    document_type: str
    fields: Mapping[str, Said]
    line_items: tuple[Mapping[str, Said], ...]
    problems: tuple[Problem, ...] = ()
    complete: bool = True


# --- JSON with places --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Node:
    """A JSON value; ``value`` is text, None, a list of nodes or a list of (key, node)."""

    kind: str
    value: object
    start: int
    end: int

    @property
    def plain(self) -> object:
        if self.kind == "object":
            return [(key, node.plain) for key, node in self.members]
        return [node.plain for node in self.items] if self.kind == "array" else (self.kind, self.value)

    @property
    def members(self) -> list[tuple[str, _Node]]:
        return self.value if self.kind == "object" and isinstance(self.value, list) else []

    @property
    def items(self) -> list[_Node]:
        return self.value if self.kind == "array" and isinstance(self.value, list) else []


class _Malformed(Exception):
    """The text is not JSON at this place."""


class _Cut(Exception):
    """The text ends inside a value."""


@dataclass(slots=True)
class _Scanner:
    """Reads one JSON value; an end of the text between two members closes what is open and sets ``truncated``."""

    text: str
    truncated: bool = field(default=False)

    def read(self, at: int, depth: int = 0) -> _Node:
        at = self._skip(at)
        if at >= len(self.text):
            raise _Cut
        if depth > _DEEPEST:
            raise _Malformed
        char = self.text[at]
        if char == "{":
            return self._container(at, depth, "}")
        if char == "[":
            return self._container(at, depth, "]")
        if char == '"':
            value, end = self._string(at)
            return _Node("string", value, at + 1, end - 1)
        for kind, pattern in (("number", _NUMBER), ("literal", _LITERAL)):
            if match := pattern.match(self.text, at):
                if match.end() == len(self.text) and kind == "number":
                    raise _Cut  # 12 may have become 1250
                return _Node(kind, None if match.group() == "null" else match.group(), at, match.end())
        if len(self.text) - at < 5 and any(
            w.startswith(self.text[at:]) for w in ("true", "false", "null", "-")
        ):
            raise _Cut
        raise _Malformed

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _string(self, at: int) -> tuple[str, int]:
        match = _STRING.match(self.text, at)
        if match is None:
            raise _Cut  # no closing quote
        try:
            return str(
                json.loads(match.group(), strict=False)
            ), match.end()  # a raw line break means one thing
        except ValueError:
            raise _Malformed from None

    def _container(self, start: int, depth: int, closing: str) -> _Node:
        members: list[tuple[str, _Node]] = []
        items: list[_Node] = []
        at, first = start + 1, True
        while True:
            at = self._skip(at)
            if at >= len(self.text):
                self.truncated = True
                break
            if self.text[at] == closing and first:
                at += 1
                break
            if not first:
                if self.text[at] == closing:
                    at += 1
                    break
                if self.text[at] != ",":
                    raise _Malformed
                at = self._skip(at + 1)
                if at >= len(self.text):
                    self.truncated = True
                    break
            first = False
            if closing == "]":
                node = self.read(at, depth + 1)
                items.append(node)
            else:
                if self.text[at] != '"':
                    raise _Malformed
                key, at = self._string(at)
                at = self._skip(at)
                if at >= len(self.text):
                    raise _Cut
                if self.text[at] != ":":
                    raise _Malformed
                node = self.read(at + 1, depth + 1)
                members.append((key, node))
            # the closing quote of a text is not part of its node
            at = node.end + (node.kind == "string")
        return _Node("object", members, start, at) if closing == "}" else _Node("array", items, start, at)


def _objects(text: str) -> Iterator[tuple[_Node, bool]]:
    """Yield the JSON objects that stand in a text one after the other, each with whether it is complete.

    :raises _Cut: if the text ends inside a value of the last one.
    """
    at, tried = text.find("{"), 0
    while at >= 0 and tried < _MOST_OBJECTS:
        scanner = _Scanner(text)
        tried += 1
        try:
            node = scanner.read(at)
        except _Malformed:
            at = text.find("{", at + 1)
            continue
        yield node, not scanner.truncated
        at = text.find("{", node.end)


_KNOWN = frozenset({*ASKED_FIELDS, LINE_ITEMS})


def _is_answer(node: _Node) -> bool:
    return any(key in _KNOWN for key, _ in node.members)


def holds_answer(text: str) -> bool:
    """Say whether a text holds a whole answer already, so that a model can stop."""
    try:
        return any(complete and _is_answer(node) for node, complete in _objects(text))
    except _Cut:
        return False


def parse_answer(text: str) -> Answer:
    """Take a model's answer.

    :raises AnswerUnusable: if it is not JSON, was cut inside a value, holds none of the fields or several
        different sets of them. The message says which, and never repeats the answer.
    """
    if len(text) > LONGEST_ANSWER:
        raise AnswerUnusable(
            f"The model's answer has {len(text):,} characters; {LONGEST_ANSWER:,} are the most."
        )
    found: list[tuple[_Node, bool]] = []
    cut = seen = False
    rest = 0
    try:
        for node, complete in _objects(text):
            seen, rest = True, node.end
            if _is_answer(node):
                found.append((node, complete))
    except _Cut:
        cut = True
    if cut and not found:
        raise AnswerUnusable("The model's answer was cut off inside a value. Allow it more tokens.")
    if not found:
        raise AnswerUnusable(
            "The model's answer is JSON, but holds none of the fields that were asked for."
            if seen
            else "The model's answer is not JSON."
        )
    first = found[0][0]
    if cut:  # only a model that begins to say the same once more has said one thing
        cut = not text[first.start : first.end].startswith(text[text.find("{", rest) :].rstrip())
    if cut or any(node.plain != first.plain for node, _ in found[1:]):
        raise AnswerUnusable("The model gave several different answers; none was taken.")
    return _answer(*found[0])


def _answer(node: _Node, complete: bool) -> Answer:
    problems: list[Problem] = []
    fields: dict[str, Said] = {}
    lines: tuple[Mapping[str, Said], ...] = ()
    document_type = ""
    for name, value in _once(node, problems):
        if name == LINE_ITEMS:
            lines = _lines(value, problems)
        elif name == "document_type":
            if value.value is not None:
                said = str(value.value).strip().lower().replace(" ", "_")
                if value.kind == "string" and said in DOCUMENT_TYPES:
                    document_type = said
                else:
                    problems.append(Problem(name, "the model named a kind of document that there is not"))
        elif name in ASKED_FIELDS:
            said_value = _said(value, name, problems)
            if said_value is not None:
                fields[name] = said_value
    if not complete:
        problems.append(Problem(LINE_ITEMS, "the model's answer was cut off; lines may be missing"))
    return Answer(document_type, fields, lines, tuple(problems), complete)


def _once(node: _Node, problems: list[Problem], where: str = "") -> Iterator[tuple[str, _Node]]:
    """Yield the members of an object; a name that was given two different values is a problem and left out."""
    by_name: dict[str, list[_Node]] = {}
    for name, value in node.members:
        by_name.setdefault(name, []).append(value)
    for name, values in by_name.items():
        if any(value.plain != values[0].plain for value in values[1:]):
            if where or name in _KNOWN:
                problems.append(Problem(where or name, "the model gave two different values for it"))
            continue
        yield name, values[0]


def _said(node: _Node, name: str, problems: list[Problem]) -> Said | None:
    if node.value is None:
        return None
    if node.kind not in ("string", "number"):
        problems.append(Problem(name, "the model answered with something other than a text"))
        return None
    text = collapse(str(node.value))
    if text.lower() in _NOTHING:
        return None
    if len(text) > LONGEST_VALUE:
        problems.append(Problem(name, f"the model answered with more than {LONGEST_VALUE} characters"))
        return None
    return Said(text, node.start, node.end, node.kind == "number")


def _lines(node: _Node, problems: list[Problem]) -> tuple[Mapping[str, Said], ...]:
    if node.value is None:
        return ()
    if node.kind != "array":
        problems.append(Problem(LINE_ITEMS, "the model answered with something other than a list of lines"))
        return ()
    if len(node.items) > MOST_LINES:
        problems.append(Problem(LINE_ITEMS, f"the model answered with more than {MOST_LINES} lines"))
        return ()
    lines = []
    for item in node.items:
        if item.kind != "object":
            problems.append(Problem(LINE_ITEMS, "the model answered with a line that has no columns"))
            continue
        line: dict[str, Said] = {}
        for name, value in _once(item, problems, LINE_ITEMS):
            if name in LINE_ITEM_FIELDS:
                said = _said(value, LINE_ITEMS, problems)
                if said is not None:
                    line[name] = said
        if line:
            lines.append(line)
    return tuple(lines)
