"""Amounts of money, quantities, percentages and currencies as they are printed around the world.

Everything is ``Decimal``. Nothing here guesses silently: text that is not clearly a
number of the asked kind gives ``None``. What one amount can't tell alone (is ``1.234``
a thousand or one and a bit?) is decided by :func:`decimal_mark_of` over the whole document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

DecimalMark = Literal[".", ",", ""]

_SYMBOLS = {
    "us$": "USD", "usd$": "USD", "$us": "USD", "c$": "CAD", "ca$": "CAD", "cad$": "CAD", "a$": "AUD",
    "au$": "AUD", "nz$": "NZD", "s$": "SGD", "hk$": "HKD", "mx$": "MXN", "r$": "BRL", "$": "USD", "£": "GBP",
    "€": "EUR", "₹": "INR", "¥": "JPY", "₽": "RUB", "₩": "KRW", "₪": "ILS", "₺": "TRY", "zł": "PLN",
    "kč": "CZK", "rs.": "INR", "rs": "INR", "rm": "MYR", "fr.": "CHF", "sfr.": "CHF", "eur": "EUR",
    "euro": "EUR", "euros": "EUR",
}  # fmt: skip
_CODES_TEXT = (
    "USD CAD MXN GBP EUR CHF SEK NOK DKK PLN CZK HUF RON BGN AUD NZD SGD HKD MYR INR IDR THB PHP JPY CNY "
    "KRW TWD ILS AED SAR TRY ZAR BRL ARS CLP COP PEN DOP GTQ CRC RUB UAH VND"
)
CURRENCY_CODES = frozenset(_CODES_TEXT.split())

_SURE_CODES = frozenset({"USD", "EUR", "GBP", "CAD", "AUD", "INR", "CHF"})
_CURRENCY = (
    r"(?:US\$|USD\$|\$US|CA?\$|CAD\$|AU?\$|NZ\$|S\$|HK\$|MX\$|R\$|\$|£|€|₹|¥|₽|₩|₪|₺|zł|Kč|Rs\.?|RM|S?Fr\."
    r"|EUROS?|" + "|".join(sorted(CURRENCY_CODES)) + r")"
)
_SPACE = "[ \u00a0\u202f\u2009]"
# Digit groups may be set apart by point, comma, apostrophe or one space; a space also creeps in around a
# separator where the recogniser saw a gap ("1, 234 .56").
_NUMBER = (
    rf"(?:\d{{1,3}}(?:{_SPACE}\d{{3}})+(?:{_SPACE}?[.,]{_SPACE}?\d{{1,2}})?"
    rf"|\d+(?:{_SPACE}?[.,'’]{_SPACE}?\d+)*"
    r"|[.,]\d{1,4})"
)
_AMOUNT = re.compile(
    rf"(?P<open>\(\s*)?(?P<sign>[-−–+]\s*)?(?:(?P<pre>{_CURRENCY})\s*[:]?\s*)?(?P<sign2>[-−–]\s*)?(?P<open2>\(\s*)?"
    rf"(?P<number>{_NUMBER})"
    r"(?:\s+(?P<cents>\d{2}|xx|XX|no|NO|oo|OO)\s?/\s?(?:100|xx|XX))?"
    r"(?P<dash>[.,]?\s?[-−–—]{1,2}(?![\w\d]))?"
    rf"(?:\s*(?P<post>{_CURRENCY})(?![A-Za-z]))?"
    r"(?P<credit>\s*CR\b)?(?P<close>\s*\))?",
    re.IGNORECASE,
)
_PERCENT = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:[.,]\d{1,4})?)\s*(?:%|percent\b|per cent\b|por ciento\b|v\.\s?H\.)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number found in a text: ``start``/``end`` are its character span.

    ``cents`` says that decimals are printed, ``currency`` the ISO code printed with
    it (or empty); both speak for money rather than a count or a house number.
    """

    start: int
    end: int
    value: Decimal
    currency: str = ""
    cents: bool = False


def plain(value: Decimal, *, places: int = 0) -> str:
    """Write a decimal without exponent, with at least ``places`` decimals and no needless further zeros."""
    exponent = value.normalize().as_tuple().exponent
    decimals = max(places, -exponent if isinstance(exponent, int) and exponent < 0 else 0)
    text = f"{value:.{decimals}f}"
    return "0" + text[2:] if text.startswith("-0") and not value else text


