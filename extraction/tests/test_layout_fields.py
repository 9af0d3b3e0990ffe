"""Fields found on pages of words: labels, distractors, several pages, several languages."""

from __future__ import annotations

import time
from random import Random

import pytest

from extraction.reading.names import clean_name
from extraction.schema import Word
from extraction.tests.sheets import Sheet, read, trade_invoice, values


def test_an_ordinary_invoice_is_read_whole() -> None:
    found = values(trade_invoice())
    assert {name: found.get(name) for name in (
        "vendor_name", "vendor_address", "vendor_phone", "vendor_email", "customer_name", "customer_address", "invoice_number", "invoice_date",
        "due_date", "po_number", "payment_terms", "currency", "subtotal", "tax_rate", "tax_amount", "total", "amount_paid", "amount_due",
    )} == {
        "vendor_name": "Cascade Plumbing Supply LLC",
        "vendor_address": "2210 Harbor Avenue, Tacoma, WA 98402",
        "vendor_phone": "(253) 555-0142",
        "vendor_email": "billing@cascadeplumbing.com",
        "customer_name": "Hill Street Builders Inc.",
        "customer_address": "14 Hill Street, Seattle, WA 98101",
        "invoice_number": "CP-20417",
        "invoice_date": "2025-03-14",
        "due_date": "2025-04-13",
        "po_number": "PO-88-1203",
        "payment_terms": "Net 30",
        "currency": "USD",
        "subtotal": "2628.50",
        "tax_rate": "8.9",
        "tax_amount": "233.94",
        "total": "2862.44",
        "amount_paid": "500.00",
        "amount_due": "2362.44",
    }  # fmt: skip


def test_every_value_says_where_it_stands() -> None:
    total = read(trade_invoice()).fields["total"]
    assert total.page == 0
    assert total.box is not None
    assert total.text == "$2,862.44"
    assert 0.75 < total.box.x0 < total.box.x1 < 0.93
    assert 0.46 < total.box.y0 < total.box.y1 < 0.50


def test_labels_stand_over_their_values_in_a_band() -> None:
    sheet = Sheet().write(60, 50, "Northside Electric Inc.", size=20)
    sheet.row(120, (60, "Invoice Date:"), (300, "Due Date:"), (520, "Invoice No."), (680, "Reference"))
    sheet.row(138, (60, "03/04/2025"), (300, "04/03/2025"), (520, "77120"), (680, "JOB 12"))
    sheet.row(400, (500, "Total"), (-760, "$400.00"))
    found = values(sheet)
    assert found["invoice_date"] == "2025-03-04"
    assert found["due_date"] == "2025-04-03"
    assert found["invoice_number"] == "77120"


def test_label_and_value_glued_into_one_word() -> None:
    sheet = Sheet().write(60, 60, "Acme Hardware Co", size=18)
    sheet.write(60, 120, "DATE:11/15/2019")
    sheet.write(60, 140, "INVOICE#A-1234")
    sheet.write(60, 160, "TOTAL:$93.50")
    found = values(sheet)
    assert (found["invoice_date"], found["invoice_number"], found["total"]) == (
        "2019-11-15",
        "A-1234",
        "93.50",
    )


def test_numbers_of_other_things_are_not_the_invoice_number() -> None:
    sheet = Sheet().write(60, 50, "Bay Rentals LLC", size=20)
    sheet.lines(
        500, 60, "Customer ID: 90011", "Phone: (415) 555-0100", "Permit No: 55-2210", "Account Number: 7781 2201", "PO Number: 4500123",
        "Invoice No: R-3391", "License #: 882211", leading=18,
    )  # fmt: skip
    found = values(sheet)
    assert found["invoice_number"] == "R-3391"
    assert found["po_number"] == "4500123"


@pytest.mark.parametrize(
    "label",
    [
        "Work Order:",
        "Work Order #",
        "WO #",
        "Estimate Number:",
        "Job Ticket No.",
        "N\u00famero de estimado:",
        "Orden de trabajo:",
    ],
)
def test_the_contractors_own_number_under_its_many_names(label: str) -> None:
    sheet = Sheet().write(60, 50, "Ramirez Drywall", size=20)
    sheet.row(140, (60, label), (260, "778213"))
    sheet.row(170, (60, "Date:"), (260, "3/4/2025"))
    sheet.row(600, (500, "Grand Total"), (-760, "$1,450.00"))
    found = values(sheet)
    assert found["work_order_number"] == "778213"
    assert found["total"] == "1450.00"


