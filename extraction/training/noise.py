"""Clean pages to scans and photographs; the places of values move with the paper."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from extraction.schema import Box
from extraction.training.choices import Choices
from extraction.training.rendering import Placed

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded file of pictures, and where the values are on it now."""

    data: bytes
    suffix: str
    placed: list[Placed]


def scan(pdf: bytes, placed: Sequence[Placed], look: Choices) -> Picture:
    """Turn a PDF into what an office scanner makes of it: a PDF of pictures, or a picture if there is one page."""
    dpi = look.pick("scan resolution", (110, 150, 150, 200, 200, 240))
    grey = look.chance("grey scan", 0.6)
    pages, places = [], []
    for number, page in enumerate(render(pdf, dpi)):
        rng = np.random.default_rng(look.stream(f"scan {number}").getrandbits(64))
        angle = float(rng.normal(0, 0.7)) if look.chance("skewed", 0.7) else 0.0
        image, move = _turn(page, angle, float(rng.uniform(0.985, 1.0)))
        places += moved(placed, number, page.shape, image.shape, move)
        pages.append(_age(image, rng, look, grey=grey))
    quality = look.pick("scan quality", (35, 50, 60, 75, 85, 92))
    single = len(pages) == 1 and look.chance("scan as picture", 0.35)
    if single:
        suffix = look.pick("picture kind", ("jpg", "jpg", "png"))
        return Picture(_encode(pages[0], suffix, quality), suffix, places)
    return Picture(_picture_pdf(pages, quality, dpi), "pdf", places)


