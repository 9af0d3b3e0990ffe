"""From a file to a bill: the whole path, in a real browser, with the real reader."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from extraction.models import Run
from invoiceapp import pipeline
from invoiceapp.intake.samples import Paper, handwritten_form, invoice_pdf, line, photo_of
from invoiceapp.records.matching import name_key
from invoiceapp.records.models import Invoice, Job, Vendor
from review.models import Decision, Item

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAPER = Paper(
    vendor="Keystone Building Supply",
    number="K-10045",
    day=date(2026, 11, 2),
    lines=(line("Drywall sheet 4x8", "20", "ea", "14.50"), line("Joint compound", "6", "pail", "18.25")),
    work_order="31877",
)


def read_everything() -> None:
    while "nothing" not in pipeline.process_next(settings.QUEUE_NAME):
        pass


def report(page: Any, chart: str) -> list[dict[str, str]]:
    """Return the rows of one chart's CSV."""
    answer = page.request.get(f"/reports/accuracy/{chart}.csv")
    return list(csv.DictReader(io.StringIO(answer.text())))


def test_an_invoice_goes_from_the_uploader_to_the_books(
    make_user: Any, organization: Any, charlie: Any, open_page: Any, tmp_path: Path
) -> None:
    people = {
        role: make_user(role, organization, role)
        for role in ("uploader", "clerk", "approver", "bookkeeper", "administrator")
    }
    Job.objects.create(organization=organization, number="31877", number_key="31877", estimate="2000")
    organization.accept_threshold = 0.9999  # so that the clerk is asked for every value
    organization.save(update_fields=["accept_threshold"])
    file = tmp_path / "Keystone May.pdf"
    file.write_bytes(invoice_pdf(PAPER))

    page = open_page(people["uploader"], "/upload/", width=390, height=844)
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_text("Accepted as invoice 1001").first).to_be_visible()

    read_everything()
    invoice = Invoice.objects.get()
    run = Run.objects.get()
    assert (run.status, run.pages) == (Run.Status.DONE, 1)
    assert {"Keystone Building Supply", "K-10045", "399.50", "2026-11-02", "31877"} <= set(
        run.readings.values_list("value", flat=True)
    )

    page = open_page(people["clerk"], "/review/")
    page.keyboard.press("s")
    expect(page.locator("h1")).to_contain_text("Invoice 1001")
    number = page.locator("#input-invoice_number")
    while not number.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Enter")  # confirm, go to the next doubtful field
    page.keyboard.press("Control+a")
    page.keyboard.type("K-10045-A")
    save = page.get_by_role("button", name="Save and next")
    while not save.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).not_to_contain_text("Invoice 1001")
    corrected = Decision.objects.get(field="invoice_number")
    assert (corrected.model_value, corrected.value, corrected.action) == ("K-10045", "K-10045-A", "corrected")
    assert Decision.objects.filter(action=Decision.Action.CONFIRMED).exists()
    assert not Item.objects.filter(status=Item.Status.OPEN).exists()

    page = open_page(people["approver"], "/approve/")
    expect(page.locator("tr[data-row]")).to_contain_text("Keystone Building Supply")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_text("1 invoice approved.")).to_be_visible()

    page = open_page(people["bookkeeper"], "/exports/")
    page.get_by_role("button", name="Export all").click()
    expect(page.locator("h1")).to_contain_text("1")
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.EXPORTED
    with page.expect_download() as download:
        page.locator("a[download]").first.click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert {row["invoice_number"] for row in rows} == {"K-10045-A"}
    assert {row["total"] for row in rows} == {"399.50"}

    page = open_page(people["administrator"], "/reports/accuracy/")
    expect(page.locator("h1")).to_contain_text("Accuracy")
    fields = {row["field"]: row for row in report(page, "fields")}
    assert (fields["invoice_number"]["checked"], fields["total"]["checked"]) == ("1", "1")
    (mistake,) = report(page, "corrections")
    assert (mistake["read"], mistake["corrected"]) == ("K-10045", "K-10045-A")

    page = open_page(charlie, "/invoices/")
    expect(page.get_by_text("No invoices yet")).to_be_visible()
    assert page.goto(f"/invoices/{invoice.pk}/").status == 404


def test_a_form_filled_in_by_hand_goes_from_a_phone_to_the_clerk(
    make_user: Any, organization: Any, open_page: Any, tmp_path: Path
) -> None:
    uploader, clerk = (make_user(role, organization, role) for role in ("uploader", "clerk"))
    for number in ("31877", "31878", "40112"):
        Job.objects.create(organization=organization, number=number, number_key=number)
    Vendor.objects.create(
        organization=organization, name=PAPER.vendor, name_key=name_key(PAPER.vendor), phone=PAPER.phone
    )
    form = handwritten_form(PAPER)
    blurred, sharp = tmp_path / "IMG_0417.jpg", tmp_path / "IMG_0418.jpg"
    blurred.write_bytes(photo_of(form, seed=9, blur=6))
    sharp.write_bytes(photo_of(form, seed=4))

    phone = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
    page = open_page(uploader, "/upload/", **phone)
    page.set_input_files("#id_photo", str(blurred))
    # Judging a picture takes a second on an idle machine, and more beside other tests.
    told = page.locator("[id^=upload-]").get_by_text("The letters are blurred. Hold the phone still")
    expect(told).to_be_visible(timeout=20_000)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take another picture").tap()
    chooser.value.set_files(str(sharp))
    expect(page.get_by_text("Accepted as invoice 1002").first).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Keep it")).to_have_count(0)  # nothing is left to decide
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    read_everything()
    invoice = Invoice.objects.get(reference="1002")
    read = dict(invoice.runs.get().readings.values_list("field", "value"))
    assert (read["work_order_number"], read["total"], read["vendor_name"]) == (
        "31877",
        "399.50",
        PAPER.vendor,
    )
    (sheet,) = invoice.document.pages.all()
    # What people see is the sheet as it lay there, not the table around it.
    assert sheet.height / sheet.width == pytest.approx(form.height / form.width, rel=0.03)

    item = Item.objects.get(invoice=invoice)
    for size in (phone, {}):
        page = open_page(clerk, f"/review/{item.pk}/", **size)
        for field in ("work_order_number", "total"):
            mark = page.locator(f"[data-mark={field}]")
            expect(mark).to_have_count(1)
            number = {name: float(mark.get_attribute(name)) for name in ("x", "y", "width", "height")}
            assert 0 <= number["x"] < number["x"] + number["width"] <= sheet.width
            assert 0 <= number["y"] < number["y"] + number["height"] <= sheet.height
        expect(page.get_by_text("Known vendor", exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size.get("width", 1440)
