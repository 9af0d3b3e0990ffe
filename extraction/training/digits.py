"""Train the digit reader's network on real and simulated strips and export it.

    python -m extraction.training.digits DATA --fonts FONTS --cache CACHE [--minutes 0.9] [--seed 1]

DATA is the folder of real hand-written digits (docs/training.md), FONTS any folder with handwriting fonts below it.
The real amounts' test split and the second half of the single digits are never looked at. Strips are simulated once
and kept in the cache; a checkpoint is written after each round, and the same command goes on from it. What is written
to ``extraction/weights/digits.onnx`` needs onnxruntime only.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from extraction.reading import digits
from extraction.reading.digits import (
    KNOWN,
    OPINIONS,
    SIGNS,
    best_strings,
    log_probabilities,
    opinions,
    prepared,
    recogniser_digest,
)
from extraction.reading.weights import file_digest
from extraction.training.digit_strips import Sources, simulated, spliced

WEIGHTS: Final = Path(__file__).resolve().parent.parent / "weights"
BLANK: Final = 0
_BATCH: Final = 64
_ROUND: Final = 200
"""Batches between two looks at the strips held back."""
_PORTION, _PORTIONS = 500, 8
"""Strips are drawn once, in portions that are kept: asking the recogniser is what takes time."""
_WATCHED: Final = 150  # simulated strips to watch the training with
WIDTH: Final = 128
_PEAK_RATE: Final = 1.5e-3
_FIRST_HALF: Final = 5000  # of the single digits; the other half has other writers and is for scoring
_HELD_DIGITS: Final = 500  # of the first half, to watch the training with
# Shares of a batch: real amounts as they are, real amounts put together anew; the rest is simulated.
_REAL, _SPLICED = 0.3, 0.25


class DigitReader(nn.Module):
    """The recogniser's opinions to signs: (B, T, OPINIONS) in, (B, 2 T, 1 + len(SIGNS)) logits out.

    It starts as the recogniser's own opinion of those signs and learns what to change in it, from a few steps around.
    Two answers for each step, so that narrow digits side by side have room.
    """

    known: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv1d(OPINIONS, WIDTH, 3, padding=1)
        self.think = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.drop = nn.Dropout(0.3)
        self.tell = nn.Conv1d(WIDTH, 2 * (1 + len(SIGNS)), 1)
        nn.init.zeros_(self.tell.weight)
        nn.init.zeros_(self.tell.bias)  # type: ignore[arg-type]
        known = torch.zeros(OPINIONS, 1 + len(SIGNS))
        known[list(KNOWN), list(range(1 + len(SIGNS)))] = 1.0
        self.register_buffer("known", known)

    def forward(self, opinions: torch.Tensor) -> torch.Tensor:
        seen = functional.relu(self.look(opinions.transpose(1, 2) / 8.0 + 1.0))
        seen = self.drop(seen)
        seen = seen + functional.relu(self.think(seen))
        change = self.tell(self.drop(seen)).transpose(1, 2)
        base = opinions @ self.known
        return (torch.cat([base, base], dim=2) + change).reshape(change.shape[0], -1, 1 + len(SIGNS))


@dataclass(slots=True)
class Real:
    """A real amount: gray pixels, its digits (signs between them are on the picture but not told), their boxes."""

    pixels: np.ndarray
    text: str
    boxes: list[list[int]]


def load_amounts(folder: Path) -> tuple[list[Real], list[Real]]:
    """Return the real amounts of the train split, to learn from and held back.

    Nobody recorded who wrote which check; neighbours in the numbering are likeliest to share a hand, so that whole
    blocks of twenty are held back: one in twelve.
    """
    learned: list[Real] = []
    held: list[Real] = []
    for line in (folder / "amounts.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["split"] != "train":
            continue
        pixels = cv2.imread(str(folder / row["file"]), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise FileNotFoundError(f"{folder / row['file']} is missing or no picture.")
        number = int(Path(row["file"]).stem.rsplit("_", 1)[-1])
        (held if number // 20 % 12 == 5 else learned).append(
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
    """The recogniser's opinions on a strip, shape (T, OPINIONS), and what it says.

    ``digits_only`` where the signs between digits are not told.
    """

    opinions: np.ndarray
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
    """Draw strips, each bent and lit anew, and ask the recogniser."""
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
        example = asked(pixels, text, digits_only=untold, without_lines=bool(rng.random() < 0.8))
        if example is not None:
            result.append(example)
    return result


def asked(pixels: np.ndarray, text: str, *, digits_only: bool, without_lines: bool = True) -> Example | None:
    """Return what the recogniser says to a strip; None if there is nothing on it."""
    ink = prepared(pixels, without_lines=without_lines)
    return None if ink is None else Example(opinions(ink).astype(np.float16), text, digits_only)


def kept(cache: Path, name: str, make: Callable[[], list[Example]]) -> list[Example]:
    """Return examples from the cache, made first if they aren't there: asking the recogniser is what takes time."""
    made_by = file_digest(Path(digits.__file__))[:8]  # other preparation, other opinions
    path = cache / f"opinions-{recogniser_digest()[:8]}-{made_by}-{name}.npz"
    if not path.exists():
        made = make()
        np.savez(
            path,
            lengths=np.array([len(e.opinions) for e in made]),
            opinions=np.concatenate([e.opinions for e in made]),
            told=json.dumps([(e.text, e.digits_only) for e in made]),
        )
        sys.stderr.write(f"strips {name} drawn\n")
    with np.load(path) as stored:
        lengths, flat, told = stored["lengths"], stored["opinions"], json.loads(str(stored["told"]))
    ends = np.cumsum(lengths)
    return [
        Example(flat[end - length : end], text, digits_only)
        for length, end, (text, digits_only) in zip(lengths, ends, told, strict=True)
    ]