def photograph(pdf: bytes, placed: Sequence[Placed], look: Choices) -> Picture:
    """Turn a one-page PDF into a photograph by hand: perspective, shadow, blur, a table under the paper, JPEG."""
    import cv2

    rng = np.random.default_rng(look.stream("photo").getrandbits(64))
    page = next(iter(render(pdf, look.pick("photo resolution", (130, 160, 190)))))
    height, width = page.shape[:2]
    page = _crumple(page, rng) if look.chance("creased", 0.4) else page
    margin = look.between("photo margin", 0.015, 0.12)
    out_w, out_h = int(width * (1 + 2 * margin)), int(height * (1 + 2 * margin))
    reach = look.between("perspective", 0.005, 0.05)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    wander = rng.uniform(-reach, reach, (4, 2)) * (width, height)
    angle = np.radians(float(rng.normal(0, 1.8)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = (corners - (width / 2, height / 2) + wander) @ turn.T + (out_w / 2, out_h / 2)
    # The whole sheet stays in the picture: what hangs over an edge is brought back by shrinking.
    spill = max(1.0, float(np.abs((target - (out_w / 2, out_h / 2)) / (out_w / 2, out_h / 2)).max()) / 0.995)
    target = (target - (out_w / 2, out_h / 2)) / spill + (out_w / 2, out_h / 2)
    matrix = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    ground = _ground(out_h, out_w, rng)
    laid = cv2.warpPerspective(page, matrix, (out_w, out_h), flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, (out_w, out_h))
    mask = cv2.GaussianBlur(mask, (3, 3), 0)[..., None].astype(np.float32) / 255
    image: NDArray[Any] = laid.astype(np.float32) * mask + ground * (1 - mask)
    image *= _light(out_h, out_w, rng)[..., None]
    tint = (
        look.between("red", 0.95, 1.04),
        look.between("green", 0.95, 1.0),
        look.between("blue", 0.82, 1.04),
    )
    image *= np.array(tint, np.float32)
    if look.chance("blurred", 0.6):
        image = cv2.GaussianBlur(image, (0, 0), look.between("blur", 0.4, 1.15))
    if look.chance("moved", 0.15):
        image = _motion(image, rng)
    image += rng.standard_normal(image.shape, np.float32) * look.between("grain", 1.0, 6.0)
    image = np.clip(image, 0, 255).astype(np.uint8)
    places = moved(
        placed, 0, page.shape, image.shape, lambda points: cv2.perspectiveTransform(points[None], matrix)[0]
    )
    return Picture(_encode(image, "jpg", look.pick("photo quality", (45, 60, 75, 88))), "jpg", places)


def render(pdf: bytes, dpi: int) -> list[NDArray[np.uint8]]:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        return [
            np.asarray(page.render(scale=dpi / POINTS_PER_INCH).to_pil().convert("RGB")) for page in document
        ]
    finally:
        document.close()


Move = Callable[["NDArray[np.float32]"], Any]


def moved(
    placed: Sequence[Placed], page: int, before: Sequence[int], after: Sequence[int], move: Move
) -> list[Placed]:
    """Carry the boxes of one page over: each becomes the upright rectangle around its moved corners."""
    places = []
    for place in placed:
        if place.page != page:
            continue
        b = place.box
        corners = np.array([(b.x0, b.y0), (b.x1, b.y0), (b.x1, b.y1), (b.x0, b.y1)], np.float32) * (
            before[1],
            before[0],
        )
        moved = np.asarray(move(corners.astype(np.float32))) / (after[1], after[0])
        (x0, y0), (x1, y1) = moved.min(axis=0).clip(0, 1).tolist(), moved.max(axis=0).clip(0, 1).tolist()
        places.append(Placed(place.shown, page, Box(x0, y0, x1, y1)))
    return places


def _turn(page: NDArray[np.uint8], angle: float, scale: float) -> tuple[NDArray[np.uint8], Move]:
    import cv2

    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    image = cv2.warpAffine(page, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    return np.asarray(image, np.uint8), lambda points: points @ matrix[:, :2].T + matrix[:, 2]


def _age(
    image: NDArray[np.uint8], rng: np.random.Generator, look: Choices, *, grey: bool
) -> NDArray[np.uint8]:
    """Contrast, dust, streaks and the softness of a scanner."""
    import cv2

    result: NDArray[Any] = image.astype(np.float32)
    if grey:
        result = np.repeat(result.mean(axis=2, keepdims=True), 3, axis=2)
    black, white = look.between("black", 0, 70), look.between("white", 215, 255)
    result = black + result * (white - black) / 255
    if look.chance("soft", 0.5):
        result = cv2.GaussianBlur(result, (0, 0), look.between("softness", 0.35, 0.85))
    result += rng.standard_normal(result.shape[:2], np.float32)[..., None] * look.between(
        "scan noise", 0.5, 7
    )
    if look.chance("dusty", 0.5):
        spots = rng.random(result.shape[:2], np.float32) < look.between("dust", 0.00002, 0.0006)
        spots = cv2.dilate(spots.astype(np.uint8), np.ones((2, 2), np.uint8)).astype(bool)
        result[spots] = rng.uniform(0, 140)
    if look.chance("streak", 0.08):
        column = int(rng.integers(0, result.shape[1] - 2))
        result[:, column : column + 1] *= 0.7
    result = np.clip(result, 0, 255)
    if look.chance("fax", 0.08):
        result = np.where(result.mean(axis=2, keepdims=True) > 168, 255.0, 0.0).repeat(3, axis=2)
    return result.astype(np.uint8)


def smooth(height: int, width: int, cells: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Slowly varying noise, about -1 to 1."""
    import cv2

    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _ground(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A table top: wood, cloth or stone, by colour and grain."""
    color = np.array(
        ((120, 85, 55), (70, 62, 58), (150, 140, 128), (40, 45, 52), (175, 150, 120), (95, 105, 110))[
            int(rng.integers(0, 6))
        ],
        np.float32,
    )
    grain = smooth(height, width, 6, rng) * 14
    if rng.random() < 0.5:
        grain += np.repeat(smooth(height, 1, 60, rng), width, axis=1) * 16
    grain = grain + rng.standard_normal((height, width), np.float32) * 6
    return np.asarray(color + grain[..., None], np.float32)


def _light(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Uneven light, and perhaps the photographer's shadow across a part of the page."""
    import cv2

    light = 0.93 + 0.1 * smooth(height, width, 3, rng)
    if rng.random() < 0.45:
        # Soft edges are drawn small and enlarged: a wide blur at full size takes seconds.
        small_h, small_w = height // 8, width // 8
        shade = np.ones((small_h, small_w), np.float32)
        x, y = rng.uniform(0, small_w), rng.uniform(0, small_h)
        points = np.array(
            [
                (x, y),
                (x + rng.uniform(-small_w, small_w), y + small_h),
                (small_w * rng.uniform(-0.2, 1.2), small_h * 1.2),
                (rng.uniform(-0.3, 0.3) * small_w, small_h * rng.uniform(0.3, 1.2)),
            ]
        )
        cv2.fillConvexPoly(shade, cv2.convexHull(points.astype(np.int32)), rng.uniform(0.58, 0.85))
        shade = np.asarray(
            cv2.GaussianBlur(shade, (0, 0), max(small_h, small_w) * rng.uniform(0.01, 0.05)), np.float32
        )
        light = light * np.asarray(cv2.resize(shade, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.asarray(light * rng.uniform(0.82, 1.03), np.float32)


def _crumple(page: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Fold lines: darker on one side, lighter on the other. The paper stays flat, so that no box moves."""
    height, width = page.shape[:2]
    result = page.astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        across = rng.random() < 0.5
        at = rng.uniform(0.2, 0.8) * (height if across else width)
        distance = np.arange(height if across else width) - at
        shade = 1 - 0.12 * np.exp(-np.abs(distance) / rng.uniform(2, 12)) * np.sign(distance)
        result *= shade[:, None, None] if across else shade[None, :, None]
    return np.clip(result, 0, 255).astype(np.uint8)


def _motion(image: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:

    import cv2

    size = int(rng.integers(3, 6))
    kernel = np.eye(size, dtype=np.float32) if rng.random() < 0.5 else np.zeros((size, size), np.float32)
    kernel[size // 2] += 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.float32)


def _encode(image: NDArray[Any], suffix: str, quality: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG" if suffix == "png" else "JPEG", quality=quality)
    return out.getvalue()


def _picture_pdf(pages: Sequence[NDArray[np.uint8]], quality: int, dpi: int) -> bytes:
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    for page in pages:
        size = (page.shape[1] * POINTS_PER_INCH / dpi, page.shape[0] * POINTS_PER_INCH / dpi)
        canvas.setPageSize(size)
        canvas.drawImage(ImageReader(io.BytesIO(_encode(page, "jpg", quality))), 0, 0, *size)
        canvas.showPage()
    canvas.save()
    return out.getvalue()
