"""How many workers a volume needs, and what they cost a month: from how long documents took, and a table of prices."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any, Final

BUSY = 0.7
"""Share of its time that a worker may read. Work that comes at random waits busy / (1 - busy) times the time of one
document (M/M/1): 2.3 documents at 0.7, nine at 0.9."""
LEAST_RUNS = 20
"""With fewer documents a mean of seconds says little: one long scan moves it."""
STUDY: Final[Mapping[str, float]] = {"llama": 5.82, "pixtral": 1.5}
"""Seconds a photograph on one H100 in the study of docs/models.md: two fields of one page. They stand in until
documents were read here; more fields and more pages take longer."""
ON_GPU: Final = frozenset(STUDY)
PRICES: Final = Path(__file__).with_name("prices.toml")
DAYS_A_MONTH: Final = Decimal("30.4")

Range = tuple[Decimal, Decimal]


class BadPrices(ValueError):
    """A table of prices can't be used; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a volume needs of one reader; ``mean_seconds`` and ``p95_seconds`` are a document's.

    ``busy_hours`` is how long all reading of a day takes one worker. ``p95_seconds`` is None where only a mean is
    known.
    """

    backend: str
    documents: int
    mean_seconds: float
    p95_seconds: float | None
    busy_hours: float
    workers: int


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's price from the cheapest to the dearest: by the hour, or bought and fed with electricity."""

    hour: Range | None = None
    bought: Range | None = None
    watts: Range | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """A way to run the site: how many cores one of its machines has, and what machines cost."""

    name: str
    cores: int
    cpu: Machine
    gpu: Machine
    source: str
    months: int = 0
    kwh: Range = (Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices with their date and where they come from."""

    day: date
    currency: str
    note: str
    site_cores: int
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What one option comes to a month, from and to; ``steps`` say how, in words."""

    option: str
    month: Range
    invoice: Range
    steps: tuple[str, ...]


def plan(
    backend: str, seconds: Sequence[float], *, per_day: int, hours: float = 24.0, busy: float = BUSY
) -> Plan:
    """Work out the workers for a volume.

    :param seconds: how long each document took, from opening to values.
    :param per_day: invoices a day, spread over ``hours`` of it.
    :raises ValueError: without seconds, or if the numbers make no plan.
    """
    if not seconds:
        raise ValueError("no document was read, so nothing is known about how long one takes")
    if per_day < 1 or not 0 < hours <= 24 or not 0 < busy <= 1:
        raise ValueError("a plan needs at least one invoice a day, 0 to 24 hours, and a busy share of 0 to 1")
    mean = fmean(seconds)
    workers = max(1, math.ceil(per_day * mean / (hours * 3600 * busy)))
    p95 = quantiles(seconds, n=20, method="inclusive")[18] if len(seconds) > 1 else None
    return Plan(backend, len(seconds), mean, p95, per_day * mean / 3600, workers)


def deploy(found: Plan, option: Option, table: PriceTable, *, per_day: int, hours: float) -> Deployment:
    """Work out what a plan costs a month under one option.

    Workers of the readers in `ON_GPU` have a machine with one GPU each, which a cloud is paid for while they read
    (``hours`` a day); all other workers share machines with the site, which run all the month.
    """
    on_gpu = found.backend in ON_GPU
    cores = table.site_cores + (0 if on_gpu else found.workers)
    machines = math.ceil(cores / option.cores)
    what = f"{table.site_cores} for the site" + ("" if on_gpu else f", {found.workers} for workers")
    month, step = _month(option.cpu, option, 24.0)
    low, high = (price * machines for price in month)
    steps = [
        f"{_many(cores, 'core')} ({what}) on {_many(machines, 'machine')} of {option.cores}: {_times(step, machines)}"
    ]
    if on_gpu:
        month, step = _month(option.gpu, option, hours)
        low, high = low + month[0] * found.workers, high + month[1] * found.workers
        steps.append(f"{_many(found.workers, 'GPU')}: {_times(step, found.workers)}")
    invoices = per_day * DAYS_A_MONTH
    return Deployment(option.name, (low, high), (low / invoices, high / invoices), tuple(steps))


def at_price(found: Plan, price: Decimal, *, per_day: int, hours: float) -> Deployment:
    """Work out what a plan costs a month where a worker's machine costs ``price`` an hour, ``hours`` a day."""
    month = price * found.workers * Decimal(str(hours)) * DAYS_A_MONTH
    invoice = month / (per_day * DAYS_A_MONTH)
    step = f"{price} an hour x {hours:g} h x {DAYS_A_MONTH} days" + (
        f" x {found.workers} workers" if found.workers > 1 else ""
    )
    return Deployment("your price", (month, month), (invoice, invoice), (step,))


def _month(machine: Machine, option: Option, hours: float) -> tuple[Range, str]:
    """Return what one machine costs a month, and how that comes about."""
    if machine.hour is not None:
        time = Decimal(str(hours)) * DAYS_A_MONTH
        low, high = machine.hour
        return (low * time, high * time), f"{_span(machine.hour)} an hour x {hours:g} h x {DAYS_A_MONTH} days"
    bought, watts = machine.bought, machine.watts
    if bought is None or watts is None:  # load_prices lets no such machine through
        raise BadPrices(f"{option.name}: a machine is neither rented nor bought.")
    # A machine of one's own is paid for, and runs, whether it reads or not.
    running = 24 * DAYS_A_MONTH / 1000
    low, high = (bought[k] / option.months + watts[k] * running * option.kwh[k] for k in (0, 1))
    return (low, high), (
        f"{_span(bought)} / {option.months} months + {_span(watts)} W x 24 h x {DAYS_A_MONTH} days x "
        f"{_span(option.kwh)} a kWh"
    )


def two_digits(amount: Decimal) -> str:
    """Write an amount with the two digits that such an estimate deserves: 36, 1,200, 0.0042."""
    if not amount:
        return "0"
    rounded = amount.quantize(Decimal(1).scaleb(amount.adjusted() - 1), ROUND_HALF_UP)
    return f"{int(rounded):,}" if amount >= 10 else f"{rounded:f}"


def between(amounts: Range) -> str:
    """Write a range of amounts: 36 to 75."""
    low, high = map(two_digits, amounts)
    return low if low == high else f"{low} to {high}"


def _span(amounts: Range) -> str:
    low, high = (f"{amount:,}" for amount in amounts)
    return low if low == high else f"{low} to {high}"


def _times(step: str, count: int) -> str:
    return f"({step}) x {count:,}" if count > 1 else step


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


# --- the table ---------------------------------------------------------------------------------------


def load_prices(path: Path = PRICES) -> PriceTable:
    """Read a table of prices, such as the one that comes with the product (``extraction/prices.toml``).

    :raises BadPrices: if there is none, or something in it is missing or no number.
    """
    try:
        raw = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPrices(f"{path} can't be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadPrices(f"{path} is no TOML: {error}.") from error
    try:
        if type(raw["date"]) is not date:
            raise ValueError("date must be a day, like 2026-11-26")
        options = tuple(_option(entry) for entry in raw["option"])
        table = PriceTable(
            raw["date"],
            str(raw["currency"]),
            str(raw["note"]),
            _count(raw["site_cores"], "site_cores"),
            options,
        )
    except KeyError as error:
        raise BadPrices(f"{path}: {error.args[0]} is missing.") from error
    except (ValueError, TypeError) as error:
        raise BadPrices(f"{path}: {error}.") from error
    if not options:
        raise BadPrices(f"{path}: it names no option.")
    return table


def _option(entry: Mapping[str, Any]) -> Option:
    name = str(entry["name"])
    cpu, gpu = (_machine(entry[kind], f"{name}, {kind}") for kind in ("cpu", "gpu"))
    is_bought = cpu.bought is not None or gpu.bought is not None
    return Option(
        name,
        _count(entry["cores"], f"{name}, cores"),
        cpu,
        gpu,
        str(entry["source"]),
        _count(entry["months"], f"{name}, months") if is_bought else 0,
        _range(entry["kwh"], f"{name}, kwh") if is_bought else (Decimal(0), Decimal(0)),
    )


def _machine(prices: Mapping[str, Any], name: str) -> Machine:
    if set(prices) not in ({"hour"}, {"bought", "watts"}):
        raise ValueError(f"{name}: give either hour, or bought and watts")
    return Machine(**{key: _range(value, f"{name}.{key}") for key, value in prices.items()})


def _count(value: Any, name: str) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on")
    return value


def _range(value: Any, name: str) -> Range:
    if not (
        isinstance(value, list)
        and len(value) == 2
        and all(type(amount) in (int, Decimal) and Decimal(amount).is_finite() for amount in value)
        and 0 <= value[0] <= value[1]
    ):
        raise ValueError(f"{name} must be a range like [0.08, 0.13]")
    return Decimal(value[0]), Decimal(value[1])
