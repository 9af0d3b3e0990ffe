"""Train the digit reader's network on real and simulated strips, weigh it against the recogniser and export it.

    python -m extraction.training.digits DATA --fonts FONTS --cache CACHE [--more MORE] [--start CHECKPOINT]
        [--minutes 20] [--seed 1] [--strips-only] [--processes 1] [--network-only] [--device auto]

DATA is the folder of real hand-written digits (docs/training.md), FONTS any folder with handwriting fonts below it,
MORE one with MNIST's training digits; CHECKPOINT is a finished training that this one goes on from.
The real amounts' test split and the second half of the single digits are never looked at. Strips are drawn once
and kept in the cache; a checkpoint is written after each round, and the same command goes on from it, on another
device too. What is written to ``extraction/weights/digits.onnx`` needs onnxruntime only.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import inspect
import itertools
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
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
from extraction.training.digit_batches import Batch, Example, Pool, Strips, batch_of
from extraction.training.digit_strips import Sources, simulated, spliced
from extraction.training.exporting import drop_notes

WEIGHTS: Final = Path(__file__).resolve().parent.parent / "weights"
BLANK: Final = 0
_WARMING: Final = 200  # steps until the learning rate is at its peak
_LATER: Final = 0.3  # share of that peak where a finished training is gone on from
_PORTION, _PORTIONS = 3000, 24
"""Strips are drawn once, in portions that are kept, so that another process can draw while one learns."""
_FIRST_HALF: Final = 5000  # of the single digits; the other half has other writers and is for scoring
_HELD_FONT: Final = 8  # every eighth font is held back
_HELD_STRIPS: Final = 600
_SMALL, _LARGE = 256, 190_000  # numbers in what stays as it is, and in what is kept in eight bits
_AT_FIRST: Final = 2  # portions that training waits for
# Shares of the strips: real amounts as they are, real amounts put together anew; the rest is simulated.
_REAL, _SPLICED = 0.17, 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """How a device learns.

    :ivar batch: strips of a step.
    :ivar peak: the highest learning rate.
    :ivar round: steps between two looks at the strips held back.
    :ivar clock: gives the seconds that count.
    """

    batch: int
    peak: float
    round: int
    clock: Callable[[], float]


# A processor is shared with other work, so that its time counts and not the clock's.
_PACES: Final = {
    "cpu": Pace(64, 2e-3, 150, time.process_time),
    "cuda": Pace(512, 3e-3, 600, time.perf_counter),
}


class DigitReader(nn.Module):
    """Ink to signs: (B, 1, HEIGHT, w) in, (B, w / STRIDE, 1 + len(SIGNS)) logits out.

    Convolutions that halve the height four times and the width twice, with shortcuts (He et al., 2016); what is left of
    a column's height becomes one vector, and convolutions along the line, ever wider apart, let neighbours explain
    each other.
    """

    def __init__(self, channels: Sequence[int] = (32, 64, 128, 160), width: int = 256) -> None:
        super().__init__()
        a, b, c, d = channels
        self.look = nn.Sequential(
            _seen(1, a, 5, 2), _seen(a, b, 3, 2), _Again(b), _seen(b, c, 3, (2, 1)), _Again(c),
            _seen(c, d, 3, (2, 1)), _Again(d),
        )  # fmt: skip
        self.column = nn.Conv1d(d * HEIGHT // 16, width, 1)
        self.think = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=apart, dilation=apart) for apart in (1, 2, 4, 1)
        )
        self.drop = nn.Dropout(0.15)
        self.tell = nn.Conv1d(width, 1 + len(SIGNS), 1)

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        line = self.drop(functional.relu(self.column(self.look(ink).flatten(1, 2))))
        for step in self.think:
            line = line + functional.relu(step(line))
        told: torch.Tensor = self.tell(self.drop(line))
        return told.transpose(1, 2)


def _seen(inner: int, outer: int, size: int, stride: int | tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, size, stride, size // 2, bias=False), nn.BatchNorm2d(outer), nn.ReLU()
    )


class _Again(nn.Module):
    """Two convolutions whose outcome is added to what they look at."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _seen(channels, channels, 3, 1)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return functional.relu(seen + self.second(self.first(seen)))


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


