"""Forms: pay applications (summary and continuation sheet, in our own words) and bilingual forms filled in by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from extraction.training import blocks
from extraction.training.blocks import Fact, Setting
from extraction.training.fonts import HANDS, hand
from extraction.training.layout import (
    ASCENT,
    Block,
    Content,
    Fill,
    Page,
    Pen,
    Rule,
    Shown,
    Text,
    beside,
    inset,
    moved,
    paragraph,
    stacked,
)
from extraction.training.pager import LETTER, Pager
from extraction.training.table import Column, Row, Table

# Wordings of the summary's lines, ours: the printed forms' own text is never reproduced.
_SUMMARY = (
    ("original_contract_sum", "", ("Original contract amount", "Base contract value", "Contract as awarded")),
    ("change_orders", "", ("Approved change orders, net", "Net of change orders", "Changes to date")),
    (
        "contract_sum_to_date",
        "",
        ("Revised contract amount", "Contract amount incl. changes", "Adjusted contract value"),
    ),
    (
        "completed_and_stored",
        "",
        ("Work completed and materials stored to date", "Gross billed to date", "Total earned to date"),
    ),
    ("retainage", "retainage_amount", ("Retainage", "Less retainage held", "Retention")),
    (
        "earned_less_retainage",
        "",
        ("Earned, net of retainage", "Net earned to date", "Total after retainage"),
    ),
    (
        "previous_certificates",
        "amount_paid",
        ("Less previously certified", "Less prior payments", "Previous billings, net"),
    ),
    (
        "current_payment_due",
        "amount_due",
        ("Payment now due", "Amount due this application", "Current amount due", "Net due this period"),
    ),
    (
        "balance_to_finish",
        "",
        ("Remaining incl. retainage", "Balance of contract with retainage", "Left to bill plus retainage"),
    ),
)


def compose_pay_application(setting: Setting) -> list[Page]:
    """Lay out the summary and the continuation sheet."""
    event, style = setting.event, setting.style
    choices = style.choices
    pager = Pager(setting, LETTER)
    pager.place(blocks.title(setting, pager.width, "pay_application"))
    pager.y += choices.between("row gap", 6, 14)
    half = (pager.width - 16) / 2
    labels = choices.pick(
        "party labels",
        (
            ("TO:", "FROM:"),
            ("Owner / GC:", "Subcontractor:"),
            ("Contractor:", "From subcontractor:"),
            ("Bill to:", "Applicant:"),
        ),
    )
    to = blocks.party(
        setting,
        half,
        labels[0],
        event.customer,
        name="customer_name",
        where="customer_address",
        key="customer",
    )
    vendor = blocks.party(
        setting, half, labels[1], event.vendor, name="vendor_name", where="vendor_address", key="vendor"
    )
    pair = [to, vendor] if choices.chance("customer first", 0.7) else [vendor, to]
    pager.place(beside([(0, pair[0]), (half + 16, pair[1])], pager.width))
    pager.y += 8
    facts = _pay_facts(setting)
    if choices.chance("site beside facts", 0.5):
        site = blocks.place(setting, half, style.label("ship_to"), event.site, key="site")
        pager.place(
            beside([(0, site), (half + 16, blocks.facts(setting, facts, half, key="facts"))], pager.width)
        )
    else:
        pager.place(blocks.facts(setting, facts, pager.width, key="facts"))
    pager.y += 12
    width = pager.width * choices.pick("summary width", (1.0, 1.0, 0.7, 0.85))
    pager.place(
        _summary(setting, width), x=choices.pick("summary place", (0.0, 0.0, 1.0)) * (pager.width - width)
    )
    pager.y += 16
    pager.place(_certification(setting, pager.width))
    detail = _continuation(setting)
    first = pager.finish(after=len(detail.pages))
    return first + detail.finish(before=len(first))


def _pay_facts(setting: Setting) -> list[Fact]:
    event, style = setting.event, setting.style
    facts: list[Fact] = [(style.label("application_number"), setting.text("application_number"))]
    if "period_end" in event.days:
        facts.append((style.label("period_end"), setting.day("period_end")))
    label = (
        style.choices.pick("application date", ("Application Date", "Date", "Date Submitted"))
        + style.label_end
    )
    facts.append((label, setting.day("invoice_date")))
    facts += [
        (style.label(name), setting.text(name))
        for name in ("contract_number", "job_number", "po_number")
        if name in event.texts
    ]
    return facts if style.choices.chance("number first", 0.6) else facts[::-1]


def _summary(setting: Setting, width: float) -> Block:
    event, style = setting.event, setting.style
    choices = style.choices
    numbered = choices.pick("numbered", ("1.", "1", "A.", ""))
    rows: list[tuple[Content, Content, bool]] = []
    skipped = choices.pick("skipped line", ("", "", "balance_to_finish", "earned_less_retainage"))
    position = 0
    for name, target, wordings in _SUMMARY:
        if name == skipped:
            continue
        position += 1
        text = style.cased(choices.pick(f"wording {name}", wordings))
        mark = {"1.": f"{position}. ", "1": f"{position}  ", "A.": f"{chr(64 + position)}. ", "": ""}[
            numbered
        ]
        if name == "retainage":
            text += f" ({event.formats.quantity(event.summary['retainage_rate'])}%)"
        shown = setting.amount(event.summary[name], target, symbol=style.money_symbol != "never")
        rows.append((mark + text, shown, name == "current_payment_due"))
    return blocks.sums(setting, rows, width)


def _certification(setting: Setting, width: float) -> Block:
    style = setting.style
    small = style.smaller(style.body)
    text = style.choices.pick(
        "statement",
        (
            "The undersigned confirms that the work was done as agreed and that earlier payments were passed on.",
            "We certify that this request is correct and that all bills up to the last payment are settled.",
            "Submitted for approval. Signed releases for the last payment are attached.",
        ),
    )
    line = Block(width, 40, [Rule(0, 26, width * 0.45, 26), Rule(width * 0.55, 26, width * 0.85, 26)])
    line.put(paragraph(small, "Signature", 120), 0, 28)
    line.put(paragraph(small, "Date", 120), width * 0.55, 28)
    return stacked([paragraph(small, text, width), line])


def _continuation(setting: Setting) -> Pager:
    """The schedule of values, with its sums."""
    event, style = setting.event, setting.style
    choices, formats = style.choices, event.formats
    landscape = choices.chance("landscape", 0.8)
    pager = Pager(setting, LETTER[::-1] if landscape else LETTER, "Schedule of work, continued")
    pager.place(
        paragraph(
            style.bold.scaled(1.2),
            choices.pick(
                "sheet title", ("Schedule of Work", "Detail Sheet", "Breakdown by Item", "Billing Detail")
            ),
            pager.width,
        )
    )
    pager.place(
        blocks.inline(
            style.body,
            [
                (
                    style.label("application_number"),
                    Shown(event.texts["application_number"], "application_number"),
                )
            ],
            pager.width,
        )
    )
    pager.y += 6
    names = [
        "item_number",
        "description",
        "scheduled_value",
        "previous_completed",
        "this_period",
        "materials_stored",
        "total_completed",
        "percent_complete",
        "balance_to_finish",
        "retainage",
    ]
    for name, share in (
        ("materials_stored", 0.3),
        ("percent_complete", 0.15),
        ("balance_to_finish", 0.2),
        ("retainage", 0.3),
    ):
        if choices.chance(f"without {name}", share) and not (
            name == "materials_stored" and any(line.money(name) for line in event.lines)
        ):
            names.remove(name)
    columns = [
        Column(
            n,
            style.heading(n),
            "left" if n in ("item_number", "description") else "right",
            greedy=n == "description",
        )
        for n in names
    ]
    dash = choices.pick("zero", ("", "0.00", "-"))
    rows = []
    for index, line in enumerate(event.lines):
        cells: dict[str, Shown] = {}
        for name in names:
            value = line.values[name]
            if not isinstance(value, Decimal):
                cells[name] = Shown(str(value), f"{index}/{name}")
            elif not value and dash != "0.00":
                cells[name] = Shown(dash)
            elif name == "percent_complete":
                whole = value.quantize(Decimal(1))
                line.values[name] = whole
                cells[name] = Shown(f"{whole}%", f"{index}/{name}")
            else:
                cells[name] = Shown(formats.number(value), f"{index}/{name}")
        rows.append(Row(cells))
    total = {
        n: Shown(formats.number(sum((line.money(n) for line in event.lines), Decimal(0))))
        for n in names
        if n not in ("item_number", "description", "percent_complete")
    }
    rows.append(
        Row(
            {"description": Shown(choices.pick("sheet total", ("Totals", "Grand total", "TOTAL"))), **total},
            "sum",
        )
    )
    pager.table(Table(style, columns, rows, pager.width))
    return pager


STRUCK_SHARE = 0.05
"""Share of numbers and sums on forms that were written wrongly first and struck out."""

# A pre-printed form in two languages: the words of a label, in both.
_FORM_LABELS = {
    "title": (
        ("ESTIMATE / INVOICE", "ESTIMADO / FACTURA"),
        ("INVOICE", "FACTURA"),
        ("WORK INVOICE", "FACTURA DE TRABAJO"),
        ("Contractor Invoice Form", "Formulario de factura"),
        ("WORK ORDER / INVOICE", "ORDEN DE TRABAJO / FACTURA"),
        ("WORK ORDER", "ORDEN DE TRABAJO"),
        ("Contractor Payment Request", "Solicitud del contratista"),
    ),
    "estimate title": (
        ("ESTIMATE", "ESTIMADO"),
        ("Job Estimate", "Estimado de trabajo"),
        ("PROPOSAL / ESTIMATE", "PROPUESTA / PRESUPUESTO"),
    ),
    "vendor_name": (
        ("Company Name", "Nombre de la compañía"),
        ("Company", "Compañía"),
        ("Contractor", "Contratista"),
        ("Name of Company", "Nombre de empresa"),
        ("Contractor Name", "Nombre del contratista"),
        ("Pay to", "Pagar a"),
    ),
    "vendor_address": (("Address", "Dirección"), ("Company Address", "Dirección de la compañía")),
    "vendor_phone": (("Phone", "Teléfono"), ("Tel.", "Tel.")),
    "invoice_date": (
        ("Date", "Fecha"),
        ("Date", "Fecha"),
        ("Invoice Date", "Fecha de factura"),
        ("Date of Invoice", "Fecha de la factura"),
        ("Today's Date", "Fecha de hoy"),
        ("Date (mm/dd/yy)", "Fecha (mes/día/año)"),
    ),
    "work_order_number": (
        ("Estimate Number", "Número de estimado"),
        ("Work Order #", "Orden de trabajo"),
        ("Work Order / Estimate No.", "No. de orden / estimado"),
        ("Estimate #", "Estimado #"),
        ("Estimate No.", "No. de estimado"),
        ("Est. No.", "Estimado No."),
        ("W.O. #", "O.T. #"),
        ("W.O. Number", "No. de O.T."),
        ("Work Order No.", "No. de orden"),
        ("Work Order Number", "Número de orden de trabajo"),
        ("Job Order No.", "No. de orden de trabajo"),
        ("Job Ticket No.", "Boleta de trabajo"),
        ("Service Order No.", "Orden de servicio No."),
        ("Estimate Number", "Número de presupuesto"),
        ("Estimate / W.O. No.", "Estimado / O.T. No."),
        ("Order No.", "Orden No."),
        ("Work Ticket #", "Boleta #"),
    ),
    "bare number": (("No.", "No."), ("#", "#"), ("Number", "Número"), ("Nº", "Nº")),
    "invoice_number": (
        ("Invoice #", "Factura #"),
        ("Invoice No.", "No. de factura"),
        ("Invoice Number", "Número de factura"),
        ("Inv. No.", "Folio"),
    ),
    "licence": (
        ("License No.", "No. de licencia"),
        ("Contractor License #", "Licencia #"),
        ("Permit No.", "Permiso No."),
    ),
    "completion": (("Completion Date", "Fecha de terminación"), ("Date Completed", "Fecha de término")),
    "signature date": (("Date", "Fecha"), ("Date Signed", "Fecha de firma")),
    "labor": (("Labor", "Mano de obra"), ("Total Labor", "Total mano de obra")),
    "materials": (("Materials", "Materiales"), ("Total Materials", "Total de materiales")),
    "tax_amount": (("Tax", "Impuesto"), ("Sales Tax", "Impuesto")),
    "amount_paid": (("Deposit", "Depósito"), ("Less Deposit", "Menos anticipo"), ("Amount Paid", "Pagado")),
    "amount_due": (("Balance Due", "Saldo a pagar"), ("Balance", "Saldo"), ("Amount Due", "Total a pagar")),
    "ship_to_address": (
        ("Project Address", "Dirección del proyecto"),
        ("Job Address", "Dirección del trabajo"),
        ("Job Site", "Lugar de trabajo"),
    ),
    "description": (
        ("Description of Work", "Descripción del trabajo"),
        ("Work Performed", "Trabajo realizado"),
    ),
    "quantity": (("Qty", "Cant."),),
    "unit_price": (("Price", "Precio"), ("Unit Price", "Precio unitario")),
    "amount": (("Amount", "Cantidad"), ("Total", "Total"), ("Cost", "Costo")),
    "total": (
        ("GRAND TOTAL", "GRAN TOTAL"),
        ("TOTAL", "TOTAL"),
        ("Total Amount", "Monto total"),
        ("TOTAL", "TOTAL A PAGAR"),
        ("Total $", "Total general"),
        ("Total Job", "Total del trabajo"),
        ("Invoice Total", "Total de la factura"),
        ("Total Price", "Precio total"),
        ("Total Cost", "Costo total"),
        ("SUM", "SUMA"),
    ),
    "total at the head": (
        ("TOTAL", "TOTAL"),
        ("Amount Requested", "Cantidad solicitada"),
        ("Invoice Amount", "Importe de factura"),
        ("Total Amount", "Monto total"),
        ("Total to Pay", "Total a pagar"),
        ("Amount $", "Importe $"),
    ),
    "subtotal": (("Subtotal", "Subtotal"),),
    "signature": (("Signature", "Firma"),),
}


_CORRECTED = frozenset(
    ("total", "total at the head", "work_order_number", "bare number", "invoice_date", "invoice_number")
)
_SUMS = ("labor", "materials", "subtotal", "tax_amount", "total", "amount_paid", "amount_due")
_FACTS = (
    "total at the head", "invoice_date", "work_order_number", "invoice_number", "licence", "completion", "vendor_phone",
)  # fmt: skip
# What a proposal says before and between its two blanks; the first is for the sum in words, the second for figures.
_PROMISES = (
    ("We offer to do the work described here, labor and material included, for", "dollars  $", ""),
    ("All of this, with material and labor, for the sum of", "dollars ($", ")"),
    ("Price for the complete job / Precio por el trabajo completo:", "US $", ""),
    ("The work above will be done for a total of / por un total de", "Dollars / Dólares  $", ""),
)
_NUMBERED_TITLES = ("ESTIMATE", "Job Estimate", "WORK ORDER", "PROPOSAL / ESTIMATE")


class _Form:
    """A form under way: printed parts in the style's pens, entries in a hand that never repeats itself exactly."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.style = setting.style
        choices = self.style.choices
        self.rng: random.Random = choices.stream(
            f"hand {setting.event.texts.get('work_order_number')} {setting.event.money['total']}"
        )
        self.ink = Pen(
            hand(self.rng.choice(HANDS)),
            choices.between("hand size", 11, 16),
            self.rng.choice(("#1a2a7a", "#111111", "#22348f", "#2b2b2b")),
        )
        self.bilingual = choices.pick("bilingual", ("slash", "below", "slash", "english only"))

    def label(self, name: str) -> str:
        english, spanish = self.style.choices.pick(f"form {name}", _FORM_LABELS[name])
        return english if self.bilingual == "english only" else f"{english} / {spanish}"

    def written(
        self, shown: Shown, width: float, *, text: str = "", align: str = "left", corrected: bool = False
    ) -> Block:
        """An entry by hand: words waver; what is too long is written smaller.

        :param text: what is written here, if it is only a part of ``shown``.
        :param corrected: the writer may have struck out a first attempt before it.
        """
        rng = self.rng
        words = (text or shown.text).split()
        first = words[0][::-1] if corrected and rng.random() < STRUCK_SHARE else ""
        pen = self.ink.scaled(rng.uniform(0.88, 1.12))
        gaps = [pen.width(" ") * rng.uniform(0.8, 1.7) for _ in words]
        needed = pen.width("".join(words)) + sum(gaps) + (pen.width(first) + 8 if first else 0)
        factor = min(1.0, (width - 4) / needed)
        pen, needed = pen.scaled(factor), needed * factor
        room = max(0.0, width - needed)
        x = {"left": min(room, rng.uniform(0, 10)), "right": max(0.0, room - rng.uniform(0, 6))}[align]
        y = self.ink.size * ASCENT + rng.uniform(-1.5, 1.5)
        slope = rng.uniform(-0.02, 0.02)
        block = Block(width, self.ink.size)
        if first:
            length = pen.width(first)
            block.marks.append(Text(x, y, first, pen.font, pen.size, pen.color))
            for _ in range(rng.randint(1, 3)):
                height = y - pen.size * rng.uniform(0.15, 0.4)
                block.marks.append(
                    Rule(x - 2, height, x + length + 2, height + rng.uniform(-3, 3), 0.9, pen.color)
                )
            x += length + 8 * factor
        start = x
        for word, gap in zip(words, gaps, strict=True):
            own = pen.scaled(rng.uniform(0.96, 1.0))
            angle = -math.degrees(slope) + rng.uniform(-1.2, 1.2)
            place = y + slope * (x - start) + rng.uniform(-0.5, 0.5)
            block.marks.append(Text(x, place, word, own.font, own.size, own.color, shown, angle=angle))
            x += own.width(word) + gap * factor
        return block

    def broken(self, text: str, width: float) -> list[str]:
        """Break a text into what fits on the rows of a form."""
        rows = [""]
        for word in text.split():
            longer = f"{rows[-1]} {word}".strip()
            if rows[-1] and self.ink.width(longer) > width:
                rows.append(word)
            else:
                rows[-1] = longer
        return rows

    def entry(self, name: str, shown: Shown | None, width: float) -> Block:
        """A label with a line or box to write on, filled in if there is something to write."""
        style = self.style
        choices = style.choices
        text = self.label(name)
        if self.bilingual == "below":
            english, spanish = text.split(" / ", 1) if " / " in text else (text, "")
            printed = stacked(
                [
                    paragraph(style.label_pen, english + style.label_end, width),
                    paragraph(style.smaller(style.italic, 0.8), spanish, width),
                ]
            )
            start = min(
                width * 0.5, max(style.label_pen.width(english), style.italic.width(spanish) * 0.8) + 10
            )
        else:
            start = min(width * 0.6, style.label_pen.width(text + style.label_end) + 8)
            printed = paragraph(style.label_pen, text + style.label_end, start - 4)
        height = max(printed.height, self.ink.size * 1.15) + 3
        if choices.chance("labels under lines", 0.1) and name not in _SUMS:
            small = paragraph(style.smaller(style.label_pen, 0.8), text, width)
            block = Block(width, self.ink.size * 1.3 + small.height + 2)
            block.marks.append(
                Rule(0, self.ink.size * 1.3, width * 0.95, self.ink.size * 1.3, 0.5, "#555555")
            )
            block.put(small, 2, self.ink.size * 1.3 + 1)
            if shown is not None:
                block.put(
                    self.written(shown, width - 8, corrected=name in _CORRECTED), 4, self.ink.size * 0.2
                )
            return block
        if choices.chance("entries in boxes", 0.3):
            height = printed.height + self.ink.size * 1.3 + 4
            block = Block(width, height, [Fill(0, 0, width, height, "", "#444444")])
            block.put(printed, 3, 1)
            if shown is not None:
                block.put(self.written(shown, width - 8, corrected=name in _CORRECTED), 4, printed.height + 1)
            return block
        block = Block(width, height)
        block.put(printed, 0, height - printed.height - 2)
        block.marks.append(Rule(start, height - 1, width, height - 1, 0.5, "#555555"))
        if shown is not None:
            block.put(
                self.written(shown, width - start, corrected=name in _CORRECTED),
                start,
                height - self.ink.size * 1.08,
            )
        return block


