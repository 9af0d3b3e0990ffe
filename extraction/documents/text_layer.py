"""The words of a PDF's own text layer, and whether they may be believed.

A text layer can lie: an invisible layer may say something else than the page shows, a font without a
proper mapping gives nonsense, a scanner's own recognition may be poor, and a form may be a picture with
one line of real text on it. So words that cannot be seen on the rendered page are dropped, and if what is left
does not look like language or leaves most of the page's writing uncovered, the layer is refused and
the page is read from its picture.
"""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2.raw as pdfium_c

from extraction.schema import Box, Word

from .lines import number_lines

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

# Text rendering modes that leave no mark (ISO 32000-1, table 106): 3 invisible, 7 clipping only.
_INVISIBLE_MODES = frozenset((3, 7))

# Grey levels between the darkest and the lightest pixel in a word's box; light grey print on white has about 60.
_VISIBLE_CONTRAST = 25

_MIN_CHARACTERS = 20
_MAX_NONSENSE = 0.08
_MAX_INVISIBLE = 0.5
# Of 142 real PDF pages the scans had 1.0 of their writing uncovered, the others at most 0.31 (a footer as a picture).
_MAX_UNCOVERED = 0.5
_ONE_LINE = 40  # cells of writing (see _find_writing) in a short line
_ONE_WORD = 12
_LIGATURES = {chr(c): unicodedata.normalize("NFKC", chr(c)) for c in range(0xFB00, 0xFB07)}
_DROPPED = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")


@dataclass(frozen=True, slots=True)
class TextLayer:
    """What a page's text layer holds.

    ``words`` are those that print (not yet numbered by line), ``hidden`` counts the characters that were
    dropped because they do not, ``unmapped`` those without a meaning in Unicode, ``turn`` is the clockwise turn
    in degrees that would set most of the text upright.
    """

    words: tuple[Word, ...]
    characters: int
    hidden: int
    unmapped: int
    turn: int


def read_layer(page: pypdfium2.PdfPage) -> TextLayer:
    """Return the text layer of a page; boxes are relative to the page as it is displayed."""
    textpage = page.get_textpage()
    try:
        return _read(page, textpage.raw)
    finally:
        textpage.close()


def _read(page: pypdfium2.PdfPage, textpage: Any) -> TextLayer:
    count = pdfium_c.FPDFText_CountChars(textpage)
    matrix = _display_matrix(page)
    modes: dict[int, int] = {}
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    words: list[Word] = []
    text: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    hidden = unmapped = seen = 0
    turns = {0: 0, 90: 0, 180: 0, 270: 0}

    def finish() -> None:
        if text:
            word = _clean("".join(text))
            if word:
                words.append(Word(text=word, box=_place(boxes, matrix)))
        text.clear()
        boxes.clear()

    for index in range(count):
        code = pdfium_c.FPDFText_GetUnicode(textpage, index)
        character = "-" if code == 2 else chr(code) if code else "\ufffd"
        if character.isspace() or character == "\xa0":
            finish()
            continue
        if character in _DROPPED:
            continue
        seen += 1
        text_object = pdfium_c.FPDFText_GetTextObject(textpage, index)
        if text_object:
            address = ctypes.cast(text_object, ctypes.c_void_p).value or 0
            if address not in modes:
                modes[address] = pdfium_c.FPDFTextObj_GetTextRenderMode(text_object)
            if modes[address] in _INVISIBLE_MODES:
                hidden += 1
                finish()
                continue
        if code == 0 or pdfium_c.FPDFText_HasUnicodeMapError(textpage, index) == 1:
            unmapped += 1
        angle = pdfium_c.FPDFText_GetCharAngle(textpage, index)
        if angle >= 0:
            turns[round(np.degrees(angle) / 90) * 90 % 360] += 1
        if not pdfium_c.FPDFText_GetCharBox(textpage, index, left, right, bottom, top):
            continue
        text.append(character)
        boxes.append((left.value, bottom.value, right.value, top.value))
    finish()
    # The angle is counted counter-clockwise in the page's own space, before the page's rotation.
    dominant = max(turns, key=lambda t: turns[t])
    turn = (dominant - page.get_rotation()) % 360 if seen > hidden else 0
    return TextLayer(words=tuple(words), characters=seen, hidden=hidden, unmapped=unmapped, turn=turn)


def _clean(text: str) -> str:
    text = "".join(_LIGATURES.get(c, c) for c in text)
    # pdfium hands out UTF-16 units: join pairs, replace a lone half, which no database would take.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return unicodedata.normalize("NFC", text).strip()


def _display_matrix(page: pypdfium2.PdfPage) -> NDArray[np.float64]:
    """Return the 2 x 3 matrix from a page's own space to the displayed page (0..1, origin top left)."""
    width, height = page.get_size()
    scale = 1_000_000
    x, y = ctypes.c_int(), ctypes.c_int()
    points = []
    for px, py in ((0.0, 0.0), (width, 0.0), (0.0, height)):
        pdfium_c.FPDF_PageToDevice(page.raw, 0, 0, scale, scale, 0, px, py, x, y)
        points.append((x.value / scale, y.value / scale))
    (ox, oy), (ax, ay), (bx, by) = points
    return np.array(
        [[(ax - ox) / width, (bx - ox) / height, ox], [(ay - oy) / width, (by - oy) / height, oy]]
    )


def _place(boxes: Sequence[tuple[float, float, float, float]], matrix: NDArray[np.float64]) -> Box:
    x0 = min(b[0] for b in boxes)
    y0 = min(b[1] for b in boxes)
    x1 = max(b[2] for b in boxes)
    y1 = max(b[3] for b in boxes)
    (a, b, c), (d, e, f) = matrix.tolist()
    xs = (a * x0 + b * y0 + c, a * x1 + b * y1 + c)
    ys = (d * x0 + e * y0 + f, d * x1 + e * y1 + f)
    return Box(*(min(max(v, 0.0), 1.0) for v in (min(xs), min(ys), max(xs), max(ys))))


