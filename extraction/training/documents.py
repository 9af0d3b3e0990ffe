"""From an event to pages: the grammar of ordinary documents, with blocks in random order and columns."""

from __future__ import annotations

from decimal import Decimal

from extraction.training import blocks
from extraction.training.blocks import Fact, Setting
from extraction.training.business import Event, Line, cents
from extraction.training.choices import Choices
from extraction.training.layout import Block, Content, Page, Shown, beside, plain, stacked
from extraction.training.pager import A4, LETTER, Pager
from extraction.training.receipts import compose_receipt
from extraction.training.sheets import compose_form, compose_pay_application
from extraction.training.style import Style, choose_style
from extraction.training.table import Column, Row, Table

SumRow = tuple[Content, Content, bool]

# What the vendor calls its own number, and its title, by family.
_NUMBER_LABELS = {
    "credit_note": "credit_number",
    "quote": "quote_number",
    "delivery_ticket": "delivery_number",
    "statement": "statement_number",
}
_TITLES = {"trade": "invoice", "material": "invoice"}


def compose(event: Event, choices: Choices) -> list[Page]:
    """Lay out a document.

    :param event: what it says.
    :param choices: decisions of the layout; the same for all documents of one layout.
    """
    style = choose_style(choices, event.country.language)
    setting = Setting(event, style)
    if event.family == "receipt":
        return compose_receipt(setting)
    if event.family == "form":
        return compose_form(setting)
    if event.family == "pay_application":
        return compose_pay_application(setting)
    return _compose_common(setting)


def _compose_common(setting: Setting) -> list[Page]:
    event, style = setting.event, setting.style
    choices = style.choices
    size = LETTER if event.country.code in ("US", "MX") else A4
    running: Content = ""
    if choices.chance("runs number", 0.6):
        number = setting.text("invoice_number")
        name = Shown(event.vendor.name, "vendor_name")
        running = [
            (name.text, name),
            (f"   {style.label(_number_label(event))} ", None),
            (number.text, number),
        ]
    elif choices.chance("runs name", 0.5):
        running = Shown(event.vendor.name, "vendor_name")
    pager = Pager(setting, size, running)
    for row in _header(setting, pager.width):
        pager.place(row)
        pager.y += choices.between("row gap", 6, 20)
    sums = event.family not in ("delivery_ticket", "statement") and len(event.lines) > 8
    pager.table(
        _table(setting, pager.width),
        page_sums=sums and choices.chance("page subtotals", 0.3),
        amount_column="amount",
    )
    pager.y += choices.between("after table", 4, 18)
    _closing(setting, pager)
    return pager.finish()


def _number_label(event: Event) -> str:
    return _NUMBER_LABELS.get(event.family, "invoice_number")


def _facts(setting: Setting) -> list[Fact]:
    """Numbers and dates in the layout's order; some are left out by the layout."""
    event, style = setting.event, setting.style
    date_label = "invoice_date" if event.document_type == "invoice" else "plain_date"
    # Now and then what everybody expects is not there.
    forgotten = Choices(f"forgotten {event.texts['invoice_number']} {event.days['invoice_date']}")
    head: list[Fact] = [(style.label(_number_label(event)), setting.text("invoice_number"))]
    dated: list[Fact] = [(style.label(date_label), setting.day("invoice_date"))]
    if forgotten.chance("number", 0.03):
        head = []
    if forgotten.chance("date", 0.03):
        dated = []
    others: list[Fact] = []
    for name in (
        "work_order_number",
        "job_number",
        "po_number",
        "contract_number",
        "application_number",
        "payment_terms",
    ):
        if name in event.texts:
            label = style.label(
                "ticket_number" if name == "work_order_number" and event.family == "ticket" else name
            )
            if event.family == "ticket" and name == "work_order_number":
                label = (
                    style.choices.pick(
                        "label ticket", ("Ticket No.", "T&M Ticket #", "Work Ticket", "Job Ticket No.")
                    )
                    if style.language == "en"
                    else style.label("work_order_number")
                )
            others.append((label, setting.text(name)))
    if "due_date" in event.days:
        others.append((style.label("due_date"), setting.day("due_date")))
    others += _period(setting)
    if style.choices.chance("sum at the top", 0.1):
        name = "amount_due" if "amount_due" in event.money else "total"
        if name in event.money:
            others.append((style.label(name), setting.amount(event.money[name], name, symbol=True)))
    for name, value in event.extra.items():
        if name not in ("bank", "bic"):
            others.append((style.label(name), Shown(value)))
    others += [(style.label(name), setting.plain_day(value)) for name, value in event.extra_days.items()]
    if (
        event.vendor.tax_id
        and style.choices.chance("tax id among facts", 0.12)
        and not _tax_id_in_letterhead(setting)
    ):
        others.append(
            (f"{event.vendor.tax_label}{style.label_end}", Shown(event.vendor.tax_id, "vendor_tax_id"))
        )
    order = {
        label: i
        for i, label in enumerate(style.choices.shuffled("facts order", [f"f{i}" for i in range(40)]))
    }
    others.sort(key=lambda fact: order[f"f{sum(map(ord, plain(fact[0]))) % 40}"])
    first = style.choices.pick("facts start", ("number", "date", "mixed"))
    if first == "number":
        return head + dated + others
    if first == "date":
        return dated + head + others
    return others[:2] + head + dated + others[2:]


