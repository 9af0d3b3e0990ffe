"""What is taken of a model's answer, and what is not."""

from __future__ import annotations

import json
import time

import jsonschema
import pytest

from extraction.backends.generative.answers import AnswerUnusable, holds_answer, parse_answer
from extraction.backends.generative.catalogue import answer_schema

ANSWER = {
    "document_type": "invoice",
    "invoice_number": "MR-20417",
    "total": "$2,717.60",
    "po_number": None,
    "line_items": [{"description": "Ridge vent", "amount": "415.50"}],
}
TEXT = json.dumps(ANSWER)


def values(text: str) -> dict[str, str]:
    return {name: said.text for name, said in parse_answer(text).fields.items()}


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        json.dumps(ANSWER, indent=2),
        f"```json\n{TEXT}\n```",
        f"Here is the JSON you asked for:\n\n{TEXT}\n\nLet me know {{if}} I can help further.",
        f"1. An invoice of {{Miller}}.\n2. Number MR-20417.\n5. {TEXT}",
        TEXT + TEXT,
        TEXT + "\n" + TEXT[:60],
    ],
    ids=["plain", "indented", "fenced", "words around", "steps before", "said twice", "begun a second time"],
)
def test_the_answer_is_found_whatever_stands_around_it(text: str) -> None:
    answer = parse_answer(text)
    assert {name: said.text for name, said in answer.fields.items()} == {
        "invoice_number": "MR-20417",
        "total": "$2,717.60",
    }
    assert answer.document_type == "invoice"
    assert [line["amount"].text for line in answer.line_items] == ["415.50"]
    assert answer.complete
    assert not answer.problems


def test_each_value_knows_its_place_in_the_answer() -> None:
    text = 'So: {"vendor_name": "Caf\\u00e9 \\"Sol\\"", "total": 12.50, "line_items": []}'
    said = parse_answer(text).fields
    assert said["vendor_name"].text == 'Café "Sol"'
    assert text[said["vendor_name"].start : said["vendor_name"].end] == 'Caf\\u00e9 \\"Sol\\"'
    assert text[said["total"].start : said["total"].end] == "12.50"
    assert said["total"].is_number


@pytest.mark.parametrize("cut", ["}", "}]}", ', "description": "x"'])
def test_brackets_that_were_cut_off_are_closed_and_a_person_is_told(cut: str) -> None:
    whole = '{"total": "12.50", "line_items": [{"amount": "12.50"}]}'
    text = (
        whole.removesuffix(cut)
        if whole.endswith(cut)
        else '{"total": "12.50", "line_items": [{"amount": "12.50",'
    )
    answer = parse_answer(text)
    assert answer.fields["total"].text == "12.50"
    assert not answer.complete
    assert [problem.name for problem in answer.problems] == ["line_items"]
    assert "cut off" in answer.problems[0].message


@pytest.mark.parametrize(
    "text",
    ['{"total": "12.5', '{"total": 12', '{"invoice_number": "A-1", "total":', '{"invoice_number": "A-1", "tot',
     '{"invoice_number": "A-1", "total": nul'],
)  # fmt: skip
def test_a_cut_value_is_never_completed(text: str) -> None:
    with pytest.raises(AnswerUnusable, match="cut off inside a value"):
        parse_answer(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("I can't read this document.", "not JSON"),
        ("", "not JSON"),
        ('{"total": "12.50",}', "not JSON"),
        ("{'total': '12.50'}", "not JSON"),
        ('{"error": "quota"}', "none of the fields"),
        ('{"total": "1.00"} or rather {"total": "2.00"}', "different answers"),
        ('{"total": "1.00"} {"total": "2.0', "different answers"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 30_000, "not JSON"),
        ("x" * 300_000, "characters"),
    ],
)
def test_what_could_mean_two_things_is_refused(text: str, message: str) -> None:
    began = time.perf_counter()
    with pytest.raises(AnswerUnusable, match=message):
        parse_answer(text)
    assert time.perf_counter() - began < 10  # a hundredth of it on an idle machine


def test_values_of_a_wrong_type_are_reported_not_taken() -> None:
    answer = parse_answer(
        '{"total": true, "invoice_number": {"value": "A-1"}, "due_date": ["x"], "subtotal": 12.5, "vendor_name": "'
        + "A" * 500
        + '", "document_type": "approved", "line_items": [7, {"amount": null}, {"amount": "3.00"}], "run": "rm -rf"}'
    )
    assert list(answer.fields) == ["subtotal"]
    assert {problem.name for problem in answer.problems} == {
        "total", "invoice_number", "due_date", "vendor_name", "document_type", "line_items",
    }  # fmt: skip
    assert len(answer.line_items) == 1
    assert answer.document_type == ""


def test_a_field_that_was_given_two_values_is_left_to_a_person() -> None:
    answer = parse_answer('{"total": "1.00", "po_number": "7", "total": "2.00", "po_number": "7"}')
    assert list(answer.fields) == ["po_number"]
    assert [(p.name, p.message) for p in answer.problems] == [
        ("total", "the model gave two different values for it")
    ]


@pytest.mark.parametrize("nothing", ["", "null", "N/A", " none ", "-"])
def test_words_for_nothing_are_nothing(nothing: str) -> None:
    assert values(json.dumps({"total": "5.00", "po_number": nothing})) == {"total": "5.00"}


def test_a_model_may_stop_at_the_end_of_its_answer() -> None:
    assert not any(holds_answer(TEXT[:length]) for length in range(len(TEXT)))
    assert holds_answer(TEXT)
    assert not holds_answer('I see {"a box"} and {"note": "no answer yet"}')


def test_the_schema_allows_null_and_lines() -> None:
    schema = answer_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    whole = dict.fromkeys(schema["required"]) | {"document_type": "invoice", "line_items": []}
    jsonschema.validate(
        whole | {"line_items": [{"description": "x", "amount": None, "quantity": "2"}]}, schema
    )
    for wrong in (
        {"total": 5},
        {"approve": "yes"},
        {"document_type": "poem"},
        {"line_items": [{"amount": "1"}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(whole | wrong, schema)