def sound_words(layer: TextLayer, gray: NDArray[np.uint8]) -> tuple[tuple[Word, ...], tuple[Box, ...]] | None:
    """Return the words of a layer that the page shows, numbered by line, and where else the page shows writing.

    ``None`` stands for a layer that can't be believed.

    :param gray: the rendered page, shape (height, width), 0 black to 255 white.
    """
    if layer.characters < _MIN_CHARACTERS or layer.hidden > _MAX_INVISIBLE * layer.characters:
        return None
    if layer.unmapped > _MAX_NONSENSE * layer.characters:
        return None
    visible = [word for word in layer.words if _is_visible(word.box, gray)]
    if not looks_like_language([word.text for word in visible]):
        return None
    writing, uncovered = _find_writing([word.box for word in visible], gray)
    if uncovered.sum() > max(_MAX_UNCOVERED * writing.sum(), _ONE_LINE):
        return None
    words = number_lines(_with_line_heights(visible), aspect=gray.shape[0] / gray.shape[1])
    return words, _gather(uncovered)


def _is_visible(box: Box, gray: NDArray[np.uint8]) -> bool:
    height, width = gray.shape
    x0, x1 = int(box.x0 * width), int(box.x1 * width) + 1
    y0, y1 = int(box.y0 * height), int(box.y1 * height) + 1
    region = gray[y0:y1, x0:x1]
    return region.size > 0 and int(region.max()) - int(region.min()) >= _VISIBLE_CONTRAST


def looks_like_language(words: Sequence[str]) -> bool:
    """Say whether words read like writing and not like a font's internal codes.

    Control, private-use and replacement characters show a font without a mapping; a mapping shifted by
    some places shows in the share of vowels, which lies between 0.25 and 0.55 in the languages of invoices.
    """
    text = "".join(words)
    if len(text) < _MIN_CHARACTERS:
        return False
    nonsense = sum(unicodedata.category(c) in ("Cc", "Co", "Cn", "Cs") or c == "\ufffd" for c in text)
    if nonsense > _MAX_NONSENSE * len(text):
        return False
    letters = [c for c in unicodedata.normalize("NFD", text.lower()) if "a" <= c <= "z"]
    if len(letters) < 60:
        return True
    vowels = sum(c in "aeiouy" for c in letters) / len(letters)
    return 0.2 <= vowels <= 0.62


def _find_writing(
    boxes: Sequence[Box], gray: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return two grids over the page: where it shows writing, and where it does so outside the boxes.

    A cell of the grids is about a third of a text line high. It holds writing if the grey level changes often in
    both directions, which rules, frames and flat areas do not.
    """
    cell = max(4, round(gray.shape[0] / 220))
    rows, columns = max(gray.shape[0] // cell, 1), max(gray.shape[1] // cell, 1)
    level = gray[: rows * cell, : columns * cell].astype(np.int16)
    across = np.abs(np.diff(level, axis=1, prepend=level[:, :1])) > 48
    down = np.abs(np.diff(level, axis=0, prepend=level[:1])) > 48
    shares = [
        np.add.reduceat(
            np.add.reduceat(m, range(0, m.shape[0], cell), axis=0), range(0, m.shape[1], cell), axis=1
        )
        / cell**2
        for m in (across.astype(np.int16), down.astype(np.int16))
    ]
    writing = np.minimum(*shares) > 0.12
    uncovered = writing.copy()
    rows, columns = writing.shape
    for box in boxes:
        y0, y1 = int(box.y0 * rows) - 1, int(box.y1 * rows) + 2
        x0, x1 = int(box.x0 * columns) - 1, int(box.x1 * columns) + 2
        uncovered[max(y0, 0) : y1, max(x0, 0) : x1] = False
    return writing, uncovered


def _gather(cells: NDArray[np.bool_]) -> tuple[Box, ...]:
    """Return boxes around the cells that stand together, without those too few for a word."""
    rows, columns = cells.shape
    found = []
    for top, bottom in _runs(np.asarray(cells.any(axis=1)), gap=3):
        band = cells[top:bottom]
        for left, right in _runs(np.asarray(band.any(axis=0)), gap=8):
            if band[:, left:right].sum() >= _ONE_WORD:
                # A margin of two cells, so that no letter is cut in two.
                found.append(
                    Box(
                        max(left - 2, 0) / columns,
                        max(top - 2, 0) / rows,
                        min(right + 2, columns) / columns,
                        min(bottom + 2, rows) / rows,
                    )
                )
    return tuple(found)


def _runs(marked: NDArray[np.bool_], *, gap: int) -> list[tuple[int, int]]:
    """Return (start, end) of the stretches that are marked, joined over gaps of up to ``gap``."""
    runs: list[tuple[int, int]] = []
    for place in np.flatnonzero(marked).tolist():
        if runs and place - runs[-1][1] <= gap:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _with_line_heights(words: Sequence[Word]) -> list[Word]:
    """Grow the boxes of dashes and points to a text line's height, so that a person can hit them."""
    if not words:
        return []
    usual = float(np.median([word.box.height for word in words]))
    grown = []
    for word in words:
        box = word.box
        if box.height < 0.4 * usual and box.width < 3 * usual:
            middle = (box.y0 + box.y1) / 2
            box = Box(box.x0, max(middle - usual / 2, 0.0), box.x1, min(middle + usual / 2, 1.0))
        grown.append(Word(text=word.text, box=box, confidence=word.confidence))
    return grown
