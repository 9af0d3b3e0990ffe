"""Recognises the words of a page's picture: finds lines, sets the page upright, reads, and reads again where unsure.

Processor time for a letter-size page of 80 lines: finding 0.2 s, reading with the fast network 0.2 s. The larger one
costs five times as much per line, so it is kept for the lines that the first was unsure of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from extraction.documents.lines import number_lines
from extraction.schema import Box, Word

from .detection import Region, find_regions
from .recognition import STRIP_HEIGHT, Letter, read_strips
from .weights import weights_digest

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

# Changes whenever the same picture could be read differently by this module's own doing.
_PIPELINE: Final = "2"

# Detected lines are taller than the letters by what DBNet grows them; this takes it off again for the words' boxes.
_LETTER_SHARE: Final = 0.8

# Below this slope in degrees a page counts as straight: over its width a line then climbs less than half its height.
_STRAIGHT: Final = 0.3

# Mean letter score below which a page may stand on its head: of 18 real pages in all four directions the upright
# ones had 0.95 to 1.00, those on their head 0.51 to 0.68.
_DOUBTFUL_DIRECTION: Final = 0.85
_SAMPLE: Final = 8
_SAMPLE_LENGTH: Final = 8.0  # times the height of the line: two or three words

# Specks, logos and signatures are read as a letter or two with scores below this; real words hardly ever are.
_NOT_WRITING: Final = 0.4

# Blank pixels of a strip (48 high) that part words even where the recogniser saw no space. Of 7,821 pairs of letters
# on 20 real pages one in a hundred was wider apart than 25, nearly all after a colon; half of all spaces had 16.
_GAP_PIXELS: Final = 20
_INK_CONTRAST: Final = 50
# Steps from letter to letter, in the line's usual step. On the same pages half of all spaces made more than 1.67 and
# 95 of 100 pairs within a word less than 1.5; within typewritten figures every step is 1.
_WIDE: Final = 1.5
_TIGHT: Final = 1.15

# A line is read again if a letter scored lower than this, digits matter more, or if one that was left out scored
# higher. On 178 real and 96 generated scans and photographs these thresholds choose half and a third of the lines (by
# width); of the lines that the two networks read differently, spaces aside, nine in ten are among them.
_UNSURE_LETTER: Final = 0.85
_UNSURE_DIGIT: Final = 0.97
_LEFT_OUT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was found on a picture.

    ``words`` have boxes relative to the picture after it was turned clockwise by ``turn`` (0, 90, 180, 270) and then
    by ``skew`` degrees about its middle, the canvas grown to hold it (:func:`straighten` does that).
    """

    words: tuple[Word, ...]
    turn: int
    skew: float


@dataclass(frozen=True, slots=True)
class _Line:
    region: Region
    strip: NDArray[np.uint8]
    letters: tuple[Letter, ...]
    first: tuple[Letter, ...] = ()  # what the fast network had read, where the careful one read again

    @property
    def score(self) -> float:
        return _mean_score([self.letters])


@dataclass(frozen=True, slots=True)
class _Upright:
    """A picture turned clockwise by ``turn``, its lines, and those of them that finding the direction has read."""

    pixels: NDArray[np.uint8]
    regions: Sequence[Region]
    turn: int
    read: Mapping[int, _Line]


def ocr_version() -> str:
    """Return a text that changes whenever the same picture could be read differently."""
    return f"ppocr6-{_PIPELINE}-{weights_digest()}"


def recognise(image: Image, *, careful: bool = False) -> tuple[Word, ...]:
    """Return the words of an upright picture in reading order, with boxes, scores and line numbers.

    :param careful: read every line with the larger network, for comparison; it takes three times as long.
    :raises ReaderError: if the weights are not installed.
    """
    pixels = _as_bgr(image)
    lines = _read_lines(pixels, find_regions(pixels), {}, careful=careful)
    return _words_of(lines, pixels.shape[1], pixels.shape[0], skew=0.0)


