"""The digit reader: hand-written numbers, amounts and dates in a strip of one line, several strings with probabilities.

Two witnesses look at the strip, independently: an own network at the ink's pixels (docs/training.md), and the careful
recogniser (PP-OCRv6 small), kept to the signs of amounts. Each gives the probabilities of the signs and of "nothing
new" (connectionist temporal classification, CTC) at each step along the strip. A prefix beam search finds the strings
that each thinks likeliest; what both together think of these gives their probabilities.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from extraction.reading.weights import (
    CAREFUL_CHARACTERS,
    CAREFUL_RECOGNISER,
    file_digest,
    own_weights,
    session,
    session_of,
    weight_path,
)
from extraction.schema import ReaderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HEIGHT: Final = 48
"""Pixels of a strip's height as the recogniser sees it."""
SIGNS: Final = "0123456789.,$-/# "
"""What the reader tells apart; a witness's answer has "nothing new" (the blank) before them."""

_FILE: Final = "digits.onnx"
_WORKING_HEIGHT: Final = 96  # larger strips are reduced to this before anything is looked for in them
_PEN: Final = 0.4  # fainter writing than this is darkened to it
_LOOSE: Final = 0.65  # writing lower than this share of its strip is cut out of it
_DOUBT: Final = 1e-10  # probabilities of the recogniser below this are all the same
_SIDE: Final = 8  # empty columns left and right, so that signs at an edge are seen whole
_WIDEST: Final = 1200
# Ink that darkens the paper by less than this is no ink: grain and JPEG blocks reach 0.04.
_FAINTEST: Final = 0.05
STRIDE: Final = 4
"""Columns of the strip for each answer of the network; the recogniser's are twice as far apart."""
_DATE: Final = re.compile(
    r"(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])/(\d\d|20\d\d)|(0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])/(\d\d|20\d\d)"
)
_FRACTION: Final = re.compile(r"(?<=\d\d)/100$|/-$")
_ASKED: Final = 6  # strings of each witness that are weighed
UNSURE: Final = 1e-4
"""What a witness holds for less probable than this, it just does not know: one must not have a veto."""
_BEAM: Final = 12
_LEAST: Final = 1e-4  # signs less probable than this at a step are not followed
_HOPELESS: Final = 1e-6  # prefixes so much less probable than the best are given up


@dataclass(frozen=True, slots=True)
class StripReading:
    """One string that a strip may say, and its probability (0..1).

    :ivar network: what the own network alone would have read; empty where it sees nothing or there is none.
    :ivar recogniser: what the careful recogniser alone would have read.
    """

    text: str
    probability: float
    network: str = ""
    recogniser: str = ""

    @property
    def agreed(self) -> bool:
        """Whether both witnesses read the same, spaces aside."""
        return self.network.replace(" ", "") == self.recogniser.replace(" ", "")


