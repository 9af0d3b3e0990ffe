"""Photographs of paper on a table become flat pages; everything else stays as it is, and bad pictures say what is wrong."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from extraction.documents import Quality, inspect, open_pages
from extraction.documents.quality import measure_quality
from extraction.documents.sheet import clean, find_sheet, lay_flat
from extraction.schema import Box, PageImage, on_page
from extraction.tests.pages import encoded, invoice_pdf, invoice_picture, picture_pdf

SIZE = (1500, 2000)
CORNERS = np.array([(190, 140), (1330, 200), (1400, 1840), (110, 1790)], np.float32)
TABLE = (120, 88, 60)


def photographed(
    corners: Any = CORNERS,
    *,
    table: tuple[int, int, int] = TABLE,
    bow: float = 0.0,
    shadow: bool = False,
    paper: Image.Image | None = None,
) -> Image.Image:
    """Lay the invoice's picture on a table: its corners come to lie where asked, its sides bow by ``bow`` pixels."""
    page = np.asarray((paper or invoice_picture()).convert("RGB"))
    height, width = page.shape[:2]
    from_picture = cv2.getPerspectiveTransform(
        np.asarray(corners, np.float32),
        np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32),
    )
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    flat = np.stack([x, y, np.ones_like(x)], axis=-1) @ from_picture.T
    u, v = (flat[..., 0] / flat[..., 2]).astype(np.float32), (flat[..., 1] / flat[..., 2]).astype(np.float32)
    v = v + np.float32(bow) * np.sin(np.clip(u / width, 0, 1) * math.pi).astype(np.float32)
    laid = cv2.remap(page, u, v, cv2.INTER_LINEAR).astype(np.float32)
    inside = ((u >= 0) & (u < width) & (v >= 0) & (v < height))[..., None]
    rng = np.random.default_rng(3)
    ground = np.array(table, np.float32) + rng.normal(0, 6, (SIZE[1], SIZE[0], 1)).astype(np.float32)
    scene = np.where(inside, laid * (0.94, 0.93, 0.9), ground)
    if shadow:
        scene *= 1 - 0.45 / (1 + np.exp(-(x + 0.4 * y - 1100) / 40))[..., None]
    scene += rng.normal(0, 2, scene.shape)
    return Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))


def likeness(found: Image.Image, page: Image.Image) -> float:
    """Return the correlation of two pictures of a page brought to the same size; print that is shifted has none."""
    soft = ImageFilter.GaussianBlur(2)
    one, other = (
        np.asarray(p.convert("L").resize((425, 550), Image.Resampling.BOX).filter(soft), float).ravel()
        for p in (found, page)
    )
    return float(np.corrcoef(one, other)[0, 1])


def open_one(image: Image.Image, kind: str = "JPEG", **options: Any) -> PageImage:
    (page,) = open_pages(encoded(image, kind, **options))
    return page


def test_the_sheet_is_found_where_it_lies() -> None:
    sheet = find_sheet(np.asarray(photographed()))
    assert sheet is not None
    assert not sheet.cut
    found = np.array(sheet.corners) * SIZE
    assert np.abs(found - CORNERS).max() < 0.004 * max(SIZE)


@pytest.mark.parametrize("table", [TABLE, (60, 62, 66), (200, 168, 130), (40, 70, 50)])
def test_a_photograph_becomes_the_page_that_lay_on_the_table(table: tuple[int, int, int]) -> None:
    taken = photographed(table=table)
    page = open_one(taken, quality=90)
    assert likeness(page.open_image(), invoice_picture()) > 0.9
    assert likeness(taken, invoice_picture()) < 0.5
    np.testing.assert_allclose(np.array(page.outline) * SIZE, CORNERS, atol=0.004 * max(SIZE))


