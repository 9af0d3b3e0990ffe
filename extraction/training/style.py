"""How one vendor's documents look: fonts, sizes, colours, and how it writes a label."""

from __future__ import annotations

from dataclasses import dataclass, replace

from extraction.training.choices import Choices, phrases
from extraction.training.fonts import PRINTED, PRINTED_WEIGHTS, face
from extraction.training.layout import Pen

_ACCENTS = (
    "#000000",
    "#000000",
    "#1f3a5f",
    "#7a1f1f",
    "#215c3a",
    "#44546a",
    "#b8560f",
    "#4a2c6a",
    "#0b6e8a",
    "#666666",
)


@dataclass(frozen=True, slots=True)
class Style:
    """Pens and habits of a layout."""

    choices: Choices
    language: str
    body: Pen
    bold: Pen
    italic: Pen
    accent: str
    tint: str
    label_case: str
    label_end: str
    label_bold: bool
    money_symbol: str

    @property
    def label_pen(self) -> Pen:
        return self.bold if self.label_bold else self.body

    def label(self, name: str, *, end: bool = True) -> str:
        """Return this layout's phrase for a label, written its way; ``end`` adds what follows it (a colon, say)."""
        text = self.choices.pick(f"label {name}", phrases("labels", name, self.language))
        return self.cased(text) + (self.label_end if end and not text.endswith((":", "#")) else "")

    def cased(self, text: str) -> str:
        if self.label_case == "upper":
            return text.upper()
        if self.label_case == "lower":
            return text[:1] + text[1:].lower() if len(text) > 4 else text
        return text

    def heading(self, name: str) -> str:
        """Return this layout's phrase for a column."""
        return self.cased(self.choices.pick(f"column {name}", phrases("columns", name, self.language)))

    def title(self, name: str) -> str:
        return self.choices.pick("title", phrases("titles", name, self.language))

    def smaller(self, pen: Pen, by: float = 0.86) -> Pen:
        return pen.scaled(by)


def choose_style(choices: Choices, language: str) -> Style:
    """Choose the look of a layout."""
    family = face(choices.pick("font", PRINTED, PRINTED_WEIGHTS))
    size = choices.between("size", 7.4, 10.6)
    leading = choices.between("leading", 1.12, 1.42)
    accent = choices.pick("accent", _ACCENTS)
    ink = choices.pick("ink", ("#000000", "#000000", "#222222", "#333333"))
    body = Pen(family.regular, round(size, 1), ink, leading)
    return Style(
        choices,
        language,
        body,
        replace(body, font=family.bold),
        replace(body, font=family.italic),
        accent,
        choices.pick("tint", ("#f2f2f2", "#e8eef5", "#eeeeee", "#f7f3e8", "#dddddd", "#e9f2ea")),
        choices.pick("case", ("as is", "as is", "upper", "lower"), (5, 3, 2, 1)),
        choices.pick("label end", (":", ":", "", " :", ":")),
        choices.chance("bold labels", 0.45),
        choices.pick("symbols", ("everywhere", "totals", "total", "never"), (3, 4, 2, 1)),
    )
