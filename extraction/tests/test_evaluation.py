"""Comparison rules, figures, and the two commands, on documents made here."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from extraction.evaluation.comparison import is_right
from extraction.evaluation.metrics import Outcome, calibration_error, match_amounts, share_right
from extraction.tests.labelled import draw_invoice, write_truth


@pytest.mark.parametrize(
    ("field", "truth", "value", "right"),
    [
        ("total", 93.5, "93.50", True),
        ("total", 93.5, "93.51", False),
        ("invoice_date", "2025-03-14", "2025-03-14", True),
        ("invoice_number", "INV/2023/03/0008", "inv-2023-03-0008", True),
        ("invoice_number", "#00012", "00012", True),
        ("invoice_number", "00012", "12", False),
        ("vendor_name", "Acme Supply, Inc.", "ACME SUPPLY", True),
        ("vendor_name", "Acme Supply", "Acme Rentals", False),
        ("vendor_name", "Co Inc", "Other LLC", False),
        ("vendor_address", "12 Main St, Tacoma, WA 98402", "12 Main St., Tacoma WA, 98402, USA", True),
        ("vendor_address", "12 Main St, Tacoma, WA 98402", "Tacoma", False),
        ("vendor_address", "12 Main St, Tacoma, WA 98402", "14 Hill Rd, Seattle, WA 98101", False),
        ("currency", "USD", "usd", True),
        ("unit", "HUR", "Std.", True),
        ("unit", "MTK", "m\u00b2", True),
        ("unit", "C62", "Stk", True),
        ("unit", "HUR", "Stk", False),
        ("unit", "bucket", "Bucket", True),
        ("total", 1.0, None, False),
        ("total", 1.0, "abc", False),
    ],
)
def test_when_a_value_counts_as_right(field: str, truth: object, value: str | None, right: bool) -> None:
    assert is_right(field, truth, value) is right


def outcomes(*rights: bool, confidence: float = 0.9) -> list[Outcome]:
    return [Outcome(f"d{k}", "invoice", "total", 1, "1", r, confidence) for k, r in enumerate(rights)]


def test_a_share_has_an_interval_that_narrows_with_documents() -> None:
    few, many = share_right(outcomes(*[True, False] * 5)), share_right(outcomes(*[True, False] * 200))
    assert few.value == many.value == 0.5
    assert many.high - many.low < few.high - few.low
    assert share_right(outcomes(*[True] * 20)).low == 1.0


def test_calibration_error_measures_overconfidence() -> None:
    assert calibration_error(outcomes(*[True] * 9, False, confidence=0.9)) == pytest.approx(0.0)
    assert calibration_error(outcomes(*[False] * 30, confidence=0.9)) == pytest.approx(0.9)


def test_line_amounts_are_matched_once_each() -> None:
    truth = [Decimal(5), Decimal(5), Decimal(7)]
    assert match_amounts(truth, [Decimal("5.00"), Decimal("7.00"), Decimal(9)]) == 2


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    truths: list[dict[str, Any]] = []
    for number, total in (("MR-20417", "2,080.00"), ("MR-20418", "415.50")):
        draw_invoice(tmp_path / "files" / f"{number}.pdf", number=number, total=total)
        truths.append(
            {"file": f"files/{number}.pdf", "track": "invoice", "fields": {"vendor_name": "Miller & Sons Roofing", "invoice_number": number,
             "invoice_date": "2025-03-14", "total": float(total.replace(",", ""))}, "line_items": [{"amount": float(total.replace(",", ""))}]}
        )  # fmt: skip
    (tmp_path / "files" / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    truths.append({"file": "files/broken.pdf", "track": "damaged", "fields": {"total": 1.0}})
    write_truth(tmp_path, truths)
    return tmp_path


def test_extract_prints_one_object_per_document_and_goes_on_after_a_bad_one(dataset: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    files = [
        str(dataset / "files" / name)
        for name in ("MR-20417.pdf", "broken.pdf", "missing.pdf", "MR-20418.pdf")
    ]
    with pytest.raises(SystemExit) as stopped:
        call_command("extract", *files, stdout=out, stderr=err)
    assert stopped.value.code == 1
    results: list[dict[str, Any]] = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [r["file"] for r in results] == files
    assert [r["error"] is None for r in results] == [True, False, False, True]
    first = results[0]
    assert first["backend"] == "layout"
    assert first["pages"] == 1
    assert first["fields"]["total"]["value"] == "2080.00"
    assert first["fields"]["work_order_number"]["value"] == "778213"
    assert set(first["fields"]["total"]) == {"value", "text", "confidence", "page", "box"}
    assert first["line_items"][0]["amount"] == "2080.00"
    assert {"rule", "passed", "difference"} <= set(first["checks"][0])
    assert set(first["seconds"]) == {"total", "words", "fields"}
    assert isinstance(first["review"], list)
    assert "broken.pdf" in err.getvalue()


def test_extract_writes_a_list_and_a_table(dataset: Path) -> None:
    file = str(dataset / "files" / "MR-20417.pdf")
    out = io.StringIO()
    call_command("extract", file, "--format", "json", stdout=out)
    assert json.loads(out.getvalue())[0]["fields"]["invoice_number"]["value"] == "MR-20417"
    out = io.StringIO()
    call_command("extract", file, "--format", "table", stdout=out)
    assert "MR-20417" in out.getvalue()


def test_an_unknown_backend_is_named_with_those_there_are(dataset: Path) -> None:
    with pytest.raises(CommandError, match="layout"):
        call_command("extract", str(dataset / "files" / "MR-20417.pdf"), "--backend", "crystal-ball")


def test_evaluate_prints_figures_lists_mistakes_and_survives_a_bad_document(
    dataset: Path, tmp_path: Path
) -> None:
    out, err, report = io.StringIO(), io.StringIO(), tmp_path / "report.json"
    call_command("evaluate", str(dataset), "--mistakes", "--json", str(report), stdout=out, stderr=err)
    text = out.getvalue()
    assert "invoice: 2 documents" in text
    assert "1 documents could not be read" in text
    assert "broken.pdf: could not be read" in text
    figures = json.loads(report.read_text())
    assert figures["tracks"]["invoice"]["fields"]["total"]["share"] == 1.0
    assert figures["tracks"]["invoice"]["line_items"]["found"] == 1.0
    assert figures["tracks"]["damaged"]["fields"]["total"]["share"] == 0.0
    assert len(figures["outcomes"]) == 9
    assert "1/3" in err.getvalue()


def test_evaluate_one_track_and_field(dataset: Path) -> None:
    out = io.StringIO()
    call_command(
        "evaluate",
        str(dataset),
        "--track",
        "invoice",
        "--field",
        "total",
        "--limit",
        "1",
        stdout=out,
        stderr=io.StringIO(),
    )
    assert "invoice: 1 documents" in out.getvalue()
    assert "invoice_number" not in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "truth.jsonl"),
        (["{}", "--field", "shoe_size"], "shoe_size"),
        (["{}", "--track", "none"], "No document"),
    ],
)
def test_evaluate_says_what_is_wrong_with_its_arguments(
    dataset: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command(
            "evaluate", *(a.format(dataset) for a in arguments), stdout=io.StringIO(), stderr=io.StringIO()
        )
