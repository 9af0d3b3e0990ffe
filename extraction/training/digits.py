"""Train the digit reader's network on real and simulated strips, weigh it against the recogniser and export it.

    python -m extraction.training.digits DATA --fonts FONTS --cache CACHE [--minutes 20] [--seed 1]

DATA is the folder of real hand-written digits (docs/training.md), FONTS any folder with handwriting fonts below it.
The real amounts' test split and the second half of the single digits are never looked at. Strips are drawn once
and kept in the cache; a checkpoint is written after each round, and the same command goes on from it. What is written
to ``extraction/weights/digits.onnx`` needs onnxruntime only.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import inspect
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from extraction.evaluation.digits import HELD_DIGITS, is_held_back
from extraction.reading import digits
from extraction.reading.digits import (
    HEIGHT,
    SIGNS,
    STRIDE,
    UNSURE,
    Candidate,
    Weighing,
    candidates,
    log_probabilities,
    odd_slashes,
    prepared,
    recogniser_digest,
    recogniser_steps,
    weighed,
)
from extraction.reading.weights import file_digest
from extraction.training import digit_strips, strokes
from extraction.training.digit_strips import Sources, simulated, spliced
from extraction.training.exporting import drop_notes

WEIGHTS: Final = Path(__file__).resolve().parent.parent / "weights"
BLANK: Final = 0
_BATCH: Final = 64
_ROUND: Final = 150
"""Batches between two looks at the strips held back."""
_PORTION, _PORTIONS = 3000, 20
"""Strips are drawn once, in portions that are kept, so that another process can draw while one learns."""
_PEAK_RATE: Final = 2e-3
_FIRST_HALF: Final = 5000  # of the single digits; the other half has other writers and is for scoring
_HELD_FONT: Final = 8  # every eighth font is held back
_HELD_STRIPS: Final = 300
_AT_FIRST: Final = 2  # portions that training waits for
# Shares of the strips: real amounts as they are, real amounts put together anew; the rest is simulated.
_REAL, _SPLICED = 0.17, 0.2


class DigitReader(nn.Module):
    """Ink to signs: (B, 1, HEIGHT, w) in, (B, w / STRIDE, 1 + len(SIGNS)) logits out.

    Convolutions that halve the height five times and the width twice; what is left of a column's height becomes one
    vector, and convolutions along the line, ever wider apart, let neighbours explain each other.
    """

    def __init__(self, channels: Sequence[int] = (24, 48, 96, 128), width: int = 192) -> None:
        super().__init__()
        a, b, c, d = channels
        self.look = nn.Sequential(
            _seen(1, a, 5, 2), _seen(a, b, 3, 2), _seen(b, b, 3, 1), _seen(b, c, 3, (2, 1)), _seen(c, c, 3, 1),
            _seen(c, d, 3, (2, 1)), _seen(d, d, 3, 1),
        )  # fmt: skip
        self.column = nn.Conv1d(d * HEIGHT // 16, width, 1)
        self.think = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=apart, dilation=apart) for apart in (1, 2, 4)
        )
        self.drop = nn.Dropout(0.15)
        self.tell = nn.Conv1d(width, 1 + len(SIGNS), 1)

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        line = functional.relu(self.column(self.look(ink).flatten(1, 2)))
        for step in self.think:
            line = line + functional.relu(step(line))
        told: torch.Tensor = self.tell(self.drop(line))
        return told.transpose(1, 2)


def _seen(inner: int, outer: int, size: int, stride: int | tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, size, stride, size // 2, bias=False), nn.BatchNorm2d(outer), nn.ReLU()
    )


@dataclass(slots=True)
class Real:
    """A real amount: gray pixels, its digits (signs between them are on the picture but not told), their boxes."""

    pixels: np.ndarray
    text: str
    boxes: list[list[int]]


def load_amounts(folder: Path) -> tuple[list[Real], list[Real]]:
    """Return the real amounts of the train split, to learn from and held back."""
    learned: list[Real] = []
    held: list[Real] = []
    for line in (folder / "amounts.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["split"] != "train":
            continue
        pixels = cv2.imread(str(folder / row["file"]), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise FileNotFoundError(f"{folder / row['file']} is missing or no picture.")
        (held if is_held_back(row["file"]) else learned).append(
            Real(np.asarray(pixels), row["text"], row["boxes"])
        )
    return learned, held


def load_digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the first half of the single digits: pictures (n, 28, 28) and what they are."""
    pixels = np.frombuffer(
        gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
    )
    labels = np.frombuffer(
        gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )
    return pixels.reshape(-1, 28, 28)[:_FIRST_HALF], labels[:_FIRST_HALF]


