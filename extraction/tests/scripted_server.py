"""A chat-completions server on loopback that answers as it is told to: for what real servers do only now and then."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def completion(
    text: str | None, logprob: float | None = None, usage: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a completion; with ``logprob`` every three characters of it are a token of that log-probability.

    :param usage: what the server says that it took: ``prompt_tokens``, ``completion_tokens``.
    """
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    if logprob is not None and text is not None:
        raw = text.encode()
        pieces = [raw[k : k + 3] for k in range(0, len(raw), 3)]
        choice["logprobs"] = {
            "content": [
                {"token": p.decode(errors="replace"), "bytes": list(p), "logprob": logprob} for p in pieces
            ]
        }
    said = {"object": "chat.completion", "choices": [choice]}
    return said if usage is None else {**said, "usage": usage}


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: Any
    at: float


Step = Callable[[BaseHTTPRequestHandler], None]


def answers(body: Any, status: int = 200, **headers: str) -> Step:
    """A step of the script: a whole answer. Anything but bytes is sent as JSON."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return send


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """A step: the connection is cut before any answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    """A step: the connection is cut in the middle of the answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A step: a byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def sleeps(seconds: float) -> Step:
    """A step: no answer for a while."""

    def wait(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answers({})(handler)

    return wait


@dataclass
class ScriptedServer:
    """``script`` is worked off request by request; its last step is repeated."""

    script: list[Step]
    url: str = ""
    requests: list[Request] = field(default_factory=list)


@contextmanager
def scripted(*script: Step, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    served = ScriptedServer(list(script))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.body = body = json.loads(self.rfile.read(length)) if length else None
            with lock:
                served.requests.append(Request(self.path, dict(self.headers), body, time.monotonic()))
                step = served.script.pop(0) if len(served.script) > 1 else served.script[0]
            try:
                step(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_GET = do_POST  # noqa: N815 - the library's name

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    served.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
