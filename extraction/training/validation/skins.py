"""The families that are set as letters: each puts the parts of ``paper`` together in its own way."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from reportlab.lib import colors
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageBreak, PageTemplate

from extraction.training.validation.locales import words
from extraction.training.validation.paper import Paper
from extraction.training.validation.sheet import Sheet

Builder = Callable[[Paper], list[Flowable]]


def _footed(paper: Paper, parts: list[Flowable]) -> list[Flowable]:
    return [*parts, KeepTogether(paper.totals()), *paper.foot()]


def modern(paper: Paper) -> list[Flowable]:
    """A head almost without labels: title and number in one line, dates in words, one large sum."""
    sheet, rng = paper.sheet, paper.rng
    parts: list[Flowable] = [paper.table([[paper.vendor_block(), paper.logo(30)]], [4, 1], [])]
    title, number = sheet.word(sheet.title_key()), ""
    if sheet.has("invoice_number"):
        number = sheet.value("invoice_number")
        mark = "#" if sheet.locale.language == "en" and rng.random() < 0.5 else ""
        title += f" {mark}{number}"
    parts += [paper.gap(16), paper.text(title, scale=1.9, ink=paper.ink)]
    if sheet.has("invoice_date"):
        parts += [paper.gap(4), paper.text(sheet.value("invoice_date"))]
    if rng.random() < 0.6 and "amount_due" in sheet.case.money:
        line = sheet.money("amount_due")
        if sheet.has("due_date"):
            line += f"   {sheet.word('due').lower()} {sheet.value('due_date')}"
        parts += [paper.gap(6), paper.text(line, bold=True, scale=1.5)]
    rest = [pair for pair in sheet.references(distract=0.1) if pair[1] != number]
    left, right = paper.party("customer", label=rng.random() < 0.5), paper.stacked(rest)
    parts += [paper.gap(14), paper.table([[left, right]], [3, 2], []), paper.gap(14), paper.items()]
    return _footed(paper, parts)


def boxed(paper: Paper) -> list[Flowable]:
    """Grids of labels over values, as desktop book-keeping prints them."""
    sheet, rng = paper.sheet, paper.rng
    pairs = sheet.references()
    own = pairs[:2]
    corner = [paper.title("r", scale=1.8), paper.gap(4), *paper.boxed(own, across=2, width=paper.width * 0.4)]
    parts: list[Flowable] = [
        paper.table([[paper.vendor_block(), corner]], [3, 2], [("RIGHTPADDING", (0, 0), (-1, -1), 0)]),
        paper.gap(12),
    ]
    parts += [
        *paper.parties(),
        *paper.boxed(pairs[2:], across=rng.choice((4, 5, 6))),
        paper.gap(4),
        paper.items(),
    ]
    return _footed(paper, parts)


def din(paper: Paper) -> list[Flowable]:
    """A business letter with an address window, an information block and a foot of columns."""
    sheet, rng = paper.sheet, paper.rng
    vendor = sheet.value("vendor_name")
    window: list[Flowable] = []
    if sheet.has("vendor_address"):
        window = [paper.text(", ".join([vendor, *sheet.address("vendor_address")]), scale=0.7), paper.gap(4)]
    window += [paper.lines([sheet.value("customer_name"), *sheet.address("customer_address")], scale=1.1)]
    pairs = sheet.references()
    block = [
        *(paper.text(text, scale=0.9) for text in sheet.contacts()),
        paper.gap(6),
        paper.listed(pairs, width=paper.width * 0.42),
    ]
    parts: list[Flowable] = [
        paper.text(vendor, rng.choice("rlc"), bold=True, scale=2, ink=paper.ink),
        paper.gap(26),
    ]
    parts += [
        paper.table([[window, block]], [1.2, 1], [("LEFTPADDING", (0, 0), (0, 0), 0)]),
        paper.gap(22),
        paper.title(scale=1.5),
        paper.gap(8),
    ]
    if ship := paper.party("ship"):
        parts += [*ship, paper.gap()]
    if rng.random() < 0.6:
        parts += [paper.lines([sheet.word("greeting"), sheet.word("intro")]), paper.gap(8)]
    return _footed(paper, [*parts, paper.items()])


def prose(paper: Paper) -> list[Flowable]:
    """A letter whose sums, number and date of payment stand in sentences."""
    sheet, rng, case = paper.sheet, paper.rng, paper.sheet.case
    parts = (
        paper.head_centred() if rng.random() < 0.4 else [*paper.vendor_block(rng.choice("lr")), paper.gap(20)]
    )
    parts += [paper.lines([sheet.value("customer_name"), *sheet.address("customer_address")]), paper.gap(16)]
    if sheet.has("invoice_date"):
        day = sheet.value("invoice_date")
        parts.append(
            paper.text(sheet.word("from_day").format(city=case.vendor.town, date=day), rng.choice("lr"))
        )
    subject = sheet.word("invoice")
    number = ""
    if sheet.has("invoice_number"):
        number = sheet.value("invoice_number")
        subject = f"{sheet.word('no_invoice')} {number}" if rng.random() < 0.6 else f"{subject} {number}"
    if sheet.has("job_number"):
        subject += f", {sheet.word('job')} {sheet.value('job_number')}"
    parts += [paper.gap(12), paper.text(subject, bold=True, scale=1.15), paper.gap(8)]
    parts += [paper.text(sheet.word("greeting")), paper.gap(4), paper.text(sheet.word("intro")), paper.gap(8)]
    parts += [
        paper.items(columns=["description", "quantity", "unit_price", "amount"]),
        KeepTogether(paper.totals(share=0.5)),
        paper.gap(8),
    ]
    amount = sheet.amount(case.money["amount_due"], signed=True)
    sheet.note("amount_due", float(case.money["amount_due"]), amount)
    if number and sheet.has("due_date"):
        text = sheet.word("pay_until").format(amount=amount, due=sheet.value("due_date"), number=number)
    else:
        text = sheet.word("pay_plain").format(amount=amount, number=number or case.extras["customer"])
    parts += [paper.text(text), paper.gap(10), paper.text(sheet.word("closing")), paper.gap(18)]
    parts.append(
        paper.text(
            case.extras["salesperson"]
            if not case.extras["salesperson"].isdigit()
            else sheet.value("vendor_name")
        )
    )
    return [*parts, *paper.foot()]


def sidebar(paper: Paper) -> list[Flowable]:
    """References stacked in a shaded column beside the rest; the column is drawn beside the frame."""
    parts = [
        *paper.vendor_block(contacts=paper.rng.random() < 0.5),
        paper.gap(8),
        paper.title(),
        paper.gap(8),
    ]
    return _footed(
        paper,
        [*parts, *paper.parties(), paper.items(columns=["description", "quantity", "unit_price", "amount"])],
    )


def merchant(paper: Paper) -> list[Flowable]:
    """A builders' merchant: many lines over pages with sums carried forward, taxes per rate at the end."""
    sheet, rng, case = paper.sheet, paper.rng, paper.sheet.case
    paper.points = min(paper.points, 8.5)
    parts = [*rng.choice((paper.head_split, paper.head_band, paper.head_centred))(), *paper.parties()]
    pairs = sheet.references(distract=0.7)
    parts += paper.boxed(pairs, across=5) if rng.random() < 0.5 else paper.strip(pairs)
    parts.append(paper.gap(6))
    columns = paper.columns()
    if "product_code" not in columns:
        columns.insert(0, "product_code")
    first, step = rng.randint(14, 20), rng.randint(26, 32)
    starts = [0, *range(first, len(case.lines), step)] if rng.random() < 0.6 else [0]
    running = Decimal(0)
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(case.lines)
        if number:
            parts += [
                PageBreak(),
                paper.text(f"{sheet.word('brought')}   {sheet.amount(running)}", "r"),
                paper.gap(4),
            ]
        running += sum((line.amount for line in case.lines[start:end]), Decimal(0))
        carry = f"{sheet.word('carried')}\t{sheet.amount(running)}" if end < len(case.lines) else ""
        parts.append(paper.items(columns=columns, index=range(start, end), carry=carry))
    return _footed(paper, parts)