def test_a_bilingual_form_in_spanish_and_english() -> None:
    sheet = Sheet().write(250, 40, "ESTIMATE / INVOICE", size=22)
    sheet.row(110, (60, "Company Name / Nombre de la compa\u00f1\u00eda:"), (420, "Ramirez Drywall LLC"))
    sheet.row(140, (60, "Estimate Number / N\u00famero de estimado:"), (420, "30117"))
    sheet.row(170, (60, "Date / Fecha:"), (420, "3/14/2025"))
    sheet.row(700, (450, "Grand Total / Gran total:"), (-780, "$ 2,350.00"))
    found = values(sheet)
    assert found["vendor_name"] == "Ramirez Drywall LLC"
    assert found["work_order_number"] == "30117"
    assert found["invoice_date"] == "2025-03-14"
    assert found["total"] == "2350.00"


def test_a_german_letter() -> None:
    sheet = Sheet()
    sheet.write(90, 90, "M\u00fcller Bau GmbH \u2022 Ringstra\u00dfe 4 \u2022 80333 M\u00fcnchen", size=8)
    sheet.lines(90, 110, "Kunden AG Mitte", "Kundenstra\u00dfe 15", "69876 Frankfurt")
    sheet.write(90, 260, "Rechnung Nr. 2018-4711 vom 05.06.2018", size=16)
    sheet.row(
        320, (90, "Pos"), (140, "Bezeichnung"), (-560, "Menge"), (-660, "Einzelpreis"), (-780, "Gesamtpreis")
    )
    sheet.row(344, (90, "1"), (140, "Gipskarton"), (-560, "10"), (-660, "12,50"), (-780, "125,00"))
    sheet.row(420, (-660, "Summe netto"), (-780, "125,00 \u20ac"))
    sheet.row(440, (-660, "zzgl. 19 % MwSt."), (-780, "23,75 \u20ac"))
    sheet.row(460, (-660, "Rechnungsbetrag"), (-780, "148,75 \u20ac"))
    found = values(sheet)
    assert found["vendor_name"] == "M\u00fcller Bau GmbH"
    assert found["vendor_address"] == "Ringstra\u00dfe 4, 80333 M\u00fcnchen"
    assert found["customer_name"] == "Kunden AG Mitte"
    assert found["invoice_number"] == "2018-4711"
    assert found["invoice_date"] == "2018-06-05"
    assert (found["subtotal"], found["tax_amount"], found["total"]) == ("125.00", "23.75", "148.75")
    assert found["currency"] == "EUR"


def test_a_french_invoice_with_its_sums_in_a_row() -> None:
    sheet = Sheet().write(60, 50, "Au Bon Toit SARL", size=20)
    sheet.lines(60, 80, "12 rue des Ponts", "69001 Lyon", "France")
    sheet.write(60, 180, "Facture n\u00b0562044 du 2 juillet 2015", size=14)
    sheet.row(500, (-500, "TOTAL HT"), (-640, "TOTAL TVA"), (-780, "TOTAL TTC"))
    sheet.row(520, (-500, "1 000,00"), (-640, "200,00"), (-780, "1 200,00 \u20ac"))
    found = values(sheet)
    assert found["invoice_number"] == "562044"
    assert found["invoice_date"] == "2015-07-02"
    assert (found["subtotal"], found["tax_amount"], found["total"]) == ("1000.00", "200.00", "1200.00")


def test_day_first_where_the_page_says_so() -> None:
    sheet = Sheet().write(60, 50, "Thames Roofing Ltd", size=20)
    sheet.lines(60, 80, "2 Kingdom Street", "London W1D 2HZ")
    sheet.row(140, (500, "Invoice Date"), (660, "03/04/2025"))
    sheet.row(400, (500, "Total"), (-760, "\u00a31,200.00"))
    found = values(sheet)
    assert found["invoice_date"] == "2025-04-03"
    assert found["currency"] == "GBP"


