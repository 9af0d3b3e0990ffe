"""The business behind a document: who bills whom for what, with sums that hold (3 % excepted)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from extraction.training.validation.locales import LOCALES, Locale, fill, wares

CENT = Decimal("0.01")
ERROR_SHARE = 0.03
SURNAMES = {
    "en": "Holloway Brandt Okafor Pruitt Lindqvist Castellano Whitaker Nakamura Delgado Fairbanks Mercer Tolliver",
    "es": "Arrieta Benavides Cifuentes Olmedo Quiroga Salcedo Tejera Villalba Zambrano Murillo",
    "de": "Achterberg Brandl Dörfler Eichhorn Grunwald Hübner Köstler Lohmann Rademacher Strobel",
    "fr": "Aubertin Bonnard Chevallier Delorme Fournel Guichard Lacombe Marchais Pelletier Rousset",
    "nl": "Bakhuizen Dijkstra Hoekstra Kuipers Ligtenberg Oosterhof Schipper Terpstra Veenstra Wolbers",
    "it": "Bertolini Casadei Donati Fabbrini Gasparini Lombardini Marchesini Pellegrini Santoro Zanetti",
    "pt": "Almeida Bragança Carvalhal Esteves Figueira Lourenço Moutinho Queirós Sequeira Teixeira",
}
FIRST = {
    "en": "Dale Marian Curtis Joyce Trevor Nadia",
    "es": "Ramón Lucía Javier Noelia Esteban",
    "de": "Jürgen Heike Matthias Sabine Torsten",
    "fr": "Hervé Sylvie Julien Maryse Benoît",
    "nl": "Jeroen Anneke Maarten Ilse Wouter",
    "it": "Dario Giulia Fabrizio Ornella Renzo",
    "pt": "Rui Fátima Tiago Sandra Nuno",
}
TRADES = {
    "en": "Drywall|Building Supply|Mechanical|Roofing & Siding|Electric|Concrete|Rentals|Plumbing & Heating|Lumber"
    "|Site Services|Paving",
    "es": "Construcciones|Materiales|Instalaciones|Reformas|Suministros|Pinturas|Excavaciones",
    "de": "Bau|Sanitär Heizung|Elektrotechnik|Baustoffe|Trockenbau|Dachdeckerei|Malerbetrieb|Holzhandel",
    "fr": "Bâtiment|Plomberie|Matériaux|Couverture|Électricité|Menuiserie|Travaux Publics",
    "nl": "Bouw|Installatietechniek|Bouwmaterialen|Dakwerken|Schilderwerken|Verhuur",
    "it": "Costruzioni|Impianti|Edilizia|Ceramiche|Ferramenta|Scavi",
    "pt": "Construções|Materiais|Canalizações|Instalações|Pinturas",
}


@dataclass(frozen=True, slots=True)
class Party:
    name: str
    address: tuple[str, ...]
    town: str
    phone: str
    fax: str
    email: str
    taxid: str


@dataclass(slots=True)
class Line:
    """One line as the vendor's system holds it; ``rate`` is the tax rate in percent."""

    code: str
    description: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal
    rate: Decimal
    day: date


@dataclass(slots=True)
class Case:
    """One business case. ``ids``, ``days`` and ``money`` hold header fields by their names in the catalogue.

    ``extras`` holds what is printed to mislead: customer and order numbers, contacts, bank names, other dates.
    ``taxes`` holds (rate, net, tax) per rate.
    """

    family: str
    document_type: str
    locale: Locale
    vendor: Party
    customer: Party
    site: tuple[str, ...]
    terms_days: int
    ids: dict[str, str]
    days: dict[str, date]
    money: dict[str, Decimal]
    lines: list[Line]
    taxes: list[tuple[Decimal, Decimal, Decimal]]
    extras: dict[str, str]
    tags: list[str] = field(default_factory=list)
    gross: bool = False

    @property
    def rate(self) -> Decimal | None:
        """The tax rate if there is exactly one."""
        return self.taxes[0][0] if len(self.taxes) == 1 else None


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def _party(locale: Locale, rng: Random, *, firm: float) -> Party:
    surname = rng.choice(SURNAMES[locale.language].split())
    legal = rng.choice(locale.legal)
    trade = rng.choice(TRADES[locale.language].split("|"))
    if rng.random() >= firm:
        name = f"{rng.choice(FIRST[locale.language].split())} {surname}"
    elif locale.language in ("en", "de", "nl"):
        name = f"{surname} {trade} {legal}"
    else:
        name = f"{trade} {surname} {legal}"
    if rng.random() < 0.15:
        name = f"{fill('@@@', rng)} {trade} {legal}"
    town, _, region = rng.choice(locale.towns).partition("|")
    street = locale.street.format(
        s=rng.choice(locale.streets), n=rng.choice((rng.randint(2, 98), rng.randint(100, 4999)))
    )
    lines = [street, locale.city.format(t=town, r=region, c=fill(locale.postcode, rng))]
    extra = {"en": "Suite", "de": "Hinterhaus", "fr": "Bât.", "es": "Local"}.get(locale.language)
    if extra and rng.random() < 0.12:
        lines.insert(1, f"{extra} {rng.randint(2, 40)}")
    slug = surname.lower().encode("ascii", "ignore").decode() or "firma"
    domain = f"{slug}{rng.choice(('', '-bau' if locale.language == 'de' else 'co', 'group'))}.{locale.domain}"
    mailbox = rng.choice(("info", "billing", "office", "ar", "contact", slug[:3]))
    pattern = rng.choice(locale.phone)
    return Party(
        name,
        tuple(lines),
        town,
        fill(pattern, rng),
        fill(pattern, rng),
        f"{mailbox}@{domain}",
        fill(locale.taxid, rng),
    )


