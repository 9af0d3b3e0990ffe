"""Two readers of one document: what their agreement is worth, and the one reading that comes of both.

`combine` takes the first reader's reading and changes it only in fields that the second one was asked about:

- **both read the same**: the value stays; its confidence rises to what was measured for that pair of readers
  (`Agreement`), never falls. Where nothing was measured it stays what it was, so agreement lets nothing pass.
- **they differ**: a person decides, whatever either is sure of (`FieldValue.held`), with both values at hand.
- **only one reads something**: what was measured decides; where nothing was, a person.

What the second reader says about anything else is not looked at, so the reading is never worse than the first one's.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from extraction import gate, rules
from extraction.calibration import HIGHEST, LOWEST, group_of
from extraction.fields import FIELDS, REQUIRED_FIELDS
from extraction.schema import Alternative, Check, FieldValue, LineItemValue, ReaderError, Reading

DOUBTFUL: Final = "doubtful"
"""The second reader is asked only about what the gate would send to a person."""
VERIFY: Final = "verify"
"""The second reader is asked about everything that the gate watches."""
LINES: Final = "line_items"
KIND: Final = "document_type"
COMPARED: Final = frozenset(gate.WATCHED_FIELDS | set(REQUIRED_FIELDS)) - {KIND}
"""Fields about which a second reader is asked at all; beside them it may be asked about `LINES` and `KIND`."""
UNMEASURED: Final = 0.5
"""Highest confidence of a value that another reader contradicts or alone reads, where nobody measured the pair."""
CASES: Final = ("agree", "differ_first", "differ_second", "only_first", "only_second")
"""What `Agreement` says of a field: that the value both read is right; that the first's, or the second's, of two
different ones is; that the value which only the first, or only the second, reads is."""
_VERSION_LENGTH = 80  # of Run.model_version


@dataclass(frozen=True, slots=True)
class Curve:
    """P(right) = sigmoid(``intercept`` + ``first`` x log-odds of the first's confidence + ``second`` x the second's).

    ``groups`` adds to the intercept by group of fields (`extraction.calibration.GROUPS`); ``count`` is how many
    values it was fitted on.
    """

    intercept: float
    first: float = 0.0
    second: float = 0.0
    groups: Mapping[str, float] = field(default_factory=dict)
    count: int = 0

    def probability(self, name: str, first: float | None, second: float | None) -> float:
        """Return the probability (0..1) that a field's value is right, from the readers' confidences in it."""
        odds = self.intercept + self.groups.get(group_of(name), 0.0)
        odds += sum(
            weight * log_odds(c)
            for weight, c in ((self.first, first), (self.second, second))
            if c is not None
        )
        return round(min(max(1 / (1 + math.exp(-max(min(odds, 30.0), -30.0))), LOWEST), HIGHEST), 4)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was measured for one pair of readers, by `CASES`; a case that is absent was seen too seldom to say.

    ``first`` and ``second`` are `pair_name` of the readers' versions. Written by
    ``python -m extraction.evaluation.agreement``.
    """

    version: str
    first: str
    second: str
    curves: Mapping[str, Curve]

    def probability(self, case: str, name: str, first: float | None, second: float | None) -> float | None:
        """Return P(right) of a field's value; None where nothing was measured."""
        curve = self.curves.get(case)
        return None if curve is None else curve.probability(name, first, second)


@dataclass(frozen=True, slots=True)
class Combined:
    """A combined reading, and in which of the fields asked about the readers agreed, differed, or one was silent.

    ``said`` holds by field what both read: first value and confidence, second value and confidence; None where one
    read nothing.
    """

    reading: Reading
    agreed: tuple[str, ...] = ()
    differed: tuple[str, ...] = ()
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    said: Mapping[str, tuple[str | None, float | None, str | None, float | None]] = field(
        default_factory=dict
    )


def log_odds(confidence: float) -> float:
    """Return the log-odds of a confidence, bounded so that no reader's certainty outweighs everything."""
    bounded = min(max(confidence, 0.01), 0.995)
    return math.log(bounded / (1 - bounded))


def reads_the_same(name: str, one: str, other: str) -> bool:
    """Whether two readers read the same: amounts to the cent, names and addresses by their letters and digits."""
    kind = FIELDS[name].kind
    if kind in ("money", "percent", "quantity"):
        try:
            return Decimal(one) == Decimal(other)
        except InvalidOperation:
            return one == other
    if kind == "text":
        return _letters(one) == _letters(other)
    return gate.same_value(name, one, other)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def to_ask(mode: str, doubts: Collection[str]) -> tuple[str, ...]:
    """Return about which fields the second reader is asked, in the form's order; `LINES` is the table.

    About the kind of a doubtful document it is not: nobody else could make it one that is paid unseen.

    :param doubts: what the gate would send to a person.
    """
    if mode == VERIFY:
        return tuple(name for name in FIELDS if name in COMPARED or name == KIND)
    return tuple(name for name in (*FIELDS, LINES) if name in doubts and (name in COMPARED or name == LINES))