def recognise_turned(image: Image, *, careful: bool = False) -> Recognition:
    """Recognise a picture that may lie on its side, stand on its head or be a few degrees askew.

    :param careful: as for :func:`recognise`.
    :raises ReaderError: if the weights are not installed.
    """
    found = _set_upright(_as_bgr(image))
    lines = _read_lines(found.pixels, found.regions, found.read, careful=careful)
    skew = _skew_of(found.regions)
    height, width = found.pixels.shape[:2]
    return Recognition(words=_words_of(lines, width, height, skew=skew), turn=found.turn, skew=skew)


def find_direction(image: Image) -> tuple[int, float]:
    """Return the ``turn`` and the ``skew`` of a picture as in :class:`Recognition`, without reading all of it.

    :raises ReaderError: if the weights are not installed.
    """
    found = _set_upright(_as_bgr(image))
    return found.turn, _skew_of(found.regions)


def straighten(image: Image, *, turn: int, skew: float) -> Image:
    """Turn a picture clockwise by ``turn`` (a multiple of 90) and then counter to a slope of ``skew`` degrees."""
    from PIL import Image as Pillow

    quarter = {
        90: Pillow.Transpose.ROTATE_270,
        180: Pillow.Transpose.ROTATE_180,
        270: Pillow.Transpose.ROTATE_90,
    }
    if turn % 360:
        image = image.transpose(quarter[turn % 360])
    if skew:
        import cv2

        matrix, width, height = _levelling(image.width, image.height, skew)
        level = cv2.warpAffine(
            np.asarray(image.convert("RGB")),
            matrix,
            (width, height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(255, 255, 255),
        )
        image = Pillow.fromarray(level)
    return image


def _as_bgr(image: Image) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _lies_on_its_side(regions: Sequence[Region]) -> bool:
    long = [region for region in regions if region.length > 2 * region.thickness]
    standing = sum(region.length for region in long if region.stands)
    return standing > 0.6 * sum(region.length for region in long)


def _skew_of(regions: Sequence[Region]) -> float:
    """Return the usual slope of the lines in degrees, 0 if they are straight enough."""
    sloped = sorted(
        (region.angle, region.length)
        for region in regions
        if not region.stands and region.length > 5 * region.thickness
    )
    half = sum(length for _, length in sloped) / 2
    for angle, length in sloped:
        half -= length
        if half <= 0:
            return angle if abs(angle) >= _STRAIGHT else 0.0
    return 0.0


def _set_upright(pixels: NDArray[np.uint8]) -> _Upright:
    turn = 0
    regions = find_regions(pixels)
    if _lies_on_its_side(regions):
        turn = 90
        pixels = np.ascontiguousarray(np.rot90(pixels, -1))
        regions = find_regions(pixels)
    # A few lines tell, read both ways if they make little sense as they stand.
    lying = [
        i for i, region in enumerate(regions) if not region.stands and region.length > 3 * region.thickness
    ]
    # Lines of middling length are enough: the longest take longest, the shortest say little.
    lying.sort(key=lambda i: abs(regions[i].length / regions[i].thickness - _SAMPLE_LENGTH))
    sample = lying[:_SAMPLE]
    strips = [_strip(pixels, regions[i]) for i in sample]
    letters = read_strips(strips)
    if sample and _mean_score(letters) < _DOUBTFUL_DIRECTION:
        turned = [np.ascontiguousarray(strip[::-1, ::-1]) for strip in strips]
        letters_turned = read_strips(turned)
        if _mean_score(letters_turned) > _mean_score(letters) + 0.05:
            height, width = pixels.shape[:2]
            turn += 180
            pixels = np.ascontiguousarray(np.rot90(pixels, 2))
            regions = [region.on_its_head(width, height) for region in regions]
            strips, letters = turned, letters_turned
    return _Upright(
        pixels,
        regions,
        turn,
        {i: _Line(regions[i], strip, found) for i, strip, found in zip(sample, strips, letters, strict=True)},
    )


def _mean_score(readings: Sequence[tuple[Letter, ...]]) -> float:
    scores = [letter.score for letters in readings for letter in letters if letter.text != " "]
    return sum(scores) / len(scores) if scores else 0.0


def _read_lines(
    pixels: NDArray[np.uint8], regions: Sequence[Region], read: Mapping[int, _Line], *, careful: bool
) -> list[_Line]:
    """Read the lines that are not ``read`` yet (by their place among the regions), then the doubtful ones again."""
    missing = [i for i in range(len(regions)) if i not in read]
    strips = {i: _strip(pixels, regions[i]) for i in missing}
    if careful:
        strips |= {i: line.strip for i, line in read.items()}
        found = read_strips([strips[i] for i in range(len(regions))], careful=True)
        return [
            _Line(region, strips[i], letters)
            for i, (region, letters) in enumerate(zip(regions, found, strict=True))
        ]
    letters = read_strips([strips[i] for i in missing])
    lines = {
        **read,
        **{i: _Line(regions[i], strips[i], found) for i, found in zip(missing, letters, strict=True)},
    }
    return _read_again([lines[i] for i in range(len(regions))])


def _read_again(lines: list[_Line]) -> list[_Line]:
    """Read the lines that the fast network was unsure of with the careful one."""
    doubtful = [i for i, line in enumerate(lines) if any(_is_doubtful(letter) for letter in line.letters)]
    better = list(lines)
    found = read_strips([lines[index].strip for index in doubtful], careful=True)
    for index, letters in zip(doubtful, found, strict=True):
        line = replace(lines[index], letters=letters, first=lines[index].letters)
        if line.score > lines[index].score - 0.1:
            better[index] = line
    return better


def _is_doubtful(letter: Letter) -> bool:
    least = _UNSURE_DIGIT if letter.text.isdigit() else _UNSURE_LETTER
    return letter.left_out > _LEFT_OUT or (letter.score < least and letter.text != " ")


def _strip(pixels: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
    """Cut a region out of the picture, set level and scaled to the recogniser's height."""
    import cv2

    corners = region.corners()
    if region.stands:  # side notes on an upright page are read from the bottom up
        corners = corners[[2, 3, 0, 1]]
    length, thickness = max(round(region.length), 1), max(round(region.thickness), 1)
    target = np.array([[0, 0], [length, 0], [0, thickness]], dtype=np.float32)
    matrix = cv2.getAffineTransform(corners[[0, 1, 3]], target)
    strip = cv2.warpAffine(
        pixels, matrix, (length, thickness), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    width = min(max(round(length / thickness * STRIP_HEIGHT), 16), 3000)
    shrinks = thickness > STRIP_HEIGHT
    resized = cv2.resize(
        strip, (width, STRIP_HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized.astype(np.uint8, copy=False)


def _words_of(lines: Sequence[_Line], width: int, height: int, *, skew: float) -> tuple[Word, ...]:
    matrix, new_width, new_height = _levelling(width, height, skew)
    words = []
    for line in lines:
        if line.score < _NOT_WRITING:
            continue
        corners = line.region.corners()
        if line.region.stands:
            corners = corners[[2, 3, 0, 1]]
        level = corners @ matrix[:, :2].T + matrix[:, 2]
        middle_start, middle_end = (level[0] + level[3]) / 2, (level[1] + level[2]) / 2
        across = (level[3] - level[0]) / 2 * _LETTER_SHARE
        before = {text for text, *_ in _split(replace(line, letters=line.first))} if line.first else None
        for text, start, end, score, least in _split(line):
            a = middle_start + (middle_end - middle_start) * start
            b = middle_start + (middle_end - middle_start) * end
            quad = np.array([a - across, a + across, b - across, b + across]) / (new_width, new_height)
            x0, y0 = np.clip(quad.min(axis=0), 0, 1).tolist()
            x1, y1 = np.clip(quad.max(axis=0), 0, 1).tolist()
            if x1 > x0 and y1 > y0:
                disputed = before is not None and text not in before
                box = Box(x0, y0, x1, y1)
                words.append(Word(text, box, confidence=score, least=least, disputed=disputed))
    return number_lines(words, aspect=new_height / new_width)


def _split(line: _Line) -> list[tuple[str, float, float, float, float]]:
    """Cut a line into words: their text, start and end along the line (0..1), mean and lowest score of a letter."""
    half_letter = 0.3 * line.region.thickness / max(line.region.length, 1.0)
    inked = [letter for letter in line.letters if not letter.text.isspace()]
    steps = [after.place - before.place for before, after in pairwise(inked)]
    pitch = sorted(steps)[len(steps) // 2] if steps else 0.0
    # Looking for blanks costs more than all else here, and hardly any line steps so wide without a space.
    gaps = _wide_gaps(line.strip) if any(step > _WIDE * pitch for step in steps) else ()
    runs: list[list[Letter]] = [[]]
    spaced = False
    for letter in line.letters:
        if letter.text.isspace():
            spaced = True
            continue
        last = runs[-1][-1] if runs[-1] else None
        if last is not None:
            step = letter.place - last.place
            if spaced:
                # Typewriter letters leave so much room beside a point that "64.15" is read as "64. 15".
                parts = not (_within_figure(runs[-1], letter) and step < _TIGHT * pitch)
            else:
                parts = step > _WIDE * pitch and any(last.place < gap < letter.place for gap in gaps)
            if parts:
                runs.append([])
        runs[-1].append(letter)
        spaced = False
    return [
        (
            "".join(letter.text for letter in run),
            max(run[0].place - half_letter, 0.0),
            min(run[-1].place + half_letter, 1.0),
            sum(letter.score for letter in run) / len(run),
            min(letter.score for letter in run),
        )
        for run in runs
        if run
    ]


def _within_figure(run: Sequence[Letter], letter: Letter) -> bool:
    """Say whether a letter continues the figure that a run ends with: "64" + ".", "64." + "1"."""
    if letter.text == ".":
        return run[-1].text.isdigit()
    return letter.text.isdigit() and run[-1].text == "." and len(run) > 1 and run[-2].text.isdigit()


def _wide_gaps(strip: NDArray[np.uint8]) -> tuple[float, ...]:
    """Return where (0..1 along the strip) blank stretches lie that part words.

    The recogniser leaves out some spaces, mostly the wide ones between a label and its figure.
    """
    gray = np.minimum(np.minimum(strip[:, :, 0], strip[:, :, 1]), strip[:, :, 2])
    paper = int(
        np.searchsorted(np.bincount(gray.ravel(), minlength=256).cumsum(), gray.size / 2)
    )  # the median
    marked = np.abs(gray.astype(np.int16) - paper) > _INK_CONTRAST
    # Underlines and the rules of tables run through every gap: rows that are mostly ink do not count.
    marked[marked.mean(axis=1) > 0.6] = False
    # With ink assumed beyond both ends, every blank stretch has a start and an end.
    edges = np.flatnonzero(np.diff(marked.any(axis=0).astype(np.int8), prepend=1, append=1))
    blanks = edges.reshape(-1, 2).tolist()
    return tuple((left + right) / 2 / strip.shape[1] for left, right in blanks if right - left > _GAP_PIXELS)


def _levelling(width: int, height: int, skew: float) -> tuple[NDArray[np.float64], int, int]:
    """Return the 2 x 3 matrix that turns a picture by ``-skew`` degrees about its middle, and the new size."""
    cos, sin = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    new_width = round(width * cos + height * abs(sin)) if skew else width
    new_height = round(height * cos + width * abs(sin)) if skew else height
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = np.array([new_width / 2, new_height / 2]) - turn @ np.array([width / 2, height / 2])
    return np.hstack([turn, shift[:, None]]), new_width, new_height
