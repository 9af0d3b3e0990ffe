"""Generate documents with truth, to train and test readers on."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from extraction.training.generation import TRAINING, Plan, generate
from extraction.training.validation.maker import FIELD_FORM, VALIDATION
from extraction.training.validation.pens import material_digest

GENERATORS = {one.name: one for one in (TRAINING, VALIDATION)}


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text} is no share: give a number from 0 to 1")
    return value


def _positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise ArgumentTypeError(f"{text} is not a whole number from 1 up")
    return int(text)


class Command(BaseCommand):
    help = "Generates documents with truth into OUT, as evaluate reads them. A run that was cut off goes on."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("out", type=Path, metavar="OUT")
        parser.add_argument(
            "--count", type=_positive, default=100, metavar="N", help="how many documents (100)"
        )
        parser.add_argument(
            "--seed", type=int, default=0, metavar="S", help="the same seed gives the same documents (0)"
        )
        parser.add_argument(
            "--family",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME",
            help="only these families: "
            + "; ".join(f"{one.name}: {', '.join(one.families)}" for one in GENERATORS.values())
            + f"; only if named: {FIELD_FORM}",
        )
        parser.add_argument(
            "--generator",
            choices=GENERATORS,
            default=TRAINING.name,
            help="training, or validation: other layouts and words, to judge what was trained on the first (training)",
        )
        parser.add_argument(
            "--processes", type=_positive, default=1, metavar="P", help="how many processes (1)"
        )
        parser.add_argument(
            "--scans",
            type=_share,
            default=0.3,
            metavar="SHARE",
            help="share of documents as scans and photographs (0.3)",
        )
        parser.add_argument(
            "--fills",
            type=_positive,
            default=1,
            metavar="K",
            help="how many documents share a layout and vendor (1)",
        )

        parser.add_argument(
            "--fonts",
            type=Path,
            metavar="DIR",
            help=f"folder of handwriting fonts, for --family {FIELD_FORM}",
        )
        parser.add_argument(
            "--digits", type=Path, metavar="DIR", help=f"folder of real digits, for --family {FIELD_FORM}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        generator = GENERATORS[options["generator"]]
        there = (*generator.families, *generator.by_name)
        if strange := [name for name in options["family"] if name not in there]:
            raise CommandError(
                f"No family of the {generator.name} generator: {', '.join(strange)}. "
                f"There are {', '.join(there)}."
            )
        if generator is VALIDATION and options["fills"] != 1:
            raise CommandError("--fills: each validation document has a layout of its own.")
        families = tuple(n for n in there if n in options["family"]) or tuple(generator.families)
        plan = Plan(options["seed"], options["count"], families, options["scans"], options["fills"])
        if FIELD_FORM in families:
            try:
                material = material_digest(options["fonts"], options["digits"])
            except ValueError as error:
                raise CommandError(str(error)) from error
            plan = replace(plan, fonts=options["fonts"], digits=options["digits"], material=material)
        begun = time.monotonic()
        live = sys.stderr.isatty()

        def report(done: int) -> None:
            if not live and done % max(1, plan.count // 20) and done != plan.count:
                return
            rate = done / max(time.monotonic() - begun, 1e-6)
            text = f"{done}/{plan.count} documents, {rate:.1f} a second, {(plan.count - done) / rate:.0f} s to go"
            self.stderr.write(
                f"\r{text}   " if live else text, ending="" if live and done < plan.count else "\n"
            )

        try:
            generate(options["out"], plan, generator=generator, processes=options["processes"], report=report)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted. The same command goes on where this stopped.") from None
        self.stdout.write(f"{plan.count} documents in {options['out']}")
