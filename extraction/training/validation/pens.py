"""Hands of the photographed forms: letters from handwriting fonts, digits from fonts or from real writers.

A sign is kept as a signed distance field (how far, in pixels, a point lies inside the stroke), so that one and the same
sign can be written large or small and with a fine or a broad pen without steps. What is given in folders and never
part of the repository: handwriting fonts that the first generator doesn't write with, and real digits
(docs/generator.md).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Plane = NDArray[np.float32]

PRINT_FACES = ("arimo", "tinos", "archivo-narrow", "oswald", "courier-prime", "libre-franklin", "roboto-slab")
"""Fonts in the folder that forms are printed in; every other one counts as a hand."""
TRAINED_HANDS = frozenset(
    """
    annie-use-your-telescope architects-daughter bad-script caveat caveat-brush cedarville-cursive
    covered-by-your-grace damion delicious-handrawn gaegu gloria-hallelujah gochi-hand handlee homemade-apple
    indie-flower kalam mansalva marck-script nanum-brush-script nanum-pen-script neucha patrick-hand permanent-marker
    playpen-sans reenie-beanie rock-salt schoolbell shadows-into-light short-stack sriracha sue-ellen-francisco
    swanky-and-moo-moo yomogi zen-kurenaido
    """.split()
)
"""Hands that readers are trained on: in the folder they are passed over."""
SECOND_HALF = 5000
"""From this single digit on, other people wrote them than those that readers are trained on."""
_TALL = 110  # height in pixels at which digits are kept
_PAD = 14
_SUFFIX = "-latin-400-normal.woff"


@dataclass(frozen=True, slots=True, eq=False)
class Sign:
    """One sign of a hand.

    ``field`` is its distance field, float32, positive inside the stroke; ``base`` the row of the line it stands on,
    ``bearing`` the column where the pen starts and ``advance`` how far it moves on; ``half`` half the width of the
    stroke. All in pixels.
    """

    field: Plane
    base: float
    bearing: float
    advance: float
    half: float


@dataclass(frozen=True, slots=True)
class Written:
    """A line as it was written: ``ink`` (h, w), 0..1; where in it the line stands (``base``) and begins (``left``)."""

    ink: Plane
    base: int
    left: int
    width: int


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A real digit, gray (h, w), 255 is ink, with what its writer's style shows in: slant, pen, width."""

    pixels: NDArray[np.uint8]
    style: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """Everything hands are made of: paths of hand and print fonts, and real digits by source and digit."""

    hands: tuple[Path, ...]
    prints: Mapping[str, Path]
    real: Mapping[str, Mapping[str, Sequence[Exemplar]]] = field(repr=False)


def font_files(folder: Path) -> tuple[Path, ...]:
    """Return the fonts of a folder, Latin and regular, as npm's @fontsource packages or as plain files, by name."""
    found = {p.name.removesuffix(_SUFFIX): p for p in folder.rglob(f"*{_SUFFIX}")}
    found |= {p.stem.lower(): p for p in folder.rglob("*") if p.suffix.lower() in (".ttf", ".otf")}
    return tuple(found[name] for name in sorted(found))


def _name(path: Path) -> str:
    return path.name.removesuffix(_SUFFIX) if path.name.endswith(_SUFFIX) else path.stem.lower()


