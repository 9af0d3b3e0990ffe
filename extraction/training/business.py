# ruff: noqa: E501 - tables of words read better on long lines
"""The business event behind a document: who sold what to whom, with sums that hold. No layout here."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from extraction.training.choices import Choices, fill, goods
from extraction.training.countries import COUNTRIES, Country, Formats

CENT = Decimal("0.01")
ERROR_SHARE = 0.03
"""Share of documents on which the vendor made a mistake (EXTRACTION.md); they carry a tag that begins with it."""

_NAMES = {
    "en": ["Alder", "Barton", "Castell", "Denham", "Ellery", "Farrow", "Gantry", "Hollis", "Ivers", "Jarrett", "Kessler", "Lindqvist", "Mercer", "Norcross", "Okafor", "Pruitt", "Quill", "Ramsey", "Stannard", "Tolliver", "Ulrich", "Vance", "Whitlow", "Yarrow", "Zeller", "Reyes", "Nguyen", "Kowalski", "Banks", "Moreno"],
    "es": ["Aranda", "Bermejo", "Cordero", "Durán", "Escalante", "Figueroa", "Galván", "Herrera", "Ibarra", "Lozano", "Montalvo", "Navarro", "Olvera", "Quiroga", "Robledo", "Saldaña", "Treviño", "Vallejo", "Zamora"],
    "de": ["Ahrens", "Brandl", "Clausen", "Dreher", "Eichner", "Fröhlich", "Gruber", "Hartwig", "Kessel", "Lindner", "Maurer", "Niemann", "Ostertag", "Pfister", "Reuter", "Schäfer", "Thiele", "Wagner", "Zöller"],
    "fr": ["Aubert", "Blanchet", "Chevalier", "Delorme", "Fabre", "Girard", "Hébert", "Jourdan", "Lacroix", "Marchand", "Noël", "Pelletier", "Renaud", "Sorel", "Tessier", "Vasseur"],
    "nl": ["Bakker", "Dekker", "Gerritsen", "Hoekstra", "Jansen", "Kuiper", "Mulder", "Postma", "Smit", "Timmer", "Veldman", "Visser", "Wolters"],
    "it": ["Amato", "Bellini", "Colombo", "Ferrari", "Gallo", "Lombardi", "Marini", "Orlando", "Ricci", "Santoro", "Testa", "Vitale", "Zanetti"],
    "pt": ["Almeida", "Barbosa", "Carvalho", "Duarte", "Esteves", "Fonseca", "Guimarães", "Lemos", "Moreira", "Pacheco", "Ribeiro", "Teixeira", "Vieira"],
}  # fmt: skip
_FIRST = {
    "en": ["Daniel", "Maria", "Kevin", "Dolores", "Grant", "Priya", "Sam", "Denise", "Luis", "Walter"],
    "es": ["José", "Ana", "Miguel", "Rosa", "Luis", "Elena"], "de": ["Jürgen", "Petra", "Uwe", "Sabine", "Klaus"], "fr": ["Luc", "Hélène", "Marc", "Sophie"],
    "nl": ["Jan", "Marieke", "Piet", "Els"], "it": ["Marco", "Giulia", "Paolo", "Chiara"], "pt": ["João", "Inês", "Rui", "Carla"],
}  # fmt: skip
_TRADES = {
    "en": ["Roofing", "Plumbing", "Electric", "Drywall", "Mechanical", "Concrete", "Painting", "Contracting", "Builders", "Construction", "Masonry", "Glass & Door", "Fire Protection", "Tile Works", "Excavating", "Interiors"],
    "es": ["Construcciones", "Pinturas", "Instalaciones", "Reformas", "Eléctrica", "Plomería"], "de": ["Bau", "Elektrotechnik", "Malerbetrieb", "Sanitär", "Dachdeckerei", "Trockenbau"],
    "fr": ["Bâtiment", "Plomberie", "Électricité", "Rénovation", "Peinture"], "nl": ["Bouw", "Installatie", "Schilderwerken", "Timmerwerken"], "it": ["Costruzioni", "Impianti", "Edilizia"], "pt": ["Construções", "Instalações", "Pinturas"],
}  # fmt: skip
_SHOPS = {
    "en": ["Supply", "Lumber", "Building Materials", "Rentals", "Hardware", "Equipment"], "es": ["Materiales", "Ferretería"], "de": ["Baustoffe", "Baumarkt"], "fr": ["Matériaux", "Quincaillerie"],
    "nl": ["Bouwmaterialen", "IJzerwaren"], "it": ["Materiali Edili", "Ferramenta"], "pt": ["Materiais", "Ferragens"],
}  # fmt: skip

TERMS = {
    "en": (("Net 30", 30), ("Net 15", 15), ("Due on receipt", 0), ("2% 10, Net 30", 30), ("Net 45 days", 45), ("30 days", 30), ("Net 10", 10), ("N/60", 60)),
    "es": (("30 días", 30), ("Contado", 0), ("Crédito 15 días", 15)), "de": (("14 Tage netto", 14), ("30 Tage netto", 30), ("sofort rein netto", 0), ("8 Tage 2 % Skonto, 30 Tage netto", 30)),
    "fr": (("30 jours", 30), ("À réception", 0), ("45 jours fin de mois", 45)), "nl": (("14 dagen", 14), ("30 dagen netto", 30)), "it": (("30 gg", 30), ("Bonifico 60 gg d.f.", 60)), "pt": (("30 dias", 30), ("Pronto pagamento", 0)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Party:
    """A firm or person with an address."""

    name: str
    address: tuple[str, ...]
    phone: str = ""
    fax: str = ""
    email: str = ""
    web: str = ""
    tax_label: str = ""
    tax_id: str = ""
    licence: str = ""


@dataclass(slots=True)
class Line:
    """One line of work, goods or time; ``values`` by names of ``extraction.fields.LINE_ITEM_FIELDS``."""

    values: dict[str, str | Decimal | date]
    section: str = ""
    places: int = 0

    def money(self, name: str) -> Decimal:
        value = self.values[name]
        assert isinstance(value, Decimal)  # noqa: S101 - money columns hold decimals only
        return value


@dataclass(slots=True)
class Event:
    """Everything that a document may say. ``texts``, ``days`` and ``money`` are by field name of the catalogue.

    ``extra`` holds what looks like a field and is none, by label; ``summary`` the sums of a pay application.
    """

    family: str
    document_type: str
    country: Country
    formats: Formats
    vendor: Party
    customer: Party
    site: tuple[str, ...]
    texts: dict[str, str] = field(default_factory=dict)
    days: dict[str, date] = field(default_factory=dict)
    money: dict[str, Decimal] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    extra_days: dict[str, date] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    summary: dict[str, Decimal] = field(default_factory=dict)
    tax_name: str = ""
    tax_rate: Decimal = Decimal(0)
    tags: list[str] = field(default_factory=list)


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def choose_country(choices: Choices, family: str) -> Country:
    options = [c for c in COUNTRIES if family not in ("pay_application", "form") or c.code == "US"]
    return choices.pick("country", options, [c.weight for c in options])


def choose_formats(choices: Choices, country: Country) -> Formats:
    group, decimal = choices.pick("numbers", country.numbers)
    return Formats(
        country,
        choices.pick("dates", country.dates),
        group,
        decimal,
        choices.pick("money", country.money),
        choices.pick("negative", ("-{}", "-{}", "({})", "{}-")),
    )


def invent_address(rng: random.Random, country: Country) -> tuple[str, ...]:
    street = fill(rng, rng.choice(country.streets)).format(rng.choice(_NAMES[country.language]))
    return street, fill(rng, rng.choice(country.cities))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in folded if c.isascii() and c.isalnum())


def invent_party(rng: random.Random, country: Country, kind: str) -> Party:
    """Invent a firm; ``kind`` is trade, shop, contractor or person."""
    language = country.language
    name = rng.choice(_NAMES[language])
    word = rng.choice((_SHOPS if kind == "shop" else _TRADES)[language])
    legal = rng.choice(country.legal)
    second = rng.choice(_NAMES[language])
    if kind == "person":
        full = f"{rng.choice(_FIRST[language])} {name}"
    else:
        full = rng.choice(
            (
                f"{name} {word}",
                f"{name} {word}",
                f"{name} & {second} {word}",
                f"{word} {name}",
                f"{name}-{second}",
                f"{fill(rng, '@@@')} {word}",
                f"{name} {second} {word}",
            )
        )
        full = f"{full} {legal}".strip()
    short = _plain(name)
    domain = rng.choice(
        (f"{short}{_plain(word)[:5]}.example", f"{short}.example", f"{short}-{_plain(word)}.example.com")
    )
    label, pattern = rng.choice(country.tax_ids)
    phone = rng.choice(country.phones)
    return Party(
        full,
        invent_address(rng, country),
        fill(rng, phone),
        fill(rng, phone),
        f"{rng.choice(('info', 'office', 'billing', 'ar', _plain(second)))}@{domain}",
        f"www.{domain}",
        label,
        fill(rng, pattern),
        fill(rng, rng.choice(("CBC 12#####", "#######-5501", "LIC-######"))),
    )


def invent_lines(rng: random.Random, kind: str, language: str, count: int, day: date) -> list[Line]:
    """Invent lines whose amount is quantity times price, to the cent."""
    rooms = goods("rooms", language)
    offered = goods(kind, language)
    chosen = rng.sample(offered, len(offered))
    lines = []
    for number in range(1, count + 1):
        # Nothing comes twice before everything has come once, except now and then.
        repeated = number > len(chosen) or rng.random() < 0.06
        description, unit, low, high = (rng.choice(offered) if repeated else chosen[number - 1])[:4]
        description = description.replace("{room}", rng.choice(rooms))
        description = (
            description.replace("{n}", str(rng.randint(1, 6)))
            .replace("{m}", str(rng.choice((50, 75, 100, 110, 150, 200, 36))))
            .replace("{letter}", rng.choice("ABCD"))
        )
        lump = unit in ("ls", "psch", "ens", "post", "corpo", "vg", "lote", "servicio")
        if lump:
            quantity = Decimal(1)
        elif kind == "labor" and unit in ("hr", "Std", "h", "uur", "ore"):
            quantity = Decimal(rng.randint(2, 80)) / 2
        elif rng.random() < 0.18 and unit not in ("ea", "St", "u", "st", "pz", "un"):
            quantity = Decimal(rng.randint(105, 9800)) / 100
        else:
            quantity = Decimal(
                rng.choice((1, 1, 2, 3, 4, 6, 8, 10, 12, 20, 24, 40, 64, 100, 250))
                if kind != "shop"
                else rng.choice((1, 1, 1, 2, 3, 6))
            )
            if high > 300:
                quantity = min(quantity, Decimal(rng.randint(1, 6)))
        price = cents(Decimal(str(round(rng.uniform(low, high), 2))))
        if rng.random() < 0.35 and price > 20 and kind != "shop":
            price = cents(Decimal(round(price)))
        values: dict[str, str | Decimal | date] = {
            "item_number": str(number),
            "description": description,
            "quantity": quantity,
            "unit": unit,
            "unit_price": price,
            "amount": cents(quantity * price),
            "product_code": fill(rng, rng.choice(("####-##", "@@%###", "%#####", "@%##-##@"))),
            "cost_code": fill(rng, rng.choice(("%#-%###", "0%-###", "%####"))),
            "date": day - timedelta(days=rng.randint(0, 24)),
        }
        lines.append(Line(values, places=rng.choice((0, 0, 0, 2))))
    lines.sort(key=lambda line: str(line.values["date"]))
    for number, line in enumerate(lines, start=1):
        line.values["item_number"] = str(number)
    return lines


_NUMBER_FORMS = (
    "%####",
    "INV-####",
    "%###-##",
    "@@-%####",
    "2026-0##",
    "%#####",
    "#####-@",
    "@%####",
    "%##/26",
    "SI-%######",
    "%######",
    "IN%#####",
)


def _numbers(event: Event, vendor: Choices, rng: random.Random) -> None:
    """Give the document its own number, the contractor's numbers and those that only look like them."""
    event.texts["invoice_number"] = fill(rng, vendor.pick("number form", _NUMBER_FORMS))
    optional = {
        "work_order_number": (("WO-%####", "%#####", "%####", "E-%###", "W%######"), 0.3),
        "job_number": (("%#-###", "J%###", "2#-0##", "%###"), 0.4),
        "po_number": (("PO-%####", "%#####", "P%###-##", "450#######", "%###"), 0.5),
        "contract_number": (("C-%###", "SC-2#-##", "%####-SUB"), 0.15),
    }
    for name, (forms, share) in optional.items():
        if vendor.chance(f"prints {name}", share) and rng.random() < 0.88:
            event.texts[name] = fill(rng, rng.choice(forms))
    for name, form, share in (
        ("account", "%####", 0.35),
        ("permit", "B2#-#####", 0.15),
        ("contact", "", 0.3),
        ("ship_via", "", 0.2),
    ):
        if vendor.chance(f"prints {name}", share):
            language = event.country.language
            event.extra[name] = (
                fill(rng, form)
                if form
                else (
                    f"{rng.choice(_FIRST[language])} {rng.choice(_NAMES[language])[0]}."
                    if name == "contact"
                    else fill(rng, rng.choice(("Truck %#", "UPS", "DHL", "Will Call")))
                )
            )


