"""Train the layout encoder on generated documents and export it.

    python -m extraction.training.encoder DIR --cache CACHE [--minutes 30] [--seed 1] [--processes 2]

The network sees the words of a window (``extraction.reading.token_features``) and says what each is: a small
transformer whose attention knows how far apart two words stand, trained from nothing. A checkpoint is kept
beside the cache after each pass; the same command goes on from it. What is written to
``extraction/weights/encoder.onnx`` needs onnxruntime only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from extraction.reading.token_features import BUCKETS, FIRST_LABEL_SIGN, PIECES, PLACES, SIGNS, windows_of
from extraction.reading.weights import file_digest
from extraction.training.corpus import TAGS, read_corpus, tags_of
from extraction.training.exporting import drop_notes

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
# Sized for the two cores that train and read it: 2.6 million parameters, about 40 ms for a full page.
WIDTH, LAYERS, HEADS, PIECE_WIDTH = 192, 4, 6, 64
NEAR = 32
"""Buckets of distance between two words, each way, in steps that grow with the distance."""
_BATCH_TOKENS = 4096
_PEAK_RATE = 1.2e-3
# What is hidden while learning, so that no single clue is leaned on: whole words' letters, in half of these what the
# lexicon says of them too (as if they had been misread), all labels of a document (its words may be unknown to the
# lexicon), single signs.
_HIDE_WORD, _HIDE_ITS_LABEL, _HIDE_LABELS, _HIDE_SIGN = 0.2, 0.5, 0.15, 0.08
_SMOOTHING = 0.03


class Encoder(nn.Module):
    """Words to tags: (T) tokens in, (T, len(TAGS)) logits out; one window at a time, padding masked."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces = nn.Embedding(BUCKETS, PIECE_WIDTH, padding_idx=0)
        self.places = nn.ModuleList(nn.Embedding(PLACES, WIDTH) for _ in range(4))
        self.words = nn.Linear(PIECE_WIDTH, WIDTH)
        self.signs = nn.Linear(len(SIGNS), WIDTH)
        self.begin = nn.LayerNorm(WIDTH)
        self.near_x = nn.Embedding(2 * NEAR + 1, HEADS)
        self.near_y = nn.Embedding(2 * NEAR + 1, HEADS)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.end = nn.LayerNorm(WIDTH)
        self.tags = nn.Linear(WIDTH, len(TAGS))
        nn.init.zeros_(self.near_x.weight)
        nn.init.zeros_(self.near_y.weight)
        nn.init.normal_(self.pieces.weight, std=0.3)
        for weight in self.places.parameters():
            nn.init.normal_(weight, std=0.1)

    def forward(
        self,
        pieces: torch.Tensor,
        places: torch.Tensor,
        centers: torch.Tensor,
        signs: torch.Tensor,
        real: torch.Tensor,
    ) -> torch.Tensor:
        """Return logits (B, T, tags).

        :param pieces: (B, T, PIECES); :param places: (B, T, 4); :param centers: (B, T, 2) in em;
        :param signs: (B, T, len(SIGNS)); :param real: (B, T) 1 where a token stands, 0 for padding.
        """
        known = (pieces > 0).float().unsqueeze(-1)
        letters = (self.pieces(pieces) * known).sum(2) / known.sum(2).clamp(min=1.0)
        x = self.words(letters) + self.signs(signs)
        for k, place in enumerate(self.places):
            x = x + place(places[:, :, k])
        x = self.begin(x)
        bias = self.near_x(_bucket(centers[:, :, 0], 2.0)) + self.near_y(_bucket(centers[:, :, 1], 4.0))
        bias = bias.permute(0, 3, 1, 2) + (real[:, None, None, :] - 1.0) * 1e4
        for layer in self.layers:
            x = layer(x, bias)
        return self.tags(self.end(x))


