"""What earlier invoices of a vendor do for the next one: a hint, then more, never an order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from extraction.backends.layout import understand
from extraction.memory import (
    SAME_LAYOUT,
    Confirmed,
    Keys,
    VendorMemory,
    as_json,
    from_json,
    keys_of,
    learn,
    similarity,
    study,
)
from extraction.reading.header import Candidate
from extraction.reading.lines import lay_out
from extraction.reading.recall import Recall
from extraction.schema import FieldValue, Hints
from extraction.tests.sheets import HEIGHT, WIDTH, Sheet

FIELD = "work_order_number"


def invoice(
    docket: str = "KX-20417",
    *,
    label: str = "Docket ref",
    number: str = "88112",
    y: float = 250,
    total: str = "1,450.00",
) -> Sheet:
    """Draw an invoice whose work order stands behind words that no lexicon holds."""
    sheet = Sheet()
    sheet.write(60, 60, "Alder Roofing LLC", size=22)
    sheet.lines(
        60, 95, "1420 Harbor Street", "Tacoma, WA 98402", "Phone: (253) 555-0142", "office@alder-roofing.com"
    )
    sheet.write(560, 60, "INVOICE", size=24)
    sheet.row(140, (520, "Invoice No:"), (640, number))
    sheet.row(160, (520, "Invoice Date:"), (640, "03/14/2025"))
    sheet.row(180, (520, "Terms:"), (640, "Net 30"))
    sheet.row(y, (60, label), (200, docket))
    sheet.row(400, (60, "Description"), (500, "Qty"), (600, "Unit price"), (-780, "Amount"))
    sheet.row(420, (60, "Replace ridge vent"), (500, "1"), (600, total), (-780, total))
    sheet.row(500, (600, "Subtotal"), (-780, total))
    sheet.row(520, (600, "Total due"), (-780, total))
    return sheet


def other_layout() -> Sheet:
    sheet = Sheet()
    sheet.write(300, 60, "Bay Electric Inc", size=22)
    sheet.lines(
        60, 700, "PO number: 4471", "Ship to: 12 Elm Street", "Due date: 05/01/2025", "Balance due: 99.00"
    )
    sheet.row(300, (60, "Docket ref"), (200, "KX-20999"))
    return sheet


class Office:
    """One organization's store, as `extraction.services` keeps it in the database."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], VendorMemory] = {}

    def check(self, sheet: Sheet, **confirmed: str) -> None:
        lesson = study([sheet.page()], {name: Confirmed(value) for name, value in confirmed.items()})
        assert lesson.keys.pairs
        for pair in lesson.keys.pairs:
            held = self.rows.get(pair)
            if held is not None:
                held = VendorMemory(held.kind, held.key, held.phrases, from_json(as_json(held.fields)))
            self.rows[pair] = learn(held, *pair, lesson)

    def held(self, keys: Keys) -> tuple[VendorMemory, ...]:
        return tuple(self.rows[pair] for pair in keys.pairs if pair in self.rows)

    def read(self, sheet: Sheet) -> dict[str, FieldValue]:
        pages = [sheet.page()]
        return dict(understand(pages, Hints(memory=self.held(keys_of(pages)))).fields)

    def value(self, sheet: Sheet, name: str = FIELD) -> str | None:
        found = self.read(sheet).get(name)
        return found.value if found else None

    def recall(self, sheet: Sheet) -> Recall:
        pages = [sheet.page()]
        keys = keys_of(pages)
        return Recall(self.held(keys), keys.phrases, lay_out(pages), [])


def candidate(sheet: Sheet, text: str, score: float) -> Candidate:
    page = lay_out([sheet.page()])[0]
    token = next(t for cell in page.cells for t in cell.tokens if t.text == text)
    return Candidate(text, text, score, 0, token.box, "", (token.index,))


def scores(office: Office, sheet: Sheet, offered: Sequence[Candidate]) -> dict[str, float]:
    return {c.value: c.score for c in office.recall(sheet).apply({FIELD: offered}, [FIELD])[FIELD]}


def test_what_was_corrected_once_is_read_on_the_next_invoice_of_the_layout() -> None:
    office = Office()
    assert office.value(invoice("KX-20417")) is None
    office.check(invoice("KX-20417"), work_order_number="KX-20417")
    assert office.value(invoice("KX-31008", number="88139")) == "KX-31008"


def test_one_confirmation_is_a_hint_and_three_are_strong() -> None:
    office, sheet = Office(), invoice("KX-31008")
    offered = [candidate(sheet, "KX-31008", 0.4)]
    levels = [0.4]
    for docket in ("KX-20417", "KX-20533", "KX-20610", "KX-20777"):
        office.check(invoice(docket), work_order_number=docket)
        levels.append(scores(office, sheet, offered)["KX-31008"])
    none, one, two, three, four = levels
    assert none < one < two < three
    assert four == pytest.approx(three)


