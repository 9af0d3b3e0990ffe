"""What people type is understood, and what can't be is said."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from review.forms import FilterForm, normalised, read_correction
from review.queue import Filters


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("total", "$1,450.00", "1450.00"),
        ("total", "1.450,00", "1450.00"),
        ("total", "  ", ""),
        ("invoice_date", "3/31/2026", "2026-03-31"),
        ("invoice_date", "2026-03-31", "2026-03-31"),
        ("vendor_name", " Acme \n Tools ", "Acme Tools"),
        ("currency", "USD", "USD"),
        ("document_type", "credit_note", "credit_note"),
    ],
)
def test_fields_are_normalised(name: str, typed: str, meant: str) -> None:
    assert normalised(name, typed) == (meant, "")


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("unit_price", "0.0375", "0.0375"),  # four places: not a rounded amount
        ("unit_price", "1,450.0375", "1450.0375"),
        ("amount", "1.450,00", "1450.00"),
        ("amount", "-12.5", "-12.5"),
        ("quantity", "1,000", "1000"),
    ],
)
def test_cells_keep_their_places(name: str, typed: str, meant: str) -> None:
    assert normalised(name, typed, of_line=True) == (meant, "")


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("total", "a lot", "“a lot” is not an amount. Write it like 1,450.00."),
        ("invoice_date", "2026-02-30", "“2026-02-30” is not a date. Write it like 2026-03-31."),
        ("vendor_name", "x" * 2001, "That is longer than 2000 characters."),
    ],
)
def test_what_does_not_fit_is_said(name: str, typed: str, says: str) -> None:
    assert normalised(name, typed) == ("", says)


def test_empty_lines_do_not_count_and_errors_name_the_line_that_is_left() -> None:
    post = QueryDict(mutable=True)
    post.setlist("line-description", ["", "Paint", "  ", "Primer"])
    post.setlist("line-amount", ["", "5", "", "much"])
    post.setlist("line-place", ["", '{"page": 0, "box": [0, 0, 1, 0.5]}', "", "junk"])

    found = read_correction(post)

    assert [line["description"] for line in found.lines] == ["Paint", "Primer"]
    assert [(line["page"], line["box"]) for line in found.lines] == [(0, [0, 0, 1, 0.5]), (None, None)]
    assert found.cell_errors == {(1, "amount"): "“much” is not an amount. Write it like 1,450.00."}
    assert found.has_table


@pytest.mark.parametrize(
    "trace", ["", "no json", "[1]", '{"places": {"total": {"page": true}}, "seconds": 3}']
)
def test_a_strange_trace_is_left_out(trace: str) -> None:
    found = read_correction(QueryDict(f"field-total=5&trace={trace}"))

    entry = found.entries["total"]
    assert (entry.value, entry.page, entry.box, entry.seconds) == ("5.00", None, None, None)


def test_filters_that_make_no_sense_are_left_out() -> None:
    assert FilterForm(QueryDict("least=lots&reason=why&sort=up&vendor=acme")).filters() == Filters(
        vendor="acme"
    )
