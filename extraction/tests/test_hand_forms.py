"""The command that measures photographed forms: figures, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extraction.evaluation import hand_forms
from extraction.evaluation.datasets import LabelledDocument
from extraction.evaluation.hand_forms import (
    Judged,
    Read,
    office_of,
    passing,
    report,
    share,
    stands_in,
    weighted,
)
from extraction.schema import FieldValue, Reading
from extraction.tests.labelled import write_truth
from extraction.tests.pages import encoded, invoice_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures whose total is 2,717.60; of one the truth says otherwise. The number stands on neither."""
    entries = []
    for name, total in (("one", 2717.60), ("two", 99.0)):
        (tmp_path / f"{name}.jpg").write_bytes(encoded(invoice_picture(), "JPEG", quality=80))
        fields = {"work_order_number": "30187", "total": total, "invoice_date": "2025-03-14"}
        tags = ["hand:real"] if name == "one" else ["hand:font", "hard"]
        office = {"work_orders": ["30187", "30188"], "vendors": [{"name": "A", "phone": ""}]}
        entries.append(
            {"file": f"{name}.jpg", "track": "fieldform", "fields": fields, "tags": tags, "office": office}
        )
    write_truth(tmp_path, entries)
    return tmp_path


def test_figures_are_printed_and_a_second_run_goes_on_from_what_is_kept(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.jsonl"
    assert hand_forms.main([str(folder), "--resume", str(kept)]) == 0
    first = capsys.readouterr()
    assert "2/2 two.jpg" in first.err
    assert "all: 2 photographs" in first.out
    assert "real digits: 1 photographs" in first.out
    assert "hard to read: 1 photographs" in first.out
    assert "total              right    1 of 2     50.0 %" in first.out
    assert "invoice_date       right    2 of 2    100.0 %" in first.out
    assert len(kept.read_text().splitlines()) == 3

    kept.write_text("\n".join(kept.read_text().splitlines()[:2]) + '\n{"file": "cut o')
    assert hand_forms.main([str(folder), "--resume", str(kept)]) == 0
    second = capsys.readouterr()
    assert "two.jpg" in second.err
    assert "one.jpg" not in second.err
    assert "total              right    1 of 2     50.0 %" in second.out

    with pytest.raises(SystemExit):
        hand_forms.main([str(folder), "--resume", str(kept), "--office"])
    assert "another run's readings" in capsys.readouterr().err


def test_photographs_that_the_upload_would_ask_to_take_again_are_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = invoice_picture()
    tiny.thumbnail((420, 420))
    (folder / "two.jpg").write_bytes(encoded(tiny, "JPEG", quality=80))
    assert hand_forms.main([str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "the upload asks for another picture: 1 photographs" in shown
    _, _, taken = shown.partition("the upload takes them as they are: 1 photographs")
    assert "total              right    1 of 1    100.0 %" in taken


def test_what_it_cannot_measure_is_refused_with_the_reason(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, reason in (
        ([str(tmp_path / "nowhere")], "holds no truth.jsonl"),
        ([str(folder), "--limit", "0"], "--limit: give a number from 1 up"),
    ):
        with pytest.raises(SystemExit):
            hand_forms.main(arguments)
        assert reason in capsys.readouterr().err
    write_truth(folder, [{"file": "one.jpg", "fields": {"total": 1.0}}])
    with pytest.raises(SystemExit):
        hand_forms.main([str(folder)])
    assert "work_order_number and a total" in capsys.readouterr().err
    write_truth(folder, [{"file": "one.jpg", "fields": {"total": 1.0, "work_order_number": "1"}}])
    with pytest.raises(SystemExit):
        hand_forms.main([str(folder), "--office"])
    assert "what an office would know" in capsys.readouterr().err
    assert hand_forms.main([str(folder), "--times", "1"]) == 1
    assert "twelve megapixels" in capsys.readouterr().err


def reading_of(number: str, confidence: float) -> Reading:
    return Reading(
        "layout",
        "v",
        1,
        fields={
            "work_order_number": FieldValue("work_order_number", number, number, confidence),
            "total": FieldValue("total", "1250.00", "1,250", 0.999),
            "invoice_date": FieldValue("invoice_date", "2026-03-14", "3/14/26", 0.3),
        },
    )


def test_the_gate_decides_with_what_the_office_says() -> None:
    document = LabelledDocument(
        Path("a.jpg"),
        office={
            "work_orders": ["30187"],
            "stated_total": "1250.00",
            "vendors": [{"name": "A", "phone": "1"}],
        },
    )
    office = office_of(document)
    assert office is not None
    assert office.stated == {"total": "1250.00"}
    assert passing(reading_of("30187", 0.6), None) == {"total"}
    assert passing(reading_of("30187", 0.6), office) == {"work_order_number", "total"}
    assert passing(reading_of("30188", 0.99), office) == {"total"}
    contradicted = office_of(LabelledDocument(Path("a.jpg"), office={"stated_total": "1350.00"}))
    assert "total" not in passing(reading_of("30187", 0.6), contradicted)
    assert office_of(LabelledDocument(Path("a.jpg"))) is None


def test_report_counts_what_passes_and_how_much_of_it_is_wrong() -> None:
    right, wrong = Judged(True, True, True), Judged(False, True, True)
    missing = Judged(False, False, False)
    rows = [
        Read(f"{k}", ("hand:real",), {"work_order_number": number, "total": total}, float(k))
        for k, (number, total) in enumerate(
            [(right, right), (right, wrong), (missing, right), (wrong, right)], 1
        )
    ]
    text = report(rows)
    assert "work_order_number  right    2 of 4     50.0 %" in text
    assert "of these wrong    1 of 3 " in text
    pair = next(line for line in text.splitlines() if "number and total" in line)
    assert "right    1 of 4 " in pair
    assert "pass at 99%    3 of 4 " in pair
    assert "wrong    2 of 3 " in pair
    assert "median 2.50, 95th percentile 4.00" in text
    assert share(0, 299).endswith("[  0.0,   1.2]")


def test_results_of_other_data_are_told_apart(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    assert hand_forms.kept(kept, {"data": "a"}) == {}
    assert json.loads(kept.read_text()) == {"data": "a"}
    with pytest.raises(ValueError, match="another run"):
        hand_forms.kept(kept, {"data": "b"})


def test_what_counts_as_seen_is_the_whole_value_whatever_its_marks() -> None:
    assert stands_in(["No. 30 187"], "work_order_number", "30187")
    assert not stands_in(["3018", "7"], "work_order_number", "30187")
    assert stands_in(["$ 1,250"], "total", "1250.0")
    assert stands_in(["1.250.00"], "total", "1250.0")
    assert not stands_in(["1,250"], "total", "1250.5")


def test_easy_and_hard_photographs_weigh_as_they_do_among_real_ones() -> None:
    rows = [
        Read(
            f"{n}.jpg",
            (),
            {"work_order_number": Judged(n < 6, True, False), "total": Judged(True, True, True)},
            1.0,
        )
        for n in range(10)
    ]
    # Stock OCR sees the number on five, of which all are right; of the other five one is.
    seen = {row.file: {"work_order_number": n < 5, "total": True} for n, row in enumerate(rows)}
    text = weighted(rows, seen)
    assert "work_order_number  right 95.2 % [93.1, 97.3]" in text  # 0.94 x 1.0 + 0.06 x 0.2
    assert "total              too few photographs to weigh" in text


def test_stock_ocr_is_asked_once_for_each_photograph(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = folder / "seen.jsonl"
    assert hand_forms.main([str(folder), "--seen", str(kept)]) == 0
    first = capsys.readouterr()
    assert "stock rapidocr: 2/2 two.jpg" in first.err
    seen = {name: row for line in kept.read_text().splitlines() for name, row in json.loads(line).items()}
    assert [row["total"] for row in seen.values()] == [True, False]
    assert hand_forms.main([str(folder), "--seen", str(kept)]) == 0
    second = capsys.readouterr()
    assert "stock rapidocr" not in second.err
    assert "total              right 96.0 %" in second.out
