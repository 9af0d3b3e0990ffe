"""Messages between the process that wants a document opened and the one that opens it.

A frame is a JSON object and a run of bytes, each preceded by its length. JSON and not
pickle: the sender may be a parser that a hostile file has taken over.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

_HEADER = struct.Struct("!II")


class BrokenFrame(Exception):
    """What arrived is not a frame, or is larger than was allowed."""


def pack(message: dict[str, Any], blob: bytes = b"") -> bytes:
    """Return one frame as bytes."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode()
    return b"".join((_HEADER.pack(len(text), len(blob)), text, blob))


def read(receive: Callable[[int], bytes], *, limit: int) -> tuple[dict[str, Any], bytes] | None:
    """Read one frame, or ``None`` at the end of the stream.

    :param receive: returns at most the number of bytes asked for, and nothing at the end.
    :param limit: most bytes that the frame may hold.
    :raises BrokenFrame: if the stream ends within a frame or the frame is over the limit.
    """
    header = _read_exactly(receive, _HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise BrokenFrame("the stream ended within a header")
    text_length, blob_length = _HEADER.unpack(header)
    if text_length + blob_length > limit:
        raise BrokenFrame(f"a frame of {text_length + blob_length} bytes is over the limit of {limit}")
    text = _read_exactly(receive, text_length)
    blob = _read_exactly(receive, blob_length)
    if len(text) < text_length or len(blob) < blob_length:
        raise BrokenFrame("the stream ended within a frame")
    try:
        message = json.loads(text)
    except ValueError as error:
        raise BrokenFrame("a frame does not hold JSON") from error
    if not isinstance(message, dict):
        raise BrokenFrame("a frame does not hold a JSON object")
    return message, blob


def _read_exactly(receive: Callable[[int], bytes], length: int) -> bytes:
    parts = []
    missing = length
    while missing:
        part = receive(min(missing, 1 << 20))
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
