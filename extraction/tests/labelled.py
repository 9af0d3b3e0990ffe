"""Labelled documents made for the tests of `extract` and `evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen import canvas


def draw_invoice(
    path: Path, *, number: str, total: str, day: str = "03/14/2025", place: str = "Tacoma, WA 98402"
) -> None:
    """Draw a plain invoice of one page and one line of work."""
    page = canvas.Canvas(str(path), pagesize=letter)
    page.setFont("Helvetica-Bold", 18)
    page.drawString(50, 740, "Miller & Sons Roofing LLC")
    page.setFont("Helvetica", 10)
    for k, line in enumerate(["1420 Harbor Street", place]):
        page.drawString(50, 722 - 13 * k, line)
    for k, (label, value) in enumerate(
        [("Invoice Number:", number), ("Invoice Date:", day), ("Work Order:", "778213")]
    ):
        page.drawString(370, 720 - 14 * k, label)
        page.drawString(470, 720 - 14 * k, value)
    page.drawString(50, 560, "Description")
    page.drawRightString(560, 560, "Amount")
    page.drawString(50, 545, "Remove old shingles and install new roof")
    page.drawRightString(560, 545, total)
    page.drawRightString(470, 500, "Total")
    page.drawRightString(560, 500, f"${total}")
    page.save()


def write_truth(folder: Path, entries: list[dict[str, Any]]) -> None:
    """Write `truth.jsonl` beside the files."""
    (folder / "truth.jsonl").write_text("\n".join(json.dumps(entry) for entry in entries), "utf-8")
