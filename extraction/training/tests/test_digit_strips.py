"""What the digit reader learns from: simulated strips say what their texts say, and real ones keep their digits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from extraction.reading.digits import HEIGHT, SIGNS, STRIDE, Candidate, prepared
from extraction.training.digit_strips import Sources, simulated, spliced, written
from extraction.training.digits import (
    DigitReader,
    Example,
    Real,
    Thought,
    batches,
    drawn_examples,
    exact,
    export,
    fonts_in,
    ink_of,
    kept,
    loss_of,
    measure,
    weighing_of,
)
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
    seen = np.zeros((HEIGHT, 8 * STRIDE), np.uint8)

    def loss(answer: torch.Tensor, *, digits_only: bool) -> float:
        network = torch.nn.Module()
        network.forward = lambda _: answer  # type: ignore[method-assign]
        return float(loss_of(network, [Example(seen, "15", digits_only)]))

    assert loss(logits, digits_only=True) < 0.01
    assert loss(with_point, digits_only=True) < 0.01
    assert loss(with_point, digits_only=False) > 5


SMALL = {"channels": (6, 12, 16, 24), "width": 32}


def test_the_network_learns_from_what_is_drawn() -> None:
    """A few dozen steps on few strips: the loss falls by half, so that labels and pictures belong together."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    real = [Real(*real_strip(text)) for text in ("481", "052", "937", "26")]
    pool = drawn_examples(real, NOTHING, 24, rng)
    network = DigitReader(**SMALL)
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(60):
        loss = loss_of(network, pool)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_an_answer_stands_for_every_four_columns_whatever_stands_behind() -> None:
    """Shorter strips of a batch are filled up with paper; what they say must not change by that."""
    torch.manual_seed(1)
    network = DigitReader(**SMALL).eval()
    ink = np.random.default_rng(1).integers(0, 255, (HEIGHT, 64)).astype(np.uint8)
    wide = np.zeros((HEIGHT, 160), np.uint8)
    both, steps = ink_of([Example(ink, "", True), Example(wide, "", True)])
    with torch.no_grad():
        alone, filled = network(ink_of([Example(ink, "", True)])[0]), network(both)
    assert steps == [64 // STRIDE, 160 // STRIDE]
    assert alone.shape[1] == steps[0]
    assert filled.shape[1:] == (steps[1], 1 + len(SIGNS))


def test_the_exported_network_answers_like_the_trained_one(tmp_path: Path) -> None:
    import onnxruntime

    torch.manual_seed(2)
    network = DigitReader(**SMALL).eval()
    export(network, tmp_path / "digits.onnx", {"weighing": {"network": 1, "recogniser": 1, "none": 0}})
    session = onnxruntime.InferenceSession(str(tmp_path / "digits.onnx"), providers=["CPUExecutionProvider"])
    assert b"digits.py" not in (tmp_path / "digits.onnx").read_bytes()  # no notes of where it was made
    for width in (32, 200, 1216):
        ink = np.random.default_rng(width).random((1, 1, HEIGHT, width)).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(ink)).numpy()
        assert session.run(None, {"ink": ink})[0] == pytest.approx(expected, abs=0.02)


def test_batches_hold_strips_of_about_one_width() -> None:
    seen = [Example(np.zeros((HEIGHT, 4 * width), np.uint8), "1", False) for width in range(10, 90)]
    for batch in batches(seen, 6, np.random.default_rng(0)):
        widths = [example.ink.shape[1] for example in batch]
        assert max(widths) - min(widths) < 150
        assert all(width % STRIDE == 0 for width in widths)


def test_drawn_strips_come_back_from_the_cache_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    drawn = drawn_examples([Real(*real_strip("481"))], NOTHING, 6, rng)
    first = kept(tmp_path, "a", lambda: drawn)
    again = kept(tmp_path, "a", lambda: pytest.fail("drawn twice"))
    for one, other, third in zip(drawn, first, again, strict=True):
        assert (
            (one.text, one.digits_only) == (other.text, other.digits_only) == (third.text, third.digits_only)
        )
        assert np.array_equal(one.ink, other.ink)
        assert np.array_equal(one.ink, third.ink)


def test_the_witness_that_is_right_more_often_counts_more() -> None:
    rng = np.random.default_rng(4)
    told = []
    for _ in range(200):
        ours, theirs = rng.random() < 0.95, rng.random() < 0.6
        found = (
            Candidate("680", 0.9 if ours else 0.1, 0.9 if theirs else 0.1),
            Candidate("688", 0.1 if ours else 0.9, 0.1 if theirs else 0.9),
        )
        told.append(Thought(found, np.array([True, False])))
    both, loss = weighing_of(told)
    assert both.network > both.recogniser >= 0
    assert exact(told, both) > 0.9
    one, worse = weighing_of(told, network=False)
    assert one.network == 0
    assert worse > loss
    assert exact(told, one) < exact(told, both)


def test_a_strip_that_says_nothing_else_is_measured_as_empty() -> None:
    """A network that always sees the blank reads blank strips right and everything else wrong."""
    network = DigitReader(**SMALL)
    torch.nn.init.zeros_(network.tell.weight)
    with torch.no_grad():
        network.tell.bias.copy_(torch.tensor([9.0] + [0.0] * len(SIGNS)))
    ink = np.zeros((HEIGHT, 64), np.uint8)
    assert measure(network, [Example(ink, "", False), Example(ink, "12", True)]) == 0.5


def test_real_digits_of_one_hand_lean_alike_and_stand_apart() -> None:
    """Upright bars given a common slant must all lean that way: the columns of their heads and feet differ."""
    bar = np.zeros((5, 28, 28), np.uint8)
    bar[:, 4:24, 12:16] = 255
    sources = Sources([], [bar] * 10)
    for seed in range(5):
        strip = simulated(sources, np.random.default_rng(seed), real_only=True)
        assert 3 <= len(strip.text) <= 7
        assert strip.text.isdigit()
        assert prepared(strip.pixels) is not None


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
    assert all(e.ink.shape[0] == HEIGHT and e.ink.shape[1] % STRIDE == 0 for e in drawn)
