"""Opens photos and scans with Pillow. Runs in the limited child process only.

In a photograph the sheet of paper is looked for and laid flat (``sheet``). What may be one is decided by the
pixels: camera names in EXIF are lost as soon as a picture passes a messenger, while grey, two-coloured and drawn
pictures are none.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from extraction.schema import PageImage

from .formats import HEIC, JPEG, TIFF, Format
from .limits import Limits
from .refusal import DAMAGED, NO_PAGES, PAGE_TOO_LARGE, TOO_MANY_PAGES, DocumentRefused
from .sheet import Sheet, clean, find_sheet, lay_flat

# Pixels kept of a picture: 3000 x 2250, so that a letter page photographed whole keeps about 250 dpi, more than the
# 200 that scans are read at; what is above costs memory and time at every later step. By area, not by side, because a
# long receipt would otherwise lose its width.
READING_PIXELS: Final = 6_750_000

_CORNERS: Final = ((0, 0), (1, 0), (1, 1), (0, 1))

_REDUCED_IMAGE: Final = 1  # bit of TIFF tag 254 (NewSubfileType): a smaller copy of another frame


def _as_it_is(x: float, y: float) -> tuple[float, float]:
    return x, y


# How a place on a picture, as fractions of its sides, moves when EXIF's orientation (tag 274, CIPA DC-008) is applied.
_UPRIGHT: Final[dict[int, Callable[[float, float], tuple[float, float]]]] = {
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture as it will be read: ``image`` is upright RGB of at most ``READING_PIXELS``.

    ``outline`` are the four corners of the sheet on the upright picture as it was taken, as fractions, clockwise
    from what is the image's top left; empty if the picture was left as it is. ``cut`` says that the sheet runs out
    of the picture.
    """

    image: Image.Image
    outline: tuple[tuple[float, float], ...] = ()
    cut: bool = False


def read_pictures(
    document: bytes, kind: Format, limits: Limits, *, flat: bool = True, cleaned: bool = True
) -> Iterator[Frame]:
    """Yield every frame of a picture file.

    :param flat: lay the sheet of a photograph flat, where one is found.
    :param cleaned: and take the shadows out of it.
    :raises DocumentRefused: ``damaged``, ``page_too_large``, ``too_many_pages`` or ``no_pages``.
    """
    image = _open(document, kind, limits)
    found = 0
    for index in range(_count_frames(image, kind, limits)):
        with _damage_refused():
            image.seek(index)
            if kind is TIFF and int(image.getexif().get(254, 0)) & _REDUCED_IMAGE:
                continue
            _check_size(image.size, limits)
            frame = _upright(image, kind, flat=flat, cleaned=cleaned)
        found += 1
        yield frame
    if not found:
        raise DocumentRefused(NO_PAGES, "The file holds no page that can be read. Scan it again.")


def count_frames(document: bytes, kind: Format, limits: Limits) -> int:
    """Return how many frames the file holds, without decoding them.

    :raises DocumentRefused: ``damaged``, ``page_too_large`` or ``too_many_pages``.
    """
    return _count_frames(_open(document, kind, limits), kind, limits)


def stated_size(document: bytes, kind: Format, limits: Limits) -> tuple[int, int]:
    """Return width and height in pixels of the first frame as the file states them."""
    size: tuple[int, int] = _open(document, kind, limits).size
    return size


def page_from(frame: Frame, number: int) -> PageImage:
    """Return a picture as a page."""
    image = frame.image
    return PageImage(
        number=number,
        width=image.width,
        height=image.height,
        picture=encode_jpeg(image, quality=88),
        outline=frame.outline,
    )


