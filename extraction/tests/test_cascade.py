"""Two readings put together, and what their agreement is worth."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from extraction import gate
from extraction.backends.layout import LayoutBackend
from extraction.calibration import Evidence
from extraction.cascade import (
    CASES,
    DOUBTFUL,
    VERIFY,
    Agreement,
    Curve,
    as_json,
    combine,
    combined_version,
    from_json,
    load_agreement,
    pair_name,
    to_ask,
)
from extraction.documents import open_pages
from extraction.evaluation.agreement import LEAST, Seen, fit, observe
from extraction.evaluation.agreement import main as agreement_main
from extraction.evaluation.calibrate import Sample
from extraction.evaluation.cascade import POLICIES, measure, table
from extraction.evaluation.cascade import main as cascade_main
from extraction.evaluation.datasets import LabelledDocument, read_dataset
from extraction.evaluation.recorded import Recording, keep, kept, read_kept_words, record
from extraction.evaluation.recorded import main as recorded_main
from extraction.reading.words import read_words
from extraction.rules import check
from extraction.schema import Box, Check, FieldValue, LineItemValue, ReaderError, Reading
from extraction.tests.pages import INVOICE_LINES, invoice_pdf


def value(name: str, text: str, confidence: float = 0.9, **more: object) -> FieldValue:
    return FieldValue(name, text, text, confidence, 0, Box(0.1, 0.1, 0.2, 0.2), **more)  # type: ignore[arg-type]


def reading(
    reader: str, *values: FieldValue, lines: tuple[LineItemValue, ...] = (), kind: str = "invoice"
) -> Reading:
    checks = check({v.name: v.value for v in values}, [line.values for line in lines])
    return Reading(reader, f"{reader}-1", 1, kind, {v.name: v for v in values}, lines, checks)


def line(amount: str) -> LineItemValue:
    return LineItemValue({"description": "x", "amount": amount})


MEASURED = Agreement(
    "pair-1",
    "a",
    "b",
    {
        "agree": Curve(3.0, 0.2, 0.2),
        "differ_first": Curve(-1.0),
        "differ_second": Curve(1.0),
        "only_first": Curve(0.0, 0.5),
        "only_second": Curve(-0.5, 0.0, 0.5),
    },
)


def test_agreement_raises_the_confidence_only_by_what_was_measured() -> None:
    one, other = reading("a", value("total", "10.00", 0.8)), reading("b", value("total", "10.00", 0.85))
    unmeasured = combine(one, other, {"total"}).reading.fields["total"]
    assert (unmeasured.confidence, unmeasured.agreed) == (0.8, True)
    assert combine(one, other, {"total"}, MEASURED).reading.fields["total"].confidence > 0.95
    weak = Agreement("pair-2", "a", "b", {"agree": Curve(-2.0)})
    assert combine(one, other, {"total"}, weak).reading.fields["total"].confidence == 0.8


@pytest.mark.parametrize("agreement", [None, MEASURED])
def test_a_difference_goes_to_a_person_at_every_threshold(agreement: Agreement | None) -> None:
    one, other = reading("a", value("total", "10.00", 0.99)), reading("b", value("total", "19.00", 0.99))
    met = combine(one, other, {"total"}, agreement)
    assert met.differed == ("total",)
    for threshold in (0.0, 0.5, 0.95):
        assert (
            "a reads 10.00, b reads 19.00" in gate.doubtful(met.reading, default_threshold=threshold)["total"]
        )
    assert "total" not in gate.clearance(met.reading)
    # also where the office or the uploader agrees with one of them
    assert "total" in gate.doubtful(met.reading, stated={"total": met.reading.fields["total"].value})


def test_silence_is_no_confirmation() -> None:
    one = reading("a", value("total", "10.00", 0.99))
    met = combine(one, reading("b"), {"total"})
    assert "b does not find it" in gate.doubtful(met.reading)["total"]
    assert combine(one, reading("b"), {"total"}, can_read={"invoice_date"}).reading.fields == one.fields


def test_nothing_but_what_was_asked_about_changes() -> None:
    one = reading("a", value("total", "10.00"), value("invoice_number", "A-1"))
    other = reading(
        "b", value("total", "19.00"), value("invoice_number", "B-2"), value("due_date", "2026-01-02")
    )
    met = combine(one, other, {"invoice_number"}, MEASURED)
    assert met.reading.fields["total"] == one.fields["total"]
    assert "due_date" not in met.reading.fields
    assert (met.reading.backend, met.reading.model_version) == ("a", "a-1")


def test_writings_of_one_name_agree_and_amounts_two_cents_apart_do_not() -> None:
    one = reading("a", value("vendor_name", "Miller & Sons, Inc."), value("total", "10.00"))
    other = reading("b", value("vendor_name", "MILLER & SONS INC"), value("total", "10.02"))
    met = combine(one, other, {"vendor_name", "total"})
    assert (met.agreed, met.differed) == (("vendor_name",), ("total",))


def test_lines_that_add_up_replace_those_that_do_not_for_a_person_to_see() -> None:
    sums = (value("subtotal", "30.00"), value("total", "30.00"))
    one = reading("a", *sums, lines=(line("10.00"), line("2.00")))
    other = reading("b", *sums, lines=(line("10.00"), line("20.00")))
    met = combine(one, other, to_ask(DOUBTFUL, gate.doubtful(one)))
    assert [item.values["amount"] for item in met.reading.line_items] == ["10.00", "20.00"]
    assert "these are b's" in gate.doubtful(met.reading)["line_items"]
    assert combine(other, one, to_ask(VERIFY, ())).reading.line_items == other.line_items


def test_what_a_models_answer_was_refused_for_is_not_forgotten() -> None:
    refused = Check("answer", passed=False, fields=("due_date",), message="“soon” is no date")
    one = Reading("a", "a-1", 1, "invoice", {"total": value("total", "10.00")}, checks=(refused,))
    assert refused in combine(one, reading("b", value("total", "10.00")), {"total"}).reading.checks


def test_a_document_that_one_takes_for_a_statement_goes_to_a_person() -> None:
    bill, statement = reading("a"), reading("b", kind="statement")
    everything = to_ask(VERIFY, ())
    assert combine(bill, statement, everything).reading.document_type == "statement"
    assert combine(statement, bill, everything).reading.document_type == "statement"
    assert combine(bill, statement, to_ask(DOUBTFUL, {"total": ""})).reading.document_type == "invoice"


def test_versions_tell_combinations_apart() -> None:
    layout = ("layout", "layout-d48a0f25+real-1624-183fc070")
    model = ("openai_server", "openai_server-0123abcd+detailed.v1+abcdef+uncalibrated")
    versions = {
        layout[1],
        combined_version(layout, VERIFY, model),
        combined_version(layout, DOUBTFUL, model),
        combined_version(layout, VERIFY, model, "pair-1"),
        combined_version(layout, VERIFY, (model[0], model[1] + "x")),
        combined_version(model, VERIFY, layout),
    }
    assert len(versions) == 6
    assert all(len(v) <= 80 for v in versions)
    assert combined_version(layout, VERIFY, model).startswith("layout-")
    assert combined_version(model, VERIFY, layout).startswith("openai_server-")


def test_a_fit_follows_the_model_and_its_calibration_but_not_the_code() -> None:
    assert pair_name("layout-d48a0f25+real-1") == pair_name("layout-00000000+real-1") == "layout+real-1"
    assert pair_name("layout-d48a0f25+real-2") != "layout+real-1"
    assert pair_name("llama-0123abcd+basic.v1+aaaaaa+real-9") == "llama-0123abcd+basic.v1+real-9"


# --- measured -------------------------------------------------------------------------------------------


def seen(count: int, *, agree_right: float = 0.98) -> list[Seen]:
    """Return fields of made-up documents in which agreement is right that often and the second of two values 7 in 10."""
    chance = random.Random(1)
    rows = []
    for k in range(count):
        sure, other = chance.uniform(0.3, 0.99), chance.uniform(0.3, 0.99)
        if chance.random() < 0.7:
            right = {"agree": chance.random() < agree_right}
        else:
            second = chance.random() < 0.7
            right = {"differ_first": not second, "differ_second": second}
        rows.append(Seen(f"d{k}", "t", f"v{k % 40}", "total", sure, other, right))
    return rows


def test_the_fit_finds_how_often_agreement_is_right() -> None:
    fitted = fit(seen(3000), "layout-aaaaaaaa+real-1", "b-1")
    assert set(fitted.curves) == {"agree", "differ_first", "differ_second"}
    agreed = fitted.probability("agree", "total", 0.8, 0.8)
    second = fitted.probability("differ_second", "total", 0.8, 0.8)
    assert agreed == pytest.approx(0.98, abs=0.01)
    assert second == pytest.approx(0.7, abs=0.05)
    assert fitted.probability("only_first", "total", 0.8, None) is None


def test_a_few_right_values_make_no_certainty() -> None:
    fitted = fit(seen(80, agree_right=1.0), "a", "b")
    agreed = fitted.probability("agree", "total", 0.6, 0.6)
    assert agreed is not None and 0.9 < agreed < 0.99
    assert "agree" not in fit(seen(LEAST // 2), "a", "b").curves


def test_what_was_fitted_comes_back_from_its_file(tmp_path: Path) -> None:
    fitted = fit(seen(500), "layout-aaaaaaaa+real-1", "b")
    tmp_path.joinpath("x.json").write_text(json.dumps(as_json(fitted)))
    assert load_agreement(tmp_path, "layout-bbbbbbbb+real-1", "b") == fitted
    assert load_agreement(tmp_path, "layout-bbbbbbbb+real-2", "b") is None
    assert load_agreement(None, "layout-bbbbbbbb+real-1", "b") is None


@pytest.mark.parametrize(
    "content",
    ['{"version": 1}', "[]", '{"version":"1","first":"a","second":"b","curves":{"agree":{}}}', "\x00"],
)
def test_a_file_that_is_none_is_named(content: str, tmp_path: Path) -> None:
    tmp_path.joinpath("x.json").write_text(content)
    with pytest.raises(ReaderError, match=r"x\.json.*extraction\.evaluation\.agreement"):
        load_agreement(tmp_path, "a", "b")


def test_unknown_cases_and_numbers_that_are_none_are_refused() -> None:
    whole = as_json(fit(seen(500), "a", "b"))
    curves = whole["curves"]
    assert isinstance(curves, dict)
    with pytest.raises(ValueError, match="unknown: perhaps"):
        from_json({**whole, "curves": {"perhaps": curves["agree"]}})
    with pytest.raises(ValueError, match="no number"):
        from_json({**whole, "curves": {"agree": {**curves["agree"], "first": float("nan")}}})


@pytest.fixture
def documents() -> list[LabelledDocument]:
    return [
        LabelledDocument(
            Path(f"{k}.pdf"), "invoice", fields={"vendor_name": f"V{k}", "total": 10.0}, identity=f"x/{k}"
        )
        for k in range(6)
    ]


def recorded(reader: str, totals: dict[int, str], confidence: float) -> Recording:
    found = {f"x/{k}": reading(reader, value("total", text, confidence)) for k, text in totals.items()}
    return Recording(reader, f"{reader}-1", "", found)


def test_recordings_are_compared_field_by_field(documents: list[LabelledDocument]) -> None:
    first = recorded("a", {0: "10.00", 1: "11.00", 2: "12.00", 3: "10.00"}, 0.9)
    second = recorded("b", {0: "10.00", 1: "10.00", 2: "12.00"}, 0.9)
    found = {s.document: s.right for s in observe(documents, first, second)}
    assert found == {
        "x/0": {"agree": True},
        "x/1": {"differ_first": False, "differ_second": True},
        "x/2": {"agree": False},
    }
    assert {case for right in found.values() for case in right} <= set(CASES)


def test_policies_are_measured_beside_each_reader_alone(documents: list[LabelledDocument]) -> None:
    totals = dict.fromkeys(range(6), "10.00")
    first, second = recorded("a", {**totals, 1: "11.00"}, 0.97), recorded("b", totals, 0.6)
    rows = {
        policy: measure(documents, first, second, policy, {}, {})
        for policy in ("first", "second", "doubtful-unmeasured", "verify-unmeasured")
    }
    wrong = {name: sum(not o.right for o in row.passing) for name, row in rows.items()}
    assert wrong == {"first": 1, "second": 0, "doubtful-unmeasured": 1, "verify-unmeasured": 0}
    assert len(rows["verify-unmeasured"].passing) == 5
    assert rows["verify-unmeasured"].agreed == 5 and rows["verify-unmeasured"].met == 6
    assert "verify-unmeasured | 100 %" in table(list(rows.values()))


def test_a_recording_is_kept_whole(tmp_path: Path) -> None:
    recording = recorded("a", {0: "10.00"}, 0.9)
    keep(recording, tmp_path / "a.pickle")
    assert kept(tmp_path / "a.pickle") == recording


# --- the commands ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six labelled documents of six vendors, one of them no document at all."""
    place = tmp_path / "docs"
    place.mkdir()
    rows = []
    for k in range(6):
        lines = tuple(text.replace("Miller", f"Miller{k}") for text in INVOICE_LINES)
        place.joinpath(f"{k}.pdf").write_bytes(invoice_pdf(lines=lines))
        fields = {
            "vendor_name": f"Miller{k} & Sons Roofing LLC",
            "total": 2717.6,
            "invoice_number": "MR-20417",
        }
        rows.append(json.dumps({"file": f"{k}.pdf", "track": "invoice", "fields": fields}))
    place.joinpath("5.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    place.joinpath("truth.jsonl").write_text("\n".join(rows))
    return place


def test_a_recording_goes_on_where_it_was_interrupted(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    documents = list(read_dataset(folder))
    first = record(LayoutBackend(learned=False), documents[:2], path)
    assert kept(path) == first
    whole = record(LayoutBackend(learned=False), documents, path)
    assert set(whole.readings) == {f"docs/{k}.pdf" for k in range(5)}
    assert whole.readings["docs/0.pdf"] is not None and whole.readings["docs/0.pdf"].seconds.total > 0
    assert whole.readings["docs/0.pdf"] == first.readings["docs/0.pdf"]
    with pytest.raises(ValueError, match="name another file"):
        record(LayoutBackend(), documents, path)


def test_two_recordings_are_measured_from_the_command_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.pickle", tmp_path / "other.pickle"
    # as a command, where the module has another name than where the file is read
    command = [sys.executable, "-m", "extraction.evaluation.recorded", folder, "--reader", "layout_rules"]
    subprocess.run([*command, "--write", one], cwd=Path(__file__).parents[2], check=True, capture_output=True)
    reading = kept(one)
    keep(Recording("other", "other-1", "", reading.readings), other)
    written = tmp_path / "pair.json"
    agreement_main(
        [str(folder), "--first", str(one), "--second", str(other), "--folds", "3", "--write", str(written)]
    )
    assert "agree: 15" in capsys.readouterr().out
    assert from_json(json.loads(written.read_text())).first == pair_name(reading.version)
    cascade_main([str(folder), "--first", str(one), "--second", str(other), "--folds", "3"])
    out = capsys.readouterr().out
    assert "5 documents" in out
    assert all(f"\n{policy} | " in out for policy in POLICIES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--reader", "llama", "--write", "x"], "LLAMA_MODEL"),
        (["--reader", "llama", "--words", "x", "--write", "x"], "--words is for layout"),
        (["--reader", "layout", "--held-out", "x", "--write", "x"], "--held-out is for"),
    ],
)
def test_a_recording_that_can_not_be_made_says_why(
    arguments: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        recorded_main([str(folder), *arguments])
    assert words in capsys.readouterr().err


def test_a_readers_agreement_with_itself_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(recorded("a", {0: "10.00"}, 0.9), tmp_path / "a.pickle")
    for main in (agreement_main, cascade_main):
        with pytest.raises(SystemExit):
            main([str(folder), "--first", str(tmp_path / "a.pickle"), "--second", str(tmp_path / "a.pickle")])
        assert "the same reader" in capsys.readouterr().err


def test_held_out_readings_replace_the_labelled_fields(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "words"
    cache.mkdir()
    for k in range(3):
        pages = [read_words(page) for page in open_pages(folder / f"{k}.pdf")]
        cache.joinpath(f"{k}.pdf.pickle").write_bytes(pickle.dumps(pages))
    documents = list(read_dataset(folder))
    shipped = read_kept_words("layout_rules", documents, cache)
    assert set(shipped.readings) == {f"docs/{k}.pdf" for k in range(3)}
    held = [
        Sample(f"{k}.pdf", "invoice", f"v{k}", Evidence("total", 0.5, 0.1), total, right)
        for k, (total, right) in enumerate([("2717.60", True), ("1.00", False), ("2717.60", True)])
    ]
    found = read_kept_words("layout", documents, cache, held)
    totals = [found.readings[f"docs/{k}.pdf"].fields["total"] for k in range(3)]
    assert [t.value for t in totals] == ["2717.60", "1.00", "2717.60"]
    assert totals[0].box is not None and totals[1].box is None
    # held out they read nothing else that is labelled; what is not labelled is as shipped
    assert "invoice_number" not in found.readings["docs/0.pdf"].fields
    assert "invoice_date" in found.readings["docs/0.pdf"].fields
