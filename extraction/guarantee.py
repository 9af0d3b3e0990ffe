"""From checked values to thresholds that keep an administrator's target, or to "no guarantee yet".

What is promised
----------------
Of the values that pass without a person from a threshold on, at most ``1 - target`` are wrong, with
95 % certainty each time the thresholds are worked out. Source of the procedure: fixed-sequence testing
(Angelopoulos et al., "Learn then Test", 2021, section 3) with the exact binomial bound of Clopper and
Pearson (Biometrika, 1934).

Which labels may be used
------------------------
Two kinds of values are checked by people: all that the gate held back, and a random few of those that
passed. Thrown together they are no sample of anything: at a threshold below the one in force the values
just above it would be checked twenty times as often as the surest. So a `Label` is a value that belongs
to the *audit draw*, which looks at neither confidence nor rightness (`review.sampling` hashes invoice and
field). Of the values held back, all of them checked, only the drawn ones count. Every value then has the same
chance to be a label whatever threshold was in force that day, so among the labels from any threshold on
the wrong ones are binomial, and a change of thresholds bends nothing.

Several fields together
-----------------------
Drawn values of one document go together (a blurred page spoils several), which a binomial bound must not
ignore. A group of fields therefore takes one value of each document, chosen by hash: its promise counts
every document once. Which group a field is judged in follows from counts alone, never from what was right.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from extraction.fields import FIELDS

LEVEL: Final = 0.95
"""Certainty of each statement; both ends of an interval hold with it, each by itself."""
GRID: Final = (0.995, 0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.92, 0.9, 0.87, 0.84, 0.8, 0.75, 0.7, 0.6, 0.5)
"""Thresholds that are tested, strict to loose: fixed, since one chosen after looking at the labels would be tuned."""

ALONE: Final = "field"
TOGETHER: Final = "rest"
KIND_NAMES: Final[Mapping[str, str]] = {
    "text": "names and texts",
    "id": "numbers",
    "date": "dates",
    "money": "amounts",
    "code": "codes",
    "percent": "percentages",
    "quantity": "quantities",
    "choice": "choices",
}


@dataclass(frozen=True, slots=True)
class Label:
    """A checked value of the audit draw.

    ``clearance`` is the highest threshold (0..1) at which the gate would let it pass (`gate.clearance`).
    """

    document: str
    field: str
    clearance: float
    right: bool


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What labels say about one threshold.

    ``threshold`` is the certified one or None. ``checked`` and ``wrong`` count the labels from ``at`` on: the
    certified threshold, else the one that holds meanwhile. ``low`` and ``high`` bound the share of
    right values, each at `LEVEL`; ``needed`` is how many labels would do with as many wrong ones;
    ``refused_at`` is the threshold whose test failed, None if there were too few labels for any.
    """

    target: float
    threshold: float | None
    at: float
    checked: int
    wrong: int
    low: float
    high: float
    needed: int
    refused_at: float | None = None

    @property
    def share(self) -> float | None:
        """Return the share of right values among the checked ones; None if none was checked."""
        return 1 - self.wrong / self.checked if self.checked else None

    @property
    def sentence(self) -> str:
        """Say it to people."""
        target = percent(self.target)
        if self.threshold is not None:
            return f"at least {target} right"
        if self.share is not None and self.share < self.target:
            return f"no guarantee: {percent(self.share)} right so far, the target is {target}"
        if self.checked < self.needed:
            return f"no guarantee yet: {self.checked:,} of {self.needed:,} checked values"
        # The sequence ends at its first failure, so enough values at a looser threshold prove nothing.
        return f"no guarantee yet: too many were wrong from {percent(self.refused_at or self.at)} sure on"


@dataclass(frozen=True, slots=True)
class FieldGuarantee:
    """A field's guarantee; ``basis`` says on whose labels it stands: `ALONE`, a kind of field, or `TOGETHER`."""

    field: str
    basis: str
    guarantee: Guarantee

    @property
    def label(self) -> str:
        """Return what people call the field."""
        return FIELDS[self.field].label

    @property
    def basis_label(self) -> str:
        """Name the basis for people: "this field", "amounts together"."""
        if self.basis == ALONE:
            return "this field"
        if self.basis == TOGETHER:
            return "the remaining fields together"
        return f"{KIND_NAMES[self.basis]} together"


def percent(share: float) -> str:
    """Write a share as people do, without needless zeros: 99 %, 99.5 %. Cut, so that 98.96 never shows as 99."""
    return f"{math.floor(share * 1000 + 1e-6) / 10:g}\u00a0%"


# --- the exact binomial bound ----------------------------------------------------------------------


def binomial_tail(wrong: int, checked: int, error: float) -> float:
    """Return the probability of at most ``wrong`` errors in ``checked`` trials of probability ``error``."""
    if wrong >= checked or error <= 0:
        return 1.0
    if error >= 1:
        return 0.0
    hit, miss, whole = math.log(error), math.log1p(-error), math.lgamma(checked + 1)
    return min(
        1.0,
        math.fsum(
            math.exp(
                whole - math.lgamma(k + 1) - math.lgamma(checked - k + 1) + k * hit + (checked - k) * miss
            )
            for k in range(wrong + 1)
        ),
    )