def interpret_number(text: str, mark: DecimalMark = "") -> Decimal | None:
    """Read digits with separators, without sign or currency.

    :param mark: the document's decimal mark if known; decides ``1.234`` and ``1,234``,
        which are otherwise read as thousands (money has no three decimals).
    """
    text = re.sub(r"[\s\u00a0\u202f\u2009]*([.,'’])[\s\u00a0\u202f\u2009]*", r"\1", text.strip())
    groups = re.split(r"[\s\u00a0\u202f\u2009'’]", text)
    if len(groups) > 1:
        tail = re.match(r"\d+", groups[-1])
        if any(len(g) != 3 for g in groups[1:-1]) or tail is None or len(tail.group()) != 3:
            return None
        text = "".join(groups)
    separators = re.findall(r"[.,]", text)
    if not separators:
        return Decimal(text) if text.isdigit() else None
    parts = re.split(r"[.,]", text)
    if not all(p.isdigit() for p in parts[1:]) or not (
        parts[0].isdigit() or (parts[0] == "" and len(parts) == 2)
    ):
        return None
    whole, last = parts[:-1], parts[-1]
    if len(set(separators)) == 2:
        if separators.count(separators[-1]) != 1 or not _are_groups(whole):
            # "1.234,567" written as groups only, or nonsense such as 1,2.3,4
            return Decimal("".join(parts)) if _are_groups(parts) else None
        return _decimal("".join(whole), last)
    if len(separators) > 1:
        if _are_groups(parts):
            return Decimal("".join(parts))
        # A recogniser's point for a comma: 1.450.00
        return _decimal("".join(whole), last) if len(last) == 2 and _are_groups(whole) else None
    if len(last) == 3 and parts[0] not in ("", "0") and len(parts[0]) <= 3:
        return _decimal(parts[0], last) if mark == separators[0] else Decimal("".join(parts))
    return _decimal(parts[0] or "0", last)


def _are_groups(parts: list[str]) -> bool:
    """Whether parts are thousands groups: 1|234|567, or the Indian 12|34|567."""
    if len(parts) == 1:
        return True
    if not 1 <= len(parts[0]) <= 3 or len(parts[-1]) != 3:
        return False
    return all(len(p) == 3 for p in parts[1:]) or (
        len(parts[0]) <= 2 and all(len(p) == 2 for p in parts[1:-1])
    )


def _decimal(whole: str, fraction: str) -> Decimal | None:
    try:
        return Decimal(f"{whole}.{fraction}")
    except InvalidOperation:
        return None


def find_amounts(text: str, mark: DecimalMark = "") -> list[Amount]:
    """Find every number that could be an amount; parts of ids, dates, phones and percentages are not."""
    found: list[Amount] = []
    for match in _AMOUNT.finditer(text):
        start, end = match.span()
        if text[start - 1 : start] and (text[start - 1].isalnum() or text[start - 1] in "/#_.,:@-"):
            # glued to something before it: an id (INV-100), a decimal's tail; a label's colon is fine
            before = text[start - 1]
            if not (before == ":" and not text[start - 2 : start - 1].isdigit()) and not (
                before in ".," and text[start - 2 : start - 1].isalpha()
            ):
                continue
        if re.match(r"[\w%@]|\s?%|[-/.:](?=\w)|[/]", text[end:]):
            continue
        amount = _amount(match, mark)
        if amount is not None:
            found.append(amount)
    return found


