"""Turns a PDF into a scan or a photograph of it: turned, in perspective, unevenly lit, noisy, soft, compressed."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image

Grid = NDArray[np.uint8]
"""An image, height x width x 3, RGB."""


def render(pdf: bytes, dpi: float) -> list[Grid]:
    """Return every page of ``pdf`` as an image."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [
            np.asarray(page.render(scale=dpi / 72).to_pil().convert("RGB"), np.uint8) for page in document
        ]
    finally:
        document.close()


def _bend(page: Grid, rng: np.random.Generator, *, photo: bool) -> Grid:
    """Turn by up to 1.5 degrees and shift the corners: by 0.3 % of the size for a scan, 5 % for a photograph."""
    high, wide = page.shape[:2]
    edge = int(0.06 * wide) if photo else 0
    back = rng.integers(60, 190, 3).tolist() if photo else [255, 255, 255]
    page = cv2.copyMakeBorder(page, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=back)  # type: ignore[assignment]
    high, wide = page.shape[:2]
    angle = np.deg2rad(rng.normal(0, 0.6 if photo else 0.35)).clip(-0.026, 0.026)
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    middle = corners.mean(0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = (corners - middle) @ turn.T + middle
    target += rng.uniform(-1, 1, (4, 2)) * (0.045 if photo else 0.003) * np.array([wide, high])
    matrix = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    return np.asarray(
        cv2.warpPerspective(page, matrix, (wide, high), borderMode=cv2.BORDER_CONSTANT, borderValue=back),
        np.uint8,
    )


def _light(page: Grid, rng: np.random.Generator, *, photo: bool) -> Grid:
    """Light the page unevenly, tint it, add grain and soften it."""
    high, wide = page.shape[:2]
    strength = 0.35 if photo else 0.07
    coarse = (1 + rng.uniform(-strength, strength * 0.3, (3, 3))).astype(np.float32)
    field = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)[..., None]
    tint = rng.uniform(0.92, 1.0, 3) if photo else np.full(3, rng.uniform(0.95, 1.0))
    lit = page.astype(np.float32) * field * tint + rng.normal(0, rng.uniform(2, 9), (high, wide, 1))
    soft = cv2.GaussianBlur(lit, (0, 0), float(rng.uniform(0.3, 1.1)))
    return np.asarray(np.clip(soft, 0, 255), np.uint8)


def picture(pdf: bytes, seed: int) -> tuple[bytes, str, str]:
    """Return (data, suffix, tag) of a scanned or photographed ``pdf``.

    One page becomes a JPEG, several a PDF of pictures. A third of scans are grey, some black on white.
    """
    rng = np.random.default_rng(seed)
    dpi = float(rng.choice([130, 150, 170, 200]))
    pages = render(pdf, dpi)
    photo = len(pages) == 1 and rng.random() < 0.3
    way = rng.random()
    images: list[Image.Image] = []
    for page in pages:
        bent = _light(_bend(page, rng, photo=photo), rng, photo=photo)
        if not photo and way < 0.35:
            grey = cv2.cvtColor(bent, cv2.COLOR_RGB2GRAY)
            if way < 0.08:
                grey = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
            images.append(Image.fromarray(grey))
        else:
            images.append(Image.fromarray(bent))
    quality = int(rng.integers(38, 88))
    stream = io.BytesIO()
    if len(images) == 1:
        images[0].save(stream, "JPEG", quality=quality, dpi=(dpi, dpi))
        return stream.getvalue(), "jpg", "photo" if photo else "scan"
    return _bind(images, quality, dpi), "pdf", "scan"


def _bind(images: list[Image.Image], quality: int, dpi: float) -> bytes:
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    for image in images:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        stream.seek(0)
        size = image.width * 72 / dpi, image.height * 72 / dpi
        canvas.setPageSize(size)
        canvas.drawImage(ImageReader(stream), 0, 0, *size)
        canvas.showPage()
    canvas.save()
    return out.getvalue()