def test_two_contradictions_end_what_was_remembered() -> None:
    office, sheet = Office(), invoice("KX-31008")
    offered = [candidate(sheet, "KX-31008", 0.4)]
    for docket in ("KX-20417", "KX-20533", "KX-20610"):
        office.check(invoice(docket), work_order_number=docket)
    strong = scores(office, sheet, offered)["KX-31008"]
    # the number now stands elsewhere, and what is printed behind the old words is something else's
    for docket in ("7741", "7742"):
        moved = invoice("KX-20417")
        moved.row(330, (480, "Crew sheet"), (600, docket))
        office.check(moved, work_order_number=docket)
        weaker = scores(office, sheet, offered)["KX-31008"]
        assert weaker < strong
        strong = weaker
    assert weaker <= 0.4


def test_a_clear_label_on_the_page_is_not_overridden() -> None:
    office = Office()
    for docket in ("KX-20417", "KX-20533", "KX-20610"):
        office.check(invoice(docket), work_order_number=docket)
    sheet = invoice("KX-31008")
    sheet.row(330, (60, "Work order number:"), (260, "31877"))
    found = office.read(sheet)[FIELD]
    assert found.value == "31877"
    ranked = scores(office, sheet, [candidate(sheet, "31877", 0.95), candidate(sheet, "KX-31008", 0.3)])
    assert list(ranked) == ["31877", "KX-31008"]


def test_a_vendors_name_is_remembered_where_the_page_says_it() -> None:
    office = Office()
    office.check(invoice(), vendor_name="Alder Roofing LLC", customer_name="Harbor Street")
    recall = office.recall(invoice())
    proposed = recall.apply({}, ["vendor_name", "customer_name"])
    assert proposed["vendor_name"][0].value == "Alder Roofing LLC"
    nowhere = Office()
    nowhere.check(invoice(), vendor_name="Quite Another Company")
    assert nowhere.recall(invoice()).apply({}, ["vendor_name"]) == {}


def test_another_layout_is_read_as_if_nothing_were_remembered() -> None:
    office = Office()
    for docket in ("KX-20417", "KX-20533", "KX-20610"):
        office.check(invoice(docket), work_order_number=docket)
    pages = [other_layout().page()]
    everything = tuple(office.rows.values())
    assert understand(pages, Hints(memory=everything)).fields == understand(pages, Hints()).fields


def test_a_telephone_that_stands_on_two_layouts_serves_the_latest() -> None:
    office = Office()
    office.check(invoice(), work_order_number="KX-20417")
    second = other_layout()
    second.lines(60, 800, "Phone: (253) 555-0142")
    office.check(second, work_order_number="KX-20999")
    row = office.rows["phone", "535550142"]
    assert similarity(row.phrases, keys_of([second.page()]).phrases) == 1
    assert similarity(row.phrases, keys_of([invoice().page()]).phrases) < SAME_LAYOUT


def test_keys_name_the_vendor_but_no_freemail_host() -> None:
    sheet = invoice()
    sheet.lines(60, 900, "alder.roofing@gmail.com", "Federal tax ID: 91-2048812")
    pairs = keys_of([sheet.page()]).pairs
    assert ("tax_id", "912048812") in pairs
    assert ("phone", "535550142") in pairs
    assert [key for kind, key in pairs if kind == "email"] == ["alder-roofing.com"]
    assert [kind for kind, _ in pairs].index("tax_id") == 0


def test_layouts_are_recognised_with_a_label_misread_and_one_more_line() -> None:
    first, second = invoice("KX-20417"), invoice("KX-31008", number="90001", total="77.20")
    second.row(545, (600, "Sales tax"), (-780, "5.10"))
    a, b = keys_of([first.page()]), keys_of([second.page()])
    assert similarity(a.phrases, b.phrases) > SAME_LAYOUT
    assert {p for p in a.pairs if p[0] == "layout"} & {p for p in b.pairs if p[0] == "layout"}
    assert similarity(a.phrases, keys_of([other_layout().page()]).phrases) < SAME_LAYOUT


def test_a_value_that_stands_in_two_places_teaches_no_place() -> None:
    sheet = invoice("KX-20417")
    sheet.row(330, (480, "See"), (600, "KX-20417"))
    assert FIELD not in study([sheet.page()], {FIELD: Confirmed("KX-20417")}).fields
    box = candidate(sheet, "KX-20417", 0.5).box
    placed = study([sheet.page()], {FIELD: Confirmed("KX-20417", 0, box)}).fields[FIELD]
    assert placed.y == pytest.approx((250 + 6) / HEIGHT, abs=0.002)
    assert placed.x0 == pytest.approx(200 / WIDTH, abs=0.002)
