"""Parts of a letter as platypus flowables: heads, references, parties, tables of lines, sums, feet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportlab.lib import colors
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from extraction.training.validation.sheet import Pair
from extraction.training.validation.stationery import Commands, Rows, Stationery


class Paper(Stationery):
    """The parts from which ``skins`` and ``forms`` put documents together; each prints through the sheet."""

    # Heads ---------------------------------------------------------------------------------------

    def vendor_block(self, align: str = "l", *, contacts: bool = True) -> list[Flowable]:
        sheet = self.sheet
        parts: list[Flowable] = [
            self.text(
                sheet.value("vendor_name"),
                align,
                bold=True,
                scale=self.rng.choice((1.1, 1.4, 1.8)),
                ink=self.ink,
            )
        ]
        small = [*sheet.address("vendor_address"), *(sheet.contacts() if contacts else ())]
        if small:
            parts += [Spacer(1, 2), self.lines(small, align, scale=0.95)]
        return parts

    def title(self, align: str = "l", *, scale: float = 2.2) -> Paragraph:
        return self.text(self.sheet.word(self.sheet.title_key()), align, bold=True, scale=scale, ink=self.ink)

    def head_split(self) -> list[Flowable]:
        """Logo and vendor on one side, the title on the other."""
        left: list[Flowable] = (
            [self.logo(), *self.vendor_block()] if self.rng.random() < 0.6 else self.vendor_block()
        )
        cells: list[Any] = [left, self.title("r")]
        shares = [3, 2]
        if self.rng.random() < 0.3:
            cells, shares = [self.title("l"), self.vendor_block("r")], [2, 3]
        return [
            self.table(
                [cells], shares, [("LEFTPADDING", (0, 0), (0, 0), 0), ("RIGHTPADDING", (-1, 0), (-1, 0), 0)]
            ),
            self.gap(12),
        ]

    def head_centred(self) -> list[Flowable]:
        sheet = self.sheet
        name = self.text(sheet.value("vendor_name"), "c", bold=True, scale=1.9, ink=self.ink)
        parts = [*sheet.address("vendor_address"), *sheet.contacts()]
        rule = self.table([[""]], [1], [("LINEBELOW", (0, 0), (-1, 0), 1.2, self.ink)], rowHeights=[4])
        return [
            name,
            self.gap(3),
            self.text(self.rng.choice((" - ", " | ", " · ")).join(parts), "c", scale=0.85),
            rule,
            self.gap(8),
            self.title("c", scale=1.6),
            self.gap(8),
        ]

    def head_band(self) -> list[Flowable]:
        white = colors.white
        left = self.text(self.sheet.word(self.sheet.title_key()), bold=True, scale=2, ink=white)
        right = self.text(self.sheet.value("vendor_name"), "r", bold=True, scale=1.2, ink=white)
        pad = [
            ("BACKGROUND", (0, 0), (-1, -1), self.ink),
            ("TOPPADDING", (0, 0), (-1, -1), 12),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 14),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ]
        small = [*self.sheet.address("vendor_address"), *self.sheet.contacts()]
        return [
            self.table([[left, right]], [1, 1], pad),
            self.gap(4),
            self.text("   ".join(small), "r", scale=0.85),
            self.gap(12),
        ]

    # References ----------------------------------------------------------------------------------

    def boxed(self, pairs: Sequence[Pair], *, across: int = 4, width: float = 0) -> list[Flowable]:
        """Set pairs as a grid of boxes, labels over values."""
        found: list[Flowable] = []
        tint = self.rng.random() < 0.6
        room = width or self.width
        parts: list[list[Pair]] = []
        for pair in pairs:
            need = sum(self.need(one) for one in [*(parts[-1] if parts else ()), pair])
            if not parts or len(parts[-1]) == across or need > room:
                parts.append([])
            parts[-1].append(pair)
        for part in parts:
            rows = [
                [self.text(k, "c", scale=0.8, bold=tint) for k, _ in part],
                [self.text(v, "c") for _, v in part],
            ]
            commands: Commands = [("GRID", (0, 0), (-1, -1), self.line, colors.black)]
            if tint:
                commands.append(("BACKGROUND", (0, 0), (-1, 0), self.pale))
            else:
                commands.append(("LINEBELOW", (0, 0), (-1, 0), 0, colors.white))
            found.append(self.table(rows, [self.need((k, v, "mmm")) for k, v in part], commands, width=room))
        return found

    def listed(
        self, pairs: Sequence[Pair], *, width: float, align: str = "l", shares: Sequence[float] = (1, 1.1)
    ) -> Table:
        """Set pairs one under the other, labels beside values."""
        bold = self.rng.random() < 0.5
        rows = [[self.text(k, bold=bold), self.text(v, align)] for k, v in pairs]
        commands: Commands = [
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ]
        return self.table(rows or [["", ""]], shares, commands, width=width)

    def stacked(self, pairs: Sequence[Pair]) -> list[Flowable]:
        """Set pairs in a narrow column, labels over values."""
        parts: list[Flowable] = []
        for label, value in pairs:
            parts += [
                self.text(label, scale=0.8, ink=colors.HexColor("#666666")),
                self.text(value, bold=True),
                Spacer(1, 5),
            ]
        return parts

    def strip(self, pairs: Sequence[Pair]) -> list[Flowable]:
        """Set pairs in running lines, three to a line."""
        rows = [pairs[i : i + 3] for i in range(0, len(pairs), 3)]
        return [self.text("      ".join(f"{k} {v}" for k, v in row)) for row in rows]

    # Parties -------------------------------------------------------------------------------------

    def party(self, who: str, *, label: bool = True) -> list[Flowable]:
        """Set the customer (``customer``) or the site (``ship``); nothing where it isn't printed."""
        sheet = self.sheet
        if who == "customer":
            parts, key = [sheet.value("customer_name"), *sheet.address("customer_address")], "bill"
        else:
            parts, key = sheet.address("ship_to_address"), "ship"
            if parts and self.rng.random() < 0.4:
                parts.insert(0, sheet.case.customer.name)
        if not parts:
            return []
        head = [self.text(sheet.label(key), bold=True, scale=0.9, ink=self.ink)] if label else []
        return [*head, self.lines(parts)]

    def parties(self) -> list[Flowable]:
        """Set customer and site beside each other, in boxes or free."""
        cells: list[Any] = [self.party("customer")]
        ship = self.party("ship")
        cells.append(ship or "")
        commands: Commands = []
        if self.rng.random() < 0.4:
            commands = [("BOX", (0, 0), (0, 0), self.line, colors.black)]
            commands += [("BOX", (1, 0), (1, 0), self.line, colors.black)] if ship else []
        else:
            commands = [("LEFTPADDING", (0, 0), (0, 0), 0)]
        return [self.table([cells], [1, 1], commands), self.gap()]

    # Lines ---------------------------------------------------------------------------------------

    def columns(self) -> list[str]:
        """Choose the columns of the table in order; description, quantity, price and amount are nearly always there."""
        rng = self.rng
        columns = ["description", "quantity", "unit_price", "amount"]
        if rng.random() < 0.3:
            columns = ["quantity", "description", "unit_price", "amount"]
        if rng.random() < 0.55 and any(line.unit for line in self.sheet.case.lines):
            columns.insert(columns.index("quantity") + 1, "unit")
        if rng.random() < 0.4:
            columns.insert(rng.choice((0, columns.index("description"))), "product_code")
        if len(self.sheet.case.taxes) > 1 or rng.random() < 0.12:
            columns.insert(columns.index("amount") + rng.choice((0, 0, 1)), "tax_rate")
        if rng.random() < 0.12:
            columns.insert(0, "date")
        if rng.random() < 0.3:
            columns.insert(0, "pos")
        return columns

    def items(
        self,
        *,
        width: float = 0,
        columns: list[str] | None = None,
        index: Sequence[int] = (),
        carry: str = "",
    ) -> Table:
        """Set lines of the case as a table whose head is repeated on every page."""
        sheet, rng = self.sheet, self.rng
        columns = columns or self.columns()
        keys = {
            "description": "desc",
            "quantity": "qty",
            "unit": "unit",
            "unit_price": "price",
            "amount": "amount",
            "product_code": "code",
            "tax_rate": "taxcol",
            "date": "datecol",
            "pos": "pos",
        }
        shares = {
            "description": 5.0,
            "quantity": 1.1,
            "unit": 0.9,
            "unit_price": 1.5,
            "amount": 1.7,
            "product_code": 1.4,
            "tax_rate": 0.9,
            "date": 1.5,
            "pos": 0.6,
        }
        right = {"quantity", "unit_price", "amount", "tax_rate"}
        rows: Rows = [
            [
                self.text(
                    sheet.word(keys[c]), "r" if c in right else "l", bold=True, scale=0.92, ink=self.head_ink
                )
                for c in columns
            ]
        ]
        for i in index or range(len(sheet.case.lines)):
            rows.append(
                [
                    self.text(str(i + 1))
                    if c == "pos"
                    else self.text(sheet.cell(i, c), "r" if c in right else "l")
                    for c in columns
                ]
            )
        if carry:
            label, value = carry.split("\t")
            rows.append([""] * (len(columns) - 1) + [self.text(value, "r", bold=True)])
            rows[-1][columns.index("description")] = self.text(label, bold=True)
        need = {c: self.need([sheet.word(keys[c])]) for c in columns}
        for c in set(columns) & right | {"date", "unit", "product_code"} & set(columns):
            need[c] = max(
                [need[c], *(self.need([texts[c]]) for _, texts in sheet.rows.values() if c in texts)]
            )
        need[columns[-1]] = max(need[columns[-1]], self.need([carry.replace(" ", "")[-14:]]))
        room = width or self.width
        widths = {c: max(need[c], shares[c] * room / sum(shares[c] for c in columns)) for c in columns}
        widths["description"] = max(80, room - sum(widths[c] for c in columns if c != "description"))
        commands = self.item_look(len(rows))
        pad = rng.choice((1, 2, 3, 5)) if len(rows) < 14 else 1.5
        commands += [("TOPPADDING", (0, 0), (-1, -1), pad), ("BOTTOMPADDING", (0, 0), (-1, -1), pad + 1)]
        return self.table(rows, [widths[c] for c in columns], commands, width=room, repeatRows=1)

    @property
    def head_ink(self) -> Any:
        return colors.white if self.dark_head else colors.black

    @property
    def dark_head(self) -> bool:
        if not hasattr(self, "_dark"):
            self._dark, self._look = self.rng.random() < 0.3, self.rng.randrange(5)
        return self._dark

    def item_look(self, count: int) -> Commands:
        """Choose rules and shades of the table, one look per document."""
        dark, black = self.dark_head, colors.black
        head: Commands = [("BACKGROUND", (0, 0), (-1, 0), self.ink if dark else colors.white)]
        looks: list[Commands] = [
            [("GRID", (0, 0), (-1, -1), self.line, black)],
            [("LINEBELOW", (0, 0), (-1, 0), 1, black), ("LINEBELOW", (0, -1), (-1, -1), 1, black)],
            [("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.HexColor("#bbbbbb"))],
            [("BACKGROUND", (0, i), (-1, i), self.pale) for i in range(2, count, 2)],
            [
                ("BOX", (0, 0), (-1, -1), self.line, black),
                ("INNERGRID", (0, 0), (-1, 0), self.line, black),
                ("LINEAFTER", (0, 0), (-2, -1), self.line, black),
                ("LINEBELOW", (0, 0), (-1, 0), self.line, black),
            ],
        ]
        return head + looks[self._look]

    # Sums ----------------------------------------------------------------------------------------

    def totals(self, *, share: float = 0.45) -> list[Flowable]:
        """Set the sums in one of three ways: a list at the right, a row of boxes, beside the taxes per rate."""
        rows = self.sheet.sums()
        way = self.rng.choice(("list", "list", "list", "boxes", "taxes"))
        if way == "boxes" and len(rows) <= 6:
            return [self.gap(8), *self.boxed([(label, value) for _, label, value in rows], across=6)]
        strong = {"total", "amount_due"}
        body = [
            [self.text(label, bold=name in strong), self.text(value, "r", bold=name in strong)]
            for name, label, value in rows
        ]
        commands: Commands = [("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]
        if self.rng.random() < 0.4:
            commands.append(("GRID", (0, 0), (-1, -1), self.line, colors.black))
        else:
            commands += [
                ("LINEABOVE", (0, i), (-1, i), self.line, colors.black)
                for i, row in enumerate(rows)
                if row[0] in strong
            ]
        if self.rng.random() < 0.3:
            commands.append(("BACKGROUND", (0, -1), (-1, -1), self.pale))
        need = self.need([value for _, _, value in rows])
        share = max(share, (need + self.need([label for _, label, _ in rows])) / self.width + 0.02)
        sums = self.table(body, [self.width * share - need, need], commands, width=self.width * share)
        left: Any = (
            self.tax_table(self.width * 0.42) if way == "taxes" or len(self.sheet.case.taxes) > 1 else ""
        )
        if not left and self.rng.random() < 0.3:
            left = self.text(self.sheet.any_word("thanks"), scale=0.9)
        outer = self.table(
            [[left, sums]],
            [1 - share, share],
            [("RIGHTPADDING", (0, 0), (-1, -1), 0), ("LEFTPADDING", (0, 0), (-1, -1), 0)],
        )
        return [self.gap(6), outer]

    def tax_table(self, width: float) -> Table:
        """Set net and tax per rate."""
        sheet = self.sheet
        rows = [[self.text(sheet.word(k), bold=True, scale=0.85) for k in ("rate", "net", "tax")]]
        rows += [
            [
                self.text(f"{sheet.percent(r)}%", scale=0.85),
                self.text(sheet.number(n), "r", scale=0.85),
                self.text(sheet.number(t), "r", scale=0.85),
            ]
            for r, n, t in sheet.case.taxes
        ]
        return self.table(
            rows,
            [1, 1.4, 1.4],
            [("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black)],
            width=width,
            hAlign="LEFT",
        )

    def foot(self) -> list[Flowable]:
        """Set thanks and bank details under the sums."""
        parts: list[Flowable] = [self.gap(14)]
        if self.rng.random() < 0.6:
            parts.append(self.text(self.sheet.any_word("thanks"), self.rng.choice("lc")))
        if self.sheet.case.document_type in ("invoice", "statement") and self.rng.random() < 0.75:
            pairs = self.sheet.bank()
            if pairs:
                parts += [
                    self.gap(6),
                    self.listed(pairs, width=self.width * 0.55, shares=(1, 2))
                    if self.rng.random() < 0.6
                    else self.text("   ".join(f"{k} {v}" for k, v in pairs), scale=0.9),
                ]
                if isinstance(parts[-1], Table):
                    parts[-1].hAlign = "LEFT"
        return parts
