"""Which confident values a person checks all the same.

Without it the accuracy of what nobody looked at could not be known: the values
that people see by themselves are the doubtful ones, and their error rate says
nothing about the others.

How the sample is drawn
-----------------------
Every confident field of every invoice is drawn with the same probability, the
organization's ``audit_share`` *s*. The share of right values among the drawn
ones is therefore an unbiased estimate of the share among all confident ones,
without weights, for every field, backend, vendor and week by itself; within one
field an invoice counts once, so a binomial interval (Wilson) holds for it.

Drawing each field on its own would be unbiased too, but with 15 fields and
*s* = 5 % it would send 1 - 0.95^15 = 54 % of the invoices that need nobody to
somebody. Opening an invoice costs far more than one more glance at the open
page, so fields are drawn in `GROUPS` groups per invoice: which group a field
belongs to and whether the group is drawn both come from a hash of the invoice
and the field. The chance of each field stays exactly *s*; the share of
otherwise untouched invoices that a person opens falls to 1 - (1 - s)^GROUPS,
9.75 % at *s* = 5 %. The price: fields of one invoice are drawn together, so an
interval over several fields at once must be clustered by invoice.

The draw is a hash and no dice: reading an invoice again draws the same fields,
so nobody can get rid of an audit by reading again, and a report can be repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

GROUPS = 2
_RANGE = 2**64


def is_drawn(invoice_id: UUID, field: str, share: float) -> bool:
    """Say whether a field of an invoice belongs to the sample.

    :param share: probability (0..1) with which each field is drawn; 0 draws none, 1 all.
    """
    group = _number(invoice_id, field) % GROUPS
    return _number(invoice_id, f"group {group}") < share * _RANGE


def draw(invoice_id: UUID, fields: Iterable[str], share: float) -> list[str]:
    """Return those of the confident fields that a person checks, in the order given."""
    return [field for field in fields if is_drawn(invoice_id, field, share)]


def _number(invoice_id: UUID, salt: str) -> int:
    """Return a number that is uniform on 0..2^64-1 over the invoices, and always the same for one."""
    digest = hashlib.blake2b(salt.encode(), key=invoice_id.bytes, digest_size=8).digest()
    return int.from_bytes(digest)