def test_the_country_hint_decides_where_nothing_else_does() -> None:
    sheet = Sheet().row(140, (60, "Invoice Date"), (260, "03/04/2025"))
    assert values(sheet, country="US")["invoice_date"] == "2025-03-04"
    assert values(sheet, country="GB")["invoice_date"] == "2025-04-03"
    assert "2025-04-03" in [a.value for a in read(sheet).fields["invoice_date"].alternatives]


def test_the_total_is_the_one_that_adds_up() -> None:
    sheet = Sheet().write(60, 50, "Cole Concrete Inc.", size=20)
    sheet.row(300, (500, "Total"), (-760, "1,950.00"))
    sheet.row(500, (500, "Subtotal"), (-760, "1,340.00"))
    sheet.row(520, (500, "Tax"), (-760, "110.00"))
    sheet.row(540, (500, "Total"), (-760, "1,450.00"))
    result = read(sheet)
    total = result.fields["total"]
    assert total.value == "1450.00"
    assert "1950.00" in [a.value for a in total.alternatives]
    assert result.evidence["total"].supported


def test_previous_balance_and_amount_due_are_not_the_total() -> None:
    sheet = Sheet().write(60, 50, "Contractors Supply Co.", size=20)
    for k, (label, amount) in enumerate(
        [
            ("Subtotal", "100.00"),
            ("Sales tax", "10.00"),
            ("Total", "110.00"),
            ("Previous unpaid balance", "500.00"),
            ("Amount due", "610.00"),
        ]
    ):
        sheet.row(500 + 20 * k, (500, label), (-780, f"${amount}"))
    found = values(sheet)
    assert found["total"] == "110.00"
    assert found["previous_balance"] == "500.00"
    assert found["amount_due"] == "610.00"


def test_where_only_an_amount_due_is_printed_it_is_the_total() -> None:
    sheet = Sheet().write(60, 50, "Stanford Heating LLC", size=20)
    sheet.row(500, (500, "Subtotal"), (-780, "1,436.00"))
    sheet.row(520, (500, "Total tax"), (-780, "100.52"))
    sheet.row(540, (500, "Balance due"), (-780, "$1,536.52"))
    found = values(sheet)
    assert found["total"] == found["amount_due"] == "1536.52"


def test_hours_and_page_totals_are_not_the_total() -> None:
    sheet = Sheet().write(60, 50, "T&M Services Inc.", size=20)
    sheet.row(440, (500, "Total Hours"), (-780, "42.00"))
    sheet.row(460, (500, "Page Total"), (-780, "900.00"))
    sheet.row(500, (500, "Invoice Total"), (-780, "2,100.00"))
    assert values(sheet)["total"] == "2100.00"


def test_header_on_the_first_page_total_on_the_last() -> None:
    first = Sheet().write(60, 50, "Evergreen Lumber Co.", size=20)
    first.row(120, (500, "Invoice #"), (660, "EL-771"))
    first.row(300, (60, "Description"), (-560, "Qty"), (-660, "Price"), (-780, "Amount"))
    first.row(320, (60, "Studs 2x4"), (-560, "100"), (-660, "3.50"), (-780, "350.00"))
    first.row(1000, (-660, "Page subtotal"), (-780, "350.00"))
    second = Sheet()
    second.row(60, (60, "Description"), (-560, "Qty"), (-660, "Price"), (-780, "Amount"))
    second.row(80, (60, "Plywood"), (-560, "10"), (-660, "40.00"), (-780, "400.00"))
    second.row(140, (-660, "Subtotal"), (-780, "750.00"))
    second.row(160, (-660, "Tax 10%"), (-780, "75.00"))
    second.row(180, (-660, "Total"), (-780, "825.00"))
    result = read(first, second)
    assert result.fields["invoice_number"].value == "EL-771"
    assert result.fields["total"].value == "825.00"
    assert result.fields["total"].page == 1
    assert [i.values["amount"] for i in result.table.items] == ["350.00", "400.00"]


