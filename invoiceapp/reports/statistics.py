"""How sure a share is that was counted on a sample (docs/reports.md says why it is done this way).

Pure arithmetic: knows nothing of tables. Shares run from 0 to 1; all intervals are two-sided at 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, sqrt

Z = 1.959964  # 97.5 % quantile of the normal distribution
# With fewer checked values no figure is shown: at 20 the interval is still about +-15 points wide.
MINIMUM_CHECKED = 20
# A stratum that holds more than a tenth of the values decides the figure, so it must have been looked
# at this often; below it the other stratum would speak for it.
MINIMUM_PER_STRATUM = 5
NEGLIGIBLE_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Stratum:
    """Values of one kind: all that there are, those that a person checked, and those of them that were right.

    ``population`` is a count and at least ``checked``. ``design_effect`` (at least 1) says by how
    much checking several values of the same document inflates the variance.
    """

    population: int
    checked: int
    right: int
    design_effect: float = 1.0

    @property
    def share(self) -> float:
        """Return the share of right values among the checked ones; 0 if none was checked."""
        return self.right / self.checked if self.checked else 0.0

    def interval(self) -> tuple[float, float]:
        """Return Wilson's interval at the effective sample size; (0, 1) if nothing was checked."""
        return wilson(self.share, self.checked / self.design_effect)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its interval, and what it rests on."""

    share: float
    low: float
    high: float
    checked: int
    population: int


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's score interval (1927) of a share seen in n trials; n may be an effective size.

    Unlike the textbook interval it stays within 0..1 and is not empty at 0 and 1.
    """
    if n <= 0:
        return 0.0, 1.0
    center = share + Z * Z / (2 * n)
    spread = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, (center - spread) / scale), min(1.0, (center + spread) / scale)


def estimate(strata: Sequence[Stratum]) -> Estimate | None:
    """Estimate the share of right values among all values, checked or not.

    Each stratum counts with its share of the population. The interval joins the strata's Wilson
    intervals by the square-and-add rule (Zou and Donner, Statistics in Medicine 2008; "MOVER"),
    which keeps its coverage where a stratum is all right, as confident values often are.

    :return: None if too few values were checked to say anything.
    """
    known = [stratum for stratum in strata if stratum.population]
    population = sum(stratum.population for stratum in known)
    checked = sum(stratum.checked for stratum in known)
    if checked < MINIMUM_CHECKED:
        return None
    for stratum in known:
        if stratum.population > NEGLIGIBLE_WEIGHT * population and stratum.checked < min(
            MINIMUM_PER_STRATUM, stratum.population
        ):
            return None
    pooled = sum(stratum.right for stratum in known) / checked
    share = below = above = 0.0
    for stratum in known:
        weight = stratum.population / population
        # A small stratum that nobody has looked at takes the others' share and no certainty at all.
        its_share = stratum.share if stratum.checked else pooled
        low, high = stratum.interval()
        share += weight * its_share
        below += (weight * (its_share - low)) ** 2
        above += (weight * (high - its_share)) ** 2
    return Estimate(
        share=share,
        low=max(0.0, share - sqrt(below)),
        high=min(1.0, share + sqrt(above)),
        checked=checked,
        population=population,
    )


@dataclass(frozen=True, slots=True)
class Clusters:
    """Sums over documents: how many, and of their checked values n and right values r the squares.

    Enough to know how much the values of one document go together, without the documents.
    """

    documents: int
    checked: int
    right: int
    checked_squared: int
    right_squared: int
    right_times_checked: int


def design_effect(clusters: Clusters) -> float:
    """Return by how much the clustering inflates the variance of the share; at least 1.

    The variance of the ratio r/n over documents (Kish, Survey Sampling, 1965, section 6.5) over the
    binomial one. Fields are drawn in groups per invoice (review.sampling), so several values of one
    document are checked together, and a blurred page spoils several of them.
    """
    m, n, r = clusters.documents, clusters.checked, clusters.right
    if m < 2 or r in (0, n):
        return 1.0
    p = r / n
    squares = clusters.right_squared - 2 * p * clusters.right_times_checked + p * p * clusters.checked_squared
    clustered = m / (m - 1) * squares / (n * n)
    return max(1.0, clustered / (p * (1 - p) / n))


@dataclass(frozen=True, slots=True)
class Bin:
    """Values of similar confidence: what was said of them, and what was true."""

    low: float
    high: float
    said: float
    true: Estimate


@dataclass(frozen=True, slots=True)
class Scored:
    """Values of (nearly) the same confidence in both strata. ``confidence_sum`` is over all of them."""

    confidence_sum: float
    doubtful: Stratum
    confident: Stratum

    @property
    def population(self) -> int:
        return self.doubtful.population + self.confident.population


def calibration_bins(scored: Sequence[Scored], count: int) -> list[Bin]:
    """Cut the values, ordered by confidence, into bins with about equally many *checked* values each.

    What was true within a bin is estimated over all its values, as everywhere. A bin about which
    nothing can be said is joined with the one above it, the topmost with the one below.

    :param scored: ascending by mean confidence.
    """
    total = sum(s.doubtful.checked + s.confident.checked for s in scored)
    per_bin = max(total / count, MINIMUM_CHECKED)
    bins: list[Bin] = []
    group: list[Scored] = []
    last: list[Scored] = []
    for item in scored:
        group.append(item)
        if sum(s.doubtful.checked + s.confident.checked for s in group) < per_bin:
            continue
        found = _bin(group)
        if found is not None:
            bins.append(found)
            last, group = group, []
    # What is left over at the top is too little for a bin of its own and belongs to the one below.
    if group and bins and (found := _bin([*last, *group])) is not None:
        bins[-1] = found
    elif group and not bins and (found := _bin(group)) is not None:
        bins.append(found)
    return bins


def _bin(group: Sequence[Scored]) -> Bin | None:
    true = estimate([_sum([s.doubtful for s in group]), _sum([s.confident for s in group])])
    population = sum(s.population for s in group)
    if true is None or not population:
        return None
    means = [s.confidence_sum / s.population for s in group if s.population]
    return Bin(
        low=min(means), high=max(means), said=sum(s.confidence_sum for s in group) / population, true=true
    )


def _sum(strata: Sequence[Stratum]) -> Stratum:
    return Stratum(
        population=sum(s.population for s in strata),
        checked=sum(s.checked for s in strata),
        right=sum(s.right for s in strata),
    )


# What the evidence must reach before a trial is decided: at most one trial in twenty of equally good readers does.
DECIDED_AT = 20.0


def e_value(wins: int, losses: int) -> float:
    """Return the evidence that two equally good sides would not win and lose like this: 2^n w! l! / (n+1)!, n = w + l.

    It is the likelihood ratio of "one side wins each time with some probability", all of them equally likely
    beforehand, against a fair coin. Under the coin it is a martingale that starts at 1, so it ever reaches 20 with a
    probability of at most 1/20 (Ville 1939): looking as often as one likes is allowed, and so is stopping then.

    :returns: infinity where it is beyond what a float holds.
    """
    total = wins + losses
    logarithm = total * log(2) + lgamma(wins + 1) + lgamma(losses + 1) - lgamma(total + 2)
    return exp(logarithm) if logarithm < 700 else inf
