"""Measure a reader on labelled documents."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from extraction import registry
from extraction.documents import open_pages
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.reports import Result, as_text, judge, mistakes, summarise
from extraction.fields import FIELDS
from extraction.schema import Hints, ReaderError, Reading


class Command(BaseCommand):
    help = (
        "Reads the labelled documents of DIR (files and truth.jsonl) and prints accuracy per track and field,"
        " with 95 % intervals."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
        parser.add_argument(
            "--track", action="append", default=[], help="only documents of this track (repeatable)"
        )
        parser.add_argument("--field", action="append", default=[], help="only this field (repeatable)")
        parser.add_argument(
            "--backend", default=registry.DEFAULT, help=f"one of: {', '.join(registry.names())}"
        )
        parser.add_argument("--mistakes", action="store_true", help="list every wrong value")
        parser.add_argument("--limit", type=int, help="read at most this many documents of each track")
        parser.add_argument(
            "--json", type=Path, metavar="FILE", help="also write the figures and every outcome to FILE"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = [name for name in options["field"] if name not in FIELDS]
        if unknown:
            raise CommandError(f"There is no field {', '.join(unknown)}. There is: {', '.join(FIELDS)}.")
        try:
            backend = registry.backend(options["backend"])
            documents = self._choose(options)
        except (ReaderError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        if not documents:
            raise CommandError("No document matches: look at the tracks in truth.jsonl.")

        def read(document: LabelledDocument) -> tuple[Reading, float]:
            begun = time.perf_counter()
            pages = open_pages(document.path)
            opened = time.perf_counter() - begun
            return backend.read(pages, Hints()), opened

        results: list[Result] = []
        for number, document in enumerate(documents, start=1):
            result = judge(document, read, options["field"])
            results.append(result)
            right = sum(o.right for o in result.outcomes)
            note = result.error or f"{right} of {len(result.outcomes)} right"
            self.stderr.write(
                f"{number}/{len(documents)} {document.name}: {note}, {result.seconds.total:.2f} s"
            )
        summary = {"backend": backend.name, "version": backend.version, **summarise(results)}
        self.stdout.write(f"{backend.name} {backend.version}\n\n{as_text(summary)}")
        if options["mistakes"]:
            self.stdout.write("\n".join(["mistakes:", *mistakes(results)]))
        if options["json"]:
            outcomes = [
                {"document": o.document, "track": o.track, "field": o.field, "truth": o.truth, "value": o.value,
                 "right": o.right, "confidence": o.confidence}
                for r in results for o in r.outcomes
            ]  # fmt: skip
            options["json"].write_text(
                json.dumps({**summary, "outcomes": outcomes}, ensure_ascii=False, indent=1), "utf-8"
            )

    def _choose(self, options: dict[str, Any]) -> list[LabelledDocument]:
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