def test_a_shop_receipt() -> None:
    sheet = Sheet(confidence=0.97)
    sheet.write(330, 40, "POPULAR BOOK", size=16)
    sheet.write(330, 60, "CO. (M) SDN BHD", size=16)
    sheet.lines(300, 90, "No 8, Jalan 7/118B, Desa Tun Razak", "56000 Kuala Lumpur, Malaysia")
    sheet.row(150, (260, "Date : 05/03/2018 21:22"))
    sheet.row(200, (260, "Document holder"), (-600, "30.00"))
    sheet.row(220, (260, "Folder"), (-600, "10.99"))
    sheet.row(260, (260, "Total Incl. of GST"), (-600, "40.99"))
    sheet.row(280, (260, "Rounding Adj"), (-600, "0.01"))
    sheet.row(300, (260, "Total RM"), (-600, "41.00"))
    sheet.row(320, (260, "Cash"), (-600, "51.00"))
    sheet.row(340, (260, "CHANGE"), (-600, "10.00"))
    found = values(sheet)
    assert found["vendor_name"] == "POPULAR BOOK CO. (M) SDN BHD"
    assert found["invoice_date"] == "2018-03-05"
    assert found["total"] == "41.00"
    assert found["currency"] == "MYR"


def test_the_vendor_is_not_the_customer() -> None:
    sheet = Sheet()
    sheet.lines(60, 50, "Bill To", "Hill Street Builders Inc.", "14 Hill Street", "Seattle, WA 98101")
    sheet.lines(500, 50, "Remit To", "Delta Steel Corp.", "9 Mill Road", "Renton, WA 98055")
    sheet.row(300, (500, "Invoice No"), (660, "5521"))
    found = values(sheet)
    assert found["vendor_name"] == "Delta Steel Corp."
    assert found["customer_name"] == "Hill Street Builders Inc."


def test_parties_in_a_form_of_labels_and_values() -> None:
    sheet = Sheet()
    sheet.write(60, 60, "Seller")
    sheet.row(80, (60, "Number:"), (300, "549910"))
    sheet.row(100, (60, "Name:"), (300, "Global Supplies Ltd."))
    sheet.row(120, (60, "Address:"), (300, "153 Victoria Street"))
    sheet.row(140, (300, "London SW1B 3BN"))
    sheet.write(60, 200, "Buyer / Recipient")
    sheet.row(220, (60, "Name:"), (300, "Metalworks Leipzig GmbH"))
    found = values(sheet)
    assert found["vendor_name"] == "Global Supplies Ltd."
    assert found["customer_name"] == "Metalworks Leipzig GmbH"


def test_the_job_site_is_found() -> None:
    sheet = trade_invoice()
    sheet.lines(320, 200, "Ship To:", "Harbor Tower Job Site", "88 Pier Road", "Everett, WA 98201")
    assert "88 Pier Road" in values(sheet)["ship_to_address"]


def test_a_service_period_has_two_ends() -> None:
    sheet = Sheet().write(60, 50, "Rent-All Inc.", size=20)
    sheet.write(500, 100, "Service Period: 10/14/2019 \u2013 11/14/2019")
    found = values(sheet)
    assert (found["period_start"], found["period_end"]) == ("2019-10-14", "2019-11-14")


def test_taxes_in_several_lines_are_added_only_where_the_sum_ties() -> None:
    sheet = Sheet().write(60, 50, "Prairie Supply Inc.", size=20)
    sheet.row(500, (500, "Subtotal"), (-780, "1,000.00"))
    sheet.row(520, (500, "State tax"), (-780, "60.00"))
    sheet.row(540, (500, "County tax"), (-780, "15.00"))
    sheet.row(560, (500, "Total"), (-780, "1,075.00"))
    assert values(sheet)["tax_amount"] == "75.00"


def test_nothing_is_invented_on_an_empty_page() -> None:
    result = read(Sheet())
    assert dict(result.fields) == {}
    assert result.table.items == ()


def test_no_value_is_read_that_does_not_stand_on_the_page() -> None:
    sheet = Sheet().write(60, 50, "Cole Concrete Inc.", size=20)
    sheet.row(500, (500, "Subtotal"), (-760, "1,000.00"))
    sheet.row(520, (500, "Total"), (-760, "1,080.00"))
    assert "tax_amount" not in values(sheet)