def _amount(match: re.Match[str], mark: DecimalMark) -> Amount | None:
    number = match["number"]
    value = interpret_number(number, mark)
    if value is None:
        return None
    dash, cents = match["dash"], match["cents"]
    decimals = bool(re.search(r"[.,]\s?\d{2}$", number)) or -_exponent(value) == 2
    negative = (
        bool(match["sign"] and match["sign"].strip() in "-−–")
        or bool(match["sign2"])
        or bool(match["credit"])
    )
    opened = bool(match["open"] or match["open2"])
    if opened and match["close"]:
        negative = True
    if dash and decimals:  # 1,450.00- is a credit; 2,350- means "and no cents"
        negative = True
    if cents:
        if decimals:
            return None
        value += Decimal(cents) / 100 if cents.isdigit() else 0
    start, end = match.span()
    if opened and not match["close"]:  # a bracket that closes elsewhere is not part of the amount
        start = match.start("number") if match["open2"] else start + len(match["open"] or "")
    elif match["close"] and not opened:
        end -= len(match["close"])
    currency = currency_of(match["pre"] or match["post"] or "") or ""
    printed_cents = decimals or bool(cents) or bool(dash and not decimals)
    return Amount(start, end, -value if negative else value, currency, printed_cents)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def parse_money(text: str, mark: DecimalMark = "") -> Decimal | None:
    """Read a text that is one amount of money and nothing else (currency and sign allowed)."""
    text = text.strip(" \t\n\u00a0*:=")
    text = re.sub(r"^(\d[\d.,]*)\s*/-$", r"\1", text)  # Indian "500/-"
    found = [a for a in find_amounts(text, mark) if a.start == 0 and a.end >= len(text.rstrip(" ."))]
    return found[0].value if len(found) == 1 else None


def parse_quantity(text: str, mark: DecimalMark = "") -> Decimal | None:
    """Read a quantity; a unit printed with it (``2 h``, ``3,5 Std``, ``1.00 kg``) is ignored."""
    match = re.match(rf"\s*([-−]?)\s*({_NUMBER})\s*(?:x|[^\W\d_][\w./²³]*\.?)?\s*$", text)
    if match is None:
        return None
    value = interpret_number(match[2], mark)
    return None if value is None else -value if match[1] else value


def parse_percent(text: str) -> Decimal | None:
    """Read ``8.5%``, ``19,00 %`` or a bare number as a percentage."""
    match = _PERCENT.search(text) or re.fullmatch(r"\s*(\d{1,3}(?:[.,]\d{1,4})?)\s*", text)
    return None if match is None else Decimal(match[1].replace(",", "."))


def find_percents(text: str) -> list[tuple[int, int, Decimal]]:
    """Find printed percentages as (start, end, value)."""
    return [(m.start(), m.end(), Decimal(m[1].replace(",", "."))) for m in _PERCENT.finditer(text)]


def currency_of(text: str) -> str | None:
    """Return the ISO 4217 code that a symbol, code or name stands for; a bare ``$`` counts as USD."""
    text = text.strip()
    if text.upper() in CURRENCY_CODES:
        return text.upper()
    return _SYMBOLS.get(text.lower())


def find_currencies(text: str) -> list[str]:
    """Return the ISO codes of all currency marks in a text, in order, with repetition."""
    pattern = rf"(?<![A-Za-z]){_CURRENCY}(?![A-Za-z])(?<!-Fr\.)"  # "Mo.-Fr. 08.30": opening hours
    found = []
    for match in re.finditer(pattern, text):
        code = currency_of(match.group())
        # "Mo.-Fr. 8 to 17", "PEN", "RM 12" the room: letters that are also words count only beside an amount
        word = match.group()
        sure = not word[0].isalpha() or (code in _SURE_CODES and len(word) >= 3 and not word.endswith("."))
        amount = (
            r"\s?[-–]?\d[\d.,']*[.,]\d"
            if word.endswith(".") and word.lower().endswith("fr.")
            else r"\s?[-–]?\d"
        )
        beside = re.match(amount, text[match.end() :]) or re.search(r"\d\s?$", text[: match.start()])
        if code and (sure or beside or text[: match.start()].endswith("(")):
            found.append(code)
    return found


def decimal_mark_of(texts: Iterable[str], default: DecimalMark = "") -> DecimalMark:
    """Decide a document's decimal mark from its unambiguous amounts (1,234.56 / 12,50 / 1.234.567).

    :returns: ``default`` where nothing speaks for either.
    """
    votes = {".": 0, ",": 0}
    for text in texts:
        for match in re.finditer(r"(?<![\d.,/:-])\d+(?:[.,'’ ]\d{3})*([.,])\d{2}(?![\d.,/:%-])", text):
            votes[match[1]] += 1
        for match in re.finditer(r"(?<![\d.,])\d{1,3}([.,])\d{3}\1\d{3}(?!\d)", text):
            votes["," if match[1] == "." else "."] += 1
    if votes["."] == votes[","]:
        return default
    return "." if votes["."] > votes[","] else ","
