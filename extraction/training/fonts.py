"""Fonts that generated documents are set in.

The choice follows from the seed alone; where a chosen font is not installed, the one named beside it stands in
(same words, other widths).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont


@dataclass(frozen=True, slots=True)
class Face:
    """A family: names of its regular, bold and italic cut, known to reportlab."""

    regular: str
    bold: str
    italic: str


_HELVETICA = Face("Helvetica", "Helvetica-Bold", "Helvetica-Oblique")
_TIMES = Face("Times-Roman", "Times-Bold", "Times-Italic")
_COURIER = Face("Courier", "Courier-Bold", "Courier-Oblique")

_FOLDERS = (
    Path("/usr/share/fonts/truetype/dejavu"),
    Path("/usr/share/fonts/truetype/liberation"),
    Path(reportlab.__file__).parent / "fonts",
)

# Name, files of the three cuts, stand-in.
_FAMILIES: tuple[tuple[str, tuple[str, str, str], Face], ...] = (
    ("DejaVuSans", ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf"), _HELVETICA),
    ("DejaVuCondensed", ("DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf", "DejaVuSansCondensed-Oblique.ttf"), _HELVETICA),
    ("DejaVuSerif", ("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSerif-Italic.ttf"), _TIMES),
    ("DejaVuMono", ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSansMono-Oblique.ttf"), _COURIER),
    ("LiberationNarrow", ("LiberationSansNarrow-Regular.ttf", "LiberationSansNarrow-Bold.ttf", "LiberationSansNarrow-Italic.ttf"), _HELVETICA),
    ("LiberationSerif", ("LiberationSerif-Regular.ttf", "LiberationSerif-Bold.ttf", "LiberationSerif-Italic.ttf"), _TIMES),
    ("Vera", ("Vera.ttf", "VeraBd.ttf", "VeraIt.ttf"), _HELVETICA),
)  # fmt: skip

PRINTED = ("Helvetica", "Times", "Courier", *(name for name, _, _ in _FAMILIES))
PRINTED_WEIGHTS = (8, 4, 1.2, 2, 1.5, 1, 0.7, 2, 1.5, 1)

# Handwriting comes with the fontpkg wheels; without them a slanted face stands in.
_HANDS = {
    "kalam": ("fontpkg_kalam", "files/Kalam-Regular.ttf"),
    "caveat": ("fontpkg_caveat", "files/Caveat[wght].ttf"),
}
HANDS = tuple(_HANDS)


@cache
def face(name: str) -> Face:
    """Return a family of :data:`PRINTED`, registered with reportlab."""
    base = {"Helvetica": _HELVETICA, "Times": _TIMES, "Courier": _COURIER}
    if name in base:
        return base[name]
    files, stand_in = next((f, s) for n, f, s in _FAMILIES if n == name)
    for folder in _FOLDERS:
        if all((folder / file).is_file() for file in files):
            names = [f"{name}-{cut}" for cut in ("regular", "bold", "italic")]
            for cut, file in zip(names, files, strict=True):
                pdfmetrics.registerFont(TTFont(cut, str(folder / file)))
            return Face(*names)
    return stand_in


@cache
def hand(name: str) -> str:
    """Return the font of one of :data:`HANDS`, registered with reportlab."""
    package, file = _HANDS[name]
    found = importlib.util.find_spec(package)
    if found and found.origin:
        path = Path(found.origin).parent / file
        try:
            pdfmetrics.registerFont(TTFont(f"hand-{name}", str(path)))
        except (TTFError, OSError):
            return "Times-Italic"
        return f"hand-{name}"
    return "Times-Italic"
