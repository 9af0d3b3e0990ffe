"""What people write into boxes for sums and dates, and what a recogniser's string of it may mean.

Print follows rules (``extraction.reading.amounts``); a pen leaves out points, raises cents, ends with a dash, and a
recogniser loses one of them. One string then means several sums, each with a share of its probability.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

_WHOLE: Final = (
    0.85  # share of the probability of a string that reads as a whole sum, or as one with a point lost
)
# Share that a string of so many digits without a mark has lost the point before its cents: nobody writes a million
# without setting its thousands apart.
_POINT_LOST: Final = {4: 0.2, 5: 0.35, 6: 0.65}
_MOST_LOST: Final = 0.9
# "21,462 3": a nought or a second digit of the cents was not seen.
_HALF_CENTS: Final = 0.5

# "83.254=10,452.38": what was struck out is read as figures, the stroke through it as a mark; the last one counts.
_STRUCK: Final = re.compile(r"^\d[\d.,]*[-=~_/]+(?P<last>\d[\d.,]{2,})$")
_LAST: Final = 0.7
_LONGEST: Final = 9  # digits of a sum, cents included: nobody writes ten millions by hand

_NO_CENTS: Final = re.compile(r"[.,]?\s*(?:/?\s*[-=~_]+|/)\s*$")  # "2,350-", "680.-", "500/-"
_RAISED: Final = re.compile(r"^(?P<whole>\d[\d.,]*)[.,]?\s+(?P<cents>\d\d)$")
_HUNDREDTHS: Final = re.compile(
    r"^(?P<whole>\d[\d.,]*)\s+(?P<cents>\d\d|no|xx|oo)\s?/\s?(?:100|1|xx)?$", re.IGNORECASE
)


def amounts_of(text: str) -> list[tuple[Decimal, float]]:
    """Return the sums that a hand-written amount may mean, each with its share (together at most 1), likeliest first.

    Currency signs are left out; at the end a dash says that there are no cents.

    :returns: empty if the text is no amount.
    """
    text = re.sub(r"[$#*]|(?<=[.,])\s+|\s+(?=[.,])", "", text).strip(" .,:;'")
    if not re.search(r"\d", text) or re.search(r"[^\d.,\s/=~_xXnNoO-]", text):
        return []
    for pattern in (_HUNDREDTHS, _RAISED):
        match = pattern.match(text)
        if match and (whole := _whole(match["whole"])) is not None:
            cents = match["cents"]
            return [(whole + (Decimal(cents) / 100 if cents.isdigit() else 0), 1.0)]
    bare = _NO_CENTS.sub("", text)
    if bare != text:
        whole = _whole(bare)
        if whole is not None:
            return [(whole, 1.0)]
        text = bare
    text = re.sub(r"\s", "", text)
    if struck := _STRUCK.match(text):
        return [(value, share * _LAST) for value, share in amounts_of(struck["last"])]
    if not re.fullmatch(r"\d[\d.,]*", text):
        return []
    parts = re.split(r"[.,]+", text)
    if len("".join(parts)) > _LONGEST:
        return []
    digits, last = "".join(parts), parts[-1]
    if len(parts) == 1:
        return _without_point(digits)
    if len(last) == 2:
        return [(Decimal(digits) / 100, 1.0)]
    if len(last) == 3:
        # "1,250" is a thousand and more; "1250.000" and "0.125" are nothing that anybody writes.
        return [(Decimal(digits), _WHOLE)] if 1 <= len(parts[0]) <= 3 and parts[0] != "0" else []
    if len(last) == 5:
        return [(Decimal(digits) / 100, _WHOLE)]  # "3,09203": the point before the cents was not seen
    if len(last) == 1:
        return [(Decimal(digits) / 10, _HALF_CENTS)]
    return []


def _whole(text: str) -> Decimal | None:
    """Return an amount without cents: digits, or groups of three."""
    parts = re.split(r"[.,\s]+", text.strip())
    if not all(p.isdigit() for p in parts) or not all(len(p) == 3 for p in parts[1:]) or len(parts[0]) > 6:
        return None
    return Decimal("".join(parts))


def _without_point(digits: str) -> list[tuple[Decimal, float]]:
    if len(digits) < 4:
        return [(Decimal(digits), 1.0)]
    lost = _POINT_LOST.get(len(digits), _MOST_LOST)
    both = [(Decimal(digits), 1 - lost), (Decimal(digits) / 100, lost)]
    return sorted(both, key=lambda pair: -pair[1])


def amount_text(value: Decimal) -> str:
    """Return a sum as it is written where the recogniser's own string can't be read as one: "3,092.03", "1250"."""
    return f"{value:,.2f}" if value % 1 else f"{value:.0f}"


_YEARS: Final = range(2000, 2050)
_SLASH_LOST: Final = 0.7  # share of the ways to put slashes in place of ones, together
_STROKES: Final = frozenset("17")  # what a slash is taken for


def dates_of(text: str) -> list[tuple[str, float]]:
    """Return the dates in figures that a hand-written date may mean, as "3/17/2019", each with its share.

    Any mark parts day, month and year; where marks are missing, ones and sevens may have been slashes.

    :returns: empty if the text is no date; which of two numbers is the month is left open.
    """
    text = re.sub(r"\s", "", text).strip(".,-/=")
    if not re.fullmatch(r"[\d./=,_-]+", text):
        return []
    parts = [part for part in re.split(r"[./=,_-]+", text) if part]
    if len(parts) == 3:
        return [("/".join(parts), 1.0)] if _is_date(parts) else []
    if len(parts) > 3:
        return []
    ways = list(dict.fromkeys(_with_slashes("/".join(parts), 3 - len(parts))))
    # Month first where both orders are possible: this is how the forms' country writes.
    ways.sort(key=lambda way: int(way.split("/")[0]) > 12)
    return [(way, _SLASH_LOST * 0.5**k) for k, way in enumerate(ways[:3])]


def _with_slashes(text: str, missing: int) -> Iterator[str]:
    if not missing:
        if _is_date(text.split("/")):
            yield text
        return
    for k in range(1, len(text) - 1):
        if text[k] in _STROKES:
            yield from _with_slashes(f"{text[:k]}/{text[k + 1 :]}", missing - 1)


def _is_date(parts: Sequence[str]) -> bool:
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return False
    if len(parts[0]) == 4:
        year, first, second = parts
    else:
        first, second, year = parts
    if not (len(first) <= 2 and len(second) <= 2 and len(year) in (2, 4)):
        return False
    one, two = int(first), int(second)
    within = int(year) + (2000 if len(year) == 2 else 0) in _YEARS
    return within and min(one, two) >= 1 and min(one, two) <= 12 and max(one, two) <= 31