def test_misread_labels_are_still_recognised() -> None:
    sheet = Sheet(confidence=0.9).write(60, 50, "Acme Glass Inc.", size=20)
    sheet.row(120, (500, "lnvoice Numbcr"), (660, "8813"))
    sheet.row(500, (500, "Tota1"), (-760, "55.00"))
    found = values(sheet)
    assert found["invoice_number"] == "8813"
    assert found["total"] == "55.00"


def test_a_slanted_photograph_is_read_in_straight_rows() -> None:
    sheet = Sheet(confidence=0.95)
    sums = [
        ("Subtotal", "100.00"),
        ("Sales Tax", "8.00"),
        ("Shipping", "12.00"),
        ("Total", "120.00"),
        ("Deposit", "20.00"),
        ("Balance Due", "100.00"),
    ]
    words = []
    for k, (label, amount) in enumerate(sums):
        sheet.write(100, 500 + 20 * k, label)
        sheet.write(780, 500 + 20 * k + 25, amount, right=True)  # a whole line lower at the right edge
        # a recogniser numbers the words of one line alike, slanted or not
        words += [Word(w.text, w.box, w.confidence, k) for w in sheet.words[len(words) :]]
    sheet.words = words
    found = values(sheet)
    assert found["total"] == "120.00"
    assert found["tax_amount"] == "8.00"


def test_a_pay_application_by_its_labels() -> None:
    sheet = Sheet().write(60, 40, "APPLICATION AND CERTIFICATE FOR PAYMENT", size=16)
    sheet.lines(60, 80, "From Contractor:", "Summit Steel Erectors LLC", "8 Foundry Road", "Renton, WA 98055")
    sheet.lines(60, 160, "To Owner:", "Hill Street Builders Inc.")
    sheet.row(80, (520, "Application No:"), (700, "4"))
    sheet.row(98, (520, "Period To:"), (700, "03/31/2025"))
    sheet.row(116, (520, "Contract No:"), (700, "SC-2024-118"))
    sums = [
        ("1. ORIGINAL CONTRACT SUM", "100,000.00"), ("2. Net change by Change Orders", "0.00"), ("3. CONTRACT SUM TO DATE", "100,000.00"),
        ("4. TOTAL COMPLETED & STORED TO DATE", "65,000.00"), ("5. RETAINAGE", "6,500.00"), ("6. TOTAL EARNED LESS RETAINAGE", "58,500.00"),
        ("7. LESS PREVIOUS CERTIFICATES FOR PAYMENT", "36,000.00"), ("8. CURRENT PAYMENT DUE", "22,500.00"), ("9. BALANCE TO FINISH", "41,500.00"),
    ]  # fmt: skip
    for k, (label, amount) in enumerate(sums):
        sheet.row(300 + 24 * k, (60, label), (-500, f"${amount}"))
    result = read(sheet)
    found = {name: value.value for name, value in result.fields.items()}
    assert result.document_type == "pay_application"
    assert found["application_number"] == "4"
    assert found["contract_number"] == "SC-2024-118"
    assert found["period_end"] == "2025-03-31"
    assert found["vendor_name"] == "Summit Steel Erectors LLC"
    assert found["customer_name"] == "Hill Street Builders Inc."
    assert found["retainage_amount"] == "6500.00"
    assert found["amount_due"] == "22500.00"
    assert found["total"] == "22500.00"


def test_a_form_filled_in_by_hand() -> None:
    sheet = Sheet(confidence=0.85).write(240, 40, "INVOICE / FACTURA", size=24)
    sheet.row(110, (60, "Company:"), (200, "J & R Painting"))
    sheet.row(140, (60, "Address:"), (200, "512 Oak St, Bronx NY 10451"))
    sheet.row(110, (520, "Date:"), (620, "3-14-25"))
    sheet.row(140, (520, "Work Order #:"), (660, "W 20417"))
    sheet.row(240, (60, "Description of work / Descripci\u00f3n del trabajo"), (-780, "Amount"))
    sheet.row(270, (60, "Paint 3 rooms and hallway"), (-780, "1,800 -"))
    sheet.row(300, (60, "Patch ceiling"), (-780, "550.00"))
    sheet.row(900, (500, "GRAND TOTAL"), (-780, "$ 2,350-"))
    found = values(sheet)
    assert found["vendor_name"] == "J & R Painting"
    assert found["invoice_date"] == "2025-03-14"
    assert found["work_order_number"] in ("20417", "W 20417")
    assert found["total"] == "2350.00"


