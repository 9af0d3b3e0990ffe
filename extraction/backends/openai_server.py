"""Asks a model on any server that speaks OpenAI's chat completions: vLLM, TGI, llama.cpp, Ollama and others."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extraction.backends.generative.answers import LONGEST_ANSWER
from extraction.backends.generative.catalogue import answer_schema
from extraction.backends.generative.certainty import TokenScore, load_certainty
from extraction.backends.generative.pictures import LLAMA, PIXTRAL, PictureSize, as_data_url
from extraction.backends.generative.pinned_http import Patience, PinnedServer
from extraction.backends.generative.prompts import DEFAULTS, load_prompt
from extraction.backends.generative.reader import (
    Asking,
    Generated,
    GenerativeBackend,
    Question,
    Shown,
    reader_of,
)
from extraction.backends.generative.shared_time import SharedTime
from extraction.schema import ReaderError, Usage

NAME = "openai_server"
_LONGEST_BY_DEFAULT = 1536  # pixels; letter paper at 140 dpi
_MOST_TOKENS = (
    10_000_000  # what a server could mean; a column of the table must hold the sum of a document's pages
)
# Written while reasoning, a schema would leave no room for the steps.
_FREE_PROMPTS = frozenset({"step_by_step"})


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where a model is asked, and how.

    ``longest`` is the longest edge of a picture in pixels (0: by the model's name: Llama's tiles, Pixtral's 1024,
    else 1536). ``fields`` are asked for, everything if empty. ``schema`` asks the server to hold the answer to
    the JSON schema, ``logprobs`` for token log-probabilities; servers that don't know one of them refuse or ignore
    it. ``calibration`` is a file that ``extraction.evaluation.calibrate_scores`` wrote. ``concurrent`` questions,
    about pages of one document or of several, are sent at the same time: servers such as vLLM answer them together.
    """

    url: str
    model: str
    token: str = field(default="", repr=False)
    prompt: str = DEFAULTS[NAME]
    prompts: Path | None = None
    fields: tuple[str, ...] = ()
    shown: Shown = "pictures"
    longest: int = 0
    crops: bool = False
    pages_together: int = 1
    max_tokens: int = 4096
    schema: bool = True
    logprobs: bool = True
    patience: Patience = field(default_factory=Patience)
    ca_file: Path | None = None
    calibration: Path | None = None
    concurrent: int = 1


def picture_size(model: str, longest: int = 0) -> PictureSize:
    """Return the size of picture that a model can use, by its name unless ``longest`` (pixels) is given."""
    if longest:
        return PictureSize(longest)
    name = model.lower()
    if "llama" in name and "vision" in name:
        return LLAMA
    return PIXTRAL if "pixtral" in name else PictureSize(_LONGEST_BY_DEFAULT)