def compose_form(setting: Setting) -> list[Page]:
    """Lay out a pre-printed form in English and Spanish and fill it in."""
    event, style = setting.event, setting.style
    choices = style.choices
    form = _Form(setting)
    size = choices.pick("form size", (LETTER, LETTER, (396.0, 612.0), (504.0, 684.0)))
    page = Page(*size)
    margin = choices.between("form margin", 22, 44)
    width = size[0] - 2 * margin
    parts: list[Block] = []
    if choices.chance("contractor's own form", 0.6):
        head = [
            paragraph(
                style.bold.scaled(1.3), Shown(event.customer.name, "customer_name"), width, align="center"
            )
        ]
        if choices.chance("contractor's address", 0.7):
            head.append(
                blocks.address(
                    setting,
                    event.customer.address,
                    style.smaller(style.body),
                    width,
                    "customer_address",
                    "center",
                    key="form head",
                )
            )
        if choices.chance("letterhead's numbers", 0.4):
            licence = choices.pick(
                "printed licence", ("Lic. # 884512", "State License No. 1022847", "CSLB #67120")
            )
            phone = choices.pick(
                "printed phone", ("Tel. (404) 662-8190", "Phone: 312-448-0917", "Ph 770.331.5526")
            )
            head.append(paragraph(style.smaller(style.body), f"{phone}   {licence}", width, align="center"))
        parts.append(stacked(head))
    english, spanish = choices.pick(
        "form title", _FORM_LABELS["estimate title" if event.document_type == "estimate" else "title"]
    )
    title_text = (
        english
        if form.bilingual == "english only"
        else choices.pick(
            "title join", (f"{english}  -  {spanish}", f"{english} ({spanish})", f"{english} / {spanish}")
        )
    )
    beside_title = english in _NUMBERED_TITLES and choices.chance("number beside the title", 0.4)
    room = width * 0.62 if beside_title else width
    title = paragraph(
        style.bold.scaled(1.5),
        title_text,
        room,
        align=choices.pick("form title align", ("center", "left")),
    )
    if beside_title:
        number = form.entry("bare number", _number(form), width - room - 12)
        title = beside([(0, title), (room + 12, number)], width)
    parts.append(title)
    at_head = choices.chance("total at the head", 0.2)
    promised = not at_head and choices.chance("sum in a sentence", 0.12)
    parts.append(_entries(form, width, numbered=not beside_title, with_total=at_head))
    if promised and choices.chance("sentence first", 0.4):
        parts += [_promise(form, width), _grid(form, width, with_total=False, priced=False)]
    else:
        priced = not promised or choices.chance("priced all the same", 0.3)
        repeated = not promised and not (at_head and choices.chance("total at the head only", 0.5))
        parts.append(_grid(form, width, with_total=repeated, priced=priced))
        if promised:
            parts.append(_promise(form, width))
    if choices.chance("signature line", 0.6):
        if choices.chance("dated signature", 0.5):
            signed = event.days["invoice_date"] + timedelta(days=form.rng.choice((0, 1, 2, 5, 9)))
            day = (
                setting.plain_day(signed)
                if form.rng.random() < 0.6 and signed != event.days["invoice_date"]
                else None
            )
            pair = [
                (0.0, form.entry("signature", None, width * 0.55)),
                (width * 0.58, form.entry("signature date", day, width * 0.42)),
            ]
            parts.append(beside(pair, width))
        else:
            parts.append(form.entry("signature", None, width * 0.6))
    if choices.chance("form's own number", 0.3):
        printed = choices.pick(
            "form number", ("Form 210-B Rev. 3/2019", "FORM NO. 4471", "CF-118 (Rev. 07/21)")
        )
        parts.append(paragraph(style.smaller(style.body, 0.7), printed, width))
    block = stacked(parts, gap=choices.between("form gap", 6, 13))
    if choices.chance("framed form", 0.2):
        block = inset(block, margin=6, outline="#333333")
    page.marks = list(moved(block.marks, margin, choices.between("form top", 18, 40)))
    page.height = max(page.height, block.height + 70)
    return [page]