def _tax_id_in_letterhead(setting: Setting) -> bool:
    return setting.style.choices.chance(
        "tax id in letterhead", 0.2 if setting.event.country.code == "US" else 0.55
    )


def _period(setting: Setting) -> list[Fact]:
    event, style = setting.event, setting.style
    if "period_end" not in event.days:
        return []
    if style.choices.chance("period in two", 0.5):
        return [
            (style.label("period_start"), setting.day("period_start")),
            (style.label("period_end"), setting.day("period_end")),
        ]
    dash = style.choices.pick("period dash", (" - ", " to ", " – ")) if style.language == "en" else " - "
    start, end = setting.day("period_start"), setting.day("period_end")
    return [(style.label("period"), [(start.text, start), (dash, None), (end.text, end)])]


def _header(setting: Setting, width: float) -> list[Block]:
    """Everything above the table: rows of one to three blocks in an order that the layout decides."""
    event, style = setting.event, setting.style
    choices = style.choices
    facts = _facts(setting)
    split = len(facts) > 5 and choices.chance("facts in two blocks", 0.45)
    kinds = ["letterhead", "title", "facts", "customer"]
    if choices.chance("shows site", 0.45) or event.family in ("delivery_ticket",):
        kinds.append("site")
    if split:
        kinds.append("more facts")
    if event.family in ("delivery_ticket", "statement", "receipt") and choices.chance("no customer", 0.05):
        kinds.remove("customer")
    parts = {"facts": facts[:4] if split else facts, "more facts": facts[4:]}

    def build(kind: str, room: float) -> Block:
        if kind == "letterhead":
            return blocks.letterhead(setting, room)
        if kind == "title":
            return blocks.title(setting, room, _TITLES.get(event.family, event.family))
        if kind == "customer":
            return blocks.party(
                setting,
                room,
                style.label("customer"),
                event.customer,
                name="customer_name",
                where="customer_address",
                key="customer",
            )
        if kind == "site":
            return blocks.place(setting, room, style.label("ship_to"), event.site, key="site")
        return blocks.facts(setting, parts[kind], room, key=kind)

    rows = []
    for row in _arranged(choices, kinds):
        gutter = 16.0
        shares = [_SHARES[kind] * choices.between(f"share {kind}", 0.8, 1.25) for kind in row]
        rooms = [(width - gutter * (len(row) - 1)) * share / sum(shares) for share in shares]
        placed, x = [], 0.0
        for kind, room in zip(row, rooms, strict=True):
            placed.append((x, build(kind, room)))
            x += room + gutter
        rows.append(beside(placed, width))
    return rows


_SHARES = {"letterhead": 1.3, "title": 1.0, "facts": 1.1, "customer": 1.0, "site": 1.0, "more facts": 1.0}


