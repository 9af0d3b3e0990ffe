"""What a person must see, and why, in words."""

from __future__ import annotations

from extraction.gate import clearance, doubtful
from extraction.schema import Alternative, Check, FieldValue, Reading


def reading(*fields: FieldValue, checks: tuple[Check, ...] = (), kind: str = "invoice") -> Reading:
    return Reading("layout", "test", 1, kind, {f.name: f for f in fields}, checks=checks)


def sure(name: str, value: str) -> FieldValue:
    return FieldValue(name, value, value, 0.99)


SURE = (
    sure("vendor_name", "Acme"),
    sure("invoice_number", "A-1"),
    sure("invoice_date", "2025-03-14"),
    sure("total", "1450.00"),
)


def test_a_sure_reading_needs_nobody() -> None:
    assert doubtful(reading(*SURE)) == {}


def test_two_possible_totals_are_named() -> None:
    total = FieldValue(
        "total", "1450.00", "1,450.00", 0.71, alternatives=(Alternative("1950.00", "1,950.00", 0.29),)
    )
    assert (
        doubtful(reading(*SURE[:3], total))["total"]
        == "71 %: two amounts could be the total, 1,450.00 and 1,950.00"
    )


def test_an_unlikely_alternative_is_not_mentioned() -> None:
    total = FieldValue(
        "total",
        "1450.00",
        "",
        0.8,
        alternatives=(Alternative("12.00", "12.00", 0.01),),
        reason="no label stands beside it",
    )
    assert doubtful(reading(*SURE[:3], total))["total"] == "80 %: no label stands beside it"


def test_thresholds_per_field() -> None:
    fields = (*SURE[:3], FieldValue("total", "1450.00", "", 0.93))
    assert doubtful(reading(*fields)) == {}
    assert list(doubtful(reading(*fields), {"total": 0.95})) == ["total"]
    assert list(doubtful(reading(*fields), default_threshold=0.995)) == [
        "vendor_name",
        "invoice_number",
        "invoice_date",
        "total",
    ]


def test_missing_required_fields() -> None:
    assert doubtful(reading(*SURE[1:]))["vendor_name"] == "no vendor was found"
    assert doubtful(reading(*SURE), required=("po_number",)) == {"po_number": "no PO number was found"}


def test_a_failed_check_sends_its_fields_to_a_person_however_sure_they_are() -> None:
    message = "subtotal + tax is 1,080.00, 100.00 short of the total"
    found = doubtful(
        reading(*SURE, checks=(Check("subtotal_plus_tax", False, "-100.00", ("subtotal", "total"), message),))
    )
    assert found == {"total": message}
    lines = doubtful(
        reading(
            *SURE, checks=(Check("quantity_times_price", False, "5.00", ("line_items",), "line 2 is off"),)
        )
    )
    assert lines == {"line_items": "line 2 is off"}


def test_disagreement_with_what_the_uploader_stated_always_counts() -> None:
    found = doubtful(reading(*SURE), stated={"total": "1950.00", "work_order_number": "778213"})
    assert found["total"] == "the page says 1,450.00, the uploader stated 1,950.00"
    assert found["work_order_number"] == "the uploader stated 778213, but none was found on the page"


def test_the_same_number_written_otherwise_is_agreement() -> None:
    order = sure("work_order_number", "WO 778-213")
    assert doubtful(reading(*SURE, order), stated={"total": "1450", "work_order_number": "wo778213"}) == {}


def test_fields_that_the_form_doesn_t_show_trouble_nobody_unless_asked_for() -> None:
    phone = FieldValue("vendor_phone", "555", "555", 0.2)
    assert doubtful(reading(*SURE, phone)) == {}
    assert list(doubtful(reading(*SURE, phone), {"vendor_phone": 0.9})) == ["vendor_phone"]


def test_a_paper_that_is_no_bill_goes_to_a_person() -> None:
    assert doubtful(reading(*SURE, kind="statement")) == {
        "document_type": "this looks like a statement, not an invoice"
    }
    assert doubtful(reading(*SURE, kind="other")) == {"document_type": "this doesn't look like an invoice"}


def test_what_the_office_knows_or_was_told_passes_from_even_odds() -> None:
    vendor = FieldValue("vendor_name", "Acme", "Acme", 0.8)
    total = FieldValue("total", "1450.00", "", 0.7)
    fields = (vendor, *SURE[1:3], total)
    assert list(doubtful(reading(*fields))) == ["vendor_name", "total"]
    assert doubtful(reading(*fields), known={"vendor_name"}, stated={"total": "1450"}) == {}
    guess = FieldValue("vendor_name", "Acme", "Acme", 0.4)
    assert list(doubtful(reading(guess, *SURE[1:]), known={"vendor_name"})) == ["vendor_name"]


def test_knowing_the_value_does_not_silence_a_failed_check() -> None:
    failed = Check("due_date", False, fields=("vendor_name",), message="something does not fit")
    assert (
        doubtful(reading(*SURE, checks=(failed,)), known={"vendor_name"})["vendor_name"]
        == "something does not fit"
    )


def test_clearance_is_the_highest_threshold_that_lets_a_value_pass() -> None:
    """At any threshold the gate and the clearance must say the same of every value."""
    failed = Check(
        rule="due_after_date",
        passed=False,
        difference="",
        fields=("invoice_date",),
        message="The due date is before the invoice date",
    )
    fields = (
        FieldValue("vendor_name", "Acme", "Acme", 0.6),
        FieldValue("customer_name", "Hill", "Hill", 0.3),
        FieldValue("invoice_number", "A-1", "A-1", 0.93),
        sure("invoice_date", "2025-03-14"),
        FieldValue("total", "1450.00", "1450.00", 0.72),
        FieldValue("vendor_phone", "555", "555", 0.1),
    )
    found = reading(*fields, checks=(failed,))
    more = {"known": {"vendor_name", "customer_name"}, "stated": {"total": "1450"}}

    cleared = clearance(found, **more)

    # Agreed with: passes from even odds at any threshold; below them like everything else. A failed check: never.
    assert cleared == {"vendor_name": 1.0, "customer_name": 0.3, "invoice_number": 0.93, "total": 1.0}
    for threshold in (0.0, 0.2, 0.3, 0.5, 0.7, 0.92, 0.93, 0.94, 0.99):
        held_back = doubtful(found, default_threshold=threshold, **more)
        passes = {name for name, highest in cleared.items() if highest >= threshold}
        assert passes == set(found.fields) - set(held_back) - {"vendor_phone"}, threshold
