"""The opener opens documents of its own before it forks; every step that a child will do is among them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from extraction.documents import warming
from extraction.documents.limits import DEFAULT_LIMITS
from extraction.documents.pdf import open_pdf, read_page
from extraction.documents.sheet import find_sheet
from extraction.evaluation import opening
from extraction.tests.pages import VERA, encoded


def test_the_photograph_shows_a_bent_sheet_and_the_pdf_has_a_text_layer() -> None:
    """Else laying flat, cleaning and reading a layer would still be done for the first time in every child."""
    sheet = find_sheet(np.asarray(Image.open(io.BytesIO(warming._photograph()))))
    assert sheet is not None
    assert sheet.bows
    assert not sheet.cut
    page = read_page(open_pdf(warming._PDF, DEFAULT_LIMITS), 0, DEFAULT_LIMITS)
    assert page.text_words is not None
    assert [word.text for word in page.text_words] == ["Invoice", "4711", "Total", "12.50"]
    warming.warm_up()


def test_the_command_tells_what_warming_up_earns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "form.png"
    path.write_bytes(encoded(Image.new("RGB", (400, 300), "white"), "PNG"))
    assert opening.main([str(path), "--times", "2"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "form.png" in shown[1]
    assert all(float(number) > 0 for number in shown[1].split()[-2:])
    assert shown[2].startswith("median")


@pytest.mark.parametrize("name", ["absent.pdf", str(VERA)])
def test_what_is_no_document_is_refused_by_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        opening.main([name])
    assert Path(name).name in capsys.readouterr().err