def test_an_indian_tax_invoice_with_lakhs() -> None:
    sheet = Sheet().write(60, 50, "Salsette Builders Pvt Ltd", size=20)
    sheet.lines(60, 80, "Kalina, Mumbai 400098", "GSTIN: 27AABCU9603R1ZM")
    sheet.row(140, (500, "Invoice Date"), (-760, "05/04/2024"))
    sheet.row(500, (500, "Taxable Amount"), (-780, "\u20b96,00,000.00"))
    sheet.row(520, (500, "CGST 9%"), (-780, "54,000.00"))
    sheet.row(540, (500, "SGST 9%"), (-780, "54,000.00"))
    sheet.row(560, (500, "Grand Total"), (-780, "\u20b97,08,000.00"))
    found = values(sheet)
    assert found["currency"] == "INR"
    assert found["invoice_date"] == "2024-04-05"
    assert (found["subtotal"], found["tax_amount"], found["total"]) == ("600000.00", "108000.00", "708000.00")
    assert found["vendor_tax_id"] == "27AABCU9603R1ZM"


def test_a_credit_note_keeps_its_sign() -> None:
    sheet = Sheet().write(60, 50, "Delta Steel Corp.", size=20).write(600, 50, "CREDIT MEMO", size=20)
    sheet.row(120, (500, "Credit Memo No."), (700, "CM-12"))
    sheet.row(500, (500, "Total credit"), (-780, "(1,450.00)"))
    sheet.row(520, (500, "Total"), (-780, "(1,450.00)"))
    result = read(sheet)
    assert result.document_type == "credit_note"
    assert result.fields["total"].value == "-1450.00"
    assert result.fields["invoice_number"].value == "CM-12"


def test_the_whole_name_wins_over_its_logo() -> None:
    sheet = Sheet().write(60, 40, "evergreen", size=34)
    sheet.lines(60, 90, "Evergreen Lumber Supply", "2 Mill Road", "Tacoma, WA 98402", "sales@evergreen.com")
    assert values(sheet)["vendor_name"] == "Evergreen Lumber Supply"


def test_a_payer_named_at_the_top_is_not_taken_for_the_vendor() -> None:
    sheet = Sheet().write(60, 40, "Contoso Builders", size=22)
    sheet.lines(60, 130, "Northwind Traders Corp", "123 Other St", "Redmond WA, 98052")
    sheet.lines(480, 130, "Customer Name: NORTHWIND TRADERS LTD", "Invoice No: 8812")
    found = values(sheet)
    assert found["vendor_name"] == "Contoso Builders"
    assert found["customer_name"] == "NORTHWIND TRADERS LTD"


def test_letters_set_apart_make_words() -> None:
    sheet = Sheet(confidence=0.9)
    sheet.write(60, 40, "D E L T A   S T E E L   C O R P .", size=18)
    sheet.row(120, (500, "Invoice No"), (660, "5521"))
    assert values(sheet)["vendor_name"].replace(" .", ".") == "DELTA STEEL CORP."


def test_a_discount_with_words_in_brackets_is_part_of_the_sum() -> None:
    sheet = Sheet().write(60, 50, "Appliance Depot LLC", size=20)
    sheet.row(500, (60, "Merchandise Total"), (-500, "$171,040.00"))
    sheet.row(520, (60, "Volume Discount (10% - 18+ units)"), (-500, "-$17,104.00"))
    sheet.row(540, (60, "Sales Tax (8.5%)"), (-500, "$13,084.56"))
    sheet.row(560, (60, "Freight (White Glove Delivery)"), (-500, "$1,875.00"))
    sheet.row(580, (60, "TOTAL DUE"), (-500, "$168,895.56"))
    found = values(sheet)
    assert found["discount_total"] == "17104.00"
    assert found["freight"] == "1875.00"
    assert found["total"] == "168895.56"


