"""What stands on a photographed form: who did which work for how much, and what the office knows of it beforehand."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

CENT = Decimal("0.01")
BLANK = {
    "vendor_address": 0.45, "vendor_phone": 0.3, "due_date": 0.55, "invoice_date": 0.05, "customer_name": 0.2,
    "customer_address": 0.5, "ship_to_address": 0.25, "payee": 0.35,
}  # fmt: skip
"""How often a field that the form has is left empty."""


@dataclass(slots=True)
class Work:
    """One line: what was done and for how much; quantity and price only where the form asks for them."""

    description: str
    amount: Decimal
    quantity: Decimal | None = None
    price: Decimal | None = None


@dataclass(slots=True)
class Job:
    """Everything that may be written on one form. ``blank`` are the fields that this person leaves empty."""

    vendor: str
    person: str
    phone: str
    address: tuple[str, str]
    builder: str
    customer_address: tuple[str, str]
    site: tuple[str, str]
    number: str
    serial: str
    day: date
    due: date
    works: list[Work]
    total: Decimal
    spanish: bool
    blank: set[str] = field(default_factory=set)


@cache
def words() -> dict[str, Any]:
    """Return the words of the photographed forms."""
    return tomllib.loads((Path(__file__).parent / "fieldwords.toml").read_text("utf-8"))


def _phone(rng: Random) -> str:
    area, first, last = rng.randint(201, 989), rng.randint(200, 999), rng.randint(0, 9999)
    return rng.choice(("({a}) {f}-{l}", "{a}-{f}-{l}", "{a} {f} {l}", "{a}.{f}.{l}")).format(
        a=area, f=first, l=f"{last:04d}"
    )


def firm(rng: Random) -> str:
    """Return the name of a subcontractor."""
    names = words()["names"]
    return rng.choice(names["firms"].split("|")).format(s=rng.choice(names["surnames"].split("|")))


def _place(rng: Random) -> tuple[str, str]:
    names = words()["names"]
    street = f"{rng.randint(100, 9899)} {rng.choice(names['streets'].split('|'))}"
    town = rng.choice(names["towns"].split("|"))
    return street, f"{town} {rng.randint(10000, 98999)}" if rng.random() < 0.7 else town


def number_of(rng: Random) -> str:
    """Return a work-order number: four to six digits, five most often."""
    return str(rng.randint(*rng.choices(((1000, 9999), (10000, 99999), (100000, 999999)), (28, 50, 22))[0]))


def _money(rng: Random) -> Decimal:
    """Return what a piece of work costs: mostly round dollars, from some tens to some thousands."""
    rough = 10 ** rng.uniform(1.75, 3.75)
    way = rng.random()
    if way < 0.45:
        return Decimal(max(25, round(rough / 25) * 25))
    if way < 0.75:
        return Decimal(max(10, round(rough / 5) * 5))
    if way < 0.88:
        return Decimal(round(rough))
    return (
        Decimal(round(rough)) + Decimal(rng.choice((25, 50, 50, 75, 99, rng.randint(1, 99)))) / 100
    ).quantize(CENT)


def invent(rng: Random) -> Job:
    """Invent the work and who did it."""
    names = words()["names"]
    spanish = rng.random() < 0.45
    works = words()["work"]["es" if spanish else "en"].strip().split("|")
    lines = [
        Work(text.strip(), _money(rng))
        for text in rng.sample(works, rng.choices((1, 2, 3, 4, 5, 6), (34, 24, 18, 12, 7, 5))[0])
    ]
    for line in lines:
        if rng.random() < 0.3:
            line.quantity = Decimal(rng.choice((1, 1, 2, 3, 4, 6, 8, 12)))
            line.price = _money(rng) if line.quantity > 1 else line.amount
            line.amount = line.quantity * line.price
    person = rng.choice(names["people"].split("|"))
    day = date(2025, 1, 1) + timedelta(days=rng.randint(0, 500))
    return Job(
        vendor=person if rng.random() < 0.22 else firm(rng),
        person=person,
        phone=_phone(rng),
        address=_place(rng),
        builder=rng.choice(names["builders"].split("|")),
        customer_address=_place(rng),
        site=_place(rng),
        number=number_of(rng),
        serial=f"{rng.randint(100, 99999):0{rng.choice((4, 5, 6))}d}",
        day=day,
        due=day + timedelta(days=rng.choice((0, 7, 14, 15, 30, 30))),
        works=lines,
        total=sum((line.amount for line in lines), Decimal(0)),
        spanish=spanish,
        blank={name for name, share in BLANK.items() if rng.random() < share},
    )


def slipped(text: str, rng: Random) -> str:
    """Return digits with one slip of a hand: two of them exchanged, or one another."""
    places = [k for k, c in enumerate(text) if c.isdigit()]
    at = rng.choice(places[1:] or places)
    before = places[places.index(at) - 1] if at != places[0] else at
    if rng.random() < 0.4 and text[at] != text[before]:
        return "".join(
            text[at] if k == before else text[before] if k == at else c for k, c in enumerate(text)
        )
    other = rng.choice([d for d in "0123456789" if d != text[at] and not (at == places[0] and d == "0")])
    return text[:at] + other + text[at + 1 :]


def office_of(job: Job, rng: Random) -> dict[str, Any]:
    """Return what an office would know beforehand: open work orders, vendors and, of 30 %, what was stated.

    The true number is among the open ones of 95 %, the vendor on the list of 80 %; of what was stated, 90 % is right
    in both values. Numbers are given out one after the other, so most of the others lie near the true one.
    """
    value, width = int(job.number), len(job.number)
    low, high = 10 ** (width - 1), 10**width - 1
    wanted = rng.randint(30, 300)
    reach = wanted * rng.choice((1, 2, 4))
    begin = min(max(low, value - rng.randint(0, reach)), high - reach)
    pool = set(rng.sample(range(begin, begin + reach), min(wanted, reach))) - {value}
    pool |= {n for n in (value - 1, value + 1, value + 10) if low <= n <= high and rng.random() < 0.7}
    known = rng.random() < 0.95
    orders = sorted(pool)[: wanted - known]
    if known:
        orders = sorted({*orders, value})
    vendors = [{"name": firm(rng), "phone": _phone(rng)} for _ in range(rng.randint(12, 60))]
    vendors = [v for v in vendors if v["name"] != job.vendor]
    if rng.random() < 0.8:
        vendors.insert(
            rng.randint(0, len(vendors)),
            {"name": job.vendor, "phone": job.phone if rng.random() < 0.85 else ""},
        )
    found: dict[str, Any] = {"work_orders": [str(n) for n in orders], "vendors": vendors}
    if rng.random() < 0.3:
        total, number = f"{job.total:.2f}", job.number
        if rng.random() >= 0.9:
            if rng.random() < 0.5:
                total = slipped(total.split(".", maxsplit=1)[0], rng) + "." + total.split(".")[1]
            else:
                number = slipped(number, rng)
        found |= {"stated_total": total, "stated_work_order": number}
    return found
