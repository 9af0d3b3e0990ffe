"""What a cut of the page may say: readings of it, what each of them may mean, and what most of them are for.

Two readers look at a cut: the careful recogniser, who knows all letters, and the digit reader, who knows hands. What
one of them says of one cut is a ballot: texts with probabilities.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from extraction.reading.amounts import parse_money
from extraction.reading.digits import read_strip
from extraction.reading.overlooked import Kind
from extraction.reading.recognition import STRIP_HEIGHT, read_strips
from extraction.reading.weights import THREADS
from extraction.reading.written import amount_text, amounts_of, dates_of
from extraction.schema import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD: Final = re.compile(r"[A-Z]{3}")  # "06-APR-2022"
# Cuts: how far they reach beyond the figure's box left and right, above and below, in its heights.
Reach = tuple[float, float, float, float]
_KEPT: Final = 0.1  # readings that have less than this share of the best one's votes are forgotten
MOST_READINGS: Final = 5
_SIGN_LOST: Final = 0.7  # how often a sum's first five or eight is a "$", where all others have one
# Share of a whole sum's votes that go over to the sum with cents where the longer cuts add two digits to it.
_CENTS: Final = 0.8
_OTHER_NUMBER: Final = 0.4  # share of a number's other meaning: "35/7" for 3517, "ES703" for E5703
ALIKE: Final = str.maketrans("OQDILZASGBT>", "000112456877")
Ballot = tuple[tuple[str, float], ...]  # what one reading of one cut may say, with probabilities


def plain(text: str) -> str:
    """Return a text without its spaces."""
    return re.sub(r"\s", "", text)


def has_letters(ballots: Sequence[Ballot]) -> bool:
    """Say whether a number has letters before its digits ("E3228"), which the digit reader knows nothing of."""
    return sum(bool(re.match(r"[A-Z]", number_of(ballot[0][0]))) for ballot in ballots if ballot) >= 2


def number_of(text: str) -> str:
    """Return a number as it is compared; letters among its digits are digits that look like them."""
    key = re.sub(r"[\s.,:;$#|()]", "", text).upper()
    head = re.match(r"(?:[A-Z]{1,3}(?=-?\d))?", key)
    letters = head.group() if head else ""
    digits = key[len(letters) :]
    if sum(c.isdigit() for c in digits) >= 2 * sum(c.isalpha() for c in digits) and not _WORD.search(digits):
        digits = digits.translate(ALIKE)
    return letters + digits


def _also_numbers(key: str) -> Iterator[str]:
    """Yield what a number may be besides: a stroke for a one, letters that look like digits right before them."""
    if re.fullmatch(r"[A-Z]?\d{1,4}/\d{1,4}", key):
        yield key.replace("/", "1")
    if re.match(r"[A-Z][OQDILZASGBT]\d", key):
        yield key[0] + key[1:].translate(ALIKE)


def cut_out(pixels: NDArray[np.uint8], box: Box, reach: Reach) -> NDArray[np.uint8]:
    """Return a box of a page, shape (height, width, 3), and what reaches beyond it, at least six pixels each way."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height
    left, right, above, below = (share * (y1 - y0) for share in reach)
    return pixels[
        max(0, round(y0 - above)) : max(round(y1 + below), round(y0) + 6),
        max(0, round(x0 - left)) : max(round(x1 + right), round(x0) + 6),
    ]


def read_carefully(cuts: Sequence[NDArray[np.uint8]]) -> list[Ballot]:
    """Return the careful recogniser's one reading of each cut."""
    import cv2

    strips = []
    for cut in cuts:
        h, w = cut.shape[:2]
        size = (min(max(round(w * STRIP_HEIGHT / h), 16), 1200), STRIP_HEIGHT)
        how = cv2.INTER_AREA if h > STRIP_HEIGHT else cv2.INTER_LINEAR
        strips.append(np.asarray(cv2.resize(np.ascontiguousarray(cut), size, interpolation=how), np.uint8))
    ballots: list[Ballot] = []
    for letters in read_strips(strips, careful=True):
        text = "".join(letter.text for letter in letters).strip()
        score = min((letter.score for letter in letters if letter.text != " "), default=0.0)
        ballots.append(((text, score),))
    return ballots


