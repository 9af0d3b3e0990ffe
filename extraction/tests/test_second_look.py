"""Figures that decide are looked at again, and what they may say is weighed against sums and the office's lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fontpkg_kalam
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from extraction.backends.layout import understand
from extraction.calibration import load_calibration
from extraction.gate import AGREED_THRESHOLD
from extraction.office import Office
from extraction.reading.ocr import recognise
from extraction.reading.second_look import look_again
from extraction.reading.words import read_words
from extraction.schema import Box, FieldValue, Hints, PageImage
from extraction.tests.pages import VERA, encoded
from extraction.tests.sheets import Sheet

KALAM = Path(str(fontpkg_kalam.__file__)).parent / "files" / "Kalam-Regular.ttf"


def form(
    *, number: str = "48812", day: str = "3/17/2026", total: str = "1,450.00", cents: str = ""
) -> Image.Image:
    """A form whose labels are printed and whose entries are written with a pen."""
    page = Image.new("RGB", (1700, 1300), (226, 224, 218))
    draw = ImageDraw.Draw(page)
    printed, pen = ImageFont.truetype(str(VERA), 34), ImageFont.truetype(str(KALAM), 58)
    small = ImageFont.truetype(str(KALAM), 34)
    ink = (38, 52, 120)
    draw.text((100, 80), "INVOICE", fill=20, font=ImageFont.truetype(str(VERA), 60))
    for y, label, entry in ((240, "Estimate Number:", number), (340, "Date / Fecha:", day)):
        draw.text((100, y), label, fill=20, font=printed, anchor="ls")
        draw.text((520, y), entry, fill=ink, font=pen, anchor="ls")
        draw.line((500, y + 8, 1100, y + 8), fill=90, width=2)
    draw.text((100, 900), "Grand Total $", fill=20, font=printed, anchor="ls")
    draw.text((520, 900), total, fill=ink, font=pen, anchor="ls")
    if cents:
        draw.text((520 + pen.getlength(total) + 14, 880), cents, fill=ink, font=small, anchor="ls")
    noise = np.random.default_rng(3).normal(0, 6, (1300, 1700, 1))
    grained = np.clip(np.asarray(page, np.float32) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(grained).filter(ImageFilter.GaussianBlur(1.1))


def photograph_of(page: Image.Image) -> PageImage:
    return PageImage(0, page.width, page.height, b"", photographed=True)


def read(page: Image.Image, office: Office | None = None) -> dict[str, FieldValue]:
    words = look_again(page, recognise(page))
    return dict(
        understand([(PageImage(0, page.width, page.height, b""), words)], Hints("US", office=office)).fields
    )


def test_a_form_filled_in_by_hand_is_read() -> None:
    found = read(form())
    assert {name: found[name].value for name in ("work_order_number", "invoice_date", "total")} == {
        "work_order_number": "48812",
        "invoice_date": "2026-03-17",
        "total": "1450.00",
    }


def test_raised_cents_belong_to_the_sum() -> None:
    found = read(form(total="4,366", cents="50"))["total"]
    assert "4366.50" in {found.value, *(a.value for a in found.alternatives)}


def test_print_and_what_no_label_names_stay_as_they_were() -> None:
    page = Image.new("RGB", (1700, 700), "white")
    draw = ImageDraw.Draw(page)
    face = ImageFont.truetype(str(VERA), 40)
    for y, text in (
        (120, "Invoice number: 204177"),
        (220, "Total: $2,717.60"),
        (320, "Ridge vent 415 pieces"),
    ):
        draw.text((100, y), text, fill="black", font=face)
    words = recognise(page)
    assert "204177" in {w.text for w in words}
    assert look_again(page, words) == words


def test_a_number_on_a_photograph_is_never_beyond_doubt_unless_the_office_knows_it() -> None:
    page = form()
    words = look_again(page, recognise(page), photograph=True)
    fields = understand([(photograph_of(page), words)], Hints("US")).fields
    number, total = fields["work_order_number"], fields["total"]
    assert (number.value, total.value) == ("48812", "1450.00")
    assert AGREED_THRESHOLD < number.confidence < load_calibration().limit_of("work_order_number", 0.99)


def test_a_date_with_its_month_in_words_is_no_surer_on_a_photograph() -> None:
    page = form(day="Mar 17 2026")
    words = look_again(page, recognise(page), photograph=True)
    found = understand([(photograph_of(page), words)], Hints("US")).fields["invoice_date"]
    assert found.value == "2026-03-17"
    assert found.confidence < load_calibration().limit_of("invoice_date", 0.99)


@pytest.mark.parametrize("parts", [("48", "812"), ("4", "8812"), ("48812",)])
def test_a_number_in_several_words_on_a_photograph_is_no_surer(parts: tuple[str, ...]) -> None:
    """However sure each of them is: what the pen left between the digits parts them as it likes."""
    page = form()
    words = list(recognise(page))
    (whole,) = (k for k, word in enumerate(words) if word.text.endswith("48812"))
    box = words[whole].box
    left, width = box.x1 - box.width * 0.35, box.width * 0.35
    ends = [sum(len(part) for part in parts[: k + 1]) / 5 for k in range(len(parts))]
    starts = [0.0, *ends[:-1]]
    head = words[whole].text.removesuffix("48812").strip()
    label = [replace(words[whole], text=head, box=Box(box.x0, box.y0, left, box.y1))] if head else []
    digits = [
        replace(
            words[whole],
            text=part,
            box=Box(left + width * start, box.y0, left + width * end, box.y1),
            confidence=0.998,
            least=0.998,
        )
        for part, start, end in zip(parts, starts, ends, strict=True)
    ]
    words[whole : whole + 1] = [*label, *digits]
    found = understand([(photograph_of(page), words)], Hints("US")).fields["work_order_number"]
    assert "48812".endswith(found.value)
    assert found.confidence < load_calibration().limit_of("work_order_number", 0.99)


@pytest.mark.parametrize(("size", "sure"), [((1700, 1275), False), ((1700, 1300), True)])
def test_a_picture_of_a_camera_s_proportions_counts_as_photographed(
    size: tuple[int, int], sure: bool
) -> None:
    page = form().crop((0, 0, *size))
    picture = PageImage(0, page.width, page.height, encoded(page, "PNG"))
    (read_page, words) = read_words(picture)
    found = understand([(read_page, words)], Hints("US")).fields["work_order_number"]
    assert found.value == "48812"
    assert (found.confidence >= load_calibration().limit_of("work_order_number", 0.99)) is sure


def test_a_photograph_that_was_levelled_is_one_still() -> None:
    """Levelling changes its proportions, and no sheet was found in it."""
    page = form().crop((0, 0, 1700, 1275)).rotate(2.5, Image.Resampling.BICUBIC, fillcolor=(226, 224, 218))
    read_page, words = read_words(PageImage(0, page.width, page.height, encoded(page, "PNG")))
    assert (read_page.width, read_page.height) != page.size
    found = understand([(read_page, words)], Hints("US")).fields["work_order_number"]
    assert found.value == "48812"
    assert found.confidence < load_calibration().limit_of("work_order_number", 0.99)


def test_an_empty_page_is_left_alone() -> None:
    assert look_again(Image.new("RGB", (600, 400), "white"), ()) == ()


def test_what_is_read_again_says_how_sure_that_is() -> None:
    page = form(number="48312")
    for word in look_again(page, recognise(page)):
        if word.readings:
            assert word.text == word.readings[0][0]
            chances = [p for _, p in word.readings]
            assert chances == sorted(chances, reverse=True)
            assert 0 < sum(chances) <= 1.001


def test_the_scores_stay_the_recogniser_s_and_a_joined_figure_has_its_weakest_part_s() -> None:
    page = form(number="48312", total="4,366", cents="50")
    words = recognise(page)
    scores = {(w.confidence, w.least) for w in words}
    again = look_again(page, words, photograph=True)
    assert any(w.readings for w in again)
    for word in again:
        parts = [w for w in words if w.box.x0 >= word.box.x0 - 1e-6 and w.box.x1 <= word.box.x1 + 1e-6
                 and w.box.y0 >= word.box.y0 - 1e-6 and w.box.y1 <= word.box.y1 + 1e-6]  # fmt: skip
        if parts:
            assert word.confidence == min(w.confidence for w in parts)
            assert word.least == min(w.least for w in parts)
        else:  # a label was parted from it
            assert (word.confidence, word.least) in scores


# --- several readings: what decides among them ---------------------------------------------------


def table(total: tuple[tuple[str, float], ...], *amounts: str) -> Sheet:
    """An invoice by hand whose total may say several things."""
    sheet = Sheet(confidence=0.95).write(60, 60, "Alder Roofing LLC", size=20)
    sheet.write(560, 60, "INVOICE", size=24)
    sheet.row(300, (60, "Description of Work"), (-780, "Amount"))
    for k, amount in enumerate(amounts):
        sheet.row(330 + 24 * k, (60, f"Repair of roof no {'abc'[k]}"), (-780, amount))
    sheet.row(500, (500, "Grand Total"), (-780, total[0][0]))
    last = sheet.words[-1]
    sheet.words[-1] = replace(last, readings=total)
    return sheet


def total_of(sheet: Sheet) -> FieldValue:
    return understand([sheet.page()], Hints("US")).fields["total"]


def test_the_lines_decide_between_two_readings_of_the_total() -> None:
    readings = (("1,487.00", 0.6), ("1,457.00", 0.3))
    found = total_of(table(readings, "957.00", "500.00"))
    assert found.value == "1457.00"
    assert found.support == "the sums on the page add up with it"
    assert total_of(table(readings, "987.00", "500.00")).value == "1487.00"
    assert total_of(table(readings, "200.00", "111.00")).value == "1487.00"  # they fit neither


def test_what_is_hard_to_read_says_so() -> None:
    assert (
        total_of(table((("1,487.00", 0.5), ("1,457.00", 0.4)), "200.00", "111.00")).reason == "hard to read"
    )
    found = total_of(table((("1,487.00", 0.85), ("1,457.00", 0.12)), "200.00", "111.00"))
    assert found.reason == "hard to read: looked at again, its figures may say something else"
    assert "hard to read" not in total_of(table((("1,487.00", 1.0),), "200.00", "111.00")).reason


def test_cents_that_were_overlooked_come_from_the_lines() -> None:
    found = total_of(table((("1,457", 0.7),), "957.25", "500.50"))
    assert found.value == "1457.75"
    assert found.confidence < 0.9  # nobody saw these cents at the total


def test_the_other_reading_stays_one_click_away() -> None:
    found = total_of(table((("1,487.00", 0.6), ("1,457.00", 0.3)), "987.00", "500.00"))
    assert "1457.00" in {a.value for a in found.alternatives}


def test_an_open_work_order_decides_between_two_readings() -> None:
    sheet = Sheet(confidence=0.95).write(560, 60, "INVOICE", size=24)
    sheet.row(200, (60, "Estimate Number:"), (260, "48872"))
    sheet.words[-1] = replace(sheet.words[-1], readings=(("48872", 0.55), ("48812", 0.4)))
    alone = understand([sheet.page()], Hints("US")).fields["work_order_number"]
    assert alone.value == "48872"
    office = Office(work_orders={"48812": "48812", "51990": "51990"})
    found = understand([sheet.page()], Hints("US", office=office)).fields["work_order_number"]
    assert found.value == "48812"
    assert "48812 is open" in found.support


@pytest.mark.parametrize(("share", "highest"), [(0.3, 0.5), (0.6, 0.8), (0.95, 1.0)])
def test_no_value_is_surer_than_its_figures_can_be_read(share: float, highest: float) -> None:
    word = Sheet(confidence=0.99).row(200, (60, "Estimate Number:"), (260, "48872"))
    word.words[-1] = replace(word.words[-1], readings=(("48872", share),))
    found = understand([word.page()], Hints("US")).fields["work_order_number"]
    assert found.confidence <= highest