def encode_jpeg(image: Image.Image, *, quality: int) -> bytes:
    """Return an RGB image as JPEG, without any metadata."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@contextmanager
def _damage_refused() -> Iterator[None]:
    """Turn what Pillow raises on broken files into a refusal."""
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large(f"more than {(Image.MAX_IMAGE_PIXELS or 0) // 1_000_000} megapixels") from error
    except (DocumentRefused, MemoryError):
        raise
    except (
        Exception
    ) as error:  # Pillow's plugins raise anything from SyntaxError to struct.error on broken input
        raise DocumentRefused(
            DAMAGED, "The picture is damaged or incomplete. Take or save it again and upload the new file."
        ) from error


def _open(document: bytes, kind: Format, limits: Limits) -> Image.Image:
    if kind is HEIC:
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    Image.MAX_IMAGE_PIXELS = limits.image_pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with _damage_refused():
        image = Image.open(io.BytesIO(document), formats=[kind.pillow])
        _check_size(image.size, limits)
    return image


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    if min(size) < 1 or size[0] * size[1] > limits.image_pixels:
        raise _too_large(f"{size[0]:,} x {size[1]:,} pixels")


def _too_large(what: str) -> DocumentRefused:
    return DocumentRefused(
        PAGE_TOO_LARGE,
        f"The picture has {what}, and that many can't be read. Scan it at 300 dpi or less, or send a photo.",
    )


def _count_frames(image: Image.Image, kind: Format, limits: Limits) -> int:
    if kind is not TIFF:
        return 1  # of an animated PNG or a HEIC burst the first picture is the document
    count = 0
    with _damage_refused():
        # Frame by frame, because Pillow's own count walks through any number of them.
        while count <= limits.pages:
            try:
                image.seek(count)
            except EOFError:
                break
            count += 1
        else:
            raise DocumentRefused(
                TOO_MANY_PAGES,
                f"The TIFF has more than {limits.pages} pages, and that many can't be read. "
                "Split it and upload each invoice as its own file.",
            )
        image.seek(0)
    return count


def _upright(image: Image.Image, kind: Format, *, flat: bool, cleaned: bool) -> Frame:
    shrink = math.sqrt(READING_PIXELS / (image.width * image.height))
    if kind is JPEG and shrink < 1:
        # Decoding at a half or a quarter size saves the time and memory of pixels that are thrown away below.
        image.draft("RGB", (math.ceil(image.width * shrink), math.ceil(image.height * shrink)))
    image.load()
    rgb = _to_rgb(image)
    # libheif has turned the picture already
    orientation = 1 if kind is HEIC else int(image.getexif().get(0x0112, 1))
    sheet = None
    if flat and kind is not TIFF:
        pixels = np.asarray(rgb)
        sheet = find_sheet(pixels)
        if sheet is not None and not sheet.cut:
            page = lay_flat(pixels, sheet, READING_PIXELS)
            lying = Image.fromarray(clean(page) if cleaned else page)
            return Frame(_turned(lying, orientation), _outline(sheet, orientation))
    shrink = math.sqrt(READING_PIXELS / (rgb.width * rgb.height))
    if shrink < 1:
        size = (max(round(rgb.width * shrink), 1), max(round(rgb.height * shrink), 1))
        rgb = _reduced(rgb, size)
    return Frame(_turned(rgb, orientation), cut=sheet is not None)


def _reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a smaller picture, each pixel the mean of what it covers.

    Lanczos takes twice as long and more, and hardly a word is read otherwise (docs/models.md).
    """
    import cv2

    return Image.fromarray(
        np.asarray(cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA), np.uint8)
    )


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    image.getexif()[0x0112] = orientation
    return ImageOps.exif_transpose(image)


def _outline(sheet: Sheet, orientation: int) -> tuple[tuple[float, float], ...]:
    """Return the sheet's corners on the upright picture, in the order of the upright page's own corners."""
    move = _UPRIGHT.get(orientation, _as_it_is)
    places = {move(*own): move(*corner) for own, corner in zip(_CORNERS, sheet.corners, strict=True)}
    return tuple(places[own] for own in _CORNERS)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return any of Pillow's modes as RGB; transparent parts become white paper."""
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image, dtype=np.float32)
        # 16-bit scanners use the whole range; other writers store small numbers, which would be black.
        low, high = (
            (0.0, 65535.0) if image.mode.startswith("I;16") else (float(levels.min()), float(levels.max()))
        )
        scaled = (levels - low) * (255.0 / max(high - low, 1.0))
        return Image.fromarray(scaled.clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Image.new("RGB", rgba.size, "white")
        paper.paste(rgba, mask=rgba.getchannel("A"))
        return paper
    return image if image.mode == "RGB" else image.convert("RGB")
