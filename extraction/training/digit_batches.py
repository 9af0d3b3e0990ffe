"""What the digit reader's network is shown: strips kept in files, gathered where it learns and varied anew there.

A strip is drawn once and shown many times, each time slanted, stretched, bent, fuller, softer, fainter or grainier.
All of that runs on whole batches in torch, so that it takes a graphics processor no time and a processor little.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from extraction.reading.digits import HEIGHT, SIGNS, STRIDE

LONGEST: Final = 24
"""Signs of the longest text that a strip may have."""
_NARROWEST, _WIDEST = 32, 1216  # what the reader makes of a strip is never outside these
_EVEN: Final = 32  # batches are filled up to a multiple of this width: few shapes, each prepared for once
_SORTED: Final = 20  # so many batches' strips are sorted by width together


@dataclass(slots=True)
class Example:
    """A prepared strip, shape (HEIGHT, w), ink from 0 to 255, and what it says.

    ``digits_only`` where the signs between digits are not told.
    """

    ink: np.ndarray
    text: str
    digits_only: bool


@dataclass(frozen=True, slots=True)
class Strips:
    """Many examples in one piece: their ink side by side, shape (HEIGHT, sum of widths), 0 to 255."""

    ink: np.ndarray
    widths: np.ndarray
    texts: list[str]
    digits_only: list[bool]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Strips:
        """Put examples side by side."""
        return cls(
            np.concatenate([e.ink for e in examples], axis=1),
            np.array([e.ink.shape[1] for e in examples]),
            [e.text for e in examples],
            [e.digits_only for e in examples],
        )

    def examples(self) -> list[Example]:
        """Return the examples one by one."""
        ends = np.cumsum(self.widths)
        return [
            Example(np.ascontiguousarray(self.ink[:, end - width : end]), text, digits_only)
            for width, end, text, digits_only in zip(
                self.widths, ends, self.texts, self.digits_only, strict=True
            )
        ]

    def save(self, path: Path) -> None:
        """Write the strips to a file, whole or not at all."""
        new = path.with_suffix(".new.npz")
        told = json.dumps(list(zip(self.texts, self.digits_only, strict=True)))
        np.savez(new, widths=self.widths, ink=self.ink, told=told)
        new.replace(path)

    @classmethod
    def load(cls, path: Path) -> Strips:
        """Read strips from a file."""
        with np.load(path) as stored:
            told = json.loads(str(stored["told"]))
            return cls(
                stored["ink"], stored["widths"], [text for text, _ in told], [only for _, only in told]
            )


@dataclass(frozen=True, slots=True)
class Batch:
    """Strips of about one width, filled up on the right, with what they say.

    :ivar ink: (B, 1, HEIGHT, w), from 0 to 1.
    :ivar steps: how many answers each strip has, (B,), on the processor.
    :ivar signs: what each says as 1 + the place in SIGNS, (B, LONGEST), nought behind its end.
    :ivar lengths: how many signs each has, (B,), on the processor.
    :ivar digits_only: whether the signs between digits are not told, (B,).
    """

    ink: torch.Tensor
    steps: torch.Tensor
    signs: torch.Tensor
    lengths: torch.Tensor
    digits_only: torch.Tensor


class Pool:
    """Strips on the device that learns, column after column.

    :param device: where they lie.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._columns = torch.zeros((0, HEIGHT), dtype=torch.uint8, device=device)
        self._signs = torch.zeros((0, LONGEST), dtype=torch.long, device=device)
        self._digits_only = torch.zeros(0, dtype=torch.bool, device=device)
        self._starts = np.zeros(0, np.int64)
        self._widths = np.zeros(0, np.int64)
        self._lengths = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._widths)

    def add(self, portions: Sequence[Strips]) -> None:
        """Take strips in."""
        columns, signs, digits_only = [self._columns], [self._signs], [self._digits_only]
        for strips in portions:
            begin = sum(len(c) for c in columns)
            self._starts = np.concatenate([self._starts, begin + np.cumsum(strips.widths) - strips.widths])
            self._widths = np.concatenate([self._widths, strips.widths])
            self._lengths = np.concatenate([self._lengths, [len(text) for text in strips.texts]])
            columns.append(torch.from_numpy(strips.ink).to(self._device).t())
            signs.append(torch.from_numpy(_numbered(strips.texts)).to(self._device))
            digits_only.append(torch.tensor(strips.digits_only, device=self._device))
        self._columns, self._signs = torch.cat(columns), torch.cat(signs)
        self._digits_only = torch.cat(digits_only)

    def shown(self, chosen: np.ndarray) -> Batch:
        """Return a batch of the strips with these numbers, as they are."""
        widths = self._widths[chosen]
        where = torch.from_numpy(chosen).to(self._device)
        starts = torch.from_numpy(self._starts[chosen]).to(self._device)
        across = torch.arange(_filled(int(widths.max())), device=self._device)
        inside = across < torch.from_numpy(widths).to(self._device)[:, None]
        columns = self._columns[torch.where(inside, starts[:, None] + across, 0)]
        ink = torch.where(inside[:, :, None], columns, 0).transpose(1, 2)[:, None].float() / 255
        return Batch(
            ink,
            torch.from_numpy(widths // STRIDE),
            self._signs[where],
            torch.from_numpy(self._lengths[chosen]),
            self._digits_only[where],
        )

    def batches(self, count: int, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Give batches of strips of about one width, in any order of widths, each strip varied."""
        generator = torch.Generator(self._device).manual_seed(int(rng.integers(0, 2**62)))
        for begin in range(0, count, _SORTED):
            some = min(_SORTED, count - begin)
            chosen = rng.integers(0, len(self), some * size)
            chosen = chosen[np.argsort(self._widths[chosen], kind="stable")].reshape(some, size)
            for row in rng.permutation(some):
                yield varied(self.shown(chosen[row]), rng, generator)


def batch_of(examples: Sequence[Example], device: torch.device | None = None) -> Batch:
    """Return examples as one batch, as they are."""
    pool = Pool(device or torch.device("cpu"))
    pool.add([Strips.of(examples)])
    return pool.shown(np.arange(len(examples)))


def _numbered(texts: Sequence[str]) -> np.ndarray:
    signs = np.zeros((len(texts), LONGEST), np.int64)
    for row, text in enumerate(texts):
        signs[row, : len(text)] = [1 + SIGNS.index(sign) for sign in text]
    return signs


def _filled(width: int) -> int:
    return -(-width // _EVEN) * _EVEN


def varied(batch: Batch, rng: np.random.Generator, generator: torch.Generator) -> Batch:
    """Return the strips slanted, stretched, shifted and bent, with another pen, softer, fainter or grainier.

    :param rng: draws the widths; ``generator`` draws everything else, on the strips' device.
    """
    device = batch.ink.device
    count, _, height, width = batch.ink.shape
    before = STRIDE * batch.steps
    stretch = torch.from_numpy(rng.uniform(0.8, 1.22, count))
    after = (STRIDE * (before * stretch / STRIDE).round()).long().clamp(_NARROWEST, _WIDEST)
    stretch = (after / before).float().to(device)[:, None, None]
    middle_x = (after.float() / 2).to(device)[:, None, None]
    wide = _filled(int(after.max()))

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand((count, 1, 1), generator=generator, device=device)

    def normal(spread: float) -> torch.Tensor:
        return spread * torch.randn((count, 1, 1), generator=generator, device=device)

    def sometimes(share: float) -> torch.Tensor:
        return (torch.rand((count, 1, 1), generator=generator, device=device) < share).float()

    # Where each pixel of the new strip comes from.
    across = torch.arange(wide, device=device, dtype=torch.float32)[None, None, :]
    down = torch.arange(height, device=device, dtype=torch.float32)[None, :, None] - (height - 1) / 2
    y = (down - normal(1.2)) / uniform(0.86, 1.12) - normal(0.014) * (across - middle_x)
    x = across / stretch + normal(0.1) * y
    # Bent everywhere a little differently: cells of about half a digit.
    cells = torch.randn((count, 2, 4, max(3, wide // 15)), generator=generator, device=device)
    bend = functional.interpolate(cells, (height, wide), mode="bicubic", align_corners=True)
    bend = bend * (uniform(0.2, 1.7) * sometimes(0.6))[:, None]
    grid = torch.stack(
        [
            (x + bend[:, 0]) * (2 / (width - 1)) - 1,
            (y + bend[:, 1]) * (2 / (height - 1)),
        ],
        dim=3,
    )
    ink = functional.grid_sample(batch.ink, grid, mode="bilinear", padding_mode="zeros", align_corners=True)[
        :, 0
    ]
    # Pens: drawn towards the darkest or the lightest of the neighbours, strokes get thicker or thinner.
    pen = uniform(-0.6, 0.8) * sometimes(0.45)
    fuller = functional.max_pool2d(ink, 3, 1, 1)
    thinner = -functional.max_pool2d(-ink, 3, 1, 1)
    ink = ink + pen.clamp(min=0) * (fuller - ink) + (-pen).clamp(min=0) * (thinner - ink)
    ink = ink + uniform(0.2, 1.0) * sometimes(0.3) * (_soft(ink) - ink)
    ink = ink.clamp(0, 1) ** (1 + uniform(-0.35, 0.5) * sometimes(0.35)) * uniform(0.6, 1.5)
    grain = torch.randn(ink.shape, generator=generator, device=device)
    ink = ink + grain * (uniform(0.0, 0.055) * sometimes(0.35))
    return Batch(ink.clamp(0, 1)[:, None], after // STRIDE, batch.signs, batch.lengths, batch.digits_only)


def _soft(ink: torch.Tensor) -> torch.Tensor:
    """Return (B, h, w) blurred by a Gaussian of 1.2 pixels."""
    taps = torch.exp(-0.5 * (torch.arange(-3.0, 4.0, device=ink.device) / 1.2) ** 2)
    taps = taps / taps.sum()
    soft = functional.conv2d(ink[:, None], taps[None, None, :, None], padding=(3, 0))
    return functional.conv2d(soft, taps[None, None, None, :], padding=(0, 3))[:, 0]
