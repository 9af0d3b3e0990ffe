"""Simulated strips of hand-written numbers, amounts and dates, with what they say.

Three kinds of hands write: pen strokes (``extraction.training.strokes``), handwriting fonts, and single real digits
pasted side by side. Then come the form's lines and print, struck-out digits, what is cut off above and below, paper,
light and camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from extraction.training.strokes import Hand, hand_of, strokes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGIT: Final = 40
"""Pixels of a digit's height before it is photographed."""
_ABOVE: Final = 30
_BELOW: Final = 30
_SHIFT: Final = 4  # binary places of a pixel that strokes are drawn with
# Shares of the hands; pen strokes are the rest.
_REAL_DIGITS, _FONTS = 0.6, 0.18


@dataclass(frozen=True, slots=True)
class Strip:
    """A picture of one line, dark on light, shape (h, w), and its text."""

    pixels: NDArray[np.uint8]
    text: str


@dataclass(slots=True)
class Sources:
    """What hands are made of: font files, and real digits (n, 28, 28; light on dark) by what they are."""

    fonts: list[Path]
    digits: list[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class RealHand:
    """How real digits of many people are brought to one hand: a common slant, pen and breadth.

    :param lean: the slant they all get (dx/dy); None leaves each its own.
    :param edge: which gray of the enlarged digit becomes the stroke's edge, high for a thin pen; None leaves it soft.
    :param centred: whether low digits stand in the middle of the line instead of on it.
    :param unrest: by how many pixels the digits' strokes wander; 0 leaves them as they are.
    """

    digits: list[NDArray[np.uint8]]
    lean: float | None
    edge: float | None
    breadth: float
    centred: bool
    unrest: float


def real_hand(digits: list[NDArray[np.uint8]], rng: np.random.Generator) -> RealHand:
    """Return a hand of real digits drawn at random."""
    return RealHand(
        digits,
        lean=float(rng.normal(0.12, 0.16)) if rng.random() < 0.5 else None,
        edge=float(rng.uniform(60, 190)) if rng.random() < 0.55 else None,
        breadth=float(rng.uniform(0.75, 1.2)),
        centred=bool(rng.random() < 0.3),
        unrest=float(rng.uniform(0.4, 1.7)) if rng.random() < 0.65 else 0.0,
    )


def written(rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return something people write into such boxes: parts (text, how), ``how`` one of plain, raised, small."""
    roll = rng.random()
    if roll < 0.3:  # numbers of orders, estimates, invoices
        number = _digits(rng, int(rng.choice([2, 3, 4, 5, 6, 7], p=[0.06, 0.14, 0.32, 0.26, 0.16, 0.06])))
        form = rng.random()
        if form < 0.08:
            number = "#" + ("" if rng.random() < 0.6 else " ") + number
        elif form < 0.16 and len(number) > 3:
            cut = int(rng.integers(2, len(number) - 1))
            number = number[:cut] + rng.choice(["-", "-", "/"]) + number[cut:]
        return [(number, "plain")]
    if roll < 0.42:
        return [(_date(rng), "plain")]
    return _amount(rng)


def _digits(rng: np.random.Generator, count: int) -> str:
    text = "".join(rng.choice(list("0123456789"), count))
    # A third ends in noughts, as sums do; doubles are what a CTC reader drops.
    if rng.random() < 0.25 and count > 2:
        zeros = int(rng.integers(1, count - 1))
        text = text[:-zeros] + "0" * zeros
    if rng.random() < 0.15 and count > 1:
        at = int(rng.integers(0, count - 1))
        text = text[:at] + text[at] + text[at] + text[at + 2 :]
    return text


def _date(rng: np.random.Generator) -> str:
    month, day = int(rng.integers(1, 13)), int(rng.integers(1, 32))
    if rng.random() < 0.35:
        month, day = day, month
    year = int(rng.integers(2015, 2032))
    pad = rng.random() < 0.4
    mark = str(rng.choice(["/", "/", "/", "-", "."]))
    shown = str(year) if rng.random() < 0.4 else f"{year % 100:02d}"
    first, second = (f"{month:02d}", f"{day:02d}") if pad else (str(month), str(day))
    return mark.join((first, second, shown)) if rng.random() < 0.9 else f"{first}{mark}{second}"


def _amount(rng: np.random.Generator) -> list[tuple[str, str]]:
    count = int(rng.choice([2, 3, 4, 5, 6], p=[0.1, 0.3, 0.33, 0.2, 0.07]))
    whole = _digits(rng, count)
    if whole[0] == "0" and rng.random() < 0.8:
        whole = str(rng.integers(1, 10)) + whole[1:]
    european = rng.random() < 0.25
    if count > 3 and rng.random() < 0.65:
        mark = (
            str(rng.choice([".", " "], p=[0.85, 0.15]))
            if european
            else str(rng.choice([",", " "], p=[0.9, 0.1]))
        )
        whole = f"{whole[:-3]}{mark}{whole[-3:]}"
    cents = "00" if rng.random() < 0.6 else f"{rng.integers(0, 100):02d}"
    parts = [(whole, "plain")]
    end = rng.random()
    if end < 0.3:
        parts.append((("," if european else ".") + cents, "plain"))
    elif end < 0.42:
        parts += [(" ", "plain"), (cents, "raised")]
    elif end < 0.5:
        parts += [(" ", "plain"), (f"{cents}/100", "small")]
    elif end < 0.56:
        parts.append((str(rng.choice([".-", ",-", "/-", "."])), "plain"))
    elif end < 0.68:
        parts.append(("-", "plain"))
    if rng.random() < 0.28:
        parts.insert(0, ("$ " if rng.random() < 0.4 else "$", "plain"))
    return parts


def simulated(sources: Sources, rng: np.random.Generator, *, real_only: bool = False) -> Strip:
    """Return one strip, about 40 to 80 pixels high.

    :param real_only: digits alone, all of them real.
    """
    parts = [(_digits(rng, int(rng.integers(3, 8))), "plain")] if real_only else written(rng)
    text = "".join(t for t, _ in parts)
    kind = 0.0 if real_only else rng.random()
    hand = hand_of(rng)
    real = real_hand(sources.digits, rng) if kind < _REAL_DIGITS and sources.digits else None
    font = None
    if real is None and kind < _REAL_DIGITS + _FONTS and sources.fonts:
        font = sources.fonts[int(rng.integers(0, len(sources.fonts)))]
    ink, box = _pen(parts, hand, font, real, rng)
    if rng.random() < 0.5:
        ink = _unrest(ink, rng)
    return Strip(_photographed(ink, box, rng), " ".join(text.split()))


def _pen(
    parts: list[tuple[str, str]],
    hand: Hand,
    font: Path | None,
    real: RealHand | None,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], tuple[int, int, int, int]]:
    """Write the parts; returns ink (h, w) from 0 to 1 and the box (x0, y0, x1, y1) of the writing."""
    width = int(sum(len(t) for t, _ in parts) * DIGIT * 1.5 + 6 * DIGIT)
    canvas = np.zeros((_ABOVE + DIGIT + _BELOW, width), np.uint8)
    x = float(DIGIT * 2)
    begin = x
    gap = float(rng.normal(0.16, 0.12) if rng.random() < 0.6 else rng.uniform(-0.06, 0.5))
    uneven = float(rng.choice([0.05, 0.13]))
    slope = float(rng.normal(0, 0.02))
    pen = hand.pen
    for text, how in parts:
        size = 1.0 if how == "plain" else float(rng.uniform(0.45, 0.7))
        lift = 0.0
        if how != "plain":
            lift = (1 - size) * float(rng.uniform(0.6, 1.15) if how == "raised" else rng.uniform(0, 1))
        part_begin = x
        for sign in text:
            if sign == " ":
                x += DIGIT * float(rng.uniform(0.35, 0.9))
                continue
            if sign.isdigit() and rng.random() < 0.012:  # written wrongly and struck out: it doesn't count
                wrong = str(rng.integers(0, 10))
                end = _put(canvas, wrong, x, 0.0, 1.0, hand, font, real, rng)
                _strike(canvas, x, end, pen, rng)
                x = end + DIGIT * 0.12
            here = size * float(rng.normal(1, 0.06))
            up = lift + float(rng.normal(0, 0.03)) - slope * (x - begin) / DIGIT
            x = _put(canvas, sign, x, up, here, hand, font, real, rng)
            near = 0.5 if sign in ".,/-" else 1.0
            x += DIGIT * size * (gap * near + float(rng.normal(0, uneven)))
        if how == "raised" and rng.random() < 0.65:
            y = _ABOVE + DIGIT * (1 - lift + float(rng.uniform(0.08, 0.25)))
            for line in range(2 if rng.random() < 0.2 else 1):
                _line(
                    canvas, part_begin - 3, y + 5 * line, x + 2, y + 5 * line + float(rng.normal(0, 1.5)), pen
                )
    end = x
    ink = np.asarray(canvas, np.float32) / np.float32(255)
    rows = np.flatnonzero(canvas.any(axis=1))
    top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (_ABOVE, _ABOVE + DIGIT)
    return ink, (int(begin) - 2, top, int(end) + 4, bottom)


def _put(
    canvas: NDArray[np.uint8], sign: str, x: float, up: float, size: float, hand: Hand, font: Path | None,
    real: RealHand | None, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Write one sign with its left edge at x, lifted by ``up`` digit heights; returns its right edge."""
    height = DIGIT * size
    base = _ABOVE + DIGIT * (1 - up)
    glyph = None
    if real is not None and sign.isdigit():
        glyph = _real(real, int(sign), height, rng)
    elif font is not None:
        glyph = _typed(font, sign)
    if glyph is None:
        strokes, breadth = strokes_of(sign, hand, rng)
        thick = max(1, round(hand.pen * DIGIT * (0.5 + 0.5 * size) * float(rng.uniform(0.85, 1.15))))
        left = min(0.0, *(float(s[:, 0].min()) for s in strokes))
        for stroke in strokes:
            points = np.stack(
                [x + (stroke[:, 0] - left) * height, base + (stroke[:, 1] - 1) * height], axis=1
            )
            # A pen leaves a spot where it rests: full stops are dots, not hairlines.
            cv2.polylines(
                canvas, [np.round(points * 2**_SHIFT).astype(np.int32)], False, 255,
                thick + (sign == ".") * int(rng.integers(0, 3)), cv2.LINE_AA, _SHIFT,
            )  # fmt: skip
        right = max(float(s[:, 0].max()) for s in strokes) - left
        return x + max(right, breadth * 0.6) * height
    if real is None:
        # A font's signs keep their sizes relative to each other; they come for a digit height of 64.
        pixels, above = glyph
        scale = height / 64
        w, h = round(pixels.shape[1] * scale * hand.breadth**0.5), round(pixels.shape[0] * scale)
        small = np.asarray(cv2.resize(pixels, (max(1, w), max(1, h)), interpolation=cv2.INTER_AREA), np.uint8)
        top = round(base - above * scale)
    else:
        small, _ = glyph
        top = round(base - small.shape[0] - real.centred * max(0.0, height - small.shape[0]) / 2)
    _paste(canvas, small, round(x), top)
    return x + small.shape[1]


def _paste(canvas: NDArray[np.uint8], glyph: NDArray[np.uint8], x: int, y: int) -> None:
    y0, y1 = max(y, 0), min(y + glyph.shape[0], canvas.shape[0])
    x0, x1 = max(x, 0), min(x + glyph.shape[1], canvas.shape[1])
    if y1 > y0 and x1 > x0:
        part = canvas[y0:y1, x0:x1]
        np.maximum(part, glyph[y0 - y : y1 - y, x0 - x : x1 - x], out=part)


def _real(
    hand: RealHand, sign: int, height: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], float]:
    """Return one real digit cut to its ink, enlarged and brought to the hand's slant and pen, with some unrest."""
    choices = hand.digits[sign]
    digit = choices[int(rng.integers(0, len(choices)))]
    rows, columns = np.flatnonzero(digit.max(axis=1) > 40), np.flatnonzero(digit.max(axis=0) > 40)
    cut = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = height / 20  # the set keeps a digit's longer side at 20 pixels
    w = max(3, round(cut.shape[1] * scale * hand.breadth * float(rng.normal(1, 0.06))))
    h = max(3, round(cut.shape[0] * scale))
    large = cv2.resize(cut, (w, h), interpolation=cv2.INTER_CUBIC)
    if hand.unrest:
        large = _wandering(large, hand.unrest, rng)
        h, w = large.shape
    shear = float(rng.normal(0, 0.06))
    if hand.lean is not None:
        moments = cv2.moments(large)
        own = -moments["mu11"] / max(moments["mu02"], 1e-6)
        shear += float(np.clip(0.8 * (hand.lean - own), -0.4, 0.4))
    more = int(abs(shear) * h) + 1
    matrix = np.array([[1, -shear, shear * h if shear > 0 else 0], [0, 1, 0]], np.float32)
    large = cv2.warpAffine(large, matrix, (w + more, h))
    rows, columns = np.flatnonzero(large.max(axis=1) > 40), np.flatnonzero(large.max(axis=0) > 40)
    large = large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if hand.edge is None:
        return np.asarray(large, np.uint8), 0.0
    edge = hand.edge + float(rng.normal(0, 12))
    return np.clip((large.astype(np.float32) - edge) * 4 + 128, 0, 255).astype(np.uint8), 0.0


def _wandering(digit: NDArray[np.uint8], pixels: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn a digit a little and move its strokes by some pixels, as the same hand would write it another time."""
    around = 6
    padded = cv2.copyMakeBorder(digit, around, around, around, around, cv2.BORDER_CONSTANT, value=0)
    h, w = padded.shape
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    turn = float(rng.normal(0, 0.07))
    dx, dy = (
        cv2.resize(rng.normal(0, pixels, (4, 3)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    )
    return np.asarray(
        cv2.remap(padded, x + dx + turn * (y - h / 2), y + dy - turn * (x - w / 2), cv2.INTER_LINEAR),
        np.uint8,
    )


@cache
def _typed(font: Path, sign: str) -> tuple[NDArray[np.uint8], int] | None:
    """Return a font's sign as pixels and how many of its rows stand above the baseline, for digits 64 pixels high."""
    from PIL import Image, ImageDraw

    try:
        face = _face(font)
    except OSError:
        return None
    left, top, right, bottom = face.getbbox(sign, anchor="ls")
    if right - left < 2 or bottom - top < 2:
        return None
    image = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2), 0)
    ImageDraw.Draw(image).text((1 - left, 1 - top), sign, fill=255, font=face, anchor="ls")
    return np.asarray(image), int(1 - top)


