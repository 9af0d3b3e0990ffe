"""Pre-printed bilingual forms filled in by hand, and applications for payment with their continuation sheet."""

from __future__ import annotations

import io
from decimal import Decimal
from random import Random
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import LETTER, landscape
from reportlab.platypus import Flowable, PageBreak, SimpleDocTemplate

from extraction.training.validation.cases import cents
from extraction.training.validation.faces import HANDS
from extraction.training.validation.paper import Paper
from extraction.training.validation.sheet import Sheet
from extraction.training.validation.stationery import Rows

BOTH = {
    "title": "INVOICE / FACTURA|WORK ORDER INVOICE · FACTURA DE TRABAJO|Factura - Invoice",
    "number": "No.|Invoice No. / Factura No.|Nº",
    "date": "Date / Fecha|Fecha (Date)|DATE · FECHA",
    "customer": "Name / Nombre|Customer / Cliente|Sold to / Vendido a",
    "address": "Address / Dirección|Domicilio / Address",
    "phone": "Phone / Teléfono|Tel.",
    "job": "Job / Trabajo No.|Project / Proyecto",
    "po": "P.O. / Orden de compra|PO No.",
    "ship": "Job location / Lugar del trabajo|Dirección de la obra / Job address",
    "terms": "Terms / Términos",
    "desc": "Description / Descripción|Work done / Trabajo realizado",
    "qty": "Qty / Cant.|Quantity / Cantidad",
    "price": "Price / Precio|Unit price / P. unit.",
    "amount": "Amount / Importe|Total / Importe",
    "subtotal": "Subtotal|Sub-total / Suma",
    "tax_amount": "Tax / Impuesto|Sales tax / Imp.",
    "total": "TOTAL|Total / Total a pagar",
    "amount_paid": "Deposit / Anticipo",
    "amount_due": "Balance due / Saldo",
    "discount_total": "Discount / Descuento",
    "freight": "Delivery / Flete",
    "sign": "Customer signature / Firma del cliente|Authorized by / Autorizado por",
}


class Handwriting(Flowable):
    """A line of handwriting on its rule: each word a little higher, lower or turned; it never leaves its width."""

    def __init__(
        self, text: str, face: str, points: float, rng: Random, ink: Any, *, right: bool = False
    ) -> None:
        super().__init__()
        self.text, self.face, self.points, self.rng, self.ink, self.right = (
            text,
            face,
            points,
            rng,
            ink,
            right,
        )
        self.turn, self.lift = rng.uniform(-1.2, 1.2), rng.uniform(-1.5, 1.5)
        self.begin = rng.uniform(0, 8)

    def wrap(self, available: float, _height: float) -> tuple[float, float]:
        self.width = available
        return available, self.points * 1.2

    def draw(self) -> None:
        canvas = self.canv
        needed = canvas.stringWidth(self.text, self.face, self.points)
        points = self.points * min(1.0, (self.width - 2) / max(needed, 1))
        needed = canvas.stringWidth(self.text, self.face, points)
        x = max(0.0, self.width - needed - self.begin if self.right else min(self.begin, self.width - needed))
        canvas.saveState()
        canvas.setFillColor(self.ink)
        canvas.translate(x, 2 + self.lift)
        canvas.rotate(self.turn)
        canvas.setFont(self.face, points)
        canvas.drawString(0, 0, self.text)
        canvas.restoreState()