def combine(
    first: Reading,
    second: Reading,
    asked: Collection[str],
    agreement: Agreement | None = None,
    *,
    can_read: Collection[str] | None = None,
) -> Combined:
    """Put two readings of one document together.

    :param asked: the fields in which the second reader has a say (`to_ask`).
    :param agreement: what was measured for this pair of readers; None if nothing was.
    :param can_read: what the second reader looks for at all; its silence about anything else says nothing.
    :returns: the first reading with those fields changed; its name and version are still the first one's.
    """
    fields = dict(first.fields)
    cases: dict[str, list[str]] = {"agreed": [], "differed": [], "only_first": [], "only_second": []}
    said = {}
    lines = [line.values for line in first.line_items]
    for name in (n for n in FIELDS if n in asked and n in COMPARED):
        one, other = first.fields.get(name), second.fields.get(name)
        if (one is None and other is None) or (
            other is None and can_read is not None and name not in can_read
        ):
            continue
        said[name] = (
            one.value if one else None,
            one.confidence if one else None,
            other.value if other else None,
            other.confidence if other else None,
        )
        if one is not None and other is not None and reads_the_same(name, one.value, other.value):
            cases["agreed"].append(name)
            fields[name] = _confirmed(one, other, first.backend, second.backend, agreement)
        elif one is not None and other is not None:
            cases["differed"].append(name)
            fields[name] = _disputed(one, other, first.backend, second.backend, agreement)
            if fields[name].reader == second.backend and _breaks(first.fields, fields[name], lines):
                fields[name] = _disputed(one, other, first.backend, second.backend, None)
        elif one is not None:
            cases["only_first"].append(name)
            fields[name] = _unconfirmed(one, first.backend, second.backend, agreement)
        elif other is not None:
            cases["only_second"].append(name)
            fields[name] = _found(other, first.backend, second.backend, agreement)
    ordered = {name: fields[name] for name in FIELDS if name in fields}
    items, remark = _lines(first, second, asked)
    values = {name: value.value for name, value in ordered.items()}
    checks = (*rules.check(values, [item.values for item in items]), *_kept_checks(first), *remark)
    # What is paid without need can't be had back: the reader that takes it for something else has its way.
    kind = first.document_type
    if (
        KIND in asked
        and kind in gate.PAYABLE_TYPES
        and second.document_type not in {*gate.PAYABLE_TYPES, "", "other"}
    ):
        kind = second.document_type
    reading = replace(first, fields=ordered, line_items=items, checks=checks, document_type=kind)
    return Combined(reading, **{case: tuple(names) for case, names in cases.items()}, said=said)


def _confirmed(
    one: FieldValue, other: FieldValue, first: str, second: str, agreement: Agreement | None
) -> FieldValue:
    base = one if one.grounded or not other.grounded else replace(other, value=one.value)
    measured = (
        agreement.probability("agree", one.name, one.confidence, other.confidence) if agreement else None
    )
    return replace(
        base,
        confidence=max(one.confidence, measured or 0.0),
        alternatives=one.alternatives,
        reason=one.reason,
        support=one.support,
        score=one.score,
        reader=first,
        second=second,
        agreed=True,
    )


def _disputed(
    one: FieldValue, other: FieldValue, first: str, second: str, agreement: Agreement | None
) -> FieldValue:
    odds = [
        agreement.probability(case, one.name, one.confidence, other.confidence) if agreement else None
        for case in ("differ_first", "differ_second")
    ]
    own = min(one.confidence, UNMEASURED) if odds[0] is None else odds[0]
    others = min(other.confidence, UNMEASURED) if odds[1] is None else odds[1]
    reason = (
        f"{first} reads {gate.shown(one.name, one.value)}, {second} reads {gate.shown(one.name, other.value)}"
    )
    chosen, left = (one, first, own), (other, second, others)
    # Of two different values at most one is right, so the second one's must be likelier than all else together.
    if None not in odds and others > max(own, 0.5):
        chosen, left = left, chosen
    rival = Alternative(left[0].value, left[0].text, left[2], left[0].page, left[0].box, left[1])
    rest = [a for a in chosen[0].alternatives if not reads_the_same(one.name, a.value, rival.value)]
    return replace(
        chosen[0],
        confidence=chosen[2],
        alternatives=(rival, *rest),
        reason=reason,
        support=one.support if chosen[0] is one else "",
        reader=chosen[1],
        second=left[1],
        agreed=False,
        held=True,
    )


def _unconfirmed(one: FieldValue, first: str, second: str, agreement: Agreement | None) -> FieldValue:
    measured = agreement.probability("only_first", one.name, one.confidence, None) if agreement else None
    return replace(
        one,
        confidence=min(one.confidence, UNMEASURED if measured is None else measured),
        reason=f"{second} does not find it"
        if measured is None
        else one.reason or f"{second} does not find it",
        reader=first,
        second=second,
        held=measured is None,
    )


def _found(other: FieldValue, first: str, second: str, agreement: Agreement | None) -> FieldValue:
    measured = agreement.probability("only_second", other.name, None, other.confidence) if agreement else None
    return replace(
        other,
        confidence=min(other.confidence, UNMEASURED) if measured is None else measured,
        reason=f"only {second} finds it" if other.grounded else f"only {second} finds it: {other.reason}",
        reader=second,
        second=first,
        held=measured is None,
    )


