"""The reader that asks a server, against one that answers well, badly, late or not at all."""

from __future__ import annotations

import base64
import io
import ipaddress
import json
import logging
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

from extraction import gate
from extraction.backends.generative.pinned_http import Patience, PinnedServer
from extraction.backends.generative.reader import Generated, Question
from extraction.backends.openai_server import ServerAsker, ServerOptions, aligned, server_backend
from extraction.documents import open_pages
from extraction.schema import (
    Backend,
    BatchBackend,
    Hints,
    OpenedDocument,
    PageImage,
    ReaderError,
    Reading,
)
from extraction.tests.pages import encoded, invoice_pdf, invoice_picture
from extraction.tests.scripted_server import (
    ScriptedServer,
    answers,
    breaks_off,
    completion,
    drips,
    hangs_up,
    scripted,
    sleeps,
)
from extraction.tests.test_generative_reading import RIGHT

TOKEN = "sk-very-secret-5f2e"
GOOD = answers(completion(json.dumps(RIGHT), logprob=-0.02))
QUICK = Patience(seconds=30, attempts=4, pause=0.02, failures=8, cool_down=600)


@pytest.fixture(scope="module")
def pages() -> list[PageImage]:
    return open_pages(invoice_pdf())


def options(server: ScriptedServer, **changes: Any) -> ServerOptions:
    return replace(ServerOptions(server.url, "pixtral-12b", TOKEN, patience=QUICK), **changes)


def read(server: ScriptedServer, pages: list[PageImage], **changes: Any) -> Reading:
    return server_backend(options(server, **changes)).read(pages, Hints())


def test_a_document_is_read_and_every_value_placed(pages: list[PageImage]) -> None:
    with scripted(GOOD) as server:
        backend = server_backend(options(server))
        assert isinstance(backend, Backend)
        reading = backend.read(pages, Hints())
    assert reading.fields["total"].value == "2717.60"
    assert reading.fields["total"].box
    assert (reading.backend, reading.model_version) == ("openai_server", backend.version)
    assert len(backend.version) <= 80
    assert reading.pages == len(reading.words) == 1
    assert 0.5 < reading.fields["total"].confidence < gate.DEFAULT_THRESHOLD


def test_tokens_of_all_questions_are_counted_and_the_time_they_took(pages: list[PageImage]) -> None:
    told = answers(completion(json.dumps(RIGHT), usage={"prompt_tokens": 1500, "completion_tokens": 210}))

    def slow(handler: Any) -> None:
        time.sleep(0.3)
        told(handler)

    with scripted(slow) as server:
        reading = read(server, [*pages, replace(pages[0], number=1)])
    assert len(server.requests) == 2
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (3000, 420)
    assert 0.6 <= reading.usage.model_seconds <= reading.seconds.fields


def test_a_second_in_which_the_server_works_on_four_pages_is_one_second(pages: list[PageImage]) -> None:
    def slow(handler: Any) -> None:
        time.sleep(0.5)
        GOOD(handler)

    with scripted(slow) as server:
        reading = read(server, [replace(pages[0], number=k) for k in range(4)], concurrent=4)
    assert len(server.requests) == 4
    assert 0.45 <= reading.usage.model_seconds <= reading.seconds.fields


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": "many", "completion_tokens": -3},
        {"prompt_tokens": True, "completion_tokens": 1e9},
        {"prompt_tokens": 10**40, "completion_tokens": None},
    ],
)
def test_a_server_that_counts_no_tokens_leaves_them_unknown(pages: list[PageImage], usage: Any) -> None:
    with scripted(answers(completion(json.dumps(RIGHT), usage=usage))) as server:
        reading = read(server, pages)
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (None, None)
    assert reading.usage.model_seconds > 0