class ServerAsker:
    """A model on a server."""

    def __init__(self, options: ServerOptions) -> None:
        """:raises ReaderError: if address, model or token can't be used."""
        if not options.model:
            raise ReaderError("The model server needs a model's name, as the server calls it.")
        self._options = options
        self.model = options.model
        self._server = PinnedServer(
            options.url, options.token, patience=options.patience, ca_file=options.ca_file
        )
        self._time = SharedTime()
        self._schema = options.schema and options.prompt.partition(".")[0] not in _FREE_PROMPTS
        what = f"{options.model}/{options.max_tokens}/{self._schema}"
        self.identity = hashlib.sha256(what.encode()).hexdigest()[:8]

    @property
    def address(self) -> str:
        return self._server.name

    def models(self) -> list[str]:
        """Return the names of the models that the server offers.

        :raises ReaderError: if it does not answer.
        """
        said = self._server.get("/models")
        entries = said.get("data") if isinstance(said, dict) else None
        if not isinstance(entries, list):
            raise ReaderError(f"The model server {self._server.name} lists no models.")
        return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]

    @property
    def at_once(self) -> int:
        """How many questions the server gets at the same time."""
        return max(self._options.concurrent, 1)

    def ask(self, questions: Iterable[Question]) -> Iterator[Generated | Exception]:
        pool = ThreadPoolExecutor(self.at_once, thread_name_prefix="model-server")
        sent: deque[Future[Generated | Exception]] = deque()
        # Beside those at the server one more waits, so that the server never does; one by one nothing is sent early.
        most = self.at_once + 1 if self.at_once > 1 else 1
        try:
            for question in questions:
                sent.append(pool.submit(self._answer, question))
                if len(sent) >= most:
                    yield sent.popleft().result()
            while sent:
                yield sent.popleft().result()
        finally:
            # Whoever was interrupted does not wait for answers that nobody wants any more.
            pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, question: Question) -> Generated | Exception:
        try:
            payload = self._payload(question)
            begun = self._time.begin()
            try:
                said = self._server.post("/chat/completions", payload)
            finally:
                took = self._time.end(begun)
            return self._generated(said, took)
        except Exception as error:  # noqa: BLE001  it belongs to this question, and is told in its place
            return error

    def _payload(self, question: Question) -> dict[str, Any]:
        content: str | list[dict[str, Any]] = question.text
        if question.pictures:
            # Pictures come first: what was seen stands before the task, as in the models' own templates.
            content = []
            for what, image in question.pictures:
                if len(question.pictures) > 1:
                    content.append({"type": "text", "text": f"The next picture shows {what}."})
                content.append({"type": "image_url", "image_url": {"url": as_data_url(image)}})
            content.append({"type": "text", "text": question.text})
        payload: dict[str, Any] = {
            "model": self._options.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": self._options.max_tokens,
            "stream": False,
        }
        if self._options.logprobs:
            payload["logprobs"] = True
        if self._schema:
            payload["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "document", "schema": answer_schema(question.fields)},
            }
        return payload

    def _generated(self, said: Any, seconds: float) -> Generated:
        try:
            choice = said["choices"][0]
            text = choice["message"]["content"]
        except (KeyError, IndexError, TypeError):
            raise self._strange() from None
        if text is None:
            text = ""  # a refusal, or nothing but thoughts
        if not isinstance(text, str) or len(text) > LONGEST_ANSWER:
            raise self._strange()
        logprobs = choice.get("logprobs")
        entries = logprobs.get("content") if isinstance(logprobs, dict) else None
        tokens = aligned(text, entries) if isinstance(entries, list) else ()
        return Generated(text, tokens, usage_of(said, seconds))

    def _strange(self) -> ReaderError:
        return ReaderError(
            f"The model server {self._server.name} answered with something other than a completion."
        )


def usage_of(said: Mapping[str, Any], seconds: float) -> Usage:
    """Return what an answer took, as its ``usage`` says; tokens are unknown where that is missing or no number.

    :param seconds: of the server's time, with all attempts; of what was asked at once each has its part.
    """
    told = said.get("usage")
    counts = [
        told.get(name) if isinstance(told, dict) else None for name in ("prompt_tokens", "completion_tokens")
    ]
    asked, answered = (n if type(n) is int and 0 <= n <= _MOST_TOKENS else None for n in counts)
    return Usage(asked, answered, seconds)


def aligned(text: str, entries: list[Any]) -> tuple[TokenScore, ...]:
    """Give each token of a completion its characters in the answer's text.

    :param entries: ``logprobs.content`` of a completion: ``token``, ``logprob`` and mostly ``bytes``, as a
        token may be a part of a character.
    :returns: nothing if tokens and text don't belong together; then no probability is better than a wrong one.
    """
    spans: list[tuple[int, int, float]] = []
    joined = bytearray()
    try:
        for entry in entries:
            own = entry.get("bytes")
            piece = bytes(own) if isinstance(own, list) else str(entry["token"]).encode()
            spans.append((len(joined), len(joined) + len(piece), float(entry["logprob"])))
            joined += piece
    except (KeyError, TypeError, ValueError, AttributeError):
        return ()
    whole = text.encode("utf-8", "surrogatepass")
    shift = joined.find(whole)  # servers strip white space and leave the token that ends the turn
    if shift < 0 or not whole:
        return ()
    characters = [0] * (len(whole) + 1)
    at = 0
    for number, char in enumerate(text):
        size = len(char.encode("utf-8", "surrogatepass"))
        for k in range(size):
            characters[at + k] = number
        at += size
    characters[at] = len(text)
    scores = []
    for start, end, logprob in spans:
        first, last = max(start - shift, 0), min(end - shift, len(whole))
        if first < last:
            scores.append(TokenScore(characters[first], characters[last - 1] + 1, logprob))
    return tuple(scores)


def server_backend(options: ServerOptions) -> GenerativeBackend:
    """Make the reader that asks a server. Nothing is sent before the first document.

    :raises ReaderError: if the options can't be used.
    """
    asker = ServerAsker(options)
    asking = Asking(
        load_prompt(options.prompt, options.prompts, options.fields),
        picture_size(options.model, options.longest),
        options.shown,
        options.crops,
        options.pages_together,
    )
    certainty = load_certainty(options.calibration, reader_of(NAME, asker, asking))
    return GenerativeBackend(NAME, asker, asking, certainty)
