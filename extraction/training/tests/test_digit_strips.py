"""What the digit reader learns from: simulated strips say what their texts say, and real ones keep their digits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from extraction.reading.digits import OPINIONS, SIGNS
from extraction.training.digit_strips import Sources, simulated, spliced, written
from extraction.training.digits import DigitReader, Example, Real, batches, drawn_examples, fonts_in, loss_of
from extraction.training.strokes import SHAPES, hand_of, strokes_of

NOTHING = Sources([], [])


def test_every_sign_that_is_written_can_be_told_and_drawn() -> None:
    rng = np.random.default_rng(1)
    texts = ["".join(part for part, _ in written(rng)) for _ in range(600)]
    assert set("".join(texts)) == set(SIGNS)
    assert set(SHAPES) | {" "} == set(SIGNS)
    assert any("/100" in text for text in texts)
    assert any(text.endswith("-") for text in texts)


def test_a_seed_gives_the_same_strips() -> None:
    first, second = ([simulated(NOTHING, np.random.default_rng(4)) for _ in range(2)] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.text == other.text
        assert np.array_equal(one.pixels, other.pixels)


def test_hands_differ_and_keep_to_their_shapes() -> None:
    rng = np.random.default_rng(2)
    hands = [hand_of(rng) for _ in range(40)]
    assert len({hand.shapes["7"] for hand in hands}) > 2
    strokes, width = strokes_of("4", hands[0], rng)
    assert 0.2 < width < 1.5
    assert all(len(stroke) > 3 for stroke in strokes)


def real_strip(text: str) -> tuple[np.ndarray, str, list[list[int]]]:
    """A strip whose digits are bars of their own gray: what is spliced can be recognised again."""
    pixels = np.full((50, 30 * len(text) + 10), 240, np.uint8)
    boxes = []
    for k, digit in enumerate(text):
        x = 10 + 30 * k
        cv2.rectangle(pixels, (x, 8), (x + 3 + int(digit), 41), 30, -1)
        boxes.append([x, 8, 4 + int(digit), 34])
    return pixels, text, boxes


def test_spliced_strips_show_the_digits_that_they_tell() -> None:
    rng = np.random.default_rng(6)
    strips = [real_strip("04815"), real_strip("937"), real_strip("26")]
    for _ in range(20):
        strip = spliced(strips, rng)
        ink = (strip.pixels[strip.pixels.shape[0] // 2] < 130).astype(int)
        assert int((np.diff(np.concatenate([[0], ink])) == 1).sum()) == len(strip.text)


def test_signs_that_are_not_told_cost_nothing() -> None:
    """Of real amounts only the digits are known: reading "1.5" for "15" must be as good as reading "15"."""
    logits = torch.full((1, 8, 1 + len(SIGNS)), -20.0)
    for step, sign in enumerate(("1", None, "5", None, None, None, None, None)):
        logits[0, step, 0 if sign is None else SIGNS.index(sign) + 1] = 20.0
    with_point = logits.clone()
    with_point[0, 1] = -20.0
    with_point[0, 1, SIGNS.index(".") + 1] = 20.0
    seen = np.zeros((4, OPINIONS), np.float16)

    def loss(answer: torch.Tensor, *, digits_only: bool) -> float:
        network = torch.nn.Module()
        network.forward = lambda _: answer  # type: ignore[method-assign]
        return float(loss_of(network, [Example(seen, "15", digits_only)]))

    assert loss(logits, digits_only=True) < 0.01
    assert loss(with_point, digits_only=True) < 0.01
    assert loss(with_point, digits_only=False) > 5


def test_the_network_learns_from_what_is_drawn() -> None:
    """A few dozen steps on few strips: the loss falls by half, so that labels and pictures belong together."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    real = [Real(*real_strip(text)) for text in ("481", "052", "937", "26")]
    pool = drawn_examples(real, NOTHING, 24, rng)
    network = DigitReader().eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(50):
        loss = loss_of(network, pool)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_batches_hold_strips_of_about_one_length() -> None:
    seen = [Example(np.zeros((length, OPINIONS), np.float16), "1", False) for length in range(5, 45)]
    for batch in batches(seen, 6, np.random.default_rng(0)):
        lengths = [len(example.opinions) for example in batch]
        assert max(lengths) - min(lengths) < 15


def test_fonts_are_found_in_a_folder_of_packages(tmp_path: Path) -> None:
    for name in (
        "a-latin-400-normal.woff2",
        "a-latin-400-normal.woff",
        "a-cyrillic-400-normal.woff2",
        "b.ttf",
        "c.txt",
    ):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in fonts_in(tmp_path)] == ["a-latin-400-normal.woff", "b.ttf"]


def test_an_empty_folder_has_no_fonts(tmp_path: Path) -> None:
    assert fonts_in(tmp_path) == []


@pytest.mark.parametrize("text", ["12", "90"])
def test_real_strips_keep_their_text_through_the_drawing(text: str) -> None:
    real = [Real(*real_strip(text))]
    drawn = drawn_examples(real, NOTHING, 30, np.random.default_rng(8))
    told = [e for e in drawn if e.digits_only]
    assert told
    assert all(set(e.text) <= set(text) for e in told)
    assert all(e.opinions.shape[1] == OPINIONS and float(e.opinions.max()) <= 0 for e in drawn)
