"""What two readers together do on labelled documents, beside each of them alone.

    python -m extraction.evaluation.cascade DIR... --first FILE --second FILE [--policy NAME...] [--target 0.99]

``FILE`` are recordings (``extraction.evaluation.recorded``), so nothing is read again. Policies (`POLICIES`): ``first``
and ``second`` alone; ``doubtful`` and ``verify`` with the agreement of the two measured on other vendors' documents
(`extraction.evaluation.agreement`); the same with ``-unmeasured``, which is what the product does for a pair of readers
that nobody measured. Documents that one recording lacks are left out of all rows.

A value *passes* if the gate sends it to nobody; it is a *silent error* if it is wrong all the same. Only labelled
fields in which a second reader has a say are counted (`extraction.cascade.COMPARED`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from extraction import cascade, gate
from extraction.calibration import load_calibration
from extraction.evaluation.agreement import by_vendor, recordings
from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.metrics import Outcome, Share, ratio, share_right
from extraction.evaluation.recorded import Recording
from extraction.schema import Reading

POLICIES: Final = ("first", "second", "doubtful", "doubtful-unmeasured", "verify", "verify-unmeasured")
THRESHOLD: Final = 0.95
"""`Organization.accept_threshold` unless changed."""


@dataclass(slots=True)
class Row:
    """What one policy did: ``outcomes`` of all labelled fields, ``passing`` those of them that nobody would look at.

    ``asked`` and ``could_ask`` count fields; ``met`` and ``agreed`` those that both readers read, and read alike;
    ``sent_on`` says by document whether the second reader was asked, ``unseen`` whether nobody has to look at it.
    """

    policy: str
    outcomes: list[Outcome] = field(default_factory=list)
    passing: list[Outcome] = field(default_factory=list)
    asked: int = 0
    could_ask: int = 0
    met: int = 0
    agreed: int = 0
    sent_on: list[bool] = field(default_factory=list)
    unseen: list[bool] = field(default_factory=list)
    seconds_first: list[float] = field(default_factory=list)
    seconds_second: list[float] = field(default_factory=list)


def measure(
    documents: Sequence[LabelledDocument],
    first: Recording,
    second: Recording,
    policy: str,
    agreements: Mapping[str, cascade.Agreement],
    thresholds: Mapping[str, float],
    threshold: float = THRESHOLD,
) -> Row:
    """Let one policy decide over documents that both readers have read.

    :param agreements: by document, what was measured of the pair on other vendors' documents.
    :param thresholds: by field, from which confidence on values pass; ``threshold`` for the others.
    """
    row = Row(policy)
    mode, _, unmeasured = policy.partition("-")
    for document in documents:
        one, other = first.readings[document.identity], second.readings[document.identity]
        reading = other if mode == "second" else one

        def doubts_of(found: Reading) -> dict[str, str]:
            return gate.doubtful(found, thresholds, default_threshold=threshold)

        asked: tuple[str, ...] = ()
        if mode in (cascade.DOUBTFUL, cascade.VERIFY):
            asked = cascade.to_ask(mode, doubts_of(one))
            agreement = None if unmeasured else agreements[document.identity]
            combined = cascade.combine(one, other, asked, agreement)
            reading = combined.reading
            row.met += len(combined.agreed) + len(combined.differed)
            row.agreed += len(combined.agreed)
        doubts = doubts_of(reading)
        row.asked += len(cascade.COMPARED & set(asked))
        row.could_ask += len(cascade.COMPARED)
        row.sent_on.append(bool(asked))
        row.unseen.append(not doubts)
        row.seconds_first.append(one.seconds.total if mode != "second" else 0.0)
        row.seconds_second.append(other.seconds.total if asked or mode == "second" else 0.0)
        for name in sorted(cascade.COMPARED & set(document.fields)):
            truth, found = document.fields[name], reading.fields.get(name)
            right = found is None if truth is None else is_right(name, truth, found.value if found else None)
            outcome = Outcome(
                document.identity,
                document.track,
                name,
                truth,
                found.value if found else None,
                right,
                found.confidence if found else 0.0,
            )
            row.outcomes.append(outcome)
            if found is not None and name not in doubts:
                row.passing.append(outcome)
    return row


def table(rows: Sequence[Row], *, hour_first: float = 0.0, hour_second: float = 0.0) -> str:
    """Put rows beside each other.

    :param hour_first: what an hour of the first reader's machine costs; ``hour_second`` of the second one's.
    """
    lines = [
        "policy | documents sent on | fields sent on | of what both read, alike | fields right | values that pass"
        " | silent errors among them | documents nobody looks at | s a document | cost of 1,000",
        "---|---|---|---|---|---|---|---|---|---",
    ]
    for row in rows:
        first, second = float(np.mean(row.seconds_first)), float(np.mean(row.seconds_second))
        cost = 1000 * (first * hour_first + second * hour_second) / 3600
        wrong = share_right(row.passing)
        cells = [
            row.policy,
            f"{100 * np.mean(row.sent_on):.0f} %",
            f"{100 * row.asked / max(row.could_ask, 1):.0f} %",
            f"{100 * row.agreed / row.met:.1f} % of {row.met:,}" if row.met else "–",
            _percent(share_right(row.outcomes)),
            f"{100 * len(row.passing) / max(len(row.outcomes), 1):.1f} %",
            f"{sum(not o.right for o in row.passing)} of {len(row.passing):,},"
            f" {_percent(Share(1 - wrong.value, 1 - wrong.high, 1 - wrong.low, wrong.count), 2)}",
            _percent(_share(row.unseen)),
            f"{first:.2f} + {second:.2f}",
            f"{cost:.2f}" if hour_first or hour_second else "–",
        ]
        lines.append(" | ".join(cells))
    return "\n".join(lines)


def _share(yes: Sequence[bool]) -> Share:
    column = np.array(yes, dtype=float).reshape(-1, 1)
    return ratio(column, np.ones_like(column), count=len(yes))


def _percent(share: Share, places: int = 1) -> str:
    return f"{100 * share.value:.{places}f} % [{100 * share.low:.{places}f}, {100 * share.high:.{places}f}]"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.cascade", description="Compare two readers together with each alone."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--first", type=Path, required=True, metavar="FILE")
    parser.add_argument("--second", type=Path, required=True, metavar="FILE")
    parser.add_argument("--policy", action="append", default=[], choices=POLICIES)
    parser.add_argument("--track", action="append", default=[])
    parser.add_argument(
        "--threshold", type=float, default=THRESHOLD, help="from which confidence on values pass"
    )
    parser.add_argument(
        "--target", type=float, help="also no lower than layout's thresholds for this target (0..1)"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--hour-first", type=float, default=0.0, help="price of an hour of its machine")
    parser.add_argument("--hour-second", type=float, default=0.0)
    options = parser.parse_args(arguments)
    try:
        first, second = recordings(options.first, options.second)
        everything = [d for folder in options.folders for d in read_dataset(folder)]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    both = first.readings.keys() & second.readings.keys()
    everything = [d for d in everything if d.identity in both]
    documents = [d for d in everything if not options.track or d.track in options.track]
    if not documents:
        parser.error("No document was read by both.")
    thresholds = {}
    if options.target:
        fitted = load_calibration()
        thresholds = {
            name: max(options.threshold, fitted.limit_of(name, options.target)) for name in cascade.COMPARED
        }
    agreements = by_vendor(everything, first, second, options.folds)
    rows = [
        measure(documents, first, second, policy, agreements, thresholds, options.threshold)
        for policy in options.policy or POLICIES
    ]
    for recording in (first, second):
        sys.stdout.write(f"{recording.version}: {recording.note or 'as it reads'}\n")
    sys.stdout.write(f"{len(documents)} documents; values pass from {options.threshold:g}")
    sys.stdout.write(f", or later for a target of {options.target:g}\n\n" if options.target else "\n\n")
    sys.stdout.write(table(rows, hour_first=options.hour_first, hour_second=options.hour_second) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
