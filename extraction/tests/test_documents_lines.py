"""Words come in the order in which a person reads them, and lines end at a column's gap."""

from __future__ import annotations

from extraction.documents.lines import number_lines
from extraction.schema import Box, Word


def word(text: str, x: float, y: float, *, height: float = 10.0) -> Word:
    """Place a word on a page of 600 x 800, letters half as wide as high, ``y`` its top."""
    width = len(text) * height / 2
    return Word(text=text, box=Box(x / 600, y / 800, (x + width) / 600, (y + height) / 800))


def lines_of(*words: Word) -> list[str]:
    lines: dict[int, list[str]] = {}
    for found in number_lines(words, aspect=800 / 600):
        lines.setdefault(found.line, []).append(found.text)
    assert list(lines) == list(range(len(lines)))
    return [" ".join(texts) for texts in lines.values()]


def test_words_are_ordered_by_line_and_then_from_left_to_right() -> None:
    assert lines_of(word("due", 60, 101), word("below", 30, 120), word("Total", 30, 100)) == [
        "Total due",
        "below",
    ]


def test_columns_on_one_height_are_lines_of_their_own() -> None:
    assert lines_of(word("Subtotal", 30, 100), word("1,234.56", 300, 100)) == ["Subtotal", "1,234.56"]


def test_headline_does_not_swallow_the_address_beside_it() -> None:
    assert lines_of(
        word("INVOICE", 30, 96, height=40),
        word("Miller", 400, 95),
        word("Roofing", 434, 95),
        word("Tacoma", 400, 111),
        word("USA", 400, 127),
    ) == ["Miller Roofing", "INVOICE", "Tacoma", "USA"]


def test_low_and_tall_letters_stand_on_one_line() -> None:
    low = Word(text="on", box=Box(90 / 600, 104 / 800, 100 / 600, 110 / 800))
    tall = Word(text="(Jg", box=Box(105 / 600, 99 / 800, 120 / 600, 112 / 800))
    assert lines_of(word("Paid", 65, 100), low, tall) == ["Paid on (Jg"]


def test_slightly_sloping_rows_are_kept_apart() -> None:
    rows = [
        [word(f"r{row}c{column}", 30 + column * 29, 100 + row * 16 + column * 0.6) for column in range(18)]
        for row in range(3)
    ]
    expected = [" ".join(found.text for found in row) for row in rows]
    assert lines_of(*rows[2], *rows[0], *rows[1]) == expected
