"""Read documents from the command line, without the database."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from extraction import gate, registry
from extraction.documents import DocumentRefused, open_pages
from extraction.schema import Backend, Hints, ReaderError, Reading


class Command(BaseCommand):
    help = "Reads documents and prints their fields: one JSON object per document (jsonl), one list (json), or a table."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--backend", default=registry.DEFAULT, help=f"one of: {', '.join(registry.names())}"
        )
        parser.add_argument("--format", choices=["jsonl", "json", "table"], default="jsonl")
        parser.add_argument("--country", default="US", help="ISO 3166 code; decides dates such as 03/04/2026")
        parser.add_argument("--currency", default="", help="ISO 4217 code, where the page prints none")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            backend = registry.backend(options["backend"])
        except ReaderError as error:
            raise CommandError(str(error)) from error
        hints = Hints(country=options["country"].upper(), currency=options["currency"].upper())
        results, failed = [], 0
        for path in options["files"]:
            result = self._read(path, backend, hints)
            failed += result["error"] is not None
            if options["format"] == "jsonl":
                self.stdout.write(json.dumps(result, ensure_ascii=False))
                self.stdout.flush()  # a program that reads along sees each document when it is done
            elif options["format"] == "table":
                self.stdout.write(as_table(result))
            results.append(result)
        if options["format"] == "json":
            self.stdout.write(json.dumps(results, ensure_ascii=False, indent=1))
        if failed:
            self.stderr.write(f"{failed} of {len(results)} files could not be read.")
            sys.exit(1)

    def _read(self, path: Path, backend: Backend, hints: Hints) -> dict[str, Any]:
        begun = time.perf_counter()
        try:
            pages = open_pages(path)
            opened = time.perf_counter() - begun
            reading = backend.read(pages, hints)
        except (DocumentRefused, ReaderError) as error:
            message = str(error)
        except OSError as error:
            message = f"{path} can't be opened: {error.strerror or error}"
        except Exception as error:  # noqa: BLE001 - the other files must still be read
            message = f"unexpected {type(error).__name__}: {error}"
        else:
            seconds = replace(
                reading.seconds, total=reading.seconds.total + opened, words=reading.seconds.words + opened
            )
            return as_json(path, replace(reading, seconds=seconds))
        self.stderr.write(f"{path}: {message}")
        # The same keys as any other line, so that a program that reads along needs no second shape.
        nothing = Reading(backend=backend.name, model_version=backend.version, pages=0)
        return {**as_json(path, nothing), "document_type": None, "review": [], "error": message}


def as_json(path: Path, reading: Reading) -> dict[str, Any]:
    """Build the machine-readable result (docs/fields.md)."""
    return {
        "file": str(path),
        "document_type": reading.document_type,
        "backend": reading.backend,
        "model_version": reading.model_version,
        "pages": reading.pages,
        "seconds": {
            "total": round(reading.seconds.total, 3),
            "words": round(reading.seconds.words, 3),
            "fields": round(reading.seconds.fields, 3),
        },
        "fields": {
            name: {
                "value": value.value,
                "text": value.text,
                "confidence": round(value.confidence, 4),
                "page": value.page,
                "box": value.box.as_list() if value.box else None,
            }
            for name, value in reading.fields.items()
        },
        "line_items": [
            {**item.values, "page": item.page, "box": item.box.as_list() if item.box else None}
            for item in reading.line_items
        ],
        "checks": [
            {
                "rule": check.rule,
                "passed": check.passed,
                "difference": check.difference,
                **({"message": check.message} if check.message else {}),
            }
            for check in reading.checks
        ],
        "review": list(gate.doubtful(reading)),
        "error": None,
    }


def as_table(result: dict[str, Any]) -> str:
    """Write one document's result for people."""
    if result["error"] is not None:
        return f"{result['file']}: {result['error']}\n"
    kind = result["document_type"].replace("_", " ")
    lines = [f"{result['file']}: {kind}, {result['pages']} pages, {result['seconds']['total']} s"]
    for name, field in result["fields"].items():
        mark = "?" if name in result["review"] else " "
        lines.append(f" {mark} {name:<20} {field['value']:<40} {100 * field['confidence']:5.1f} %")
    for name in result["review"]:
        if name not in result["fields"]:
            lines.append(f" ? {name:<20} -")
    for item in result["line_items"]:
        cells = [item.get(k, "") for k in ("quantity", "unit", "unit_price", "amount")]
        lines.append(f"   {item.get('description', '')[:50]:<52}" + " ".join(f"{c:>10}" for c in cells))
    lines += [f"   {check['rule']}: {check['message']}" for check in result["checks"] if not check["passed"]]
    return "\n".join(lines) + "\n"
