"""Figures that the detector saw nothing of, or only a part of, are found at their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import fontpkg_kalam
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from extraction.backends.layout import understand
from extraction.calibration import load_calibration
from extraction.reading.anchors import Span, Surroundings, find_labels
from extraction.reading.lines import lay_out
from extraction.reading.ocr import recognise
from extraction.reading.second_look import look_again
from extraction.schema import Box, Hints, PageImage, Word
from extraction.tests.pages import VERA
from extraction.tests.sheets import Sheet

KALAM = Path(str(fontpkg_kalam.__file__)).parent / "files" / "Kalam-Regular.ttf"
WIDTH, HEIGHT = 1700, 1300
INK = (38, 52, 120)
PLACE = tuple[float, float, float, float]  # of what is written: x0, y0, x1, y1 in pixels


class Form:
    """A form that is drawn line by line; it remembers where something was written by hand."""

    def __init__(self, *, blank: bool = False) -> None:
        self.blank = blank
        self.page = Image.new("RGB", (WIDTH, HEIGHT), (226, 224, 218))
        self.draw = ImageDraw.Draw(self.page)
        self.written: list[PLACE] = []
        self.print(100, 90, "ACME DRYWALL", 54)
        self.print(100, 200, "Company: ")
        self.pen(420, 200, "Rosa Hidalgo", keep=False)
        self.print(100, 1150, "Signature: ")

    def print(self, x: float, y: float, text: str, size: int = 34) -> None:
        self.draw.text((x, y), text, fill=20, font=ImageFont.truetype(str(VERA), size), anchor="ls")

    def pen(self, x: float, y: float, text: str, size: int = 58, *, keep: bool = True) -> None:
        if self.blank:
            return
        font = ImageFont.truetype(str(KALAM), size)
        self.draw.text((x, y), text, fill=INK, font=font, anchor="ls")
        if keep:
            x0, y0, x1, y1 = self.draw.textbbox((x, y), text, font=font, anchor="ls")
            self.written.append((x0, y0, x1, y1))

    def line(self, *points: float) -> None:
        self.draw.line(points, fill=90, width=2)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.draw.rectangle((x0, y0, x1, y1), outline=90, width=2)

    def photographed(self) -> Image.Image:
        noise = np.random.default_rng(3).normal(0, 6, (HEIGHT, WIDTH, 1))
        grained = np.clip(np.asarray(self.page, np.float32) + noise, 0, 255).astype(np.uint8)
        return Image.fromarray(grained).filter(ImageFilter.GaussianBlur(1.1))


def unseen(form: Form) -> tuple[Image.Image, tuple[Word, ...]]:
    """The page, and its words as of a detector that saw nothing of what was written."""
    page = form.photographed()
    return page, tuple(word for word in recognise(page) if not any(_on(word.box, p) for p in form.written))


def _on(box: Box, place: PLACE) -> bool:
    x, y = box.center[0] * WIDTH, box.center[1] * HEIGHT
    return place[0] < x < place[2] and place[1] < y < place[3]


def underlined(form: Form) -> None:
    form.print(100, 340, "Estimate Number:")
    form.line(440, 350, 900, 350)
    form.pen(470, 344, "48812")


def boxed_below(form: Form) -> None:
    form.box(90, 280, 560, 420)
    form.box(580, 280, 1100, 420)
    form.print(100, 320, "Work Order #")
    form.print(590, 320, "Phone")
    form.pen(130, 400, "48812")


def in_two_languages(form: Form) -> None:
    form.box(90, 280, 640, 460)
    form.print(100, 320, "Estimate Number /")
    form.print(100, 362, "Número de estimado", 28)
    form.pen(140, 445, "48812")


def in_cells(form: Form) -> None:
    form.print(100, 345, "Estimate Number:")
    for k, digit in enumerate("48812"):
        form.box(460 + 62 * k, 290, 522 + 62 * k, 360)
        form.pen(476 + 62 * k, 352, digit)


def next_cell(form: Form) -> None:
    form.box(90, 290, 500, 370)
    form.box(500, 290, 900, 370)
    form.print(110, 342, "Estimate No.")
    form.pen(560, 350, "48812")


def under_a_heading(form: Form) -> None:
    for x, title in ((90, "Estimate #"), (500, "Terms")):
        form.box(x, 280, x + 410, 340)
        form.box(x, 340, x + 410, 430)
        form.print(x + 20, 322, title)
    form.pen(140, 412, "48812")


def found(words: Sequence[Word], *texts: str) -> Word | None:
    return next((w for w in words if w.readings and {w.text, *(t for t, _ in w.readings)} & {*texts}), None)


@pytest.mark.parametrize(
    "draw", [underlined, boxed_below, in_two_languages, in_cells, next_cell, under_a_heading]
)
def test_a_number_that_was_overlooked_is_found_at_its_label(draw: Callable[[Form], None]) -> None:
    form = Form()
    draw(form)
    page, words = unseen(form)
    assert "48812" not in {w.text for w in words}
    looked = look_again(page, words, photograph=True)
    number = found(looked, "48812")
    assert number is not None
    assert any(_on(number.box, place) for place in form.written) or len(form.written) > 1
    assert [w.text for w in looked if w is not number] == [w.text for w in words]
    fields = understand([(PageImage(0, *page.size, b""), looked)], Hints("US")).fields
    assert fields["work_order_number"].value == "48812"
    assert fields["work_order_number"].confidence < load_calibration().limit_of("work_order_number", 0.99)


def test_a_total_is_found_at_the_foot_of_its_column() -> None:
    form = Form()
    form.print(820, 900, "Grand Total")
    form.line(1250, 910, 1600, 910)
    form.pen(1330, 902, "1,450.00")
    page, words = unseen(form)
    total = found(look_again(page, words, photograph=True), "1,450.00", "1450.00")
    assert total is not None
    assert total.confidence <= 0.8


def test_a_date_is_found_below_its_label() -> None:
    form = Form()
    form.box(90, 280, 560, 420)
    form.print(100, 320, "Invoice Date / Fecha")
    form.pen(130, 402, "3/17/2026")
    page, words = unseen(form)
    assert found(look_again(page, words, photograph=True), "3/17/2026") is not None


@pytest.mark.parametrize("seen", [slice(0, 3), slice(2, 5)])
def test_a_figure_that_was_seen_in_part_is_read_whole(seen: slice) -> None:
    form = Form()
    underlined(form)
    page, words = unseen(form)
    x0, y0, x1, y1 = form.written[0]
    step = (x1 - x0) / 5
    box = Box(
        (x0 + step * seen.start) / WIDTH, y0 / HEIGHT, (x0 + step * (seen.stop - 0.1)) / WIDTH, y1 / HEIGHT
    )
    label = next(k for k, w in enumerate(words) if w.text.startswith("Number"))
    part = Word("48812"[seen], box, 0.8, words[label].line, 0.7)
    looked = look_again(page, (*words[: label + 1], part, *words[label + 1 :]), photograph=True)
    whole = found(looked, "48812")
    assert whole is not None
    assert whole.box.width > 1.2 * box.width
    assert part.text not in {w.text for w in looked}
    assert part.text in {text for text, _ in whole.readings}


def test_small_cents_apart_from_their_sum_are_read_by_themselves() -> None:
    form = Form()
    form.print(100, 900, "Grand Total")
    form.pen(420, 900, "4,366")
    form.pen(566, 880, "75", 32)
    form.line(566, 886, 604, 886)
    page = form.photographed()
    words = tuple(w for w in recognise(page) if w.text != "75")
    assert found(look_again(page, words, photograph=True), "4,366.75", "4366.75") is not None


@pytest.mark.parametrize("draw", [underlined, boxed_below, in_two_languages, in_cells, next_cell])
def test_on_a_blank_form_nothing_is_found(draw: Callable[[Form], None]) -> None:
    form = Form(blank=True)
    draw(form)
    page = form.photographed()
    words = recognise(page)
    assert look_again(page, words, photograph=True) == words


def test_the_value_of_the_next_label_is_not_taken() -> None:
    form = Form()
    form.print(100, 340, "Estimate Number:")
    form.line(440, 350, 700, 350)
    form.print(740, 340, "Invoice Date:")
    form.pen(1010, 344, "3/17/2026")
    form.print(100, 430, "Phone:")
    form.pen(260, 434, "555 0147")
    page, words = unseen(form)
    looked = look_again(page, words, photograph=True)
    assert found(looked, "3/17/2026") is not None
    fields = understand([(PageImage(0, *page.size, b""), looked)], Hints("US")).fields
    assert "work_order_number" not in fields


def _labelled(least: float, *texts: str) -> set[str]:
    words = [
        Word(text, Box(0.1 + 0.1 * k, 0.1, 0.19 + 0.1 * k, 0.13), 0.9, 0, least)
        for k, text in enumerate(texts)
    ]
    page = lay_out([(PageImage(0, 1000, 1300, b""), words)])[0]
    return {m.name for label in find_labels(page) for m in label.meanings if m.strength > 0.3}


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        (("Fccha:",), "invoice_date"),
        (("Tolal",), "total"),
        (("Wark", "Ordcr", "#"), "work_order_number"),
        (("Grnd", "Tofl:"), "total"),
        (("Numcro", "de", "ordcn"), "work_order_number"),
    ],
)
def test_a_label_that_was_read_unsurely_is_guessed_at(texts: tuple[str, ...], field: str) -> None:
    assert field in _labelled(0.6, *texts)


@pytest.mark.parametrize("texts", [("Ficha",), ("Local",), ("Install", "panel"), ("Rosa", "Hidalgo")])
def test_words_that_were_read_surely_or_are_far_from_any_label_are_none(texts: tuple[str, ...]) -> None:
    assert not _labelled(0.99, *texts)
    if texts != ("Ficha",):
        assert not _labelled(0.6, *texts)


def test_a_date_in_words_that_was_read_in_pieces_is_read_whole() -> None:
    form = Form()
    form.print(100, 340, "Invoice Date / Fecha:")
    form.pen(640, 344, "Oct 15, 2023")
    page, words = unseen(form)
    label = next(k for k, w in enumerate(words) if w.text.startswith("Fecha"))
    x0, y0, x1, y1 = form.written[0]
    pieces = [
        Word(
            text,
            Box((x0 + a * (x1 - x0)) / WIDTH, y0 / HEIGHT, (x0 + b * (x1 - x0)) / WIDTH, y1 / HEIGHT),
            0.8,
            words[label].line,
            least,
        )
        for text, a, b, least in (("Oct", 0.0, 0.25, 0.99), ("5,", 0.37, 0.49, 0.4), ("Z0Z3", 0.56, 1.0, 0.7))
    ]
    looked = look_again(page, (*words[: label + 1], *pieces, *words[label + 1 :]), photograph=True)
    fields = understand([(PageImage(0, *page.size, b""), looked)], Hints("US")).fields
    assert fields["invoice_date"].value == "2023-10-15"


def _claims_on_the_number(second_line: str) -> set[str]:
    """What labels claim a number that stands right of a label's second line, or of what only looks like one."""
    sheet = Sheet().write(60, 60, "Acme Drywall", size=16)
    sheet.write(60, 200, "Work Order # / Orden de").write(60, 214, second_line).write(400, 216, "48812")
    page = lay_out([sheet.page()])[0]
    cell = next(cell for cell in page.cells if cell.text == "48812")
    claims = Surroundings(page, find_labels(page)).claims_on(Span(cell, cell.tokens))
    return {m.name for claim in claims for m in claim.label.meanings if m.strength * claim.closeness > 0.3}


