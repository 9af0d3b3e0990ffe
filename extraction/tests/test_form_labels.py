"""Forms filled in by hand: what labels say in two languages, where they stand, and what stands near them besides."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from extraction.backends.layout import understand
from extraction.office import Office
from extraction.reading.dates import parse_date
from extraction.schema import Hints
from extraction.tests.sheets import Sheet, read, values


def form(*, title: str = "INVOICE / FACTURA") -> Sheet:
    """The head and foot of a form that somebody photographed: recognised, so never quite sure."""
    sheet = Sheet(confidence=0.96).write(300, 40, title, size=22)
    sheet.write(60, 90, "Company Name / Nombre de la compañía: Denise Whitlow")
    sheet.write(60, 120, "Job Site / Lugar de trabajo: 1266 Zeller Ave, Cedar Grove, TX 71440")
    sheet.row(700, (500, "TOTAL"), (-760, "1,450.00"))
    return sheet


@pytest.mark.parametrize(
    "label",
    [
        "Estimate Number:", "Estimate #", "Est. No.", "EST #:", "Estimate No. / No. de estimado", "Work Order:",
        "Work Order No.", "W.O. #", "W. O. No.", "WO#", "W/O Number", "Orden de trabajo:", "Orden de Trabajo No.",
        "No. de orden:", "Número de orden", "Orden No.", "No. de O.T.", "Núm. de estimado", "No. de presupuesto",
        "Presupuesto No.:", "Estimado No.", "Job Ticket #", "Service Order No. / Orden de servicio", "Boleta de trabajo",
        "Estirnate Nurnber:", "Work 0rder #", "Work Order / Estimate No.", "Estimate / Work Order #",
    ],
)  # fmt: skip
def test_the_work_order_s_number_at_its_label(label: str) -> None:
    beside = form().row(170, (60, label), (400, "48812"))
    assert values(beside)["work_order_number"] == "48812"
    above = form().row(170, (60, label), (500, "Date / Fecha")).row(190, (64, "48812"), (504, "3/17/26"))
    found = values(above)
    assert (found["work_order_number"], found["invoice_date"]) == ("48812", "2026-03-17")


@pytest.mark.parametrize(
    "label",
    ["Date / Fecha:", "Fecha:", "Today's Date:", "Fecha de hoy", "Date (mm/dd/yy):", "Fecha de estimado", "Estimate Date:",
     "Invoice Date / Fecha de factura", "Date of Work:"],
)  # fmt: skip
def test_the_date_at_its_label(label: str) -> None:
    sheet = form().row(170, (60, label), (400, "3/17/26"))
    assert values(sheet)["invoice_date"] == "2026-03-17"


@pytest.mark.parametrize(
    "label",
    ["Grand Total $", "GRAN TOTAL", "Total a pagar:", "Total General", "Suma total", "Total Amount / Monto total",
     "Balance:", "Balance Due / Saldo a pagar", "Total Job:", "Total Labor & Materials", "Costo total"],
)  # fmt: skip
def test_the_total_at_its_label(label: str) -> None:
    sheet = Sheet(confidence=0.96).write(300, 40, "INVOICE / FACTURA", size=22)
    sheet.row(300, (60, "Description of Work / Descripción"), (-760, "Amount"))
    sheet.row(330, (60, "Tape and float"), (-760, "450.00")).row(
        350, (60, "Mobilization"), (-760, "1,000.00")
    )
    sheet.row(500, (450, label), (-760, "1,450.00"))
    assert values(sheet)["total"] == "1450.00"


def test_a_label_in_two_lines_speaks_for_what_stands_at_its_second() -> None:
    sheet = form().lines(60, 170, "Work Order # / Orden de", "trabajo:").write(160, 186, "E3969")
    sheet.lines(480, 170, "Invoice Date / Fecha de", "factura:").write(560, 186, "12/02/2025")
    found = values(sheet)
    assert (found["work_order_number"], found["invoice_date"]) == ("E3969", "2025-12-02")
    assert "invoice_number" not in found


def test_two_labels_below_one_another_stay_two() -> None:
    sheet = Sheet().write(640, 50, "INVOICE", size=24)
    sheet.row(500, (500, "Tax"), (-780, "")).row(516, (500, "Total"), (-780, "$2,862.44"))
    assert values(sheet)["total"] == "2862.44"


def test_what_stands_under_a_title_is_not_its_number() -> None:
    sheet = form(title="ESTIMATE / INVOICE")
    sheet.write(330, 70, "7711 Reyes Street, Newport, NJ 07575")
    assert "work_order_number" not in values(sheet)


@pytest.mark.parametrize(
    "near",
    [
        "Lic. No. 884512",
        "License # 884512",
        "No. de licencia: 884512",
        "Tel. (404) 662-8190",
        "Permit No. 40218",
        "Form No. 4471",
    ],
)
def test_other_numbers_of_a_form_are_not_the_work_order(near: str) -> None:
    sheet = form().write(60, 170, near)
    assert "work_order_number" not in values(sheet)
    sheet.row(200, (60, "Work Order #:"), (220, "51990"))
    assert values(sheet)["work_order_number"] == "51990"


def test_of_a_struck_out_number_and_the_one_beside_it_the_second_counts() -> None:
    sheet = form().row(170, (60, "Estimate Number:"), (260, "26853 35862"))
    assert values(sheet)["work_order_number"] == "35862"


@pytest.mark.parametrize(
    "line", ["Estimate No. / No. de estimadoE4933", "Estimate No. (No. de estimado)E4933"]
)
def test_a_number_written_onto_its_label_is_parted_from_it(line: str) -> None:
    sheet = form().write(60, 170, line)
    sheet.words = [replace(word, confidence=0.9) for word in sheet.words]
    assert values(sheet)["work_order_number"] == "E4933"


def test_specks_around_a_number_are_not_part_of_it() -> None:
    sheet = form().row(170, (60, "Estimate Number:"), (260, "·E5193"))
    sheet.words[-1] = replace(sheet.words[-1], confidence=0.9)
    assert values(sheet)["work_order_number"] == "E5193"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Dec 22025", date(2025, 12, 2)), ("Jan 62024", date(2024, 1, 6)), ("Nov 102020", date(2020, 11, 10)),
        ("Jul 212021", date(2021, 7, 21)), ("Dec |7,2024", date(2024, 12, 17)), ("Ju/19, 2026", date(2026, 7, 19)),
        ("Mar 17 2026", date(2026, 3, 17)), ("March 2026", None), ("Dec 12025 pieces 4", date(2025, 12, 1)),
    ],
)  # fmt: skip
def test_gaps_and_strokes_in_a_hand_written_date(text: str, day: date | None) -> None:
    assert parse_date(text) == day


def test_a_signature_s_date_is_not_the_document_s() -> None:
    sheet = form().row(170, (60, "Date / Fecha:"), (300, "3/17/26"))
    sheet.row(900, (60, "Signature / Firma:"), (450, "Date / Fecha:"), (600, "3/22/26"))
    assert values(sheet)["invoice_date"] == "2026-03-17"


def test_an_address_whose_town_was_misread_ends_before_the_date_in_the_next_box() -> None:
    sheet = Sheet(confidence=0.96).write(300, 40, "Contractor Invoice Form", size=22)
    sheet.write(60, 150, "Name of Company:").write(64, 168, "Walter Ramsey")
    sheet.write(60, 200, "Address:").write(64, 218, "P.O. Box 1105, Milton, 1L 60504")
    sheet.write(60, 240, "Today's Date:").write(64, 258, "04/30/21")
    sheet.row(285, (64, "Qty"), (200, "Work Performed"), (-760, "Total"))
    sheet.row(305, (64, "1"), (200, "Change order 2: added outlets"), (-760, "473.99"))
    found = values(sheet)
    assert found["vendor_address"] == "P.O. Box 1105, Milton, 1L 60504"
    assert found["invoice_date"] == "2021-04-30"


def test_labels_under_the_lines_that_one_writes_on() -> None:
    sheet = Sheet(confidence=0.96).write(300, 40, "CONTRACTOR INVOICE FORM", size=22)
    sheet.row(120, (60, "1266 Zeller Ave, Cedar Grove, TX 71440")).row(
        133, (60, "Job Site / Lugar de trabajo"), size=9
    )
    sheet.row(160, (60, "Denise Whitlow"), (450, "3/17/26"))
    sheet.row(
        173, (60, "Company Name / Nombre de la compañía"), (450, "Invoice Date / Fecha de factura"), size=9
    )
    sheet.row(200, (60, "483312"), (450, "1047")).row(
        213, (60, "Work Order # / Orden de trabajo"), (450, "Invoice No. / No. de factura"), size=9
    )
    sheet.row(700, (500, "TOTAL"), (-760, "1,450.00"))
    found = values(sheet)
    assert (found["work_order_number"], found["invoice_number"]) == ("483312", "1047")
    assert (found["invoice_date"], found["total"]) == ("2026-03-17", "1450.00")


def test_a_sum_beside_its_label_s_sign() -> None:
    sheet = (
        Sheet(confidence=0.96).write(300, 40, "WORK INVOICE", size=22).write(450, 500, "Total $: 40879.82")
    )
    assert values(sheet)["total"] == "40879.82"


def test_a_sum_of_millions_without_marks_has_lost_its_point() -> None:
    sheet = Sheet(confidence=0.96).write(300, 40, "WORK INVOICE", size=22)
    sheet.row(500, (450, "Grand Total:"), (-760, "$3235374"))
    assert values(sheet)["total"] == "32353.74"


def test_a_date_among_the_other_readings_is_found() -> None:
    sheet = form().row(170, (60, "Invoice Date / Fecha:"), (300, "060912019"))
    sheet.words[-1] = replace(sheet.words[-1], readings=(("060912019", 0.5), ("06/09/2019", 0.3)))
    found = read(sheet).fields["invoice_date"]
    assert found.value == "2019-06-09"
    assert found.confidence < 0.6  # only three votes in ten are for it


def test_an_open_work_order_is_known_behind_what_was_struck_out() -> None:
    sheet = form().row(170, (60, "Work Order #:"), (260, "95066059"))
    office = Office(work_orders={"6059": "6059", "51990": "51990"})
    found = understand([sheet.page()], Hints("US", office=office)).fields["work_order_number"]
    assert found.value == "6059"
    assert "ends with open work order 6059" in found.support
    assert understand([sheet.page()], Hints("US")).fields["work_order_number"].value == "95066059"