def _breaks(fields: Mapping[str, FieldValue], value: FieldValue, lines: Sequence[Mapping[str, str]]) -> bool:
    """Whether taking the other reader's value makes more checks fail than the first reader's own values do."""
    before = {name: found.value for name, found in fields.items()}
    after = {**before, value.name: value.value}
    failing = [sum(not check.passed for check in rules.check(v, lines)) for v in (before, after)]
    return failing[1] > failing[0]


def _lines(
    first: Reading, second: Reading, asked: Collection[str]
) -> tuple[tuple[LineItemValue, ...], tuple[Check, ...]]:
    """Return the table: the second reader's where the first one's does not add up and its does, for a person to see."""
    if LINES not in asked or not second.line_items or not all(line.grounded for line in second.line_items):
        return first.line_items, ()
    values = {name: value.value for name, value in first.fields.items()}

    def failing(items: Sequence[Mapping[str, str]]) -> int:
        return sum(not check.passed for check in rules.check(values, items) if LINES in check.fields)

    own, others = (failing([line.values for line in reading.line_items]) for reading in (first, second))
    if others or not own:
        return first.line_items, ()
    message = f"the lines that {first.backend} reads don't add up; these are {second.backend}'s, which do"
    return second.line_items, (Check("second_reader", passed=False, fields=(LINES,), message=message),)


def _kept_checks(first: Reading) -> tuple[Check, ...]:
    """Return the first reading's checks that no rule repeats: what a model's answer said that could not be taken."""
    return tuple(check for check in first.checks if check.rule == "answer")


# --- names and versions ------------------------------------------------------------------------------


def pair_name(version: str) -> str:
    """Return the part of a reader's version that its confidences follow: without the digest of the code.

    A fit is bound to it: another model, prompt or calibration makes other confidences.
    """
    base, *rest = version.split("+")
    if len(rest) >= 2:
        return "+".join([base, *rest[:-2], rest[-1]])
    return "+".join([re.sub(r"-[0-9a-f]{6,8}$", "", base), *rest])


def combined_version(first: Sequence[str], mode: str, second: Sequence[str], agreement: str = "") -> str:
    """Return the version of a combination of readers, each given as (name, version): it changes when either does.

    It starts as the first reader's, so that reports name it as such, and is no version that a single reader has:
    thresholds certified for the one never serve the other.
    """
    digest = hashlib.sha256("\n".join([first[1], mode, second[1], agreement]).encode()).hexdigest()[:8]
    tail = f"&{mode}-{second[0]}-{digest}"
    version = first[1] + tail
    if len(version) > _VERSION_LENGTH:
        version = f"{first[0]}-{hashlib.sha256(first[1].encode()).hexdigest()[:8]}{tail}"
    return version


def load_agreement(folder: Path | None, first: str, second: str) -> Agreement | None:
    """Return what was measured for two readers' versions; None if no file of the folder is of this pair.

    :raises ReaderError: if a file of the folder can't be used.
    """
    wanted = (pair_name(first), pair_name(second))
    return next((found for found in _agreements(folder) if (found.first, found.second) == wanted), None)


def measured_pairs(folder: Path | None) -> list[tuple[str, str]]:
    """Return the pairs of readers of which there are measurements, each by `pair_name`.

    :raises ReaderError: if a file of the folder can't be used.
    """
    return [(found.first, found.second) for found in _agreements(folder)]


def _agreements(folder: Path | None) -> Iterator[Agreement]:
    if folder is None:
        return
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        raise ReaderError(f"AGREEMENTS_DIR names {folder}, which can't be read: {error.strerror}.") from error
    for path in paths:
        try:
            yield from_json(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReaderError(
                f"{path} is no file of python -m extraction.evaluation.agreement ({type(error).__name__}: {error})."
                " Write it again, or take it away."
            ) from error


def as_json(agreement: Agreement) -> dict[str, object]:
    """Return it as it is written to a file."""
    return {
        "version": agreement.version,
        "first": agreement.first,
        "second": agreement.second,
        "curves": {
            case: {
                "intercept": curve.intercept,
                "first": curve.first,
                "second": curve.second,
                "groups": dict(curve.groups),
                "count": curve.count,
            }
            for case, curve in agreement.curves.items()
        },
    }


def from_json(content: Mapping[str, object]) -> Agreement:
    """Read what `as_json` wrote.

    :raises ValueError: if a case is unknown, or a number is none.
    :raises KeyError, TypeError, AttributeError: if it holds something else.
    """
    curves = content["curves"]
    if not isinstance(curves, dict):
        raise TypeError("curves is no table")
    unknown = set(curves) - set(CASES)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    read = {
        case: Curve(
            _number(c["intercept"]),
            _number(c["first"]),
            _number(c["second"]),
            {str(group): _number(offset) for group, offset in c["groups"].items()},
            int(c["count"]),
        )
        for case, c in curves.items()
    }
    return Agreement(str(content["version"]), str(content["first"]), str(content["second"]), read)


def _number(value: object) -> float:
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError(f"{value} is no number")
    return number