def test_a_number_beside_the_second_line_of_its_label_is_claimed() -> None:
    assert _claims_on_the_number("trabajo") == {"work_order_number"}


@pytest.mark.parametrize("other", ["Customer No.", "Phone", "Received 12 boxes"])
def test_a_line_that_says_something_else_is_no_second_line(other: str) -> None:
    assert "work_order_number" not in _claims_on_the_number(other)


SCRAWL = [(x, 304 if k % 2 else 340) for k, x in enumerate(range(450, 624, 14))]


def _two_numbers(form: Form, first: str, second: str, *, apart: float) -> tuple[Image.Image, list[Word]]:
    """A number's label with two numbers behind it, which the detector took for one word."""
    form.print(100, 340, "Estimate Number:")
    form.pen(460, 344, first)
    form.pen(form.written[0][2] + apart, 344, second)
    page, words = unseen(form)
    label = next(k for k, w in enumerate(words) if w.text.startswith("Number"))
    (x0, y0, _, _), (_, _, x1, y1) = form.written
    place = Box(x0 / WIDTH, y0 / HEIGHT, x1 / WIDTH, y1 / HEIGHT)
    both = Word(first + second, place, 0.8, words[label].line, 0.5)
    return page, [*words[: label + 1], both, *words[label + 1 :]]


