"""Every reader can be chosen by name; one that is not set up, or broken, says so in one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from extraction import registry
from extraction.schema import ReaderError
from extraction.tests.pages import invoice_pdf
from extraction.tests.scripted_server import answers, completion, scripted
from extraction.tests.test_generative_reading import RIGHT


@pytest.fixture(autouse=True)
def _made_anew() -> Iterator[None]:
    registry.backend.cache_clear()
    yield
    registry.backend.cache_clear()


def set_up(settings: Any, name: str, **values: Any) -> None:
    settings.READERS = {**settings.READERS, name: {**settings.READERS[name], **values}}


def test_nothing_needs_to_be_set_up_for_the_embedded_reader() -> None:
    assert registry.configured() == ("layout", "layout_rules")
    assert registry.backend("layout").name == "layout"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("llama", "LLAMA_MODEL is not set"),
        ("pixtral", "PIXTRAL_MODEL is not set"),
        ("doctr", "DOCTR_MODELS is not set"),
        ("openai_server", "MODEL_SERVER_URL is not set"),
        ("gpt", "There is no reader called “gpt”"),
    ],
)
def test_what_is_missing_is_named(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(invoice_pdf())
    with pytest.raises(CommandError, match=message):
        call_command("extract", str(tmp_path / "a.pdf"), backend=name)


def test_a_document_is_read_on_the_command_line_by_a_server(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pdf").write_bytes(invoice_pdf())
    (tmp_path / "b.pdf").write_bytes(b"no document")
    script = [answers(completion(json.dumps(RIGHT), logprob=-0.01))]
    with scripted(*script) as server:
        set_up(settings, "openai_server", url=server.url, model="pixtral-12b", prompt="few_shot")
        assert "openai_server" in registry.configured()
        with pytest.raises(SystemExit):
            call_command("extract", str(tmp_path / "a.pdf"), str(tmp_path / "b.pdf"), backend="openai_server")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["backend"] == "openai_server"
    assert "few_shot.v1-" in first["model_version"]
    assert first["fields"]["total"]["value"] == "2717.60"
    assert first["fields"]["total"]["box"]
    assert "total" in first["review"]  # nobody has calibrated it yet
    assert first["line_items"][0]["amount"] == "2080.00"
    assert second["error"]


def test_local_readers_take_their_options_from_the_settings(settings: Any, tmp_path: Path) -> None:
    from extraction.tests.tiny_models import tiny_llama, tiny_pixtral

    for name, make in (("llama", tiny_llama), ("pixtral", tiny_pixtral)):
        folder = make(tmp_path / name)
        set_up(settings, name, model=str(folder), dtype="float32")
        plain = registry.backend(name).version
        registry.backend.cache_clear()
        set_up(settings, name, prompt="locational")
        assert "locational.v1-" in registry.backend(name).version
        assert plain.partition("+")[0] == registry.backend(name).version.partition("+")[0]
    assert "step_by_step" not in registry.backend("pixtral").version
    registry.backend.cache_clear()
    set_up(settings, "llama", prompt="")
    assert "step_by_step.v1-" in registry.backend("llama").version


def test_a_calibration_for_another_reader_stops_this_one(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    path.write_text(json.dumps({"version": "real-9", "reader": "pixtral-x", "intercept": 0, "slope": 1}))
    set_up(settings, "openai_server", url="http://127.0.0.1:1/v1", model="m", calibration=path)
    with pytest.raises(ReaderError, match="was fitted for pixtral-x, not for openai_server-"):
        registry.backend("openai_server")


# --- manage.py models --------------------------------------------------------------------------------


def models(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, int]:
    try:
        call_command("models", *arguments)
    except SystemExit as error:
        return capsys.readouterr().out, int(str(error.code))
    return capsys.readouterr().out, 0


def test_the_list_says_what_there_is_and_how_to_get_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    out, status = models(capsys, "list")
    assert status == 0
    assert "layout         ready" in out
    assert "llama          not set up  LLAMA_MODEL is not set" in out
    assert "hf download mistral-community/pixtral-12b (25 GB)" in out


def test_a_check_asks_the_server_for_its_model(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(answers({"object": "list", "data": []})) as server:
        set_up(settings, "openai_server", url=server.url, model="pixtral-12b")
        out, status = models(capsys, "check", "openai_server")
        assert (status, "names no models" in out) == (0, True)
        registry.backend.cache_clear()
    with scripted(answers({"object": "list", "data": [{"id": "pixtral-12b"}]})) as server:
        set_up(settings, "openai_server", url=server.url, model="pixtral-12b")
        out, status = models(capsys, "check", "openai_server")
        assert (status, "answers" in out) == (0, True)
        registry.backend.cache_clear()
        set_up(settings, "openai_server", model="llama-vision")
        out, status = models(capsys, "check", "openai_server")
        assert status == 1
        assert "has no model “llama-vision”. It has: pixtral-12b." in out
    out, status = models(capsys, "check", "openai_server")
    assert status == 1
    assert "can't be used" in out


def test_warming_loads_what_runs_here(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from extraction.tests.tiny_models import tiny_llama

    set_up(settings, "llama", model=str(tiny_llama(tmp_path / "llama")), dtype="float32")
    out, status = models(capsys, "warm", "llama", "layout")
    assert status == 0
    assert "float32, loaded in" in out
    assert "llama          ready" in out and "layout         ready" in out


def test_what_is_broken_fails_the_check_and_names_the_file(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(settings, "pixtral", model=str(tmp_path))
    out, status = models(capsys, "check")
    assert status == 1
    assert "pixtral        broken" in out
    assert "has no config.json" in out
    # what nobody set up is no trouble, unless it is asked for
    assert "llama          not set up" in out
    set_up(settings, "pixtral", model="")
    assert models(capsys, "check", "layout")[1] == 0
    assert models(capsys, "check", "pixtral")[1] == 1
    with pytest.raises(CommandError, match="There is: layout"):
        call_command("models", "list", "gpt")