def utility(paper: Paper) -> list[Flowable]:
    """A recurring bill: period, meter or usage, balance before, what is due in a box at the top."""
    sheet, rng, case = paper.sheet, paper.rng, paper.sheet.case
    pairs = sheet.references(distract=0.6)
    due = [(sheet.label("duesum"), sheet.money("amount_due"))]
    if sheet.has("due_date"):
        due.append((sheet.label("due"), sheet.value("due_date")))
    right = [
        *paper.boxed(due, across=2, width=paper.width * 0.45),
        paper.gap(6),
        paper.listed(pairs, width=paper.width * 0.45),
    ]
    parts = [
        *rng.choice((paper.head_split, paper.head_band))(),
        paper.table([[paper.party("customer", label=False), right]], [1, 1], []),
        paper.gap(12),
    ]
    usage = [(sheet.any_word("usage"), sheet.number(Decimal(rng.randint(900, 88000)), 0)) for _ in range(2)]
    parts += [
        *paper.strip(usage),
        paper.gap(8),
        paper.items(columns=["description", "quantity", "unit_price", "amount"]),
    ]
    if rng.random() < 0.5:
        parts.append(paper.text(f"{sheet.word('customer')} {case.extras['customer']}", scale=0.8))
    return _footed(paper, parts)


def mixed(paper: Paper) -> list[Flowable]:
    """Any head, any references, any table: credit notes and quotes."""
    sheet, rng = paper.sheet, paper.rng
    sheet.case.extras["original"] = str(rng.randint(10000, 99999))
    parts = rng.choice((paper.head_split, paper.head_band, paper.head_centred))()
    pairs = sheet.references(distract=0.25)
    parts += [
        *paper.parties(),
        *rng.choice((paper.boxed, paper.strip, lambda p: [paper.listed(p, width=paper.width / 2)]))(pairs),
    ]
    return _footed(paper, [*parts, paper.gap(8), paper.items()])


