"""Documents with truth in a folder: which, how many, on how many processes, and going on where a run was cut off."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from extraction.fields import FIELDS, LINE_ITEM_FIELDS
from extraction.training.business import FAMILIES, Event, invent_event
from extraction.training.choices import Choices
from extraction.training.documents import compose
from extraction.training.noise import Picture, photograph, scan
from extraction.training.phone import phone_photograph
from extraction.training.rendering import Placed, draw_pdf, find_values

GENERATOR_VERSION = "4"
"""Part of every truth line: documents of different versions don't mix in one run."""

# Half of a set is what one meets most; the families of construction come next.
WEIGHTS: Mapping[str, float] = {
    "trade": 6,
    "material": 4,
    "rental": 2.5,
    "ticket": 2,
    "progress": 2,
    "pay_application": 2.5,
    "form": 4,
    "credit_note": 1.2,
    "receipt": 2.5,
    "statement": 1,
    "quote": 1,
    "delivery_ticket": 1,
}
PHOTO_SHARE = {"form": 0.75, "receipt": 0.4}
"""Of the documents that aren't clean PDFs, how many are photographs rather than scans; 0.15 for other families."""

PHONE_SHARE = 0.4
"""Of the photographs, how many are a phone's: large, in perspective, bent, on a table (``phone``; tag ``phone``)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to generate.

    ``fills`` documents share one layout and vendor, with other contents. ``scans`` is the share (0..1) of documents
    that become pictures, scans or photographs; forms filled in by hand always do, unless it is 0. ``fonts`` and
    ``digits`` are folders of handwriting fonts and real digits, for families that write with them; ``material``
    tells their contents apart from others'.
    """

    seed: int
    count: int
    families: Sequence[str] = FAMILIES
    scans: float = 0.3
    fills: int = 1
    fonts: Path | None = None
    digits: Path | None = None
    material: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One generated document: the file's name and bytes, and its line of truth."""

    name: str
    data: bytes
    truth: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Generator:
    """A maker of documents that this module can run.

    ``make`` is a function of a module, so that other processes can be sent it; the same plan and index must give it
    the same bytes anywhere. ``version`` is recorded with a run: documents of different versions don't mix. Families
    ``by_name`` are only made if they are asked for.
    """

    name: str
    version: str
    families: Sequence[str]
    make: Callable[[Plan, int], Document]
    by_name: Sequence[str] = ()


def make_document(plan: Plan, index: int) -> Document:
    """Make document ``index`` (from 0) of a plan; the same plan and index give the same bytes in any process."""
    layout = index // plan.fills
    choices = Choices(f"{plan.seed}/layout {layout}")
    family = choices.pick("family", plan.families, [WEIGHTS[f] for f in plan.families])
    rng = Choices(f"{plan.seed}/document {index}").stream("content")
    event = invent_event(family, Choices(f"{plan.seed}/vendor {layout}"), rng)
    pages = compose(event, choices)
    placed = find_values(pages)
    pdf = draw_pdf(pages)
    look = Choices(f"{plan.seed}/noise {index}")
    # A form filled in by hand has no text layer, unless no pictures are wanted at all.
    share = 1.0 if family == "form" and plan.scans else plan.scans
    name = f"{family}_{plan.seed}_{index:06d}"
    tags = [family, *event.tags]
    if not look.chance("is a picture", share):
        return Document(
            f"{name}.pdf", pdf, _truth(event, placed, [*tags, "text-layer"], f"{name}.pdf", layout)
        )
    photo = len(pages) == 1 and look.chance("is a photograph", PHOTO_SHARE.get(family, 0.15))
    phone = photo and look.chance("is a phone's", PHONE_SHARE)
    make: Callable[..., Picture] = phone_photograph if phone else photograph if photo else scan
    picture = make(pdf, placed, look)
    tags += ["photo", "phone"] if phone else ["photo" if photo else "scan"]
    return Document(
        f"{name}.{picture.suffix}",
        picture.data,
        _truth(event, picture.placed, tags, f"{name}.{picture.suffix}", layout),
    )


def _number(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)


def _plain(value: str | Decimal | date) -> str | float | int:
    if isinstance(value, Decimal):
        return _number(value)
    return value.isoformat() if isinstance(value, date) else value


def _truth(
    event: Event, placed: Sequence[Placed], tags: Sequence[str], name: str, layout: int
) -> dict[str, Any]:
    """Write what the page shows. A field that isn't on it is ``None``; one that can't be told is left out."""
    occurrences: dict[str, list[dict[str, Any]]] = {}
    for place in placed:
        entry = {"page": place.page, "box": place.box.as_list(), "text": place.shown.text}
        occurrences.setdefault(place.shown.target, []).append(entry)
    values: dict[str, Any] = {
        "vendor_name": event.vendor.name,
        "vendor_address": ", ".join(event.vendor.address),
        "vendor_phone": event.vendor.phone,
        "vendor_email": event.vendor.email,
        "vendor_tax_id": event.vendor.tax_id,
        "customer_name": event.customer.name,
        "customer_address": ", ".join(event.customer.address),
        "ship_to_address": ", ".join(event.site),
        "tax_rate": event.tax_rate,
        **event.texts,
        **event.days,
        **event.money,
    }
    fields: dict[str, Any] = {"document_type": event.document_type}
    unknown = _unknown(event, occurrences)
    for field_name in FIELDS:
        if field_name == "document_type" or field_name in unknown:
            continue
        fields[field_name] = _plain(values[field_name]) if field_name in occurrences else None
    currency = _currency(event, placed)
    if currency:
        fields["currency"] = currency
    lines = [_line(event, index, occurrences) for index in range(len(event.lines))]
    boxes = {k: v for k, v in occurrences.items() if k in FIELDS}
    truth: dict[str, Any] = {
        "file": f"files/{name}",
        "track": event.family,
        "language": f"{event.country.language}-{event.country.code}",
        "labelled_by": "generator",
        "generator": GENERATOR_VERSION,
        "licence": "generated",
        "layout": layout,
        "tags": list(tags),
        "fields": fields,
        "line_items": [line for line in lines if line],
        "boxes": boxes,
    }
    if event.summary:
        truth["summary"] = {k: _number(v) for k, v in event.summary.items()}
    return truth


