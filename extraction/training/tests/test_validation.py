"""The validation generator: what its truth says stands on the page, sums hold, the same seed gives the same documents."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pypdfium2
import pytest
from django.core.management import CommandError, call_command

from extraction.evaluation.datasets import read_dataset
from extraction.fields import FIELDS, LINE_ITEM_FIELDS
from extraction.training.generation import Plan, generate
from extraction.training.validation.cases import CENT, Case
from extraction.training.validation.maker import FAMILIES, VALIDATION, compose
from extraction.training.validation.sheet import Sheet


def squeezed(text: str) -> str:
    # pdfium marks a hyphen at the end of a line with U+0002 or U+FFFE.
    return re.sub(r"[\s\u0002\ufffe]+", "", text)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return squeezed("".join(page.get_textpage().get_text_bounded() for page in document))


def made(family: str, index: int) -> tuple[Case, Sheet, bytes]:
    return compose(family, Random(f"{family} {index}"))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_value_of_the_truth_is_printed_and_sums_hold(family: str) -> None:
    for index in range(4):
        case, sheet, pdf = made(family, index)
        page, truth = text_of(pdf), sheet.truth()
        texts = [
            (name, text)
            for shown in (truth["printed"], *(line["printed"] for line in truth["line_items"]))
            for name, several in shown.items()
            for text in ([several] if isinstance(several, str) else several)
        ]
        assert len(texts) > 8
        missing = [(n, t) for n, t in texts for part in t.split("\n") if squeezed(part) not in page]
        assert missing == [], f"{family} {index}"
        check_truth(truth)
        check_sums(case, truth)


def check_truth(truth: dict[str, Any]) -> None:
    assert set(truth["fields"]) <= set(FIELDS)
    shown = {name for name, value in truth["fields"].items() if value is not None}
    assert shown - set(truth["printed"]) <= {"document_type", "currency"}
    for line in truth["line_items"]:
        assert set(line) - {"printed"} == set(line["printed"]) <= set(LINE_ITEM_FIELDS)


def check_sums(case: Case, truth: dict[str, Any]) -> None:
    if any(tag.startswith("vendor-error") for tag in case.tags):
        return
    zero = Decimal(0)
    money = {
        name: Decimal(str(value))
        for name, value in truth["fields"].items()
        if name in case.money and value is not None
    }
    if case.document_type in ("statement", "pay_application"):
        return
    lines = [Decimal(str(line["amount"])) for line in truth["line_items"] if "amount" in line]
    for line in truth["line_items"]:
        if {"quantity", "unit_price", "amount"} <= set(line):
            product = Decimal(str(line["quantity"])) * Decimal(str(line["unit_price"]))
            assert abs(product - Decimal(str(line["amount"]))) <= CENT
    if {"subtotal", "total"} <= set(money):
        assert sum(lines, zero) == money["total" if case.gross else "subtotal"]
        discount = case.money.get("discount_total", zero)  # open where it is printed with a minus
        expected = money["subtotal"] - discount + money.get("freight", zero) + case.money["tax_amount"]
        assert expected == money["total"]
    if {"total", "amount_due"} <= set(money):
        paid = case.money.get("amount_paid", zero)
        assert money["amount_due"] == money["total"] - paid + money.get("previous_balance", zero)


def test_pay_application_adds_up_line_by_line() -> None:
    for index in range(3):
        _, _, pdf = made("payapp", index)
        _, sheet, again = made("payapp", index)
        assert pdf == again
        for line in sheet.truth()["line_items"]:
            done = line["previous_completed"] + line["this_period"]
            assert line["total_completed"] == pytest.approx(done)
            assert line["balance_to_finish"] == pytest.approx(line["scheduled_value"] - done)


def test_about_three_in_a_hundred_vendors_err_and_are_tagged() -> None:
    from extraction.training.validation.cases import invent

    cases = [invent("boxed", Random(f"error {i}")) for i in range(600)]
    assert 6 <= sum(1 for case in cases if case.tags) <= 36


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_processes_and_after_a_stop(
    tmp_path: Path,
) -> None:
    plan = Plan(4, 8, ("modern", "sidebar", "till", "handform"), scans=0.5)
    generate(tmp_path / "one", plan, generator=VALIDATION)
    generate(tmp_path / "two", plan, generator=VALIDATION, processes=2)
    whole = contents(tmp_path / "one")
    assert whole == contents(tmp_path / "two")
    (tmp_path / "two" / "lines" / "000003.json").unlink()
    kept = tmp_path / "two" / "lines" / "000002.json"
    before = kept.stat().st_mtime_ns
    generate(tmp_path / "two", plan, generator=VALIDATION)
    assert whole == contents(tmp_path / "two")
    assert kept.stat().st_mtime_ns == before
    assert len({document.path for document in read_dataset(tmp_path / "one")}) == 8


def test_command_writes_both_kinds_and_refuses_what_does_not_fit(tmp_path: Path) -> None:
    call_command(
        "generate",
        tmp_path / "a",
        "--generator",
        "validation",
        "--count",
        "3",
        "--family",
        "prose",
        "--scans",
        "1",
    )
    truth = [json.loads(line) for line in (tmp_path / "a" / "truth.jsonl").read_text().splitlines()]
    assert [t["track"] for t in truth] == ["prose"] * 3
    assert all({"scan", "photo"} & set(t["tags"]) for t in truth)
    with pytest.raises(CommandError, match="another run"):
        call_command("generate", tmp_path / "a", "--count", "3")
    with pytest.raises(CommandError, match="No family of the training generator: prose"):
        call_command("generate", tmp_path / "b", "--family", "prose")
    with pytest.raises(CommandError, match="--fills"):
        call_command("generate", tmp_path / "b", "--generator", "validation", "--fills", "2")
