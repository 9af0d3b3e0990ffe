"""Good documents of every accepted kind come back as upright pages, with their words where they have sound ones."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from extraction.documents import inspect, open_pages
from extraction.tests.hostile import plain_pdf
from extraction.tests.pages import INVOICE_LINES, encoded, invoice_pdf, invoice_picture, picture_pdf

INVOICE_WORDS = " ".join(INVOICE_LINES).split()


def test_real_type_is_found_whatever_the_file_is_called(tmp_path: Path) -> None:
    file = tmp_path / "invoice.png"
    file.write_bytes(invoice_pdf())
    found = inspect(file)
    assert (found.kind, found.media_type, found.extension, found.pages) == (
        "pdf",
        "application/pdf",
        "pdf",
        1,
    )
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.size == file.stat().st_size
    assert found.quality is None
    with Image.open(io.BytesIO(found.thumbnail)) as thumbnail:
        assert thumbnail.format == "JPEG"
        assert max(thumbnail.size) == 320


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("TIFF", "image/tiff"), ("HEIF", "image/heic")],
)
def test_picture_is_opened_as_one_page_to_be_recognised(kind: str, media_type: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    document = encoded(invoice_picture(), kind)
    found = inspect(document)
    assert (found.media_type, found.pages) == (media_type, 1)
    assert found.quality is not None
    assert found.quality.warnings == ()
    (page,) = open_pages(document)
    assert page.text_words is None
    assert (page.width, page.height) == (1700, 2200) == page.open_image().size
    assert ink_of(page.open_image()) == pytest.approx(ink_of(invoice_picture()), abs=0.005)


def ink_of(image: Image.Image) -> float:
    return float((np.asarray(image.convert("L")) < 128).mean())


def test_words_of_a_born_digital_page_stand_where_they_are_printed() -> None:
    (page,) = open_pages(invoice_pdf())
    assert page.text_words is not None
    assert [word.text for word in page.text_words] == INVOICE_WORDS
    first = page.text_words[0]
    assert first.text == "Miller"
    assert first.box.x0 == pytest.approx(72 / 612, abs=0.005)
    assert first.box.y1 == pytest.approx(1 - 700 / 792, abs=0.008)
    assert first.box.height == pytest.approx(9 / 792, abs=0.005)
    lines: dict[int, list[str]] = {}
    for word in page.text_words:
        lines.setdefault(word.line, []).append(word.text)
    assert [" ".join(words) for words in lines.values()] == [" ".join(line.split()) for line in INVOICE_LINES]


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_page_that_a_viewer_would_show_turned_is_set_upright(rotate: int) -> None:
    (page,) = open_pages(invoice_pdf(rotate=rotate))
    assert page.text_words is not None
    assert (page.width, page.height) == (1020, 1320)
    assert page.rotation == 360 - rotate
    assert [word.text for word in page.text_words] == INVOICE_WORDS
    assert page.text_words[0].box.y1 == pytest.approx(1 - 700 / 792, abs=0.008)


def test_hidden_words_are_not_believed() -> None:
    (page,) = open_pages(invoice_pdf(hidden=("Total due 9,999.99", "Pay to account 666")))
    assert page.text_words is not None
    assert [word.text for word in page.text_words] == INVOICE_WORDS


def test_white_words_on_white_paper_are_not_believed() -> None:
    white = (
        b"BT /F1 12 Tf 72 700 Td (Miller Roofing invoice number 4711) Tj "
        b"1 1 1 rg 0 -30 Td (Total due 9,999.99) Tj ET"
    )
    (page,) = open_pages(plain_pdf(white))
    assert page.text_words is not None
    assert [word.text for word in page.text_words] == ["Miller", "Roofing", "invoice", "number", "4711"]


def test_scan_with_an_invisible_text_layer_is_recognised_from_its_picture() -> None:
    (page,) = open_pages(picture_pdf(invoice_picture(), hidden=INVOICE_LINES))
    assert page.text_words is None
    assert page.width == 1700, "drawn at reading resolution"


def test_scan_with_a_printed_stamp_is_recognised_from_its_picture() -> None:
    (page,) = open_pages(
        picture_pdf(invoice_picture(), stamp="Received by the mail room on 3 April 2025, box 17")
    )
    assert page.text_words is None


def test_text_of_a_font_without_meaning_is_refused() -> None:
    shifted = " ".join(INVOICE_LINES).translate({c: c - 29 for c in range(62, 123)})
    (page,) = open_pages(invoice_pdf(lines=tuple(shifted[i : i + 40] for i in range(0, len(shifted), 40))))
    assert page.text_words is None


def test_blank_page_has_no_words_and_is_no_error() -> None:
    (page,) = open_pages(plain_pdf(b""))
    assert page.text_words is None


def test_every_page_of_a_pdf_comes_in_order() -> None:
    pages = open_pages(plain_pdf(pages=7))
    assert [page.number for page in pages] == list(range(7))


def test_every_frame_of_a_tiff_is_a_page() -> None:
    frames = [invoice_picture(lines=(f"Page {n}",), width=600, height=800).convert("L") for n in range(3)]
    document = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert inspect(document).pages == 3
    assert [page.number for page in open_pages(document)] == [0, 1, 2]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_photo_is_turned_as_its_exif_says_and_loses_its_metadata(orientation: int) -> None:
    upright = invoice_picture()
    turned = {
        1: upright,
        3: upright.transpose(Image.Transpose.ROTATE_180),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A phone with a name"
    (page,) = open_pages(encoded(turned, "JPEG", exif=exif, quality=90))
    image = page.open_image()
    assert image.size == upright.size
    difference = np.abs(np.asarray(image, dtype=int) - np.asarray(upright, dtype=int))
    assert difference.mean() < 2
    assert b"A phone with a name" not in page.picture


def test_large_photo_is_shrunk_to_what_reading_needs() -> None:
    (page,) = open_pages(encoded(invoice_picture(width=4500, height=6000, size=90), "JPEG"))
    assert 6_000_000 < page.width * page.height < 7_000_000
    assert page.width / page.height == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_pictures_of_every_colour_mode_show_black_on_white(mode: str) -> None:
    page = invoice_picture(width=600, height=800, size=24)
    if mode in ("LA", "RGBA"):  # ink on transparent paper, as an export of a drawing program has it
        source = Image.new(mode, page.size)
        source.paste(page.convert(mode), mask=page.convert("L").point(lambda level: 255 - level))
    elif mode == "I;16":
        source = Image.fromarray(np.asarray(page.convert("L")).astype(np.uint16) * 257)
    elif mode == "PA":
        source = page.convert("RGBA").quantize(32)
    else:
        source = page.convert(mode)
    (opened,) = open_pages(
        encoded(source, "PNG" if mode in ("1", "L", "LA", "P", "PA", "RGBA", "I;16") else "TIFF")
    )
    gray = np.asarray(opened.open_image().convert("L"))
    assert np.median(gray) > 240
    assert ink_of(opened.open_image()) == pytest.approx(ink_of(page), abs=0.02)


def test_poor_photos_are_told_in_words() -> None:
    from PIL import ImageFilter

    good = invoice_picture()
    blurred = inspect(encoded(good.filter(ImageFilter.GaussianBlur(12)), "JPEG")).quality
    dark = inspect(encoded(good.point(lambda level: level // 5), "JPEG")).quality
    small = inspect(encoded(good.resize((340, 440)), "JPEG")).quality
    assert blurred is not None
    assert any("blurred" in warning for warning in blurred.warnings)
    assert dark is not None
    assert any("dark" in warning for warning in dark.warnings)
    assert small is not None
    assert any("340 x 440" in warning for warning in small.warnings)
