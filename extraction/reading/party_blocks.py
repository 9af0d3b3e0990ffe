"""Blocks that a label or heading gives to a party: the name, and the lines under it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extraction.fields import collapse
from extraction.reading.anchors import Label
from extraction.reading.lexicon import fold, phrase_meanings
from extraction.reading.lines import Cell, Page, make_cell
from extraction.reading.names import (
    LEGAL_SUFFIX,
    PARTIES,
    Named,
    clean_name,
    could_be_name,
    is_label_cell,
    is_label_text,
)


def named_at_labels(field: str, labels: Sequence[Label], pages: Sequence[Page]) -> list[Named]:
    """Return the names at a party's labels, best first."""
    by_number = {p.number: p for p in pages}
    found = []
    for label in labels:
        strength = label.strength_of(field)
        if strength < 0.35:
            continue
        if strength <= 0.5 and not (label.colon or label.ends_cell):
            continue
        named = _name_at(label, by_number[label.cell.page], strength)
        if named is not None:
            found.append(named)
    return sorted(found, key=lambda n: -n.score)


def _name_at(label: Label, page: Page, strength: float) -> Named | None:
    specific = 0.12 if "name" in fold(label.text) or "nombre" in fold(label.text) else 0.0
    rest = [t for t in label.cell.tokens[label.last + 1 :] if re.search(r"\w", t.text)]
    if rest:
        text = collapse(" ".join(t.text for t in rest))
        if not label.colon and not (
            strength == 1 and label.first == 0 and (label.last > 0 or not LEGAL_SUFFIX.search(text))
        ):
            return None
        if could_be_name(text) and not is_label_text(text) and not text[0].islower():
            lines = lines_below(label.cell, page, x0=rest[0].x0)
            factor = 0.85 if label.colon else 0.55
            cell = _part(label.cell, label.last + 1)
            return Named(cell, clean_name(text), strength * factor + specific, label.text, tuple(lines))
        return None
    form = _name_in_form(label, page, strength)
    if form is not None:
        return form
    right = [c for c in page.rows[label.cell.row] if c.x0 > label.x1]
    below = lines_below(label.cell, page, x0=label.x0)
    if (
        right
        and right[0].x0 - label.x1 < 14
        and not is_label_cell(right[0])
        and could_be_name(right[0].text)
        and (not below or label.colon or not could_be_name(below[0].text) or is_label_cell(below[0]))
    ):
        lines = lines_below(right[0], page, x0=right[0].x0)
        return Named(right[0], clean_name(right[0].text), strength * 0.8 + specific, label.text, tuple(lines))
    for k, cell in enumerate(below[:3]):
        if is_label_cell(cell):
            # a form inside the block: "Customer | Henry Ross"
            beside = [c for c in page.rows[cell.row] if c.x0 > cell.x1 and c.x0 - cell.x1 < 14]
            if (
                beside
                and could_be_name(beside[0].text)
                and re.search(r"(?i)name|customer|client|recipient|company|kunde|cliente|attn", cell.text)
            ):
                return Named(
                    beside[0], clean_name(beside[0].text), strength * 0.8, label.text, tuple(below[k + 1 :])
                )
            continue
        if could_be_name(cell.text):
            return Named(
                cell, clean_name(cell.text), strength * 0.8 + specific, label.text, tuple(below[k + 1 :])
            )
    return None


_NAME_LABEL = re.compile(
    r"(?i)^(?:name|company|company name|firma|customer|customer name|client|recipient|nombre|nom|kunde"
    r"|cliente|organi[sz]ation|business name|naam|soci[eé]t[eé])\s*:?$"
)


def _name_in_form(label: Label, page: Page, strength: float) -> Named | None:
    """Read a heading over rows of label and value ("Seller" / "Number: 12" / "Name: A Ltd" / "Address: ...")."""
    bottom, pairs = label.y1, 0
    for row in page.rows[label.cell.row + 1 : label.cell.row + 9]:
        head = next((c for c in row if abs(c.x0 - label.x0) < 1.6), None)
        if head is None:
            continue
        if head.y0 - bottom > 3.5 or is_party_heading(head):
            return None
        bottom = head.y1
        colon = head.text.find(":")
        if 0 <= colon < len(head.text) - 1:
            pairs += 1
            if _NAME_LABEL.match(head.text[:colon].strip()) and could_be_name(head.text[colon + 1 :]):
                first = (
                    next(k for k, s in enumerate(head.starts) if s > colon)
                    if any(s > colon for s in head.starts)
                    else 0
                )
                cell = _part(head, first)
                return Named(
                    cell,
                    clean_name(head.text[colon + 1 :]),
                    strength * 0.9,
                    label.text,
                    tuple(lines_below(head, page, x0=head.x0)),
                )
            continue
        if not is_label_cell(head):
            return None
        pairs += 1
        value = next((c for c in row if c.x0 > head.x1), None)
        if value is not None and _NAME_LABEL.match(head.text.strip()) and could_be_name(value.text):
            lines = [c for r in page.rows[value.row - 1 : value.row] for c in r if abs(c.x0 - value.x0) < 0.6]
            joined = (
                bool(lines)
                and LEGAL_SUFFIX.search(value.text) is not None
                and could_be_name(lines[0].text)
                and not any(c.x1 < value.x0 for c in page.rows[value.row - 1])
            )
            name = f"{lines[0].text} {value.text}" if joined else value.text
            return Named(
                value,
                clean_name(name),
                strength * 0.9,
                label.text,
                tuple(lines_below(value, page, x0=value.x0, wide=True)),
            )
    return None


def is_party_heading(cell: Cell) -> bool:
    """Whether a cell is nothing but the heading of another party's block."""
    meanings = phrase_meanings(cell.text)
    return any(m.name in PARTIES and m.strength >= 0.9 for m in meanings) and not _NAME_LABEL.match(
        cell.text.strip()
    )


def _part(cell: Cell, first: int) -> Cell:
    return make_cell(cell.tokens[first:], cell.page, cell.row)


_SAME_MIDDLE, _SAME_RIGHT = 1.2, 0.6  # em


def lines_below(cell: Cell, page: Page, *, x0: float, limit: int = 7, wide: bool = False) -> list[Cell]:
    """Return the cells that stand under a cell as one block: same left edge, middle or right edge, small gaps.

    :param wide: allow gaps of up to three lines, as between the rows of a form.
    """
    lines: list[Cell] = []
    bottom, height = cell.y1, cell.height
    for row in page.rows[cell.row + 1 :]:
        near = [c for c in row if abs(c.x0 - x0) < 1.6 or (lines and abs(c.x0 - lines[0].x0) < 1.0)]
        if not near:
            inside = [c for c in row if c.x0 < x0 + 6 and c.x1 > x0 - 1 and abs(c.cx - cell.cx) < 2] or [
                # a letterhead set in the middle or against the right margin
                c
                for c in row
                if x0 - 1 < c.x0 and (abs(c.cx - cell.cx) < _SAME_MIDDLE or abs(c.x1 - cell.x1) < _SAME_RIGHT)
            ]
            if not inside:
                if min(c.y0 for c in row) - bottom > 2.2 * max(height, 1.0):
                    break
                continue
            near = inside
        line = near[0]
        gap = line.y0 - bottom
        if (
            (gap > (2.2 if not lines else 1.5) * max(height, 1.0) and gap > 1.6 and not wide)
            or gap > 3.2
            or is_party_heading(line)
        ):
            break
        lines.append(line)
        bottom, height = line.y1, line.height
        if len(lines) == limit:
            break
    return lines
