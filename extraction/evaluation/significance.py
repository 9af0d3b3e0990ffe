"""Whether two readers differ by more than chance on the same fields of the same documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from extraction.evaluation.metrics import Outcome, Share, ratio

ALL_TRACKS = "all tracks"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two readers on the same fields. ``only_first`` and ``only_second`` count the discordant ones.

    ``p`` is the two-sided p-value of McNemar's exact test; ``difference`` is the second's accuracy less the
    first's with the interval from resampling whole documents, which the test takes for independent.
    """

    track: str
    fields: int
    only_first: int
    only_second: int
    p: float
    difference: Share


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test: the binomial test of the discordant pairs at 1/2."""
    if not only_first + only_second:
        return 1.0
    from scipy.stats import binomtest  # late: peak memory is the reading's

    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def compare(first: Sequence[Outcome], second: Sequence[Outcome]) -> list[Comparison]:
    """Compare two readers per track, and over all tracks if there are several.

    Only fields count that both were judged on with the same truth.
    """
    theirs = {(o.document, o.field): o for o in second}
    pairs = [
        (o, other)
        for o in first
        if (other := theirs.get((o.document, o.field))) is not None and other.truth == o.truth
    ]
    tracks = list(dict.fromkeys(o.track for o, _ in pairs))
    comparisons = [_compare(t, [p for p in pairs if p[0].track == t]) for t in tracks]
    return [*comparisons, _compare(ALL_TRACKS, pairs)] if len(tracks) > 1 else comparisons


def _compare(track: str, pairs: Sequence[tuple[Outcome, Outcome]]) -> Comparison:
    row = {d: k for k, d in enumerate(sorted({o.document for o, _ in pairs}))}
    gained, seen = np.zeros((len(row), 1)), np.zeros((len(row), 1))
    for one, other in pairs:
        gained[row[one.document]] += int(other.right) - int(one.right)
        seen[row[one.document]] += 1
    only_first = sum(one.right and not other.right for one, other in pairs)
    only_second = sum(other.right and not one.right for one, other in pairs)
    return Comparison(
        track,
        len(pairs),
        only_first,
        only_second,
        mcnemar(only_first, only_second),
        ratio(gained, seen, count=len(pairs)),
    )


def outcomes_as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return outcomes as plain JSON values, as :func:`read_run` reads them."""
    return [
        {"document": o.document, "track": o.track, "field": o.field, "truth": o.truth, "value": o.value,
         "right": o.right, "confidence": o.confidence}
        for o in outcomes
    ]  # fmt: skip


def read_run(path: Path) -> dict[str, list[Outcome]]:
    """Read the outcomes that ``evaluate --json`` wrote, by reader ("layout VERSION").

    :raises OSError: if the file can't be read.
    :raises ValueError: if it is not such a file.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        return {
            f"{reader['backend']} {reader['version']}": [
                Outcome(
                    str(o["document"]), str(o["track"]), str(o["field"]), o["truth"],
                    o["value"], bool(o["right"]), float(o["confidence"]),
                )
                for o in reader["outcomes"]
            ]
            for reader in content.get("readers", [content])
        }  # fmt: skip
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} was not written by evaluate --json ({error!r})") from error