def _arranged(choices: Choices, kinds: list[str]) -> list[list[str]]:
    """Draw an order of blocks and break it into rows; letterhead and title stay in the upper half."""
    upper = [k for k in kinds if k in ("letterhead", "title")]
    lower = choices.shuffled("lower order", [k for k in kinds if k not in upper])
    upper = choices.shuffled("upper order", upper)
    form = choices.pick(
        "opening",
        ("side by side", "one by one", "facts beside", "customer first", "title below"),
        (4, 3, 4, 1.5, 2),
    )
    rows: list[list[str]]
    if form == "side by side":
        rows = [upper]
    elif form == "one by one":
        rows = [[kind] for kind in upper]
    elif form == "facts beside":
        lower.remove("facts")
        rows = [choices.shuffled("beside order", ["letterhead", "facts"]), ["title"]]
        rows = choices.shuffled("beside rows", rows)
    elif form == "customer first" and "customer" in lower:
        lower.remove("customer")
        rows = [
            ["letterhead"],
            choices.shuffled("window order", ["customer", *[k for k in lower if k == "facts"]]),
            ["title"],
        ]
        lower = [k for k in lower if k != "facts"]
    else:
        rows = [["letterhead", *[k for k in lower if k == "site"]], ["title"]]
        lower = [k for k in lower if k != "site"]
        if choices.chance("title after parties", 0.5) and "customer" in lower:
            lower.remove("customer")
            rows.insert(1, ["customer"])
    while lower:
        size = min(len(lower), choices.pick(f"row of {len(lower)}", (1, 2, 2, 3)))
        rows.append(lower[:size])
        lower = lower[size:]
    return rows


def _table(setting: Setting, width: float) -> Table:
    """Choose columns and turn the event's lines into rows."""
    event, style = setting.event, setting.style
    columns = _statement_columns(style) if event.family == "statement" else _columns(event, style)
    rows: list[Row] = []
    section = ""
    section_sum = Decimal(0)
    sums = style.choices.chance("section sums", 0.5) and any(c.name == "amount" for c in columns)
    symbol = style.money_symbol == "everywhere"

    split = any(c.name == "payments" for c in columns)

    def close() -> None:
        if section and sums:
            rows.append(
                Row(
                    {
                        "description": Shown(style.label("section_total", end=False)),
                        "amount": Shown(event.formats.number(section_sum)),
                    },
                    "sum",
                )
            )

    for index, line in enumerate(event.lines):
        if line.section != section:
            close()
            section, section_sum = line.section, Decimal(0)
            rows.append(Row({"description": Shown(section)}, "section"))
        amount = line.money("amount") if "amount" in line.values else Decimal(0)
        section_sum += amount
        cells = {
            c.name: cell
            for c in columns
            if (cell := _cell(setting, line, index, c.name, symbol=symbol, split_payments=split)) is not None
        }
        rows.append(
            Row(cells, value=amount, below=_below(style, line) if event.family != "statement" else None)
        )
    close()
    if style.choices.chance("blank rows", 0.12) and len(event.lines) < 8:
        rows += [Row({}, "blank")] * style.choices.pick("how many blanks", (2, 4, 6))
    return Table(style, columns, rows, width)


def _below(style: Style, line: Line) -> Shown | None:
    if not style.choices.chance("remarks under lines", 0.14) or len(str(line.values["description"])) % 3:
        return None
    remarks = ("Ref. 20-114 rev. 2", "per drawing A-301", "SN 448-20117", "see attached", "incl. 2 x 4 h")
    return Shown(style.choices.pick(f"remark {len(str(line.values['description']))}", remarks))


