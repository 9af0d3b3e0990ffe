"""The whole path from a file's bytes to a reading, on documents drawn here."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from extraction import gate, registry
from extraction.documents import open_pages
from extraction.schema import Backend, Hints
from extraction.tests.pages import invoice_pdf


def scanned_form() -> bytes:
    """A pre-printed bilingual form as a scanner delivers it: a picture without text."""
    page = Image.new("RGB", (1275, 1650), "white")
    draw = ImageDraw.Draw(page)

    def write(x: int, y: int, text: str, size: int = 26) -> None:
        draw.text((x, y), text, fill="black", font=ImageFont.load_default(size))

    write(420, 60, "INVOICE / FACTURA", 44)
    write(90, 180, "Company / Compañía:")
    write(420, 180, "Ramirez Drywall LLC")
    write(90, 240, "Work Order Number:")
    write(420, 240, "778213")
    write(820, 180, "Date / Fecha:")
    write(1010, 180, "03/14/2025")
    write(90, 380, "Description of work")
    write(1050, 380, "Amount")
    write(90, 430, "Hang and tape drywall, two rooms")
    write(1050, 430, "1,450.00")
    draw.line((90, 1380, 1200, 1380), fill="black", width=2)
    write(760, 1400, "GRAND TOTAL", 30)
    write(1030, 1400, "$1,450.00", 30)
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def test_the_backend_keeps_the_protocol() -> None:
    backend = registry.backend("layout")
    assert isinstance(backend, Backend)
    assert backend.name == "layout"
    assert backend.version


def test_a_born_digital_page() -> None:
    reading = registry.backend("layout").read(open_pages(invoice_pdf()), Hints())
    found = {name: value.value for name, value in reading.fields.items()}
    assert found["vendor_name"] == "Miller & Sons Roofing LLC"
    assert found["vendor_address"] == "1420 Harbor Street, Tacoma, WA 98402"
    assert found["invoice_number"] == "MR-20417"
    assert found["invoice_date"] == "2025-03-14"
    assert found["work_order_number"] == "778213"
    assert (found["subtotal"], found["tax_amount"], found["total"]) == ("2495.50", "222.10", "2717.60")
    assert reading.pages == 1
    assert reading.seconds.total >= reading.seconds.fields > 0
    assert all(check.passed for check in reading.checks)
    assert len(reading.words) == 1
    assert len(reading.words[0]) > 40


def test_a_scanned_form_is_recognised_and_read() -> None:
    reading = registry.backend("layout").read(open_pages(scanned_form()), Hints())
    found = {name: value.value for name, value in reading.fields.items()}
    assert found["work_order_number"] == "778213"
    assert found["total"] == "1450.00"
    assert found["invoice_date"] == "2025-03-14"
    assert found["vendor_name"] == "Ramirez Drywall LLC"


def test_what_the_uploader_stated_is_held_against_the_page() -> None:
    reading = registry.backend("layout").read(open_pages(invoice_pdf()), Hints())
    agreed = gate.doubtful(
        reading, {"total": 0.0}, stated={"total": "2717.60", "work_order_number": "778213"}
    )
    assert "total" not in agreed
    reasons = gate.doubtful(reading, stated={"total": "2117.60"})
    assert reasons["total"].startswith("the page says 2,717.60, the uploader stated 2,117.60")


def test_an_empty_document_gives_an_empty_reading() -> None:
    out = io.BytesIO()
    Image.new("RGB", (850, 1100), "white").save(out, "PNG")
    reading = registry.backend("layout").read(open_pages(out.getvalue()), Hints())
    assert dict(reading.fields) == {}
    assert set(gate.doubtful(reading)) >= {"vendor_name", "invoice_number", "invoice_date", "total"}
