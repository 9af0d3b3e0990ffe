"""Measure readers on labelled documents."""

from __future__ import annotations

import json
import re
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from extraction import registry
from extraction.evaluation.datasets import LabelledDocument, describe, read_dataset
from extraction.evaluation.gallery import Gallery
from extraction.evaluation.measuring import Measured, Result, measure, peak_memory
from extraction.evaluation.metrics import Outcome
from extraction.evaluation.reports import (
    as_text,
    comparison_as_json,
    comparison_as_text,
    mistakes,
    side_by_side,
    summarise,
)
from extraction.evaluation.results import Circumstances, write_results
from extraction.evaluation.significance import Comparison, compare, outcomes_as_json, read_run
from extraction.fields import FIELDS
from extraction.schema import Backend, ReaderError

INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


class Command(BaseCommand):
    help = (
        "Reads the labelled documents of DIR (files and truth.jsonl) and prints accuracy and F1 per track and"
        " field with 95 % intervals, line items, confidence, times (docs/evaluation.md). Ctrl-C prints what was"
        " measured so far."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
        parser.add_argument(
            "--track", action="append", default=[], help="only documents of this track (repeatable)"
        )
        parser.add_argument("--field", action="append", default=[], help="only this field (repeatable)")
        parser.add_argument(
            "--backend",
            action="append",
            default=[],
            help=f"a reader (repeatable: several read side by side), one of: {', '.join(registry.names())}",
        )
        parser.add_argument("--compare", action="store_true", help="print the readers beside each other")
        parser.add_argument(
            "--against",
            type=Path,
            metavar="FILE",
            help="compare with an earlier run, as --json wrote it, on the same documents and fields",
        )
        parser.add_argument("--mistakes", action="store_true", help="list every wrong value")
        parser.add_argument(
            "--html",
            type=Path,
            metavar="DIR",
            help="write every mistake with its place on the page to DIR; it shows what the documents hold",
        )
        parser.add_argument("--limit", type=int, help="read at most this many documents of each track")
        parser.add_argument(
            "--json", type=Path, metavar="FILE", help="also write the figures and every outcome to FILE"
        )
        parser.add_argument(
            "--results",
            metavar="NAME",
            help="write the figures (nothing of the documents) to docs/results/NAME",
        )
        parser.add_argument("--note", default="", help="what the page of --results says first")

    def handle(self, *args: Any, **options: Any) -> None:
        readers, documents, earlier = self._prepare(options)
        gallery = Gallery() if options["html"] else None
        results, interrupted = self._measure(documents, readers, options["field"], gallery)
        memory = peak_memory()  # before the statistics load their libraries
        done = len(next(iter(results.values())))
        if not done:
            raise CommandError("Stopped before a document was read.")
        if interrupted:
            self.stdout.write(f"Stopped after {done} of {len(documents)} documents.\n\n")

        titles = {name: f"{name} {backend.version}" for name, backend in readers}
        summaries = {titles[name]: summarise(own) for name, own in results.items()}
        outcomes = {titles[name]: [o for r in own for o in r.outcomes] for name, own in results.items()}
        comparisons = _comparisons(outcomes, earlier)
        self._print(options, summaries, comparisons, memory)
        if options["mistakes"]:
            for name, own in results.items():
                self.stdout.write("\n".join([f"mistakes of {name}:", *mistakes(own)]))
        if gallery:
            self.stdout.write(f"mistakes with their places: {gallery.write(options['html'])}")
        as_json = [
            {"first": one, "second": other, **comparison_as_json(c)}
            for (one, other), found in comparisons.items()
            for c in found
        ]
        around = Circumstances(
            [describe(folder) for folder in options["folders"]],
            _command_line(options),
            timezone.localdate(),
            memory,
            options["note"],
        )
        if options["json"]:
            figures = [
                {"backend": name, "version": backend.version, **summaries[titles[name]],
                 "outcomes": outcomes_as_json(outcomes[titles[name]])}
                for name, backend in readers
            ]  # fmt: skip
            content = figures[0] if len(figures) == 1 else {"readers": figures}
            content |= {**around.as_json(), "comparisons": as_json, "interrupted": interrupted}
            options["json"].write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
        if interrupted:
            sys.exit(INTERRUPTED)
        if options["results"]:
            folder = settings.BASE_DIR / "docs" / "results"
            write_results(folder, options["results"], summaries, as_json, around)
            self.stdout.write(f"figures written to docs/results/{options['results']}.md and .json")

    def _prepare(
        self, options: Mapping[str, Any]
    ) -> tuple[list[tuple[str, Backend]], list[LabelledDocument], dict[str, list[Outcome]]]:
        """Refuse everything that would spoil the run before the first document is read."""
        unknown = [name for name in options["field"] if name not in FIELDS]
        if unknown:
            raise CommandError(f"There is no field {', '.join(unknown)}. There is: {', '.join(FIELDS)}.")
        names = options["backend"] or [registry.DEFAULT]
        if len(set(names)) < len(names):
            raise CommandError("Name each --backend once.")
        if options["compare"] and len(names) < 2:
            raise CommandError(
                "--compare needs at least two --backend; for an earlier run use --against FILE."
            )
        if options["results"] and not re.fullmatch(r"[\w.-]+", options["results"]):
            raise CommandError("--results takes a name of letters, digits, dots and dashes, no path.")
        if options["html"]:
            _outside_the_repository(options["html"])
        try:
            readers = [(name, registry.backend(name)) for name in names]
            documents = _choose(options)
            earlier = read_run(options["against"]) if options["against"] else {}
        except (ReaderError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        if not documents:
            raise CommandError("No document matches: look at the tracks in truth.jsonl.")
        if len({d.identity for d in documents}) < len(documents):
            raise CommandError(
                "A document is there twice: name each DIR once, and give folders different names."
            )
        return readers, documents, earlier

    def _measure(
        self,
        documents: Sequence[LabelledDocument],
        readers: Sequence[tuple[str, Backend]],
        only: Sequence[str],
        gallery: Gallery | None,
    ) -> tuple[dict[str, list[Result]], bool]:
        """Return each reader's results, and whether Ctrl-C cut the run off."""
        results: dict[str, list[Result]] = {name: [] for name, _ in readers}
        begun = time.monotonic()
        try:
            for number, measured in enumerate(measure(documents, readers, only), start=1):
                for name, result in measured.results.items():
                    results[name].append(result)
                if gallery:
                    gallery.add(measured)
                self._tell(measured, number, len(documents), time.monotonic() - begun)
        except KeyboardInterrupt:
            return results, True
        return results, False

    def _tell(self, measured: Measured, number: int, count: int, spent: float) -> None:
        notes = []
        for name, result in measured.results.items():
            right = sum(o.right for o in result.outcomes)
            note = result.error or f"{right} of {len(result.outcomes)} right"
            who = f"{name} " if len(measured.results) > 1 else ""
            notes.append(f"{who}{note}, {result.seconds.total:.2f} s")
        left = round(spent / number * (count - number))
        self.stderr.write(
            f"{number}/{count} {measured.document.name}: {'; '.join(notes)}; {left // 60}:{left % 60:02d} left"
        )

    def _print(
        self,
        options: Mapping[str, Any],
        summaries: Mapping[str, dict[str, Any]],
        comparisons: Mapping[tuple[str, str], list[Comparison]],
        memory: Mapping[str, int],
    ) -> None:
        if options["compare"]:
            self.stdout.write(side_by_side(summaries))
        else:
            for title, summary in summaries.items():
                self.stdout.write(f"{title}\n\n{as_text(summary)}")
        for (one, other), found in comparisons.items():
            self.stdout.write(
                comparison_as_text(one, other, found)
                if found
                else f"{other} and {one} share no document and field: nothing to compare."
            )
        self.stdout.write(
            f"peak memory {memory['process']} MiB, largest child process {memory['largest_child']} MiB"
        )


def _comparisons(
    outcomes: Mapping[str, Sequence[Outcome]], earlier: Mapping[str, Sequence[Outcome]]
) -> dict[tuple[str, str], list[Comparison]]:
    """Compare every further reader with the first, and every reader with those of the earlier run."""
    first, *others = outcomes
    found = {(first, other): compare(outcomes[first], outcomes[other]) for other in others}
    for then, old in earlier.items():
        for now, new in outcomes.items():
            found[f"{then} (earlier run)", now] = compare(old, new)
    return found


def _choose(options: Mapping[str, Any]) -> list[LabelledDocument]:
    chosen: list[LabelledDocument] = []
    counts: dict[str, int] = {}
    for folder in options["folders"]:
        for document in read_dataset(folder):
            if options["track"] and document.track not in options["track"]:
                continue
            counts[document.track] = counts.get(document.track, 0) + 1
            if options["limit"] is None or counts[document.track] <= options["limit"]:
                chosen.append(document)
    return chosen


def _outside_the_repository(folder: Path) -> None:
    place, base = folder.resolve(), settings.BASE_DIR.resolve()
    if place.is_relative_to(base) and not place.is_relative_to(settings.VAR_DIR.resolve()):
        raise CommandError(
            f"{folder} lies inside the repository and would hold pieces of the documents: choose another folder."
        )


def _command_line(options: Mapping[str, Any]) -> str:
    """Write the command so that somebody else can repeat it: with the folders' names, not their places."""
    words = ["manage.py evaluate", *(folder.resolve().name for folder in options["folders"])]
    for name in ("track", "field", "backend"):
        words += [f"--{name} {value}" for value in options[name]]
    if options["limit"] is not None:
        words.append(f"--limit {options['limit']}")
    if options["compare"]:
        words.append("--compare")
    if options["against"]:
        words.append(f"--against {options['against'].name}")
    if options["results"]:
        words.append(f"--results {options['results']}")
    return " ".join(words)
