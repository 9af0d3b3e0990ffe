"""What the office knows decides between candidates of a page, and never makes the page surer than it is."""

from __future__ import annotations

from extraction.backends.layout import understand
from extraction.gate import doubtful
from extraction.office import KnownVendor, Office, number_key, telephone_key
from extraction.schema import FieldValue, Hints, Reading
from extraction.tests.sheets import Sheet


def form(*numbers: tuple[str, str], name: str = "Alder Roofing LLC", phone: str = "(253) 555-0142") -> Sheet:
    """Draw a contractor's form with some labelled numbers."""
    sheet = Sheet().write(60, 60, name, size=20)
    sheet.lines(60, 90, "1420 Harbor Street", "Tacoma, WA 98402", f"Phone: {phone}")
    sheet.write(560, 60, "INVOICE", size=24)
    for k, (label, number) in enumerate(numbers):
        sheet.row(180 + 24 * k, (60, label), (260, number))
    sheet.row(400, (500, "Total"), (-780, "1,450.00"))
    return sheet


def fields(sheet: Sheet, office: Office | None) -> dict[str, FieldValue]:
    return dict(understand([sheet.page()], Hints(office=office)).fields)


def orders(*numbers: str) -> Office:
    return Office(work_orders={number_key(n): n for n in numbers})


TWO = (("Work order:", "48812"), ("Work order:", "30187"))


def test_an_open_work_order_decides_between_two_numbers() -> None:
    alone = fields(form(*TWO), None)["work_order_number"].value
    other = next(number for _, number in TWO if number != alone)
    found = fields(form(*TWO), orders(other))["work_order_number"]
    assert found.value == other
    assert found.support == f"work order {other} is open"
    assert alone in {a.value for a in found.alternatives}


def test_what_the_office_knows_makes_no_value_surer() -> None:
    sheet = form(("Work order:", "48812"))
    alone = fields(sheet, None)["work_order_number"]
    backed = fields(sheet, orders("48812"))["work_order_number"]
    assert backed.value == alone.value
    assert backed.confidence == alone.confidence


def test_a_number_that_is_on_no_list_stays() -> None:
    assert (
        fields(form(("Work order:", "48812")), orders("77001", "77002"))["work_order_number"].value == "48812"
    )


def test_an_order_that_differs_in_one_digit_is_offered() -> None:
    found = fields(form(("Work order:", "48812")), orders("48872"))["work_order_number"]
    assert found.value == "48812"
    assert "48872" in {a.value for a in found.alternatives}


def test_an_open_order_without_a_label_goes_before_an_unlisted_number_with_one() -> None:
    sheet = form(("Work order:", "48812")).row(250, (60, "Ref 30187-B"))
    assert fields(sheet, None)["work_order_number"].value == "48812"
    found = fields(sheet, orders("30187-B", "30188-B"))["work_order_number"]
    assert found.value == "30187-B"
    assert "48812" in {a.value for a in found.alternatives}


def test_two_orders_that_are_equally_near_are_not_guessed_between() -> None:
    found = fields(form(("Work order:", "48812")), orders("48872", "48813"))["work_order_number"]
    assert found.value == "48812"
    assert not found.alternatives


def test_an_unlabelled_number_is_found_by_the_open_order_it_is() -> None:
    sheet = form().row(250, (60, "Ref 30187-B"))
    assert "work_order_number" not in fields(sheet, None)
    assert fields(sheet, orders("30187-B"))["work_order_number"].value == "30187-B"


def test_a_stated_total_is_found_where_nothing_labels_it() -> None:
    sheet = Sheet().write(60, 60, "Alder Roofing LLC", size=20).write(560, 60, "INVOICE", size=24)
    sheet.row(300, (60, "New gutters, both sides"), (-780, "1450"))
    assert "total" not in fields(sheet, None)
    found = fields(sheet, Office(stated={"total": "1450.00"}))["total"]
    assert (found.value, found.support) == ("1450.00", "the uploader stated it")
    assert "total" not in fields(sheet, Office(stated={"total": "1540.00"}))


def test_short_numbers_of_a_long_list_are_not_taken_from_anywhere_on_the_page() -> None:
    sheet = form().row(250, (60, "Building 3018 of 4410, floor 2201"))
    many = orders(*(str(n) for n in range(1000, 9999, 3)))
    assert "work_order_number" not in fields(sheet, many)


def test_a_misread_vendor_is_written_as_the_office_writes_it() -> None:
    office = Office(vendors=(KnownVendor("Alder Roofing LLC"), KnownVendor("Bay Electric Inc")))
    found = fields(form(name="A1der Roofing LLC"), office)["vendor_name"]
    assert found.value == "Alder Roofing LLC"
    assert "vendor list" in found.support


def test_a_vendor_is_known_by_its_telephone_where_the_name_can_t_be_read() -> None:
    office = Office(vendors=(KnownVendor("Alder Roofing LLC", phone="+1 253 555 0142"),))
    found = fields(form(name="~ll~ R~~f"), office)["vendor_name"]
    assert found.value == "Alder Roofing LLC"
    assert "telephone number" in found.support


def test_another_vendor_s_name_is_not_taken_for_a_listed_one() -> None:
    office = Office(vendors=(KnownVendor("Aldine Plumbing LLC", phone="206 555 7777"),))
    assert fields(form(), office)["vendor_name"].value == "Alder Roofing LLC"


def test_a_clerk_reads_what_speaks_for_a_doubtful_value() -> None:
    value = FieldValue(
        "work_order_number", "30187", "30187", 0.4, reason="hard to read", support="work order 30187 is open"
    )
    reasons = doubtful(Reading("layout", "1", 1, fields={"work_order_number": value}), required=())
    assert reasons["work_order_number"] == "40 %: hard to read; work order 30187 is open"


def test_telephone_numbers_are_compared_without_country_codes() -> None:
    assert telephone_key("+1 (253) 555-0142") == telephone_key("253.555.0142")
    assert telephone_key("911") == ""