def _days(event: Event, vendor: Choices, rng: random.Random) -> None:
    issued = date(2019, 1, 2) + timedelta(days=rng.randint(0, 2800))
    event.days["invoice_date"] = issued
    text, days = vendor.pick("terms", TERMS[event.country.language])
    if vendor.chance("prints terms", 0.45):
        event.texts["payment_terms"] = text
    if vendor.chance("prints due date", 0.55) and rng.random() < 0.92:
        event.days["due_date"] = issued + timedelta(days=days)
    if vendor.chance("prints delivery date", 0.3):
        event.extra_days["delivery_date"] = issued - timedelta(days=rng.randint(0, 20))


def _bank(event: Event, vendor: Choices) -> None:
    if not vendor.chance("prints bank", 0.3 if event.country.code == "US" else 0.65):
        return
    rng = vendor.stream("bank")
    iban = event.country.iban(rng)
    event.extra["bank"] = (
        f"{rng.choice(_NAMES[event.country.language])} {'Bank' if event.country.language in ('en', 'de', 'nl') else 'Banco'}"
    )
    if event.country.code in ("US", "AU") or (event.country.code == "GB" and rng.random() < 0.5):
        event.texts["bank_account"] = fill(rng, "%#########" if event.country.code == "US" else "########")
        event.texts["routing_number"] = fill(
            rng, {"US": "0########", "GB": "##-##-##", "AU": "###-###"}[event.country.code]
        )
    elif iban:
        event.texts["iban"] = (
            " ".join(iban[i : i + 4] for i in range(0, len(iban), 4)) if rng.random() < 0.75 else iban
        )
        event.extra["bic"] = fill(rng, f"@@@@{event.country.code}##")


