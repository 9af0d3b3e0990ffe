"""The blocks of a page: letterhead, title, facts, parties, sums, payment, notes.

Each comes in several forms that the layout's choices decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from extraction.training.business import Event, Party
from extraction.training.choices import phrases
from extraction.training.layout import (
    Block,
    Content,
    Fill,
    Pen,
    Rule,
    Shown,
    Text,
    beside,
    inset,
    paragraph,
    pieces,
    plain,
    stacked,
)
from extraction.training.style import Style

Fact = tuple[Content, Content]
"""A label and the value that stands with it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a page is set from: the event and the look."""

    event: Event
    style: Style

    def text(self, name: str) -> Shown:
        return Shown(self.event.texts[name], name)

    def day(self, name: str) -> Shown:
        return Shown(self.event.formats.day(self.event.days[name]), name)

    def plain_day(self, value: date) -> Shown:
        return Shown(self.event.formats.day(value))

    def amount(self, value: Decimal, target: str = "", *, symbol: bool) -> Shown:
        return Shown(self.event.formats.money(value, symbol=symbol), target)


def letterhead(setting: Setting, width: float, *, marked: bool = True) -> Block:
    """The vendor's name, address and ways to reach it, perhaps with a logo."""
    style, vendor = setting.style, setting.event.vendor
    choices = style.choices
    align = choices.pick("letterhead align", ("left", "left", "left", "center", "right"))
    large = style.bold.scaled(choices.between("name size", 1.1, 2.1))
    large = Pen(large.font, large.size, style.accent, 1.15)
    name = vendor.name.upper() if choices.chance("name in capitals", 0.25) else vendor.name
    lines: list[Block] = []
    if choices.chance("vendor labelled", 0.1):
        lines.append(paragraph(style.label_pen, style.label("vendor"), width, align=align))
    lines.append(paragraph(large, Shown(name, "vendor_name" if marked else ""), width, align=align))

    small = style.smaller(style.body, choices.between("letterhead size", 0.8, 1.0))
    lines.append(
        address(
            setting, vendor.address, small, width, "vendor_address" if marked else "", align, key="letterhead"
        )
    )
    contacts: list[Fact] = []
    if choices.chance("shows phone", 0.8):
        contacts.append((style.label("phone"), Shown(vendor.phone, "vendor_phone")))
    if choices.chance("shows fax", 0.35):
        contacts.append((style.label("fax"), Shown(vendor.fax)))
    if choices.chance("shows email", 0.5):
        contacts.append(
            (
                style.label("email") if choices.chance("labels email", 0.5) else "",
                Shown(vendor.email, "vendor_email"),
            )
        )
    if choices.chance("shows web", 0.3):
        contacts.append(("", Shown(vendor.web)))
    if choices.chance("tax id in letterhead", 0.2 if setting.event.country.code == "US" else 0.55):
        contacts.append((f"{vendor.tax_label}{style.label_end}", Shown(vendor.tax_id, "vendor_tax_id")))
    if choices.chance("shows licence", 0.2) and setting.event.country.code == "US":
        contacts.append(("Lic. #", Shown(vendor.licence)))
    per_line = choices.pick("contacts per line", (1, 2, 2, 3))
    for start in range(0, len(contacts), per_line):
        lines.append(inline(small, contacts[start : start + per_line], width, align))
    block = stacked(lines)
    if choices.chance("logo", 0.35):
        block = _with_logo(setting, block, align)
    return block


def _with_logo(setting: Setting, block: Block, align: str) -> Block:
    style = setting.style
    side = min(46.0, max(24.0, block.height * 0.8))
    logo = Block(side, side)
    shape = style.choices.pick("logo shape", ("square", "round", "outline", "bars"))
    color = style.accent if style.accent != "#000000" else "#555555"
    if shape == "bars":
        for number in range(4):
            logo.marks.append(
                Fill(
                    number * side / 4,
                    side * (0.6 - number * 0.15),
                    side / 5,
                    side * (0.4 + number * 0.15),
                    color,
                )
            )
    else:
        radius = {"square": 2.0, "round": side / 2, "outline": 4.0}[shape]
        logo.marks.append(Fill(0, 0, side, side, "" if shape == "outline" else color, color, 1.5, radius))
        letter = setting.event.vendor.name[0]
        pen = Pen(style.bold.font, side * 0.6, color if shape == "outline" else "#ffffff")
        logo.marks.append(
            Text((side - pen.width(letter)) / 2, side * 0.7, letter, pen.font, pen.size, pen.color)
        )
    if align == "left" and block.width > 180:
        moved_block = Block(block.width, max(block.height, side))
        moved_block.put(logo, 0, 0)
        shift = side + 8
        # Text near the right edge must not be pushed off it.
        right = max((m.x + m.width for m in block.marks if isinstance(m, Text)), default=0.0)
        if right + shift <= block.width:
            moved_block.put(block, shift, 0)
            return moved_block
    x = {"left": 0.0, "center": (block.width - side) / 2, "right": block.width - side}[align]
    return stacked([beside([(x, logo)], block.width), block], gap=3)