@cache
def _face(font: Path) -> Any:
    """Return a font at the size that makes its nought 64 pixels high."""
    from PIL import ImageFont

    face = ImageFont.truetype(str(font), 100)
    box = face.getbbox("0", anchor="ls")
    return face.font_variant(size=max(20, round(100 * 64 / max(box[3] - box[1], 10))))


def _line(canvas: NDArray[np.uint8], x0: float, y0: float, x1: float, y1: float, pen: float) -> None:
    ends = np.round(np.array([[x0, y0], [x1, y1]]) * 2**_SHIFT).astype(np.int32)
    cv2.polylines(canvas, [ends], False, 255, max(1, round(pen * DIGIT * 0.8)), cv2.LINE_AA, _SHIFT)


def _strike(canvas: NDArray[np.uint8], x0: float, x1: float, pen: float, rng: np.random.Generator) -> None:
    """Strike a digit out: strokes through it, or a scribble over it."""
    count = int(rng.integers(2, 4)) if rng.random() < 0.5 else int(rng.integers(6, 12))
    points = []
    for k in range(count):
        y = _ABOVE + DIGIT * float(rng.uniform(0.1, 0.95))
        points += [(x0 - 3, y), (x1 + 3, y + DIGIT * float(rng.normal(0, 0.2)))][:: 1 if k % 2 else -1]
    if count < 4:
        for start, end in zip(points[::2], points[1::2], strict=True):
            _line(canvas, *start, *end, pen)
    else:
        line = np.round(np.array(points) * 2**_SHIFT).astype(np.int32)
        cv2.polylines(canvas, [line], False, 255, max(1, round(pen * DIGIT)), cv2.LINE_AA, _SHIFT)