def batches(pool: Sequence[Example], count: int, rng: np.random.Generator) -> list[list[Example]]:
    """Return some batches of strips of about the same length, in any order."""
    chosen = [pool[int(k)] for k in rng.integers(0, len(pool), count * _BATCH)]
    chosen.sort(key=lambda e: len(e.opinions))
    cut = [chosen[k * _BATCH : (k + 1) * _BATCH] for k in range(count)]
    return [cut[int(k)] for k in rng.permutation(count)]


def _opinions(batch: Sequence[Example]) -> tuple[torch.Tensor, list[int]]:
    """Return the opinions on a batch's strips (B, T, OPINIONS) and how many answers each has."""
    longest = max(len(e.opinions) for e in batch)
    # Behind a strip's end there is surely nothing.
    filled = np.full((len(batch), longest, OPINIONS), -23.0, np.float32)
    filled[:, :, 0] = 0.0
    for row, example in enumerate(batch):
        filled[row, : len(example.opinions)] = example.opinions
    return torch.from_numpy(filled), [2 * len(e.opinions) for e in batch]


def loss_of(network: nn.Module, batch: Sequence[Example]) -> torch.Tensor:
    """Return the mean CTC loss for each sign of a batch.

    Where only the digits are told, every other sign counts as the blank: the network may say a point or not.
    """
    seen, steps = _opinions(batch)
    told = functional.log_softmax(network(seen), dim=-1)
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


def measure(network: nn.Module, examples_: Sequence[Example]) -> float:
    """Return the share of strings read exactly; of those with digits told only, the digits are compared."""
    network.eval()
    right = 0
    with torch.no_grad():
        for example in examples_:
            logits = network(_opinions([example])[0])[0].numpy()
            (found, *_) = best_strings(log_probabilities(logits), 1)
            said = "".join(c for c in found.text if c.isdigit()) if example.digits_only else found.text
            right += said == example.text
    return right / max(1, len(examples_))