def _unknown(event: Event, occurrences: Mapping[str, object]) -> set[str]:
    """Fields whose meaning on this kind of document is open, so that nobody is judged by them."""
    unknown = {"currency"}
    if event.document_type == "pay_application":
        unknown |= {"total", "subtotal", "previous_balance", "invoice_number"}
    elif event.document_type == "statement":
        unknown |= {"total", "subtotal", "amount_paid", "invoice_number"}
    elif event.document_type == "receipt":
        unknown |= {"amount_paid", "amount_due"}
    if event.document_type in ("quote", "delivery_ticket"):
        unknown |= {"work_order_number"} - set(event.texts)
    if "amount_due" not in event.money:
        unknown.add("amount_due")
    if "tax_rate" not in occurrences and any(target.endswith("/tax_rate") for target in occurrences):
        unknown.add("tax_rate")
    return unknown


def _currency(event: Event, placed: Sequence[Placed]) -> str:
    """Return the currency if a sign or code on the page tells it."""
    country = event.country
    pattern = event.formats.money_pattern.format("")
    sign = pattern.strip() or ("$" if event.family == "form" else "")
    ambiguous = sign == "$" and country.currency != "USD"
    printed = sign and any(sign in place.shown.text for place in placed if place.shown.target)
    return country.currency if printed and not ambiguous else ""


def _line(event: Event, index: int, occurrences: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    values = event.lines[index].values
    cells = {n: occurrences[f"{index}/{n}"][0] for n in LINE_ITEM_FIELDS if f"{index}/{n}" in occurrences}
    if not cells:
        return {}
    page = min(cell["page"] for cell in cells.values())
    own = [cell["box"] for cell in cells.values() if cell["page"] == page]
    box = [min(b[0] for b in own), min(b[1] for b in own), max(b[2] for b in own), max(b[3] for b in own)]
    line: dict[str, Any] = {
        name: _plain(values[name] if name != "tax_rate" else event.tax_rate) for name in cells
    }
    return line | {"page": page, "box": box, "boxes": {name: cell["box"] for name, cell in cells.items()}}


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(data)
    half.replace(path)


def _make_into(folder: Path, plan: Plan, make: Callable[[Plan, int], Document], index: int) -> int:
    """Make one document and its truth, unless both are there already; return its index."""
    line = folder / "lines" / f"{index:06d}.json"
    if not line.is_file():
        document = make(plan, index)
        _write(folder / "files" / document.name, document.data)
        _write(line, json.dumps(document.truth, ensure_ascii=False).encode())
    return index


TRAINING = Generator("training", GENERATOR_VERSION, FAMILIES, make_document)


def generate(
    folder: Path,
    plan: Plan,
    *,
    generator: Generator = TRAINING,
    processes: int = 1,
    report: Callable[[int], None] = lambda done: None,
) -> None:
    """Write ``files/*`` and ``truth.jsonl`` of a plan into a folder.

    A run that was cut off goes on where it stopped: what is whole is kept. ``report`` is called with the number of
    documents that are there.

    :raises ValueError: if the folder holds documents of another plan.
    """
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "lines").mkdir(exist_ok=True)
    _claim(folder, plan, generator)
    for done, _ in enumerate(_each(folder, plan, generator, processes), start=1):
        report(done)
    lines = (folder / "lines" / f"{index:06d}.json" for index in range(plan.count))
    _write(folder / "truth.jsonl", b"".join(line.read_bytes() + b"\n" for line in lines))


def _claim(folder: Path, plan: Plan, generator: Generator) -> None:
    """Record which plan a folder belongs to; the count may change, nothing else."""
    own = {
        "generator": generator.version,
        "seed": plan.seed,
        "families": list(plan.families),
        "scans": plan.scans,
        "fills": plan.fills,
    }
    if plan.material:
        own["material"] = plan.material
    record = folder / "plan.json"
    if record.is_file():
        there = json.loads(record.read_text("utf-8"))
        if there != own:
            raise ValueError(
                f"{folder} holds documents of another run ({there}): "
                "give an empty folder, or the same seed and options to go on."
            )
    _write(record, json.dumps(own).encode())


def _each(folder: Path, plan: Plan, generator: Generator, processes: int) -> Iterator[int]:
    if processes == 1:
        for index in range(plan.count):
            yield _make_into(folder, plan, generator.make, index)
        return
    # Ctrl-C reaches the whole group: the workers finish what they have in hand, this process stops handing out.
    with ProcessPoolExecutor(
        processes, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        tasks = [pool.submit(_make_into, folder, plan, generator.make, index) for index in range(plan.count)]
        try:
            for task in as_completed(tasks):
                yield task.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
