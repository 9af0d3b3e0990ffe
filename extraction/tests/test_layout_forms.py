"""Forms that are printed by one party and filled in by hand by the other: labels in two languages, values beside them."""

from __future__ import annotations

import pytest

from extraction.tests.sheets import Sheet, values


@pytest.mark.parametrize(
    "label",
    [
        "Job site:",
        "Project Address:",
        "Service Address:",
        "Job Site / Lugar de trabajo:",
        "Project Address / Direcci\u00f3n del proyecto",
        "Job site /Obra",
    ],
)
def test_the_job_site_after_its_label(label: str) -> None:
    sheet = Sheet().write(60, 50, "Hernandez Drywall", size=20)
    sheet.write(60, 140, f"{label} 12 Elm Street")
    sheet.row(170, (60, "Work order / Orden de trabajo:"), (380, "31877"))
    found = values(sheet)
    assert found["ship_to_address"] == "12 Elm Street"
    assert found["work_order_number"] == "31877"


def test_the_job_site_beside_and_under_its_label() -> None:
    beside = Sheet().row(140, (60, "Job Address:"), (260, "70 Pruitt Street, Oak Hill, GA 30448"))
    assert values(beside)["ship_to_address"] == "70 Pruitt Street, Oak Hill, GA 30448"
    under = Sheet().lines(60, 140, "Job Location", "P.O. Box 8180", "Milton, IL 64509")
    assert values(under)["ship_to_address"] == "P.O. Box 8180, Milton, IL 64509"
    german = Sheet().lines(60, 140, "Bauvorhaben:", "Am Hartwigberg 70", "73887 Altenburg")
    assert values(german)["ship_to_address"] == "Am Hartwigberg 70, 73887 Altenburg"


def test_an_address_ends_at_the_next_label() -> None:
    sheet = Sheet().write(60, 50, "Hernandez Drywall", size=20)
    sheet.lines(
        60, 140, "Customer / Cliente: Hill Street Builders", "Job site /Obra 12 Elm Street", "Work order / Orden 31877"
    )  # fmt: skip
    found = values(sheet)
    assert found["customer_name"] == "Hill Street Builders"
    assert "customer_address" not in found
    assert found["ship_to_address"] == "12 Elm Street"
    block = Sheet().lines(60, 140, "Bill To:", "Hill Street Builders Inc.", "14 Hill Street", "Seattle, WA 98101", "Contract No. 32559")  # fmt: skip
    assert values(block)["customer_address"] == "14 Hill Street, Seattle, WA 98101"


def test_the_filled_in_company_is_the_vendor_and_the_letterhead_the_customer() -> None:
    sheet = Sheet().lines(300, 50, "Ellery-Tolliver Corp.", "4194 Kessler Ave", "Lakewood, CA 90963", size=14)
    sheet.write(300, 110, "CONTRACTOR INVOICE FORM", size=16)
    sheet.write(60, 150, "Company Name / Nombre de tu compa\u00f1\u00eda: Denise Whitlow")
    sheet.write(60, 175, "Company Address: 9779 Denham Ave, Dover, PA 14152")
    sheet.write(60, 200, "Estimate Number / N\u00famero de estimado: 77812")
    sheet.write(60, 225, "Job Site / Lugar de trabajo: 1266 Zeller Ave, Cedar Grove, TX 71440")
    sheet.row(600, (500, "Total / Total"), (-760, "$1,450.00"))
    found = values(sheet)
    assert found["vendor_name"] == "Denise Whitlow"
    assert found["vendor_address"] == "9779 Denham Ave, Dover, PA 14152"
    assert found["customer_name"] == "Ellery-Tolliver Corp."
    assert found["customer_address"] == "4194 Kessler Ave, Lakewood, CA 90963"
    assert found["ship_to_address"] == "1266 Zeller Ave, Cedar Grove, TX 71440"
    assert (found["work_order_number"], found["total"]) == ("77812", "1450.00")


def test_a_contractors_own_paper_keeps_its_letterhead() -> None:
    sheet = Sheet().write(60, 50, "Hernandez Drywall", size=20)
    sheet.lines(60, 140, "Customer / Cliente: Hill Street Builders", "Job site / Obra: 12 Elm Street", "Work order / Orden: 31877")  # fmt: skip
    found = values(sheet)
    assert (found["vendor_name"], found["customer_name"]) == ("Hernandez Drywall", "Hill Street Builders")


@pytest.mark.parametrize(
    "title", ["SERVICE INVOICE", "Commercial Invoice", "Work Invoice (Factura de trabajo)"]
)
def test_a_title_is_no_vendor(title: str) -> None:
    sheet = Sheet().write(60, 40, title, size=24)
    sheet.lines(60, 90, "Bay Rentals", "12 Elm Street", "Newport, NJ 07114")
    assert values(sheet)["vendor_name"] == "Bay Rentals"


def test_a_filled_in_company_without_a_colon() -> None:
    sheet = Sheet().lines(300, 50, "Vance-Banks Corp.", "1481 Alder Pkwy", "Riverton, FL 34540", size=14)
    sheet.write(300, 110, "INVOICE / FACTURA", size=16)
    sheet.write(60, 150, "Address / Direcci\u00f3n: 45 Barton Street, Newport, NJ 07016")
    sheet.write(60, 175, "Company Name / Nombre de la compa\u00f1\u00eda Denise Whitlow")
    sheet.write(60, 200, "Job Site / Lugar de trabajo 256 Ivers St, Dover, PA 10815")
    sheet.write(60, 225, "Work Order # / Orden de trabajo 86607")
    found = values(sheet)
    assert (found["vendor_name"], found["customer_name"]) == ("Denise Whitlow", "Vance-Banks Corp.")
    assert found["vendor_address"] == "45 Barton Street, Newport, NJ 07016"
    assert found["customer_address"] == "1481 Alder Pkwy, Riverton, FL 34540"
