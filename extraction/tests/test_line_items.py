"""The table of lines on pages of words."""

from __future__ import annotations

from extraction.tests.sheets import Sheet, read, trade_invoice


def lines(*sheets: Sheet) -> list[dict[str, str]]:
    return [dict(item.values) for item in read(*sheets).table.items]


def test_lines_with_quantity_price_and_a_wrapped_description() -> None:
    assert lines(trade_invoice()) == [
        {"description": "Copper elbow 3/4 in", "quantity": "12", "unit_price": "4.25", "amount": "51.00"},
        {
            "description": "Water heater, 50 gal with expansion tank",
            "quantity": "3",
            "unit_price": "780.00",
            "amount": "2340.00",
        },
        {"description": "Labor", "quantity": "2.5", "unit_price": "95.00", "amount": "237.50"},
    ]


def test_sums_below_the_table_are_not_lines() -> None:
    amounts = [line["amount"] for line in lines(trade_invoice())]
    assert not {"2628.50", "233.94", "2862.44"} & set(amounts)


def test_bank_details_beside_the_sums_don_t_make_them_lines() -> None:
    sheet = Sheet()
    sheet.row(300, (60, "S.No"), (120, "Description"), (-780, "Amount"))
    sheet.row(320, (60, "1"), (120, "Banner design"), (-780, "4,50,000.00"))
    sheet.row(400, (60, "Account Name: Contoso"), (-660, "Subtotal"), (-780, "4,50,000.00"))
    sheet.row(420, (60, "Swift Code: MSFTINB1"), (-660, "IGST"), (-780, "81,000.00"))
    sheet.row(440, (60, "Branch: Mumbai"), (-660, "Total"), (-780, "5,31,000.00"))
    assert [line["amount"] for line in lines(sheet)] == ["450000.00"]


def test_a_header_of_two_storeys_in_german() -> None:
    sheet = Sheet().write(60, 60, "Rechnung f\u00fcr Bauleistung, MwSt. 19 %")
    sheet.row(300, (-560, "Menge"), (-660, "Preis pro"), (-780, "Betrag"))
    sheet.row(314, (60, "Bezeichnung"), (-660, "Einheit"))
    sheet.row(340, (60, "Estrich"), (-560, "12,5"), (-660, "40,00"), (-780, "500,00"))
    assert lines(sheet)[0] == {
        "description": "Estrich",
        "quantity": "12.5",
        "unit_price": "40.00",
        "amount": "500.00",
    }


def test_units_beside_the_quantity() -> None:
    sheet = Sheet()
    sheet.row(300, (60, "Item"), (-500, "Qty"), (-640, "Price"), (-780, "Total"))
    sheet.row(320, (60, "Gravel"), (-500, "15.00 t"), (-640, "10.00"), (-780, "150.00"))
    assert lines(sheet)[0]["quantity"] == "15"
    assert lines(sheet)[0]["unit"] == "t"


def test_numbers_in_swapped_columns_are_turned_round_when_only_that_adds_up() -> None:
    sheet = Sheet()
    sheet.row(300, (60, "Description"), (-500, "Qty"), (-640, "Amount"), (-780, "Unit Price"))
    sheet.row(320, (60, "Brackets"), (-500, "4"), (-640, "12.00"), (-780, "48.00"))
    assert lines(sheet)[0] == {
        "description": "Brackets",
        "quantity": "4",
        "unit_price": "12.00",
        "amount": "48.00",
    }


def test_tables_that_repeat_the_lines_by_group_are_left_out() -> None:
    sheet = Sheet()
    sheet.row(200, (60, "Description"), (-500, "Qty"), (-640, "Price"), (-780, "Amount"))
    sheet.row(220, (60, "Panels"), (-500, "10"), (-640, "100.00"), (-780, "1,000.00"))
    sheet.row(240, (60, "Rails"), (-500, "10"), (-640, "20.00"), (-780, "200.00"))
    sheet.row(340, (60, "Description"), (-600, "Amount"))
    sheet.row(360, (60, "All equipment"), (-600, "1,200.00"))
    sheet.row(460, (500, "Subtotal"), (-780, "1,200.00"))
    assert [line["amount"] for line in lines(sheet)] == ["1000.00", "200.00"]


def test_extra_charges_in_a_table_of_their_own_belong_to_the_lines() -> None:
    sheet = Sheet()
    sheet.row(200, (60, "Description"), (-500, "Qty"), (-640, "Price"), (-780, "Amount"))
    sheet.row(220, (60, "Panels"), (-500, "10"), (-640, "100.00"), (-780, "1,000.00"))
    sheet.row(340, (60, "Description"), (-600, "Amount"))
    sheet.row(360, (60, "Permit fees"), (-600, "250.00"))
    sheet.row(460, (500, "Subtotal"), (-780, "1,250.00"))
    assert [line["amount"] for line in lines(sheet)] == ["1000.00", "250.00"]


def test_without_a_header_three_numbers_that_multiply_make_a_line() -> None:
    sheet = Sheet().write(60, 60, "T&M ticket")
    sheet.row(300, (60, "Carpenter regular time"), (-500, "8"), (-640, "65.00"), (-780, "520.00"))
    sheet.row(320, (60, "See attached photographs of 2 rooms"))
    assert [line["amount"] for line in lines(sheet)] == ["520.00"]


def test_every_line_says_where_it_stands() -> None:
    item = read(trade_invoice()).table.items[1]
    assert item.page == 0
    assert item.box is not None
    assert item.box.y0 < 390 / 1100 < 405 / 1100 < item.box.y1