def test_what_is_sent_is_a_picture_a_schema_and_the_task(pages: list[PageImage]) -> None:
    with scripted(GOOD) as server:
        read(server, open_pages(encoded(invoice_picture(), "PNG")), crops=True)
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.body["temperature"] == 0
    assert request.body["logprobs"] is True
    schema = request.body["response_format"]["json_schema"]["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "work_order_number" in schema["properties"]
    (message,) = request.body["messages"]
    pictures = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
    assert len(pictures) == 3
    for url in pictures:
        kind, _, data = url.partition(",")
        assert kind == "data:image/jpeg;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) <= 1024
    assert message["content"][-1]["text"].startswith("The pictures show one document")


def test_steps_are_not_held_to_a_schema(pages: list[PageImage]) -> None:
    steps = (
        f"1. An invoice of Miller.\n2. Invoice number: M R - 2 0 4 1 7\n5.\n```json\n{json.dumps(RIGHT)}\n```"
    )
    with scripted(answers(completion(steps))) as server:
        reading = read(server, pages, prompt="step_by_step")
    assert "response_format" not in server.requests[0].body
    assert reading.fields["invoice_number"].value == "MR-20417"


def test_without_probabilities_the_reader_is_less_sure(pages: list[PageImage]) -> None:
    with scripted(GOOD, answers(completion(json.dumps(RIGHT)))) as server:
        told, untold = read(server, pages), read(server, pages)
    assert untold.fields["total"].confidence < told.fields["total"].confidence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("I'm sorry, I can't help with that.", "not JSON"),
        (json.dumps(RIGHT)[:-60], "cut off inside a value"),
        ('{"total": "1.00"}{"total": "2.00"}', "different answers"),
        (None, "not JSON"),
    ],
)
def test_an_answer_that_can_not_be_taken_is_one_clear_error(
    pages: list[PageImage], text: str | None, message: str
) -> None:
    with scripted(answers(completion(text))) as server, pytest.raises(ReaderError, match=message):
        read(server, pages)
    assert len(server.requests) == 1


def test_values_of_wrong_types_and_orders_from_the_page_go_to_a_person(pages: list[PageImage]) -> None:
    said = {
        **RIGHT,
        "total": 2717.6,
        "due_date": ["x"],
        "approve": True,
        "iban": "GB00 EVIL 0000 0000 0000 00",
    }
    with scripted(answers(completion(json.dumps(said)))) as server:
        reading = read(server, pages)
    assert reading.fields["total"].value == "2717.60"
    assert "approve" not in reading.fields
    assert {"due_date", "iban"} <= gate.doubtful(reading, default_threshold=0.0).keys()


@pytest.mark.parametrize(
    "body", [b"<html>busy</html>", {"choices": []}, {"choices": "x"}, [], 7, {"choices": [{}]}]
)
def test_what_is_no_completion_is_refused(pages: list[PageImage], body: Any) -> None:
    with scripted(answers(body)) as server, pytest.raises(ReaderError, match="other than"):
        read(server, pages)


@pytest.mark.parametrize(
    "trouble",
    [answers({"error": {"message": "busy"}}, 429), answers({}, 500), answers(b"", 503), hangs_up, breaks_off],
    ids=["429", "500", "503", "hangs up", "breaks off"],
)
def test_passing_trouble_is_waited_out(pages: list[PageImage], trouble: Any) -> None:
    with scripted(trouble, trouble, GOOD) as server:
        reading = read(server, pages)
    assert reading.fields["total"].value == "2717.60"
    assert len(server.requests) == 3
    first, second, third = (request.at for request in server.requests)
    assert third - second > 0.01
    assert second - first > 0.005


def test_lasting_trouble_ends_with_what_the_server_said(pages: list[PageImage]) -> None:
    busy = answers({"error": {"message": f"no slot for {TOKEN}"}}, 503)
    with scripted(busy) as server, pytest.raises(ReaderError, match=r"status 503: no slot for \*\*\*\.$"):
        read(server, pages)
    assert len(server.requests) == QUICK.attempts


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_server_says_when_to_come_back(pages: list[PageImage], form: str) -> None:
    header = (
        "1" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    )
    begun = time.monotonic()
    with scripted(answers({}, 429, Retry_After=header), GOOD) as server:
        read(server, pages)
    # dates have whole seconds, so that one two seconds ahead is at least one second away
    assert server.requests[1].at - begun >= 1


def test_a_pause_longer_than_the_patience_is_not_waited_for(pages: list[PageImage]) -> None:
    began = time.monotonic()
    with scripted(answers({}, 429, Retry_After="600")) as server, pytest.raises(ReaderError, match="429"):
        read(server, pages)
    assert time.monotonic() - began < QUICK.seconds / 2


