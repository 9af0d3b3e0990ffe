"""Shop receipts: a narrow strip of paper, mostly in a typewriter face."""

from __future__ import annotations

from datetime import time

from extraction.training import blocks
from extraction.training.blocks import Setting
from extraction.training.choices import phrases
from extraction.training.fonts import face
from extraction.training.layout import Block, Content, Page, Pen, Shown, beside, paragraph, stacked

_WORDS = {
    "en": ("CASH", "CHANGE", "VISA", "Cashier", "Items"),
    "es": ("EFECTIVO", "CAMBIO", "TARJETA", "Cajero", "Artículos"),
    "de": ("BAR", "RÜCKGELD", "GIROCARD", "Kasse", "Posten"),
    "fr": ("ESPÈCES", "RENDU", "CB", "Caisse", "Articles"),
    "nl": ("CONTANT", "WISSELGELD", "PIN", "Kassa", "Artikelen"),
    "it": ("CONTANTI", "RESTO", "CARTA", "Cassa", "Pezzi"),
    "pt": ("DINHEIRO", "TROCO", "MULTIBANCO", "Caixa", "Artigos"),
}


def compose_receipt(setting: Setting) -> list[Page]:
    """Lay out a receipt; the paper is as long as its content."""
    event, style = setting.event, setting.style
    choices, formats = style.choices, event.formats
    width = choices.between("roll", 190, 270)
    family = face(
        choices.pick("receipt font", ("Courier", "DejaVuMono", "Helvetica", "LiberationNarrow", "Courier"))
    )
    pen = Pen(
        family.regular,
        choices.between("receipt size", 7, 9.5),
        leading=choices.between("receipt leading", 1.1, 1.45),
    )
    bold = Pen(family.bold, pen.size * choices.between("receipt stress", 1.0, 1.5))
    inner = width - 28
    center = choices.pick("receipt head", ("center", "center", "left"))
    vendor = event.vendor
    parts: list[Block] = [
        paragraph(
            bold,
            Shown(vendor.name.upper() if choices.chance("capitals", 0.6) else vendor.name, "vendor_name"),
            inner,
            align=center,
        )
    ]
    parts.append(blocks.address(setting, vendor.address, pen, inner, "vendor_address", center, key="receipt"))
    if choices.chance("shows phone", 0.8):
        parts.append(
            blocks.inline(pen, [(style.label("phone"), Shown(vendor.phone, "vendor_phone"))], inner, center)
        )
    if choices.chance("shows tax id", 0.6):
        parts.append(
            blocks.inline(
                pen, [(f"{vendor.tax_label}:", Shown(vendor.tax_id, "vendor_tax_id"))], inner, center
            )
        )
    rule = paragraph(pen, choices.pick("rule", ("-", "=", "*", ".")) * int(inner / pen.width("-") - 1), inner)
    parts.append(rule)
    if choices.chance("receipt title", 0.5):
        parts.append(paragraph(bold, style.title("receipt"), inner, align="center"))
    parts += _heads(setting, pen, inner)
    parts.append(rule)
    parts += _items(setting, pen, inner)
    parts.append(rule)
    symbol = style.money_symbol in ("everywhere", "totals")
    names = [n for n in ("subtotal", "tax_amount", "total") if n in event.money]
    for name in names:
        label = event.tax_name if name == "tax_amount" else style.label(name, end=False)
        strong = bold if name == "total" else pen
        parts.append(
            _pair(
                strong,
                label.upper() if choices.chance("capitals", 0.6) else label,
                setting.amount(
                    event.money[name],
                    name,
                    symbol=symbol or (name == "total" and style.money_symbol == "total"),
                ),
                inner,
            )
        )
    cash, change, card, _, items = _WORDS[style.language]
    rng = choices.stream(f"payment {event.money['total']}")
    if rng.random() < 0.5:
        given = (event.money["total"] // 20 + 1) * 20
        parts += [
            _pair(pen, cash, Shown(formats.number(given)), inner),
            _pair(pen, change, Shown(formats.number(given - event.money["total"])), inner),
        ]
    else:
        parts += [
            _pair(pen, card, Shown(formats.number(event.money["total"])), inner),
            paragraph(
                pen, f"XXXX XXXX XXXX {rng.randint(1000, 9999)}  AUTH {rng.randint(10000, 99999)}", inner
            ),
        ]
    if rng.random() < 0.4:
        parts.append(paragraph(pen, f"{items}: {len(event.lines)}", inner))
    parts.append(
        paragraph(
            pen, choices.pick("slogan", phrases("labels", "thanks", style.language)), inner, align="center"
        )
    )
    whole = stacked(parts, gap=choices.between("receipt gap", 0, 3))
    page = Page(width, whole.height + 40)
    frame = Block(width, page.height)
    frame.put(whole, 14, 18)
    page.marks = frame.marks
    return [page]


def _pair(pen: Pen, left: Content, right: Shown, width: float) -> Block:
    value = pen.width(right.text) + 1
    return beside(
        [
            (0, paragraph(pen, left, width - value - 4)),
            (width - value, paragraph(pen, right, value, align="right")),
        ],
        width,
    )


def _heads(setting: Setting, pen: Pen, width: float) -> list[Block]:
    event, style = setting.event, setting.style
    choices = style.choices
    rng = choices.stream(f"clock {event.days['invoice_date']}")
    clock = time(rng.randint(6, 20), rng.randint(0, 59)).strftime(
        choices.pick("clock", ("%H:%M", "%I:%M %p", "%H:%M:%S"))
    )
    day = setting.day("invoice_date")
    stamped: Content = [(day.text, day), (f"  {clock}", None)]
    facts = [(style.label("plain_date") if choices.chance("labels date", 0.55) else "", stamped)]
    if choices.chance("receipt number", 0.75):
        facts.append((style.label("receipt_number"), setting.text("invoice_number")))
    facts.append((f"{_WORDS[style.language][3]}:", Shown(str(rng.randint(1, 12)))))
    if choices.chance("facts on one line", 0.3):
        return [blocks.inline(pen, facts, width)]
    return [blocks.inline(pen, [fact], width) for fact in facts]


def _items(setting: Setting, pen: Pen, width: float) -> list[Block]:
    event, formats = setting.event, setting.event.formats
    form = setting.style.choices.pick("receipt items", ("one line", "two lines", "code below"))
    rows: list[Block] = []
    for index, line in enumerate(event.lines):
        description = Shown(str(line.values["description"]), f"{index}/description")
        amount = Shown(formats.number(line.money("amount")), f"{index}/amount")
        quantity = Shown(formats.quantity(line.money("quantity")), f"{index}/quantity")
        price = Shown(formats.number(line.money("unit_price")), f"{index}/unit_price")
        counted: Content = [("  ", None), (quantity.text, quantity), (" x ", None), (price.text, price)]
        if form == "two lines":
            rows += [paragraph(pen, description, width), _pair(pen, counted, amount, width)]
        else:
            rows.append(_pair(pen, description, amount, width))
            if form == "code below" and line.money("quantity") != 1:
                rows.append(paragraph(pen, counted, width))
    return rows