def _entries(form: _Form, width: float, *, numbered: bool, with_total: bool) -> Block:
    """What is asked for at the head of a form.

    :param numbered: the work order number is asked for here.
    :param with_total: so is the total.
    """
    event = form.setting.event
    choices = form.style.choices
    values: dict[str, Shown | None] = {
        "vendor_name": Shown(event.vendor.name, "vendor_name"),
        "vendor_address": Shown(", ".join(event.vendor.address), "vendor_address")
        if form.rng.random() < 0.8
        else None,
        "invoice_date": form.setting.day("invoice_date"),
        "work_order_number": _number(form),
        "ship_to_address": Shown(", ".join(event.site), "ship_to_address")
        if form.rng.random() < 0.8
        else None,
    }
    if not numbered:
        del values["work_order_number"]
    if with_total:
        cents = form.rng.random() < 0.6
        figures = _by_hand(
            event.formats.number(event.money["total"]), symbol=form.rng.random() < 0.5, cents=cents
        )
        values = {"total at the head": Shown(figures, "total"), **values}
    if choices.chance("asks for phone", 0.5):
        values["vendor_phone"] = (
            Shown(event.vendor.phone, "vendor_phone") if form.rng.random() < 0.7 else None
        )
    if choices.chance("asks for invoice number", 0.35):
        values["invoice_number"] = (
            form.setting.text("invoice_number") if "invoice_number" in event.texts else None
        )
    if choices.chance("asks for licence", 0.2):
        values["licence"] = Shown(event.extra["licence"]) if form.rng.random() < 0.6 else None
    if choices.chance("asks for completion", 0.15):
        done = event.days["invoice_date"] - timedelta(days=form.rng.randint(1, 12))
        values["completion"] = form.setting.plain_day(done) if form.rng.random() < 0.6 else None
    wide = ("vendor_name", "vendor_address", "ship_to_address")
    order = choices.shuffled("entry order", list(values))
    rows: list[Block] = []
    arranged = choices.pick("facts arranged", ("rows", "rows", "grid", "corner", "aside"))
    if arranged == "aside":
        # Short entries under one another beside the long ones, on either side.
        short, long = (
            stacked([form.entry(n, values[n], width * share) for n in order if (n in wide) == is_wide], gap=3)
            for share, is_wide in ((0.42, False), (0.54, True))
        )
        if choices.chance("facts at the left", 0.2):
            return beside([(0, short), (width * 0.46, long)], width)
        return beside([(0, long), (width * 0.58, short)], width)
    if arranged != "rows":
        facts = [name for name in order if name in _FACTS][:4]
        order = [name for name in order if name not in facts]
        rows.append((_facts_grid if arranged == "grid" else _facts_corner)(form, facts, values, width))
    pending: str = ""
    half = (width - 12) / 2
    for name in order:
        if name in wide or choices.chance("one entry a row", 0.3):
            rows.append(form.entry(name, values[name], width))
        elif pending:
            rows.append(
                beside(
                    [
                        (0, form.entry(pending, values[pending], half)),
                        (half + 12, form.entry(name, values[name], half)),
                    ],
                    width,
                )
            )
            pending = ""
        else:
            pending = name
    if pending:
        rows.append(form.entry(pending, values[pending], width * 0.7))
    return stacked(rows, gap=choices.between("entry gap", 2, 8))