def total_up(
    event: Event, vendor: Choices, rng: random.Random, *, taxed: float = 0.7, extras: bool = True
) -> None:
    """Work out subtotal, discount, freight, tax, total, payments, retainage, what is due; only what is printed is kept."""
    money = event.money
    net = sum((line.money("amount") for line in event.lines), Decimal(0))
    money["subtotal"] = net
    base = net
    if extras and vendor.chance("gives discount", 0.14) and rng.random() < 0.8:
        money["discount_total"] = cents(net * Decimal(rng.choice((2, 3, 5, 10))) / 100)
        base -= money["discount_total"]
    if (
        extras
        and vendor.chance("charges freight", 0.2 if event.family != "material" else 0.4)
        and rng.random() < 0.8
    ):
        money["freight"] = cents(Decimal(str(round(rng.uniform(15, 380), 2))))
        base += money["freight"]
    if vendor.chance("charges tax", taxed if event.country.code == "US" else 0.95):
        event.tax_name, rate = vendor.pick("tax", event.country.taxes)
        event.tax_rate = Decimal(rate)
        money["tax_amount"] = cents(base * event.tax_rate / 100)
    money["total"] = base + money.get("tax_amount", Decimal(0))
    due = money["total"]
    if not extras:
        return
    if vendor.chance("keeps retainage", 0.9 if event.family == "progress" else 0.06):
        money["retainage_amount"] = cents(net * Decimal(vendor.pick("retainage", (5, 10, 10, 10))) / 100)
        due -= money["retainage_amount"]
    if rng.random() < 0.16:
        money["amount_paid"] = min(due, cents(due * Decimal(rng.choice((10, 25, 30, 50))) / 100))
        due -= money["amount_paid"]
    if vendor.chance("shows previous balance", 0.08) and rng.random() < 0.9:
        money["previous_balance"] = cents(Decimal(str(round(rng.uniform(120, 9000), 2))))
        due += money["previous_balance"]
    if due != money["total"] or vendor.chance("always prints what is due", 0.3):
        money["amount_due"] = due
    if money["total"] == net and len(money) == 2 and not vendor.chance("prints subtotal anyway", 0.4):
        del money["subtotal"]