def by_digit(pixels: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    return [pixels[labels == digit] for digit in range(10)]


def fonts_in(folder: Path) -> list[Path]:
    """Return the Latin regular cuts of the fonts below a folder, one file for each font."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.name.lower()
        if path.suffix.lower() not in {".ttf", ".otf", ".woff", ".woff2"}:
            continue
        if ".woff" in path.suffix.lower() and "-latin-400-normal" not in name:
            continue
        found.setdefault(path.stem, path)
    return list(found.values())


def bent(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Slant, stretch, turn and light a strip anew."""
    h, w = pixels.shape
    slant, turn = float(rng.normal(0, 0.14)), float(rng.normal(0, 0.015))
    sx, sy = float(rng.uniform(0.75, 1.3)), float(rng.uniform(0.85, 1.15))
    wide, tall = max(8, round(w * sx)), max(8, round(h * sy))
    matrix = np.array(
        [[sx, -slant * sx, slant * sx * h / 2], [turn * sy, sy, -turn * sy * w / 2]], np.float32
    )
    if rng.random() < 0.5:  # another crop
        matrix[:, 2] += rng.normal(0, 0.03 * h, 2)
    out: np.ndarray = cv2.warpAffine(pixels, matrix, (wide, tall), borderMode=cv2.BORDER_REPLICATE)
    out = out.astype(np.float32)
    if rng.random() < 0.25:
        cells = rng.normal(0, 1.0, (2, 3, max(3, wide // 30))).astype(np.float32)
        x, y = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(tall, dtype=np.float32))
        moved = [cv2.resize(c, (wide, tall), interpolation=cv2.INTER_CUBIC) for c in cells]
        out = cv2.remap(out, x + moved[0], y + moved[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.3:
        # Pens: the darkest or the lightest of the neighbours makes strokes thicker or thinner.
        kernel = np.ones((2, 2), np.uint8)
        out = cv2.erode(out, kernel) if rng.random() < 0.5 else cv2.dilate(out, kernel)
    if rng.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.4, 1.1)))
    if rng.random() < 0.5:
        out = 255 * (np.clip(out, 0, 255) / 255) ** float(rng.uniform(0.6, 1.6))
    if rng.random() < 0.4:
        out = out + rng.normal(0, float(rng.uniform(1, 8)), out.shape)
    return np.clip(out, 0, 255).astype(np.uint8)


@dataclass(slots=True)
class Example:
    """A prepared strip, shape (HEIGHT, w), ink from 0 to 255, and what it says.

    ``digits_only`` where the signs between digits are not told.
    """

    ink: np.ndarray
    text: str
    digits_only: bool


def blank_strip(rng: np.random.Generator) -> np.ndarray:
    """Return paper on which nothing is written, or only a line of the form."""
    h, w = int(rng.integers(30, 70)), int(rng.integers(50, 240))
    page = np.full((h, w), float(rng.uniform(120, 250))) + rng.normal(0, float(rng.uniform(1, 9)), (h, w))
    page *= 1 - np.linspace(0, float(rng.uniform(-0.3, 0.3)), w)[None, :]
    if rng.random() < 0.6:
        y = int(rng.integers(0, h))
        page[y : y + 2] *= float(rng.uniform(0.3, 0.8))
    if rng.random() < 0.4:
        x = int(rng.integers(0, 5))
        page[:, x : x + 2] *= float(rng.uniform(0.3, 0.8))
    return np.clip(cv2.GaussianBlur(page, (0, 0), 0.8), 0, 255).astype(np.uint8)


def drawn_examples(
    real: Sequence[Real], sources: Sources, count: int, rng: np.random.Generator
) -> list[Example]:
    """Draw strips, each bent and lit anew."""
    pieces = [(r.pixels, r.text, r.boxes) for r in real]
    result: list[Example] = []
    while len(result) < count:
        roll = rng.random()
        if roll < _REAL:
            one = real[int(rng.integers(0, len(real)))]
            pixels, text, untold = bent(one.pixels, rng), one.text, True
        elif roll < _REAL + _SPLICED:
            strip = spliced(pieces, rng)
            pixels, text, untold = bent(strip.pixels, rng), strip.text, True
        elif roll < 0.985:
            strip = simulated(sources, rng)
            pixels, text, untold = strip.pixels, strip.text, False
        else:
            pixels, text, untold = blank_strip(rng), "", False
        example = example_of(pixels, text, digits_only=untold, without_lines=bool(rng.random() < 0.8))
        if example is not None:
            result.append(example)
    return result


def example_of(
    pixels: np.ndarray, text: str, *, digits_only: bool, without_lines: bool = True
) -> Example | None:
    """Return a strip as the network sees it; None if there is nothing on it."""
    ink = prepared(pixels, without_lines=without_lines)
    return None if ink is None else Example(np.round(255 * ink).astype(np.uint8), text, digits_only)


def _drawn_by() -> str:
    """Return eight hex digits that change with what draws or prepares strips."""
    made_by = hashlib.sha256()
    for part in (digit_strips, strokes, digits.prepared, digits._ink, digits._without_lines, digits._cut):
        made_by.update(inspect.getsource(part).encode())
    return made_by.hexdigest()[:8]


_DRAWN_BY: Final = _drawn_by()  # of the code that runs, should the files change while it does


def drawn(cache: Path, name: str) -> Path:
    """Return where strips of that name are kept; another file when what draws or prepares them has changed."""
    return cache / f"ink-{_DRAWN_BY}-{name}.npz"


def kept(cache: Path, name: str, make: Callable[[], list[Example]]) -> list[Example]:
    """Return examples from the cache, made first if they aren't there."""
    path = drawn(cache, name)
    if not path.exists():
        made = make()
        new = path.with_suffix(".new.npz")
        np.savez(
            new,
            widths=np.array([e.ink.shape[1] for e in made]),
            ink=np.concatenate([e.ink for e in made], axis=1),
            told=json.dumps([(e.text, e.digits_only) for e in made]),
        )
        new.replace(path)
        sys.stderr.write(f"strips {name} drawn\n")
    with np.load(path) as stored:
        widths, flat, told = stored["widths"], stored["ink"], json.loads(str(stored["told"]))
    ends = np.cumsum(widths)
    return [
        Example(np.ascontiguousarray(flat[:, end - width : end]), text, digits_only)
        for width, end, (text, digits_only) in zip(widths, ends, told, strict=True)
    ]


def varied(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Slant, stretch, shift and bend ink a little, and make it fainter, fuller, softer or grainier."""
    h, w = ink.shape
    slant, turn = float(rng.normal(0, 0.09)), float(rng.normal(0, 0.012))
    sx, sy = float(rng.uniform(0.82, 1.18)), float(rng.uniform(0.88, 1.1))
    wide = max(32, STRIDE * round(w * sx / STRIDE))
    middle = (h - 1) / 2
    matrix = np.array(
        [
            [sx, -slant * sx, slant * sx * middle],
            [turn * sy, sy, middle * (1 - sy) - turn * sy * w / 2 + float(rng.normal(0, 1.2))],
        ],
        np.float32,
    )
    out: np.ndarray = cv2.warpAffine(ink, matrix, (wide, h))
    if rng.random() < 0.3:
        cells = rng.normal(0, 0.9, (2, 3, max(3, wide // 24))).astype(np.float32)
        x, y = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(h, dtype=np.float32))
        moved = [cv2.resize(c, (wide, h), interpolation=cv2.INTER_CUBIC) for c in cells]
        out = cv2.remap(out, x + moved[0], y + moved[1], cv2.INTER_LINEAR)
    roll = rng.random()
    if roll < 0.12:
        out = cv2.erode(out, np.ones((2, 2), np.uint8))
    elif roll < 0.24:
        out = cv2.dilate(out, np.ones((2, 2), np.uint8))
    elif roll < 0.4:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.4, 1.2)))
    changed = out.astype(np.float32) * float(rng.uniform(0.6, 1.5))
    if rng.random() < 0.3:
        changed += rng.normal(0, float(rng.uniform(0, 14)), out.shape).astype(np.float32)
    return np.clip(changed, 0, 255).astype(np.uint8)


def batches(pool: Sequence[Example], count: int, rng: np.random.Generator) -> list[list[Example]]:
    """Return some batches of strips of about the same width, in any order, each strip varied."""
    chosen = [pool[int(k)] for k in rng.integers(0, len(pool), count * _BATCH)]
    chosen = [Example(varied(e.ink, rng), e.text, e.digits_only) for e in chosen]
    chosen.sort(key=lambda e: e.ink.shape[1])
    cut = [chosen[k * _BATCH : (k + 1) * _BATCH] for k in range(count)]
    return [cut[int(k)] for k in rng.permutation(count)]


def ink_of(batch: Sequence[Example]) -> tuple[torch.Tensor, list[int]]:
    """Return a batch's ink (B, 1, HEIGHT, widest) from 0 to 1 and how many answers each strip has."""
    filled = np.zeros((len(batch), 1, HEIGHT, max(e.ink.shape[1] for e in batch)), np.float32)
    for row, example in enumerate(batch):
        filled[row, 0, :, : example.ink.shape[1]] = example.ink
    return torch.from_numpy(filled / 255), [e.ink.shape[1] // STRIDE for e in batch]


def loss_of(network: nn.Module, batch: Sequence[Example]) -> torch.Tensor:
    """Return the mean CTC loss for each sign of a batch.

    Where only the digits are told, every other sign counts as the blank: the network may say a point or not.
    """
    ink, steps = ink_of(batch)
    # Processors with units for sixteen-bit matrices learn three times as fast by them.
    with torch.autocast("cpu", torch.bfloat16):
        answer = network(ink.to(memory_format=torch.channels_last))
    told = functional.log_softmax(answer.float(), dim=-1)
    untold = torch.tensor([e.digits_only for e in batch])
    if bool(untold.any()):
        merged = torch.cat(
            [
                torch.cat([told[untold][:, :, :1], told[untold][:, :, 11:]], dim=2).logsumexp(
                    2, keepdim=True
                ),
                told[untold][:, :, 1:11],
                torch.full_like(told[untold][:, :, 11:], -1e4),
            ],
            dim=2,
        )
        told = told.index_copy(0, torch.nonzero(untold)[:, 0], merged)
    targets = torch.tensor([SIGNS.index(c) + 1 for e in batch for c in e.text], dtype=torch.long)
    return functional.ctc_loss(
        told.transpose(0, 1), targets,
        torch.tensor(steps), torch.tensor([len(e.text) for e in batch]),
        blank=BLANK, reduction="sum", zero_infinity=True,
    ) / max(1, len(targets))  # fmt: skip


def steps_of(network: nn.Module, example: Example) -> np.ndarray:
    """Return the network's log probabilities for one strip, shape (w / STRIDE, 1 + len(SIGNS))."""
    with torch.no_grad():
        return log_probabilities(network(ink_of([example])[0])[0].numpy())


def _same(said: str, example: Example) -> bool:
    return ("".join(c for c in said if c.isdigit()) if example.digits_only else said) == example.text


def measure(network: nn.Module, examples_: Sequence[Example]) -> float:
    """Return the share of strings read exactly; of those with digits told only, the digits are compared."""
    network.eval()
    right = 0
    for example in examples_:
        # The likeliest way instead of the likeliest string: a tenth of the time, nearly always the same.
        way = steps_of(network, example).argmax(axis=1)
        signs = [
            SIGNS[k - 1]
            for k, before in zip(way, [BLANK, *way[:-1]], strict=True)
            if k not in (BLANK, before)
        ]
        right += _same(" ".join("".join(signs).split()), example)
    return right / max(1, len(examples_))


def train(
    portions: Callable[[], Sequence[Example]],
    held: dict[str, list[Example]],
    *,
    minutes: float,
    seed: int,
    cache: Path,
) -> tuple[DigitReader, dict[str, Any]]:
    """Train for so much processor time; the learning rate falls to nothing along it. The weights' running mean is kept.

    :param portions: gives the strips drawn until now; asked again after each round.
    :returns: the network and what it reached on the strips held back.
    """
    torch.manual_seed(seed)
    network, mean = DigitReader(), DigitReader()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=0.03)
    used, rounds, report = 0.0, 0, {}
    checkpoint = cache / f"digits-{seed}.pt"
    if checkpoint.exists():
        stored = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(stored["network"])
        mean.load_state_dict(stored["mean"])
        optimiser.load_state_dict(stored["optimiser"])
        used, rounds, report = stored["seconds"], stored["rounds"], stored["report"]
    else:
        mean.load_state_dict(network.state_dict())
    begun = time.process_time() - used
    while (done := (time.process_time() - begun) / (60 * minutes)) < 1:
        rng = np.random.default_rng([seed, rounds])
        pool = portions()
        network.train()
        total = 0.0
        waiting: list[list[Example]] = []
        for number in range(_ROUND):
            if not waiting:
                waiting = batches(pool, 10, rng)
            step = rounds * _ROUND + number
            done = min(1.0, (time.process_time() - begun) / (60 * minutes))
            rate = _PEAK_RATE * min(1.0, (step + 1) / 100) * max(0.5 * (1 + math.cos(math.pi * done)), 0.002)
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = loss_of(network, waiting.pop())
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            _follow(mean, network, min(0.995, (step + 1) / (step + 20)))
            total += float(loss.detach())
            if number % 25 == 24:
                sys.stderr.write(
                    f"round {rounds + 1}, {number + 1}/{_ROUND}, {len(pool)} strips, loss {total / (number + 1):.3f},"
                    f" {100 * done:.0f} %\n"
                )
            if done >= 1:
                break
        rounds += 1
        report = {"rounds": rounds, **{name: round(measure(mean, some), 4) for name, some in held.items()}}
        sys.stderr.write(json.dumps(report) + "\n")
        torch.save(
            {"network": network.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict(),
             "seconds": time.process_time() - begun, "rounds": rounds, "report": report}, checkpoint.with_suffix(".new")
        )  # fmt: skip
        checkpoint.with_suffix(".new").replace(checkpoint)
    return mean, {**report, "processor_seconds": round(time.process_time() - begun)}


def _follow(mean: nn.Module, network: nn.Module, keep: float) -> None:
    """Move the running mean of the weights towards the network."""
    with torch.no_grad():
        ours, theirs = mean.state_dict(), network.state_dict()
        for name, value in ours.items():
            if value.dtype.is_floating_point:
                value.lerp_(theirs[name], 1 - keep)
            else:
                value.copy_(theirs[name])


@dataclass(slots=True)
class Thought:
    """What the witnesses think of a strip, and which candidates are right: none, or several spellings of the digits."""

    found: tuple[Candidate, ...]
    right: np.ndarray


def thoughts(network: nn.Module, held: Sequence[Example]) -> list[Thought]:
    """Ask both witnesses about the strips held back."""
    network.eval()
    result = []
    for example in held:
        ink = (example.ink / 255).astype(np.float32)
        found = candidates(steps_of(network, example), recogniser_steps(ink))
        result.append(Thought(found, np.array([_same(c.text, example) for c in found])))
    return result


def weighing_of(
    told: Sequence[Thought], *, network: bool = True, recogniser: bool = True
) -> tuple[Weighing, float]:
    """Return the weighing that makes the truth likeliest, and its mean log loss.

    :param network: whether the network may count; ``recogniser`` likewise.
    """
    longest = max(len(t.found) for t in told)
    # What each witness thinks of each string and its odd slashes; the last row of a strip is "none of these".
    seen = torch.zeros((len(told), longest + 1, 5))
    absent = torch.full((len(told), longest + 1), -1e9)
    right = torch.zeros((len(told), longest + 1), dtype=torch.bool)
    for row, thought in enumerate(told):
        count = len(thought.found)
        logs = np.log(np.array([[c.network, c.recogniser] for c in thought.found]) + UNSURE)
        seen[row, :count, :2] = torch.from_numpy(logs).float()
        seen[row, :count, 2] = torch.tensor([-float(odd_slashes(c.text)) for c in thought.found])
        first = [max(range(count), key=lambda k: logs[k, which]) for which in (0, 1)]
        seen[row, first[0], 3] = float(first[0] == first[1])
        seen[row, longest, 4] = 1.0
        absent[row, [*range(count), longest]] = 0
        right[row, :count] = torch.from_numpy(thought.right)
        right[row, longest] = not thought.right.any()
    free = torch.tensor([-0.4, -1.0, -0.4, -1.0, -3.0], requires_grad=True)
    counts = torch.tensor([float(network), float(recogniser), 1.0, float(network and recogniser), 1.0])
    optimiser = torch.optim.LBFGS([free], max_iter=200, line_search_fn="strong_wolfe")

    def weights() -> torch.Tensor:
        # Each speaks in one direction only: what a witness believes never counts against a string.
        return torch.cat([functional.softplus(free[:4]), free[4:]]) * counts

    def loss() -> torch.Tensor:
        scores = seen @ weights() + absent
        chosen = scores.masked_fill(~right, -1e9).logsumexp(1) - scores.logsumexp(1)
        return -chosen.mean() + 1e-3 * (weights() ** 2).sum()

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(step)
    ours, theirs, slash, both, none = (round(float(v), 3) for v in weights().detach())
    return Weighing(ours, theirs, none, slash, both), float(loss().detach())


def exact(told: Sequence[Thought], weighing: Weighing) -> float:
    """Return the share of strips whose best string is right."""
    count = 0
    for thought in told:
        best = weighed(thought.found, weighing)[0].text
        count += any(right and c.text == best for c, right in zip(thought.found, thought.right, strict=True))
    return count / max(1, len(told))


def export(network: DigitReader, path: Path, about: dict[str, Any]) -> None:
    """Write the network for onnxruntime, and beside it what made it and its SHA-256."""
    network.eval()
    width = torch.export.Dim("width", min=4, max=400)
    torch.onnx.export(
        network, (torch.rand((1, 1, HEIGHT, 160)),), str(path), input_names=["ink"], output_names=["signs"],
        dynamo=True, external_data=False, dynamic_shapes={"ink": {3: STRIDE * width}},
    )  # fmt: skip
    _halved(path)
    content = {**about, "signs": SIGNS, "recogniser_sha256": recogniser_digest(), "sha256": file_digest(path)}
    path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _halved(path: Path) -> None:
    """Keep the weights of an ONNX file as sixteen-bit numbers, widened on loading, and drop notes: half the size."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    widened = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 256:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        widened.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*widened, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    drop_notes(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _data_digest(folder: Path) -> str:
    """Return twelve hex digits of the real digits that were learned from."""
    digest = hashlib.sha256((folder / "amounts.jsonl").read_bytes())
    digest.update((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    return digest.hexdigest()[:12]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.training.digits", description="Train and export the digit reader."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of real hand-written digits")
    parser.add_argument("--fonts", type=Path, required=True, help="folder with handwriting fonts below it")
    parser.add_argument("--cache", type=Path, required=True, help="where strips and checkpoints are kept")
    parser.add_argument(
        "--minutes", type=float, default=20, help="of processor time, whatever else the machine does"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--portions", type=int, default=_PORTIONS, help=f"how many times {_PORTION} strips")
    parser.add_argument("--strips-only", action="store_true", help="draw the strips, don't train yet")
    parser.add_argument("--threads", type=int, default=1, help="more only help on an idle machine")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    options.cache.mkdir(parents=True, exist_ok=True)
    real, held_real = load_amounts(options.data)
    pixels, labels = load_digits(options.data)
    fonts = fonts_in(options.fonts)
    held_fonts = fonts[::_HELD_FONT]
    sources = Sources(
        [font for font in fonts if font not in held_fonts],
        by_digit(pixels[: HELD_DIGITS.start], labels[: HELD_DIGITS.start]),
    )
    watched = Sources(held_fonts, by_digit(pixels[HELD_DIGITS], labels[HELD_DIGITS]))
    sys.stderr.write(f"{len(real)} real amounts, {len(held_real)} held back, {len(fonts)} fonts\n")

    def portion(number: int) -> list[Example]:
        return drawn_examples(real, sources, _PORTION, np.random.default_rng([options.seed, number]))

    def held_amounts() -> list[Example]:
        return [e for r in held_real if (e := example_of(r.pixels, r.text, digits_only=True))]

    def held_simulated(*, real_only: bool) -> list[Example]:
        rng = np.random.default_rng(99 + real_only)
        strips = [simulated(watched, rng, real_only=real_only) for _ in range(_HELD_STRIPS)]
        return [e for s in strips if (e := example_of(s.pixels, s.text, digits_only=real_only))]

    held = {
        "amounts": kept(options.cache, "held-amounts", held_amounts),
        "digits": kept(options.cache, "held-digits", lambda: held_simulated(real_only=True)),
        "simulated": kept(options.cache, "held-simulated", lambda: held_simulated(real_only=False)),
    }
    pool: list[Example] = []
    read = 0

    def portions() -> list[Example]:
        """Read what has been drawn since; the first portions are waited for, more are drawn by --strips-only beside."""
        nonlocal read
        while read < options.portions and (
            read < _AT_FIRST or drawn(options.cache, f"{options.seed}-{read}").exists()
        ):
            pool.extend(kept(options.cache, f"{options.seed}-{read}", lambda number=read: portion(number)))  # type: ignore[misc]
            read += 1
        return pool

    if options.strips_only:
        for number in range(options.portions):
            kept(options.cache, f"{options.seed}-{number}", lambda number=number: portion(number))  # type: ignore[misc]
        return 0
    network, report = train(portions, held, minutes=options.minutes, seed=options.seed, cache=options.cache)
    told = {name: thoughts(network, some) for name, some in held.items()}
    everything = [thought for some in told.values() for thought in some]
    scores = {}
    for title, ours, theirs in (
        ("network", True, False),
        ("recogniser", False, True),
        ("both", True, True),
    ):
        weighing, loss = weighing_of(everything, network=ours, recogniser=theirs)
        scores[title] = {
            **{name: round(exact(some, weighing), 4) for name, some in told.items()},
            "log_loss": round(loss, 4),
        }
    about = {
        "version": "2",
        "command": "python -m extraction.training.digits DATA --fonts FONTS --cache CACHE (docs/training.md)",
        "data": {
            "digest": _data_digest(options.data),
            "strips": len(portions()),
            "real_amounts": len(real),
            "real_digits": HELD_DIGITS.start,
            "fonts": sorted(path.stem for path in sources.fonts),
            "fonts_held_back": sorted(path.stem for path in held_fonts),
        },
        "seed": options.seed,
        "training": report,
        "held_back": scores,
        "weighing": asdict(weighing),
    }
    export(network, WEIGHTS / "digits.onnx", about)
    sys.stdout.write(f"wrote digits.onnx: {scores}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
