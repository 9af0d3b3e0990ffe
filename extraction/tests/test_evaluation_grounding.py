"""How well true and wrong values are told apart on a page is measured, not believed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from extraction.evaluation.datasets import read_dataset
from extraction.evaluation.grounding import changed, look, main
from extraction.tests.labelled import write_truth
from extraction.tests.pages import invoice_pdf

TRUTH = {
    "file": "a.pdf",
    "track": "printed",
    "fields": {
        "vendor_name": "Miller & Sons Roofing",
        "vendor_address": "1420 Harbor Street, Tacoma, WA 98402",
        "invoice_number": "MR-20417",
        "invoice_date": "2025-03-14",
        "subtotal": 2495.5,
        "total": 2717.6,
        "po_number": None,
        "iban": "DE89370400440532013000",
    },
    "line_items": [
        {"description": "Remove old shingles", "quantity": 32, "unit_price": 65.0, "amount": 2080.0},
        {"description": "Ridge vent, installed", "quantity": 1, "unit_price": 415.5, "amount": 415.5},
    ],
}


def test_true_values_are_found_and_wrong_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(invoice_pdf())
    write_truth(tmp_path, [TRUTH])
    (document,) = read_dataset(tmp_path)
    looked = list(look(document, ["Miller & Sons Roofing", "Keystone Building Supply"]))
    assert [one.kind for one in looked].count("line") == 2
    # everything but the IBAN is printed on the page
    assert [one.found for one in looked].count(False) == 1
    assert not any(one.wrong_found for one in looked)
    assert sum(one.wrong_found is None for one in looked) == 1  # no wrong address is made up


@pytest.mark.parametrize(
    ("name", "value"), [("total", "2717.60"), ("invoice_number", "MR-20417"), ("invoice_date", "2025-03-14")]
)
def test_a_wrong_value_is_near_the_true_one(name: str, value: str) -> None:
    for seed in range(20):
        wrong = changed(name, value, [], random.Random(seed))
        assert wrong is not None
        assert wrong != value
        assert len(wrong) == len(value)


def test_the_table_names_track_and_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pdf").write_bytes(invoice_pdf())
    write_truth(tmp_path, [TRUTH])
    assert main([str(tmp_path)]) == 0
    assert "| printed | money | 2 | 100.0 % | 2 | 0.0 % |" in capsys.readouterr().out
