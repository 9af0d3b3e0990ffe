"""What an office knows before it reads a document: its open work orders, its vendors, what the uploader stated.

Plain data for the readers (``extraction.schema.Hints``). Nothing here knows whose it is: the caller takes one
organization's lists and no other's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from extraction.reading.lexicon import key_of

_TELEPHONE_DIGITS = 9
"""Country codes and trunk noughts differ between a list and a letterhead; the last nine digits don't."""


def number_key(number: str) -> str:
    """Return an identifier as it is compared: upper case, separators removed, leading zeros kept."""
    return re.sub(r"[\s\-./#]+", "", number).upper()


def telephone_key(number: str) -> str:
    """Return the digits by which telephone numbers are compared; empty if there are too few of them."""
    digits = re.sub(r"\D", "", number)[-_TELEPHONE_DIGITS:]
    return digits if len(digits) >= _TELEPHONE_DIGITS - 2 else ""


@dataclass(frozen=True, slots=True)
class KnownVendor:
    """A vendor of the office's list; all but the name may be empty."""

    name: str
    phone: str = ""
    email: str = ""
    tax_id: str = ""

    @property
    def contacts(self) -> dict[str, str]:
        """Return what names the vendor beyond doubt, as it is compared, with what it is called."""
        found = {telephone_key(self.phone): "telephone number", key_of(self.tax_id): "tax number"}
        if self.email:
            found[self.email.lower()] = "e-mail address"
        return {key: what for key, what in found.items() if len(key) >= _TELEPHONE_DIGITS - 2}


@dataclass(frozen=True, slots=True)
class Office:
    """What one organization knows about a document that nobody has read yet.

    ``work_orders`` are the open ones, as the office writes them, by their :func:`number_key`; ``stated`` what
    the uploader said the document holds, normalised, by field.
    """

    work_orders: Mapping[str, str] = field(default_factory=dict)
    vendors: tuple[KnownVendor, ...] = ()
    stated: Mapping[str, str] = field(default_factory=dict)
