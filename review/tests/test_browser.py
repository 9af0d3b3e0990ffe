"""The correction screen as people use it: by keyboard, by pointing at the page, on a phone, without scripts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from invoiceapp.records import invoices
from invoiceapp.records.models import Invoice
from invoiceapp.tests.browser import axe_violations
from review import services
from review.models import Decision, Item
from review.tests.factories import LINE, READ, make_invoice, word_box

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TWO_DOUBTS = {
    "vendor_name": "82 %: read from the letterhead",
    "total": "71 %: two amounts could be the total, 1,450.00 and 1,950.00",
}


@pytest.fixture
def check(open_page: Callable[..., Any], alice: Any) -> Callable[..., Any]:
    """Open the correction screen of an item that alice has claimed."""

    def check(item: Item, *, user: Any = None, **options: Any) -> Any:
        services.claim(item, user or alice)
        return open_page(user or alice, f"/review/{item.pk}/", **options)

    return check


def at_word(page: Any, text: str) -> tuple[float, float]:
    """Return the middle of a printed word on the screen."""
    x0, y0, x1, y1 = word_box(text)
    sheet = page.locator("[data-page='0'] .sheet").bounding_box()
    return sheet["x"] + (x0 + x1) / 2 * sheet["width"], sheet["y"] + (y0 + y1) / 2 * sheet["height"]


class TestKeyboard:
    def test_an_invoice_is_corrected_without_the_mouse(
        self, make_item: Any, open_page: Any, alice: Any
    ) -> None:
        first = make_item(doubts=TWO_DOUBTS, alternatives={"total": ["1950.00"]}, lines=())
        second = make_item(doubts=TWO_DOUBTS)
        page = open_page(alice, "/review/")
        page.keyboard.press("s")

        expect(page.locator("h1")).to_contain_text("Invoice 1001")
        expect(page.locator("#input-vendor_name")).to_be_focused()
        page.keyboard.type("Hernández Drywall")
        page.keyboard.press("Enter")  # on to the next doubtful field, over all the sure ones
        expect(page.locator("#input-total")).to_be_focused()
        page.keyboard.press("Alt+1")
        expect(page.locator("#input-total")).to_have_value("1,950.00")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        expect(page.locator("#input-subtotal")).to_be_focused()
        page.keyboard.type("1950")
        page.keyboard.press("Enter")
        expect(page.locator("[data-save-main]")).to_be_focused()
        expect(page.locator("[data-remaining-text]")).to_have_text("All checked")
        expect(page.locator("[data-verdict]")).to_have_text("adds up")
        expect(page.locator("#checks li")).to_have_count(0)
        page.keyboard.press("Control+Enter")

        expect(page.locator("h1")).to_contain_text("Invoice 1002")
        expect(page.locator("[data-saved-notice]")).to_contain_text("Invoice 1001 is saved")
        invoice = Invoice.objects.get(pk=first.invoice_id)
        assert (invoice.status, invoice.total) == ("to_approve", Decimal(1950))
        assert invoice.vendor_name == "Hernández Drywall"
        decisions = {row.field: (row.action, row.value) for row in Decision.objects.all()}
        assert decisions == {
            "vendor_name": ("corrected", "Hernández Drywall"),
            "subtotal": ("corrected", "1950.00"),
            "total": ("corrected", "1950.00"),
        }
        assert Decision.objects.get(field="vendor_name").seconds > 0
        assert Item.objects.get(pk=second.pk).claimed_by == alice

        page.keyboard.press("Control+z")  # nothing typed here yet: the save is undone
        expect(page.locator("h1")).to_contain_text("Invoice 1001")
        expect(page.locator("#input-total")).to_have_value("1,950.00")
        assert Invoice.objects.get(pk=first.invoice_id).status == "review"

    def test_tab_stops_at_doubtful_fields_only(self, make_item: Any, check: Any) -> None:
        page = check(make_item(doubts=TWO_DOUBTS))

        expect(page.locator("#input-vendor_name")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator("#input-total")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        expect(page.locator("#input-vendor_name")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#input-customer_name")).to_be_focused()
        page.keyboard.press("F6")
        expect(page.locator("[name=line-description]").first).to_be_focused()
        page.keyboard.press("Shift+F6")
        expect(page.locator("#input-customer_name")).to_be_focused()

    def test_undo_redo_and_put_back(self, item: Item, check: Any) -> None:
        page = check(item)
        total = page.locator("#input-total")
        page.keyboard.type("1")
        page.keyboard.press("Escape")
        expect(total).to_have_value("1,450.00")
        page.keyboard.type("77")
        expect(page.locator("#field-total")).to_have_attribute("data-state", "person")

        page.keyboard.press("Control+z")
        expect(total).to_have_value("1,450.00")
        expect(page.locator("#field-total")).to_have_attribute("data-state", "check")
        page.keyboard.press("Control+Shift+z")
        expect(total).to_have_value("77")

    def test_saving_with_open_fields_asks_once(self, make_item: Any, check: Any) -> None:
        item = make_item(doubts=TWO_DOUBTS)
        page = check(item)

        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-told]")).to_have_text(
            "2 fields are still to check. Press Save once more to save it as it is."
        )
        assert Item.objects.get(pk=item.pk).status == "open"
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/review/")

        assert set(Decision.objects.values_list("action", flat=True)) == {"confirmed"}

    def test_the_help_lists_the_keys_of_the_page(self, item: Item, check: Any) -> None:
        page = check(item)
        page.locator("[data-stage]").focus()
        page.keyboard.press("?")

        help_text = page.locator("#keys").inner_text()
        for label in (
            "Save and open the next",
            "Confirm the field and go on",
            "Add a line below",
            "Turn the view",
        ):
            assert label in help_text

    def test_the_queue_by_keyboard(self, make_item: Any, open_page: Any, alice: Any) -> None:
        make_item()
        second = make_item()
        page = open_page(alice, "/review/")

        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Enter")

        page.wait_for_url(f"**/review/{second.pk}/")
        assert Item.objects.get(pk=second.pk).claimed_by == alice


class TestPage:
    def test_clicking_a_word_fills_the_focused_field(self, make_item: Any, check: Any) -> None:
        item = make_item(read={**READ, "total": "1.00"}, doubts=TWO_DOUBTS)
        page = check(item)
        page.locator("#input-total").focus()

        page.mouse.click(*at_word(page, "$1,450.00"))

        expect(page.locator("#input-total")).to_have_value("1,450.00")  # normalised as an amount
        expect(page.locator("#input-total")).to_be_focused()
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/review/")
        held = invoices.current_values(item.invoice)["total"]
        assert (held.value, held.page) == ("1450.00", 0)
        assert held.box == pytest.approx(word_box("$1,450.00"), abs=1e-4)

    def test_dragging_takes_the_words_of_a_region(self, make_item: Any, check: Any) -> None:
        page = check(make_item(doubts=TWO_DOUBTS))
        page.keyboard.press("Alt+0")
        x0, y0 = at_word(page, "Hernandez")
        sheet = page.locator("[data-page='0'] .sheet").bounding_box()
        drywall = sheet["x"] + 0.40 * sheet["width"]

        page.mouse.move(x0 - 60, y0 - 14)
        page.mouse.down()
        page.mouse.move(drywall, y0 + 14, steps=4)
        page.mouse.up()

        expect(page.locator("#input-vendor_name")).to_have_value("Hernandez Drywall")

    def test_words_are_found_on_a_turned_page_too(self, make_item: Any, check: Any) -> None:
        page = check(make_item(doubts=TWO_DOUBTS))
        page.keyboard.press("Alt+t")
        page.keyboard.press("Alt+0")
        page.locator("#input-work_order_number").focus()
        mark = page.locator("[data-mark=work_order_number]").bounding_box()
        page.locator("#input-po_number").focus()

        page.mouse.click(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)

        expect(page.locator("#input-po_number")).to_have_value("31877")

    def test_the_focused_field_is_outlined_and_in_view(self, make_item: Any, check: Any) -> None:
        page = check(make_item(pages=2), height=700)

        mark = page.locator("[data-page='0'] .focus-mark")
        expect(mark).to_be_visible()
        box, stage = mark.bounding_box(), page.locator("[data-stage]").bounding_box()
        assert stage["y"] < box["y"] < stage["y"] + stage["height"]
        assert stage["x"] < box["x"] < stage["x"] + stage["width"]
        page.locator("#input-due_date").focus()
        expect(mark).to_be_hidden()

    def test_hovering_a_box_names_its_field(self, make_item: Any, check: Any) -> None:
        page = check(make_item())
        page.keyboard.press("Alt+0")
        page.locator("[data-stage]").evaluate("stage => stage.scrollTo(0, 0)")

        page.mouse.move(*at_word(page, "2041"))

        expect(page.locator("[data-mark-name]")).to_have_text("Invoice number")
        expect(page.locator("#field-invoice_number")).to_have_class("entry-field is-pointed-at")

    def test_pages_follow_the_keys(self, make_item: Any, check: Any) -> None:
        page = check(make_item(pages=4))
        page.keyboard.press("Alt+PageDown")
        page.keyboard.press("Alt+PageDown")

        expect(page.locator("[data-goto='2']")).to_have_attribute("aria-current", "true")
        page.keyboard.press("Alt+PageUp")
        expect(page.locator("[data-goto='1']")).to_have_attribute("aria-current", "true")

    def test_the_width_of_the_page_is_remembered(self, make_item: Any, check: Any) -> None:
        page = check(make_item())
        before = page.locator("[data-viewer]").bounding_box()["width"]
        page.locator("[data-divider]").focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        wider = page.locator("[data-viewer]").bounding_box()["width"]
        assert wider > before + 100

        page.reload()

        assert page.locator("[data-viewer]").bounding_box()["width"] == pytest.approx(wider, abs=2)


class TestLines:
    def test_the_difference_runs_along_while_typing(self, item: Item, check: Any) -> None:
        page = check(item)
        expect(page.locator("[data-verdict]")).to_have_text("adds up")

        page.locator("[name=line-amount]").first.fill("1,437.60")

        expect(page.locator("[data-sum=lines]")).to_have_text("1,437.60")
        expect(page.locator("[data-verdict]")).to_have_text("off by 12.40")
        expect(page.locator("#checks")).to_contain_text("12.40")  # what the server says of it

    def test_money_is_exact(self, make_item: Any, check: Any) -> None:
        # 0.1 + 0.2 is not 0.3 in floats; three hundred such lines would be a cent off.
        lines = [{"description": f"{n}", "amount": amount} for n in range(30) for amount in ("0.10", "0.20")]
        page = check(make_item(read={**READ, "subtotal": "9.00", "total": "9.00"}, lines=lines))

        expect(page.locator("[data-sum=lines]")).to_have_text("9.00")
        expect(page.locator("[data-verdict]")).to_have_text("adds up")

    def test_pasting_from_a_spreadsheet(self, make_item: Any, check: Any) -> None:
        item = make_item(lines=[{**LINE, "amount": "450.00", "unit_price": "450.00"}])
        page = check(item)
        cells = page.locator("[name=line-description]")
        cells.nth(1).focus()

        page.evaluate(
            """() => {
              const data = new DataTransfer();
              data.setData("text/plain", "Paint\\t2\\tea\\t100.00\\t200.00\\nPrimer\\t4\\tea\\t200.00\\t800.00\\n");
              document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
            }"""
        )

        expect(cells).to_have_count(4)  # three lines and the empty one at the end
        expect(page.locator("[data-sum=lines]")).to_have_text("1,450.00")
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/review/")
        lines = invoices.current_lines(Invoice.objects.get(pk=item.invoice_id))
        assert [(line.description, line.quantity, line.amount) for line in lines][1:] == [
            ("Paint", 2, 200),
            ("Primer", 4, 800),
        ]

    def test_adding_deleting_filling_and_undoing(self, item: Item, check: Any) -> None:
        page = check(item)
        codes = page.locator("[name=line-cost_code]")
        codes.first.fill("09-20")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Control+d")
        expect(codes.nth(1)).to_have_value("09-20")
        page.keyboard.press("Alt+a")
        expect(codes).to_have_count(4)
        page.keyboard.press("Control+Delete")
        expect(codes).to_have_count(3)
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Control+Delete")
        expect(codes.nth(1)).to_have_value("")

        page.keyboard.press("Control+z")

        expect(codes.nth(1)).to_have_value("09-20")


class TestNothingIsLost:
    def test_a_draft_survives_a_reload(self, item: Item, check: Any) -> None:
        page = check(item)
        page.keyboard.type("1,9")
        page.locator("[name=line-unit]").first.fill("day")

        page.reload()

        expect(page.locator("[data-draft]")).to_contain_text("is back; it was not saved yet")
        expect(page.locator("#input-total")).to_have_value("1,9")
        expect(page.locator("[name=line-unit]").first).to_have_value("day")
        page.get_by_role("button", name="Start afresh").click()
        expect(page.locator("#input-total")).to_have_value("1,450.00")

    def test_a_draft_is_gone_once_the_server_has_it(self, item: Item, check: Any, alice: Any) -> None:
        page = check(item)
        page.keyboard.type("1950")
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/review/")

        assert (
            page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('invoice-draft:'))") == []
        )

    def test_a_lost_claim_says_who_has_it_and_keeps_the_text(
        self, item: Item, check: Any, clerk: Any
    ) -> None:
        page = check(item)
        page.keyboard.type("1950")
        Item.objects.filter(pk=item.pk).update(claimed_by=clerk)

        page.keyboard.press("Control+Enter")
        page.keyboard.press("Control+Enter")

        expect(page.get_by_role("alert")).to_contain_text("dana is working on Invoice 1001 now.")
        expect(page.locator("#input-total")).to_have_value("1950")
        assert not Decision.objects.exists()
        services.release(item, clerk)
        page.get_by_role("button", name="try again").click()
        page.wait_for_url("**/review/")
        assert Invoice.objects.get(pk=item.invoice_id).total == 1950

    def test_the_claim_lasts_while_one_works_and_its_loss_is_said(
        self, item: Item, check: Any, clerk: Any
    ) -> None:
        page = check(item)
        page.clock.install()
        page.reload()
        expect(page.locator("#input-total")).to_be_focused()
        before = Item.objects.get(pk=item.pk).claimed_until

        def work_for_six_minutes() -> None:
            page.clock.fast_forward(6 * 60_000)
            page.keyboard.press("ArrowDown")
            page.clock.fast_forward(16_000)

        with page.expect_response("**/renew/"):
            work_for_six_minutes()
        assert Item.objects.get(pk=item.pk).claimed_until > before
        Item.objects.filter(pk=item.pk).update(claimed_by=clerk)
        with page.expect_response("**/renew/"):
            work_for_six_minutes()

        expect(page.locator("[data-told]")).to_contain_text("dana is working on Invoice 1001 now.")

    def test_a_wrong_value_is_named_beside_its_field(self, item: Item, check: Any) -> None:
        page = check(item)
        page.keyboard.type("a lot")

        expect(page.locator("#field-total [data-error]")).to_contain_text("is not an amount")  # before saving
        expect(page.locator("#field-total")).to_have_attribute("data-state", "invalid")

    def test_rejecting_asks_for_the_reason_in_a_dialog(self, item: Item, check: Any) -> None:
        page = check(item)
        page.keyboard.press("Alt+r")
        page.keyboard.type("Billed twice.")
        page.get_by_role("dialog").get_by_role("button", name="Reject").click()
        page.wait_for_url("**/review/")

        invoice = Invoice.objects.get(pk=item.invoice_id)
        assert (invoice.status, invoice.status_reason) == ("rejected", "Billed twice.")

    def test_an_office_change_is_no_misread(self, item: Item, check: Any) -> None:
        page = check(item)
        page.keyboard.type("1400.00")
        page.get_by_label("Our change, not a misread").locator("visible=true").check()
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/review/")

        assert Decision.objects.get(field="total").why == "business"


class TestWithoutScripts:
    def test_the_form_is_corrected_and_saved(self, make_item: Any, open_page: Any, alice: Any) -> None:
        item = make_item()
        page = open_page(alice, "/review/", javascript=False)
        page.get_by_role("button", name="Start with the next invoice").click()
        page.locator("#input-total").fill("a lot")
        page.locator("[name=line-description]").first.fill("Changed")
        page.get_by_role("button", name="Save and next").last.click()

        expect(page.get_by_role("alert")).to_contain_text("is not an amount")
        expect(page.locator("[name=line-description]").first).to_have_value("Changed")
        page.get_by_role("button", name="More empty lines").click()
        expect(page.locator("[name=line-description]")).to_have_count(7)
        page.locator("#input-total").fill("1.950,00")
        page.locator("#input-total").press("Enter")

        expect(page.locator("body")).to_contain_text("Invoice 1001 is saved")
        invoice = Invoice.objects.get(pk=item.invoice_id)
        assert invoice.total == 1950
        assert invoices.current_lines(invoice)[0].description == "Changed"

    def test_rejecting_has_a_page_of_its_own(self, item: Item, check: Any) -> None:
        page = check(item, javascript=False)
        page.get_by_role("link", name="Reject…").click()
        page.get_by_role("button", name="Reject").click()
        page.locator("textarea").fill("Not for us.")
        page.get_by_role("button", name="Reject").click()

        expect(page.locator("body")).to_contain_text("Invoice 1001 is rejected")


class TestEverybody:
    @pytest.mark.parametrize("dark", [False, True])
    def test_the_screen_has_no_barriers(self, make_item: Any, check: Any, dark: bool) -> None:
        item = make_item(
            pages=2,
            doubts={**TWO_DOUBTS, "line_items": "lines are 5.00 short of the subtotal"},
            stated_total=Decimal(1950),
            alternatives={"total": ["1950.00"]},
        )
        page = check(item, dark=dark)
        page.locator("#input-due_date").fill("never")
        expect(page.locator("#field-due_date [data-error]")).not_to_be_empty()

        assert axe_violations(page) == []

    @pytest.mark.parametrize("dark", [False, True])
    def test_the_queue_has_no_barriers(
        self, make_item: Any, open_page: Any, alice: Any, clerk: Any, dark: bool
    ) -> None:
        make_item()
        services.claim(make_item(), clerk)
        services.skip(make_item(), alice)

        assert axe_violations(open_page(alice, "/review/", dark=dark)) == []

    def test_a_phone_shows_page_and_focused_field_together(self, item: Item, check: Any) -> None:
        page = check(item, width=390, height=844)

        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("#input-total").focus()
        page.wait_for_timeout(300)
        mark = page.locator(".focus-mark:not([hidden])").bounding_box()
        field = page.locator("#input-total").bounding_box()
        assert 0 < mark["y"] < field["y"] < 844
        save = page.get_by_role("button", name="Save and next").last.bounding_box()
        assert save["x"] + save["width"] <= 390
        assert axe_violations(page) == []

    def test_a_tap_on_the_page_fills_without_a_keyboard_popping_up(self, make_item: Any, check: Any) -> None:
        item = make_item(read={**READ, "vendor_name": "Hem"}, doubts={"vendor_name": "40 % sure"})
        page = check(item, width=390, height=844, has_touch=True, is_mobile=True)

        page.touchscreen.tap(*at_word(page, "Hernandez"))

        expect(page.locator("#input-vendor_name")).to_have_value("Hernandez")
        expect(page.locator("#input-vendor_name")).not_to_be_focused()
        page.locator("#field-vendor_name").get_by_role("button", name="Put back").tap()
        expect(page.locator("#input-vendor_name")).to_have_value("Hem")

    def test_what_could_not_be_read_is_typed_in(self, organization: Any, alice: Any, check: Any) -> None:
        invoice = make_invoice(organization, alice, pages=0, status="waiting")
        item = services.route_unread(invoice, reason="It asks for a password.")
        page = check(item)

        expect(page.get_by_text("It asks for a password.")).to_be_visible()
        expect(page.get_by_role("link", name="Open “photo.jpg”")).to_be_visible()
        expect(page.locator("#input-vendor_name")).to_be_focused()
        for text in ("Acme Tools", "77", "3/31/2026", "12.50"):
            page.keyboard.type(text)
            page.keyboard.press("Enter")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/review/")

        invoice.refresh_from_db()
        assert (invoice.vendor_name, invoice.total, invoice.invoice_date.isoformat()) == (
            "Acme Tools",
            Decimal("12.50"),
            "2026-03-31",
        )