@pytest.mark.parametrize("slow", [sleeps(30), drips], ids=["silent", "drips"])
def test_a_slow_server_is_given_up_on(pages: list[PageImage], slow: Any) -> None:
    began = time.monotonic()
    patience = replace(QUICK, seconds=0.5)
    with scripted(slow) as server, pytest.raises(ReaderError, match=r"no answer within 0.5 seconds"):
        read(server, pages, patience=patience)
    assert time.monotonic() - began < 10


def test_a_server_that_keeps_failing_is_left_alone_and_tried_again_later(pages: list[PageImage]) -> None:
    with scripted(answers({}, 500)) as server:
        backend = server_backend(options(server, patience=replace(QUICK, attempts=3, failures=6)))
        assert isinstance(backend.asker, ServerAsker)
        breaker = backend.asker._server._breaker

        def time_passes() -> None:
            breaker._opened -= QUICK.cool_down

        for _ in range(2):
            with pytest.raises(ReaderError, match="status 500"):
                backend.read(pages, Hints())
        with pytest.raises(ReaderError, match="left alone for another"):
            backend.read(pages, Hints())
        assert len(server.requests) == 6
        time_passes()
        with pytest.raises(ReaderError, match="left alone"):  # one attempt, and it failed again
            backend.read(pages, Hints())
        assert len(server.requests) == 7
        server.script[:] = [GOOD]
        time_passes()
        assert backend.read(pages, Hints()).fields
        assert backend.read(pages, Hints()).fields


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "refuses the token"), (404, "no such address or model"), (400, "refuses the question")],
)
def test_a_lasting_refusal_is_not_repeated(pages: list[PageImage], status: int, message: str) -> None:
    with (
        scripted(answers({"error": {"message": "The model `x` does not exist"}}, status)) as server,
        pytest.raises(ReaderError, match=message) as raised,
    ):
        read(server, pages)
    assert "does not exist" in str(raised.value)
    assert len(server.requests) == 1


