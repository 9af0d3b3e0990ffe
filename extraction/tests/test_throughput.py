"""The command that times batches runs end to end; the shapes it measures without weights are those of the real models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from extraction.evaluation import throughput
from extraction.evaluation.random_models import llama_config, pixtral_config, random_llama, random_pixtral
from extraction.evaluation.throughput import main

WEIGHTS: Any = transformers


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama", "pixtral"])
def test_each_size_of_batch_gets_a_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--batch", "1", "2", "--pages", "2", "--tokens", "6", "--dtype", "float32", "--device", "cpu"]
    assert main(["--backend", name, "--random", "tiny", "--prompt", "basic", *sizes]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{name} on cpu, float32, none, at most 6 tokens an answer"
    assert "nothing about the real model's speed" in lines[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4:]]
    assert [row[0] for row in rows] == ["1", "2"]
    for row in rows:
        assert float(row[1]) == pytest.approx(60 / float(row[2]), rel=0.1)
        assert float(row[3]) > 100
        assert row[4] == "2 of 2"  # weights of chance say nothing that could be taken


def test_a_batch_that_did_not_fit_says_what_did() -> None:
    row = throughput.Row(batch=16, fitted=4, pages=16, seconds=32.0, memory=70_000, failed=0)
    assert (row.pages_per_minute, row.seconds_per_page) == (30.0, 2.0)


def test_what_can_not_be_measured_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--backend", "llama", "--model", str(tmp_path / "nowhere")]) == 1
    assert "which there is not" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--backend", "llama", "--random", "tiny", "--batch", "0"])
    with pytest.raises(SystemExit):
        main([str(tmp_path / "no.pdf"), "--backend", "llama", "--random", "tiny"])
    assert "No such file" in capsys.readouterr().err


def test_the_full_shapes_are_those_of_the_published_models(tmp_path: Path) -> None:
    """Meta's card says 10.6 billion, Mistral's 12 and 0.4 for the pictures; nothing is allocated for that here."""
    llama = transformers.AutoTokenizer.from_pretrained(random_llama(tmp_path / "llama"))
    pixtral = transformers.AutoTokenizer.from_pretrained(random_pixtral(tmp_path / "pixtral"))
    with torch.device("meta"):
        models = [
            WEIGHTS.MllamaForConditionalGeneration(llama_config(llama, len(llama) - 1, full=True)),
            WEIGHTS.LlavaForConditionalGeneration(pixtral_config(pixtral, full=True)),
        ]
    billions = [sum(weights.numel() for weights in model.parameters()) / 1e9 for model in models]
    assert billions == [pytest.approx(10.67, abs=0.05), pytest.approx(12.68, abs=0.05)]