def _columns(event: Event, style: Style) -> list[Column]:
    choices = style.choices
    priced = "amount" in event.lines[0].values
    names = ["description"]
    if choices.chance("column quantity", 0.86) or not priced:
        names.append("quantity")
        if choices.chance("column unit", 0.5):
            names.append("unit")
        if event.family == "rental" and choices.chance("columns of rates", 0.35):
            names += ["rate_day", "rate_week", "rate_month"]
        elif priced and choices.chance("column price", 0.93):
            names.append("unit_price")
    front = [
        n
        for n, p in (
            ("item_number", 0.3),
            ("product_code", 0.55 if event.family in ("material", "delivery_ticket") else 0.15),
            ("date", 0.5 if event.family == "ticket" else 0.1),
            ("cost_code", 0.07),
        )
        if choices.chance(f"column {n}", p)
    ]
    if event.family == "material" and choices.chance("column ordered", 0.25) and "quantity" in names:
        names.insert(1, "ordered")
    order = choices.pick("column order", ("description first", "quantity first", "unit first"), (6, 3, 1))
    if order == "quantity first" and "quantity" in names:
        names = [n for n in names if n in ("quantity", "ordered", "unit")] + [
            n for n in names if n not in ("quantity", "ordered", "unit")
        ]
    elif order == "unit first" and "unit" in names:
        names.remove("unit")
        names.insert(0, "unit")
    names = front + names
    if event.tax_rate and choices.chance("column tax", 0.15 if event.country.code == "US" else 0.4):
        names.append("tax_rate")
    if priced:
        names.append("amount")
    right = {"quantity", "ordered", "unit_price", "amount", "tax_rate", "rate_day", "rate_week", "rate_month"}

    number_align = choices.pick("number align", ("right", "right", "right", "center"))
    aligned = dict.fromkeys(names, "left") | dict.fromkeys(right, number_align) | {"amount": "right"}
    if choices.chance("centred small columns", 0.4):
        aligned |= {"quantity": "center", "unit": "center", "item_number": "center"}
    return [Column(n, style.heading(n), aligned[n], greedy=n == "description") for n in names]


def _statement_columns(style: Style) -> list[Column]:
    split = style.choices.chance("two amount columns", 0.4)
    return [
        Column("date", style.heading("date"), "left"),
        Column("description", style.heading("reference"), "left", greedy=True),
        Column("amount", style.heading("charges"), "right"),
        *([Column("payments", style.heading("payments"), "right")] if split else []),
        *(
            [Column("balance", style.heading("balance"), "right")]
            if style.choices.chance("running balance", 0.7)
            else []
        ),
    ]


def _cell(
    setting: Setting, line: Line, index: int, name: str, *, symbol: bool, split_payments: bool = False
) -> Shown | None:
    event, formats = setting.event, setting.event.formats
    target = f"{index}/{name}"
    if name.startswith("rate_"):
        share = {"rate_day": Decimal(1), "rate_week": Decimal(3), "rate_month": Decimal(8)}[name]
        return Shown(formats.number(cents(line.money("unit_price") * share)))
    if name == "ordered":
        return Shown(formats.quantity(line.money("quantity")))
    if name == "tax_rate":
        return Shown(
            f"{formats.quantity(event.tax_rate)}{setting.style.choices.pick('percent', ('%', ' %', ''))}",
            target,
        )
    if name == "balance":
        return Shown(formats.number(line.money("balance")))
    if name == "payments":
        return Shown(formats.number(-line.money("amount"))) if line.money("amount") < 0 else None
    if name == "amount" and split_payments and line.money("amount") < 0:
        return None
    value = line.values[name]
    if name == "quantity":
        return Shown(
            formats.quantity(
                line.money(name), places=setting.style.choices.pick("quantity places", (0, 0, 0, 2))
            ),
            target,
        )
    if name in ("unit_price", "amount"):
        return Shown(formats.money(line.money(name), symbol=symbol), target)
    if name == "date":
        return Shown(formats.day(value), target)  # type: ignore[arg-type]
    return Shown(str(value), target)


