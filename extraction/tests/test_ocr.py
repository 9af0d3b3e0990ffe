"""What stands on a picture is read, word by word, whichever way the picture lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from extraction.reading.ocr import ocr_version, recognise, recognise_turned, straighten
from extraction.reading.pruning import keep_letters
from extraction.reading.recognition import read_strips
from extraction.reading.weights import FAST_RECOGNISER, open_session, weight_path
from extraction.schema import ReaderError, Word
from extraction.tests.pages import INVOICE_LINES, VERA, invoice_picture

INVOICE_WORDS = " ".join(INVOICE_LINES).split()


def share_found(words: Sequence[Word], wanted: Sequence[str] = INVOICE_WORDS) -> float:
    texts = [word.text for word in words]
    return sum(word in texts for word in wanted) / len(wanted)


def test_clean_print_is_read_word_by_word_in_order() -> None:
    words = recognise(invoice_picture())
    assert share_found(words) >= 0.95
    for figure in ("MR-20417", "03/14/2025", "778213", "2,080.00", "2,495.50", "$2,717.60"):
        assert figure in [word.text for word in words]
    assert [word.line for word in words] == sorted(word.line for word in words)
    assert all(0.5 < word.confidence <= 1 for word in words)
    assert all(0 < word.least <= word.confidence for word in words)


def test_blurred_print_has_words_whose_letters_or_readings_are_doubted() -> None:
    clean = recognise(invoice_picture())
    poor = recognise(invoice_picture().filter(ImageFilter.GaussianBlur(4)))
    assert min(word.least for word in poor) < min(word.least for word in clean)
    disputed = [sum(word.disputed for word in words) / len(words) for words in (clean, poor)]
    assert all("." in word.text for word in clean if word.disputed), (
        "only a point that the fast network left out"
    )
    assert disputed[0] < 0.06
    assert disputed[1] > 2 * disputed[0], "of blurred lines the two recognisers differ on more"


def test_boxes_lie_on_the_ink_of_their_words() -> None:
    image = invoice_picture()
    gray = np.asarray(image.convert("L"))
    for word in recognise(image):
        x0, x1 = int(word.box.x0 * image.width), int(word.box.x1 * image.width)
        y0, y1 = int(word.box.y0 * image.height), int(word.box.y1 * image.height)
        assert (gray[y0:y1, x0:x1] < 128).mean() > 0.05, word
    number = next(word for word in recognise(image) if word.text == "MR-20417")
    ink = np.flatnonzero((gray[300:350] < 128).any(axis=0))  # the third line: "Invoice number: MR-20417"
    assert number.box.x1 * image.width == pytest.approx(ink.max(), abs=20)


def test_figures_far_from_their_label_are_words_of_their_own() -> None:
    words = recognise(
        invoice_picture(lines=("Total due" + " " * 30 + "1,284.50", "CB# :" + " " * 8 + "398313"))
    )
    texts = [word.text for word in words]
    assert "1,284.50" in texts
    assert "398313" in texts
    by_text = {word.text: word for word in words}
    assert by_text["1,284.50"].line != by_text["Total"].line, "a column's gap parts lines"


@pytest.mark.parametrize("lies", [90, 180, 270])
def test_page_lying_on_its_side_or_head_is_found_and_turned(lies: int) -> None:
    upright = invoice_picture()
    lying = upright.rotate(-lies, expand=True)  # clockwise
    found = recognise_turned(lying)
    assert found.turn == 360 - lies
    assert share_found(found.words) >= 0.95
    turned = straighten(lying, turn=found.turn, skew=found.skew)
    assert turned.size == upright.size
    assert np.abs(np.asarray(turned, dtype=int) - np.asarray(upright, dtype=int)).mean() < 1


@pytest.mark.parametrize("slope", [-4.0, -1.5, 2.0, 5.0])
def test_page_put_askew_into_the_scanner_is_levelled(slope: float) -> None:
    askew = invoice_picture().rotate(
        -slope, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC
    )
    found = recognise_turned(askew)
    assert found.turn == 0
    assert found.skew == pytest.approx(slope, abs=0.4)
    assert share_found(found.words) >= 0.9
    level = straighten(askew, turn=found.turn, skew=found.skew)
    gray = np.asarray(level.convert("L"))
    first, last = (next(word for word in found.words if word.text == text) for text in ("Remove", "2,080.00"))
    assert first.box.center[1] == pytest.approx(last.box.center[1], abs=0.006), "one line has one height"
    for word in (first, last):
        x0, x1 = int(word.box.x0 * level.width), int(word.box.x1 * level.width)
        y0, y1 = int(word.box.y0 * level.height), int(word.box.y1 * level.height)
        assert (gray[y0:y1, x0:x1] < 128).mean() > 0.05


def test_straight_page_is_left_as_it_is() -> None:
    found = recognise_turned(invoice_picture())
    assert (found.turn, found.skew) == (0, 0.0)


def test_poor_copy_keeps_its_figures() -> None:
    rng = np.random.default_rng(7)
    copy = invoice_picture().filter(ImageFilter.GaussianBlur(1.6))
    noisy = np.asarray(copy, dtype=float) * 0.75 + rng.normal(20, 14, (2200, 1700, 1))
    words = recognise(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    figures = [word for word in INVOICE_WORDS if any(letter.isdigit() for letter in word)]
    assert share_found(words, figures) >= 0.9


def amounts_with_faint_points() -> Image.Image:
    """Return a picture of 3.00, 12.00 and 7.80 as worn ribbons print them: the points hardly there."""
    image = Image.new("RGB", (800, 500), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(VERA), 34)
    for row, amount in enumerate(("3.00", "12.00", "7.80")):
        x = 150.0
        for letter in amount:
            draw.text((x, 80 + row * 100), letter, font=font, fill=(220,) * 3 if letter == "." else "black")
            x += draw.textlength(letter, font=font)
    return image.filter(ImageFilter.GaussianBlur(1.6))


def test_points_that_the_fast_network_leaves_out_are_found_by_reading_again() -> None:
    image = amounts_with_faint_points()
    pixels = np.asarray(image)[:, :, ::-1]
    lines = [
        np.asarray(Image.fromarray(pixels[top : top + 48, 140:290]), dtype=np.uint8) for top in (77, 177, 277)
    ]
    fast = ["".join(letter.text for letter in letters) for letters in read_strips(lines)]
    assert {"300", "1200"} & set(fast), "otherwise this tests nothing"
    assert [word.text for word in recognise(image)] == ["3.00", "12.00", "7.80"]


def test_full_size_network_reads_what_the_fast_one_does_on_clean_print() -> None:
    picture = invoice_picture()
    careful = recognise(picture, careful=True)
    assert [word.text for word in careful] == [word.text for word in recognise(picture)]
    assert [word.text for word in recognise_turned(picture.rotate(180), careful=True).words] == [
        word.text for word in careful
    ]


def test_networks_know_only_the_letters_that_are_read_and_read_them_alike() -> None:
    path = weight_path(FAST_RECOGNISER)
    letters, columns = 6906, np.array([0, *range(5, 300), 6905])
    whole = open_session(path.read_bytes(), threads=1)
    cut = open_session(keep_letters(path.read_bytes(), columns, letters), threads=1)
    strip = np.asarray(invoice_picture().crop((140, 310, 700, 358)), dtype=np.float32)
    pixels = (strip / 127.5 - 1).transpose(2, 0, 1)[None]
    (expected,) = whole.run(None, {"x": pixels})[0][..., columns]
    (found,) = cut.run(None, {"x": pixels})[0]
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.allclose(found, expected / expected.sum(axis=1, keepdims=True), atol=1e-4)


def test_other_weights_than_expected_are_refused() -> None:
    model = weight_path(FAST_RECOGNISER).read_bytes()
    with pytest.raises(ReaderError, match="not those that this version was made for"):
        keep_letters(model, np.array([0, 1]), letters=1234)
    with pytest.raises(ReaderError, match="damaged"):
        keep_letters(model[: len(model) // 2], np.array([0, 1]), letters=6906)


@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (1700, 2200), "white"), Image.new("RGB", (40, 40), "black"), Image.new("RGB", (1, 1))],
    ids=["blank", "tiny", "one pixel"],
)
def test_picture_without_words_has_none(image: Image.Image) -> None:
    assert recognise(image) == ()
    assert recognise_turned(image).words == ()


def test_letters_beyond_english_are_read() -> None:
    words = recognise(
        invoice_picture(
            lines=("Rechnung für Müller, Größe 5 m²", "Señor Peña, dirección: año", "Prix 12,50 €")
        )
    )
    texts = " ".join(word.text for word in words)
    for word in ("für", "Müller", "Peña", "dirección", "€"):
        assert word in texts


def test_version_names_the_weights() -> None:
    assert ocr_version() == ocr_version()
    assert len(ocr_version().split("-")[-1]) == 12
