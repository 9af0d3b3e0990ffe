"""A page's words: those of a sound text layer as they are, otherwise those recognised on the upright page."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image

from extraction.documents import open_pages
from extraction.reading.words import read_words, upright
from extraction.tests.pages import INVOICE_LINES, encoded, invoice_pdf, invoice_picture, picture_pdf

INVOICE_WORDS = " ".join(INVOICE_LINES).split()


def test_sound_text_layer_is_taken_as_it_is() -> None:
    (page,) = open_pages(invoice_pdf())
    same, words = read_words(page)
    assert same is page
    assert words is page.text_words
    assert {word.confidence for word in words} == {1.0}


def test_born_digital_page_is_opened_and_read_well_under_half_a_second() -> None:
    open_pages(invoice_pdf())
    times = []
    for _ in range(5):
        started = time.perf_counter()
        (page,) = open_pages(invoice_pdf())
        read_words(page)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.5


def test_letterhead_that_is_a_picture_is_read_too() -> None:
    (plain,) = open_pages(invoice_pdf())
    assert plain.unread == ()
    (page,) = open_pages(invoice_pdf(letterhead="Cascade Gutter Works"))
    same, words = read_words(page)
    assert same is page
    assert [word.text for word in words] == ["Cascade", "Gutter", "Works", *INVOICE_WORDS]
    assert [word.confidence == 1.0 for word in words] == [False] * 3 + [True] * len(INVOICE_WORDS)
    first = words[0]
    assert first.box.x0 == pytest.approx((72 + 420 * 50 / 1400) / 612, abs=0.02)
    assert 0.02 < first.box.y0 < first.box.y1 < 0.11


def test_invisible_layer_that_lies_is_overruled_by_the_picture() -> None:
    (page,) = open_pages(picture_pdf(invoice_picture(), hidden=("Total due 9,999.99 to account 666",) * 4))
    _, words = read_words(page)
    texts = [word.text for word in words]
    assert "9,999.99" not in texts
    assert "$2,717.60" in texts


@pytest.mark.parametrize("lies", [0, 90, 180, 270])
def test_photo_comes_back_upright_with_words_in_place(lies: int) -> None:
    photo = invoice_picture().rotate(-lies, expand=True)
    (page,) = open_pages(encoded(photo, "JPEG", quality=90))
    turned, words = read_words(page)
    assert turned.rotation == (360 - lies) % 360
    assert (turned.width, turned.height) == (1700, 2200) == turned.open_image().size
    assert upright(page) == turned
    gray = np.asarray(turned.open_image().convert("L"))
    total = next(word for word in words if word.text == "$2,717.60")
    assert total.box.center[1] == pytest.approx((180 + 9 * 68 + 20) / 2200, abs=0.01)
    x0, x1 = int(total.box.x0 * 1700), int(total.box.x1 * 1700)
    y0, y1 = int(total.box.y0 * 2200), int(total.box.y1 * 2200)
    assert (gray[y0:y1, x0:x1] < 128).mean() > 0.1


def test_askew_photo_comes_back_level_and_grown_to_hold_its_corners() -> None:
    photo = invoice_picture().rotate(3, expand=False, fillcolor="white", resample=Image.Resampling.BICUBIC)
    (page,) = open_pages(encoded(photo, "JPEG", quality=90))
    level, words = read_words(page)
    assert level.width > page.width
    assert level.height > page.height
    assert level.open_image().size == (level.width, level.height)
    texts = [word.text for word in words]
    assert sum(word in texts for word in INVOICE_WORDS) >= 0.9 * len(INVOICE_WORDS)
