"""Fonts of the validation generator: those every PDF has, DejaVu and Vera where they are installed, two hands."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

_DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
_VERA = Path(reportlab.__file__).parent / "fonts"


def _register(name: str, path: Path) -> bool:
    if path.is_file():
        pdfmetrics.registerFont(TTFont(name, str(path)))
    return path.is_file()


def _package_font(package: str, file: str) -> Path:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent / "files" / file if spec and spec.origin else Path(file)


def _pairs() -> list[tuple[str, str]]:
    faces = [
        ("Helvetica", "Helvetica-Bold"),
        ("Helvetica", "Helvetica-Bold"),
        ("Times-Roman", "Times-Bold"),
        ("Courier", "Courier-Bold"),
    ]
    for name, plain, bold, folder in (
        ("Condensed", "DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf", _DEJAVU),
        ("SerifCondensed", "DejaVuSerifCondensed.ttf", "DejaVuSerifCondensed-Bold.ttf", _DEJAVU),
        ("VeraSecond", "Vera.ttf", "VeraBd.ttf", _VERA),
    ):
        if _register(f"v-{name}", folder / plain) and _register(f"v-{name}-bold", folder / bold):
            faces.append((f"v-{name}", f"v-{name}-bold"))
    return faces


FACES: list[tuple[str, str]] = _pairs()
"""Plain and bold face of every family."""

HANDS: list[str] = [
    name
    for name, path in (
        ("v-kalam", _package_font("fontpkg_kalam", "Kalam-Regular.ttf")),
        ("v-kalam-light", _package_font("fontpkg_kalam", "Kalam-Light.ttf")),
        ("v-caveat", _package_font("fontpkg_caveat", "Caveat[wght].ttf")),
    )
    if _register(name, path)
] or ["Times-Italic"]
"""Faces of handwriting; an italic where no package of them is installed."""

MONO: list[str] = ["Courier", *(["v-mono"] if _register("v-mono", _DEJAVU / "DejaVuSansMono.ttf") else [])]
"""Faces of prints on a grid of characters."""
