"""Which readers can be used here, what is missing for the others, and how to get it."""

from __future__ import annotations

import io
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from extraction import registry
from extraction.backends import llama, pixtral
from extraction.backends.doctr import DoctrBackend
from extraction.backends.generative.local_models import shown_size
from extraction.backends.generative.reader import GenerativeBackend
from extraction.backends.generative.transformers_asker import TransformersAsker
from extraction.backends.openai_server import ServerAsker
from extraction.schema import Backend, Hints, PageImage, ReaderError

_HOW = {
    "llama": f"hf download {llama.HUB_NAME} ({llama.SIZE}; accept its licence there first)",
    "pixtral": f"hf download {pixtral.HUB_NAME} ({pixtral.SIZE})",
    "doctr": "networks (.onnx) from OnnxTR's releases, 10 to 100 MB each; see docs/models.md",
    "openai_server": "an address and a model's name; see docs/models.md",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What is known about one reader; ``trouble`` says what is wrong, and is empty if nothing is."""

    name: str
    state: str
    detail: str
    trouble: str = ""


class Command(BaseCommand):
    help = (
        "Readers and their models: `list` says what is set up and whole, `check` also asks servers and looks for "
        "libraries, `warm` also loads what runs on this machine."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "check", "warm"])
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(registry.names())}")

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["names"] or registry.names()
        if unknown := [name for name in names if name not in registry.names()]:
            raise CommandError(
                f"There is no reader called “{unknown[0]}”. There is: {', '.join(registry.names())}."
            )
        rows = []
        for name in names:
            row = look_at(name, options["action"], asked_for=bool(options["names"]))
            rows.append(row)
            self.stdout.write(f"{row.name:<14} {row.state:<11} {row.trouble or row.detail}")
            self.stdout.flush()  # loading takes minutes
            if row.state != "ready" and name in _HOW:
                self.stdout.write(f"{'':<26} get: {_HOW[name]}")
        if options["action"] != "list" and any(row.trouble for row in rows):
            sys.exit(1)


def look_at(name: str, action: str, *, asked_for: bool = False) -> Row:
    """Say how a reader is.

    :param action: ``list``, ``check`` or ``warm``: each does more than the one before.
    :param asked_for: it is trouble if the reader is not even set up.
    """
    if name not in registry.configured():
        try:
            registry.backend(name)
        except ReaderError as error:
            return Row(name, "not set up", str(error), str(error) if asked_for else "")
    try:
        backend = registry.backend(name)
        detail = _described(backend)
        if action != "list":
            detail += _checked(backend)
        if action == "warm":
            begun = time.perf_counter()
            detail += _warmed(backend)
            detail += f", loaded in {time.perf_counter() - begun:.1f} s"
    except ReaderError as error:
        return Row(name, "broken", "", str(error))
    return Row(name, "ready", detail)


def _described(backend: Backend) -> str:
    if isinstance(backend, GenerativeBackend):
        if isinstance(backend.asker, TransformersAsker):
            files = backend.asker.files
            return f"{files.folder}, {shown_size(files.size)}"
        if isinstance(backend.asker, ServerAsker):
            return f"{backend.asker.model} at {backend.asker.address}"
    if isinstance(backend, DoctrBackend):
        return ", ".join(f"{path.name} {shown_size(path.stat().st_size)}" for path in backend.files)
    weights = Path(registry.__file__).parent / "weights"
    size = sum(path.stat().st_size for path in weights.iterdir())
    return f"comes with the product, {shown_size(size)} beside the packages"


def _checked(backend: Backend) -> str:
    if not isinstance(backend, GenerativeBackend):
        return ""
    if isinstance(backend.asker, ServerAsker):
        offered = backend.asker.models()
        if not offered:  # `transformers serve` names what it has loaded so far
            return ", answers, but names no models"
        if backend.asker.model not in offered:
            shown = ", ".join(offered[:10])
            raise ReaderError(
                f"The model server {backend.asker.address} has no model “{backend.asker.model}”. It has: {shown}."
            )
        return ", answers"
    if isinstance(backend.asker, TransformersAsker):
        return f", {backend.asker.planned_device()}"
    return ""


def _warmed(backend: Backend) -> str:
    if isinstance(backend, GenerativeBackend):
        return f", {backend.asker.warm()}" if isinstance(backend.asker, TransformersAsker) else ""
    if isinstance(backend, DoctrBackend):
        backend.load()
        return ""
    backend.read([_white_page()], Hints())
    return ""


def _white_page() -> PageImage:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (425, 550), "white").save(out, "PNG")
    return PageImage(0, 425, 550, out.getvalue())
