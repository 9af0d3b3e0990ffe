"""What a reading costs, and the most it can cost: seconds of a machine times its price, or tokens times theirs.

Money is in the currency in which the prices were stated (`settings.PRICES`) and has six places: a page costs
hundredths of a cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from extraction.schema import Usage

PLACES: Final = Decimal("0.000001")
_HOUR: Final = Decimal(3600)
_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """What a reader is paid by; 0 where nobody stated it.

    ``hour`` is of the machine that reads: of the worker, or of the model server where ``on_server`` says that the
    model runs there. ``input_million`` and ``output_million`` are of a million tokens that go in and come out.
    """

    hour: Decimal = Decimal(0)
    input_million: Decimal = Decimal(0)
    output_million: Decimal = Decimal(0)
    on_server: bool = False

    @property
    def is_stated(self) -> bool:
        return any(price > 0 for price in (self.hour, self.input_million, self.output_million))


def paid_seconds(price: Price, usage: Usage, seconds: float) -> float:
    """Return for how long the machine that is paid worked: the server while it answered, else the worker throughout.

    :param seconds: of the worker, from opening the document to its values.
    """
    return usage.model_seconds if price.on_server else seconds


def cost(price: Price, usage: Usage, seconds: float) -> Decimal | None:
    """Return what a reading cost; None if nobody stated the price, or tokens are paid and the server counted none.

    The time in which a worker waits for a model server is not part of it: an hour of a small machine beside that of
    a GPU.

    :param seconds: see `paid_seconds`.
    """
    if not price.is_stated:
        return None
    counted = ((price.input_million, usage.input_tokens), (price.output_million, usage.output_tokens))
    if any(million > 0 and tokens is None for million, tokens in counted):
        return None
    found = Decimal(str(paid_seconds(price, usage, seconds))) * price.hour / _HOUR
    found += sum((million * (tokens or 0) / _MILLION for million, tokens in counted), Decimal(0))
    return found.quantize(PLACES)


def most(price: Price, *, seconds: float, input_tokens: int, output_tokens: int) -> Decimal | None:
    """Return what a reading costs at most, rounded up; None if nobody stated the price.

    :param seconds: the machine that is paid works no longer.
    :param input_tokens: no more go in, with every attempt; ``output_tokens`` no more come out.
    """
    if not price.is_stated:
        return None
    found = Decimal(str(seconds)) * price.hour / _HOUR
    found += (price.input_million * input_tokens + price.output_million * output_tokens) / _MILLION
    return found.quantize(PLACES, rounding=ROUND_UP)
