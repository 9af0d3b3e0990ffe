"""When a value that was read counts as right (the rules stand in docs/fields.md)."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation

from rapidfuzz import fuzz

from extraction.fields import FIELDS, LINE_ITEM_FIELDS
from extraction.units import unit_code

CENT = Decimal("0.01")
ADDRESS_SIMILARITY = 0.9
# A subset of the words is "similar" by token sets; an address must hold at least this share of the true one's words.
ADDRESS_SHARE = 0.6

_LEGAL = re.compile(
    r"\b(?:incorporated|inc|llc|ltd|limited|corp|corporation|co|company|gmbh|ag|kg|ohg|ek|ug|sarl|sas|sasu"
    r"|eurl|sa|bv|nv|srl|spa|sl|pty|pte|pvt|plc|llp|lp|sdn bhd|sdn|bhd|lda|ltda)\b"
)


def is_right(name: str, truth: object, value: str | None) -> bool:
    """Compare a normalised value with the truth (JSON number or text) of a header field or column."""
    if value is None:
        return False
    field = FIELDS.get(name) or LINE_ITEM_FIELDS[name]
    expected = str(truth)
    if field.kind in ("money", "percent", "quantity"):
        try:
            return abs(Decimal(value) - Decimal(expected)) < CENT / 2
        except InvalidOperation:
            return False
    if field.kind == "date":
        return value == expected
    if field.kind == "id":
        return _id(value) == _id(expected)
    if field.kind in ("code", "choice"):
        return value.upper() == expected.upper()
    if name.endswith("_address"):
        return _same_address(expected, value)
    if name == "vendor_phone":
        return re.sub(r"\D", "", value) == re.sub(r"\D", "", expected)
    if name == "unit" and (code := unit_code(expected)) is not None:
        return code == unit_code(value)
    return _name(value) == _name(expected)


def _id(text: str) -> str:
    return re.sub(r"[\s\-./#]", "", text).upper()


def _words(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.lower())
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w\s]|_", " ", folded).split())


def _name(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.lower().replace(".", ""))
    plain = " ".join(
        re.sub(r"[^\w\s]|_", " ", "".join(c for c in folded if not unicodedata.combining(c))).split()
    )
    return "".join(_LEGAL.sub(" ", plain).split()) or plain


def _same_address(truth: str, value: str) -> bool:
    expected, found = _words(truth), _words(value)
    if fuzz.token_set_ratio(expected, found) < ADDRESS_SIMILARITY * 100:
        return False
    share = len(set(expected.split()) & set(found.split())) / max(len(set(expected.split())), 1)
    return share >= ADDRESS_SHARE or fuzz.token_sort_ratio(expected, found) >= ADDRESS_SIMILARITY * 100