def handform(sheet: Sheet, rng: Random) -> bytes:
    """Draw a pre-printed form in English and Spanish with everything but the vendor's head written by hand."""
    paper = Paper(sheet, rng)
    case = sheet.case
    sheet.sign, sheet.group = "${}", rng.choice((",", ""))
    sheet.dates = rng.choice(("m/d/yy", "m-d-yy", "m/d/yyyy", "mm/dd/yy"))
    label = {key: rng.choice(text.split("|")) for key, text in BOTH.items()}
    face, ink = rng.choice(HANDS), colors.HexColor(rng.choice(("#1b2a6b", "#111111", "#27408b")))
    points = rng.choice((12, 13, 14)) + (2 if face == "v-caveat" else 0)

    def hand(text: str, *, right: bool = False) -> Handwriting:
        return Handwriting(text.replace("\N{NO-BREAK SPACE}", " "), face, points, rng, ink, right=right)

    def small(key: str) -> Flowable:
        return paper.text(label[key], scale=0.8)

    number = hand(sheet.value("invoice_number")) if sheet.has("invoice_number") else paper.text("")
    day = hand(sheet.value("invoice_date")) if sheet.has("invoice_date") else paper.text("")
    corner = paper.table(
        [[small("number"), number], [small("date"), day]],
        [1, 1.3],
        [("GRID", (0, 0), (-1, -1), 0.6, colors.black)],
        width=paper.width * 0.42,
    )
    parts: list[Flowable] = [
        paper.table(
            [
                [
                    paper.vendor_block(rng.choice("lc")),
                    [paper.text(label["title"], "c", bold=True, scale=1.4), paper.gap(4), corner],
                ]
            ],
            [1, 0.8],
            [],
        ),
        paper.gap(10),
    ]
    address = sheet.address("customer_address")
    rows: Rows = [
        [small("customer"), hand(sheet.value("customer_name"))],
        [small("address"), hand(address[0]) if address else ""],
    ]
    rows += [["", hand(line)] for line in address[1:]]
    for name, key in (("job_number", "job"), ("po_number", "po"), ("payment_terms", "terms")):
        if sheet.has(name) or rng.random() < 0.3:
            rows.append([small(key), hand(sheet.value(name)) if sheet.has(name) else ""])
    ship = sheet.address("ship_to_address")
    rows.append([small("ship"), [hand(line) for line in ship] if ship else ""])
    rule = (
        [("LINEBELOW", (1, 0), (1, -1), 0.5, colors.black), ("VALIGN", (0, 0), (-1, -1), "BOTTOM")]
        if rng.random() < 0.6
        else [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
    )
    parts += [paper.table(rows, [1, 3.2], rule), paper.gap(10)]
    columns = (
        ["quantity", "description", "unit_price", "amount"]
        if rng.random() < 0.6
        else ["description", "quantity", "unit_price", "amount"]
    )
    keys = {"quantity": "qty", "description": "desc", "unit_price": "price", "amount": "amount"}
    body: Rows = [[paper.text(label[keys[c]], "c", bold=True, scale=0.85) for c in columns]]
    body += [
        [hand(sheet.cell(i, c), right=c != "description") for c in columns] for i in range(len(case.lines))
    ]
    body += [[""] * 4 for _ in range(rng.randint(1, 6))]
    shares = {"quantity": 0.8, "description": 4, "unit_price": 1.1, "amount": 1.3}
    parts.append(
        paper.table(
            body,
            [shares[c] for c in columns],
            [("GRID", (0, 0), (-1, -1), 0.7, paper.ink), ("BACKGROUND", (0, 0), (-1, 0), paper.pale)],
            rowHeights=[None] + [24] * (len(body) - 1),
        )
    )
    printed_sums = sheet.sums()
    rate = sheet.printed.get("tax_rate", [""])[0]
    names = {
        name: f"{label[name]} {rate}" if name == "tax_amount" else label[name]
        for name, _, _ in printed_sums
        if name
    }
    sums = [
        [paper.text(names.get(name or "", text or ""), bold=True), hand(value, right=True)]
        for name, text, value in printed_sums
    ]
    total = paper.table(
        sums, [1.2, 1], [("GRID", (0, 0), (-1, -1), 0.7, paper.ink)], width=paper.width * 0.42
    )
    sign = [
        paper.gap(24),
        hand(case.extras["salesperson"]),
        paper.text("_" * 30),
        paper.text(label["sign"], scale=0.8),
    ]
    parts.append(paper.table([[sign, total]], [0.58, 0.42], [("RIGHTPADDING", (0, 0), (-1, -1), 0)]))
    return _build(parts, LETTER, paper.margin)


def payapp(sheet: Sheet, rng: Random) -> bytes:
    """Draw an application for payment: summary with the sums by number, then the continuation sheet."""
    paper = Paper(sheet, rng)
    paper.size = landscape(paper.size)
    paper.width = paper.size[0] - 2 * paper.margin
    case, zero = sheet.case, Decimal(0)
    case.ids["application_number"] = str(rng.randint(2, 24))
    rows: list[tuple[Decimal, Decimal, Decimal]] = []
    for line in case.lines:
        value = line.amount * rng.choice((1, 5, 10))
        before = cents(value * rng.choice((0, 20, 40, 75)) / 100)
        now = cents((value - before) * rng.choice((0, 25, 50, 100)) / 100)
        rows.append((value, before, now))
    whole, past, this = (sum(column, zero) for column in zip(*rows, strict=True))
    share = Decimal(rng.choice((5, 10)))
    done = past + this
    held, earlier = cents(done * share / 100), past - cents(past * share / 100)
    case.money = {"retainage_amount": held, "amount_paid": earlier, "amount_due": done - held - earlier}
    head = [*paper.vendor_block(contacts=rng.random() < 0.5)]
    number = (
        f"{sheet.word('payapp')} #"
        if rng.random() < 0.5
        else rng.choice(("No.", "Application no.", "App. #"))
        if sheet.locale.language == "en"
        else "N.º"
    )
    pairs = [(number, sheet.value("application_number"))]
    pairs += sheet.references(distract=0.1)
    if sheet.has("period_end"):
        pairs.append((sheet.label("period"), sheet.value("period_end")))
    parts: list[Flowable] = [
        paper.title(scale=1.7),
        paper.gap(8),
        paper.table([[head, paper.listed(pairs, width=paper.width * 0.4)]], [1.2, 1], []),
        *paper.parties(),
    ]
    summary = [
        ("1.", _line(sheet, "amount"), sheet.amount(whole)),
        ("2.", _line(sheet, "done"), sheet.amount(done)),
        ("3.", f"{sheet.word('retain')} {share}%", sheet.money("retainage_amount")),
        ("4.", _line(sheet, "net"), sheet.amount(done - held)),
        ("5.", sheet.word("paid"), sheet.money("amount_paid")),
        ("6.", sheet.word("duesum"), sheet.money("amount_due")),
    ]
    body = [
        [paper.text(n), paper.text(text, bold=n == "6."), paper.text(value, "r", bold=n == "6.")]
        for n, text, value in summary
    ]
    parts += [
        paper.gap(8),
        paper.table(
            body,
            [0.3, 4, 1.6],
            [("LINEBELOW", (2, 0), (2, -1), 0.5, colors.black)],
            width=paper.width * 0.7,
            hAlign="LEFT",
        ),
        PageBreak(),
    ]
    heads = HEADS[sheet.locale.language]
    names = (
        "item_number",
        "description",
        "scheduled_value",
        "previous_completed",
        "this_period",
        "total_completed",
        "percent_complete",
        "balance_to_finish",
    )
    table: Rows = [[paper.text(text, "c", bold=True, scale=0.85) for text in heads]]
    for i, (value, before, now) in enumerate(rows):
        percent = ((before + now) * 100 / value).quantize(Decimal(1)) if value else zero
        table.append(
            [
                paper.text(sheet.row(i, "item_number", str(i + 1), str(i + 1))),
                paper.text(sheet.cell(i, "description")),
            ]
        )
        for name, one in zip(
            names[2:], (value, before, now, before + now, percent, value - before - now), strict=True
        ):
            text = f"{percent}%" if name == "percent_complete" else sheet.number(one)
            table[-1].append(paper.text(sheet.row(i, name, float(one), text), "r"))
    foot = ["", paper.text(sheet.word("total"), bold=True)]
    foot += [paper.text(sheet.number(one), "r", bold=True) for one in (whole, past, this, done)]
    table.append([*foot, "", paper.text(sheet.number(whole - done), "r", bold=True)])
    parts.append(
        paper.table(
            table,
            [0.5, 4, 1.6, 1.6, 1.5, 1.6, 0.8, 1.6],
            [("GRID", (0, 0), (-1, -1), 0.5, colors.black)],
            repeatRows=1,
        )
    )
    return _build(parts, paper.size, paper.margin)


LINES = {
    "en": ("Contract sum to date", "Total completed to date", "Earned less retainage"),
    "es": ("Importe del contrato", "Ejecutado a origen", "Ejecutado menos retención"),
    "de": ("Auftragssumme", "Leistungsstand gesamt", "Leistung abzüglich Einbehalt"),
    "fr": ("Montant du marché", "Cumul des travaux", "Cumul net de retenue"),
    "nl": ("Aanneemsom", "Totaal gereed", "Gereed min inhouding"),
    "it": ("Importo contrattuale", "Lavori eseguiti a tutto oggi", "Lavori al netto della ritenuta"),
    "pt": ("Valor do contrato", "Total executado", "Executado menos retenção"),
}
HEADS = {
    "en": (
        "Item",
        "Description of work",
        "Scheduled value",
        "Work from previous",
        "Work this period",
        "Completed to date",
        "%",
        "Balance to finish",
    ),
    "es": ("Nº", "Partida", "Importe previsto", "Anterior", "Este periodo", "A origen", "%", "Pendiente"),
    "de": ("Pos.", "Leistung", "Auftragswert", "Bisher", "Dieser Zeitraum", "Kumuliert", "%", "Rest"),
    "fr": ("N°", "Poste", "Montant marché", "Mois précédents", "Ce mois", "Cumul", "%", "Reste à faire"),
    "nl": (
        "Nr.",
        "Onderdeel",
        "Begroot",
        "Vorige termijnen",
        "Deze termijn",
        "Totaal gereed",
        "%",
        "Restant",
    ),
    "it": (
        "N.",
        "Lavorazione",
        "Importo previsto",
        "SAL precedenti",
        "SAL attuale",
        "Totale eseguito",
        "%",
        "Residuo",
    ),
    "pt": ("N.º", "Trabalho", "Valor previsto", "Anterior", "Este período", "Acumulado", "%", "Por executar"),
}


def _line(sheet: Sheet, what: str) -> str:
    return LINES[sheet.locale.language][("amount", "done", "net").index(what)]


def _build(parts: list[Flowable], size: tuple[float, float], margin: float) -> bytes:
    stream = io.BytesIO()
    edges = {f"{side}Margin": margin - 6 for side in ("left", "right", "top", "bottom")}
    SimpleDocTemplate(stream, pagesize=size, invariant=1, title="", author="", **edges).build(parts)
    return stream.getvalue()