def test_pages_of_any_words_are_read_without_a_crash() -> None:
    random = Random(11)
    pool = [w.text for w in trade_invoice().words] + [
        "(",
        ")",
        ":",
        "#",
        "\u0663",
        "\u00bd",
        "-",
        "N\u00b0",
        "1.2.3,4",
        "\ufffd",
        "(((",
        "12/",
    ]
    for size in (0, 1, 3, 40, 250):
        sheet = Sheet(confidence=0.5)
        for _ in range(size):
            sheet.write(
                random.uniform(0, 800),
                random.uniform(0, 1080),
                random.choice(pool),
                size=random.choice([1, 9, 12, 60]),
            )
        result = read(sheet)
        assert all(0 < f.confidence < 1 for f in result.fields.values())


def test_a_hundred_pages_take_time_in_proportion() -> None:
    def seconds(pages: int) -> float:
        sheets = [trade_invoice() for _ in range(pages)]
        begun = time.process_time()
        read(*sheets)
        return time.process_time() - begun

    seconds(1)  # phrases are learnt by the first document
    assert seconds(40) < 4 * 3 * seconds(10)


def test_what_names_itself_nowhere_but_asks_for_a_sum_is_an_invoice() -> None:
    sheet = Sheet().write(60, 50, "Cascade Plumbing", size=20)
    sheet.row(300, (500, "Subtotal"), (-780, "100.00"))
    sheet.row(320, (500, "Sales tax"), (-780, "8.00"))
    sheet.row(340, (500, "Total"), (-780, "108.00"))
    assert read(sheet).document_type == "invoice"


def test_a_purchase_order_number_makes_no_purchase_order() -> None:
    sheet = Sheet().write(60, 50, "Cascade Plumbing", size=20)
    sheet.row(200, (60, "Purchase order"), (300, "Invoice"))
    sheet.row(214, (60, "P-229114"), (300, "88121"))
    sheet.row(340, (500, "Total"), (-780, "108.00"))
    assert read(sheet).document_type == "invoice"


@pytest.mark.parametrize(
    ("recognised", "name"),
    [
        ("Taste 0f The WorId Sdn Bhd", "Taste Of The World Sdn Bhd"),
        ("BEMED (SP) SDN.BHD", "BEMED (SP) SDN. BHD"),
        ("# 000002 BAIFU (M) Sdn Bhd", "BAIFU (M) Sdn Bhd"),
        ("A10 Networks", "A10 Networks"),
        ("MacIntyre & Sons", "MacIntyre & Sons"),
        ("2020 Vision LLC", "2020 Vision LLC"),
        ("Builders.com", "Builders.com"),
        ("3M Company", "3M Company"),
    ],
)
def test_letters_of_names_are_mended_and_figures_in_them_kept(recognised: str, name: str) -> None:
    assert clean_name(recognised) == name


def test_a_date_that_wraps_into_the_next_line_of_its_cell() -> None:
    sheet = Sheet().write(60, 50, "Cascade Plumbing", size=20)
    sheet.row(160, (520, "Invoice Date"), (700, "Terms"))
    sheet.row(178, (520, "Wednesday, October"), (700, "Net 30"))
    sheet.row(194, (520, "12, 2022"))
    assert values(sheet)["invoice_date"] == "2022-10-12"


def test_an_address_set_against_the_right_margin_under_its_name() -> None:
    sheet = Sheet()
    sheet.row(50, (-790, "Whitlow Tile Works LLC"), size=24)
    sheet.row(80, (-790, "6300 Jarrett Street"))
    sheet.row(96, (-790, "Oak Hill, GA 30002"))
    sheet.row(300, (60, "Total"), (-780, "12.00"))
    assert values(sheet)["vendor_address"] == "6300 Jarrett Street, Oak Hill, GA 30002"


@pytest.mark.parametrize(
    ("printed", "read_as"),
    [
        ("Tel. +33 2 75 83 36 13", "+33 2 75 83 36 13"),
        ("Telefon 0532 / 550589", "0532 / 550589"),
    ],
)
def test_telephone_numbers_in_their_countries_forms(printed: str, read_as: str) -> None:
    sheet = Sheet().write(60, 50, "Maurer Baumarkt OHG", size=20).lines(60, 80, "Am Markt 3", printed)
    assert values(sheet)["vendor_phone"] == read_as