def _bucket(middle: torch.Tensor, fine: float) -> torch.Tensor:
    """Return the bucket (0 .. 2 NEAR) of the signed distance between every two tokens, logarithmic from one em on."""
    apart = middle[:, :, None] - middle[:, None, :]
    steps = torch.log1p(apart.abs() * fine) * (NEAR / 6.0)
    return (torch.sign(apart) * steps.clamp(max=NEAR)).round().long() + NEAR


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = nn.LayerNorm(WIDTH)
        self.attend = nn.Linear(WIDTH, 3 * WIDTH)
        self.join = nn.Linear(WIDTH, WIDTH)
        self.between = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, 3 * WIDTH)
        self.narrow = nn.Linear(3 * WIDTH, WIDTH)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        batch, length = x.shape[0], x.shape[1]
        query, key, value = (
            part.reshape(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in self.attend(self.before(x)).chunk(3, dim=-1)
        )
        weights = torch.softmax(query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5 + bias, dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(batch, length, WIDTH)
        x = x + self.drop(self.join(mixed))
        return x + self.drop(self.narrow(functional.gelu(self.widen(self.between(x)))))


@dataclass(slots=True)
class Material:
    """A window with its tags, small: whole numbers and half floats."""

    pieces: np.ndarray
    places: np.ndarray
    centers: np.ndarray
    signs: np.ndarray
    tags: np.ndarray
    held: bool


def load_material(folders: Sequence[Path], cache: Path, processes: int) -> list[Material]:
    """Read the documents of the folders into windows; one layout in twelve is held back to measure on."""
    result = []
    for folder in folders:
        for example in read_corpus(folder, cache / folder.name, processes=processes):
            document = example.survey()
            tags = tags_of(document, example.truth)
            held = hash_of_layout(example.truth) % 12 == 0
            for window in windows_of(document):
                result.append(
                    Material(
                        window.pieces.astype(np.int16),
                        window.places.astype(np.uint8),
                        window.centers,
                        window.signs.astype(np.float16),
                        np.array([tags.get(int(t), 0) for t in window.tokens], dtype=np.int8),
                        held,
                    )
                )
    return result


def hash_of_layout(truth: Any) -> int:
    """Return a number that all documents of a layout share, to keep them on one side of a split."""
    return (int(truth.get("layout", 0)) * 2654435761) >> 8


def _batches(material: Sequence[Material], rng: np.random.Generator) -> list[list[Material]]:
    order = sorted(
        range(len(material)), key=lambda k: (len(material[k].tags) + rng.integers(0, 60), rng.random())
    )
    batches: list[list[Material]] = []
    for k in order:
        longest = len(material[k].tags)
        if not batches or (len(batches[-1]) + 1) * longest > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(material[k])
    rng.shuffle(batches)
    return batches


def _tensors(
    batch: Sequence[Material], rng: np.random.Generator | None
) -> tuple[list[torch.Tensor], torch.Tensor]:
    longest = max(len(m.tags) for m in batch)
    pieces = np.zeros((len(batch), longest, PIECES), dtype=np.int64)
    places = np.zeros((len(batch), longest, 4), dtype=np.int64)
    centers = np.zeros((len(batch), longest, 2), dtype=np.float32)
    signs = np.zeros((len(batch), longest, len(SIGNS)), dtype=np.float32)
    real = np.zeros((len(batch), longest), dtype=np.float32)
    tags = np.full((len(batch), longest), -100, dtype=np.int64)
    for k, one in enumerate(batch):
        count = len(one.tags)
        pieces[k, :count], places[k, :count], centers[k, :count] = one.pieces, one.places, one.centers
        signs[k, :count], real[k, :count], tags[k, :count] = one.signs, 1, one.tags
        if rng is not None:
            hidden = rng.random(count) < _HIDE_WORD
            pieces[k, :count][hidden] = 0
            signs[k, :count] *= rng.random((count, len(SIGNS))) >= _HIDE_SIGN
            signs[k, :count, FIRST_LABEL_SIGN:][hidden & (rng.random(count) < _HIDE_ITS_LABEL)] = 0
            if rng.random() < _HIDE_LABELS:
                signs[k, :, FIRST_LABEL_SIGN:] = 0
            moved = rng.integers(-6, 7, size=2)  # the same layout with other margins
            places[k, :count, :2] = np.clip(places[k, :count, :2] + moved[0], 0, PLACES - 1)
            places[k, :count, 2:] = np.clip(places[k, :count, 2:] + moved[1], 0, PLACES - 1)
    return [torch.from_numpy(a) for a in (pieces, places, centers, signs, real)], torch.from_numpy(tags)


def train(
    material: Sequence[Material], *, minutes: float, seed: int, checkpoint: Path
) -> tuple[Encoder, dict[str, Any]]:
    """Train for a given time; the learning rate falls to nothing at its end.

    :returns: the network and what it reached on the windows held back.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Encoder()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=0.02, betas=(0.9, 0.98))
    used, passes, report = 0.0, 0, {}
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
        used, passes = kept["seconds"], kept["passes"]
        rng = np.random.default_rng(seed + passes)
    learned = [m for m in material if not m.held]
    begun = time.monotonic() - used
    while (done := (time.monotonic() - begun) / (60 * minutes)) < 1:
        network.train()
        total = count = 0.0
        batches = _batches(learned, rng)
        for number, batch in enumerate(batches):
            done = (time.monotonic() - begun) / (60 * minutes)
            if done >= 1:
                break
            rate = _PEAK_RATE * min(1.0, (passes * len(batches) + number + 1) / 120) * max(1 - done, 0.02)
            for group in optimiser.param_groups:
                group["lr"] = rate
            inputs, tags = _tensors(batch, rng)
            loss = functional.cross_entropy(
                network(*inputs).flatten(0, 1), tags.flatten(), ignore_index=-100, label_smoothing=_SMOOTHING
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            total, count = total + float(loss.detach()), count + 1
            if number % 20 == 0:
                sys.stderr.write(
                    f"pass {passes + 1}, {number}/{len(batches)}, loss {total / count:.3f}, {100 * done:.0f} %\n"
                )
        passes += 1
        report = {"passes": passes, **measure(network, [m for m in material if m.held])}
        sys.stderr.write(json.dumps(report) + "\n")
        torch.save(
            {"network": network.state_dict(), "optimiser": optimiser.state_dict(),
             "seconds": time.monotonic() - begun, "passes": passes}, checkpoint
        )  # fmt: skip
    return network, report


def measure(network: Encoder, material: Sequence[Material]) -> dict[str, float]:
    """Return micro-averaged precision, recall and F1 of the tagged words."""
    network.eval()
    hit = told = true = 0
    with torch.no_grad():
        for batch in _batches(material, np.random.default_rng(0)):
            inputs, tags = _tensors(batch, None)
            best = network(*inputs).argmax(-1)
            valid = tags >= 0
            hit += int(((best == tags) & (tags > 0) & valid).sum())
            told += int(((best > 0) & valid).sum())
            true += int(((tags > 0) & valid).sum())
    precision, recall = hit / max(told, 1), hit / max(true, 1)
    return {"precision": round(precision, 4), "recall": round(recall, 4),
            "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4)}  # fmt: skip


def export(network: Encoder, path: Path, about: dict[str, Any]) -> None:
    """Write the network for onnxruntime, and beside it what made it and its SHA-256."""
    import onnx

    network.eval()
    count = 24
    example = (
        torch.zeros((1, count, PIECES), dtype=torch.int64),
        torch.zeros((1, count, 4), dtype=torch.int64),
        torch.rand((1, count, 2)) * 30,
        torch.zeros((1, count, len(SIGNS))),
        torch.ones((1, count)),
    )
    names = ["pieces", "places", "centers", "signs", "real"]
    length = torch.export.Dim("length", min=1, max=4096)
    torch.onnx.export(
        network, example, str(path), input_names=names, output_names=["tags"], dynamo=True, external_data=False,
        dynamic_shapes={name: {1: length} for name in names},
    )  # fmt: skip
    model = onnx.load(str(path))
    drop_notes(model)
    onnx.save(model, str(path))
    content = {**about, "sha256": file_digest(path), "tags": list(TAGS), "signs": list(SIGNS)}
    path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.training.encoder", description="Train and export the layout encoder."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="made by manage.py generate")
    parser.add_argument("--cache", type=Path, required=True, help="where words and checkpoints are kept")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    material = load_material(options.folders, options.cache, options.processes)
    sys.stderr.write(f"{len(material)} windows, {sum(m.held for m in material)} of them held back\n")
    network, report = train(
        material, minutes=options.minutes, seed=options.seed, checkpoint=options.cache / "encoder.pt"
    )
    about = {
        "version": "1",
        "command": "python -m extraction.training.encoder DATA/a ... (docs/training.md)",
        "data": [json.loads((f / "plan.json").read_text("utf-8")) for f in options.folders],
        "seed": options.seed,
        "minutes": options.minutes,
        "held_back": report,
    }
    export(network, WEIGHTS / "encoder.onnx", about)
    sys.stdout.write(f"wrote encoder.onnx: {report}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
