"""Makes one document of the validation generator with its line of truth."""

from __future__ import annotations

from random import Random
from typing import Any

from extraction.training.generation import Document, Generator, Plan
from extraction.training.validation import camera, fieldcases, fieldforms, forms, pens, prints, skins
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
FIELD_FORM = "fieldform"
"""Photographs of forms filled in by hand: slow, and in need of fonts and digits, so only made if asked for."""
FIELD_FORM_VERSION = "fieldform-1"
HARD_SHARPNESS, HARD_LIGHT = 2.9, 0.5
"""A photograph counts as hard with fewer blur radii than this in a millimetre, or with light under this share."""


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
    family = rng.choices(plan.families, [WEIGHTS.get(name, 3) for name in plan.families])[0]
    if family == FIELD_FORM:
        return _field_form(plan, index, rng)
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


def _field_form(plan: Plan, index: int, rng: Random) -> Document:
    """Fill in a form by hand and photograph it; the line of truth also says what an office would know of it.

    :raises ValueError: if the plan has no folders of fonts and digits.
    """
    if plan.fonts is None or plan.digits is None:
        pens.material_digest(plan.fonts, plan.digits)
    assert plan.fonts is not None and plan.digits is not None  # noqa: S101  # material_digest has refused otherwise
    material = pens.load_material(plan.fonts, plan.digits)
    job = fieldcases.invent(rng)
    real = rng.random() < 0.5
    form, sheet, layout = fieldforms.draw_form(job, material, rng, real=real)
    photo = camera.photograph(
        sheet, rng, millimetres=form.size[0], torn=form.size[0] < 150 and rng.random() < 0.6
    )
    faint = form.hand.kind in ("pencil", "carbon")
    hard = photo.sharpness < HARD_SHARPNESS * (1.5 if faint else 1) or photo.contrast < HARD_LIGHT
    tags = [
        FIELD_FORM,
        "photo",
        "phone",
        f"layout:{layout}",
        f"hand:{'real' if real else 'font'}",
        f"pen:{form.hand.kind}",
    ]
    tags += ["photocopy"] * form.copied + ["hard"] * hard
    name = f"{FIELD_FORM}_v{plan.seed}_{index:06d}.jpg"
    truth: dict[str, Any] = {
        "file": f"files/{name}",
        "track": FIELD_FORM,
        "language": "es-US" if job.spanish else "en-US",
        "labelled_by": "generator",
        "generator": FIELD_FORM_VERSION,
        "licence": "generated",
        "layout": index,
        "tags": [*tags, *form.tags, *photo.tags],
        **form.truth(),
        "office": fieldcases.office_of(job, Random(f"validation/{plan.seed}/{index}/office")),  # noqa: S311
        "photo": {"sharpness": round(photo.sharpness, 2), "light": round(photo.contrast, 2)},
    }
    return Document(name, photo.data, truth)


VALIDATION = Generator("validation", VERSION, FAMILIES, make_document, by_name=(FIELD_FORM,))
