"""Reads the letters in strips of text (PP-OCRv6 recognition; CTC decoding keeps each letter's place)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from .weights import (
    CAREFUL_CHARACTERS,
    CAREFUL_RECOGNISER,
    FAST_CHARACTERS,
    FAST_RECOGNISER,
    session,
    weight_path,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIP_HEIGHT: Final = 48

_STEP: Final = 8  # pixels of a strip per column of the network's answer
_MAX_WIDTH: Final = 2400
_BATCH: Final = 8
_BATCH_PIXELS: Final = 4800  # widths of a batch together: bounds the memory of the answer

# The weights know Chinese, Greek and symbols too; on Latin print those are only ever misreadings (a Greek capital
# for a Latin one would spoil every comparison), and leaving them out makes decoding several times faster.
_LAST_LATIN: Final = 0x017F
_BEYOND_LATIN: Final = frozenset("‐‑‒–—―‘’‚“”„†•…′″₡₤₦₩₪₫€₭₮₱₲₴₹₺₽₿№™☐☑☒✓✔✗✘")


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, its place along the strip (0..1, its middle) and the recogniser's score for it (0..1)."""

    text: str
    place: float
    score: float


@dataclass(frozen=True, slots=True)
class _Alphabet:
    columns: NDArray[np.intp]
    letters: tuple[str, ...]


def read_strips(strips: Sequence[NDArray[np.uint8]], *, careful: bool = False) -> list[tuple[Letter, ...]]:
    """Read each strip; the answers stand in the order of the strips, spaces are letters too.

    :param strips: pictures of one line of text each, shape (48, width, 3), BGR.
    :param careful: use the larger recogniser: five times slower, fewer mistakes on poor print.
    """
    network = session(CAREFUL_RECOGNISER if careful else FAST_RECOGNISER)
    alphabet = _alphabet(CAREFUL_CHARACTERS if careful else FAST_CHARACTERS)
    order = sorted(range(len(strips)), key=lambda i: strips[i].shape[1])
    answers: list[tuple[Letter, ...]] = [()] * len(strips)
    while order:
        # Widest first; what is padded to the widest of its batch costs as much as the widest.
        widest = strips[order[-1]].shape[1]
        count = max(1, min(_BATCH, _BATCH_PIXELS // max(widest, 1)))
        batch = [i for i in order[-count:] if strips[i].shape[1] > 0.6 * widest]
        del order[-len(batch) :]
        width = -(-max(widest, 48) // _STEP) * _STEP
        pixels = np.zeros((len(batch), 3, STRIP_HEIGHT, width), np.float32)
        for row, index in enumerate(batch):
            strip = strips[index]
            pixels[row, :, :, : strip.shape[1]] = strip.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1.0
        scores = network.run(None, {"x": pixels})[0]
        for row, index in enumerate(batch):
            answers[index] = _decode(scores[row], alphabet, strip_share=strips[index].shape[1] / width)
    return answers


def _decode(scores: NDArray[np.float32], alphabet: _Alphabet, *, strip_share: float) -> tuple[Letter, ...]:
    """Take the best letter of each column; repeats without a blank between them are one letter (CTC)."""
    known = scores[:, alphabet.columns]
    best = known.argmax(axis=1)
    letters = []
    steps = len(best)
    step = 0
    while step < steps:
        choice = int(best[step])
        end = step
        while end + 1 < steps and best[end + 1] == choice:
            end += 1
        if choice:
            place = (step + end + 1) / 2 / steps / strip_share
            letters.append(
                Letter(alphabet.letters[choice], min(place, 1.0), float(known[step : end + 1, choice].max()))
            )
        step = end + 1
    return tuple(letters)


@cache
def _alphabet(name: str) -> _Alphabet:
    # Not splitlines(): the alphabet holds letters that Python counts as line ends.
    listed = weight_path(name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    letters = ["", *listed, " "]  # the blank comes first, the space last
    columns = [0] + [
        i for i, c in enumerate(letters) if c and (ord(c[0]) <= _LAST_LATIN or c in _BEYOND_LATIN)
    ]
    return _Alphabet(np.array(columns), tuple(letters[i] for i in columns))
