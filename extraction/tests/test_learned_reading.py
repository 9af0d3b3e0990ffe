"""The learned parts of the embedded reader: what they may see, what they may load, what they may do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from extraction.backends.layout import find_candidates, understand
from extraction.reading.encoder import tag
from extraction.reading.scorer import load_scorer, rescore
from extraction.reading.survey import survey
from extraction.reading.token_features import WINDOW, windows_of
from extraction.reading.weights import OWN, own_weights
from extraction.schema import Box, Hints, PageImage, ReaderError, Word

INVOICE = (
    "Miller Roofing LLC",
    "1420 Harbor Street",
    "Tacoma, WA 98402",
    "Invoice number: MR-20417",
    "Invoice date: 03/14/2025",
    "Bill to: Hernandez Builders Inc",
    "Subtotal: 2,495.50",
    "Sales tax: 222.10",
    "Total due: 2,717.60",
)


def page_of(lines: tuple[str, ...], number: int = 0, step: float = 0.03) -> tuple[PageImage, list[Word]]:
    """A letter-size page with one line of words under the other."""
    words = []
    for row, line in enumerate(lines):
        x = 0.1
        for word in line.split():
            width = 0.011 * len(word)
            words.append(Word(word, Box(x, 0.05 + row * step, x + width, 0.065 + row * step), 1.0, row))
            x += width + 0.008
    return PageImage(number, 850, 1100, b""), words


def test_digits_are_hidden_from_the_encoder() -> None:
    other = tuple(line.translate(str.maketrans("0123456789", "7777777777")) for line in INVOICE)
    same = [windows_of(survey([page_of(lines)], Hints()))[0].pieces for lines in (INVOICE, other)]
    assert (same[0] == same[1]).all()


def test_a_long_page_is_cut_between_rows_and_nothing_is_lost() -> None:
    lines = tuple(f"Item {k} labor and material for phase {k} 1 2.00 {k}.00" for k in range(150))
    document = survey([page_of(lines, step=0.006)], Hints())
    windows = windows_of(document)
    tokens = [t.index for page in document.layout for cell in page.cells for t in cell.tokens]
    assert len(tokens) > WINDOW
    assert all(len(window.tokens) <= WINDOW for window in windows)
    assert sorted(int(t) for window in windows for t in window.tokens) == sorted(tokens)


def test_every_word_gets_probabilities_that_add_up() -> None:
    document = survey([page_of(INVOICE), page_of(INVOICE, 1)], Hints())
    tagging = tag(document)
    assert tagging is not None
    words = [t for page in document.layout for cell in page.cells for t in cell.tokens]
    assert tagging.probabilities(words).sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert set(tagging.rows) == {t.index for t in words}


def test_the_scorer_turns_candidates_into_ranked_probabilities_and_loses_none() -> None:
    document = survey([page_of(INVOICE)], Hints())
    found, _ = find_candidates(document)
    scorer = load_scorer()
    assert scorer is not None
    scored = rescore(document, found, tag(document), scorer)
    for name, before in found.items():
        assert {c.value for c in before} <= {c.value for c in scored.get(name, ())}
        scores = [c.score for c in scored.get(name, ())]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
    assert scored["total"][0].value == "2717.60"
    assert scored["invoice_number"][0].value == "MR-20417"


def test_reading_goes_through_the_learned_parts() -> None:
    fields = understand([page_of(INVOICE)], Hints()).fields
    assert fields["total"].value == "2717.60"
    assert fields["vendor_name"].value == "Miller Roofing LLC"
    assert fields["customer_name"].value == "Hernandez Builders Inc"


@pytest.mark.parametrize("name", ["encoder.onnx", "scorer.onnx"])
def test_weights_that_are_not_those_recorded_are_refused(tmp_path: Path, name: str) -> None:
    for path in OWN.glob(f"{Path(name).stem}.*"):
        shutil.copy(path, tmp_path)
    assert own_weights(name, tmp_path) is not None
    with (tmp_path / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ReaderError, match="not the file that its record names"):
        own_weights(name, tmp_path)


def test_the_weights_say_what_made_them() -> None:
    for name in ("encoder", "scorer"):
        about = json.loads((OWN / f"{name}.json").read_text("utf-8"))
        assert about["command"].startswith("python -m extraction.training.")
        assert about["data"]
    assert sum(path.stat().st_size for path in OWN.iterdir()) < 45_000_000
