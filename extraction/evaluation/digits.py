"""Measures the digit reader on real hand-written digits: ``python -m extraction.evaluation.digits DATA``.

DATA is the folder of real digits (docs/training.md). Two sets are scored, neither ever trained on: the test split of
real amounts from bank checks, and strings put together from single real digits whose writers are all others than the
training's. The signs between the digits of an amount are not in the truth, so the digits are compared. Every reader
reads the same strips in the same run: ours, each of its two witnesses alone, ours with the lines left in, and PP-OCRv6
tiny and small as they stand.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from extraction.guarantee import error_bounds
from extraction.reading.digits import (
    StripReading,
    best_strings,
    digits_version,
    network_steps,
    prepared,
    read_strip,
    recogniser_steps,
)
from extraction.reading.recognition import STRIP_HEIGHT, read_strips

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OTHERS: Final = slice(5000, 10000)  # single digits of other writers than those that were trained on
HELD_DIGITS: Final = slice(4500, 5000)
"""Single digits of the first half that training holds back."""
_CONFIDENT: Final = (0.9, 0.98)


@dataclass(frozen=True, slots=True)
class Sample:
    """A strip, shape (h, w), gray, and the digits that are written on it."""

    name: str
    pixels: NDArray[np.uint8]
    digits: str


@dataclass(slots=True)
class Score:
    """What one reader made of one set."""

    strings: int = 0
    exact: int = 0
    among_five: int = 0
    digits: int = 0
    wrong_digits: int = 0
    seconds: list[float] = field(default_factory=list)  # of processor time, all threads together
    mistakes: list[tuple[str, str, str]] = field(default_factory=list)
    odds: list[tuple[float, bool]] = field(default_factory=list)
    agreed: list[bool] = field(
        default_factory=list
    )  # of those strings that two witnesses agreed on: right or not


Reader = Callable[["NDArray[np.uint8]"], Sequence[StripReading]]


def real_amounts(folder: Path, split: str = "test") -> list[Sample]:
    """Return the real amounts of a split."""
    rows = [json.loads(line) for line in (folder / "amounts.jsonl").read_text("utf-8").splitlines()]
    return [
        Sample(row["file"], _gray(folder / row["file"]), row["text"]) for row in rows if row["split"] == split
    ]


def is_held_back(file: str) -> bool:
    """Tell whether training holds a real amount of the train split back, by the number in its file's name.

    Nobody recorded who wrote which check; neighbours in the numbering are likeliest to share a hand, so that whole
    blocks of twenty are held back: one in twelve.
    """
    return int(Path(file).stem.rsplit("_", 1)[-1]) // 20 % 12 == 5


def _gray(path: Path) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise FileNotFoundError(f"{path} is missing or no picture.")
    return np.asarray(pixels, np.uint8)


def composites(folder: Path, count: int, *, seed: int, lines: bool, part: slice = _OTHERS) -> list[Sample]:
    """Put strings of three to seven digits together from single real ones, those of the second half unless told.

    Written apart from the training's simulation: ink on plain grained paper, digits at nearly one height with gaps from
    touching to half a digit, softened as by a camera.

    :param lines: with the lines of a form's box around the digits, as dark as the pen.
    """
    pixels = np.frombuffer(
        gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
    ).reshape(-1, 28, 28)[part]
    labels = np.frombuffer(
        gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )[part]
    rng = np.random.default_rng(seed)
    return [_composite(f"{seed}/{k}", pixels, labels, rng, lines=lines) for k in range(count)]


def _composite(
    name: str, pixels: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator, *, lines: bool
) -> Sample:
    chosen = rng.integers(0, len(pixels), int(rng.integers(3, 8)))
    ink = np.zeros((64, 40 * len(chosen) + 80), np.float32)
    x = int(rng.integers(8, 30))
    for index in chosen:
        digit = pixels[index]
        columns = np.flatnonzero(digit.max(axis=0) > 30)
        cut = digit[:, columns[0] : columns[-1] + 1].astype(np.float32) / 255
        scale = float(rng.uniform(1.55, 1.85))
        large = np.clip(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), 0, 1)
        y = int(rng.integers(4, 9))
        part = ink[y : y + large.shape[0], x : x + large.shape[1]]
        np.maximum(part, large, out=part)
        x += large.shape[1] + int(rng.integers(0, 14))
    ink = ink[:, : x + int(rng.integers(4, 30))]
    if lines:
        h, w = ink.shape
        for y in (1, h - int(rng.integers(4, 12))):
            cv2.line(ink, (0, y), (w, y + int(rng.integers(-1, 2))), 1.0, 2)
        for x in (1, w - 2):
            cv2.line(ink, (x, 0), (x, h), 1.0, 2)
    paper = float(rng.uniform(170, 245))
    inked = paper * (1 - float(rng.uniform(0.35, 0.85)) * ink) + rng.normal(0, 4, ink.shape)
    page = cv2.GaussianBlur(inked, (0, 0), float(rng.uniform(0.5, 1.2)))
    return Sample(name, np.clip(page, 0, 255).astype(np.uint8), "".join(str(labels[k]) for k in chosen))


def digits_of(text: str) -> str:
    """Return only the digits of a text."""
    return "".join(c for c in text if c in "0123456789")


def stock_reader(*, careful: bool) -> Reader:
    """Return PP-OCRv6 (tiny, or small where careful) as a reader of strips; it gives one string."""

    def read(pixels: NDArray[np.uint8]) -> Sequence[StripReading]:
        width = max(8, round(pixels.shape[1] * STRIP_HEIGHT / pixels.shape[0]))
        strip = cv2.resize(pixels, (width, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
        (letters,) = read_strips([np.repeat(strip[:, :, None], 3, axis=2)], careful=careful)
        score = min((letter.score for letter in letters), default=0.0)
        return [StripReading("".join(letter.text for letter in letters), score)]

    return read


def witness(steps: Callable[[NDArray[np.float32]], NDArray[np.float64] | None]) -> Reader:
    """Return one of the digit reader's witnesses alone as a reader, with its own probabilities."""

    def read(pixels: NDArray[np.uint8]) -> Sequence[StripReading]:
        ink = prepared(pixels)
        told = None if ink is None else steps(ink)
        return [] if told is None else [reading for reading in best_strings(told, 6) if reading.text]

    return read