def test_the_addressee_right_under_the_sender_is_not_the_vendor_s_address() -> None:
    sheet = Sheet().write(60, 60, "Beispiel Versicherung a.G.", size=16)
    sheet.lines(60, 84, "Herrn", "Max Mustermann", "Musterstr. 11", "12346 Musterhausen", size=12)
    sheet.lines(560, 60, "Beispiel Versicherung a.G.", "Hauptstr. 2", "12345 Musterstadt")
    sheet.lines(60, 320, "Rechnung vom 12.03.2024", "Gesamtbetrag 59,50 EUR")
    assert values(sheet, country="DE")["vendor_address"] == "Hauptstr. 2, 12345 Musterstadt"


def test_opening_hours_name_no_currency() -> None:
    sheet = Sheet().write(60, 60, "Beispiel GmbH", size=16).lines(60, 90, "Mo.-Fr. 08.30 - 12.30 Uhr")
    sheet.row(300, (60, "Gesamtbetrag"), (-780, "59,50"))
    assert values(sheet, country="DE")["currency"] == "EUR"


def test_a_sum_that_includes_tax_is_no_tax() -> None:
    sheet = Sheet().write(60, 60, "Beispiel GmbH", size=16)
    sheet.row(300, (60, "Quartalsbeitrag inklusive 19 % Versicherungsteuer"), (-780, "220,00"))
    sheet.row(320, (60, "Ausstehende Forderung"), (-780, "220,00"))
    sheet.row(340, (60, "zu zahlender Betrag"), (-780, "440,00"))
    assert "tax_amount" not in values(sheet, country="DE")


def test_a_tax_whose_label_says_more_is_found_where_the_sums_tie() -> None:
    sheet = Sheet().write(60, 60, "Beispiel GmbH", size=16)
    sheet.row(300, (60, "Wohngebäudeversicherung"), (-780, "1.000,00"))
    sheet.row(320, (60, "Gesamtbeitrag"), (-780, "1.000,00"))
    sheet.row(340, (60, "Versicherungsteuer zur verbundenen Wohngebäudeversicherung"), (-780, "163,40"))
    sheet.row(360, (60, "Rechnungsbetrag"), (-780, "1.163,40"))
    found = values(sheet, country="DE")
    assert (found["subtotal"], found["tax_amount"], found["total"]) == ("1000.00", "163.40", "1163.40")


def test_a_rounded_total_is_the_total() -> None:
    sheet = Sheet().write(60, 40, "CORNER HARDWARE SDN BHD", size=16)
    sheet.row(200, (60, "THUMB TACKS"), (-400, "25.44"))
    sheet.row(230, (60, "Total sales inclusive GST"), (-400, "25.44"))
    sheet.row(250, (60, "Rounding adjustment"), (-400, "0.01"))
    sheet.row(270, (60, "To be handed over"), (-400, "25.45"))
    sheet.row(290, (60, "CASH"), (-400, "30.00"))
    assert values(sheet, country="MY")["total"] == "25.45"


def test_the_subtotal_is_the_taxed_sum_where_allowances_stand_between() -> None:
    sheet = Sheet().write(60, 60, "Beispiel GmbH, Rechnung, MwSt.", size=16)
    sheet.row(200, (60, "Pos"), (120, "Bezeichnung"), (-500, "Menge"), (-640, "Preis"), (-780, "Betrag"))
    sheet.row(220, (60, "1"), (120, "Estrich"), (-500, "10"), (-640, "20,00"), (-780, "200,00"))
    sheet.row(300, (500, "Positionssumme"), (-780, "200,00"))
    sheet.row(320, (500, "Rabatt"), (-780, "-20,00"))
    sheet.row(340, (500, "Rechnungssumme ohne USt."), (-780, "180,00"))
    sheet.row(360, (500, "Steuerbetrag"), (-780, "34,20"))
    sheet.row(380, (500, "Bruttosumme"), (-780, "214,20"))
    found = values(sheet, country="DE")
    assert (found["subtotal"], found["discount_total"], found["total"]) == ("180.00", "20.00", "214.20")