def load_digits(folder: Path, name: str = "t10k") -> tuple[np.ndarray, np.ndarray]:
    """Return single digits from MNIST's files: pictures (n, 28, 28) and what they are; of ``t10k`` the first half.

    :param name: which of the two sets, ``t10k`` or ``train``; nobody wrote for both (LeCun et al., 1998).
    :raises FileNotFoundError: if the folder hasn't got the files, as they are or zipped.
    """

    def content(kind: str) -> bytes:
        path = folder / f"{name}-{kind}-ubyte"
        zipped = path.with_name(f"{path.name}.gz")
        return gzip.decompress(zipped.read_bytes()) if zipped.exists() else path.read_bytes()

    pixels = np.frombuffer(content("images-idx3"), np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.frombuffer(content("labels-idx1"), np.uint8, offset=8)
    last = _FIRST_HALF if name == "t10k" else len(labels)
    return pixels[:last], labels[:last]


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
    for part in (
        digit_strips, strokes, bent, blank_strip, drawn_examples, digits.prepared, digits._ink, digits._without_lines,
        digits._cut,
    ):  # fmt: skip
        made_by.update(inspect.getsource(part).encode())
    return made_by.hexdigest()[:8]


_DRAWN_BY: Final = _drawn_by()  # of the code that runs, should the files change while it does


def drawn(cache: Path, name: str) -> Path:
    """Return where strips of that name are kept; another file when what draws or prepares them has changed."""
    return cache / f"ink-{_DRAWN_BY}-{name}.npz"


def keep(cache: Path, name: str, make: Callable[[], list[Example]]) -> Path:
    """Return where the strips of that name lie, made first if they aren't there."""
    path = drawn(cache, name)
    if not path.exists():
        Strips.of(make()).save(path)
        sys.stderr.write(f"strips {name} drawn\n")
    return path


def kept(cache: Path, name: str, make: Callable[[], list[Example]]) -> list[Example]:
    """Return examples from the cache, made first if they aren't there."""
    return Strips.load(keep(cache, name, make)).examples()


def loss_of(network: nn.Module, batch: Batch) -> torch.Tensor:
    """Return the mean CTC loss for each sign of a batch.

    Where only the digits are told, every other sign counts as the blank: the network may say a point or not.
    """
    # Processors with units for sixteen-bit matrices learn three times as fast by them.
    with torch.autocast(batch.ink.device.type, torch.bfloat16):
        answer = network(batch.ink.to(memory_format=torch.channels_last))
    told = functional.log_softmax(answer.float(), dim=-1)
    merged = torch.cat(
        [
            torch.cat([told[:, :, :1], told[:, :, 11:]], dim=2).logsumexp(2, keepdim=True),
            told[:, :, 1:11],
            torch.full_like(told[:, :, 11:], -1e4),
        ],
        dim=2,
    )
    told = torch.where(batch.digits_only[:, None, None], merged, told)
    return functional.ctc_loss(
        told.transpose(0, 1), batch.signs, batch.steps, batch.lengths,
        blank=BLANK, reduction="sum", zero_infinity=True,
    ) / max(1, int(batch.lengths.sum()))  # fmt: skip


def steps_of(network: nn.Module, example: Example) -> np.ndarray:
    """Return the network's log probabilities for one strip, shape (w / STRIDE, 1 + len(SIGNS))."""
    ink = torch.from_numpy(example.ink)[None, None].float() / 255
    with torch.no_grad():
        return log_probabilities(network(ink)[0].numpy())


def _same(said: str, example: Example) -> bool:
    return ("".join(c for c in said if c.isdigit()) if example.digits_only else said) == example.text


def measure(network: nn.Module, examples_: Sequence[Example]) -> float:
    """Return the share of strings read exactly; of those with digits told only, the digits are compared."""
    network.eval()
    device = next(network.parameters()).device
    right = 0
    ordered = sorted(examples_, key=lambda e: e.ink.shape[1])
    for begin in range(0, len(ordered), 64):
        some = ordered[begin : begin + 64]
        batch = batch_of(some, device)
        with torch.no_grad():
            # The likeliest way instead of the likeliest string: a tenth of the time, nearly always the same.
            ways = network(batch.ink).argmax(dim=2).cpu().numpy()
        for filled, steps, example in zip(ways, batch.steps, some, strict=True):
            way = filled[: int(steps)]
            signs = [
                SIGNS[k - 1]
                for k, before in zip(way, [BLANK, *way[:-1]], strict=True)
                if k not in (BLANK, before)
            ]
            right += _same(" ".join("".join(signs).split()), example)
    return right / max(1, len(examples_))


def train(
    portions: Callable[[int], Sequence[Path]],
    held: dict[str, list[Example]],
    *,
    minutes: float,
    seed: int,
    checkpoint: Path,
    device: torch.device,
    pace: Pace,
    start: Path | None = None,
) -> tuple[DigitReader, dict[str, Any]]:
    """Train for so long; the learning rate falls to nothing along it. The weights' running mean is kept.

    :param portions: gives the files of strips drawn until now, from a number on; asked again after each round.
    :param minutes: by the pace's clock.
    :param checkpoint: goes on from this file; when all is done, the running mean alone is left there.
    :param start: a finished training's checkpoint: its network learns on, at a lower rate, and its report is kept
        under "after".
    :returns: the network, on the processor, and what it reached on the strips held back.
    """
    stored: dict[str, Any] = {}
    if checkpoint.exists():
        stored = torch.load(checkpoint, weights_only=True, map_location=device)
    report = stored.get("report", {})
    mean = DigitReader().to(device)
    if stored:
        mean.load_state_dict(stored["mean"])
    if report.get("finished"):
        return mean.cpu(), report
    before = torch.load(start, weights_only=True, map_location=device) if start is not None else {}
    peak = pace.peak * (_LATER if before else 1.0)
    torch.manual_seed(seed)
    network = DigitReader().to(device)
    for one in (network, mean):
        one.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=peak, weight_decay=0.03, fused=device.type == "cuda"
    )
    if stored:
        network.load_state_dict(stored["network"])
        optimiser.load_state_dict(stored["optimiser"])
    else:
        if before:
            network.load_state_dict(before["mean"])
        mean.load_state_dict(network.state_dict())
    used, rounds = report.get("seconds", 0.0), report.get("rounds", 0)
    pool, read = Pool(device), 0
    begun = pace.clock() - used
    finished = False
    while not finished:
        rng = np.random.default_rng([seed, rounds])
        if new := portions(read):
            pool.add([Strips.load(path) for path in new])
            read += len(new)
        network.train()
        total = torch.zeros((), device=device)
        number = 0
        for number, batch in enumerate(pool.batches(pace.round, pace.batch, rng), 1):
            done = min(1.0, (pace.clock() - begun) / (60 * minutes))
            step = rounds * pace.round + number
            rate = peak * min(1.0, step / _WARMING) * max(0.5 * (1 + math.cos(math.pi * done)), 0.002)
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = loss_of(network, batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            _follow(mean, network, min(0.998, step / (step + 20)))
            total += loss.detach()
            if number % 50 == 0:
                sys.stderr.write(
                    f"round {rounds + 1}, {number}/{pace.round}, {len(pool)} strips, loss {float(total) / number:.3f},"
                    f" {100 * done:.0f} %\n"
                )
            if done >= 1:
                break
        rounds += 1
        seconds = pace.clock() - begun
        finished = seconds >= 60 * minutes
        report = {
            "rounds": rounds,
            "steps": (rounds - 1) * pace.round + number,
            "strips_a_step": pace.batch,
            "strips": len(pool),
            **{name: round(measure(mean, some), 4) for name, some in held.items()},
            "device": device.type,
            "seconds": round(seconds, 1),
            "finished": finished,
            **({"after": before["report"]} if before else {}),
        }
        sys.stderr.write(json.dumps(report) + "\n")
        content = {"mean": mean.state_dict(), "report": report}
        if not finished:
            content |= {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save(content, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)
    return mean.cpu(), report


def _follow(mean: nn.Module, network: nn.Module, keep_share: float) -> None:
    """Move the running mean of the weights towards the network."""
    with torch.no_grad():
        ours, theirs = mean.state_dict(), network.state_dict()
        names = [name for name, value in ours.items() if value.dtype.is_floating_point]
        torch._foreach_lerp_([ours[n] for n in names], [theirs[n] for n in names], 1 - keep_share)


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
    _made_small(path)
    content = {**about, "signs": SIGNS, "recogniser_sha256": recogniser_digest(), "sha256": file_digest(path)}
    path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _made_small(path: Path) -> None:
    """Keep the weights of an ONNX file as sixteen-bit numbers, the largest as eight-bit ones, and drop notes.

    They are widened on loading. Eight bits are steps of a 127th of the largest weight of each output channel; what
    that costs is measured on what is held back (docs/training.md).
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    nodes = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALL:
            continue
        name = tensor.name
        if values.size < _LARGE:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
            continue
        step = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True) / 127 + 1e-12
        tensor.CopyFrom(numpy_helper.from_array(np.rint(values / step).astype(np.int8), f"{name}.steps"))
        model.graph.initializer.append(numpy_helper.from_array(step.astype(np.float32), f"{name}.step"))
        nodes.append(helper.make_node("Cast", [f"{name}.steps"], [f"{name}.wide"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.wide", f"{name}.step"], [name]))
    nodes += model.graph.node
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


@dataclass(frozen=True, slots=True)
class Material:
    """What strips are made of: real amounts, fonts and digits to learn from, and others that are held back."""

    amounts: list[Real]
    held_amounts: list[Real]
    learned: Sources
    watched: Sources


@cache
def material_in(data: Path, fonts: Path, more: Path | None = None) -> Material:
    """Read the real amounts and digits and find the fonts.

    :param more: folder of MNIST's training digits, all of which are learned from.
    """
    amounts, held_amounts = load_amounts(data)
    pixels, labels = load_digits(data)
    learned = [(pixels[: HELD_DIGITS.start], labels[: HELD_DIGITS.start])]
    if more is not None:
        learned.append(load_digits(more, "train"))
    found = fonts_in(fonts)
    held_fonts = found[::_HELD_FONT]
    sys.stderr.write(f"{len(amounts)} real amounts, {len(held_amounts)} held back, {len(found)} fonts\n")
    return Material(
        amounts,
        held_amounts,
        Sources(
            [font for font in found if font not in held_fonts],
            by_digit(np.concatenate([p for p, _ in learned]), np.concatenate([la for _, la in learned])),
        ),
        Sources(held_fonts, by_digit(pixels[HELD_DIGITS], labels[HELD_DIGITS])),
    )


def held_back(material: Material) -> dict[str, Callable[[], list[Example]]]:
    """Return what makes each of the sets that nothing is learned from."""

    def amounts() -> list[Example]:
        return [e for r in material.held_amounts if (e := example_of(r.pixels, r.text, digits_only=True))]

    def simulated_strips(*, real_only: bool) -> list[Example]:
        rng = np.random.default_rng(99 + real_only)
        strips = [simulated(material.watched, rng, real_only=real_only) for _ in range(_HELD_STRIPS)]
        return [e for s in strips if (e := example_of(s.pixels, s.text, digits_only=real_only))]

    return {
        "amounts": amounts,
        "digits": partial(simulated_strips, real_only=True),
        "simulated": partial(simulated_strips, real_only=False),
    }


def draw_portion(
    data: Path, fonts: Path, more: Path | None, cache: Path, seed: int, size: int, number: int
) -> None:
    """Draw one portion of so many strips into the cache; seed and number decide which."""
    cv2.setNumThreads(1)
    material = material_in(data, fonts, more)
    rng = np.random.default_rng([seed, number])
    keep(
        cache,
        f"{seed}-{number}",
        lambda: drawn_examples(material.amounts, material.learned, size, rng),
    )


def draw_portions(one: Callable[[int], None], numbers: Sequence[int], processes: int) -> None:
    """Draw portions of strips into the cache, so many beside each other.

    :param one: draws one; it must be importable, since other processes get it.
    """
    if processes == 1 or len(numbers) < 2:
        for number in numbers:
            one(number)
        return
    # Started anew instead of forked: a fork copies torch's threads in whatever state they are.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for _ in pool.map(one, numbers):
            pass


def _device(name: str) -> torch.device:
    """Return what trains.

    :raises SystemExit: if a graphics processor was asked for and torch finds none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch finds no graphics processor here. Train with --device cpu.")
    return torch.device(name)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.training.digits", description="Train and export the digit reader."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of real hand-written digits")
    parser.add_argument("--fonts", type=Path, required=True, help="folder with handwriting fonts below it")
    parser.add_argument("--cache", type=Path, required=True, help="where strips and checkpoints are kept")
    parser.add_argument("--more", type=Path, help="folder of MNIST's training digits")
    parser.add_argument("--start", type=Path, help="finished checkpoint whose network this one goes on from")
    parser.add_argument(
        "--minutes", type=float, default=20, help="of processor time; on a graphics processor, of the clock"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--portions", type=int, default=_PORTIONS, help=f"how many times {_PORTION} strips at most"
    )
    parser.add_argument("--processes", type=int, default=1, help="how many draw strips beside each other")
    parser.add_argument("--strips-only", action="store_true", help="draw the strips, don't train yet")
    parser.add_argument(
        "--network-only",
        action="store_true",
        help="train and leave the rest to the same command without this",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="what trains")
    parser.add_argument("--threads", type=int, default=1, help="more only help on an idle machine")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    options.cache.mkdir(parents=True, exist_ok=True)
    material = material_in(options.data, options.fonts, options.more)

    def draw(first: int, last: int) -> None:
        wanted = [k for k in range(first, last) if not drawn(options.cache, f"{options.seed}-{k}").exists()]
        one = partial(
            draw_portion, options.data, options.fonts, options.more, options.cache, options.seed, _PORTION
        )
        draw_portions(one, wanted, options.processes)

    if options.strips_only:
        draw(0, options.portions)
        return 0

    def portions(first: int) -> list[Path]:
        """The first portions are waited for; more are drawn by --strips-only before or beside."""
        if first == 0:
            draw(0, min(_AT_FIRST, options.portions))
        paths = (drawn(options.cache, f"{options.seed}-{k}") for k in range(first, options.portions))
        return list(itertools.takewhile(Path.exists, paths))

    held = {name: kept(options.cache, f"held-{name}", make) for name, make in held_back(material).items()}
    device = _device(options.device)
    network, report = train(
        portions,
        held,
        minutes=options.minutes,
        seed=options.seed,
        checkpoint=options.cache / f"digits-{options.seed}.pt",
        device=device,
        pace=_PACES[device.type],
        start=options.start,
    )
    if options.network_only:
        return 0
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
        "version": "3",
        "command": "python -m extraction.training.digits DATA --fonts FONTS --cache CACHE (docs/training.md)",
        "data": {
            "digest": _data_digest(options.data),
            "strips": report["strips"],
            "real_amounts": len(material.amounts),
            "real_digits": sum(len(some) for some in material.learned.digits),
            "fonts": sorted(path.stem for path in material.learned.fonts),
            "fonts_held_back": sorted(path.stem for path in material.watched.fonts),
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