@dataclass(frozen=True, slots=True)
class Weighing:
    """How much the witnesses' log probabilities of a string count, and what a string must reach to be believed.

    A conditional logit over the strings that either witness thinks of and "none of these", fitted on strips held back.
    A slanted one and a slash are the same stroke: ``slash`` is what a slash costs that belongs to no date and no
    fraction; ``both`` what a string gains that is the favourite of both.
    """

    network: float
    recogniser: float
    none: float
    slash: float = 0.0
    both: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A string that a witness thinks of, and how probable the network and the recogniser hold it."""

    text: str
    network: float
    recogniser: float


def read_strip(
    strip: NDArray[np.uint8], *, best: int = 5, without_lines: bool = True
) -> tuple[StripReading, ...]:
    """Read one line of hand-written digits.

    :param strip: gray picture of the line, shape (h, w), dark on light; better cut loosely than through the digits.
    :param best: how many strings at most.
    :param without_lines: take box lines and underlines away first.
    :returns: the most probable strings, best first; what their probabilities lack to 1 belongs to strings not
        among them. Empty where nothing is written. Where this copy has no weights of its own, the careful recogniser's
        opinion of the signs stands as it is, and its probabilities are too high.
    :raises ReaderError: if the weights are not those that were recorded, or the recogniser's are not installed.
    :raises ValueError: if the strip is not gray.
    """
    ink = prepared(strip, without_lines=without_lines)
    if ink is None:
        return ()
    ours, theirs = network_steps(ink), recogniser_steps(ink)
    loaded = _loaded()
    if ours is None or loaded is None:
        found = best_strings(theirs, best + 1)
    else:
        found = weighed(candidates(ours, theirs), loaded[1])
    # "Nothing" is an answer too: what is more probably empty than anything else gives no reading.
    if not found[0].text:
        return ()
    return tuple(reading for reading in found if reading.text)[:best]


def candidates(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[Candidate, ...]:
    """Return the strings that either witness thinks of, with what each thinks of them.

    :param ours: the network's log probabilities, shape (steps, 1 + len(SIGNS)).
    :param theirs: the recogniser's, with steps of its own.
    """
    first, second = best_strings(ours, _ASKED), best_strings(theirs, _ASKED)
    texts = list(dict.fromkeys(r.text for r in (*first, *second)))
    texts += [other for text in texts if odd_slashes(text) and (other := text.replace("/", "1")) not in texts]
    told = []
    for steps, named in ((ours, first), (theirs, second)):
        odds = dict(zip(texts, string_probabilities(steps, texts), strict=True))
        # The beam has added up spellings with a space at an end.
        odds.update({r.text: max(r.probability, odds[r.text]) for r in named})
        told.append(odds)
    # The witnesses' own favourites come first, the network's before the recogniser's.
    return tuple(Candidate(text, told[0][text], told[1][text]) for text in texts)


def odd_slashes(text: str) -> int:
    """Return how many slashes of a text belong to no date, no hundredths and no "/-" behind an amount."""
    if _DATE.fullmatch(text):
        return 0
    return _FRACTION.sub("", text).count("/")


def weighed(thought: Sequence[Candidate], weighing: Weighing) -> tuple[StripReading, ...]:
    """Return the candidates with the probabilities that both witnesses together give them, best first."""
    network = max(thought, key=lambda c: c.network).text
    recogniser = max(thought, key=lambda c: c.recogniser).text
    scores = np.array(
        [
            weighing.network * np.log(c.network + UNSURE)
            + weighing.recogniser * np.log(c.recogniser + UNSURE)
            + weighing.both * (c.text == network == recogniser)
            - weighing.slash * odd_slashes(c.text)
            for c in thought
        ]
    )
    top = max(float(scores.max()), weighing.none)
    odds = np.exp(scores - top)
    odds /= odds.sum() + np.exp(weighing.none - top)
    ranked = sorted(zip(thought, odds, strict=True), key=lambda pair: (-pair[1], pair[0].text))
    return tuple(StripReading(c.text, float(odd), network, recogniser) for c, odd in ranked)


def network_steps(ink: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Return the network's log probabilities, shape (w / STRIDE, 1 + len(SIGNS)), for a prepared strip.

    :returns: None where this copy has no weights of its own.
    :raises ReaderError: if the weights are not those that were recorded.
    """
    loaded = _loaded()
    if loaded is None:
        return None
    (logits,) = session_of(loaded[0]).run(None, {"ink": ink[None, None]})
    return log_probabilities(logits[0])


@cache
def digits_version() -> str:
    """Return eight hex digits that change with the weights; empty if this copy has none."""
    found = own_weights(_FILE)
    return found[1]["sha256"][:8] if found else ""


@cache
def _loaded() -> tuple[Path, Weighing] | None:
    found = own_weights(_FILE)
    if found is None:
        return None
    path, about = found
    if about["recogniser_sha256"] != recogniser_digest():
        raise ReaderError(
            f"{path.name} was weighed against another careful recogniser than the one installed. Install what"
            " requirements.txt says, or train it again as docs/training.md says."
        )
    return path, Weighing(**about["weighing"])


@cache
def recogniser_digest() -> str:
    """Return the SHA-256 of the careful recogniser, whose opinions the network's are weighed against."""
    return file_digest(weight_path(CAREFUL_RECOGNISER))


@cache
def _columns() -> NDArray[np.intp]:
    """Return where the blank and the signs stand in the careful recogniser's answer."""
    listed = weight_path(CAREFUL_CHARACTERS).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    signs = ["", *listed, " "]
    return np.array([0, *(signs.index(sign) for sign in SIGNS)])


def recogniser_steps(ink: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the careful recogniser's log probabilities, shape (w / 8, 1 + len(SIGNS)), for a prepared strip.

    :raises ReaderError: if its weights are not installed.
    """
    # On even light paper and else in its own tones: made black on white, fewer strips are read right.
    pixels = (220.0 * (1.0 - ink) / 127.5 - 1.0).astype(np.float32)
    (odds,) = session(CAREFUL_RECOGNISER).run(None, {"x": np.repeat(pixels[None, None], 3, axis=1)})
    return log_probabilities(np.log(np.maximum(odds[0][:, _columns()], _DOUBT)))


def log_probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logarithms of the probabilities, shape (steps, 1 + signs), of a witness's answer of that shape."""
    scaled = logits.astype(np.float64)
    scaled -= scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))