def _blunder(event: Event, rng: random.Random) -> None:
    """Make the mistakes that vendors make, and say so in the tags; the truth is what the page says."""
    if rng.random() >= ERROR_SHARE or event.summary:
        return
    options: list[str] = [name for name in ("subtotal", "tax_amount", "total") if name in event.money]

    if event.lines and "amount" in event.lines[0].values:
        options.append("line")
    if not options:
        return
    what = rng.choice(options)
    slip = rng.choice((Decimal(9), Decimal(90), Decimal("0.9"), Decimal(10), Decimal(100)))
    if what == "line":
        line = rng.choice(event.lines)
        line.values["amount"] = line.money("amount") + slip
    else:
        event.money[what] += slip
    event.tags.append(f"vendor-error:{what}")


def _sections(event: Event, vendor: Choices, rng: random.Random) -> None:
    if len(event.lines) < 5 or not vendor.chance("has sections", 0.3):
        return
    titles = goods("sections", event.country.language)
    names = rng.sample(titles, min(len(titles), rng.randint(2, 3)))
    size = -(-len(event.lines) // len(names))
    for number, line in enumerate(event.lines):
        line.section = names[number // size]


def invent_event(family: str, vendor: Choices, rng: random.Random) -> Event:
    """Invent one business event.

    :param family: one of :data:`FAMILIES`.
    :param vendor: decisions that belong to the vendor (name, country, habits): the same for all its documents.
    :param rng: what differs from document to document.
    """
    country = choose_country(vendor, family)
    formats = choose_formats(vendor, country)
    kind = "shop" if family in ("material", "rental", "receipt", "statement", "delivery_ticket") else "trade"
    if family == "form":
        kind = vendor.pick("kind", ("trade", "person"))
    seller = invent_party(vendor.stream("vendor"), country, kind)
    buyer_rng = vendor.stream(f"customer {rng.randint(0, 2)}")
    buyer = invent_party(
        buyer_rng, country, "person" if buyer_rng.random() < 0.12 and kind != "shop" else "trade"
    )
    event = Event(family, "invoice", country, formats, seller, buyer, invent_address(rng, country))
    _numbers(event, vendor, rng)
    _days(event, vendor, rng)
    _bank(event, vendor)
    _FAMILY_CONTENT[family](event, vendor, rng)
    if family not in ("statement", "receipt", "form", "pay_application"):
        _sections(event, vendor, rng)
    _blunder(event, rng)
    return event


def _trade(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.lines = invent_lines(
        rng,
        "work",
        event.country.language,
        rng.choice((1, 1, 2, 3, 3, 4, 5, 6, 8, 11)),
        event.days["invoice_date"],
    )
    total_up(event, vendor, rng, taxed=0.55)


def _material(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.lines = invent_lines(
        rng,
        "material",
        event.country.language,
        rng.choice((4, 7, 9, 12, 18, 25, 33, 48, 60)),
        event.days["invoice_date"],
    )
    total_up(event, vendor, rng, taxed=0.85)


def _rental(event: Event, vendor: Choices, rng: random.Random) -> None:
    issued = event.days["invoice_date"]
    event.lines = invent_lines(rng, "rental", event.country.language, rng.choice((1, 2, 2, 3, 4, 6)), issued)
    event.days["period_end"] = issued - timedelta(days=rng.randint(0, 4))
    event.days["period_start"] = event.days["period_end"] - timedelta(days=rng.choice((6, 7, 13, 27, 28, 30)))
    total_up(event, vendor, rng, taxed=0.85)


def _ticket(event: Event, vendor: Choices, rng: random.Random) -> None:
    issued = event.days["invoice_date"]
    labor = invent_lines(rng, "labor", event.country.language, rng.randint(2, 6), issued)
    material = invent_lines(rng, "material", event.country.language, rng.randint(0, 4), issued)
    event.lines = labor + material
    for number, line in enumerate(event.lines, start=1):
        line.values["item_number"] = str(number)
    event.texts["work_order_number"] = fill(rng, rng.choice(("T-%###", "%####", "TM-%##", "%###")))
    if rng.random() < 0.5:
        event.days["period_end"] = issued
        event.days["period_start"] = issued - timedelta(days=rng.choice((4, 5, 6)))
    total_up(event, vendor, rng, taxed=0.3)


def _progress(event: Event, vendor: Choices, rng: random.Random) -> None:
    issued = event.days["invoice_date"]
    event.lines = invent_lines(rng, "work", event.country.language, rng.randint(2, 9), issued)
    event.texts["application_number"] = str(rng.randint(1, 14))
    event.days["period_end"] = issued - timedelta(days=rng.randint(0, 6))
    event.days["period_start"] = event.days["period_end"] - timedelta(days=rng.choice((27, 29, 30)))
    total_up(event, vendor, rng, taxed=0.2)


def _credit(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.document_type = "credit_note"
    event.lines = invent_lines(
        rng,
        rng.choice(("material", "work")),
        event.country.language,
        rng.randint(1, 4),
        event.days["invoice_date"],
    )
    event.extra["original_invoice"] = fill(rng, vendor.pick("number form", _NUMBER_FORMS))
    event.days.pop("due_date", None)
    total_up(event, vendor, rng, taxed=0.7, extras=False)
    if vendor.chance("credits are negative", 0.5):
        for line in event.lines:
            line.values["amount"] = -line.money("amount")
            line.values["quantity"] = -line.money("quantity")
        event.money = {name: -value for name, value in event.money.items()}


def _quote(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.document_type = "quote"
    event.lines = invent_lines(
        rng,
        rng.choice(("work", "material")),
        event.country.language,
        rng.randint(2, 10),
        event.days["invoice_date"],
    )
    event.days.pop("due_date", None)
    total_up(event, vendor, rng, taxed=0.5)
    for name in ("amount_paid", "previous_balance", "amount_due", "retainage_amount"):
        event.money.pop(name, None)


def _delivery(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.document_type = "delivery_ticket"
    event.lines = invent_lines(
        rng, "material", event.country.language, rng.randint(2, 14), event.days["invoice_date"]
    )
    for line in event.lines:
        for name in ("amount", "unit_price"):
            line.values.pop(name)
    for name in ("due_date",):
        event.days.pop(name, None)
    event.texts.pop("payment_terms", None)
    for name in ("iban", "bank_account", "routing_number"):
        event.texts.pop(name, None)
    event.extra.pop("bank", None)
    event.extra.pop("bic", None)


def _statement(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.document_type = "statement"
    event.days.pop("due_date", None)
    for name in ("work_order_number", "po_number", "job_number", "contract_number"):
        event.texts.pop(name, None)
    issued = event.days["invoice_date"]
    form = vendor.pick("number form", _NUMBER_FORMS)
    balance = cents(Decimal(str(round(rng.uniform(0, 9000), 2)))) if rng.random() < 0.6 else Decimal(0)
    if balance:
        event.money["previous_balance"] = balance
    days = sorted(issued - timedelta(days=rng.randint(0, 34)) for _ in range(rng.randint(3, 12)))
    for day in days:
        payment = rng.random() < 0.25 and balance > 500
        amount = cents(Decimal(str(round(rng.uniform(80, 6400), 2))))
        amount = -min(amount, balance) if payment else amount
        balance += amount
        event.lines.append(
            Line({"date": day, "description": fill(rng, form), "amount": amount, "balance": balance})
        )
    event.money["amount_due"] = balance


def _receipt(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.document_type = "receipt"
    for name in (
        "work_order_number",
        "job_number",
        "contract_number",
        "payment_terms",
        "iban",
        "bank_account",
        "routing_number",
    ):
        event.texts.pop(name, None)
    if rng.random() < 0.9:
        event.texts.pop("po_number", None)
    event.days.pop("due_date", None)
    event.lines = invent_lines(
        rng, "shop", event.country.language, rng.randint(1, 11), event.days["invoice_date"]
    )
    total_up(event, vendor, rng, taxed=0.9, extras=False)


def _form(event: Event, vendor: Choices, rng: random.Random) -> None:
    event.lines = invent_lines(
        rng,
        "work",
        vendor.pick("hand language", ("en", "en", "es")),
        rng.randint(1, 6),
        event.days["invoice_date"],
    )
    event.money["total"] = sum((line.money("amount") for line in event.lines), Decimal(0))
    event.texts = (
        {"work_order_number": fill(rng, rng.choice(("%####", "%#####", "E%###", "%###")))}
        if rng.random() < 0.9
        else {}
    )
    if rng.random() < 0.3:
        event.texts["invoice_number"] = fill(rng, rng.choice(("%##", "%###", "00##")))
    event.days.pop("due_date", None)
    if vendor.chance("is an estimate", 0.15):
        event.document_type = "estimate"
    total = event.money["total"]
    if vendor.chance("form with sums", 0.35):
        if rng.random() < 0.6:
            event.money["subtotal"] = total
        if rng.random() < 0.3:
            event.money["amount_paid"] = cents(total * rng.choice((10, 25, 30, 50)) / 100)
            event.money["amount_due"] = total - event.money["amount_paid"]
    event.extra["licence"] = fill(rng, rng.choice(("%#####", "C-%#####", "%####")))


def _pay_application(event: Event, vendor: Choices, rng: random.Random) -> None:
    """Invent a schedule of values and its summary; the ties are those of CONSTRUCTION.md."""
    event.document_type = "pay_application"
    for name in ("invoice_number", "work_order_number", "payment_terms"):
        event.texts.pop(name, None)
    event.days.pop("due_date", None)
    number = rng.randint(1, 9)
    event.texts["application_number"] = str(number)
    if rng.random() < 0.85:
        event.texts["contract_number"] = fill(rng, rng.choice(("SC-%###", "C%##-2#", "%####")))
    event.days["period_end"] = event.days["invoice_date"] - timedelta(days=rng.randint(0, 9))
    rate = Decimal(vendor.pick("retainage", (5, 10, 10, 10)))
    zero = Decimal(0)
    work = invent_lines(
        rng, "work", event.country.language, rng.choice((4, 6, 9, 14, 22)), event.days["invoice_date"]
    )
    changes = rng.choice((0, 0, 1, 2))
    for index, line in enumerate(work):
        value = cents(Decimal(rng.randint(8, 900)) * 100)
        before = (
            cents(value * Decimal(rng.choice((0, 0, 10, 25, 40, 60, 75, 100))) / 100) if number > 1 else zero
        )
        now = cents((value - before) * Decimal(rng.choice((0, 0, 20, 25, 50, 100))) / 100)
        stored = (
            cents((value - before - now) * Decimal(rng.choice((5, 10))) / 100) if rng.random() < 0.2 else zero
        )
        done = before + now + stored
        description = line.values["description"]
        event.lines.append(
            Line(
                {
                    "item_number": f"{index + 1:03d}"
                    if vendor.chance("padded items", 0.4)
                    else str(index + 1),
                    "description": f"CO #{index - len(work) + changes + 1}: {description}"
                    if index >= len(work) - changes
                    else description,
                    "scheduled_value": value,
                    "previous_completed": before,
                    "this_period": now,
                    "materials_stored": stored,
                    "total_completed": done,
                    "percent_complete": cents(done / value * 100),
                    "balance_to_finish": value - done,
                    "retainage": cents(done * rate / 100),
                }
            )
        )
    original = sum((line.money("scheduled_value") for line in event.lines[: len(work) - changes]), zero)
    changed = sum((line.money("scheduled_value") for line in event.lines[len(work) - changes :]), zero)
    completed = sum((line.money("total_completed") for line in event.lines), zero)
    held = sum((line.money("retainage") for line in event.lines), zero)
    earlier = sum(
        (
            line.money("previous_completed") - cents(line.money("previous_completed") * rate / 100)
            for line in event.lines
        ),
        zero,
    )
    earned = completed - held
    event.summary = {
        "original_contract_sum": original, "change_orders": changed, "contract_sum_to_date": original + changed, "completed_and_stored": completed,
        "retainage_rate": rate, "retainage": held, "earned_less_retainage": earned, "previous_certificates": earlier, "current_payment_due": earned - earlier,
        "balance_to_finish": original + changed - earned,
    }  # fmt: skip
    event.money = {"retainage_amount": held, "amount_paid": earlier, "amount_due": earned - earlier}


_FAMILY_CONTENT = {
    "trade": _trade, "material": _material, "rental": _rental, "ticket": _ticket, "progress": _progress, "credit_note": _credit, "quote": _quote,
    "delivery_ticket": _delivery, "statement": _statement, "receipt": _receipt, "form": _form, "pay_application": _pay_application,
}  # fmt: skip

FAMILIES: Sequence[str] = tuple(_FAMILY_CONTENT)
"""Every kind of document that can be generated."""
