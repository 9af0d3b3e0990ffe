"""Whether the next invoice of a vendor is read better after corrected ones.

    python -m extraction.evaluation.memory_experiment DIR [--fit] [--half first|second] [--only-misread] [--json]

The documents of DIR that share a layout (``layout`` in truth.jsonl, as ``manage.py generate --fills`` writes it)
or, where there is none, a vendor, are read in the file's order: every group's first, then every group's second,
up to the fifth. All groups feed one store, as in one office. Each document is read without memory and with what
the earlier ones taught, then taught from its truth, as a person would have corrected it: with its own box where the
reader was right, else looked for on the page.

``--fit`` fits ``extraction/weights/memory.json`` on the first half of the layouts (drawn by a fixed seed); figures
about generated documents then belong to ``--half second``, in a run of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from extraction.evaluation.comparison import is_right
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.metrics import Outcome, share_right
from extraction.fields import FIELDS
from extraction.memory import Confirmed, Keys, Pages, VendorMemory, keys_of, learn, study
from extraction.reading.amounts import plain
from extraction.reading.header import Candidate
from extraction.reading.recall import FEATURES, WEIGHTS, mixture, observed
from extraction.schema import FieldValue, Hints

ROUNDS = 5
# Strength of the pull of the weights towards zero, as in `calibrate`.
RIDGE = 2.0
_NEWTON_STEPS = 40


@dataclass(frozen=True, slots=True)
class Sample:
    """One candidate that memory spoke about: its odds before, the memory's level and features, and the truth."""

    score: float
    level: float
    features: tuple[float, ...]
    right: bool


@dataclass(slots=True)
class Trial:
    """What came out for the k-th document of a group: each labelled field without and with memory."""

    k: int
    without: list[Outcome] = field(default_factory=list)
    remembered: list[Outcome] = field(default_factory=list)


def groups_of(folder: Path) -> dict[str, list[LabelledDocument]]:
    """Return the documents that share a layout, or a vendor where layouts aren't numbered; at least two each."""
    layouts = {
        entry["file"].rpartition("/")[2]: entry.get("layout")
        for line in (folder / "truth.jsonl").read_text("utf-8").splitlines()
        if line.strip() and (entry := json.loads(line))
    }
    groups: dict[str, list[LabelledDocument]] = defaultdict(list)
    for document in read_dataset(folder):
        layout = layouts[document.name]
        vendor = "".join(c for c in str(document.fields.get("vendor_name") or "").lower() if c.isalnum())
        if layout is not None or vendor:
            groups[f"layout {layout}" if layout is not None else vendor].append(document)
    return {name: documents for name, documents in groups.items() if len(documents) > 1}


def halves(names: Sequence[str]) -> tuple[set[str], set[str]]:
    """Part the groups by lot, always the same way."""
    order = np.random.default_rng(0).permutation(len(names))
    middle = len(names) // 2
    return {names[k] for k in order[:middle]}, {names[k] for k in order[middle:]}


def run(
    groups: Mapping[str, Sequence[LabelledDocument]], *, only_misread: bool = False
) -> tuple[list[Trial], list[Sample]]:
    """Read the groups in rounds and teach after each document.

    :param only_misread: teach the fields alone that were misread: what a person corrects but doesn't confirm.
    """
    from extraction.backends.layout import understand

    store: dict[tuple[str, str], VendorMemory] = {}
    trials: list[Trial] = []
    samples: list[Sample] = []
    for k in range(ROUNDS):
        for documents in groups.values():
            if k >= len(documents):
                continue
            document = documents[k]
            pages = _words(document)
            keys = keys_of(pages)
            without = understand(pages, Hints()).fields
            with observed(partial(_observe, samples, document)):
                hints = Hints(memory=_held(store, keys))
                remembered = understand(pages, hints).fields
            trials.append(Trial(k + 1, _judge(document, without), _judge(document, remembered)))
            lesson = study(pages, _confirmed(document, remembered, only_misread=only_misread))
            for pair in keys.pairs:
                store[pair] = learn(store.get(pair), *pair, lesson)
        sys.stderr.write(f"round {k + 1} of {ROUNDS}\n")
    return trials, samples