def test_a_place_on_the_photograph_is_found_on_the_page() -> None:
    taken = photographed()
    page = open_one(taken, quality=90)
    # "Total due: $2,717.60": where the dark letters are on the page, and the same line on the photograph.
    flat = np.asarray(invoice_picture().convert("L"))
    rows = np.flatnonzero((flat < 128).any(axis=1))
    line = rows[(rows > 0.365 * flat.shape[0]) & (rows < 0.4 * flat.shape[0])]
    columns = np.flatnonzero((flat[line] < 128).any(axis=0))
    true = Box(columns.min() / 1700, line.min() / 2200, columns.max() / 1700, line.max() / 2200)
    matrix = cv2.getPerspectiveTransform(np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32), CORNERS)
    corners = np.array([[(true.x0, true.y0), (true.x1, true.y0), (true.x1, true.y1), (true.x0, true.y1)]])
    seen = (cv2.perspectiveTransform(corners, matrix)[0] / SIZE).tolist()
    xs, ys = [x for x, _ in seen], [y for _, y in seen]
    found = on_page(Box(min(xs), min(ys), max(xs), max(ys)), page.outline)
    assert found.center == pytest.approx(true.center, abs=0.006)
    assert found.width == pytest.approx(true.width, abs=0.02)
    assert on_page(true, ()) == true


def test_a_bend_that_the_edges_show_is_undone() -> None:
    taken = photographed(bow=70)
    pixels = np.asarray(taken)
    sheet = find_sheet(pixels)
    assert sheet is not None
    assert sheet.bows
    bent = Image.fromarray(lay_flat(pixels, sheet, 6_000_000))
    straight = Image.fromarray(lay_flat(pixels, type(sheet)(sheet.corners), 6_000_000))
    assert likeness(bent, invoice_picture()) > likeness(straight, invoice_picture()) + 0.2
    assert likeness(bent, invoice_picture()) > 0.8


def test_a_shadow_across_the_paper_is_taken_out_and_print_stays_dark() -> None:
    pixels = np.asarray(photographed(shadow=True))
    sheet = find_sheet(pixels)
    assert sheet is not None
    page = lay_flat(pixels, sheet, 6_000_000)

    def spread(picture: Any) -> float:
        paper = cv2.morphologyEx(
            cv2.resize(picture, (150, 200)).max(axis=2), cv2.MORPH_CLOSE, np.ones((9, 9))
        )
        return float(np.quantile(paper, 0.95) - np.quantile(paper, 0.05))

    assert spread(page) > 60
    assert spread(clean(page)) < 20
    assert np.quantile(clean(page), 0.005) < 90


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photograph_stored_on_its_side_is_laid_flat_upright(orientation: int) -> None:
    back = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    taken = photographed()
    exif = Image.Exif()
    exif[0x0112] = orientation
    page = open_one(taken.transpose(back) if back is not None else taken, exif=exif, quality=90)
    assert likeness(page.open_image(), invoice_picture()) > 0.9
    np.testing.assert_allclose(np.array(page.outline) * SIZE, CORNERS, atol=0.004 * max(SIZE))


def full_frame() -> Image.Image:
    """The paper fills the photograph: grain, warm light and a shadow, but no table."""
    page = np.asarray(invoice_picture().convert("RGB"), np.float32)
    rng = np.random.default_rng(5)
    light = np.linspace(0.95, 0.65, page.shape[1], dtype=np.float32)[None, :, None]
    taken = page * light * (1.0, 0.96, 0.88) + rng.normal(0, 4, page.shape)
    return Image.fromarray(np.clip(taken, 0, 255).astype(np.uint8))


def boxed() -> Image.Image:
    """A drawn page with a heavy frame and a coloured panel, as letterheads have them."""
    page = np.asarray(invoice_picture().convert("RGB")).copy()
    cv2.rectangle(page, (60, 60), (1640, 2140), (30, 60, 120), 14)
    cv2.rectangle(page, (60, 1500), (1640, 2140), (220, 230, 245), -1)
    return Image.fromarray(page)


