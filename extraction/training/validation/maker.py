"""Makes one document of the validation generator with its line of truth."""

from __future__ import annotations

from random import Random
from typing import Any

from extraction.training.generation import Document, Generator, Plan
from extraction.training.validation import forms, prints, skins
from extraction.training.validation.cases import Case, invent
from extraction.training.validation.look import picture
from extraction.training.validation.sheet import Sheet

VERSION = "validation-1"
WEIGHTS = {
    "modern": 5,
    "boxed": 5,
    "din": 5,
    "prose": 4,
    "sidebar": 3,
    "merchant": 5,
    "erp": 4,
    "utility": 3,
    "hire": 3,
    "daywork": 3,
    "handform": 3,
    "till": 4,
    "payapp": 2,
    "credit": 2,
    "offer": 2,
    "account": 2,
    "delivery": 2,
}
FAMILIES = tuple(WEIGHTS)


def compose(family: str, rng: Random) -> tuple[Case, Sheet, bytes]:
    """Invent a case of a family and set it; return it with what was printed and the PDF."""
    case = invent(family, rng)
    sheet = Sheet(case, rng)
    others = {"erp": prints.erp, "till": prints.till, "handform": forms.handform, "payapp": forms.payapp}
    pdf = others[family](sheet, rng) if family in others else skins.draw(family, sheet, rng)
    return case, sheet, pdf


def make_document(plan: Plan, index: int) -> Document:
    """Make document ``index`` (from 0) of a plan; the same plan and index give the same bytes in any process."""
    rng = Random(f"validation/{plan.seed}/{index}")  # noqa: S311
    family = rng.choices(plan.families, [WEIGHTS[name] for name in plan.families])[0]
    case, sheet, data = compose(family, rng)
    look = Random(f"validation/{plan.seed}/{index}/look")  # noqa: S311
    suffix, tag = "pdf", "text-layer"
    if look.random() < (1 if family == "handform" and plan.scans else plan.scans):
        data, suffix, tag = picture(data, look.getrandbits(60))
    name = f"{family}_v{plan.seed}_{index:06d}.{suffix}"
    truth: dict[str, Any] = {
        "file": f"files/{name}",
        "track": family,
        "language": f"{case.locale.language}-{case.locale.country}",
        "labelled_by": "generator",
        "generator": VERSION,
        "licence": "generated",
        "layout": index,
        "tags": [family, *case.tags, tag],
        **sheet.truth(),
    }
    return Document(name, data, truth)


VALIDATION = Generator("validation", VERSION, FAMILIES, make_document)