@pytest.mark.parametrize(
    ("stroke", "apart", "photograph"),
    [
        pytest.param([(450, 322), (640, 326)], 60, True, id="through the middle"),
        pytest.param([(450, 341), (640, 344)], 60, True, id="so low that it underlines"),
        pytest.param([(450, 341), (640, 344)], 60, False, id="on a scan"),
        pytest.param(SCRAWL, 28, True, id="scrawled over, close by"),
    ],
)
def test_what_is_written_behind_something_struck_out_counts(
    stroke: list[tuple[int, int]], apart: float, photograph: bool
) -> None:
    form = Form()
    form.draw.line(stroke, fill=INK, width=5)
    page, words = _two_numbers(form, "59317", "48812", apart=apart)
    looked = look_again(page, words, photograph=photograph)
    assert "48812" in {w.text for w in looked}


def test_a_long_number_without_a_gap_stays_whole() -> None:
    form = Form()
    page, words = _two_numbers(form, "5931", "74881", apart=3)
    looked = look_again(page, words, photograph=True)
    assert "593174881" in {w.text for w in looked}


def test_a_number_that_no_label_is_found_at_is_read_again_on_a_form() -> None:
    form = Form()
    form.pen(900, 180, "48812")
    page, words = unseen(form)
    x0, y0, x1, y1 = form.written[0]
    misread = Word("48312", Box(x0 / WIDTH, y0 / HEIGHT, x1 / WIDTH, y1 / HEIGHT), 0.8, len(words), 0.5)
    assert "48312" in {w.text for w in look_again(page, (*words, misread))}
    assert "48812" in {w.text for w in look_again(page, (*words, misread), photograph=True)}