def measure(samples: Sequence[Sample], read: Reader) -> Score:
    """Read every sample and compare the digits; strings that differ only in other signs count as one."""
    score = Score()
    for sample in samples:
        started = time.process_time()
        found = read(sample.pixels)
        score.seconds.append(time.process_time() - started)
        merged: dict[str, float] = {}
        for reading in found:
            digits = digits_of(reading.text)
            merged[digits] = merged.get(digits, 0.0) + reading.probability
        ranked = sorted(merged, key=lambda digits: -merged[digits])
        best = ranked[0] if ranked else ""
        score.strings += 1
        score.exact += best == sample.digits
        score.among_five += sample.digits in ranked[:5]
        score.digits += len(sample.digits)
        score.wrong_digits += _edits(best, sample.digits)
        score.odds.append((merged.get(best, 0.0), best == sample.digits))
        if found and found[0].network and found[0].agreed:
            score.agreed.append(best == sample.digits)
        if best != sample.digits:
            score.mistakes.append((sample.name, sample.digits, best))
    return score


def _edits(first: str, second: str) -> int:
    """Return how many digits must be changed, dropped or added to get from one string to the other."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def described(name: str, score: Score) -> str:
    """Return one line of the table."""
    low, high = error_bounds(score.strings - score.exact, score.strings, 0.975)
    sure = []
    for least in _CONFIDENT:
        taken = [right for odd, right in score.odds if odd >= least]
        sure.append(f"{len(taken) / score.strings:6.1%} {taken.count(False):3d}")
    return (
        f"{name:22s} {score.exact / score.strings:6.1%} [{1 - high:6.1%}, {1 - low:6.1%}]  "
        f"{score.wrong_digits / score.digits:6.2%}  {score.among_five / score.strings:6.1%}  "
        f"{1000 * statistics.median(score.seconds):6.1f}   {'   '.join(sure)}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.evaluation.digits", description="Measure the digit reader on real digits."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of real hand-written digits")
    parser.add_argument("--composites", type=int, default=1000, metavar="N", help="strings of single digits")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mistakes", action="store_true", help="list what the digit reader got wrong")
    parser.add_argument("--ours", action="store_true", help="leave the stock recognisers out")
    parser.add_argument(
        "--held-back",
        action="store_true",
        help="score what training held back of its amounts and digits instead: to choose by; it was weighed on them",
    )
    options = parser.parse_args(arguments)
    readers: dict[str, Reader] = {
        "digit reader": read_strip,
        "  network alone": witness(network_steps),
        "  recogniser alone": witness(recogniser_steps),
        "  lines left in": lambda strip: read_strip(strip, without_lines=False),
    }
    if not options.ours:
        readers["PP-OCRv6 tiny"] = stock_reader(careful=False)
        readers["PP-OCRv6 small"] = stock_reader(careful=True)
    if options.held_back:
        amounts = [s for s in real_amounts(options.data, "train") if is_held_back(s.name)]
        part, title = HELD_DIGITS, "real amounts, held back"
    else:
        amounts, part, title = real_amounts(options.data), _OTHERS, "real amounts, test split"
    sets = {title: amounts} | {
        name: composites(options.data, options.composites, seed=options.seed, lines=lines, part=part)
        for name, lines in (("composites of real digits", False), ("the same in a box with lines", True))
    }
    sys.stdout.write(f"weights {digits_version() or 'none: nothing learned'}\n")
    for title, samples in sets.items():
        sys.stdout.write(f"\n{title}: {len(samples)} strings\n")
        sys.stdout.write(
            f"{'':22s}  exact [95 % interval]     digit  top five  cpu ms  at 0.90 wrong  0.98 wrong\n"
        )
        for name, reader in readers.items():
            score = measure(samples, reader)
            sys.stdout.write(described(name, score) + "\n")
            sys.stdout.flush()
            if score.agreed:
                sys.stdout.write(
                    f"    both witnesses read the same: {len(score.agreed) / score.strings:.1%}, of these"
                    f" {score.agreed.count(False)} wrong\n"
                )
            if options.mistakes and name == "digit reader":
                for where, truth, said in score.mistakes:
                    sys.stdout.write(f"    {where}: {truth} read as {said or 'nothing'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