def delivery(paper: Paper) -> list[Flowable]:
    """A delivery ticket: quantities without prices, a line to sign."""
    sheet = paper.sheet
    parts = [
        *paper.head_split(),
        *paper.parties(),
        *paper.boxed(sheet.references(distract=0.6)),
        paper.gap(8),
    ]
    parts += [paper.items(columns=["product_code", "description", "quantity", "unit"]), paper.gap(40)]
    return [*parts, paper.text("_" * 34), paper.text(sheet.word("signature"), scale=0.85)]


def hire(paper: Paper) -> list[Flowable]:
    """A rental invoice: the period in the references, facts of the contract beside the lines."""
    sheet, rng = paper.sheet, paper.rng
    facts = [
        (sheet.any_word("hire_rows"), sheet.number(Decimal(rng.randint(100, 9000)), 1)) for _ in range(2)
    ]
    parts = [
        *rng.choice((paper.head_split, paper.head_centred))(),
        *paper.parties(),
        *paper.boxed(sheet.references(distract=0.5)),
    ]
    return _footed(paper, [*parts, paper.gap(6), *paper.strip(facts), paper.gap(6), paper.items()])


def daywork(paper: Paper) -> list[Flowable]:
    """A time-and-material invoice: hours in one table, materials in another."""
    sheet, case = paper.sheet, paper.sheet.case
    half = max(1, len(case.lines) // 2)
    columns = ["date", "description", "quantity", "unit", "unit_price", "amount"]
    parts = [*paper.head_split(), *paper.parties(), *paper.strip(sheet.references()), paper.gap(8)]
    parts += [
        paper.text(sheet.word("labor"), bold=True, ink=paper.ink),
        paper.items(columns=columns, index=range(half)),
    ]
    if half < len(case.lines):
        parts += [paper.gap(8), paper.text(sheet.word("material"), bold=True, ink=paper.ink)]
        parts.append(paper.items(columns=columns[1:], index=range(half, len(case.lines))))
    return _footed(paper, parts)


def account(paper: Paper) -> list[Flowable]:
    """A statement: opening balance, invoices and payments, closing balance, what is overdue by age."""
    sheet, rng, case = paper.sheet, paper.rng, paper.sheet.case
    opening = Decimal(rng.randint(0, 90000)) / 100
    case.money = {"previous_balance": opening}
    rows: list[list[Any]] = [
        [paper.text(sheet.word(k), bold=True) for k in ("datecol", "desc", "amount", "duesum")]
    ]
    rows.append(["", paper.text(sheet.word("opening")), paper.text(sheet.money("previous_balance"), "r"), ""])
    balance = opening
    for i, line in enumerate(sorted(case.lines, key=lambda one: one.day)):
        pays = rng.random() < 0.25
        value = -line.amount if pays else line.amount
        text = sheet.word("payment") if pays else f"{sheet.word('invoice')} {rng.randint(1000, 99999)}"
        balance += value
        sheet.row(i, "date", line.day.isoformat(), day := sheet.day(line.day))
        sheet.row(i, "description", text, text)
        sheet.row(i, "amount", float(value), shown := sheet.amount(value))
        rows.append(
            [
                paper.text(day),
                paper.text(text),
                paper.text(shown, "r"),
                paper.text(sheet.amount(balance), "r"),
            ]
        )
    case.money["amount_due"] = balance
    parts = [
        *paper.head_split(),
        *paper.parties(),
        *paper.strip(sheet.references(distract=0.2)),
        paper.gap(8),
    ]
    parts += [
        paper.table(rows, [1.2, 3, 1.3, 1.3], paper.item_look(len(rows))[1:], repeatRows=1),
        paper.gap(6),
    ]
    if rng.random() < 0.5:
        ages = by_age(paper, balance)
        parts += [*paper.boxed(ages, across=5), paper.gap(6)]
    return [
        *parts,
        paper.text(f"{sheet.label('duesum')}   {sheet.money('amount_due')}", "r", bold=True, scale=1.2),
        *paper.foot(),
    ]


def by_age(paper: Paper, balance: Decimal) -> list[tuple[str, str]]:
    """Return the balance split by age, as pairs."""
    sheet = paper.sheet
    names = words(sheet.locale.language)["aging"]
    first = (balance * Decimal("0.7")).quantize(Decimal("0.01"))
    values = [first, balance - first, Decimal(0), Decimal(0), Decimal(0)]
    return [(name, sheet.number(value)) for name, value in zip(names, values, strict=True)]


SKINS: dict[str, Builder] = {
    "modern": modern,
    "boxed": boxed,
    "din": din,
    "prose": prose,
    "sidebar": sidebar,
    "merchant": merchant,
    "utility": utility,
    "credit": mixed,
    "offer": mixed,
    "delivery": delivery,
    "hire": hire,
    "daywork": daywork,
    "account": account,
}


def draw(family: str, sheet: Sheet, rng: Random) -> bytes:
    """Set a case as a letter of a family and return the PDF."""
    narrow = 150 if family == "sidebar" else 0
    paper = Paper(sheet, rng, narrow=narrow)
    sheet.case.extras.setdefault("original", str(rng.randint(10000, 99999)))
    side = paper.stacked(sheet.references(distract=0.4)) if narrow else []
    right = rng.random() < 0.4
    story = SKINS[family](paper)
    stream = io.BytesIO()
    wide, high = paper.size
    edge = paper.margin
    document = BaseDocTemplate(stream, pagesize=paper.size, invariant=1, title="", author="")
    pager = sheet.word("page") if rng.random() < 0.6 else ""

    class Numbered(Canvas):
        """Holds pages back until their number is known."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.held: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802
            self.held.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            held = self.held
            for number, state in enumerate(held, start=1):
                self.__dict__.update(state)
                self.setFont(paper.plain, 7.5)
                self.drawRightString(
                    wide - edge, 22, pager.replace("{n}", f"{number}").replace("{m}", f"{len(held)}")
                )
                super().showPage()
            super().save()

    def decorate(canvas: Canvas, doc: BaseDocTemplate) -> None:
        if side and doc.page == 1:
            x = wide - edge - narrow + 12 if right else edge
            canvas.setFillColor(paper.pale)
            canvas.rect(x, edge, narrow - 20, high - 2 * edge, stroke=0, fill=1)
            canvas.setFillColor(colors.black)
            frame = Frame(x, edge, narrow - 20, high - 2 * edge, showBoundary=0)
            frame.addFromList(list(side), canvas)

    x = edge + (narrow if narrow and not right else 0)
    frame = Frame(
        x, edge, paper.width, high - 2 * edge, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
    )
    document.addPageTemplates([PageTemplate(frames=[frame], onPage=decorate)])
    document.build(story, canvasmaker=Numbered)
    return stream.getvalue()
