"""Whole runs of `evaluate`: several readers, earlier runs, the list of mistakes, results, Ctrl-C."""

from __future__ import annotations

import base64
import io
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.management import CommandError, call_command
from PIL import Image

from extraction import registry
from extraction.backends.layout import LayoutBackend
from extraction.evaluation.datasets import read_dataset
from extraction.evaluation.measuring import measure
from extraction.evaluation.significance import compare
from extraction.schema import Hints, PageImage, Reading
from extraction.tests.labelled import draw_invoice, write_truth


class DayFirst:
    """The embedded reader as an office in Britain would run it: 03/04/2025 is the third of April."""

    name = "day-first"
    version = "1"

    def read(self, pages: Sequence[PageImage], hints: Hints) -> Reading:
        return LayoutBackend().read(pages, Hints(country="GB", currency=hints.currency))


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    """Two American invoices whose dates can be misunderstood."""
    folder = tmp_path / "invoices"
    (folder / "files").mkdir(parents=True)
    truths = []
    for number, total in (("MR-20417", "2,080.00"), ("MR-20418", "415.50")):
        draw_invoice(
            folder / "files" / f"{number}.pdf",
            number=number,
            total=total,
            day="03/04/2025",
            place="Springfield",
        )
        truths.append(
            {"file": f"files/{number}.pdf", "track": "invoice", "fields": {"vendor_name": "Miller & Sons Roofing",
             "invoice_number": number, "invoice_date": "2025-03-04", "total": float(total.replace(",", ""))},
             "line_items": [{"description": "Remove old shingles and install new roof", "amount": float(total.replace(",", ""))}]}
        )  # fmt: skip
    write_truth(folder, truths)
    return folder


def evaluate(*arguments: object) -> str:
    out = io.StringIO()
    call_command("evaluate", *map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_two_readers_of_the_same_pages_are_compared_field_by_field(invoices: Path) -> None:
    readers = [("layout", LayoutBackend()), ("day-first", DayFirst())]
    measured = list(measure(list(read_dataset(invoices)), readers))
    assert [list(m.results) for m in measured] == [["layout", "day-first"]] * 2
    outcomes = {name: [o for m in measured for o in m.results[name].outcomes] for name, _ in readers}
    assert {(o.field, o.value) for o in outcomes["day-first"] if not o.right} == {
        ("invoice_date", "2025-04-03")
    }
    (comparison,) = compare(outcomes["layout"], outcomes["day-first"])
    assert (comparison.fields, comparison.only_first, comparison.only_second) == (8, 2, 0)
    assert comparison.p == pytest.approx(2 / 4)
    assert comparison.difference.value == pytest.approx(-2 / 8)


def test_readers_stand_side_by_side_and_a_later_run_is_compared_with_an_earlier(
    invoices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._READERS, "day-first", DayFirst)
    both, earlier = tmp_path / "both.json", tmp_path / "earlier.json"
    text = evaluate(invoices, "--backend", "layout", "--backend", "day-first", "--compare", "--json", both)
    dates = next(line for line in text.splitlines() if line.strip().startswith("invoice_date"))
    assert dates.index("100.0 %") < dates.index("0.0 % [0.0, 0.0]")
    assert "right only there 2, only here 0, p = 0.5" in text
    written = json.loads(both.read_text())
    assert [r["backend"] for r in written["readers"]] == ["layout", "day-first"]
    assert written["comparisons"][0]["only_first"] == 2

    evaluate(invoices, "--backend", "day-first", "--json", earlier)
    text = evaluate(invoices, "--against", earlier)
    assert "against day-first 1 (earlier run)" in text
    assert "right only there 0, only here 2" in text


def test_an_earlier_run_of_other_documents_is_nothing_to_compare_with(invoices: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.txt"
    evaluate(invoices, "--limit", "1", "--field", "total", "--json", first)
    assert "share no document and field" in evaluate(
        invoices, "--limit", "1", "--field", "invoice_date", "--against", first
    )
    second.write_text("[]")
    with pytest.raises(CommandError, match="not written by evaluate"):
        evaluate(invoices, "--against", second)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare"], "at least two"),
        (["--backend", "layout", "--backend", "layout"], "once"),
        (["--results", "../elsewhere"], "no path"),
        (["--html", "docs/mistakes"], "inside the repository"),
    ],
)
def test_what_would_spoil_a_run_is_refused_before_it_begins(
    invoices: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.BASE_DIR)
    with pytest.raises(CommandError, match=message):
        evaluate(invoices, *arguments)
    with pytest.raises(CommandError, match="twice"):
        evaluate(invoices, invoices)


