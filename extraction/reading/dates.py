"""Dates as they are printed, and which way round 03/04/2026 is meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

DateOrder = Literal["mdy", "dmy"]

_MONTHS: dict[str, int] = {}
for _names in (
    # en, es, de, fr, nl, it, pt; accents are stripped before looking up
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "ene feb mar abr may jun jul ago set oct nov dic",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "jan feb mrz apr mai jun jul aug sep okt nov dez",
    "janner feber maerz april mai juni juli august sept okt nov dez",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "janv fevr mars avr mai juin juil aout sept oct nov dec",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "jan febr mrt apr mei jun jul aug sept okt nov dec",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "gen feb mar apr mag giu lug ago set ott nov dic",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "jan fev mar abr mai jun jul ago set out nov dez",
):
    for _number, _name in enumerate(_names.split(), start=1):
        _MONTHS.setdefault(_name, _number)

# The last letter of "Jul" is taken for a stroke: "Ju/19, 2026".
_MONTHS |= dict.fromkeys(("ju/", "ju|", "ju1"), 7)

_MONTH = "(?P<month>" + "|".join(re.escape(name) for name in sorted(_MONTHS, key=len, reverse=True)) + ")"
_YEAR = r"(?P<year>(?:19|20)\d{2}|'?\d{2})"
_END = r"(?![\d/]|[.-]\d|[a-z])"
# A recogniser may glue the time to the year: 12/01/201719:33
_END_OR_TIME = r"(?:(?=\s?\d{1,2}:\d{2})|(?![\d/]|[.-]\d))"
_NUMERIC = re.compile(
    r"(?<![\d/.,])(?P<a>\d{1,2})\s?(?P<sep>[-/.])\s?(?P<b>\d{1,2})\s?(?P=sep)\s?(?P<year>(?:19|20)\d{2}"
    r"|\d{2})" + _END_OR_TIME
)
_ISO = re.compile(
    r"(?<![\d/.,])(?P<year>(?:19"
    r"|20)\d{2})\s?(?P<sep>[-/.])\s?(?P<m>\d{1,2})\s?(?P=sep)\s?(?P<d>\d{1,2}?)(?:(?=t)"
    r"|(?=\s?\d{1,2}:\d{2})|(?![\d/]))"
)
_COMPACT = re.compile(
    r"(?<![\d/.,-])(?P<year>20[0-4]\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?![\d/.,-])"
)
_COMPACT_DAY_FIRST = re.compile(
    r"(?<![\d/.,-])(?P<d>0[1-9]|[12]\d|3[01])(?P<m>0[1-9]|1[0-2])(?P<year>20[0-4]\d)(?![\d/.,-])"
)
_DAY_MONTH = re.compile(
    r"(?<![\d/.,-])(?P<day>\d{1,2})(?:\s?(?:st|nd|rd|th|er|º|°|\.))?\s*(?:de\s+|of\s+|di\s+|[-/.,]\s?)?"
    + _MONTH
    + r"\.?,?\s*(?:de\s+|del\s+|do\s+|[-/,.]\s?)?"
    + _YEAR
    + _END_OR_TIME
)
_MONTH_DAY = re.compile(
    r"(?<![a-z])"
    + _MONTH
    + r"\.?[\s/-]*(?P<day>[|!]?\d|\d{1,2}|[gq])(?:\s?(?:st|nd|rd|th))?(?:\s*[,./-]\s*|\s+)"
    + r"(?P<year>(?:19|20)\d{2}|'?\d{2}|[2z][0o][0-4z][\dzs])"  # "Dec |7, 2024", "Feb g, Z0Z3"
    + _END_OR_TIME
)
# A pen's gap between day and year is easily overlooked: "Dec 22025", "Jan 162024".
_MONTH_DAY_GLUED = re.compile(
    r"(?<![a-z])" + _MONTH + r"\.?[\s/-]*(?P<day>\d{1,2})(?P<year>20[0-4]\d)" + _END
)
_YEAR_MONTH_NAME = re.compile(
    r"(?<![\d/.,-])(?P<year>(?:19|20)\d{2})[\s/-]" + _MONTH + r"[\s/-](?P<day>\d{1,2})" + _END
)


_DASHES = str.maketrans("~=_", "---")  # how a pen's dash between day and month is read
_OCTOBER = re.compile(r"(?<![a-z0-9])0(?=[ck]t)")  # recognisers take its letter for a nought
_ALIKE = str.maketrans("|!gqzos", "1199205")
_BEGINS = re.compile(r"(?:^|[^a-z])(?:\d{1,2}\.?\s*)?" + _MONTH + r"\.?(?:\s+\d{1,2})?,?$")


def begins_date(text: str) -> bool:
    """Whether a line ends in the middle of a date: "Tuesday, September 27,", "3. März"."""
    return _BEGINS.search(_fold(text.strip())) is not None


@dataclass(frozen=True, slots=True)
class DateMatch:
    """A date found in a text; ``start``/``end`` are its character span.

    ``swapped`` is the other reading where day and month could be exchanged, else ``None``.
    ``certain`` is false for forms that other numbers take as well (20260304).
    """

    start: int
    end: int
    value: date
    swapped: date | None = None
    certain: bool = True


def find_dates(text: str, order: DateOrder = "mdy") -> list[DateMatch]:
    """Find every date in a text; ``order`` decides where day and month could be exchanged."""
    folded = _fold(text)
    found: list[DateMatch] = []
    for pattern in (
        _ISO,
        _DAY_MONTH,
        _MONTH_DAY,
        _MONTH_DAY_GLUED,
        _YEAR_MONTH_NAME,
        _NUMERIC,
        _COMPACT,
        _COMPACT_DAY_FIRST,
    ):
        for match in pattern.finditer(folded):
            span = match.span()
            if any(span[0] < f.end and f.start < span[1] for f in found):
                continue
            if folded[: span[0]].endswith("-") and match.groupdict().get("sep") == "-":
                continue  # the tail of a longer number: 12-01-02-2024
            result = _read(match, pattern, order)
            if result is not None:
                found.append(result)
    return sorted(found, key=lambda f: f.start)


def _read(match: re.Match[str], pattern: re.Pattern[str], order: DateOrder) -> DateMatch | None:
    start, end = match.span()
    year = _full_year(match["year"])
    if pattern is _NUMERIC:
        a, b = int(match["a"]), int(match["b"])
        month_first, day_first = _date(year, a, b), _date(year, b, a)
        value = (month_first or day_first) if order == "mdy" else (day_first or month_first)
        if value is None:
            return None
        other = day_first if value is month_first else month_first
        return DateMatch(start, end, value, other if other != value else None)
    if pattern in (_ISO, _COMPACT, _COMPACT_DAY_FIRST):
        value = _date(year, int(match["m"]), int(match["d"]))
    else:
        value = _date(year, _MONTHS[match["month"]], int(match["day"].translate(_ALIKE)))
    return (
        None
        if value is None
        else DateMatch(start, end, value, certain=pattern not in (_COMPACT, _COMPACT_DAY_FIRST))
    )


def order_of(texts: Iterable[str], default: DateOrder) -> DateOrder:
    """Decide day-first or month-first from the dates that can be read one way only.

    Where the document has none, or they contradict each other evenly, ``default`` counts.
    """
    votes = 0
    for text in texts:
        for match in _NUMERIC.finditer(_fold(text)):
            year, a, b = _full_year(match["year"]), int(match["a"]), int(match["b"])
            month_first, day_first = _date(year, a, b), _date(year, b, a)
            if match["sep"] == "." and default == "dmy":
                votes += 1  # 03.04.2026 is day first wherever it is written
            if month_first is None and day_first is not None:
                votes += 3
            elif day_first is None and month_first is not None:
                votes -= 3
    return default if votes == 0 else "dmy" if votes > 0 else "mdy"


def parse_date(text: str, order: DateOrder = "mdy") -> date | None:
    """Read a text that holds exactly one date (a weekday or a time beside it is allowed)."""
    found = find_dates(text, order)
    return found[0].value if len(found) == 1 else None


@lru_cache(maxsize=20_000)
def _fold(text: str) -> str:
    """Lower-case and strip accents without changing the number of characters."""
    folded = []
    for char in text:
        base = unicodedata.normalize("NFKD", char)[:1].lower()
        folded.append(base if len(base) == 1 else char)
    return _OCTOBER.sub("o", "".join(folded)).translate(_DASHES)


def _full_year(text: str) -> int:
    digits = text.strip("'").translate(_ALIKE)
    year = int(digits)
    if len(digits) == 4:
        return year
    return 2000 + year if year < 70 else 1900 + year


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
