"""Writing at a label that the detector saw nothing of, or only a part of.

Detectors learn from print and lose what is faint, small, set apart in cells or crossed by a form's lines. A label of a
number, a date or a sum says where a figure must stand: to its right as far as the next printed word, below it as far
as its box goes. There the ink itself is looked at, in a window around the label only.

All boxes in here are (x0, y0, x1, y1) in pixels of the page; `H` stands for the height of the label's letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from extraction.reading.lines import Token, union_box
from extraction.schema import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["amount", "number", "date"]
_Pixels = tuple[int, int, int, int]

# How far a value stands from its label, in H. Sums stand at the right edge of the page, in the amounts' column.
_RIGHT: Final = 25.0
_BELOW: Final = 3.6
_BELOW_WIDE: Final = 8.0  # it begins within so much of the label's beginning, or under the label
_LONG: Final = 10.0  # and may be so long
_ABOVE_ROW: Final = 0.9  # what is written is larger than print, and rises above its label's row
_UNDER_ROW: Final = 0.8
_LEFT: Final = 1.0  # a value below its label may begin so much left of it
# A second line of the label ("Estimate Number /" over "Número de estimado") is at most so far below the first.
_NEXT_LINE: Final = 0.9
_INDENT: Final = 2.0
# Gaps between the parts of one figure; in cells of their own ("comb fields") the digits stand wider apart.
_GAP: Final = 0.9
_CELL: Final = 2.2
_LEVEL: Final = 0.3  # share of the lower of two heights that words of one row have in common
# Shares of a word's place that make it a part of a writing, and of a writing's place that make it a part of a word.
_WITHIN: Final = 0.4
_PART_OF_WORD: Final = 0.25
# Sizes of a figure.
_LOWEST: Final = 0.45
_TALLEST: Final = 3.2
_NARROWEST: Final = 0.9
_SPECK: Final = 0.012  # area in H², below which ink is dust
# Ink darkens the paper by so much at least; grain and JPEG blocks reach 0.04.
_FAINTEST: Final = 0.09
_DARK: Final = 0.22
_GRAIN: Final = 6.0  # times the usual deviation of bare paper
_RULE: Final = 3.0  # lines at least so long are the form's, in H
_UPRIGHT: Final = 2.4
# A figure's ink goes on where it reaches so much beyond the box, in the box's heights; and parts so far apart belong
# to it.
_BEYOND: Final = 0.22
_REACH: Final = 4.5
_SAME_FIGURE: Final = 0.5
_CENTS_APART: Final = 1.8
_DATE_PARTS: Final = 1.3
_PART: Final = 0.28  # lower ink is points and dust
# Cents beside a sum: at most so high, and two digits wide, in its height; as a word at most so many letters.
_CENTS_TALL: Final = 0.85
_CENTS_NARROW: Final = 0.35
_CENTS_WIDE: Final = 1.7
_CENTS_LONG: Final = 3
_LINED: Final = 0.5  # share of the cents' width that a row of the line below them covers
# A stroke through a figure: in its middle, from its beginning, so long and with so much behind it at least.
_MIDDLE: Final = 0.22
_BEGINS: Final = 0.6
_STROKE: Final = 2.2
_THROUGH: Final = 0.5  # as dark as this share of the writing: blurred figures run together more faintly
_BEHIND: Final = 1.2
_HANGS_OVER: Final = 0.6
# Two numbers, one of them struck out, make one of so many digits. Then the one wide gap around the middle parts them,
# or a scrawl of any form that leaves no gap between figures over so much.
_TWO_NUMBERS: Final = 7
_GAP_BETWEEN: Final = 0.3
_OTHER_GAPS: Final = 1.5
_AROUND_MIDDLE: Final = (0.3, 0.7)
_SCRAWL: Final = 1.8
_MARGIN: Final = 0.12  # of its height, that a figure's box reaches beyond its ink

_LETTERS: Final = re.compile(r"[^\W\d_]{3}")
MONTH: Final = re.compile(
    r"(?i)(?:jan|feb|mar|apr|abr|may|jun|jul|aug|ago|sep|oct|nov|dec|dic|ene)[a-z]{0,7}[.,]?$"
)
_DATED: Final = re.compile(r"\d{2}$")  # "Dec|7,2024"
_SURELY: Final = 0.7  # figures that are taken for letters are read less surely


@dataclass(frozen=True, slots=True)
class Asked:
    """What a label asks for.

    :ivar label: the label's words.
    :ivar claimed: the words that the label claims as its value; empty if there are none.
    """

    kind: Kind
    label: tuple[Token, ...]
    claimed: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """Ink that was overlooked.

    :ivar box: its place on the page.
    :ivar parts: the words that stand in it and are parts of it; empty where nothing was seen.
    :ivar apart: places that are better read by themselves. Of a sum with small cents behind it: the sum, the cents,
        and these without a line below them if there may be one; of a date with its month in words: what follows that.
    :ivar struck: what the words say was struck out in part; the place is that of what is written behind it.
    """

    kind: Kind
    box: Box
    parts: tuple[Token, ...]
    apart: tuple[Box, ...] = ()
    struck: bool = False


def find_writing(
    pixels: NDArray[np.uint8],
    asked: Sequence[Asked],
    words: Sequence[Token],
    labels: Sequence[Token],
    *,
    photograph: bool = False,
) -> list[Writing]:
    """Return the writing at labels that no word stands for, or only a part.

    :param pixels: the page, shape (height, width, 3), BGR.
    :param words: all words of the page.
    :param labels: those of them that are labels of whatever.
    :param photograph: the page was photographed, and may be filled in by hand: then figures may be struck out.
    """
    view = _View(pixels, words, labels, photograph=photograph)
    taken = {token.index for each in asked for token in each.claimed}
    found: list[Writing] = []
    for each in asked:
        writing = None
        if not each.claimed or not view.beside(each):
            writing = view.unseen(each, taken)
        if writing is None and each.claimed:
            writing = view.whole(each)
        if writing is not None and not any(_overlaps(writing.box, other.box) for other in found):
            found.append(writing)
    return found


class _View:
    """The page with what is known of its words."""

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        words: Sequence[Token],
        labels: Sequence[Token],
        *,
        photograph: bool,
    ) -> None:
        self.photograph = photograph
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self.words = words
        self.labels = {token.index for token in labels}
        self.boxes = {token.index: self._pixels_of(token.box) for token in words}

    def _pixels_of(self, box: Box) -> _Pixels:
        return (
            round(box.x0 * self.width),
            round(box.y0 * self.height),
            round(box.x1 * self.width),
            round(box.y1 * self.height),
        )

    def _box(self, pixels: _Pixels, *, above_line: bool = False) -> Box:
        margin = _MARGIN * (pixels[3] - pixels[1])
        under = 0.0 if above_line else margin
        return Box(
            max(pixels[0] - margin, 0) / self.width,
            max(pixels[1] - margin, 0) / self.height,
            min(pixels[2] + margin, self.width) / self.width,
            min(pixels[3] + under, self.height) / self.height,
        )

    def _is_obstacle(self, token: Token, kind: Kind) -> bool:
        """Say whether a word is a label or surely read as letters, and so no part of a figure."""
        if kind == "date" and (MONTH.match(token.text) or _DATED.search(token.text)):
            return False
        return token.index in self.labels or (
            token.confidence >= _SURELY and bool(_LETTERS.search(token.text))
        )

    def _within(self, window: _Pixels) -> Iterator[Token]:
        for token in self.words:
            x0, y0, x1, y1 = self.boxes[token.index]
            if x0 < window[2] and x1 > window[0] and y0 < window[3] and y1 > window[1]:
                yield token

    def whole(self, asked: Asked) -> Writing | None:
        """Return all of a figure whose word ends before its ink does, or that has cents set apart."""
        claimed = asked.claimed
        parted = asked.kind == "amount" and len(claimed) > 1 and len(claimed[-1].text) <= _CENTS_LONG
        core = self._pixels_of(union_box(claimed[:-1] if parted else claimed))
        tall = max(core[3] - core[1], 6)
        ink = _Ink(self.pixels, self._free(asked, core, tall), tall, [])
        beside = ink.beside(core)
        digits = sum(c.isdigit() for token in claimed for c in token.text)
        two = asked.kind == "number" and digits >= _TWO_NUMBERS
        end = ink.gap_between(core) if two else None
        if end is None and self.photograph:
            end = ink.struck(core, two_numbers=two)
        if end is not None:
            rest = _grown((end, *core[1:]), beside, _SAME_FIGURE * tall)
            begin = end + round(_MARGIN * (rest[3] - rest[1]))  # no margin on this side
            return Writing(asked.kind, self._box((begin, *rest[1:])), asked.claimed, struck=True)
        near = _DATE_PARTS if asked.kind == "date" else _SAME_FIGURE
        box = _grown(core, beside, near * tall)
        cents = _cents(core, beside, tall) if asked.kind == "amount" else None
        if cents is not None:
            box = _union(box, cents)
        elif not parted and max(box[2] - core[2], core[0] - box[0]) < _BEYOND * tall:
            return None
        box = (box[0], max(box[1], core[1] - tall // 4), box[2], min(box[3], core[3] + tall // 4))
        parts = self._parts(box, asked.claimed, asked.kind)
        apart: list[Box] = []
        if cents is not None:
            apart += [
                self._box((*box[:2], max(min(core[2], cents[0]), box[0] + 1), box[3])),
                self._box(cents),
            ]
            if (line := ink.underline(cents)) is not None:
                apart.append(self._box((*cents[:3], line), above_line=True))
        if asked.kind == "date":
            month = next((self.boxes[t.index] for t in parts if MONTH.match(t.text)), None)
            if month is not None and month[2] < box[2] - tall:
                apart.append(self._box((month[2], *box[1:])))
        return Writing(asked.kind, self._box(box), parts, tuple(apart))

    def _free(self, asked: Asked, core: _Pixels, tall: int) -> _Pixels:
        """Return the window around a figure, left and right as far as the next word that is none."""
        reach = round(_REACH * tall)
        left, right = max(core[0] - reach, 0), min(core[2] + reach, self.width)
        top, bottom = max(core[1] - tall // 3, 0), min(core[3] + tall // 3, self.height)
        own = {token.index for token in asked.claimed}
        for token in self._within((left, top, right, bottom)):
            other = self.boxes[token.index]
            level = min(other[3], core[3]) - max(other[1], core[1]) > _LEVEL * min(other[3] - other[1], tall)
            if token.index in own or not level or not self._is_obstacle(token, asked.kind):
                continue
            if other[0] + other[2] < core[0] + core[2]:
                left = max(left, min(other[2], core[0]))
            else:
                right = min(right, max(other[0], core[2]))
        return left, top, right, bottom

    def beside(self, asked: Asked) -> bool:
        """Say whether what a label claims stands in its row."""
        label, value = (self._pixels_of(union_box(tokens)) for tokens in (asked.label, asked.claimed))
        shared = min(label[3], value[3]) - max(label[1], value[1])
        return value[0] > label[0] and shared > _LEVEL * min(label[3] - label[1], value[3] - value[1])

    def unseen(self, asked: Asked, taken: set[int]) -> Writing | None:
        """Return the figure that stands right of or below a label, none of whose words is one."""
        tall = max(round(np.median([self._tall(token) for token in asked.label])), 6)
        label = self._label(asked, tall)
        right = self._right(asked, label, tall)
        # What is claimed below may be another label's, whose own value was overlooked; what was seen there was seen.
        below = None if asked.claimed else self._below(asked, label, tall)
        for window in (right, below):
            if window is None:
                continue
            covered = [self.boxes[t.index] for t in self._within(window) if self._is_obstacle(t, asked.kind)]
            runs = [run for run in _Ink(self.pixels, window, tall, covered).runs() if _figure_like(run, tall)]
            if window is right:
                band = (label[1] - 0.5 * tall, label[3] + 0.5 * tall)
                runs = [run for run in runs if band[0] < (run[1] + run[3]) / 2 < band[1]]
                runs.sort(key=lambda run: run[0])
                # Of several sums in a row the last one is the total.
                runs = runs[-1:] if asked.kind == "amount" else runs[:1]
            else:
                begins = max(label[2], label[0] + _BELOW_WIDE * tall)
                runs = sorted((run for run in runs if run[0] < begins), key=lambda run: (run[1], run[0]))[:1]
            for run in runs:
                parts = self._parts(run, (), asked.kind)
                if not any(part.index in taken for part in parts) and not self._is_part(run, parts):
                    return Writing(asked.kind, self._box(run), parts)
        return None

    def _tall(self, token: Token) -> int:
        return self.boxes[token.index][3] - self.boxes[token.index][1]

    def _label(self, asked: Asked, tall: int) -> _Pixels:
        """Return the label's box with a second line of it."""
        box = self._pixels_of(union_box(asked.label))
        under = (box[0], box[3], box[2], box[3] + round((_NEXT_LINE + 0.5) * tall))
        own = {token.index for token in asked.label}
        ended = asked.label[-1].text.endswith(":")
        for token in self._within(under):
            other = self.boxes[token.index]
            if (
                token.index not in own
                and self._is_obstacle(token, asked.kind)
                and not re.search(r"\d", token.text)
                and other[1] - box[3] < _NEXT_LINE * tall
                and other[1] > (box[1] + box[3]) / 2
                and not (ended and token.text.endswith(":"))
            ):
                box = (min(box[0], other[0]), box[1], max(box[2], other[2]), max(box[3], other[3]))
        return box

    def _right(self, asked: Asked, label: _Pixels, tall: int) -> _Pixels | None:
        reach = self.width if asked.kind == "amount" else round(_RIGHT * tall)
        window = self._clipped(
            (
                label[2],
                label[1] - round(_ABOVE_ROW * tall),
                label[2] + reach,
                label[3] + round(_UNDER_ROW * tall),
            )
        )
        end = window[2]
        for token in self._within(window):
            other = self.boxes[token.index]
            level = min(other[3], label[3]) - max(other[1], label[1]) > _LEVEL * min(
                other[3] - other[1], tall
            )
            if level and self._is_obstacle(token, asked.kind) and other[0] >= label[2] - tall // 2:
                end = min(end, other[0])
        return (*window[:2], end, window[3]) if end - window[0] > _NARROWEST * tall else None

    def _below(self, asked: Asked, label: _Pixels, tall: int) -> _Pixels | None:
        begins = max(label[2], label[0] + round(_BELOW_WIDE * tall))
        left, top, right, bottom = self._clipped(
            (
                label[0] - round(_LEFT * tall),
                label[3],
                begins + round(_LONG * tall),
                label[3] + round(_BELOW * tall),
            )
        )
        for token in self._within((left, label[1], right, bottom)):
            other = self.boxes[token.index]
            if other[0] >= begins and self._is_obstacle(token, asked.kind):
                right = min(right, other[0] - tall // 4)  # the next box begins there
        for token in self._within((left, top, right, bottom)):
            # What has print beside it in its row belongs to that.
            other = self.boxes[token.index]
            if self._is_obstacle(token, asked.kind) and other[1] > label[3] - tall // 2:
                bottom = min(bottom, other[1] - tall // 4)
        return (left, top, right, bottom) if bottom - top > _LOWEST * tall else None

    def _parts(self, box: _Pixels, own: Sequence[Token], kind: Kind) -> tuple[Token, ...]:
        parts = {token.index: token for token in own}
        for token in self._within(box):
            x0, y0, x1, y1 = self.boxes[token.index]
            within = _shared((x0, y0, x1, y1), box) > _WITHIN * max((x1 - x0) * (y1 - y0), 1)
            if within and not self._is_obstacle(token, kind):
                parts[token.index] = token
        return tuple(sorted(parts.values(), key=lambda token: token.x0))

    def _is_part(self, run: _Pixels, parts: Sequence[Token]) -> bool:
        """Say whether ink is only a part of what was read as a word."""
        within = {part.index for part in parts}
        area = max((run[2] - run[0]) * (run[3] - run[1]), 1)
        return any(
            _shared(self.boxes[token.index], run) > _PART_OF_WORD * area
            for token in self._within(run)
            if token.index not in within
        )

    def _clipped(self, window: tuple[int, int, int, int]) -> _Pixels:
        return max(window[0], 0), max(window[1], 0), min(window[2], self.width), min(window[3], self.height)


def _shared(one: _Pixels, other: _Pixels) -> int:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def _union(one: _Pixels, other: _Pixels) -> _Pixels:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _grown(core: _Pixels, beside: Sequence[_Pixels], near: float) -> _Pixels:
    """Return a figure's box with the ink left and right of it that goes on from part to part."""
    box = core
    for part in sorted(beside, key=lambda part: part[0]):
        if part[2] > box[2] and part[0] <= box[2] + near:
            box = _union(box, part)
    for part in sorted(beside, key=lambda part: -part[2]):
        if part[0] < box[0] and part[2] >= box[0] - near:
            box = _union(box, part)
    return box


def _cents(core: _Pixels, beside: Sequence[_Pixels], tall: int) -> _Pixels | None:
    """Return the place of small cents behind a sum, if there is ink of their size."""
    cents: _Pixels | None = None
    for part in sorted(beside, key=lambda part: part[0]):
        if part[0] <= core[2] - 0.15 * tall or part[3] - part[1] > _CENTS_TALL * tall:
            continue
        if cents is None:
            if part[0] <= core[2] + _CENTS_APART * tall:
                cents = part
        elif part[0] <= cents[2] + 0.4 * tall:
            cents = _union(cents, part)
    if cents is None or not _CENTS_NARROW * tall <= cents[2] - cents[0] <= _CENTS_WIDE * tall:
        return None
    return cents


def _figure_like(run: _Pixels, tall: int) -> bool:
    width, height = run[2] - run[0], run[3] - run[1]
    return _LOWEST * tall <= height <= _TALLEST * tall and width >= max(_NARROWEST * tall, 0.8 * height)


def _overlaps(one: Box, other: Box) -> bool:
    return min(one.x1, other.x1) > max(one.x0, other.x0) and min(one.y1, other.y1) > max(one.y0, other.y0)


class _Ink:
    """The ink of a window, without a form's lines and without what is covered."""

    def __init__(
        self, pixels: NDArray[np.uint8], window: _Pixels, tall: int, covered: Sequence[_Pixels]
    ) -> None:
        import cv2

        self.window = window
        self.tall = tall
        x0, y0, x1, y1 = window
        self.parts: list[_Pixels] = []
        self._mask = self._strokes = np.zeros((max(y1 - y0, 1), max(x1 - x0, 1)), np.uint8)
        if min(self._mask.shape) < 6:
            return
        gray = cv2.cvtColor(np.ascontiguousarray(pixels[y0:y1, x0:x1]), cv2.COLOR_BGR2GRAY)
        dark = _darkness(np.asarray(cv2.blur(gray, (3, 3)), np.uint8), tall)
        mask = _is_ink(dark)
        self._strokes = np.asarray(
            dark > _THROUGH * np.percentile(dark[mask > 0], 90) if mask.any() else mask, np.uint8
        )
        rules = _rules(mask, tall)
        mask[rules > 0] = 0
        around = max(1, tall // 10)
        for box in covered:
            left, top = max(box[0] - x0 - around, 0), max(box[1] - y0 - around, 0)
            mask[top : max(box[3] - y0 + around, 0), left : max(box[2] - x0 + around, 0)] = 0
        count, marks, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        least = max(_SPECK * tall * tall, 4)
        keep = np.zeros(count, np.uint8)
        for k in range(1, count):
            x, y, w, h, area = (int(v) for v in stats[k])
            if area >= least:
                keep[k] = 1
                self.parts.append((x0 + x, y0 + y, x0 + x + w, y0 + y + h))
        self._mask = keep[marks]

    def beside(self, core: _Pixels) -> list[_Pixels]:
        """Return the parts that stand at the height of a figure's box and are no points or dust."""
        middle, tall = (core[1] + core[3]) / 2, self.tall
        return [
            part
            for part in self.parts
            if part[3] - part[1] >= _PART * tall
            and part[1] < middle + 0.35 * tall
            and part[3] > middle - 0.35 * tall
        ]

    def struck(self, core: _Pixels, *, two_numbers: bool = False) -> int | None:
        """Return where a stroke ends that runs through a figure from its beginning, if more is written behind it.

        :param two_numbers: there are too many digits for one number: then a scrawl that joins digits counts, too.
        """
        import cv2

        x0, y0, x1, y1 = core
        tall = self.tall
        rows = slice(y0 + round(_MIDDLE * tall) - self.window[1], y1 - round(_MIDDLE * tall) - self.window[1])
        through = self._strokes[rows, x0 - self.window[0] : x1 - self.window[0]]
        if min(through.shape) < 3 or through.shape[1] < (_STROKE + _BEHIND) * tall:
            return None
        thick = cv2.dilate(np.ascontiguousarray(through), np.ones((max(3, tall // 8), 1), np.uint8))
        strokes = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, round(_STROKE * tall)), np.uint8))
        columns = np.flatnonzero(np.asarray(strokes).any(axis=0))
        if len(columns) and columns[0] <= _BEGINS * tall:
            last = int(columns[-1]) + 1
        elif two_numbers:
            bare = np.flatnonzero(~through.any(axis=0))
            bare = bare[bare > _BEGINS * tall]
            last = int(bare[0]) if len(bare) else through.shape[1]
            if last < _SCRAWL * tall:
                return None
        else:
            return None
        # The last figure that is struck out may reach beyond the stroke.
        bare = np.flatnonzero(~through[:, last : last + round(_HANGS_OVER * tall)].any(axis=0))
        end = x0 + last + (int(bare[0]) if len(bare) else 0)
        return end if end < x1 - _BEHIND * tall else None

    def gap_between(self, core: _Pixels) -> int | None:
        """Return where the first of two numbers ends that stand apart in one box."""
        x0, y0, x1, y1 = core
        tall = self.tall
        # Its edges may hold a line of the form.
        rows = slice(y0 + tall // 8 - self.window[1], y1 - tall // 8 - self.window[1])
        inked = np.asarray(self._strokes[rows, x0 - self.window[0] : x1 - self.window[0]].any(axis=0))
        edges = np.flatnonzero(np.diff(inked.astype(np.int8), prepend=1, append=1)).reshape(-1, 2)
        gaps = sorted(
            (int(end - start), int(start), int(end)) for start, end in edges if start > 0 and end < len(inked)
        )
        if not gaps:
            return None
        width, start, end = gaps[-1]
        low, high = (share * len(inked) for share in _AROUND_MIDDLE)
        least = max(_GAP_BETWEEN * tall, _OTHER_GAPS * gaps[-2][0] if len(gaps) > 1 else 0)
        return x0 + start if width >= least and low < (start + end) / 2 < high else None

    def underline(self, box: _Pixels) -> int | None:
        """Return the row at which a line under a box's ink may begin."""
        x0, y0, x1, y1 = box
        rows = self._mask[
            y0 - self.window[1] : y1 - self.window[1], x0 - self.window[0] : x1 - self.window[0]
        ]
        covered = rows.mean(axis=1)
        half = len(rows) // 2
        lined = np.flatnonzero(covered[half:] >= _LINED)
        if not len(lined):
            return None
        row = half + int(lined[0])
        # Where it slopes, a row or two before are its own.
        while row > half and covered[row - 1] > _LINED / 2 and covered[row - 1] > covered[row - 2]:
            row -= 1
        return y0 + row if row > 0.4 * len(rows) else None

    def runs(self) -> list[_Pixels]:
        """Return the boxes of ink whose parts stand closely beside one another."""
        import cv2

        if not self._mask.any():
            return []
        gap = max(2, round(_GAP * self.tall))
        joined = cv2.morphologyEx(self._mask, cv2.MORPH_CLOSE, np.ones((max(1, gap // 4), gap), np.uint8))
        count, marks = cv2.connectedComponents(np.asarray(joined, np.uint8), connectivity=8)
        found = []
        for k in range(1, count):
            rows, columns = np.nonzero((marks == k) & (self._mask > 0))
            if len(rows):
                found.append(
                    (
                        self.window[0] + int(columns.min()),
                        self.window[1] + int(rows.min()),
                        self.window[0] + int(columns.max()) + 1,
                        self.window[1] + int(rows.max()) + 1,
                    )
                )
        return found


def _darkness(gray: NDArray[np.uint8], tall: int) -> NDArray[np.float32]:
    """Return by which share each pixel of a window is darker than the paper around it."""
    import cv2

    h, w = gray.shape
    small = cv2.resize(gray, (max(2, w // 3), max(2, h // 3)), interpolation=cv2.INTER_AREA)
    reach = max(3, round(0.6 * tall / 3)) | 1
    paper = cv2.morphologyEx(
        small, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    paper = cv2.resize(cv2.blur(paper, (reach, reach)), (w, h), interpolation=cv2.INTER_LINEAR).astype(
        np.float32
    )
    return np.asarray((paper - gray) / np.maximum(paper, 20.0), np.float32)


def _is_ink(dark: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return where paper is darker than its grain, as 0 and 1."""
    usual = float(np.median(dark))
    grain = 1.4826 * float(np.median(np.abs(dark - usual)))
    return np.asarray(dark > usual + min(max(_GRAIN * grain, _FAINTEST), _DARK), np.uint8)


def _rules(mask: NDArray[np.uint8], tall: int) -> NDArray[np.uint8]:
    """Return the form's lines: long level and upright strokes, also where they run slantingly."""
    import cv2

    long, high = max(round(_RULE * tall), 8), max(round(_UPRIGHT * tall), 6)
    level = cv2.morphologyEx(
        cv2.dilate(mask, np.ones((3, 1), np.uint8)), cv2.MORPH_OPEN, np.ones((1, long), np.uint8)
    )
    upright = cv2.morphologyEx(
        cv2.dilate(mask, np.ones((1, 3), np.uint8)), cv2.MORPH_OPEN, np.ones((high, 1), np.uint8)
    )
    return np.asarray(cv2.bitwise_or(cv2.dilate(level, np.ones((3, 1), np.uint8)), upright), np.uint8)
