"""Generated documents: the truth stands where its boxes say, sums hold, the same seed gives the same documents, runs go on."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from PIL import Image, ImageOps

from extraction.evaluation.datasets import read_dataset
from extraction.fields import FIELDS, LINE_ITEM_FIELDS
from extraction.schema import Box
from extraction.training.business import ERROR_SHARE, FAMILIES, Event, invent_event
from extraction.training.choices import Choices
from extraction.training.documents import compose
from extraction.training.generation import Document, Plan, generate, make_document
from extraction.training.layout import Fill, Page, Shown
from extraction.training.noise import photograph, scan
from extraction.training.phone import phone_photograph
from extraction.training.rendering import Placed, draw_pdf

SEED = 20
CENT = Decimal("0.01")


def clean(family: str, index: int, *, seed: int = SEED) -> Document:
    return make_document(Plan(seed, index + 1, (family,), scans=0), index)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def words_under(page: pypdfium2.PdfPage, box: list[float]) -> str:
    width, height = page.get_size()
    # Half a point of air: the boxes go from capitals to tails, and pdfium asks for a character's own rectangle.
    x0, y0, x1, y1 = box[0] * width - 0.5, box[1] * height - 0.5, box[2] * width + 0.5, box[3] * height + 0.5
    return page.get_textpage().get_text_bounded(x0, height - y1, x1, height - y0)


def places_of(truth: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, place) for name, several in truth["boxes"].items() for place in several]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_value_stands_on_the_page_where_its_box_says(family: str) -> None:
    for index in range(3):
        document = clean(family, index)
        pdf = pypdfium2.PdfDocument(document.data)
        for name, place in places_of(document.truth):
            under = squeezed(words_under(pdf[place["page"]], place["box"]))
            parts = [part for part in re.split(r",? ", place["text"]) if part]
            assert all(part in under for part in parts), (document.name, name, place, under)
        for line in document.truth["line_items"]:
            for column, box in line["boxes"].items():
                under = squeezed(words_under(pdf[line["page"]], box))
                value = line[column]
                expected = squeezed(value) if isinstance(value, str) and column != "date" else ""
                assert under, (document.name, column, box)
                assert not expected or expected in under, (document.name, column, expected, under)


@pytest.mark.parametrize("family", FAMILIES)
def test_all_text_stays_on_the_paper(family: str) -> None:
    for index in range(4):
        truth = clean(family, index).truth
        boxes = [place["box"] for _, place in places_of(truth)] + [
            box for line in truth["line_items"] for box in line["boxes"].values()
        ]
        assert boxes
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= 1, truth["file"]
            assert 0 <= y0 < y1 <= 1, truth["file"]


@pytest.mark.parametrize("family", FAMILIES)
def test_truth_uses_the_names_of_the_catalogue_and_says_what_kind_of_document_it_is(family: str) -> None:
    truth = clean(family, 0).truth
    assert set(truth["fields"]) <= set(FIELDS)
    for line in truth["line_items"]:
        assert set(line) - {"page", "box", "boxes"} <= set(LINE_ITEM_FIELDS)
    kind = truth["fields"]["document_type"]
    expected = {
        "credit_note": {"credit_note"}, "receipt": {"receipt"}, "statement": {"statement"}, "quote": {"quote"}, "delivery_ticket": {"delivery_ticket"},
        "pay_application": {"pay_application"}, "form": {"invoice", "estimate"},
    }  # fmt: skip
    assert kind in expected.get(family, {"invoice"})


def invented(family: str, index: int) -> Event:
    return invent_event(
        family, Choices(f"ties/{family}/{index}"), Choices(f"ties/{family}/{index}").stream("content")
    )


@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f not in ("pay_application", "delivery_ticket", "statement")]
)
def test_sums_hold_unless_the_vendor_made_a_tagged_mistake(family: str) -> None:
    zero = Decimal(0)
    for index in range(60):
        event = invented(family, index)
        money = event.money
        net = sum((line.money("amount") for line in event.lines), zero)
        base = net - money.get("discount_total", zero) + money.get("freight", zero)
        tax = money.get("tax_amount", zero)
        ties = [
            all(
                abs(line.money("quantity") * line.money("unit_price") - line.money("amount")) <= CENT
                for line in event.lines
            ),
            money.get("subtotal", net) == net,
            abs(tax - (base * event.tax_rate / 100)) <= CENT if "tax_amount" in money else tax == zero,
            base + tax == money["total"],
        ]
        if "amount_due" in money:
            paid = (
                money.get("amount_paid", zero)
                + money.get("retainage_amount", zero)
                - money.get("previous_balance", zero)
            )
            ties.append(money["total"] - paid == money["amount_due"])
        wrong = any(tag.startswith("vendor-error:") for tag in event.tags)
        assert all(ties) != wrong, (event.tags, ties, money)


def test_vendors_make_about_as_many_mistakes_as_meant() -> None:
    tagged = sum(bool(invented("trade", index).tags) for index in range(900))
    assert ERROR_SHARE / 2 < tagged / 900 < ERROR_SHARE * 2


def test_pay_applications_tie_from_the_lines_to_what_is_due() -> None:
    for index in range(60):
        event = invented("pay_application", index)
        summary, lines = event.summary, event.lines
        for line in lines:
            done = (
                line.money("previous_completed") + line.money("this_period") + line.money("materials_stored")
            )
            assert done == line.money("total_completed") <= line.money("scheduled_value")
            assert line.money("scheduled_value") - done == line.money("balance_to_finish")
        assert summary["contract_sum_to_date"] == summary["original_contract_sum"] + summary["change_orders"]
        assert summary["contract_sum_to_date"] == sum(line.money("scheduled_value") for line in lines)
        assert summary["completed_and_stored"] == sum(line.money("total_completed") for line in lines)
        assert summary["retainage"] == sum(line.money("retainage") for line in lines)
        assert summary["earned_less_retainage"] == summary["completed_and_stored"] - summary["retainage"]
        assert (
            summary["current_payment_due"]
            == summary["earned_less_retainage"] - summary["previous_certificates"]
        )
        assert (
            summary["balance_to_finish"] == summary["contract_sum_to_date"] - summary["earned_less_retainage"]
        )


def test_the_same_seed_gives_the_same_bytes_on_one_process_and_on_two(tmp_path: Path) -> None:
    plan = Plan(7, 6, scans=0.5)
    generate(tmp_path / "one", plan)
    generate(tmp_path / "two", plan, processes=2)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n / "files").iterdir()} for n in ("one", "two"))
    assert one == two
    assert (tmp_path / "one/truth.jsonl").read_bytes() == (tmp_path / "two/truth.jsonl").read_bytes()
    assert make_document(Plan(8, 1), 0).data != make_document(Plan(7, 1), 0).data


def test_a_run_that_was_cut_off_goes_on_and_keeps_what_is_whole(tmp_path: Path) -> None:
    class Cut(Exception):
        pass

    def stop(done: int) -> None:
        if done == 4:
            raise Cut

    plan = Plan(3, 8, ("trade", "rental"), scans=0)
    with pytest.raises(Cut):
        generate(tmp_path, plan, report=stop)
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "files").iterdir()}
    assert len(kept) == 4
    generate(tmp_path, plan)
    documents = list(read_dataset(tmp_path))
    assert len(documents) == 8
    assert all(d.path.is_file() for d in documents)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_a_folder_of_another_seed_is_refused(tmp_path: Path) -> None:
    generate(tmp_path, Plan(3, 1, ("trade",), scans=0))
    with pytest.raises(CommandError, match="another run"):
        call_command("generate", str(tmp_path), "--count", "1", "--seed", "4", "--family", "trade")


def test_documents_of_one_layout_share_vendor_and_look_but_not_contents() -> None:
    plan = Plan(5, 6, ("trade",), scans=0, fills=3)
    truths = [make_document(plan, index).truth for index in range(6)]
    assert [t["layout"] for t in truths] == [0, 0, 0, 1, 1, 1]
    names = [t["fields"]["vendor_name"] for t in truths]
    assert len(set(names[:3])) == 1
    assert names[0] != names[3]
    assert len({t["fields"]["invoice_number"] for t in truths[:3]}) == 3
    first, second = (t["boxes"]["vendor_name"][0]["box"] for t in truths[:2])
    assert first == second


@pytest.mark.parametrize("make", [scan, photograph, phone_photograph])
def test_boxes_move_with_the_paper_on_scans_and_photographs(make: Any) -> None:
    """Black squares stay under their boxes: dark inside, light just outside, on six different pictures."""
    squares = [Fill(x, y, 40, 40, "#000000") for x in (60, 300, 510) for y in (60, 380, 690)]
    page = Page(612, 792, list(squares))
    placed = [
        Placed(Shown("", "total"), 0, Box(s.x / 612, s.y / 792, (s.x + 40) / 612, (s.y + 40) / 792))
        for s in squares
    ]
    for number in range(6):
        picture = make(draw_pdf([page]), placed, Choices(f"squares {number}"))
        image = _pictures(picture.suffix, picture.data)[0]
        height, width = image.shape
        # A phone may cut some of the paper off, and what it cut off is not on the picture; it may also burn out a spot.
        assert len(picture.placed) == 9 or make is phone_photograph
        assert len(picture.placed) >= 4
        for place in picture.placed:
            (cx, cy), b = place.box.center, place.box
            inside = image[
                round(cy * height) - 2 : round(cy * height) + 3, round(cx * width) - 2 : round(cx * width) + 3
            ].mean()
            around = [(b.x0 - 0.02, cy), (b.x1 + 0.02, cy), (cx, b.y0 - 0.02), (cx, b.y1 + 0.02)]
            paper = [float(image[round(y * height), round(x * width)]) for x, y in around]
            assert min(paper) > inside + 30 or inside > 250, (number, place.box)
            # The upright rectangle around a turned square is a little larger than it; never smaller, never twice.
            low, high = (
                (0.45, 1.5) if make is phone_photograph else (0.7, 1.4)
            )  # the sheet may be small in the picture
            assert 40 / 612 * low < b.width < 40 / 612 * high


def test_every_picture_opens_and_holds_writing_under_its_boxes() -> None:
    for family in ("material", "form", "receipt"):
        document = make_document(Plan(SEED, 1, (family,), scans=1), 0)
        images = _pictures(document.name.rpartition(".")[2], document.data)
        for name, place in places_of(document.truth):
            image = images[place["page"]]
            height, width = image.shape
            x0, y0, x1, y1 = (
                round(v * s) for v, s in zip(place["box"], (width, height, width, height), strict=True)
            )
            inside = image[y0 : y1 + 1, x0 : x1 + 1]
            assert np.percentile(inside, 98) - np.percentile(inside, 2) > 20, (document.name, name, place)


def _pictures(suffix: str, data: bytes) -> list[np.ndarray]:
    if suffix == "pdf":
        return [
            np.asarray(page.render(scale=1.5).to_pil().convert("L")) for page in pypdfium2.PdfDocument(data)
        ]
    return [np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L"))]


def test_the_command_writes_what_evaluate_reads(tmp_path: Path) -> None:
    call_command(
        "generate", str(tmp_path), "--count", "3", "--seed", "2", "--family", "trade", "quote", "--scans", "0"
    )
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    assert {line["track"] for line in lines} <= {"trade", "quote"}
    documents = list(read_dataset(tmp_path))
    assert [d.path.name for d in documents] == [Path(line["file"]).name for line in lines]


@pytest.mark.parametrize("family", ["trade", "material", "rental"])
def test_layouts_differ_from_one_another(family: str) -> None:
    """No two of twenty layouts put the total and the number in the same places."""
    spots = set()
    for index in range(20):
        boxes = clean(family, index).truth["boxes"]
        spots.add(tuple(round(v, 2) for name in ("invoice_number", "total") for v in boxes[name][0]["box"]))
    assert len(spots) >= 19


def test_a_layout_composes_the_same_pages_again() -> None:
    event = invented("trade", 1)
    one, two = (compose(event, Choices("layout")) for _ in range(2))
    assert [len(p.marks) for p in one] == [len(p.marks) for p in two]


def test_the_site_does_not_load_the_generator() -> None:
    code = "import django; django.setup(); import invoiceapp.urls, sys; print([m for m in sys.modules if 'extraction.training' in m])"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "invoiceapp.settings"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=settings.BASE_DIR,
        check=True,
    )
    assert run.stdout.strip().endswith("[]")
