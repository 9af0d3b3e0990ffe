"""Typed values on a page: every date, amount, id, percentage, e-mail, phone and IBAN with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from stdnum import iban as stdnum_iban
from stdnum.exceptions import ValidationError

from extraction.fields import collapse
from extraction.reading import amounts, dates
from extraction.reading.anchors import Span
from extraction.reading.context import Context
from extraction.reading.lexicon import key_of, meanings_of
from extraction.reading.lines import Cell, Page, make_cell, union_box
from extraction.reading.names import STREET
from extraction.schema import Box

ValueKind = Literal["money", "date", "id", "percent", "email", "phone", "iban"]

_EMAIL = re.compile(r"[\w.+-]+\s?@\s?[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(
    r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|net|org|de|fr|nl|co|io|biz|info|us|my"
    r"|uk)(?:\.\w{2})?\b(?:/\S*)?",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w/.-])(?:\+\s?\d{1,3}[\s.\-/]?)?(?:\(\s?\d{1,5}\s?\)[\s.\-/]?)?\d{2,5}(?:[\s.\-/]\d{2,8}){1,4}(?![\w/-]"
    r"|[.,]\d)"
    r"|\(\d{2,5}\)\s?\d{3}[- .]?\d{4}"
    r"|(?<![\w/.-])\+\d{1,3}[\s.\-/]\d(?:[\s.\-/]?\d{2,8}){2,5}(?![\w/-]|[.,]\d)"  # +33 2 75 83 36 13
    r"|(?<![\w/.-])0\d{1,5} / \d{4,9}(?![\w/-])"  # 0532 / 550589
)
# Tax numbers that are printed in groups: United Kingdom, Switzerland, Australia.
_TAX_NUMBER = re.compile(
    r"\bGB\s?\d{3}\s\d{4}\s\d{2}\b|\bCHE-\d{3}\.\d{3}\.\d{3}(?:\s(?:MWST|TVA|IVA))?\b"
    r"|(?<=ABN )\d{2} \d{3} \d{3} \d{3}\b|(?<=ABN: )\d{2} \d{3} \d{3} \d{3}\b|(?<=ABN )\d{11}\b"
)
_PHONE_SURE = re.compile(
    r"^\+\d|^\(\d{3}\)|^\d{3}[-.]\d{3}[-.]\d{4}$|^\d{3}[-.]\d{4}$|^0\d{1,5}(?:[-/ ]| / )\d"
)
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?(?![A-Z0-9])")
_NEXT_LINE = 1.0  # em of white space between two lines of one cell
_MASK = "\u2588"
_SIGNS = "().,;:[]*\u00b7\u2022'\"|"  # around a number, not part of it: brackets, and specks that were taken for signs
_ID_TOKEN = re.compile(r"^[\w#][\w\-/.\\#&+*:]*$|^\d+$")


@dataclass(frozen=True, slots=True)
class Value:
    """A typed value: ``value`` normalised, ``text`` as printed.

    ``quality`` (0..1) says how much it looks like its kind by its form alone.
    ``number`` is set for money and percentages.
    """

    kind: ValueKind
    value: str
    text: str
    span: Span
    page: int
    quality: float
    confidence: float
    number: Decimal | None = None
    currency: str = ""
    swapped: str = ""

    @property
    def box(self) -> Box:
        return union_box(self.span.tokens)


def find_values(page: Page, context: Context) -> list[Value]:
    """Find all typed values of a page, in reading order; dates that wrap into the next line come last."""
    found = [value for cell in page.cells for value in _values_of_cell(cell, context)]
    dated = {token.index for value in found if value.kind == "date" for token in value.span.tokens}
    other = [value for cell in page.cells for value in _dates_read_otherwise(cell, context, dated)]
    return [*found, *other, *_wrapped_dates(page, context)]


def _dates_read_otherwise(cell: Cell, context: Context, dated: Collection[int]) -> Iterable[Value]:
    """Yield dates that figures are which were looked at again, if not what they most probably say."""
    for token in cell.tokens:
        for text, _ in token.readings[1:] if token.index not in dated else ():
            match = next((found for found in dates.find_dates(text, context.order) if found.certain), None)
            if match is not None:
                swapped = match.swapped.isoformat() if match.swapped else ""
                day = match.value.isoformat()
                span = Span(cell, (token,))
                yield Value("date", day, text, span, cell.page, 1.0, token.confidence, swapped=swapped)
                break


def _wrapped_dates(page: Page, context: Context) -> Iterable[Value]:
    """Yield dates whose words go on in the line below: "Wednesday, October" over "12, 2022"."""
    for block in page.blocks:
        for upper, lower in pairwise(block):
            if not dates.begins_date(upper.text) or lower.y0 - upper.y1 > _NEXT_LINE:
                continue
            whole = make_cell((*upper.tokens, *lower.tokens), upper.page, upper.row)
            for match in dates.find_dates(whole.text, context.order):
                if match.certain and match.start < len(upper.text) < match.end:
                    span = (match.start, match.end)
                    yield _value("date", match.value.isoformat(), whole, span, 1.0)


def _value(
    kind: ValueKind, value: str, cell: Cell, span: tuple[int, int], quality: float, **extra: object
) -> Value:
    tokens = cell.tokens_between(*span)
    text = collapse(cell.text[span[0] : span[1]])
    confidence = min(t.confidence for t in tokens)
    return Value(kind, value, text, Span(cell, tokens), cell.page, quality, confidence, **extra)  # type: ignore[arg-type]


def _values_of_cell(cell: Cell, context: Context) -> Iterable[Value]:
    text = cell.text
    if not any(c.isdigit() or c == "@" for c in text):
        return
    taken = list(text)

    def mask(start: int, end: int) -> None:
        taken[start:end] = [_MASK if c != " " else c for c in taken[start:end]]

    for match in _EMAIL.finditer(text):
        yield _value("email", re.sub(r"\s", "", match.group()), cell, match.span(), 1.0)
        mask(*match.span())
    for match in _URL.finditer("".join(taken)):
        mask(*match.span())
    for match in _IBAN.finditer("".join(taken)):
        try:
            number = stdnum_iban.validate(match.group())
        except ValidationError:
            continue
        yield _value("iban", number, cell, match.span(), 1.0)
        mask(*match.span())
    for match in _TAX_NUMBER.finditer("".join(taken)):
        yield _value("id", collapse(match.group()), cell, match.span(), 1.0)
        mask(*match.span())
    for found in dates.find_dates("".join(taken), context.order):
        swapped = found.swapped.isoformat() if found.swapped else ""
        yield _value(
            "date",
            found.value.isoformat(),
            cell,
            (found.start, found.end),
            1.0 if found.certain else 0.5,
            swapped=swapped,
        )
        if found.certain:
            mask(found.start, found.end)
    for match in _PHONE.finditer("".join(taken)):
        digits = re.sub(r"\D", "", match.group())
        if 7 <= len(digits) <= 15 and (
            _PHONE_SURE.search(match.group()) or re.search(r"(?i)tel|ph|fax|mob|call", text)
        ):
            yield _value("phone", collapse(match.group()), cell, match.span(), 1.0)
            mask(*match.span())
    for start, end, percent in amounts.find_percents("".join(taken)):
        yield _value("percent", amounts.plain(percent), cell, (start, end), 1.0, number=percent)
        mask(start, end)
    rest = "".join(taken)
    for amount in amounts.find_amounts(rest, context.mark):
        quality = 1.0 if amount.cents else 0.85 if amount.currency else 0.5
        yield _value(
            "money",
            amounts.plain(amount.value, places=2),
            cell,
            (amount.start, amount.end),
            quality,
            number=amount.value,
            currency=amount.currency,
        )
    yield from _ids_of_cell(cell, rest)


# Numbers that are part of an address: "GA 30164", "Suite 379", "P.O. Box 1392", "4906 N Hollis Blvd".
_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND "
    "OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR"
)
_IN_ADDRESS = re.compile(
    rf"(?<=,)\s?(?:{'|'.join(_STATES.split())})\.?,?\s?\d{{5}}(?:[-=]\d{{3,4}})?(?!\w)"
    r"|(?i:\b(?:suite|ste|apt|apto|unit|unidad|floor|piso|bldg|edificio|p\.?\s?o\.?\s?box)\b\.?\s?#?\s?\w+)"
)
_HOUSE = re.compile(r"(?:^|(?<=[:,] ))\d+[A-Z]?(?= )")
_PART_OF_ADDRESS = 0.2
# Letters that begin a number and stand apart from its digits; not words that stand before numbers anyway.
_SERIES = re.compile(r"[A-Z]{2,4}")
_NO_SERIES = frozenset(
    "NO NR NUM ID REF TEL FAX TO OF ON AT IN AND THE FOR BY PER USD EUR GBP CAD AUD INR CHF BOX ZIP PIN "
    "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC "
    f"{_STATES} NSW VIC QLD TAS ACT".split()  # before a postcode
)


def _ids_of_cell(cell: Cell, masked: str) -> Iterable[Value]:
    """Yield ids: a token with a digit, together with neighbours that belong to the same number."""
    tokens = cell.tokens
    usable = [_MASK not in masked[s : s + len(t.text)] for s, t in zip(cell.starts, tokens, strict=True)]
    in_address = [match.span() for match in _IN_ADDRESS.finditer(cell.text)]
    if STREET.search(cell.text):
        in_address += [match.span() for match in _HOUSE.finditer(cell.text)]
    k = 0
    while k < len(tokens):
        text = tokens[k].text
        if not usable[k] or not any(c.isdigit() for c in text) or not _looks_like_id(text):
            k += 1
            continue
        first = last = k
        # "INV - 100", "RE 2024-77", "US - 001": an upper-case prefix or a separator belongs to the number
        while first > 0 and usable[first - 1] and _joins_before(tokens[first - 1].text, tokens[first].text):
            first -= 1
        while (
            last + 1 < len(tokens)
            and usable[last + 1]
            and _joins_after(tokens[last].text, tokens[last + 1].text)
        ):
            last += 1
        span = cell.span_of(first, last)
        value = collapse(cell.text[span[0] : span[1]]).strip(f"# {_SIGNS}")
        if value and any(c.isdigit() for c in value):
            inside = any(start <= span[0] and span[1] <= end for start, end in in_address)
            yield _value(
                "id", value, cell, span, min(_id_quality(value), _PART_OF_ADDRESS if inside else 1.0)
            )
        k = last + 1


def _looks_like_id(text: str) -> bool:
    return bool(_ID_TOKEN.match(text.strip(_SIGNS))) and not re.fullmatch(
        r"\d{1,2}(?:st|nd|rd|th)", text.lower()
    )


def _joins_before(previous: str, current: str) -> bool:
    if previous in ("-", "/", "–"):
        return True
    if re.fullmatch(r"[A-Z0-9][A-Z0-9/-]*[/-]", previous):
        return True  # but not the end of a label: "Purchase Order/"
    if _SERIES.fullmatch(previous) and previous not in _NO_SERIES and re.fullmatch(r"\d{4,}[\w-]*", current):
        return not meanings_of(key_of(previous))  # "LM 88213", but not "PO 88213"
    return current[0] in "-/–" and bool(re.fullmatch(r"[A-Z0-9][\w-]*", previous))


def _joins_after(current: str, following: str) -> bool:
    if current.endswith(("-", "/")) or current in ("-", "/", "–"):
        return any(c.isdigit() for c in following) or following.isupper()
    if following in ("-", "/", "–"):
        return True
    return following[0] in "-/–" and len(following) > 1


def _id_quality(value: str) -> float:
    digits = sum(c.isdigit() for c in value)
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})*[.,]\d{2}", value):
        return 0.25
    if digits == 1:
        return 0.4
    if re.fullmatch(r"\d\.\d{1,2}", value):
        return 0.3
    if digits == 2 and len(value) == 2:
        return 0.6
    if re.fullmatch(r"\d{1,2}:\d{2}(?::\d{2})?", value):
        return 0.05
    if re.search(r"[a-z]{4,}", value) and digits < 3:
        return 0.4
    return 1.0
