"""Reads the letters in strips of text (PP-OCRv6 recognition; CTC decoding keeps each letter's place)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .pruning import keep_letters
from .weights import (
    CAREFUL_CHARACTERS,
    CAREFUL_RECOGNISER,
    FAST_CHARACTERS,
    FAST_RECOGNISER,
    THREADS,
    open_session,
    weight_path,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIP_HEIGHT: Final = 48

_STEP: Final = 8  # pixels of a strip per column of the network's answer
_SURELY_BLANK: Final = 0.97  # no letter can have more than the rest
_SPACE_SHARE: Final = 0.25  # of its score, which a left out space counts with

# The weights know Chinese, Greek and symbols too; on Latin print those are only ever misreadings (a Greek capital
# for a Latin one would spoil every comparison), and without them the networks are faster (``pruning``).
_LAST_LATIN: Final = 0x017F
_BEYOND_LATIN: Final = frozenset("‐‑‒–—―‘’‚“”„†•…′″₡₤₦₩₪₫€₭₮₱₲₴₹₺₽₿№™☐☑☒✓✔✗✘")


_CHARACTERS: Final = {FAST_RECOGNISER: FAST_CHARACTERS, CAREFUL_RECOGNISER: CAREFUL_CHARACTERS}

_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, its place along the strip (0..1, its middle) and the recogniser's score for it (0..1).

    ``left_out`` is the highest score (0..1) of a letter beside it that the recogniser thought of and left out, of a
    space a quarter of it: where points are lost ("2950" for "29.50"), what remains has the best of scores.
    """

    text: str
    place: float
    score: float
    left_out: float = 0.0


@dataclass(frozen=True, slots=True)
class _Recogniser:
    """A network and the letters that the columns of its answer stand for; the first is the blank."""

    network: Any
    letters: tuple[str, ...]


def read_strips(strips: Sequence[NDArray[np.uint8]], *, careful: bool = False) -> list[tuple[Letter, ...]]:
    """Read each strip; the answers stand in the order of the strips, spaces are letters too.

    Each strip goes through the network alone: several at once, padded to one width, take longer (their features
    leave the processor's cache) and more memory. Instead :data:`THREADS` strips are read at a time.

    :param strips: pictures of one line of text each, shape (48, width, 3), BGR.
    :param careful: use the larger recogniser: five times slower, fewer mistakes on poor print.
    """
    with _loading:
        recogniser = _load(CAREFUL_RECOGNISER if careful else FAST_RECOGNISER)

    def read(strip: NDArray[np.uint8]) -> tuple[Letter, ...]:
        width = -(-max(strip.shape[1], STRIP_HEIGHT) // _STEP) * _STEP
        pixels = np.zeros((1, 3, STRIP_HEIGHT, width), np.float32)
        pixels[0, :, :, : strip.shape[1]] = strip.transpose(2, 0, 1)
        pixels[0, :, :, : strip.shape[1]] *= 1 / 127.5
        pixels[0, :, :, : strip.shape[1]] -= 1.0
        (scores,) = recogniser.network.run(None, {"x": pixels})
        return _decode(scores[0], recogniser.letters, strip_share=strip.shape[1] / width)

    # The longest first, so that no thread begins with it when the other has finished.
    order = sorted(range(len(strips)), key=lambda i: -strips[i].shape[1])
    answers: list[tuple[Letter, ...]] = [()] * len(strips)
    # Threads of their own for each call: a pool would not survive the fork of a worker.
    with ThreadPoolExecutor(THREADS) as threads:
        for index, letters in zip(order, threads.map(read, (strips[i] for i in order)), strict=True):
            answers[index] = letters
    return answers


def _decode(
    scores: NDArray[np.float32], alphabet: Sequence[str], *, strip_share: float
) -> tuple[Letter, ...]:
    """Take the best letter of each column; repeats without a blank between them are one letter (CTC)."""
    steps = len(scores)
    best = scores.argmax(axis=1).tolist()
    runs = []  # (choice, first step, step after the last)
    step = 0
    while step < steps:
        choice, start = best[step], step
        while step < steps and best[step] == choice:
            step += 1
        if choice:
            runs.append((choice, start, step))
    letters = []
    for index, (choice, start, end) in enumerate(runs):
        before, begin = runs[index - 1][::2] if index else (0, 0)
        left_out = _left_out(scores[begin:start], before, choice)
        if index == len(runs) - 1:
            left_out = max(left_out, _left_out(scores[end:], choice, 0))
        place = (start + end) / 2 / steps / strip_share
        score = float(scores[start:end, choice].max())
        letters.append(Letter(alphabet[choice], min(place, 1.0), score, left_out))
    return tuple(letters)


def _left_out(blanks: NDArray[np.float32], before: int, after: int) -> float:
    """Return the best score of any letter in columns taken for blank, but for the two beside them.

    Those two are half seen in the columns next to their own. A space counts for less: it is thought of after every
    point, and most often rightly left out.
    """
    if not len(blanks) or blanks[:, 0].min() > _SURELY_BLANK:
        return 0.0
    best = blanks.max(axis=0)
    best[[0, before, after]] = 0.0
    best[-1] *= _SPACE_SHARE
    return float(best.max())


@cache
def _load(weights: str) -> _Recogniser:
    # Not splitlines(): the alphabet holds letters that Python counts as line ends.
    listed = weight_path(_CHARACTERS[weights]).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    letters = ["", *listed, " "]  # the blank comes first, the space last
    columns = [0] + [
        i for i, c in enumerate(letters) if c and (ord(c[0]) <= _LAST_LATIN or c in _BEYOND_LATIN)
    ]
    model = keep_letters(weight_path(weights).read_bytes(), np.array(columns), len(letters))
    return _Recogniser(open_session(model, threads=1), tuple(letters[i] for i in columns))