def test_nobody_is_sent_on_to_another_address(
    pages: list[PageImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(GOOD) as elsewhere, scripted(answers({}, 307, Location=elsewhere.url + "/x")) as server:
        with pytest.raises(ReaderError, match="never followed"):
            read(server, pages)
        assert not elsewhere.requests
    # nor does a proxy of the environment get to see the document
    with scripted(GOOD) as proxy, scripted(GOOD) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert read(server, pages).fields
        assert not proxy.requests


def certified(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for a host that vouches for itself; returns the server's side and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    trusted, both = folder / f"{host}.pem", folder / f"{host}-key.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both.write_bytes(
        trusted.read_bytes()
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, trusted


def test_a_certificate_is_checked_and_nothing_is_sent_without_it(
    pages: list[PageImage], tmp_path: Path
) -> None:
    context, trusted = certified(tmp_path, "127.0.0.1")
    with scripted(GOOD, tls=context) as server:
        with pytest.raises(ReaderError, match="certificate that can't be trusted"):
            read(server, pages)
        assert not server.requests
        assert read(server, pages, ca_file=trusted).fields
    context, trusted = certified(tmp_path, "127.0.0.2")  # a certificate, but another host's
    with scripted(GOOD, tls=context) as server:
        with pytest.raises(ReaderError, match="certificate that can't be trusted"):
            read(server, pages, ca_file=trusted)
        assert not server.requests
    with pytest.raises(ReaderError, match=r"certificates .*nothing\.pem can't be used"):
        PinnedServer("https://127.0.0.1/v1", ca_file=tmp_path / "nothing.pem")


def test_an_endless_answer_is_cut(pages: list[PageImage]) -> None:
    with (
        scripted(answers(b" " * (9 * 1024 * 1024))) as server,
        pytest.raises(ReaderError, match="more than 8 MB"),
    ):
        read(server, pages)


def test_the_token_is_in_no_message_and_no_log(
    pages: list[PageImage], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), scripted(answers({"detail": f"bad {TOKEN}"}, 401)) as server:
        with pytest.raises(ReaderError) as raised:
            read(server, pages)
        shown = repr(options(server)) + str(raised.value) + caplog.text
    assert TOKEN not in shown
    assert TOKEN not in repr(raised.value.__cause__)


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000", "ftp://models/v1", "http://user:secret@models/v1", "http://models/v1?key=1",
     "file:///etc/passwd", "http://models:port/v1"],
)  # fmt: skip
def test_an_address_that_is_none_is_told_before_the_first_document(url: str) -> None:
    with pytest.raises(ReaderError, match="address"):
        PinnedServer(url)


def test_a_server_that_is_down_is_one_clear_error(pages: list[PageImage]) -> None:
    with scripted(GOOD) as server:
        pass
    with pytest.raises(ReaderError, match=r"model server 127\.0\.0\.1:\d+ can't be used: .*refused"):
        read(server, pages)


def test_tokens_are_matched_with_characters_even_inside_a_letter() -> None:
    text = '{"vendor_name": "Peña €"}'
    raw = f" {text}<|im_end|>".encode()
    entries = [{"token": "?", "bytes": [byte], "logprob": -float(k)} for k, byte in enumerate(raw)]
    scores = aligned(text, entries)
    start = text.index("€")
    assert [s.logprob for s in scores if s.start < start + 1 and s.end > start] == [
        -float(raw.index("€".encode()) + k) for k in range(3)
    ]
    assert (scores[0].start, scores[-1].end) == (0, len(text))
    assert aligned(text, [{"token": "other", "logprob": -1}]) == ()
    assert aligned(text, [{"token": "x"}]) == ()


# --- several questions at the same time --------------------------------------------------------------


class Crowd:
    """A step of the script that answers with the number its question bears, and counts how many it has at once."""

    def __init__(self, *, refuses: str = "") -> None:
        self.refuses, self.here, self.most, self.lock = refuses, 0, 0, threading.Lock()

    def __call__(self, handler: Any) -> None:
        with self.lock:
            self.here += 1
            self.most = max(self.most, self.here)
        number = int(handler.body["messages"][0]["content"].split()[-1])
        time.sleep(0.5 if number == 0 else 0.15)  # the first one is answered last
        with self.lock:
            self.here -= 1
        if str(number) == self.refuses:
            answers({"error": "too long"}, 400)(handler)
        else:
            answers(completion(json.dumps({"total": f"{number}.00"})))(handler)


@pytest.mark.parametrize("concurrent", [1, 3])
def test_so_many_questions_are_asked_at_once_and_answered_in_their_order(concurrent: int) -> None:
    crowd = Crowd(refuses="4")
    with scripted(crowd) as server:
        asker = ServerAsker(options(server, concurrent=concurrent))
        assert asker.at_once == concurrent
        taken = []

        def questions() -> Iterator[Question]:
            for number in range(8):
                taken.append(number)
                yield Question(f"Question number {number}")

        said = asker.ask(questions())
        first = next(said)
        assert len(taken) <= concurrent + 1, "pictures of further pages must not be decoded before their turn"
        found = [first, *said]
    assert crowd.most == concurrent
    for number, answer in enumerate(found):
        if number == 4:
            assert isinstance(answer, ReaderError)
            assert "too long" in str(answer)
        else:
            assert isinstance(answer, Generated)
            assert json.loads(answer.text) == {"total": f"{number}.00"}


def test_documents_asked_about_at_once_keep_their_answers_and_their_failures() -> None:
    page = open_pages(invoice_pdf())
    with scripted(GOOD, answers({"error": "no"}, 400), GOOD) as server:
        backend = server_backend(options(server, concurrent=2))
        assert isinstance(backend, BatchBackend)
        assert backend.pages_at_once == 2
        outcomes = backend.read_many([OpenedDocument(page)] * 3)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(failed) == 1
    assert "refuses the question" in str(failed[0])
    totals = [outcome.fields["total"].value for outcome in outcomes if isinstance(outcome, Reading)]
    assert totals == ["2717.60"] * 2


def test_a_server_that_is_down_is_left_alone_by_all_questions_together() -> None:
    with scripted(answers({}, 503)) as server:
        patience = Patience(seconds=30, attempts=2, pause=0.01, failures=4, cool_down=600)
        asker = ServerAsker(options(server, concurrent=4, patience=patience))
        found = list(asker.ask(Question(f"Question {number}") for number in range(12)))
        assert all(isinstance(answer, ReaderError) for answer in found)
        assert len(server.requests) < 12, "the circuit breaker is shared"
        assert "is left alone for another" in str(found[-1])