def _number(form: _Form) -> Shown | None:
    asked = "work_order_number" in form.setting.event.texts
    return form.setting.text("work_order_number") if asked else None


def _facts_grid(form: _Form, names: Sequence[str], values: Mapping[str, Shown | None], width: float) -> Block:
    """A row of boxes, each with its label printed at the top and what is written below it."""
    style = form.style
    each = width / len(names)
    pen = style.smaller(style.label_pen, 0.8)
    labels = [paragraph(pen, form.label(name), each - 6) for name in names]
    top = max(label.height for label in labels) + 3
    block = Block(width, top + form.ink.size * 1.4)
    for k, (name, label) in enumerate(zip(names, labels, strict=True)):
        block.marks.append(Fill(k * each, 0, each, block.height, "", "#444444"))
        block.put(label, k * each + 3, 1)
        shown = values[name]
        if shown is not None:
            block.put(form.written(shown, each - 8, corrected=name in _CORRECTED), k * each + 4, top)
    return block


def _facts_corner(
    form: _Form, names: Sequence[str], values: Mapping[str, Shown | None], width: float
) -> Block:
    """A ruled box at the right, one row for each: its label, a rule, what is written."""
    style = form.style
    room = width * style.choices.pick("corner width", (0.5, 0.6, 0.75))
    left, split = width - room, room * 0.5
    block = Block(width, 0)
    for name in names:
        label = paragraph(style.label_pen, form.label(name), split - 6)
        height = max(label.height + 4, form.ink.size * 1.4)
        block.marks.append(Fill(left, block.height, split, height, "", "#555555"))
        block.marks.append(Fill(left + split, block.height, room - split, height, "", "#555555"))
        block.put(label, left + 3, block.height + 2)
        shown = values[name]
        if shown is not None:
            entry = form.written(shown, room - split - 6, corrected=name in _CORRECTED)
            block.put(entry, left + split + 3, block.height + height - form.ink.size * 1.25)
        block.height += height
    return block


