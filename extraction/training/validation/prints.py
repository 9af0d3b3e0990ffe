"""Prints on a grid of characters: dense lists of an ERP system and receipts on a narrow roll."""

from __future__ import annotations

import io
import textwrap
from decimal import Decimal
from random import Random

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfgen.canvas import Canvas

from extraction.training.validation.faces import MONO
from extraction.training.validation.sheet import Pair, Sheet


def _two(left: list[str], right: list[str], wide: int) -> list[str]:
    """Set two columns beside each other without cutting either: the right one begins where its longest line fits."""
    at = min(wide // 2, wide - max((len(line) for line in right), default=0))
    height = max(len(left), len(right))
    left, right = left + [""] * (height - len(left)), right + [""] * (height - len(right))
    rows: list[str] = []
    for a, b in zip(left, right, strict=True):
        rows += [f"{a:<{at}}{b}"] if len(a) < at - 1 or not b else [a, f"{'':<{at}}{b}"]
    return rows


def _ladder(pairs: list[Pair], at: int, dots: bool) -> list[str]:
    return [f"{k.rstrip(': '):{'.' if dots else ' '}<{at}}: {v}" for k, v in pairs]


class _Roll:
    """Lines of text that are broken into pages, each with the head of the table again."""

    def __init__(self, rows: int) -> None:
        self.rows, self.pages = rows, [[""]]

    def add(self, *lines: str) -> None:
        self.pages[-1] += [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]

    @property
    def left(self) -> int:
        return self.rows - len(self.pages[-1])


def erp(sheet: Sheet, rng: Random) -> bytes:
    """Print an invoice as an ERP system does: 80 to 96 columns, rulers of dashes, sums carried from page to page."""
    case, wide = sheet.case, rng.choice((80, 88, 96))
    rows, mark = rng.choice((58, 62)), rng.choice("-=_")
    roll = _Roll(rows)
    rule = mark * wide
    vendor = [sheet.value("vendor_name"), *sheet.address("vendor_address"), *sheet.contacts()]
    pairs = sheet.references(distract=0.6)
    title = sheet.word(sheet.title_key()).upper()
    block = [title, "", *_ladder(pairs, 18, rng.random() < 0.5)]
    roll.add(*_two(vendor, block, wide), "")
    customer = [
        sheet.label("bill"),
        f"  {sheet.value('customer_name')}",
        *(f"  {line}" for line in sheet.address("customer_address")),
    ]
    site = [f"  {line}" for line in sheet.address("ship_to_address")]
    roll.add(*_two(customer, [sheet.label("ship"), *site] if site else [], wide), "")
    room = wide - 52
    names = {key: sheet.word(key) for key in ("code", "desc", "qty", "unit", "price", "amount")}
    head = (
        f"{names['code'][:9]:<10}{names['desc'][:room]:<{room}}{names['qty'][:10]:>11} {names['unit'][:5]:<6}"
    )
    head += f"{names['price'][:11]:>11}{names['amount'][:12]:>13}"
    roll.add(rule, head, rule)
    running = Decimal(0)
    for i, line in enumerate(case.lines):
        text = textwrap.wrap(sheet.cell(i, "description"), room - 1)
        sheet.rows[i][1]["description"] = "\n".join(text)
        if roll.left < len(text) + 4:
            roll.add(rule, f"{sheet.word('carried')} {sheet.number(running)}".rjust(wide))
            roll.pages.append(["", f"{case.vendor.name}   {title}", "", rule, head, rule])
            roll.add(f"{sheet.word('brought')} {sheet.number(running)}".rjust(wide))
        cells = [sheet.cell(i, c) for c in ("product_code", "quantity", "unit", "unit_price", "amount")]
        roll.add(f"{cells[0]:<10}{text[0]:<{room}}{cells[1]:>11} {cells[2]:<6}{cells[3]:>11}{cells[4]:>13}")
        roll.add(*(f"{'':<10}{more}" for more in text[1:]))
        running += line.amount
    sums = sheet.sums()
    bank = sheet.bank()
    if roll.left < len(sums) + len(bank) + 6:
        roll.pages.append(["", f"{case.vendor.name}   {title}", ""])
    roll.add(rule)
    if sum(max(len(label), len(value)) + 2 for _, label, value in sums) < wide:
        widths = [max(len(label), len(value)) for _, label, value in sums]
        roll.add("  ".join(f"{label:>{w}}" for (_, label, _), w in zip(sums, widths, strict=True)))
        roll.add("  ".join(f"{value:>{w}}" for (_, _, value), w in zip(sums, widths, strict=True)))
    else:
        roll.add(*(f"{label:<24}{value:>16}".rjust(wide) for _, label, value in sums))
    roll.add(rule, *(f"{k} {v}" for k, v in bank), sheet.any_word("thanks"))
    size = LETTER if sheet.locale.country in ("US", "CA", "MX") else A4
    return _draw(roll.pages, size, min(size[0] - 60, 540) / (wide * 0.6), rng, bars=rng.random() < 0.25)


def _draw(
    pages: list[list[str]], size: tuple[float, float], points: float, rng: Random, *, bars: bool
) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=size, invariant=1)
    face, ink = rng.choice(MONO), rng.choice(("#000000", "#222244", "#333333"))
    step = min(points * 1.25, (size[1] - 50) / 64)
    for page in pages:
        if bars:
            canvas.setFillColor(HexColor("#e3f1e3"))
            for y in range(30, int(size[1]) - 20, 48):
                canvas.rect(24, y, size[0] - 48, 24, stroke=0, fill=1)
        canvas.setFillColor(HexColor(ink))
        canvas.setFont(face, points)
        for number, line in enumerate(page):
            # Runs of blanks are moves of the print head, not characters.
            canvas.drawString(30, size[1] - 36 - number * step, line) if line.strip() else None
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def till(sheet: Sheet, rng: Random) -> bytes:
    """Print a receipt of a shop on a roll of 58 to 80 mm."""
    case, wide = sheet.case, rng.choice((32, 38, 42))
    out: list[str] = [
        line.center(wide)
        for line in [*textwrap.wrap(sheet.value("vendor_name"), wide), *sheet.address("vendor_address")]
    ]
    out += [line[:wide].center(wide) for line in sheet.contacts() if len(line) <= wide]
    for name in ("vendor_email", "vendor_tax_id", "vendor_phone"):
        text = sheet.printed.get(name, [""])[0]
        if text and not any(text in line for line in out):
            out.append(text.center(wide))
    rule = rng.choice("-=*") * wide
    out += [rule, sheet.word("receipt").center(wide)]
    if sheet.has("invoice_date"):
        out.append(f"{sheet.value('invoice_date')}  {rng.randint(7, 19):02d}:{rng.randint(0, 59):02d}")
    if sheet.has("invoice_number"):
        out.append(f"{sheet.number_label()} {sheet.value('invoice_number')}")
    out += [f"{sheet.word('cashier')}: {case.extras['salesperson']}", rule]
    for i in range(len(case.lines)):
        out += textwrap.wrap(sheet.cell(i, "description"), wide)
        part = f"  {sheet.cell(i, 'quantity')} x {sheet.cell(i, 'unit_price')}"
        amount = sheet.cell(i, "amount")
        out.append(part + amount.rjust(wide - len(part)))
    out.append(rule)
    rows = sheet.sums()
    if case.gross:
        rows = [row for row in rows if row[0] == "total"] + [row for row in rows if row[0] != "total"]
    out += [f"{label}{value.rjust(max(wide - len(label), len(value) + 1))}" for _, label, value in rows]
    paid = case.money["total"] + (Decimal(rng.randint(0, 19)) if rng.random() < 0.4 else 0)
    way, back = sheet.any_word("cash"), sheet.word("change")
    out += [
        "",
        f"{way}{sheet.number(paid).rjust(wide - len(way))}",
        f"{back}{sheet.number(paid - case.money['total']).rjust(wide - len(back))}",
    ]
    out += [
        "",
        f"{sheet.word('items')} {len(case.lines)}",
        *(line.center(wide) for line in textwrap.wrap(sheet.any_word("thanks"), wide)),
    ]
    out = [line.replace("\N{NO-BREAK SPACE}", " ") for line in out]
    points = rng.choice((8, 9))
    size = (wide * points * 0.6 + 40, (len(out) + 6) * points * 1.25 + 60)
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=size, invariant=1)
    canvas.setFont(rng.choice(MONO), points)
    for number, line in enumerate(out):
        canvas.drawString(20, size[1] - 40 - number * points * 1.25, line)
    canvas.save()
    return stream.getvalue()
