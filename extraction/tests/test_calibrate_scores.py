"""Confidences of a reader that asks a model are fitted on labelled documents, and then hold for that reader only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extraction import registry
from extraction.evaluation.calibrate_scores import LEAST, main
from extraction.schema import ReaderError
from extraction.tests.labelled import draw_invoice, write_truth
from extraction.tests.scripted_server import ScriptedServer, answers, completion, scripted

DOCUMENTS = 24


@pytest.fixture
def served(settings: Any, tmp_path: Path) -> Iterator[ScriptedServer]:
    """A server that is sure of what it reads rightly and less sure where it takes the date for the number."""
    entries, script = [], []
    for k in range(DOCUMENTS):
        number, total, wrong = f"MR-{2000 + k}", f"1,{100 + k}.00", k % 4 == 0
        draw_invoice(tmp_path / f"{k}.pdf", number=number, total=total)
        entries.append(
            {
                "file": f"{k}.pdf",
                "fields": {
                    "invoice_number": number,
                    "total": float(total.replace(",", "")),
                    "work_order_number": "778213",
                },
            }
        )
        said = {
            "vendor_name": "Miller & Sons Roofing LLC",
            "invoice_number": "778213" if wrong else number,
            "total": total,
            "work_order_number": number if wrong else "778213",
        }
        script.append(answers(completion(json.dumps(said), logprob=-0.8 if wrong else -0.05)))
    write_truth(tmp_path, entries)
    registry.backend.cache_clear()
    with scripted(*script, script[-1]) as server:
        settings.READERS = {
            **settings.READERS,
            "openai_server": {**settings.READERS["openai_server"], "url": server.url, "model": "m"},
        }
        yield server
    registry.backend.cache_clear()


def test_a_fit_is_reported_written_and_used(
    served: ScriptedServer, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = tmp_path / "fit.json"
    assert main(["--backend", "openai_server", str(tmp_path), "--write", str(fit)]) == 0
    out = capsys.readouterr().out
    assert f"{3 * DOCUMENTS} values, " in out
    assert "calibration error" in out
    plain = registry.backend("openai_server").version
    registry.backend.cache_clear()
    settings.READERS["openai_server"]["calibration"] = fit
    fitted = registry.backend("openai_server")
    assert fitted.version == plain.replace("uncalibrated", json.loads(fit.read_text())["version"])
    # what was the last and sure answer may pass now; without the fit it could not
    from extraction.documents import open_pages
    from extraction.schema import Hints

    total = fitted.read(open_pages(tmp_path / f"{DOCUMENTS - 1}.pdf"), Hints()).fields["total"]
    assert total.confidence > 0.9
    # another prompt makes another reader
    registry.backend.cache_clear()
    settings.READERS["openai_server"]["prompt"] = "basic"
    with pytest.raises(ReaderError, match="Fit it again"):
        registry.backend("openai_server")


def test_documents_of_one_vendor_can_not_show_how_good_a_fit_is(
    served: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    for entry in entries:
        entry["fields"]["vendor_name"] = "Miller & Sons Roofing LLC"
    write_truth(tmp_path, entries)
    assert main(["--backend", "openai_server", str(tmp_path)]) == 0
    assert "nothing can be held out" in capsys.readouterr().out


def test_a_handful_of_labels_makes_no_fit(
    served: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = (tmp_path / "truth.jsonl").read_text().splitlines()[: LEAST // 4 - 1]
    (tmp_path / "truth.jsonl").write_text("\n".join(few))
    with pytest.raises(SystemExit):
        main(["--backend", "openai_server", str(tmp_path), "--write", str(tmp_path / "fit.json")])
    assert "at least 60 are needed" in capsys.readouterr().err
    assert not (tmp_path / "fit.json").exists()
