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
from reportlab.pdfbase.ttfonts import TTFont


@dataclass(frozen=True, slots=True)
class Face:
    """A family: names of its regular, bold and italic cut, known to reportlab."""

    regular: str
    bold: str
    italic: str


_HELVETICA = Face("Helvetica", "Helvetica-Bold", "Helvetica-Oblique")
_TIMES = Face("Times-Roman", "Times-Bold", "Times-Italic")
_COURIER = Face("Courier", "Courier-Bold", "Courier-Oblique")

# Name, package of the fontpkg wheels or "" for files of the system, files of the three cuts, stand-in. A variable font
# gives one cut only, so that such a vendor's bold is as light as the rest.
_FAMILIES: tuple[tuple[str, str, tuple[str, str, str], Face], ...] = (
    ("DejaVuSans", "", ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf"), _HELVETICA),
    (
        "DejaVuCondensed",
        "",
        ("DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf", "DejaVuSansCondensed-Oblique.ttf"),
        _HELVETICA,
    ),
    ("DejaVuSerif", "", ("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSerif-Italic.ttf"), _TIMES),
    (
        "DejaVuMono",
        "",
        ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSansMono-Oblique.ttf"),
        _COURIER,
    ),
    (
        "LiberationNarrow",
        "",
        (
            "LiberationSansNarrow-Regular.ttf",
            "LiberationSansNarrow-Bold.ttf",
            "LiberationSansNarrow-Italic.ttf",
        ),
        _HELVETICA,
    ),
    (
        "LiberationSerif",
        "",
        ("LiberationSerif-Regular.ttf", "LiberationSerif-Bold.ttf", "LiberationSerif-Italic.ttf"),
        _TIMES,
    ),
    ("Vera", "", ("Vera.ttf", "VeraBd.ttf", "VeraIt.ttf"), _HELVETICA),
    ("Lato", "fontpkg_lato", ("Lato-Regular.ttf", "Lato-Bold.ttf", "Lato-Italic.ttf"), _HELVETICA),
    (
        "PTSans",
        "fontpkg_pt_sans",
        ("PT_Sans-Web-Regular.ttf", "PT_Sans-Web-Bold.ttf", "PT_Sans-Web-Italic.ttf"),
        _HELVETICA,
    ),
    ("Roboto", "fontpkg_roboto", ("Roboto[wdth,wght].ttf",) * 3, _HELVETICA),
    ("OpenSans", "fontpkg_open_sans", ("OpenSans[wdth,wght].ttf",) * 3, _HELVETICA),
    ("Montserrat", "fontpkg_montserrat", ("Montserrat[wght].ttf",) * 3, _HELVETICA),
    ("EBGaramond", "fontpkg_eb_garamond", ("EBGaramond[wght].ttf",) * 3, _TIMES),
)

PRINTED = ("Helvetica", "Times", "Courier", *(name for name, *_ in _FAMILIES))
PRINTED_WEIGHTS = (7, 4, 1.2, 1.5, 1.5, 0.8, 0.7, 2, 1.5, 1, 2, 1.2, 0.6, 0.6, 0.6, 0.5)

# Handwriting comes with the fontpkg wheels. Where one is missing, the next that is there stands in;
# a slanted face if none is.
_HANDS = {
    "kalam": ("fontpkg_kalam", "Kalam-Regular.ttf"),
    "caveat": ("fontpkg_caveat", "Caveat[wght].ttf"),
    "indie-flower": ("fontpkg_indie_flower", "IndieFlower-Regular.ttf"),
    "shadows-into-light": ("fontpkg_shadows_into_light", "ShadowsIntoLight.ttf"),
}
HANDS = tuple(_HANDS)

_SYSTEM_FOLDERS = (
    Path("/usr/share/fonts/truetype/dejavu"),
    Path("/usr/share/fonts/truetype/liberation"),
    Path(reportlab.__file__).parent / "fonts",
)


def _find(package: str, file: str) -> Path | None:
    """Return where a font file is installed."""
    folders: tuple[Path, ...] = _SYSTEM_FOLDERS
    if package:
        found = importlib.util.find_spec(package)
        if found is None or not found.origin:
            return None
        folders = (Path(found.origin).parent / "files",)
    return next((folder / file for folder in folders if (folder / file).is_file()), None)


@cache
def face(name: str) -> Face:
    """Return a family of :data:`PRINTED`, registered with reportlab."""
    base = {"Helvetica": _HELVETICA, "Times": _TIMES, "Courier": _COURIER}
    if name in base:
        return base[name]
    package, files, stand_in = next((p, f, s) for n, p, f, s in _FAMILIES if n == name)
    paths = [path for file in files if (path := _find(package, file))]
    if len(paths) < len(files):
        return stand_in
    names = [f"{name}-{cut}" for cut in ("regular", "bold", "italic")]
    for cut, path in zip(names, paths, strict=True):
        pdfmetrics.registerFont(TTFont(cut, str(path)))
    return Face(*names)


@cache
def hand(name: str) -> str:
    """Return the font of one of :data:`HANDS`, registered with reportlab."""
    first = HANDS.index(name)
    for other in HANDS[first:] + HANDS[:first]:
        path = _find(*_HANDS[other])
        if path:
            pdfmetrics.registerFont(TTFont(f"hand-{other}", str(path)))
            return f"hand-{other}"
    return "Times-Italic"