def material_digest(fonts: Path | None, digits: Path | None) -> str:
    """Return twelve hex digits that tell the fonts and digits of two runs apart.

    :raises ValueError: if a folder is missing or holds nothing to write with; the message says what to give.
    """
    if fonts is None or not fonts.is_dir():
        raise ValueError(
            "Photographed forms need handwriting fonts: give --fonts a folder with @fontsource packages, "
            "as docs/generator.md says."
        )
    if digits is None or not digits.is_dir():
        raise ValueError(
            "Photographed forms need real digits: give --digits the folder with amounts.jsonl and the t10k files."
        )
    files = font_files(fonts)
    if not any(_is_hand(path) for path in files):
        raise ValueError(f"{fonts} holds no handwriting font that readers aren't trained on already.")
    needed = [digits / n for n in ("amounts.jsonl", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")]
    if missing := [path.name for path in needed if not path.is_file()]:
        raise ValueError(f"{digits} lacks {', '.join(missing)}: give --digits the folder of real digits.")
    digest = hashlib.sha256()
    for path in (*files, *needed):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _is_hand(path: Path) -> bool:
    key = _key(_name(path).split("[")[0])
    return _name(path) not in PRINT_FACES and key not in {_key(name) for name in TRAINED_HANDS}


def _key(name: str) -> str:
    return name.replace("-", "").removesuffix("regular")


@cache
def load_material(fonts: Path, digits: Path) -> Material:
    """Load what `material_digest` has found to be there."""
    files = font_files(fonts)
    prints = {_name(path): path for path in files if _name(path) in PRINT_FACES}
    real = {"single": _singles(digits), "amounts": _from_amounts(digits)}
    return Material(tuple(path for path in files if _is_hand(path)), prints, real)


def _singles(folder: Path) -> dict[str, list[Exemplar]]:
    pixels = np.frombuffer(
        gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
    ).reshape(-1, 28, 28)[SECOND_HALF:]
    labels = np.frombuffer(
        gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )[SECOND_HALF:]
    found: dict[str, list[Exemplar]] = {d: [] for d in "0123456789"}
    for image, label in zip(pixels, labels, strict=True):
        found[str(int(label))].append(Exemplar(image, _style(image)))
    return found


def _from_amounts(folder: Path) -> dict[str, list[Exemplar]]:
    """Cut the digits out of the amounts' test split, ink on clean paper."""
    found: dict[str, list[Exemplar]] = {d: [] for d in "0123456789"}
    for line in (folder / "amounts.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        gray = cv2.imread(str(folder / row["file"]), cv2.IMREAD_GRAYSCALE) if row["split"] == "test" else None
        if gray is None or len(row["boxes"]) != len(row["text"]):
            continue
        paper = cv2.medianBlur(gray, 31 if min(gray.shape) > 31 else 15)
        ink = np.clip(paper.astype(np.int16) - gray, 0, 255).astype(np.uint8)
        for digit, (x, y, w, h) in zip(row["text"], row["boxes"], strict=True):
            cut = ink[max(y - 1, 0) : y + h + 1, max(x - 1, 0) : x + w + 1]
            if min(cut.shape, default=0) < 6:
                continue
            level = max(float(np.percentile(cut, 97)), 30.0)
            strong: NDArray[np.uint8] = np.clip(cut.astype(np.float32) * (255 / level), 0, 255).astype(
                np.uint8
            )
            mask: NDArray[np.uint8] = (strong > 110).astype(np.uint8)
            count, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
            if count < 2:
                continue
            # Only what is large: specks and the neighbours' ends are left out.
            most = max(stats[1:, cv2.CC_STAT_AREA])
            keep = np.isin(parts, [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] > 0.3 * most])
            near = cv2.dilate(keep.astype(np.uint8), np.ones((3, 3), np.uint8))
            clean = (strong * near).astype(np.uint8)
            found[digit].append(Exemplar(clean, _style(clean)))
    return found


def _style(image: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return slant (columns a row), half stroke and width, the last two as shares of the digit's height."""
    ys, xs = np.nonzero(image > 110)
    if len(ys) < 8:
        return 0.0, 0.1, 0.6
    tall = float(ys.max() - ys.min() + 1)
    dy = ys - ys.mean()
    slant = -float((dy * (xs - xs.mean())).sum() / max(float((dy * dy).sum()), 1.0))
    mask = image > 110
    edge = int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())
    return slant, len(ys) / max(edge, 1) / tall, float(xs.max() - xs.min() + 1) / tall


def _distance(mask: Plane) -> Plane:
    """Return the distance field of a soft mask; around its edge the mask's own softness tells fractions of a pixel."""
    hard = (mask > 0.5).astype(np.uint8)
    inside = cv2.distanceTransform(hard, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - hard, cv2.DIST_L2, 5)
    return np.asarray(cv2.GaussianBlur(inside - outside, (0, 0), 1.0), np.float32)


def _half_stroke(distance: Plane) -> float:
    """Return half the width of the stroke: its area by the length of its two edges."""
    edge = int(((distance > 0) & (distance <= 1)).sum())
    return max(float((distance > 0).sum()) / max(edge, 1), 1.5)


def real_sign(exemplar: Exemplar) -> Sign:
    """Return a real digit enlarged without steps: cubic, softened, then cut at its edge."""
    image = exemplar.pixels
    ys, xs = np.nonzero(image > 60)
    cut = image[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].astype(np.float32) / 255
    cut = np.pad(cut, 2)
    scale = _TALL / max(cut.shape[0] - 4, 6)
    large = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(large, (0, 0), 0.42 * scale)
    large = np.pad(large, _PAD)
    distance = _distance(np.asarray(large, np.float32))
    top = _PAD + 2 * scale
    return Sign(distance, top + _TALL, top, large.shape[1] - 2 * top + 0.22 * _TALL, _half_stroke(distance))


@dataclass(slots=True)
class Letters:
    """The signs of one handwriting font, scaled so that its digits are all of one height."""

    path: Path
    _signs: dict[str, Sign | None] = field(default_factory=dict)
    _font: ImageFont.FreeTypeFont | None = None
    _half: float = 0.0

    def _opened(self) -> ImageFont.FreeTypeFont:
        if self._font is None:
            trial = ImageFont.truetype(str(self.path), 200)
            heights = [b[3] - b[1] for d in "0123456789" if (b := trial.getbbox(d, anchor="ls"))]
            self._font = ImageFont.truetype(
                str(self.path), round(200 * _TALL / max(float(np.median(heights)), 20))
            )
        return self._font

    def sign(self, char: str) -> Sign | None:
        """Return one sign; None if the font doesn't have it."""
        if char not in self._signs:
            self._signs[char] = self._drawn(char)
        return self._signs[char]

    def _traced(self, char: str) -> tuple[Plane, float, float, float] | None:
        """Return a sign's distance field, where in it the line stands and the pen starts, and its advance."""
        font = self._opened()
        x0, y0, x1, y1 = font.getbbox(char, anchor="ls")
        if x1 <= x0 or y1 <= y0:
            return None
        image = Image.new("L", (int(x1 - x0) + 2 * _PAD, int(y1 - y0) + 2 * _PAD))
        ImageDraw.Draw(image).text((_PAD - x0, _PAD - y0), char, 255, font, anchor="ls")
        distance = _distance(np.asarray(np.asarray(image, np.float32) / 255, np.float32))
        return distance, _PAD - float(y0), _PAD - float(x0), font.getlength(char)

    def _drawn(self, char: str) -> Sign | None:
        traced = self._traced(char)
        if traced is None:
            return None
        if not self._half:  # one pen wrote them all
            digits = [t[0] for d in "0235689" if (t := self._traced(d))]
            self._half = float(np.median([_half_stroke(distance) for distance in digits or [traced[0]]]))
        return Sign(*traced, self._half)


@cache
def letters_of(path: Path) -> Letters:
    """Return the signs of a font, drawn as they are asked for and then kept."""
    return Letters(path)


INKS: Mapping[str, tuple[int, int, int]] = {
    "blue": (38, 52, 128), "bright blue": (28, 58, 170), "black": (38, 37, 42), "deep black": (18, 18, 22),
    "navy": (30, 34, 84), "pencil": (96, 96, 100), "red": (178, 34, 40), "carbon": (84, 84, 158),
}  # fmt: skip


@dataclass(slots=True)
class Hand:
    """One person with one pen.

    ``pen`` is the width of the stroke in millimetres; ``slant`` is added to the letters' own (columns a row),
    ``wander`` says how much the line rises and falls, ``jitter`` how much signs differ from one time to the next.
    ``digits`` maps each digit to the ways in which this writer writes it; empty where the font's are taken.
    """

    letters: Letters
    digits: Mapping[str, Sequence[Sign]]
    ink: tuple[int, int, int]
    pen: float
    slant: float
    wander: float
    jitter: float
    squeeze: float
    stretch: float
    density: float
    skips: float
    capitals: bool
    kind: str

    @property
    def real(self) -> bool:
        return bool(self.digits)

    def _sign(self, char: str, rng: Random) -> Sign | None:
        if char in self.digits:
            ways = self.digits[char]
            return ways[min(int(rng.expovariate(1.4)), len(ways) - 1)]
        found = self.letters.sign(char)
        if found is None and ord(char) > 126:
            plain = unicodedata.normalize("NFD", char)[0]
            found = self.letters.sign(plain)
        return found

    def _wider(self, sign: Sign) -> float:
        return 1.0 if any(sign in ways for ways in self.digits.values()) else self.stretch

    def _step(self, sign: Sign) -> float:
        return sign.advance * self.squeeze * self._wider(sign)

    def measure(self, text: str, height: float) -> float:
        """Return about how wide a line of text becomes, in the unit of its height."""
        rng, wide = Random(0), 0.0  # noqa: S311
        for part, small in _runs(text.upper() if self.capitals else text):
            for char in part:
                sign = None if char == " " else self._sign(char, rng)
                step = self._step(sign) / _TALL if sign else 0.5 * self.squeeze
                wide += step * height * (0.6 if small else 1.0)
        return wide

    def write(self, text: str, height: float, scale: float, rng: Random) -> Written:
        """Write one line of text.

        ``{50}`` writes what is in braces small, raised and underlined, as cents are.

        :param height: of the digits, in pixels.
        :param scale: pixels a millimetre.
        """
        noise = np.random.default_rng(rng.getrandbits(60))
        runs = _runs(text.upper() if self.capitals else text)
        room = round(self.measure(text, height) * 1.3 + height * 4)
        tall, base = round(height * 3.4), round(height * 2.1)
        line = np.full((tall, room), -40.0, np.float32)
        x = height * 0.9
        drift, phase = rng.uniform(-0.02, 0.02) * self.wander, rng.uniform(0, 6.28)
        begin, underlines = x, []
        for part, small in runs:
            size = height * (0.6 if small else 1.0)
            start = x
            for char in part:
                if char == " ":
                    x += size * rng.uniform(0.38, 0.62) * self.squeeze
                    continue
                sign = self._sign(char, rng)
                if sign is None:
                    continue
                s = size / _TALL * rng.gauss(1.0, 0.055 * self.jitter)
                rise = height * (
                    drift * (x - begin) / height + 0.035 * self.wander * np.sin(phase + x / height)
                )
                y = base - rise + rng.gauss(0, 0.03 * self.jitter) * height - (height * 0.46 if small else 0)
                self._place(line, sign, x, y, s, scale, rng)
                x += self._step(sign) * s * rng.gauss(1.0, 0.05 * self.jitter)
            if small:
                underlines.append((start, x, base - height * rng.uniform(0.18, 0.32)))
        ink = self._inked(line, height, scale, noise, [(a, b, c) for a, b, c in underlines])
        columns = np.flatnonzero(ink.max(axis=0) > 0.2)
        first, last = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 1)
        return Written(ink, base, first, last - first)

    def _place(
        self, line: Plane, sign: Sign, x: float, y: float, s: float, scale: float, rng: Random
    ) -> None:
        """Draw a sign into the line's distance field, slanted and turned a little."""
        turn, slant = rng.gauss(0, 0.028 * self.jitter), self.slant + rng.gauss(0, 0.035 * self.jitter)
        sx = s * rng.gauss(1.0, 0.05 * self.jitter) * self._wider(sign)
        a, b, c, d = sx, -slant * s, turn * sx, s
        matrix = np.array(
            [[a, b, x - a * sign.bearing - b * sign.base], [c, d, y - c * sign.bearing - d * sign.base]],
            np.float32,
        )
        high, wide = sign.field.shape
        corners = np.array([[0, 0, 1], [wide, 0, 1], [0, high, 1], [wide, high, 1]], np.float32) @ matrix.T
        x0, y0 = np.floor(corners.min(axis=0)).astype(int)
        x1, y1 = np.ceil(corners.max(axis=0)).astype(int)
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, line.shape[1]), min(y1, line.shape[0])
        if x1 <= x0 or y1 <= y0:
            return
        matrix[:, 2] -= (x0, y0)
        moved = cv2.warpAffine(
            sign.field,
            matrix,
            (int(x1 - x0), int(y1 - y0)),
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=-60.0,
        )
        wanted = self.pen * scale / 2
        half = sign.half * s
        change = max(wanted - half, -0.62 * half)
        part = line[y0:y1, x0:x1]
        np.maximum(part, moved * s + change, out=part)

    def _inked(
        self,
        line: Plane,
        height: float,
        scale: float,
        noise: np.random.Generator,
        underlines: Sequence[tuple[float, float, float]],
    ) -> Plane:
        """Bend the line, let the pressure come and go, and turn its distance field into ink."""
        for x0, x1, y in underlines:
            ys = np.abs(np.arange(line.shape[0], dtype=np.float32)[:, None] - y)
            a, b = max(int(x0), 0), min(int(x1), line.shape[1])
            np.maximum(line[:, a:b], self.pen * scale / 2 - ys, out=line[:, a:b])
        tall, wide = line.shape

        def waves(step: float, strength: float) -> Plane:
            few = noise.normal(0, strength, (max(3, round(tall / step)), max(3, round(wide / step))))
            return np.asarray(
                cv2.resize(few.astype(np.float32), (wide, tall), interpolation=cv2.INTER_CUBIC), np.float32
            )

        bend = 0.03 * height * self.jitter
        ys, xs = np.mgrid[0:tall, 0:wide].astype(np.float32)
        line = np.asarray(
            cv2.remap(
                line,
                xs + waves(0.55 * height, bend),
                ys + waves(0.55 * height, bend),
                cv2.INTER_LINEAR,
                borderValue=-40.0,
            ),
            np.float32,
        )
        line = line + waves(0.8 * height, 0.045 * self.pen * scale)
        ink = np.clip(line + 0.5, 0, 1)
        strength = self.density + waves(0.35 * height, 0.07)
        if self.skips:
            strength -= np.clip(waves(0.14 * height, 1.0) - 2.2 + self.skips, 0, 0.7)
        if self.kind in ("pencil", "carbon"):
            grain = cv2.GaussianBlur(noise.normal(0, 1, (tall, wide)).astype(np.float32), (0, 0), 0.9)
            strength += grain * (0.42 if self.kind == "pencil" else 0.3)
        return np.asarray(ink * np.clip(strength, 0.0, 1.0), np.float32)