def inline(pen: Pen, facts: Sequence[Fact], width: float, align: str = "left", *, gap: str = "   ") -> Block:
    """Set facts one after another, on one line if they fit."""
    whole: list[tuple[str, Shown | None]] = []
    for number, (label, value) in enumerate(facts):
        lead = (gap if number else "") + (f"{plain(label)} " if label else "")
        whole += [(lead, None), *pieces(value)]
    return paragraph(pen, whole, width, align=align)


def address(
    setting: Setting,
    lines: Sequence[str],
    pen: Pen,
    width: float,
    target: str,
    align: str = "left",
    *,
    key: str,
) -> Block:
    """An address over several lines, or on one."""
    if setting.style.choices.chance(f"{key} address on one line", 0.2):
        return paragraph(pen, Shown(", ".join(lines), target), width, align=align)
    whole = Shown(", ".join(lines), target)
    return stacked([paragraph(pen, [(line, whole)], width, align=align) for line in lines])


def title(setting: Setting, width: float, kind: str) -> Block:
    style = setting.style
    choices = style.choices
    pen = Pen(style.bold.font, style.body.size * choices.between("title size", 1.25, 2.9), style.accent, 1.2)
    text = style.title(kind)
    text = text.upper() if choices.chance("title in capitals", 0.4) else text
    if choices.chance("spaced title", 0.04):
        text = " ".join(text.upper())
    block = paragraph(pen, text, width, align=choices.pick("title align", ("left", "right", "center")))
    if choices.chance("title banner", 0.1):
        banner = Block(width, block.height + 6, [Fill(0, 0, width, block.height + 6, style.accent)])
        light = paragraph(Pen(pen.font, pen.size, "#ffffff", 1.2), text, width - 12, align="center")
        banner.put(light, 6, 3)
        return banner
    return block