def _sums(form: _Form, width: float, *, symbol: bool, cents: bool) -> Block:
    """The total, perhaps among further sums, some of them left empty."""
    event, choices = form.setting.event, form.style.choices
    formats = event.formats

    def shown(value: Decimal, target: str = "") -> Shown:
        return Shown(_by_hand(formats.number(value), symbol=symbol, cents=cents), target)

    room = width * choices.pick("total width", (0.5, 0.65, 1.0))
    known = [name for name in ("subtotal", "amount_paid", "amount_due") if name in event.money]
    asked = {name: name in known or choices.chance(f"asks for {name}", 0.15) for name in _SUMS} | {
        "total": True
    }
    asked["labor"] = asked["materials"] = choices.chance("labor and materials", 0.15)
    share = (event.money["total"] * form.rng.randint(30, 80) / 100).quantize(Decimal("0.01"))
    parts = {"labor": share, "materials": event.money["total"] - share} if form.rng.random() < 0.7 else {}
    rows = []
    for name in _SUMS:
        if not asked[name]:
            continue
        entry = shown(event.money[name], name) if name in event.money else None
        if name in parts:
            entry = shown(parts[name])
        rows.append(beside([(width - room, form.entry(name, entry, room))], width))
    return stacked(rows, gap=2)


def _promise(form: _Form, width: float) -> Block:
    """A sentence with a blank for the sum: no label stands at it but the words around."""
    event, choices = form.setting.event, form.style.choices
    pen = form.style.label_pen
    before, between, after = choices.pick("promise", _PROMISES)
    value = event.money["total"]
    figures = _by_hand(event.formats.number(value), symbol=False, cents=form.rng.random() < 0.6)
    head = paragraph(pen, before, width)
    height = form.ink.size * 1.5
    line = Block(width, height)
    blank = width - pen.width(between) - pen.width(after) - 24
    # Whoever doesn't write sums in words writes the figures twice, or leaves the first blank.
    first = blank * choices.pick("first blank", (0.0, 0.45, 0.6))
    if first and form.rng.random() < 0.5:
        line.put(form.written(Shown(figures, "total"), first), 0, height - form.ink.size * 1.2)
    line.put(paragraph(pen, between, pen.width(between) + 4), first + 4, height - pen.line_height - 1)
    start = first + pen.width(between) + 12
    line.put(
        form.written(Shown(figures, "total"), blank - first, corrected=True),
        start,
        height - form.ink.size * 1.2,
    )
    line.put(paragraph(pen, after, pen.width(after) + 4), start + blank - first, height - pen.line_height - 1)
    line.marks += [Rule(0, height - 1, first, height - 1, 0.5, "#555555")] if first else []
    line.marks.append(Rule(start, height - 1, start + blank - first, height - 1, 0.5, "#555555"))
    return stacked([head, line], gap=1)