def prepared(strip: NDArray[np.uint8], *, without_lines: bool = True) -> NDArray[np.float32] | None:
    """Turn a gray strip into ink from 0 to 1, shape (HEIGHT, w): even light, no lines, no wide margins.

    :returns: None where nothing is written.
    :raises ValueError: if the strip is not gray.
    """
    if strip.ndim != 2:
        raise ValueError(f"A strip must be gray, shape (height, width); this one is {strip.shape}.")
    if min(strip.shape) < 6:
        return None
    if strip.shape[0] > _WORKING_HEIGHT:
        width = max(1, round(strip.shape[1] * _WORKING_HEIGHT / strip.shape[0]))
        strip = np.asarray(
            cv2.resize(strip, (width, _WORKING_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
        )
    ink = _ink(strip)
    darkest = _darkest(ink)
    if darkest < _FAINTEST:
        return None
    if without_lines:
        ink = _without_lines(ink, darkest)
        # Printed lines are often darker than the pen: what is left decides how dark the writing is.
        left = _darkest(ink)
        if left < max(_FAINTEST, 0.12 * darkest):
            return None
        darkest = left
    ink = _cut(np.minimum(ink * max(1.0, _PEN / darkest), np.float32(1)), max(darkest, _PEN))
    h, w = ink.shape
    width = min(max(round(w * HEIGHT / h), 32), _WIDEST)
    how = cv2.INTER_AREA if h > HEIGHT else cv2.INTER_LINEAR
    padded = np.zeros((HEIGHT, -(-(width + 2 * _SIDE) // 8) * 8), np.float32)
    padded[:, _SIDE : _SIDE + width] = cv2.resize(ink, (width, HEIGHT), interpolation=how)
    return padded


def _ink(strip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much darker than the paper around it each pixel is, as a share of the paper's light."""
    h, w = strip.shape
    # The paper is what stays when everything narrower than a stroke's surroundings is filled with what is lighter.
    small = cv2.resize(strip, (max(2, w // 4), max(2, h // 4)), interpolation=cv2.INTER_AREA)
    reach = max(3, h // 10) | 1
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    paper = cv2.blur(paper, (reach, reach))
    paper = cv2.resize(paper, (w, h), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.asarray(np.clip((paper - strip) / np.maximum(paper, 20.0), 0.0, 1.0), np.float32)


def _darkest(ink: NDArray[np.float32]) -> float:
    """Return how dark the writing is; single pixels are no writing."""
    return float(np.percentile(cv2.blur(ink, (3, 3)), 98.5))


def _without_lines(ink: NDArray[np.float32], darkest: float) -> NDArray[np.float32]:
    """Take away long level lines, and upright ones at the left and right edge; what crosses a line stays whole."""
    h, w = ink.shape
    dark = (ink > 0.3 * darkest).astype(np.uint8)
    lines = np.zeros_like(dark)
    # Longer than any dash or bar of a seven; a line that runs down a pixel on its way is still one.
    long = round(1.3 * h)
    if w > long:
        lines |= _opened(_grown(dark, 3, 1), 1, long) & dark
    wide = _grown(dark, 1, 3)
    edge = max(2, round(0.12 * h))
    # From top to bottom, or, shorter, where it meets a level line: a one in a tight crop is no box.
    for tall, meets in ((h, False), (round(0.75 * h), True)):
        upright = _opened(wide, tall, 1)
        upright[:, edge : w - edge] = 0
        if meets:
            upright[:, ~(upright & _grown(lines, 5, 5)).any(axis=0)] = 0
        lines |= upright & dark
    if not lines.any():
        return ink
    writing = dark & ~lines
    reach = max(3, round(0.1 * h))
    crossed = _grown(writing, reach, 1, anchor=(0, reach - 1)) & _grown(writing, reach, 1, anchor=(0, 0))
    gone = _grown(lines & ~crossed, 3, 3) & ~writing & ~crossed
    return np.asarray(np.where(gone > 0, np.float32(0), ink), np.float32)


def _grown(
    mask: NDArray[np.uint8], height: int, width: int, anchor: tuple[int, int] = (-1, -1)
) -> NDArray[np.uint8]:
    return np.asarray(cv2.dilate(mask, np.ones((height, width), np.uint8), anchor=anchor), np.uint8)


def _opened(mask: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((height, width), np.uint8)), np.uint8)


def _cut(ink: NDArray[np.float32], darkest: float) -> NDArray[np.float32]:
    """Cut empty rows and columns away where the writing fills little of the strip, leaving a quarter of its height."""
    h, w = ink.shape
    # Single dark pixels are grain.
    dark = cv2.erode(_grown((ink > 0.4 * darkest).astype(np.uint8), 2, 2), np.ones((3, 3), np.uint8))
    rows = np.flatnonzero(dark.sum(axis=1) > 0)
    columns = np.flatnonzero(dark.sum(axis=0) > 0)
    if not len(rows):
        return ink
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    if y1 - y0 > _LOOSE * h:
        return ink
    around = max(2, (y1 - y0) // 4)
    y0, y1 = max(0, y0 - around), min(h, y1 + around)
    x0, x1 = max(0, int(columns[0]) - around), min(w, int(columns[-1]) + 1 + around)
    # Never so far that a lone dash fills the strip.
    least = h // 3
    if y1 - y0 < least:
        middle = (y0 + y1) // 2
        y0 = max(0, min(middle - least // 2, h - least))
        y1 = y0 + least
    return ink[y0:y1, x0:x1]


def best_strings(steps: NDArray[np.float64], count: int) -> tuple[StripReading, ...]:
    """Return the most probable strings by prefix beam search over CTC log probabilities (Hannun et al., 2014).

    Exact but for what is given up on the way: signs below 0.0001 at a step, prefixes behind the twelve best or a
    million times less probable than the best.

    :param steps: shape (steps, 1 + len(SIGNS)), the blank first.
    """
    chances = np.exp(steps)
    # prefix -> (probability ending in the blank, ending in its last sign)
    beam: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
    for row in chances:
        blank = float(row[0])
        followed = [(SIGNS[k], float(row[k + 1])) for k in np.flatnonzero(row[1:] > _LEAST)]
        grown: dict[str, tuple[float, float]] = {}
        for prefix, (quiet, loud) in beam.items():
            both = quiet + loud
            old = grown.get(prefix, (0.0, 0.0))
            last = prefix[-1:]
            grown[prefix] = (old[0] + both * blank, old[1])
            for sign, odd in followed:
                if sign == last:
                    stay = grown[prefix]
                    grown[prefix] = (stay[0], stay[1] + loud * odd)
                    gain = quiet * odd
                else:
                    gain = both * odd
                if gain > 0:
                    longer = grown.get(prefix + sign, (0.0, 0.0))
                    grown[prefix + sign] = (longer[0], longer[1] + gain)
        ranked = sorted(grown.items(), key=lambda item: -(item[1][0] + item[1][1]))[:_BEAM]
        least = _HOPELESS * sum(ranked[0][1])
        beam = {prefix: odds for prefix, odds in ranked if odds[0] + odds[1] > least}
    # The same writing with and without a space at an end is one string.
    strings: dict[str, float] = {}
    for prefix, (quiet, loud) in beam.items():
        text = " ".join(prefix.split())
        strings[text] = strings.get(text, 0.0) + quiet + loud
    found = sorted(strings.items(), key=lambda item: (-item[1], item[0]))[:count]
    return tuple(StripReading(text, min(odd, 1.0)) for text, odd in found)


def string_probabilities(steps: NDArray[np.float64], texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the exact probability of each string under CTC log probabilities (the forward pass of Graves, 2006).

    :param steps: shape (steps, 1 + len(SIGNS)), the blank first.
    """
    longest = 1 + 2 * max(len(text) for text in texts)
    # A blank before, between and after the signs; places behind a string's end are never asked for.
    labels = np.zeros((len(texts), longest), np.intp)
    for row, text in enumerate(texts):
        labels[row, 1 : 2 * len(text) : 2] = [1 + SIGNS.index(sign) for sign in text]
    # From a sign to the next without a blank, if it is another one.
    skips = np.zeros(labels.shape)
    skips[:, 2:] = (labels[:, 2:] != 0) & (labels[:, 2:] != labels[:, :-2])
    chances = np.exp(steps)[:, labels]
    reached = np.zeros((len(texts), longest + 2))
    reached[:, 2] = chances[0][:, 0]
    if longest > 1:
        reached[:, 3] = chances[0][:, 1]
    for chance in chances[1:]:
        reached[:, 2:] = (reached[:, 2:] + reached[:, 1:-1] + skips * reached[:, :-2]) * chance
    ends = np.array([2 + 2 * len(text) for text in texts])
    rows = np.arange(len(texts))
    # An empty string has only its blank.
    before = np.where(ends > 2, reached[rows, ends - 1], 0.0)
    return np.asarray(reached[rows, ends] + before)
