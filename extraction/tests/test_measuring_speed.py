"""The commands that measure time, memory and what fast recognition costs in fields, on documents made here."""

from __future__ import annotations

import json
from pathlib import Path

import pypdfium2
import pytest

from extraction.documents import DocumentRefused
from extraction.evaluation import ocr_speed, scaling
from extraction.tests.labelled import draw_invoice, write_truth
from extraction.tests.pages import encoded, invoice_pdf, invoice_picture, picture_pdf


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with two scanned invoices and one that needs no recognition."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.jpg").write_bytes(encoded(invoice_picture(), "JPEG", quality=80))
    draw_invoice(tmp_path / "born.pdf", number="A-1", total="100.00")
    fields = {
        "invoice_number": "MR-20417",
        "total": 2717.60,
        "invoice_date": "2025-03-14",
        "po_number": "none",
    }
    write_truth(
        tmp_path,
        [
            {"file": "one.jpg", "track": "scan", "fields": fields},
            {"file": "two.jpg", "track": "scan", "fields": fields},
            {"file": "born.pdf", "track": "born", "fields": {"invoice_number": "A-1"}},
        ],
    )
    return tmp_path


def test_accuracy_compares_the_fields_of_scans_only(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ocr_speed.main(["--accuracy", str(scans)]) == 0
    printed = capsys.readouterr().out
    assert "2 documents: 6 fields right, full-size 6, of 8; fast better on 0, worse on 0" in printed
    assert "born" not in printed


def test_whole_reading_is_timed_beside_stock_rapidocr(
    scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (timing,) = ocr_speed.compare_times([scans / "born.pdf", scans / "one.jpg"], most=5)
    assert timing.document == "one.jpg"
    assert min(timing.opening, timing.words, timing.fields, timing.stock) > 0
    assert timing.characters == pytest.approx(timing.stock_characters, rel=0.05)
    assert ocr_speed.main([str(scans / "born.pdf")]) == 1
    assert "No document there needs recognition" in capsys.readouterr().err


def test_accuracy_without_truth_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        ocr_speed.main(["--accuracy", str(tmp_path)])
    assert "truth.jsonl" in capsys.readouterr().err


def test_straight_line_and_how_far_the_worst_is_off_it() -> None:
    line = scaling.straight_line([1, 10, 100], [3.0, 12.0, 102.0])
    assert (line.slope, line.intercept, line.deviation) == pytest.approx((1.0, 2.0, 0.0))
    assert scaling.straight_line([1, 10, 100], [1.0, 100.0, 10_000.0]).deviation > 400
    with pytest.raises(ValueError, match="two sizes"):
        scaling.straight_line([5, 5], [1.0, 2.0])


def test_pages_are_repeated_in_turn_and_each_size_is_read_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "two.pdf"
    bound = pypdfium2.PdfDocument.new()
    for data in (invoice_pdf(), picture_pdf(invoice_picture())):
        bound.import_pages(pypdfium2.PdfDocument(data))
    bound.save(source)
    assert scaling.main(["--pdf", str(source), "--pages", "3", "1"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("two.pdf ")]
    assert [int(row[1]) for row in rows] == [1, 3]
    assert float(rows[1][5]) > float(rows[0][5]), "the second page needs recognition, the first does not"

    scaling.bind([source], 3, tmp_path / "three.pdf")
    cost = scaling.read_apart(tmp_path / "three.pdf")
    assert cost.pages == 3
    assert cost.found > 3
    assert cost.process > 50 < cost.child, "MiB"
    assert cost.memory == cost.process + cost.child


def test_document_that_cant_be_read_ends_the_measurement_with_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing")
    with pytest.raises(RuntimeError, match=r"broken\.pdf failed: .*damaged"):
        scaling.read_apart(broken)
    with pytest.raises(DocumentRefused):
        scaling.read_one(broken)


def test_sizes_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    for pages in (["1"], ["0", "5"], ["5", "101"]):
        with pytest.raises(SystemExit):
            scaling.main(["--pages", *pages])
        assert "two or more different numbers from 1 to 100" in capsys.readouterr().err


def test_cost_of_one_document_is_printed_as_json(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scaling.main(["--one", str(scans / "born.pdf")]) == 0
    assert scaling.Cost(**json.loads(capsys.readouterr().out)).pages == 1