def train(
    pool: Sequence[Example],
    held: dict[str, list[Example]],
    *,
    minutes: float,
    seed: int,
    cache: Path,
) -> tuple[DigitReader, dict[str, Any]]:
    """Train for so much processor time; the learning rate falls at its end. The running mean of the weights is kept.

    :returns: the network and what it reached on the strips held back.
    """
    torch.manual_seed(seed)
    network, mean = DigitReader(), DigitReader()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=0.05)
    used, rounds, report = 0.0, 0, {}
    checkpoint = cache / f"digits-{seed}.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(kept["network"])
        mean.load_state_dict(kept["mean"])
        optimiser.load_state_dict(kept["optimiser"])
        used, rounds, report = kept["seconds"], kept["rounds"], kept["report"]
    else:
        mean.load_state_dict(network.state_dict())
    begun = time.process_time() - used
    while (done := (time.process_time() - begun) / (60 * minutes)) < 1:
        rng = np.random.default_rng([seed, rounds])
        network.train()
        total = 0.0
        for number in range(_ROUND):
            if number % 10 == 0:
                waiting = batches(pool, 10, rng)
            step = rounds * _ROUND + number
            done = (time.process_time() - begun) / (60 * minutes)
            rate = _PEAK_RATE * min(1.0, (step + 1) / 60) * max(min(1.0, 1.25 * (1 - done)), 0.005)
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = loss_of(network, waiting.pop())
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            _follow(mean, network, min(0.998, (step + 1) / (step + 20)))
            total += float(loss.detach())
            if number % 10 == 9:
                sys.stderr.write(
                    f"round {rounds + 1}, {number + 1}/{_ROUND}, loss {total / (number + 1):.3f}, {100 * done:.0f} %\n"
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


def temperature_of(network: nn.Module, held: Sequence[Example]) -> float:
    """Return what to divide logits by so that probabilities of the best strings fit how often they are right.

    Found on a grid by the smallest log loss of "the best string is right" on the strips held back.
    """
    network.eval()
    with torch.no_grad():
        answers = [(e, network(_opinions([e])[0])[0].numpy()) for e in held]
    losses = []
    grid = np.linspace(0.7, 2.2, 6)
    for warmth in grid:
        total = 0.0
        for example, logits in answers:
            found = best_strings(log_probabilities(logits, float(warmth)), 1)[0]
            said = "".join(c for c in found.text if c.isdigit()) if example.digits_only else found.text
            odd = min(max(found.probability, 1e-4), 1 - 1e-4)
            total -= np.log(odd if said == example.text else 1 - odd)
        losses.append(total / len(answers))
    return round(float(grid[int(np.argmin(losses))]), 3)


def export(network: DigitReader, path: Path, about: dict[str, Any]) -> None:
    """Write the network for onnxruntime, and beside it what made it and its SHA-256."""
    network.eval()
    length = torch.export.Dim("length", min=4, max=256)
    torch.onnx.export(
        network, (torch.rand((1, 20, OPINIONS)),), str(path), input_names=["opinions"], output_names=["signs"],
        dynamo=True, external_data=False, dynamic_shapes={"opinions": {1: length}},
    )  # fmt: skip
    content = {**about, "signs": SIGNS, "recogniser_sha256": recogniser_digest(), "sha256": file_digest(path)}
    path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


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
        "--minutes", type=float, default=0.9, help="of processor time, whatever else the machine does"
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
    sources = Sources(fonts, by_digit(pixels[:-_HELD_DIGITS], labels[:-_HELD_DIGITS]))
    watched = Sources(fonts, by_digit(pixels[-_HELD_DIGITS:], labels[-_HELD_DIGITS:]))
    sys.stderr.write(f"{len(real)} real amounts, {len(held_real)} held back, {len(fonts)} fonts\n")

    def portion(number: int) -> list[Example]:
        return drawn_examples(real, sources, _PORTION, np.random.default_rng([options.seed, number]))

    def held_amounts() -> list[Example]:
        return [e for r in held_real if (e := asked(r.pixels, r.text, digits_only=True))]

    def held_simulated() -> list[Example]:
        rng = np.random.default_rng(99)
        strips = [simulated(watched, rng) for _ in range(_WATCHED)]
        return [e for s in strips if (e := asked(s.pixels, s.text, digits_only=False))]

    pool = [
        example
        for k in range(options.portions)
        for example in kept(options.cache, f"{options.seed}-{k}", lambda k=k: portion(k))  # type: ignore[misc]
    ]
    held = {
        "amounts": kept(options.cache, "held-amounts", held_amounts),
        "simulated": kept(options.cache, "held-simulated", held_simulated),
    }
    if options.strips_only:
        return 0
    network, report = train(pool, held, minutes=options.minutes, seed=options.seed, cache=options.cache)
    about = {
        "version": "1",
        "command": "python -m extraction.training.digits DATA --fonts FONTS --cache CACHE (docs/training.md)",
        "data": {
            "digest": _data_digest(options.data),
            "strips": len(pool),
            "real_amounts": len(real),
            "real_digits": len(pixels) - _HELD_DIGITS,
            "fonts": sorted(path.stem for path in fonts),
        },
        "seed": options.seed,
        "held_back": report,
        "temperature": temperature_of(network, [*held["amounts"], *held["simulated"][:70]]),
    }
    export(network, WEIGHTS / "digits.onnx", about)
    sys.stdout.write(f"wrote digits.onnx: {report}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