def _number(rng: Random, year: int) -> str:
    pattern = rng.choice(
        (
            "####",
            "#####",
            "######",
            "INV-####",
            f"{year}-0###",
            f"{year}/####",
            "RE######",
            f"{year % 100}-####",
            "00####",
            f"F{year}0###",
            "@#####",
            "####-##",
            "9#######",
            "@@-####/#",
            "S1########.001",
            f"{year}.###",
        )
    )
    return fill(pattern, rng)


def _lines(kind: str, count: int, locale: Locale, day: date, rng: Random) -> list[Line]:
    stock = wares(locale.language)
    rows = [row for name in ({"mixed": ("goods", "work")}.get(kind) or (kind,)) for row in stock[name]]
    chosen = rng.sample(rows, min(count, len(rows)))
    chosen += [rng.choice(rows) for _ in range(count - len(chosen))]
    rates = [Decimal(r) for r in locale.rates]
    second = len(rates) > 1 and locale.country not in ("US", "CA") and rng.random() < 0.2
    whole = rng.random() < 0.4
    lines = []
    for text, unit, low, high in chosen:
        price = cents(Decimal(str(round(rng.uniform(low + 0.2, high + 0.9), 2))))
        most = 400 if high < 5 else 120 if high < 40 else 30 if high < 200 else 3
        quantity = Decimal(rng.randint(1, most))
        if not whole and rng.random() < 0.3:
            quantity += Decimal(rng.choice(("0.5", "0.25", "0.75", "0.4")))
        rate = rng.choice(rates[:2]) if second else rates[0]
        code = fill(rng.choice(("@@##-###", "######", "##.###", "@###@", "###-####")), rng)
        when = day - timedelta(days=rng.randint(0, 20))
        lines.append(Line(code, text, quantity, unit, price, cents(quantity * price), rate, when))
    if locale.country in ("US", "CA") and len(rates) > 1:
        rate = rng.choice(rates)
        for line in lines:
            line.rate = rate
    return lines


COUNTS = {
    "erp": (8, 70),
    "merchant": (5, 40),
    "till": (1, 9),
    "handform": (1, 6),
    "utility": (2, 5),
    "prose": (1, 4),
    "hire": (1, 4),
}
KINDS = {
    "merchant": "goods",
    "erp": "mixed",
    "till": "goods",
    "delivery": "goods",
    "hire": "hire",
    "prose": "work",
    "handform": "work",
}
TYPES = {
    "till": "receipt",
    "credit": "credit_note",
    "offer": "quote",
    "account": "statement",
    "delivery": "delivery_ticket",
    "payapp": "pay_application",
}


def invent(family: str, rng: Random) -> Case:
    """Invent a case of a family: parties of one country, numbers, dates, lines and sums."""
    weights = [one.weight for one in LOCALES]
    if family == "handform":
        weights = [one.weight if one.country == "US" else 0 for one in LOCALES]
    locale = rng.choices(LOCALES, weights)[0]
    day = date(rng.randint(2021, 2026), rng.randint(1, 12), rng.randint(1, 28))
    vendor, customer = _party(locale, rng, firm=0.93), _party(locale, rng, firm=0.75)
    while set(customer.name.split()) & set(vendor.name.split()) & set(SURNAMES[locale.language].split()):
        customer = _party(locale, rng, firm=0.75)
    site = _party(locale, rng, firm=0).address
    few, many = COUNTS.get(family, (1, 14))
    lines = _lines(
        KINDS.get(family, rng.choice(("mixed", "work", "goods"))), rng.randint(few, many), locale, day, rng
    )
    days_open = rng.choice((0, 7, 10, 14, 15, 30, 30, 30, 45, 60))
    case = Case(
        family,
        TYPES.get(family, "invoice"),
        locale,
        vendor,
        customer,
        site,
        days_open,
        {},
        {},
        {},
        lines,
        [],
        {},
    )
    _references(case, day, rng)
    _sums(case, rng)
    return case