def _grid(form: _Form, width: float, *, with_total: bool = True, priced: bool = True) -> Block:
    """The ruled table with empty rows left over, and the sums below it.

    :param with_total: the total is among the sums; without it there are none.
    :param priced: its lines have amounts.
    """
    event, style, formats = form.setting.event, form.style, form.setting.event.formats
    choices = style.choices
    columns: Sequence[tuple[str, float]] = choices.pick(
        "form columns",
        (
            (("description", 0.78), ("amount", 0.22)),
            (("quantity", 0.12), ("description", 0.64), ("amount", 0.24)),
            (("quantity", 0.11), ("description", 0.49), ("unit_price", 0.18), ("amount", 0.22)),
            (("description", 0.5), ("quantity", 0.12), ("unit_price", 0.18), ("amount", 0.2)),
        ),
    )
    if not priced:
        columns = (("description", 1.0),)
    symbol = form.rng.random() < 0.4
    cents = form.rng.random() < 0.75
    row_height = max(form.ink.size * 1.35, choices.between("form row", 17, 26))
    head = Block(width, 0)
    x = 0.0
    for name, share in columns:
        cell = paragraph(style.smaller(style.bold, 0.85), form.label(name), width * share - 4, align="center")
        head.put(cell, x + 2, 2)
        head.height = max(head.height, cell.height + 4)
        x += width * share
    if choices.chance("shaded form head", 0.4):
        head.marks.insert(0, Fill(0, 0, width, head.height, style.tint))
    rows = [head]
    blanks = choices.pick("empty rows", (1, 3, 5, 8))
    shares = dict(columns)
    for index, line in enumerate(event.lines):
        whole = Shown(str(line.values["description"]), f"{index}/description")
        for number, part in enumerate(form.broken(whole.text, width * shares["description"] - 10)):
            cells: dict[str, tuple[str, Shown]] = {"description": (part, whole)}
            for name in shares if number == 0 else ():
                if name in ("amount", "unit_price"):
                    text = _by_hand(formats.number(line.money(name)), symbol=symbol, cents=cents)
                elif name == "quantity":
                    text = formats.quantity(line.money(name))
                else:
                    continue
                cells[name] = (text, Shown(text, f"{index}/{name}"))
            rows.append(_row_by_hand(form, columns, cells, width, row_height))
    rows += [Block(width, row_height) for _ in range(blanks)]
    grid = stacked(rows)
    y = 0.0
    for row in rows:
        y += row.height
        grid.marks.append(Rule(0, y, width, y, 0.5, "#555555"))
    edges = [sum(share for _, share in columns[:i]) * width for i in range(len(columns) + 1)]
    grid.marks += [Rule(e, 0, e, grid.height, 0.5, "#555555") for e in edges]
    grid.marks.append(Rule(0, 0, width, 0, 0.5, "#555555"))
    return stacked([grid, _sums(form, width, symbol=symbol, cents=cents)], gap=5) if with_total else grid


def _row_by_hand(
    form: _Form,
    columns: Sequence[tuple[str, float]],
    cells: Mapping[str, tuple[str, Shown]],
    width: float,
    height: float,
) -> Block:
    row = Block(width, height)
    x = 0.0
    for name, share in columns:
        if name in cells:
            text, shown = cells[name]
            align = "left" if name == "description" else "right"
            row.put(
                form.written(shown, width * share - 6, text=text, align=align),
                x + 3,
                height - form.ink.size * 1.12,
            )
        x += width * share
    return row


def _by_hand(number: str, *, symbol: bool, cents: bool) -> str:
    """People leave out cents that are zero and put a sign where they like."""
    text = number.removesuffix(".00") if not cents else number
    return f"${text}" if symbol else text