def error_bounds(wrong: int, checked: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Clopper and Pearson's lower and upper bound of an error rate, each one-sided at ``level``.

    :returns: (0, 1) if nothing was checked.
    """
    if not checked:
        return 0.0, 1.0
    low = _root(lambda p: binomial_tail(wrong - 1, checked, p), level) if wrong else 0.0
    high = _root(lambda p: binomial_tail(wrong, checked, p), 1 - level) if wrong < checked else 1.0
    return low, high


def keeps(wrong: int, checked: int, target: float, level: float = LEVEL) -> bool:
    """Say whether the upper bound of the error is at most ``1 - target``, without searching for the bound."""
    return wrong < checked and binomial_tail(wrong, checked, 1 - target) <= 1 - level


def needed(target: float, wrong: int = 0, level: float = LEVEL) -> int:
    """Return how many values must have been checked to keep the target with so many wrong ones.

    299, 473 and 628 for 99 % with none, one and two wrong; 149, 236 and 313 for 98 %.
    """
    low, high = wrong, wrong + 1
    while not keeps(wrong, high, target, level):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(wrong, middle, target, level) else (middle, high)
    return high


def _root(falling: Callable[[float], float], value: float) -> float:
    """Return where a falling function of 0..1 takes a value, to 2^-50."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > value else (low, middle)
    return (low + high) / 2


# --- thresholds ------------------------------------------------------------------------------------


def certify(
    labels: Sequence[tuple[float, bool]], target: float, *, meanwhile: float, level: float = LEVEL
) -> Guarantee:
    """Find the loosest threshold of `GRID` that keeps the target.

    The thresholds are tested from strict to loose until the first that fails. The first one tested is the strictest
    above which a third of the labels lie, and enough to succeed with none wrong: with fewer a single mistake would
    end the search however many labels there are. The choice looks at counts only, never at what was right.

    :param labels: (clearance 0..1, whether right), independent of each other.
    :param target: share of right values (0..1) wanted among those that pass.
    :param meanwhile: threshold (0..1) that holds, and is reported on, where none is certified.
    """
    enough = needed(target, level=level)
    start = max(enough, _count(labels, GRID[-1])[0] // 3)
    certified = refused = None
    seen = 0
    for threshold in GRID:
        checked, wrong = _count(labels, threshold)
        if checked < start:
            continue
        if not keeps(wrong, checked, target, level):
            refused = threshold
            break
        if checked > seen:  # a looser threshold that adds no label has nothing to show for it
            certified, seen = threshold, checked
    at = meanwhile if certified is None else certified
    checked, wrong = _count(labels, at)
    low, high = error_bounds(wrong, checked, level)
    return Guarantee(
        target=target,
        threshold=certified,
        at=at,
        checked=checked,
        wrong=wrong,
        low=1 - high,
        high=1 - low,
        needed=needed(target, wrong, level),
        refused_at=refused,
    )


def certify_fields(
    labels: Iterable[Label],
    fields: Collection[str],
    target: float,
    *,
    meanwhile: float,
    floors: Mapping[str, float] | None = None,
) -> dict[str, FieldGuarantee]:
    """Find a threshold for each field, from its own labels where there are enough, else together with others.

    A field with enough labels to succeed with none wrong is judged by them alone, so that a bad field can't hide
    among good ones. The others of a kind (`extraction.fields`) are judged together where that makes
    enough, then whatever is left. Where nothing is certified, a field's own figures are reported.

    :param floors: by field, what holds meanwhile at least, whatever ``meanwhile`` says.
    :returns: by field, in the order of ``fields``.
    """
    by_field: dict[str, list[Label]] = {name: [] for name in fields}
    for label in labels:
        if label.field in by_field and label.clearance >= GRID[-1]:
            by_field[label.field].append(label)
    enough = needed(target)
    own = {
        name: certify(
            [(label.clearance, label.right) for label in found],
            target,
            meanwhile=max(meanwhile, (floors or {}).get(name, 0.0)),
        )
        for name, found in by_field.items()
    }
    result = {
        name: FieldGuarantee(name, ALONE, own[name])
        for name, found in by_field.items()
        if len(found) >= enough
    }

    def judge(names: Sequence[str], basis: str) -> None:
        pool = _one_per_document(label for name in names for label in by_field[name])
        if len(names) < 2 or len(pool) < enough:
            return
        together = certify(pool, target, meanwhile=meanwhile)
        for name in names:
            certified = together.threshold is not None
            result[name] = FieldGuarantee(
                name, basis if certified else ALONE, together if certified else own[name]
            )

    for kind in dict.fromkeys(FIELDS[name].kind for name in fields):
        judge([name for name in fields if name not in result and FIELDS[name].kind == kind], kind)
    judge([name for name in fields if name not in result], TOGETHER)
    return {name: result.get(name) or FieldGuarantee(name, ALONE, own[name]) for name in fields}


def _count(labels: Iterable[tuple[float, bool]], threshold: float) -> tuple[int, int]:
    """Return how many labels pass a threshold, and how many of them are wrong."""
    passed = [right for clearance, right in labels if clearance >= threshold]
    return len(passed), passed.count(False)


def _one_per_document(labels: Iterable[Label]) -> list[tuple[float, bool]]:
    """Return one label of each document, chosen by hash: never by its confidence or rightness."""

    def place(label: Label) -> bytes:
        return hashlib.blake2b(f"{label.document} {label.field}".encode(), digest_size=8).digest()

    chosen: dict[str, Label] = {}
    for label in labels:
        held = chosen.get(label.document)
        if held is None or place(label) < place(held):
            chosen[label.document] = label
    return [(label.clearance, label.right) for label in chosen.values()]