class Seen(HTMLParser):
    """What a page holds: pictures, header cells, text, and everything that would be loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.headers: list[str | None] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "th":
            self.headers.append(dict(attrs).get("scope"))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_mistake_is_shown_with_its_place_on_the_page(invoices: Path, tmp_path: Path) -> None:
    entries = [json.loads(line) for line in (invoices / "truth.jsonl").read_text().splitlines()]
    entries[0]["fields"] |= {
        "vendor_name": "<script>alert(1)</script>",
        "work_order_number": None,
        "po_number": "9",
    }
    entries[0]["boxes"] = {"vendor_name": [{"page": 0, "box": [0.05, 0.05, 0.5, 0.09], "text": "M"}]}
    write_truth(invoices, entries)
    folder = tmp_path / "mistakes"
    text = evaluate(invoices, "--html", folder)
    assert str(folder / "index.html") in text
    index, page = sorted(folder.glob("*.html"), key=lambda p: p.name != "index.html")
    assert page.name in index.read_text("utf-8")

    seen = Seen()
    seen.feed(page.read_text("utf-8"))
    assert "script" not in seen.tags
    assert "<script>alert(1)</script>" in seen.text
    assert not seen.tags & {"link", "iframe", "object"}
    assert set(seen.headers) == {"col", "row"}
    assert len([s for s in seen.headers if s == "row"]) == 3
    assert "(not on the page)" in seen.text  # the work order that was invented
    assert "(nothing)" in seen.text  # the PO number that wasn't found
    # The vendor as read and where it truly stands, the work order as read; nothing for what wasn't found.
    assert len(seen.images) == 3
    assert "no place known" in seen.text
    for image in seen.images:
        assert image["alt"]
        kind, data = str(image["src"]).split(",", 1)
        assert kind == "data:image/jpeg;base64"
        picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
        assert picture.width > 2 * picture.height  # the surroundings, not the page
        assert any(max(p) - min(p) > 80 for p in picture.get_flattened_data())  # the coloured outline


def test_results_hold_the_figures_and_nothing_of_the_documents(
    invoices: Path, tmp_path: Path, settings: Any
) -> None:
    settings.BASE_DIR = tmp_path / "repository"
    evaluate(invoices, "--results", "first", "--note", "Made for a test.")
    folder = settings.BASE_DIR / "docs" / "results"
    page, figures = (folder / "first.md").read_text("utf-8"), json.loads((folder / "first.json").read_text())
    assert "Made for a test." in page
    assert "`manage.py evaluate invoices --results first`" in page
    assert "2 documents" in page
    assert figures["datasets"][0]["name"] == "invoices"
    assert len(figures["datasets"][0]["digest"]) == 16
    assert figures["datasets"][0]["digest"] in page
    assert figures["peak_memory_mib"]["process"] > 50
    (summary,) = figures["readers"].values()
    assert summary["tracks"]["invoice"]["fields"]["total"]["f1"]["share"] == 1.0
    assert summary["tracks"]["invoice"]["line_items"]["all_lines_right"]["share"] == 1.0
    assert summary["tracks"]["invoice"]["touchless_at_1_percent"] is None
    assert "no guarantee (under 299 values)" in page
    for secret in ("Miller", "MR-20417", "2080.0", "shingles", str(tmp_path)):
        assert secret not in page
        assert secret not in json.dumps(figures)


def test_ctrl_c_prints_what_was_measured_so_far(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    draw_invoice(tmp_path / "files" / "a.pdf", number="MR-20417", total="2,080.00")
    content = (tmp_path / "files" / "a.pdf").read_bytes()
    for number in range(500):
        (tmp_path / "files" / f"{number}.pdf").write_bytes(content)
    write_truth(tmp_path, [{"file": f"files/{k}.pdf", "fields": {"total": 2080.0}} for k in range(500)])
    run = subprocess.Popen(
        [sys.executable, "manage.py", "evaluate", str(tmp_path), "--json", str(tmp_path / "run.json")],
        cwd=site.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background jobs, as which the tests may run, are started deaf to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("2/500"):
            assert line.rstrip().endswith("left")
            run.send_signal(signal.SIGINT)
            break
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130, err
    assert out.startswith("Stopped after ")
    assert "total                    100.0 %" in out
    written = json.loads((tmp_path / "run.json").read_text())
    assert written["interrupted"] is True
    assert 2 <= written["documents"] < 500
