"""What the digit reader learns from: simulated strips say what their texts say, and real ones keep their digits."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from extraction.reading.digits import HEIGHT, SIGNS, STRIDE, Candidate, prepared
from extraction.training.digit_batches import Example, Pool, Strips, batch_of, varied
from extraction.training.digit_strips import Sources, simulated, spliced, written
from extraction.training.digits import (
    DigitReader,
    Pace,
    Real,
    Thought,
    draw_portion,
    draw_portions,
    drawn_examples,
    exact,
    export,
    fonts_in,
    kept,
    loss_of,
    material_in,
    measure,
    train,
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
        return float(loss_of(network, batch_of([Example(seen, "15", digits_only)])))

    assert loss(logits, digits_only=True) < 0.01
    assert loss(with_point, digits_only=True) < 0.01
    assert loss(with_point, digits_only=False) > 5


SMALL = {"channels": (6, 12, 16, 24), "width": 32}


def test_the_network_learns_from_what_is_drawn() -> None:
    """A few dozen steps on few strips: the loss falls by half, so that labels and pictures belong together."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    real = [Real(*real_strip(text)) for text in ("481", "052", "937", "26")]
    pool = batch_of(drawn_examples(real, NOTHING, 24, rng))
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
    alone, both = (
        batch_of([Example(ink, "", True)]),
        batch_of([Example(ink, "", True), Example(wide, "", True)]),
    )
    with torch.no_grad():
        told, filled = network(alone.ink), network(both.ink)
    assert both.steps.tolist() == [64 // STRIDE, 160 // STRIDE]
    assert told.shape[1:] == (64 // STRIDE, 1 + len(SIGNS))
    assert filled.shape[1:] == (160 // STRIDE, 1 + len(SIGNS))


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


def pool_of(*examples: Example) -> Pool:
    pool = Pool(torch.device("cpu"))
    pool.add([Strips.of(examples)])
    return pool


def test_batches_hold_strips_of_about_one_width() -> None:
    seen = [Example(np.zeros((HEIGHT, 4 * width), np.uint8), "1", False) for width in range(10, 90)]
    for batch in pool_of(*seen).batches(6, 32, np.random.default_rng(0)):
        widths = STRIDE * batch.steps
        assert batch.ink.shape[:3] == (32, 1, HEIGHT)
        assert batch.ink.shape[3] >= int(widths.max())
        assert int(widths.max() - widths.min()) < 190


def test_a_pool_shows_each_strip_with_its_own_text() -> None:
    """Portions come one after the other; a strip's ink must never be shown with another one's text."""
    rng = np.random.default_rng(5)
    seen = [
        Example(rng.integers(1, 255, (HEIGHT, width)).astype(np.uint8), text, only)
        for width, text, only in (
            (64, "12", True),
            (200, "$ 7.50", False),
            (32, "", False),
            (96, "3/4/25", False),
        )
    ]
    pool = pool_of(*seen[:3])
    pool.add([Strips.of(seen[3:])])
    batch = pool.shown(np.array([3, 0, 2, 1]))
    for row, example in enumerate((seen[3], seen[0], seen[2], seen[1])):
        width = example.ink.shape[1]
        assert np.array_equal((batch.ink[row, 0, :, :width] * 255).round().numpy(), example.ink)
        assert not batch.ink[row, 0, :, width:].any()
        signs = batch.signs[row, : int(batch.lengths[row])]
        assert "".join(SIGNS[int(k) - 1] for k in signs) == example.text
        assert bool(batch.digits_only[row]) == example.digits_only
        assert int(batch.steps[row]) == width // STRIDE


def upright(x: int, width: int) -> Example:
    ink = np.zeros((HEIGHT, width), np.uint8)
    ink[8:40, x : x + 4] = 220
    return Example(ink, "1", False)


def test_a_varied_strip_keeps_its_writing_at_its_place() -> None:
    """A stroke in the middle of a strip must stay about there, whatever the strip's new width, and not fade away."""
    seen = [upright(width // 2 - 2, width) for width in (80, 160, 240)] * 20
    batch = batch_of(seen)
    generator = torch.Generator().manual_seed(3)
    other = varied(batch, np.random.default_rng(3), generator)
    assert len({int(s) for s in other.steps}) > 20
    for row in range(len(seen)):
        columns = (other.ink[row, 0] > 0.25).sum(0)  # grain is fainter
        middle = float((columns * torch.arange(len(columns))).sum() / columns.sum())
        assert middle == pytest.approx(STRIDE * int(other.steps[row]) / 2, abs=12)
        assert 0.3 < float(columns.sum() / (batch.ink[row] > 0.25).sum()) < 4
    assert float(other.ink.min()) >= 0
    assert float(other.ink.max()) <= 1
    assert torch.equal(other.signs, batch.signs)


def test_a_finished_training_is_learned_on_from(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    real = [Real(*real_strip(text)) for text in ("481", "052", "937", "26")]
    strips = tmp_path / "strips.npz"
    Strips.of(drawn_examples(real, NOTHING, 12, rng)).save(strips)
    held = {"amounts": drawn_examples(real, NOTHING, 3, rng)}
    ticks = itertools.count()

    def trained(name: str, start: Path | None, peak: float) -> tuple[DigitReader, dict[str, Any]]:
        return train(
            lambda first: [strips][first:], held, minutes=0.2, seed=1, checkpoint=tmp_path / name,
            device=torch.device("cpu"), pace=Pace(4, peak, 3, lambda: float(next(ticks))), start=start,
        )  # fmt: skip

    network, first = trained("first.pt", None, 1e-3)
    # At no rate nothing is learned: what comes out is what was gone on from.
    again, report = trained("second.pt", tmp_path / "first.pt", 0.0)
    assert report["after"] == first
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_training_goes_on_where_it_was_cut_off_and_a_finished_one_is_not_begun_anew(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    real = [Real(*real_strip(text)) for text in ("481", "052", "937", "26")]
    strips, more = tmp_path / "strips.npz", tmp_path / "more.npz"
    Strips.of(drawn_examples(real, NOTHING, 12, rng)).save(strips)
    Strips.of(drawn_examples(real, NOTHING, 5, rng)).save(more)
    held = {"amounts": drawn_examples(real, NOTHING, 3, rng)}
    ticks = itertools.count()

    def trained(portions: Callable[[int], Sequence[Path]]) -> tuple[DigitReader, dict[str, Any]]:
        return train(
            portions, held, minutes=0.5, seed=1, checkpoint=tmp_path / "digits.pt",
            device=torch.device("cpu"), pace=Pace(4, 1e-3, 3, lambda: float(next(ticks))),
        )  # fmt: skip

    def cut_off(first: int) -> Sequence[Path]:
        if first:
            raise KeyboardInterrupt
        return [strips]

    with pytest.raises(KeyboardInterrupt):
        trained(cut_off)
    network, report = trained(lambda first: [strips, more][first:])
    assert report["finished"]
    assert report["rounds"] > 2
    assert report["steps"] > 3 * (report["rounds"] - 1)
    assert report["strips"] == 17
    assert set(torch.load(tmp_path / "digits.pt", weights_only=True)) == {"mean", "report"}
    again, same = trained(cut_off)
    assert same == report
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


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


def data_folder(folder: Path) -> Path:
    """A folder as docs/training.md describes it: two amounts to learn from, one held back, one for scoring; bars for digits."""
    rows = []
    for number, split in ((1, "train"), (2, "train"), (100, "train"), (3, "test")):
        pixels, text, boxes = real_strip(f"{number}48")
        cv2.imwrite(str(folder / f"a_{number}.png"), pixels)
        rows.append(json.dumps({"file": f"a_{number}.png", "split": split, "text": text, "boxes": boxes}))
    (folder / "amounts.jsonl").write_text("\n".join(rows) + "\n")
    pixels = np.zeros((5000, 28, 28), np.uint8)
    pixels[:, 4:24, 10:14] = 255
    labels = np.arange(5000, dtype=np.uint8) % 10
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pixels.tobytes(), 1))
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels.tobytes(), 1))
    return folder


def test_several_processes_draw_the_strips_that_one_draws(tmp_path: Path) -> None:
    data = data_folder(tmp_path)
    caches = [tmp_path / "one", tmp_path / "two"]
    for cache, processes in zip(caches, (1, 2), strict=True):
        cache.mkdir()
        draw_portions(partial(draw_portion, data, tmp_path, None, cache, 7, 12), [0, 1], processes)
    found = [sorted(cache.iterdir()) for cache in caches]
    assert [path.name for path in found[0]] == [path.name for path in found[1]]
    assert len(found[0]) == 2
    strips = [[Strips.load(path) for path in paths] for paths in found]
    for one, other in zip(*strips, strict=True):
        assert len(one.texts) == 12
        assert one.texts == other.texts
        assert np.array_equal(one.ink, other.ink)
    assert strips[0][0].texts != strips[0][1].texts


def test_what_is_held_back_and_what_is_for_scoring_is_not_learned_from(tmp_path: Path) -> None:
    material = material_in(data_folder(tmp_path), tmp_path)
    assert [real.text for real in material.amounts] == ["148", "248"]
    assert [real.text for real in material.held_amounts] == ["10048"]
    assert sum(len(digits) for digits in material.learned.digits) == 4500
    assert sum(len(digits) for digits in material.watched.digits) == 500


@pytest.mark.parametrize("zipped", [False, True])
def test_further_digits_are_learned_from_and_held_back_by_nobody(tmp_path: Path, zipped: bool) -> None:
    more = tmp_path / "more"
    more.mkdir()
    for kind, content in (("images-idx3", bytes(16 + 30 * 784)), ("labels-idx1", bytes(8 + 30))):
        path = more / f"train-{kind}-ubyte"
        if zipped:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
        else:
            path.write_bytes(content)
    data = data_folder(tmp_path)
    without, material = material_in(data, tmp_path), material_in(data, tmp_path, more)
    assert sum(len(digits) for digits in material.learned.digits) == 4530
    assert len(material.learned.digits[0]) == len(without.learned.digits[0]) + 30
    assert sum(len(digits) for digits in material.watched.digits) == 500


def test_a_folder_without_further_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train-images"):
        material_in(data_folder(tmp_path), tmp_path, tmp_path)


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
