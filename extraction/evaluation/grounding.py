"""How well values are found again on real pages: those that are printed, and those that are not.

    python -m extraction.evaluation.grounding DIR... [--track NAME]

Takes the truth for what a model without mistakes would say, and looks for each value among the recognised words as
the readers that ask a model do (`extraction.backends.generative.grounding`). What it doesn't find would go to a person
for nothing. Then it changes each value (one digit, another day, another document's name) and looks again: what it
still finds could pass although it is wrong. Lines of the table count as found if every cell is in one place.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from extraction.backends.generative.answers import Said
from extraction.backends.generative.grounding import Pages
from extraction.backends.generative.reader import readings_of
from extraction.documents import DocumentRefused, open_pages
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.fields import FIELDS, LINE_ITEM_FIELDS, Kind
from extraction.reading.survey import survey
from extraction.reading.words import read_words
from extraction.schema import Hints

# The truth of e-invoices names units by codes (C62, HUR) that nobody prints.
_CODED = frozenset({"unit"})
_LOOKED_FOR: tuple[Kind, ...] = ("money", "date", "id", "percent", "text")


@dataclass(frozen=True, slots=True)
class Looked:
    """One labelled value or line: whether it was found on its page, and whether a wrong one in its place was."""

    track: str
    kind: str
    found: bool
    wrong_found: bool | None


def look(document: LabelledDocument, names: Sequence[str]) -> Iterator[Looked]:
    """Look for a document's labelled values and for wrong ones.

    :param names: other documents' vendors and customers, to be taken for this one's.
    :raises DocumentRefused: if it can't be opened.
    """
    found = survey([read_words(page) for page in open_pages(document.path)], Hints())
    pages = Pages(found)
    for name, truth in document.fields.items():
        if truth is None or name not in FIELDS or FIELDS[name].kind not in _LOOKED_FOR:
            continue
        true = _as_said(name, truth)

        def is_there(text: str, name: str = name) -> bool:
            said = Said(text, 0, 0)
            return any(pages.find(name, value) for value in readings_of(name, said, found.context))

        wrong = changed(name, true, names, random.Random(f"{document.identity}/{name}"))  # noqa: S311
        yield Looked(
            document.track, FIELDS[name].kind, is_there(true), None if wrong is None else is_there(wrong)
        )
    lines = [
        {name: readings_of(name, Said(_as_said(name, cell), 0, 0), found.context)[:1] for name, cell in line.items()
         if name in LINE_ITEM_FIELDS and name not in _CODED and cell is not None}
        for line in document.line_items
    ]  # fmt: skip
    yield from _look_for_lines(
        document, pages, [{name: cell[0] for name, cell in line.items() if cell} for line in lines]
    )


def _look_for_lines(
    document: LabelledDocument, pages: Pages, lines: Sequence[Mapping[str, str]]
) -> Iterator[Looked]:
    lines = [line for line in lines if line]
    places = pages.find_lines(lines)
    for number, (line, (place, missing)) in enumerate(zip(lines, places, strict=True)):
        wrong_found = None
        chance = random.Random(f"{document.identity}/{number}")  # noqa: S311
        if "amount" in line and (wrong := _one_digit_changed(line["amount"], chance)):
            tried = [*lines[:number], {**line, "amount": wrong}, *lines[number + 1 :]]
            wrong_place, wrong_missing = pages.find_lines(tried)[number]
            wrong_found = wrong_place is not None and not wrong_missing
        yield Looked(document.track, "line", place is not None and not missing, wrong_found)


def changed(name: str, value: str, names: Sequence[str], chance: random.Random) -> str | None:
    """Return a wrong value that a careless reader could have read; None where there is none to be made."""
    kind = FIELDS[name].kind
    if kind == "date":
        return (
            date.fromisoformat(value) + timedelta(days=chance.choice((-10, -3, -1, 1, 3, 10)))
        ).isoformat()
    if kind == "text":
        if name not in ("vendor_name", "customer_name"):
            return None
        core = re.sub(r"\W", "", value).lower()
        others = [
            n
            for n in names
            if re.sub(r"\W", "", n).lower() not in core and core not in re.sub(r"\W", "", n).lower()
        ]
        return chance.choice(others) if others else None
    return _one_digit_changed(value, chance)


def _one_digit_changed(value: str, chance: random.Random) -> str | None:
    places = [k for k, char in enumerate(value) if char.isdigit()]
    if not places:
        return None
    at = chance.choice(places)
    return value[:at] + chance.choice([d for d in "0123456789" if d != value[at]]) + value[at + 1 :]


def _as_said(name: str, truth: object) -> str:
    kind = (FIELDS.get(name) or LINE_ITEM_FIELDS[name]).kind
    return (
        f"{truth:.2f}"
        if kind == "money" and name in FIELDS and isinstance(truth, int | float)
        else str(truth)
    )


def report(looked: Sequence[Looked]) -> str:
    """Write a table: by track and kind of field, the shares found of true and of wrong values."""
    rows: dict[tuple[str, str], list[Looked]] = defaultdict(list)
    for one in looked:
        rows[one.track, one.kind].append(one)
    lines = [
        "| track | kind | values | found | wrong ones tried | wrong ones found |",
        "|---|---|---|---|---|---|",
    ]
    for (track, kind), some in sorted(rows.items()):
        tried = [one for one in some if one.wrong_found is not None]
        lines.append(
            f"| {track} | {kind} | {len(some)} | {_share([one.found for one in some])} | {len(tried)}"
            f" | {_share([bool(one.wrong_found) for one in tried])} |"
        )
    return "\n".join(lines)


def _share(these: Sequence[bool]) -> str:
    return f"{100 * sum(these) / len(these):.1f} %" if these else "–"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.grounding",
        description="Measure how well true and wrong values are told apart by looking for them on the page.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--track", action="append", default=[])
    options = parser.parse_args(arguments)
    documents = [
        d
        for folder in options.folders
        for d in read_dataset(folder)
        if not options.track or d.track in options.track
    ]
    names = sorted(
        {str(d.fields[n]) for d in documents for n in ("vendor_name", "customer_name") if d.fields.get(n)}
    )
    looked: list[Looked] = []
    for number, document in enumerate(documents, start=1):
        try:
            looked += look(document, names)
        except DocumentRefused as error:
            sys.stderr.write(f"{document.name}: {error}\n")
        if number % 20 == 0 or number == len(documents):
            sys.stderr.write(f"{number}/{len(documents)}\n")
    sys.stdout.write(report(looked) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