def _unrest(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Bend the writing a little, everywhere differently."""
    h, w = ink.shape
    cells = (max(3, w // 40), 4)
    dx, dy = (
        cv2.resize(rng.normal(0, 1.3, cells[::-1]).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    )
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    return np.asarray(cv2.remap(ink, x + dx, y + dy, cv2.INTER_LINEAR), np.float32)


def _photographed(
    ink: NDArray[np.float32], box: tuple[int, int, int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Lay the ink on paper with the form's lines, cut it out as a reader would, and photograph it."""
    x0, y0, x1, y1 = box
    # Tight and loose crops; a box found from its lines shows them, and what hangs in from above and below.
    loose = rng.random() < 0.35
    margin = (4, 22) if loose else (0, 9)
    top, bottom = y0 - int(rng.integers(*margin)), y1 + int(rng.integers(*margin))
    left, right = (
        x0 - int(rng.integers(0, 50 if loose else 14)),
        x1 + int(rng.integers(0, 80 if loose else 16)),
    )
    word, before = (_printed_word(rng), bool(rng.random() < 0.7)) if rng.random() < 0.1 else (None, False)
    if word is not None:  # a label or a unit of the form in the crop
        beside = word.shape[1] + int(rng.integers(4, 20))
        left, right = (left - beside, right) if before else (left, right + beside)
    canvas = np.zeros((bottom - top, right - left), np.float32)
    sy0, sy1, sx0, sx1 = max(top, 0), min(bottom, ink.shape[0]), max(left, 0), min(right, ink.shape[1])
    canvas[sy0 - top : sy1 - top, sx0 - left : sx1 - left] = ink[sy0:sy1, sx0:sx1]
    h, w = canvas.shape
    printed = np.zeros((h, w), np.uint8)
    if rng.random() < 0.45:
        _form_lines(printed, rng)
    if rng.random() < 0.22:
        _neighbours(printed, rng)
    if word is not None:
        _paste(
            printed,
            word,
            1 if before else w - word.shape[1] - 1,
            int(rng.integers(0, max(1, h - word.shape[0]))),
        )
    if rng.random() < 0.16:
        _print_at_edges(printed, rng)
    paper = _paper(h, w, rng)
    contrast = float(rng.uniform(0.25, 0.95)) if rng.random() < 0.75 else float(rng.uniform(0.12, 0.3))
    if rng.random() < 0.15:  # pencil: the paper's grain shows through
        canvas *= np.clip(rng.normal(0.8, 0.3, canvas.shape), 0.2, 1.0).astype(np.float32)
    page = paper * (1 - contrast * canvas)
    page *= 1 - float(rng.uniform(0.2, 0.9)) * printed.astype(np.float32) / 255
    angle = float(rng.normal(0, 1.3))
    if abs(angle) > 0.3:
        turned = np.vstack([cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0), [0, 0, 1]])
        if rng.random() < 0.4:  # a page photographed aslant
            turned[2, :2] = rng.normal(0, 0.0004, 2)
        page = cv2.warpPerspective(page, turned, (w, h), borderMode=cv2.BORDER_REPLICATE)
    scale = float(rng.uniform(0.45, 1.1))
    if rng.random() < 0.6:
        page = cv2.GaussianBlur(page, (0, 0), float(rng.uniform(0.4, 1.6)))
    if rng.random() < 0.1:
        page = cv2.blur(
            page, (int(rng.integers(2, 6)), 1) if rng.random() < 0.5 else (1, int(rng.integers(2, 5)))
        )
    page = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    page = page + rng.normal(0, float(rng.uniform(0.5, 7)), page.shape)
    shot = np.clip(page, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", shot, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 92))])
        shot = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return np.asarray(shot, np.uint8)


def _form_lines(printed: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Box lines at the edges, a line to write on, dots, a printed dollar sign's place stays empty."""
    h, w = printed.shape
    thick = int(rng.integers(1, 4))
    tilt = float(rng.normal(0, 0.01)) * w
    bottom = h - int(rng.integers(0, max(2, h // 4)))
    if rng.random() < 0.75:
        cv2.line(printed, (0, bottom), (w, round(bottom + tilt)), 255, thick, cv2.LINE_AA)
        if rng.random() < 0.12:
            cv2.line(printed, (0, bottom - 5), (w, round(bottom - 5 + tilt)), 255, thick, cv2.LINE_AA)
    if rng.random() < 0.5:
        top = int(rng.integers(0, max(2, h // 7)))
        cv2.line(printed, (0, top), (w, round(top + tilt)), 255, thick, cv2.LINE_AA)
    for near, chance in ((0, 0.35), (w, 0.35)):
        if rng.random() < chance:
            x = abs(near - int(rng.integers(0, 7)))
            cv2.line(printed, (x, 0), (round(x + tilt * 0.3), h), 255, thick, cv2.LINE_AA)
    if rng.random() < 0.12:
        printed[:, :: int(rng.integers(2, 5))] = 0
    if rng.random() < 0.12:  # cells for single digits, whole or as a comb
        height = h if rng.random() < 0.4 else round(h * float(rng.uniform(0.15, 0.4)))
        pitch = float(rng.uniform(0.6, 1.1)) * h
        for x in np.arange(float(rng.uniform(0, pitch)), w, pitch):
            cv2.line(printed, (round(x), h), (round(x), h - height), 255, min(thick, 2), cv2.LINE_AA)


_WORDS: Final = (
    "Total", "TOTAL", "No.", "N\u00b0", "Date", "DATE:", "Amount", "Job", "Tel", "Qty", "Sub", "Tax", "hrs", "each",
    "USD", "Work",
)  # fmt: skip


def _printed_word(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a word of a form's print, white on black, smaller than the writing."""
    from PIL import Image, ImageDraw, ImageFont

    text = str(rng.choice(_WORDS))
    size = int(rng.integers(13, 30))
    if rng.random() < 0.5:
        face = ImageFont.load_default(size)
        left, top, right, bottom = face.getbbox(text)
        image = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2), 0)
        ImageDraw.Draw(image).text((1 - left, 1 - top), text, fill=255, font=face)
        return np.asarray(image, np.uint8)
    serif = int(rng.choice([cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_DUPLEX]))
    text = text.replace("\u00b0", "o")
    (w, h), under = cv2.getTextSize(text, serif, size / 30, 1)
    word = np.zeros((h + under + 2, w + 2), np.uint8)
    cv2.putText(word, text, (1, h + 1), serif, size / 30, 255, 1, cv2.LINE_AA)
    return word


def _print_at_edges(printed: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Words of the form that the crop cuts through: their feet above, their heads below, half of them at a side."""
    h, w = printed.shape
    for _ in range(int(rng.integers(1, 4))):
        word = _printed_word(rng)
        side = rng.random()
        if side < 0.8:
            shown = float(rng.uniform(0.15, 0.6)) * min(word.shape[0], 0.25 * h)
            y = round(shown - word.shape[0]) if side < 0.4 else round(h - shown)
            _paste(printed, word, int(rng.integers(-word.shape[1] // 2, w)), y)
        else:
            shown = float(rng.uniform(0.05, 0.25)) * min(word.shape[1], h)
            x = round(shown - word.shape[1]) if side < 0.9 else round(w - shown)
            _paste(printed, word, x, int(rng.integers(0, max(1, h - word.shape[0]))))


def _neighbours(printed: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """What hangs in from the lines above and below, and prints beside."""
    h, w = printed.shape
    hand = hand_of(rng)
    for _ in range(int(rng.integers(1, 5))):
        sign = str(rng.choice(list("0123456789,")))
        strokes, _ = strokes_of(sign, hand, rng)
        above = rng.random() < 0.5
        base = float(rng.uniform(0.02, 0.13)) * h if above else h + DIGIT * float(rng.uniform(0.86, 0.98))
        x = float(rng.uniform(0, w))
        for stroke in strokes:
            points = np.stack([x + stroke[:, 0] * DIGIT, base + (stroke[:, 1] - 1) * DIGIT], axis=1)
            cv2.polylines(
                printed, [np.round(points * 2**_SHIFT).astype(np.int32)], False, 255, max(1, round(hand.pen * DIGIT)),
                cv2.LINE_AA, _SHIFT,
            )  # fmt: skip


def _paper(h: int, w: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Paper with grain and uneven light; on some the fine waves of a security print."""
    light = float(rng.uniform(110, 250))
    coarse = rng.uniform(-1, 1, (2, 4)).astype(np.float32)
    paper = light * (1 + 0.12 * rng.random() * cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC))
    if rng.random() < 0.3:
        x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
        for _ in range(int(rng.integers(1, 3))):
            period, wave = float(rng.uniform(3, 9)), float(rng.uniform(15, 90))
            slope, depth = float(rng.normal(0, 0.5)), float(rng.uniform(0.02, 0.14))
            phase = (
                y + slope * x + float(rng.uniform(0, 5)) * np.sin(x / wave * 6.28 + float(rng.uniform(0, 6)))
            )
            paper = paper * (1 - depth * (np.sin(phase * 6.28 / period) > float(rng.uniform(0, 0.7))))
    if rng.random() < 0.2:  # a shadow's edge
        at = float(rng.uniform(0, w))
        edge = 1 / (1 + np.exp(-(np.arange(w) - at) / float(rng.uniform(2, 30))))
        paper = paper * (1 - float(rng.uniform(0.1, 0.45)) * edge[None, :])
    return np.asarray(paper, np.float32)


def spliced(strips: list[tuple[NDArray[np.uint8], str, list[list[int]]]], rng: np.random.Generator) -> Strip:
    """Join pieces of real strips to one with another number: each piece whole digits, at one height and one tone.

    :param strips: (gray pixels, digits, box [x, y, w, h] of each digit).
    """
    wanted = int(rng.integers(2, 8))
    height, pieces, text = 44, [], ""
    tone = None
    while len(text) < wanted:
        pixels, digits, boxes = strips[int(rng.integers(0, len(strips)))]
        order = np.argsort([b[0] for b in boxes])
        count = len(order)
        first = int(rng.integers(0, count))
        last = min(count - 1, first + int(rng.integers(0, 3)))
        left, right = boxes[order[first]], boxes[order[last]]
        x0, x1 = 0, pixels.shape[1]
        if first > 0:  # half of the gap to the neighbour; nothing of it where it leans in
            before = boxes[order[first - 1]]
            x0 = max((before[0] + before[2] + left[0]) // 2, left[0] - 1)
        if last < count - 1:
            x1 = min((right[0] + right[2] + boxes[order[last + 1]][0]) // 2, right[0] + right[2] + 1)
        if x1 - x0 < 4:
            continue
        piece = pixels[:, x0:x1].astype(np.float32)
        here = (float(np.percentile(piece, 85)), float(np.percentile(piece, 4)))
        if tone is None:
            tone = here
        piece = (piece - here[1]) / max(here[0] - here[1], 8) * (tone[0] - tone[1]) + tone[1]
        tall = float(np.median([b[3] for b in boxes]))
        scale = height * 0.72 / max(tall, 8) * float(rng.normal(1, 0.05))
        w, h = max(3, round(piece.shape[1] * scale)), max(8, round(piece.shape[0] * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        piece = np.asarray(cv2.resize(piece, (w, h), interpolation=how), np.float32)
        middle = float(np.median([b[1] + b[3] / 2 for b in boxes])) * scale + float(rng.normal(0, 1.5))
        line = np.full((height, w), tone[0], np.float32)
        top = round(height / 2 - middle)
        a, b = max(top, 0), min(top + h, height)
        line[a:b] = piece[a - top : b - top]
        if a > 0:
            line[:a] = line[a]
        if b < height:
            line[b:] = line[b - 1]
        pieces.append(line)
        text += digits[first : last + 1]
        if rng.random() < 0.3:
            pieces.append(np.full((height, int(rng.integers(1, 8))), tone[0], np.float32))
    return Strip(np.clip(np.concatenate(pieces, axis=1), 0, 255).astype(np.uint8), text)


def sample_sheet(strips: list[Strip], columns: int = 5) -> NDArray[Any]:
    """Return a picture of strips with their texts, to look at what the network learns from."""
    cells = []
    for strip in strips:
        cell = np.full((100, 320), 255, np.uint8)
        scale = min(76 / strip.pixels.shape[0], 316 / strip.pixels.shape[1])
        small = cv2.resize(strip.pixels, None, fx=scale, fy=scale)
        cell[: small.shape[0], : small.shape[1]] = small
        cv2.putText(cell, strip.text, (4, 95), cv2.FONT_HERSHEY_SIMPLEX, 0.55, 0, 1, cv2.LINE_AA)
        cells.append(cell)
    cells += [np.full((100, 320), 255, np.uint8)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)])
