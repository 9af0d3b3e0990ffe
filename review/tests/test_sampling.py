"""The audit sample draws each field with the share asked for, and always the same ones."""

from __future__ import annotations

from math import sqrt
from uuid import UUID

from review.sampling import GROUPS, draw

FIELDS = [f"field_{n}" for n in range(15)]
INVOICES = [UUID(int=n) for n in range(4000)]


def test_each_field_is_drawn_with_the_share() -> None:
    share = 0.05
    drawn = [set(draw(invoice, FIELDS, share)) for invoice in INVOICES]

    # Four standard errors: a right sampler fails once in 1,000 choices of the invoices for all 15 fields.
    width = 4 * sqrt(share * (1 - share) / len(INVOICES))
    for field in FIELDS:
        seen = sum(field in fields for fields in drawn) / len(INVOICES)
        assert abs(seen - share) < width


def test_few_invoices_are_touched() -> None:
    touched = sum(bool(draw(invoice, FIELDS, 0.05)) for invoice in INVOICES) / len(INVOICES)

    assert abs(touched - (1 - 0.95**GROUPS)) < 0.02


def test_the_draw_is_repeatable_and_keeps_to_the_bounds() -> None:
    invoice = INVOICES[7]

    assert draw(invoice, FIELDS, 0.5) == draw(invoice, FIELDS, 0.5)
    assert draw(invoice, FIELDS, 0.0) == []
    assert draw(invoice, FIELDS, 1.0) == FIELDS
    # Whether a field is drawn does not depend on which others are confident.
    assert set(draw(invoice, FIELDS[3:9], 0.5)) == set(draw(invoice, FIELDS, 0.5)) & set(FIELDS[3:9])


def test_a_larger_share_draws_the_same_fields_and_more() -> None:
    for invoice in INVOICES[:50]:
        assert set(draw(invoice, FIELDS, 0.1)) <= set(draw(invoice, FIELDS, 0.4))