def facts(setting: Setting, entries: Sequence[Fact], width: float, *, key: str) -> Block:
    """Numbers and dates with their labels: as a list, in two columns, in boxes, as a small table, or in sentences."""
    if not entries:
        return Block(width, 0)
    style = setting.style
    form = style.choices.pick(
        f"{key} form", ("list", "columns", "boxes", "table", "right list"), (4, 4, 2, 2, 2)
    )
    if form == "list":
        return stacked(
            [_labelled(style, entry, width) for entry in entries],
            gap=style.choices.between("facts gap", 0, 3),
        )
    if form in ("columns", "right list"):
        return _columns(
            style,
            entries,
            width,
            right=form == "right list",
            framed=style.choices.chance(f"{key} framed", 0.25),
        )
    per_row = max(1, min(len(entries), int(width // (92 if form == "boxes" else 80))))
    rows = [entries[i : i + per_row] for i in range(0, len(entries), per_row)]
    return stacked([_boxes(style, row, width, per_row, head=form == "table") for row in rows])


def _labelled(style: Style, entry: Fact, width: float) -> Block:
    label, value = entry
    pen = style.label_pen
    start = pen.width(f"{plain(label)} ")
    if start + style.body.width(plain(value)) > width:
        return stacked([paragraph(pen, label, width), paragraph(style.body, value, width)])
    return beside(
        [(0, paragraph(pen, label, start + 1)), (start, paragraph(style.body, value, width - start))], width
    )


def _columns(style: Style, entries: Sequence[Fact], width: float, *, right: bool, framed: bool) -> Block:
    pen = style.label_pen
    gutter = style.choices.between("label gutter", 6, 26)
    label_width = min(max(pen.width(plain(label)) for label, _ in entries) + 1, width * 0.55)
    value_width = min(max(style.body.width(plain(s)) for _, s in entries) + 1, width - label_width - gutter)
    start = width - value_width - gutter - label_width if right else 0.0
    labels_right = style.choices.chance("labels right", 0.3)
    rows = []
    for label, shown in entries:
        cell = paragraph(pen, label, label_width, align="right" if labels_right else "left")
        value = paragraph(style.body, shown, value_width, align="right" if right else "left")
        row = beside([(start, cell), (start + label_width + gutter, value)], width)
        row.height += 1.5
        if framed:
            row.marks.append(Rule(start - 3, row.height - 1, width, row.height - 1, 0.4, "#999999"))
        rows.append(row)
    return stacked(rows)


def _boxes(style: Style, entries: Sequence[Fact], width: float, per_row: int, *, head: bool) -> Block:
    cell_width = width / per_row
    label_pen = style.smaller(style.label_pen, 0.82)
    align = style.choices.pick("box align", ("left", "center"))
    labels = [paragraph(label_pen, label, cell_width - 6, align=align) for label, _ in entries]
    values = [paragraph(style.body, shown, cell_width - 6, align=align) for _, shown in entries]
    label_height = max(b.height for b in labels) + 3
    height = label_height + max(b.height for b in values) + 3
    block = Block(width, height)
    outline = style.choices.pick("box outline", ("#000000", "#888888", style.accent))
    if head:
        block.marks.append(Fill(0, 0, cell_width * len(entries), label_height, style.tint))
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        x = number * cell_width
        block.marks.append(Fill(x, 0, cell_width, height, "", outline))
        if head:
            block.marks.append(Rule(x, label_height, x + cell_width, label_height, 0.5, outline))
        block.put(label, x + 3, 1.5)
        block.put(value, x + 3, label_height + 1)
    return block


def party(
    setting: Setting, width: float, label: str, who: Party, *, name: str, where: str, key: str
) -> Block:
    """A name and address under (or beside) a label; ``name`` and ``where`` are the fields they are."""
    style = setting.style
    head = paragraph(style.label_pen, label, width)
    body = stacked(
        [
            paragraph(
                style.bold if style.choices.chance(f"{key} bold", 0.3) else style.body,
                Shown(who.name, name),
                width - 8,
            ),
            address(setting, who.address, style.body, width - 8, where, key=key),
        ]
    )
    return _under(style, head, body, width, key)


def place(setting: Setting, width: float, label: str, lines: Sequence[str], *, key: str) -> Block:
    """The job site under its label."""
    style = setting.style
    head = paragraph(style.label_pen, label, width)
    return _under(
        style, head, address(setting, lines, style.body, width - 8, "ship_to_address", key=key), width, key
    )


def _under(style: Style, head: Block, body: Block, width: float, key: str) -> Block:
    form = style.choices.pick(f"{key} party form", ("plain", "plain", "boxed", "headed", "ruled"))
    if form == "boxed":
        return inset(
            stacked([head, body], gap=2),
            margin=3.5,
            outline="#777777",
            radius=style.choices.pick("box radius", (0, 0, 4)),
        )
    block = Block(width, head.height + body.height + 5)
    if form == "headed":
        block.marks.append(Fill(0, 0, width, head.height + 2, style.tint))
    if form == "ruled":
        block.marks.append(Rule(0, head.height + 1, width, head.height + 1, 0.6, style.accent))
    block.put(head, 2 if form == "headed" else 0, 1)
    block.put(body, 2 if form == "headed" else 0, head.height + 3)
    return block


def sums(setting: Setting, rows: Sequence[tuple[Content, Content, bool]], width: float) -> Block:
    """The column of sums: label, amount, and whether the row is stressed."""
    style = setting.style
    form = style.choices.pick("sums form", ("plain", "plain", "grid", "ruled", "filled"))
    leaders = style.choices.chance("leaders", 0.06)
    blocks = []
    stress = style.choices.between("stress", 1.0, 1.45)
    widest = max(style.bold.scaled(stress).width(plain(s)) for _, s, _ in rows) + 6
    for label, shown, stressed in rows:
        pen = style.bold.scaled(stress) if stressed else style.body
        label_pen = pen if stressed else style.label_pen
        ink = "#ffffff" if stressed and form == "filled" else pen.color
        pen, label_pen = (
            Pen(pen.font, pen.size, ink, pen.leading),
            Pen(label_pen.font, label_pen.size, ink, pen.leading),
        )
        value = paragraph(pen, shown, widest, align="right")
        room = width - widest - 8
        if leaders:
            dots = max(0, int((room - label_pen.width(plain(label))) / label_pen.width(".")) - 2)
            label = [*pieces(label), (" " + "." * dots, None)]  # noqa: PLW2901 - the label with its leaders
        name = paragraph(
            label_pen, label, room, align=style.choices.pick("sums labels", ("left", "right", "left"))
        )
        row = Block(width, max(value.height, name.height) + style.choices.between("sums gap", 1, 5))
        if stressed and form == "filled":
            row.marks.append(
                Fill(0, 0, width, row.height, style.accent if style.accent != "#666666" else "#222222")
            )
        if form == "grid":
            row.marks.append(Fill(0, 0, width, row.height, "", "#777777"))
            row.marks.append(Rule(room + 4, 0, room + 4, row.height, 0.5, "#777777"))
        if form == "ruled" and stressed:
            row.marks.append(Rule(0, 0, width, 0, 0.8, style.accent))
        row.put(name, 3, 1)
        row.put(value, width - widest - 3, 1)
        blocks.append(row)
    return stacked(blocks)


def payment(setting: Setting, width: float) -> Block:
    """Bank details, where the vendor prints any."""
    event, style = setting.event, setting.style
    entries: list[Fact] = []
    if "bank" in event.extra:
        entries.append((style.label("bank"), Shown(event.extra["bank"])))
    for name in ("iban", "bank_account", "routing_number"):
        if name in event.texts:
            routing = name == "routing_number"
            label = (
                style.choices.pick("label routing", phrases("labels", name, event.country.code))
                + style.label_end
                if routing
                else style.label(name)
            )
            entries.append((label, setting.text(name)))
    if "bic" in event.extra:
        entries.append((style.label("bic"), Shown(event.extra["bic"])))
    if not entries:
        return Block(width, 0)
    head = paragraph(style.label_pen, style.label("payment_title"), width)
    if style.choices.chance("bank on a line", 0.3):
        return stacked([head, inline(style.body, entries, width, gap="  |  ")], gap=2)
    return stacked([head, *(_labelled(style, entry, width) for entry in entries)], gap=1)


def notes(setting: Setting, width: float) -> Block:
    style = setting.style
    small = style.smaller(style.body, 0.85)
    several = style.choices.shuffled("notes", phrases("labels", "notes", style.language))
    count = style.choices.pick("notes count", (0, 1, 1, 2, 3))
    blocks = [paragraph(small, text, width) for text in several[:count]]
    if blocks and style.choices.chance("notes title", 0.5):
        blocks.insert(0, paragraph(style.label_pen, style.label("notes_title"), width))
    if style.choices.chance("thanks", 0.4):
        blocks.append(
            paragraph(
                style.italic,
                style.choices.pick("thanks text", phrases("labels", "thanks", style.language)),
                width,
            )
        )
    return stacked(blocks, gap=1) if blocks else Block(width, 0)


def signature(setting: Setting, width: float) -> Block:
    """A line to sign on."""
    style = setting.style
    label = {
        "en": "Received by / Date",
        "es": "Recibido por",
        "de": "Empfangen / Unterschrift",
        "fr": "Reçu par / Signature",
        "nl": "Ontvangen door",
        "it": "Firma per ricevuta",
        "pt": "Recebido por",
    }[style.language]
    block = Block(width, 34, [Rule(0, 20, width * 0.4, 20)])
    block.put(paragraph(style.smaller(style.body), label, width * 0.4), 0, 22)
    return block


def remittance_slip(setting: Setting, width: float, *, number_label: str) -> Block:
    """The slip to cut off: the main facts once more, and an empty space for what is paid."""
    event, style = setting.event, setting.style
    entries: list[Fact] = []
    if event.family != "statement":
        entries.append((style.label(number_label), setting.text("invoice_number")))
    name = "amount_due" if "amount_due" in event.money else "total"
    entries.append((style.label(name), setting.amount(event.money[name], name, symbol=True)))
    if "due_date" in event.days:
        entries.append((style.label("due_date"), setting.day("due_date")))
    entries.append((f"{style.label('enclosed')} ____________", Shown("")))
    half = width * 0.5
    remit = stacked(
        [
            paragraph(style.label_pen, style.label("remit"), half),
            paragraph(style.body, Shown(event.vendor.name, "vendor_name"), half),
            # Money goes to another address than the firm's own.
            paragraph(style.body, f"P.O. Box {sum(map(ord, event.vendor.name)) % 9000 + 100}", half),
            paragraph(style.body, event.vendor.address[1], half),
        ]
    )
    what = stacked([_labelled(style, entry, width * 0.45) for entry in entries], gap=2)
    cut = paragraph(style.smaller(style.italic, 0.8), style.label("cut", end=False), width, align="center")
    block = stacked([cut, beside([(0, remit), (width * 0.55, what)], width)], gap=6)
    block.marks += [Rule(i * 8, -4, i * 8 + 4, -4, 0.5, "#555555") for i in range(int(width // 8))]
    block.height += 6
    return block
