"""HTTP to one configured server and to nothing else: retries, time limits, a circuit breaker.

A document can talk a model into many things; it must not be able to make this process talk to anybody
else. The host is fixed when the reader is made: redirects are refused, proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from extraction.schema import ReaderError

LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""Bytes; four thousand tokens with their probabilities are about one megabyte."""
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_CONNECT_SECONDS = 10.0
_LONGEST_PAUSE = 30.0
_SHOWN_OF_AN_ERROR = 200  # characters


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a server is asked.

    ``seconds`` is for one question with all its attempts; pauses between attempts double from ``pause``
    seconds, each drawn at random below that (so that many workers don't come back together), unless the
    server names one. After ``failures`` failed attempts in a row it is left alone for ``cool_down`` seconds.
    """

    seconds: float = 120.0
    attempts: int = 5
    pause: float = 1.0
    failures: int = 8
    cool_down: float = 30.0


@dataclass(slots=True)
class Breaker:
    """Counts failed attempts in a row; once open, lets one attempt through after every cool-down."""

    failures: int
    cool_down: float
    _count: int = 0
    _opened: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> float:
        """Return how many seconds nobody may ask; 0 if the caller may."""
        with self._lock:
            if self._count < self.failures:
                return 0.0
            left = self._opened + self.cool_down - time.monotonic()
            if left <= 0:
                self._opened = time.monotonic()  # this caller tries, the others wait for what comes of it
                return 0.0
            return left

    def failed(self) -> None:
        with self._lock:
            self._count += 1
            if self._count >= self.failures:
                self._opened = time.monotonic()

    def worked(self) -> None:
        with self._lock:
            self._count = 0


class PinnedServer:
    """One server, by its base address. Safe to share between threads."""

    def __init__(
        self, url: str, token: str = "", *, patience: Patience | None = None, ca_file: Path | None = None
    ) -> None:
        """:param url: like ``https://models.example.com/v1``; without a path ``/v1`` is taken.
        :param token: sent as bearer token; it appears in no message and no log.
        :param ca_file: certificates (PEM) that vouch for the server, where the system's don't.
        :raises ReaderError: if the address can't be one.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ReaderError(f"The model server's address can't be used: {error}.") from error
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username is not None
        ):
            raise ReaderError(
                "The model server's address must look like http://localhost:8000/v1, without a user, a password or "
                "parameters; the token has a setting of its own."
            )
        self._host, self._port = parts.hostname, port
        self._path = parts.path.rstrip("/") or "/v1"
        self._token = token
        if any(ord(c) < 33 or ord(c) > 126 for c in token):
            raise ReaderError(
                "The model server's token holds characters that no token has; look for a line break."
            )
        self._context: ssl.SSLContext | None = None
        if parts.scheme == "https":
            try:
                self._context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
            except (OSError, ssl.SSLError) as error:
                raise ReaderError(f"The certificates {ca_file} can't be used: {error}.") from error
        self._patience = patience or Patience()
        self._breaker = Breaker(self._patience.failures, self._patience.cool_down)
        self.name = f"{self._host}:{port}" if port else self._host

    def get(self, path: str) -> Any:
        """Return the JSON of a GET; see `post`."""
        return self._ask("GET", path, None)

    def post(self, path: str, payload: Mapping[str, Any]) -> Any:
        """Return the JSON that the server answers to a POST.

        :param path: below the base address, beginning with a slash.
        :raises ReaderError: if it did not answer with JSON in time, after the repetitions that are worth it.
        """
        return self._ask("POST", path, json.dumps(payload).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        patience = self._patience
        deadline = time.monotonic() + patience.seconds
        trouble = ""
        for attempt in range(patience.attempts):
            if (left := self._breaker.wait()) > 0:
                raise ReaderError(
                    f"The model server {self.name} failed {patience.failures} times in a row and is left alone for "
                    f"another {left:.0f} seconds" + (f"; the last time: {trouble}." if trouble else ".")
                )
            pause = None
            try:
                status, headers, content = self._once(method, path, body, deadline)
            except TimeoutError:
                self._breaker.failed()
                if time.monotonic() >= deadline:
                    break
                trouble = "the connection timed out"
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise ReaderError(
                        f"The model server {self.name} shows a certificate that can't be trusted: "
                        f"{error.verify_message}."
                    ) from error
                self._breaker.failed()
                trouble = self._short(str(error) or type(error).__name__)
            else:
                if status not in _RETRIED:
                    self._breaker.worked()
                    return self._understood(status, content)
                self._breaker.failed()
                trouble = f"status {status}" + self._message(content)
                pause = _retry_after(headers.get("Retry-After", ""))
            if attempt + 1 == patience.attempts:
                break
            if pause is None:
                ceiling = min(patience.pause * 2**attempt, _LONGEST_PAUSE)
                pause = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, hides nothing
            if time.monotonic() + pause >= deadline:
                break
            time.sleep(pause)
        trouble = trouble or f"no answer within {patience.seconds:g} seconds"
        raise ReaderError(f"The model server {self.name} can't be used: {trouble}.")

    def _once(
        self, method: str, path: str, body: bytes | None, deadline: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Ask once. Raises OSError or HTTPException if the connection fails, TimeoutError past the deadline."""
        left = _left(deadline)
        connection: http.client.HTTPConnection
        if self._context:
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=min(_CONNECT_SECONDS, left), context=self._context
            )
        else:
            connection = http.client.HTTPConnection(
                self._host, self._port, timeout=min(_CONNECT_SECONDS, left)
            )
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "invoiceapp"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.connect()
            sock = connection.sock
            sock.settimeout(_left(deadline))
            connection.request(method, self._path + path, body, headers)
            response = connection.getresponse()
            content = bytearray()
            while True:
                # one that sends a byte now and then must not hold the worker for ever
                sock.settimeout(_left(deadline))
                block = response.read1(65536)
                if not block:
                    break
                content += block
                if len(content) > LARGEST_ANSWER:
                    raise ReaderError(
                        f"The model server {self.name} answered with more than {LARGEST_ANSWER // 1024**2} MB; "
                        "the answer was not taken."
                    )
            if response.length:
                raise http.client.IncompleteRead(bytes(content), response.length)
            return response.status, response.headers, bytes(content)
        finally:
            connection.close()

    def _understood(self, status: int, content: bytes) -> Any:
        message = self._message(content)
        if 300 <= status < 400:
            raise ReaderError(
                f"The model server {self.name} sends requests on to another address (status {status}), which is "
                "never followed. Set the address it should be asked at."
            )
        if status in (401, 403):
            raise ReaderError(f"The model server {self.name} refuses the token (status {status}){message}.")
        if status == 404:
            raise ReaderError(
                f"The model server {self.name} knows no such address or model (status 404){message}. "
                "Most servers are asked below /v1."
            )
        if status != 200:
            raise ReaderError(
                f"The model server {self.name} refuses the question (status {status}){message}."
            )
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise ReaderError(
                f"The model server {self.name} answered with something other than JSON."
            ) from None

    def _message(self, content: bytes) -> str:
        """Return what a server says of its error, shortened and without our token, for a person to read."""
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            return ""
        error = said.get("error", said) if isinstance(said, dict) else said
        if isinstance(error, dict):
            error = error.get("message") or error.get("detail") or ""
        return f": {self._short(error)}" if isinstance(error, str) and error.strip() else ""

    def _short(self, text: str) -> str:
        if self._token:
            text = text.replace(self._token, "***")
        text = " ".join(text.split()).rstrip(".")
        return text if len(text) <= _SHOWN_OF_AN_ERROR else text[:_SHOWN_OF_AN_ERROR] + "…"


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _retry_after(value: str) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3); None if it is neither."""
    value = value.strip()
    if value.isdigit():
        return float(value[:6])
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
