"""Uploading in a real browser, also where the server goes away in the middle."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extraction.tests import hostile
from invoiceapp.intake import samples
from invoiceapp.tests.browser import axe_violations
from invoiceapp.tests.site_process import Site

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def open_upload(chromium: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Open the upload page as the uploader; errors in scripts fail the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_it(**options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: errors.append(message.text) if "Content Security" in message.text else None,
        )
        site.sign_in(page, "uploader")
        page.goto(f"{site.url}/upload/")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def make_files(tmp_path: Path) -> Callable[..., list[str]]:
    def make(count: int, name: str) -> list[str]:
        paths = []
        for number in range(count):
            path = tmp_path / f"{name}-{number:02}.pdf"
            path.write_bytes(samples.invoice_pdf(samples.a_paper(f"{name}-{number}", lines=2)))
            paths.append(str(path))
        return paths

    return make


def row(page: Any, name: str) -> Any:
    return page.locator("#uploads > li", has_text=name)


def accepted(page: Any, name: str) -> Any:
    return row(page, name).filter(has_text="Accepted")


def test_several_files_by_the_file_dialog(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]], tmp_path: Path, site: Site
) -> None:
    page = open_upload()
    blurred = tmp_path / "photo-blurred.jpg"
    blurred.write_bytes(samples.blurred_photo())
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(hostile.encrypted_pdf())
    files = make_files(2, "dialog")
    with page.expect_file_chooser() as chooser:
        page.locator("#drop").click()
    chooser.value.set_files([*files, str(blurred), str(locked), files[0]])
    expect(page.locator(".upload--sending")).to_have_count(0)
    expect(accepted(page, "dialog-01.pdf")).to_have_count(1)
    expect(row(page, "dialog-00.pdf")).to_have_count(2)
    expect(row(page, "dialog-00.pdf").filter(has_text="Already here")).to_have_count(1)
    expect(row(page, "locked.pdf")).to_contain_text("Encrypted")
    expect(row(page, "locked.pdf")).to_contain_text("password")
    warned = accepted(page, "photo-blurred.jpg")
    expect(warned).to_contain_text("The letters are blurred")
    expect(warned.locator(".upload__mark")).to_be_visible()
    expect(page.locator("#progress-words")).to_have_text("5 of 5 files done, 1 could not be taken")
    expect(page.locator("#said")).to_contain_text("5 of 5 files done")
    better = tmp_path / "photo-better.jpg"
    better.write_bytes(samples.photo_of(samples.handwritten_form(samples.a_paper("better"))))
    with page.expect_file_chooser() as chooser:
        warned.get_by_role("button", name="Take another picture").click()
    chooser.value.set_files(str(better))
    expect(accepted(page, "photo-better.jpg")).to_contain_text("It replaces invoice")
    expect(warned).to_contain_text("Rejected Replaced by a better picture", timeout=10_000)
    # The rows survive a reload, with the pictures that the server made.
    page.reload()
    for name in ("dialog-00.pdf", "dialog-01.pdf", "photo-blurred.jpg", "locked.pdf"):
        expect(row(page, name).first).to_be_visible()
    picture = accepted(page, "dialog-01.pdf").locator("img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(page.locator("#lost")).to_be_hidden()


def test_files_that_are_dropped(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]]
) -> None:
    page = open_upload()
    contents = [list(Path(path).read_bytes()) for path in make_files(2, "dropped")]
    transfer = page.evaluate_handle(
        """contents => {
          const transfer = new DataTransfer();
          contents.forEach((bytes, i) => transfer.items.add(
            new File([new Uint8Array(bytes)], `dropped-0${i}.pdf`, {type: "application/pdf"})));
          return transfer;
        }""",
        contents,
    )
    page.dispatch_event("#drop", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#drop")).to_have_class(re.compile("drop--over"))
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#drop")).not_to_have_class(re.compile("drop--over"))
    expect(accepted(page, "dropped-00.pdf")).to_have_count(1)
    expect(accepted(page, "dropped-01.pdf")).to_have_count(1)


def test_a_work_order_and_a_total_for_each_file(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]], site: Site
) -> None:
    page = open_upload()
    page.fill("#id_work_order", "31877")
    page.fill("#id_total", "12.50")
    page.set_input_files("#id_files", make_files(2, "stated"))
    # One total can't be that of two files: both wait for their own.
    expect(page.locator("#progress-words")).to_have_text("0 of 2 files done, 2 not sent yet")
    first, second = row(page, "stated-00.pdf"), row(page, "stated-01.pdf")
    expect(first.get_by_label("Work order")).to_have_value("31877")
    expect(first.get_by_label("Total")).to_have_value("")
    first.get_by_label("Total").fill("a lot")
    second.get_by_label("Total").fill("$1,450.00")
    second.get_by_label("Work order").fill("31902")
    page.get_by_role("button", name="Upload 2 files").click()
    expect(accepted(page, "stated-01.pdf")).to_contain_text("work order 31902")
    expect(first).to_contain_text("“a lot” is not an amount. Write it like 1,450.00.")
    first.get_by_label("Total").fill("99")
    first.get_by_label("Total").press("Enter")
    expect(accepted(page, "stated-00.pdf")).to_contain_text("work order 31877")
    stated = site.rows(
        "SELECT stated_work_order, CAST(stated_total AS REAL) FROM records_invoice JOIN intake_upload "
        "ON invoice_id = records_invoice.id WHERE filename LIKE 'stated-%' ORDER BY filename"
    )
    assert stated == [("31877", 99.0), ("31902", 1450.0)]


def test_fifty_files_at_once_leave_the_browser_usable(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]], site: Site
) -> None:
    page = open_upload()
    page.evaluate(
        """() => {
          window.longTasks = [];
          new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((task) => task.duration)))
            .observe({type: "longtask"});
        }"""
    )
    files = make_files(50, "fifty")
    begun = time.monotonic()
    page.set_input_files("#id_files", files)
    expect(page.locator("#uploads > li", has_text="fifty-")).to_have_count(50)
    typed = 0
    while page.locator(".upload--sending").count():
        page.fill("#id_work_order", f"{typed}")
        expect(page.locator("#id_work_order")).to_have_value(f"{typed}")
        assert page.locator(".upload--sending progress:visible").count() <= 3
        typed += 1
    assert typed > 5, "the page answered while files were on their way"
    # Tasks of over 50 ms, during which the page stands still: never long, and a small share of the time.
    stood_still = [duration / 1000 for duration in page.evaluate("longTasks")]
    assert max(stood_still, default=0) < 2
    assert sum(stood_still) < 0.25 * (time.monotonic() - begun)
    expect(accepted(page, "fifty-")).to_have_count(50)
    expect(page.locator("#progress-words")).to_have_text("50 of 50 files done")
    assert site.rows("SELECT COUNT(*) FROM intake_upload WHERE filename LIKE 'fifty-%'") == [(50,)]


def test_a_server_that_dies_in_the_middle_loses_nothing(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]], site: Site
) -> None:
    page = open_upload()
    page.set_input_files("#id_files", make_files(50, "killed"))
    expect(accepted(page, "killed-").nth(7)).to_be_attached(timeout=20_000)
    site.kill()
    expect(page.locator("#waiting-words")).to_contain_text("Waiting for the server… Nothing is lost.")
    expect(row(page, "killed-49.pdf")).to_contain_text("Waiting for the server…")
    expect(page.locator("#said")).to_contain_text("Nothing is lost")
    time.sleep(2)
    site.start()
    page.get_by_role("button", name="Try now").click()
    expect(accepted(page, "killed-")).to_have_count(50, timeout=60_000)
    expect(page.locator("#waiting")).to_be_hidden()
    counts = site.rows(
        "SELECT COUNT(*), COUNT(DISTINCT invoice_id), COUNT(DISTINCT sha256), "
        "SUM(outcome = 'accepted'), SUM(EXISTS (SELECT 1 FROM work_workitem w WHERE w.invoice_id = u.invoice_id)) "
        "FROM intake_upload u WHERE filename LIKE 'killed-%'"
    )
    assert counts == [(50, 50, 50, 50, 50)]
    assert site.rows(
        "SELECT COUNT(*) FROM records_document d LEFT JOIN records_invoice i ON i.document_id = d.id "
        "WHERE i.id IS NULL"
    ) == [(0,)], "no document without its invoice"


def test_an_answer_that_was_lost_does_not_enter_the_file_twice(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]], site: Site
) -> None:
    page = open_upload()
    (file,) = make_files(1, "lost")
    key = str(uuid.uuid4())
    # The file arrives under the key that the browser will use, and nobody hears the answer.
    form = {
        "key": key,
        "file": {"name": "lost-00.pdf", "mimeType": "application/pdf", "buffer": Path(file).read_bytes()},
        "csrfmiddlewaretoken": page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value"),
        "complete": "yes",
    }
    assert page.request.post(f"{site.url}/upload/file/", multipart=form).ok
    page.evaluate("key => { crypto.randomUUID = () => key; }", key)
    page.set_input_files("#id_files", [file])
    expect(accepted(page, "lost-00.pdf")).to_have_count(1)
    assert site.rows("SELECT outcome FROM intake_upload WHERE filename = 'lost-00.pdf'") == [("accepted",)]


def test_a_server_that_asks_to_wait_is_waited_for(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]]
) -> None:
    page = open_upload()
    refused: list[float] = []

    def refuse_once(route: Any) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(time.monotonic())
            route.fulfill(status=429, headers={"Retry-After": "2"}, body="")

    page.route("**/upload/file/", refuse_once)
    page.set_input_files("#id_files", make_files(2, "fast"))
    expect(page.locator("#waiting-words")).to_contain_text(
        "many files in one minute… Nothing is lost. Trying again in"
    )
    expect(accepted(page, "fast-")).to_have_count(2)
    assert time.monotonic() - refused[0] >= 2


def test_who_was_signed_out_signs_in_again_and_goes_on(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]], site: Site
) -> None:
    page = open_upload()
    page.context.clear_cookies()
    page.set_input_files("#id_files", make_files(1, "signed-out"))
    expect(page.locator("#waiting-words")).to_contain_text("You are signed out")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    site.sign_in(opened.value, "uploader")
    page.get_by_role("button", name="Try now").click()
    expect(accepted(page, "signed-out-00.pdf")).to_have_count(1)


def test_the_rows_say_what_became_of_the_invoices_meanwhile(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]], site: Site
) -> None:
    page = open_upload()
    page.set_input_files("#id_files", make_files(1, "later"))
    here = accepted(page, "later-00.pdf")
    expect(here).to_contain_text("Waiting to be read")
    site.manage(
        "shell",
        "--verbosity=0",
        "--command",
        "from invoiceapp.records.models import Invoice; from invoiceapp.records import invoices;"
        "invoice = Invoice.objects.get(document__filename='later-00.pdf');"
        "invoices.reject(invoice, user=invoice.uploaded_by, reason='It is a quote.')",
    )
    expect(here).to_contain_text("Rejected It is a quote.", timeout=15_000)
    # A poll that is answered with the sign-in page does not put it into this one.
    page.context.clear_cookies()
    page.evaluate("htmx.trigger('#upload-poll', 'refresh')")
    expect(page.locator("#upload-poll")).to_have_count(0)
    expect(page.locator("[name=password]")).to_have_count(0)


def test_a_page_that_was_closed_too_early_names_the_files_it_lost(
    open_upload: Callable[..., Any], make_files: Callable[..., list[str]]
) -> None:
    page = open_upload()
    page.route("**/upload/file/", lambda route: route.abort())
    page.set_input_files("#id_files", make_files(2, "early"))
    expect(page.locator("#waiting")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#lost")).to_contain_text("early-00.pdf")
    expect(page.locator("#lost")).to_contain_text("early-01.pdf")
    page.get_by_role("button", name="All right").click()
    page.reload()
    expect(page.locator("#lost")).to_be_hidden()


def test_by_keyboard_alone(open_upload: Callable[..., Any], make_files: Callable[..., list[str]]) -> None:
    page = open_upload()
    choosers: list[Any] = []

    def remember(chooser: Any) -> None:  # playwright takes no built-in method
        choosers.append(chooser)

    page.on("filechooser", remember)
    page.focus("#id_work_order")
    page.keyboard.type("31877")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.locator("#id_files")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(100):
        if choosers:
            break
        page.wait_for_timeout(100)
    choosers[0].set_files(make_files(1, "keys"))
    expect(accepted(page, "keys-00.pdf")).to_have_count(1)
    expect(page.locator("#said")).to_contain_text(re.compile(r"keys-00\.pdf: Accepted, invoice \d+\."))
    link = accepted(page, "keys-00.pdf").get_by_role("link")
    for _ in range(12):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/invoices/"))


def test_on_a_phone(open_upload: Callable[..., Any], tmp_path: Path) -> None:
    page = open_upload(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    photo = tmp_path / "IMG_0001_with_a_rather_long_name_that_no_phone_can_show_in_one_line_at_all.jpg"
    photo.write_bytes(samples.photo_of(samples.handwritten_form(samples.a_paper("phone")), seed=4))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take a photo", exact=True).tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(str(photo))
    expect(accepted(page, "IMG_0001")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_bad_picture_is_told_at_once_and_kept_by_touch(
    open_upload: Callable[..., Any], tmp_path: Path, site: Site
) -> None:
    page = open_upload(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    photo = tmp_path / "held-badly.jpg"
    photo.write_bytes(samples.photo_of(samples.handwritten_form(samples.a_paper("held")), seed=9, blur=6))
    begun = time.monotonic()
    page.set_input_files("#id_photo", str(photo))
    here = accepted(page, "held-badly.jpg")
    expect(here).to_contain_text("The letters are blurred. Hold the phone still")
    assert time.monotonic() - begun < 10  # about 1 s alone on two cores, under load more
    again, keep = (here.get_by_role("button", name=name) for name in ("Take another picture", "Keep it"))
    expect(again).to_be_visible()
    assert min(button.bounding_box()["height"] for button in (again, keep)) >= 32
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe_violations(page) == []
    keep.tap()
    expect(here).to_contain_text("You kept this picture.")
    expect(keep).to_have_count(0)
    expect(page.locator("#said")).to_contain_text("held-badly.jpg: kept as it is.")
    expect(here.get_by_role("link", name="invoice")).to_be_focused()
    assert axe_violations(page) == []
    here.get_by_role("link", name="invoice").tap()
    expect(page.get_by_role("region", name="The picture")).to_contain_text(
        "The uploader was told and kept it."
    )
    assert axe_violations(page) == []
    events = site.rows("SELECT COUNT(*) FROM records_event WHERE kind = 'picture_kept'")
    assert events == [(1,)]


def test_without_scripts(open_upload: Callable[..., Any], make_files: Callable[..., list[str]]) -> None:
    page = open_upload(java_script_enabled=False)
    page.set_input_files("#id_files", make_files(2, "plain"))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("2 files: 2 accepted.")
    expect(accepted(page, "plain-")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_in_every_state(
    scheme: str, open_upload: Callable[..., Any], make_files: Callable[..., list[str]], tmp_path: Path
) -> None:
    page = open_upload(color_scheme=scheme)
    blurred = tmp_path / "axe-blurred.jpg"
    blurred.write_bytes(samples.blurred_photo() + scheme.encode())
    locked = tmp_path / "axe-locked.pdf"
    locked.write_bytes(hostile.encrypted_pdf())
    page.set_input_files("#id_files", [str(blurred), str(locked)])
    expect(page.locator(".upload--sending")).to_have_count(0)
    page.route("**/upload/file/", lambda route: route.abort())
    page.check("#each")
    page.set_input_files("#id_files", make_files(2, f"axe-{scheme}"))
    page.locator("[data-act=send]:visible").first.click()
    expect(page.locator("#waiting")).to_be_visible()
    assert axe_violations(page) == []