def _sum_rows(setting: Setting) -> list[SumRow]:
    """The sums that are printed, in the layout's order."""
    event, style = setting.event, setting.style
    money, choices = event.money, style.choices
    symbols = style.money_symbol
    rows: list[SumRow] = []

    def add(name: str, label: str, *, stressed: bool = False, negative: bool = False) -> None:
        value = -money[name] if negative else money[name]
        symbol = symbols in ("everywhere", "totals") or (symbols == "total" and stressed)
        rows.append((label, setting.amount(value, name, symbol=symbol), stressed))

    deductions_negative = choices.chance("deductions negative", 0.5)
    before: list[str] = [n for n in ("discount_total", "freight") if n in money]
    if "subtotal" in money:
        add("subtotal", style.label("subtotal"))
    for name in choices.shuffled("extras order", before):
        add(name, style.label(name), negative=name == "discount_total" and deductions_negative)
    if "tax_amount" in money:
        _add_tax(setting, rows)
    if "total" in money:
        stressed = "amount_due" not in money or choices.chance("stress total too", 0.4)
        add(
            "total",
            style.label("credit_total" if event.family == "credit_note" else "total"),
            stressed=stressed,
        )
    for name in ("retainage_amount", "amount_paid"):
        if name in money:
            add(name, style.label(name), negative=deductions_negative)
    if "previous_balance" in money:
        at = choices.pick("previous balance place", ("first", "late"))
        add("previous_balance", style.label("previous_balance"))
        if at == "first":
            rows.insert(0, rows.pop())
    if "amount_due" in money:
        add("amount_due", style.label("amount_due"), stressed=True)
    return rows


def _add_tax(setting: Setting, rows: list[SumRow]) -> None:
    event, style = setting.event, setting.style
    rate = event.formats.quantity(event.tax_rate)
    form = style.choices.pick("tax form", ("plain", "with rate", "with rate", "rate first", "own row"))
    symbol = style.money_symbol in ("everywhere", "totals")
    amount = setting.amount(event.money["tax_amount"], "tax_amount", symbol=symbol)
    name = style.cased(event.tax_name)
    if form == "plain":
        rows.append((f"{name}{style.label_end}", amount, False))
    elif form == "own row":
        rows.append((f"{name} %{style.label_end}", Shown(f"{rate}%", "tax_rate"), False))
        rows.append((f"{name}{style.label_end}", amount, False))
    else:
        printed = Shown(rate, "tax_rate")
        end = style.label_end
        label: Content = (
            [(f"{name} (", None), (rate, printed), (f"%){end}", None)]
            if form == "with rate"
            else [(rate, printed), (f" % {name}{end}", None)]
        )
        rows.append((label, amount, False))


def _closing(setting: Setting, pager: Pager) -> None:
    """Everything below the table: sums, payment, notes, beside or below each other."""
    event, choices = setting.event, setting.style.choices
    rows = _sum_rows(setting)
    width = pager.width
    side = choices.pick("sums side", ("right", "right", "right", "left", "full"))
    sums_width = width if side == "full" else width * choices.between("sums width", 0.36, 0.56)
    total = blocks.sums(setting, rows, sums_width) if rows else Block(0, 0)
    others_width = width - sums_width - 18 if side != "full" else width
    texts = {"payment": blocks.payment, "notes": blocks.notes}
    order = choices.shuffled("closing order", list(texts))
    sunk = bool(rows) and choices.chance("sums at the bottom", 0.15)
    if side != "full" and rows and choices.chance("text beside sums", 0.55):
        text = stacked([texts[name](setting, others_width) for name in order], gap=8)
        pair = [(0.0, text), (width - sums_width, total)]
        if side == "left":
            pair = [(0.0, total), (sums_width + 18, text)]
        both = beside(pair, width)
        if sunk:
            pager.sink(both)
        pager.place(both)
    else:
        others = [block for name in order if (block := texts[name](setting, width)).height]
        x = width - sums_width if side == "right" else 0.0
        closing = (
            [(total, x), *((block, 0.0) for block in others)]
            if not sunk
            else [*((block, 0.0) for block in others), (total, x)]
        )
        for block, at in closing:
            if sunk and block is total:
                pager.sink(total)
            pager.place(block, x=at)
            pager.y += 8 if block.height else 0
    if event.document_type in ("invoice", "statement") and choices.chance("remittance slip", 0.1):
        slip = blocks.remittance_slip(setting, width, number_label=_number_label(event))
        pager.sink(slip)
        pager.place(slip)
    if event.document_type == "delivery_ticket":
        pager.y += 14
        pager.place(blocks.signature(setting, width))