def _runs(text: str) -> list[tuple[str, bool]]:
    """Part a text into what stands on the line and what is written small and raised."""
    found: list[tuple[str, bool]] = []
    for piece in text.replace("{", "\0{").replace("}", "\0").split("\0"):
        if piece:
            found.append((piece[1:], True) if piece.startswith("{") else (piece, False))
    return found


def plain(text: str) -> str:
    """Return a text to write as it reads: ``680{50}`` is ``680 50``."""
    return text.replace("{", " ").replace("}", "").strip()


def choose_hand(
    material: Material, rng: Random, *, real: bool, carbon: bool = False, copied: bool = False
) -> Hand:
    """Choose a person and a pen.

    :param real: digits of a real writer, approximated by real digits of nearly one slant, pen and width.
    :param carbon: the page is a carbon copy; ``copied``: a photocopy, so that the ink is black.
    """
    kind = "carbon" if carbon else rng.choices(("ballpoint", "gel", "felt", "pencil"), (62, 22, 10, 6))[0]
    pen = {
        "ballpoint": rng.uniform(0.38, 0.6), "gel": rng.uniform(0.5, 0.75), "felt": rng.uniform(0.65, 0.9),
        "pencil": rng.uniform(0.4, 0.7), "carbon": rng.uniform(0.5, 0.75),
    }[kind]  # fmt: skip
    ink = {
        "pencil": "pencil",
        "carbon": "carbon",
        "felt": rng.choice(("deep black", "black", "navy")),
    }.get(kind) or rng.choices(("blue", "bright blue", "black", "deep black", "navy"), (30, 18, 28, 10, 14))[
        0
    ]
    digits: dict[str, list[Sign]] = {}
    if real:
        source = rng.choices(("single", "amounts"), (72, 28))[0]
        bank = material.real[source]
        if any(not bank[d] for d in "0123456789"):
            bank = material.real["single"]
        slant, half, width = rng.choice(bank[rng.choice("2345")]).style
        for digit, several in bank.items():
            near = sorted(
                several,
                key=lambda e: (
                    abs(e.style[0] - slant) * 3 + abs(e.style[1] - half) * 12 + abs(e.style[2] - width) * 0.5
                ),
            )[: 24 if source == "single" else 6]
            digits[digit] = [real_sign(e) for e in rng.sample(near, min(3, len(near)))]
    colour = INKS["black" if copied else ink]
    shade = rng.uniform(0.85, 1.15)
    letters = letters_of(rng.choice(material.hands))
    narrow = float(
        np.median([sign.advance / _TALL for d in "23456789" if (sign := letters.sign(d))] or [0.6])
    )
    return Hand(
        letters=letters,
        digits=digits,
        ink=tuple(min(255, round(c * shade)) for c in colour),  # type: ignore[arg-type]
        pen=pen,
        slant=rng.gauss(0.02, 0.1),
        wander=rng.uniform(0.4, 2.0),
        jitter=rng.uniform(0.5, 1.7),
        squeeze=rng.uniform(0.86, 1.12),
        stretch=min(max(0.62 / narrow, 1.0), 1.6),  # very narrow fonts would run together under a real pen
        density={"pencil": 0.62, "carbon": rng.uniform(0.5, 0.85), "felt": 0.96}.get(
            kind, rng.uniform(0.8, 0.97)
        ),
        skips=rng.uniform(0.0, 0.9) if kind == "ballpoint" and rng.random() < 0.45 else 0.0,
        capitals=rng.random() < 0.28,
        kind=kind,
    )