def read_digits(cuts: Sequence[NDArray[np.uint8]]) -> list[Ballot]:
    """Return the digit reader's best strings for each cut."""
    import cv2

    def read(cut: NDArray[np.uint8]) -> Ballot:
        gray = np.asarray(cv2.cvtColor(np.ascontiguousarray(cut), cv2.COLOR_BGR2GRAY), np.uint8)
        return tuple((reading.text, reading.probability) for reading in read_strip(gray, best=MOST_READINGS))

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(read, cuts))


def elect(
    kind: Kind, own: Sequence[Ballot], stretched: Sequence[Ballot], *, signed: float
) -> tuple[tuple[str, float], ...]:
    """Return the readings with their shares of the votes, likeliest first; the text is the surest voter's.

    :param stretched: of longer cuts: they count where they add cents to what the others read.
    :param signed: share of the page's sums that have a "$" before them.
    """
    votes: dict[object, float] = defaultdict(float)
    texts: dict[object, tuple[float, str]] = {}

    def count(ballot: Ballot, weight: float) -> None:
        for text, probability in ballot:
            for key, share, written in meanings_of(kind, text, signed):
                votes[key] += probability * share * weight
                texts[key] = max(texts.get(key, (0.0, "")), (probability * share, written))

    for ballot in own:
        count(ballot, 1.0)
    voters = float(len(own))
    cents = _cents_seen(votes, [key for ballot in stretched[:2] for key in _sums(ballot, signed)])
    if cents:
        whole = Decimal(int(cents[0]))
        before = votes[whole]
        for key in cents:
            votes[key] += _CENTS * before / 2
            votes[whole] -= _CENTS * before / 2
            texts[key] = (1.0, amount_text(key))
    else:
        for ballot in stretched:
            count(ballot, 0.5)
        voters += 0.5 * len(stretched)
    ranked = sorted(votes.items(), key=lambda item: -item[1])
    return tuple(
        (texts[key][1], round(min(vote / voters, 1.0), 4))
        for key, vote in ranked
        if vote >= _KEPT * ranked[0][1]
    )[:MOST_READINGS]


def _sums(ballot: Ballot, signed: float) -> list[Decimal]:
    """Return the sums that the likeliest reading of a cut may mean."""
    return (
        [key for key, _, _ in meanings_of("amount", ballot[0][0], signed) if isinstance(key, Decimal)]
        if ballot
        else []
    )


def _cents_seen(votes: Mapping[object, float], longer: Sequence[Decimal]) -> list[Decimal]:
    """Return the sums of longer cuts that add cents to the whole sum most votes are for; empty if none do."""
    whole = [key for key in votes if isinstance(key, Decimal) and key % 1 == 0]
    if not whole:
        return []
    best = max(whole, key=lambda key: votes[key])
    if votes[best] <= max(votes.values()) / 2:
        return []
    return [key for key in longer if key % 1 and int(key) == best][:2]


def meanings_of(kind: Kind, text: str, signed: float) -> Iterator[tuple[object, float, str]]:
    """Yield what a reading may mean: what is compared, its share, and how it is written."""
    if kind == "amount":
        # Where the others have a "$" before them, a five or eight that begins this one may be it.
        lost = _SIGN_LOST * signed if re.match(r"[58]\d", text) else 0.0
        for part, weight in ((text, 1 - lost), (text[1:], lost)):
            for value, share in amounts_of(part) if weight else ():
                yield value, share * weight, part if parse_money(part) == value else amount_text(value)
    elif kind == "number":
        if key := number_of(text):
            others = [other for other in _also_numbers(key) if other != key]
            yield key, 1.0 - _OTHER_NUMBER * len(others), key
            for other in others:
                yield other, _OTHER_NUMBER, other
    else:
        for day, share in dates_of(text):
            yield day, share, day