def _references(case: Case, day: date, rng: Random) -> None:
    ids, locale = case.ids, case.locale
    ids["invoice_number"] = _number(rng, day.year)
    optional = {
        "po_number": 0.4,
        "job_number": 0.35,
        "work_order_number": 0.15,
        "contract_number": 0.08,
    }
    patterns = {
        "po_number": ("PO-####", "#####", "45########", "@@ ##/##", "P##-###"),
        "job_number": ("##-###", "####", "J-###", "@@@##", "2#0##"),
        "work_order_number": ("WO-####", "#####", "######"),
        "contract_number": ("C-##-###", "SC####"),
    }
    for name, share in optional.items():
        if rng.random() < share:
            ids[name] = fill(rng.choice(patterns[name]), rng)
    case.days["invoice_date"] = day
    if case.terms_days and case.document_type == "invoice":
        case.days["due_date"] = day + timedelta(days=case.terms_days)
    if case.family in ("utility", "hire", "payapp", "account"):
        case.days["period_end"] = day - timedelta(days=rng.randint(0, 6))
        case.days["period_start"] = case.days["period_end"] - timedelta(days=rng.choice((6, 13, 27, 29, 30)))
    if locale.iban:
        ids["iban"] = fill(locale.iban, rng)
    else:
        ids["bank_account"] = fill(rng.choice(("##########", "#### #### ##", "########-#")), rng)
        if locale.country == "US":
            ids["routing_number"] = fill("0########", rng)
    name = rng.choice(SURNAMES[locale.language].split())
    case.extras = {
        "customer": fill(rng.choice(("#####", "K-####", "1#####", "@@@###")), rng),
        "order": fill(rng.choice(("SO-#####", "######", "A##-####")), rng),
        "salesperson": rng.choice((f"{name}", f"{rng.choice('ABDEHJKMPRST')}. {name}", fill("##", rng))),
        "via": rng.choice(("UPS", "DHL", "Truck 12", "DPD", "LKW")),
        "bank": f"{rng.choice(('First', 'Volksbank', 'Crédit', 'Banco', 'Union', 'ING'))} {case.vendor.town}",
        "bic": fill("@@@@@@##XXX", rng),
    }


def _sums(case: Case, rng: Random) -> None:
    """Work out the sums: subtotal - discount + freight + tax = total; receipts outside North America include tax."""
    money, lines = case.money, case.lines
    case.gross = case.family == "till" and case.locale.country not in ("US", "CA")
    if case.document_type == "credit_note" and rng.random() < 0.5:
        for line in lines:
            line.quantity, line.amount = -line.quantity, -line.amount
    subtotal = sum((line.amount for line in lines), Decimal(0))
    # A reduction or charge belongs to one rate, so documents with several rates have none.
    one = len({line.rate for line in lines}) == 1 and not case.gross and case.document_type == "invoice"
    if one and rng.random() < 0.15:
        money["discount_total"] = cents(subtotal * Decimal(rng.choice(("0.02", "0.03", "0.05", "0.10"))))
    if one and rng.random() < 0.2:
        money["freight"] = cents(Decimal(str(round(rng.uniform(8, 180), 2))))
    extra = money.get("freight", Decimal(0)) - money.get("discount_total", Decimal(0))
    tax = Decimal(0)
    for rate in sorted({line.rate for line in lines}, reverse=True):
        amount = sum((line.amount for line in lines if line.rate == rate), Decimal(0)) + (extra if one else 0)
        part = cents(amount * rate / (100 + rate)) if case.gross else cents(amount * rate / 100)
        case.taxes.append((rate, amount - part if case.gross else amount, part))
        tax += part
    total = subtotal if case.gross else subtotal + extra + tax
    money |= {"subtotal": subtotal - tax if case.gross else subtotal, "tax_amount": tax, "total": total}
    if case.document_type == "invoice":
        if rng.random() < 0.15:
            money["amount_paid"] = cents(total * Decimal(rng.choice(("0.1", "0.25", "0.5"))))
        if case.family == "utility" and rng.random() < 0.5:
            money["previous_balance"] = cents(Decimal(str(round(rng.uniform(20, 600), 2))))
        paid, old = money.get("amount_paid", Decimal(0)), money.get("previous_balance", Decimal(0))
        money["amount_due"] = total - paid + old
    if rng.random() < ERROR_SHARE and case.document_type in ("invoice", "receipt", "credit_note"):
        _err(case, rng)


def _err(case: Case, rng: Random) -> None:
    """Let the vendor err in one printed sum; the truth is what the page says."""
    what = rng.choice(("line", "subtotal", "tax_amount", "total"))
    slip = Decimal(rng.choice(("0.10", "1.00", "9.00", "-0.90", "-1.00", "10.00")))
    if what == "line":
        line = rng.choice(case.lines)
        line.amount += slip
    else:
        case.money[what] += slip
        if what == "total" and case.money.get("amount_due") is not None and "amount_paid" not in case.money:
            case.money["amount_due"] += slip
    case.tags.append(f"vendor-error:{what}")
