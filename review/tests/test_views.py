"""Who may see and do what in the review, and what the pages say."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from invoiceapp.records import invoices
from invoiceapp.records.models import Invoice, LineItem
from review import services
from review.models import Decision, Item
from review.tests.factories import LINE, READ, make_invoice

FIELD_POST = {f"field-{name}": value for name, value in READ.items()}
LINE_POST = {f"line-{name}": [LINE.get(name, "")] for name in services.LINE_CELLS}
GOOD = {**FIELD_POST, **LINE_POST, "action": "save"}

# Who is asking (session, user, organization, roles: 4), then the page's own.
QUEUE_QUERIES = 8
SCREEN_QUERIES = 14
# Every address of the review with its method; a new view must be added here.
VIEWS = [
    ("get", "review:queue", ()),
    ("post", "review:next", ()),
    ("get", "review:correct", ("item",)),
    ("post", "review:correct", ("item",)),
    ("post", "review:claim", ("item",)),
    ("post", "review:renew", ("item",)),
    ("post", "review:release", ("item",)),
    ("post", "review:skip", ("item",)),
    ("get", "review:reject", ("item",)),
    ("post", "review:reject", ("item",)),
    ("post", "review:take_back", ("item",)),
    ("post", "review:check", ("item",)),
    ("get", "review:ahead", ("item",)),
    ("get", "review:words", ("item", 0)),
]


def ask(client: Client, method: str, name: str, args: tuple[Any, ...], item: Item) -> Any:
    url = reverse(name, args=[item.pk if arg == "item" else arg for arg in args])
    return client.post(url, {**GOOD, "reason": "no"}) if method == "post" else client.get(url)


class TestThreePeople:
    def test_every_address_is_in_the_list(self) -> None:
        from review.urls import urlpatterns

        assert {f"review:{pattern.name}" for pattern in urlpatterns} == {name for _, name, _ in VIEWS}

    @pytest.mark.parametrize(("method", "name", "args"), VIEWS)
    def test_the_owner_may(
        self, method: str, name: str, args: Any, item: Item, signed_in: Any, alice: Any
    ) -> None:
        services.claim(item, alice)

        assert ask(signed_in(alice), method, name, args, item).status_code in (200, 302)

    @pytest.mark.parametrize(("method", "name", "args"), VIEWS)
    def test_a_colleague_without_the_role_may_not(
        self, method: str, name: str, args: Any, item: Item, signed_in: Any, bob: Any
    ) -> None:
        assert ask(signed_in(bob), method, name, args, item).status_code == 403
        assert Item.objects.get(pk=item.pk).claimed_by is None

    @pytest.mark.parametrize(("method", "name", "args"), [view for view in VIEWS if view[2]])
    def test_an_outsider_finds_nothing(
        self, method: str, name: str, args: Any, item: Item, signed_in: Any, charlie: Any
    ) -> None:
        assert ask(signed_in(charlie), method, name, args, item).status_code == 404
        item.refresh_from_db()
        assert (item.status, item.claimed_by) == ("open", None)
        assert not Decision.objects.exists()

    def test_an_outsiders_queue_is_empty(self, item: Item, signed_in: Any, charlie: Any) -> None:
        client = signed_in(charlie)

        assert "Nothing waits for you" in client.get("/review/").content.decode()
        assert client.post("/review/next/")["Location"] == "/review/"

    def test_strangers_sign_in_first(self, item: Item, client: Client) -> None:
        assert client.get(f"/review/{item.pk}/")["Location"].startswith("/sign-in/")


class TestQueue:
    def test_filters_and_order_stand_in_the_address(self, make_item: Any, signed_in: Any, alice: Any) -> None:
        make_item(read={**READ, "vendor_name": "Acme Tools", "total": "20.00"})
        make_item(read={**READ, "vendor_name": "Boral", "total": "900.00"}, stated_total=Decimal(5))
        make_item(read={**READ, "vendor_name": "Acme Paint", "total": "90.00"})
        client = signed_in(alice)

        def shown(query: str) -> list[str]:
            return [row["item"].vendor_name for row in client.get(f"/review/?{query}").context["rows"]]

        assert shown("") == ["Acme Tools", "Boral", "Acme Paint"]
        assert shown("sort=-amount") == ["Boral", "Acme Paint", "Acme Tools"]
        assert shown("vendor=acme&sort=vendor") == ["Acme Paint", "Acme Tools"]
        assert shown("reason=mismatch") == ["Boral"]
        assert shown("least=50&most=100") == ["Acme Paint"]
        assert shown("mine=on") == []
        assert shown("least=lots&sort=upside-down&page=99") == ["Acme Tools", "Boral", "Acme Paint"]

    def test_the_number_of_queries_does_not_grow(
        self, make_item: Any, signed_in: Any, alice: Any, django_assert_num_queries: Any
    ) -> None:
        client = signed_in(alice)
        make_item()
        client.get("/review/")
        with django_assert_num_queries(QUEUE_QUERIES):
            client.get("/review/")
        for _ in range(12):
            make_item()
        with django_assert_num_queries(QUEUE_QUERIES):
            client.get("/review/")

    def test_it_says_who_has_what(self, make_item: Any, signed_in: Any, alice: Any, clerk: Any) -> None:
        services.claim(make_item(), clerk)
        services.claim(make_item(), alice)
        response = signed_in(alice).get("/review/")

        assert [(row["holder"], row["mine"]) for row in response.context["rows"]] == [
            ("dana", False),
            ("alice", True),
        ]
        assert response.context["counts"] == {"all": 2, "mine": 1, "others": 1}

    def test_starting_keeps_to_the_filters(self, make_item: Any, signed_in: Any, alice: Any) -> None:
        make_item()
        other = make_item(read={**READ, "vendor_name": "Acme"})

        response = signed_in(alice).post("/review/next/?vendor=acme")

        assert response["Location"] == f"/review/{other.pk}/?vendor=acme"

    def test_taking_what_a_colleague_has_says_so(
        self, item: Item, signed_in: Any, alice: Any, clerk: Any
    ) -> None:
        services.claim(item, clerk)

        response = signed_in(alice).post(f"/review/{item.pk}/claim/", follow=True)

        assert "dana is working on Invoice 1001 now." in response.content.decode()


class TestScreen:
    def test_the_number_of_queries_does_not_grow(
        self, make_item: Any, signed_in: Any, alice: Any, django_assert_num_queries: Any
    ) -> None:
        client = signed_in(alice)
        small = make_item()
        large = make_item(
            pages=5,
            lines=[LINE] * 30,
            read={**READ, "vendor_address": "1 Elm Street", "po_number": "7", "tax_amount": "0.00"},
        )
        for item in (small, large):
            services.claim(item, alice)
            with django_assert_num_queries(SCREEN_QUERIES):
                assert client.get(f"/review/{item.pk}/").status_code == 200

    def test_looking_claims_nothing(self, item: Item, signed_in: Any, alice: Any) -> None:
        page = signed_in(alice).get(f"/review/{item.pk}/").content.decode()

        assert "Nobody is working on Invoice 1001 now." in page
        assert '<fieldset class="entry" disabled>' in page
        assert Item.objects.get(pk=item.pk).claimed_by is None

    def test_each_field_says_how_sure_it_is(self, make_item: Any, signed_in: Any, alice: Any) -> None:
        item = make_item(
            stated_total=Decimal(1950), stated_work_order="31-877", alternatives={"total": ["145.00"]}
        )
        rows = {row.name: row for row in signed_in(alice).get(f"/review/{item.pk}/").context["fields"]}

        assert {name: rows[name].state for name in ("total", "subtotal", "po_number")} == {
            "total": "check",
            "subtotal": "machine",
            "po_number": "missing",
        }
        assert rows["total"].reason == "71 %: written twice, 1,450 and 1,950"
        assert [(offer.text, offer.note) for offer in rows["total"].offers] == [
            ("1,950.00", "stated on upload"),
            ("145.00", "20 %"),
        ]
        assert (rows["total"].stated_agrees, rows["work_order_number"].stated_agrees) == (False, True)

    def test_a_saved_invoice_is_shown_as_such(self, item: Item, signed_in: Any, alice: Any) -> None:
        services.settle(item, user=alice, entries={})

        response = signed_in(alice).get(f"/review/{item.pk}/")

        assert response["Location"] == f"/invoices/{item.invoice_id}/"

    def test_words_come_as_json(self, item: Item, signed_in: Any, alice: Any) -> None:
        response = signed_in(alice).get(f"/review/{item.pk}/pages/0/words.json")

        assert response["Cache-Control"] == "private, max-age=300"
        assert json.loads(response.content)[0] == ["Hernandez", 0.08, 0.05, 0.197, 0.072, 0]
        assert signed_in(alice).get(f"/review/{item.pk}/pages/7/words.json").status_code == 404

    def test_what_comes_next_is_fetched_ahead_and_not_claimed(
        self, make_item: Any, signed_in: Any, alice: Any
    ) -> None:
        first, second = make_item(), make_item()
        services.claim(first, alice)

        urls = signed_in(alice).get(f"/review/{first.pk}/ahead/").json()["urls"]

        assert f"/review/{second.pk}/pages/0/words.json" in urls
        assert Item.objects.get(pk=second.pk).claimed_by is None


class TestClaim:
    def test_renewing_a_lost_claim_says_who_has_it(
        self, item: Item, signed_in: Any, alice: Any, clerk: Any
    ) -> None:
        client = signed_in(alice)
        services.claim(item, alice)
        assert client.post(f"/review/{item.pk}/renew/").json() == {"seconds": 900}
        Item.objects.filter(pk=item.pk).update(claimed_by=clerk)

        response = client.post(f"/review/{item.pk}/renew/")

        assert response.status_code == 409
        assert response.json() == {"message": "dana is working on Invoice 1001 now."}

    def test_putting_back_and_skipping(self, item: Item, signed_in: Any, alice: Any) -> None:
        client = signed_in(alice)
        services.claim(item, alice)
        client.post(f"/review/{item.pk}/release/")
        assert Item.objects.get(pk=item.pk).claimed_by is None

        services.claim(item, alice)
        response = client.post(f"/review/{item.pk}/skip/", follow=True)

        assert "Skipped by you" in response.content.decode()
        assert Item.objects.get(pk=item.pk).claimed_by is None

    def test_a_save_is_taken_back_once(self, item: Item, signed_in: Any, alice: Any) -> None:
        client = signed_in(alice)
        client.post(f"/review/{item.pk}/", GOOD)

        first = client.post(f"/review/{item.pk}/take-back/")
        again = client.post(f"/review/{item.pk}/take-back/", follow=True)

        assert first["Location"] != "/review/"
        assert "can no longer be taken back" in again.content.decode()


class TestSave:
    def test_saving_opens_the_next(self, make_item: Any, signed_in: Any, alice: Any) -> None:
        first, second = make_item(), make_item()

        response = signed_in(alice).post(
            f"/review/{first.pk}/?vendor=hern", {**GOOD, "field-total": "$ 1.950,00"}
        )

        assert response["Location"] == f"/review/{second.pk}/?vendor=hern&saved={first.pk}"
        assert Invoice.objects.get(pk=first.invoice_id).total == 1950
        assert Item.objects.get(pk=second.pk).claimed_by == alice

    def test_a_wrong_value_loses_nothing(self, item: Item, signed_in: Any, alice: Any) -> None:
        services.claim(item, alice)
        post = {
            **GOOD,
            "field-invoice_date": "31st of never",
            "field-vendor_name": "Typed Name",
            "line-amount": ["1450.00"],
            "line-quantity": ["some"],
        }

        response = signed_in(alice).post(f"/review/{item.pk}/", post)

        assert response.status_code == 422
        page = response.content.decode()
        assert "“31st of never” is not a date. Write it like 2026-03-31." in page
        assert "“some” is not a quantity. Write it like 12.5." in page
        assert "Typed Name" in page
        assert not Decision.objects.exists()

    def test_a_late_save_keeps_the_text_and_says_who_has_it(
        self, item: Item, signed_in: Any, alice: Any, clerk: Any
    ) -> None:
        services.claim(item, clerk)

        response = signed_in(alice).post(f"/review/{item.pk}/", {**GOOD, "field-vendor_name": "Typed Name"})

        assert response.status_code == 409
        assert "dana is working on Invoice 1001 now." in response.content.decode()
        assert "Typed Name" in response.content.decode()
        assert invoices.current_values(item.invoice)["vendor_name"].value == "Hernandez Drywall"

    def test_a_form_without_a_table_leaves_the_lines_alone(
        self, item: Item, signed_in: Any, alice: Any
    ) -> None:
        signed_in(alice).post(f"/review/{item.pk}/", {**FIELD_POST, "action": "save"})

        assert LineItem.objects.filter(invoice=item.invoice).count() == 1

    def test_an_emptied_table_removes_the_lines(self, item: Item, signed_in: Any, alice: Any) -> None:
        signed_in(alice).post(f"/review/{item.pk}/", {**GOOD, **dict.fromkeys(LINE_POST, "")})

        assert invoices.current_lines(Invoice.objects.get(pk=item.invoice_id)) == []

    def test_places_and_seconds_that_make_no_sense_are_left_out(
        self, item: Item, signed_in: Any, alice: Any
    ) -> None:
        trace = {
            "seconds": {"total": "soon", "subtotal": -4},
            "places": {"total": {"page": 0, "box": [0, 0, 7, "x"]}, "subtotal": [1]},
        }
        post = {**GOOD, "field-total": "1950", "field-subtotal": "1950", "trace": json.dumps(trace)}

        assert signed_in(alice).post(f"/review/{item.pk}/", post).status_code == 302
        assert Decision.objects.get(field="total").seconds is None
        assert invoices.current_values(item.invoice)["total"].box is None

    def test_what_still_fails_is_kept_for_the_approver(self, item: Item, signed_in: Any, alice: Any) -> None:
        response = signed_in(alice).post(
            f"/review/{item.pk}/", {**GOOD, "field-subtotal": "1000"}, follow=True
        )

        item.refresh_from_db()
        assert item.checks
        assert item.checks[0]["message"] in response.content.decode().replace("&#x27;", "'")

    def test_approving_is_for_those_who_may(
        self, make_item: Any, signed_in: Any, clerk: Any, alice: Any
    ) -> None:
        item = make_item()
        services.claim(item, clerk)
        assert "Save and approve" not in signed_in(clerk).get(f"/review/{item.pk}/").content.decode()
        assert signed_in(clerk).post(f"/review/{item.pk}/", {**GOOD, "action": "approve"}).status_code == 403
        services.release(item, clerk)

        signed_in(alice).post(f"/review/{item.pk}/", {**GOOD, "action": "approve"})

        assert Invoice.objects.get(pk=item.invoice_id).status == "approved"

    def test_what_cannot_be_approved_stays_open(self, item: Item, signed_in: Any, alice: Any) -> None:
        response = signed_in(alice).post(
            f"/review/{item.pk}/", {**GOOD, "field-total": "", "action": "approve"}
        )

        assert response.status_code == 422
        assert "has no total" in response.content.decode()
        assert Item.objects.get(pk=item.pk).status == "open"

    def test_the_check_understands_and_writes_nothing(self, item: Item, signed_in: Any, alice: Any) -> None:
        post = {**GOOD, "field-total": "$1.950,00", "field-due_date": "soon", "line-amount": ["12x?"]}

        page = signed_in(alice).post(f"/review/{item.pk}/check/", post).content.decode()

        said = json.loads(page.split('type="application/json">')[1].split("</script>")[0])
        assert said["fields"]["total"] == {"shown": "1,950.00", "value": "1950.00", "error": ""}
        assert "is not a date" in said["fields"]["due_date"]["error"]
        assert said["hints"]["vendor_name"] == "New vendor: will be added"
        assert invoices.current_values(item.invoice)["total"].value == "1450.00"

    def test_rejecting_asks_why(self, item: Item, signed_in: Any, alice: Any) -> None:
        client = signed_in(alice)
        assert client.post(f"/review/{item.pk}/reject/", {"reason": " "}).status_code == 422

        client.post(f"/review/{item.pk}/reject/", {"reason": "Not for us."})

        assert Invoice.objects.get(pk=item.invoice_id).status == "rejected"


def test_an_unread_document_has_an_empty_form(organization: Any, alice: Any, signed_in: Any) -> None:
    item = services.route_unread(
        make_invoice(organization, alice, pages=0, status="waiting"), reason="Encrypted."
    )
    services.claim(item, alice)

    page = signed_in(alice).get(f"/review/{item.pk}/").content.decode()

    assert "Encrypted." in page
    assert "No picture of the pages" in page
    assert "Not read: type it in." in page