def warm_scan() -> Image.Image:
    """A colour scan with the scanner's noise."""
    page = np.asarray(boxed(), np.float32) * (0.97, 0.95, 0.9)
    return Image.fromarray(
        np.clip(page + np.random.default_rng(2).normal(0, 3, page.shape), 0, 255).astype(np.uint8)
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (full_frame, "JPEG"),
        (boxed, "PNG"),
        (boxed, "JPEG"),
        (warm_scan, "JPEG"),
        (lambda: photographed().convert("L"), "JPEG"),
        (photographed, "TIFF"),
    ],
    ids=["full frame", "drawn png", "drawn jpeg", "colour scan", "grey", "tiff"],
)
def test_what_is_no_photograph_of_a_sheet_on_something_stays_as_it_is(make: Any, kind: str) -> None:
    document = encoded(make(), kind)
    (page,) = open_pages(document)
    (taken,) = open_pages(document, as_taken=True)
    assert page.picture == taken.picture
    assert page.outline == ()


def test_pages_of_a_pdf_stay_as_they_are() -> None:
    for document in (invoice_pdf(), picture_pdf(photographed())):
        assert [p.picture for p in open_pages(document)] == [
            p.picture for p in open_pages(document, as_taken=True)
        ]


def test_a_sheet_that_runs_out_of_the_picture_is_left_alone_and_told() -> None:
    taken = photographed(CORNERS + np.array([0, 420]))
    assert open_one(taken).outline == ()
    assert "outside the picture" in " ".join(quality_of(taken).warnings)


def quality_of(image: Image.Image) -> Quality:
    found = inspect(encoded(image, "JPEG", quality=90)).quality
    assert found is not None
    return found


def test_a_good_photograph_has_nothing_against_it() -> None:
    found = quality_of(photographed())
    assert found.warnings == ()
    assert found.score > 0.5
    assert [measure.name for measure in found.measures] == [
        "sharpness",
        "size",
        "light",
        "glare",
        "wholeness",
    ]


def shaken(image: Image.Image) -> Image.Image:
    kernel = np.zeros((25, 25), np.float32)
    kernel[12] = 1 / 25
    return Image.fromarray(np.asarray(cv2.filter2D(np.asarray(image), -1, kernel), np.uint8))


def mirrored_lamp(image: Image.Image) -> Image.Image:
    lamp = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    cv2.circle(lamp, (700, 900), 190, (255, 255, 255), -1)
    return Image.fromarray(
        np.asarray(cv2.add(np.asarray(image), cv2.GaussianBlur(lamp, (0, 0), 30)), np.uint8)
    )


@pytest.mark.parametrize(
    ("spoil", "name", "words"),
    [
        (lambda i: i.filter(ImageFilter.GaussianBlur(9)), "sharpness", "blurred"),
        (shaken, "sharpness", "blurred"),
        (lambda i: i.resize((300, 400), Image.Resampling.BOX), "size", "300 x 400"),
        (lambda i: i.point(lambda level: level // 6), "light", "dark"),
        (
            lambda i: i.filter(ImageFilter.GaussianBlur(12)).point(lambda level: int(level * 0.35)),
            "light",
            "dark",
        ),
        (lambda i: mirrored_lamp(i.point(lambda level: level * 0.85)), "glare", "shines back"),
    ],
    ids=["out of focus", "shaken", "small", "dark", "dim and out of focus", "glare"],
)
def test_a_bad_photograph_says_what_to_do(spoil: Any, name: str, words: str) -> None:
    found = quality_of(spoil(photographed()))
    assert [m.name for m in found.measures if m.score < 0.5 and m.name != "sharpness"] in ([], [name])
    (measure,) = (m for m in found.measures if m.name == name)
    assert measure.score < 0.5
    assert words in measure.advice
    assert found.score <= measure.score


def test_an_empty_picture_is_not_complained_about_for_its_letters() -> None:
    blank = measure_quality(Image.new("RGB", (1200, 1600), (240, 240, 235)), width=1200, height=1600)
    assert blank.warnings == ()
