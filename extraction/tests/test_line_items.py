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


def amounts(*sheets: Sheet) -> list[str]:
    return [line["amount"] for line in lines(*sheets)]


def test_a_discount_below_a_line_is_no_line_and_becomes_the_discount() -> None:
    sheet = Sheet()
    sheet.row(200, (60, "Description"), (-500, "Qty"), (-640, "Price"), (-780, "Amount"))
    sheet.row(220, (60, "Panels"), (-500, "10"), (-640, "100.00"), (-780, "1,000.00"))
    sheet.row(240, (60, "Rails"), (-500, "10"), (-640, "20.00"), (-780, "200.00"))
    sheet.row(260, (60, "Discount"), (-780, "-60.00"))
    sheet.row(320, (500, "Total"), (-780, "1,140.00"))
    found = read(sheet)
    assert [item.values["amount"] for item in found.table.items] == ["1000.00", "200.00"]
    assert found.fields["discount_total"].value == "60.00"


def test_a_product_named_discount_with_a_quantity_and_a_price_stays_a_line() -> None:
    sheet = Sheet()
    sheet.row(200, (60, "Description"), (-500, "Qty"), (-640, "Price"), (-780, "Amount"))
    sheet.row(220, (60, "Discount vouchers"), (-500, "4"), (-640, "25.00"), (-780, "100.00"))
    assert amounts(sheet) == ["100.00"]


def test_lines_go_on_below_the_sum_of_a_section() -> None:
    sheet = Sheet()
    sheet.row(200, (60, "Code"), (140, "Description"), (-660, "VAT"), (-780, "Amount"))
    sheet.row(220, (60, "A-1"), (140, "Painting"), (-660, "20%"), (-780, "100.00"))
    sheet.row(240, (60, "A-2"), (140, "Papering"), (-660, "20%"), (-780, "300.00"))
    sheet.row(260, (140, "Total section"), (-780, "400.00"))
    sheet.row(280, (60, "B-1"), (140, "Tiling"), (-660, "20%"), (-780, "50.00"))
    sheet.row(300, (60, "B-2"), (140, "Grouting"), (-660, "20%"), (-780, "70.00"))
    sheet.row(360, (500, "Subtotal"), (-780, "520.00"))
    sheet.row(380, (500, "VAT 20%"), (-780, "104.00"))
    sheet.row(400, (500, "Total"), (-780, "624.00"))
    assert amounts(sheet) == ["100.00", "300.00", "50.00", "70.00"]


def test_sums_under_labels_that_nobody_knows_are_told_by_adding_up() -> None:
    sheet = Sheet()
    sheet.row(200, (60, "Description"), (-780, "Amount"))
    sheet.row(220, (60, "Painting"), (-780, "100.00"))
    sheet.row(240, (60, "Papering"), (-780, "300.00"))
    sheet.row(260, (60, "Whole work"), (-780, "400.00"))
    sheet.row(280, (60, "The revenue's part"), (-780, "80.00"))
    sheet.row(300, (60, "All in all"), (-780, "480.00"))
    assert amounts(sheet) == ["100.00", "300.00"]


def test_a_tax_summary_below_the_lines_is_none_of_them() -> None:
    sheet = Sheet().write(60, 60, "Rechnung, MwSt., Betrag, GmbH")
    sheet.row(200, (60, "Pos"), (120, "Bezeichnung"), (-500, "Menge"), (-640, "Preis"), (-780, "Betrag"))
    sheet.row(220, (60, "1"), (120, "Estrich"), (-500, "10"), (-640, "20,00"), (-780, "200,00"))
    sheet.row(240, (60, "2"), (120, "Putz"), (-500, "4"), (-640, "25,00"), (-780, "100,00"))
    sheet.row(300, (60, "zzgl. Umsatzsteuer von"), (-500, "19 %"), (-640, "300,00"), (-780, "57,00"))
    sheet.row(360, (500, "Gesamtbetrag"), (-780, "357,00"))
    assert amounts(sheet) == ["200.00", "100.00"]


def test_a_till_receipt_without_a_header() -> None:
    sheet = Sheet().write(60, 40, "CORNER HARDWARE")
    sheet.row(200, (60, "PAINT WHITE 5L"))
    sheet.row(216, (60, "2 x 14.50"), (-400, "29.00"))
    sheet.row(232, (60, "BRUSH FLAT 50"), (-400, "4.20"))
    sheet.row(248, (60, "MASKING TAPE"), (-400, "3.10"))
    sheet.row(280, (60, "TOTAL"), (-400, "36.30"))
    sheet.row(296, (60, "CASH"), (-400, "40.00"))
    sheet.row(312, (60, "CHANGE"), (-400, "3.70"))
    found = lines(sheet)
    assert [line["amount"] for line in found] == ["29.00", "4.20", "3.10"]
    assert found[0] == {
        "description": "PAINT WHITE 5L 2 x 14.50",
        "quantity": "2",
        "unit_price": "14.50",
        "amount": "29.00",
    }


def test_one_amount_and_its_repetition_alone_are_no_line() -> None:
    sheet = Sheet().write(60, 40, "Statement of the works office")
    sheet.row(200, (60, "Opening figure"), (-400, "100.00"))
    sheet.row(220, (60, "Closing figure"), (-400, "100.00"))
    assert amounts(sheet) == []


def test_lines_written_down_the_page() -> None:
    sheet = Sheet().write(60, 40, "EcoPanel Systems")
    for k, (name, quantity, price, total) in enumerate(
        [
            ("Wall panels", "42 panels", "$385.00 each", "$16,170.00"),
            ("Foam", "6 boxes", "$185.00/box", "$1,110.00"),
        ]
    ):
        sheet.lines(60, 200 + 90 * k, name, f"Qty: {quantity}", f"Price: {price}", f"Total: {total}")
    sheet.lines(60, 420, "Subtotal: $17,280.00", "TOTAL DUE: $17,280.00")
    assert [(line["description"], line["amount"]) for line in lines(sheet)] == [
        ("Wall panels", "16170.00"),
        ("Foam", "1110.00"),
    ]


def test_an_amount_half_a_line_off_belongs_to_its_line_however_far_the_last_one_is() -> None:
    sheet = Sheet().write(60, 60, "Rechnung, MwSt., Betrag, GmbH")
    sheet.row(200, (60, "Pos"), (120, "Bezeichnung"), (-500, "Menge"), (-640, "Preis"), (-780, "Nettobetrag"))
    sheet.row(220, (60, "1"), (120, "Hausbesuch"), (-500, "10"), (-640, "26,00"))
    sheet.row(233, (-780, "260,00"))
    sheet.lines(120, 252, "an folgenden Tagen", "im Mai", "und im Juni", "und im Juli", "und im August")
    sheet.row(350, (60, "2"), (120, "Anfahrt"), (-500, "10"), (-640, "12,00"))
    sheet.row(363, (-780, "120,00"))
    assert amounts(sheet) == ["260.00", "120.00"]