def _words(document: LabelledDocument) -> Pages:
    from extraction.documents import open_pages
    from extraction.reading.words import read_words

    read = [read_words(page) for page in open_pages(document.path)]
    return [(replace(page, picture=b""), words) for page, words in read]


def _held(store: Mapping[tuple[str, str], VendorMemory], keys: Keys) -> tuple[VendorMemory, ...]:
    return tuple(store[pair] for pair in keys.pairs if pair in store)


def _observe(
    samples: list[Sample],
    document: LabelledDocument,
    name: str,
    candidate: Candidate,
    level: float,
    features: tuple[float, ...],
) -> None:
    if name in document.fields:
        truth = document.fields[name]
        right = truth is not None and is_right(name, truth, candidate.value)
        samples.append(Sample(candidate.score, level, features, right))


def _judge(document: LabelledDocument, read: Mapping[str, FieldValue]) -> list[Outcome]:
    outcomes = []
    for name, truth in document.fields.items():
        if name == "document_type":
            continue
        found = read.get(name)
        value = found.value if found else None
        right = value is None if truth is None else is_right(name, truth, value)
        sure = found.confidence if found else 0.0
        outcomes.append(Outcome(document.name, document.track, name, truth, value, right, sure))
    return outcomes


def _confirmed(
    document: LabelledDocument, read: Mapping[str, FieldValue], *, only_misread: bool
) -> dict[str, Confirmed]:
    confirmed = {}
    for name, truth in document.fields.items():
        if truth is None:
            continue
        found = read.get(name)
        if found is not None and is_right(name, truth, found.value):
            if not only_misread:
                confirmed[name] = Confirmed(found.value, found.page, found.box)
        else:
            money = FIELDS[name].kind == "money"
            confirmed[name] = Confirmed(plain(Decimal(str(truth)), places=2) if money else str(truth))
    return confirmed


# --- fitting -------------------------------------------------------------------------------------


def fit(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Return the log-odds of each feature for a hint and a strong memory.

    A logistic regression of "right" on the features, with the candidate's own log-odds as a fixed offset and a
    ridge, by Newton's method. What is as remembered may only speak for a candidate and the rest only against it.
    """
    x = np.array([_row(s) for s in samples], dtype=float)
    y = np.array([s.right for s in samples], dtype=float)
    score = np.clip(np.array([s.score for s in samples], dtype=float), 0.01, 0.99)
    offset = np.log(score / (1 - score))
    names = [(level, name) for level in ("hint", "strong") for name in FEATURES]
    sign = np.array([-1.0 if name == "nothing" else 1.0 for _, name in names])
    weights, kept = np.zeros(len(names)), np.ones(len(names), dtype=bool)
    while True:
        weights[kept] = _newton(x[:, kept], y, offset)
        wrong = weights * sign < 0
        if not wrong.any():
            break
        kept &= ~wrong  # the others are fitted again without it
        weights[:] = 0.0
    fitted: dict[str, dict[str, float]] = {"hint": {}, "strong": {}}
    for (level, name), weight in zip(names, weights, strict=True):
        fitted[level][name] = round(float(weight), 3)
    return fitted


def _newton(x: np.ndarray, y: np.ndarray, offset: np.ndarray) -> np.ndarray:
    weights = np.zeros(x.shape[1])
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(offset + x @ weights, -30, 30)))
        gradient = x.T @ (p - y) + RIDGE * weights
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(np.full(x.shape[1], RIDGE))
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _row(sample: Sample) -> list[float]:
    hint, strong = mixture(sample.level)
    return [hint * f for f in sample.features] + [strong * f for f in sample.features]


# --- reporting -----------------------------------------------------------------------------------


def mcnemar(wins: int, losses: int) -> float:
    """Return the exact two-sided p-value of McNemar's test on the discordant pairs."""
    n = wins + losses
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(min(wins, losses) + 1)) / 2**n
    return float(min(1.0, 2 * tail))


