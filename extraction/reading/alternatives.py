"""Candidates from what a figure may say besides what it most probably says (``Word.readings``).

They stand at the same place as the candidate they are made from, so that never both are chosen, and are less likely
than it by as much as their reading is. A sum that adds up or an open work order can make up for that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from rapidfuzz.distance import Levenshtein

from extraction.fields import FIELDS
from extraction.reading import amounts, dates
from extraction.reading.header import DATE_FIELDS, ID_FIELDS, Candidate
from extraction.reading.lines import Token
from extraction.reading.money import MONEY_FIELDS
from extraction.reading.survey import Survey
from extraction.reading.written import amounts_of

_CANDIDATES: Final = 3  # of each field, that other readings are offered for
_MOST_SUMS: Final = 100  # ways to read all lines that are followed
# Logarithm of how seldom one of so many sums is a given total by chance: one in fifty.
_BY_CHANCE: Final = 4.0
_SURE: Final = 0.97  # a sum read more surely than this is what is written
# What the lines make is offered for a sum that is written nearly so, at these shares of what was read.
_BEGUN: Final = re.compile(r"\d{3,}(?:\.\d)?$")  # a sum whose cents, or the last digit of them, were not seen
_NO_MARKS: Final = re.compile(r"\$?\d{7,9}")
_CENTS_LOST: Final = 0.6
_DIGIT_OFF: Final = 0.3


def with_other_readings(
    document: Survey, found: Mapping[str, Sequence[Candidate]]
) -> dict[str, list[Candidate]]:
    """Return the candidates and, for figures that were looked at again, those of their other readings, best first."""
    every = [token for page in document.layout for cell in page.cells for token in cell.tokens]
    tokens = {token.index: token for token in every if token.readings}
    # Nobody writes a million without marks: the point before its cents was not seen.
    tokens |= {
        token.index: replace(token, readings=((token.text, 1.0),))
        for token in every
        if not token.readings and token.confidence < 1 and _NO_MARKS.fullmatch(token.text)
    }
    result = {name: list(several) for name, several in found.items()}
    if not tokens:
        return result
    for name in (*MONEY_FIELDS, *ID_FIELDS, *DATE_FIELDS):
        several = result.get(name, [])
        held = {c.value for c in several}
        for k, found_one in enumerate(list(several)):
            looked = [tokens[index] for index in found_one.place if index in tokens]
            if not looked:
                continue
            token = looked[0]
            if len(found_one.place) == 1:
                candidate = _as_written(document, name, found_one, token, held)
            else:
                candidate = replace(found_one, reading=min(token.reading for token in looked))
            several[k] = candidate
            held.add(candidate.value)
            if k >= _CANDIDATES or len(candidate.place) > 1:
                continue
            for other in _others(document, name, candidate, token):
                if other.value not in held:
                    held.add(other.value)
                    several.append(other)
        result[name] = sorted(several, key=lambda c: -c.score)
    return result


def sums_of_lines(document: Survey) -> tuple[dict[Decimal, float], float]:
    """Return what the lines may make together, with what it is worth that a total is just this (logarithms).

    :returns: empty without lines that have amounts; and how probably all of them were read right (0..1).
    """
    amounts_read = document.table.amounts
    if not amounts_read:
        return {}, 0.0
    base = sum(amounts_read, Decimal(0))
    changes: list[list[tuple[Decimal, float]]] = []
    taken: list[Token] = []
    for page in document.layout:
        for token in (t for cell in page.cells for t in cell.tokens):
            if token.readings and token.index in document.table.body_tokens:
                taken.append(token)
    left = list(amounts_read)
    for token in taken:
        means = amounts_of(token.readings[0][0])
        if not means or means[0][0] not in left:
            continue
        own = means[0][0]
        left.remove(own)
        best = token.reading * means[0][1]
        others: dict[Decimal, float] = {}
        for text, probability in token.readings:
            for value, share in amounts_of(text):
                if value != own:
                    others[value] = max(others.get(value, 0.0), probability * share)
        if others:
            likely = sorted(others.items(), key=lambda item: -item[1])[:_CANDIDATES]
            changes.append([(value - own, min(chance / max(best, 0.01), 1.0)) for value, chance in likely])
    surely = math.prod(token.reading for token in taken)
    if not changes:
        return {base: 0.0}, surely
    # Any sum of readings that ends up at the total to the cent is strong evidence for both.
    sums = {base: 0.0}
    for readings in changes:
        grown = dict(sums)
        for value, weight in sums.items():
            for change, share in readings:
                grown[value + change] = max(grown.get(value + change, -math.inf), weight + math.log(share))
        sums = dict(sorted(grown.items(), key=lambda item: -item[1])[:_MOST_SUMS])
    return {value: _BY_CHANCE + weight for value, weight in sums.items() if weight > -_BY_CHANCE}, surely


def with_sums_of_lines(
    found: Mapping[str, Sequence[Candidate]], lines: Mapping[Decimal, float], surely: float
) -> dict[str, list[Candidate]]:
    """Offer what the lines most probably make for a sum that is written nearly so.

    Either its cents were overlooked, or one digit of it was read otherwise and the lines were read more surely.

    :param lines: from `sums_of_lines`.
    :param surely: how probably all lines were read right.
    """
    result = {name: list(several) for name, several in found.items()}
    if not lines:
        return result
    likeliest = max(lines, key=lambda value: lines[value])
    for name in ("total", "subtotal"):
        several = result.get(name, [])
        if not several:
            continue
        best = several[0]
        sure = min(best.ocr, best.reading)
        if sure >= _SURE:
            continue
        begun = re.sub(r"[^\d.]|\.$", "", best.text) if best.value.endswith("0") else ""
        fitting = [value for value in lines if _BEGUN.match(begun) and _plain(value).startswith(begun)]
        if fitting:
            made, share = max(fitting, key=lambda value: lines[value]), _CENTS_LOST
        elif Levenshtein.distance(_plain(likeliest), best.value, score_cutoff=1) == 1 and surely > sure:
            made, share = likeliest, _DIGIT_OFF
        else:
            continue
        if all(c.value != _plain(made) for c in several):
            offered = replace(
                best,
                value=_plain(made),
                score=best.score * share,
                reading=sure * share,
            )
            result[name] = sorted([*several, offered], key=lambda c: -c.score)
    return result


def _plain(value: Decimal) -> str:
    return amounts.plain(value, places=2)


def _as_written(
    document: Survey, name: str, candidate: Candidate, token: Token, held: Collection[str]
) -> Candidate:
    """Return a candidate with the share of the votes for its value.

    A sum is what a pen means by the likeliest string, where print's rules make of it what nobody writes ("16.633").
    """
    shares = {
        value: probability
        for text, probability in reversed(token.readings)
        for value, _ in _values(document, name, text)
    }
    if FIELDS[name].kind == "money":
        likeliest = next((value for value, _ in _values(document, name, token.readings[0][0])), None)
        if likeliest is not None and likeliest not in (candidate.value, *held):
            return replace(candidate, value=likeliest, reading=token.reading)
    return replace(candidate, reading=shares.get(candidate.value, token.reading))


def _others(document: Survey, name: str, candidate: Candidate, token: Token) -> Iterator[Candidate]:
    best = candidate.reading
    for text, probability in token.readings:
        for value, share in _values(document, name, text):
            if value != candidate.value:
                less = min(probability * share / max(best, 0.01), 1.0)
                yield replace(
                    candidate,
                    value=value,
                    text=text,
                    score=round(candidate.score * less, 4),
                    reading=probability * share,
                )


def _values(document: Survey, name: str, text: str) -> list[tuple[str, float]]:
    kind = FIELDS[name].kind
    if kind == "money":
        return [(amounts.plain(value, places=2), share) for value, share in amounts_of(text)]
    if kind == "date":
        return [(found.value.isoformat(), 1.0) for found in dates.find_dates(text, document.context.order)]
    return [(text, 1.0)]
