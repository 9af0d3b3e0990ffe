"""How many workers a volume needs, and what they cost, from how long documents took here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, quantiles

BUSY = 0.7
"""Share of its time that a worker may read. Work that comes at random waits busy / (1 - busy) times the time of one
document (M/M/1): 2.3 documents at 0.7, nine at 0.9."""
LEAST_RUNS = 20
"""With fewer documents a mean of seconds says little: one long scan moves it."""
_DAYS_A_MONTH = Decimal("30.4")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a volume needs of one reader; seconds are a document's, prices in whatever currency they were given."""

    backend: str
    documents: int
    mean_seconds: float
    p95_seconds: float
    workers: int
    cost_per_month: Decimal | None
    cost_per_invoice: Decimal | None


def plan(
    backend: str,
    seconds: Sequence[float],
    *,
    per_day: int,
    hours: float = 24.0,
    busy: float = BUSY,
    price_per_hour: Decimal | None = None,
) -> Plan:
    """Work out the workers for a volume.

    :param seconds: how long each document took, from opening to values.
    :param per_day: invoices a day, spread over ``hours`` of it.
    :param price_per_hour: of one worker's machine while those hours last.
    :raises ValueError: without seconds, or if the numbers make no plan.
    """
    if not seconds:
        raise ValueError("no document was read, so nothing is known about how long one takes")
    if per_day < 1 or not 0 < hours <= 24 or not 0 < busy <= 1:
        raise ValueError("a plan needs at least one invoice a day, 0 to 24 hours, and a busy share of 0 to 1")
    mean = fmean(seconds)
    workers = max(1, math.ceil(per_day * mean / (hours * 3600 * busy)))
    month = each = None
    if price_per_hour is not None:
        month = (price_per_hour * workers * Decimal(str(hours)) * _DAYS_A_MONTH).quantize(Decimal("0.01"))
        each = (month / (per_day * _DAYS_A_MONTH)).quantize(Decimal("0.0001"))
    p95 = quantiles(seconds, n=20, method="inclusive")[18] if len(seconds) > 1 else seconds[0]
    return Plan(backend, len(seconds), mean, p95, workers, month, each)