def summarise(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return accuracy without and with memory per k and over all k > 1, and what became right or wrong by field."""
    rows = {str(k): _compare([t for t in trials if t.k == k]) for k in sorted({t.k for t in trials})}
    later = [t for t in trials if t.k > 1]
    fields: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for before, after in _pairs(later):
        if before.right != after.right:
            fields[before.field][before.right] += 1
    return {
        "by_k": rows,
        "later": _compare(later),
        "by_field": {name: {"gained": g, "lost": lost} for name, (g, lost) in sorted(fields.items())},
    }


def _pairs(trials: Sequence[Trial]) -> Iterator[tuple[Outcome, Outcome]]:
    for trial in trials:
        yield from zip(trial.without, trial.remembered, strict=True)


def _compare(trials: Sequence[Trial]) -> dict[str, Any]:
    pairs = list(_pairs(trials))
    gained = sum(b.right and not a.right for a, b in pairs)
    lost = sum(a.right and not b.right for a, b in pairs)
    shares = {
        "without": share_right([a for a, _ in pairs]),
        "with": share_right([b for _, b in pairs]),
    }
    return {
        "documents": len(trials),
        "values": len(pairs),
        **{
            n: {"share": round(s.value, 4), "low": round(s.low, 4), "high": round(s.high, 4)}
            for n, s in shares.items()
        },
        "gained": gained,
        "lost": lost,
        "p": float(f"{mcnemar(gained, lost):.2g}"),
    }


def as_text(summary: Mapping[str, Any]) -> str:
    """Write the figures as a table for people."""
    lines = ["k      documents  values  without memory         with memory            gained lost  McNemar p"]
    for name, row in (*summary["by_k"].items(), ("2 to 5", summary["later"])):
        shares = "  ".join(
            f"{100 * row[n]['share']:5.1f} % [{100 * row[n]['low']:.1f}, {100 * row[n]['high']:.1f}]"
            for n in ("without", "with")
        )
        lines.append(
            f"{name:<7}{row['documents']:>9}{row['values']:>8}  {shares}"
            f"  {row['gained']:>6} {row['lost']:>4}  {row['p']:g}"
        )
    lines += [
        f"  {name:<20} {row['gained']} gained, {row['lost']} lost"
        for name, row in summary["by_field"].items()
    ]
    return "\n".join(lines)


def save(weights: Mapping[str, Mapping[str, float]], source: str) -> None:
    WEIGHTS.write_text(json.dumps({"fitted_on": source, **weights}, indent=1) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.memory_experiment",
        description="Measure what earlier invoices of the same layout do for the next one.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--half", choices=("first", "second"), help="only this half of the layouts")
    parser.add_argument("--fit", action="store_true", help="fit the weights on the first half and write them")
    parser.add_argument("--only-misread", action="store_true", help="teach misread fields alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    groups = groups_of(options.folder)
    half = "first" if options.fit else options.half
    if half:
        chosen = halves(sorted(groups))[half == "second"]
        groups = {name: documents for name, documents in groups.items() if name in chosen}
    trials, samples = run(groups, only_misread=options.only_misread)
    if options.fit:
        documents = sum(min(len(d), ROUNDS) for d in groups.values())
        source = f"{len(samples)} candidates of {documents} generated documents of {len(groups)} layouts"
        save(fit(samples), source)
        sys.stderr.write(f"wrote {WEIGHTS.name}: {source}\n")
        return 0
    summary = summarise(trials)
    sys.stdout.write((json.dumps(summary, indent=1) if options.json else as_text(summary)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
